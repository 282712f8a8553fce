"""What would let an unserved stop in: the limit, the truck, the least amount, and its price."""

from dataclasses import replace
from typing import Any

import pytest

from routing.asks import Ask, AskKind, clock_words, granted, widened
from routing.clock import Order, least_order, time_route
from routing.plan import Plan
from routing.problem import Problem, Window
from routing.relaxations import Relaxation, find_relaxations
from routing.solve import insert_only
from routing.triage import find_hopeless
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.plans import hand_plan
from tests.routing.random_rounds import draw_problem

H = 3600


def ways_in(problem: Problem, orders: dict[str, str], key: str = "Z") -> tuple[Relaxation, ...]:
    plan = hand_plan(problem, orders)
    found = find_relaxations(problem, plan, [key], most=9)[key]
    for one in found:
        holds(problem, plan, one)
    return found


def holds(problem: Problem, plan: Plan, one: Relaxation) -> None:
    """Granted, the round may be driven, at the price that was told; with one unit less of a thing asked by degrees it may not."""
    allowed = granted(problem, one.asks)
    route = time_route(allowed, allowed.vehicle_by_key[one.vehicle], places(allowed, one.order))
    assert route is not None, one
    before = next((known.cost.total for known in plan.routes if known.vehicle == one.vehicle), 0)
    idle = problem.vehicle_by_key.get(one.vehicle)
    if before == 0 and idle is not None and idle.always_drives:
        return
    if one.asks and one.asks[0].kind is not AskKind.IN_PLACE_OF:
        assert route.cost.total - before == one.extra_cost, one
    for ask in one.asks if len(one.asks) == 1 else ():
        if ask.by > 1 and ask.kind is not AskKind.HIGHER_PRIZE:
            less = granted(problem, (ask.shrunk(ask.by - 1),))
            assert time_route(less, less.vehicle_by_key[one.vehicle], places(less, one.order)) is None, one


def places(problem: Problem, keys: tuple[str, ...]) -> Order:
    return tuple(problem.stop_by_key.get(key) or problem.facility_by_key[key] for key in keys)


def only(problem: Problem, orders: dict[str, str], kind: AskKind) -> tuple[Ask, int]:
    """The one thing of this kind that is asked for, and what serving the stop costs then."""
    (one,) = (one for one in ways_in(problem, orders) if [ask.kind for ask in one.asks] == [kind])
    return one.asks[0], one.extra_cost


def street(**vehicle: Any) -> Problem:
    """A and Z and the unload, all 400 m apart: the round to A and U takes 160 s, that to Z too 320 s."""
    return ascii_city("D----A----U----Z").problem(truck("truck 4", **vehicle), load={"A": (300, 1), "Z": (300, 1)})


def test_a_truck_that_might_stay_out_longer():
    """D–A–Z–U–D is 40 + 80 + 40 + 80 = 240 s, the shift 200 s; 800 m more than D–A–U–D."""
    problem = street(shift=Window(8 * H, 8 * H + 200))
    ask, extra_cost = only(problem, {"truck 4": "AU"}, AskKind.LATER_END)
    assert (ask.vehicle, ask.by, ask.to, extra_cost) == ("truck 4", 40, 8 * H + 240, 800)
    assert ask.words == "truck 4 until 08:04" and ask.share == 0.2


def test_a_truck_that_might_start_earlier():
    ask, _ = only(street(shift=Window(8 * H, 8 * H + 200)), {"truck 4": "AU"}, AskKind.EARLIER_START)
    assert (ask.by, ask.to, ask.words) == (40, 8 * H - 40, "truck 4 from 07:59")


@pytest.mark.parametrize(
    ("limits", "kind", "by", "words"),
    [
        ({"max_duration_s": 200}, AskKind.LONGER_ROUND, 40, "truck 4 out for 4 min"),
        ({"max_drive_s": 200}, AskKind.MORE_DRIVING, 40, "4 min at the wheel of truck 4"),
        ({"max_distance_m": 2_000}, AskKind.MORE_DISTANCE, 400, "3 km for truck 4"),
        ({"max_stops": 1}, AskKind.MORE_STOPS, 1, "2 stops for truck 4"),
        ({"max_lifted": (500, 9)}, AskKind.MORE_LIFTED, 100, "+100 kg in the whole round of truck 4"),
        ({"capacity_kg": 420, "max_trips": 1}, AskKind.MORE_CAPACITY, 180, "+180 kg on truck 4"),
        ({"capacity_kg": 420, "max_trips": 1}, AskKind.MORE_TRIPS, 1, "one more trip of truck 4"),
        ({"latest_start_s": 0, "shift": Window(0, 230)}, AskKind.LATER_END, 10, "truck 4 until 00:04"),
    ],
)
def test_each_limit_of_a_round_by_as_much_as_is_missing(limits: dict[str, Any], kind: AskKind, by: int, words: str):
    ask, _ = only(street(**limits), {"truck 4": "AU"}, kind)
    assert (ask.by, ask.words) == (by, words)


def test_litres_are_told_apart_from_kilograms():
    problem = ascii_city("D----A----Z----U").problem(truck("t", capacity_l=15, max_trips=1), load={"A": (1, 10), "Z": (1, 12)})
    ask, _ = only(problem, {"t": "AU"}, AskKind.MORE_CAPACITY)
    assert (ask.what, ask.by, ask.to, ask.words) == ("l", 7, 22, "+7 l on t")


