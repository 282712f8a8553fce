"""A truck that has left already: planned from here on, counted from its start. A dash is 100 m and 10 s."""

from dataclasses import replace

import pytest

from routing.check import check
from routing.problem import BreakRule, Compartment, FairShare, UnderWay, Vehicle, Window
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.plans import broken, hand_plan

CITY = ascii_city("D----A----B----C----U")
KEPT: dict[str, object] = {}


def out(changes: dict | None = None, **vehicle) -> Vehicle:
    """Free at B at 1,000 s, having left at 200, with 300 kg and 400 l of waste on board."""
    before = {"location": CITY.at("B"), "ready_s": 1_000, "started_s": 200, "load": (300, 400), "classes": frozenset({"waste"})}
    return truck(under_way=UnderWay(**{**before, **(changes or {})}), **vehicle)


def test_the_round_goes_on_where_the_truck_is():
    """B → C 40 s, → U 40 s, home 160 s: 1,240. On board 300 + 10 kg at C. 400 + 400 + 1,600 m are still to go."""
    problem = CITY.problem(out(), load={"C": (10, 20)})
    route = hand_plan(problem, {"truck": "CU"}).routes[0]
    assert broken(problem, {"truck": "CU"}) == KEPT
    assert [visit.arrival_s for visit in route.visits] == [1_040, 1_080]
    assert route.visits[0].load_after == (310, 420)
    assert (route.start_s, route.end_s, route.distance_m) == (200, 1_240, 2_400)


def test_a_claim_to_have_started_later_is_found():
    problem = CITY.problem(out(), load={"C": (10, 20)})
    plan = hand_plan(problem, {"truck": "CU"})
    later = replace(plan, routes=(replace(plan.routes[0], start_s=1_000),))
    assert [one.rule for one in check(problem, later).violations] == ["times_as_claimed"]


def test_time_costs_from_the_start_and_distance_from_here_on():
    """1,040 s since 200 at 3, of which 40 above 1,000 are overtime at 5; 2,400 m at 1; fixed 70; 310 kg and a visit: 620 + 9; one lift.

    The fair share is 1,000 s and 500 kg; 600 have been lifted before and 10 now: 40 × 2 + 110 × 4.
    """
    share = FairShare(duration_s=1_000, cost_per_s=2, load_kg=500, cost_per_kg=4)
    costs = {"fixed_cost": 70, "cost_per_s": 3, "cost_per_lift": 8, "overtime_after_s": 1_000, "overtime_cost_per_s": 5}
    running = out({"driven_m": 5_000, "driven_s": 500, "lifted": (600, 800)}, fair_share=share, **costs)
    problem = CITY.problem(running, load={"C": (10, 20)}, unload={"U": facility(fee_per_kg=2, fee_per_visit=9)})
    cost = hand_plan(problem, {"truck": "CU"}).routes[0].cost
    assert (cost.fixed, cost.time, cost.overtime, cost.distance, cost.lifts, cost.fees) == (70, 3_120, 200, 2_400, 8, 629)
    assert cost.unfairness == 80 + 440
    assert check(problem, hand_plan(problem, {"truck": "CU"})).cost == cost.total


def test_what_is_on_board_counts_towards_the_trip():
    """300 kg on board and 10 more; a truck of 305 kg is 5 over."""
    load = {"C": (10, 20)}
    assert broken(CITY.problem(out(capacity_kg=310), load=load), {"truck": "CU"}) == KEPT
    assert broken(CITY.problem(out(capacity_kg=305), load=load), {"truck": "CU"}) == {"load_within_capacity": [("C", (5, 0))]}
    other = CITY.problem(out({"classes": frozenset({"glass"})}), load=load, unload={"U": facility({"waste", "glass"})})
    assert broken(other, {"truck": "CU"}) == {"one_class_per_trip": [("C", ())]}
    assert broken(other, {"truck": "UCU"}) == KEPT


