"""Past measurements in files: our own columns, and the two public histories that are recognised by theirs.

A history knows what of the register it needs, and yields its readings in batches, so that memory stays bounded.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from operator import itemgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow.parquet as pq

from app.assets.models import LiftKind
from app.assets.waste_classes import WasteClass
from app.errors import FieldProblem, Rejected
from app.telemetry.readings import LARGEST_BATCH, Outcome, ReadingIn, refusal

Rows = Iterator[dict[str, Any]]
Place = tuple[float, float]
"""Latitude and longitude."""


@dataclass(frozen=True)
class Bin:
    """A container with its sensor, as a history names them."""

    code: str
    site: str
    place: Place
    waste_class: WasteClass
    model: dict[str, Any]
    empty_distance_mm: int | None = None
    full_distance_mm: int | None = None


@dataclass(frozen=True)
class Yard:
    """Where trucks start, end and unload, and what they are."""

    code: str
    name: str
    place: Place
    vehicle_type: str
    vehicles: int


@dataclass(frozen=True)
class History:
    """Readings of the past and what they need to stand on."""

    name: str
    rows: int | None
    batches: Callable[[ZoneInfo], Iterable[list[ReadingIn | Outcome]]]
    bins: list[Bin] = field(default_factory=list)
    yard: Yard | None = None
    device_kind: str = "ultrasonic"
    reporting_interval_s: int = 3600
    notes: list[str] = field(default_factory=list)


def open_history(source: Path, *, place: Place | None = None) -> History:
    """The history in a file or folder, recognised by its columns; Rejected says what was looked for."""
    file = next((source / name for name in ("readings.parquet", "fill_history.csv") if (source / name).is_file()), source)
    if not file.is_file():
        raise _unusable(f"{source} is no file, and no folder with readings.parquet or fill_history.csv.")
    columns = set(_columns(file))
    if {"bin", "ts", "height", "voltage", "temperature"} <= columns:
        return _frankfurt(file, place)
    if {"timestamp", "latestFullness", "serialNumber", "latitude", "longitude"} <= columns:
        return _wyndham(file)
    if {"device", "observed_at"} <= columns:
        return _generic(file, columns)
    raise _unusable(f"{file.name} has the columns {', '.join(sorted(columns)) or '(none)'}.")


def _unusable(detail: str) -> Rejected:
    known = ", ".join(ReadingIn.__struct_fields__)
    return Rejected(detail, fields=(FieldProblem("columns", "are not those of a history that is known", f"Name them: {known}."),))


def _columns(file: Path) -> list[str]:
    if file.suffix == ".parquet":
        return list(pq.ParquetFile(file).schema_arrow.names)
    with file.open(newline="", encoding="utf-8-sig") as opened:
        return next(csv.reader(opened), [])


def _read_rows(file: Path) -> Rows:
    if file.suffix == ".parquet":
        for batch in pq.ParquetFile(file).iter_batches(LARGEST_BATCH):
            yield from batch.to_pylist()
    else:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            yield from csv.DictReader(opened)


def _count_rows(file: Path) -> int:
    if file.suffix == ".parquet":
        return int(pq.ParquetFile(file).metadata.num_rows)
    with file.open("rb") as opened:
        return max(sum(1 for _ in opened) - 1, 0)


# Our own columns


def _generic(file: Path, columns: set[str]) -> History:
    """Columns are named as the fields of the API; an empty cell is a figure that was not measured."""
    ignored = sorted(columns - set(ReadingIn.__struct_fields__))
    notes = [f"Columns that no reading has were left out: {', '.join(ignored)}."] if ignored else []

    def batches(_: ZoneInfo) -> Iterator[list[ReadingIn | Outcome]]:
        numbered = enumerate(_read_rows(file), start=2 if file.suffix != ".parquet" else 1)
        for batch in _in_batches(numbered):
            yield [_to_reading(number, row) for number, row in batch]

    return History("our own columns", _count_rows(file), batches, notes=notes)


def _to_reading(number: int, row: dict[str, Any]) -> ReadingIn | Outcome:
    said = {name: row[name] for name in ReadingIn.__struct_fields__ if row.get(name) not in (None, "")}
    try:
        return msgspec.convert(said, ReadingIn, strict=False)
    except msgspec.ValidationError as error:
        return refusal("", f"row {number}: {error}", "Mend the row and import the file again: what is stored stays.")


def _in_batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == LARGEST_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# Frankfurt's glass containers

NO_ECHO_CM, BAD_TEMPERATURE_C = 254, 255
EMPTY_QUANTILE = 0.98
FULL_DISTANCE_MM = 200
GLASS_CHAMBER = {
    "code": "glass-chamber",
    "name": "Glass, one of three chambers (assumed 1,000 l)",
    "volume_l": 1000,
    "max_load_kg": 400,
    "lift_kind": LiftKind.CRANE,
    "lift_s": 240,
    "empty_distance_mm": 1400,
    "full_distance_mm": FULL_DISTANCE_MM,
}


def _frankfurt(file: Path, place: Place | None) -> History:
    if place is None:
        problem = FieldProblem("place", "is missing", "Say where to put them: --place LAT,LON (all sites will stand there).")
        raise Rejected("This history has no coordinates, and a container must stand somewhere.", fields=(problem,))
    sites = {row["bin"]: row["location"] for row in _read_rows(file.with_name("locations.csv"))} if _beside(file, "locations.csv") else {}
    empty = _empty_distances_mm(file)
    bins = [
        Bin(code, sites.get(code, code), place, WasteClass.GLASS, GLASS_CHAMBER, empty_mm, FULL_DISTANCE_MM)
        for code, empty_mm in empty.items()
    ]
    notes = [
        f"No coordinates in the data: all sites stand at {place[0]}, {place[1]}, so distances between them mean nothing.",
        f"Empty distances are each sensor's {EMPTY_QUANTILE:.0%} quantile of echoes ({min(empty.values())}–{max(empty.values())} mm);"
        f" the full mark at {FULL_DISTANCE_MM} mm and 1,000 l a chamber are assumptions.",
        f"Height {NO_ECHO_CM} was read as no echo, temperature {BAD_TEMPERATURE_C} as not measured; `tilt` has no unit and was left out.",
    ]
    return History("Frankfurt glass", _count_rows(file), lambda _: _frankfurt_batches(file), bins, notes=notes)


def _beside(file: Path, name: str) -> bool:
    return file.with_name(name).is_file()


def _empty_distances_mm(file: Path) -> dict[str, int]:
    """How far each sensor sees when nothing lies there: its longest echoes, less the rare ones beyond."""
    counts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(NO_ECHO_CM, dtype=np.int64))
    for batch in pq.ParquetFile(file).iter_batches(65_536, columns=["bin", "height"]):
        names, heights = np.array(batch["bin"].to_pylist()), batch["height"].to_numpy(zero_copy_only=False)
        for name in np.unique(names):
            heard = heights[(names == name) & (heights >= 0) & (heights < NO_ECHO_CM)]
            counts[str(name)] += np.bincount(heard, minlength=NO_ECHO_CM)
    return {name: _quantile_mm(count) for name, count in sorted(counts.items())}


def _quantile_mm(count: np.ndarray) -> int:
    height_cm = int(np.searchsorted(np.cumsum(count), EMPTY_QUANTILE * count.sum())) if count.any() else 0
    # a sensor that only ever saw its own funnel still needs a floor below its full mark
    return max(10 * height_cm, 2 * FULL_DISTANCE_MM)


def _frankfurt_batches(file: Path) -> Iterator[list[ReadingIn | Outcome]]:
    for batch in _in_batches(_read_rows(file)):
        yield [
            ReadingIn(
                device=row["bin"],
                observed_at=row["ts"],
                distance_mm=None if row["height"] >= NO_ECHO_CM else 10 * row["height"],
                temperature_c=None if row["temperature"] == BAD_TEMPERATURE_C else float(row["temperature"]),
                battery_v=row["voltage"] / 1000,
            )
            for row in batch
        ]


# Wyndham's compacting street bins

PCT_PER_LEVEL = 10
OBSERVED_AT = time(12)
STREAMS = {"G": WasteClass.RESIDUAL, "R": WasteClass.OTHERS}
"""Garbage and recycling, as the bins' descriptions abbreviate them."""
STREET_BIN = {
    "code": "compacting-570",
    "name": "Compacting street bin (assumed 570 l)",
    "volume_l": 570,
    "max_load_kg": 230,
    "lift_kind": LiftKind.REAR,
    "lift_s": 90,
    "empty_distance_mm": 1000,
    "full_distance_mm": 100,
}


