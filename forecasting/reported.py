"""Whether a sensor will report a level at or above a threshold: for sensors that say few levels, a few times a day or less.

Such a sensor's level is the event itself: no filter knows better what it will say, and a posterior between two of its steps is a level
that it never reports. So this learns from what was reported, day by day: the last eight days' levels, what came in over 3 to 90 days, how
long the container has stood since it fell, and how long at this level.

References
----------
.. [1] Geurts, Ernst, Wehenkel (2006). Extremely randomized trees.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from forecasting.errors import NotFittedError
from forecasting.features import Context, SnapshotTable, TrainingTable, check_horizons, nightly_origins
from forecasting.level import HOUR_S, Readings

# An older reading is not the day's: with one reading a day, a missing one must not look like its forerunner.
FRESH_S = 20 * HOUR_S
DAYS_BACK, WEEKS_BACK = 8, 8
RATE_DAYS = (3, 7, 28, 90)
ALL_DAYS = 3_650
# Levels are sums of steps, and sums of tenths are not tenths.
TOUCH = 1e-6
MIN_WINDOWS, MIN_EVENTS = 1_000, 50
PRIOR_WINDOWS = 20.0
UNKNOWN = -0.1

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """Reported levels (B, D) of B containers at D instants a day apart; NaN where none was reported in the 20 hours before."""

    row: Mapping[Hashable, int]
    at: NDArray[np.int64]
    level: Floats

    @classmethod
    def of(cls, readings: Mapping[Hashable, Readings], at: NDArray[np.int64]) -> "Days":
        """The newest level at each instant; nothing later is looked at."""
        level = np.full((len(readings), len(at)), np.nan)
        for i, one in enumerate(readings.values()):
            usable = np.isfinite(one.fill) & (one.quality > 0)
            seen_at, fill = one.observed_at[usable], one.fill[usable]
            last = np.searchsorted(seen_at, at, side="right") - 1
            fresh = (last >= 0) & (at - seen_at[np.maximum(last, 0)] < FRESH_S) if len(seen_at) else np.zeros(len(at), np.bool_)
            level[i, fresh] = fill[last[fresh]]
        return cls({key: i for i, key in enumerate(readings)}, at, level)

    def upto(self, at: int) -> "Days":
        """The instants at or before `at`."""
        n = int(np.searchsorted(self.at, at, side="right"))
        return Days(self.row, self.at[:n], self.level[:, :n])

    def outcome(self, ahead: int, threshold: float, *, within: bool = False) -> Floats:
        """1 where the level `ahead` days later reaches the threshold, 0 where not, NaN unless every day was seen and none fell.

        With `within`, 1 also where it was reached before a fall ended the window.
        """
        padded = np.concatenate([self.level, np.full((len(self.level), ahead), np.nan)], axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, ahead + 1, axis=1)
        steady = np.isfinite(windows) & (np.diff(windows, axis=2, prepend=windows[:, :, :1]) >= -TOUCH)
        untouched = np.logical_and.accumulate(steady, axis=2)
        reached = untouched & (windows >= threshold - TOUCH)
        happened = reached[:, :, 1:].any(axis=2) if within else reached[:, :, -1]
        return np.where(happened, 1.0, np.where(untouched[:, :, -1], 0.0, np.nan))

    def reached_h(self, threshold: float, longest_d: int = 7) -> Floats:
        """Hours until the threshold was reported (B, D): infinite where a week went by without, NaN where a fall or a gap came first."""
        hours = np.where(self.outcome(longest_d, threshold) == 0, np.inf, np.nan)
        for day in range(longest_d, 0, -1):
            hours[self.outcome(day, threshold, within=True) == 1] = 24.0 * day
        return np.where(self.level < threshold - TOUCH, hours, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class LevelShares:
    """How often the threshold was reached from each level, all containers together: the answer until trees can be grown."""

    levels: Floats
    share: Floats
    of_all: float

    @classmethod
    def of(cls, level: Floats, happened: Floats) -> "LevelShares":
        """Shares drawn to that of all levels, which is worth `PRIOR_WINDOWS`."""
        of_all = (float(happened.sum()) + 1) / (len(happened) + 2)
        levels, index = np.unique(level.round(2), return_inverse=True)
        events, count = np.bincount(index, weights=happened), np.bincount(index)
        return cls(levels, (events + PRIOR_WINDOWS * of_all) / (count + PRIOR_WINDOWS), of_all)

    def of_level(self, level: Floats) -> Floats:
        """Between the levels that were seen; of all where the level is not known."""
        known = np.isfinite(level) & (len(self.levels) > 0)
        found = np.interp(np.where(known, level, 0.0), self.levels, self.share) if len(self.levels) else np.zeros(len(level))
        return np.where(known, found, self.of_all)


class ReportedCrossing:
    """Probability that the reported level reaches `threshold` within whole days, provided that nobody empties the container.

    Parameters
    ----------
    readings
        Of each container; only those up to `training.until` are learned from, and only those up to an origin are looked at for it.
    context
        Its time zone says when a day begins.
    threshold
        Fraction of full.
    forest, windows_per_leaf
        Trees of the forest, and the fewest windows in one of their leaves.
    seed
        Same data and seed, same forecasts.
    """

    def __init__(
        self,
        readings: Mapping[Hashable, Readings],
        context: Context,
        threshold: float = 0.8,
        *,
        forest: int = 200,
        windows_per_leaf: int = 8,
        seed: int = 0,
    ) -> None:
        self.readings = readings
        self.context = context
        self.threshold = threshold
        self.forest = forest
        self.windows_per_leaf = windows_per_leaf
        self.seed = seed

    def fit(self, training: TrainingTable) -> Self:
        """Learn a pair of classifiers for each of the table's horizons that is a whole number of days.

        Returns
        -------
        ReportedCrossing
            itself, with `learners_` by day (those with enough windows), `by_level_` (how often each level reaches it, by day) and
            `trained_until_`.
        """
        self.trained_until_ = training.until
        self.learners_: dict[int, tuple[HistGradientBoostingClassifier, ExtraTreesClassifier]] = {}
        self.by_level_: dict[int, LevelShares] = {}
        origins = training.snapshots.origin
        if not len(origins):
            return self
        days = self._days(np.append(origins, training.until)).upto(training.until)
        asked = np.isin(days.at, origins)
        for ahead in sorted({h // 24 for h in training.horizons_h if h % 24 == 0}):
            happened = days.outcome(ahead, self.threshold)
            known = asked[None, :] & np.isfinite(happened) & (days.level < self.threshold - TOUCH)
            events = int(happened[known].sum())
            self.by_level_[ahead] = LevelShares.of(self._expected(days, ahead)[known], happened[known])
            if self.forest and known.sum() >= MIN_WINDOWS and min(events, known.sum() - events) >= MIN_EVENTS:
                self.learners_[ahead] = self._learn(self._inputs(days, ahead)[known], happened[known])
        return self

    def predict(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> Floats:
        """Probability of a level at the threshold within each horizon.

        Parameters
        ----------
        snapshots
            n rows; only their containers and origins are read.
        horizons_h
            Hours ahead; parts of days lie between their neighbours, and beyond the last learned day its probability stays.

        Returns
        -------
        ndarray
            Shape (n, H), non-decreasing along hours; 1 where the level is there already.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if not hasattr(self, "learners_"):
            raise NotFittedError("ReportedCrossing was asked before fit")
        horizons = np.asarray(check_horizons(horizons_h), np.float64) / 24
        if not len(snapshots) or not self.by_level_:
            return np.full((len(snapshots), len(horizons)), 0.5)
        days = self._days(snapshots.origin)
        row = np.array([days.row.get(key, -1) for key in snapshots.keys])
        column = np.searchsorted(days.at, snapshots.origin)
        there = row >= 0
        known_d = np.array([0, *self.by_level_], np.float64)
        said = np.column_stack([np.zeros(len(row)), *(self._ask(days, ahead, row, column, there) for ahead in self.by_level_)])
        said = np.maximum.accumulate(said, axis=1)
        said[there & (days.level[row, column] >= self.threshold - TOUCH)] = 1.0
        right = np.clip(np.searchsorted(known_d, horizons), 1, len(known_d) - 1)
        share = np.clip((horizons - known_d[right - 1]) / (known_d[right] - known_d[right - 1]), 0, 1)
        return np.asarray(said[:, right - 1] * (1 - share) + said[:, right] * share)

    def _expected(self, days: Days, ahead: int) -> Floats:  # noqa: ARG002 - those who inherit look further
        """The level that chances go by where no tree was grown (B, D)."""
        return days.level

    def _ask(self, days: Days, ahead: int, row: NDArray[np.int64], column: NDArray[np.int64], there: NDArray[np.bool_]) -> Floats:
        chance = self.by_level_[ahead].of_level(np.where(there, self._expected(days, ahead)[row, column], np.nan))
        if ahead in self.learners_ and there.any():
            x = self._inputs(days, ahead)[row[there], column[there]]
            with threadpool_limits(1, user_api="openmp"):
                chance[there] = np.mean([learner.predict_proba(x)[:, 1] for learner in self.learners_[ahead]], axis=0)
        return chance

    def outcome(self, table: TrainingTable) -> Floats:
        """Whether the level was reported at each horizon that is whole days (n, H), by readings up to `table.until`; NaN else."""
        found = np.full((len(table), len(table.horizons_h)), np.nan)
        if not len(table):
            return found
        days, row, column = self._placed(table)
        for i, h in enumerate(table.horizons_h):
            if h % 24 == 0:
                found[:, i] = days.outcome(h // 24, self.threshold)[row, column]
        return found

    def reached_h(self, table: TrainingTable) -> Floats:
        """Hours until the threshold was reported, by window (n,); see `Days.reached_h`."""
        if not len(table):
            return np.zeros(0)
        days, row, column = self._placed(table)
        return np.asarray(days.reached_h(self.threshold)[row, column])

    def _placed(self, table: TrainingTable) -> tuple[Days, NDArray[np.int64], NDArray[np.int64]]:
        """The days known by `table.until`, and where in them each window began."""
        known = {key: one.until(table.until) for key, one in self.readings.items()}
        days = self._days(np.append(table.snapshots.origin, table.until), known).upto(table.until)
        row = np.array([days.row[key] for key in table.snapshots.keys])
        return days, row, np.searchsorted(days.at, table.snapshots.origin)

    def _days(self, origins: NDArray[np.int64], readings: Mapping[Hashable, Readings] | None = None) -> Days:
        """An instant for each day from the first reading to the last origin, at the origins' local hour; they are among them."""
        begun = [int(one.observed_at[0]) for one in self.readings.values() if len(one)]
        last = int(origins.max())
        local = self.context.local(int(origins.min()))
        first = self.context.local(min([*begun, int(origins.min())])).date()
        usual = nightly_origins(first, self.context.local(last).date() + timedelta(days=1), self.context.tz, local.hour)
        # Asked at 18:20, the instants of the days before are at 18:00; the origins themselves are taken as they are.
        near = {round(at / (24 * HOUR_S) - usual[0] / (24 * HOUR_S)): at for at in np.unique(origins).tolist()}
        at = [near.get(round((second - usual[0]) / (24 * HOUR_S)), second) for second in usual]
        return Days.of(readings or self.readings, np.array(sorted({second for second in at if second <= last}), np.int64))

    def _learn(self, x: NDArray[np.float32], y: Floats) -> tuple[HistGradientBoostingClassifier, ExtraTreesClassifier]:
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
            return boosted.fit(x, y), forest.fit(x, y)

    def _inputs(self, days: Days, ahead: int) -> NDArray[np.float32]:
        """What is known of each container on each day (B, D, features); nothing in column d looks past day d."""
        level = days.level
        came = inflow(level)
        when = [self.context.local(int(at)) for at in days.at]
        shape = level.shape
        kinds = {name: float(i) for i, name in enumerate(sorted(set(self.context.waste_class.values())))}
        kind = np.array([kinds.get(self.context.waste_class.get(key, ""), -1.0) for key in days.row])
        since, standing = _days_since(level)
        columns = [
            *(_back(level, k) for k in range(DAYS_BACK)),
            *(_mean(came, days_back, max(2, days_back // 4)) for days_back in RATE_DAYS),
            _mean(came, ALL_DAYS, 14),
            np.sqrt(np.maximum(_mean(came**2, 28, 7) - _mean(came, 28, 7) ** 2, 0.0)),
            since,
            standing,
            level / np.maximum(since, 1.0),
            same_weekdays(came, ahead),
            np.broadcast_to([float(one.weekday()) for one in when], shape),
            np.broadcast_to([float(one.month) for one in when], shape),
            np.broadcast_to(kind[:, None], shape),
            np.broadcast_to(np.arange(len(level), dtype=np.float64)[:, None], shape),
        ]
        # The forest splits on numbers only: what nobody knows lies below all that somebody does.
        return np.asarray(np.nan_to_num(np.stack(columns, axis=2), nan=UNKNOWN), np.float32)


class ReportedRate(ReportedCrossing):
    """A naive forecast of the event: the level plus what usually comes in, and how often such an expected level got there.

    Parameters
    ----------
    readings, context, threshold
        As of `ReportedCrossing`.
    by
        "nothing" comes in (the last value), the "mean" of 28 days, or that of the same "weekday" of eight weeks.
    """

    def __init__(self, readings: Mapping[Hashable, Readings], context: Context, threshold: float = 0.8, *, by: str = "mean") -> None:
        super().__init__(readings, context, threshold, forest=0)
        self.by = by

    def _expected(self, days: Days, ahead: int) -> Floats:
        came = inflow(days.level)
        usual = {
            "nothing": lambda: np.zeros_like(came),
            "mean": lambda: ahead * _mean(came, 28, 7),
            "weekday": lambda: same_weekdays(came, ahead),
        }[self.by]()
        # Tenths: each share is learned from many windows.
        return np.asarray((days.level + np.where(np.isfinite(usual), usual, 0.0)).round(1))


def inflow(level: Floats) -> Floats:
    """What came in on each day (B, D): the rise, or after a fall the level itself; NaN where either day was not seen."""
    rise = np.diff(level, axis=1, prepend=np.nan)
    return np.where(rise < 0, level, rise)


def same_weekdays(came: Floats, ahead: int) -> Floats:
    """What the next `ahead` days brought on average on the same weekdays of the eight weeks before."""
    weeks = [np.stack([_back(came, 7 * k - day) for k in range(1, WEEKS_BACK + 1)]) for day in range(1, ahead + 1)]
    return np.asarray(np.sum([_nan_mean(one) for one in weeks], axis=0))


def _back(values: Floats, days: int) -> Floats:
    """The values of so many days before."""
    if not days:
        return values
    return np.concatenate([np.full((len(values), min(days, values.shape[1])), np.nan), values[:, :-days]], axis=1)


def _mean(values: Floats, days: int, least: int) -> Floats:
    """Mean over the days up to each one, NaN where fewer than `least` were seen."""
    seen = np.isfinite(values)
    total, count = np.cumsum(np.where(seen, values, 0.0), axis=1), np.cumsum(seen, axis=1).astype(np.float64)
    if days < values.shape[1]:
        total[:, days:], count[:, days:] = total[:, days:] - total[:, :-days], count[:, days:] - count[:, :-days]
    return np.where(count >= least, total / np.maximum(count, 1), np.nan)


def _nan_mean(values: Floats) -> Floats:
    count = np.isfinite(values).sum(axis=0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)


def _days_since(level: Floats) -> tuple[Floats, Floats]:
    """Days since the level fell, and since it changed at all (both B, D)."""
    change = np.diff(level, axis=1, prepend=np.nan)
    day = np.broadcast_to(np.arange(level.shape[1], dtype=np.float64), level.shape)
    fell = np.maximum.accumulate(np.where(change < 0, day, 0.0), axis=1)
    moved = np.maximum.accumulate(np.where(change == 0, 0.0, day), axis=1)
    return day - fell, day - moved
