"""A rolling-origin backtest that is strict about time: at each cut everything is built anew from what had been observed by then.

`evaluate.roll` serves the night: it cuts one finished table, whose hindsight may know a day more than it should. Here the geometry of
the sensors, the histories, the targets and the models of a cut come from readings up to the cut, and training rows end 72 hours before
it. Only the truth, which no forecaster sees, is read with all hindsight.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from forecasting.baseline import KNOTS_H
from forecasting.crossing import UNEMPTIED, BestCrossing, usual_candidates
from forecasting.density import hours_until
from forecasting.evaluate import COMPARED, EMBARGO_H, SCORED_H, Estimator, Windows, joined, windows_of
from forecasting.features import MAX_HORIZON_H, SnapshotTable, TrainingTable, nightly_origins, snapshots, training_table
from forecasting.fill_files import FillFolder
from forecasting.history import History, build_histories
from forecasting.level import HOUR_S, Readings
from forecasting.reported import ReportedCrossing, ReportedRate
from forecasting.time_to_full import TimeToFull
from forecasting.times import TimeForecasts, TimeTruth, joined_times, time_truth

CROSSING = "crossing"
TIME_TO_FULL = "time_to_full"
REPORTED_NAIVE = {"reported_last": "nothing", "reported_mean": "mean", "reported_weekday": "weekday"}
# A fold learns from at least so many days.
LEAST_D = 14


@dataclass(frozen=True, slots=True)
class Fold:
    """Local days that are forecast by models fitted on what was known at the first one's origin."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, eq=False)
class Rolled:
    """All folds, one after the other.

    Fills, chances of reaching the threshold (n, H) by name, times, who was chosen for chances, and what happened (n, H) where a coarse
    sensor's own words are the event; None where the fill in hindsight says so.
    """

    windows: Windows
    threshold: float
    chances: Mapping[str, NDArray[np.float64]]
    times: TimeForecasts
    chosen: tuple[str, ...]
    happened: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class Known:
    """What was known of a town at a cut."""

    readings: Mapping[str, Readings]
    training: TrainingTable


def folds_between(first: date, last: date, refit_d: int) -> tuple[Fold, ...]:
    """The days from `first` to `last`, cut every `refit_d` days."""
    begins = [first + timedelta(days=i) for i in range(0, (last - first).days + 1, refit_d)]
    return tuple(Fold(begin, min(begin + timedelta(days=refit_d - 1), last)) for begin in begins)


