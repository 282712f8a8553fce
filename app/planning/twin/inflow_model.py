"""What a day may bring, by container: a distribution on a grid of fills, learned from the days that its sensor has shown.

Recent days count more, and a few days' worth of all containers' days stand behind each: after a week of history a container is judged
mostly by the others, after two months by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP = 0.05
FULL_STEPS = round(1 / STEP)
MOST_STEPS = round(1.5 / STEP)
"""More in one day is counted as so much."""
HALF_LIFE_D = 120.0
PRIOR_D = 5.0
LOOKED_BACK_D = 365
FEWEST_DAYS = 5
"""Of all containers together; with fewer a day is taken to bring a tenth, now and then a half."""
UNKNOWN_TOWN = ((0, 0.5), (2, 0.3), (4, 0.15), (10, 0.05))


@dataclass(frozen=True, eq=False)
class InflowModel:
    """Chances of a day's inflow.

    Parameters
    ----------
    chance
        Shape (n, MOST_STEPS + 1): of 0, 1, 2 … steps.
    """

    chance: NDArray[np.float64]

    @classmethod
    def learned(cls, added: NDArray[np.float64]) -> InflowModel:
        """From what each day added (days, n), NaN where it was not seen; the last day is yesterday."""
        recent = added[-LOOKED_BACK_D:]
        age_d = np.arange(len(recent))[::-1]
        weight = np.where(np.isfinite(recent), 0.5 ** (age_d / HALF_LIFE_D)[:, None], 0.0)
        steps = np.clip(np.where(np.isfinite(recent), recent, 0.0) / STEP, 0, MOST_STEPS)
        count = _spread(steps, weight)
        return cls((count + PRIOR_D * _of_all(count)) / (count.sum(axis=1, keepdims=True) + PRIOR_D))

    @property
    def mean_steps(self) -> NDArray[np.float64]:
        """(n,)"""
        return self.chance @ np.arange(MOST_STEPS + 1)

    def overflow_chance(self) -> NDArray[np.float64]:
        """Shape (n, FULL_STEPS + 2): that a day beginning at this level ends above full; the last column is above full already."""
        more_than = np.cumsum(self.chance[:, ::-1], axis=1)[:, ::-1]
        padded = np.pad(more_than, ((0, 0), (0, FULL_STEPS + 2)))
        levels = np.arange(FULL_STEPS + 1)
        return np.column_stack([padded[:, FULL_STEPS + 1 - levels], np.ones(len(self.chance))])

    def draw(self, days: int, futures: int, rng: np.random.Generator) -> NDArray[np.int16]:
        """Shape (days, futures, n): steps that come on each day of each future."""
        below = np.cumsum(self.chance, axis=1)
        out = np.empty((days, futures, len(below)), np.int16)
        for i, edges in enumerate(below):
            out[:, :, i] = np.minimum(np.searchsorted(edges, rng.random((days, futures)), side="right"), MOST_STEPS)
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
