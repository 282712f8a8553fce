"""Figures in instance files: numbers out of lines, whole ones out of decimals, distances out of points."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from routing.errors import InstanceFormatError

Floats = NDArray[np.float64]

LARGEST_FIGURE = 1e12
_LARGEST_LEG = 2**31 - 1
_SCALES = (1, 10, 100, 1_000)


def numbers_of(line: str, where: str) -> list[float]:
    """All figures of a line; `where` names it in the message if one is none."""
    try:
        numbers = [float(word) for word in line.split()]
    except ValueError:
        numbers = []
    # Written so that "nan" fails as well.
    if not numbers or not all(abs(number) <= LARGEST_FIGURE for number in numbers):
        raise InstanceFormatError(f"{where}: expected numbers, got {line.strip()[:60]!r}")
    return numbers


def whole(values: Iterable[float], what: str) -> list[int]:
    """Numbers that must be integers."""
    numbers = list(values)
    wrong = [number for number in numbers if number != int(number)]
    if wrong:
        raise InstanceFormatError(f"{what}: expected whole numbers, got {wrong[0]:g}")
    return [int(number) for number in numbers]


def decimals_scale(values: Iterable[float], what: str) -> int:
    """The power of ten that makes all of them integers: loads of 1.5 yards are 15 tenths."""
    numbers = np.fromiter(values, dtype=float)
    for scale in _SCALES:
        if np.allclose(numbers * scale, np.rint(numbers * scale), rtol=0, atol=1e-6):
            return scale
    raise InstanceFormatError(f"{what}: expected numbers of at most {len(_SCALES) - 1} decimals")


def matrix_of(points: Floats, metric: Callable[[Floats, Floats], Floats], rounded: Callable[[Floats], Floats]) -> NDArray[np.int32]:
    """Distances between all points, one row at a time, so that thousands of points need no second matrix.

    Parameters
    ----------
    points
        Shape (n, 2).
    metric
        From the differences in x and y, shape (n,) each, to distances.
    rounded
        From distances to whole numbers.
    """
    matrix = np.empty((len(points), len(points)), dtype=np.int32)
    for row, point in enumerate(points):
        matrix[row] = _within_range(rounded(metric(*(points - point).T)))
    return matrix


def integers_of(weights: Floats, rounded: Callable[[Floats], Floats]) -> NDArray[np.int32]:
    """A matrix of any numbers, rounded."""
    return _within_range(rounded(weights)).astype(np.int32)


def euclidean(dx: Floats, dy: Floats) -> Floats:
    # Not hypot: the squares of whole numbers are exact, and so is the root's rounding, which matters where tenths are cut off.
    distance: Floats = np.sqrt(dx * dx + dy * dy)
    return distance


def manhattan(dx: Floats, dy: Floats) -> Floats:
    distance: Floats = np.abs(dx) + np.abs(dy)
    return distance


def _within_range(distances: Floats) -> Floats:
    if not (distances.min() >= 0 and distances.max() <= _LARGEST_LEG):
        raise InstanceFormatError(f"distances must lie between 0 and 2³¹, got {distances.min():g}..{distances.max():g}")
    return distances
