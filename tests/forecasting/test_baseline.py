"""Naive forecasts, by hand and against plain numpy."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from forecasting.baseline import PRIOR_RATE, LastValue, MeanRate, Schedule, ShrunkenRate, WeekdayProfile
from forecasting.errors import NotFittedError
from forecasting.features import Context, snapshots, training_table
from forecasting.history import build_history
from forecasting.level import Readings
from tests.forecasting.conftest import ORIGINS, UNTIL
from tests.forecasting.worlds import START, simulate

BERLIN = ZoneInfo("Europe/Berlin")


def test_the_mean_rate_is_numpys_mean(training, tonight, histories):
    rate = MeanRate().fit(training).rate(tonight)

    throughput = [history.throughput for history in list(histories.values())[1:]]
    naive = [max(total[-1] - total[-1 - 24 * 28], 0) / 28 for total in throughput]
    np.testing.assert_allclose(rate[1:], naive, atol=1e-12)


def test_the_last_value_does_not_move(training, tonight):
    median = LastValue().fit(training).predict(tonight, (24, 168)).fill[1:, :, 1]

    np.testing.assert_array_equal(median, np.column_stack([tonight["level"][1:]] * 2))


def test_shrinkage_by_hand(training, tonight):
    """(days × own + k × class) / (days + k), days at most 28."""
    fitted = ShrunkenRate().fit(training)
    k = fitted.shrinkage_d_
    own = (tonight["rate_14d"] + tonight["rate_28d"]) / 2
    mean = fitted.class_rate(tonight)

    np.testing.assert_allclose(fitted.rate(tonight)[1:], ((28 * own + k * mean) / (28 + k))[1:])
    assert fitted.rate(tonight)[0] == pytest.approx(mean[0])


def test_a_young_container_is_drawn_to_its_class(training, context):
    """After one day of a wild inflow the class is believed more than the container."""
    fitted = ShrunkenRate().fit(training)
    young = build_history(simulate(1, per_day=0.5, seed=3).readings(seed=3))
    table = snapshots({"young": young}, [young.end], context)

    own, mean, shrunken = table["rate_all"][0], fitted.class_rate(table)[0], fitted.rate(table)[0]

    assert mean < shrunken < (own + mean) / 2 < own


def test_the_interval_covers_what_came(training):
    cut = ORIGINS[36]
    fitted = ShrunkenRate().fit(training.known_by(cut))
    later = training.since(cut)
    forecast = fitted.predict(later.snapshots, (24, 72))

    truth = later.increment[:, [training.horizons_h.index(h) for h in (24, 72)]] + later.snapshots["level"][:, None]
    seen = np.isfinite(truth)
    covered = ((truth >= forecast.fill[:, :, 0]) & (truth <= forecast.fill[:, :, 2]))[seen].mean()

    assert 0.70 < covered < 0.90


def test_without_any_data_there_is_a_wide_prior():
    nobody = {"new": build_history(Readings.of([], []))}
    context = Context(BERLIN)
    empty = training_table(nobody, [START], context, (24,), UNTIL)

    forecast = ShrunkenRate().fit(empty).predict(snapshots(nobody, [UNTIL], context), (24, 168))

    assert forecast.method == ("prior",)
    assert forecast.fill[0, 0, 2] - forecast.fill[0, 0, 0] > 0.5
    assert forecast.fill[0, 1, 1] - forecast.fill[0, 0, 1] == pytest.approx(6 * PRIOR_RATE)


def test_asking_before_fit_is_an_error(tonight):
    with pytest.raises(NotFittedError):
        ShrunkenRate().predict(tonight, (24,))


def test_the_weekday_profile_is_the_mean_rate_where_all_days_are_alike(training, tonight):
    """Over a whole week the weekdays' factors add up to about the mean."""
    profile, mean = (make().fit(training) for make in (WeekdayProfile, MeanRate))

    ours, theirs = (one.predict(tonight, (168,)).median[1:, 0] - tonight["level"][1:] for one in (profile, mean))

    assert np.median(np.abs(ours / theirs - 1)) < 0.15


def test_the_weekday_profile_knows_a_busy_saturday(training):
    """On Saturdays 1.5 times the mean comes in, on Mondays 0.8: Friday evening's next day brings clearly more than Sunday's."""
    profile, mean = (make().fit(training) for make in (WeekdayProfile, MeanRate))
    grown = training.take(np.flatnonzero((training.snapshots["history_d"] > 28) & np.isfinite(training.snapshots["level"])))
    day = {name: np.flatnonzero(grown.snapshots["weekday"] == number) for name, number in (("friday", 4), ("sunday", 6))}

    def added(fitted, rows):
        return fitted.increment(grown.snapshots.take(rows), (24,))[0].sum()

    factor = {name: added(profile, rows) / added(mean, rows) for name, rows in day.items()}

    assert factor["friday"] > 1.2
    assert factor["friday"] > 1.2 * factor["sunday"]


def test_a_schedule_does_not_look_at_the_level(training, tonight):
    """Days since the last lift at the usual rate; another level changes nothing."""
    fitted = Schedule().fit(training)
    values = tonight.values.copy()
    values[1:, 0] += 0.1
    higher = replace(tonight, values=values)

    expected = tonight["rate_all"] * (tonight["emptied_h"] + 48) / 24
    known = np.isfinite(expected)
    median = fitted.level_quantiles(tonight)[:, 1] + fitted.increment(tonight, (48,))[0][:, 0]
    np.testing.assert_allclose(median[known], expected[known])
    np.testing.assert_allclose(fitted.predict(higher, (48,)).median, fitted.predict(tonight, (48,)).median)
