"""From an order to a timed and priced route, with the arithmetic. A dash of a drawing is 100 m and takes 10 s."""

import random
from dataclasses import replace
from itertools import product

import pytest

from routing.clock import least_order, time_route
from routing.pacing import Pacing
from routing.plan import VisitKind
from routing.problem import BreakRule, Compartment, FairShare, Pace, UnderWay, Window
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.random_rounds import draw_order, draw_problem
from tests.routing.test_clock_against_check import driven, verdict_on

CITY = ascii_city("D----A----B----C----U")
EVERY = BreakRule(key="rest", duration_s=60, after_drive_s=100, repeats=True)


def drive(problem, keys, vehicle=None):
    known = problem.stop_by_key | problem.facility_by_key
    route = time_route(problem, vehicle or problem.vehicles[0], tuple(known[key] for key in keys))
    if route is not None:
        assert verdict_on(problem, route).violations == ()
    return route


def halts(route):
    return [(visit.key, visit.start_s) for visit in route.visits]


# -- the pace of the day -------------------------------------------------------------------------------------------------------


def test_a_leg_is_rounded_up_once_at_its_end():
    """100 s as they are, then 500 at 1.3 take 650; 501 take 651.3."""
    pacing = Pacing((Pace(1_000, 1_300),))
    assert pacing.arrive_s(900, 600) == 1_650
    assert pacing.arrive_s(900, 601) == 1_652
    assert pacing.arrive_s(2_000, 10) == 2_013
    assert pacing.arrive_s(0, 1_000) == 1_000


@pytest.mark.parametrize("seed", range(20))
def test_the_last_second_to_leave_is_that_of_which_the_arrival_says_so(seed):
    """Who leaves later never arrives earlier; `leave_s` is the last that is in time."""
    draw = random.Random(seed)
    paces = tuple(Pace(at, draw.choice((333, 700, 1_000, 1_301, 2_500))) for at in sorted(draw.sample(range(200), 3)))
    pacing, leg_s = Pacing(paces), draw.randint(0, 90)
    arrivals = [pacing.arrive_s(second, leg_s) for second in range(400)]
    assert arrivals == sorted(arrivals)
    for arrive_s in range(arrivals[0], arrivals[-1]):
        assert pacing.leave_s(arrive_s, leg_s) == max(second for second in range(400) if arrivals[second] <= arrive_s)


def test_a_round_leaves_as_late_as_the_pace_allows():
    """A opens at 300. From 260 on the 40 s to it take 80: 20 s by 280 at the rush, so it leaves at 230: 30 s, then 10 s at 2."""
    travel = replace(CITY.travel, paces=(Pace(280, 2_000),))
    problem = CITY.problem(truck(ends_empty=False), load={"A": stop(windows=(Window(300, 900),))}, travel=travel)
    route = drive(problem, "A")
    assert route.start_s == 250
    assert halts(route) == [("A", 300)]
    assert route.end_s == 380


# -- releases and rounds under way ---------------------------------------------------------------------------------------------


def test_the_first_trip_leaves_when_its_load_is_there_and_the_next_waits_at_the_unload():
    """Out at 500; at A 540, which closes then; at U 660; B is ready at 900, 80 s on."""
    load = {"A": stop(release_s=500, windows=(Window(0, 540),)), "B": stop(release_s=900)}
    route = drive(CITY.problem(truck(), load=load), "AUBU")
    assert route.start_s == 500
    assert halts(route) == [("A", 540), ("U", 660), ("B", 980), ("U", 1_060)]
    assert route.visits[1].departure_s == 900


