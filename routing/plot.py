"""A plan as a picture: its routes on the plane, where coordinates are known, and below what each truck has on board over its round.

matplotlib is loaded only when something is drawn, and nothing of its global state is used: a figure belongs to whoever asked for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from routing.instances import Instance
from routing.instances.figures import Floats
from routing.instances.kim import FEET_PER_MILE
from routing.instances.vrplib import THOUSANDTHS
from routing.plan import Plan, Route, VisitKind
from routing.problem import Problem, Vehicle

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#5B4B9A")
"""Told apart by colour-blind people too: Okabe and Ito's without yellow and black, which are pale or mean places; and a violet."""
INK, PAPER, QUIET = "#222222", "#ffffff", "#8a8a8a"
LINES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
"""One a dimension of the load."""

WIDTH_IN, MARGIN_IN, HEAD_IN, MAP_IN = 12.0, 0.45, 0.5, 8.0
LEGEND_ROW_IN, LEGEND_COLUMNS = 0.2, 3
PANEL_IN, PANEL_HEAD_IN, GAP_IN = 0.95, 0.3, 0.15
PANEL_COLUMNS_OF = ((3, 1), (8, 2), (24, 4))
"""Up to so many routes so many columns; beyond, the most."""
MOST_PANEL_COLUMNS = 5
MANY_STOPS = 150
EARTH_M = 6_371_000
HOUR_STEPS_S = (900, 1_800, 3_600, 7_200, 14_400, 28_800)


@dataclass(frozen=True)
class Scale:
    """How lengths and hours are written.

    Parameters
    ----------
    unit, metres
        Name of the unit of length, "" for bare numbers, and how many of the problem's metres make one.
    seconds
        How many of the problem's seconds make one in print, which then is a bare number; None for hours and minutes after midnight.
    """

    unit: str = "km"
    metres: int = 1_000
    seconds: int | None = None

    def length(self, metres: int) -> str:
        amount = metres / self.metres
        return f"{amount:,.1f} {self.unit}" if self.unit else f"distance {amount:,.0f}"

    def hour(self, seconds: float) -> str:
        whole_s = round(seconds)
        return f"{whole_s // 3_600}:{whole_s % 3_600 // 60:02d}" if self.seconds is None else f"{seconds / self.seconds:,.0f}"


def scale_of(instance: Instance) -> Scale:
    """Kilometres and hours for problems of ours, miles for Kim's, the file's own bare numbers for all other instances."""
    if instance.dialect == "Kim":
        return Scale("miles", FEET_PER_MILE)
    if instance.unit != "distance":
        return Scale()
    # What a unit of distance costs may be printed in yet smaller parts: there the file's thousandths are meant.
    parts = min(instance.divisors[0], THOUSANDTHS.scale)
    return Scale("", parts, seconds=parts)


def on_plane(places: Floats) -> Floats:
    """Latitude and longitude in degrees, shape (n, 2), as metres east and north of their middle: true enough for a town.

    Longitudes are counted the short way round from the first place, so that a town may lie on the 180th meridian.
    """
    lat, lon = np.radians(places[:, 0]), np.radians((places[:, 1] - places[:1, 1] + 180) % 360 - 180)
    east_m, north_m = EARTH_M * np.cos(lat.mean()) * (lon - lon.mean()), EARTH_M * (lat - lat.mean())
    return np.column_stack((east_m, north_m))


def draw_plan(problem: Problem, plan: Plan, *, xy: Floats | None = None, title: str = "", scale: Scale | None = None) -> Figure:
    """Routes on the plane, one colour and number a route, and a profile of load over time for each.

    Parameters
    ----------
    problem, plan
        Any plan of the problem, sound or not; routes of unknown vehicles are left out.
    xy
        Where each location lies, shape (n, 2), both axes in one unit. None: only the profiles are drawn.
    scale
        Kilometres and hours by default.

    Returns
    -------
    Figure
        For `write_plot`, or to be drawn on.
    """
    return _Picture(problem, plan, xy, title, scale or Scale()).figure()


def write_plot(figure: Figure, path: Path | str) -> None:
    """Write the picture as the path's ending says (.svg, .png, .pdf). The same picture gives the same SVG, to the byte."""
    import matplotlib

    path = Path(path)
    bare = {"Date": None, "Creator": None} if path.suffix.lower() == ".svg" else None
    # Ids in an SVG are random, and its letters are drawn as lines, unless these say otherwise; they are read from nowhere else.
    with matplotlib.rc_context({"svg.hashsalt": "kerbside", "svg.fonttype": "none"}):
        figure.savefig(path, metadata=bare, dpi=110)


