"""When a container reaches a threshold: learned as a time of its own, because the hours at which three quantiles of fill cross a mark
say little about the hour at which the fill does.

A window in which the mark was not reached within a week teaches "later than a week", not nothing: quantiles of a capped time are capped
quantiles, so trees learn them without bias up to the cap.

References
----------
.. [1] Powell (1986). Censored regression quantiles.
.. [2] Romano, Patterson, Candès (2019). Conformalized quantile regression.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from forecasting.baseline import QUANTILES, ShrunkenRate
from forecasting.density import hours_until
from forecasting.errors import NotFittedError
from forecasting.features import COLUMN, HINDSIGHT_S, MAX_HORIZON_H, SnapshotTable, TrainingTable
from forecasting.level import DAY_S, HOUR_S
from forecasting.quantile_trees import Growth, Trees, grow_quantiles

CAP_H = float(MAX_HORIZON_H)
# The longest window, and the day of hindsight that its end is smoothed by.
WEEK_S = MAX_HORIZON_H * HOUR_S + HINDSIGHT_S
SOON_H = 120.0
# With fewer windows below the mark, trees learn the noise: the shrunken rate's table answers alone.
MIN_WINDOWS, MIN_SPAN_D = 500, 28
SLOWEST_PER_DAY, FARTHEST_D = 0.003, 30.0
# Windows that a shift of nothing is worth when a quantile is calibrated.
PRIOR_WINDOWS = 50.0
# The length of a history and the month are a calendar in disguise: trees would take tonight for the last weeks that they saw.
FIXED = tuple(i for name, i in COLUMN.items() if name not in ("month", "history_d"))


class TimeToFull:
    """Quantiles of the hours until the fill reaches a threshold, provided that nobody empties the container.

    Parameters
    ----------
    threshold
        Fraction of full.
    quantiles
        Probabilities, ascending.
    iterations, learning_rate, leaves, windows_per_leaf
        Of the boosting.
    calibration_d
        Newest days kept for the conformal shift, at most a third of the history.
    seed
        Same data and seed, same forecasts.
    """

    def __init__(
        self,
        threshold: float = 0.8,
        quantiles: Sequence[float] = QUANTILES,
        *,
        iterations: int = 120,
        learning_rate: float = 0.06,
        leaves: int = 15,
        windows_per_leaf: int = 60,
        calibration_d: float = 45.0,
        seed: int = 0,
    ) -> None:
        self.threshold = threshold
        self.quantiles = tuple(quantiles)
        self.iterations = iterations
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.windows_per_leaf = windows_per_leaf
        self.calibration_d = calibration_d
        self.seed = seed

    def fit(self, training: TrainingTable) -> Self:
        """Learn from windows that began below the threshold.

        Parameters
        ----------
        training
            Its horizons are the instants between which the crossing is interpolated; the longest is the cap.

        Returns
        -------
        TimeToFull
            itself, with `baseline_`, `trees_`, `shift_` and `trained_until_`; `trees_` is empty where history is too short.
        """
        self.trained_until_ = training.until
        self.classes_ = tuple(sorted(set(training.snapshots.waste_class)))
        self.baseline_ = ShrunkenRate(self.quantiles).fit(training)
        self.trees_: Trees = ()
        self.shift_ = np.zeros(len(self.quantiles))
        hours = reached_h(training, self.threshold)
        origin, until = training.snapshots.origin, training.until
        span_s = until - int(origin.min()) if len(training) else 0
        cut = until - min(self.calibration_d * DAY_S, span_s / 3)
        # Of the newest week only the quick ones are known by now: to learn from those would teach haste.
        known = ~np.isnan(hours) & (origin <= until - WEEK_S)
        earlier, later = known & (origin <= cut - WEEK_S), known & (origin >= cut)
        if earlier.sum() < MIN_WINDOWS or span_s < MIN_SPAN_D * DAY_S:
            return self
        x, y = self._inputs(training.snapshots), np.minimum(hours, CAP_H)
        self.shift_ = self._calibrate(self._grow(x[earlier], y[earlier]), x[later], y[later])
        self.trees_ = self._grow(x[known], y[known])
        return self

    def predict(self, snapshots: SnapshotTable) -> NDArray[np.float64]:
        """Hours until the threshold, shape (n, Q), ascending along quantiles: 0 where it is reached, infinite beyond a week.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if not hasattr(self, "baseline_"):
            raise NotFittedError("TimeToFull was asked before fit")
        hours = hours_until(self.baseline_.predict(snapshots, range(1, MAX_HORIZON_H + 1)), self.threshold)
        level = snapshots["level"]
        rows = np.flatnonzero(np.isfinite(level)) if self.trees_ else np.zeros(0, np.int64)
        if len(rows):
            said = self._raw(self.trees_, self._inputs(snapshots.take(rows)))
            hours[rows] = np.sort(said + self.shift_ * _scale(said), axis=1)
        hours = np.where(hours >= CAP_H, np.inf, np.maximum(hours, 0.0))
        return np.where((level >= self.threshold)[:, None], 0.0, hours)

    def _inputs(self, snapshots: SnapshotTable) -> NDArray[np.float32]:
        """The snapshot, its class, the gap to the threshold, the shrunken rate, and the days that the one takes at the other."""
        gap = self.threshold - snapshots["level"]
        rate = np.maximum(self.baseline_.rate(snapshots), SLOWEST_PER_DAY)
        code = {name: float(i) for i, name in enumerate(self.classes_)}
        classes = np.array([code.get(name, np.nan) for name in snapshots.waste_class]).reshape(-1)
        ahead = snapshots.rest_days[:, [1, 3, 6]]
        made = np.column_stack([gap, rate, np.minimum(gap / rate, FARTHEST_D), classes])
        return np.concatenate([snapshots.values[:, FIXED], made, ahead], axis=1).astype(np.float32)

    def _grow(self, x: NDArray[np.float32], y: NDArray[np.float64]) -> Trees:
        growth = Growth(
            iterations=self.iterations,
            learning_rate=self.learning_rate,
            leaves=self.leaves,
            rows_per_leaf=self.windows_per_leaf,
            seed=self.seed,
        )
        return grow_quantiles(x, y, self.quantiles, growth)

    def _calibrate(self, trees: Trees, x: NDArray[np.float32], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how many scales each outer quantile was wrong on unseen days; the median stays.

        An interval is asked to hold twice: over all windows, and over those that were full soon, which are the ones that matter and in
        which an interval that is only honest on the whole comes too late. The wider shift wins.
        """
        shift = np.zeros(len(trees))
        if not len(y):
            return shift
        guess = self._raw(trees, x)
        off = (y[:, None] - guess) / _scale(guess)
        soon = y <= SOON_H
        for j, q in enumerate(self.quantiles):
            asked = [rows for rows in (guess[:, j] < CAP_H, soon) if rows.any()]
            found = [float(np.quantile(off[rows, j], q)) * rows.sum() / (rows.sum() + PRIOR_WINDOWS) for rows in asked]
            shift[j] = min(found, default=0.0) if q < 0.5 else max(found, default=0.0) if q > 0.5 else 0.0
        return shift

    def _raw(self, trees: Trees, x: NDArray[np.float32]) -> NDArray[np.float64]:
        with threadpool_limits(1, user_api="openmp"):
            return np.column_stack([tree.predict(x) for tree in trees]) if len(x) else np.zeros((0, len(trees)))


def _scale(hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """What errors grow with (n, 1): the median, and a day that even the near ones are uncertain by."""
    return np.asarray(np.maximum(hours[:, hours.shape[1] // 2], 0.0)[:, None] + DAY_S / HOUR_S)


def reached_h(training: TrainingTable, threshold: float) -> NDArray[np.float64]:
    """Hours from each origin until the fill reached the threshold (n,), interpolated between the table's horizons.

    Infinite where the longest horizon did not reach it, NaN where nobody saw, or where it was reached already.
    """
    level = training.snapshots["level"][:, None]
    fill = np.concatenate([level, level + training.increment], axis=1)
    hours = np.array([0.0, *training.horizons_h])
    reached = fill >= threshold
    first = np.where(reached.any(axis=1), reached.argmax(axis=1), fill.shape[1])
    seen = np.cumsum(~np.isfinite(fill), axis=1)[:, -1] == 0
    until = np.minimum(first, fill.shape[1] - 1)
    seen_before = np.cumsum(~np.isfinite(fill), axis=1)[np.arange(len(fill)), until] == 0
    before = np.maximum(until - 1, 0)
    rows = np.arange(len(fill))
    low, high = fill[rows, before], fill[rows, until]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = hours[before] + (hours[until] - hours[before]) * (threshold - low) / (high - low)
    never = np.where(seen, np.inf, np.nan)
    found = np.where(first < fill.shape[1], np.where(seen_before, crossing, np.nan), never)
    return np.where((level[:, 0] >= threshold) | ~np.isfinite(level[:, 0]), np.nan, found)