def test_a_round_under_way_goes_on_from_where_it_is_and_counts_from_its_start():
    """From B at 200: 40 s to C, 40 s on, 160 s home; 1,000 m + 1,400 m are to come, 440 s paid, the 9 kg on board at 2 a kilogram."""
    out = UnderWay(location=2, ready_s=200, started_s=0, load=(9, 9), classes=frozenset({"waste"}), driven_m=5_000)
    vehicle = truck(cost_per_s=10, fixed_cost=3, under_way=out, latest_start_s=0, shift=Window(100, 600))
    problem = CITY.problem(vehicle, load={"C": (1, 1)}, unload={"U": facility(fee_per_kg=2, fee_per_visit=7)})
    route = drive(problem, "CU")
    assert (route.start_s, route.end_s, route.distance_m) == (0, 440, 400 + 400 + 1_600)
    assert route.cost.total == 3 + 4_400 + 2_400 + 7 + 2 * 10
    assert route.visits[0].load_after == (10, 10)
    assert drive(problem, "C") is None


def test_the_least_of_a_vehicle_on_the_road_is_its_way_home_and_empty():
    loaded = UnderWay(location=2, ready_s=0, started_s=0, load=(1, 1), classes=frozenset({"waste"}))
    for out, visited in ((loaded, ["U"]), (replace(loaded, load=(0, 0), classes=frozenset()), [])):
        problem = CITY.problem(truck(under_way=out), load={"A": (1, 1)})
        assert [place.key for place in least_order(problem, problem.vehicles[0])] == visited
    assert least_order(CITY.problem(truck(), load={}), truck()) == ()


# -- what is on board ----------------------------------------------------------------------------------------------------------


def test_compartments_fill_one_by_one():
    """Two classes on one trip; a second glass does not fit its part, though the body has room."""
    parts = tuple(Compartment(classes=frozenset({name}), capacity=(10, 10)) for name in ("glass", "paper"))
    load = {"A": stop(6, 6, waste_class="glass"), "B": stop(9, 9, waste_class="paper"), "C": stop(5, 5, waste_class="glass")}
    vehicle = truck(compartments=parts, classes=frozenset({"glass", "paper"}))
    problem = CITY.problem(vehicle, load=load)
    assert drive(problem, "ABU") is not None
    assert drive(problem, "ABCU") is None
    assert drive(problem, "ABUCU") is not None


def test_what_is_brought_elsewhere_rides_only_in_between():
    """B's 6 kg beside A's 5 are too much for 10, but not before A, and not after they have been set down."""
    load = {"A": stop(5, 5), "B": stop(6, 6, bring_to="C"), "C": stop(-6, -6)}
    problem = CITY.problem(truck(capacity_kg=10), load=load)
    assert drive(problem, "ABCU") is None
    assert drive(problem, "BCAU") is not None
    assert drive(problem, "BC") is not None
    assert drive(problem, "CB") is drive(problem, "B") is drive(problem, "BUC") is None


# -- money ---------------------------------------------------------------------------------------------------------------------


def test_overtime_unfairness_and_changes_have_their_price():
    """320 s and 10 kg: 20 s above 300 at 5, 120 s above 200 at 2, 4 kg above 6 at 3, and A is another's."""
    fair = FairShare(duration_s=200, cost_per_s=2, load_kg=6, cost_per_kg=3)
    vehicle = truck(overtime_after_s=300, overtime_cost_per_s=5, fair_share=fair)
    problem = CITY.problem(vehicle, load={"A": stop(usual_vehicle="other", change_cost=70), "B": stop(0, 0, usual_vehicle="truck")})
    cost = drive(problem, "ABU").cost
    assert (cost.overtime, cost.unfairness, cost.changes) == (100, 240 + 12, 70)


# -- breaks --------------------------------------------------------------------------------------------------------------------


def test_rests_repeat_as_late_as_the_wheel_allows():
    """320 s at the wheel: a rest at C after 80 of 100 s? No leg may end beyond: C is at 120. B at 80, U 80 later, and 160 s home."""
    problem = CITY.problem(truck(breaks=(EVERY,)), load=dict.fromkeys("ABC", (1, 1)))
    assert drive(problem, "ABCU") is None
    longer = replace(EVERY, after_drive_s=160)
    route = drive(problem := CITY.problem(truck(breaks=(longer,)), load=dict.fromkeys("ABC", (1, 1))), "ABCU")
    assert [visit.key for visit in route.visits] == ["A", "B", "C", "U", "rest"]
    assert route.duration_s == 320 + 60


