"""A backtest as a picture: are probabilities true, how do errors grow with the horizon beside the naive ones, do intervals hold?

matplotlib is loaded only when something is drawn, and nothing of its global state is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forecasting.backtest_report import POINTS, Report, comparison_of
from forecasting.evaluate import MODEL
from forecasting.rolling import CROSSING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#5B4B9A")
"""Told apart by colour-blind people too (Okabe and Ito); marks differ as well."""
MARKS = "osD^vP*"
SIZE_IN = (12.0, 8.5)
SLICES = 10
# Fewer windows in a slice of probability say nothing of its truth.
LEAST_WINDOWS = 20


def draw_backtest(report: Report, file: Path) -> None:
    """Write the four panels to `file`, by its ending."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_IN, layout="constrained")
    panels = figure.subplots(2, 2)
    _reliability(panels[0, 0], report)
    _errors(panels[0, 1], report)
    _coverage(panels[1, 0], report)
    _containers(panels[1, 1], report)
    figure.suptitle(f"{report.name}: backtest of {len(report.rolled.windows)} windows")
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def reliability(happened: NDArray[np.float64], chance: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean forecast and observed frequency in each tenth of probability that holds enough windows."""
    seen = np.isfinite(happened)
    slot = np.minimum((chance[seen] * SLICES).astype(np.int64), SLICES - 1)
    count = np.bincount(slot, minlength=SLICES)
    said, was = (np.bincount(slot, weights=values, minlength=SLICES) for values in (chance[seen], happened[seen]))
    kept = count >= LEAST_WINDOWS
    return said[kept] / count[kept], was[kept] / count[kept]


def _reliability(axes: Axes, report: Report) -> None:
    rolled = report.rolled
    compared = comparison_of(rolled)
    axes.plot([0, 1], [0, 1], color="#8a8a8a", linewidth=1)
    for i, name in enumerate((MODEL, CROSSING)):
        said, was = reliability(compared.happened.ravel(), compared.probability[name].ravel())
        axes.plot(said, was, marker=MARKS[i], color=COLOURS[i], label=name)
    axes.set(title=f"Reached {rolled.threshold:.0%}: said and seen", xlabel="probability forecast", ylabel="share of windows")
    axes.legend()


def _errors(axes: Axes, report: Report) -> None:
    hours = report.rolled.windows.horizons_h
    for i, name in enumerate(report.rolled.windows.tables):
        errors = [POINTS * one.mae for one in report.figures if one.name == name]
        axes.plot(hours, errors, marker=MARKS[i % len(MARKS)], color=COLOURS[i % len(COLOURS)], label=name)
    axes.set(title="Mean absolute error", xlabel="hours ahead", ylabel="points of full", ylim=(0, None), xticks=hours)
    axes.legend(loc="upper left")


def _coverage(axes: Axes, report: Report) -> None:
    quantiles = report.rolled.windows.tables[MODEL].quantiles
    promised = quantiles[-1] - quantiles[0]
    hours = report.rolled.windows.horizons_h
    axes.axhline(100 * promised, color="#8a8a8a", linewidth=1)
    for i, name in enumerate(report.rolled.windows.tables):
        covered = [100 * one.coverage for one in report.figures if one.name == name]
        axes.plot(hours, covered, marker=MARKS[i % len(MARKS)], color=COLOURS[i % len(COLOURS)], label=name)
    axes.set(title=f"Truths within the {promised:.0%} interval", xlabel="hours ahead", ylabel="percent", ylim=(0, 100), xticks=hours)


def _containers(axes: Axes, report: Report) -> None:
    found = report.groups["container"]
    if not found:  # nobody saw what came
        return
    naive, ours = (np.array([POINTS * one.mae[name] for one in found]) for name in ("mean_rate", MODEL))
    most = float(max(naive.max(), ours.max()))
    axes.plot([0, most], [0, most], color="#8a8a8a", linewidth=1)
    axes.scatter(naive, ours, color=COLOURS[0], s=14)
    axes.set(
        title="Each container: below the line the model is better", xlabel="error of its mean rate, points", ylabel="error of the model"
    )
