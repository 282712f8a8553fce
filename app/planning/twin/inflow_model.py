"""What a day may bring, by container and weekday: a distribution on a grid of fills, learned from the days that its sensor has shown.

Recent days count more, and a few days' worth of all containers' days stand behind each: after a week of history a container is judged
mostly by the others, after two months by itself. Weekdays are the town's: how much likelier each amount is on a Saturday than on any
day is asked of all containers together, and a container's own chances are tilted by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

STEP = 0.05
FULL_STEPS = round(1 / STEP)
MOST_STEPS = round(1.5 / STEP)
"""More in one day is counted as so much."""
HALF_LIFE_D = 180.0
PRIOR_D = 5.0
WEEKDAY_PRIOR_D = 100.0
"""Container-days of any weekday that stand behind those of each."""
LOOKED_BACK_D = 365
FEWEST_DAYS = 5
"""Of all containers together; with fewer a day is taken to bring a tenth, now and then a half."""
UNKNOWN_TOWN = ((0, 0.5), (2, 0.3), (4, 0.15), (10, 0.05))
DRAWN_AT_ONCE = 1_000_000
WEEK = 7


@dataclass(frozen=True, eq=False)
class InflowModel:
    """Chances of a day's inflow.

    Parameters
    ----------
    chance
        Shape (n, MOST_STEPS + 1): of 0, 1, 2 … steps, on any day.
    tilt
        Shape (7, MOST_STEPS + 1): how much likelier each amount is on a weekday, Monday first; None for days that are all alike.
    """

    chance: NDArray[np.float64]
    tilt: NDArray[np.float64] | None = None

    @classmethod
    def learned(cls, added: NDArray[np.float64], weekdays: NDArray[np.int64] | None = None) -> InflowModel:
        """From what each day added (days, n), NaN where it was not seen; the last day is yesterday.

        Parameters
        ----------
        weekdays
            Of the days, Monday is 0 (days,); None if days are to be taken as all alike.
        """
        recent = added[-LOOKED_BACK_D:]
        age_d = np.arange(len(recent))[::-1]
        weight = np.where(np.isfinite(recent), 0.5 ** (age_d / HALF_LIFE_D)[:, None], 0.0)
        steps = np.clip(np.where(np.isfinite(recent), recent, 0.0) / STEP, 0, MOST_STEPS)
        count = _spread(steps, weight)
        chance = (count + PRIOR_D * _of_all(count)) / (count.sum(axis=1, keepdims=True) + PRIOR_D)
        return cls(chance, None if weekdays is None else _tilt(steps, weight, weekdays[-LOOKED_BACK_D:]))

    def of(self, containers: NDArray[np.int64]) -> InflowModel:
        """The model of some containers, by number."""
        return InflowModel(self.chance[containers], self.tilt)

    @cached_property
    def by_weekday(self) -> NDArray[np.float64]:
        """Shape (7, n, MOST_STEPS + 1)."""
        if self.tilt is None:
            return np.broadcast_to(self.chance, (WEEK, *self.chance.shape))
        tilted = self.chance[None] * self.tilt[:, None, :]
        return np.asarray(tilted / tilted.sum(axis=2, keepdims=True))

    @property
    def mean_steps(self) -> NDArray[np.float64]:
        """(n,)"""
        return self.chance @ np.arange(MOST_STEPS + 1)

    @cached_property
    def overflow_chances(self) -> NDArray[np.float64]:
        """Shape (7, n, FULL_STEPS + 2): that a day beginning at this level ends above full; the last column is above full already."""
        more_than = np.cumsum(self.by_weekday[:, :, ::-1], axis=2)[:, :, ::-1]
        padded = np.pad(more_than, ((0, 0), (0, 0), (0, FULL_STEPS + 2)))
        levels = np.arange(FULL_STEPS + 1)
        surely = np.ones((*more_than.shape[:2], 1))
        return np.concatenate([padded[:, :, FULL_STEPS + 1 - levels], surely], axis=2)

    def draw(self, days: int, futures: int, rng: np.random.Generator, *, first_weekday: int = 0) -> NDArray[np.int8]:
        """Shape (days, futures, n): steps that come on each day of each future."""
        n = len(self.chance)
        # One sorted line for all containers: the chances of the i-th lie between i and i + 1.
        lines = np.cumsum(self.by_weekday, axis=2).clip(max=1.0) + np.arange(n)[None, :, None]
        out = np.empty((days, futures, n), np.int8)
        at_once = max(1, DRAWN_AT_ONCE // n)
        for day in range(days):
            edges = lines[(first_weekday + day) % WEEK].ravel()
            for begin in range(0, futures, at_once):
                part = out[day, begin : begin + at_once]
                found = np.searchsorted(edges, rng.random(part.shape) + np.arange(n), side="right")
                part[:] = np.minimum(found - np.arange(n) * (MOST_STEPS + 1), MOST_STEPS)
        return out


def steps_of(fill: NDArray[np.float64]) -> NDArray[np.int64]:
    """Fills on the grid; what is above full is one step above."""
    return np.clip(np.rint(fill / STEP), 0, FULL_STEPS + 1).astype(np.int64)


def _spread(steps: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights by container and step; between two steps a day counts for both, so that means stay what they are."""
    n = steps.shape[1]
    low = np.floor(steps).astype(np.int64)
    part = steps - low
    count = np.zeros((n, MOST_STEPS + 2))
    columns = np.broadcast_to(np.arange(n), steps.shape)
    np.add.at(count, (columns, low), weight * (1 - part))
    np.add.at(count, (columns, low + 1), weight * part)
    return count[:, : MOST_STEPS + 1]


def _of_all(count: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = count.sum(axis=0)
    if whole.sum() < FEWEST_DAYS:
        whole = np.zeros_like(whole)
        for step, share in UNKNOWN_TOWN:
            whole[step] = share
    return np.asarray(whole / whole.sum())


def _tilt(steps: NDArray[np.float64], weight: NDArray[np.float64], weekdays: NDArray[np.int64]) -> NDArray[np.float64]:
    """Chances on a weekday as multiples of those on any day, shrunken towards 1."""
    usual = _of_all(_spread(steps, weight))
    counts = [_spread(steps[weekdays == day], weight[weekdays == day]).sum(axis=0) for day in range(WEEK)]
    shares = [(count + WEEKDAY_PRIOR_D * usual) / (count.sum() + WEEKDAY_PRIOR_D) for count in counts]
    return np.array([np.divide(share, usual, out=np.ones_like(usual), where=usual > 0) for share in shares])
