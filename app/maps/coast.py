"""The sea: in OpenStreetMap it is no area but a coastline, with land on its left and water on its right.

Coastlines are joined, clipped to a rectangle, and closed along its rim: whoever follows the coast with the water to the right and turns
right at the rim, walks clockwise around the water. An extract may stop in mid-coast; the loose end is then carried on to the nearest rim.
Where the pieces contradict each other there is no sea at all: a plain shore misleads nobody, a flooded town does.
"""

import math
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import osmium

from routing.roads.extract import Area

Point = tuple[float, float]
Line = list[Point]
Polygon = list[Line]
"""Outer ring and holes, each closed."""

_CRUMB: Final = 0.05  # of the rectangle's shorter side
_ROUNDING_DEG: Final = 1e-9


def read_sea(extract: Path, area: Area) -> list[Polygon]:
    """Polygons of the sea within `area`; none where the extract holds no coastline."""
    ways: Any = osmium.FileProcessor(str(extract)).with_locations().with_filter(osmium.filter.TagFilter(("natural", "coastline")))
    lines = [[(node.lon, node.lat) for node in way.nodes if node.location.valid()] for way in ways if way.is_way()]
    return sea_polygons([line for line in lines if len(line) > 1], area)


def sea_polygons(coastlines: Iterable[Line], area: Area) -> list[Polygon]:
    """Water within `area`, given coastlines with water on their right."""
    joined = join(coastlines)
    pieces = [piece for line in joined for piece in clip(line, area)]
    rings = [piece for piece in pieces if piece[0] == piece[-1]]
    shores = [_to_rim(piece, area) for piece in pieces if piece[0] != piece[-1] and not _is_crumb(piece, area)]
    if not _agree(shores, area):
        return []
    islands = [ring for ring in rings if signed_area(ring) > 0]
    waters = [ring for ring in rings if signed_area(ring) < 0] + _close_along_rim(shores, area)
    if islands and not waters:
        waters = [_corners_ring(area)]
    return [[water, *(island for island in islands if contains(water, island[0]))] for water in waters]


def join(lines: Iterable[Line]) -> list[Line]:
    """Put together lines of which one ends where the next starts."""
    starting = {line[0]: list(line) for line in lines if len(line) > 1}
    ends = {line[-1] for line in starting.values()}
    joined = []
    for start in [start for start in starting if start not in ends] + list(starting):  # open coasts first, then rings
        line = starting.pop(start, None)
        if line is None:
            continue
        while line[-1] != line[0] and line[-1] in starting:
            line += starting.pop(line[-1])[1:]
        joined.append(line)
    return joined


def clip(line: Line, area: Area) -> list[Line]:
    """The pieces of a line within the rectangle; a ring that lies within stays one closed piece."""
    pieces: list[Line] = []
    for a, b in pairwise(line):
        inside = _clip_step(a, b, area)
        if inside is None:
            continue
        if pieces and pieces[-1][-1] == inside[0]:
            pieces[-1].append(inside[1])
        else:
            pieces.append(list(inside))
    if len(pieces) > 1 and line[0] == line[-1] and pieces[0][0] == pieces[-1][-1]:
        pieces[0] = pieces.pop() + pieces[0][1:]  # the ring began in the middle of a piece
    return pieces


def _clip_step(a: Point, b: Point, area: Area) -> tuple[Point, Point] | None:
    """Liang and Barsky's clipping of one straight step."""
    enter, leave = 0.0, 1.0
    for axis, low, high in ((0, area.west, area.east), (1, area.south, area.north)):
        step = b[axis] - a[axis]
        if step == 0:
            if not low <= a[axis] <= high:
                return None
            continue
        first, second = sorted(((low - a[axis]) / step, (high - a[axis]) / step))
        enter, leave = max(enter, first), min(leave, second)
    return (_along(a, b, enter), _along(a, b, leave)) if enter < leave else None


def _along(a: Point, b: Point, share: float) -> Point:
    if share in (0.0, 1.0):
        return a if share == 0.0 else b
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _is_crumb(piece: Line, area: Area) -> bool:
    """A loose end, cut off so short that the side on which it would close is chance."""
    loose = any(math.dist(_nearest_on_rim(end, area), end) > _ROUNDING_DEG for end in (piece[0], piece[-1]))
    extent = max(max(line) - min(line) for line in zip(*piece, strict=True))
    return loose and extent < _CRUMB * min(area.east - area.west, area.north - area.south)


def _agree(shores: list[Line], area: Area) -> bool:
    """Around the rim, shores must begin and end in turns: land, water, land, water."""
    ends = [(_clockwise(shore[0], area), "begins") for shore in shores] + [(_clockwise(shore[-1], area), "ends") for shore in shores]
    kinds = [kind for _, kind in sorted(ends)]
    return all(a != b for a, b in pairwise(kinds))


def _to_rim(piece: Line, area: Area) -> Line:
    return [_nearest_on_rim(piece[0], area), *piece, _nearest_on_rim(piece[-1], area)]


def _nearest_on_rim(point: Point, area: Area) -> Point:
    x, y = point
    on_rim = {(area.west, y), (area.east, y), (x, area.south), (x, area.north)}
    return min(on_rim, key=lambda other: abs(other[0] - x) + abs(other[1] - y))


def _close_along_rim(shores: list[Line], area: Area) -> list[Line]:
    """Rings of water: from where a shore meets the rim, clockwise along the rim to where the next one leaves it."""
    rings = []
    waiting = list(shores)
    while waiting:
        ring = list(waiting.pop())
        while True:
            here = _clockwise(ring[-1], area)
            home = (_clockwise(ring[0], area) - here) % 4
            ahead = [((_clockwise(shore[0], area) - here) % 4, shore) for shore in waiting]
            distance, following = min(ahead, key=lambda found: found[0], default=(home, None))
            if following is None or home <= distance:
                rings.append([*ring, *_corners_between(here, home, area), ring[0]])
                break
            waiting.remove(following)
            ring += [*_corners_between(here, distance, area), *following]
    return rings


def _clockwise(point: Point, area: Area) -> float:
    """Where on the rim, 0..4 clockwise from the north-western corner."""
    across, up = (point[0] - area.west) / (area.east - area.west), (point[1] - area.south) / (area.north - area.south)
    beside = {abs(1 - up): across, abs(1 - across): 2 - up, abs(up): 3 - across, abs(across): 3 + up}
    return beside[min(beside)] % 4


def _corners_between(here: float, distance: float, area: Area) -> Line:
    corners = [(area.west, area.north), (area.east, area.north), (area.east, area.south), (area.west, area.south)]
    return [corners[k % 4] for k in range(int(here) + 1, int(here + distance) + 1)]


def _corners_ring(area: Area) -> Line:
    return [(area.west, area.north), *_corners_between(0.0, 3.0, area), (area.west, area.north)]


def signed_area(ring: Line) -> float:
    """Positive for a ring that runs counter-clockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


def contains(ring: Line, point: Point) -> bool:
    """Whether the point lies within: a ray to the east crosses the ring an odd number of times."""
    x, y = point
    crossings = ((a[1] > y) != (b[1] > y) and x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) for a, b in pairwise(ring))
    return sum(crossings) % 2 == 1


def as_geojson(polygon: Polygon) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": polygon}
