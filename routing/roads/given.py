"""Travel that somebody else measured: a matrix with the points it belongs to."""

import hashlib
import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

from routing.roads.engine import UNREACHABLE, RouteGeometry, TravelMatrix, UnreachablePoint
from routing.roads.extract import Progress
from routing.roads.great_circle import straight_legs
from routing.roads.profile import VehicleProfile
from routing.roads.sphere import as_points

Place = tuple[int, int]


class GivenMatrixEngine:
    """Answers from a given matrix, whatever the vehicle; points it does not hold are named as unreachable.

    Parameters
    ----------
    points
        Longitude and latitude of the n places, shape (n, 2); a place is found again to six decimals.
    drive_s, distance_m
        Shape (n, n), row from, column to; `UNREACHABLE` or any other negative number where there is no way.

    Raises
    ------
    ValueError
        If the shapes do not fit, or one place is given twice.
    """

    def __init__(self, points: npt.ArrayLike, *, drive_s: npt.ArrayLike, distance_m: npt.ArrayLike) -> None:
        places = _places(points)
        self._row = {place: row for row, place in enumerate(places)}
        self._drive_s = np.maximum(np.rint(np.asarray(drive_s, np.float64)), UNREACHABLE).astype(np.int32)
        self._distance_m = np.maximum(np.rint(np.asarray(distance_m, np.float64)), UNREACHABLE).astype(np.int32)
        expected = (len(places), len(places))
        if self._drive_s.shape != expected or self._distance_m.shape != expected:
            raise ValueError(f"{len(places)} points, but {self._drive_s.shape} seconds and {self._distance_m.shape} metres")
        if len(self._row) < len(places):
            raise ValueError("one place is given twice")

    @cached_property
    def name(self) -> str:
        """Says ``given`` and which one."""
        content = repr(list(self._row)).encode() + self._drive_s.tobytes() + self._distance_m.tobytes()
        return f"given {hashlib.sha256(content).hexdigest()[:12]}"

    def matrix(self, points: npt.ArrayLike, profile: VehicleProfile, *, progress: Progress | None = None) -> TravelMatrix:  # noqa: ARG002
        """Pick the rows and columns of the points."""
        rows = np.array([self._row.get(place, -1) for place in _places(points)], np.int64)
        known = np.ix_(rows >= 0, rows >= 0)
        drive_s = np.full((len(rows), len(rows)), UNREACHABLE, np.int32)
        distance_m = drive_s.copy()
        drive_s[known] = self._drive_s[np.ix_(rows[rows >= 0], rows[rows >= 0])]
        distance_m[known] = self._distance_m[np.ix_(rows[rows >= 0], rows[rows >= 0])]
        np.fill_diagonal(drive_s, 0)
        np.fill_diagonal(distance_m, 0)
        missing = (UnreachablePoint(index=int(i), reason="not_given", street_m=math.inf) for i in np.flatnonzero(rows < 0))
        return TravelMatrix(
            drive_s=drive_s,
            distance_m=distance_m,
            snap_m=np.zeros(len(rows)),
            engine=self.name,
            approximate=False,
            unreachable=tuple(missing),
        )

    def geometry(self, points_in_order: npt.ArrayLike, profile: VehicleProfile) -> RouteGeometry:
        """Straight lines with the given numbers: a matrix knows no streets."""
        return straight_legs(as_points(points_in_order), self.matrix(points_in_order, profile))


def _places(points: npt.ArrayLike) -> list[Place]:
    return [(int(lon), int(lat)) for lon, lat in np.rint(as_points(points) * 1e6)]
