"""Seconds and metres between all locations, for one kind of vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing.errors import require

UNREACHABLE = -1
"""In a travel matrix: there is no way from here to there."""

LISTED = 1_500
"""Locations up to which rows are kept as lists."""


@dataclass(frozen=True, slots=True)
class Pace:
    """From `from_s` on, a drive takes `per_mille` thousandths of what the matrix says (1,300 in the rush hour)."""

    from_s: int
    per_mille: int

    def __post_init__(self) -> None:
        require(self.from_s >= 0 and self.per_mille > 0, f"a pace begins at or after 0 and is positive, got {self}")


@dataclass(frozen=True, eq=False)
class Travel:
    """Driving time and distance between all locations, for one kind of vehicle.

    Parameters
    ----------
    drive_s, distance_m
        Square arrays of the same shape, from row to column, not necessarily symmetric. `UNREACHABLE` (−1) in either one means
        that there is no way. Any integers; kept as read-only int32. What is that already is not copied (a city's matrix is large, and
        may be mapped from a file).
    paces
        How the day slows traffic down, ascending in time; before the first, and without any, the matrix holds. A truck that is on
        the road when the pace changes goes on at the new one, so that who leaves later never arrives earlier [1]_. It arrives at
        the first whole second by which the leg is driven: a leg is rounded up once, at its end, and not at each change of pace. While
        a pace holds, each second of the clock does exactly 1000 / per_mille seconds of the matrix (600 s that begin 100 s before a
        pace of 1,300: 100 + 500 × 1.3 = 750 s; 601 s: 100 + 651.3, so 752 s). Metres stay what they are.

    References
    ----------
    .. [1] Ichoua, Gendreau, Potvin (2003). Vehicle dispatching with time-dependent travel times.
    """

    drive_s: NDArray[np.integer[Any]]
    distance_m: NDArray[np.integer[Any]]
    paces: tuple[Pace, ...] = ()

    def __post_init__(self) -> None:
        begins = [pace.from_s for pace in self.paces]
        require(begins == sorted(set(begins)), f"paces must ascend in time, got {begins}")
        for name in ("drive_s", "distance_m"):
            object.__setattr__(self, name, _matrix(name, getattr(self, name)))
        require(self.drive_s.shape == self.distance_m.shape, f"shapes differ: {self.drive_s.shape} and {self.distance_m.shape}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Travel):
            return NotImplemented
        same_s, same_m = np.array_equal(self.drive_s, other.drive_s), np.array_equal(self.distance_m, other.distance_m)
        return same_s and same_m and self.paces == other.paces

    __hash__ = None  # type: ignore[assignment]

    @property
    def size(self) -> int:
        """Number of locations."""
        return len(self.drive_s)

    @cached_property
    def drive_rows(self) -> Sequence[Sequence[int]]:
        return _rows(self.drive_s)

    @cached_property
    def distance_rows(self) -> Sequence[Sequence[int]]:
        return _rows(self.distance_m)

    def reaches(self, origin: int, target: int) -> bool:
        """Is there a way from `origin` to `target`?"""
        return self.drive_rows[origin][target] >= 0 and self.distance_rows[origin][target] >= 0


def _matrix(name: str, values: ArrayLike) -> NDArray[np.int32]:
    given = np.asarray(values)
    require(given.ndim == 2 and given.shape[0] == given.shape[1], f"{name} must be square, got shape {given.shape}")
    require(given.size == 0 or given.dtype.kind in "iu", f"{name} must hold integers, got {given.dtype}")
    require(given.size == 0 or (given.min() >= UNREACHABLE and given.max() < 2**31), f"{name} must lie between −1 (no way) and 2³¹")
    if given.dtype == np.int32 and not given.flags.writeable:
        return given
    kept = given.astype(np.int32)
    kept.flags.writeable = False
    return kept


def _rows(matrix: NDArray[np.integer[Any]]) -> Sequence[Sequence[int]]:
    """Rows that index several times faster than arrays and give true ints, which cannot overflow.

    Lists are fastest, but take ten times the memory of the matrix; beyond `LISTED` locations its own memory is looked into.
    """
    if len(matrix) <= LISTED:
        rows: list[list[int]] = matrix.tolist()
        return rows
    return [memoryview(row) for row in np.ascontiguousarray(matrix)]