def test_what_is_on_board_rides_in_its_compartment():
    """300 kg of paper on board in a part for 305: 10 kg more are 5 too many, and glass is none of its business."""
    parts = (
        Compartment(classes=frozenset({"paper"}), capacity=(305, 900)),
        Compartment(classes=frozenset({"glass"}), capacity=(50, 900)),
    )
    running = out({"classes": frozenset({"paper"})}, compartments=parts, classes=frozenset({"paper", "glass"}))
    accepts = {"U": facility({"paper", "glass"})}
    glass = CITY.problem(running, load={"C": stop(50, 20, waste_class="glass")}, unload=accepts)
    assert broken(glass, {"truck": "CU"}) == KEPT
    paper = CITY.problem(running, load={"C": stop(10, 20, waste_class="paper")}, unload=accepts)
    assert broken(paper, {"truck": "CU"}) == {"load_within_compartment": [("C", (5, 0))]}


def test_what_is_on_board_has_one_compartment():
    parts = (Compartment(classes=frozenset({"paper"}), capacity=(9, 9)), Compartment(classes=frozenset({"glass"}), capacity=(9, 9)))
    with pytest.raises(ValueError, match="one compartment"):
        out({"classes": frozenset({"paper", "glass"})}, compartments=parts)


def test_a_truck_under_way_comes_home_empty():
    problem = CITY.problem(out(), load={"C": stop(prize=1)})
    assert broken(problem, {"truck": "U"}) == KEPT
    assert broken(problem, {"truck": ""}) == {"ends_empty": [(None, (300, 400))]}
    assert broken(problem, {}) == {"has_its_route": [(None, ())]}
    empty = CITY.problem(out({"load": (0, 0), "classes": frozenset()}), load={"C": stop(prize=1)})
    assert broken(empty, {"truck": ""}) == KEPT


def test_a_start_in_the_past_breaks_no_rule_and_the_end_does():
    """It left at 200: before the shift's 500 s, after the latest start of 100 s. It is home at 1,240."""
    load = {"C": (1, 1)}
    assert broken(CITY.problem(out(shift=Window(500, 1_240), latest_start_s=100), load=load), {"truck": "CU"}) == KEPT
    assert broken(CITY.problem(out(shift=Window(500, 1_200)), load=load), {"truck": "CU"}) == {"shift_respected": [(None, (40,))]}


@pytest.mark.parametrize(
    ("before", "limit", "kept", "rule", "over"),
    [
        ({}, "max_duration_s", 1_040, "duration_within_limit", 40),  # from 200 to 1,240
        ({"driven_s": 500}, "max_drive_s", 740, "driving_within_limit", 40),  # 240 s to go
        ({"driven_m": 5_000}, "max_distance_m", 7_400, "distance_within_limit", 40),  # 2,400 m to go
        ({"stops": 41}, "max_stops", 42, "stops_within_limit", 1),
        ({"unloads": 2}, "max_trips", 3, "trips_within_limit", 1),
    ],
)
def test_limits_count_what_was_before(before: dict, limit: str, kept: int, rule: str, over: int):
    load = {"C": (1, 1)}
    assert broken(CITY.problem(out(before, **{limit: kept}), load=load), {"truck": "CU"}) == KEPT
    assert broken(CITY.problem(out(before, **{limit: kept - over}), load=load), {"truck": "CU"}) == {rule: [(None, (over,))]}


def test_the_days_load_counts_what_was_lifted_before():
    """600 kg before, 10 now."""
    load = {"C": (10, 20)}
    lifted = {"lifted": (600, 800)}
    assert broken(CITY.problem(out(lifted, max_lifted=(610, 820)), load=load), {"truck": "CU"}) == KEPT
    said = broken(CITY.problem(out(lifted, max_lifted=(600, 820)), load=load), {"truck": "CU"})
    assert said == {"lifted_within_limit": [(None, (10, 0))]}


