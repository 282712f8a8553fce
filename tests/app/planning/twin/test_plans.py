"""Fixed plans are as good as they can be made by place, and a tenant's own plan can be driven less often."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from app.errors import SetupError
from app.planning.twin.areas import Areas, areas_of
from app.planning.twin.fixed_plans import FixedPlan, Pattern
from app.planning.twin.replay import Span, replay
from app.planning.twin.thinned_plans import Thinning, best_thinned_plans, halt_figures, thinned_plan, thinnings
from app.planning.twin.tours import Tours
from app.planning.twin.trimmed import moved, read_schedule, trimmed_plans
from tests.app.planning.twin.towns import random_inflow, two_areas

MONDAY = date(2026, 1, 5)


@pytest.fixture(scope="module")
def areas() -> Areas:
    return areas_of(Tours(two_areas()))


@pytest.mark.parametrize("pattern", [Pattern(frozenset({0, 3})), Pattern(every_d=3, phase=1)])
def test_a_patterns_days_are_numbered_one_after_the_other(pattern: Pattern) -> None:
    days = [MONDAY + timedelta(days=i) for i in range(60)]
    numbers = [pattern.number(day) for day in days if pattern.on(day)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_thinnings_take_some_weekdays_or_every_so_many_th_visit() -> None:
    options = thinnings(Pattern(frozenset({0, 2, 4})))
    assert len(options) == 1 + 6 + 9
    second = Thinning(Pattern(frozenset({0, 3})), every=2)
    assert [day for day in range(14) if second.on(MONDAY + timedelta(days=day))] in ([0, 7], [3, 10])


def test_a_place_that_hardly_fills_is_halted_at_less_often(areas: Areas) -> None:
    inflow = random_inflow(areas.tours.town, 84, mean=0.3)
    added = inflow.added.copy()
    added[:, 0] = 0.01
    plan = FixedPlan((Pattern(frozenset(range(7))),) * areas.count)
    thinned = thinned_plan(inflow.changed(added), areas, Span(0, 84), plan, 500.0, "cost")
    policy = thinned.policy(areas.tours.town)
    often = [sum(policy.at(0, MONDAY + timedelta(days=i))[one] for i in range(28)) for one in range(5)]
    assert thinned.is_thinned and "places less often" in policy.name
    assert often[0] < min(often[1:])


def test_the_thinned_arm_is_nowhere_worse_than_the_plan_by_area(areas: Areas) -> None:
    inflow = random_inflow(areas.tours.town, 84, mean=0.3)
    added = inflow.added.copy()
    added[:, [0, 3]] = 0.01
    quiet, span, price = inflow.changed(added), Span(0, 84), 60.0
    policies = list(best_thinned_plans(quiet, areas, span, [price], "cost"))
    outcomes = [replay(quiet, areas.tours, policy, span) for policy in policies]
    costs = [float(one.cost.sum() + price * one.overflowing.sum()) for one in outcomes]
    assert len(costs) == 2 and costs[1] < costs[0]


def test_halting_costs_the_time_of_its_lifts(areas: Areas) -> None:
    town = areas.tours.town
    an_hour = town.costs.per_h / 3_600
    assert (halt_figures(town, "cost") >= an_hour * (town.work.stop_s + town.work.lift_s)).all()
    assert (halt_figures(town, "km") < 0.2).all()  # they stand in two rows


def test_a_trimmed_plan_leaves_out_the_days_that_are_missed_least(areas: Areas) -> None:
    inflow = random_inflow(areas.tours.town, 70)
    added = np.zeros_like(inflow.added)
    added[inflow.weekday == 2] = 0.6  # Wednesdays, so that nobody needs to come but once a week
    plans = list(trimmed_plans(inflow.changed(added), Span(0, 70), None))
    assert [plan.name.startswith("every weekday on") for plan in plans] == [True] * 5
    outcomes = [replay(inflow.changed(added), areas.tours, plan, Span(0, 70)) for plan in plans]
    assert [int(one.lifts.sum()) for one in outcomes] == [250, 200, 150, 100, 50]
    assert [int(one.overflowing.sum()) for one in outcomes] == [0] * 5


def test_a_container_whose_day_is_left_out_moves_to_the_next() -> None:
    assert moved(frozenset({0, 3}), frozenset({3, 4})) == {3}
    assert moved(frozenset({1}), frozenset({0, 3})) == {3}
    assert moved(frozenset({5}), frozenset({0, 3})) == {0}


def test_a_schedule_is_read(tmp_path: Path) -> None:
    assert read_schedule(tmp_path, ["a"]) is None
    (tmp_path / "schedule.csv").write_text("container,weekdays\na,Mo Th\nb,Su\n")
    assert read_schedule(tmp_path, ["b", "a"]) == (frozenset({6}), frozenset({0, 3}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("container,weekdays\na,Monday\n", "row 2: give a container and its weekdays"),
        ("container,weekdays\na,\n", "row 2"),
        ("container,weekdays\nb,Mo\n", "no row for 1 containers, such as a"),
    ],
)
def test_a_schedule_that_cannot_be_read_says_what_to_mend(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "schedule.csv").write_text(text)
    with pytest.raises(SetupError, match=said):
        read_schedule(tmp_path, ["a"])
