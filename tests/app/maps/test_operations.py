"""A map is built once, whole or not at all; a tenant without one gets the great circle, and is told."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from app.config import Settings
from app.db import Database, TenantSession
from app.errors import NotFound, SetupError
from app.maps import operations
from app.maps.files import MapFiles
from app.maps.operations import BuiltMap, add_map, open_engine, open_roads
from app.maps.queries import get_map, list_maps
from app.provision import DatabaseUrls
from routing.roads.extract import Area
from routing.roads.profile import TRUCK_26T
from tests.factories import maps as make_maps
from tests.routing.roads.ascii_streets import Town

RACER = """
import sys
from pathlib import Path
from app.maps.operations import build_map
told = []
print("ready", flush=True)
sys.stdin.readline()
build_map(Path(sys.argv[1]), Path(sys.argv[2]), area=None, drives_on="right", progress=lambda stage, share: told.append(stage))
print("built" if told else "found")
"""


def test_a_map_is_added_with_its_facts_and_built_only_once(committed: DatabaseUrls, town: Town, tmp_path: Path) -> None:
    """A----B----C, C down 2, D----E, E up to B: 400 + 400 + 200 + 400 + 200 m."""
    told: list[str] = []
    row = add_map(committed.owner, tmp_path, "town", town.pbf, progress=lambda stage, _: told.append(stage))
    assert {"read", "order", "layers", "tiles"} <= set(told)
    assert row.facts["street_km"] == pytest.approx(1.6, abs=0.05)
    assert row.facts["turn_restrictions"] == 1
    assert row.source == "town.osm.pbf"
    assert row.west < 0 < row.east

    told.clear()
    again = add_map(committed.owner, tmp_path, "town", town.pbf, progress=lambda stage, _: told.append(stage))
    assert told == []
    assert again.digest == row.digest

    engine = create_engine(committed.owner, poolclass=NullPool)
    with Session(engine) as session:
        assert [found.name for found in list_maps(session)] == ["town"]
        assert get_map(session, "town").attribution == "© OpenStreetMap contributors"
        with pytest.raises(NotFound):
            get_map(session, "village")


@pytest.mark.parametrize("name", ["", "europe/portugal", "../town", "a" * 81])
def test_a_name_that_cannot_stand_in_an_address_is_refused(name: str, town: Town, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no name for a map"):
        add_map("postgresql+psycopg2://nowhere/", tmp_path, name, town.pbf)


def test_area_and_side_of_the_road_make_another_map(town: Town) -> None:
    small = Area(west=-1, south=-1, east=1, north=1)
    digests = {
        operations.digest_of(town.pbf, None, "right"),
        operations.digest_of(town.pbf, None, "left"),
        operations.digest_of(town.pbf, small, "right"),
    }
    assert len(digests) == 3


def test_two_processes_that_race_build_once(town: Town, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACER, str(tmp_path), str(town.pbf)]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert sorted(racer.communicate(timeout=60)[0].strip() for racer in racers) == ["built", "found"]
    assert [racer.returncode for racer in racers] == [0, 0]


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"no extract at all")
    with pytest.raises(SetupError, match=r"broken\.osm\.pbf"):
        make_maps.built_map(tmp_path, broken)
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["locks"]


def test_what_a_killed_build_left_is_swept_up(town: Town, tmp_path: Path) -> None:
    digest = operations.digest_of(town.pbf, None, "right")
    (tmp_path / "maps" / f".{digest}-abc").mkdir(parents=True)
    make_maps.built_map(tmp_path, town.pbf)
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {"locks", digest}


def test_a_tenant_without_a_map_gets_a_labelled_great_circle(session: TenantSession, town: Town, tmp_path: Path) -> None:
    roads = open_roads(Settings(data_dir=tmp_path), session)
    travel = roads.matrix([town.at("A"), town.at("B")], TRUCK_26T)
    assert travel.approximate
    assert "great circle" in travel.engine


def test_a_tenants_own_map_answers_on_streets(
    database: Database, session: TenantSession, tenant_id: int, town: Town, town_map: BuiltMap, town_dir: Path
) -> None:
    """From A to C: 400 + 400 m."""
    make_maps.street_map(database, "town", town_map)
    make_maps.choose_map(database, tenant_id, "town")
    settings = Settings(data_dir=town_dir)

    roads = open_roads(settings, session)
    travel = roads.matrix([town.at("A"), town.at("C")], TRUCK_26T)

    assert not travel.approximate
    assert travel.distance_m[0, 1] == pytest.approx(800, abs=2)
    assert open_roads(settings, session, "town") is roads  # read once per process


def test_a_chosen_map_that_is_missing_is_an_error_and_no_great_circle(
    database: Database, session: TenantSession, tenant_id: int, tmp_path: Path
) -> None:
    make_maps.choose_map(database, tenant_id, "gone")
    with pytest.raises(SetupError, match="'gone' is not on this installation"):
        open_roads(Settings(data_dir=tmp_path), session)


def test_files_that_are_on_another_machine_are_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="not on this machine"):
        open_engine(tmp_path, "0" * 64)


@pytest.mark.parametrize("content", [None, b"half a gra"])
def test_a_spoilt_graph_is_built_again_from_the_kept_extract(town: Town, tmp_path: Path, content: bytes | None) -> None:
    built = make_maps.built_map(tmp_path, town.pbf)
    built.files.graph.unlink() if content is None else built.files.graph.write_bytes(content)

    travel = open_engine(tmp_path, built.digest).matrix([town.at("A"), town.at("C")], TRUCK_26T)

    assert travel.distance_m[0, 1] == pytest.approx(800, abs=2)
    assert MapFiles.of(tmp_path, built.digest).graph.stat().st_size > 1000
