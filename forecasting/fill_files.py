"""Folders of past fill levels, in the two forms that towns publish them in.

*Levels*: `fill_history.csv` with one row a container and day (`serialNumber`, `timestamp`, `latestFullness` 0..10 or percent), as
compacting street bins report them; `sites.geojson` beside it may name zones. *Heights*: `readings.parquet` with one row a reading
(`bin`, `ts`, `height` in cm from the sensor down to the waste), as ultrasonic loggers report them; `locations.csv` beside it may name
classes and places. `holidays.csv` (`Date`, `Holiday`) is read in both. Nothing is known of a town but what its folder says.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from forecasting.errors import FillFileError
from forecasting.features import Context
from forecasting.level import Readings, Sensor

LEVELS, HEIGHTS = "fill_history.csv", "readings.parquet"
# A day's level without a time counts as seen at noon.
NOON, EVENING_HOUR = time(12), 18
# With so few different levels a sensor reports classes, and half a class is its noise; uniform within, that is 0.29 of a step.
COARSE_LEVELS, STEP_NOISE = 25, 0.29
FINEST_NOISE = 0.02
# Loggers say 254 or 255 cm for "no echo"; the waste is at the full mark 10 cm below the sensor.
NO_ECHO_CM, FULL_CM = 250, 10
# What is seen beyond this many times the fleet's usual depth is no container's floor.
DEEPEST = 1.15
STEADY_READINGS, EMPTY_QUANTILE = 7, 0.99


@dataclass(frozen=True, eq=False)
class FillFolder:
    """A town's past; instants in epoch seconds UTC, `raw` is a level (fraction) or a height (cm), NaN where there was none."""

    name: str
    form: str
    observed_at: Mapping[str, NDArray[np.int64]]
    raw: Mapping[str, NDArray[np.float64]]
    context: Context
    zone: Mapping[str, str] = field(default_factory=dict)
    sensor: Sensor = field(default_factory=Sensor)

    @property
    def is_coarse(self) -> bool:
        """So few levels that what is reported is the event itself."""
        return self.sensor.noise > FINEST_NOISE

    @property
    def origin_hour(self) -> int:
        """Local hour to forecast from: where a day has one level, the hour that it is counted at, else the evening before the trucks."""
        return NOON.hour if self.form == LEVELS else EVENING_HOUR

    @property
    def first_at(self) -> int:
        """The first reading."""
        return min(int(at[0]) for at in self.observed_at.values())

    @property
    def last_at(self) -> int:
        """The last reading."""
        return max(int(at[-1]) for at in self.observed_at.values())

    @property
    def reading_count(self) -> int:
        """Rows with and without an echo."""
        return sum(len(at) for at in self.observed_at.values())

    def readings(self, geometry_until: int) -> dict[str, Readings]:
        """Fill by container; how deep each one is, is learned from heights up to `geometry_until` only."""
        if self.form == LEVELS:
            return {key: Readings.of(at, self.raw[key]) for key, at in self.observed_at.items()}
        empty_cm = self._empty_cm(geometry_until)
        return {key: Readings.of(at, (empty_cm[key] - self.raw[key]) / (empty_cm[key] - FULL_CM)) for key, at in self.observed_at.items()}

    def _empty_cm(self, until: int) -> dict[str, float]:
        """What each sensor reads over an empty container; one that has not reported by then is as deep as most."""
        known = {key: empty_distance_cm(self.raw[key][at <= until]) for key, at in self.observed_at.items()}
        usual = float(np.nanmedian([*known.values(), 10.0 * FULL_CM] if all(map(np.isnan, known.values())) else [*known.values()]))
        return {key: float(np.clip(usual if np.isnan(own) else own, 2.0 * FULL_CM, DEEPEST * usual)) for key, own in known.items()}


def empty_distance_cm(height_cm: NDArray[np.float64]) -> float:
    """The far end of heights that held for hours, so that stray echoes drop out; NaN with too few of them."""
    echo = height_cm[np.isfinite(height_cm)]
    if len(echo) < STEADY_READINGS:
        return float("nan")
    steady = np.median(np.lib.stride_tricks.sliding_window_view(echo, STEADY_READINGS), axis=1)
    return float(np.quantile(steady, EMPTY_QUANTILE))


