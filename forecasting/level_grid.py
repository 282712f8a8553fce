"""A grid filter of fill levels for many containers at once: what each can hold, how sure that is, and what left it.

Each container is a hidden Markov chain with a tick an hour. Its state is the true fill on a grid, and whether the sensor sees the waste or
a *ghost*: a false echo at one of the shorter distances that this sensor is known for. Fill grows by single drops at the container's own
rate, settles a little, and falls by an emptying, rarely; a reported lift makes that fall certain. All containers step together, so that
an hour of one costs microseconds.

Two sums travel with the probabilities (what emptyings took out, hours since the last one), as their expectations over every path that
ends in a state: when a reading shows that the fall of last night was an emptying, both sums know it at once.

References
----------
.. [1] Rabiner (1989). A tutorial on hidden Markov models and selected applications in speech recognition.
.. [2] Cappé (2011). Online EM algorithm for hidden Markov models. (expectations of sums, carried forward)
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from forecasting.level import Sensor

Floats = NDArray[np.float32]

STEP, LEVELS = 0.02, 60
FILLS = (STEP * np.arange(LEVELS)).astype(np.float32)
# Readings are looked up on a finer grid than levels; what lies outside counts as its end.
READING_STEP, READING_MIN, READING_MAX = 0.01, -0.06, 1.24
READING_BINS = round((READING_MAX - READING_MIN) / READING_STEP) + 1

WASTE, GHOST = 0, 1
PROBABILITY, TAKEN, HOURS = range(3)

# One drop: a geometric number of grid steps.
DROP_TAIL = 0.3
MEAN_DROP = STEP / (1 - DROP_TAIL)
SETTLING_PER_H = 0.05
EMPTYING_PER_H, LEAST_FALL, NEARLY_EMPTY = 0.1 / 24, 0.1, 0.2
# An emptying that ends below NEARLY_EMPTY is this many times likelier than one that ends at a given level above.
EMPTIES_WELL = 5.0
LEAVES_REST, RESTS_UP_TO = 0.2, 0.3

STRAY, CLEARANCE = 0.01, 0.035
# Of a reading that comes long after the one before: how likely is it that far more came in than usual.
SURGE = 0.3
# A reading counts as a ghost's only where it lies this far above the level.
GHOST_HEIGHT = 0.06
GHOST_LEAVES_PER_H, GHOST_SHARE, GHOST_SHARE_MAX = 0.08, 0.1, 0.6
# Readings that the assumed ghosts (anywhere, one in ten) are worth before a sensor has shown its own.
GHOST_PRIOR_READINGS = 30.0
RATE_PER_DAY, RATE_PRIOR_D, RATE_MIN, RATE_MAX = 0.08, 5.0, 0.01, 1.2
MEMORY_D = {"rate": 28.0, "ghosts": 90.0}


class GridFilter:
    """The beliefs about B containers, one tick of an hour after another.

    Parameters
    ----------
    sensors
        One per container.

    Attributes
    ----------
    moments
        Shape (3, B, 2, LEVELS): the probability of each state, and that probability times the expected sum (taken out, hours since
        emptied) of the paths that lead there.
    """

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        n = len(sensors)
        noises = sorted({sensor.noise for sensor in sensors})
        self._noise = np.array([noises.index(sensor.noise) for sensor in sensors], np.int64)
        self._seen_waste = np.array([_waste_likelihood(noise) for noise in noises], np.float32)
        self.moments = np.zeros((3, n, 2, LEVELS), np.float32)
        self.taken = np.zeros(n)
        self.ghosts = GhostMemory(n)
        self.rates = RateMemory(n)
        self.begin(np.arange(n))

    def begin(self, rows: NDArray[np.int64]) -> None:
        """Nothing is known of these containers: any fill is as likely."""
        self.moments[:, rows] = 0
        share = self.ghosts.share[rows, None].astype(np.float32)
        self.moments[PROBABILITY, rows, WASTE] = (1 - share) / LEVELS
        self.moments[PROBABILITY, rows, GHOST] = share / LEVELS

    def wait(self) -> None:
        """An hour passes: drops come in, waste settles, somebody may come and empty; ghosts come and go."""
        x = self.moments
        x[HOURS] += x[PROBABILITY]
        before = self.after_drops(x)
        stays, empties, falls = hour()
        after = times(before, stays)
        after[: TAKEN + 1] += times(before[: TAKEN + 1], empties)
        after[TAKEN] += times(before[PROBABILITY], falls)
        self.moments = self.after_ghosts(after)

    def after_drops(self, x: Floats) -> Floats:
        """States (..., B, 2, LEVELS) after an hour's inflow."""
        return np.asarray(x + self.rates.drops_per_h[:, None, None] * (times(x, drop()) - x))

    def after_ghosts(self, x: Floats) -> Floats:
        """States (..., B, 2, LEVELS) after ghosts came and went."""
        moved = self.ghosts.enters_per_h[:, None] * x[..., WASTE, :] - np.float32(GHOST_LEAVES_PER_H) * x[..., GHOST, :]
        return np.stack([x[..., WASTE, :] - moved, x[..., GHOST, :] + moved], axis=-2)

    def see(self, rows: NDArray[np.int64], fill: NDArray[np.float64]) -> NDArray[np.float64]:
        """A reading of each of these containers; returns how likely each was, relative to "anything is possible"."""
        likelihood = self.likelihood(rows, fill)
        moments = self.moments[:, rows] * likelihood[None]
        total = moments[PROBABILITY].sum(axis=(1, 2))
        self.moments[:, rows] = moments / total[None, :, None, None]
        self._centre(rows)
        return np.asarray(total, np.float64)

    def likelihood(self, rows: NDArray[np.int64], fill: NDArray[np.float64]) -> Floats:
        """Of each reading in each state (n, 2, LEVELS), relative to a reading that may be anything."""
        at = np.clip(np.rint((fill - READING_MIN) / READING_STEP), 0, READING_BINS - 1).astype(np.int64)
        out = np.empty((len(rows), 2, LEVELS), np.float32)
        out[:, WASTE] = self._seen_waste[self._noise[rows], at]
        out[:, GHOST] = 0.1 * out[:, WASTE] + STRAY + self.ghosts.likelihood(rows, fill)
        return out

    def surge(self, rows: NDArray[np.int64]) -> None:
        """Nobody looked at these for long: much may have come in that the hourly drops would hardly add up to."""
        x = self.moments[:, rows]
        self.moments[:, rows] = x + np.float32(SURGE) * (times(x, rise()) - x)

    def lift(self, rows: NDArray[np.int64]) -> None:
        """Each of these was reported empty: what it held is out, whatever the sensor says."""
        x = self.moments[:, rows]
        if len(x) > TAKEN:
            x[TAKEN] += x[PROBABILITY] * FILLS
            x[HOURS] = 0
        self.moments[:, rows] = x.sum(axis=3, keepdims=True) * emptied()
        self._centre(rows)

    def _centre(self, rows: NDArray[np.int64]) -> None:
        """Keeps the sum of what was taken small, for the precision of single floats."""
        if len(self.moments) <= TAKEN:
            return
        mean = self.moments[TAKEN, rows].sum(axis=(1, 2))
        self.moments[TAKEN, rows] -= mean[:, None, None] * self.moments[PROBABILITY, rows]
        self.taken[rows] += mean

    def summary(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Columns (n, 5): mean fill, its standard deviation, taken out so far, hours since emptied, probability of a ghost."""
        x = self.moments[:, rows]
        mean, spread = mean_and_spread(x[PROBABILITY].sum(axis=1))
        sums = x[TAKEN:].sum(axis=(2, 3))
        ghost = x[PROBABILITY, :, GHOST].sum(axis=1)
        return np.column_stack([mean, spread, self.taken[rows] + sums[0], sums[1], ghost]).astype(np.float64)


class GhostMemory:
    """Where each sensor sees ghosts, and how often: counts of readings by height, older ones fading.

    What looks like a ghost waits until waste is seen below it again; if the level rose to it instead, it was none.
    """

    def __init__(self, n: int) -> None:
        self.waiting = np.zeros((n, LEVELS), np.float32)
        self.counts = np.full((n, LEVELS), GHOST_PRIOR_READINGS * GHOST_SHARE / LEVELS, np.float32)
        self.readings = np.full(n, GHOST_PRIOR_READINGS)
        self.settle()

    def settle(self) -> None:
        """Draw from the counts what the filter asks for."""
        found = self.counts.sum(axis=1)
        self.heights = self.counts / found[:, None]
        # share of the ghosts that lie above each level, and so can be seen over waste of that level
        clear = np.concatenate([self.heights[:, 1:], np.zeros((len(found), 1), np.float32)], axis=1)
        self.above = np.cumsum(clear[:, ::-1], axis=1)[:, ::-1].astype(np.float32)
        self.share = np.minimum(found / self.readings, GHOST_SHARE_MAX)
        self.enters_per_h = (GHOST_LEAVES_PER_H * self.share / (1 - self.share)).astype(np.float32)

    def likelihood(self, rows: NDArray[np.int64], fill: NDArray[np.float64]) -> Floats:
        """Of each reading if it is a ghost, by level (n, LEVELS): a known height, or any above the waste."""
        at = np.clip(np.rint(fill / STEP), 0, LEVELS - 1).astype(np.int64)
        known = 0.7 * LEVELS * self.heights[rows, at]
        anywhere = 0.18 * self.above[rows] * _room_above()[None, :]
        clear = FILLS[None, :] < (fill - CLEARANCE)[:, None]
        return np.asarray((known[:, None] + anywhere) * clear, np.float32)

    def learn(self, rows: NDArray[np.int64], fill: NDArray[np.float64], ghost: NDArray[np.float64]) -> None:
        """Count readings, each as a ghost as far as it is believed to be one."""
        at = np.clip(np.rint(fill / STEP), 1, LEVELS - 2).astype(np.int64)
        for offset, weight in ((-1, 0.25), (0, 0.5), (1, 0.25)):
            self.waiting[rows, at + offset] += weight * ghost
        self.readings[rows] += 1

    def confirm(self, rows: NDArray[np.int64], level: NDArray[np.float64]) -> None:
        """Waste was seen at this level: what waited above it was a ghost, the rest is forgotten."""
        above = FILLS[None, :] > level[:, None] + GHOST_HEIGHT
        self.counts[rows] += self.waiting[rows] * above
        self.waiting[rows] = 0

    def fade(self) -> None:
        """A day passes."""
        kept = np.float32(1 - 1 / MEMORY_D["ghosts"])
        prior = GHOST_PRIOR_READINGS * GHOST_SHARE / LEVELS
        self.counts = prior + kept * (self.counts - prior)
        self.readings = GHOST_PRIOR_READINGS + kept * (self.readings - GHOST_PRIOR_READINGS)
        self.settle()


class RateMemory:
    """The usual inflow of each container, a mean whose past fades."""

    def __init__(self, n: int) -> None:
        self.days = np.full(n, RATE_PRIOR_D)
        self.sums = np.full(n, RATE_PRIOR_D * RATE_PER_DAY)
        self.settle()

    def learn(self, came_in: NDArray[np.float64], days: NDArray[np.float64]) -> None:
        """So much came in within so many days; NaN where nobody looked."""
        seen = np.isfinite(came_in) & (days > 0)
        days = np.where(seen, days, 0.0)
        kept = (1 - 1 / MEMORY_D["rate"]) ** days
        prior = RATE_PRIOR_D * RATE_PER_DAY
        self.days = RATE_PRIOR_D + kept * (self.days - RATE_PRIOR_D) + days
        self.sums = prior + kept * (self.sums - prior) + np.where(seen, came_in, 0.0)
        self.settle()

    def settle(self) -> None:
        """Draw the hourly probability of a drop from the mean."""
        per_day = np.clip(self.sums / self.days, RATE_MIN, RATE_MAX)
        self.drops_per_h = (per_day / 24 / MEAN_DROP).astype(np.float32)


@lru_cache(maxsize=64)
def _waste_likelihood(noise: float) -> Floats:
    """Of a reading (READING_BINS) of waste at each level: a normal core with heavier tails, and strays anywhere or above."""
    reading = READING_MIN + READING_STEP * np.arange(READING_BINS)[:, None]
    off = (reading - FILLS[None, :].astype(np.float64)) / noise
    core = 0.85 * np.exp(-0.5 * off**2) / (np.sqrt(2 * np.pi) * noise) + 0.15 * 0.5 / (1.5 * noise) / (1 + (off / 1.5) ** 2) ** 1.5
    clear = (FILLS[None, :] < reading - CLEARANCE) * _room_above()[None, :]
    return np.asarray((1 - 2 * STRAY) * core * LEVELS * STEP + STRAY + STRAY * clear, np.float32)


@lru_cache(maxsize=1)
def _room_above() -> Floats:
    return np.asarray(LEVELS / np.maximum(LEVELS - 1 - np.arange(LEVELS), 1), np.float32)


@lru_cache(maxsize=1)
def drop() -> Floats:
    """One drop: from each level (row) to each (column); a full container takes no more."""
    steps = np.arange(LEVELS)[None, :] - np.arange(LEVELS)[:, None]
    out = np.where(steps > 0, (1 - DROP_TAIL) * DROP_TAIL ** np.maximum(steps - 1, 0).astype(np.float64), 0.0)
    out[:, -1] += 1 - out.sum(axis=1)
    return np.asarray(out, np.float32)


@lru_cache(maxsize=1)
def rise() -> Floats:
    """From each level (row) to any that is not lower."""
    reached = np.triu(np.ones((LEVELS, LEVELS)))
    return np.asarray(reached / reached.sum(axis=1, keepdims=True), np.float32)


@lru_cache(maxsize=1)
def hour() -> tuple[Floats, Floats, Floats]:
    """Of an hour, drops apart: (stay or settle, be emptied, what an emptying takes out), each from level to level."""
    level = np.arange(LEVELS)
    settles = 0.7 * (level[None, :] == np.maximum(level - 1, 0)[:, None]) + 0.3 * (level[None, :] == np.maximum(level - 2, 0)[:, None])
    reached = (FILLS[:, None] - FILLS[None, :] >= LEAST_FALL - 1e-6) * np.where(FILLS < NEARLY_EMPTY, EMPTIES_WELL, 1.0)[None, :]
    total = reached.sum(axis=1, keepdims=True)
    empties = EMPTYING_PER_H * np.divide(reached, total, out=np.zeros_like(reached), where=total > 0)
    goes = empties.sum(axis=1)
    stays = (1 - goes)[:, None] * ((1 - SETTLING_PER_H) * np.eye(LEVELS) + SETTLING_PER_H * settles)
    fall = (FILLS[:, None] - FILLS[None, :]) * empties
    return np.asarray(stays, np.float32), np.asarray(empties, np.float32), np.asarray(fall, np.float32)


@lru_cache(maxsize=1)
def emptied() -> Floats:
    """Probability of each level after a reported lift: crews leave a rest sometimes."""
    rest = np.where(FILLS <= RESTS_UP_TO, LEAVES_REST ** np.arange(LEVELS), 0.0)
    return np.asarray(rest / rest.sum(), np.float32)


def mean_and_spread(fills: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of distributions over the levels (n, LEVELS)."""
    mean = fills @ FILLS
    return mean, np.sqrt(np.maximum(fills @ FILLS**2 - mean**2, 0.0))


def times(x: Floats, matrix: Floats) -> Floats:
    """`x @ matrix` over the last axis, in one multiplication: numpy would make one for each container."""
    return np.asarray((x.reshape(-1, LEVELS) @ matrix).reshape(x.shape))
