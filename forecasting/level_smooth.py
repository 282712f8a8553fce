"""Forward and backward through the past of a batch of containers, hour by hour.

*Forward* is causal: its row of an hour knows nothing observed later, and learns ghosts and rates as it goes. *Backward* then looks at the
same hours with all that came after, and with the ghosts and the rate that the whole past has shown; models learn their targets from it.

References
----------
.. [1] Rabiner (1989). A tutorial on hidden Markov models and selected applications in speech recognition. (forward-backward)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.level import DAY_S, FILL_MAX, FILL_MIN, HOUR_S, IMPOSSIBLE, STALE_S, Readings, Sensor
from forecasting.level_grid import (
    FILLS,
    GHOST,
    GHOST_HEIGHT,
    GHOST_LEAVES_PER_H,
    PROBABILITY,
    SURGE,
    WASTE,
    Floats,
    GridFilter,
    drop,
    emptied,
    hour,
    mean_and_spread,
    rise,
    times,
)


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """Events of B containers on a common grid of full hours UTC; an event counts at the hour at or after it.

    Parameters
    ----------
    start
        Epoch second of the first hour.
    fill
        Shape (T, B): the middle reading of each hour, after its last lift; NaN without one.
    lifted
        Shape (T, B).
    late
        Shape (T, B): a reading with none in the hours before it, after which it would prove anything.
    first, last
        Index of each container's first and last hour with an event (B,); `last` is -1 without any.
    """

    start: int
    fill: NDArray[np.float64]
    lifted: NDArray[np.bool_]
    late: NDArray[np.bool_]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, readings: Sequence[Readings], lifts: Sequence[Sequence[int]]) -> "Ticks":
        """Lay readings and reported lifts on the grid."""
        pairs = list(zip(readings, lifts, strict=True))
        events = [np.concatenate([one.observed_at[_usable(one)], np.asarray(own, np.int64)]) for one, own in pairs]
        known = [own for own in events if len(own)]
        start = min((_tick_s(int(own.min())) for own in known), default=0)
        hours = max(((_tick_s(int(own.max())) - start) // HOUR_S + 1 for own in known), default=0)
        fill, lifted = np.full((hours, len(events)), np.nan), np.zeros((hours, len(events)), np.bool_)
        for b, (one, own) in enumerate(pairs):
            usable = _usable(one)
            _lay(one.observed_at[usable] - start, one.fill[usable], np.sort(np.asarray(own, np.int64)) - start, fill[:, b], lifted[:, b])
        seen = lifted | np.isfinite(fill)
        first = np.where(seen.any(axis=0), seen.argmax(axis=0), hours) if hours else np.zeros(len(events), np.int64)
        last = np.where(seen.any(axis=0), hours - 1 - seen[::-1].argmax(axis=0), -1) if hours else first - 1
        return cls(start, fill, lifted, _late(fill, seen), first, last)

    def __len__(self) -> int:
        return len(self.fill)


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What was known at each hour (T, B); values stay as the last event left them.

    Parameters
    ----------
    level, spread
        Mean and standard deviation of the fill.
    taken
        What emptyings took out, up to now, as believed now.
    emptied_h
        Expected hours since the last emptying, or since the beginning.
    ghost
        Probability that the last reading was a ghost.
    """

    level: NDArray[np.float64]
    spread: NDArray[np.float64]
    taken: NDArray[np.float64]
    emptied_h: NDArray[np.float64]
    ghost: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Hindsight:
    """What was found out later about each hour (T, B).

    Parameters
    ----------
    level, spread, ghost
        As in `Moment`.
    emptied
        Probability of an emptying within the hour that ends here.
    taken
        Expected fall by emptyings within it.
    """

    level: NDArray[np.float64]
    spread: NDArray[np.float64]
    ghost: NDArray[np.float64]
    emptied: NDArray[np.float64]
    taken: NDArray[np.float64]


