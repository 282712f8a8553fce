"""GeoJSON (RFC 7946) of what has a place, and what is wrong with an area that somebody drew."""

from collections.abc import Iterable
from typing import Any

MEDIA_TYPE = "application/geo+json"
AREAS = ("Polygon", "MultiPolygon")


def feature(row_id: int, geometry: dict[str, Any] | None, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "id": row_id, "geometry": geometry, "properties": properties}


def collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def point(lat: float, lon: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lon, lat]}


def area_problem(area: Any) -> str | None:
    """What keeps a value from being a GeoJSON Polygon or MultiPolygon, with the mend; None if nothing does."""
    if not isinstance(area, dict) or area.get("type") not in AREAS:
        return "Is no GeoJSON geometry of type Polygon or MultiPolygon."
    if set(area) - {"type", "coordinates"}:
        return f"Holds more than type and coordinates: remove {', '.join(sorted(set(area) - {'type', 'coordinates'}))}."
    coordinates = area.get("coordinates")
    polygons = coordinates if area["type"] == "MultiPolygon" else [coordinates]
    if not isinstance(polygons, list) or not polygons:
        return "Has no coordinates."
    return next((problem for polygon in polygons if (problem := _polygon_problem(polygon))), None)


def _polygon_problem(polygon: Any) -> str | None:
    if not isinstance(polygon, list) or not polygon:
        return "A polygon is a list of rings: first the outer one, then its holes."
    return next((problem for ring in polygon if (problem := _ring_problem(ring))), None)


def _ring_problem(ring: Any) -> str | None:
    if not isinstance(ring, list) or len(ring) < 4:
        return "A ring needs at least four positions, the last one equal to the first."
    if not all(_is_position(position) for position in ring):
        return "Positions are [lon, lat] in degrees, lon first."
    return None if ring[0] == ring[-1] else "A ring is not closed: repeat its first position at its end."


def _is_position(position: Any) -> bool:
    if not isinstance(position, list) or not 2 <= len(position) <= 3 or not all(_is_number(part) for part in position):
        return False
    return bool(abs(position[0]) <= 180 and abs(position[1]) <= 90)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
