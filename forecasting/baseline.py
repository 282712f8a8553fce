"""Naive forecasts that the model must beat, container by container: last value, mean rate, weekday profile, schedule, shrunken rate.

All have the model's `fit` and `predict`. Each is a line from the level at a rate, with an interval from its own past errors.

References
----------
.. [1] Efron, Morris (1975). Data analysis using Stein's estimator and its generalizations. (the shrunken rate)
"""

from collections.abc import Hashable, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting.density import QuantileTable, monotone
from forecasting.errors import NotFittedError
from forecasting.features import SnapshotTable, TrainingTable, check_horizons

QUANTILES = (0.1, 0.5, 0.9)
KNOTS_H = (6, 12, 24, 36, 48, 72, 96, 120, 144, 168)

# Before any data: a container fills in about 12 days, and anything from 4 days to never is believable.
PRIOR_RATE, PRIOR_BETWEEN, PRIOR_WITHIN = 0.08, 0.05**2, 0.08**2
PRIOR_LEVEL = {0.1: 0.05, 0.5: 0.35, 0.9: 0.85}
PRIOR_ROWS = 30.0  # errors that the normal distribution is worth
PRIOR_CONTAINERS = 3.0  # containers that the mean of all classes is worth in a class
RECENT_D = 28.0
# Nights of one weekday that the weekday of all containers is worth in the profile of one.
PRIOR_NIGHTS = 4.0
DAY_H = 24