def test_a_rest_in_parts_uses_the_time_that_is_waited_anyway():
    """B opens 25 s after the truck comes, too early for a whole rest: the 240 s from there home would need another.

    Whole at U: 320 + 25 + 60. In parts: 20 s while it waits, 40 s at U.
    """
    parts = BreakRule(key="rest", duration_s=60, after_work_s=200, repeats=True, parts_s=(20, 40))
    load = {"A": stop(windows=(Window(0, 40),)), "B": stop(windows=(Window(105, 900),))}
    rules = (replace(parts, parts_s=()), parts)
    whole, divided = (drive(CITY.problem(truck(breaks=(rule,), shift=Window(0, 900)), load=load), "ABU") for rule in rules)
    assert whole.duration_s == 405
    assert divided.duration_s == 385
    assert [visit.departure_s - visit.start_s for visit in divided.visits if visit.kind is VisitKind.BREAK] == [20, 40]


def test_a_rule_for_long_days_leaves_short_ones_alone():
    rule = BreakRule(key="rest", duration_s=30, after_work_s=100, only_if_longer_s=320)
    problem = CITY.problem(truck(breaks=(rule,)), load={"A": (1, 1), "B": stop(service_s=1)})
    assert [visit.key for visit in drive(problem, "AU").visits] == ["A", "U"]
    assert "rest" in [visit.key for visit in drive(problem, "ABU").visits]


def test_rests_count_from_the_last_one_of_a_round_under_way():
    """100 s at the wheel since the rest at 100, of 250: 120 s to U are within, the 160 s home are not."""
    out = UnderWay(location=1, ready_s=200, started_s=0, load=(0, 0), driven_s=180, rested_s=100)
    rule = BreakRule(key="rest", duration_s=60, after_drive_s=250, repeats=True)
    vehicle = truck(breaks=(rule,), under_way=out)
    route = drive(CITY.problem(vehicle, load={"B": (1, 1)}), "BU")
    assert [visit.key for visit in route.visits] == ["B", "U", "rest"]


@pytest.mark.parametrize("seed", range(30))
def test_where_one_rest_would_do_it_is_found(seed):
    """Against every place of one rest, before and after each leg, and every start: random short rounds with one rule that counts."""
    draw = random.Random(seed)
    for number in range(6):
        problem = draw_problem(600_000 + 10 * seed + number, stops=3, vehicles=1, allowed=frozenset({"windows", "mixing", "under_way"}))
        count = draw.choice(({"after_work_s": 10 * draw.randint(8, 25)}, {"after_drive_s": 10 * draw.randint(6, 12)}))
        rule = BreakRule(key="rest", duration_s=30, repeats=draw.random() < 0.5, **count)
        vehicle = replace(problem.vehicles[0], breaks=(rule,), ends_empty=False)
        problem = replace(problem, vehicles=(vehicle,))
        order = draw_order(draw, problem, vehicle)
        if any(len(place.windows) > 1 for place in order) or time_route(problem, vehicle, order) is not None:
            continue
        for keys, start_s in product(_with_one_rest(order), range(0, 600, 10)):
            assert verdict_on(problem, _driven_with_rest(problem, vehicle, keys, start_s)).violations
            if vehicle.under_way is not None:
                break


def _with_one_rest(order):
    """(place or location) lists: the order with a rest at each end of each leg, and without."""
    yield list(order)
    for position in range(len(order) + 1):
        for at_next in (False, True):
            yield [*order[:position], ("rest", at_next), *order[position:]]


def _driven_with_rest(problem, vehicle, places, start_s):
    visits, here = [], vehicle.begins_at
    for number, place in enumerate(places):
        if isinstance(place, tuple):
            after = places[number + 1].location if number + 1 < len(places) else vehicle.end_location
            kind, key, location = VisitKind.BREAK, "rest", after if place[1] else here
        else:
            kind = VisitKind.PICKUP if place.key in problem.stop_by_key else VisitKind.UNLOAD
            key, location = place.key, place.location
        here = location
        visits.append((kind, key, location))
    return driven(problem, vehicle, visits, start_s)
