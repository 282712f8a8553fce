"""Every rule kept and broken, by plans written by hand. A dash is 100 m and 10 s."""

from dataclasses import replace

import numpy as np

from routing.plan import Unserved, VisitKind
from routing.problem import BreakRule, Travel, Window
from tests.routing.ascii_city import ascii_city, facility, meal, stop, truck
from tests.routing.plans import broken, check, hand_plan

CITY = ascii_city("D----A----B----C----U")  # A at 40 s, B at 80, C at 120, U at 160
KEPT: dict[str, object] = {}


def test_load_stays_within_capacity_in_each_dimension():
    """180 + 180 = 360 kg of 1,000, but 900 + 900 = 1,800 l of 1,000: 800 l too much, at the second stop."""
    problem = CITY.problem(truck(), load={"A": (180, 900), "B": (180, 900)})
    assert broken(problem, {"truck": "AUBU"}) == KEPT
    assert broken(problem, {"truck": "ABU"}) == {"load_within_capacity": [("B", (0, 800))]}


def test_litres_count_as_compacted_in_this_truck_and_class():
    """At 400 kg/m³ 180 kg press to 450 l, twice 900 l: fits 1,000. At 300 kg/m³ they take 600 l, together 200 l too much."""
    load = {"A": (180, 900), "B": (180, 900)}
    assert broken(CITY.problem(truck(compacted_density_kg_m3={"waste": 400}), load=load), {"truck": "ABU"}) == KEPT
    said = broken(CITY.problem(truck(compacted_density_kg_m3={"waste": 300}), load=load), {"truck": "ABU"})
    assert said == {"load_within_capacity": [("B", (0, 200))]}


def test_one_class_a_trip():
    problem = CITY.problem(
        truck(classes=frozenset({"paper", "glass"})), load={"A": stop(waste_class="paper"), "B": stop(waste_class="glass")}
    )
    assert broken(problem, {"truck": "AUBU"}) == KEPT
    assert broken(problem, {"truck": "ABU"}) == {"one_class_per_trip": [("B", ())]}


def test_a_truck_that_may_mix_needs_no_trip_for_each_class():
    mixer = truck(classes=frozenset({"paper", "glass"}), one_class_per_trip=False)
    problem = CITY.problem(mixer, load={"A": stop(waste_class="paper"), "B": stop(waste_class="glass")})
    assert broken(problem, {"truck": "ABU"}) == KEPT


def test_a_vehicle_carries_only_its_classes():
    load = {"A": stop(waste_class="glass")}
    assert broken(CITY.problem(truck(classes=frozenset({"glass"})), load=load), {"truck": "AU"}) == KEPT
    assert broken(CITY.problem(truck(classes=frozenset({"paper"})), load=load), {"truck": "AU"}) == {"vehicle_carries_class": [("A", ())]}


def test_a_stop_that_needs_a_crane_gets_one():
    load = {"A": stop(needs=frozenset({"crane"}))}
    assert broken(CITY.problem(truck(offers=frozenset({"crane", "lift"})), load=load), {"truck": "AU"}) == KEPT
    assert broken(CITY.problem(truck(), load=load), {"truck": "AU"}) == {"vehicle_allowed": [("A", ())]}


def test_only_permitted_vehicles_come():
    problem = CITY.problem(truck("one"), truck("two"), load={"A": stop(allowed_vehicles=frozenset({"two"}))})
    assert broken(problem, {"two": "AU"}) == KEPT
    assert broken(problem, {"one": "AU"}) == {"vehicle_allowed": [("A", ())]}


def test_a_facility_takes_only_what_it_accepts():
    problem = ascii_city("D----A----U----V").problem(truck(), load={"A": (1, 1)}, unload={"U": facility(), "V": facility({"glass"})})
    assert broken(problem, {"truck": "AU"}) == KEPT
    assert broken(problem, {"truck": "AV"}) == {"facility_accepts_class": [("V", ())]}


def test_the_truck_ends_empty():
    problem = CITY.problem(truck(), load={"A": (5, 6), "B": (7, 8)})
    assert broken(problem, {"truck": "AUBU"}) == KEPT
    assert broken(problem, {"truck": "AUB"}) == {"ends_empty": [("B", (7, 8))]}


def test_no_more_unloads_than_allowed():
    load = {"A": (1, 1), "B": (1, 1)}
    assert broken(CITY.problem(truck(max_trips=2), load=load), {"truck": "AUBU"}) == KEPT
    assert broken(CITY.problem(truck(max_trips=1), load=load), {"truck": "AUBU"}) == {"trips_within_limit": [(None, (1,))]}


def test_work_starts_within_a_window():
    """A is reached at 40 s: the first window (0–30) has closed, the second opens at 100; if it closed at 35, work is 5 s late."""
    two = CITY.problem(truck(), load={"A": stop(windows=(Window(0, 30), Window(100, 200)))})
    assert broken(two, {"truck": "AU"}) == KEPT
    assert hand_plan(two, {"truck": "AU"}).routes[0].visits[0].start_s == 100
    shut = CITY.problem(truck(), load={"A": stop(windows=(Window(0, 35),))})
    assert broken(shut, {"truck": "AU"}) == {"arrives_within_window": [("A", (5,))]}


