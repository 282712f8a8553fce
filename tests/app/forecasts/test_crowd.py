"""A snapshot from states, surveys and lifts is what a replay of all readings gives, within a sensor's noise."""

from datetime import timedelta

import numpy as np
import pytest

from app.forecasts.crowd import NOT_SURVEYED, choose_panel, crowd_snapshot, load_crowd, taken_out, total_at
from app.forecasts.drift import judge_night
from app.forecasts.night import HISTORY, histories_of, load_signals
from app.forecasts.queries import LIFT_FORM, load_lift_facts, load_surveys
from app.forecasts.subjects import load_subjects
from app.forecasts.surveys import write_survey
from app.telemetry.lifts import record_lift
from app.telemetry.models import LiftSource
from forecasting.features import COLUMN, snapshots
from forecasting.level import DAY_S
from tests.factories.planning import EVE

NIGHTS = 29


@pytest.fixture
def surveyed(session, town):
    """Surveys of the last 29 evenings, by what a replay up to each of them knew."""
    subjects = load_subjects(session, EVE)
    signals = load_signals(session, EVE)
    histories = histories_of(signals, subjects.container_ids.tolist())
    for back in range(NIGHTS, 0, -1):
        at = EVE - timedelta(days=back)
        table = snapshots(histories, [int(at.timestamp())], subjects.context)
        write_survey(session, at, subjects.container_ids, table["level"], table["spread"])
    return subjects, snapshots(histories, [int(EVE.timestamp())], subjects.context)


def crowd_of(session, subjects):
    since = EVE - HISTORY
    return load_crowd(session, subjects.container_ids, load_lift_facts(session, since, EVE), since, EVE)


def test_the_columns_are_those_of_a_replay(session, surveyed):
    """A: 10 % a day, B: 20 % a day, both emptied whenever they were full. Rates within a point or so, the calendar exactly."""
    subjects, replayed = surveyed

    told = crowd_snapshot(crowd_of(session, subjects), subjects, slice(0, 3))

    heard = [0, 1]
    assert told.keys == replayed.keys
    for name, tolerance in {
        "level": 0.01,
        "emptied_h": 3,
        "rate_1d": 0.01,
        "rate_7d": 0.005,
        "rate_28d": 0.005,
        "rate_sd": 0.02,
    }.items():
        np.testing.assert_allclose(told[name][heard], replayed[name][heard], atol=tolerance, err_msg=name)
    for name in ("weekday", "hour", "month", "is_rest_day"):
        np.testing.assert_array_equal(told[name], replayed[name])
    np.testing.assert_array_equal(told.rest_days, replayed.rest_days)
    assert told["rate_7d"][heard] == pytest.approx([0.1, 0.2], abs=0.01)
    assert told["interval_h"][heard] == pytest.approx([4, 4], abs=0.5)


def test_every_column_of_a_snapshot_is_surveyed_or_named_as_not_surveyed(session, surveyed):
    subjects, _ = surveyed

    told = crowd_snapshot(crowd_of(session, subjects), subjects, slice(0, 3))

    unknown = {name for name, i in COLUMN.items() if np.isnan(told.values[:2, i]).all()}
    assert unknown <= {name for name, i in COLUMN.items() if i in NOT_SURVEYED}


def test_a_container_that_only_a_driver_speaks_of_is_empty_since_then(session, town, surveyed):
    subjects, _ = surveyed
    [c] = town.ids("C")
    record_lift(session, c, EVE - timedelta(days=2), LiftSource.DRIVER)

    told = crowd_snapshot(crowd_of(session, subjects), subjects, slice(0, 3))

    assert told["level"][2] == 0
    assert told["emptied_h"][2] == pytest.approx(48)


def lifts_of(*rows):
    return np.array(list(rows), dtype=[(name, f"<{kind}") for name, kind in LIFT_FORM.items()])


def test_what_lifts_took_out_counts_from_the_next_survey_on():
    """Surveys on days 0 to 3; container 7 was lifted at 80 % between the first two, and again, nobody says how full, before the last.

    That one took what the survey before it had seen: 30 %.
    """
    instants = np.arange(4, dtype=np.int64) * DAY_S
    levels = np.array([[0.7], [0.1], [0.3], [0.05]], np.float32)
    lifts = lifts_of((7, DAY_S // 2 * 1_000_000, 80.0, np.nan), (7, (2 * DAY_S + 100) * 1_000_000, np.nan, np.nan), (9, 5, 50.0, 1.0))

    taken = taken_out(np.array([7]), lifts, instants, levels)

    np.testing.assert_allclose(taken[:, 0], [0, 0.8, 0.8, 1.1], atol=1e-6)


def test_between_surveys_inflow_is_a_straight_line_and_beyond_them_unknown():
    instants = np.array([0, DAY_S, 10 * DAY_S], np.int64)
    total = np.array([[0.0], [0.2], [2.0]])

    assert total_at(instants, total, DAY_S // 2)[0] == pytest.approx(0.1)
    assert total_at(instants, total, DAY_S)[0] == pytest.approx(0.2)
    assert np.isnan(total_at(instants, total, 5 * DAY_S)[0])  # nine days without a survey
    assert np.isnan(total_at(instants, total, -1)[0])


def test_a_panel_is_drawn_by_lot_within_its_readings(session, town, surveyed):
    """Six readings a day each: 180 in thirty days. For 200 readings one container is drawn, for 400 both; C says nothing."""
    subjects, _ = surveyed
    crowd = crowd_of(session, subjects)
    a, b, _ = subjects.container_ids.tolist()

    assert choose_panel(crowd, days=30, readings=400, containers=10, seed=1) == [a, b]
    [one] = choose_panel(crowd, days=30, readings=200, containers=10, seed=1)
    assert one in (a, b)
    assert choose_panel(crowd, days=30, readings=400, containers=1, seed=1) == [one]


def test_a_night_of_too_many_readings_forecasts_as_one_of_few(session, town, surveyed, foresee):
    """Of 362 readings only 100 may be replayed: a panel of one; the outlook is nearly the same."""
    few, many = foresee(), foresee(most_readings=100)

    a, b, _ = town.ids("A", "B", "C")
    for container_id in (a, b):
        for days in (1, 3):
            at = EVE + timedelta(days=days)
            assert many.expected_fill_pct(container_id, at) == pytest.approx(few.expected_fill_pct(container_id, at), abs=4)


def test_a_night_seen_from_the_past_uses_no_state_of_the_present(session, town, surveyed):
    """Three days ago A stood at 32 %; the state that ingest keeps is of tonight."""
    subjects, _ = surveyed
    earlier = EVE - timedelta(days=3)
    since = earlier - HISTORY

    crowd = load_crowd(session, subjects.container_ids, load_lift_facts(session, since, earlier), since, earlier)

    assert crowd.level[0] == pytest.approx(0.32, abs=0.01)
    assert crowd.observed_at[0] <= earlier.timestamp()


def test_evenings_that_nobody_surveyed_are_made_up_from_readings_seven_a_night(session, town, foresee):
    """Tonight's and the seven evenings before it, by the last reading of each. Three days ago A stood at 32 %."""
    judge_night(session, foresee(most_readings=100))
    ids = np.array(town.ids("A"))

    instants, levels = load_surveys(session, ids, EVE - HISTORY, EVE + timedelta(hours=1))

    assert instants.tolist() == [int((EVE - timedelta(days=back)).timestamp()) for back in range(7, -1, -1)]
    assert levels[0, -4] == pytest.approx(0.32, abs=0.001)
    assert levels[0, -1] == pytest.approx(0.62, abs=0.01)
