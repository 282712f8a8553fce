"""PyVRP sees the round as it is, as far as it sees it; whatever it finds, the plan keeps every rule."""

from dataclasses import replace

import numpy as np
import pytest
from pyvrp.search import NeighbourhoodParams, compute_neighbours

from routing.check import check
from routing.clock import Order, lost_prizes, time_route
from routing.engines import pyvrp
from routing.engines.pyvrp_kinds import Nearest, Unload
from routing.engines.pyvrp_model import Model
from routing.incumbent import Incumbent, least_orders
from routing.portfolio import Engine
from routing.problem import BreakRule, Facility, Problem, Stop, Travel, Vehicle, Window
from routing.solve import solve
from routing.stopping import MaxIterations
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.brute import best_objective
from tests.routing.plans import checked
from tests.routing.random_rounds import draw_problem

HOUR_S = 3_600
CITY = ascii_city("D----A----B----C----U")


def unequal_trucks(seed: int, stops: int = 20) -> Problem:
    """A town with two facilities, two kinds of truck, paid by the hour, the kilometre and the day; nothing that PyVRP cannot see."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 20_000, (stops + 3, 2))
    metres = np.rint(np.hypot(*(xy[:, None] - xy[None]).T) * rng.uniform(1, 1.05, (stops + 3, stops + 3))).astype(int)
    np.fill_diagonal(metres, 0)
    drawn = tuple(
        Stop(
            key=f"s{i}",
            location=i + 3,
            load=(int(rng.integers(60, 400)), int(rng.integers(300, 1_100))),
            service_s=int(rng.integers(60, 240)),
            setup_s=int(rng.integers(0, 2)) * 30,
            windows=(Window(8 * HOUR_S, 12 * HOUR_S),) if i % 5 == 0 else (),
            prize=None if i % 4 else 30_000_000,
        )
        for i in range(stops)
    )
    facilities = tuple(
        Facility(key=f"f{i}", location=i, accepts=frozenset({"waste"}), windows=(Window(7 * HOUR_S, 15 * HOUR_S),), turnaround_s=600 * i)
        for i in (1, 2)
    )
    kinds = ((7_000, 18_000), 60_000_000, 1_000), ((2_000, 6_000), 40_000_000, 700)
    trucks = tuple(
        Vehicle(
            key=f"{capacity[0]} kg, {number}",
            start_location=0,
            end_location=0,
            capacity=capacity,
            shift=Window(6 * HOUR_S, 16 * HOUR_S),
            max_duration_s=8 * HOUR_S,
            fixed_cost=fixed,
            cost_per_m=per_m,
            cost_per_s=8_333,
            compacted_density_kg_m3={"waste": 300} if fixed > 50_000_000 else {},
        )
        for capacity, fixed, per_m in kinds
        for number in (1, 2)
    )
    return Problem(stops=drawn, facilities=facilities, vehicles=trucks, travel=(Travel(metres // 10, metres),))


def open_all_day(problem: Problem, *, fee: int = 0) -> Problem:
    """Then whoever unloads last does so wherever it is cheapest; a visit to the first facility has this fee."""
    first, *others = (replace(one, windows=()) for one in problem.facilities)
    return replace(problem, facilities=(replace(first, fee_per_visit=fee), *others))


def searched(problem: Problem, iterations: int = 60, seed: int = 1) -> dict[str, Order]:
    return pyvrp.search(problem, stop=MaxIterations(iterations), seed=seed) or {}


@pytest.mark.parametrize("seed", range(6))
def test_what_pyvrp_counts_is_what_the_clock_counts(seed: int):
    """Its costs of a solution, the way home from the last facility included, are the clock's, prizes passed up too."""
    _counts_as_the_clock(unequal_trucks(seed))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fee", [0, 20_000_000])
def test_what_pyvrp_counts_by_the_cheapest_way_home_is_what_the_clock_counts(seed: int, fee: int):
    """The last facility is the route's own choice; the fees of visits are counted to the metre that they are told in."""
    problem = open_all_day(unequal_trucks(seed), fee=fee)
    kinds = Model(problem, problem.vehicles, problem.stops, {}, seed=1).kinds
    assert all(isinstance(kind.last, Nearest) for kind in kinds)
    _counts_as_the_clock(problem, tolerance=6 * max(vehicle.cost_per_m for vehicle in problem.vehicles) if fee else 0)