SPANS = {VisitKind.UNLOAD: ("unloading", "#d9d9d9", ""), VisitKind.BREAK: ("break", "#f3e3a1", "////")}
"""What is not collecting: its name, colour and hatching."""


@dataclass(frozen=True)
class _Track:
    """A route as it is drawn: its number and colour, and the locations that it passes."""

    number: int
    route: Route
    vehicle: Vehicle
    colour: str
    locations: tuple[int, ...]


class _Picture:
    """One figure; from top to bottom: headline, plane, legend, profiles, in inches so that many routes make it longer, not denser."""

    def __init__(self, problem: Problem, plan: Plan, xy: Floats | None, title: str, scale: Scale) -> None:
        self.problem, self.plan, self.xy, self.title, self.scale = problem, plan, xy, title, scale
        self.tracks = list(_tracks(problem, plan, xy))

    def figure(self) -> Figure:
        from matplotlib.figure import Figure

        rows = ceil(len(self.tracks) / self._columns)
        map_in = 0.0 if self.xy is None else MAP_IN
        legend_in = LEGEND_ROW_IN * self._legend_rows
        height_in = HEAD_IN + map_in + legend_in + rows * (PANEL_IN + PANEL_HEAD_IN) + MARGIN_IN
        figure = Figure(figsize=(WIDTH_IN, height_in), facecolor=PAPER)
        figure.text(MARGIN_IN / WIDTH_IN, 1 - 0.3 / height_in, self._headline(), fontsize=12, color=INK, va="center")
        if self.xy is not None:
            self._draw_plane(_axes(figure, MARGIN_IN, HEAD_IN, WIDTH_IN - 2 * MARGIN_IN, map_in), self.xy)
        self._draw_legend(_axes(figure, MARGIN_IN, HEAD_IN + map_in, WIDTH_IN - 2 * MARGIN_IN, legend_in))
        self._draw_profiles(figure, HEAD_IN + map_in + legend_in)
        return figure

    @property
    def _columns(self) -> int:
        return next((columns for most, columns in PANEL_COLUMNS_OF if len(self.tracks) <= most), MOST_PANEL_COLUMNS)

    @property
    def _legend_rows(self) -> int:
        """One for the signs, and one to breathe."""
        return 2 + ceil(len(self.tracks) / LEGEND_COLUMNS)

    def _headline(self) -> str:
        routes = f"{len(self.tracks)} route{'' if len(self.tracks) == 1 else 's'}"
        said = [routes, f"{len(self.plan.served):,} stops", self.scale.length(self.plan.distance_m)]
        said += [f"{len(self.plan.unserved):,} stops left out"] if self.plan.unserved else []
        return ": ".join(filter(None, (self.title, ", ".join(said))))

    # -- the plane ---------------------------------------------------------------------------------------------------------

    def _draw_plane(self, axes: Axes, xy: Floats) -> None:
        axes.set_aspect("equal")
        axes.set_axis_off()
        size = 16 if len(self.problem.stops) <= MANY_STOPS else 6
        for track in self.tracks:
            _draw_track(axes, xy, track, size)
        left_out = [self.problem.stop_by_key[one.stop].location for one in self.plan.unserved if one.stop in self.problem.stop_by_key]
        depots = [place for vehicle in self.problem.vehicles for place in (vehicle.start_location, vehicle.end_location)]
        _mark(axes, xy, left_out, "X", size=2 * size, colour=QUIET)
        _mark(axes, xy, [facility.location for facility in self.problem.facilities], "^", size=110)
        _mark(axes, xy, depots, "s", size=70)
        for track in self.tracks:
            _write_number(axes, xy, track)
        # Facilities that nobody drives to may lie so far away that the city would shrink to a dot.
        shown = xy[[*(stop.location for stop in self.problem.stops), *depots, *(place for one in self.tracks for place in one.locations)]]
        room = 0.03 * np.ptp(shown, axis=0).max() or 1.0
        axes.set_xlim(shown[:, 0].min() - room, shown[:, 0].max() + room)
        axes.set_ylim(shown[:, 1].min() - room, shown[:, 1].max() + room)

    # -- the legend --------------------------------------------------------------------------------------------------------

    def _draw_legend(self, axes: Axes) -> None:
        from matplotlib.lines import Line2D

        axes.set_axis_off()
        lines = [Line2D([], [], color=track.colour, linewidth=2.5, label=self._caption(track)) for track in self.tracks]
        style: dict[str, Any] = {"frameon": False, "fontsize": 7.5, "borderpad": 0, "borderaxespad": 0, "handletextpad": 0.6}
        signs = axes.legend(handles=list(self._signs()), loc="upper left", ncols=10, labelcolor=INK, **style)
        axes.add_artist(signs)
        axes.legend(
            handles=lines, loc="upper left", bbox_to_anchor=(0, 1 - 1 / self._legend_rows), ncols=LEGEND_COLUMNS, labelcolor=INK, **style
        )

    def _caption(self, track: _Track) -> str:
        load = " + ".join(f"{amount:,} {name}" for amount, name in zip(_lifted(track), self.problem.dimensions, strict=False))
        stops = len(track.route.pickups)
        return f"{track.number}  {track.route.vehicle}: {self.scale.length(track.route.distance_m)}, {stops} stops, {load}"

    def _signs(self) -> Iterator[Artist]:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        signs = [("s", "depot", self.xy is not None), ("^", "facility", self.xy is not None and bool(self.problem.facilities))]
        signs += [("X", "left out", self.xy is not None and bool(self.plan.unserved))]
        yield from (
            Line2D([], [], color=QUIET if mark == "X" else INK, marker=mark, linestyle="", label=name)
            for mark, name, is_there in signs
            if is_there
        )
        for name, style in zip(self.problem.dimensions, LINES, strict=False):
            yield Line2D([], [], color=QUIET, linestyle=style, label=f"{name}, % of capacity")
        kinds = {visit.kind for track in self.tracks for visit in track.route.visits}
        for kind, (name, colour, hatch) in SPANS.items():
            if kind in kinds:
                yield Patch(facecolor=colour, hatch=hatch, edgecolor=QUIET, linewidth=0, label=name)

    # -- profiles ----------------------------------------------------------------------------------------------------------

    def _draw_profiles(self, figure: Figure, top_in: float) -> None:
        width_in = (WIDTH_IN - 2 * MARGIN_IN - (self._columns - 1) * GAP_IN) / self._columns
        first: Axes | None = None
        for place, track in enumerate(self.tracks):
            row, column = divmod(place, self._columns)
            left_in, panel_top_in = MARGIN_IN + column * (width_in + GAP_IN), top_in + row * (PANEL_IN + PANEL_HEAD_IN) + PANEL_HEAD_IN
            axes = _axes(figure, left_in, panel_top_in, width_in, PANEL_IN, beside=first)
            first = first or axes
            self._draw_profile(axes, track)
            is_lowest = place + self._columns >= len(self.tracks)
            axes.tick_params(length=2, labelsize=6.5, labelcolor=INK, color=QUIET, labelleft=column == 0, labelbottom=is_lowest)
        if first is not None:
            self._set_ticks(first)

    def _draw_profile(self, axes: Axes, track: _Track) -> None:
        hours = f"{self.scale.hour(track.route.start_s)}–{self.scale.hour(track.route.end_s)}"
        axes.set_title(f"{track.number}  {track.route.vehicle}, {hours}", fontsize=7, color=INK, loc="left", pad=2)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(QUIET)
        axes.axhline(100, color=QUIET, linewidth=0.5)
        for visit in track.route.visits:
            if visit.kind in SPANS:
                _, colour, hatch = SPANS[visit.kind]
                # With an edge, so that an unload that takes no time is still to be seen.
                span = axes.axvspan(
                    float(visit.start_s), float(visit.departure_s), facecolor=colour, edgecolor=QUIET, linewidth=0.4, zorder=0
                )
                span.set_hatch(hatch)
        for (seconds, fill_pct), style in zip(_profiles(track), LINES, strict=False):
            axes.plot(seconds, fill_pct, color=track.colour, linewidth=1.1, linestyle=style)
            axes.fill_between(seconds, fill_pct, color=track.colour, alpha=0.12, linewidth=0)

    def _set_ticks(self, axes: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

        begins_s = float(min(track.route.start_s for track in self.tracks))
        lasts_s = max(1, max(track.route.end_s for track in self.tracks) - begins_s)
        fullest_pct = max((max(fill_pct, default=0) for track in self.tracks for _, fill_pct in _profiles(track)), default=0)
        axes.set_xlim(begins_s - 0.01 * lasts_s, begins_s + 1.01 * lasts_s)
        axes.set_ylim(0, max(109, 1.05 * fullest_pct))
        axes.set_yticks((0, 50, 100))
        most = 12 // self._columns + 2
        step_s = next((step for step in HOUR_STEPS_S if lasts_s / step <= most), lasts_s / most)
        axes.xaxis.set_major_locator(MultipleLocator(step_s) if self.scale.seconds is None else MaxNLocator(most))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: self.scale.hour(seconds)))


