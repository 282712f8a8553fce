"""The strict backtest: nothing after an origin can change its forecasts, and what is learned from ends 72 hours before it."""

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from forecasting import crossing, model, reported, rolling, time_to_full
from forecasting.baseline import LastValue, MeanRate, Schedule, ShrunkenRate, WeekdayProfile
from forecasting.crossing import BestCrossing, CrossingModel, TableCrossing
from forecasting.features import Context
from forecasting.fill_files import HEIGHTS, LEVELS, FillFolder
from forecasting.level import DAY_S, HOUR_S, Sensor
from forecasting.model import FillModel
from forecasting.reported import ReportedCrossing
from forecasting.rolling import EMBARGO_H, Fold, Rolled, default_days, evenings, folds_between, known_at, roll_folder
from tests.forecasting.worlds import START, simulate

BERLIN = ZoneInfo("Europe/Berlin")
DAYS, CONTAINERS, EMPTY_CM = 64, 8, 130
DAY = date(2026, 2, 26)  # day 52


def small_model() -> FillModel:
    """Eight trees are enough to see the future with, if it can be seen."""
    return FillModel(iterations=8)


ESTIMATORS = {
    "model": small_model,
    "shrunken_rate": ShrunkenRate,
    "mean_rate": MeanRate,
    "last_value": LastValue,
    "weekday_profile": WeekdayProfile,
    "schedule": Schedule,
}


def town(form: str) -> FillFolder:
    """Loggers with four readings a day, or bins with one level of six; rates from 0.05 to 0.25 a day."""
    every_h = 6 if form == HEIGHTS else 24
    at, raw = {}, {}
    for i in range(CONTAINERS):
        readings = simulate(DAYS, per_day=0.05 + 0.2 * i / CONTAINERS, seed=i).readings(
            every_h, seed=i, step=0.0 if form == HEIGHTS else 0.2
        )
        at[f"c{i}"] = readings.observed_at + (11 * HOUR_S if form == LEVELS else 0)
        raw[f"c{i}"] = np.round(EMPTY_CM - (EMPTY_CM - 10) * readings.fill) if form == HEIGHTS else np.clip(readings.fill, 0, 1)
    classes = {key: "glass" if i % 2 else "paper" for i, key in enumerate(at)}
    sensor = Sensor(noise=0.058 if form == LEVELS else 0.02)
    return FillFolder("town", form, at, raw, Context(BERLIN, classes), sensor=sensor)


def with_another_future(data: FillFolder, after: int, seed: int) -> FillFolder:
    """Everything that was observed later than `after` is replaced by noise at the same rhythm, and goes on for ten days more."""
    rng = np.random.default_rng(seed)
    at, raw = {}, {}
    for key, seen_at in data.observed_at.items():
        known = seen_at <= after
        step = int(np.median(np.diff(seen_at)))
        future = np.arange(seen_at[known][-1] + step, data.last_at + 10 * DAY_S, step)
        values = rng.uniform(10, 250, len(future)) if data.form == HEIGHTS else rng.integers(0, 6, len(future)) / 5
        at[key], raw[key] = np.append(seen_at[known], future), np.append(data.raw[key][known], values)
    return replace(data, observed_at=at, raw=raw)


def small_choice(data: FillFolder, geometry_until: int, threshold: float) -> tuple[BestCrossing, ReportedCrossing]:
    """All three candidates for both kinds of sensors, with few trees."""
    readings = data.readings(geometry_until)
    reported = ReportedCrossing(readings, data.context, threshold, forest=5)
    candidates = {
        "reported": lambda: ReportedCrossing(readings, data.context, threshold, forest=5),
        "classifier": lambda: CrossingModel(threshold, forest=5),
        "quantiles": lambda: TableCrossing(small_model, threshold),
    }
    return BestCrossing(threshold, candidates=candidates, happened=reported.outcome if data.is_coarse else None), reported


@pytest.fixture(scope="module", autouse=True)
def learners_are_grown_from_little():
    """A small town must not be answered by the fall-backs, which have no trees that could see the future."""
    with pytest.MonkeyPatch.context() as patch:
        for module, least in ((crossing, 100), (reported, 100), (model, 100), (time_to_full, 50)):
            patch.setattr(module, "MIN_WINDOWS", least)
        patch.setattr(crossing, "MIN_EVENTS", 10)
        patch.setattr(reported, "MIN_EVENTS", 10)
        patch.setattr(rolling, "crossing_for", small_choice)
        yield


def roll(data: FillFolder) -> Rolled:
    return roll_folder(data, (Fold(DAY, DAY),), estimators=ESTIMATORS, threshold=0.6)


@pytest.fixture(scope="module", params=[HEIGHTS, LEVELS])
def past(request) -> FillFolder:
    return town(request.param)


