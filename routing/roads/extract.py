"""Read the streets of an OpenStreetMap extract: stretches between junctions, their tags, and the turn restrictions.

Python touches every way once; cutting ways into segments and numbering junctions is done on whole arrays.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import osmium

from routing.roads import tags as meaning
from routing.roads.sphere import METRES_PER_DEGREE, as_points, great_circle_m

Array = npt.NDArray[Any]
Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0..1."""

_NOWHERE = 2_147_483_647  # osmium's coordinate of a node that the extract does not hold
_KEYS = ("highway", "barrier", "restriction", "restriction:hgv")


class RuleKind(IntEnum):
    """What a turn restriction says about the turn it names."""

    NO = 0
    NO_U_TURN = 1
    ONLY = 2


@dataclass(frozen=True)
class TurnRule:
    """One turn restriction at a junction, by the extract's way ids and our node index."""

    kind: RuleKind
    from_way: int
    via_node: int
    to_way: int
    heavy: bool
    light: bool


@dataclass(frozen=True, kw_only=True)
class Area:
    """A rectangle in degrees; streets beyond it are left out."""

    west: float
    south: float
    east: float
    north: float

    def __post_init__(self) -> None:
        if not (-180 <= self.west < self.east <= 180 and -90 <= self.south < self.north <= 90):
            raise ValueError(f"not a rectangle on the map: {self}")

    @classmethod
    def around(cls, points: npt.ArrayLike, *, margin_m: float = 5_000) -> Self:
        """Build the smallest rectangle that leaves `margin_m` around every point (longitude, latitude)."""
        array = as_points(points)
        if not len(array):
            raise ValueError("an area around no points")
        (west, south), (east, north) = array.min(axis=0), array.max(axis=0)
        up = margin_m / METRES_PER_DEGREE
        side = up / max(math.cos(math.radians(max(abs(south), abs(north)))), 0.01)
        return cls(west=max(west - side, -180), south=max(south - up, -90), east=min(east + side, 180), north=min(north + up, 90))

    def touches(self, xs: list[int], ys: list[int]) -> bool:
        """Whether any of the vertices (10⁻⁷ degrees, as the extract counts) lies within: keeps a country's streets out of memory."""
        west, south, east, north = (round(side * 1e7) for side in (self.west, self.south, self.east, self.north))
        return any(west <= x <= east and south <= y <= north for x, y in zip(xs, ys, strict=True))


@dataclass(frozen=True, eq=False, kw_only=True)
class Streets:
    """Streets cut at their junctions.

    V vertices in the order of their streets, S segments (a stretch between two junctions, an inclusive range of vertices),
    N nodes (junctions and ends), W streets (ways of the extract). Sizes are limits in metres and tonnes, infinite if untagged.
    """

    lon: Array
    lat: Array
    along_m: Array
    """Metres from the start of the vertex's street, shape (V,)."""
    segment_first: Array
    segment_last: Array
    segment_street: Array
    segment_from: Array
    segment_to: Array
    node_blocked: Array
    street_osm_id: Array
    street_class: Array
    """Index into `tags.HIGHWAY_CLASSES`, shape (W,)."""
    street_direction: Array
    street_name: Array
    """Index into `names`."""
    limit_heavy_kmh: Array
    limit_light_kmh: Array
    access_heavy: Array
    access_light: Array
    max_height_m: Array
    max_weight_t: Array
    max_width_m: Array
    max_length_m: Array
    names: tuple[str, ...]
    turn_rules: tuple[TurnRule, ...] = ()

    @property
    def length_m(self) -> Array:
        """Length of each segment in metres, float64, shape (S,)."""
        return np.asarray(self.along_m[self.segment_last] - self.along_m[self.segment_first])


@dataclass
class _Raw:
    """What one pass over the file collects, before anything is cut."""

    area: Area | None = None
    refs: list[int] = field(default_factory=list)
    xs: list[int] = field(default_factory=list)
    ys: list[int] = field(default_factory=list)
    vertices: list[int] = field(default_factory=list)
    ways: list[tuple[float, ...]] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=lambda: {"": 0})
    barriers: list[int] = field(default_factory=list)
    rules: list[tuple[RuleKind, int, int, int, bool, bool]] = field(default_factory=list)


