"""Whether a street bin reaches level 8 within three days: six levels, one reading a day, days missing, one bin in constant alert.

    python -m benchmarks.wyndham --data FOLDER [--first 2020-07-01] [--last DAY] [--calibrate-from 2020-03-01] [--refit-d 31]

FOLDER holds `fill_history.csv`. Forecasters of the event are learned from what was seen until the calibration span; the one that does best
on the span is taken, learns everything before the test, and anew after each `--refit-d` days of it (0: never). Every figure stands beside
the naive ones, with its 95 % interval by weeks. Two readings of "event within h days":

*unemptied*  the level h days later is 8 or more, in windows of which every day was seen and no level fell. This is how published figures
             take it: nobody having emptied the bin, "at day h" and "within h days" are one.
*within*     level 8 was seen on one of the h days before any fall. A window that a fall ended before is unknown, and left out.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.crossing import UNEMPTIED, Crossing, CrossingModel, TableCrossing
from forecasting.features import Context, TrainingTable, snapshots, training_table
from forecasting.fill_files import FillFolder, read_fill_folder
from forecasting.history import History
from forecasting.intervals import jackknife, mean_interval, week_of
from forecasting.level import DAY_S, HOUR_S, Readings
from forecasting.model import FillModel
from forecasting.reported import Days, ReportedCrossing, ReportedRate
from forecasting.rolling import EMBARGO_H, Fold, evenings, folds_between, histories_of, known_at
from forecasting.scores import auc, brier

THRESHOLD, TOUCH = 0.8, 1e-6
DAYS = (1, 2, 3)
NOTHING = Readings.of([], [])
HORIZONS_H = tuple(24 * day for day in DAYS)
# Of 50 to 85 % full a bin of six levels knows 60 and 80, and at 80 the event has happened: what is left is where it is hard to say.
NEARLY = 0.5
NAIVE = ("last_value", "mean_rate", "weekday_profile")
# Public holidays and summer time are the town's own; its readings carry neither.
ZONE = "Australia/Melbourne"


FILTERED = ("classifiers", "quantiles")
"""Forecasters that start from the filter's level; the others from what was reported."""