@pytest.fixture(scope="module")
def rolled(past) -> Rolled:
    return roll(past)


def test_nothing_after_the_origin_changes_any_forecast(past, rolled):
    """Geometry, level filter, models, baselines, conformal shifts, classifiers, the choice among them, times: all of it."""
    origin = evenings(past, Fold(DAY, DAY))[0]

    for seed in (1, 2):
        again = roll(with_another_future(past, origin, seed))

        assert not np.array_equal(again.windows.truth, rolled.windows.truth)
        for name, table in rolled.windows.tables.items():
            np.testing.assert_array_equal(again.windows.tables[name].fill, table.fill, err_msg=name)
        for name, chance in rolled.chances.items():
            np.testing.assert_array_equal(again.chances[name], chance, err_msg=name)
        for name, hours in rolled.times.hours.items():
            np.testing.assert_array_equal(again.times.hours[name], hours, err_msg=name)
        assert again.chosen == rolled.chosen


def test_something_before_the_origin_does(past, rolled):
    """The twin: a change of the day before is seen by everybody who looks at the level."""
    origin = evenings(past, Fold(DAY, DAY))[0]
    again = roll(with_another_future(past, origin - DAY_S, 1))

    for name in ("model", "mean_rate", "last_value"):
        assert not np.array_equal(again.windows.tables[name].fill, rolled.windows.tables[name].fill)
    assert not np.array_equal(again.chances["crossing"], rolled.chances["crossing"])


def test_training_rows_end_72_hours_before_the_first_origin(past):
    cut = evenings(past, Fold(DAY, DAY))[0]
    known = known_at(past, cut, cut)
    table = known.training

    closes = table.snapshots.origin[:, None] + HOUR_S * np.asarray(table.horizons_h)[None, :]
    assert table.snapshots.origin.max() <= cut - EMBARGO_H * HOUR_S < table.snapshots.origin.max() + DAY_S
    assert (closes[np.isfinite(table.increment)] <= cut).all()
    assert all(one.observed_at[-1] <= cut for one in known.readings.values())


def test_trees_are_grown_in_this_town(past):
    """Else the test above would prove little."""
    cut = evenings(past, Fold(DAY, DAY))[0]
    training = known_at(past, cut, cut).training
    chosen, words = small_choice(past, cut, 0.6)

    assert small_model().fit(training).trees_
    assert time_to_full.TimeToFull(0.6).fit(training).trees_ or past.is_coarse
    assert set(chosen.fit(training).brier_) == {"reported", "classifier", "quantiles"}
    assert CrossingModel(0.6, forest=5).fit(training).learners_
    assert words.fit(training).learners_ or not past.is_coarse


def test_all_forecasters_answer_for_every_container(past, rolled):
    assert len(rolled.windows) == CONTAINERS
    assert set(rolled.windows.tables) == set(ESTIMATORS)
    assert all(np.isfinite(chance).all() for chance in rolled.chances.values())
    assert set(rolled.times.hours) == {"time_to_full", *ESTIMATORS}
    assert (rolled.happened is not None) == past.is_coarse


def test_folds_cover_the_days_once():
    found = folds_between(date(2026, 1, 1), date(2026, 1, 10), 4)

    assert found == (
        Fold(date(2026, 1, 1), date(2026, 1, 4)),
        Fold(date(2026, 1, 5), date(2026, 1, 8)),
        Fold(date(2026, 1, 9), date(2026, 1, 10)),
    )


def test_by_default_the_last_third_is_forecast():
    """64 days from 5 January: the last reading is of 9 March, 21 days before it 16 February; the last window ends on 9 March."""
    assert default_days(town(HEIGHTS)) == (date(2026, 2, 16), date(2026, 3, 5))


def test_a_fold_without_a_past_is_refused(past):
    with pytest.raises(ValueError, match="at least 14 days"):
        roll_folder(past, (Fold(date(2026, 1, 10), date(2026, 1, 11)),))


def test_progress_is_told_in_order(past):
    told: list[float] = []
    naive = {"shrunken_rate": ShrunkenRate, "mean_rate": MeanRate}

    roll_folder(past, (Fold(date(2026, 1, 25), date(2026, 1, 25)),), estimators=naive, on_step=lambda what, share: told.append(share))

    assert told == sorted(told) and told[0] == 0 and told[-1] < 1


def test_the_origin_is_the_evening_or_the_noon_of_a_daily_level():
    assert evenings(town(HEIGHTS), Fold(date(2026, 1, 5), date(2026, 1, 5)))[0] == START + 17 * HOUR_S
    assert evenings(town(LEVELS), Fold(date(2026, 1, 5), date(2026, 1, 5)))[0] == START + 11 * HOUR_S
