"""The fill model: one global gradient-boosted quantile model on increments, conformally calibrated, with a humble fall-back.

References
----------
.. [1] Romano, Patterson, Candès (2019). Conformalized quantile regression.
.. [2] Ke et al. (2017). LightGBM. (the histogram boosting that scikit-learn's follows)
"""

from collections.abc import Hashable, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from threadpoolctl import threadpool_limits

from forecasting.baseline import KNOTS_H, QUANTILES, ShrunkenRate
from forecasting.density import QuantileTable, at_hours, monotone
from forecasting.errors import NotFittedError
from forecasting.features import COLUMN, SnapshotTable, TrainingTable, check_horizons
from forecasting.level import DAY_S
from forecasting.quantile_trees import Growth, Trees, grow_quantiles

# With fewer windows, or windows over fewer days, trees learn the noise: the shrunken rate forecasts alone.
MIN_WINDOWS, MIN_SPAN_D = 1_000, 14
# Windows that a shift of nothing is worth when a horizon is calibrated.
PRIOR_WINDOWS = 50.0
YOUNG_D = 2.0
OLD_D = 60.0
"""From here on a container is old, and its days of history are a calendar in disguise: trees would forecast all January from Christmas."""
TREE_COLUMNS = tuple(i for name, i in COLUMN.items() if name != "month")


