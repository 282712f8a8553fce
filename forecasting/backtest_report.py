"""A backtest as tables for people and as plain figures for programs: both are made of the same rows."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np

from forecasting.comparison import Comparison, Figures, Gain, GroupFigures
from forecasting.evaluate import MODEL
from forecasting.intervals import Interval, week_of
from forecasting.rolling import CROSSING, TIME_TO_FULL, Rolled
from forecasting.times import TimeFigures, time_figures

POINTS = 100
"""Percentage points in a fraction of full."""
WORST = 10
"""Containers that people are shown; programs get all."""
GAINS = {
    "mae": "MAE",
    "crps": "CRPS",
    "pinball": "pinball",
    "brier": "Brier",
    "brier_near": "Brier 50-85 %",
    "auc": "AUC",
    "auc_near": "AUC 50-85 %",
}
NOTHING = "-"
IN_POINTS = ("mae", "crps", "pinball")


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that a backtest says of a town.

    Parameters
    ----------
    name
        Of the town's folder.
    rolled
        The folds.
    zone
        Zone of each container; groups are left out where there is none.
    """

    name: str
    rolled: Rolled
    zone: Mapping[str, str]
    figures: tuple[Figures, ...]
    gains: tuple[Gain, ...]
    groups: Mapping[str, tuple[GroupFigures, ...]]
    times: tuple[TimeFigures, ...]

    @classmethod
    def of(cls, name: str, rolled: Rolled, zone: Mapping[str, str]) -> "Report":
        """Score everything; takes seconds."""
        windows = rolled.windows
        comparison = comparison_of(rolled)
        zones = [zone.get(str(key), "") for key in windows.snapshots.keys]
        kinds: dict[str, Sequence[Hashable]] = {"container": windows.snapshots.keys, "class": windows.snapshots.waste_class, "zone": zones}
        return cls(
            name=name,
            rolled=rolled,
            zone=zone,
            figures=comparison.figures(),
            gains=(*comparison.gains(), *comparison_of(rolled, CROSSING).gains()),
            groups={kind: comparison.by_group(groups) for kind, groups in kinds.items() if any(groups)},
            times=time_figures(rolled.times, week_of(windows.snapshots.origin)),
        )

    def as_json(self) -> dict[str, Any]:
        """Fractions and hours; what is not known is None."""
        origins = self.rolled.windows.snapshots.origin
        found = {
            "name": self.name,
            "threshold": self.rolled.threshold,
            "first_origin": int(origins.min()),
            "last_origin": int(origins.max()),
            "folds": int(self.rolled.windows.fold.max()) + 1,
            "crossing_chosen": list(self.rolled.chosen),
            "figures": [asdict(one) for one in self.figures],
            "gains": [asdict(one) | {"clear": one.interval.is_clear} for one in self.gains],
            "groups": {kind: [asdict(one) for one in found] for kind, found in self.groups.items()},
            "times": [asdict(one) for one in self.times],
        }
        return dict(_plain(found))

    def as_text(self) -> str:
        """Tables in the order in which questions come."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        windows, mark = self.rolled.windows, f"{self.rolled.threshold:.0%}"
        yield f"{self.name}: {len(set(windows.snapshots.keys))} containers, {len(set(windows.snapshots.origin.tolist()))} evenings,"
        yield f"models learned anew {int(windows.fold.max()) + 1} times; rows end 72 h before the first origin they are used for"
        for h in windows.horizons_h:
            rows = [one for one in self.figures if one.horizon_h == h]
            yield ""
            yield f"Fill {h} h ahead ({rows[0].windows} windows; errors in points of full)"
            yield from _table([_fill_row(one) for one in rows if isfinite(one.mae)])
            yield ""
            yield f"Is it {mark} full within {h} h? ({rows[0].near} windows from 50-85 %; spared where the chance is at most 10 %)"
            yield from _table([_event_row(one) for one in rows])
        yield ""
        yield "What ours gain over the others, and the 95 % interval's half width by paired weeks (* zero lies outside: more than luck)"
        yield from _table(_gain_rows([one for one in self.gains if (one.model, one.over) != (MODEL, CROSSING)]))
        yield ""
        yield f"Days until {mark} full (beyond a week counts as a week)"
        yield from _table([_time_row(one) for one in self.times])
        yield f"Chances by '{CROSSING}' come from {', '.join(self.rolled.chosen)}; times by '{TIME_TO_FULL}' are learned as times."
        for kind, found in self.groups.items():
            yield from self._group_lines(kind, found)

    def _group_lines(self, kind: str, found: Sequence[GroupFigures]) -> Iterator[str]:
        lost = [one for one in found if one.gain.estimate < 0]
        clear = [one for one in lost if one.gain.is_clear]
        yield ""
        yield f"By {kind}: {len(found)}, the model loses to the mean rate in {len(lost)}, in {len(clear)} of them clearly"
        shown = sorted(found, key=lambda one: one.gain.estimate if isfinite(one.gain.estimate) else 0.0)[:WORST]
        yield from _table([_group_row(kind, one) for one in shown])
        if len(found) > WORST:
            yield f"and {len(found) - WORST} more, where the model does better: --json lists all"


def comparison_of(rolled: Rolled, model: str = MODEL) -> Comparison:
    """What was rolled, ready to be asked; `model` is whom gains are of."""
    return Comparison(rolled.windows, rolled.threshold, rolled.chances, model, rolled.happened)


def _fill_row(one: Figures) -> dict[str, str]:
    quantiles = {f"pinball {q}": _points(loss) for q, loss in zip(("10", "50", "90"), one.pinball, strict=False)}
    return {"": one.name, "MAE": _points(one.mae), "CRPS": _points(one.crps), **quantiles, "coverage": _said(one.coverage, ".1%")}


def _event_row(one: Figures) -> dict[str, str]:
    return {
        "": one.name,
        "Brier": _said(one.brier, ".4f"),
        "AUC": _said(one.auc, ".3f"),
        "Brier 50-85 %": _said(one.brier_near, ".4f"),
        "AUC 50-85 %": _said(one.auc_near, ".3f"),
        "spared": _said(one.spared, ".1%"),
        "missed": _said(one.missed, ".2%"),
    }


def _gain_rows(gains: Sequence[Gain]) -> list[dict[str, str]]:
    """One row per pair and horizon, a column per figure."""
    rows: dict[tuple[str, str, int], dict[str, str]] = {}
    for one in gains:
        head = {"gain of": one.model, "over": one.over, "hours": str(one.horizon_h), **dict.fromkeys(GAINS.values(), NOTHING)}
        rows.setdefault((one.model, one.over, one.horizon_h), head)[GAINS[one.figure]] = _gain(one)
    return list(rows.values())


def _gain(one: Gain) -> str:
    scale, digits = (POINTS, 2) if one.figure in IN_POINTS else (1, 4)
    return _with_reach(one.interval, scale, digits)


def _with_reach(found: Interval, scale: float, digits: int) -> str:
    """The estimate, a star if it is clear, and how far its interval reaches to either side."""
    if not isfinite(found.estimate):
        return NOTHING
    reach = f"{scale * (found.high - found.estimate):.{digits}f}" if isfinite(found.high) else "?"
    return f"{scale * found.estimate:+.{digits}f}{'*' if found.is_clear else ' '}±{reach}"


def _time_row(one: TimeFigures) -> dict[str, str]:
    return {
        "": one.name,
        "windows": one.selection,
        "n": str(one.windows),
        "MAE": _said(one.mae_d, ".2f"),
        "bias": _said(one.bias_d, "+.2f"),
        "coverage": _said(one.coverage, ".1%"),
        "gain of the first": _with_reach(one.gain_d, 1, 2),
    }


def _group_row(kind: str, one: GroupFigures) -> dict[str, str]:
    return {
        kind: str(one.group) or "(none)",
        "windows": str(one.windows),
        **{name: _points(error) for name, error in one.mae.items()},
        "coverage": _said(one.coverage, ".1%"),
        "gain": _with_reach(one.gain, POINTS, 2),
    }


def _points(fraction: float) -> str:
    return _said(POINTS * fraction, ".2f")


def _said(value: float, how: str) -> str:
    """The figure, or a dash where there is none."""
    return format(value, how) if isfinite(value) else NOTHING


def _table(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Columns as wide as what stands in them, figures on the right."""
    if not rows:
        yield "  (nothing to score)"
        return
    names = list(rows[0])
    width = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    words = {name for name in names if not any(_is_figure(row[name]) for row in rows)}
    for row in ({name: name for name in names}, *rows):
        cells = (row[name].ljust(width[name]) if name in words else row[name].rjust(width[name]) for name in names)
        yield ("  " + "  ".join(cells)).rstrip()


def _is_figure(cell: str) -> bool:
    return cell[:1].isdigit() or (cell[:1] in ("+", "-"))


def _plain(value: Any) -> Any:
    """Nested rows with keys as text and NaN as None."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if isfinite(value) else None
    return value if isinstance(value, str | int | bool) or value is None else str(value)
