"""Answers from a street graph, by any search: stops become places on edges, searches run between edges, the cheapest approach wins.

A stop on a two-way street can be reached and left on either side, so it has up to two places. The sums are whole ticks and
decimetres; engines that search right therefore agree to the last second.
"""

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from routing.roads.engine import REACH_M, UNREACHABLE, Leg, RouteGeometry, TravelMatrix
from routing.roads.extract import Progress
from routing.roads.graph import NO_EDGE, StreetGraph
from routing.roads.passage import CLOSED, DM_PER_M, EVERYWHERE, NO_THROUGH_S, TICKS_PER_S, Passage, passage
from routing.roads.profile import VehicleProfile
from routing.roads.snap import NO_SEGMENT, Snapped, Snapper

Array = npt.NDArray[Any]

NO_WAY: Final = np.int64(2**62)
"""Ticks where there is no way: larger than any sum, small enough to add to."""

_KEPT_VEHICLES: Final = 4
_ROWS_AT_ONCE: Final = 256  # points whose searches are held in memory together


class Search(ABC):
    """Shortest paths between edges, from the end of one to the end of the other."""

    @abstractmethod
    def ticks_and_dm(self, sources: Array, targets: Array) -> tuple[Array, Array]:
        """Ticks and decimetres, int64, each of shape (sources, targets); ticks of `NO_WAY` where there is no path."""

    @abstractmethod
    def path(self, source: int, target: int) -> list[int]:
        """Edges of the shortest path, both ends included."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Ground:
    """What an engine keeps for one vehicle."""

    passage: Passage
    stops: Snapper
    anywhere: Snapper


@dataclass(frozen=True, eq=False, kw_only=True)
class Places:
    """Stops on edges: per stop the edge along its segment and the one against it; all arrays of shape (n, 2)."""

    edge: Array
    """`NO_EDGE` where the segment cannot be driven that way."""
    done_ticks: Array
    """From the edge's start to the stop."""
    done_dm: Array
    left_ticks: Array
    """From the stop to the edge's end."""
    left_dm: Array
    zone: Array

    def __getitem__(self, stops: slice) -> "Places":
        return Places(**{name: array[stops] for name, array in vars(self).items()})