def forward(ticks: Ticks, sensors: Sequence[Sensor]) -> tuple[Moment, GridFilter]:
    """Walk through the hours; returns what each knew, and the filter with what it learned on the way."""
    beliefs = GridFilter(sensors)
    out = np.full((5, *ticks.fill.shape), np.nan)
    marks = _Marks(len(sensors))
    for t in range(len(ticks)):
        beliefs.wait()
        beliefs.begin(np.flatnonzero(ticks.first == t))
        _take_in(beliefs, ticks, t)
        out[:, t] = out[:, t - 1]
        seen = np.flatnonzero(ticks.lifted[t] | np.isfinite(ticks.fill[t]))
        if len(seen):
            out[:, t, seen] = beliefs.summary(seen).T
            marks.learn_ghosts(beliefs, t, ticks.fill[t], out[:, t])
        if (ticks.start + t * HOUR_S) % DAY_S == 0:
            marks.learn_rates(beliefs, t, out[0, t] + out[2, t])
            beliefs.ghosts.fade()
    return Moment(*out), beliefs


class _Marks:
    """Where each container stood when something was last learned of it."""

    def __init__(self, n: int) -> None:
        self.believed = np.full(n, -np.inf)  # hour of the last reading that was no ghost
        self.event = np.full(n, -np.inf)
        self.rated = np.full(n, np.nan)  # hour up to which the rate is learned, and the throughput then
        self.throughput = np.full(n, np.nan)

    def learn_ghosts(self, beliefs: GridFilter, t: int, fill: NDArray[np.float64], known: NDArray[np.float64]) -> None:
        """Ghosts stand out against waste that was seen lately: a daily sensor has no time for them."""
        rows = np.flatnonzero(np.isfinite(fill))
        self.event[rows] = t
        ghost = known[4, rows]
        above = (fill[rows] > known[0, rows] + GHOST_HEIGHT) & (t - self.believed[rows] < STALE_S / HOUR_S)
        beliefs.ghosts.learn(rows, fill[rows], np.where(above, ghost, 0.0))
        believed = rows[ghost < 0.5]
        beliefs.ghosts.confirm(believed, known[0, believed])
        self.believed[believed] = t

    def learn_rates(self, beliefs: GridFilter, t: int, throughput: NDArray[np.float64]) -> None:
        """A day of which something was seen, and the unseen ones before it."""
        seen = self.event > np.nan_to_num(self.rated, nan=-1.0)
        beliefs.rates.learn(np.where(seen, np.maximum(throughput - self.throughput, 0.0), np.nan), (t - self.rated) / 24)
        self.rated[seen], self.throughput[seen] = t, throughput[seen]


def _take_in(beliefs: GridFilter, ticks: Ticks, t: int) -> None:
    lifted, seen = np.flatnonzero(ticks.lifted[t]), np.flatnonzero(np.isfinite(ticks.fill[t]))
    if len(lifted):
        beliefs.lift(lifted)
    if ticks.late[t].any():
        beliefs.surge(np.flatnonzero(ticks.late[t]))
    if len(seen):
        beliefs.see(seen, ticks.fill[t, seen])


def backward(ticks: Ticks, learned: GridFilter) -> Hindsight:
    """Look at each hour with all readings, given what the forward walk has learned of ghosts and rates by its end."""
    states = _states(ticks, learned)
    out = np.zeros((5, *ticks.fill.shape))
    later = np.ones(states.shape[1:], np.float32)
    for t in range(len(ticks) - 1, -1, -1):
        belief = states[t] * later
        belief /= belief.sum(axis=(1, 2), keepdims=True)
        out[0, t], out[1, t] = mean_and_spread(belief.sum(axis=1))
        out[2, t] = belief[:, GHOST].sum(axis=1)
        if t:
            later, out[3:, t] = _one_hour_back(ticks, learned, t, states[t - 1], later)
    return Hindsight(*out)


