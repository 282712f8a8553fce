"""Forecast times until full beside what they were: the truth in hindsight, and how far off each forecaster was.

A forecaster is judged on three selections, because each hides something. Chosen by the truth ("it was at most five days away"), the
windows are those in which more came in than usual, and an honest interval covers fewer of them than it promises; chosen by the forecast
("we said at most five days"), they are what a planner acts upon. Windows that a lift ended are judged by the inflow that went on after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.features import MAX_HORIZON_H
from forecasting.history import History
from forecasting.intervals import Interval, mean_interval
from forecasting.level import HOUR_S

CAP_H = float(MAX_HORIZON_H)
SOON_H = 120.0
DAY_H = 24.0
SEEN, REACHED, SAID = "was <= 5 d, no lift before", "was <= 5 d", "said <= 5 d, no lift before"


@dataclass(frozen=True, slots=True, eq=False)
class TimeTruth:
    """Hours from each origin until the threshold (n,), and whether the container was emptied before.

    Infinite beyond a week, NaN where nobody saw or where it was reached already.
    """

    hours: NDArray[np.float64]
    emptied: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class TimeForecasts:
    """Truth and forecasts of n windows; `hours` holds quantiles (n, Q) by forecaster, the middle one being the median."""

    truth: TimeTruth
    hours: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class TimeFigures:
    """One forecaster on one selection of windows, in days; `gain_d` is by how much the first forecaster's error is smaller."""

    name: str
    selection: str
    windows: int
    mae_d: float
    bias_d: float
    coverage: float
    width_d: float
    gain_d: Interval


def time_truth(history: History, origins: Sequence[int], threshold: float, longest_h: int = MAX_HORIZON_H) -> TimeTruth:
    """When one container reached the threshold after each origin, hour by hour in hindsight.

    Parameters
    ----------
    history
        The whole past, readings after the origins included.
    origins
        Epoch seconds UTC.
    threshold, longest_h
        Fraction of full, and how far to look.
    """
    at = np.asarray(origins, np.int64)
    hours, emptied = np.full(len(at), np.nan), np.zeros(len(at), np.bool_)
    for n, i in enumerate(history.hour(at).tolist()):
        if 0 <= i < len(history) and history.observed[i] and history.smooth_level[i] < threshold:
            hours[n] = _crossing_h(history, i, threshold, longest_h)
            end = at[n] + HOUR_S * (hours[n] if hours[n] < longest_h else longest_h)
            emptied[n] = bool(((history.emptied_at > at[n]) & (history.emptied_at <= end)).any())
    return TimeTruth(hours, emptied)


def _crossing_h(history: History, i: int, threshold: float, longest_h: int) -> float:
    total = history.smooth_throughput[i : i + longest_h + 1]
    hit = np.flatnonzero(history.smooth_level[i] + total - total[0] >= threshold)
    if len(hit):
        return float(hit[0]) if history.observed[i + hit[0]] else float("nan")
    return float("inf") if len(total) > longest_h else float("nan")


def joined_times(parts: Sequence[TimeForecasts]) -> TimeForecasts:
    """Several folds as one."""
    truth = TimeTruth(np.concatenate([part.truth.hours for part in parts]), np.concatenate([part.truth.emptied for part in parts]))
    return TimeForecasts(truth, {name: np.concatenate([part.hours[name] for part in parts]) for name in parts[0].hours})


def time_figures(times: TimeForecasts, week: NDArray[np.int64]) -> tuple[TimeFigures, ...]:
    """Every forecaster on every selection; gains are of the first one named.

    Parameters
    ----------
    times
        n windows.
    week
        Week of each (n,), for the intervals.
    """
    truth, ours = np.minimum(times.truth.hours, CAP_H), next(iter(times.hours.values()))
    untouched = np.isfinite(truth) & ~times.truth.emptied
    selections = {
        SEEN: untouched & (truth <= SOON_H),
        REACHED: np.isfinite(truth) & (truth <= SOON_H),
        SAID: untouched & (_median(ours) <= SOON_H),
    }
    return tuple(
        _figures(name, selection, truth[rows], hours[rows], ours[rows], week[rows])
        for selection, rows in selections.items()
        for name, hours in times.hours.items()
    )


def _figures(
    name: str,
    selection: str,
    truth: NDArray[np.float64],
    hours: NDArray[np.float64],
    ours: NDArray[np.float64],
    week: NDArray[np.int64],
) -> TimeFigures:
    low, high = np.minimum(hours[:, 0], CAP_H), np.minimum(hours[:, -1], CAP_H)
    off, ours_off = _median(hours) - truth, _median(ours) - truth
    nothing = float("nan")
    return TimeFigures(
        name=name,
        selection=selection,
        windows=len(truth),
        mae_d=float(np.abs(off).mean()) / DAY_H if len(off) else nothing,
        bias_d=float(off.mean()) / DAY_H if len(off) else nothing,
        coverage=float(((truth >= low) & (truth <= high)).mean()) if len(off) else nothing,
        width_d=float((high - low).mean()) / DAY_H if len(off) else nothing,
        gain_d=mean_interval((np.abs(off) - np.abs(ours_off)) / DAY_H, week),
    )


def _median(hours: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.minimum(hours[:, hours.shape[1] // 2], CAP_H))
