"""How well the model forecasts containers whose sensors it never saw in training, beside their own mean rate.

    python -m benchmarks.unseen_sensors --data FOLDER [--first 2020-10-01] [--last 2020-12-20] [--folds 4] [--seed 0] [--refit-d 31]

Containers are dealt into `--folds` groups by `--seed`; each group is forecast by models that learned from the others alone, from rows that
end 72 hours before the first origin of a span of `--refit-d` days. What a held-out container has measured itself by an origin may be looked
at, as it would be on the first night after its sensor was put in. For comparison the same windows are forecast by a model that learned
from all containers. Scored are windows without an emptying, and all windows by the inflow that went on; 95 % intervals by paired weeks.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.baseline import MeanRate
from forecasting.density import QuantileTable, fill_at
from forecasting.evaluate import SCORED_H, Estimator
from forecasting.features import TrainingTable, snapshots, training_table
from forecasting.fill_files import FillFolder, read_fill_folder
from forecasting.intervals import mean_interval, week_of
from forecasting.level import HOUR_S
from forecasting.model import FillModel
from forecasting.rolling import Fold, evenings, folds_between, histories_of, known_at
from forecasting.scores import covered

POINTS = 100
UNSEEN, SEEN, NAIVE = "never seen", "seen", "mean rate"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--first", type=date.fromisoformat, default=date(2020, 10, 1))
    parser.add_argument("--last", type=date.fromisoformat, default=date(2020, 12, 20))
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--refit-d", type=int, default=31)
    parser.add_argument("--timezone", default="Europe/Berlin")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    data = read_fill_folder(args.data, args.timezone)
    groups = deal(sorted(data.observed_at), args.folds, args.seed)
    rows = table(data, folds_between(args.first, args.last, args.refit_d), groups)
    if args.json:
        print(json.dumps({"groups": [len(group) for group in groups], "seed": args.seed, "rows": rows}))
        return
    print(f"{len(data.observed_at)} containers in groups of {', '.join(str(len(group)) for group in groups)} (seed {args.seed})")
    print(f"{args.first} to {args.last}, learned anew every {args.refit_d} days; MAE in points, gains over the mean rate")
    for row in rows:
        print(in_words(row))


def deal(keys: Sequence[str], folds: int, seed: int) -> list[frozenset[str]]:
    """Containers in groups of nearly one size."""
    shuffled = np.random.default_rng(seed).permutation(np.array(keys)).tolist()
    return [frozenset(shuffled[i::folds]) for i in range(folds)]


def table(data: FillFolder, spans: Sequence[Fold], groups: Sequence[frozenset[str]]) -> list[dict[str, Any]]:
    """One row per horizon, selection of windows and forecaster."""
    geometry_until = evenings(data, spans[0])[0]
    histories = histories_of(data.readings(geometry_until), data)
    came, tables = [], []
    for span in spans:
        origins = evenings(data, span)
        training = known_at(data, origins[0], geometry_until).training
        came.append(training_table(histories, origins, data.context, SCORED_H, data.last_at + HOUR_S))
        now = snapshots(histories, origins, data.context)
        tables.append(
            {
                UNSEEN: held_out(FillModel, training, now.keys, groups, came[-1]),
                SEEN: fill_and_median(FillModel().fit(training).predict(now, SCORED_H)),
                NAIVE: held_out(MeanRate, training, now.keys, groups, came[-1]),
            }
        )
    fill = {name: np.concatenate([one[name] for one in tables]) for name in (UNSEEN, SEEN, NAIVE)}
    return list(_rows(came, fill))


def held_out(
    make: Callable[[], Estimator], training: TrainingTable, keys: Sequence[object], groups: Sequence[frozenset[str]], came: TrainingTable
) -> NDArray[np.float64]:
    """Outer quantiles and median (n, H, 3), each row by an estimator that did not learn from its container."""
    out = np.full((len(keys), len(SCORED_H), 3), np.nan)
    for group in groups:
        learned = training.take(np.flatnonzero([key not in group for key in training.snapshots.keys]))
        rows = np.flatnonzero([key in group for key in keys])
        out[rows] = fill_and_median(make().fit(learned).predict(came.snapshots.take(rows), SCORED_H))
    return out


def fill_and_median(table: QuantileTable) -> NDArray[np.float64]:
    """The lowest quantile, the median and the highest one (n, H, 3)."""
    return np.stack([table.fill[:, :, 0], fill_at(table, 0.5), table.fill[:, :, -1]], axis=2)


def _rows(came: Sequence[TrainingTable], fill: dict[str, NDArray[np.float64]]) -> Any:
    truth = np.concatenate([one.increment + one.snapshots["level"][:, None] for one in came])
    emptied = np.concatenate([one.emptied for one in came])
    week = week_of(np.concatenate([one.snapshots.origin for one in came]))
    for selection, kept in (("without an emptying", ~emptied), ("all", np.ones_like(emptied))):
        shown = np.where(kept, truth, np.nan)
        errors = {name: np.abs(shown - found[:, :, 1]) for name, found in fill.items()}
        for i, h in enumerate(SCORED_H):
            for name, found in fill.items():
                gain = mean_interval(errors[NAIVE][:, i] - errors[name][:, i], week)
                naive = float(np.nanmean(errors[NAIVE][:, i]))
                yield {
                    "windows": selection,
                    "hours": h,
                    "forecaster": name,
                    "n": int(np.isfinite(shown[:, i]).sum()),
                    "mae": POINTS * float(np.nanmean(errors[name][:, i])),
                    "coverage": float(np.nanmean(covered(shown[:, i], found[:, i]))),
                    "gain_pct": 100 * gain.estimate / naive,
                    "gain_low_pct": 100 * gain.low / naive,
                    "gain_high_pct": 100 * gain.high / naive,
                    "weeks": gain.weeks,
                }


def in_words(row: dict[str, Any]) -> str:
    """One line of the table."""
    gain = f"{row['gain_pct']:+5.1f} % ({row['gain_low_pct']:+5.1f} .. {row['gain_high_pct']:+5.1f})"
    return (
        f"{row['hours']:3} h  {row['windows']:19} n {row['n']:5}  {row['forecaster']:10}  MAE {row['mae']:.2f}"
        f"  coverage {row['coverage']:.1%}  gain {gain}"
    )


if __name__ == "__main__":
    main()
