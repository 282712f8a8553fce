"""Maps and their tiles over HTTP: cut by the real program, read from the real file."""

import gzip
import math
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import Database
from app.maps.operations import BuiltMap
from app.tenancy.models import Scope
from tests.factories import maps as make_maps
from tests.factories import tenancy as make_tenancy
from tests.routing.roads.ascii_streets import Town, ascii_town

# the town lies south-east of where equator and prime meridian cross
TILE = "/tiles/town/14/8192/8192.mvt"
EMPTY = "/tiles/town/14/8200/8192.mvt"


@pytest.fixture(scope="module")
def town_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiles")


@pytest.fixture(scope="module")
def town_map(town_dir: Path) -> BuiltMap:
    drawn: Town = ascii_town(town_dir, "A----B----C", tags={"AB": {"name": "Elm Row"}})
    return make_maps.built_map(town_dir, drawn.pbf)


@pytest.fixture(autouse=True)
def _the_town(app: Flask, database: Database, town_map: BuiltMap, town_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "maps").symlink_to(town_dir / "maps")
    make_maps.street_map(database, "town", town_map)


def test_maps_are_listed_with_what_must_be_shown_beside_them(client: FlaskClient) -> None:
    (listed,) = client.get("/api/v1/maps").json["items"]
    assert listed["name"] == "town"
    assert listed["attribution"] == "© OpenStreetMap contributors"
    assert listed["facts"]["street_km"] == pytest.approx(0.8, abs=0.01)
    assert listed["bounds"] == pytest.approx([-0.001, -0.001, 800 / 111_195 + 0.001, 0.001], abs=1e-5)


def test_a_tile_holds_the_streets_and_their_names(client: FlaskClient) -> None:
    answer = client.get(TILE, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.mimetype == "application/vnd.mapbox-vector-tile"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"Elm Row" in gzip.decompress(answer.data)


def test_a_client_that_takes_no_gzip_gets_it_unpacked(client: FlaskClient) -> None:
    answer = client.get(TILE)
    assert "Content-Encoding" not in answer.headers
    assert b"Elm Row" in answer.data


def test_the_address_in_tilejson_works_and_is_kept_for_good(client: FlaskClient, town_map: BuiltMap) -> None:
    made = client.get("/tiles/town/tiles.json").json
    assert made["tilejson"] == "3.0.0"
    assert "openstreetmap.org/copyright" in made["attribution"]
    assert [layer["id"] for layer in made["vector_layers"]] == ["roads"]

    answer = client.get(made["tiles"][0].format(z=14, x=8192, y=8192))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert town_map.digest[:12] in made["tiles"][0]
    assert "immutable" not in client.get(TILE).headers["Cache-Control"]  # without the version it may change


def test_where_nothing_is_drawn_the_answer_is_empty(client: FlaskClient) -> None:
    assert client.get(EMPTY).status_code == 204


@pytest.mark.parametrize("path", ["/tiles/town/2/4/0.mvt", "/tiles/town/99/0/0.mvt", "/tiles/village/14/8192/8192.mvt"])
def test_what_cannot_be_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_style_draws_only_layers_that_the_map_has(client: FlaskClient, theme: str) -> None:
    made = client.get(f"/tiles/town/style.json?theme={theme}").json
    assert made["sources"]["streets"]["url"].endswith("/tiles/town/tiles.json")
    assert {layer["source-layer"] for layer in made["layers"] if layer["type"] != "background"} == {"roads"}


def test_an_unknown_theme_is_refused(client: FlaskClient) -> None:
    assert client.get("/tiles/town/style.json?theme=plaid").status_code == 422


@pytest.mark.parametrize("path", [TILE, "/tiles/town/tiles.json", "/tiles/town/style.json", "/api/v1/maps"])
def test_who_has_not_signed_in_sees_no_map(app: Flask, path: str) -> None:
    assert app.test_client().get(path).status_code == 401


@pytest.mark.parametrize("scope", list(Scope))
def test_anybody_who_has_signed_in_sees_the_map(app: Flask, database: Database, tenant_id: int, scope: Scope) -> None:
    assert make_tenancy.client(app, database, tenant_id, scope).get(TILE).status_code == 200


def test_files_that_are_on_another_machine_are_named(client: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "maps").unlink()
    answer = client.get(TILE)
    assert answer.status_code == 503
    assert "not on this machine" in answer.json["detail"]


def test_every_zoom_that_tilejson_promises_has_a_tile(client: FlaskClient) -> None:
    made = client.get("/tiles/town/tiles.json").json
    west, south, east, north = made["bounds"]
    lon, lat = (west + east) / 2, (south + north) / 2
    for z in range(7, made["maxzoom"] + 1):  # main streets begin at 7
        x = int((lon + 180) / 360 * 2**z)
        y = int((1 - math.asinh(math.tan(math.radians(lat - 1e-6))) / math.pi) / 2 * 2**z)
        assert client.get(f"/tiles/town/{z}/{x}/{y}.mvt").status_code == 200, z