def read_fill_folder(folder: Path, zone: str | None = None) -> FillFolder:
    """What a folder of either form holds.

    Parameters
    ----------
    folder
        Holds `fill_history.csv` or `readings.parquet`.
    zone
        IANA name of the town's time zone; by default that of its longitude, without summer time, or UTC where there are no places.

    Raises
    ------
    FillFileError
        Naming the file and the column that are wrong, and the mend.
    """
    if (folder / LEVELS).is_file():
        return _read_levels(folder, zone)
    if (folder / HEIGHTS).is_file():
        return _read_heights(folder, zone)
    raise FillFileError(f"{folder} holds neither {LEVELS} nor {HEIGHTS}", f"Name a folder with one of them: {_forms()}.")


def _forms() -> str:
    return f"{LEVELS} with serialNumber, timestamp and latestFullness, or {HEIGHTS} with bin, ts and height"


# Levels


def _read_levels(folder: Path, zone: str | None) -> FillFolder:
    file = folder / LEVELS
    rows = list(_rows(file, ("serialNumber", "timestamp", "latestFullness")))
    if not rows:
        raise FillFileError(f"{file} holds no rows", "Write one row per container and day.")
    tz = _zone(zone) or _zone_at(rows[0].get("longitude"))
    found: dict[str, dict[int, float]] = {}
    for number, row in enumerate(rows, start=2):
        found.setdefault(row["serialNumber"], {})[_instant(file, number, row["timestamp"], tz)] = _level(file, number, row)
    scale = 100.0 if np.nanmax([level for own in found.values() for level in own.values()]) > 10 else 10.0
    at = {key: np.array(sorted(own), np.int64) for key, own in sorted(found.items())}
    raw = {key: np.array([found[key][second] for second in own.tolist()]) / scale for key, own in at.items()}
    about = {row["serialNumber"]: row.get("description") or "" for row in rows}
    classes = {key: stream[1] if (stream := re.search(r" ([A-Z]) ", name)) else "" for key, name in about.items()}
    context = Context(tz, classes, _holidays(folder))
    return FillFolder(folder.resolve().name, LEVELS, at, raw, context, _zones_by_address(folder, about), _sensor_for(raw))


def _level(file: Path, number: int, row: Mapping[str, str]) -> float:
    """The level as written; an alert beside a level of 0 is a sensor that failed, not an empty container."""
    try:
        level = float(row["latestFullness"] or "nan")
    except ValueError as error:
        raise _bad(file, number, "latestFullness", row["latestFullness"], "a level from 0 to 10, or percent") from error
    return float("nan") if level == 0 and row.get("reason") == "ALERT" else level


def _instant(file: Path, number: int, written: str, tz: ZoneInfo) -> int:
    try:
        when = datetime.fromisoformat(written)
    except (TypeError, ValueError) as error:
        raise _bad(file, number, "timestamp", written, "a date such as 2021-05-03, or an ISO instant") from error
    if "T" not in written and " " not in written:
        when = datetime.combine(when, NOON)
    return int((when if when.tzinfo else when.replace(tzinfo=tz)).timestamp())


def _zones_by_address(folder: Path, about: Mapping[str, str]) -> dict[str, str]:
    """The zone that `sites.geojson` gives to the address in a container's description."""
    file = folder / "sites.geojson"
    if not file.is_file():
        return {}
    try:
        features = json.loads(file.read_text(encoding="utf-8"))["features"]
        known = {str(one["properties"]["address"]).strip(): str(one["properties"].get("subgroup") or "") for one in features}
    except (ValueError, KeyError, TypeError) as error:
        raise FillFileError(
            f"{file} is no list of places: {error!r}", "Write GeoJSON features with properties.address, or leave the file out."
        ) from error
    return {key: known.get(name.strip(), "") for key, name in about.items()}


def _sensor_for(raw: Mapping[str, NDArray[np.float64]]) -> Sensor:
    """Noise by the step between levels, where there are few of them."""
    levels = np.unique(np.concatenate(list(raw.values())))
    levels = levels[np.isfinite(levels)]
    step = float(np.median(np.diff(levels))) if 1 < len(levels) <= COARSE_LEVELS else 0.0
    return Sensor(noise=max(STEP_NOISE * step, FINEST_NOISE))


# Heights


