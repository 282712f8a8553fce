"""The clairvoyant and the fixed arm find what trying everything finds; curves are compared at equal service."""

from itertools import product
from math import isnan

import numpy as np
import pytest

from app.planning.twin.areas import Areas, areas_of
from app.planning.twin.clairvoyant import _Plan, clairvoyant, overflow_after_lift
from app.planning.twin.fixed_plans import FixedPlan, Pattern, all_patterns, best_fixed_plans
from app.planning.twin.frontier import Point, at_share, capture, hull
from app.planning.twin.inflow_model import FULL_STEPS, MOST_STEPS, STEP, InflowModel
from app.planning.twin.lookahead import Lookahead
from app.planning.twin.replay import Span, replay
from app.planning.twin.tours import Tours
from tests.app.planning.twin.towns import random_inflow, two_areas

PRICE = 15.0


@pytest.fixture(scope="module")
def areas() -> Areas:
    return areas_of(Tours(two_areas()))


def test_gaps_cut_a_town_into_areas(areas: Areas) -> None:
    assert areas.count == 2
    assert len(set(areas.of[:3].tolist())) == 1 and len(set(areas.of[3:].tolist())) == 1
    both, one = areas.tour(frozenset({0, 1})), areas.tour(frozenset({0}))
    assert both.km > one.km > 0 and areas.tour(frozenset()).km == 0


def test_overflow_after_a_lift_counts_container_days() -> None:
    waiting = overflow_after_lift(np.array([[0.6], [0.6], [0.1]]))
    assert waiting[0, :4].tolist() == [0, 0, 1, 2]
    assert waiting[1, :3].tolist() == [0, 0, 0]


@pytest.mark.parametrize("seed", range(4))
def test_who_knows_the_future_finds_the_cheapest_days(areas: Areas, seed: int) -> None:
    inflow = random_inflow(areas.tours.town, 7, seed=seed, mean=0.35)
    plan = _Plan(inflow.added, areas, PRICE, "km")
    choices = (np.array(days, np.bool_).reshape(7, 2) for days in product((False, True), repeat=14))
    cheapest = min(map(plan.cost, choices))
    policy = clairvoyant(inflow, areas, Span(0, 7), PRICE)
    outcome = replay(inflow, areas.tours, policy, Span(0, 7))
    assert outcome.km.sum() + PRICE * outcome.overflowing.sum() == pytest.approx(cheapest, rel=0.03)


def test_the_best_fixed_plan_is_the_best_of_all_pairs(areas: Areas) -> None:
    inflow = random_inflow(areas.tours.town, 56, mean=0.3)
    span = Span(0, 56)
    (found,) = best_fixed_plans(inflow, areas, span, [PRICE])

    def cost(plan: FixedPlan) -> float:
        outcome = replay(inflow, areas.tours, plan.policy(areas), span)
        return float(outcome.km.sum() + PRICE * outcome.overflowing.sum())

    weekly = [Pattern(frozenset(days)) for days in ((0,), (0, 3), (0, 2, 4), (1, 4), (0, 2, 4, 6), tuple(range(7)))]
    assert cost(found) <= min(cost(FixedPlan(pair)) for pair in product(weekly, repeat=2)) + 1e-6


def test_patterns_say_their_days() -> None:
    assert len(all_patterns()) > 200
    assert str(Pattern(frozenset({0, 3}))) == "Mo Th" and str(Pattern(every_d=3)) == "every 3 days"


def test_a_day_of_the_model_brings_what_days_brought_on_the_mean() -> None:
    added = np.random.default_rng(2).choice([0.0, 0.13, 0.4], (200, 3), p=[0.5, 0.4, 0.1])
    model = InflowModel.learned(added)
    assert model.mean_steps * STEP == pytest.approx(added.mean(axis=0), abs=0.02)
    assert model.chance.sum(axis=1) == pytest.approx(1.0)
    drawn = model.draw(400, 50, np.random.default_rng(1)).mean(axis=(0, 1))
    assert drawn == pytest.approx(model.mean_steps, rel=0.05)


def test_the_chance_to_overflow_is_that_of_more_than_there_is_room_for() -> None:
    chance = np.zeros((1, MOST_STEPS + 1))
    chance[0, [0, 4]] = 0.75, 0.25
    over = InflowModel(chance).overflow_chances[0, 0]
    assert over[FULL_STEPS] == 0.25 and over[FULL_STEPS - 3] == 0.25 and over[FULL_STEPS - 4] == 0.0 and over[-1] == 1.0


def test_a_container_without_history_is_judged_by_the_others() -> None:
    added = np.column_stack([np.full(60, 0.3), np.full(60, np.nan)])
    assert InflowModel.learned(added).mean_steps[1] * STEP == pytest.approx(0.3)


def test_a_dearer_overflow_buys_service(areas: Areas) -> None:
    inflow = random_inflow(areas.tours.town, 100, mean=0.2)
    outcomes = [replay(inflow, areas.tours, Lookahead(areas, price), Span(60, 100)) for price in (1.0, 10.0, 100.0)]
    overflow = [one.overflow_share for one in outcomes]
    assert overflow[0] > overflow[1] > overflow[2]
    assert outcomes[0].km.sum() < outcomes[1].km.sum() < outcomes[2].km.sum()


def test_the_hull_leaves_out_what_mixing_beats() -> None:
    points = [Point(0.0, 10.0), Point(0.01, 9.5), Point(0.02, 4.0), Point(0.03, 4.5)]
    assert hull(points) == [Point(0.0, 10.0), Point(0.02, 4.0)]
    assert at_share(points, 0.01) == pytest.approx(7.0)
    assert at_share(points, 0.05) == 4.0
    assert isnan(at_share(points[1:], 0.0))


def test_the_share_captured_is_of_the_difference_to_who_knows_the_future(areas: Areas) -> None:
    inflow = random_inflow(areas.tours.town, 300, mean=0.2)
    span, prices = Span(100, 300), (2.0, 8.0, 30.0, 120.0)
    arms = {
        "fixed": [replay(inflow, areas.tours, plan.policy(areas), span) for plan in best_fixed_plans(inflow, areas, Span(0, 100), prices)],
        "ours": [replay(inflow, areas.tours, Lookahead(areas, price), span) for price in prices],
        "clairvoyant": [replay(inflow, areas.tours, clairvoyant(inflow, areas, span, price), span) for price in prices],
    }
    found = capture(arms, 0.03)
    assert found.fixed > found.ours > found.clairvoyant > 0
    assert found.low <= found.share <= found.high
