"""What came of past forecasts, night by night: errors, surprises, and the alarms that they raise.

A forecast is judged by a level that a sensor has told now, and what was lifted out since it was made: it had supposed that nobody comes.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import TenantSession
from app.forecasts import queries
from app.forecasts.models import BLOCK_BITS, ForecastError, ForecastScore
from app.forecasts.outlook import Outlook
from app.forecasts.surveys import blocks, fill_gaps, is_surveyed, rounded, write_survey

FloatColumn = NDArray[np.float64]

JUDGED_H = (24, 48, 72)
TOLERANCE = timedelta(hours=5)
"""Nights do not begin on the minute: a forecast is judged after about so many hours, by what it had said of exactly that hour."""

OLDEST_SHARE = 0.5
"""A level that was read in the first half of the time since the forecast judges nothing."""
HALF_WIDTH = 1.2816
"""Of an 80 % interval, in standard deviations."""
NARROWEST_PCT = 1.0
"""No claim to know a level better than a sensor measures it counts."""
ALLOWANCE, LIMIT, LARGEST = 0.5, 5.0, 3.0
"""Of the two-sided CUSUM, in surprises: an honest forecast passes the limit once in about 465 nights, one that is off by one
standard deviation after about ten (Page 1954; Hawkins & Olwell 1998)."""

ALARM_NIGHTS, FEWEST_NIGHTS = 7, 3
ALARM_RATIO, ALARM_COVERAGE, ALARM_SHARE = 1.3, (0.65, 0.95), 0.1

LOST_WITHIN, LOST_NIGHTS, LOST_ERRORS = timedelta(days=28), 7, 2.0
"""The model is taken from a container where it has lost to the baseline on so many nights of these weeks, by so many standard errors.
Nights on which the baseline spoke do not count: after these weeks the model is tried again."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What came of one night's forecast at one horizon; one entry a container, in points of full."""

    horizon_h: int
    container_ids: NDArray[np.int64]
    error: FloatColumn
    naive_error: FloatColumn
    surprise: FloatColumn
    by_model: NDArray[np.bool_]


def judge_night(session: TenantSession, outlook: Outlook) -> dict[str, Any]:
    """Survey tonight's levels, judge the forecasts of one to three days ago by them, and write both down; what a reader should know.

    Nothing where the tenant was surveyed a few hours ago.
    """
    origin_at, seen = outlook.origin_at, outlook.seen
    if seen is None or is_surveyed(session, origin_at):
        return {}
    ids = np.array(outlook.table.keys, np.int64)
    spread = np.full(len(ids), np.nan) if outlook.spread is None else outlook.spread
    age_h = np.zeros(len(ids)) if outlook.age_h is None else outlook.age_h
    write_survey(session, origin_at, ids, seen, spread)
    if outlook.surveyed:
        fill_gaps(session, origin_at, ids)
    told: dict[str, Any] = {}
    for horizon_h in JUDGED_H:
        judged = _judge(session, ids, 100 * seen, age_h, origin_at, horizon_h)
        if judged is not None and np.isfinite(judged.error).any():
            score = _write_judged(session, judged, origin_at, _backtest_mae_pct(outlook, horizon_h))
            told[str(horizon_h)] = told_of(score)
    return told


def told_of(score: ForecastScore) -> dict[str, Any]:
    """A score as run and summary keep it."""
    return {
        "windows": score.windows,
        "mae_pct": round(score.mae_pct, 2),
        "naive_mae_pct": round(score.naive_mae_pct, 2),
        "coverage": round(score.coverage, 3),
        "drifting": score.drifting,
        "alarm": score.alarm,
    }


def _backtest_mae_pct(outlook: Outlook, horizon_h: int) -> float | None:
    scores = outlook.evaluation.get("mae_pct", {})
    used = scores.get("model" if outlook.method == "quantile trees" else "shrunken_rate", {})
    found = used.get(str(horizon_h))
    return None if found is None else float(found)


