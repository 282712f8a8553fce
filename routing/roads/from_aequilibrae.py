"""Turn the streets of an AequilibraE project (a SQLite file) into an OpenStreetMap extract.

Such projects carry real streets for places without a download at hand. What the project does not hold, the extract lacks:
turn restrictions, roundabout and access tags, size limits, service streets, and the difference between a road and its links.
The streets stay "© OpenStreetMap contributors" (ODbL).
"""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import osmium
from osmium.osm.mutable import Node, Way

_LINKS: Final = """
    SELECT link_id, a_node, b_node, direction, link_type, name, speed_ab, speed_ba, geometry
    FROM links
    WHERE link_type <> 'centroid_connector' AND modes LIKE '%c%'
    ORDER BY link_id
"""
_LINE_STRING: Final = 2
_ONEWAY: Final = {1: "yes", -1: "-1"}


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was written."""

    streets: int
    nodes: int


def convert_project(sqlite_path: Path, out_pbf: Path) -> Conversion:
    """Write the project's streets for cars as an ``.osm.pbf``; an existing file is replaced.

    Ends of links keep the project's node numbers, so that links meet; points between get numbers above them. Centroid connectors,
    which are no streets, are left out.

    Raises
    ------
    ValueError
        If the file is no AequilibraE project, or a link has no line.
    """
    try:
        with closing(sqlite3.connect(f"{sqlite_path.resolve().as_uri()}?mode=ro", uri=True)) as project:
            links = project.execute(_LINKS).fetchall()
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{sqlite_path} is no AequilibraE project: {error}") from error
    nodes: dict[int, tuple[float, float]] = {}
    ways: list[Way] = []
    fresh = 1 + max((max(row[1], row[2]) for row in links), default=0)
    for link_id, a_node, b_node, direction, link_type, name, speed_ab, speed_ba, geometry in links:
        line = list(_line(geometry, link_id))
        ids = [a_node, *range(fresh, fresh + len(line) - 2), b_node]
        fresh += len(line) - 2
        for node_id, place in zip(ids, line, strict=True):
            nodes.setdefault(node_id, place)
        ways.append(Way(id=link_id, version=1, nodes=ids, tags=_tags(direction, link_type, name, speed_ab or speed_ba)))
    _write(out_pbf, nodes, ways)
    return Conversion(streets=len(ways), nodes=len(nodes))


def _tags(direction: int, link_type: str, name: str | None, speed_kmh: float | None) -> dict[str, str]:
    tags = {"highway": link_type, "name": name, "oneway": _ONEWAY.get(direction)}
    tags["maxspeed"] = f"{speed_kmh:g}" if speed_kmh and speed_kmh > 0 else None
    return {key: value for key, value in tags.items() if value}


def _line(blob: bytes, link_id: int) -> Iterator[tuple[float, float]]:
    """Points of a SpatiaLite line: a header of 39 bytes, the geometry's class, the number of points, then x and y of each."""
    if len(blob) < 48:
        raise ValueError(f"link {link_id} has no geometry")
    order = "<" if blob[1] == 1 else ">"
    kind, points = struct.unpack_from(order + "II", blob, 39)
    if kind != _LINE_STRING or points < 2:
        raise ValueError(f"link {link_id} is no line")
    return struct.iter_unpack(order + "dd", blob[47 : 47 + 16 * points])


def _write(out_pbf: Path, nodes: dict[int, tuple[float, float]], ways: list[Way]) -> None:
    with osmium.SimpleWriter(str(out_pbf), overwrite=True) as writer:
        for node_id in sorted(nodes):
            writer.add_node(Node(id=node_id, version=1, location=nodes[node_id]))
        for way in ways:
            writer.add_way(way)
