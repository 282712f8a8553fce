"""A given order is driven as it stands; unloads go in where the truck is full, the class changes, or the day ends."""

import random
from dataclasses import replace

import numpy as np
import pytest

from routing.check import check
from routing.given_order import time_given_order, with_unloads
from routing.plan import Reason, VisitKind
from routing.problem import Facility, Problem, Stop, Travel, UnderWay, Vehicle, Window
from tests.routing.random_rounds import draw_problem

HOUR = 3600


def town(loads, *, classes=None, capacity=(1_000, 5_000), facilities=("U",), shift_h=8.0, **stop_values):
    """D----A----B----C----U: a place every kilometre, 60 s apart; each lift takes 60 s, an unload 600 s.

    `loads` is kg by stop (litres are five times that); a second facility "V" stands where D does and takes paper only.
    """
    names = list(loads)
    line = np.arange(len(names) + 2)
    apart = np.abs(line[:, None] - line[None, :])
    stops = tuple(
        Stop(
            key=name,
            location=i + 1,
            load=(loads[name], 5 * loads[name]),
            waste_class=(classes or {}).get(name, "residual"),
            service_s=60,
            **stop_values.get(name, {}),
        )
        for i, name in enumerate(names)
    )
    known = {
        "U": Facility(key="U", location=len(names) + 1, accepts=frozenset({"residual", "paper"}), turnaround_s=600),
        "V": Facility(key="V", location=0, accepts=frozenset({"paper"}), turnaround_s=600),
    }
    truck = Vehicle(
        key="T",
        start_location=0,
        end_location=0,
        capacity=capacity,
        classes=frozenset({"residual", "paper"}),
        shift=Window(6 * HOUR, int((6 + shift_h) * HOUR)),
        cost_per_s=10,
        cost_per_m=1,
    )
    travel = Travel(60 * apart, 1000 * apart)
    return Problem(stops=stops, facilities=tuple(known[name] for name in facilities), vehicles=(truck,), travel=(travel,))


def drive(problem, *order):
    plan = time_given_order(problem, {"T": order})
    assert check(problem, plan).violations == ()
    return plan


def visits(plan):
    return "".join(visit.key for route in plan.routes for visit in route.visits)


def test_a_truck_unloads_before_the_stop_that_would_not_fit():
    """400 + 400 kg fit into 1,000, another 400 do not; 300 after that do."""
    plan = drive(town({"A": 400, "B": 400, "C": 400, "E": 300}), "A", "B", "C", "E")

    assert visits(plan) == "ABUCEU"


def test_light_waste_fills_the_body_before_the_weight_is_reached():
    """Two stops weigh 600 of 1,000 kg, but are 3,000 of 2,000 l."""
    assert visits(drive(town({"A": 300, "B": 300}, capacity=(1_000, 2_000)), "A", "B")) == "AUBU"


def test_the_order_is_kept_however_long_the_way():
    assert visits(drive(town({"A": 100, "B": 100, "C": 100}), "C", "A", "B")) == "CABU"


def test_a_change_of_class_wants_an_unload():
    """Paper goes to V, where the depot is, when the truck goes home; on the way from A to B it goes to whatever costs less."""
    problem = town({"A": 100, "B": 100}, classes={"B": "paper"}, facilities=("U", "V"))

    assert visits(drive(problem, "A", "B")) == "AUBV"


def test_the_cheapest_way_round_counts_the_fee():
    """V lies at the depot, U beyond B; V would be nearer for paper at B, were it not for its fee of 1,000 a kilogram."""
    problem = town({"A": 100, "B": 100}, classes={"A": "paper", "B": "paper"}, facilities=("U", "V"))
    dear = [Facility(key="V", location=0, accepts=frozenset({"paper"}), turnaround_s=600, fee_per_kg=1_000)]
    with_fee = Problem(stops=problem.stops, facilities=(problem.facilities[0], *dear), vehicles=problem.vehicles, travel=problem.travel)

    assert visits(drive(problem, "A", "B")) == "ABV"
    assert visits(drive(with_fee, "A", "B")) == "ABU"