def _states(ticks: Ticks, learned: GridFilter) -> Floats:
    """Forward probabilities (T, B, 2, LEVELS), with everything learned from the start."""
    learned.moments = learned.moments[: PROBABILITY + 1]
    stays, empties, _ = hour()
    whole = stays + empties
    out = np.empty((len(ticks), *learned.moments.shape[1:]), np.float32)
    for t in range(len(ticks)):
        learned.moments = learned.after_ghosts(times(learned.after_drops(learned.moments), whole))
        learned.begin(np.flatnonzero(ticks.first == t))
        _take_in(learned, ticks, t)
        out[t] = learned.moments[PROBABILITY]
    return out


def _one_hour_back(ticks: Ticks, learned: GridFilter, t: int, earlier: Floats, later: Floats) -> tuple[Floats, NDArray[np.float64]]:
    """Likelihood of all that came after hour t - 1, by state there; and (emptied, taken) within hour t."""
    seen, lifted = np.flatnonzero(np.isfinite(ticks.fill[t])), np.flatnonzero(ticks.lifted[t])
    ahead = later.copy()
    if len(seen):
        ahead[seen] *= learned.likelihood(seen, ticks.fill[t, seen])
    late = ticks.late[t]
    ahead[late] += np.float32(SURGE) * (times(ahead[late], rise().T) - ahead[late])
    after_lift = (ahead[lifted] @ emptied())[:, :, None]
    ahead[lifted] = after_lift
    enters, leaves = learned.ghosts.enters_per_h[:, None], np.float32(GHOST_LEAVES_PER_H)
    gap = ahead[:, GHOST] - ahead[:, WASTE]
    ahead = np.stack([ahead[:, WASTE] + enters * gap, ahead[:, GHOST] - leaves * gap], axis=1)
    stays, empties, falls = hour()
    by_emptying = times(ahead, empties.T)
    either = times(ahead, stays.T) + by_emptying
    before = learned.after_drops(earlier)
    total = (before * either).sum(axis=(1, 2))
    found = np.stack([(before * by_emptying).sum(axis=(1, 2)), (before * times(ahead, falls.T)).sum(axis=(1, 2))]) / total
    if len(lifted):
        found[0, lifted] = 1
        held = (before[lifted] * either[lifted]).sum(axis=1)
        found[1, lifted] = held @ FILLS / held.sum(axis=1)
    back = either + learned.rates.drops_per_h[:, None, None] * (times(either, drop().T) - either)
    back /= back.max(axis=(1, 2), keepdims=True)
    fresh = ticks.first >= t
    back[fresh], found[:, fresh] = 1, 0
    return back, found


def _usable(readings: Readings) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return (readings.quality > IMPOSSIBLE) & (readings.fill >= FILL_MIN) & (readings.fill <= FILL_MAX)


def _late(fill: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Readings whose container had no event within the hours in which one proves something about the next."""
    hours = np.arange(len(seen))[:, None]
    before = np.maximum.accumulate(np.where(seen, hours, -1), axis=0)
    before = np.concatenate([np.full((1, seen.shape[1]), -1), before])[:-1]
    return np.isfinite(fill) & (before >= 0) & (hours - before >= STALE_S // HOUR_S)


def _tick_s(second: int) -> int:
    return -(-second // HOUR_S) * HOUR_S


def _lay(
    at: NDArray[np.int64], values: NDArray[np.float64], lifts: NDArray[np.int64], fill: NDArray[np.float64], lifted: NDArray[np.bool_]
) -> None:
    """One container's events into its columns; what was read before the hour's last lift is past."""
    tick = -(-at // HOUR_S)
    if len(lifts):
        lifted[-(-lifts // HOUR_S)] = True
        following = np.searchsorted(lifts, at, side="right")
        next_lift = -(-lifts[np.minimum(following, len(lifts) - 1)] // HOUR_S)
        kept = (following == len(lifts)) | (next_lift != tick)
        at, values, tick = at[kept], values[kept], tick[kept]
    order = np.lexsort((values, tick))
    where, begin, count = np.unique(tick[order], return_index=True, return_counts=True)
    fill[where] = values[order][begin + (count - 1) // 2]
