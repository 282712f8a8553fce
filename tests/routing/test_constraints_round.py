"""Releases, locks, limits over the whole round, and what they cost. A dash is 100 m and 10 s."""

from dataclasses import replace

import pytest

from routing.check import check
from routing.problem import BreakRule, FairShare, Window
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.plans import broken, hand_plan

CITY = ascii_city("D----A----B----C----U")  # A at 40 s, B at 80, C at 120, U at 160; home from U at 320
KEPT: dict[str, object] = {}


def test_the_first_trip_leaves_once_its_goods_are_there():
    """A and B are served on one trip: it leaves with the later of both, at 100 s; 70 s is 30 too early."""
    problem = CITY.problem(truck(), load={"A": stop(release_s=60), "B": stop(release_s=100)})
    assert broken(problem, {"truck": "ABU"}, start_s=100) == KEPT
    assert broken(problem, {"truck": "ABU"}, start_s=70) == {"released": [("B", (30,))]}


def test_a_later_trip_waits_at_the_unload():
    """U at 160, 90 s of turnaround: 250. What C takes is there at 400, so the truck leaves then and is at C at 440."""
    problem = CITY.problem(truck(), load={"A": (1, 1), "C": stop(release_s=400)}, unload={"U": facility(turnaround_s=90)})
    plan = hand_plan(problem, {"truck": "AUCU"})
    assert check(problem, plan).violations == ()
    _, unload, last_stop, _ = plan.routes[0].visits
    assert (unload.start_s, unload.departure_s, last_stop.arrival_s) == (160, 400, 440)


def test_a_plan_that_leaves_the_unload_too_early_is_found():
    """It claims to leave at 250 s, 150 s before the release."""
    problem = CITY.problem(truck(), load={"A": (1, 1), "C": stop(release_s=400)}, unload={"U": facility(turnaround_s=90)})
    plan = hand_plan(problem, {"truck": "AUCU"})
    route = plan.routes[0]
    early = replace(route, visits=(route.visits[0], replace(route.visits[1], departure_s=250), *route.visits[2:]))
    found = {one.rule: (one.stop, one.over) for one in check(problem, replace(plan, routes=(early,))).violations}
    assert found["released"] == ("C", (150,))


def test_a_release_of_another_trip_is_no_matter():
    """C's goods come at 400 s, but A's trip leaves at 0."""
    problem = CITY.problem(truck(), load={"A": stop(release_s=0), "C": stop(release_s=400)})
    assert hand_plan(problem, {"truck": "AUCU"}).routes[0].visits[0].arrival_s == 40
    assert broken(problem, {"truck": "AUCU"}) == KEPT
    assert broken(problem, {"truck": "ACU"}) == {"released": [("C", (400,))]}
    three_trips = CITY.problem(truck(), load={"A": (1, 1), "B": (1, 1), "C": stop(release_s=900)})
    departures = [visit.departure_s for visit in hand_plan(three_trips, {"truck": "AUBUCU"}).routes[0].visits if visit.key == "U"]
    assert departures == [160, 900, 980]  # 160 on at once, 320 at U again and there till 900, C and back 80


def test_the_head_comes_first_and_in_full():
    """Told: B, then unload. A break between is no matter; A before it, or leaving the unload out, is."""
    rest = BreakRule(key="rest", duration_s=60, after_work_s=9_000)
    told = truck(head=("B", "U"), breaks=(rest,))
    problem = CITY.problem(told, load={"A": (1, 1), "B": (1, 1)})
    assert broken(problem, {"truck": ["B", "rest", "U", "A", "U"]}) == KEPT
    assert broken(problem, {"truck": "ABU"}) == {"head_kept": [("B", ())]}
    assert broken(problem, {"truck": "BAU"}) == {"head_kept": [("U", ())]}


def test_a_driver_who_has_been_told_has_a_route():
    problem = CITY.problem(truck(head=("B",)), load={"B": stop(prize=1)})
    assert broken(problem, {"truck": "BU"}) == KEPT
    assert broken(problem, {}) == {"has_its_route": [("B", ())]}


def test_a_sequence_is_kept_by_those_that_are_served():
    """C before B before A; Ca has no place in the sequence, and B need not be served."""
    ordered = truck(sequence=("C", "B", "A"))
    problem = CITY.problem(ordered, load={"A": (1, 1), "B": stop(prize=1), "C": (1, 1), "Ca": (1, 1)})
    assert broken(problem, {"truck": ["C", "Ca", "A", "U"]}) == KEPT
    assert broken(problem, {"truck": ["A", "Ca", "C", "U"]}) == {"sequence_kept": [("C", ())]}
    assert broken(problem, {"truck": ["A", "Ca", "C", "B", "U"]}) == {"sequence_kept": [("C", ()), ("B", ())]}


def test_the_round_begins_by_the_latest_start():
    load = {"A": (1, 1)}
    assert broken(CITY.problem(truck(latest_start_s=300), load=load), {"truck": "AU"}, start_s=300) == KEPT
    said = broken(CITY.problem(truck(latest_start_s=300), load=load), {"truck": "AU"}, start_s=320)
    assert said == {"starts_in_time": [(None, (20,))]}


