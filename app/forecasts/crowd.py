"""Tonight's snapshot of more containers than a night may replay: from states that ingest keeps, nightly surveys of levels, and lifts.

Every figure is a column over all containers. What came in between two surveys is the difference of their levels, and what lifts took
out in between; lifts are read anew each night, so that one that is reported late still counts where it belongs.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.db import TenantSession
from app.forecasts.queries import (
    US,
    load_habits,
    load_last_fills,
    load_states,
    load_surveys,
    places,
)
from app.forecasts.subjects import Subjects
from app.forecasts.surveys import STALE
from forecasting.features import COLUMN, COLUMNS, RATE_DAYS, SnapshotTable
from forecasting.level import DAY_S, DEFAULT_SENSOR, GOOD, HOUR_S

FloatColumn = NDArray[np.float64]

HABIT = timedelta(days=2)
"""From so long how often a sensor speaks is read off."""
WIDEST_GAP_S = 2.5 * DAY_S
"""Between surveys further apart nobody knows what came in when."""
DEVIATION_DAYS = 28
SURVEYED = frozenset(
    {"level", "spread", "age_h", "interval_h", "emptied_h", *(f"rate_{days}d" for days in RATE_DAYS), "rate_all", "rate_sd", "history_d"}
    | {"weekday", "hour", "month", "is_rest_day"}
)
"""Columns of a snapshot that can be told without a replay."""
NOT_SURVEYED = tuple(i for name, i in COLUMN.items() if name not in SURVEYED)


@dataclass(frozen=True, eq=False, kw_only=True)
class Crowd:
    """Columns of one entry a container; instants in epoch seconds, NaN where not known."""

    container_ids: NDArray[np.int64]
    """Ascending."""
    origin: int
    level: FloatColumn
    spread: FloatColumn
    observed_at: FloatColumn
    emptied_at: FloatColumn
    readings_per_day: FloatColumn
    instants: NDArray[np.int64]
    """Of the surveys, ascending; the last one is the origin."""
    total: NDArray[np.float32]
    """(instants, containers): all that had come in by then, from an arbitrary zero, fractions of full."""


def load_crowd(session: TenantSession, ids: NDArray[np.int64], lifts: NDArray[Any], since: datetime, origin_at: datetime) -> Crowd:
    """Everything of these containers (ascending) as the origin knew it."""
    origin = int(origin_at.timestamp())
    level, spread, observed_at = _levels_now(session, ids, origin_at)
    emptied_at = last_lifts(ids, lifts)
    lifted_since = emptied_at > np.nan_to_num(observed_at, nan=-1.0)
    unheard = lifted_since & (level != level)
    level, spread = np.where(unheard, 0.0, level), np.where(unheard, 0.05, spread)
    habits = load_habits(session, origin_at - HABIT, origin_at)
    instants, surveyed = load_surveys(session, ids, since, origin_at)
    instants = np.append(instants, origin)
    levels = np.concatenate([surveyed.T, level[None].astype(np.float32)])
    return Crowd(
        container_ids=ids,
        origin=origin,
        level=level,
        spread=spread,
        observed_at=observed_at,
        emptied_at=emptied_at,
        readings_per_day=_placed(ids, habits, "readings") / (HABIT / timedelta(days=1)),
        instants=instants,
        total=levels + taken_out(ids, lifts, instants, levels),
    )


def _levels_now(session: TenantSession, ids: NDArray[np.int64], origin_at: datetime) -> tuple[FloatColumn, FloatColumn, FloatColumn]:
    """Level, spread and when it was observed: the streaming filter's, or where that has seen later readings, the last reading before."""
    states = load_states(session)
    if (states["observed_us"] > origin_at.timestamp() * US).any():
        states = load_last_fills(session, origin_at - STALE, origin_at, least_quality=GOOD - 1)
    observed_us = _placed(ids, states, "observed_us")
    observed_at = np.where(observed_us >= 0, observed_us / US, np.nan)
    return _placed(ids, states, "level_pct") / 100, _placed(ids, states, "spread_pct") / 100, observed_at


def _placed(ids: NDArray[np.int64], rows: NDArray[Any], column: str) -> FloatColumn:
    """A column of rows in the order of the containers; NaN for those that have none."""
    place, known = places(rows["container_id"].astype(np.int64), ids)
    out = np.full(len(ids), np.nan)
    out[known] = rows[column][place[known]]
    return out


def last_lifts(ids: NDArray[np.int64], lifts: NDArray[Any]) -> FloatColumn:
    """When each container was last emptied, epoch seconds."""
    out = np.full(len(ids), np.nan)
    place, known = places(ids, lifts["container_id"].astype(np.int64))
    out[place[known]] = lifts["at_us"][known] // US  # ascending in time, so the last one stays
    return out


