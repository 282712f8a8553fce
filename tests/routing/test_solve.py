"""What `solve` promises. Every plan goes through the independent checker (`checked`)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from routing.io import plan_digest, problem_digest
from routing.plan import Plan, Reason
from routing.problem import Problem, Travel, Window
from routing.solve import objective, solve
from routing.stopping import Cancelled, FirstOf, MaxIterations, MaxSeconds
from tests.routing.ascii_city import ascii_city, facility, meal, stop, truck
from tests.routing.brute import best_objective
from tests.routing.plans import checked

CITY = ascii_city("D----A----B----C----U")


def solved(problem: Problem, iterations: int = 100, seed: int = 1) -> Plan:
    plan = solve(problem, stop=MaxIterations(iterations), seed=seed)
    checked(problem, plan)
    return plan


def reasons(plan: Plan) -> dict[str, Reason]:
    return {one.stop: one.reason for one in plan.unserved}


def test_light_waste_fills_the_body_before_the_weight_limit():
    """Three 900 l containers weigh 3 × 180 = 540 kg of 1,000, but 2,700 l exceed the 2,000 l body: two trips."""
    plan = solved(CITY.problem(truck(capacity_kg=1_000, capacity_l=2_000), load=dict.fromkeys("ABC", (180, 900))))
    assert plan.served == {"A", "B", "C"}
    assert plan.routes[0].unloads == 2


def test_heavy_waste_reaches_the_weight_limit_before_the_body_is_full():
    plan = solved(CITY.problem(truck(capacity_kg=400, capacity_l=9_000), load=dict.fromkeys("ABC", (180, 900))))
    assert plan.routes[0].unloads == 2


def test_a_press_saves_a_trip():
    """At 400 kg/m³ each 180 kg take 450 l: 1,350 of 2,000 l in one trip. A twin without a press needs two, and more road."""
    load = dict.fromkeys("ABC", (180, 900))
    plan = solved(CITY.problem(truck(capacity_l=2_000, compacted_density_kg_m3={"waste": 400}), load=load))
    assert plan.routes[0].unloads == 1
    assert plan.distance_m == 3_200


def test_the_truck_with_the_press_is_chosen():
    """Both cost the same on the road; only the press makes it one trip."""
    plain, press = truck("plain", capacity_l=2_000), truck("press", capacity_l=2_000, compacted_density_kg_m3={"waste": 400})
    plan = solved(CITY.problem(plain, press, load=dict.fromkeys("ABC", (180, 900))))
    assert [route.vehicle for route in plan.routes] == ["press"]


def test_one_truck_takes_several_classes_on_trips_of_their_own():
    """Paper at A and C, glass at B and Bb: two trips, each of one class, not three."""
    load = {"A": stop(waste_class="paper"), "C": stop(waste_class="paper"), "B": stop(waste_class="glass"), "Bb": stop(waste_class="glass")}
    problem = CITY.problem(truck(classes=frozenset({"paper", "glass"})), load=load)
    plan = solved(problem)
    trips = [{problem.stop_by_key[visit.key].waste_class for visit in trip} for trip in plan.routes[0].trips]
    assert sorted(trips, key=min) == [{"glass"}, {"paper"}]
    assert plan.distance_m == 2 * 1_600 + 2 * 800  # to U and home, and back from U to B (800 m) once more


def test_each_class_goes_where_it_is_accepted():
    """Glass is accepted at V only, beyond U; paper at U only."""
    city = ascii_city("D----A----U----V")
    load = {"A": stop(waste_class="paper"), "Aa": stop(waste_class="glass")}
    problem = city.problem(
        truck(classes=frozenset({"paper", "glass"})), load=load, unload={"U": facility({"paper"}), "V": facility({"glass"})}
    )
    unloads = [visit.key for visit in solved(problem).routes[0].visits if visit.key in "UV"]
    assert sorted(unloads) == ["U", "V"]


def test_a_facility_may_accept_classes_that_are_no_neighbours():
    """Three facilities accept overlapping pairs of three classes: no numbering makes all pairs neighbours."""
    city = ascii_city("D--A--B--C--U--V--W")
    classes = ("glass", "metal", "paper")
    pairs = {"U": {"glass", "paper"}, "V": {"glass", "metal"}, "W": {"metal", "paper"}}
    load = {name: stop(waste_class=one) for name, one in zip("ABC", classes, strict=True)}
    problem = city.problem(truck(classes=frozenset(classes)), load=load, unload={name: facility(pair) for name, pair in pairs.items()})
    plan = solved(problem)
    assert plan.served == {"A", "B", "C"}
    assert objective(problem, plan) == best_objective(problem)


def test_a_truck_that_may_mix_makes_one_trip():
    load = {"A": stop(waste_class="paper"), "B": stop(waste_class="glass")}
    plan = solved(CITY.problem(truck(classes=frozenset({"paper", "glass"}), one_class_per_trip=False), load=load))
    assert plan.routes[0].unloads == 1


def test_the_dearer_gate_is_worth_the_shorter_way_only_for_light_loads():
    """U is 4 dashes before V: the detour V costs 800 (both ways at 1 a metre), U's gate 10 a kilogram more: 50 kg or 100 kg decide."""
    city = ascii_city("D----A----U----V")
    for kg, expected in ((50, "U"), (100, "V")):
        problem = city.problem(truck(), load={"A": (kg, 1)}, unload={"U": facility(fee_per_kg=10), "V": facility()})
        assert [visit.key for visit in solved(problem).routes[0].visits] == ["A", expected]


