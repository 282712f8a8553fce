"""Times until full: the truth by hand, what is learned, and how it is judged."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.density import hours_until
from forecasting.errors import NotFittedError
from forecasting.features import TrainingTable, snapshots
from forecasting.history import build_history
from forecasting.level import Readings
from forecasting.time_to_full import TimeToFull, reached_h
from forecasting.times import REACHED, SAID, SEEN, TimeForecasts, TimeTruth, joined_times, time_figures, time_truth
from tests.forecasting.conftest import ORIGINS, UNTIL
from tests.forecasting.worlds import HOUR_S, START


def rising(per_h: float, hours: int) -> Readings:
    """A sensor without noise over a container that fills evenly."""
    return Readings.of(START + HOUR_S * np.arange(hours), per_h * np.arange(hours))


def test_the_hour_is_found_in_hindsight():
    """0.8 / 0.008 a day's hour is hour 100: 80 hours after hour 20; 60 hours after hour 40; hour 120 is past it."""
    history = build_history(rising(0.008, 150))

    found = time_truth(history, [START + h * HOUR_S for h in (20, 40, 120)], 0.8)

    assert found.hours[:2] == pytest.approx([80, 60], abs=4)
    assert np.isnan(found.hours[2])
    assert not found.emptied.any()


def test_what_takes_longer_than_a_week_is_never_and_what_is_not_over_is_unknown():
    history = build_history(rising(0.001, 300))

    found = time_truth(history, [START + h * HOUR_S for h in (24, 280)], 0.8)

    assert found.hours[0] == np.inf
    assert np.isnan(found.hours[1])


def table(training: TrainingTable, level: float, increments: dict[int, float]) -> TrainingTable:
    """One window that began at `level` and gained so much by each hour."""
    one = training.take(np.array([20]))
    values = one.snapshots.values.copy()
    values[0, 0] = level
    return replace(
        one, snapshots=replace(one.snapshots, values=values), horizons_h=tuple(increments), increment=np.array([[*increments.values()]])
    )


def test_the_crossing_lies_between_the_knots(training):
    """From 0.5 it is 0.7 after 12 h and 0.9 after 24 h: 0.8 after 18 h."""
    assert reached_h(table(training, 0.5, {12: 0.2, 24: 0.4}), 0.8).tolist() == pytest.approx([18])


@pytest.mark.parametrize(
    ("level", "increments", "hours"),
    [
        (0.5, {12: 0.1, 24: 0.2}, np.inf),
        (0.9, {12: 0.1, 24: 0.2}, np.nan),
        (0.5, {12: np.nan, 24: 0.4}, np.nan),
        (0.5, {12: 0.4, 24: np.nan}, 9.0),
        (0.5, {12: 0.1, 24: np.nan}, np.nan),
    ],
)
def test_what_was_not_seen_is_not_guessed(training, level, increments, hours):
    assert reached_h(table(training, level, increments), 0.8).tolist() == pytest.approx([hours], nan_ok=True)


@pytest.fixture(scope="module")
def fitted(training) -> TimeToFull:
    return TimeToFull().fit(training.known_by(ORIGINS[42]))


def test_learned_times_beat_the_shrunken_rate_and_their_interval_holds(training, fitted):
    later = training.since(ORIGINS[42])
    truth = np.minimum(reached_h(later, 0.8), 168)
    known = np.isfinite(truth) & (later.snapshots.origin <= UNTIL - 8 * 86400)
    ours, naive = (
        np.minimum(hours[known], 168)
        for hours in (
            fitted.predict(later.snapshots),
            hours_until(fitted.baseline_.predict(later.snapshots, range(1, 169)), 0.8),
        )
    )

    assert fitted.trees_ and known.sum() > 100
    assert np.abs(ours[:, 1] - truth[known]).mean() < np.abs(naive[:, 1] - truth[known]).mean()
    assert ((truth[known] >= ours[:, 0]) & (truth[known] <= ours[:, 2])).mean() > 0.75


def test_quantiles_of_time_do_not_cross_and_full_is_now(training, fitted):
    found = fitted.predict(training.snapshots)
    full = training.snapshots["level"] >= 0.8

    assert (found[:, 1:] >= found[:, :-1]).all()
    assert full.any() and (found[full] == 0).all()
    assert ((found <= 168) | np.isinf(found)).all()


def test_a_young_town_is_answered_by_the_shrunken_rate(histories, context, training):
    short = training.known_by(ORIGINS[8])
    found = TimeToFull().fit(short)

    assert not found.trees_
    assert found.predict(snapshots(histories, [ORIGINS[8]], context)).shape == (len(histories), 3)


def test_asking_before_fit_is_an_error(tonight):
    with pytest.raises(NotFittedError):
        TimeToFull().predict(tonight)


def test_figures_by_hand():
    """Truths of 24, 48 and 144 h, the second after a lift; ours says 48, 48, 72, the rate "never".

    Was soon, no lift before: only the first, 24 h late = 1 day; the rate's "never" counts as a week: 144 h late = 6 days.
    """
    truth = TimeTruth(np.array([24.0, 48.0, 144.0]), np.array([False, True, False]))
    ours = np.array([[12.0, 48, 60], [24, 48, 60], [48, 72, 100]])
    times = TimeForecasts(truth, {"ours": ours, "rate": np.full((3, 3), np.inf)})

    found = {(one.name, one.selection): one for one in time_figures(joined_times([times]), np.array([1, 2, 3]))}

    assert (found["ours", SEEN].windows, found["ours", SEEN].mae_d, found["ours", SEEN].coverage) == (1, 1.0, 1.0)
    assert found["rate", SEEN].mae_d == 6.0
    assert found["ours", REACHED].windows == 2
    assert (found["ours", SAID].windows, found["ours", SAID].mae_d, found["ours", SAID].bias_d) == (2, 2.0, -1.0)
    assert found["rate", REACHED].gain_d.estimate == pytest.approx(((144 - 24) + (120 - 0)) / 2 / 24)
