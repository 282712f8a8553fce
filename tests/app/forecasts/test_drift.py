"""Forecasts are judged by what came, night by night; steady errors raise an alarm, and a model that loses is left for the baseline."""

from datetime import timedelta

import numpy as np
import pytest

from app.forecasts.drift import LIMIT, alarm_of, cusum, find_losers, judge_night, lost
from app.forecasts.models import BLOCK_BITS, ForecastError, ForecastScore
from app.forecasts.operations import store_forecast
from app.forecasts.queries import list_scores
from app.forecasts.surveys import blocks
from app.telemetry.ingest import ingest
from app.telemetry.lifts import record_lift
from app.telemetry.models import Device, LiftSource
from tests.factories import forecasts as make
from tests.factories import telemetry as make_telemetry
from tests.factories.planning import EVE

DAY = timedelta(days=1)


def test_a_step_of_one_standard_deviation_passes_the_limit_after_ten_nights():
    """Each night adds 1 − 0.5: after ten nights 5.0, the limit; after eleven it is beyond."""
    high, low = np.zeros(1), np.zeros(1)
    for night in range(1, 12):
        high, low = cusum(high, low, np.ones(1))
        assert (high[0] > LIMIT) == (night == 11)
    assert low[0] == 0


def test_a_night_that_nobody_saw_changes_no_sum():
    high, low = cusum(np.array([3.0]), np.array([1.0]), np.array([np.nan]))

    assert (high[0], low[0]) == (3.0, 1.0)


def test_honest_surprises_rarely_pass_the_limit():
    """Average run length of about 465 nights: in 28 nights some five in a hundred, of 2,000 containers."""
    rng = np.random.default_rng(1)
    high, low = np.zeros(2000), np.zeros(2000)
    alarmed = np.zeros(2000, np.bool_)
    for _ in range(28):
        high, low = cusum(high, low, rng.standard_normal(2000))
        alarmed |= np.maximum(high, low) > LIMIT
    assert 0.01 < alarmed.mean() < 0.08


def test_a_container_is_left_to_the_baseline_where_the_model_lost_clearly_on_nights_on_which_it_spoke():
    """Ten nights: the model errs by 8, the baseline by 4. The second one's model errs by less, the third's forecasts are the baseline's."""
    wobble = np.linspace(-1, 1, 10)[:, None]
    error = np.array([8.0, 3.0, 8.0]) + wobble
    naive = np.array([4.0, 4.0, 4.0]) + wobble / 2
    by_model = np.broadcast_to([1.0, 1.0, 0.0], error.shape)

    assert lost(error, naive, by_model).tolist() == [True, False, False]
    assert lost(error[:5], naive[:5], by_model[:5]).tolist() == [False, False, False]


def test_a_loser_is_tried_again_after_four_weeks(session, town):
    [a] = town.ids("A")
    for night in range(10):
        make.error(session, a, EVE - night * DAY, 8.0 + night % 3, naive=3.0)
    ids = np.array([a])

    assert find_losers(session, ids, EVE) == find_losers(session, ids, EVE + DAY) == {a}
    assert find_losers(session, ids, EVE - 5 * DAY) == set()  # nobody knew it then
    assert find_losers(session, ids, EVE + 25 * DAY) == set()


def test_an_alarm_says_what_the_backtest_had_promised(session):
    quiet, loud = make.score(session, EVE, 4.5, nights=3), make.score(session, EVE + 9 * DAY, 5.6, nights=3)

    assert alarm_of(quiet) is None
    assert alarm_of(loud) == "At 24 h it errs by 5.6 points; its backtest had said 4.0."
    assert alarm_of(loud[:2]) is None  # two nights may be bad luck


def test_an_interval_that_is_too_narrow_raises_an_alarm(session):
    scores = make.score(session, EVE, 4.0, nights=4)
    for score in scores:
        score.coverage = 0.5

    assert alarm_of(scores) == "At 24 h 50 % of the fills lay within the 80 % interval."


def test_a_block_ends_where_the_next_begins():
    ids = np.array([1, 5, (1 << BLOCK_BITS) - 1, 1 << BLOCK_BITS, 5 << BLOCK_BITS])

    assert [ids[part].tolist() for part in blocks(ids)] == [[1, 5, 1023], [1024], [5120]]
    assert blocks(ids[:0]) == []


def test_a_night_judges_the_forecast_of_the_night_before(session, town, foresee):
    """A was to rise from 62 by about 10 points in a day. It rose by 20, and was then emptied by a driver: 82 had come."""
    store_forecast(session, foresee())
    [a] = town.ids("A")
    uid = session.query(Device).filter_by(container_id=a).one().device_uid
    rising = [(62 + 20 * hours / 24) for hours in range(4, 25, 4)]
    for hours, fill_pct in zip(range(4, 25, 4), rising, strict=True):
        at = EVE + timedelta(hours=hours)
        ingest(session, [make_telemetry.reading(uid, at, fill_pct=fill_pct)], now=at + timedelta(minutes=1))
    tonight = EVE + DAY
    record_lift(session, a, tonight + timedelta(minutes=30), LiftSource.DRIVER)
    later = tonight + timedelta(hours=1)

    run = store_forecast(session, foresee(later))

    [score] = list_scores(session, EVE)
    assert (score.horizon_h, score.windows) == (24, 1)  # nobody has heard of B since, and C never spoke
    assert score.mae_pct == pytest.approx(10, abs=3)
    [row] = session.query(ForecastError).filter_by(judged_at=later).all()
    assert row.error_pct[row.container_ids.index(a)] == pytest.approx(score.mae_pct, abs=0.01)
    assert row.surprise[row.container_ids.index(a)] > 1
    assert run is not None
    assert run.evaluation["realised"]["24"]["windows"] == 1


def test_a_day_that_is_planned_again_is_not_judged_again(session, town, foresee):
    store_forecast(session, foresee())

    assert judge_night(session, foresee(EVE + timedelta(hours=3))) == {}
    assert session.query(ForecastScore).count() == 0


def test_nothing_after_the_origin_judges_it(session, town, foresee):
    """Judged now or after tomorrow's readings have come: the same errors."""
    store_forecast(session, foresee(EVE - DAY))
    store_forecast(session, foresee())
    before = [(score.windows, score.mae_pct) for score in list_scores(session, EVE)]
    session.query(ForecastScore).delete()
    session.query(ForecastError).delete()
    [a] = town.ids("A")
    uid = session.query(Device).filter_by(container_id=a).one().device_uid
    ingest(session, make_telemetry.readings(uid, EVE + timedelta(hours=4), [200, 200, 200]), now=EVE + DAY)
    outlook = foresee()
    session.connection().exec_driver_sql("delete from fill_survey where surveyed_at = %s", (EVE,))

    judge_night(session, outlook)

    assert before
    assert [(score.windows, score.mae_pct) for score in list_scores(session, EVE)] == before