def test_an_optional_stop_is_served_if_its_prize_pays_the_detour():
    """From U out to Z and back is 2 × 400 m at 1 a metre."""
    city = ascii_city("D----A----U----Z")
    for prize, served in ((801, {"A", "Z"}), (799, {"A"})):
        plan = solved(city.problem(truck(), load={"A": (1, 1), "Z": stop(prize=prize)}))
        assert plan.served == served
    assert reasons(plan) == {"Z": Reason.NOT_WORTH_ITS_PRIZE}


def test_of_a_group_the_cheaper_alternative_is_served():
    city = ascii_city("D----A----U----Z")
    plan = solved(city.problem(truck(), load={"A": stop(group="either", prize=9_000), "Z": stop(group="either", prize=9_000)}))
    assert plan.served == {"A"}
    assert reasons(plan) == {"Z": Reason.ALTERNATIVE_SERVED}


def test_hopeless_stops_come_back_with_the_rule_in_their_way():
    city = ascii_city("D----A----B----C----E----F----G----U----X")
    cut = city.travel.drive_s.copy()
    cut[:, city.at("X")] = -1
    cut[city.at("X"), city.at("X")] = 0
    load = {
        "A": stop(waste_class="tyres"),
        "B": stop(needs=frozenset({"crane"})),
        "C": stop(2_000, 10),
        "E": stop(waste_class="glass"),
        "F": stop(windows=(Window(9_000, 9_500),)),
        "G": stop(),
        "X": stop(),
    }
    worker = truck(classes=frozenset({"waste", "glass"}), shift=Window(0, 9_000))
    problem = city.problem(worker, load=load, unload={"U": facility()}, travel=Travel(cut, city.travel.distance_m))
    plan = solved(problem)
    assert plan.served == {"G"}
    assert reasons(plan) == {
        "A": Reason.NO_VEHICLE_FOR_CLASS,
        "B": Reason.NO_VEHICLE_FOR_NEEDS,
        "C": Reason.TOO_LARGE,
        "E": Reason.NO_FACILITY_FOR_CLASS,
        "F": Reason.OUTSIDE_SHIFTS,
        "X": Reason.UNREACHABLE,
    }


def test_a_full_night_leaves_stops_out_and_says_so():
    """There and back are 320 s, each stop works 100 s: in 550 s only two of three fit."""
    plan = solved(CITY.problem(truck(shift=Window(0, 550)), load=dict.fromkeys("ABC", stop(service_s=100))))
    assert len(plan.served) == 2
    assert set(reasons(plan).values()) == {Reason.NO_ROOM_LEFT}


def test_the_meal_is_in_the_round_and_its_time_is_paid():
    """A round from 0 to 320 s plus 60 s meal; waiting for the window at B would last longer than leaving later."""
    plan = solved(CITY.problem(truck(breaks=(meal(100, 130, 60),), shift=Window(0, 400), cost_per_s=1), load={"B": stop()}))
    assert [visit.kind for visit in plan.routes[0].visits].count("break") == 1
    assert plan.routes[0].duration_s == 380


def test_rounds_leave_late_instead_of_waiting():
    """A opens at 1,000 s and is 40 s away."""
    plan = solved(CITY.problem(truck(cost_per_s=1), load={"A": stop(windows=(Window(1_000, 2_000),))}))
    assert plan.routes[0].start_s == 960


def test_start_and_end_depot_may_differ():
    city = ascii_city("D----A----U----E")
    problem = city.problem(truck(), load={"A": (1, 1)})
    moved = replace(problem, vehicles=(replace(problem.vehicles[0], end_location=city.at("E")),))
    assert solved(moved).distance_m == 1_200


def test_a_classic_round_needs_no_facility():
    city = ascii_city("D----A----B")
    plan = solved(
        city.problem(
            truck(capacity_kg=10, ends_empty=False), truck("second", capacity_kg=10, ends_empty=False), load={"A": (10, 1), "B": (10, 1)}
        )
    )
    assert plan.served == {"A", "B"}
    assert plan.distance_m == 800 + 1_600