class StreetEngine(ABC):
    """A road engine on a street graph; subclasses bring the search. Safe to share between threads."""

    name: str

    def __init__(self, graph: StreetGraph, *, reach_m: float = REACH_M) -> None:
        self.graph = graph
        self._reach_m = reach_m
        self._grounds: OrderedDict[str, Ground] = OrderedDict()
        self._lock = threading.Lock()

    @abstractmethod
    def _search(self, costs: Passage) -> Search:
        """Search with these costs, for use by the calling thread only."""

    def snap(self, points: npt.ArrayLike, profile: VehicleProfile) -> Snapped:
        """Put points on the streets that this vehicle can reach and leave; on a motorway only where there is no other."""
        ground = self._ground(profile)
        snapped = ground.stops.snap(points, reach_m=self._reach_m)
        return snapped.or_else(ground.anywhere.snap(points, reach_m=self._reach_m)) if snapped.unreachable else snapped

    def matrix(self, points: npt.ArrayLike, profile: VehicleProfile, *, progress: Progress | None = None) -> TravelMatrix:
        """Travel between all pairs of points; see `RoadEngine`.

        Memory beside the result stays below about ``256 × 2n`` searches at once. Each pair is the fastest way by itself: a truck
        may turn round at a stop on a two-way street, as crews do where they work both sides.

        Raises
        ------
        ValueError
            If a point is no place on Earth, or no street at all is usable for the vehicle.
        """
        snapped = self.snap(points, profile)
        on_street = np.flatnonzero(snapped.segment != NO_SEGMENT)
        costs = self._ground(profile).passage
        drive_s, distance_m = self._all_pairs(self._places(snapped, on_street, costs), on_street, len(snapped.segment), costs, progress)
        return TravelMatrix(
            drive_s=drive_s,
            distance_m=distance_m,
            snap_m=snapped.distance_m,
            engine=self.name,
            approximate=False,
            unreachable=snapped.unreachable,
        )

    def geometry(self, points_in_order: npt.ArrayLike, profile: VehicleProfile) -> RouteGeometry:
        """Follow the streets from each point to the next; see `RoadEngine`."""
        snapped = self.snap(points_in_order, profile)
        costs = self._ground(profile).passage
        search = self._search(costs)
        missing = {point.index for point in snapped.unreachable}
        legs = tuple(
            _no_leg() if {a, b} & missing else self._leg(self._places(snapped, np.array((a, b)), costs), snapped, (a, b), costs, search)
            for a, b in pairwise(range(len(snapped.segment)))
        )
        return RouteGeometry(legs=legs, engine=self.name, approximate=False, unreachable=snapped.unreachable)

    def _ground(self, profile: VehicleProfile) -> Ground:
        """Costs and snapping for a vehicle, made once; the vehicle used longest ago makes room for a fifth."""
        with self._lock:
            if profile.key not in self._grounds:
                costs = passage(self.graph, profile)
                snappers = Snapper(self.graph, costs.stoppable), Snapper(self.graph, costs.usable)
                self._grounds[profile.key] = Ground(passage=costs, stops=snappers[0], anywhere=snappers[1])
            self._grounds.move_to_end(profile.key)
            while len(self._grounds) > _KEPT_VEHICLES:
                self._grounds.popitem(last=False)
            return self._grounds[profile.key]

    def _places(self, snapped: Snapped, chosen: Array, costs: Passage) -> Places:
        edge = self.graph.segment_edges[snapped.segment[chosen]]
        edge = np.where((edge != NO_EDGE) & costs.usable[edge], edge, NO_EDGE)
        share = np.column_stack((snapped.share[chosen], 1 - snapped.share[chosen]))
        done_ticks = np.rint(share * costs.edge_ticks[edge]).astype(np.int64)
        done_dm = np.rint(share * costs.edge_dm[edge]).astype(np.int64)
        return Places(
            edge=edge,
            done_ticks=done_ticks,
            done_dm=done_dm,
            left_ticks=costs.edge_ticks[edge] - done_ticks,
            left_dm=costs.edge_dm[edge] - done_dm,
            zone=costs.zone[edge],
        )

    def _all_pairs(self, places: Places, on_street: Array, points: int, costs: Passage, progress: Progress | None) -> tuple[Array, Array]:
        """Fill in the points on streets a few rows at a time; the others stay unreachable, and at home with themselves."""
        drive_s, distance_m = np.full((2, points, points), UNREACHABLE, np.int32)
        search = self._search(costs)
        rounds = self._rounds(places, costs, search)
        for start in range(0, len(on_street), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            ticks, dm, _ = _cheapest(places[rows], places, search, rounds)
            cells = np.ix_(on_street[rows], on_street)
            drive_s[cells] = _rounded(ticks, ticks, TICKS_PER_S)
            distance_m[cells] = _rounded(dm, ticks, DM_PER_M)
            if progress:
                progress("matrix", min(start + _ROWS_AT_ONCE, len(on_street)) / len(on_street))
        np.fill_diagonal(drive_s, 0)
        np.fill_diagonal(distance_m, 0)
        return drive_s, distance_m

    def _rounds(self, places: Places, costs: Passage, search: Search) -> dict[int, tuple[int, int]]:
        """Ticks and decimetres once round the block, from an edge's end back to it, where stops share a one-way edge."""
        one_way = (places.edge == NO_EDGE).any(axis=1)
        edges, stops_on = np.unique(places.edge[one_way].max(axis=1, initial=NO_EDGE), return_counts=True)
        return {int(edge): self._round(int(edge), costs, search)[:2] for edge in edges[(stops_on > 1) & (edges != NO_EDGE)]}

    def _round(self, edge: int, costs: Passage, search: Search) -> tuple[int, int, int]:
        """Ticks, decimetres and first edge of the shortest way from the end of an edge back to its end."""
        arcs = slice(self.graph.first_arc[edge], self.graph.first_arc[edge + 1])
        first, entry_ticks = self.graph.arc_to[arcs].astype(np.int64), costs.arc_ticks[arcs].astype(np.int64)
        onwards_ticks, onwards_dm = (column[:, 0] for column in search.ticks_and_dm(first, np.array([edge])))
        ticks = np.where(entry_ticks < CLOSED, entry_ticks + onwards_ticks, NO_WAY)
        best = int(ticks.argmin())
        return int(ticks[best]), int(costs.edge_dm[first[best]] + onwards_dm[best]), int(first[best])

    def _leg(self, places: Places, snapped: Snapped, pair: tuple[int, int], costs: Passage, search: Search) -> Leg:
        rounds = self._rounds(places, costs, search)
        ticks, _, approach = (block[0, 0] for block in _cheapest(places[0:1], places[1:2], search, rounds))
        if ticks >= NO_WAY:
            return _no_leg()
        (a, side_a), (b, side_b) = (0, approach // 2), (1, approach % 2)
        source, target = int(places.edge[a, side_a]), int(places.edge[b, side_b])
        ahead = source == target and places.done_ticks[a, side_a] <= places.done_ticks[b, side_b]
        if source == target and not ahead:
            edges = [source, *search.path(self._round(source, costs, search)[2], target)]
        else:
            edges = [source] if ahead else search.path(source, target)
        dm = sum(int(costs.edge_dm[edge]) for edge in edges[1:]) + places.left_dm[a, side_a] - places.left_dm[b, side_b]
        shares = [snapped.share[i] if side == 0 else 1 - snapped.share[i] for i, side in zip(pair, (side_a, side_b), strict=True)]
        names = [name for name, _ in groupby(self.graph.street_name(edge) for edge in edges) if name]
        return Leg(
            lon_lat=self._line(edges, shares[0], shares[1], [(snapped.lon[i], snapped.lat[i]) for i in pair]),
            drive_s=int(_rounded(ticks, ticks, TICKS_PER_S)),
            distance_m=int(_rounded(dm, ticks, DM_PER_M)),
            streets=tuple(name for name, _ in groupby(names)),
        )

    def _line(self, edges: list[int], share_from: float, share_to: float, ends: list[tuple[float, float]]) -> Array:
        """Line along edges, from a share of the first to a share of the last; shape (k, 2)."""
        pieces = [self._inner(edge, share_from if i == 0 else 0, share_to if i == len(edges) - 1 else 1) for i, edge in enumerate(edges)]
        line = np.concatenate([np.array(ends[:1]), *pieces, np.array(ends[1:])])
        moved = np.append(True, (np.diff(line, axis=0) != 0).any(axis=1))
        moved[-1] = True  # a leg has two ends even where they are one place
        return line[moved] if moved.sum() > 1 else line[[0, -1]]

    def _inner(self, edge: int, share_from: float, share_to: float) -> Array:
        """Vertices of an edge between two shares of its length."""
        line = self.graph.edge_line(edge)
        segment = self.graph.edge_segment[edge]
        vertices = slice(self.graph.streets.segment_first[segment], self.graph.streets.segment_last[segment] + 1)
        along_m = self.graph.streets.along_m[vertices]
        length_m = along_m[-1] - along_m[0]
        before_m = along_m[-1] - along_m[::-1] if self.graph.edge_reversed[edge] else along_m - along_m[0]
        return np.asarray(line[(before_m >= share_from * length_m) & (before_m <= share_to * length_m)])


def _cheapest(sources: Places, targets: Places, search: Search, rounds: dict[int, tuple[int, int]]) -> tuple[Array, Array, Array]:
    """Cheapest of the up to four approaches of each pair: ticks, decimetres, and 2 × side left + side reached."""
    from_edges, row = np.unique(np.maximum(sources.edge, 0), return_inverse=True)
    to_edges, column = np.unique(np.maximum(targets.edge, 0), return_inverse=True)
    row, column = row.reshape(sources.edge.shape), column.reshape(targets.edge.shape)
    between_ticks, between_dm = search.ticks_and_dm(from_edges, to_edges)
    shape = (len(sources.edge), len(targets.edge))
    best_ticks, best_dm, best = np.full(shape, NO_WAY), np.zeros(shape, np.int64), np.zeros(shape, np.int8)
    for approach in range(4):
        a, b = divmod(approach, 2)
        cells = np.ix_(row[:, a], column[:, b])
        ticks = between_ticks[cells] + sources.left_ticks[:, a, None] - targets.left_ticks[:, b]
        dm = between_dm[cells] + sources.left_dm[:, a, None] - targets.left_dm[:, b]
        _free_the_entry(ticks, sources.zone[:, a, None], targets.zone[:, b])
        _go_round(ticks, dm, sources, targets, (a, b), rounds)
        missing = (sources.edge[:, a, None] == NO_EDGE) | (targets.edge[:, b] == NO_EDGE) | (between_ticks[cells] >= NO_WAY)
        better = ~missing & (ticks < best_ticks)
        np.copyto(best_ticks, ticks, where=better)
        np.copyto(best_dm, dm, where=better)
        np.copyto(best, np.int8(approach), where=better)
    return best_ticks, best_dm, best


def _free_the_entry(ticks: Array, source_zone: Array, target_zone: Array) -> None:
    """Take off the one entry that every way into a no-through area needs: the truck has business there."""
    ticks -= ((target_zone != EVERYWHERE) & (target_zone != source_zone)) * np.int64(NO_THROUGH_S * TICKS_PER_S)


def _go_round(
    ticks: Array, dm: Array, sources: Places, targets: Places, sides: tuple[int, int], rounds: dict[int, tuple[int, int]]
) -> None:
    """Where the target lies behind the source on one edge, add the way round; on two-way streets the other side is shorter anyway."""
    a, b = sides
    behind = (sources.edge[:, a, None] == targets.edge[:, b]) & (sources.done_ticks[:, a, None] > targets.done_ticks[:, b])
    for i, j in np.argwhere(behind):
        round_ticks, round_dm = rounds.get(int(sources.edge[i, a]), (int(NO_WAY), 0))
        ticks[i, j] = min(int(ticks[i, j]) + round_ticks, int(NO_WAY))
        dm[i, j] += round_dm


def _rounded(value: Array, ticks: Array, unit: int) -> Array:
    """Whole seconds or metres, rounded half up; `UNREACHABLE` where the ticks say that there is no way."""
    return np.where(ticks >= NO_WAY, UNREACHABLE, np.maximum(value + unit // 2, 0) // unit).astype(np.int32)


def _no_leg() -> Leg:
    return Leg(lon_lat=np.empty((0, 2)), drive_s=UNREACHABLE, distance_m=UNREACHABLE)
