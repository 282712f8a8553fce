"""A container's readings and lifts become a regular hourly level series with its emptyings.

Two views stand side by side. The *causal* one at an hour uses nothing observed later: forecasts start from it. The *smoothed* one
looks back from the end (ghosts taken out, emptyings at the hour they happened): models learn their targets from it. Both come from the
grid filter (`level_grid`), which walks many containers at once: `build_histories` is the one to call, `build_history` serves a single one.

*Throughput* is the level plus all that was emptied out before: a curve that emptyings do not break.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from forecasting.level import DEFAULT_SENSOR, HOUR_S, NEVER, Readings, Sensor
from forecasting.level_smooth import Hindsight, Moment, Ticks, backward, forward

Key = TypeVar("Key", bound=Hashable)

# Containers that walk together: enough to fill the processor's vectors, few enough for its memory.
TOGETHER = 64
# A smoothed hour counts as observed when its two neighbouring readings lie no further apart than this many usual intervals.
OBSERVED_INTERVALS = 3.0
# Emptyings are counted where their probabilities within this time add up to more than a half.
EMPTYING_WITHIN_H = 6
# An emptying is certain when the causal hours since the last one agree with it this closely.
AGREES_H = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """One container's past on a grid of full hours UTC; all series have length `len(history)`, fills are fractions.

    Parameters
    ----------
    start
        Epoch second of the first hour.
    last_at
        Epoch second of the last event.
    level, spread
        Causal level when the last reading or lift came, and its standard deviation now.
    age_h
        Hours since a reading or lift last moved the level.
    throughput
        Causal level plus what emptyings took out, as believed by then.
    since_emptied_h
        Causal hours since the last emptying; NaN before the first.
    ghost
        Causal probability that the last reading was a ghost.
    smooth_level, smooth_spread, smooth_throughput
        Level, its standard deviation and throughput in hindsight.
    observed
        Whether the hindsight value is backed by readings close by.
    emptied_at, known_at
        When each emptying happened and when it became certain (epoch seconds, int64); hindsight.
    unseen_h
        Hours around each emptying in which inflow was not seen but assumed at the container's usual rate.
    interval_h
        Usual hours between readings; NaN without two readings.
    sensor
        What the level filter assumed.
    """

    start: int
    last_at: int
    level: NDArray[np.float64]
    spread: NDArray[np.float64]
    age_h: NDArray[np.float64]
    throughput: NDArray[np.float64]
    since_emptied_h: NDArray[np.float64]
    ghost: NDArray[np.float64]
    smooth_level: NDArray[np.float64]
    smooth_spread: NDArray[np.float64]
    smooth_throughput: NDArray[np.float64]
    observed: NDArray[np.bool_]
    emptied_at: NDArray[np.int64]
    known_at: NDArray[np.int64]
    unseen_h: NDArray[np.float64]
    interval_h: float
    sensor: Sensor

    def __len__(self) -> int:
        return len(self.level)

    @property
    def end(self) -> int:
        """Epoch second of the last hour (before `start` where nothing is known)."""
        return self.start + (len(self) - 1) * HOUR_S

    def hour(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of the hour at or before each epoch second; may lie outside 0..len-1."""
        return (at - self.start) // HOUR_S


def build_history(readings: Readings, lifts: Sequence[int] = (), sensor: Sensor = DEFAULT_SENSOR) -> History:
    """The history of one container; see `build_histories`, which is many times faster a container."""
    return build_histories({0: readings}, {0: lifts}, {0: sensor})[0]


def build_histories(
    readings: Mapping[Key, Readings], lifts: Mapping[Any, Sequence[int]] | None = None, sensors: Mapping[Any, Sensor] | None = None
) -> dict[Key, History]:
    """Walk readings and lifts of many containers through the grid filter, then look back once.

    Parameters
    ----------
    readings
        Of each container; may be empty.
    lifts
        Epoch seconds of emptyings that a driver, a lift reader or a weigh ticket reports; each forces an emptying.
    sensors
        The sensor models' noise; a container that is missing here has the default one.

    Returns
    -------
    dict
        In the order of `readings`. Each history runs from the first full hour at or after the first event to the one at or after the
        last; it is empty without events.
    """
    keys = list(readings)
    found: dict[Key, History] = {}
    for i in range(0, len(keys), TOGETHER):
        some = keys[i : i + TOGETHER]
        own_lifts = [sorted(int(at) for at in (lifts or {}).get(key, ())) for key in some]
        own_sensors = [(sensors or {}).get(key, DEFAULT_SENSOR) for key in some]
        found |= zip(some, _walk([readings[key] for key in some], own_lifts, own_sensors), strict=True)
    return found


def _walk(readings: list[Readings], lifts: list[list[int]], sensors: list[Sensor]) -> list[History]:
    ticks = Ticks.of(readings, lifts)
    moment, learned = forward(ticks, sensors)
    hindsight = backward(ticks, learned)
    return [_of(b, ticks, moment, hindsight, readings[b], lifts[b], sensors[b]) for b in range(len(readings))]


