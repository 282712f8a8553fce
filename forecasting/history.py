"""A container's readings and lifts become a regular hourly level series with its emptyings.

Two views stand side by side. The *causal* one at an hour uses nothing observed later: forecasts start from it. The *smoothed* one
looks back from the end (ghosts taken out, emptyings at the hour they happened): models learn their targets from it.

*Throughput* is the level plus all that was emptied out before: a curve that emptyings do not break.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.level import DAY_S, DEFAULT_SENSOR, HOUR_S, NEVER, Readings, Sensor, Step, replay

# A smoothed hour counts as observed when its two neighbouring readings lie no further apart than this many usual intervals.
OBSERVED_INTERVALS = 3.0
# Beyond this fall between two readings of one segment, smoothing stops: it would blur a real jump.
JUMP = 0.12
# History that it takes to say what usually comes in.
RATE_KNOWN_S = 3 * DAY_S


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
        Causal level and its standard deviation.
    age_h
        Hours since a reading or lift last moved the level.
    throughput
        Causal level plus what emptyings known by then took out.
    smooth_level, smooth_throughput
        The same in hindsight.
    observed
        Whether the hindsight value is backed by readings close by.
    emptied_at, known_at
        When each emptying happened and when it became certain (epoch seconds, int64).
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
    smooth_level: NDArray[np.float64]
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
    """Replay readings and lifts through the level filter, then look back once.

    Parameters
    ----------
    readings
        One container's readings; may be empty.
    lifts
        Epoch seconds of emptyings that a driver, a lift reader or a weigh ticket reports; each forces an emptying.
    sensor
        The sensor model's noise.

    Returns
    -------
    History
        From the first full hour at or after the first event to the one at or after the last; empty without events.
    """
    _, steps = replay(readings, lifts, sensor)
    known = [(at, answer) for at, answer in steps if answer.level == answer.level]
    if not known:
        return _nothing()
    events = _Events(known, sensor)
    start = -(-events.at[0] // HOUR_S) * HOUR_S
    hours = np.arange(start, events.at[-1] + HOUR_S, HOUR_S, dtype=np.int64)
    now = np.searchsorted(events.at, hours, side="right") - 1
    unsettled_s = (hours - events.settled_at[now]).astype(np.float64)
    smooth_throughput = np.interp(hours, events.at, events.smooth_throughput())
    interval_s = float(np.median(np.diff(readings.observed_at))) if len(readings) > 1 else np.nan
    return History(
        start=int(start),
        last_at=int(events.at[-1]),
        level=events.level[now],
        spread=np.sqrt(events.variance[now] + sensor.growth(unsettled_s)),
        age_h=unsettled_s / HOUR_S,
        throughput=events.level[now] + events.taken_out(events.known_at)[now],
        smooth_level=smooth_throughput - _total_before(hours, events.emptied_at, events.taken),
        smooth_throughput=smooth_throughput,
        observed=_observed(hours, events.believed_at, interval_s),
        emptied_at=events.emptied_at,
        known_at=events.known_at,
        unseen_h=events.unseen_s / HOUR_S,
        interval_h=interval_s / HOUR_S,
        sensor=sensor,
    )


class _Events:
    """The filter's answers as arrays, and the second look at them."""

    def __init__(self, steps: Sequence[tuple[int, Step]], sensor: Sensor) -> None:
        self.at = np.array([at for at, _ in steps], np.int64)
        self.level = np.array([answer.level for _, answer in steps])
        self.variance = np.array([answer.state.variance for _, answer in steps])
        self.settled_at = np.array([answer.state.settled_at for _, answer in steps], np.int64)
        self.believed_at = np.unique(self.settled_at)
        self._steps, self._sensor = steps, sensor
        found = [(i, answer.emptied_at) for i, (_, answer) in enumerate(steps) if answer.emptied_at is not None]
        order = sorted(found, key=lambda item: item[1])
        self.emptied_at = np.array([since for _, since in order], np.int64)
        self.known_at = np.array([self.at[i] for i, _ in order], np.int64)
        self.taken, self.unseen_s = self._falls(order)

    def _falls(self, order: Sequence[tuple[int, int]]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """What left the container at each emptying, and the seconds around it in which nobody saw what came in.

        The level before the first sign, less the level when it was certain, plus what came in unseen at the rate known by then:
        without it a daily sensor would lose a day of inflow with every lift.
        """
        taken, unseen_s = np.zeros(len(order)), np.zeros(len(order), np.int64)
        for nth, (i, since) in enumerate(order):
            before = int(np.searchsorted(self.at, since)) - 1
            if before < 0:
                continue
            elapsed_s = int(self.at[before] - self.at[0])
            came_in = self.level[before] - self.level[0] + taken.sum()
            rate = max(float(came_in) / elapsed_s, 0.0) if elapsed_s >= RATE_KNOWN_S else 0.0
            unseen_s[nth] = self.at[i] - self.at[before]
            taken[nth] = max(float(self.level[before] - self.level[i] + rate * unseen_s[nth]), 0.0)
        return taken, unseen_s

    def taken_out(self, counted_at: NDArray[np.int64]) -> NDArray[np.float64]:
        """All that emptyings took out up to each event, counted from the instants given."""
        order = np.argsort(counted_at, kind="stable")
        return _total_before(self.at, counted_at[order], self.taken[order])

    def smooth_throughput(self) -> NDArray[np.float64]:
        """Throughput in hindsight: jumps at their first reading, ghosts gone, noise smoothed backwards (Rauch-Tung-Striebel)."""
        level = self.level.copy()
        for i, (_, answer) in enumerate(self._steps):
            if answer.revised_since is not None:
                level[int(np.searchsorted(self.at, answer.revised_since)) : i] = answer.level
            if answer.retracted_since is not None:
                level[int(np.searchsorted(self.at, answer.retracted_since)) : i] = answer.level
        total = level + self.taken_out(self.emptied_at)
        return self._smooth_backwards(total)

    def _smooth_backwards(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        grown = self._sensor.growth(np.diff(self.at).astype(np.float64))
        gains = (self.variance[:-1] / (self.variance[:-1] + grown)).tolist()
        out = values.tolist()
        for i in range(len(out) - 2, -1, -1):
            later = out[i + 1] - out[i]
            if -JUMP < later < JUMP:
                out[i] += gains[i] * later
        return np.array(out)


def _total_before(at: NDArray[np.int64], counted_at: NDArray[np.int64], amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    totals = np.concatenate([[0.0], np.cumsum(amounts)])
    return np.asarray(totals[np.searchsorted(counted_at, at, side="right")])


def _observed(hours: NDArray[np.int64], believed_at: NDArray[np.int64], interval_s: float) -> NDArray[np.bool_]:
    """Hours whose neighbouring believed readings lie close together."""
    after = np.searchsorted(believed_at, hours)
    left = believed_at[np.maximum(np.searchsorted(believed_at, hours, side="right") - 1, 0)]
    right = believed_at[np.minimum(after, len(believed_at) - 1)]
    usual = interval_s if np.isfinite(interval_s) else 0.0
    return np.asarray((right - left <= max(OBSERVED_INTERVALS * usual, 2 * HOUR_S)) & (after < len(believed_at)))


def _nothing() -> History:
    none, instants = np.zeros(0), np.zeros(0, np.int64)
    return History(0, NEVER, none, none, none, none, none, none, np.zeros(0, np.bool_), instants, instants, none, np.nan, DEFAULT_SENSOR)