class RateBaseline:
    """Level plus rate times hours; subclasses say the rate.

    Parameters
    ----------
    quantiles
        Probabilities to forecast, ascending.
    """

    def __init__(self, quantiles: Sequence[float] = QUANTILES) -> None:
        self.quantiles = tuple(quantiles)

    def fit(self, training: TrainingTable) -> Self:
        """Learn class means, spread between and within containers, and the distribution of past errors by horizon."""
        table = training.snapshots
        self._learn_rates(table)
        self._learn_levels(table)
        self.error_h_ = np.asarray(training.horizons_h, np.float64)
        centre, scale = self.increment(table, training.horizons_h)
        self.error_quantiles_ = self._error_quantiles((training.increment - centre) / scale)
        return self

    def rate(self, snapshots: SnapshotTable) -> NDArray[np.float64]:
        """Inflow, fraction of full a day, for each row."""
        raise NotImplementedError

    def increment(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centre and scale of what comes on top of the level by each horizon, both (n, H).

        The scale adds up the level's own spread, the chance of single drops and the doubt about the rate.
        """
        self._check_fitted()
        days = (_known(snapshots["age_h"], 0.0)[:, None] + np.asarray(horizons_h, np.float64)[None, :]) / 24
        rate = self.rate(snapshots)[:, None]
        doubt = self.between_ * self.shrinkage_d_ / (self.shrinkage_d_ + _known(snapshots["history_d"], 0.0))
        level_variance = _known(snapshots["spread"], 0.1) ** 2
        chance = self.dispersion_ * np.maximum(self.shrunken_rate(snapshots)[:, None], 0.01) * days
        return rate * days, np.sqrt(level_variance[:, None] + chance + doubt[:, None] * days**2)

    def predict(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> QuantileTable:
        """Fill of each container at each horizon, as quantiles; see `FillModel.predict`."""
        horizons = check_horizons(horizons_h)
        centre, scale = self.increment(snapshots, horizons)
        errors = self._errors_at(np.asarray(horizons, np.float64))
        fill = self.level_quantiles(snapshots)[:, None, :] + centre[:, :, None] + scale[:, :, None] * errors[None, :, :]
        known = np.isfinite(snapshots["level"])
        return QuantileTable(
            keys=snapshots.keys,
            origin=snapshots.origin,
            horizons_h=horizons,
            quantiles=self.quantiles,
            fill=monotone(np.maximum(fill, 0.0)),
            method=tuple("baseline" if yes else "prior" for yes in known.tolist()),
        )

    def shrunken_rate(self, snapshots: SnapshotTable) -> NDArray[np.float64]:
        """The container's own recent rate drawn to its class mean, which is worth `shrinkage_d_` days."""
        days = np.minimum(_known(snapshots["history_d"], 0.0), RECENT_D)
        mean = self.class_rate(snapshots)
        own = recent_rate(snapshots)
        days = np.where(np.isfinite(own), days, 0.0)
        return (days * _known(own, 0.0) + self.shrinkage_d_ * mean) / (days + self.shrinkage_d_)

    def class_rate(self, snapshots: SnapshotTable) -> NDArray[np.float64]:
        """Mean rate of each row's class."""
        self._check_fitted()
        return np.array([self.class_rates_.get(name, self.mean_rate_) for name in snapshots.waste_class])

    def level_quantiles(self, snapshots: SnapshotTable) -> NDArray[np.float64]:
        """The level in every quantile (n, Q): its estimate where known, else how full containers are in general."""
        level = snapshots["level"][:, None]
        return np.where(np.isfinite(level), level, self.level_prior_[None, :])

    def _check_fitted(self) -> None:
        if not hasattr(self, "class_rates_"):
            raise NotFittedError(f"{type(self).__name__} was asked before fit")

    def _learn_rates(self, table: SnapshotTable) -> None:
        rates, classes = _rate_per_container(table)
        self.mean_rate_ = float((rates.sum() + PRIOR_CONTAINERS * PRIOR_RATE) / (len(rates) + PRIOR_CONTAINERS))
        self.class_rates_ = {
            name: float((rates[classes == name].sum() + PRIOR_CONTAINERS * self.mean_rate_) / ((classes == name).sum() + PRIOR_CONTAINERS))
            for name in sorted(set(classes.tolist()))
        }
        off = rates - np.array([self.class_rates_[name] for name in classes.tolist()])
        self.between_ = float(((off**2).sum() + PRIOR_CONTAINERS * PRIOR_BETWEEN) / (len(rates) + PRIOR_CONTAINERS))
        deviations = table["rate_sd"][np.isfinite(table["rate_sd"])]
        self.within_ = float(((deviations**2).sum() + PRIOR_ROWS * PRIOR_WITHIN) / (len(deviations) + PRIOR_ROWS))
        self.shrinkage_d_ = float(np.clip(self.within_ / self.between_, 1.0, 14.0))
        self.dispersion_ = self.within_ / max(self.mean_rate_, 0.01)

    def _learn_levels(self, table: SnapshotTable) -> None:
        prior = np.array([np.interp(q, list(PRIOR_LEVEL), list(PRIOR_LEVEL.values())) for q in self.quantiles])
        level = table["level"][np.isfinite(table["level"])]
        seen = np.quantile(level, self.quantiles) if len(level) else prior
        self.level_prior_ = (len(level) * seen + PRIOR_ROWS * prior) / (len(level) + PRIOR_ROWS)

    def _error_quantiles(self, errors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles of the standardised errors by horizon (H, Q), the normal ones standing in where few were seen."""
        normal = ndtri(np.asarray(self.quantiles))
        rows = []
        for column in errors.T:
            seen = column[np.isfinite(column)]
            quantiles = np.quantile(seen, self.quantiles) if len(seen) else normal
            rows.append((len(seen) * quantiles + PRIOR_ROWS * normal) / (len(seen) + PRIOR_ROWS))
        return np.array(rows)

    def _errors_at(self, hours: NDArray[np.float64]) -> NDArray[np.float64]:
        """Error quantiles at any hour; those of the nearest horizon beyond the fitted ones."""
        columns = [np.interp(hours, self.error_h_, column) for column in self.error_quantiles_.T]
        return np.column_stack(columns)


class LastValue(RateBaseline):
    """Nothing comes in: the median is the level itself, and only the outer quantiles learn from past errors."""

    def rate(self, snapshots: SnapshotTable) -> NDArray[np.float64]:
        """Zero for every row."""
        return np.zeros(len(snapshots))

    def _error_quantiles(self, errors: NDArray[np.float64]) -> NDArray[np.float64]:
        seen, side = super()._error_quantiles(errors), np.asarray(self.quantiles) - 0.5
        return np.where(side > 0, np.maximum(seen, 0.0), np.where(side < 0, np.minimum(seen, 0.0), 0.0))


class MeanRate(RateBaseline):
    """The container's own mean of the last 28 days, or of what there is; its class's mean before the first day."""

    def rate(self, snapshots: SnapshotTable) -> NDArray[np.float64]:
        """Own rate, raw."""
        own = _first_known(snapshots["rate_28d"], snapshots["rate_all"])
        return np.where(np.isfinite(own), own, self.class_rate(snapshots))


class ShrunkenRate(RateBaseline):
    """Empirical Bayes: the own recent rate, drawn to the class mean as far as history is short. The fall-back of the model."""

    def rate(self, snapshots: SnapshotTable) -> NDArray[np.float64]:
        """Own rate, shrunken."""
        return self.shrunken_rate(snapshots)


class WeekdayProfile(MeanRate):
    """What the container took in on the same weekdays so far, drawn to what its mean rate makes of everybody's week."""

    def fit(self, training: TrainingTable) -> Self:
        """Learn each container's mean inflow of the day that follows an origin, by the origin's weekday."""
        self.profile_: dict[Hashable, NDArray[np.float64]] = {}
        self.week_ = np.ones(7)
        super()._learn_rates(training.snapshots)
        if DAY_H in training.horizons_h:
            self._learn_profile(training.snapshots, training.increment[:, training.horizons_h.index(DAY_H)])
        return super().fit(training)

    def increment(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As of the mean rate, with each day ahead at the rate of its weekday."""
        centre, scale = super().increment(snapshots, horizons_h)
        return centre + self._beyond_mean(snapshots, np.asarray(horizons_h, np.float64) / DAY_H), scale

    def _learn_profile(self, table: SnapshotTable, added: NDArray[np.float64]) -> None:
        rate, weekday = self.rate(table), table["weekday"]
        seen = np.isfinite(added) & np.isfinite(weekday)
        day = np.where(seen, weekday, 0).astype(np.int64)
        taken, usual = (np.bincount(day[seen], weights=values[seen], minlength=7) for values in (added, rate))
        prior = PRIOR_ROWS * self.mean_rate_
        self.week_ = np.maximum(taken + prior, 0.0) / (usual + prior)
        for key, rows in _rows_by_key(table, seen).items():
            own, nights = (np.bincount(day[rows], weights=w, minlength=7) for w in (added[rows], None))
            mean = max(float(rate[rows].mean()), 0.01)
            self.profile_[key] = np.maximum(own + PRIOR_NIGHTS * mean * self.week_, 0.0) / ((nights + PRIOR_NIGHTS) * mean)

    def _beyond_mean(self, snapshots: SnapshotTable, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the weekdays ahead add to the mean rate, (n, H)."""
        week = np.array([self.profile_.get(key, self.week_) for key in snapshots.keys]).reshape(-1, 7)
        first = _known(snapshots["weekday"], 0.0).astype(np.int64)
        ahead = (first[:, None] + np.arange(int(np.ceil(days.max())))[None, :]) % 7
        total = np.concatenate([np.zeros((len(week), 1)), np.cumsum(np.take_along_axis(week, ahead, axis=1) - 1, axis=1)], axis=1)
        whole = np.minimum(days.astype(np.int64), total.shape[1] - 2)
        share = (days - whole)[None, :]
        return np.asarray(self.rate(snapshots)[:, None] * (total[:, whole] * (1 - share) + total[:, whole + 1] * share))


class Schedule(RateBaseline):
    """What a fixed round knows without any sensor: when the container was emptied last, and what usually comes in since."""

    def rate(self, snapshots: SnapshotTable) -> NDArray[np.float64]:
        """Mean of all history; the class's mean before there is one."""
        return np.where(np.isfinite(snapshots["rate_all"]), snapshots["rate_all"], self.class_rate(snapshots))

    def increment(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the schedule expects at each horizon, less the level: the sensor's word is taken out again."""
        _, scale = super().increment(snapshots, horizons_h)
        since_d = (snapshots["emptied_h"][:, None] + np.asarray(horizons_h, np.float64)[None, :]) / DAY_H
        expected = np.where(np.isfinite(since_d), self.rate(snapshots)[:, None] * since_d, float(np.median(self.level_prior_)))
        return expected - _known(snapshots["level"], float(np.median(self.level_prior_)))[:, None], scale


def recent_rate(snapshots: SnapshotTable) -> NDArray[np.float64]:
    """Mean of the rates over 14 and 28 days, or the longest window that is known."""
    month = _first_known(snapshots["rate_28d"], snapshots["rate_all"])
    return (_first_known(snapshots["rate_14d"], month) + month) / 2


def _rate_per_container(table: SnapshotTable) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Mean recent rate of each container with at least a week of history, and its class."""
    rates, mature = recent_rate(table), table["history_d"] >= 7
    sums: dict[object, list[float]] = {}
    classes: dict[object, str] = {}
    for i in np.flatnonzero(mature & np.isfinite(rates)).tolist():
        sums.setdefault(table.keys[i], []).append(float(rates[i]))
        classes[table.keys[i]] = table.waste_class[i]
    return np.array([float(np.mean(values)) for values in sums.values()]), np.array(list(classes.values()), dtype=np.str_)


def _rows_by_key(table: SnapshotTable, kept: NDArray[np.bool_]) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = {}
    for i in np.flatnonzero(kept).tolist():
        found.setdefault(table.keys[i], []).append(i)
    return found


def _known(values: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, otherwise)


def _first_known(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(first), first, second)