def _counts_as_the_clock(problem: Problem, tolerance: int = 0) -> None:
    orders = searched(problem)
    model = Model(problem, problem.vehicles, problem.stops, orders, seed=1)
    solution = model.solution()
    assert solution is not None and solution.is_feasible()
    counted = solution.distance_cost() + solution.duration_cost() + solution.fixed_vehicle_cost() + solution.uncollected_prizes()

    routes = [time_route(problem, problem.vehicle_by_key[key], order) for key, order in orders.items()]
    assert all(routes)
    served = frozenset(place.key for order in orders.values() for place in order)
    assert counted == pytest.approx(sum(route.cost.total for route in routes if route) + lost_prizes(problem, served), rel=0, abs=tolerance)
    assert model.orders(solution) == orders


def test_a_dear_facility_is_left_to_those_who_must():
    """Both are open all day; the first costs 1,000 currency a visit, and all that a search finds goes to the second."""
    problem = open_all_day(unequal_trucks(2), fee=1_000_000_000)
    used = {place.key for order in searched(problem).values() for place in order if isinstance(place, Facility)}
    assert used == {"f2"}


def test_a_facility_whose_hours_bind_is_no_choice_on_the_way_home():
    """It closes before a truck that is just in time for its shift would come; the other two are open."""
    problem = open_all_day(unequal_trucks(1))
    early = replace(problem.facilities[0], key="early", windows=(Window(7 * HOUR_S, 12 * HOUR_S),))
    problem = replace(problem, facilities=(*problem.facilities, early))
    lasts = {kind.last for seed in range(20) for kind in Model(problem, problem.vehicles, problem.stops, {}, seed=seed).kinds}
    assert {one.facility.key for one in lasts if isinstance(one, Unload)} == {"early"}
    assert [[facility.key for facility in one.facilities] for one in lasts if isinstance(one, Nearest)] == [["f1", "f2"]]


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_small_towns_are_solved_to_the_optimum(seed: int, opened: bool):
    problem = unequal_trucks(seed, stops=5)
    problem = open_all_day(problem) if opened else problem
    orders = searched(problem, 300)
    best = Incumbent(problem, orders)
    assert best.rank == (0, best_objective(replace(problem, vehicles=problem.vehicles[::2])))


def test_the_same_seed_and_iterations_find_the_same_orders():
    problem = unequal_trucks(3)
    assert searched(problem, 40, seed=5) == searched(problem, 40, seed=5)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_a_round_asks_for_the_plan_keeps_it(seed: int):
    """Compartments, locks, transfers, releases, rounds under way: what PyVRP does not know, the clock and insertion make good."""
    problem = draw_problem(seed, stops=6, vehicles=2)
    for vehicle in problem.vehicles:
        if vehicle.always_drives and time_route(problem, vehicle, least_orders(problem).get(vehicle.key, ())) is None:
            pytest.skip("what this driver has been told cannot be done")
    plan = solve(problem, stop=MaxIterations(12), seed=1, engine=Engine.PYVRP)
    assert check(problem, plan).violations == ()


def test_a_stop_with_two_windows_is_served_in_one_of_them():
    """There and back takes 80 s; A opens for a second at 10 s, which nobody reaches, and from 500 s on."""
    problem = CITY.problem(truck(cost_per_s=1), load={"A": stop(windows=(Window(10, 10), Window(500, 600))), "B": (1, 1)})
    orders = searched(problem)
    route = time_route(problem, problem.vehicles[0], orders["truck"])
    assert route is not None and len(route.pickups) == 2


def test_a_lunch_that_all_share_stops_every_clock():
    """Two stops of 100 s with a break of an hour between 400 and 500: the round must begin early enough, and the plan keeps it."""
    lunch = BreakRule(key="lunch", duration_s=3_600, window=Window(400, 500))
    load = {name: stop(service_s=300, windows=(Window(0, 300), Window(3_600, 9_000))) for name in "ABC"}
    plan = solve(CITY.problem(truck(breaks=(lunch,)), load=load), stop=MaxIterations(60), engine=Engine.PYVRP)
    assert plan.served == {"A", "B", "C"}