def _judge(
    session: TenantSession, ids: NDArray[np.int64], seen_pct: FloatColumn, age_h: FloatColumn, origin_at: datetime, horizon_h: int
) -> Judged | None:
    """By the survey that lies nearest to so many hours ago, and the forecast that was made then."""
    asked_at = origin_at - timedelta(hours=horizon_h)
    surveys = queries.list_survey_instants(session, asked_at - TOLERANCE, asked_at + TOLERANCE)
    made_at = min(surveys, key=lambda at: abs(at - asked_at), default=None)
    run = None if made_at is None else queries.find_run_at(session, made_at)
    if run is None or made_at is None:
        return None
    elapsed_h = (origin_at - made_at) / timedelta(hours=1)
    horizons, told, by_model, tables = queries.load_quantiles(session, run, elapsed_h * (1 - OLDEST_SHARE), elapsed_h)
    _, begun = queries.load_surveys(session, ids, made_at, made_at + timedelta(microseconds=1))
    lifts = queries.load_lift_facts(session, made_at, origin_at)
    place, known = queries.places(told, ids)
    fresh = known & np.isfinite(begun[:, 0]) & (age_h <= OLDEST_SHARE * elapsed_h)
    came = np.where(fresh, seen_pct + _lifted_pct(ids, lifts), np.nan)
    # each level is compared with what had been said of the hour at which it was read
    hours = elapsed_h - np.where(fresh, age_h, 0.0)
    low, middle, high, naive = (at_own_hour(horizons, tables[name][place], hours) for name in queries.QUANTILES)
    error = came - middle
    claimed = np.where(error >= 0, high - middle, middle - low) / HALF_WIDTH
    surprise = error / np.maximum(claimed, NARROWEST_PCT)
    return Judged(horizon_h, ids, error, came - naive, surprise, known & by_model[place])


def at_own_hour(horizons: Sequence[int], table: FloatColumn, hours: FloatColumn) -> FloatColumn:
    """Each row of (containers, horizons) at its own hour, by a straight line between its neighbours."""
    knots = np.asarray(horizons, np.float64)
    if len(knots) == 1:
        return table[:, 0]
    right = np.clip(np.searchsorted(knots, hours), 1, len(knots) - 1)
    share = np.clip((hours - knots[right - 1]) / (knots[right] - knots[right - 1]), 0, 1)
    rows = np.arange(len(table))
    return table[rows, right - 1] * (1 - share) + table[rows, right] * share


def _lifted_pct(ids: NDArray[np.int64], lifts: NDArray[Any]) -> FloatColumn:
    """What was lifted out of each container; NaN where a lift found nobody knows what."""
    place, known = queries.places(ids, lifts["container_id"].astype(np.int64))
    return np.bincount(place[known], weights=lifts["before_pct"][known].astype(np.float64), minlength=len(ids)).astype(np.float64)


def _write_judged(session: TenantSession, judged: Judged, judged_at: datetime, backtest_mae_pct: float | None) -> ForecastScore:
    high, low = _cusum(session, judged, judged_at)
    for part in blocks(judged.container_ids):
        session.add(
            ForecastError(
                block=int(judged.container_ids[part.start]) >> BLOCK_BITS,
                judged_at=judged_at,
                horizon_h=judged.horizon_h,
                container_ids=judged.container_ids[part].tolist(),
                error_pct=rounded(judged.error[part]),
                naive_error_pct=rounded(judged.naive_error[part]),
                surprise=rounded(judged.surprise[part]),
                by_model=judged.by_model[part].tolist(),
                cusum_high=rounded(high[part]),
                cusum_low=rounded(low[part]),
            )
        )
    score = _score(judged, judged_at, backtest_mae_pct, int((np.maximum(high, low) > LIMIT).sum()))
    score.alarm = alarm_of([*_earlier(session, judged_at, judged.horizon_h), score])
    session.add(score)
    session.flush()
    return score


def _cusum(session: TenantSession, judged: Judged, judged_at: datetime) -> tuple[FloatColumn, FloatColumn]:
    """The sums after tonight. Only windows of a day are summed: longer ones overlap, and would count the same surprise twice."""
    n = len(judged.container_ids)
    if judged.horizon_h != JUDGED_H[0]:
        return np.zeros(n), np.zeros(n)
    names = ("cusum_high", "cusum_low")
    nights = queries.load_judged(session, judged.container_ids, judged_at - timedelta(days=7), judged_at, judged.horizon_h, names)
    high, low = (np.nan_to_num(nights[name][-1]).astype(np.float64) if len(nights[name]) else np.zeros(n) for name in names)
    return cusum(high, low, judged.surprise)


