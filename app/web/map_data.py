"""What the dispatcher's map draws, as GeoJSON: bins by fill, routes along the streets, depots and facilities."""

from typing import Any

from app.db import TenantSession
from app.tenancy.queries import get_tenant
from app.web.fill import fill_band
from app.web.formats import percent
from app.web.night_view import ContainerView, NightView, PlanView, list_places, point_of


def draw_night(session: TenantSession, night: NightView) -> dict[str, Any]:
    """Everything the map needs in one answer (the night has been loaded with its paths); `map` is None where the town has none."""
    bins = [_bin(one) for one in night.containers]
    places = [_feature("Point", point_of(place), kind=kind, name=place.name) for kind, place in list_places(session)]
    routes = [] if night.shown is None else _routes(night.shown)
    return {
        "map": get_tenant(session).map_name,
        "bounds": _bounds([*bins, *places]),
        "bins": _collection(bins),
        "places": _collection(places),
        "routes": _collection(routes),
    }


def _routes(shown: PlanView) -> list[dict[str, Any]]:
    return [
        _feature("LineString", one.route.path, route=one.route.id, number=one.number, colour=one.colour, name=one.vehicle.code)
        for one in shown.routes
        if len(one.route.path) > 1
    ]


def _bin(one: ContainerView) -> dict[str, Any]:
    fill_pct = one.state.fill_pct if one.state else None
    return _feature(
        "Point",
        point_of(one.standing.site),
        container=one.standing.container.id,
        band=fill_band(fill_pct),
        route=one.route.route.id if one.route else 0,
        label=f"{one.standing.container.code} · {one.standing.site.name} · {percent(fill_pct)}",
    )


def _feature(shape: str, coordinates: Any, /, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": shape, "coordinates": coordinates}, "properties": properties}


def _collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}


def _bounds(points: list[dict[str, Any]]) -> list[float] | None:
    """West, south, east, north; None without a point."""
    if not points:
        return None
    lons = [one["geometry"]["coordinates"][0] for one in points]
    lats = [one["geometry"]["coordinates"][1] for one in points]
    return [min(lons), min(lats), max(lons), max(lats)]
