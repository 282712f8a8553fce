"""When a search ends. A criterion is called with the best cost so far and says whether to stop; engines with limits of their own
read them from it beforehand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

NOTHING_YET = 2**62
"""Dearer than any plan: what to ask a criterion with before there is one."""


class StopCriterion(Protocol):
    """What `solve` asks of a criterion."""

    @property
    def seconds(self) -> float | None:
        """Most seconds from now, or None."""

    @property
    def iterations(self) -> int | None:
        """Most solutions that a search may visit, or None."""

    def __call__(self, best_cost: int) -> bool:
        """Stop now?"""


@dataclass
class MaxSeconds:
    """Stop `limit_s` seconds of wall-clock time after the first question. Plans then depend on the machine's speed."""

    limit_s: float
    _began_s: float | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.limit_s <= 0:
            raise ValueError(f"limit_s must be positive, got {self.limit_s}")

    @property
    def seconds(self) -> float:
        return self.limit_s if self._began_s is None else max(0.0, self.limit_s - (time.monotonic() - self._began_s))

    def __reduce__(self) -> tuple[type[MaxSeconds], tuple[float]]:
        """Elsewhere clocks began at another moment: what travels is what is left."""
        return MaxSeconds, (max(self.seconds, 0.001),)

    @property
    def iterations(self) -> None:
        return None

    def __call__(self, best_cost: int) -> bool:  # noqa: ARG002 - the protocol's
        self._began_s = time.monotonic() if self._began_s is None else self._began_s
        return self.seconds <= 0


@dataclass(frozen=True)
class MaxIterations:
    """Stop after so many solutions looked at: the same plan on every machine."""

    limit: int

    def __post_init__(self) -> None:
        if self.limit <= 0:
            raise ValueError(f"limit must be positive, got {self.limit}")

    @property
    def seconds(self) -> None:
        return None

    @property
    def iterations(self) -> int:
        return self.limit

    def __call__(self, best_cost: int) -> bool:  # noqa: ARG002 - engines count for themselves
        return False


@dataclass(frozen=True)
class EarlyBy:
    """Stop `spare_s` seconds before the criterion's own time is up; what ends without a clock ends as it would."""

    criterion: StopCriterion
    spare_s: float

    @property
    def seconds(self) -> float | None:
        left_s = self.criterion.seconds
        return None if left_s is None else max(0.0, left_s - self.spare_s)

    @property
    def iterations(self) -> int | None:
        return self.criterion.iterations

    def __call__(self, best_cost: int) -> bool:
        return self.criterion(best_cost) or self.seconds == 0


@dataclass(frozen=True)
class Cancelled:
    """Stop as soon as the callable says so (a dispatcher's button, a lost lease)."""

    asked: Callable[[], bool]

    @property
    def seconds(self) -> None:
        return None

    @property
    def iterations(self) -> None:
        return None

    def __call__(self, best_cost: int) -> bool:  # noqa: ARG002 - the protocol's
        return self.asked()


@dataclass(frozen=True)
class FirstOf:
    """Stop as soon as any of the criteria says so."""

    criteria: tuple[StopCriterion, ...]

    @property
    def seconds(self) -> float | None:
        return min((one.seconds for one in self.criteria if one.seconds is not None), default=None)

    @property
    def iterations(self) -> int | None:
        return min((one.iterations for one in self.criteria if one.iterations is not None), default=None)

    def __call__(self, best_cost: int) -> bool:
        answers = [one(best_cost) for one in self.criteria]  # all are asked, so that every clock starts
        return any(answers)
