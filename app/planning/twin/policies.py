"""Which containers are lifted tomorrow: the policies that the twin replays, and what they may see.

A policy decides in the evening, from the readings and lifts up to then. The lift comes in the morning, before the day's inflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known on the evening before `day`.

    Parameters
    ----------
    index
        The day's number within the inflow that is replayed.
    level
        The last reading of each container, lifts since then taken into account; NaN for a container whose sensor is silent (n,).
    added
        Shape (days so far, n): what each day before this one added, as far as the sensor showed it; NaN where it showed nothing.
    days_since_lift
        Whole days since each container's last lift, on the evening of the last reading (n,).
    pending
        What has been decided for the days between that evening and `day`, where trucks are ordered days ahead (days, n).
    """

    day: date
    index: int
    level: NDArray[np.float64]
    added: NDArray[np.float64]
    days_since_lift: NDArray[np.int64]
    pending: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), np.bool_))

    @property
    def coming(self) -> NDArray[np.bool_]:
        """Containers that will have been lifted before the day's trucks come (n,)."""
        return np.asarray(self.pending.any(axis=0)) if len(self.pending) else np.zeros(len(self.level), np.bool_)


class Policy(Protocol):
    """A way of choosing; `name` says which service level of which arm it is."""

    @property
    def name(self) -> str: ...

    def lifts(self, seen: Seen) -> NDArray[np.bool_]:
        """The containers to lift on the day (n,)."""
        ...


@dataclass(frozen=True)
class Daily:
    """All containers, on these weekdays."""

    name: str = "every weekday"
    weekdays: frozenset[int] = frozenset(range(5))

    def lifts(self, seen: Seen) -> NDArray[np.bool_]:
        return np.full(len(seen.level), seen.day.weekday() in self.weekdays)


@dataclass(frozen=True)
class Threshold:
    """Every container whose level is at least that high, and those of which nothing was heard for so many days."""

    level: float
    silent_days: int = 7

    @property
    def name(self) -> str:
        return f"threshold {100 * self.level:.0f} %"

    def lifts(self, seen: Seen) -> NDArray[np.bool_]:
        silent = np.isnan(seen.level)
        due = np.where(silent, seen.days_since_lift >= self.silent_days, seen.level >= self.level - 1e-9)
        return np.asarray(due & ~seen.coming)


@dataclass(frozen=True, eq=False)
class Given:
    """Lifts that were laid down beforehand: a fixed plan, or those of somebody who knew the future.

    Parameters
    ----------
    at
        Tells for a day's number and date which containers are lifted (n,).
    """

    name: str
    at: Callable[[int, date], NDArray[np.bool_]]

    def lifts(self, seen: Seen) -> NDArray[np.bool_]:
        return self.at(seen.index, seen.day)