@pytest.mark.parametrize("seed", range(3))
def test_brute_force_finds_nothing_better_on_six_stops(seed):
    """Two trucks, one with a press, two classes, two facilities, a window and optional stops."""
    city = ascii_city("D--A---B-C----U--E---F--G-V")
    names = ("A", "C", "E", "B", "F", "G")
    load = {
        name: stop(
            100 + 10 * ((i + seed) % 3),
            500,
            waste_class=("paper", "glass")[(i + seed) % 2],
            prize=None if i < 3 else 500 * (i - 2),
            service_s=20,
        )
        for i, name in enumerate(names)
    }
    load["E"] = replace(load["E"], windows=(Window(300, 900),))
    both = frozenset({"paper", "glass"})
    trucks = (
        truck("plain", capacity_l=1_000, classes=both, fixed_cost=300, cost_per_s=2, shift=Window(0, 4_000)),
        truck("press", capacity_l=1_000, classes=frozenset({"paper"}), fixed_cost=500, compacted_density_kg_m3={"paper": 300}),
    )
    problem = city.problem(*trucks, load=load, unload={"U": facility(both, turnaround_s=30), "V": facility({"glass"})})
    # The oracle takes seconds for six stops, so only the first seed has six.
    problem = replace(problem, stops=problem.stops[:5]) if seed else problem
    plan = solved(problem, 300)
    assert objective(problem, plan) == best_objective(problem)


def test_the_same_seed_gives_the_same_plan():
    problem = CITY.problem(
        truck("one", capacity_l=30), truck("two", capacity_l=30), load={f"{n}{i}": stop(10, 10) for n in "ABC" for i in range(3)}
    )
    plans = [solved(problem, 60, seed=7) for _ in range(2)]
    assert plan_digest(plans[0]) == plan_digest(plans[1])
    assert plans[0].problem_digest == problem_digest(problem)


def test_improvements_are_reported_in_falling_order_and_are_sound():
    problem = CITY.problem(truck(capacity_l=30), load={f"{n}{i}": stop(10, 10, prize=900) for n in "ABC" for i in range(3)})
    seen: list[Plan] = []
    final = solve(problem, stop=MaxIterations(60), on_improvement=seen.append)
    costs = [checked(problem, plan).objective for plan in seen]
    assert costs == sorted(costs, reverse=True)
    assert checked(problem, final).objective <= costs[-1]


def test_a_search_can_be_cancelled():
    problem = CITY.problem(truck(capacity_l=30), load={f"{n}{i}": stop(10, 10) for n in "ABC" for i in range(3)})
    asked = Counter[str]()

    def cancelled() -> bool:
        asked["times"] += 1
        return asked["times"] > 3

    plan = solve(problem, stop=FirstOf((Cancelled(cancelled), MaxSeconds(60))))
    checked(problem, plan)
    assert asked["times"] < 10


def test_a_warm_start_is_never_made_worse():
    problem = CITY.problem(truck(capacity_l=30), load={f"{n}{i}": stop(10, 10) for n in "ABC" for i in range(3)})
    good = solved(problem, 200)
    again = solve(problem, stop=MaxIterations(1), warm_start=good)
    assert checked(problem, again).objective <= checked(problem, good).objective


def test_a_warm_start_forgets_what_is_gone():
    problem = CITY.problem(truck(), load={"A": (1, 1), "B": (1, 1)})
    smaller = replace(problem, stops=problem.stops[1:])
    plan = solve(smaller, stop=MaxIterations(10), warm_start=solved(problem))
    checked(smaller, plan)
    assert plan.served == {"B"}


def test_without_a_first_solution_insertion_steps_in(monkeypatch):
    monkeypatch.setattr("routing.portfolio.ortools.search", lambda *_, **__: None)
    plan = solved(CITY.problem(truck(capacity_l=20), load=dict.fromkeys("ABC", (1, 10))))
    assert plan.engine == "insertion"
    assert plan.served == {"A", "B", "C"}


def test_the_search_may_run_in_an_executor():
    problem = CITY.problem(truck(), load={"A": (1, 1)})
    with ThreadPoolExecutor(1) as executor:
        plan = solve(problem, stop=MaxIterations(5), executor=executor)
    checked(problem, plan)
    assert plan.served == {"A"}


def test_a_night_without_stops_or_vehicles_is_a_plan():
    nothing = CITY.problem(truck(), load={})
    assert solved(nothing).routes == ()
    stranded = CITY.problem(load={"A": (1, 1)})
    assert reasons(solved(stranded)) == {"A": Reason.NO_VEHICLE_FOR_CLASS}
