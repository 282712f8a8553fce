"""Intervals by paired weeks: the arithmetic, and that they hold what they promise where weeks differ."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from forecasting.intervals import Interval, jackknife, mean_interval, week_of


def second(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def test_weeks_begin_on_monday():
    sunday, monday, next_sunday = second("2026-01-04T23:59"), second("2026-01-05"), second("2026-01-11T23:59")

    assert np.diff(week_of(np.array([sunday, monday, next_sunday]))).tolist() == [1, 0]


def test_weeks_of_one_window_each_give_the_t_interval_of_the_mean():
    values = np.array([1.0, 2.0, 4.0, 5.0])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))

    found = mean_interval(values, np.arange(4))

    assert (found.estimate, found.low, found.high, found.weeks) == pytest.approx((3.0, low, high, 4))


def test_a_mean_has_the_same_interval_by_sums_and_by_the_jackknife():
    rng = np.random.default_rng(1)
    values, week = rng.normal(size=60), rng.integers(0, 9, 60)
    values[7] = np.nan

    by_sums = mean_interval(values, week)
    by_leaving_out = jackknife(lambda kept: float(np.nanmean(values[kept])), week)

    assert (by_sums.low, by_sums.high) == pytest.approx((by_leaving_out.low, by_leaving_out.high))


def test_copies_of_a_week_do_not_make_it_surer():
    """Ten equal windows a week tell as much as one."""
    week = np.arange(5)
    once, ten = np.array([0.1, 0.3, 0.2, 0.5, 0.4]), np.repeat([0.1, 0.3, 0.2, 0.5, 0.4], 10)

    assert mean_interval(ten, np.repeat(week, 10)).high == pytest.approx(mean_interval(once, week).high)


def test_true_means_lie_within_where_whole_weeks_are_off_together():
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(300):
        week = np.repeat(np.arange(10), 20)
        found = mean_interval(0.5 + rng.normal(size=10)[week] + rng.normal(size=200), week)
        inside += found.low <= 0.5 <= found.high

    assert 0.91 < inside / 300 < 0.98


def test_one_week_tells_nothing():
    found = mean_interval(np.array([0.1, 0.2]), np.array([3, 3]))

    assert np.isnan(found.low) and not found.is_clear
    assert mean_interval(np.zeros(0), np.zeros(0, np.int64)).weeks == 0


@pytest.mark.parametrize(("low", "high", "clear"), [(0.1, 0.3, True), (-0.3, -0.1, True), (-0.1, 0.3, False)])
def test_a_gain_is_clear_when_zero_lies_outside(low, high, clear):
    assert Interval((low + high) / 2, low, high, 9).is_clear is clear
