"""Travel matrices on disk: named by what went into them, never changed, shared by all tenants on one map.

A matrix is a folder `<key>/` of `travel.npy` (seconds and metres, int32, shape (2, n, n)) and `about.json`. The key covers map, engine and
version, vehicle and the points in order (`routing.roads.engine.matrix_key`), so nothing ever has to be invalidated. Ask for all points
of a tenant at once and slice with `TravelMatrix.between` each night.
"""

import json
import logging
import os
import shutil
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.maps.files import folder_made_whole, one_at_a_time
from routing.roads.engine import RoadEngine, TravelMatrix, UnreachablePoint, matrix_key
from routing.roads.extract import Progress
from routing.roads.profile import VehicleProfile
from routing.roads.street_engine import StreetEngine

LIMIT_BYTES: Final = 4_000_000_000
_TRAVEL, _ABOUT = "travel.npy", "about.json"
_log = logging.getLogger(__name__)


def get_matrix(
    engine: RoadEngine,
    points: npt.ArrayLike,
    profile: VehicleProfile,
    cache_dir: Path,
    *,
    limit_bytes: int = LIMIT_BYTES,
    progress: Progress | None = None,
) -> TravelMatrix:
    """The matrix of these points, from `cache_dir` or worked out once and kept there; its arrays are mapped, not read."""
    if not isinstance(engine, StreetEngine):
        return engine.matrix(points, profile, progress=progress)  # cheaper to work out than to read
    folder = cache_dir / matrix_key(engine.graph.digest, engine.name, profile, points)
    found = _find(folder)
    if found is not None:
        return found
    with one_at_a_time(cache_dir / "locks" / folder.name[:2]):
        found = _find(folder)  # another process may have been faster
        if found is not None:
            return found
        travel = engine.matrix(points, profile, progress=progress)
        _keep(folder, travel)
        clean_up(cache_dir, limit_bytes=limit_bytes, spare=folder)
        return _find(folder) or travel


def clean_up(cache_dir: Path, *, limit_bytes: int = LIMIT_BYTES, spare: Path | None = None) -> int:
    """Remove matrices, the one longest out of use first, until the rest fits; returns how many. Open ones stay readable."""
    kept = sorted((about.stat().st_mtime_ns, about.parent) for about in cache_dir.glob(f"[!.]*/{_ABOUT}") if about.parent != spare)
    size_of = {folder: _bytes_in(folder) for _, folder in kept}
    total = sum(size_of.values()) + (_bytes_in(spare) if spare else 0)
    removed = 0
    for _, folder in kept:
        if total <= limit_bytes:
            break
        shutil.rmtree(folder, ignore_errors=True)
        total -= size_of[folder]
        removed += 1
    return removed


def _keep(folder: Path, travel: TravelMatrix) -> None:
    both = np.stack((travel.drive_s, travel.distance_m))
    about = {
        "engine": travel.engine,
        "approximate": travel.approximate,
        "snap_m": travel.snap_m.tolist(),
        "unreachable": [asdict(point) for point in travel.unreachable],
        "crc32": zlib.crc32(both.data),
    }
    with folder_made_whole(folder) as fresh:
        np.save(fresh / _TRAVEL, both)
        (fresh / _ABOUT).write_text(json.dumps(about))


def _find(folder: Path) -> TravelMatrix | None:
    """The kept matrix; None if there is none, or it is damaged (then it is worked out again)."""
    try:
        about = json.loads((folder / _ABOUT).read_text())
        both = np.load(folder / _TRAVEL, mmap_mode="r")
        travel = _travel(both, about)
        os.utime(folder / _ABOUT)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
        _log.warning("the travel matrix %s is damaged and will be worked out again: %s", folder.name[:12], error)
        return None
    return travel


def _travel(both: npt.NDArray[Any], about: dict[str, Any]) -> TravelMatrix:
    if zlib.crc32(both.data) != about["crc32"]:
        raise ValueError("its checksum does not match")
    return TravelMatrix(
        drive_s=both[0],
        distance_m=both[1],
        snap_m=np.array(about["snap_m"], np.float64),
        engine=about["engine"],
        approximate=about["approximate"],
        unreachable=tuple(UnreachablePoint(**point) for point in about["unreachable"]),
    )


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*") if file.is_file())
