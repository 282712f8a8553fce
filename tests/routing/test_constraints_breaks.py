"""Breaks that repeat, come in parts, follow the wheels or the length of the day. A dash is 100 m and 10 s."""

from dataclasses import replace

from routing.check import check
from routing.problem import BreakRule, Window
from tests.routing.ascii_city import ascii_city, meal, stop, truck
from tests.routing.plans import broken, hand_plan

CITY = ascii_city("D----A----B----C----U")  # A at 40 s, B at 80, C at 120, U at 160; home from U at 320
KEPT: dict[str, object] = {}
MISSED = {"break_taken": [("rest", ())]}


def rest(duration_s: int = 60, **changes) -> BreakRule:
    return BreakRule(key="rest", duration_s=duration_s, **changes)


def test_a_break_that_repeats_is_counted_from_its_own_end():
    """Rests of 60 s, at most 160 s apart. At B from 80 to 140, at U from 220 to 280, home at 440: 80, 80 and 160 s.

    At U alone it begins in the last second, 160, and 220 → 380 is 160 again. At B alone 140 → 380 is 240.
    """
    problem = CITY.problem(truck(breaks=(rest(after_work_s=160, repeats=True),)), load={"B": (1, 1)})
    assert broken(problem, {"truck": ["B", "rest", "U", "rest"]}) == KEPT
    assert broken(problem, {"truck": ["B", "U", "rest"]}) == KEPT
    assert broken(problem, {"truck": ["B", "rest", "U"]}) == MISSED


def test_a_break_that_does_not_repeat_is_due_once():
    """Due by 160 s, taken at 80; then 300 s without."""
    problem = CITY.problem(truck(breaks=(rest(after_work_s=160),)), load={"B": (1, 1)})
    assert broken(problem, {"truck": ["B", "rest", "U"]}) == KEPT
    assert broken(problem, {"truck": ["B", "U"]}) == MISSED


def test_only_the_wheels_count_towards_driving():
    """160 s to U and 160 s home. The 1,000 s of service at A count for nothing."""
    load = {"A": stop(service_s=1_000)}
    assert broken(CITY.problem(truck(breaks=(rest(after_drive_s=320),)), load=load), {"truck": "AU"}) == KEPT
    assert broken(CITY.problem(truck(breaks=(rest(after_drive_s=310),)), load=load), {"truck": "AU"}) == MISSED
    assert broken(CITY.problem(truck(breaks=(rest(after_drive_s=310),)), load=load), {"truck": ["A", "U", "rest"]}) == KEPT


def test_driving_is_counted_anew_after_each_break():
    """At most 160 s at a time: a break at U suffices; one at B leaves 80 + 160 s, one at B and one at U nothing above 160."""
    problem = CITY.problem(truck(breaks=(rest(after_drive_s=160, repeats=True),)), load={"B": (1, 1)})
    assert broken(problem, {"truck": ["B", "U", "rest"]}) == KEPT
    assert broken(problem, {"truck": ["B", "rest", "U"]}) == MISSED
    assert broken(problem, {"truck": ["B", "rest", "U", "rest"]}) == KEPT


def test_a_break_after_driving_too_far_is_too_late():
    """150 s at most, but U is 160 s away without a stop."""
    problem = CITY.problem(truck(breaks=(rest(after_drive_s=150, repeats=True),)), load={"B": (1, 1)})
    assert broken(problem, {"truck": ["B", "rest", "U", "rest", "B"]})["break_taken"] == [("rest", ())]
    assert broken(problem, {"truck": ["B", "U", "rest"]}) == MISSED


PARTS = rest(45, after_drive_s=160, repeats=True, parts_s=(15, 30))


def test_a_break_may_be_taken_in_parts_in_their_order():
    """15 s at A and 30 s at U are the whole 45: then 160 s home. In the other order the 15 s at U come too soon for the second part."""
    problem = CITY.problem(truck(breaks=(PARTS,)), load={"A": (1, 1)})
    assert broken(problem, {"truck": ["A", ("rest", 15), "U", ("rest", 30)]}) == KEPT
    assert hand_plan(problem, {"truck": ["A", ("rest", 15), "U", ("rest", 30)]}).routes[0].end_s == 320 + 45
    assert broken(problem, {"truck": ["A", ("rest", 30), "U", ("rest", 15)]}) == MISSED


