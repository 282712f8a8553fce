"""Days until a container is 80 % full: learned as a time, beside what quantiles of fill and plain rates say.

    python -m benchmarks.time_to_full --data FOLDER [--first 2020-09-01] [--last 2020-12-20] [--refit-d 30] [--seed 0]

Every evening of the span is forecast by what was known at the beginning of its stretch of `--refit-d` days; training rows end 72 hours
before. Scored are windows in which it was at most five days away, in which we said so, and those that a lift ended too; forecasts beyond
a week count as a week. 95 % intervals by paired weeks.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecasting.baseline import MeanRate, ShrunkenRate
from forecasting.features import SnapshotTable, TrainingTable, snapshots
from forecasting.fill_files import FillFolder, read_fill_folder
from forecasting.intervals import week_of
from forecasting.rolling import Fold, evenings, folds_between, histories_of, known_at
from forecasting.time_to_full import TimeToFull
from forecasting.times import TimeFigures, TimeForecasts, TimeTruth, joined_times, time_figures, time_truth

SLOWEST_PER_DAY = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--first", type=date.fromisoformat, default=date(2020, 9, 1))
    parser.add_argument("--last", type=date.fromisoformat, default=date(2020, 12, 20))
    parser.add_argument("--refit-d", type=int, default=30)
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timezone", default="Europe/Berlin")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    data = read_fill_folder(args.data, args.timezone)
    found = figures(data, folds_between(args.first, args.last, args.refit_d), args.threshold, args.seed)
    if args.json:
        print(json.dumps([asdict(one) for one in found]))
        return
    for one in found:
        print(in_words(one))


def figures(data: FillFolder, folds: Sequence[Fold], threshold: float, seed: int) -> tuple[TimeFigures, ...]:
    """Every forecaster on every selection."""
    geometry_until = evenings(data, folds[0])[0]
    histories = histories_of(data.readings(geometry_until), data)
    parts, weeks = [], []
    for fold in folds:
        origins = evenings(data, fold)
        training = known_at(data, origins[0], geometry_until).training
        now = snapshots(histories, origins, data.context)
        truths = [time_truth(history, origins, threshold) for history in histories.values()]
        truth = TimeTruth(np.concatenate([one.hours for one in truths]), np.concatenate([one.emptied for one in truths]))
        parts.append(TimeForecasts(truth, forecasts(training, now, threshold, seed)))
        weeks.append(week_of(now.origin))
    return time_figures(joined_times(parts), np.concatenate(weeks))


def forecasts(training: TrainingTable, now: SnapshotTable, threshold: float, seed: int) -> dict[str, NDArray[np.float64]]:
    """Hours until the threshold by forecaster; plain rates have no interval."""
    ours = TimeToFull(threshold, seed=seed).fit(training)
    said = {"time_to_full": ours.predict(now)}
    for name, rate in (("mean_rate", MeanRate()), ("shrunken_rate", ShrunkenRate())):
        per_day = np.maximum(rate.fit(training).rate(now), SLOWEST_PER_DAY)
        hours = 24 * np.maximum(threshold - now["level"], 0) / per_day
        said[name] = np.repeat(np.where(np.isfinite(hours), hours, np.inf)[:, None], 3, axis=1)
    return said


def in_words(one: TimeFigures) -> str:
    """One line of the table."""
    return (
        f"{one.selection:27} n {one.windows:5}  {one.name:13} MAE {one.mae_d:.2f} d  bias {one.bias_d:+.2f}  coverage {one.coverage:.1%}"
        f"  width {one.width_d:.2f}  gain of ours {one.gain_d.estimate:+.2f} ({one.gain_d.low:+.2f} .. {one.gain_d.high:+.2f})"
    )


if __name__ == "__main__":
    main()
