"""Folders of a town's past, small enough to know what an audit has to say of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

FIRST = date(2026, 1, 5)
"""A Monday."""
PLACES = {"A": (144.65, -37.91), "B": (144.66, -37.91), "C": (144.67, -37.92)}
YARD = (144.60, -37.94)
Fill = Callable[[str, date, int], float]
"""Percent in the container at a lift so many days after the one before."""


def write_places(folder: Path) -> None:
    rows = [f"{key},{longitude},{latitude}" for key, (longitude, latitude) in PLACES.items()]
    (folder / "containers.csv").write_text("\n".join(["container,longitude,latitude", *rows]) + "\n")
    depot = {"type": "Feature", "properties": {"type": "depot", "address": "Yard"}, "geometry": {"type": "Point", "coordinates": YARD}}
    (folder / "sites.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [depot]}))


def write_lifts(folder: Path, *, days: int, weekdays: set[int], fill_pct: Fill) -> Path:
    """All containers lifted on these weekdays."""
    write_places(folder)
    rows, last = ["container,lifted_at,fill_pct"], FIRST
    for day in (FIRST + timedelta(days=number) for number in range(days)):
        if day.weekday() in weekdays:
            rows += [f"{key},{day}T07:00,{fill_pct(key, day, (day - last).days or 1):g}" for key in PLACES]
            last = day
    (folder / "lifts.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_levels(folder: Path, *, days: int) -> Path:
    """Sensors that rise by a tenth a day; the container is emptied when they show eight."""
    write_places(folder)
    rows = ["timestamp,serialNumber,latestFullness,description,longitude,latitude"]
    for key, (longitude, latitude) in PLACES.items():
        rows += [f"{FIRST + timedelta(days=n)},{key},{1 + n % 8},Street {key},{longitude},{latitude}" for n in range(days)]
    (folder / "fill_history.csv").write_text("\n".join(rows) + "\n")
    return folder
