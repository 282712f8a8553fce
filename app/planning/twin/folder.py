"""A town out of a folder of past fills: `fill_history.csv` says what filled the containers and where they stand, `sites.geojson` where the
trucks start and unload."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from app.errors import SetupError
from app.planning.twin.inflow import DailyInflow, inflow_of
from app.planning.twin.town import Town, town_of
from forecasting.errors import FillFileError
from forecasting.fill_files import LEVELS, read_fill_folder

SITES = "sites.geojson"
COARSE_LEVELS = 25
"""With so few different levels a sensor reports classes."""


def read_town(folder: Path, *, seed: int) -> tuple[Town, DailyInflow, float]:
    """The town, its inflow, and the step between two levels of its sensors (0: any level).

    Raises
    ------
    SetupError
        Naming the file, what is wrong and the mend.
    """
    try:
        past = read_fill_folder(folder)
    except FillFileError as error:
        raise SetupError(str(error)) from error
    if past.form != LEVELS:
        raise SetupError(f"{folder} does not say where its containers stand: a replay needs {LEVELS} with longitude and latitude.")
    inflow = inflow_of(past, seed=seed)
    where = _places(folder / LEVELS)
    town = town_of(past.name, {key: where[key] for key in inflow.keys}, yard_in(folder / SITES))
    levels = np.unique(np.concatenate(list(past.raw.values())))
    levels = levels[np.isfinite(levels)]
    return town, inflow, float(np.median(np.diff(levels))) if 1 < len(levels) <= COARSE_LEVELS else 0.0


def _places(file: Path) -> dict[str, tuple[float, float]]:
    """(longitude, latitude) of each container, as its first row has it."""
    found: dict[str, tuple[float, float]] = {}
    with file.open(newline="", encoding="utf-8-sig") as opened:
        for number, row in enumerate(csv.DictReader(opened), start=2):
            if row["serialNumber"] in found:
                continue
            try:
                found[row["serialNumber"]] = (float(row["longitude"]), float(row["latitude"]))
            except (KeyError, TypeError, ValueError) as error:
                raise SetupError(
                    f"{file}, row {number}: no longitude and latitude. A replay has to know where containers stand."
                ) from error
    return found


def yard_in(file: Path) -> tuple[float, float]:
    """(longitude, latitude) of the depot."""
    try:
        features = json.loads(file.read_text(encoding="utf-8"))["features"]
        longitude, latitude = next(
            one["geometry"]["coordinates"][:2] for one in features if (one.get("properties") or {}).get("type") == "depot"
        )
    except OSError as error:
        raise SetupError(
            f"{file} is missing: it says where trucks start and unload. Write GeoJSON with one point of type depot."
        ) from error
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise SetupError(f"{file} names no depot ({error!r}). Give one point the property type = depot.") from error
    return float(longitude), float(latitude)
