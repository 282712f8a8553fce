"""The nightly snapshot table: what is known of each container at an origin, and (for learning) what came after it.

Nothing in a snapshot looks past its origin. Targets look past it by their horizon, and never past `until`.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from forecasting.history import History
from forecasting.level import DAY_S, HOUR_S

DAYS_AHEAD = 7
Key = TypeVar("Key", bound=Hashable)

MAX_HORIZON_H = 24 * DAYS_AHEAD
# Readings up to this long after an hour may still mend its hindsight value (confirmations, ghosts, smoothing).
HINDSIGHT_S = DAY_S
# A window with an end that even hindsight knows no better than this, beside the sensor's noise, teaches nothing.
KNOWN_WITHIN = 0.06
# A window of whose inflow more than this was assumed, not seen, teaches nothing.
UNSEEN_SHARE = 0.5
RATE_DAYS = (1, 3, 7, 14, 28)

# Fills are fractions, rates fractions a day; NaN is "not known".
COLUMNS = (
    "level",  # causal level at the origin
    "spread",  # its standard deviation
    "age_h",  # hours since a reading or lift moved the level
    "interval_h",  # usual hours between readings
    "emptied_h",  # hours since the last known emptying
    *(f"rate_{days}d" for days in RATE_DAYS),
    "rate_all",  # mean inflow of all history
    "rate_sd",  # standard deviation of the daily inflow, 28 days
    "history_d",  # days of history
    "weekday",  # local, Monday is 0
    "hour",  # local
    "month",
    "is_rest_day",  # the origin's day is a Sunday or holiday
)
COLUMN = {name: i for i, name in enumerate(COLUMNS)}


@dataclass(frozen=True, slots=True)
class Context:
    """What readings do not tell.

    Parameters
    ----------
    tz
        The tenant's time zone: weekdays and hours are local.
    waste_class
        Class of each container; one that is missing here belongs to the class "".
    holidays
        Local dates on which people behave as on Sundays.
    """

    tz: ZoneInfo
    waste_class: Mapping[Any, str] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()

    def local(self, at: int) -> datetime:
        """Epoch second as local time."""
        return datetime.fromtimestamp(at, tz=self.tz)

    def is_rest_day(self, day: date) -> bool:
        """Sunday or holiday."""
        return day.weekday() == 6 or day in self.holidays


@dataclass(frozen=True, slots=True, eq=False)
class SnapshotTable:
    """n rows, one per container and origin.

    Parameters
    ----------
    keys
        Container of each row, as the caller names it (length n).
    origin
        Epoch seconds UTC (n,).
    values
        Shape (n, len(COLUMNS)), float64; a container without any reading or lift has NaN for everything learned.
    waste_class
        Class name of each row (n,).
    rest_days
        Shape (n, 7), int8: Sundays and holidays within the next 1..7 local days.
    """

    keys: tuple[Hashable, ...]
    origin: NDArray[np.int64]
    values: NDArray[np.float64]
    waste_class: tuple[str, ...]
    rest_days: NDArray[np.int8]

    def __post_init__(self) -> None:
        n = len(self.keys)
        if not len(self.origin) == len(self.values) == len(self.waste_class) == len(self.rest_days) == n:
            raise ValueError("all fields of a snapshot table have one row per key")
        if self.values.shape != (n, len(COLUMNS)):
            raise ValueError(f"values has shape {self.values.shape}, expected {(n, len(COLUMNS))}")

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        """One column by its name in COLUMNS."""
        return self.values[:, COLUMN[column]]

    def take(self, rows: NDArray[np.int64]) -> "SnapshotTable":
        """The rows at these positions."""
        picked = rows.tolist()
        return SnapshotTable(
            keys=tuple(self.keys[i] for i in picked),
            origin=self.origin[rows],
            values=self.values[rows],
            waste_class=tuple(self.waste_class[i] for i in picked),
            rest_days=self.rest_days[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTable:
    """Snapshots with what followed.

    Parameters
    ----------
    snapshots
        n rows.
    horizons_h
        Hours ahead, ascending (H,).
    increment
        Shape (n, H): hindsight fill at origin + horizon less the causal level at the origin, emptyings taken out; NaN where it was
        not observed or lies after `until`.
    emptied
        Shape (n, H), bool: an emptying fell into the window.
    until
        Epoch second of the last knowledge used.
    """

    snapshots: SnapshotTable
    horizons_h: tuple[int, ...]
    increment: NDArray[np.float64]
    emptied: NDArray[np.bool_]
    until: int

    def __len__(self) -> int:
        return len(self.snapshots)

    def take(self, rows: NDArray[np.int64]) -> "TrainingTable":
        """The rows at these positions."""
        return TrainingTable(self.snapshots.take(rows), self.horizons_h, self.increment[rows], self.emptied[rows], self.until)

    def known_by(self, at: int) -> "TrainingTable":
        """What could be learned at `at`: each window, and the day of hindsight that smooths its end, closes before it."""
        kept = self.take(np.flatnonzero(self.snapshots.origin < at))
        closes = kept.snapshots.origin[:, None] + HOUR_S * np.asarray(self.horizons_h)[None, :] + HINDSIGHT_S
        increment = np.where(closes <= at, kept.increment, np.nan)
        return TrainingTable(kept.snapshots, self.horizons_h, increment, kept.emptied, min(at, self.until))

    def since(self, at: int) -> "TrainingTable":
        """Rows whose origin is `at` or later."""
        return self.take(np.flatnonzero(self.snapshots.origin >= at))


def nightly_origins(first: date, last: date, tz: ZoneInfo, local_hour: int = 18) -> list[int]:
    """Epoch seconds of `local_hour` on each local day from `first` to `last`, both included."""
    days = (first + timedelta(days=i) for i in range((last - first).days + 1))
    return [int(datetime(day.year, day.month, day.day, local_hour, tzinfo=tz).timestamp()) for day in days]


def snapshots(histories: Mapping[Key, History], origins: Sequence[int], context: Context) -> SnapshotTable:
    """One row per container and origin, containers in the mapping's order, origins within them.

    Parameters
    ----------
    histories
        Each container's history; it may reach past the origins, only its causal part up to each origin is read.
    origins
        Epoch seconds UTC.
    context
        Time zone, holidays, waste classes.
    """
    at = np.asarray(origins, np.int64)
    calendar, rest_days = _calendar(at, context)
    blocks = [np.concatenate([_known(history, at), calendar], axis=1) for history in histories.values()]
    classes = [context.waste_class.get(key, "") for key in histories]
    return SnapshotTable(
        keys=tuple(key for key in histories for _ in origins),
        origin=np.tile(at, len(histories)),
        values=np.concatenate(blocks) if blocks else np.zeros((0, len(COLUMNS))),
        waste_class=tuple(name for name in classes for _ in origins),
        rest_days=np.tile(rest_days, (len(histories), 1)),
    )


def training_table(
    histories: Mapping[Key, History], origins: Sequence[int], context: Context, horizons_h: Sequence[int], until: int
) -> TrainingTable:
    """Snapshots beside their targets.

    Parameters
    ----------
    histories, origins, context
        As in `snapshots`.
    horizons_h
        Hours ahead.
    until
        No target reaches past this epoch second. The histories themselves must be built from readings up to it: hindsight would
        otherwise see further.

    Raises
    ------
    ValueError
        If a history reaches past `until`, or a horizon is not within 1..168.
    """
    horizons = check_horizons(horizons_h)
    late = [key for key, history in histories.items() if len(history) and history.last_at > until]
    if late:
        raise ValueError(f"{len(late)} histories reach past until={until}, the first is of container {late[0]!r}")
    table = snapshots(histories, origins, context)
    at = np.asarray(origins, np.int64)
    pairs = [_outcome(history, at, np.asarray(horizons)) for history in histories.values()]
    shape = (len(table), len(horizons))
    return TrainingTable(
        snapshots=table,
        horizons_h=horizons,
        increment=np.concatenate([increment for increment, _ in pairs]) if pairs else np.zeros(shape),
        emptied=np.concatenate([emptied for _, emptied in pairs]) if pairs else np.zeros(shape, np.bool_),
        until=until,
    )


def check_horizons(horizons_h: Sequence[int]) -> tuple[int, ...]:
    """The horizons as a tuple; ValueError unless they ascend strictly within 1..168."""
    horizons = tuple(int(h) for h in horizons_h)
    if not horizons or horizons[0] < 1 or horizons[-1] > MAX_HORIZON_H or any(b <= a for a, b in pairwise(horizons)):
        raise ValueError(f"horizons must ascend strictly within 1..{MAX_HORIZON_H} hours, got {horizons}")
    return horizons


def _calendar(at: NDArray[np.int64], context: Context) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    local = [context.local(int(second)) for second in at]
    now = [(when.weekday(), when.hour, when.month, context.is_rest_day(when.date())) for when in local]
    ahead = [[context.is_rest_day(when.date() + timedelta(days=j)) for j in range(1, DAYS_AHEAD + 1)] for when in local]
    return np.array(now, np.float64).reshape(-1, 4), np.cumsum(np.array(ahead, np.int8).reshape(-1, DAYS_AHEAD), axis=1, dtype=np.int8)


def _known(history: History, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Columns level..history_d of one container at each origin."""
    out = np.full((len(at), COLUMN["weekday"]), np.nan)
    hour = history.hour(at)
    seen = ((hour >= 0) | (at >= history.last_at)) & (len(history) > 0)
    if not seen.any():
        return out
    # Between full hours the hour before is what was known, but after the last event nothing newer can be hidden in the last hour.
    i = np.where(at[seen] >= history.last_at, len(history) - 1, np.minimum(hour[seen], len(history) - 1))
    beyond_h = np.maximum(hour[seen] - i, 0)
    out[seen, 0] = history.level[i]
    age_h, grown = history.age_h[i] + beyond_h, history.sensor.growth
    out[seen, 1] = np.sqrt(history.spread[i] ** 2 + grown(age_h * HOUR_S) - grown(history.age_h[i] * HOUR_S))
    out[seen, 2] = age_h
    out[seen, 3] = history.interval_h
    out[seen, 4] = history.since_emptied_h[i] + beyond_h
    rates = _rates(history, i)
    out[seen, 5 : 5 + rates.shape[1]] = rates
    return out


