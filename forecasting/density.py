"""Quantiles of fill by hour, and what they say: the probability of overflow, the expected fill, the time until full.

Between its quantiles a distribution is interpolated linearly in normal scores; beyond the outer ones the nearest slope goes on.
With 0.1/0.5/0.9 this is a normal distribution with two different halves.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

# Narrower than this two quantiles are one point; it keeps the slopes finite.
NARROWEST = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class QuantileTable:
    """Forecast fill of n containers, provided that nobody empties them.

    Parameters
    ----------
    keys, origin
        Container and origin (epoch seconds UTC) of each row.
    horizons_h
        Hours ahead, ascending (H,).
    quantiles
        Probabilities, ascending (Q,).
    fill
        Shape (n, H, Q), fractions of full, non-decreasing along hours and quantiles.
    method
        Of each row: "model", "baseline" (young, or better off with the shrunken rate) or "prior" (no reading yet).
    """

    keys: tuple[Hashable, ...]
    origin: NDArray[np.int64]
    horizons_h: tuple[int, ...]
    quantiles: tuple[float, ...]
    fill: NDArray[np.float64]
    method: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = (len(self.keys), len(self.horizons_h), len(self.quantiles))
        if self.fill.shape != shape:
            raise ValueError(f"fill has shape {self.fill.shape}, expected {shape}")
        if not len(self.origin) == len(self.method) == len(self.keys):
            raise ValueError("origin and method have one entry per key")
        if np.isnan(self.fill).any() or np.any(np.diff(self.fill, axis=1) < 0) or np.any(np.diff(self.fill, axis=2) < 0):
            raise ValueError("fill must be known and must not decrease along hours or quantiles")

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def median(self) -> NDArray[np.float64]:
        """Shape (n, H)."""
        return fill_at(self, 0.5)


def monotone(fill: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles sorted, then never falling along hours; shape (n, H, Q)."""
    return np.maximum.accumulate(np.sort(fill, axis=2), axis=1)


def at_hours(knots_h: Sequence[float], fill: NDArray[np.float64], hours: Sequence[int]) -> NDArray[np.float64]:
    """Linear interpolation along the hours axis of (n, K, Q); the caller keeps `hours` within the knots."""
    knots, wanted = np.asarray(knots_h, np.float64), np.asarray(hours, np.float64)
    right = np.clip(np.searchsorted(knots, wanted), 1, len(knots) - 1)
    share = ((wanted - knots[right - 1]) / (knots[right] - knots[right - 1]))[None, :, None]
    return fill[:, right - 1] * (1 - share) + fill[:, right] * share


def overflow_probability(table: QuantileTable, threshold: float = 1.0) -> NDArray[np.float64]:
    """Probability that the fill reaches `threshold` by each hour.

    Parameters
    ----------
    table
        Forecast quantiles.
    threshold
        Fraction of full; 1.0 is the overflow mark.

    Returns
    -------
    ndarray
        Shape (n, H), within 0..1, non-decreasing along hours.
    """
    values, scores = _knots(table.fill), ndtri(np.asarray(table.quantiles))
    score = _interpolate(values, np.broadcast_to(scores, values.shape), np.full(values.shape[:2], threshold))
    return np.asarray(np.maximum.accumulate(ndtr(-score), axis=1))


def fill_at(table: QuantileTable, probability: float) -> NDArray[np.float64]:
    """The quantile of any probability strictly between 0 and 1, shape (n, H); never below 0."""
    if not 0 < probability < 1:
        raise ValueError(f"probability must lie between 0 and 1, got {probability}")
    values, scores = _knots(table.fill), ndtri(np.asarray(table.quantiles))
    at = np.full(values.shape[:2], float(ndtri(probability)))
    return np.maximum(_interpolate(np.broadcast_to(scores, values.shape), values, at), 0.0)


def expected_fill(table: QuantileTable, points: int = 20) -> NDArray[np.float64]:
    """Mean fill at each hour (n, H), by the midpoint rule over `points` equal slices of probability."""
    slices = [fill_at(table, (i + 0.5) / points) for i in range(points)]
    return np.asarray(np.mean(slices, axis=0))


def hours_until(table: QuantileTable, threshold: float = 1.0) -> NDArray[np.float64]:
    """Hours until the fill reaches `threshold`, shape (n, Q), earliest first.

    The fill's quantile q reaches the threshold at the time's quantile 1 - q, so with 0.1/0.5/0.9 the columns are the 10 %, 50 % and
    90 % quantiles of the time. Infinite where the last horizon does not reach it.
    """
    hours = np.asarray(table.horizons_h, np.float64)
    reached = table.fill[:, :, ::-1] >= threshold
    return np.where(reached.any(axis=1), hours[reached.argmax(axis=1)], np.inf)


def _knots(fill: NDArray[np.float64]) -> NDArray[np.float64]:
    return fill + NARROWEST * np.arange(fill.shape[2])[None, None, :]


def _interpolate(x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """y at `at` on the line through (x, y) along the last axis, its outer slopes going on."""
    segment = np.clip((x <= at[..., None]).sum(axis=2) - 1, 0, x.shape[2] - 2)[..., None]
    x0, x1 = (np.take_along_axis(x, segment + i, axis=2)[..., 0] for i in (0, 1))
    y0, y1 = (np.take_along_axis(y, segment + i, axis=2)[..., 0] for i in (0, 1))
    return np.asarray(y0 + (y1 - y0) * (at - x0) / (x1 - x0))
