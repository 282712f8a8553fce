"""Which maps there are, and their tiles. Maps are public data of all tenants, but only those who have signed in are served."""

import gzip
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from flask.views import MethodView
from markupsafe import escape

from app.config import Settings
from app.errors import NotFound, Rejected, Unavailable
from app.maps.basemap import FIRST_ZOOM, LAST_ZOOM
from app.maps.files import MapFiles
from app.maps.models import StreetMap
from app.maps.queries import get_map, list_maps
from app.maps.schemas import StreetMapListSchema
from app.maps.style import THEMES, style
from app.maps.tiles import TileArchive, open_archive
from app.openapi import Blueprint as ApiBlueprint
from app.tenancy.api import identity, requires, session
from app.tenancy.models import Scope

blueprint = ApiBlueprint("maps", __name__, url_prefix="/api/v1", description="Street maps, shared by all tenants.")
tiles = Blueprint("tiles", __name__, url_prefix="/tiles")

FOR_GOOD = "private, max-age=31536000, immutable"
FOR_A_MINUTE = "private, max-age=60"
OSM = "© OpenStreetMap contributors"
OSM_LINK = '<a href="https://www.openstreetmap.org/copyright">© OpenStreetMap contributors</a>'


@blueprint.route("/maps")
class Maps(MethodView):
    @requires(Scope.REGISTER_READ)
    @blueprint.response(200, StreetMapListSchema)
    def get(self) -> dict[str, Any]:
        """List the street maps that a tenant's routes can be built on."""
        return {"items": list_maps(session())}


@tiles.get("/<name>/<int:z>/<int:x>/<int:y>.mvt")
def tile(name: str, z: int, x: int, y: int) -> Response:
    street_map = _map_for_the_signed_in(name)
    try:
        found = _archive(street_map).find_tile(z, x, y)
    except ValueError as error:
        raise NotFound(f"There is no tile {z}/{x}/{y}.") from error
    # the address that TileJSON hands out names the version, so what it answers never changes
    cached = FOR_GOOD if request.args.get("v") == _version(street_map) else FOR_A_MINUTE
    answer = Response(status=204) if found is None else _packed(found)
    answer.headers["Cache-Control"] = cached
    return answer


@tiles.get("/<name>/tiles.json")
def tilejson(name: str) -> Response:
    """TileJSON 3.0.0 of the map. Addresses are paths, so that they hold behind any proxy."""
    street_map = _map_for_the_signed_in(name)
    address = url_for("tiles.tile", name=name, z=0, x=0, y=0).removesuffix("0/0/0.mvt")
    return _json(
        {
            "tilejson": "3.0.0",
            "name": name,
            "scheme": "xyz",
            "tiles": [f"{address}{{z}}/{{x}}/{{y}}.mvt?v={_version(street_map)}"],
            "minzoom": FIRST_ZOOM,
            "maxzoom": LAST_ZOOM,
            "bounds": [street_map.west, street_map.south, street_map.east, street_map.north],
            "attribution": OSM_LINK if street_map.attribution == OSM else str(escape(street_map.attribution)),
            "vector_layers": _archive(street_map).metadata()["vector_layers"],
        }
    )


@tiles.get("/<name>/style.json")
def style_json(name: str) -> Response:
    """MapLibre style; `?theme=dark` for the dark one."""
    street_map = _map_for_the_signed_in(name)
    theme = request.args.get("theme", "light")
    if theme not in THEMES:
        raise Rejected(f"There is no theme '{theme}': take one of {', '.join(THEMES)}.")
    layers = {layer["id"] for layer in _archive(street_map).metadata()["vector_layers"]}
    return _json(style(theme, url_for("tiles.tilejson", name=name), layers))


def _map_for_the_signed_in(name: str) -> StreetMap:
    identity()  # anybody's: an office role, a key, a driver's link
    return get_map(session(), name)


def _archive(street_map: StreetMap) -> TileArchive:
    settings: Settings = current_app.extensions["kerbside.settings"]
    try:
        return open_archive(MapFiles.of(settings.data_dir, street_map.digest).tiles)
    except FileNotFoundError as error:
        raise Unavailable(f"The files of street map '{street_map.name}' are not on this machine: add the map here as well.") from error


def _version(street_map: StreetMap) -> str:
    return street_map.digest[:12]


def _packed(tile: bytes) -> Response:
    """The tile as it lies in the file, gzipped; unpacked for those few that do not take it so."""
    takes_gzip = request.accept_encodings["gzip"] > 0
    answer = Response(tile if takes_gzip else gzip.decompress(tile), mimetype="application/vnd.mapbox-vector-tile")
    if takes_gzip:
        answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Vary"] = "Accept-Encoding"
    return answer


def _json(body: dict[str, Any]) -> Response:
    answer = jsonify(body)
    answer.headers["Cache-Control"] = FOR_A_MINUTE
    return answer