def _rates(history: History, i: NDArray[np.int64]) -> NDArray[np.float64]:
    """Inflow per day over each window, of all history, its daily deviation, and the days of history."""
    total, days = history.throughput, i / 24
    columns = []
    for window_d in RATE_DAYS:
        rate = (total[i] - total[np.maximum(i - 24 * window_d, 0)]) / window_d
        columns.append(np.where(days >= window_d, np.maximum(rate, 0.0), np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate_all = np.where(days >= 0.25, np.maximum(total[i] - total[0], 0.0) / days, np.nan)
    return np.column_stack([*columns, rate_all, _daily_deviation(total, i), days])


def _daily_deviation(total: NDArray[np.float64], i: NDArray[np.int64]) -> NDArray[np.float64]:
    back = i[:, None] - 24 * np.arange(28, -1, -1)[None, :]
    daily = np.diff(np.where(back >= 0, total[np.maximum(back, 0)], np.nan), axis=1)
    count = np.isfinite(daily).sum(axis=1)
    mean = np.nansum(daily, axis=1) / np.maximum(count, 1)
    variance = np.nansum((daily - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1)
    return np.where(count >= 3, np.sqrt(variance), np.nan)


def _outcome(history: History, at: NDArray[np.int64], horizons_h: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Increments and "an emptying fell in between", both (origins, horizons)."""
    now = history.hour(at)
    then = now[:, None] + horizons_h[None, :]
    shape = then.shape
    if not len(history):
        return np.full(shape, np.nan), np.zeros(shape, np.bool_)
    inside = (now[:, None] >= 0) & (then < len(history))
    i, j = np.clip(now, 0, len(history) - 1), np.clip(then, 0, len(history) - 1)
    total = history.smooth_throughput
    increment = total[j] - total[i][:, None] + (history.smooth_level[i] - history.level[i])[:, None]
    # An emptying that had happened but was not certain yet would teach that fill falls by itself.
    backed = history.observed & (history.smooth_spread <= KNOWN_WITHIN + history.sensor.noise)
    usable = inside & backed[j] & backed[i][:, None] & ~_uncertain(history, at)[:, None]
    first = np.searchsorted(history.emptied_at, at, side="right")[:, None]
    last = np.searchsorted(history.emptied_at, at[:, None] + HOUR_S * horizons_h[None, :], side="right")
    unseen_h = np.concatenate([[0.0], np.cumsum(history.unseen_h)])
    usable &= unseen_h[last] - unseen_h[first] <= UNSEEN_SHARE * horizons_h[None, :]
    return np.where(usable, increment, np.nan), last > first


def _uncertain(history: History, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    between = (history.emptied_at[None, :] <= at[:, None]) & (at[:, None] < history.known_at[None, :])
    return np.asarray(between.any(axis=1))
