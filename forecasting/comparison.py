"""What a backtest found, figure by figure: every forecaster at every horizon, and what the model gains over each, with its interval.

A gain counts only where zero lies outside its interval. The figures of overflow are given once for all origins, and once for those
that were 50 to 85 % full: an empty container will not overflow tonight, and to say so is no art.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecasting.density import fill_at, overflow_probability
from forecasting.evaluate import MODEL, Windows
from forecasting.intervals import Interval, jackknife, mean_interval, week_of
from forecasting.scores import auc, brier, covered, crps, pinball

NEAR_FULL = (0.5, 0.85)
ALWAYS = "always_collect"
# A container is left alone when it overflows before the next opportunity with at most this probability.
SPARE_BELOW = 0.1
LOSSES = ("mae", "crps", "pinball", "brier", "brier_near")


@dataclass(frozen=True, slots=True)
class Figures:
    """One forecaster at one horizon. Fills are fractions; NaN where there is nothing to say (a mere probability has no error).

    `brier` and `auc` are of "the fill reaches the threshold", `_near` the same for origins that were 50 to 85 % full. `spared` is the
    share of visits that collecting always would have made and this forecast would not, `missed` the share of containers that were
    spared and reached the threshold.
    """

    name: str
    horizon_h: int
    windows: int
    mae: float
    crps: float
    pinball: tuple[float, ...]
    coverage: float
    brier: float
    auc: float
    near: int
    brier_near: float
    auc_near: float
    spared: float
    missed: float


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better the model is than another in one figure; positive is better, whatever the figure."""

    model: str
    over: str
    horizon_h: int
    figure: str
    interval: Interval


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One container, class or zone: mean absolute error by forecaster, the model's coverage, and what it gains over the mean rate."""

    group: Hashable
    windows: int
    mae: Mapping[str, float]
    coverage: float
    gain: Interval


