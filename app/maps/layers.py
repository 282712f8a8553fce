"""What the basemap shows: which tags become which layer, from which zoom on.

Layers: `roads` (class, name), `water` (class), `land` (class), `buildings`, `places` (class, name). The style in `style.py` draws them.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import osmium

from app.maps.coast import as_geojson, read_sea
from routing.roads.extract import Area

LAYERS: Final = ("roads", "water", "land", "buildings", "places")

ROADS: Final = {
    "motorway": ("motorway", 5),
    "trunk": ("motorway", 6),
    "primary": ("major", 7),
    "secondary": ("major", 9),
    "tertiary": ("medium", 10),
    "unclassified": ("minor", 11),
    "residential": ("minor", 11),
    "living_street": ("minor", 11),
    "pedestrian": ("minor", 13),
    "service": ("service", 13),
    "track": ("service", 13),
    "footway": ("path", 14),
    "path": ("path", 14),
    "cycleway": ("path", 14),
    "steps": ("path", 14),
}
"""Highway → class and first zoom. Where bins stand is seen from 11 on: a whole town on a screen."""

LAND: Final = {
    ("landuse", "residential"): "town",
    ("landuse", "commercial"): "town",
    ("landuse", "retail"): "town",
    ("landuse", "industrial"): "works",
    ("landuse", "landfill"): "works",
    ("landuse", "forest"): "green",
    ("landuse", "grass"): "green",
    ("landuse", "meadow"): "green",
    ("landuse", "cemetery"): "green",
    ("natural", "wood"): "green",
    ("leisure", "park"): "green",
    ("leisure", "garden"): "green",
    ("leisure", "pitch"): "green",
}
PLACES: Final = {"city": 5, "town": 7, "village": 10, "suburb": 11, "hamlet": 13, "neighbourhood": 13}
WATERWAYS: Final = {"river": 8, "canal": 10, "stream": 13}

_KEYS: Final = ("highway", "waterway", "landuse", "natural", "leisure", "building", "place", "water")
_AREA_KEYS: Final = ("landuse", "natural", "leisure", "waterway", "building", "water")


@dataclass(frozen=True)
class Shown:
    """How a thing is shown: the layer, the first zoom, and what the style may read."""

    layer: str
    first_zoom: int
    properties: dict[str, str]


def show_line(tags: Mapping[str, str]) -> Shown | None:
    """Streets and waterways."""
    kind = tags.get("highway", "")
    known = ROADS.get(kind.removesuffix("_link"))
    if known and tags.get("area") != "yes":
        road_class, zoom = known
        return Shown("roads", zoom + 2 * kind.endswith("_link"), {"class": road_class} | _name(tags))
    waterway = tags.get("waterway", "")
    return Shown("water", WATERWAYS[waterway], {"class": waterway}) if waterway in WATERWAYS else None


def show_area(tags: Mapping[str, str]) -> Shown | None:
    """Water, buildings, land use."""
    if tags.get("natural") == "water" or tags.get("waterway") == "riverbank" or "water" in tags:
        return Shown("water", 6, {"class": "lake"})
    if "building" in tags:
        return Shown("buildings", 14, {})
    land = next((LAND[key, tags[key]] for key in ("landuse", "leisure", "natural") if (key, tags.get(key, "")) in LAND), None)
    return Shown("land", 8, {"class": land}) if land else None


def show_place(tags: Mapping[str, str]) -> Shown | None:
    """Towns and quarters by name."""
    place = tags.get("place", "")
    return Shown("places", PLACES[place], {"class": place} | _name(tags)) if place in PLACES and "name" in tags else None


def _name(tags: Mapping[str, str]) -> dict[str, str]:
    return {"name": tags["name"]} if "name" in tags else {}


def write_layers(extract: Path, folder: Path, area: Area) -> dict[str, int]:
    """Write one file of GeoJSON lines a layer into `folder`; returns how many features each got."""
    written = dict.fromkeys(LAYERS, 0)
    with ExitStack() as stack:
        files = {layer: stack.enter_context((folder / f"{layer}.geojsonl").open("w", encoding="utf-8")) for layer in LAYERS}
        for shown, geometry in _features(extract, area):
            zoom, properties = shown.first_zoom, json.dumps(shown.properties, ensure_ascii=False)
            files[shown.layer].write(
                f'{{"type":"Feature","tippecanoe":{{"minzoom":{zoom}}},"properties":{properties},"geometry":{geometry}}}\n'
            )
            written[shown.layer] += 1
    return written


def _features(extract: Path, area: Area) -> Iterator[tuple[Shown, str]]:
    for sea in read_sea(extract, area):
        yield Shown("water", 0, {"class": "sea"}), json.dumps(as_geojson(sea))
    factory = osmium.geom.GeoJSONFactory()
    entities = osmium.FileProcessor(str(extract)).with_locations().with_areas(osmium.filter.KeyFilter(*_AREA_KEYS))
    for entity in entities.with_filter(osmium.filter.KeyFilter(*_KEYS)):
        try:
            found = _feature(entity, factory)
        except RuntimeError:  # a line whose nodes the extract lacks, an area that does not close: the map does without it
            continue
        if found:
            yield found


def _feature(entity: Any, factory: Any) -> tuple[Shown, str] | None:
    tags = dict(entity.tags)
    if entity.is_way():
        shown = show_line(tags)
        return (shown, factory.create_linestring(entity)) if shown else None
    if entity.is_area():
        shown = show_area(tags)
        return (shown, factory.create_multipolygon(entity)) if shown else None
    shown = show_place(tags) if entity.is_node() else None
    return (shown, factory.create_point(entity)) if shown else None
