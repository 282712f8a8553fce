"""How full each container may be: chances on a grid of levels, from what its sensor has shown since its last lift.

A level between two steps of a sensor, above full, or of a sensor that says nothing is not known but believed: from the empty container
on, each day adds what a day may bring, and what the sensor showed that evening rules out the rest. A silent sensor rules out nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.inflow_model import FULL_STEPS, STEP, WEEK, InflowModel, steps_of
from app.planning.twin.policies import Seen

LEVELS = FULL_STEPS + 2
"""0, 1, 2 … steps to full; the last is above full."""
LONGEST_D = 60
"""What lies further back is taken as shown."""


def believed(seen: Seen, model: InflowModel, *, step: float = 0.0) -> NDArray[np.float64]:
    """Chances of each level on the morning of the day that is decided upon, before its trucks; shape (n, LEVELS).

    Parameters
    ----------
    step
        Between two levels of the sensors; 0 for sensors that show any.
    """
    shown = _shown(seen)
    known_d, n = shown.shape
    since = np.minimum(seen.days_since_lift, known_d)
    chances = np.zeros((n, LEVELS))
    before = np.where(seen.days_since_lift > known_d, np.nan_to_num(shown[0]) if known_d else 0.0, 0.0)
    chances[np.arange(n), steps_of(before)] = 1.0
    today = seen.day.weekday() - len(seen.pending) - 1
    for ago in range(known_d - 1, -1, -1):
        some = np.flatnonzero(since > ago)
        if len(some):
            tomorrow = a_day_later(chances[some], model.by_weekday[(today - ago) % WEEK][some])
            chances[some] = _ruled_out(tomorrow, shown[known_d - 1 - ago, some], step)
    for ago, lifted in enumerate(seen.pending):
        chances[lifted] = np.eye(LEVELS)[0]
        chances = a_day_later(chances, model.by_weekday[(today + 1 + ago) % WEEK])
    return chances


def a_day_later(chances: NDArray[np.float64], comes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels an evening later (n, LEVELS); what is above full stays there."""
    out = np.zeros_like(chances)
    for more in range(min(LEVELS, comes.shape[1])):
        out[:, more:] += chances[:, : LEVELS - more] * comes[:, more, None]
    out[:, -1] = np.maximum(1.0 - out[:, :-1].sum(axis=1), 0.0)
    return out


def drawn(chances: NDArray[np.float64], futures: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Levels of each container in each future (futures, n)."""
    below = np.cumsum(chances, axis=1)
    return np.stack([np.searchsorted(line, rng.random(futures) * line[-1], side="right") for line in below], axis=1).clip(max=LEVELS - 1)


def _shown(seen: Seen) -> NDArray[np.float64]:
    """What sensors showed on the last evenings, as far back as the longest since a lift (days, n); NaN where they were silent."""
    days = min(int(seen.days_since_lift.max(initial=0)), LONGEST_D, len(seen.added))
    later = np.cumsum(seen.added[len(seen.added) - days :][::-1], axis=0)[::-1]
    return np.vstack([seen.level - later[1:], seen.level[None]]) if days else np.empty((0, len(seen.level)))


def _ruled_out(chances: NDArray[np.float64], shown: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """The chances given what was shown; where that had no chance at all, it is taken as the level."""
    low = np.rint(np.nan_to_num(shown) / STEP).astype(np.int64).clip(0, FULL_STEPS)
    wide = max(1, round(step / STEP))
    levels = np.arange(LEVELS)
    fits = (levels >= low[:, None]) & ((levels < low[:, None] + wide) | (low[:, None] == FULL_STEPS))
    fits |= np.isnan(shown)[:, None]
    left = chances * fits
    nothing = left.sum(axis=1) <= 0
    left[nothing] = np.eye(LEVELS)[low[nothing]]
    return np.asarray(left / left.sum(axis=1, keepdims=True))
