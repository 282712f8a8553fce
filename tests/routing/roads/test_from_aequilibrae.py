"""A project's SQLite file becomes an extract that our own reader takes."""

import sqlite3
import struct
from pathlib import Path

import pytest

from routing.roads.build import build_graph_from_pbf
from routing.roads.extract import read_streets
from routing.roads.from_aequilibrae import Conversion, convert_project

SCHEMA = """
    CREATE TABLE links (
        link_id INTEGER, a_node INTEGER, b_node INTEGER, direction INTEGER, modes TEXT, link_type TEXT, name TEXT,
        speed_ab NUMERIC, speed_ba NUMERIC, geometry BLOB
    )
"""


def line(*points: tuple[float, float]) -> bytes:
    """A SpatiaLite line: start byte, byte order, reference system, bounds, marker, class 2, points, end byte."""
    flat = [value for point in points for value in point]
    return struct.pack(f"<BBi4dBII{len(flat)}dB", 0, 1, 4326, 0, 0, 0, 0, 0x7C, 2, len(points), *flat, 0xFE)


def project(folder: Path, *links: tuple) -> Path:
    path = folder / "project.sqlite"
    with sqlite3.connect(path) as db:
        db.execute(SCHEMA)
        db.executemany("INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", links)
    db.close()
    return path


def test_links_become_streets_that_meet_at_their_nodes(tmp_path: Path):
    """Three links in a ring over nodes 1, 2, 3, one of them bent and one-way against its line; the connector and the rail stay out."""
    path = project(
        tmp_path,
        (1, 1, 2, 0, "ct", "primary", "Calle A", 50, 50, line((0, 0), (0.001, 0))),
        (2, 2, 3, 1, "ct", "residential", None, None, None, line((0.001, 0), (0.001, 0.001))),
        (3, 1, 3, -1, "ct", "residential", "Calle C", None, 30, line((0, 0), (0, 0.001), (0.001, 0.001))),
        (4, 9, 1, 0, "c", "centroid_connector", None, None, None, line((5, 5), (0, 0))),
        (5, 1, 2, 0, "t", "tertiary", None, None, None, line((0, 0), (0.001, 0))),
    )
    out = tmp_path / "out.osm.pbf"
    assert convert_project(path, out) == Conversion(streets=3, nodes=4)

    streets = read_streets(out)
    assert streets.street_direction.tolist() == [0, 1, -1]
    assert [streets.names[i] for i in streets.street_name] == ["Calle A", "", "Calle C"]
    assert streets.limit_heavy_kmh.tolist() == [50, float("inf"), 30]
    assert streets.length_m.round().tolist() == [111, 111, 222]
    assert build_graph_from_pbf(out).edges == 4


def test_the_same_project_makes_the_same_extract(tmp_path: Path):
    """To the byte, so that a cached map stays valid."""
    path = project(tmp_path, (1, 1, 2, 0, "c", "primary", "A", 50, 50, line((0, 0), (0.001, 0))))
    convert_project(path, tmp_path / "one.osm.pbf")
    convert_project(path, tmp_path / "two.osm.pbf")
    assert (tmp_path / "one.osm.pbf").read_bytes() == (tmp_path / "two.osm.pbf").read_bytes()


@pytest.mark.parametrize("geometry", [b"", b"\0" * 60])
def test_a_link_without_a_line_is_named(tmp_path: Path, geometry: bytes):
    """Its number is what the owner of the file can look up."""
    path = project(tmp_path, (7, 1, 2, 0, "c", "primary", None, None, None, geometry))
    with pytest.raises(ValueError, match="link 7"):
        convert_project(path, tmp_path / "out.osm.pbf")


def test_another_file_is_no_project(tmp_path: Path):
    """Not a database, and a database without links."""
    (tmp_path / "text").write_text("no database" * 100)
    with pytest.raises(ValueError, match="no AequilibraE project"):
        convert_project(tmp_path / "text", tmp_path / "out.osm.pbf")