def _of(b: int, ticks: Ticks, moment: Moment, hindsight: Hindsight, readings: Readings, lifts: list[int], sensor: Sensor) -> History:
    """One container's column, cut to its own hours."""
    if ticks.last[b] < 0:
        return _nothing()
    own = slice(int(ticks.first[b]), int(ticks.last[b]) + 1)
    start = ticks.start + own.start * HOUR_S
    seen = (ticks.lifted[own, b] | np.isfinite(ticks.fill[own, b])).astype(bool)
    age_h = _hours_since(seen)
    smooth_level = hindsight.level[own, b]
    at = _emptyings(hindsight.emptied[own, b], seen)
    since_h = np.where(moment.emptied_h[own, b] < 0.9 * np.arange(len(seen)), moment.emptied_h[own, b] + age_h, np.nan)
    interval_s = float(np.median(np.diff(readings.observed_at))) if len(readings) > 1 else np.nan
    believed = seen & ((hindsight.ghost[own, b] < 0.5) | ticks.lifted[own, b])
    return History(
        start=start,
        last_at=_last_event(readings, lifts),
        level=moment.level[own, b],
        spread=np.sqrt(moment.spread[own, b] ** 2 + sensor.growth(age_h * HOUR_S)),
        age_h=age_h,
        throughput=moment.level[own, b] + moment.taken[own, b],
        since_emptied_h=since_h,
        ghost=moment.ghost[own, b],
        smooth_level=smooth_level,
        smooth_spread=hindsight.spread[own, b],
        smooth_throughput=smooth_level + np.cumsum(hindsight.taken[own, b]),
        observed=_observed(believed, interval_s),
        emptied_at=_exact(start + at * HOUR_S, lifts),
        known_at=start + HOUR_S * _certain(at, since_h),
        unseen_h=_unseen_h(at, seen),
        interval_h=interval_s / HOUR_S,
        sensor=sensor,
    )


def _last_event(readings: Readings, lifts: list[int]) -> int:
    return max(int(readings.observed_at[-1]) if len(readings) else NEVER, lifts[-1] if lifts else NEVER)


def _hours_since(seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    hours = np.arange(len(seen))
    return (hours - np.maximum.accumulate(np.where(seen, hours, 0))).astype(np.float64)


def _emptyings(probability: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Hours with an event by which an emptying had happened rather than not, since the event before or within some hours."""
    events = np.flatnonzero(seen)
    total = np.concatenate([[0.0], np.cumsum(probability)])
    since = np.minimum(events + 1 - EMPTYING_WITHIN_H, np.concatenate([[0], events[:-1] + 1]))
    likely = total[events + 1] - total[np.maximum(since, 0)] >= 0.5
    found = events[likely]
    return np.asarray(found[np.diff(found, prepend=-EMPTYING_WITHIN_H) >= EMPTYING_WITHIN_H], np.int64)


def _exact(at: NDArray[np.int64], lifts: list[int]) -> NDArray[np.int64]:
    """A reported lift says the second."""
    reported = np.asarray(lifts, np.int64)
    if not len(reported):
        return at
    next_lift = reported[np.minimum(np.searchsorted(reported, at - HOUR_S, side="right"), len(reported) - 1)]
    return np.where((at - HOUR_S < next_lift) & (next_lift <= at), next_lift, at)


def _certain(at: NDArray[np.int64], since_h: NDArray[np.float64]) -> NDArray[np.int64]:
    """First hour from each emptying on at which the causal view agreed that it had happened."""
    hours = np.arange(len(since_h))
    agreed = [np.flatnonzero((since_h <= hours - t + AGREES_H) & (hours >= t)) for t in at.tolist()]
    return np.array([found[0] if len(found) else len(since_h) for found in agreed], np.int64)


def _unseen_h(at: NDArray[np.int64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Hours between the readings around each emptying."""
    events = np.flatnonzero(seen)
    after = np.minimum(np.searchsorted(events, at), len(events) - 1)
    return np.asarray(events[after] - events[np.maximum(after - 1, 0)], np.float64)


def _observed(believed: NDArray[np.bool_], interval_s: float) -> NDArray[np.bool_]:
    """Hours whose neighbouring believed readings lie close together."""
    hours, events = np.arange(len(believed)), np.flatnonzero(believed)
    if not len(events):
        return believed
    after = np.searchsorted(events, hours)
    left = events[np.maximum(np.searchsorted(events, hours, side="right") - 1, 0)]
    right = events[np.minimum(after, len(events) - 1)]
    usual_h = interval_s / HOUR_S if np.isfinite(interval_s) else 0.0
    return np.asarray((right - left <= max(OBSERVED_INTERVALS * usual_h, 2)) & (after < len(events)))


def _nothing() -> History:
    none, instants = np.zeros(0), np.zeros(0, np.int64)
    return History(
        start=0,
        last_at=NEVER,
        level=none,
        spread=none,
        age_h=none,
        throughput=none,
        since_emptied_h=none,
        ghost=none,
        smooth_level=none,
        smooth_spread=none,
        smooth_throughput=none,
        observed=np.zeros(0, np.bool_),
        emptied_at=instants,
        known_at=instants,
        unseen_h=none,
        interval_h=np.nan,
        sensor=DEFAULT_SENSOR,
    )