def test_unloading_starts_while_the_facility_is_open():
    """U is reached at 160 s."""
    load = {"A": (1, 1)}
    assert broken(CITY.problem(truck(), load=load, unload={"U": facility(windows=(Window(0, 160),))}), {"truck": "AU"}) == KEPT
    said = broken(CITY.problem(truck(), load=load, unload={"U": facility(windows=(Window(0, 150),))}), {"truck": "AU"})
    assert said == {"facility_open": [("U", (10,))]}


def test_the_round_lies_within_the_shift():
    """160 s there and 160 s back: home at 320 s."""
    load = {"A": (1, 1)}
    assert broken(CITY.problem(truck(shift=Window(0, 320)), load=load), {"truck": "AU"}) == KEPT
    assert broken(CITY.problem(truck(shift=Window(0, 300)), load=load), {"truck": "AU"}) == {"shift_respected": [(None, (20,))]}
    assert broken(CITY.problem(truck(shift=Window(50, 900)), load=load), {"truck": "AU"}) == {"shift_respected": [(None, (50,))]}


def test_the_round_lasts_no_longer_than_allowed():
    load = {"A": stop(service_s=30)}  # 320 s of driving and 30 s of work
    assert broken(CITY.problem(truck(max_duration_s=350), load=load), {"truck": "AU"}) == KEPT
    assert broken(CITY.problem(truck(max_duration_s=340), load=load), {"truck": "AU"}) == {"duration_within_limit": [(None, (10,))]}


def test_a_break_that_is_due_is_taken_on_time():
    """The round lasts from 0 to 320 s without and to 380 s with the meal of 60 s, which must start from 100 to 130 s: at B, not at U."""
    problem = CITY.problem(truck(breaks=(meal(100, 130, 60),)), load={"B": (1, 1)})
    assert broken(problem, {"truck": ["B", "meal", "U"]}) == KEPT  # waits at B from 80 to 100
    assert broken(problem, {"truck": ["B", "U"]}) == {"break_taken": [("meal", ())]}
    assert broken(problem, {"truck": ["B", "U", "meal"]}) == {"break_taken": [("meal", ())]}


def test_a_break_is_not_due_when_the_round_leaves_room_for_it():
    """Home at 320 s is before the window closes; a start at 160 s is after a meal from 100 to 160 s."""
    load = {"B": (1, 1)}
    assert broken(CITY.problem(truck(breaks=(meal(100, 320, 60),)), load=load), {"truck": "BU"}) == KEPT
    assert broken(CITY.problem(truck(breaks=(meal(100, 130, 60),)), load=load), {"truck": "BU"}, start_s=160) == KEPT


def test_a_break_after_so_much_work():
    """At most 100 s after the start: right after B (80 s) is in time, after U (160 s) is not."""
    rest = BreakRule(key="rest", duration_s=60, after_work_s=100)
    problem = CITY.problem(truck(breaks=(rest,)), load={"B": (1, 1)})
    assert broken(problem, {"truck": ["B", "rest", "U"]}) == KEPT
    assert broken(problem, {"truck": ["B", "U", "rest"]}) == {"break_taken": [("rest", ())]}


def test_there_is_a_road():
    """The road from A on to U is gone."""
    city = ascii_city("D----A----U")
    load = {"A": (1, 1)}
    drive_s = city.travel.drive_s.copy()
    drive_s[city.at("A"), city.at("U")] = -1
    assert broken(city.problem(truck(), load=load), {"truck": "AU"}) == KEPT
    cut = city.problem(truck(), load=load, travel=Travel(drive_s, city.travel.distance_m))
    assert broken(cut, {"truck": "AU"}) == {"road_exists": [("U", ())]}


def test_no_stop_is_served_twice():
    problem = CITY.problem(truck(), load={"A": (1, 1), "B": (1, 1)})
    assert broken(problem, {"truck": "ABU"}) == KEPT
    assert broken(problem, {"truck": "ABAU"}) == {"each_stop_once": [("A", (1,))]}


def test_of_a_group_one_is_served():
    problem = CITY.problem(truck(), load={"A": stop(group="either", prize=1), "B": stop(group="either", prize=1)})
    assert broken(problem, {"truck": "BU"}) == KEPT
    assert broken(problem, {"truck": "ABU"}) == {"one_of_a_group": [("B", (1,))]}


def test_every_stop_is_accounted_for():
    problem = CITY.problem(truck(), load={"A": (1, 1), "B": (1, 1)})
    plan = hand_plan(problem, {"truck": "AU"})
    assert check(problem, plan).violations == ()
    assert [one.rule for one in check(problem, replace(plan, unserved=())).violations] == ["each_stop_accounted_for"]
    stranger = Unserved(stop="Z", reason=plan.unserved[0].reason, detail="")
    assert [one.stop for one in check(problem, replace(plan, unserved=(*plan.unserved, stranger))).violations] == ["Z"]


