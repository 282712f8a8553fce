"""Rolling-origin backtest: each estimator learns what was known at a cut and forecasts the days after it, beside the naive ones.

References
----------
.. [1] Gneiting, Raftery (2007). Strictly proper scoring rules, prediction, and estimation. (pinball, Brier)
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from forecasting.baseline import LastValue, MeanRate, Schedule, ShrunkenRate, WeekdayProfile
from forecasting.density import QuantileTable, fill_at, overflow_probability
from forecasting.features import SnapshotTable, TrainingTable
from forecasting.level import DAY_S, HOUR_S
from forecasting.model import FillModel
from forecasting.scores import brier, covered
from forecasting.scores import pinball as pinball

MODEL, BASELINE = "model", "shrunken_rate"
SCORED_H = (24, 48, 72)
# Training rows end this long before the first origin that they are used for.
EMBARGO_H = 72
# The model is taken from a container when it lost on this many nights by this many standard errors: less is luck.
FALL_BACK_NIGHTS, FALL_BACK_ERRORS = 5, 2.0


class Estimator(Protocol):
    """What model and baselines have in common."""

    def fit(self, training: TrainingTable) -> Self:
        """Learn and return itself."""
        ...

    def predict(self, snapshots: SnapshotTable, horizons_h: Sequence[int]) -> QuantileTable:
        """Quantiles of fill."""
        ...


ESTIMATORS: Mapping[str, Callable[[], Estimator]] = {
    MODEL: FillModel,
    BASELINE: ShrunkenRate,
    "mean_rate": MeanRate,
    "last_value": LastValue,
}
# A night scores what it needs to trust its model; whoever asks for a backtest sees all that a city could do without one.
COMPARED: Mapping[str, Callable[[], Estimator]] = {**ESTIMATORS, "weekday_profile": WeekdayProfile, "schedule": Schedule}


@dataclass(frozen=True, slots=True)
class Score:
    """How one estimator did at one horizon; fills are fractions.

    `coverage` is the share of truths between the outer quantiles, `brier` is of "fill reaches the threshold".
    """

    horizon_h: int
    windows: int
    mae: float
    pinball: tuple[float, ...]
    coverage: float
    brier: float


@dataclass(frozen=True, slots=True)
class ContainerScore:
    """Mean pinball loss and absolute error of every estimator on one container, by the estimator's name.

    `excess` is the model's nightly loss above the shrunken rate's, in standard errors; 0 where too few nights tell.
    """

    key: Hashable
    windows: int
    excess: float
    pinball: Mapping[str, float]
    mae: Mapping[str, float]

    @property
    def better(self) -> str:
        """ "model", or "shrunken_rate" where the model lost to it clearly."""
        return BASELINE if self.excess > FALL_BACK_ERRORS else MODEL


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A backtest's result.

    Parameters
    ----------
    quantiles, threshold
        What was scored.
    first_origin, last_origin
        Epoch seconds of the scored origins; equal to `until` where nothing could be scored.
    scores
        By estimator's name, one `Score` a horizon; empty where nothing could be scored.
    containers
        One `ContainerScore` per container that had a scored window.
    """

    quantiles: tuple[float, ...]
    threshold: float
    first_origin: int
    last_origin: int
    scores: Mapping[str, tuple[Score, ...]]
    containers: tuple[ContainerScore, ...]

    @property
    def fall_back(self) -> frozenset[Hashable]:
        """Containers that are better off with the shrunken rate."""
        return frozenset(one.key for one in self.containers if one.better == BASELINE)

    def gain(self, horizon_h: int, over: str = "mean_rate") -> float:
        """Share by which the model's absolute error lies below another's; NaN where it was not scored."""
        at = {name: score.mae for name, found in self.scores.items() for score in found if score.horizon_h == horizon_h}
        return 1 - at[MODEL] / at[over] if at.get(over) else float("nan")


