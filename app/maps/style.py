"""How the basemap looks, light and dark. No glyph server and no sprite: text is set in the reader's own fonts."""

from collections.abc import Container
from typing import Any, Final

SOURCE: Final = "streets"

# Quiet on purpose: the bins and routes drawn on top carry the colours.
LIGHT: Final = {
    "background": "#f4f3ef",
    "town": "#eceae4",
    "works": "#e6e3e0",
    "green": "#dfe9d8",
    "water": "#c3d7e6",
    "buildings": "#dedbd4",
    "casing": "#bdb8ad",
    "road": "#ffffff",
    "major": "#f9e7b4",
    "path": "#d9d5cc",
    "text": "#4a4a48",
    "halo": "#ffffff",
}
DARK: Final = {
    "background": "#1c1f24",
    "town": "#20242a",
    "works": "#23262b",
    "green": "#1e2a24",
    "water": "#14222e",
    "buildings": "#292d34",
    "casing": "#121417",
    "road": "#4a515c",
    "major": "#6b6450",
    "path": "#2d3138",
    "text": "#c8ccd2",
    "halo": "#15171b",
}
THEMES: Final = {"light": LIGHT, "dark": DARK}

# Width in pixels at zoom 10 and 18.
WIDTHS: Final = {"motorway": (2.0, 22.0), "major": (1.4, 18.0), "medium": (1.0, 14.0), "minor": (0.5, 11.0), "service": (0.3, 6.0)}
_CASING_PX: Final = 1.6


def style(theme: str, tilejson_url: str, has: Container[str]) -> dict[str, Any]:
    """A MapLibre style that draws those layers which the map's tiles have (a style that names others is an error in the browser)."""
    colours = THEMES[theme]
    drawn = [layer for layer in (*_areas(colours), *_roads(colours), *_names(colours)) if layer["source-layer"] in has]
    return {
        "version": 8,
        "name": f"Kerbside {theme}",
        "sources": {SOURCE: {"type": "vector", "url": tilejson_url}},
        "layers": [{"id": "background", "type": "background", "paint": {"background-color": colours["background"]}}, *drawn],
    }


def _layer(layer_id: str, kind: str, source_layer: str, paint: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": layer_id, "type": kind, "source": SOURCE, "source-layer": source_layer, "paint": paint} | more


def _is(*classes: str) -> list[Any]:
    return ["in", ["get", "class"], ["literal", list(classes)]]


def _areas(colours: dict[str, str]) -> list[dict[str, Any]]:
    land = [_layer(f"land-{kind}", "fill", "land", {"fill-color": colours[kind]}, filter=_is(kind)) for kind in ("town", "works", "green")]
    rivers = {"line-color": colours["water"], "line-width": _growing(0.6, 6.0)}
    return [
        *land,
        _layer("water", "fill", "water", {"fill-color": colours["water"]}, filter=_is("sea", "lake")),
        _layer("rivers", "line", "water", rivers, filter=_is("river", "canal", "stream")),
        _layer("buildings", "fill", "buildings", {"fill-color": colours["buildings"]}, minzoom=14),
    ]


def _roads(colours: dict[str, str]) -> list[dict[str, Any]]:
    """Paths, then all casings below all roads, so that junctions are open."""
    path = {"line-color": colours["path"], "line-width": 1, "line-dasharray": [2, 2]}
    rounded = {"line-cap": "round", "line-join": "round"}
    casings, roads = [], []
    for kind, (thin, thick) in reversed(WIDTHS.items()):
        colour = colours["major" if kind in ("motorway", "major") else "road"]
        casing = {"line-color": colours["casing"], "line-width": _growing(thin + _CASING_PX / 2, thick + _CASING_PX)}
        road = {"line-color": colour, "line-width": _growing(thin, thick)}
        casings.append(_layer(f"casing-{kind}", "line", "roads", casing, filter=_is(kind), layout=rounded, minzoom=11))
        roads.append(_layer(f"road-{kind}", "line", "roads", road, filter=_is(kind), layout=rounded))
    return [_layer("paths", "line", "roads", path, filter=_is("path"), minzoom=15), *casings, *roads]


def _growing(at_10: float, at_18: float) -> list[Any]:
    return ["interpolate", ["exponential", 1.6], ["zoom"], 10, at_10, 18, at_18]


def _names(colours: dict[str, str]) -> list[dict[str, Any]]:
    paint = {"text-color": colours["text"], "text-halo-color": colours["halo"], "text-halo-width": 1.4}
    along = {"symbol-placement": "line", "text-field": ["get", "name"], "text-size": 11, "text-font": ["sans-serif"]}
    places = {
        "text-field": ["get", "name"],
        "text-size": ["match", ["get", "class"], "city", 18, "town", 15, 12],
        "text-font": ["sans-serif"],
    }
    return [
        _layer("road-names-major", "symbol", "roads", paint, filter=_is("motorway", "major", "medium"), layout=along, minzoom=13),
        _layer("road-names", "symbol", "roads", paint, filter=_is("minor"), layout=along, minzoom=15),
        _layer("place-names", "symbol", "places", paint, layout=places),
    ]
