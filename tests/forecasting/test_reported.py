"""Levels as coarse sensors report them: days, events by hand, and learners that see nothing of the future."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import NotFittedError
from forecasting.features import Context, SnapshotTable, TrainingTable, snapshots, training_table
from forecasting.history import build_history
from forecasting.level import DAY_S, Readings
from forecasting.reported import Days, LevelShares, ReportedCrossing, ReportedRate, inflow, same_weekdays
from forecasting.scores import auc, brier
from tests.forecasting.worlds import START

UTC = ZoneInfo("UTC")
NOON = START + DAY_S // 2
DAYS = 150


def days(*levels: str) -> Days:
    """A row per container, a character per day: tenths of full, X for full, a dot for a day without a reading."""
    table = [[{"X": 1.0, ".": np.nan}.get(one, int(one) / 10 if one.isdigit() else np.nan) for one in row] for row in levels]
    return Days({i: i for i in range(len(levels))}, NOON + DAY_S * np.arange(len(levels[0])), np.array(table))


def coarse_town(containers: int = 24) -> dict[str, Readings]:
    """Steps of a fifth, one noon a day, emptied on the morning after level 8 was reported; every container at its own pace."""
    rng = np.random.default_rng(4)
    found = {}
    for i in range(containers):
        level, levels = 0.0, []
        for _ in range(DAYS):
            level = 0.0 if level >= 0.8 else level
            level = min(level + rng.gamma(2, 0.05 + 0.1 * i / containers), 1.0)
            levels.append(np.floor(level * 5 + 1e-9) / 5)
        found[f"c{i}"] = Readings.of(NOON + DAY_S * np.arange(DAYS), levels)
    return found


@pytest.fixture(scope="module")
def town() -> dict[str, Readings]:
    return coarse_town()


@pytest.fixture(scope="module")
def past(town) -> TrainingTable:
    """The first hundred days; increments are not what is learned from, so one short history stands for all."""
    until = int(NOON + 100 * DAY_S)
    histories = {key: build_history(one.until(until)) for key, one in list(town.items())[:1]}
    return training_table(histories, [int(NOON + d * DAY_S) for d in range(97)], Context(UTC), (24, 48, 72), until)


def asked(town, day: int) -> SnapshotTable:
    nobody = {key: build_history(Readings.of([], [])) for key in town}
    return snapshots(nobody, [int(NOON + day * DAY_S)], Context(UTC))


@pytest.fixture(scope="module")
def fitted(town, past) -> ReportedCrossing:
    return ReportedCrossing(town, Context(UTC), forest=20).fit(past)


def test_a_window_counts_where_every_day_was_seen_and_none_fell():
    """0 2 8 0 | 2 . 8 8: of two days ahead, day 0 ends at 8, day 1 falls, the others look at a missing day or past the end."""
    found = days("02802.88").outcome(2, 0.8)[0]

    assert found.tolist() == pytest.approx([1, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan], nan_ok=True)
    assert days("0246").outcome(2, 0.8)[0].tolist() == pytest.approx([0, 0, np.nan, np.nan], nan_ok=True)


def test_within_counts_what_was_reached_before_the_fall_and_nothing_after_it():
    """From day 0 level 8 is seen on day 1 and emptied on day 2; from day 2 a fall hides what day 3 would have been."""
    at, within = (days("28602").outcome(2, 0.8, within=flag)[0] for flag in (False, True))

    assert at.tolist() == pytest.approx([np.nan] * 5, nan_ok=True)
    assert within[0] == 1
    assert np.isnan(within[2])


def test_the_day_on_which_it_is_reported_ends_the_wait():
    """From 2 it is 8 after two days; from 6 after one; from 8 it is reached; 0 falls before; a week of 2 is longer than a week."""
    assert days("268002").reached_h(0.8)[0].tolist() == pytest.approx([48, 24, np.nan, np.nan, np.nan, np.nan], nan_ok=True)
    assert days("22222222").reached_h(0.8)[0, 0] == np.inf
    assert np.isnan(days("26028").reached_h(0.8)[0, 0])


def test_the_newest_level_of_the_last_twenty_hours_is_the_days():
    readings = Readings.of([NOON - 3600, NOON - 60, NOON + 60], [0.2, 0.4, 0.6])

    found = Days.of({"a": readings}, NOON + DAY_S * np.arange(2))

    assert found.level[0].tolist() == pytest.approx([0.4, np.nan], nan_ok=True)


def test_a_fall_brings_in_what_is_there_after_it():
    """0 2 8 2 . 4: +2, +6, emptied and 2 since, unseen, unknown."""
    assert inflow(days("0282.4").level)[0].tolist() == pytest.approx([np.nan, 0.2, 0.6, 0.2, np.nan, np.nan], nan_ok=True)


def test_the_next_day_is_told_by_the_same_weekday_before():
    """It rises by 2 on the third day of each week and falls on the fourth: on day 8 the day ahead is the third of its week."""
    found = same_weekdays(inflow(days("0020000" * 3).level), 1)[0]

    assert found[8] == pytest.approx(0.2)
    assert found[9] == pytest.approx(0.0)


def test_it_ranks_better_than_the_level_alone(town, fitted):
    """Containers differ in pace: who knows it can tell two bins of the same level apart."""
    later = range(101, DAYS - 2)
    table = Days.of(town, NOON + DAY_S * np.arange(DAYS))
    happened = table.outcome(1, 0.8)[:, 101 : DAYS - 2]
    level = table.level[:, 101 : DAYS - 2]
    said = np.column_stack([fitted.predict(asked(town, day), (24, 48, 72))[:, 0] for day in later])
    below = (level < 0.79) & np.isfinite(happened)

    assert auc(happened[below], said[below]) > auc(happened[below], level[below]) + 0.01
    assert brier(happened[below], said[below]).mean() < happened[below].mean() * (1 - happened[below].mean())


def test_probabilities_rise_with_hours_and_are_certain_where_it_is_reached(town, fitted):
    day = 120
    said = fitted.predict(asked(town, day), (12, 24, 36, 48, 72, 96))
    reached = Days.of(town, np.array([NOON + day * DAY_S])).level[:, 0] >= 0.8 - 1e-9

    assert (np.diff(said, axis=1) >= 0).all()
    assert ((said >= 0) & (said <= 1)).all()
    assert reached.any() and (said[reached] == 1).all()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(101, DAYS - 5))
def test_nothing_after_the_origin_changes_a_probability(town, past, fitted, seed, day):
    """All readings after the origin are replaced, dropped or added to; what was learned, and what is said, stay."""
    rng = np.random.default_rng(seed)
    origin = int(NOON + day * DAY_S)
    changed = {}
    for key, one in town.items():
        known, extra = one.until(origin), np.sort(rng.choice(np.arange(1, 40 * 24), 30, replace=False)) * 3600 + origin
        changed[key] = Readings.of(np.append(known.observed_at, extra), np.append(known.fill, rng.random(30)))
    again = ReportedCrossing(changed, Context(UTC), forest=20)
    again.__dict__ |= {name: value for name, value in vars(fitted).items() if name.endswith("_")}

    np.testing.assert_array_equal(again.predict(asked(town, day), (24, 72)), fitted.predict(asked(town, day), (24, 72)))


def test_nothing_after_the_training_changes_what_is_learned(town, past, fitted):
    cut = {key: one.until(past.until) for key, one in town.items()}

    again = ReportedCrossing(cut, Context(UTC), forest=20).fit(past)
    again.readings = town

    np.testing.assert_array_equal(again.predict(asked(town, 120), (24, 72)), fitted.predict(asked(town, 120), (24, 72)))


def test_too_little_history_says_how_often_each_level_gets_there(town, past):
    """Below a thousand windows no tree is grown: containers of one level have one chance, and a fuller one has more."""
    short = replace(past, snapshots=past.snapshots.take(np.arange(30)), increment=past.increment[:30], emptied=past.emptied[:30])
    found = ReportedCrossing(town, Context(UTC)).fit(short)

    said = found.predict(asked(town, 120), (24,))[:, 0]
    level = Days.of(town, np.array([NOON + 120 * DAY_S])).level[:, 0].round(2)
    by_level = [np.unique(said[level == one]) for one in np.unique(level)]

    assert not found.learners_
    assert all(len(chances) == 1 for chances in by_level)
    assert np.concatenate(by_level).tolist() == sorted(np.concatenate(by_level))


def test_shares_by_level_by_hand():
    """Of four windows three got there, so all have (3 + 1) / (4 + 2); level 6: (2 + 20 × 2/3) / (2 + 20), level 2: (1 + 20 × 2/3) / 22."""
    found = LevelShares.of(np.array([0.6, 0.6, 0.2, 0.2]), np.array([1.0, 1, 1, 0]))

    assert found.of_level(np.array([0.6, 0.2, np.nan])).tolist() == pytest.approx([46 / 66, 43 / 66, 2 / 3])
    assert LevelShares.of(np.zeros(0), np.zeros(0)).of_level(np.array([0.4])).tolist() == [0.5]


@pytest.mark.parametrize(("by", "expected"), [("nothing", 0.2), ("mean", 0.4), ("weekday", 0.6)])
def test_naive_ones_expect_the_level_and_what_usually_comes_in(by, expected):
    """In two weeks of 0 2 4 6 0 0 2: +2 on four days of each week; the mean is 8 / 7 a day, 1.14; on day 8 the day ahead brought 2."""
    steady = days("0246002" * 9)
    found = ReportedRate({}, Context(UTC), by=by)._expected(steady, {"nothing": 1, "mean": 2, "weekday": 2}[by])

    assert found[0, 57] == pytest.approx(expected)


def test_a_container_without_readings_has_the_share_of_all(town, fitted):
    nobody = snapshots({"new": build_history(Readings.of([], []))}, [int(NOON + 120 * DAY_S)], Context(UTC))

    assert fitted.predict(nobody, (24,))[0, 0] == pytest.approx(fitted.by_level_[1].of_all)


def test_asking_before_fit_is_an_error(town):
    with pytest.raises(NotFittedError):
        ReportedCrossing(town, Context(UTC)).predict(asked(town, 3), (24,))