def read_streets(pbf: str | Path, *, area: Area | None = None, progress: Progress | None = None) -> Streets:
    """Read the streets on which a motor vehicle may drive.

    Parameters
    ----------
    pbf
        An ``.osm.pbf`` extract.
    area
        Leave out what lies beyond; streets end at its rim. None reads everything.
    progress
        Told the stages ``read`` and ``cut``.

    Raises
    ------
    ValueError
        If the file is no extract, or holds no street (within the area).
    """
    tell = progress or (lambda _stage, _share: None)
    tell("read", 0.0)
    raw = _Raw(area)
    Path(pbf).stat()  # a missing file is no broken one
    try:
        for entity in osmium.FileProcessor(str(pbf)).with_locations().with_filter(osmium.filter.KeyFilter(*_KEYS)):
            _take(raw, entity)
    except RuntimeError as error:
        raise ValueError(f"{pbf} cannot be read as an OpenStreetMap extract: {error}") from error
    tell("read", 1.0)
    streets = _cut(raw, area)
    tell("cut", 1.0)
    return streets


def _take(raw: _Raw, entity: Any) -> None:
    if entity.is_way():
        _take_way(raw, entity)
    elif entity.is_node():
        if meaning.blocks_vehicles(dict(entity.tags)):
            raw.barriers.append(entity.id)
    elif entity.is_relation():
        raw.rules.extend(_read_rule(dict(entity.tags), [(m.type, m.role, m.ref) for m in entity.members]))


def _take_way(raw: _Raw, way: Any) -> None:
    if "highway" not in way.tags:
        return
    tags = dict(way.tags)
    kind, along = meaning.highway_class(tags), meaning.direction(tags)
    heavy, light = meaning.access(tags, heavy=True), meaning.access(tags, heavy=False)
    if kind is None or along is None or max(heavy, light) == meaning.Access.CLOSED or len(way.nodes) < 2:
        return
    xs, ys = [node.x for node in way.nodes], [node.y for node in way.nodes]
    if raw.area and not raw.area.touches(xs, ys):
        return
    raw.refs.extend([node.ref for node in way.nodes])
    raw.xs.extend(xs)
    raw.ys.extend(ys)
    raw.vertices.append(len(way.nodes))
    name = raw.names.setdefault(tags.get("name") or tags.get("ref", ""), len(raw.names))
    limits = (meaning.speed_limit_kmh(tags), meaning.speed_limit_kmh(tags, heavy=False))
    sizes = (
        meaning.max_size_m(tags, "height"),
        meaning.max_weight_t(tags),
        meaning.max_size_m(tags, "width"),
        meaning.max_size_m(tags, "length"),
    )
    raw.ways.append((way.id, meaning.HIGHWAY_CLASSES.index(kind), along, name, *limits, heavy, light, *sizes))


def _read_rule(tags: dict[str, str], members: Iterable[tuple[str, str, int]]) -> Iterable[tuple[RuleKind, int, int, int, bool, bool]]:
    """Rules of one relation; several ``from`` or ``to`` make several. Those via a way, or incomplete ones, give none."""
    exempt = {part.strip() for part in tags.get("except", "").split(";")}
    everyone, for_heavy = tags.get("restriction", ""), tags.get("restriction:hgv", "")
    light = bool(everyone) and not exempt & {"motor_vehicle", "goods"}
    heavy = bool(for_heavy) or (light and "hgv" not in exempt)
    text = everyone or for_heavy
    kind = RuleKind.ONLY if text.startswith("only_") else RuleKind.NO_U_TURN if text == "no_u_turn" else RuleKind.NO
    named = {role: [ref for t, r, ref in members if (t, r) == (sort, role)] for sort, role in (("w", "from"), ("n", "via"), ("w", "to"))}
    if not text.startswith(("no_", "only_")) or not (heavy or light) or len(named["via"]) != 1:
        return []
    return [(kind, a, named["via"][0], b, heavy, light) for a in named["from"] for b in named["to"]]


