"""Lines over time as SVG: geometry is worked out here, so that charts need no script, print well and can be read as a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import groupby
from math import ceil, floor, log10
from typing import Any

WIDTH, HEIGHT = 760, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 26
Point = tuple[Any, float | None]
"""A date or an instant, and a value; None breaks the line."""


@dataclass(frozen=True)
class Line:
    """A named line; `style` is its CSS class."""

    label: str
    style: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Band:
    """The area between a low and a high line."""

    label: str
    style: str
    points: Sequence[tuple[Any, float, float]]


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """Ready to be written as SVG."""

    unit: str
    lines: list[tuple[Line, list[str], list[tuple[float, float]]]]
    """Each line with its paths and, for points that stand alone, dots."""
    bands: list[tuple[Band, str]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    marks: list[Tick] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def draw(
    lines: Sequence[Line], *, unit: str, bands: Sequence[Band] = (), marks: Sequence[tuple[Any, str]] = (), floor_at: float = 0.0
) -> Chart | None:
    """Lines and bands on common axes, with vertical marks; None where there is nothing to draw."""
    moments = [_seconds(at) for line in lines for at, value in line.points if value is not None]
    moments += [_seconds(at) for band in bands for at, *_ in band.points]
    values = [value for line in lines for _, value in line.points if value is not None] + [
        high for band in bands for *_, high in band.points
    ]
    if not moments:
        return None
    x = _scale(min(moments), max(moments), LEFT, WIDTH - RIGHT)
    heights = _nice_steps(_lowest(values, floor_at), max(values))
    y = _scale(heights[0], heights[-1], HEIGHT - BOTTOM, TOP)
    return Chart(
        unit=unit,
        lines=[(line, *_trace(line, x, y)) for line in lines],
        bands=[(band, _outline(band, x, y)) for band in bands],
        x_ticks=[Tick(x(at), f"{datetime.fromtimestamp(at, UTC):%d %b}") for at in _days(min(moments), max(moments))],
        y_ticks=[Tick(y(value), f"{value:,.10g}") for value in heights],
        marks=[Tick(x(_seconds(at)), label) for at, label in marks if min(moments) <= _seconds(at) <= max(moments)],
    )


def _seconds(at: date | datetime) -> float:
    return at.timestamp() if isinstance(at, datetime) else datetime.combine(at, time(), UTC).timestamp()


def _scale(low: float, high: float, first: float, last: float) -> Any:
    span = (high - low) or 1.0
    return lambda value: round(first + (value - low) / span * (last - first), 1)


def _lowest(values: list[float], floor_at: float) -> float:
    """Where the axis begins: at the floor, also when noise dips a little below it (a sensor's -1 %)."""
    lowest = min(floor_at, *values)
    return floor_at if floor_at - lowest < (max(values) - lowest) / 20 else lowest


def _nice_steps(low: float, high: float, *, about: int = 4) -> list[float]:
    """Round numbers from below `low` to above `high`."""
    raw = max(high - low, 1e-9) / about
    unit = 10.0 ** floor(log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * 0.999)
    return [round(step * number, 10) for number in range(floor(low / step), ceil(high / step) + 1)]


def _days(first: float, last: float, *, most: int = 8) -> list[float]:
    """Midnights (UTC), evenly apart, at most so many."""
    day = 86_400
    begin = ceil(first / day)
    count = max(1, floor(last / day) - begin + 1)
    return [number * day for number in range(begin, begin + count, max(1, ceil(count / most)))]


def _trace(line: Line, x: Any, y: Any) -> tuple[list[str], list[tuple[float, float]]]:
    paths, dots = [], []
    for known, points in groupby(line.points, key=lambda point: point[1] is not None):
        placed = [(x(_seconds(at)), y(value)) for at, value in points] if known else []
        if len(placed) == 1:
            dots.append(placed[0])
        elif placed:
            paths.append("M" + "L".join(f"{across},{up}" for across, up in placed))
    return paths, dots


def _outline(band: Band, x: Any, y: Any) -> str:
    there = [(x(_seconds(at)), y(high)) for at, _, high in band.points]
    back = [(x(_seconds(at)), y(low)) for at, low, _ in reversed(band.points)]
    return "M" + "L".join(f"{across},{up}" for across, up in [*there, *back]) + "Z"
