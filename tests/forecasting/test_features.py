"""Snapshots know nothing of what follows them; targets say exactly that."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from forecasting.features import COLUMN, COLUMNS, Context, nightly_origins, snapshots, training_table
from forecasting.history import build_history
from forecasting.level import Readings
from tests.forecasting.conftest import ORIGINS, UNTIL
from tests.forecasting.worlds import HOUR_S, START, simulate

BERLIN = ZoneInfo("Europe/Berlin")


def test_rates_are_throughput_differences_by_hand():
    """0.01 an hour for 30 days, lifted at 0.72: every window's rate is 0.24 a day; a naive loop over the truth says the same."""
    level = [0.01 * (i % 72) for i in range(24 * 30)]
    readings = Readings.of([START + i * HOUR_S for i in range(len(level))], level)
    lifts = [START + i * HOUR_S for i in range(72, len(level), 72)]
    history = build_history(readings, lifts)
    origin = START + 24 * 29 * HOUR_S

    row = snapshots({"a": history}, [origin], Context(BERLIN)).values[0]

    naive = sum(max(b - a, 0) for a, b in zip(level[24 * 22 : 24 * 29], level[24 * 22 + 1 : 24 * 29 + 1], strict=True)) / 7
    assert naive == pytest.approx(0.24, rel=0.02)
    for name in ("rate_1d", "rate_7d", "rate_14d", "rate_28d", "rate_all"):
        assert row[COLUMN[name]] == pytest.approx(0.24, rel=0.04), name
    assert row[COLUMN["emptied_h"]] == pytest.approx(24 * 29 % 72, abs=0.1)
    assert row[COLUMN["history_d"]] == 29


def test_nothing_after_the_origin_changes_a_snapshot():
    world = simulate(28, seed=1)
    readings = world.readings(seed=1)
    origin = START + 400 * HOUR_S
    later = readings.observed_at > origin
    forged = Readings(readings.observed_at, np.where(later, 0.99, readings.fill), readings.quality)
    context = Context(BERLIN)

    tables = [snapshots({"a": build_history(one)}, [origin], context).values for one in (readings, forged, readings.until(origin))]

    np.testing.assert_array_equal(tables[0], tables[1])
    np.testing.assert_array_equal(tables[0], tables[2])


def test_an_origin_between_full_hours_knows_the_last_event_before_it():
    """Full at 18:00, lifted at 18:20: planned at 18:30 it is empty; so is a container whose only news is that lift."""
    evening, lifted = START + 18 * HOUR_S, START + 18 * HOUR_S + 1200
    full = Readings.of([START + i * HOUR_S for i in range(19)], [0.8] * 19)
    histories = {"sensor": build_history(full, [lifted]), "silent": build_history(Readings.of([], []), [lifted])}

    table = snapshots(histories, [lifted - 60, lifted + 600], Context(BERLIN))

    assert table["level"].tolist() == pytest.approx([0.8, 0.0, float("nan"), 0.0], abs=0.01, nan_ok=True)
    assert table["age_h"][1] < 1
    assert evening < histories["sensor"].last_at == lifted


def test_targets_are_the_level_in_hindsight_with_emptyings_taken_out():
    world = simulate(42, per_day=0.15, seed=2)
    history = build_history(world.readings(seed=2), world.lifts)
    table = training_table({"a": history}, ORIGINS[:40], Context(BERLIN), (24, 72), UNTIL)

    now = [(origin - START) // HOUR_S for origin in ORIGINS[:38]]
    truth = np.array([world.inflow[i + 1 : i + 73].sum() for i in now])

    assert np.abs(table.increment[:38, 1] - truth).mean() < 0.03
    assert table.emptied[:38, 1].tolist() == [any(START + i * HOUR_S < at <= START + (i + 72) * HOUR_S for at in world.lifts) for i in now]


def test_no_window_reaches_past_what_was_known(training):
    cut = ORIGINS[30]

    known = training.known_by(cut)

    ends = known.snapshots.origin[:, None] + HOUR_S * np.array(known.horizons_h)[None, :]
    assert (ends[np.isfinite(known.increment)] <= cut - 24 * HOUR_S).all()
    assert np.isfinite(known.increment).any(axis=0).all()


def test_histories_that_reach_past_until_are_refused():
    history = build_history(simulate(7).readings())

    with pytest.raises(ValueError, match="reach past until"):
        training_table({"a": history}, [START], Context(BERLIN), (24,), START + 24 * HOUR_S)


@pytest.mark.parametrize("horizons", [(), (0, 24), (24, 24), (48, 24), (24, 169)])
def test_horizons_must_ascend_within_a_week(horizons):
    with pytest.raises(ValueError, match="ascend"):
        training_table({}, [], Context(BERLIN), horizons, UNTIL)


def test_the_calendar_is_local():
    """Saturday 2026-03-28 23:30 UTC is Sunday 00:30 in Berlin, the night the clocks go forward; Good Friday 2026 is April 3."""
    context = Context(BERLIN, holidays=frozenset({date(2026, 4, 3)}))
    at = int(datetime(2026, 3, 28, 23, 30, tzinfo=UTC).timestamp())

    table = snapshots({"a": build_history(Readings.of([], []))}, [at], context)

    assert [table[name][0] for name in ("weekday", "hour", "month", "is_rest_day")] == [6, 0, 3, 1]
    assert table.rest_days[0].tolist() == [0, 0, 0, 0, 1, 1, 2]


def test_nightly_origins_keep_the_local_hour_over_a_clock_change():
    origins = nightly_origins(date(2026, 3, 28), date(2026, 3, 30), BERLIN)

    assert np.diff(origins).tolist() == [23 * HOUR_S, 24 * HOUR_S]


def test_a_container_without_readings_has_a_row_of_unknowns():
    row = snapshots({"new": build_history(Readings.of([], []))}, [UNTIL], Context(BERLIN)).values[0]

    assert np.isnan(row[: COLUMNS.index("weekday")]).all()


def test_after_the_last_reading_age_and_spread_grow():
    history = build_history(simulate(7).readings())

    near, far = snapshots({"a": history}, [history.end + HOUR_S, history.end + 49 * HOUR_S], Context(BERLIN)).values

    assert far[COLUMN["age_h"]] == near[COLUMN["age_h"]] + 48
    assert far[COLUMN["spread"]] > near[COLUMN["spread"]]
    assert far[COLUMN["level"]] == near[COLUMN["level"]]
