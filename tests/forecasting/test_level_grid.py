"""The grid filter: probabilities stay probabilities, two ways to one sum agree, ghosts are learned where waste was seen below."""

import numpy as np
import pytest

from forecasting.level import DEFAULT_SENSOR, Readings
from forecasting.level_grid import FILLS, GHOST, LEVELS, PROBABILITY, WASTE, GhostMemory, GridFilter, RateMemory, drop, emptied, hour, rise
from forecasting.level_smooth import Ticks, backward, forward
from tests.forecasting.worlds import HOUR_S, START

FIRST = np.array([0])


def filter_of(fills, hours_apart=1):
    """One container's filter after these readings, with nothing learned on the way."""
    beliefs = GridFilter([DEFAULT_SENSOR])
    for fill in fills:
        for _ in range(hours_apart):
            beliefs.wait()
        beliefs.see(FIRST, np.array([fill]))
    return beliefs


def level(beliefs):
    return beliefs.summary(FIRST)[0, 0]


def test_every_step_goes_somewhere():
    """Rows of a transition add up to one; a drop never lowers the level, an emptying lowers it by at least a tenth."""
    stays, empties, falls = hour()

    for matrix in (drop(), rise(), stays + empties):
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
    assert emptied().sum() == pytest.approx(1)
    assert np.tril(drop()[:-1], -1).max() == np.tril(rise(), -1).max() == 0
    assert (FILLS[:, None] - FILLS[None, :])[empties > 0].min() == pytest.approx(0.1, abs=1e-5)
    np.testing.assert_allclose(falls, (FILLS[:, None] - FILLS[None, :]) * empties, atol=1e-6)


def test_without_readings_fill_grows_at_the_usual_rate():
    beliefs = filter_of([0.2] * 6)
    before = level(beliefs)

    for _ in range(24):
        beliefs.wait()

    grown = beliefs.moments[PROBABILITY].sum()
    assert grown == pytest.approx(1, abs=1e-4)
    assert 0.02 < level(beliefs) - before < 0.09


def test_a_fall_that_lasts_was_an_emptying_and_a_dip_was_none():
    """0.6 then 0.1: what was taken out is 0.5, and the hours since count from the fall."""
    fallen, dipped = filter_of([0.6] * 10 + [0.1] * 5), filter_of([0.6] * 10 + [0.1] + [0.6] * 4)

    (_, _, taken, since_h, _), (_, _, nothing, long_h, _) = fallen.summary(FIRST)[0], dipped.summary(FIRST)[0]

    assert taken == pytest.approx(0.5, abs=0.05)
    assert since_h == pytest.approx(4, abs=0.5)
    assert nothing < 0.05
    assert long_h > 10


def test_a_reported_lift_empties_and_counts_what_was_in():
    beliefs = filter_of([0.7] * 10)

    beliefs.lift(FIRST)

    mean, _, taken, since_h, _ = beliefs.summary(FIRST)[0]
    assert mean < 0.01
    assert taken == pytest.approx(0.7, abs=0.02)
    assert since_h == 0


def test_sums_carried_forward_are_those_found_by_looking_back():
    """What emptyings took out in all: expected forward with each hour, or added up hour by hour in hindsight with the same beliefs."""
    fills = [0.3] * 8 + [0.5] * 8 + [0.05] * 8 + [0.55] + [0.1] * 8
    beliefs = filter_of(fills)
    ticks = Ticks.of([Readings.of([START + i * HOUR_S for i in range(len(fills))], fills)], [()])

    found = backward(ticks, GridFilter([DEFAULT_SENSOR]))

    assert found.taken.sum() == pytest.approx(beliefs.summary(FIRST)[0, 2], abs=0.01)
    assert found.level[-1, 0] == pytest.approx(level(beliefs), abs=1e-3)


def test_the_last_hour_is_the_same_forward_and_backward():
    fills = np.clip(np.random.default_rng(3).normal(0.4, 0.02, 48), 0, 1).tolist()
    ticks = Ticks.of([Readings.of([START + i * HOUR_S for i in range(48)], fills)], [[START + 30 * HOUR_S]])

    moment, learned = forward(ticks, [DEFAULT_SENSOR])
    hindsight = backward(ticks, learned)

    assert hindsight.level[-1, 0] == pytest.approx(moment.level[-1, 0], abs=0.01)
    assert hindsight.emptied[30, 0] == 1


def test_a_ghost_is_remembered_when_waste_is_seen_below_it():
    """Ten readings at 0.5 look like ghosts. Waste seen at 0.2 confirms them; waste seen at 0.5 says that they were waste."""
    ghosts = GhostMemory(2)
    both = np.array([0, 1])
    for _ in range(10):
        ghosts.learn(both, np.array([0.5, 0.5]), np.array([1.0, 1.0]))
    ghosts.confirm(both, np.array([0.2, 0.5]))
    ghosts.settle()

    at = round(0.5 / 0.02)
    assert ghosts.heights[0, at] > 5 * ghosts.heights[1, at]
    assert ghosts.share[0] > ghosts.share[1]
    assert not ghosts.waiting.any()


def test_ghosts_fade_to_what_is_usual():
    ghosts = GhostMemory(1)
    usual = ghosts.heights.copy()
    ghosts.learn(FIRST, np.array([0.5]), np.array([1.0]))
    ghosts.confirm(FIRST, np.array([0.1]))
    for _ in range(1000):
        ghosts.fade()

    np.testing.assert_allclose(ghosts.heights, usual, atol=1e-4)


def test_a_ghost_cannot_be_seen_through_waste():
    """A known ghost at 0.5 explains a reading there over waste at 0.2, not over waste at 0.8."""
    beliefs = GridFilter([DEFAULT_SENSOR])

    ghost = beliefs.likelihood(FIRST, np.array([0.5]))[0, GHOST]

    assert ghost[round(0.2 / 0.02)] > 10 * ghost[round(0.8 / 0.02)]
    assert beliefs.likelihood(FIRST, np.array([0.5]))[0, WASTE].argmax() == round(0.5 / 0.02)


def test_rates_follow_what_came_in_and_forget():
    """0.2 a day for 60 days is believed, less a little for the prior of 0.08; days that nobody saw change nothing."""
    rates = RateMemory(1)
    for _ in range(60):
        rates.learn(np.array([0.2]), np.array([1.0]))
    learned = (rates.sums / rates.days)[0]
    rates.learn(np.array([np.nan]), np.array([np.nan]))

    assert 0.17 < learned < 0.2
    assert (rates.sums / rates.days)[0] == learned


def test_the_middle_reading_of_an_hour_counts_and_none_from_before_its_lift():
    """Three readings in the first hour, then one before and one after a lift in the second."""
    at = [START + 600, START + 1200, START + 1800, START + 4000, START + 6000]
    ticks = Ticks.of([Readings.of(at, [0.9, 0.3, 0.31, 0.7, 0.02])], [[START + 5000]])

    assert ticks.start == START + HOUR_S
    assert ticks.fill[:, 0].tolist() == [0.31, 0.02]
    assert ticks.lifted[:, 0].tolist() == [False, True]


def test_no_containers_no_ticks():
    moment, learned = forward(Ticks.of([], []), [])

    assert moment.level.shape == backward(Ticks.of([], []), learned).level.shape == (0, 0)
    assert len(FILLS) == LEVELS
