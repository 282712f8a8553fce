"""What a road engine answers, whichever it is: a travel matrix, and the lines to draw."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from routing.roads.extract import Progress
from routing.roads.profile import VehicleProfile
from routing.roads.sphere import as_points

Array = npt.NDArray[Any]

UNREACHABLE: Final = -1
"""Stands in `drive_s` and `distance_m` where there is no way. Below every real number, so that it cannot pass for one."""

REACH_M: Final = 300.0
"""A point farther than this from any street is not moved there, but reported."""

Reason = Literal["no_street_near", "cut_off", "not_given"]


@dataclass(frozen=True, kw_only=True)
class UnreachablePoint:
    """A point that has no way to or from it, and why."""

    index: int
    reason: Reason
    """``no_street_near``: none within reach. ``cut_off``: those within reach cannot be reached, or left again, by this vehicle.
    ``not_given``: a given matrix does not hold the point."""
    street_m: float
    """Distance to the nearest street of any kind; infinite if not known."""

    def __str__(self) -> str:
        if self.reason == "no_street_near":
            return f"point {self.index}: the nearest street is {self.street_m:,.0f} m away"
        if self.reason == "cut_off":
            return f"point {self.index}: this vehicle cannot reach, or not leave, the streets around it"
        return f"point {self.index}: not in the given matrix"


@dataclass(frozen=True, eq=False, kw_only=True)
class TravelMatrix:
    """Travel between n points for one vehicle; row from, column to."""

    drive_s: Array
    """Seconds, int32, shape (n, n); `UNREACHABLE` where there is no way, 0 on the diagonal."""
    distance_m: Array
    """Metres along the fastest way, int32, shape (n, n); `UNREACHABLE` likewise."""
    snap_m: Array
    """Metres from each point to the street it was put on, float64, shape (n,); 0 for engines without streets."""
    engine: str
    approximate: bool
    """True if no street was looked at: for previews and degraded service, and to be labelled as such."""
    unreachable: tuple[UnreachablePoint, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.snap_m), len(self.snap_m))
        if self.drive_s.shape != shape or self.distance_m.shape != shape:
            raise ValueError(f"a matrix of {shape}, but {self.drive_s.shape} seconds and {self.distance_m.shape} metres")
        for array in (self.drive_s, self.distance_m, self.snap_m):
            array.setflags(write=False)

    @property
    def unsnapped(self) -> tuple[int, ...]:
        """Points that lie on no usable street."""
        return tuple(point.index for point in self.unreachable)

    def between(self, points: npt.ArrayLike) -> tuple[Array, Array]:
        """Seconds and metres among some of the points (indices), in that order."""
        chosen = np.ix_(np.asarray(points), np.asarray(points))
        return self.drive_s[chosen], self.distance_m[chosen]


@dataclass(frozen=True, eq=False, kw_only=True)
class Leg:
    """The way from one point to the next."""

    lon_lat: Array
    """Line to draw, shape (k, 2); empty where there is no way."""
    drive_s: int
    distance_m: int
    streets: tuple[str, ...] = ()
    """Names of the streets in driving order, without repeats and nameless ones."""

    @property
    def reached(self) -> bool:
        """Whether there is a way."""
        return self.drive_s != UNREACHABLE


@dataclass(frozen=True, eq=False, kw_only=True)
class RouteGeometry:
    """The way along some points in order: one leg less than points."""

    legs: tuple[Leg, ...]
    engine: str
    approximate: bool
    unreachable: tuple[UnreachablePoint, ...] = ()

    @property
    def drive_s(self) -> int:
        """Seconds of the legs that have a way."""
        return sum(leg.drive_s for leg in self.legs if leg.reached)

    @property
    def distance_m(self) -> int:
        """Metres of the legs that have a way."""
        return sum(leg.distance_m for leg in self.legs if leg.reached)


class RoadEngine(Protocol):
    """Anything that knows the way. Same points, profile and engine: same answer."""

    @property
    def name(self) -> str:
        """Name and version, part of every cache key."""

    def matrix(self, points: npt.ArrayLike, profile: VehicleProfile, *, progress: Progress | None = None) -> TravelMatrix:
        """Travel between all pairs of points (longitude, latitude in degrees, shape (n, 2))."""

    def geometry(self, points_in_order: npt.ArrayLike, profile: VehicleProfile) -> RouteGeometry:
        """Lines, seconds and metres from each point to the next."""


def matrix_key(graph_digest: str, engine: str, profile: VehicleProfile, points: npt.ArrayLike) -> str:
    """Name a matrix by what went into it: map, engine and version, vehicle, and the points in order.

    Points count to six decimals (0.1 m), so that a place read twice from different files is one place.
    """
    rounded = np.rint(as_points(points) * 1e6).astype("<i8")
    hasher = hashlib.sha256(f"{graph_digest}\n{engine}\n{profile.key}\n{len(rounded)}\n".encode())
    hasher.update(rounded.tobytes())
    return hasher.hexdigest()