def test_a_break_that_is_done_is_not_due_again():
    """Due by 700 s after 200: that was past at 1,000. It is kept only by who has taken it."""
    late = BreakRule(key="rest", duration_s=60, after_work_s=700)
    load = {"C": (1, 1)}
    assert broken(CITY.problem(out({"taken": frozenset({"rest"})}, breaks=(late,)), load=load), {"truck": "CU"}) == KEPT
    assert broken(CITY.problem(out(breaks=(late,)), load=load), {"truck": ["rest", "C", "U"]}) == {"break_taken": [("rest", ())]}


def test_repeating_breaks_are_counted_from_the_last_one():
    """Rested till 900: at 1,240 that is 340 s ago. Never rested: 1,040 s since 200."""
    every = BreakRule(key="rest", duration_s=60, after_work_s=340, repeats=True)
    load = {"C": (1, 1)}
    assert broken(CITY.problem(out({"rested_s": 900}, breaks=(every,)), load=load), {"truck": "CU"}) == KEPT
    assert broken(CITY.problem(out({"rested_s": 890}, breaks=(every,)), load=load), {"truck": "CU"}) == {"break_taken": [("rest", ())]}
    assert broken(CITY.problem(out(breaks=(every,)), load=load), {"truck": "CU"}) == {"break_taken": [("rest", ())]}
    taken = out({"taken": frozenset({"rest"})}, breaks=(every,))  # a rule that repeats is never done
    assert broken(CITY.problem(taken, load=load), {"truck": "CU"}) == {"break_taken": [("rest", ())]}


def test_a_break_that_is_due_once_is_counted_from_the_start_whoever_has_rested():
    """1,040 s from 200 to 1,240, however lately another rest ended."""
    load = {"C": (1, 1)}
    for seconds, said in ((1_040, KEPT), (1_039, {"break_taken": [("rest", ())]})):
        once = BreakRule(key="rest", duration_s=60, after_work_s=seconds)
        assert broken(CITY.problem(out({"rested_s": 900}, breaks=(once,)), load=load), {"truck": "CU"}) == said


@pytest.mark.parametrize(
    ("before", "driven_s"),
    [
        ({"driven_s": 300}, 300),  # no rest yet
        ({"driven_s": 300, "rested_s": 900}, 100),  # no more than the 100 s since then
        ({"driven_s": 60, "rested_s": 900}, 60),
    ],
)
def test_driving_since_the_last_break_is_the_most_that_it_can_have_been(before: dict, driven_s: int):
    """240 s at the wheel are still to come."""
    for spare_s, said in ((0, KEPT), (-1, {"break_taken": [("rest", ())]})):
        rule = BreakRule(key="rest", duration_s=60, after_drive_s=driven_s + 240 + spare_s, repeats=True)
        assert broken(CITY.problem(out(before, breaks=(rule,)), load={"C": (1, 1)}), {"truck": "CU"}) == said


def test_the_truck_waits_where_it_is_for_what_is_released():
    """C's goods come at 1,100 s: the truck leaves B then, and is at C at 1,140."""
    problem = CITY.problem(out(), load={"C": stop(release_s=1_100)})
    assert broken(problem, {"truck": "CU"}) == KEPT
    assert hand_plan(problem, {"truck": "CU"}).routes[0].visits[0].arrival_s == 1_140


def test_no_setup_where_the_truck_stands():
    problem = CITY.problem(out(), load={"B": stop(setup_s=60), "C": stop(setup_s=60)})
    assert [visit.start_s for visit in hand_plan(problem, {"truck": "BCU"}).routes[0].pickups] == [1_000, 1_100]


def test_locks_hold_from_here_on():
    problem = CITY.problem(out(head=("C",)), load={"B": (1, 1), "C": (1, 1)})
    assert broken(problem, {"truck": "CBU"}) == KEPT
    assert broken(problem, {"truck": "BCU"}) == {"head_kept": [("C", ())]}
