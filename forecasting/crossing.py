"""Whether the fill reaches a threshold within some hours, asked directly: where levels are coarse or rare, quantiles of fill say it badly.

Two learners that err differently are averaged: boosted trees and a forest of extremely randomised ones, on what a snapshot knows of the
gap to the threshold. Provided that nobody empties the container, "at hour h" and "within h hours" are one event, because fill never
falls; windows with an emptying tell the one and hide the other, and what to make of them is the caller's choice (`windows`).

References
----------
.. [1] Geurts, Ernst, Wehenkel (2006). Extremely randomized trees.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from forecasting.baseline import ShrunkenRate, WeekdayProfile
from forecasting.density import overflow_probability
from forecasting.errors import NotFittedError
from forecasting.evaluate import Estimator
from forecasting.features import COLUMN, SnapshotTable, TrainingTable, check_horizons
from forecasting.level import DAY_S
from forecasting.model import FillModel
from forecasting.scores import brier

# With fewer windows, or fewer events among them, the weekday profile's own distribution answers.
MIN_WINDOWS, MIN_EVENTS = 1_000, 50
SLOWEST_PER_DAY, FARTHEST_D = 0.003, 30.0
# A level within this of the threshold has reached it: levels are sums of steps, and sums of tenths are not tenths.
TOUCH = 1e-6
# The length of a history and the month are a calendar in disguise: trees would take tonight for the last weeks that they saw.
FIXED = tuple(i for name, i in COLUMN.items() if name not in ("month", "history_d"))
UNEMPTIED, ALL = "unemptied", "all"
# Between these hours probabilities are interpolated: a pair of learners for each knot of the fill model would cost seconds without skill.
LEARNED_H = (24, 48, 72, 168)


class Crossing(Protocol):
    """Whoever says how probable it is that a threshold is reached."""

    def fit(self, training: TrainingTable) -> Self:
        """Learn and return itself."""
        ...

    def predict(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> NDArray[np.float64]:
        """Probability within each horizon (n, H)."""
        ...


class BestCrossing:
    """The forecaster of the event that did best on the newest days, learned once more from everything.

    Which one that is depends on the sensors (six levels or a hundred), not on what anybody called them.

    Parameters
    ----------
    threshold, windows
        As of `CrossingModel`.
    candidates
        Makers by name; by default the direct classifiers, and the fill model's quantiles.
    happened
        Says what came of each window of a table (n, H); by default `outcome` does, from levels in hindsight.
    calibration_d
        Newest days that candidates are scored on, at most a third of the history.
    """

    def __init__(
        self,
        threshold: float = 0.8,
        *,
        windows: str = "all",
        candidates: Mapping[str, Callable[[], Crossing]] | None = None,
        happened: Callable[[TrainingTable], NDArray[np.float64]] | None = None,
        calibration_d: float = 45.0,
    ) -> None:
        self.threshold = threshold
        self.windows = windows
        self.candidates = candidates
        self.happened = happened
        self.calibration_d = calibration_d

    def fit(self, training: TrainingTable) -> Self:
        """Score each candidate on days that it had not seen, then teach the best one everything.

        Returns
        -------
        BestCrossing
            itself, with `chosen_` (a name), `brier_` (by name; empty where history was too short to choose) and `model_`.
        """
        makers = self.candidates or usual_candidates(self.threshold, self.windows)
        self.brier_ = self._scores(training, makers)
        self.chosen_ = min(self.brier_, key=lambda name: self.brier_[name]) if self.brier_ else next(iter(makers))
        self.model_ = makers[self.chosen_]().fit(training)
        return self

    def predict(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> NDArray[np.float64]:
        """As the chosen one says; see `CrossingModel.predict`."""
        if not hasattr(self, "model_"):
            raise NotFittedError("BestCrossing was asked before fit")
        return self.model_.predict(snapshots, horizons_h)

    def _scores(self, training: TrainingTable, makers: Mapping[str, Callable[[], Crossing]]) -> dict[str, float]:
        """Brier score by candidate over all windows of the calibration days."""
        if not len(training):
            return {}
        span_s = training.until - int(training.snapshots.origin.min())
        cut = int(training.until - min(self.calibration_d * DAY_S, span_s / 3))
        earlier, later = training.known_by(cut), training.since(cut)
        happened = self.happened(later) if self.happened else outcome(later, self.threshold, self.windows)
        if not np.isfinite(happened).any():
            return {}
        said = {name: make().fit(earlier).predict(later.snapshots, training.horizons_h) for name, make in makers.items()}
        return {name: float(np.nanmean(brier(happened, chance))) for name, chance in said.items()}


def usual_candidates(threshold: float, windows: str = "all") -> dict[str, Callable[[], Crossing]]:
    """Direct classifiers, and what the quantiles of fill say of the event."""
    return {
        "classifier": lambda: CrossingModel(threshold, windows=windows),
        "quantiles": lambda: TableCrossing(FillModel, threshold),
    }


class TableCrossing:
    """What an estimator of fill says of the event between its quantiles."""

    def __init__(self, make: Callable[[], Estimator], threshold: float = 0.8) -> None:
        self.make = make
        self.threshold = threshold

    def fit(self, training: TrainingTable) -> Self:
        """Learn the fill."""
        self.model_ = self.make().fit(training)
        return self

    def predict(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> NDArray[np.float64]:
        """Probability that the fill is at the threshold by each horizon; 1 where the level is there already."""
        chance = overflow_probability(self.model_.predict(snapshots, horizons_h), self.threshold)
        chance[snapshots["level"] >= self.threshold - TOUCH] = 1.0
        return chance


def outcome(training: TrainingTable, threshold: float, windows: str = "all") -> NDArray[np.float64]:
    """1 where the fill reached the threshold by each horizon (n, H), 0 where not, NaN where nobody saw or the window is left out."""
    fill = training.snapshots["level"][:, None] + training.increment
    kept = np.isfinite(fill) & ((windows == ALL) | ~training.emptied)
    return np.where(kept, (fill >= threshold - TOUCH).astype(np.float64), np.nan)


class CrossingModel:
    """Probability that the fill reaches `threshold` within each horizon, provided that nobody empties the container.

    Parameters
    ----------
    threshold
        Fraction of full.
    windows
        "all" learns from every window, those with an emptying by the inflow that was seen around it; "unemptied" leaves them out, as
        benchmarks do whose events are levels that a sensor reported.
    forest, windows_per_leaf
        Trees of the forest, and the fewest windows in one of their leaves.
    max_windows
        At most this many windows a horizon are learned from, drawn at random: it bounds the night's time.
    seed
        Same data and seed, same forecasts.
    """

    def __init__(
        self,
        threshold: float = 0.8,
        *,
        windows: str = ALL,
        forest: int = 100,
        windows_per_leaf: int = 8,
        max_windows: int = 40_000,
        seed: int = 0,
    ) -> None:
        self.threshold = threshold
        self.windows = windows
        self.forest = forest
        self.windows_per_leaf = windows_per_leaf
        self.max_windows = max_windows
        self.seed = seed

    def fit(self, training: TrainingTable) -> Self:
        """Learn one pair of classifiers for each of the table's horizons that is in `LEARNED_H`, from windows below the threshold.

        Returns
        -------
        CrossingModel
            itself, with `baseline_`, `horizons_h_` (those with enough windows) and `trained_until_`.
        """
        if self.windows not in (UNEMPTIED, ALL):
            raise ValueError(f"windows must be {UNEMPTIED!r} or {ALL!r}, got {self.windows!r}")
        self.trained_until_ = training.until
        self.rate_ = ShrunkenRate().fit(training)
        self.baseline_ = WeekdayProfile().fit(training)
        self.code_: dict[Hashable, int] = {key: i for i, key in enumerate(dict.fromkeys(training.snapshots.keys))}
        self.classes_ = tuple(sorted(set(training.snapshots.waste_class)))
        below = training.snapshots["level"] < self.threshold - TOUCH
        happened = outcome(training, self.threshold, self.windows)
        self.learners_: dict[int, tuple[HistGradientBoostingClassifier, ExtraTreesClassifier]] = {}
        for column, h in enumerate(training.horizons_h):
            if h not in LEARNED_H:
                continue
            known, reached = below & np.isfinite(happened[:, column]), happened[:, column] > 0
            if known.sum() >= MIN_WINDOWS and min(reached[known].sum(), (~reached[known]).sum()) >= MIN_EVENTS:
                rows = self._drawn(np.flatnonzero(known))
                self.learners_[h] = self._learn(training.snapshots.take(rows), h, reached[rows])
        return self

    @property
    def horizons_h_(self) -> tuple[int, ...]:
        """Horizons that were learned."""
        return tuple(self.learners_)

    def predict(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> NDArray[np.float64]:
        """Probability of reaching the threshold within each horizon.

        Parameters
        ----------
        snapshots
            n rows.
        horizons_h
            Hours ahead, ascending within 1..168; one that was not learned lies between its neighbours that were, or is the
            weekday profile's.

        Returns
        -------
        ndarray
            Shape (n, H), within 0..1, non-decreasing along hours; 1 where the level is there already.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if not hasattr(self, "learners_"):
            raise NotFittedError("CrossingModel was asked before fit")
        horizons = check_horizons(horizons_h)
        chance = overflow_probability(self.baseline_.predict(snapshots, horizons), self.threshold)
        rows = np.flatnonzero(np.isfinite(snapshots["level"]))
        if self.learners_ and len(rows):
            chance[rows] = self._learned(snapshots.take(rows), horizons, chance[rows])
        chance[snapshots["level"] >= self.threshold - TOUCH] = 1.0
        return np.asarray(np.maximum.accumulate(chance, axis=1))

    def _learned(self, snapshots: SnapshotTable, horizons: tuple[int, ...], otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
        known = np.array([0, *self.learners_], np.float64)
        said = np.column_stack([np.zeros(len(snapshots)), *(self._ask(snapshots, h) for h in self.learners_)])
        said = np.maximum.accumulate(said, axis=1)
        out = otherwise.copy()
        for i, h in enumerate(horizons):
            if h <= known[-1]:
                right = int(np.searchsorted(known, h))
                share = (h - known[right - 1]) / (known[right] - known[right - 1])
                out[:, i] = said[:, right - 1] * (1 - share) + said[:, right] * share
        return out

    def _drawn(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(rows) <= self.max_windows:
            return rows
        return np.sort(np.random.default_rng(self.seed).choice(rows, self.max_windows, replace=False))

    def _learn(
        self, snapshots: SnapshotTable, horizon_h: int, reached: NDArray[np.bool_]
    ) -> tuple[HistGradientBoostingClassifier, ExtraTreesClassifier]:
        x = self._inputs(snapshots, horizon_h)
        boosted = HistGradientBoostingClassifier(
            max_iter=120,
            learning_rate=0.04,
            max_leaf_nodes=8,
            min_samples_leaf=100,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=self.seed,
        )
        forest = ExtraTreesClassifier(
            self.forest, min_samples_leaf=self.windows_per_leaf, max_features=0.4, n_jobs=1, random_state=self.seed
        )
        with threadpool_limits(1, user_api="openmp"):
            return boosted.fit(x, reached), forest.fit(x, reached)

    def _ask(self, snapshots: SnapshotTable, horizon_h: int) -> NDArray[np.float64]:
        x = self._inputs(snapshots, horizon_h)
        with threadpool_limits(1, user_api="openmp"):
            return np.asarray(np.mean([learner.predict_proba(x)[:, 1] for learner in self.learners_[horizon_h]], axis=0))

    def _inputs(self, snapshots: SnapshotTable, horizon_h: int) -> NDArray[np.float32]:
        """The snapshot beside the gap, the rates, the days that the one takes at the other, and what the weekdays ahead usually bring."""
        gap = self.threshold - snapshots["level"]
        rate = np.maximum(self.rate_.rate(snapshots), SLOWEST_PER_DAY)
        centre, _ = self.baseline_.increment(snapshots, (horizon_h,))
        since_d = np.maximum(snapshots["emptied_h"] / 24, 1.0)
        code = np.array([self.code_.get(key, -1) for key in snapshots.keys], np.float64)
        kind = {name: float(i) for i, name in enumerate(self.classes_)}
        classes = np.array([kind.get(name, -1.0) for name in snapshots.waste_class])
        rest = snapshots.rest_days[:, min(max(-(-horizon_h // 24), 1), snapshots.rest_days.shape[1]) - 1]
        made = (gap, rate, np.minimum(gap / rate, FARTHEST_D), centre[:, 0], gap - centre[:, 0], snapshots["level"] / since_d)
        x = np.column_stack([snapshots.values[:, FIXED], *made, code, classes, rest])
        # The forest splits on numbers only: what nobody knows lies below all that somebody does.
        return np.asarray(np.nan_to_num(x, nan=-1.0), np.float32)