def _wyndham(file: Path) -> History:
    known, yard = _wyndham_places(file.with_name("sites.geojson"))
    named = {row["serialNumber"]: row for row in _read_rows(file)}
    bins = [_wyndham_bin(code, row, known) for code, row in sorted(named.items())]
    depot = f"Depot and facility stand at {yard.name}; the trucks are assumed." if yard else "No sites.geojson beside it: no depot."
    notes = [
        "Levels 0 to 10 became 0 to 100 %; a day's level counts as observed at noon local time.",
        "G was read as residual waste, R as mixed recycling; 570 l a bin is an assumption.",
        depot,
    ]
    return History(
        "Wyndham street bins",
        _count_rows(file),
        lambda zone: _wyndham_batches(file, zone),
        bins,
        yard,
        device_kind="stepped",
        reporting_interval_s=86_400,
        notes=notes,
    )


def _wyndham_places(file: Path) -> tuple[dict[str, Place], Yard | None]:
    """The published point of each bin by its description, and the transfer station."""
    if not file.is_file():
        return {}, None
    places, yard = {}, None
    for feature in msgspec.json.decode(file.read_bytes())["features"]:
        lon, lat = feature["geometry"]["coordinates"][:2]
        about = feature["properties"]
        if about["type"] == "bin":
            places[about["address"].strip()] = (lat, lon)
        elif about["type"] == "depot":
            yard = Yard(about["id"], f"{about['title']}, {about['address']}", (lat, lon), "compact_16t", 2)
    return places, yard


def _wyndham_bin(code: str, row: dict[str, Any], known: dict[str, Place]) -> Bin:
    description = row["description"].strip()
    stream = re.search(r" ([GR]) ", description)
    site = description.replace(stream[0], " ") if stream else description
    place = known.get(description, (float(row["latitude"]), float(row["longitude"])))
    return Bin(code, site, place, STREAMS[stream[1]] if stream else WasteClass.RESIDUAL, STREET_BIN)


def _wyndham_batches(file: Path, zone: ZoneInfo) -> Iterator[list[ReadingIn | Outcome]]:
    # the file holds its months in no order, and late readings cost a replay: 31 bins' days fit into memory
    for batch in _in_batches(sorted(_read_rows(file), key=itemgetter("timestamp"))):
        yield [
            ReadingIn(
                device=row["serialNumber"],
                observed_at=datetime.combine(datetime.fromisoformat(row["timestamp"]), OBSERVED_AT, zone).astimezone(UTC),
                fill_pct=float(PCT_PER_LEVEL * int(row["latestFullness"])),
            )
            for row in batch
        ]
