"""Build maps, and open the streets of the map that a tenant has chosen."""

import hashlib
import json
import re
import shutil
import threading
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from app.config import Settings
from app.db import TenantSession
from app.errors import SetupError
from app.maps.basemap import build_basemap, drawn_area
from app.maps.files import MapFiles, folder_made_whole, one_at_a_time
from app.maps.models import StreetMap
from app.maps.queries import find_map_of_tenant, get_map
from app.maps.regions import obtain_extract
from routing.roads.build import DrivesOn, build_graph_from_pbf
from routing.roads.cch import street_engine
from routing.roads.engine import RoadEngine
from routing.roads.extract import Area, Progress
from routing.roads.graph import GraphFileError, StreetGraph
from routing.roads.great_circle import GreatCircleEngine

_NAME: Final = re.compile(r"\w[\w. -]{0,79}")
_KEPT_ENGINES: Final = 4
_engines: OrderedDict[Path, RoadEngine] = OrderedDict()
_engines_lock = threading.Lock()


@dataclass(frozen=True)
class BuiltMap:
    """A map's files, what they were built from, and what the build found."""

    digest: str
    files: MapFiles
    about: dict[str, Any]


def add_map(
    database_owner_url: str,
    data_dir: Path,
    name: str,
    source: str | Path,
    *,
    progress: Progress | None = None,
    area: Area | None = None,
    drives_on: DrivesOn = "right",
) -> StreetMap:
    """Build the map that `source` names (file, region or `demo`) and enter it under `name`; its own transaction.

    What is built already is not built again; a name that is taken moves on to the new map.
    """
    if not _NAME.fullmatch(name):
        raise SetupError(f"'{name}' is no name for a map: it stands in addresses, so letters, digits, dots, dashes and blanks only.")
    tell = progress or (lambda _stage, _share: None)
    extract = obtain_extract(source, data_dir / "maps" / "downloads", progress=tell)
    built = build_map(data_dir, extract.path, area=area, drives_on=drives_on, progress=tell)
    engine = create_engine(database_owner_url, poolclass=NullPool)
    with one_at_a_time(data_dir / "maps" / "register.lock"), Session(engine, expire_on_commit=False) as session, session.begin():
        return enter_map(session, name, extract.origin, built)


def enter_map(session: Session, name: str, origin: str, built: BuiltMap) -> StreetMap:
    """Make or move the row of that name. Only the schema's owner may."""
    bounds = {side: built.about[side] for side in ("west", "south", "east", "north")}
    return session.merge(StreetMap(name=name, digest=built.digest, source=origin[:300], facts=built.about["facts"], **bounds))


def build_map(data_dir: Path, extract: Path, *, area: Area | None, drives_on: DrivesOn, progress: Progress) -> BuiltMap:
    """Graph, search order and basemap of an extract, once however many processes ask."""
    digest = digest_of(extract, area, drives_on)
    files = MapFiles.of(data_dir, digest)
    with one_at_a_time(data_dir / "maps" / "locks" / digest):
        if not files.about.exists():
            with folder_made_whole(files.folder) as fresh:
                _build_files(MapFiles(fresh), extract, area, drives_on, progress)
    return BuiltMap(digest, files, json.loads(files.about.read_text()))


def digest_of(extract: Path, area: Area | None, drives_on: DrivesOn) -> str:
    """Name of a map: the extract's bytes, and what was asked of them."""
    with extract.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(f"{content}\n{area}\n{drives_on}".encode()).hexdigest()


def _build_files(files: MapFiles, extract: Path, area: Area | None, drives_on: DrivesOn, progress: Progress) -> None:
    shutil.copyfile(extract, files.extract)
    started = time.perf_counter()
    try:
        graph = build_graph_from_pbf(files.extract, area=area, drives_on=drives_on, progress=progress)
    except (ValueError, RuntimeError) as error:
        raise SetupError(f"No street map can be built from {extract.name}: {error}") from error
    graph.save(files.graph)
    engine = street_engine(graph, topology_dir=files.topology, progress=progress)
    graph_s = time.perf_counter() - started
    bounds = _bounds(graph)
    build_basemap(files.extract, files.tiles, area or drawn_area(files.extract, Area(**bounds)), progress=progress)
    facts = _facts(graph) | {
        "engine": engine.name,
        "drives_on": drives_on,
        "graph_s": round(graph_s, 1),
        "basemap_s": round(time.perf_counter() - started - graph_s, 1),
        "basemap_bytes": files.tiles.stat().st_size,
    }
    # last: a folder without it is not finished
    files.about.write_text(json.dumps(bounds | {"facts": facts, "area": asdict(area) if area else None}, indent=1))


def _bounds(graph: StreetGraph) -> dict[str, float]:
    used = np.concatenate((graph.streets.segment_first, graph.streets.segment_last))
    lon, lat = graph.streets.lon[used], graph.streets.lat[used]
    rim = 0.001  # so that a single straight street has a rectangle too
    return {
        "west": float(lon.min()) - rim,
        "south": float(lat.min()) - rim,
        "east": float(lon.max()) + rim,
        "north": float(lat.max()) + rim,
    }


def _facts(graph: StreetGraph) -> dict[str, Any]:
    return {
        "street_km": round(float(graph.streets.length_m.sum()) / 1000, 1),
        "streets": len(graph.streets.street_osm_id),
        "edges": graph.edges,
        "turns": graph.arcs,
        "turn_restrictions": len(graph.streets.turn_rules),
        "graph_digest": graph.digest,
    }


def open_roads(settings: Settings, session: TenantSession, map_name: str | None = None) -> RoadEngine:
    """The streets of that map, or of the tenant's own; the great circle, which says that it is approximate, if it has none."""
    street_map = get_map(session, map_name) if map_name else find_map_of_tenant(session)
    return open_engine(settings.data_dir, street_map.digest) if street_map else GreatCircleEngine()


def open_engine(data_dir: Path, digest: str) -> RoadEngine:
    """The engine of a built map: read once per process, shared by its threads. For jobs that hold no session."""
    files = MapFiles.of(data_dir, digest)
    with _engines_lock:
        if files.folder not in _engines:
            _engines[files.folder] = _read_engine(files)
        _engines.move_to_end(files.folder)
        while len(_engines) > _KEPT_ENGINES:
            _engines.popitem(last=False)
        return _engines[files.folder]


def _read_engine(files: MapFiles) -> RoadEngine:
    if not files.about.exists():
        raise SetupError(f"The files of street map {files.folder.name[:12]} are not on this machine: add the map here as well.")
    return street_engine(_read_graph(files), topology_dir=files.topology)


def _read_graph(files: MapFiles) -> StreetGraph:
    """The graph; built again from the kept extract where the file is damaged or of an older version."""
    try:
        return StreetGraph.load(files.graph)
    except (GraphFileError, FileNotFoundError):
        about = json.loads(files.about.read_text())
        graph = build_graph_from_pbf(files.extract, area=_kept_area(about), drives_on=about["facts"]["drives_on"])
        graph.save(files.graph)
        return graph


def _kept_area(about: dict[str, Any]) -> Area | None:
    return Area(**about["area"]) if about["area"] else None