def _tracks(problem: Problem, plan: Plan, xy: Floats | None) -> Iterator[_Track]:
    """Routes of known vehicles; neighbours around the middle of all get different colours."""
    known = [route for route in plan.routes if route.vehicle in problem.vehicle_by_key]
    ways = [_locations(problem, route) for route in known]
    order = sorted(range(len(known)), key=lambda place: _bearing(xy, ways[place]))
    rank = {place: number for number, place in enumerate(order)}
    for place, route in enumerate(known):
        yield _Track(place + 1, route, problem.vehicle_by_key[route.vehicle], COLOURS[rank[place] % len(COLOURS)], ways[place])


def _locations(problem: Problem, route: Route) -> tuple[int, ...]:
    vehicle = problem.vehicle_by_key[route.vehicle]
    passed = (vehicle.begins_at, *(visit.location for visit in route.visits), vehicle.end_location)
    return tuple(place for place in passed if 0 <= place < problem.travel[0].size)


def _bearing(xy: Floats | None, locations: Sequence[int]) -> float:
    if xy is None:
        return 0.0
    east, north = xy[list(locations)].mean(axis=0) - xy.mean(axis=0)
    return float(np.arctan2(north, east))


def _lifted(track: _Track) -> list[int]:
    """What the round takes up in all, one entry a dimension."""
    lifted = [0] * len(track.vehicle.capacity)
    for before, visit in pairwise((None, *track.route.visits)):
        assert visit is not None
        if visit.kind is VisitKind.PICKUP:
            held = _load_at_start(track) if before is None else before.load_after
            lifted = [total + max(0, after - had) for total, after, had in zip(lifted, visit.load_after, held, strict=False)]
    return lifted


