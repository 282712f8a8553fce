"""The report's charts as inline SVG; colours are the page's, so that they follow light, dark and print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from app.planning.audit.finding import Finding
from app.planning.audit.service import Interval
from app.planning.twin.frontier import Point, hull
from app.planning.twin.replay import Outcome

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 44
NAMES_W, BAR_H = 190, 24
LINES = {"fixed weekdays": "a", "ours": "b", "knowing the future": "c"}


def frontier_chart(finding: Finding) -> str:
    """The figure that is saved against overflow, with today's plan as a dot and the service level as a line."""
    arms = {
        "fixed weekdays": [*finding.outcomes["fixed"], *finding.outcomes["trimmed"]],
        "ours": finding.outcomes["ours"],
        "knowing the future": finding.outcomes["clairvoyant"],
    }
    figure = finding.study.figure
    points = {name: hull([_point(one, figure) for one in arm]) for name, arm in arms.items()}
    return _curves(points, _point(finding.outcomes["trimmed"][0], figure), 100 * finding.overflow_share, f"{figure} a day")


def _point(outcome: Outcome, figure: str) -> Point:
    return Point(100 * outcome.overflow_share, float(getattr(outcome, figure).mean()))


def money_chart(finding: Finding) -> str:
    """The net of each step, with its interval."""
    steps = {"better weekdays": finding.free, "sensors on all": finding.sensors}
    if finding.some is not None:
        steps["sensors on some"] = finding.some
    return bars({name: step.money.net for name, step in steps.items()}, "net saving a year")


def sensor_chart(finding: Finding, most: int) -> str:
    """The price up to which each container's sensor pays, beside what one costs."""
    worth = {one.container: Interval(one.price_worth) for one in finding.worth[:most]}
    return bars(worth, "price up to which a sensor pays", mark=finding.prices.sensor, mark_is="price of a sensor")


def _curves(arms: Mapping[str, Sequence[Point]], today: Point, level: float, unit: str) -> str:
    every = [*(point for points in arms.values() for point in points), today]
    most_x = max(3 * level, today.overflow_share, 0.01)
    most_y = max(point.per_day for point in every) or 1.0

    def x(share: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(share, most_x) / most_x

    def y(amount: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * amount / most_y

    parts = [f'<line class="axis" x1="{LEFT}" y1="{y(0):.1f}" x2="{WIDTH - RIGHT}" y2="{y(0):.1f}"/>']
    for tick in range(5):
        share, amount = most_x * tick / 4, most_y * tick / 4
        parts.append(_text(x(share), HEIGHT - BOTTOM + 16, f"{share:.2f}", "middle"))
        parts.append(_text(LEFT - 8, y(amount) + 4, f"{amount:,.0f}", "end"))
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y(amount):.1f}" x2="{WIDTH - RIGHT}" y2="{y(amount):.1f}"/>')
    parts.append(f'<line class="mark" x1="{x(level):.1f}" y1="{TOP}" x2="{x(level):.1f}" y2="{y(0):.1f}"/>')
    for number, (name, points) in enumerate(arms.items()):
        within = [point for point in points if point.overflow_share <= most_x]
        path = " ".join(f"{x(point.overflow_share):.1f},{y(point.per_day):.1f}" for point in within)
        parts.append(f'<polyline class="line {LINES[name]}" points="{path}"/>')
        parts.extend(f'<circle class="dot {LINES[name]}" cx="{x(p.overflow_share):.1f}" cy="{y(p.per_day):.1f}" r="3"/>' for p in within)
        parts.append(f'<rect class="{LINES[name]}" x="{WIDTH - 190}" y="{TOP + 18 * number}" width="12" height="12"/>')
        parts.append(_text(WIDTH - 172, TOP + 18 * number + 10, name))
    parts.append(f'<circle class="today" cx="{x(today.overflow_share):.1f}" cy="{y(today.per_day):.1f}" r="6"/>')
    parts.append(_text(WIDTH - 172, TOP + 64, "○ today; ┊ service level"))
    parts.append(_text(LEFT, HEIGHT - 6, f"overflow, % of container-days (across); {unit} (up)"))
    return _svg(HEIGHT, parts, f"{unit} against overflow")


def bars(values: Mapping[str, Interval], title: str, *, mark: float | None = None, mark_is: str = "") -> str:
    """A bar each, with a whisker where there is an interval; a dashed line at the mark."""
    known = [end for one in values.values() for end in (one.value, one.low, one.high) if end == end]
    ends = [0.0, *known, *([] if mark is None else [mark])]
    least, most = min(ends), max(ends)
    scale = (WIDTH - NAMES_W - 90) / ((most - least) or 1.0)
    height = BAR_H * len(values) + 34

    def x(amount: float) -> float:
        return NAMES_W + 10 + (amount - least) * scale

    parts = []
    for number, (name, one) in enumerate(values.items()):
        top = BAR_H * number + 4
        left, right = sorted((x(0.0), x(one.value)))
        parts.append(_text(NAMES_W, top + 13, name, "end"))
        kind = "a" if one.value >= 0 else "d"
        parts.append(f'<rect class="{kind}" x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="16"/>')
        if one.is_known:
            parts.append(f'<line class="whisker" x1="{x(one.low):.1f}" y1="{top + 8}" x2="{x(one.high):.1f}" y2="{top + 8}"/>')
        beyond = max(right, x(one.high) if one.is_known else right)
        parts.append(_text(beyond + 6, top + 13, f"{one.value:,.0f}"))
    parts.append(f'<line class="axis" x1="{x(0):.1f}" y1="0" x2="{x(0):.1f}" y2="{BAR_H * len(values)}"/>')
    if mark is not None:
        parts.append(f'<line class="mark" x1="{x(mark):.1f}" y1="0" x2="{x(mark):.1f}" y2="{BAR_H * len(values)}"/>')
    parts.append(_text(10, height - 8, title + (f"; ┊ {mark_is}" if mark_is else "")))
    return _svg(height, parts, title)


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(height: int, parts: Sequence[str], title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