@dataclass(frozen=True, eq=False)
class Comparison:
    """A backtest's windows with everything that can be asked of them.

    Parameters
    ----------
    windows
        What `evaluate.roll` returned.
    threshold
        Fill whose crossing the probabilities are about.
    chances
        Further forecasters of that probability alone, shape (n, H) each.
    model
        Name of the forecaster that is compared with all others.
    reported
        What happened, where the sensors' own words are the event and not the fill in hindsight (n, H).
    """

    windows: Windows
    threshold: float
    chances: Mapping[str, NDArray[np.float64]]
    model: str = MODEL
    reported: NDArray[np.float64] | None = None

    @cached_property
    def week(self) -> NDArray[np.int64]:
        """Week of each window."""
        return week_of(self.windows.snapshots.origin)

    @cached_property
    def happened(self) -> NDArray[np.float64]:
        """1 where the fill reached the threshold, 0 where not, NaN where nobody saw."""
        if self.reported is not None:
            return self.reported
        truth = self.windows.truth
        return np.where(np.isfinite(truth), (truth >= self.threshold).astype(np.float64), np.nan)

    @cached_property
    def probability(self) -> dict[str, NDArray[np.float64]]:
        """Of reaching the threshold, by forecaster (n, H)."""
        said = {name: overflow_probability(table, self.threshold) for name, table in self.windows.tables.items()}
        return {**said, **self.chances, ALWAYS: np.ones_like(self.windows.truth)}

    @cached_property
    def near(self) -> NDArray[np.bool_]:
        """Origins at which it is hard to say (n,)."""
        level = self.windows.snapshots["level"]
        return (level >= NEAR_FULL[0]) & (level <= NEAR_FULL[1])

    @cached_property
    def losses(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Per window and horizon (n, H), by figure and forecaster."""
        truth, tables = self.windows.truth, self.windows.tables
        pinballs = {
            name: np.mean([pinball(truth, table.fill[:, :, j], q) for j, q in enumerate(table.quantiles)], axis=0)
            for name, table in tables.items()
        }
        squared = {name: brier(self.happened, chance) for name, chance in self.probability.items()}
        return {
            "mae": {name: np.abs(truth - fill_at(table, 0.5)) for name, table in tables.items()},
            "crps": {name: crps(truth, table) for name, table in tables.items()},
            "pinball": pinballs,
            "brier": squared,
            "brier_near": {name: np.where(self.near[:, None], loss, np.nan) for name, loss in squared.items()},
        }

    def figures(self) -> tuple[Figures, ...]:
        """All forecasters at all horizons."""
        return tuple(self._figures(name, i) for i in range(len(self.windows.horizons_h)) for name in self.probability)

    def gains(self, over: Sequence[str] = ()) -> tuple[Gain, ...]:
        """The model beside each other forecaster (or those named), in each figure and horizon that both have."""
        others = over or tuple(name for name in self.probability if name != self.model)
        return tuple(
            Gain(self.model, other, h, figure, found)
            for i, h in enumerate(self.windows.horizons_h)
            for other in others
            for figure, found in self._gains_at(i, other)
        )

    def by_container(self, over: str = "mean_rate") -> tuple[GroupFigures, ...]:
        """One entry per container, in order of name."""
        return self.by_group(self.windows.snapshots.keys, over)

    def by_group(self, groups: Sequence[Hashable], over: str = "mean_rate") -> tuple[GroupFigures, ...]:
        """One entry per distinct value of `groups` (length n), all horizons together."""
        rows: dict[Hashable, list[int]] = {}
        for i, group in enumerate(groups):
            rows.setdefault(group, []).append(i)
        found = (self._group(group, np.array(rows[group]), over) for group in sorted(rows, key=str))
        return tuple(one for one in found if one.windows)

    def _figures(self, name: str, i: int) -> Figures:
        chance, happened = self.probability[name][:, i], self.happened[:, i]
        table = self.windows.tables.get(name)
        hard = np.where(self.near, happened, np.nan)
        seen = np.isfinite(happened)
        spared = seen & (chance <= SPARE_BELOW)
        inside = covered(self.windows.truth[:, i], table.fill[:, i]) if table else np.full(len(happened), np.nan)
        each = [pinball(self.windows.truth[:, i], table.fill[:, i, j], q) for j, q in enumerate(table.quantiles)] if table else []
        return Figures(
            name=name,
            horizon_h=self.windows.horizons_h[i],
            windows=int(seen.sum()),
            mae=_mean(self.losses["mae"][name][:, i]) if table else np.nan,
            crps=_mean(self.losses["crps"][name][:, i]) if table else np.nan,
            pinball=tuple(_mean(loss) for loss in each),
            coverage=_mean(inside),
            brier=_mean(self.losses["brier"][name][:, i]),
            auc=auc(happened, chance),
            near=int(np.isfinite(hard).sum()),
            brier_near=_mean(self.losses["brier_near"][name][:, i]),
            auc_near=auc(hard, chance),
            spared=float(spared.sum() / seen.sum()) if seen.any() else np.nan,
            missed=float((spared & (happened > 0)).sum() / seen.sum()) if seen.any() else np.nan,
        )

    def _gains_at(self, i: int, other: str) -> list[tuple[str, Interval]]:
        found = []
        for figure in LOSSES:
            loss = self.losses[figure]
            if self.model in loss and other in loss:
                found.append((figure, mean_interval(loss[other][:, i] - loss[self.model][:, i], self.week)))
        for figure, rows in (("auc", np.ones(len(self.near), np.bool_)), ("auc_near", self.near)):
            found.append((figure, jackknife(self._auc_gain(i, other, rows), self.week)))
        return found

    def _auc_gain(self, i: int, other: str, rows: NDArray[np.bool_]) -> Callable[[NDArray[np.bool_]], float]:
        happened, ours, theirs = self.happened[:, i], self.probability[self.model][:, i], self.probability[other][:, i]

        def gain(kept: NDArray[np.bool_]) -> float:
            mask = kept & rows
            return auc(happened[mask], ours[mask]) - auc(happened[mask], theirs[mask])

        return gain

    def _group(self, group: Hashable, rows: NDArray[np.int64], over: str) -> GroupFigures:
        errors = {name: loss[rows] for name, loss in self.losses["mae"].items()}
        difference = errors[over] - errors[self.model] if over in errors else np.full_like(errors[self.model], np.nan)
        repeated = np.repeat(self.week[rows], difference.shape[1])
        return GroupFigures(
            group=group,
            windows=int(np.isfinite(errors[self.model]).sum()),
            mae={name: _mean(error) for name, error in errors.items()},
            coverage=_mean(covered(self.windows.truth[rows], self.windows.tables[self.model].fill[rows])),
            gain=mean_interval(difference.ravel(), repeated),
        )


def _mean(values: NDArray[np.float64]) -> float:
    """Of what is known; NaN of nothing."""
    seen = np.isfinite(values)
    return float(values[seen].mean()) if seen.any() else float("nan")
