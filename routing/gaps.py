"""All gaps of an order at once: what it adds to go by one more stop between two visits, in arrays. A city's rounds have hundreds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.problem import Stop, Travel

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Additions:
    """One entry a gap: seconds and metres more than now, and whether there is a way at all."""

    extra_s: Numbers
    extra_m: Numbers
    has_way: NDArray[np.bool_]


class Gaps:
    """The legs of one vehicle's order.

    Parameters
    ----------
    path
        Locations from the start over all places to the end; n + 1 of them for n gaps.
    setups_s
        Setup of the place at the end of each gap, shape (n,); 0 for facilities and the way home.
    is_driven
        Are the legs driven now? Else nothing is saved by going another way.
    """

    def __init__(self, travel: Travel, path: Sequence[int], setups_s: Sequence[int], *, is_driven: bool) -> None:
        where = np.array(path)
        self._travel = travel
        self._here, self._there = where[:-1], where[1:]
        self._setups_s = np.array(setups_s, dtype=np.int64)
        self._moves = self._there != self._here
        self._direct_s = _legs(travel.drive_s, self._here, self._there) * is_driven
        self._direct_m = _legs(travel.distance_m, self._here, self._there) * is_driven

    def through(self, stop: Stop, gaps: slice) -> Additions:
        """What these gaps become with the stop in them, its own work aside."""
        here, there, at = self._here[gaps], self._there[gaps], stop.location
        to_s, from_s = _legs(self._travel.drive_s, here, at), _legs(self._travel.drive_s, at, there)
        to_m, from_m = _legs(self._travel.distance_m, here, at), _legs(self._travel.distance_m, at, there)
        # The stop's setup, and what the next place's changes by.
        setup_s = stop.setup_s * (here != at) + self._setups_s[gaps] * ((there != at).astype(np.int64) - self._moves[gaps])
        return Additions(
            extra_s=to_s + from_s - self._direct_s[gaps] + setup_s,
            extra_m=to_m + from_m - self._direct_m[gaps],
            has_way=(np.minimum(to_s, from_s) >= 0) & (np.minimum(to_m, from_m) >= 0),
        )


def _legs(matrix: NDArray[np.integer[Any]], origins: Numbers | int, targets: Numbers | int) -> Numbers:
    return np.asarray(matrix[origins, targets], dtype=np.int64)