def _cut(raw: _Raw, area: Area | None) -> Streets:
    """Cut the ways at junctions, barriers and gaps (nodes that the extract or the area lacks)."""
    refs, counts = np.array(raw.refs, np.int64), np.array(raw.vertices, np.int64)
    lon, lat = np.array(raw.xs, np.int64) / 1e7, np.array(raw.ys, np.int64) / 1e7
    here = np.array(raw.xs, np.int64) != _NOWHERE
    if area:
        here &= (lon >= area.west) & (lon <= area.east) & (lat >= area.south) & (lat <= area.north)
    street = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts

    first, last = _segments(refs, here, street, starts, np.array(raw.barriers, np.int64)) if len(refs) else (refs, refs)
    if not len(first):
        raise ValueError("no street for motor vehicles in the extract" + (" within the area" if area else ""))
    node_refs, ends = np.unique(np.concatenate((refs[first], refs[last])), return_inverse=True)

    step_m = np.where(here[:-1] & here[1:] & (street[:-1] == street[1:]), great_circle_m(lon[:-1], lat[:-1], lon[1:], lat[1:]), 0.0)
    travelled_m = np.concatenate(([0.0], np.cumsum(step_m)))
    column = np.array(raw.ways, np.float64).T
    return Streets(
        lon=lon,
        lat=lat,
        along_m=travelled_m - travelled_m[starts][street],
        segment_first=first.astype(np.int32),
        segment_last=last.astype(np.int32),
        segment_street=street[first].astype(np.int32),
        segment_from=ends[: len(first)].astype(np.int32),
        segment_to=ends[len(first) :].astype(np.int32),
        node_blocked=np.isin(node_refs, raw.barriers),
        street_osm_id=column[0].astype(np.int64),
        street_class=column[1].astype(np.int8),
        street_direction=column[2].astype(np.int8),
        street_name=column[3].astype(np.int32),
        limit_heavy_kmh=column[4].astype(np.float32),
        limit_light_kmh=column[5].astype(np.float32),
        access_heavy=column[6].astype(np.int8),
        access_light=column[7].astype(np.int8),
        max_height_m=column[8].astype(np.float32),
        max_weight_t=column[9].astype(np.float32),
        max_width_m=column[10].astype(np.float32),
        max_length_m=column[11].astype(np.float32),
        names=tuple(raw.names),
        turn_rules=_rules_at(raw.rules, node_refs),
    )


def _segments(refs: Array, here: Array, street: Array, starts: Array, barriers: Array) -> tuple[Array, Array]:
    """First and last vertex of each segment: from one cut to the next on the same street, with no gap between."""
    unique, inverse, uses = np.unique(refs, return_inverse=True, return_counts=True)
    cut = (uses > 1)[inverse] | np.isin(unique, barriers)[inverse]
    cut[starts] = True
    cut[np.append(starts[1:], len(refs)) - 1] = True
    cut[:-1] |= ~here[1:]
    cut[1:] |= ~here[:-1]
    at = np.flatnonzero(cut & here)
    first, last = at[:-1], at[1:]
    missing = np.cumsum(~here)
    whole = (street[first] == street[last]) & (missing[first] == missing[last])
    repeated = (last - first == 1) & (refs[first] == refs[last])  # a node named twice in a row is no street
    return first[whole & ~repeated], last[whole & ~repeated]


def _rules_at(rules: list[tuple[RuleKind, int, int, int, bool, bool]], node_refs: Array) -> tuple[TurnRule, ...]:
    index = {int(ref): i for i, ref in enumerate(node_refs)} if rules else {}
    return tuple(TurnRule(kind, a, index[via], b, heavy, light) for kind, a, via, b, heavy, light in rules if via in index)