def test_a_vehicle_has_one_route():
    problem = CITY.problem(truck(), load={"A": (1, 1)})
    plan = hand_plan(problem, {"truck": "AU"})
    twice = replace(plan, routes=(*plan.routes, replace(plan.routes[0], visits=(), end_s=0, distance_m=0, cost=plan.routes[0].cost)))
    assert "one_route_per_vehicle" in {one.rule for one in check(problem, twice).violations}


def test_unknown_places_are_named_and_not_a_crash():
    problem = CITY.problem(truck(), load={"A": (1, 1)})
    plan = hand_plan(problem, {"truck": "AU"})
    route = plan.routes[0]
    ghost = replace(route.visits[0], key="ghost")
    moved = replace(route.visits[0], location=0)
    for visits in ((ghost, *route.visits), (moved, route.visits[1])):
        assert "known_places" in {one.rule for one in check(problem, replace(plan, routes=(replace(route, visits=visits),))).violations}
    stolen = replace(plan, routes=(replace(route, vehicle="stolen"),))
    assert {one.rule for one in check(problem, stolen).violations} == {"known_places", "each_stop_accounted_for"}


def test_claims_are_held_against_the_drive():
    """A plan that keeps every rule but lies about one figure is found out, and only there."""
    problem = CITY.problem(truck(), load={"A": (5, 6)})
    plan = hand_plan(problem, {"truck": "AU"})
    route, visit = plan.routes[0], plan.routes[0].visits[0]
    lies = {
        "times_as_claimed": replace(route, visits=(replace(visit, start_s=visit.start_s - 1), route.visits[1])),
        "loads_as_claimed": replace(route, visits=(replace(visit, load_after=(5, 5)), route.visits[1])),
        "distance_as_claimed": replace(route, distance_m=route.distance_m - 1),
        "cost_as_claimed": replace(route, cost=replace(route.cost, distance=route.cost.distance - 1)),
    }
    for rule, lie in lies.items():
        assert [one.rule for one in check(problem, replace(plan, routes=(lie,))).violations] == [rule]


def test_a_false_cost_is_told_by_the_causes_that_differ():
    """U and back: 3,200 m at 1, said to be 3,199; a day at 7, said to be free; time is as said."""
    problem = CITY.problem(truck(fixed_cost=7), load={"A": (5, 6)})
    plan = hand_plan(problem, {"truck": "AU"})
    lie = replace(plan.routes[0], cost=replace(plan.routes[0].cost, fixed=0, distance=3_199))
    (said,) = check(problem, replace(plan, routes=(lie,))).violations
    assert (said.rule, said.vehicle, said.detail) == ("cost_as_claimed", "truck", "fixed costs 7, not 0, distance costs 3200, not 3199")


def test_the_verdict_prices_the_ride_from_the_problem():
    """U and back: 3,200 m at 2; 320 s of driving, 60 of setup, 30 of work, 90 at the facility at 3; 2 lifts at 7; 5 kg at 11."""
    costly = truck(fixed_cost=100, cost_per_m=2, cost_per_s=3, cost_per_lift=7)
    load = {"A": stop(5, 6, service_s=30, setup_s=60, lifts=2), "B": stop(prize=40)}
    problem = CITY.problem(costly, load=load, unload={"U": facility(turnaround_s=90, fee_per_kg=11)})
    verdict = check(problem, hand_plan(problem, {"truck": "AU"}))
    assert verdict.violations == ()
    assert (verdict.distance_m, verdict.duration_s) == (3_200, 500)
    assert verdict.cost == 100 + 6_400 + 1_500 + 14 + 55
    assert verdict.lost_prizes == 40
    assert verdict.objective == verdict.cost + 40


def test_setup_is_paid_once_where_several_containers_stand():
    """A and its neighbour Aa share a place: 60 s of setup once, 10 s of work each; between them stands another place, it is paid twice."""
    load = {"A": stop(setup_s=60, service_s=10), "Aa": stop(setup_s=60, service_s=10), "B": stop()}
    problem = CITY.problem(truck(), load=load)
    together = hand_plan(problem, {"truck": ["A", "Aa", "B", "U"]}).routes[0]
    apart = hand_plan(problem, {"truck": ["A", "B", "Aa", "U"]}).routes[0]
    assert together.end_s == 320 + 60 + 20
    assert apart.end_s == 320 + 80 + 2 * 60 + 20  # 80 s for going back from B to A and on


def test_mandatory_stops_left_out_are_listed_and_no_violation():
    problem = CITY.problem(truck(), load={"A": (1, 1), "B": stop(prize=3)})
    verdict = check(problem, hand_plan(problem, {}))
    assert verdict.violations == ()
    assert verdict.mandatory_unserved == ("A",)


def test_matrices_are_read_only():
    travel = CITY.travel
    assert not travel.drive_s.flags.writeable
    assert travel.drive_s.dtype == np.int32
    assert hand_plan(CITY.problem(truck(), load={"A": (1, 1)}), {"truck": "AU"}).routes[0].visits[0].kind is VisitKind.PICKUP