def candidates(readings: Mapping[str, Readings], context: Context) -> dict[str, Callable[[], Crossing]]:
    """Forecasters of the event by name: of reported levels, of the filter's, and the naive ones, which start from reported levels."""
    return {
        "reported": lambda: ReportedCrossing(readings, context, THRESHOLD),
        "classifiers": lambda: CrossingModel(THRESHOLD, windows=UNEMPTIED),
        "quantiles": lambda: TableCrossing(FillModel, THRESHOLD),
        "last_value": lambda: ReportedRate(readings, context, THRESHOLD, by="nothing"),
        "mean_rate": lambda: ReportedRate(readings, context, THRESHOLD, by="mean"),
        "weekday_profile": lambda: ReportedRate(readings, context, THRESHOLD, by="weekday"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--calibrate-from", type=date.fromisoformat, default=date(2020, 3, 1))
    parser.add_argument("--first", type=date.fromisoformat, default=date(2020, 7, 1), help="of the test")
    parser.add_argument("--last", type=date.fromisoformat, help="of the test; three days before the last reading by default")
    parser.add_argument("--refit-d", type=int, default=31, help="days between two learnings within the test; 0 learns once")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    data = read_fill_folder(args.data, ZONE)
    last = args.last or data.context.local(data.last_at).date() - timedelta(days=1)
    choice = choose(data, args.calibrate_from, args.first)
    chosen = min(choice, key=lambda name: choice[name])
    step = args.refit_d or (last - args.first).days + 1
    said, origins = forecast(data, folds_between(args.first, last, step), (chosen, *NAIVE))
    rows = [row for event in ("unemptied", "within") for row in table(data, event, said, origins, chosen)]
    if args.json:
        print(json.dumps({"calibration_brier": choice, "chosen": chosen, "rows": rows}))
        return
    print(f"calibration {args.calibrate_from} to {args.first}: " + ", ".join(f"{name} {value:.4f}" for name, value in choice.items()))
    print(f"chosen: {chosen}; test {args.first} to {last}, learned anew every {step} days")
    for row in rows:
        print(in_words(row))


def choose(data: FillFolder, first: date, end: date) -> dict[str, float]:
    """Brier score of each candidate on the calibration span, over all horizons, by what was known at its beginning."""
    said, origins = forecast(data, (Fold(first, end - timedelta(days=1 + max(DAYS))),))
    days = past_days(data)
    columns = np.searchsorted(days.at, origins)
    happened = np.stack([days.upto(origins[-1] + ahead * DAY_S).outcome(ahead, THRESHOLD)[:, columns] for ahead in DAYS], axis=2)
    return {name: float(np.nanmean(brier(happened, chance))) for name, chance in said.items()}


def past_days(data: FillFolder) -> Days:
    """What was reported on each day of the whole past."""
    whole = Fold(data.context.local(data.first_at).date(), data.context.local(data.last_at).date())
    return Days.of(data.readings(data.last_at), np.array(evenings(data, whole)))


def forecast(
    data: FillFolder, folds: Sequence[Fold], names: Sequence[str] = ()
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Probability of the event by forecaster (B, origins, horizons), and the origins; all forecasters unless some are named."""
    readings = data.readings(data.last_at)
    makers = candidates(readings, data.context)
    filtered = not names or any(name in FILTERED for name in names)
    histories = histories_of(readings if filtered else dict.fromkeys(readings, NOTHING), data)
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names or makers}
    origins: list[int] = []
    for fold in folds:
        noons = evenings(data, fold)
        training = known_at(data, noons[0], noons[0], HORIZONS_H).training if filtered else rows_until(data, noons[0], histories)
        now = snapshots(histories, noons, data.context)
        for name, found in parts.items():
            chance = makers[name]().fit(training).predict(now, HORIZONS_H)
            found.append(chance.reshape(len(histories), len(noons), len(HORIZONS_H)))
        origins += noons
    return {name: np.concatenate(found, axis=1) for name, found in parts.items()}, np.array(origins)


def rows_until(data: FillFolder, cut: int, histories: Mapping[str, History]) -> TrainingTable:
    """Origins up to 72 hours before the cut, for forecasters that read nothing else of a table: no filter has to walk for them."""
    past = evenings(data, Fold(data.context.local(data.first_at).date(), data.context.local(cut).date()))
    return training_table(histories, [at for at in past if at <= cut - EMBARGO_H * HOUR_S], data.context, HORIZONS_H, cut)


def table(
    data: FillFolder, event: str, said: Mapping[str, NDArray[np.float64]], origins: NDArray[np.int64], chosen: str
) -> list[dict[str, Any]]:
    """One row a horizon, kind of origin and forecaster."""
    days = past_days(data)
    columns = np.searchsorted(days.at, origins)
    level = days.level[:, columns]
    week = np.broadcast_to(week_of(origins), level.shape)
    kinds = {
        "all origins": level >= 0,
        "below level 8": level < THRESHOLD - TOUCH,
        "50-80 % full": (level >= NEARLY) & (level < THRESHOLD - TOUCH),
    }
    rows: list[dict[str, Any]] = []
    for i, ahead in enumerate(DAYS):
        happened = days.outcome(ahead, THRESHOLD, within=event == "within")[:, columns]
        for kind, rightly in kinds.items():
            seen = rightly & np.isfinite(happened)
            head = {"event": event, "days": ahead, "origins": kind}
            for name in said:
                scores = scored(happened[seen], said[name][:, :, i][seen], said[chosen][:, :, i][seen], week[seen])
                rows.append(head | {"forecaster": name} | scores)
    return rows


def scored(
    happened: NDArray[np.float64], chance: NDArray[np.float64], ours: NDArray[np.float64], week: NDArray[np.int64]
) -> dict[str, Any]:
    """Brier and AUC, and what ours gains in each: positive is better."""
    loss, best = brier(happened, chance), brier(happened, ours)
    gained = mean_interval(loss - best, week)
    ranked = jackknife(lambda kept: auc(happened[kept], ours[kept]) - auc(happened[kept], chance[kept]), week)
    return {
        "windows": len(happened),
        "events": int(happened.sum()),
        "brier": float(loss.mean()),
        "auc": auc(happened, chance),
        "brier_gain": (gained.estimate, gained.low, gained.high),
        "auc_gain": (ranked.estimate, ranked.low, ranked.high),
        "weeks": gained.weeks,
    }


def in_words(row: Mapping[str, Any]) -> str:
    """One line of the table."""
    gains = " ".join("{:+.4f} ({:+.4f}..{:+.4f})".format(*row[name]) for name in ("brier_gain", "auc_gain"))
    return (
        f"{row['event']:9} {row['days']} d  {row['origins']:13} {row['forecaster']:16} n {row['windows']:5} events {row['events']:5}"
        f"  Brier {row['brier']:.4f}  AUC {row['auc']:.4f}  gain {gains}"
    )


if __name__ == "__main__":
    main()