def test_a_window_that_opens_earlier_or_closes_later():
    city = ascii_city("D----A----Z----U")
    problem = city.problem(truck("t", shift=Window(6 * H, 6 * H + 300)), load={"A": (1, 1), "Z": stop(windows=(Window(7 * H, 8 * H),))})
    # Home by 06:05: from Z to U and home are 40 + 120 s, so that Z is left at 06:02:20 at the latest.
    ask, _ = only(problem, {"t": "AU"}, AskKind.EARLIER_WINDOW)
    assert (ask.to, ask.by, ask.words) == (6 * H + 140, H - 140, "a window for Z from 06:02")
    late = city.problem(truck("t", shift=Window(9 * H, 10 * H)), load={"A": (1, 1), "Z": stop(windows=(Window(7 * H, 8 * H),))})
    ask, _ = only(late, {"t": "AU"}, AskKind.LATER_WINDOW)
    assert (ask.to, ask.by, ask.words) == (9 * H + 80, H + 80, "a window for Z until 09:02")


def test_a_facility_that_closes_too_early():
    """At U at 120 + 60 s with Z's work; it closes at 150 s."""
    city = ascii_city("D----A----Z----U")
    gate = {"U": facility(windows=(Window(0, 150),))}
    problem = city.problem(truck("t"), load={"A": (1, 1), "Z": stop(service_s=60)}, unload=gate)
    ask, _ = only(problem, {"t": "AU"}, AskKind.LATER_CLOSING)
    assert (ask.place, ask.by, ask.to, ask.words) == ("U", 30, 180, "U open until 00:03")


def test_what_a_truck_lacks_may_not_carry_or_is_not_permitted():
    city = ascii_city("D----A----Z----U")
    for wanted, kind, words in (
        (stop(needs=frozenset({"crane"})), AskKind.EQUIPMENT, "t with crane"),
        (stop(allowed_vehicles=frozenset({"other"})), AskKind.PERMISSION, "t permitted at Z"),
        (stop(waste_class="glass"), AskKind.WASTE_CLASS, "t allowed to carry glass"),
    ):
        problem = city.problem(truck("t"), load={"A": (1, 1), "Z": wanted})
        ask, _ = only(problem, {"t": "AU"}, kind)
        assert ask.words == words


def test_one_more_truck_like_those_there_are():
    """D–U–Z–U–D takes 240 s and is 2,400 m long."""
    problem = street(shift=Window(0, 240), capacity_kg=300, max_trips=1, fixed_cost=500)
    (one,) = (one for one in ways_in(problem, {"truck 4": "AU"}) if one.asks[0].kind is AskKind.ANOTHER_VEHICLE)
    assert one.words == "another truck like truck 4" and one.extra_cost == 500 + 2_400


def test_a_prize_that_is_too_small_says_how_much_would_do():
    problem = ascii_city("D----A----U----Z").problem(truck("t", cost_per_m=1_000), load={"A": (1, 1), "Z": stop(prize=300_000)})
    (one,) = ways_in(problem, {"t": "AU"})
    assert (one.asks[0].by, one.extra_cost, one.words) == (500_000, 800_000, "Z worth 0.80")


def test_an_alternative_takes_the_place_of_the_one_that_is_served():
    problem = ascii_city("D----A----U----Z").problem(truck("t"), load={"A": stop(group="one"), "Z": stop(group="one")})
    (one,) = ways_in(problem, {"t": "AU"})
    assert (one.words, one.extra_cost, one.order) == ("in place of A", 800, ("Z", "U"))


def test_the_least_that_is_asked_comes_first_and_several_limits_only_if_no_single_one_will_do():
    ways = ways_in(street(shift=Window(0, 235), max_stops=1), {"truck 4": "AU"})
    assert {ask.kind for ask in ways[0].asks} == {AskKind.LATER_END, AskKind.MORE_STOPS}
    assert ways[0].words == "2 stops for truck 4 and truck 4 until 00:04" or ways[0].words == "truck 4 until 00:04 and 2 stops for truck 4"
    by_little = ways_in(street(shift=Window(0, 235)), {"truck 4": "AU"})
    assert [len(one.asks) for one in by_little] == [1] * len(by_little)
    assert [one.rank for one in by_little] == sorted(one.rank for one in by_little)


def test_where_there_is_no_road_nothing_helps():
    problem = street()
    seconds = problem.travel[0].drive_s.copy()
    seconds[:, 3] = -1
    problem = replace(problem, travel=(replace(problem.travel[0], drive_s=seconds),))
    assert ways_in(problem, {"truck 4": "AU"}) == ()


def test_windows_grow_at_the_nearer_end():
    assert widened((Window(0, 10), Window(50, 60)), 20) == (Window(0, 20), Window(50, 60))
    assert widened((Window(0, 10), Window(50, 60)), 45) == (Window(0, 10), Window(45, 60))
    assert widened((), 45) == ()
    assert clock_words(25 * H + 601) == "25:11"


def test_on_random_rounds_what_is_asked_is_enough_and_no_more_than_needed():
    asked = 0
    for seed in range(300):
        problem = draw_problem(seed)
        if find_hopeless(problem) or not all(time_route(problem, one, least_order(problem, one)) for one in problem.vehicles):
            continue
        plan = insert_only(problem)
        for one in [one for ways in find_relaxations(problem, plan).values() for one in ways]:
            holds(problem, plan, one)
            asked += 1
    assert asked > 30
