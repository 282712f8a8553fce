"""Find where on which street a point lies: the exact foot of the perpendicular, never farther than the reach.

A tree over samples of the street lines proposes pieces, exact projection decides. Samples are at most `SAMPLE_M` apart, so the
nearest piece has one within half of that beyond the nearest sample's distance: nothing nearer can be missed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from routing.roads.engine import REACH_M, Reason, UnreachablePoint
from routing.roads.graph import StreetGraph
from routing.roads.sphere import METRES_PER_DEGREE, as_points, to_xyz_m

Array = npt.NDArray[Any]

SAMPLE_M: Final = 25.0
NO_SEGMENT: Final = -1


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapped:
    """Where n points lie on the streets."""

    segment: Array
    """Segment of each point, `NO_SEGMENT` if none is within reach; shape (n,)."""
    share: Array
    """Part of the segment before the foot, 0..1."""
    distance_m: Array
    """From the point to the nearest usable street, also where that is out of reach (then to within 12 m)."""
    lon: Array
    lat: Array
    unreachable: tuple[UnreachablePoint, ...]

    def or_else(self, other: "Snapped") -> "Snapped":
        """Take the other's answer for the points that have none here."""
        found = self.segment != NO_SEGMENT
        arrays = ("segment", "share", "distance_m", "lon", "lat")
        return Snapped(
            **{name: np.where(found, getattr(self, name), getattr(other, name)) for name in arrays},
            unreachable=tuple(point for point in other.unreachable if not found[point.index]),
        )


class Snapper:
    """Snaps points to the segments that hold a usable edge.

    Parameters
    ----------
    usable
        Edges that count, bool, shape (E,): a stop must not be put on a street that the vehicle cannot reach or leave.

    Raises
    ------
    ValueError
        If none counts.
    """

    def __init__(self, graph: StreetGraph, usable: Array) -> None:
        if not usable.any():
            raise ValueError("no street is usable for this vehicle")
        self._streets = graph.streets
        self._usable = np.zeros(len(graph.streets.segment_first), bool)
        self._usable[graph.edge_segment[usable]] = True

    def snap(self, points: npt.ArrayLike, *, reach_m: float = REACH_M) -> Snapped:
        """Snap points (longitude, latitude); those beyond `reach_m` are named with their distance, not moved."""
        array = as_points(points)
        tree, owner = self._samples
        nearest_m, _ = tree.query(to_xyz_m(array[:, 0], array[:, 1])) if len(array) else (np.zeros(0), None)
        near = nearest_m <= reach_m + SAMPLE_M
        piece = np.full(len(array), -1)
        share_of_piece, distance_m = np.zeros(len(array)), nearest_m.copy()
        proposals = tree.query_ball_point(to_xyz_m(array[near, 0], array[near, 1]), nearest_m[near] + SAMPLE_M / 2 + 0.01)
        for index, samples in zip(np.flatnonzero(near), proposals, strict=True):
            candidates = np.unique(owner[samples])
            piece[index], share_of_piece[index], distance_m[index] = self._nearest(array[index], candidates)
        return self._result(array, piece, share_of_piece, distance_m, reach_m)

    def _result(self, points: Array, piece: Array, share_of_piece: Array, distance_m: Array, reach_m: float) -> Snapped:
        streets = self._streets
        inside = (piece >= 0) & (distance_m <= reach_m)
        at = np.where(inside, piece, 0)
        segment = self._segment_of_piece[at]
        along_m = streets.along_m[at] + share_of_piece * (streets.along_m[at + 1] - streets.along_m[at])
        length_m = streets.length_m[segment]
        before_m = along_m - streets.along_m[streets.segment_first[segment]]
        share = np.divide(before_m, length_m, out=np.zeros(len(at)), where=length_m > 0)
        return Snapped(
            segment=np.where(inside, segment, NO_SEGMENT),
            share=np.where(inside, np.clip(share, 0, 1), 0.0),
            distance_m=distance_m,
            lon=np.where(inside, streets.lon[at] + share_of_piece * (streets.lon[at + 1] - streets.lon[at]), points[:, 0]),
            lat=np.where(inside, streets.lat[at] + share_of_piece * (streets.lat[at + 1] - streets.lat[at]), points[:, 1]),
            unreachable=tuple(self._why(int(i), points[i], reach_m) for i in np.flatnonzero(~inside)),
        )

    def _why(self, index: int, point: Array, reach_m: float) -> UnreachablePoint:
        closest_m = self._nearest(point, np.flatnonzero(self._segment_of_piece >= 0))[2]
        reason: Reason = "cut_off" if closest_m <= reach_m else "no_street_near"
        return UnreachablePoint(index=index, reason=reason, street_m=closest_m)

    def _nearest(self, point: Array, pieces: Array) -> tuple[int, float, float]:
        """Nearest of `pieces` to a point: its number, the foot's share of it, and the distance; the lowest number where equal."""
        streets = self._streets
        scale = np.array((METRES_PER_DEGREE * np.cos(np.radians(point[1])), METRES_PER_DEGREE))
        start = (np.column_stack((streets.lon[pieces], streets.lat[pieces])) - point) * scale
        along = (np.column_stack((streets.lon[pieces + 1], streets.lat[pieces + 1])) - point) * scale - start
        square = (along**2).sum(axis=1)
        share = np.clip(np.divide(-(start * along).sum(axis=1), square, out=np.zeros(len(pieces)), where=square > 0), 0, 1)
        distance_m = np.hypot(*(start + share[:, None] * along).T)
        best = int(distance_m.argmin())
        return int(pieces[best]), float(share[best]), float(distance_m[best])

    @cached_property
    def _segment_of_piece(self) -> Array:
        """Segment that the piece from vertex v to v + 1 belongs to, `NO_SEGMENT` for gaps; shape (V,)."""
        streets = self._streets
        pieces = streets.segment_last - streets.segment_first
        owner = np.full(len(streets.lon), NO_SEGMENT)
        nth = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        owner[np.repeat(streets.segment_first, pieces) + nth] = np.repeat(np.arange(len(pieces)), pieces)
        return owner

    @cached_property
    def _samples(self) -> tuple[Any, Array]:
        """Tree over samples of the usable street lines, and the piece that each sample lies on."""
        streets = self._streets
        segment = self._segment_of_piece
        pieces = np.flatnonzero((segment >= 0) & self._usable[segment])
        length_m = streets.along_m[pieces + 1] - streets.along_m[pieces]
        steps = np.maximum(np.ceil(length_m / SAMPLE_M), 1).astype(np.int64)
        owner = np.repeat(pieces, steps)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(steps) - steps, steps)
        share = (nth + 0.5) / np.repeat(steps, steps)
        lon = streets.lon[owner] + share * (streets.lon[owner + 1] - streets.lon[owner])
        lat = streets.lat[owner] + share * (streets.lat[owner + 1] - streets.lat[owner])
        return cKDTree(to_xyz_m(lon, lat), balanced_tree=False), owner
