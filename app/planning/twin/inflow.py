"""What residents threw in, day by day and container by container, with the collections taken out.

Seen is what a level rose by between two days' readings. Not seen is what a full container refused, what came before an emptying on the
same day, and what came while a sensor said nothing: such days are imputed with spread, by a draw among the container's own seen days
before it, and flagged. (Draws from later days would tell a plan that is tuned on early weeks about the weeks after them.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forecasting.fill_files import LEVELS, FillFolder
from forecasting.history import build_histories
from forecasting.inflow import collection_free_inflow
from forecasting.level import HOUR_S

LONGEST_GAP_D = 3
"""What a level rose by is shared out over so many days at most."""
NEAR_D = 90
"""A day is imputed from days at most so long before it, where there are enough of them."""
FEW = 10
FULL = 1.0


@dataclass(frozen=True, eq=False)
class DailyInflow:
    """D days of n containers.

    Parameters
    ----------
    added
        Shape (D, n): fraction of full that came on each local day, before its reading in the evening.
    imputed
        Shape (D, n): this was not seen but drawn.
    """

    keys: tuple[str, ...]
    first_day: date
    added: NDArray[np.float64]
    imputed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.added)

    def day(self, index: int) -> date:
        return self.first_day + timedelta(days=index)

    def index(self, day: date) -> int:
        return (day - self.first_day).days

    @property
    def weekday(self) -> NDArray[np.int64]:
        """Monday is 0 (D,)."""
        return (np.arange(len(self)) + self.first_day.weekday()) % 7

    def changed(self, added: NDArray[np.float64]) -> DailyInflow:
        """The same days with other amounts."""
        return DailyInflow(self.keys, self.first_day, added, self.imputed)


def inflow_of(folder: FillFolder, *, seed: int) -> DailyInflow:
    """The inflow behind a folder's readings; imputed days are drawn by the seed."""
    first, days = _days(folder)
    seen, least = _from_levels(folder, first, days) if folder.form == LEVELS else _from_heights(folder, first, days)
    rng = np.random.default_rng(seed)
    columns = [_impute(seen[:, i], least[:, i], rng) for i in range(seen.shape[1])]
    return DailyInflow(tuple(folder.observed_at), first, np.stack(columns, axis=1), ~np.isfinite(seen))


def _days(folder: FillFolder) -> tuple[date, int]:
    local = folder.context.local
    first, last = local(folder.first_at).date(), local(folder.last_at).date()
    return first, (last - first).days + 1


def _from_levels(folder: FillFolder, first: date, days: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each day added, NaN where it was not seen; and what it added at least."""
    levels = np.full((days, len(folder.observed_at)), np.nan)
    for i, (key, at) in enumerate(folder.observed_at.items()):
        on = [(folder.context.local(int(second)).date() - first).days for second in at]
        levels[on, i] = folder.raw[key]
    seen, least = np.full_like(levels, np.nan), np.zeros_like(levels)
    for i in range(levels.shape[1]):
        _difference(levels[:, i], seen[:, i], least[:, i])
    return seen, least


def _difference(levels: NDArray[np.float64], seen: NDArray[np.float64], least: NDArray[np.float64]) -> None:
    known = np.flatnonzero(np.isfinite(levels))
    for before, now in pairwise(known):
        gap, was, is_now = now - before, levels[before], levels[now]
        rose = is_now - was if is_now >= was else is_now
        if gap > LONGEST_GAP_D:
            continue
        if is_now < was or is_now >= FULL:  # emptied on the way, or more came than there was room for
            least[now] = rose
            if gap > 1:
                seen[before + 1 : now] = 0.0
        else:
            seen[before + 1 : now + 1] = rose / gap


def _from_heights(folder: FillFolder, first: date, days: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hourly loggers: the hindsight level's rises, hours that were bridged over a gap not seen."""
    seen = np.full((days, len(folder.observed_at)), np.nan)
    for i, history in enumerate(build_histories(folder.readings(folder.last_at)).values()):
        inflow = collection_free_inflow(history)
        hours = inflow.start + HOUR_S * np.arange(len(inflow.added))
        on = np.array([(folder.context.local(int(second)).date() - first).days for second in hours], np.int64)
        hours_seen = np.bincount(on, inflow.observed, minlength=days)[:days] if len(on) else np.zeros(days)
        added = np.bincount(on, inflow.added, minlength=days)[:days] if len(on) else np.zeros(days)
        seen[:, i] = np.where(hours_seen >= 12, added, np.nan)
    return seen, np.zeros_like(seen)


def _impute(seen: NDArray[np.float64], least: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Each day that was not seen is an earlier day of this container that added no less; on its first days, any such day."""
    known = np.flatnonzero(np.isfinite(seen))
    out = np.where(np.isfinite(seen), seen, least)
    for day in np.flatnonzero(~np.isfinite(seen)):
        enough = known[seen[known] >= least[day]]
        earlier = enough[enough < day]
        near = earlier[earlier >= day - NEAR_D]
        pool = next((days for days in (near, earlier) if len(days) >= FEW), enough)
        if len(pool):
            out[day] = seen[rng.choice(pool)]
    return out
