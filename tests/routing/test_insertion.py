"""Stops are put where they cost least; what belongs together goes together, and what a driver has been told stays as told."""

import random

import pytest

from routing.clock import least_orders, time_route
from routing.ejection import make_room
from routing.incumbent import Incumbent
from routing.insertion import Board, cheapest_insertion, insert_greedily, left_out, without
from routing.losses import drop_losses
from routing.plan import Plan, Reason, Unserved
from routing.problem import UnderWay
from routing.solve import insert_only
from routing.triage import find_hopeless, set_apart
from tests.routing.ascii_city import ascii_city, stop, truck
from tests.routing.plans import checked
from tests.routing.random_rounds import draw_problem

CITY = ascii_city("D----A----B----C----U")


def keys(order):
    return [place.key for place in order]


def out(at, **values):
    return UnderWay(**{"location": CITY.at(at), "ready_s": 100, "started_s": 0, "load": (0, 0), **values})


def completed(problem):
    """All that fits, without what does not pay, and with what is owed: the orders, and those that could never be served."""
    hopeless = find_hopeless(problem)
    core = set_apart(problem, [one.stop for one in hopeless])
    board = Board(core, {})
    insert_greedily(board, left_out(core, board.orders))
    board = Board(core, drop_losses(core, board.orders))
    make_room(board, left_out(core, board.orders))
    insert_greedily(board, left_out(core, board.orders))
    return core, {key: order for key, order in board.orders.items() if order or core.vehicle_by_key[key].always_drives}, hopeless


def plan_of(problem, core, orders, hopeless):
    routes = tuple(time_route(core, core.vehicle_by_key[key], order) for key, order in orders.items())
    left = tuple(Unserved(stop=one.key, reason=Reason.NO_ROOM_LEFT, detail="") for one in left_out(core, orders))
    return Plan(routes=routes, unserved=(*hopeless, *left), engine="", seed=0, problem_digest="")


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_problem_what_insertion_makes_of_it_is_sound(seed):
    draw = random.Random(seed)
    for number in range(8):
        problem = draw_problem(100_000 + 10 * seed + number, stops=draw.randint(3, 8), vehicles=draw.randint(1, 3))
        least = least_orders(problem)
        if all(time_route(problem, problem.vehicle_by_key[key], order) is not None for key, order in least.items()):
            core, orders, hopeless = completed(problem)
            checked(problem, plan_of(problem, core, orders, hopeless))


def test_a_transfer_goes_in_at_both_ends():
    """From B to C: both on the way from A to U, so the 3,200 m there and back stay what they are."""
    problem = CITY.problem(truck(), load={"A": (10, 10), "B": stop(5, 5, bring_to="C"), "C": stop(-5, -5)})
    board = Board(problem, {})
    insert_greedily(board, problem.stops)
    assert keys(board.orders["truck"]) == ["A", "B", "C", "U"]
    assert board.sketch(problem.vehicles[0]).cost == 3_200


def test_a_transfer_alone_needs_no_unload():
    problem = CITY.problem(truck(), load={"B": stop(5, 5, bring_to="A"), "A": stop(-5, -5)})
    best = cheapest_insertion(problem, {}, problem.stop_by_key["A"])
    assert best is not None
    assert keys(best.order) == ["B", "A"]
    assert best.extra_cost == 1_600


def test_a_transfer_without_room_at_its_far_end_stays_out_whole():
    """Between B and C the truck carries 5 kg more than its 12."""
    load = {"A": (8, 8), "B": stop(5, 5, bring_to="C", prize=50), "C": stop(-5, -5, prize=0)}
    problem = CITY.problem(truck(capacity_kg=12, max_trips=1, max_distance_m=3_200), load=load)
    board = Board(problem, {})
    insert_greedily(board, problem.stops)
    assert keys(board.orders["truck"]) == ["A", "U"]


def test_what_is_taken_out_goes_with_its_other_half_and_with_its_unload():
    problem = CITY.problem(truck(), load={"A": (10, 10), "B": stop(5, 5, bring_to="C"), "C": stop(-5, -5)})
    a, b, c, u = (*problem.stops, *problem.facilities)
    assert without((a, b, c, u), b) == without((a, b, c, u), c) == (a, u)
    assert without((b, a, c, u), a) == (b, c, u)
    assert without((a, u, b, c, u), a) == (b, c, u)


def test_what_a_driver_has_been_told_comes_first_and_stays():
    """Told C, then A: B is put behind both, though it lies between D and C."""
    problem = CITY.problem(truck(head=("C", "A"), ends_empty=False), load={"A": stop(prize=0), "B": (1, 1), "C": stop(prize=0)})
    board = Board(problem, drop_losses(problem, Board(problem, {}).orders))
    insert_greedily(board, left_out(problem, board.orders))
    assert keys(board.orders["truck"]) == ["C", "A", "B"]
    assert without(board.orders["truck"], problem.stop_by_key["C"], problem.vehicles[0]) == board.orders["truck"]


def test_a_sequence_is_kept_by_what_comes_later():
    """C before A before B, however long the way: none of them may go where it lies best."""
    problem = CITY.problem(truck(sequence=("C", "A", "B")), load={"A": (1, 1), "B": (1, 1), "C": (1, 1)})
    board = Board(problem, {})
    insert_greedily(board, problem.stops)
    assert keys(board.orders["truck"]) == ["C", "A", "B", "U"]


@pytest.mark.parametrize(("on_board", "order"), [((0, []), []), ((7, ["waste"]), ["U"])])
def test_a_vehicle_under_way_comes_home_and_empty(on_board, order):
    """From B home are 800 m; by way of U, 800 m there and 1,600 m back."""
    kg, classes = on_board
    vehicle = truck(under_way=out("B", load=(kg, kg), classes=frozenset(classes), driven_m=900))
    problem = CITY.problem(vehicle, load={"A": stop(prize=0)})
    board = Board(problem, {})
    assert keys(board.orders["truck"]) == order
    assert board.sketch(problem.vehicles[0]).cost == (2_400 if order else 800)


def test_the_load_on_board_leaves_less_room():
    """8 of 10 kg are on board: A's 5 kg need the unload first, and one of their own."""
    vehicle = truck(capacity_kg=10, under_way=out("B", load=(8, 8), classes=frozenset({"waste"})))
    problem = CITY.problem(vehicle, load={"A": (5, 5)})
    core, orders, _ = completed(problem)
    assert keys(orders["truck"]) == ["U", "A", "U"]
    assert core == problem


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_problem_the_door_gives_a_sound_plan(seed):
    for number in range(5):
        problem = draw_problem(400_000 + 10 * seed + number, stops=6, vehicles=2)
        if all(time_route(problem, problem.vehicle_by_key[key], order) is not None for key, order in least_orders(problem).items()):
            checked(problem, insert_only(problem))


def test_who_engines_forget_comes_home_all_the_same():
    """An engine that knows no locks sends B's driver to A only, and another to B."""
    told = truck("told", head=("B",), ends_empty=False)
    problem = CITY.problem(told, truck("other", ends_empty=False), load={"A": (1, 1), "B": (1, 1)})
    a, b = problem.stops
    best = Incumbent(problem)
    assert {key: keys(order) for key, order in best.orders.items()} == {"told": ["B"]}
    assert best.offer({"told": (a,), "other": (b,)})
    assert {key: keys(order) for key, order in best.orders.items()} == {"told": ["B", "A"]}