def backtest(
    training: TrainingTable,
    estimators: Mapping[str, Callable[[], Estimator]] = ESTIMATORS,
    *,
    folds: int = 1,
    fold_d: float = 14.0,
    horizons_h: Sequence[int] = SCORED_H,
    threshold: float = 0.8,
) -> Evaluation:
    """Learn before each cut, forecast the fold after it, and score every window.

    The truth of a window with an emptying is the fill it would have had without (level plus inflow). Leaving such windows out would
    keep the slow ones and flatter whoever forecasts little.

    Parameters
    ----------
    training
        Everything known; its horizons must include `horizons_h`.
    estimators
        Makers by name; must hold "model" and "shrunken_rate".
    folds, fold_d
        The last `folds` stretches of `fold_d` days are forecast, each by estimators fitted on what was known at its beginning.
    horizons_h
        Hours ahead to score.
    threshold
        Fill whose crossing the Brier score is about.

    Returns
    -------
    Evaluation
        Empty scores where history is too short.
    """
    return evaluation_of(roll(training, estimators, folds=folds, fold_d=fold_d, horizons_h=horizons_h), threshold, training.until)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What was forecast at past origins beside what came; n windows of H horizons.

    Parameters
    ----------
    snapshots
        What was known at each origin.
    fold
        Number of the cut that each row was forecast from (n,), ascending in time.
    horizons_h
        Hours ahead.
    truth
        Fill at each horizon (n, H) if nobody emptied the container meanwhile; NaN where it was not seen.
    emptied
        Whether somebody did (n, H).
    tables
        Forecasts by estimator's name, one row a window.
    """

    snapshots: SnapshotTable
    fold: NDArray[np.int64]
    horizons_h: tuple[int, ...]
    truth: NDArray[np.float64]
    emptied: NDArray[np.bool_]
    tables: Mapping[str, QuantileTable]

    def __len__(self) -> int:
        return len(self.snapshots)


def roll(
    training: TrainingTable,
    estimators: Mapping[str, Callable[[], Estimator]] = COMPARED,
    *,
    folds: int = 1,
    fold_d: float = 14.0,
    horizons_h: Sequence[int] = SCORED_H,
    on_fit: Callable[[str, int], None] | None = None,
) -> Windows | None:
    """Learn before each cut and forecast the fold after it, as `backtest` says; None where history is too short for one fold.

    `on_fit` hears which estimator is about to learn for which fold.
    """
    parts: list[Windows] = []
    for number, (cut, end) in enumerate(_cuts(training, folds, fold_d, max(horizons_h))):
        test = training.since(cut)
        test = test.take(np.flatnonzero(test.snapshots.origin < end))
        known = known_before(training, cut)
        tables = {}
        for name, make in estimators.items():
            if on_fit:
                on_fit(name, number)
            tables[name] = make().fit(known).predict(test.snapshots, horizons_h)
        parts.append(windows_of(test, number, horizons_h, tables))
    return joined(parts) if any(len(part) for part in parts) else None


def known_before(training: TrainingTable, cut: int) -> TrainingTable:
    """What could be learned at a cut, less the rows of the last three days."""
    known = training.known_by(cut)
    return known.take(np.flatnonzero(known.snapshots.origin <= cut - EMBARGO_H * HOUR_S))


def windows_of(came: TrainingTable, fold: int, horizons_h: Sequence[int], tables: Mapping[str, QuantileTable]) -> Windows:
    """Forecasts of one fold beside what came."""
    columns = [came.horizons_h.index(h) for h in horizons_h]
    truth = came.increment[:, columns] + came.snapshots["level"][:, None]
    return Windows(came.snapshots, np.full(len(came), fold, np.int64), tuple(horizons_h), truth, came.emptied[:, columns], tables)


def joined(parts: Sequence[Windows]) -> Windows:
    """Several folds as one table, in their order."""
    first = parts[0]
    return Windows(
        snapshots=_stacked([part.snapshots for part in parts]),
        fold=np.concatenate([part.fold for part in parts]),
        horizons_h=first.horizons_h,
        truth=np.concatenate([part.truth for part in parts]),
        emptied=np.concatenate([part.emptied for part in parts]),
        tables={name: _stacked_tables([part.tables[name] for part in parts]) for name in first.tables},
    )


def _stacked(parts: Sequence[SnapshotTable]) -> SnapshotTable:
    return SnapshotTable(
        keys=tuple(key for part in parts for key in part.keys),
        origin=np.concatenate([part.origin for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        waste_class=tuple(name for part in parts for name in part.waste_class),
        rest_days=np.concatenate([part.rest_days for part in parts]),
    )


def _stacked_tables(parts: Sequence[QuantileTable]) -> QuantileTable:
    return QuantileTable(
        keys=tuple(key for part in parts for key in part.keys),
        origin=np.concatenate([part.origin for part in parts]),
        horizons_h=parts[0].horizons_h,
        quantiles=parts[0].quantiles,
        fill=np.concatenate([part.fill for part in parts]),
        method=tuple(method for part in parts for method in part.method),
    )


def _cuts(training: TrainingTable, folds: int, fold_d: float, longest_h: int) -> list[tuple[int, int]]:
    """Begin and end of each fold, the newest last; the newest begins early enough that windows can end."""
    if not len(training):
        return []
    newest = training.until - longest_h * HOUR_S
    edges = [int(newest - i * fold_d * DAY_S) for i in range(folds, -1, -1)]
    first = int(training.snapshots.origin.min())
    return [(cut, end) for cut, end in pairwise(edges) if cut > first + 2 * DAY_S]


def evaluation_of(windows: Windows | None, threshold: float, until: int) -> Evaluation:
    """The figures that a night keeps; `until` stands in for the origins where nothing was scored."""
    if windows is None:
        return Evaluation((), threshold, until, until, {}, ())
    truth, origins = windows.truth, windows.snapshots.origin
    losses: dict[str, NDArray[np.float64]] = {}
    errors: dict[str, NDArray[np.float64]] = {}
    scores: dict[str, tuple[Score, ...]] = {}
    for name, table in windows.tables.items():
        each = np.stack([pinball(truth, table.fill[:, :, j], q) for j, q in enumerate(table.quantiles)], axis=2)
        losses[name], errors[name] = each.mean(axis=2), np.abs(truth - fill_at(table, 0.5))
        inside, chance = covered(truth, table.fill), overflow_probability(table, threshold)
        squared = brier(np.where(np.isfinite(truth), truth >= threshold, np.nan), chance)
        scores[name] = tuple(
            _score(h, errors[name][:, i], each[:, i], inside[:, i], squared[:, i]) for i, h in enumerate(windows.horizons_h)
        )
    quantiles = next(iter(windows.tables.values())).quantiles
    containers = _per_container(windows.snapshots.keys, truth, losses, errors)
    return Evaluation(quantiles, threshold, int(origins.min()), int(origins.max()), scores, containers)


def _score(
    horizon_h: int,
    error: NDArray[np.float64],
    loss: NDArray[np.float64],
    inside: NDArray[np.float64],
    squared: NDArray[np.float64],
) -> Score:
    seen = np.isfinite(error)
    if not seen.any():
        nothing = float("nan")
        return Score(horizon_h, 0, nothing, (nothing,) * loss.shape[1], nothing, nothing)
    return Score(
        horizon_h=horizon_h,
        windows=int(seen.sum()),
        mae=float(error[seen].mean()),
        pinball=tuple(float(value) for value in loss[seen].mean(axis=0)),
        coverage=float(inside[seen].mean()),
        brier=float(squared[seen].mean()),
    )


def _per_container(
    keys: Sequence[Hashable],
    truth: NDArray[np.float64],
    losses: Mapping[str, NDArray[np.float64]],
    errors: Mapping[str, NDArray[np.float64]],
) -> tuple[ContainerScore, ...]:
    rows: dict[Hashable, list[int]] = {}
    for i, key in enumerate(keys):
        rows.setdefault(key, []).append(i)
    found = []
    for key, own in rows.items():
        seen = np.isfinite(truth[own])
        if seen.any():
            mean = {name: float(loss[own][seen].mean()) for name, loss in losses.items()}
            mae = {name: float(error[own][seen].mean()) for name, error in errors.items()}
            found.append(ContainerScore(key, int(seen.sum()), _excess(losses[MODEL][own] - losses[BASELINE][own]), mean, mae))
    return tuple(found)


def _excess(difference: NDArray[np.float64]) -> float:
    """Mean over its standard error of nightly differences (nights, H), each night the mean of its seen horizons."""
    seen = np.isfinite(difference)
    nightly = np.where(seen, difference, 0.0).sum(axis=1)[seen.any(axis=1)] / seen.sum(axis=1)[seen.any(axis=1)]
    if len(nightly) < FALL_BACK_NIGHTS or not nightly.std():
        return 0.0
    return float(nightly.mean() / (nightly.std(ddof=1) / np.sqrt(len(nightly))))
