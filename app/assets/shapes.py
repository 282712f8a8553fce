"""What a container model says of its shape, and which of it can be meant. Volumes are made of it in `app/telemetry/geometry.py`."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

SHAPES: dict[str, dict[str, tuple[float, float]]] = {
    "upright": {},
    "tapered": {"bottom_to_top": (0.1, 10)},
    "bell": {"shoulder": (0, 0.99)},
    "underground": {"chute_height": (0.01, 0.99), "chute_area": (0.01, 1)},
    "table": {},
}
"""Kinds, and between which bounds their figures lie; a `table` has `points` instead: [height, volume], whole numbers, both ascending."""

MOST_POINTS, LARGEST_POINT = 200, 1_000_000


def faults_of_shape(shape: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each field that has to be mended, and how."""
    kind = shape.get("kind")
    if not isinstance(kind, str) or kind not in SHAPES:
        yield "kind", f"Is one of {', '.join(SHAPES)}."
        return
    wanted = {*SHAPES[kind], *(("points",) if kind == "table" else ())}
    for name in sorted(shape.keys() - wanted - {"kind"}):
        yield name, f"Means nothing for {kind}."
    for name, (low, high) in SHAPES[kind].items():
        if not _is_number(shape.get(name)) or not low <= shape[name] <= high:
            yield name, f"Is a number from {low:g} to {high:g}."
    if kind == "table" and not _is_dip_chart(shape.get("points")):
        yield "points", f"Is a list of up to {MOST_POINTS} pairs [height, volume] of whole numbers, both ascending from above 0."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_dip_chart(points: object) -> bool:
    if not isinstance(points, list) or not 1 <= len(points) <= MOST_POINTS or not all(_is_pair(point) for point in points):
        return False
    return all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise([[0, 0], *points]))


def _is_pair(point: object) -> bool:
    return isinstance(point, list) and len(point) == 2 and all(type(one) is int and 0 < one <= LARGEST_POINT for one in point)
