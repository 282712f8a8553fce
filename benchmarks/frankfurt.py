"""Forecasts for the Frankfurt glass containers, in the form that the scoring tool reads.

    python -m benchmarks.frankfurt --data FOLDER --out P.parquet [--estimator mean_rate]

FOLDER holds `readings.parquet` (bin, ts, height in cm from the sensor down to the waste), `locations.csv` (bin, farbe) and
`holidays.csv`. Origins are 18:00 local on each day of the test span; models are refitted each month on what was known then.
The truth file is never opened here.
"""

import argparse
import csv
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from forecasting.density import fill_at, overflow_probability
from forecasting.evaluate import ESTIMATORS, Estimator
from forecasting.features import Context, nightly_origins, snapshots, training_table
from forecasting.history import History, build_histories
from forecasting.level import DAY_S, HOUR_S, Readings

TZ = ZoneInfo("Europe/Berlin")
HORIZONS_H = (24, 48, 72)
NO_ECHO_CM = 160
# The sensor looks from above the full mark: waste this close to it fills the container.
FULL_CM = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=date.fromisoformat, default=date(2021, 1, 1))
    parser.add_argument("--last", type=date.fromisoformat, default=date(2021, 3, 10))
    parser.add_argument("--estimator", choices=list(ESTIMATORS), default="model")
    args = parser.parse_args()
    readings = read_readings(args.data / "readings.parquet", before=args.first)
    context = read_context(args.data)
    histories = build_histories(readings)
    make = ESTIMATORS[args.estimator]
    parts = [forecast(make(), readings, histories, context, first, last) for first, last in months(args.first, args.last)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    pq.write_table(pa.table(columns), args.out)
    print(f"{len(columns['bin'])} forecasts of {len(histories)} containers written to {args.out}")


def read_readings(path: Path, before: date) -> dict[str, Readings]:
    """Fill by each container's own geometry, which is learned from readings before the test span only."""
    table = pq.read_table(path, columns=["bin", "ts", "height"])
    bins = np.array(table["bin"].to_pylist())
    at = table["ts"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy() // 1_000_000
    height = table["height"].to_numpy().astype(np.float64)
    end = int(datetime(before.year, before.month, before.day, tzinfo=TZ).timestamp())
    found = {}
    for key in np.unique(bins).tolist():
        own = np.flatnonzero(bins == key)
        own = own[np.unique(at[own], return_index=True)[1]]
        echo = height[own] < NO_ECHO_CM
        learned = height[own][echo & (at[own] < end)]
        empty_cm = empty_distance(learned if len(learned) else height[own][echo])
        fill = np.where(echo, (empty_cm - height[own]) / (empty_cm - FULL_CM), np.nan)
        found[key] = Readings.of(at[own], fill)
    return found


def empty_distance(height_cm: NDArray[np.float64]) -> float:
    """What the sensor reads over an empty container: the far end of heights that held for hours, so that stray echoes drop out."""
    if len(height_cm) < 7:
        return 2.0 * FULL_CM
    return float(np.quantile(np.median(np.lib.stride_tricks.sliding_window_view(height_cm, 7), axis=1), 0.99))


def read_context(folder: Path) -> Context:
    with (folder / "locations.csv").open() as file:
        classes = {row["bin"]: row["farbe"] for row in csv.DictReader(file)}
    with (folder / "holidays.csv").open() as file:
        holidays = frozenset(date.fromisoformat(row["Date"]) for row in csv.DictReader(file) if row["Holiday"] == "1")
    return Context(TZ, classes, holidays)


def months(first: date, last: date) -> list[tuple[date, date]]:
    """The span cut at month ends."""
    found, begin = [], first
    while begin <= last:
        following = date(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
        found.append((begin, min(last, date.fromordinal(following.toordinal() - 1))))
        begin = following
    return found


def forecast(
    estimator: Estimator, readings: dict[str, Readings], histories: dict[str, History], context: Context, first: date, last: date
) -> dict[str, Any]:
    """Learn from readings up to the first origin less 72 h, then forecast every origin of the span."""
    origins = nightly_origins(first, last, TZ)
    cut = origins[0] - 72 * HOUR_S
    known = build_histories({key: one.until(cut) for key, one in readings.items()})
    begin = min(history.start for history in known.values() if len(history))
    learned = training_table(known, list(range(cut % DAY_S + begin // DAY_S * DAY_S, cut, DAY_S)), context, (6, 12, 24, 36, 48, 72), cut)
    table = estimator.fit(learned).predict(snapshots(histories, origins, context), HORIZONS_H)
    n = len(HORIZONS_H)
    return {
        "bin": np.repeat(np.array(table.keys), n),
        "origin": np.repeat(table.origin * 1_000_000, n).astype("datetime64[us]"),
        "h": np.tile(np.array(HORIZONS_H), len(table)),
        "q0.10": fill_at(table, 0.1).ravel(),
        "q0.50": fill_at(table, 0.5).ravel(),
        "q0.90": fill_at(table, 0.9).ravel(),
        "p0.8": overflow_probability(table, 0.8).ravel(),
    }


if __name__ == "__main__":
    main()