def _read_heights(folder: Path, zone: str | None) -> FillFolder:
    file = folder / HEIGHTS
    table = _parquet(file, ("bin", "ts", "height"))
    bins = np.array(table["bin"].cast(pa.string()).to_pylist())
    at = table["ts"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy() // 1_000_000
    height = table["height"].cast(pa.float64()).to_numpy()
    height = np.where((height >= 0) & (height < NO_ECHO_CM), height, np.nan)
    instants, raw = {}, {}
    for key in np.unique(bins).tolist():
        own = np.flatnonzero(bins == key)
        own = own[np.unique(at[own], return_index=True)[1]]
        instants[key], raw[key] = at[own].astype(np.int64), height[own]
    places = {row["bin"]: row for row in _rows(folder / "locations.csv", ("bin",))} if (folder / "locations.csv").is_file() else {}
    classes = {key: (row.get("farbe") or row.get("class") or "") for key, row in places.items()}
    zones = {key: (row.get("zone") or row.get("location") or "") for key, row in places.items()}
    context = Context(_zone(zone) or ZoneInfo("UTC"), classes, _holidays(folder))
    return FillFolder(folder.resolve().name, HEIGHTS, instants, raw, context, zones)


def _parquet(file: Path, columns: tuple[str, ...]) -> pa.Table:
    try:
        there = pq.ParquetFile(file).schema_arrow.names
        missing = [name for name in columns if name not in there]
        if missing:
            raise FillFileError(
                f"{file} has no column {', '.join(missing)}; it has {', '.join(there)}", f"Name them: {', '.join(columns)}."
            )
        table = pq.read_table(file, columns=list(columns))
    except pa.ArrowInvalid as error:
        raise FillFileError(f"{file} is no Parquet file: {error}", "Write it anew.") from error
    if not table.num_rows:
        raise FillFileError(f"{file} holds no rows", "Write one row per reading.")
    if not pa.types.is_timestamp(table["ts"].type):
        raise FillFileError(f"{file}: column ts holds {table['ts'].type}", "Store it as timestamps in UTC.")
    if not (pa.types.is_integer(table["height"].type) or pa.types.is_floating(table["height"].type)):
        raise FillFileError(f"{file}: column height holds {table['height'].type}", "Store centimetres as numbers.")
    for name in ("bin", "ts"):
        if table[name].null_count:
            raise FillFileError(f"{file}: column {name} is empty in {table[name].null_count} rows", "Fill it, or leave those rows out.")
    return table


# Both


def _rows(file: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            table = csv.DictReader(opened)
            there = list(table.fieldnames or ())
            missing = [name for name in columns if name not in there]
            if missing:
                has = ", ".join(there) or "no header"
                raise FillFileError(f"{file} has no column {', '.join(missing)}; it has {has}", f"Name them: {', '.join(columns)}.")
            for number, row in enumerate(table, start=2):
                empty = [name for name in columns if row[name] is None]
                if empty:
                    raise _bad(file, number, empty[0], None, f"as many values as the header has names ({len(there)})")
                yield row
    except UnicodeDecodeError as error:
        raise FillFileError(f"{file} is no text in UTF-8: {error}", "Store it as UTF-8.") from error


def _bad(file: Path, number: int, column: str, value: Any, expected: str) -> FillFileError:
    return FillFileError(f"{file}, row {number}: column {column} holds {value!r}", f"Write {expected}.")


def _holidays(folder: Path) -> frozenset[date]:
    file = folder / "holidays.csv"
    if not file.is_file():
        return frozenset()
    found = set()
    for number, row in enumerate(_rows(file, ("Date", "Holiday")), start=2):
        try:
            found |= {date.fromisoformat(row["Date"])} if row["Holiday"] not in ("0", "", None) else set()
        except ValueError as error:
            raise _bad(file, number, "Date", row["Date"], "a date such as 2021-05-03") from error
    return frozenset(found)


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError) as error:
        raise FillFileError(f"{name!r} is no time zone", "Use an IANA name such as Europe/Berlin.") from error


def _zone_at(longitude: str | None) -> ZoneInfo:
    """The nautical zone: 15 degrees an hour, east of Greenwich ahead of it (whose names have the sign turned round)."""
    try:
        hours = round(float(longitude or "nan") / 15)
    except ValueError:
        return ZoneInfo("UTC")
    return ZoneInfo(f"Etc/GMT{-hours:+d}" if hours else "UTC")