def test_driving_is_limited_and_work_is_not_driving():
    """The wheels turn for 320 s, whatever the service of 500 s and the wait till 1,000 s."""
    load = {"A": stop(service_s=500, windows=(Window(1_000, 2_000),))}
    assert broken(CITY.problem(truck(max_drive_s=320), load=load), {"truck": "AU"}) == KEPT
    assert broken(CITY.problem(truck(max_drive_s=300), load=load), {"truck": "AU"}) == {"driving_within_limit": [(None, (20,))]}


def test_metres_are_limited():
    """To U and home: 3,200 m."""
    load = {"A": (1, 1)}
    assert broken(CITY.problem(truck(max_distance_m=3_200), load=load), {"truck": "AU"}) == KEPT
    assert broken(CITY.problem(truck(max_distance_m=3_000), load=load), {"truck": "AU"}) == {"distance_within_limit": [(None, (200,))]}


def test_stops_are_limited_and_unloads_are_none():
    load = {"A": (1, 1), "B": (1, 1)}
    assert broken(CITY.problem(truck(max_stops=2), load=load), {"truck": "AUBU"}) == KEPT
    assert broken(CITY.problem(truck(max_stops=1), load=load), {"truck": "AUBU"}) == {"stops_within_limit": [(None, (1,))]}


def test_a_days_load_is_limited_over_all_trips():
    """600 + 500 kg on two trips; the cap of the day is 1,100 or 1,000 kg. Litres: 20 in all."""
    load = {"A": (600, 10), "B": (500, 10)}
    assert broken(CITY.problem(truck(max_lifted=(1_100, 20)), load=load), {"truck": "AUBU"}) == KEPT
    said = broken(CITY.problem(truck(max_lifted=(1_000, 15)), load=load), {"truck": "AUBU"})
    assert said == {"lifted_within_limit": [(None, (100, 5))]}


def test_what_is_set_down_takes_nothing_off_the_days_load():
    """400 kg are carried from A to C and 700 lifted at B: 1,100 kg in all."""
    load = {"A": stop(400, 0, bring_to="C"), "C": stop(-400, 0), "B": (700, 0)}
    assert broken(CITY.problem(truck(max_lifted=(1_100, 0)), load=load), {"truck": "ACBU"}) == KEPT
    said = broken(CITY.problem(truck(max_lifted=(1_000, 0)), load=load), {"truck": "ACBU"})
    assert said == {"lifted_within_limit": [(None, (100, 0))]}


@pytest.mark.parametrize(("after_s", "seconds"), [(None, 0), (320, 0), (300, 20), (0, 320)])
def test_overtime_is_paid_on_top(after_s: int | None, seconds: int):
    """A round of 320 s, 2 a second and 5 more for each above the limit."""
    problem = CITY.problem(truck(cost_per_m=0, cost_per_s=2, overtime_after_s=after_s, overtime_cost_per_s=5), load={"A": (1, 1)})
    verdict, cost = _verdict_and_cost(problem, "AU")
    assert (cost.time, cost.overtime) == (640, 5 * seconds)
    assert verdict.cost == 640 + 5 * seconds


def test_a_stop_on_another_truck_than_usual_costs_a_change():
    """A is this truck's own, B is that of truck 7, C is nobody's: only B costs."""
    load = {
        "A": stop(usual_vehicle="truck", change_cost=50),
        "B": stop(usual_vehicle="truck 7", change_cost=60),
        "C": stop(change_cost=70),
    }
    verdict, cost = _verdict_and_cost(CITY.problem(truck(), load=load), "ABCU")
    assert cost.changes == 60
    assert verdict.cost == 3_200 + 60


@pytest.mark.parametrize(
    ("share", "cost"),
    [
        (FairShare(duration_s=320, cost_per_s=7, load_kg=900, cost_per_kg=11), 0),
        (FairShare(duration_s=300, cost_per_s=7, load_kg=900, cost_per_kg=11), 20 * 7),
        (FairShare(duration_s=300, cost_per_s=7, load_kg=800, cost_per_kg=11), 20 * 7 + 100 * 11),
        (FairShare(load_kg=800, cost_per_kg=11), 100 * 11),
        (FairShare(cost_per_s=1), 320),
    ],
)
def test_more_than_a_fair_share_has_its_price(share: FairShare, cost: int):
    """The round takes 320 s and lifts 900 kg."""
    verdict, claimed = _verdict_and_cost(CITY.problem(truck(fair_share=share), load={"A": (400, 1), "B": (500, 1)}), "ABU")
    assert claimed.unfairness == cost
    assert verdict.cost == 3_200 + cost


def test_each_visit_of_a_facility_has_its_fee():
    """Two unloads at 30, and 10 + 20 kg at 2; the second unload with nothing on board costs 30 too."""
    problem = CITY.problem(truck(), load={"A": (10, 1), "B": (20, 1)}, unload={"U": facility(fee_per_visit=30, fee_per_kg=2)})
    assert _verdict_and_cost(problem, "AUBU")[1].fees == 60 + 60
    assert _verdict_and_cost(problem, "ABUU")[1].fees == 60 + 60


def _verdict_and_cost(problem, order):
    plan = hand_plan(problem, {"truck": order})
    verdict = check(problem, plan)
    assert verdict.violations == ()
    return verdict, plan.routes[0].cost