def test_who_may_not_serve_a_stop_does_not():
    narrow = {"A": stop(needs=frozenset({"narrow"})), "B": (1, 1), "C": stop(allowed_vehicles=frozenset({"wide"}))}
    problem = CITY.problem(truck("wide"), truck("slim", offers=frozenset({"narrow"})), load=narrow)
    orders = searched(problem)
    assert {place.key for place in orders["slim"]} >= {"A"} and {place.key for place in orders["wide"]} >= {"C"}


def test_stops_that_no_vehicle_may_both_serve_are_no_neighbours():
    """A and C are the wide truck's, B and U the slim one's: the two halves never meet, though B lies between A and C."""
    mine = {name: stop(needs=frozenset({"wide" if name in "AC" else "slim"})) for name in "ABCU"}
    fleet = (truck(key, ends_empty=False, offers=frozenset({key})) for key in ("wide", "slim"))
    problem = CITY.problem(*fleet, load=mine, unload={})
    model = Model(problem, problem.vehicles, problem.stops, {}, seed=1)
    assert model.splits_stops
    near = compute_neighbours(model.data, NeighbourhoodParams(num_neighbours=1))
    names = {problem.stops[one.idx].key: problem.stops[others[0].idx].key for one, others in near.items()}
    assert names == {"A": "C", "C": "A", "B": "U", "U": "B"}


def test_a_search_that_begins_for_itself_begins_with_everything_owed():
    """What is owed is required of PyVRP, not only dear to leave out; given orders without C say that it may have to stay out."""
    problem = CITY.problem(truck(), load=dict.fromkeys("ABC", (10, 1)))
    assert all(client.required for client in Model(problem, problem.vehicles, problem.stops, {}, seed=1).data.clients())
    lacking = pyvrp.Part(problem.vehicles, problem.stops, {"truck": (*problem.stops[:2], *problem.facilities)})
    assert lacking.leaves_owed
    assert not pyvrp.Part(problem.vehicles, problem.stops, {"truck": (*problem.stops, *problem.facilities)}).leaves_owed


def test_a_search_that_cannot_serve_all_begins_again_and_serves_what_it_can():
    """One trip of 20 kg for three stops of 10; a third of the iterations goes into finding out."""
    problem = CITY.problem(truck(capacity_kg=20, max_trips=1), load=dict.fromkeys("ABC", (10, 1)))
    orders = pyvrp.search(problem, stop=MaxIterations(60), seed=1, serves_all=True) or {}
    assert sum(isinstance(place, Stop) for place in orders["truck"]) == 2


def test_trucks_all_alike_are_told_apart_by_the_stops_that_ask_for_one_of_them():
    problem = CITY.problem(truck("one"), truck("two"), load={"A": stop(allowed_vehicles=frozenset({"two"})), "B": (1, 1)})
    orders = pyvrp.search(problem, stop=MaxIterations(40), seed=1, serves_all=True) or {}
    assert "A" in {place.key for place in orders["two"]}
    assert sum(isinstance(place, Stop) for order in orders.values() for place in order) == 2


def test_what_is_owed_but_does_not_fit_leaves_the_rest_as_it_is():
    """One trip of 20 kg for three stops of 10: two are served, whichever cost least."""
    problem = CITY.problem(truck(capacity_kg=20, max_trips=1), load=dict.fromkeys("ABC", (10, 1)))
    plan = solve(problem, stop=MaxIterations(60), engine=Engine.PYVRP)
    verdict = checked(problem, plan)
    assert verdict.served == 2 and len(verdict.mandatory_unserved) == 1


def test_classes_are_searched_one_by_one():
    """Each truck keeps the class that it carries so far; the trip of mixed classes that no order has is never made."""
    classes = frozenset({"paper", "glass"})
    load = {"A": stop(waste_class="paper"), "B": stop(waste_class="glass"), "C": stop(waste_class="paper")}
    problem = CITY.problem(truck("one", classes=classes), truck("two", classes=classes), load=load, unload={"U": facility(classes)})
    plan = solve(problem, stop=MaxIterations(40), engine=Engine.PYVRP)
    assert checked(problem, plan).mandatory_unserved == ()