def test_what_the_shift_has_no_room_for_is_left_out_from_the_end():
    """Out to U and home are ten legs of a minute, the unload takes ten, each lift one: 24 minutes hold four lifts, 22 hold two."""
    loads = {"A": 10, "B": 10, "C": 10, "E": 10}

    assert visits(drive(town(loads, shift_h=24 / 60), *loads)) == "ABCEU"
    shorter = drive(town(loads, shift_h=22 / 60), *loads)

    assert visits(shorter) == "ABU"
    assert [(left.stop, left.reason) for left in shorter.unserved] == [("C", Reason.NO_ROOM_LEFT), ("E", Reason.NO_ROOM_LEFT)]


def test_a_stop_whose_window_is_over_is_skipped_and_the_round_goes_on():
    """B closes a minute after the shift begins, A takes two: B could be served alone, but not after A."""
    problem = town({"A": 10, "B": 10, "C": 10}, B={"windows": (Window(0, 6 * HOUR + 150),)})

    plan = drive(problem, "A", "B", "C")

    assert visits(plan) == "ACU"
    assert [left.stop for left in plan.unserved] == ["B"]


def test_what_no_vehicle_can_serve_keeps_its_own_reason():
    problem = town({"A": 10, "B": 2_000}, A={"needs": frozenset({"crane"})})

    plan = drive(problem, "A", "B")

    assert plan.routes == ()
    assert [left.reason for left in plan.unserved] == [Reason.NO_VEHICLE_FOR_NEEDS, Reason.TOO_LARGE]


def test_unknown_trucks_stops_and_repeats_are_passed_over():
    problem = town({"A": 10, "B": 10})

    plan = time_given_order(problem, {"ghost": ["B"], "T": ["A", "Z", "A"]})

    assert visits(plan) == "AU"
    assert [left.stop for left in plan.unserved] == ["B"]
    assert check(problem, plan).violations == ()


def test_a_truck_that_need_not_end_empty_goes_straight_home():
    problem = town({"A": 10})
    [truck] = problem.vehicles
    relaxed = Vehicle(
        key="T", start_location=0, end_location=0, capacity=truck.capacity, classes=truck.classes, shift=truck.shift, ends_empty=False
    )

    assert [place.key for place in with_unloads(problem, relaxed, problem.stops)] == ["A"]


@pytest.mark.parametrize("count", [1, 7, 60])
def test_long_rounds_stay_within_the_trucks_limits(count):
    loads = {f"S{i}": 90 + 7 * (i % 5) for i in range(count)}
    plan = drive(town(loads), *loads)

    assert sum(visit.kind is VisitKind.PICKUP for visit in plan.routes[0].visits) + len(plan.unserved) == count


@pytest.mark.parametrize("seed", range(15))
def test_whatever_the_problem_a_given_order_is_driven_by_the_rules(seed):
    """Random rounds with everything in them: what their rules forbid is left out, and no vehicle on the road is left there."""
    draw = random.Random(seed)
    for number in range(8):
        problem = draw_problem(200_000 + 10 * seed + number, stops=draw.randint(3, 8), vehicles=2)
        keys = [stop.key for stop in draw.sample(problem.stops, len(problem.stops))]
        plan = time_given_order(problem, {"truck 0": keys[::2], "truck 1": keys[1::2], "gone": keys})
        must_drive = {vehicle.key for vehicle in problem.vehicles if vehicle.always_drives}
        if must_drive <= {route.vehicle for route in plan.routes}:
            broken = [one for one in check(problem, plan).violations if one.rule != "one_of_a_group"]
            assert broken == []


def test_a_driver_under_way_does_what_he_was_told_and_unloads_what_he_has():
    """800 kg of paper are on board, and C comes first: residual needs the unload before, A another at the end."""
    problem = town({"A": 100, "B": 100, "C": 100})
    out = UnderWay(location=2, ready_s=7 * HOUR, started_s=6 * HOUR, load=(800, 4_000), classes=frozenset({"paper"}))
    truck = replace(problem.vehicles[0], under_way=out, head=("U", "C"))
    problem = replace(problem, vehicles=(truck,))

    plan = drive(problem, "A", "C")
    assert visits(plan) == "UCAU"
    assert plan.routes[0].start_s == 6 * HOUR
    assert visits(drive(problem)) == "UCU"


def test_what_is_taken_up_and_not_set_down_stays_where_it_is():
    """B is to be brought to C, which this round does not name."""
    problem = town({"A": 100, "B": 100, "C": -100}, B={"bring_to": "C"})
    assert visits(drive(problem, "B", "A")) == "AU"
    assert visits(drive(problem, "B", "A", "C")) == "BACU"