def _load_at_start(track: _Track) -> tuple[int, ...]:
    under_way = track.vehicle.under_way
    return under_way.load if under_way and under_way.load else (0,) * len(track.vehicle.capacity)


def _profiles(track: _Track) -> Iterator[tuple[list[float], list[float]]]:
    """Seconds, and the load on board then in % of the capacity, for each dimension. It changes while work is done."""
    route = track.route
    held = [_load_at_start(track), *(visit.load_after for visit in route.visits)]
    # As floats: what a plan claims may be beyond what an array of integers holds.
    seconds = [
        float(route.start_s),
        *(float(at) for visit in route.visits for at in (visit.start_s, visit.departure_s)),
        float(route.end_s),
    ]
    for entry, most in enumerate(track.vehicle.capacity):
        # Held before each work begins and after it is done; at the end, what is left.
        loads = [load[entry] for load in held if entry < len(load)]
        fill_pct = [100 * load / (most or 1) for load in loads for _ in (0, 1)]
        if len(fill_pct) == len(seconds):
            yield seconds, fill_pct


def _axes(figure: Figure, left_in: float, top_in: float, width_in: float, height_in: float, *, beside: Axes | None = None) -> Axes:
    """Axes at a place in inches from the upper left corner."""
    total_in = figure.get_figheight()
    place = (left_in / WIDTH_IN, 1 - (top_in + height_in) / total_in, width_in / WIDTH_IN, height_in / total_in)
    return figure.add_axes(place, sharex=beside, sharey=beside)


def _draw_track(axes: Axes, xy: Floats, track: _Track, size: float) -> None:
    way = xy[list(track.locations)]
    # Legs from and to the depot would cover the city: they are faint.
    axes.plot(way[1:-1, 0], way[1:-1, 1], color=track.colour, linewidth=1.3, zorder=2, solid_joinstyle="round")
    for leg in (way[:2], way[-2:]):
        axes.plot(leg[:, 0], leg[:, 1], color=track.colour, linewidth=0.8, alpha=0.3, zorder=1)
    served = xy[[visit.location for visit in track.route.pickups if 0 <= visit.location < len(xy)]]
    axes.scatter(served[:, 0], served[:, 1], s=size, color=track.colour, zorder=3, linewidths=0)


def _mark(axes: Axes, xy: Floats, locations: Sequence[int], marker: str, *, size: float, colour: str = INK) -> None:
    points = xy[sorted(set(locations))]
    axes.scatter(
        points[:, 0], points[:, 1], s=size, marker=marker, color=colour, edgecolors=PAPER, linewidths=min(0.8, size / 40), zorder=4
    )


def _write_number(axes: Axes, xy: Floats, track: _Track) -> None:
    """The route's number at its place that lies farthest from where it begins."""
    from matplotlib.patheffects import withStroke

    way = xy[list(track.locations)]
    far = way[int(np.argmax(((way - way[0]) ** 2).sum(axis=1)))]
    halo = [withStroke(linewidth=2.5, foreground=PAPER)]
    style: dict[str, Any] = {"xytext": (3, 3), "textcoords": "offset points", "fontsize": 8, "fontweight": "bold", "path_effects": halo}
    axes.annotate(str(track.number), (float(far[0]), float(far[1])), color=track.colour, zorder=5, **style)