def test_a_part_alone_is_no_break():
    """After 15 s at A the meter still runs: 320 s in all."""
    problem = CITY.problem(truck(breaks=(PARTS,)), load={"A": (1, 1)})
    assert broken(problem, {"truck": ["A", ("rest", 15), "U"]}) == MISSED
    assert broken(problem, {"truck": ["A", ("rest", 15), "U", ("rest", 15)]}) == MISSED


def test_a_whole_break_makes_up_for_parts_that_were_begun():
    """15 s at A, then 45 s at U: whole. A second round of parts begins after it: 15 and 15 do not make the next one."""
    problem = CITY.problem(truck(breaks=(PARTS,)), load={"A": (1, 1), "B": (1, 1)})
    assert broken(problem, {"truck": ["A", ("rest", 15), "U", "rest"]}) == KEPT
    two_trips = ["A", ("rest", 15), "U", "rest", "B", ("rest", 15), "U"]  # 80 to B, 80 to U, then home: 320
    assert broken(problem, {"truck": two_trips}) == MISSED
    assert broken(problem, {"truck": [*two_trips, ("rest", 30)]}) == KEPT


def test_the_second_part_comes_in_time_too():
    """Whole by the clock: the first part at 40, the second must begin by 150 s; at U it is 175."""
    clock = rest(45, after_work_s=150, repeats=True, parts_s=(15, 30))
    problem = CITY.problem(truck(breaks=(clock,)), load={"A": (1, 1), "B": (1, 1)})
    assert broken(problem, {"truck": ["A", ("rest", 15), "B", "U", ("rest", 30)]}) == MISSED
    # 40–55 at A, 95–125 at B, U at 205: 80 s later, there again in one piece till 250, home at 410: 160 s, too late by 10
    assert broken(problem, {"truck": ["A", ("rest", 15), "B", ("rest", 30), "U", "rest"]}) == MISSED


def test_a_break_may_hold_for_long_days_alone():
    """The round lasts 320 s without the break of 60 s and 380 s with it: it is not longer than 320, and longer than 319."""
    load = {"B": (1, 1)}
    long_days = CITY.problem(truck(breaks=(rest(after_work_s=100, only_if_longer_s=320),)), load=load)
    assert broken(long_days, {"truck": "BU"}) == KEPT
    shorter = CITY.problem(truck(breaks=(rest(after_work_s=100, only_if_longer_s=319),)), load=load)
    assert broken(shorter, {"truck": "BU"}) == MISSED
    assert broken(shorter, {"truck": ["B", "rest", "U"]}) == KEPT


def test_each_rule_has_its_own_break():
    """A meal at B (80 to 110) is no rest, and a rest is no meal; both in turn satisfy both."""
    both = truck(breaks=(meal(80, 150, 30), rest(30, after_work_s=150)))
    problem = CITY.problem(both, load={"B": (1, 1)})
    assert broken(problem, {"truck": ["B", "meal", "U"]}) == MISSED
    assert broken(problem, {"truck": ["B", "rest", "U"]}) == {"break_taken": [("meal", ())]}
    assert broken(problem, {"truck": ["B", "rest", "meal", "U"]}) == KEPT


def test_waiting_is_no_rest():
    """The truck waits at B from 80 to 300 s for the window; the meter by the clock runs on."""
    load = {"B": stop(windows=(Window(300, 900),))}
    problem = CITY.problem(truck(breaks=(rest(after_work_s=200),)), load=load)
    assert broken(problem, {"truck": "BU"}) == MISSED
    assert broken(problem, {"truck": ["rest", "B", "U"]}) == KEPT


def test_a_break_is_taken_where_the_truck_stands_anyway():
    """Between B and U it rests at B or at U; C lies on the way, but there is nothing to do there."""
    problem = CITY.problem(truck(breaks=(rest(after_work_s=300),)), load={"B": (1, 1), "C": stop(prize=0)})
    plan = hand_plan(problem, {"truck": ["B", "rest", "U"]})
    route = plan.routes[0]
    said = {}
    for name in "BUCA":
        elsewhere = replace(route.visits[1], location=CITY.at(name))
        moved = replace(plan, routes=(replace(route, visits=(route.visits[0], elsewhere, route.visits[2])),))
        said[name] = [one.rule for one in check(problem, moved).violations if not one.rule.endswith("_as_claimed")]
    assert said == {"B": [], "U": [], "C": ["break_where_it_stands"], "A": ["break_where_it_stands"]}
