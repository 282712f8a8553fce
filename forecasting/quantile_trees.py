"""Boosted trees for several quantiles of one outcome, as both models of this package grow them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

Trees = tuple[HistGradientBoostingRegressor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How trees are grown: so many of them, how fast they learn, leaves of each at most, and rows of a leaf at least."""

    iterations: int
    learning_rate: float
    leaves: int
    rows_per_leaf: int
    seed: int


def grow_quantiles(x: NDArray[np.float32], y: NDArray[np.float64], quantiles: Sequence[float], growth: Growth) -> Trees:
    """Trees for each quantile, from inputs (n, features), where NaN is "not known", and outcomes (n,)."""
    x = x.copy()
    # A column that nobody knows yet (rates over 28 days in a young tenant) cannot be binned; constant, it is never split on.
    x[:, ~np.isfinite(x).any(axis=0)] = 0
    # One thread: tenants are fanned out over processes, and OpenMP threads that share a core spin ten times as long as they work.
    with threadpool_limits(1, user_api="openmp"):
        return tuple(_ungrown(quantile, growth).fit(x, y) for quantile in quantiles)


def _ungrown(quantile: float, growth: Growth) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        loss="quantile",
        quantile=quantile,
        max_iter=growth.iterations,
        learning_rate=growth.learning_rate,
        max_leaf_nodes=growth.leaves,
        min_samples_leaf=growth.rows_per_leaf,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=growth.seed,
    )