class FillModel:
    """Quantiles of fill for the next 168 hours.

    Trees learn the increment above the level at knots of the horizon, which is itself a feature; between knots quantiles are
    interpolated. A shift per knot and quantile, learned on the newest days that the trees had not seen, makes them honest.

    Parameters
    ----------
    quantiles
        Probabilities, ascending.
    iterations, learning_rate, leaves, windows_per_leaf
        Of the boosting.
    max_windows
        At most this many (row, horizon) pairs are learned from, drawn at random: it bounds the night's time.
    calibration_d
        Days kept for the shift, at most a third of the history.
    seed
        Same data and seed, same forecasts.
    fall_back
        Containers for which the shrunken rate was better (`Evaluation.fall_back`).
    """

    def __init__(
        self,
        quantiles: Sequence[float] = QUANTILES,
        *,
        iterations: int = 120,
        learning_rate: float = 0.06,
        leaves: int = 15,
        windows_per_leaf: int = 60,
        max_windows: int = 40_000,
        calibration_d: float = 45.0,
        seed: int = 0,
        fall_back: frozenset[Hashable] = frozenset(),
    ) -> None:
        self.quantiles = tuple(quantiles)
        self.iterations = iterations
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.windows_per_leaf = windows_per_leaf
        self.max_windows = max_windows
        self.calibration_d = calibration_d
        self.seed = seed
        self.fall_back = fall_back

    def fit(self, training: TrainingTable) -> Self:
        """Learn from what followed past snapshots.

        Parameters
        ----------
        training
            May be small or empty: then only the shrunken rate is learned, and `trees_` stays empty.

        Returns
        -------
        FillModel
            itself, with `baseline_`, `trees_`, `knots_h_`, `shift_` and `trained_until_`.
        """
        self.trained_until_ = training.until
        self.classes_ = tuple(sorted(set(training.snapshots.waste_class)))
        self.baseline_ = ShrunkenRate(self.quantiles).fit(training)
        self.weekdays_ = _weekday_factors(training)
        self.trees_: Trees = ()
        self.knots_h_: tuple[int, ...] = ()
        cut = self._calibration_start(training)
        if cut is None:
            return self
        earlier, later = training.known_by(cut), training.since(cut)
        known = np.isfinite(earlier.increment).sum(axis=0) >= MIN_WINDOWS // len(KNOTS_H)
        if known.sum() == 0 or np.isfinite(earlier.increment).sum() < MIN_WINDOWS:
            return self
        self.knots_h_ = tuple(h for h, yes in zip(training.horizons_h, known.tolist(), strict=True) if yes)
        self.shift_ = self._calibrate(self._grow(earlier), later)
        self.trees_ = self._grow(training)
        return self

    def predict(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> QuantileTable:
        """Fill of each container at each horizon, as quantiles, provided that nobody empties it.

        Parameters
        ----------
        snapshots
            One row per container and origin; n rows, columns as in `features.COLUMNS`, fill as a fraction.
        horizons_h
            Hours ahead, ascending within 1..168. Beyond the longest horizon that the training could show, the shrunken rate
            continues the model.

        Returns
        -------
        QuantileTable
            Shape (n, len(horizons_h), len(self.quantiles)), non-decreasing along quantiles and hours.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If horizons do not ascend within 1..168.
        """
        if not hasattr(self, "baseline_"):
            raise NotFittedError("FillModel was asked before fit")
        horizons = check_horizons(horizons_h)
        naive = self.baseline_.predict(snapshots, horizons)
        rows = self._modelled(snapshots)
        if not len(rows):
            return naive
        fill, method = naive.fill.copy(), np.array(naive.method, dtype=object)
        fill[rows] = self._modelled_fill(snapshots.take(rows), horizons)
        method[rows] = "model"
        return QuantileTable(snapshots.keys, snapshots.origin, horizons, self.quantiles, fill, tuple(method.tolist()))

    def _modelled(self, snapshots: SnapshotTable) -> NDArray[np.int64]:
        """Rows that the trees may speak for: old enough, and not better off with the shrunken rate."""
        if not self.trees_:
            return np.zeros(0, np.int64)
        grown = np.isfinite(snapshots["level"]) & (snapshots["history_d"] >= YOUNG_D)
        trusted = np.array([key not in self.fall_back for key in snapshots.keys], np.bool_)
        return np.flatnonzero(grown & trusted)

    def _modelled_fill(self, snapshots: SnapshotTable, horizons: tuple[int, ...]) -> NDArray[np.float64]:
        """Knots of the model, anchored at the level now, continued by the baseline up to the last hour asked."""
        spread = np.nan_to_num(snapshots["spread"])[:, None] * ndtri(np.asarray(self.quantiles))[None, :]
        level = snapshots["level"][:, None]
        knots = snapshots["level"][:, None, None] + self._increments(self.trees_, snapshots, self.knots_h_)
        _, scale = self.baseline_.increment(snapshots, self.knots_h_)
        knots += self.shift_[None] * scale[:, :, None]
        hours = [0, *self.knots_h_]
        knots = np.concatenate([(level + spread)[:, None, :], knots], axis=1)
        beyond = tuple(h for h in KNOTS_H if h > hours[-1])
        if beyond:
            rate = self.baseline_.predict(snapshots, (hours[-1], *beyond)).fill
            knots = np.concatenate([knots, knots[:, -1:] + rate[:, 1:] - rate[:, :1]], axis=1)
            hours += beyond
        return monotone(np.maximum(at_hours(hours, monotone(knots), horizons), 0.0))

    def _calibration_start(self, training: TrainingTable) -> int | None:
        if not len(training):
            return None
        span_s = training.until - int(training.snapshots.origin.min())
        if span_s < MIN_SPAN_D * DAY_S:
            return None
        return int(training.until - min(self.calibration_d * DAY_S, span_s / 3))

    def _grow(self, training: TrainingTable) -> Trees:
        columns = [training.horizons_h.index(h) for h in self.knots_h_]
        increment = training.increment[:, columns]
        row, knot = np.nonzero(np.isfinite(increment))
        if len(row) > self.max_windows:
            drawn = np.random.default_rng(self.seed).choice(len(row), self.max_windows, replace=False)
            row, knot = row[np.sort(drawn)], knot[np.sort(drawn)]
        x, y = self._inputs(training.snapshots, self.knots_h_)[row, knot], increment[row, knot]
        growth = Growth(
            iterations=self.iterations,
            learning_rate=self.learning_rate,
            leaves=self.leaves,
            rows_per_leaf=self.windows_per_leaf,
            seed=self.seed,
        )
        return grow_quantiles(x, y, self.quantiles, growth)

    def _calibrate(self, trees: Trees, later: TrainingTable) -> NDArray[np.float64]:
        """Shift (knots, quantiles), in units of the baseline's scale, that makes each quantile true on unseen days."""
        shift = np.zeros((len(self.knots_h_), len(self.quantiles)))
        guess = self._increments(trees, later.snapshots, self.knots_h_)
        _, scale = self.baseline_.increment(later.snapshots, self.knots_h_)
        for k, h in enumerate(self.knots_h_):
            truth = later.increment[:, later.horizons_h.index(h)]
            seen = np.isfinite(truth)
            if not seen.any():
                shift[k] = shift[max(k - 1, 0)]
                continue
            for j, q in enumerate(self.quantiles):
                errors = (truth - guess[:, k, j])[seen] / scale[seen, k]
                shift[k, j] = float(np.quantile(errors, q)) * len(errors) / (len(errors) + PRIOR_WINDOWS)
        return shift

    def _increments(self, trees: Trees, snapshots: SnapshotTable, horizons: tuple[int, ...]) -> NDArray[np.float64]:
        x = self._inputs(snapshots, horizons)
        flat = x.reshape(-1, x.shape[2])
        out = np.zeros((len(flat), len(trees)))
        with threadpool_limits(1, user_api="openmp"):
            for j, tree in enumerate(trees if len(flat) else ()):
                out[:, j] = tree.predict(flat)
        return out.reshape(len(snapshots), len(horizons), len(trees))

    def _inputs(self, snapshots: SnapshotTable, horizons: tuple[int, ...]) -> NDArray[np.float32]:
        """What the trees see, (n, horizons, features): the snapshot, its class, the shrunken rate, and the window and its weekdays."""
        n, hours = len(snapshots), np.asarray(horizons, np.float64)
        code = {name: float(i) for i, name in enumerate(self.classes_)}
        classes = np.array([code.get(name, np.nan) for name in snapshots.waste_class]).reshape(n, 1)
        centre, _ = self.baseline_.increment(snapshots, horizons)
        rate = self.baseline_.rate(snapshots)[:, None]
        known = snapshots.values.copy()
        known[:, COLUMN["history_d"]] = np.minimum(known[:, COLUMN["history_d"]], OLD_D)
        fixed = np.concatenate([known[:, TREE_COLUMNS], classes, rate], axis=1)
        rest_days = snapshots.rest_days[:, np.ceil(hours / 24).astype(int) - 1]
        usual = rate * _weighted_days(snapshots["weekday"], hours, self.weekdays_)
        ahead = np.stack([np.broadcast_to(hours, (n, len(hours))), centre, rest_days, usual], axis=2)
        wide = np.broadcast_to(fixed[:, None, :], (n, len(hours), fixed.shape[1]))
        return np.concatenate([wide, ahead], axis=2).astype(np.float32)


def _weekday_factors(training: TrainingTable) -> NDArray[np.float64]:
    """Inflow of the 24 hours from an origin on each weekday (7,), against the mean one; ones where no window is that long."""
    if 24 not in training.horizons_h:
        return np.ones(7)
    day = training.increment[:, training.horizons_h.index(24)]
    seen = np.isfinite(day) & np.isfinite(training.snapshots["weekday"])
    weekday = training.snapshots["weekday"][seen].astype(np.int64)
    mean = float(day[seen].mean()) if seen.any() else 0.0
    if mean <= 0:
        return np.ones(7)
    sums, counts = np.bincount(weekday, day[seen], 7), np.bincount(weekday, minlength=7)
    return np.asarray(np.maximum((sums + PRIOR_WINDOWS * mean) / (counts + PRIOR_WINDOWS) / mean, 0.0))


def _weighted_days(weekday: NDArray[np.float64], hours: NDArray[np.float64], factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Days from each origin to each horizon (n, H), each counted by its weekday's factor; plain days where the weekday is unknown."""
    day = np.arange(np.ceil(hours.max() / 24) if len(hours) else 0)
    share = np.clip(hours[:, None] / 24 - day[None, :], 0.0, 1.0)
    first = np.nan_to_num(weekday).astype(np.int64)
    ahead = factors[(first[:, None] + day[None, :].astype(np.int64)) % 7]
    return np.where(np.isfinite(weekday)[:, None], ahead, 1.0) @ share.T