def default_days(data: FillFolder) -> tuple[date, date]:
    """The last third of the past, less the longest horizon that is scored."""
    begin, end = (data.context.local(at).date() for at in (data.first_at, data.last_at))
    return end - timedelta(days=max((end - begin).days // 3, 1)), end - timedelta(days=max(SCORED_H) // 24 + 1)


def evenings(data: FillFolder, fold: Fold) -> list[int]:
    """Origins of a fold's days."""
    return nightly_origins(fold.first, fold.last, data.context.tz, data.origin_hour)


def known_at(data: FillFolder, cut: int, geometry_until: int, horizons_h: Sequence[int] = KNOTS_H) -> Known:
    """Readings up to the cut, and a training table whose origins end 72 hours before it."""
    readings = {key: one.until(cut) for key, one in data.readings(min(geometry_until, cut)).items()}
    histories = histories_of(readings, data)
    past = Fold(data.context.local(data.first_at).date(), data.context.local(cut).date())
    origins = [at for at in evenings(data, past) if at <= cut - EMBARGO_H * HOUR_S]
    return Known(readings, training_table(histories, origins, data.context, horizons_h, cut))


def histories_of(readings: Mapping[str, Readings], data: FillFolder) -> dict[str, History]:
    """The past of each container as the kernel sees it."""
    return build_histories(readings, sensors=dict.fromkeys(readings, data.sensor))


def roll_folder(
    data: FillFolder,
    folds: Sequence[Fold],
    *,
    threshold: float = 0.8,
    estimators: Mapping[str, Callable[[], Estimator]] = COMPARED,
    horizons_h: Sequence[int] = SCORED_H,
    on_step: Callable[[str, float], None] | None = None,
) -> Rolled:
    """Forecast every evening of each fold by what was known at its beginning.

    Parameters
    ----------
    data
        A town's past.
    folds
        Ascending days.
    threshold
        Fill that probabilities and times are about.
    estimators
        Makers by name.
    horizons_h
        Hours ahead to forecast.
    on_step
        Hears what is being done and how far everything is (0..1).

    Raises
    ------
    ValueError
        If the first fold has less than a fortnight to learn from.
    """
    begin = data.context.local(data.first_at).date()
    if not folds or (folds[0].first - begin).days < LEAST_D:
        raise ValueError(f"the first origin must lie at least {LEAST_D} days after the first reading ({begin})")
    step = _Steps(on_step, len(folds) * (len(estimators) + 3) + 1)
    first_cut = evenings(data, folds[0])[0]
    step("reading the past")
    histories = histories_of(data.readings(first_cut), data)
    parts = [
        _roll_fold(data, fold, number, first_cut, histories, threshold, estimators, horizons_h, step) for number, fold in enumerate(folds)
    ]
    return Rolled(
        windows=joined([part.windows for part in parts]),
        threshold=threshold,
        chances={name: np.concatenate([part.chances[name] for part in parts]) for name in parts[0].chances},
        times=joined_times([part.times for part in parts]),
        chosen=tuple(dict.fromkeys(name for part in parts for name in part.chosen)),
        happened=np.concatenate([part.happened for part in parts if part.happened is not None]) if data.is_coarse else None,
    )


def _roll_fold(
    data: FillFolder,
    fold: Fold,
    number: int,
    geometry_until: int,
    histories: Mapping[str, History],
    threshold: float,
    estimators: Mapping[str, Callable[[], Estimator]],
    horizons_h: Sequence[int],
    step: "_Steps",
) -> Rolled:
    origins = evenings(data, fold)
    step(f"{fold.first}: what was known")
    training = known_at(data, origins[0], geometry_until).training
    now = snapshots(histories, origins, data.context)
    fitted: dict[str, Estimator] = {}
    for name, make in estimators.items():
        step(f"{fold.first}: {name}")
        fitted[name] = make().fit(training)
    step(f"{fold.first}: {CROSSING}")
    crossing, reported = crossing_for(data, geometry_until, threshold)
    crossing.fit(training)
    step(f"{fold.first}: {TIME_TO_FULL}")
    timing = TimeToFull(threshold).fit(training)
    came = training_table(histories, origins, data.context, horizons_h, data.last_at + HOUR_S)
    tables = {name: one.predict(now, horizons_h) for name, one in fitted.items()}
    return Rolled(
        windows=windows_of(came, number, horizons_h, tables),
        threshold=threshold,
        chances={CROSSING: crossing.predict(now, horizons_h), **_naive_chances(reported, training, now, horizons_h, of=data)},
        times=TimeForecasts(
            _reported_times(reported, came) if data.is_coarse else _seen_times(histories, origins, threshold),
            {TIME_TO_FULL: timing.predict(now), **_times_by_fill(fitted, now, threshold)},
        ),
        chosen=(crossing.chosen_,),
        happened=reported.outcome(came) if data.is_coarse else None,
    )


def _naive_chances(
    reported: ReportedCrossing, training: TrainingTable, now: SnapshotTable, horizons_h: Sequence[int], *, of: FillFolder
) -> dict[str, NDArray[np.float64]]:
    """Naive forecasts of an event that sensors report themselves: those of fill start from a filtered level, and know it less well."""
    if not of.is_coarse:
        return {}
    makers = {name: ReportedRate(reported.readings, of.context, reported.threshold, by=by) for name, by in REPORTED_NAIVE.items()}
    return {name: maker.fit(training).predict(now, horizons_h) for name, maker in makers.items()}


def _seen_times(histories: Mapping[str, History], origins: Sequence[int], threshold: float) -> TimeTruth:
    truths = [time_truth(history, origins, threshold) for history in histories.values()]
    return TimeTruth(np.concatenate([truth.hours for truth in truths]), np.concatenate([truth.emptied for truth in truths]))


def _reported_times(reported: ReportedCrossing, came: TrainingTable) -> TimeTruth:
    """By the sensor's own words, where they are few: a fall ends a window, so none was emptied before."""
    hours = reported.reached_h(came)
    return TimeTruth(hours, np.zeros(len(hours), np.bool_))


def crossing_for(data: FillFolder, geometry_until: int, threshold: float) -> tuple[BestCrossing, ReportedCrossing]:
    """Whoever may be chosen to say how probable the event is, and the one of them that knows only reported levels.

    Only where there are few levels is that one tried: an hourly echo is no day's level.
    """
    readings = dict[Hashable, Readings](data.readings(geometry_until).items())
    reported = ReportedCrossing(readings, data.context, threshold)
    if not data.is_coarse:
        return BestCrossing(threshold), reported

    def anew() -> ReportedCrossing:
        return ReportedCrossing(readings, data.context, threshold)

    candidates = {"reported": anew, **usual_candidates(threshold, UNEMPTIED)}
    return BestCrossing(threshold, windows=UNEMPTIED, candidates=candidates, happened=reported.outcome), reported


def _times_by_fill(fitted: Mapping[str, Estimator], now: SnapshotTable, threshold: float) -> dict[str, NDArray[np.float64]]:
    """When the quantiles of fill reach the threshold, by each estimator of fill."""
    hours = range(1, MAX_HORIZON_H + 1)
    return {name: hours_until(one.predict(now, hours), threshold) for name, one in fitted.items()}


class _Steps:
    def __init__(self, tell: Callable[[str, float], None] | None, steps: int) -> None:
        self.tell, self.steps, self.done = tell, steps, 0

    def __call__(self, what: str) -> None:
        if self.tell:
            self.tell(what, self.done / self.steps)
        self.done += 1