def cusum(high: FloatColumn, low: FloatColumn, surprise: FloatColumn) -> tuple[FloatColumn, FloatColumn]:
    """Page's two sums, one night on. Twice the limit is the most, so that an alarm ends some nights after its cause has."""
    said = np.clip(surprise, -LARGEST, LARGEST)
    grown = np.clip(high + said - ALLOWANCE, 0, 2 * LIMIT), np.clip(low - said - ALLOWANCE, 0, 2 * LIMIT)
    known = np.isfinite(surprise)
    return np.where(known, grown[0], high), np.where(known, grown[1], low)


def _score(judged: Judged, judged_at: datetime, backtest_mae_pct: float | None, drifting: int) -> ForecastScore:
    known = np.isfinite(judged.error)
    return ForecastScore(
        judged_at=judged_at,
        horizon_h=judged.horizon_h,
        windows=int(known.sum()),
        mae_pct=float(np.abs(judged.error[known]).mean()),
        naive_mae_pct=float(np.abs(judged.naive_error[known]).mean()),
        bias_pct=float(judged.error[known].mean()),
        coverage=float((np.abs(judged.surprise[known]) <= HALF_WIDTH).mean()),
        backtest_mae_pct=backtest_mae_pct,
        drifting=drifting,
    )


def _earlier(session: TenantSession, judged_at: datetime, horizon_h: int) -> list[ForecastScore]:
    scores = queries.list_scores(session, judged_at - timedelta(days=ALARM_NIGHTS))
    return [score for score in scores if score.horizon_h == horizon_h and score.judged_at < judged_at]


def alarm_of(scores: Sequence[ForecastScore]) -> str | None:
    """What a week's scores say against the model, in words; None where they say nothing, or are too few."""
    if len(scores) < FEWEST_NIGHTS:
        return None
    windows = np.array([score.windows for score in scores], np.float64)
    hours = scores[-1].horizon_h
    mae = float(np.average([score.mae_pct for score in scores], weights=windows))
    promised = [(score.backtest_mae_pct, score.windows) for score in scores if score.backtest_mae_pct is not None]
    if promised:
        expected = float(np.average([mae_pct for mae_pct, _ in promised], weights=[count for _, count in promised]))
        if mae > ALARM_RATIO * expected:
            return f"At {hours} h it errs by {mae:.1f} points; its backtest had said {expected:.1f}."
    coverage = float(np.average([score.coverage for score in scores], weights=windows))
    if not ALARM_COVERAGE[0] <= coverage <= ALARM_COVERAGE[1]:
        return f"At {hours} h {coverage:.0%} of the fills lay within the 80 % interval.".replace("%", " %", 1)
    if scores[-1].drifting > ALARM_SHARE * scores[-1].windows:
        return f"{scores[-1].drifting} of {scores[-1].windows} containers have drifted away from their forecasts."
    return None


def find_losers(session: TenantSession, ids: NDArray[np.int64], origin_at: datetime) -> frozenset[Hashable]:
    """Containers that the baseline would have forecast better, on the nights of the last weeks on which the model spoke."""
    names = ("error_pct", "naive_error_pct", "by_model")
    nights = queries.load_judged(session, ids, origin_at - LOST_WITHIN, origin_at, JUDGED_H[0], names)
    return frozenset(ids[lost(*(nights[name].astype(np.float64) for name in names))].tolist())


def lost(error: FloatColumn, naive_error: FloatColumn, by_model: FloatColumn) -> NDArray[np.bool_]:
    """By nights (nights, containers): whether the model's absolute error lies clearly above the baseline's."""
    worse = np.where(by_model == 1, np.abs(error) - np.abs(naive_error), np.nan)
    known = np.isfinite(worse)
    count = known.sum(axis=0)
    mean = np.where(known, worse, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(known, (worse - mean) ** 2, 0.0).sum(axis=0)
    standard_error = np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1))
    return np.asarray((count >= LOST_NIGHTS) & (mean > LOST_ERRORS * standard_error) & (mean > 0))