def taken_out(ids: NDArray[np.int64], lifts: NDArray[Any], instants: NDArray[np.int64], levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(instants, containers): what lifts had taken out by then. A lift of unknown fill took what the survey before it had seen."""
    place, known = places(ids, lifts["container_id"].astype(np.int64))
    column = np.searchsorted(instants, lifts["at_us"].astype(np.int64) // US)
    counted = known & (column < len(instants)) & (column > 0)
    place, column = place[counted], column[counted]
    before = lifts["before_pct"][counted].astype(np.float64) / 100
    before = np.where(np.isfinite(before), before, np.nan_to_num(levels[column - 1, place]))
    cells = np.bincount(column * len(ids) + place, weights=before, minlength=levels.size)
    return np.cumsum(cells.reshape(levels.shape), axis=0, dtype=np.float32)


def crowd_snapshot(crowd: Crowd, subjects: Subjects, part: slice) -> SnapshotTable:
    """The kernel's snapshot of a part of the containers, all columns that can be told without a replay."""
    ids = subjects.container_ids[part]
    calendar = subjects.calendar(crowd.origin)
    values = np.full((len(ids), len(COLUMNS)), np.nan)
    for name, column in (_now(crowd, part) | _rates(crowd, part) | calendar.columns).items():
        if name in COLUMN:
            values[:, COLUMN[name]] = column
    return SnapshotTable(
        keys=tuple(ids.tolist()),
        origin=np.full(len(ids), crowd.origin, np.int64),
        values=values,
        waste_class=subjects.waste_class[part],
        rest_days=np.tile(calendar.rest_days, (len(ids), 1)),
    )


def _now(crowd: Crowd, part: slice) -> dict[str, FloatColumn]:
    origin, emptied_at = crowd.origin, crowd.emptied_at[part]
    age_s = origin - np.fmax(crowd.observed_at[part], emptied_at)
    grown = np.nan_to_num(DEFAULT_SENSOR.growth(age_s))
    with np.errstate(divide="ignore"):
        interval_h = 24 / crowd.readings_per_day[part]
    return {
        "level": crowd.level[part],
        "spread": np.sqrt(crowd.spread[part] ** 2 + grown),
        "age_h": age_s / HOUR_S,
        "interval_h": interval_h,
        "emptied_h": (origin - emptied_at) / HOUR_S,
    }


def _rates(crowd: Crowd, part: slice) -> dict[str, FloatColumn]:
    """Inflow a day over each window, its mean and daily deviation, and the days that surveys reach back."""
    total = crowd.total[:, part].astype(np.float64)
    now = total[-1]
    daily = np.stack([total_at(crowd.instants, total, crowd.origin - days * DAY_S) for days in range(DEVIATION_DAYS, -1, -1)])
    rates = {f"rate_{days}d": np.maximum(now - daily[DEVIATION_DAYS - days], 0.0) / days for days in RATE_DAYS if days <= DEVIATION_DAYS}
    first = np.isfinite(total).argmax(axis=0)
    history_d = (crowd.origin - crowd.instants[first]) / DAY_S
    begun = np.take_along_axis(total, first[None], axis=0)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate_all = np.where(history_d >= 0.25, np.maximum(now - begun, 0.0) / history_d, np.nan)
    rates |= {"rate_all": rate_all, "rate_sd": _deviation(np.diff(daily, axis=0))}
    return rates | {"history_d": np.where(np.isfinite(now), history_d, np.nan)}


def total_at(instants: NDArray[np.int64], total: FloatColumn, at: int) -> FloatColumn:
    """What had come in by an instant, on the straight line between the surveys around it; NaN before the first, and in wide gaps."""
    right = int(np.searchsorted(instants, at))
    if right < len(instants) and instants[right] == at:
        return np.asarray(total[right])
    if right in (0, len(instants)) or instants[right] - instants[right - 1] > WIDEST_GAP_S:
        return np.full(total.shape[1], np.nan)
    share = (at - instants[right - 1]) / (instants[right] - instants[right - 1])
    return np.asarray(total[right - 1] * (1 - share) + total[right] * share)


def _deviation(daily: FloatColumn) -> FloatColumn:
    known = np.isfinite(daily)
    count = known.sum(axis=0)
    mean = np.where(known, daily, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(known, (daily - mean) ** 2, 0.0).sum(axis=0)
    return np.where(count >= 3, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def choose_panel(crowd: Crowd, *, days: float, readings: int, containers: int, seed: int) -> list[int]:
    """Containers drawn by lot whose readings of so many days are no more than a night may replay; silent ones teach nothing."""
    spoken = np.flatnonzero(crowd.readings_per_day > 0)
    drawn = np.random.default_rng(seed).permutation(spoken)[:containers]
    expected = np.cumsum(crowd.readings_per_day[drawn]) * days
    return sorted(crowd.container_ids[drawn[: max(int(np.searchsorted(expected, readings)), 1)]].tolist())


def without_unsurveyed(values: FloatColumn) -> FloatColumn:
    """Snapshot values as the crowd's have to be: a model must not learn from what it will not be shown."""
    kept = values.copy()
    kept[:, list(NOT_SURVEYED)] = np.nan
    return kept
