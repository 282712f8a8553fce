"""Travel without a map: the great circle, stretched by what streets usually add."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from routing.roads.engine import Leg, RouteGeometry, TravelMatrix
from routing.roads.extract import Progress
from routing.roads.profile import VehicleProfile
from routing.roads.sphere import as_points, great_circle_m


@dataclass(frozen=True, kw_only=True)
class GreatCircleEngine:
    """A preview where no street map is at hand: every answer is marked approximate.

    The default detour was fitted to a European city's streets; distances are 12 % off on average, and 37 % below one kilometre.
    Calibrate both numbers where better ones are known.
    """

    detour: float = 1.5
    speed_kmh: float = 30.0

    def __post_init__(self) -> None:
        if self.detour < 1:
            raise ValueError(f"a detour factor below 1 ({self.detour}) is shorter than a straight line")
        if self.speed_kmh <= 0:
            raise ValueError(f"speed must be above 0, not {self.speed_kmh} km/h")

    @property
    def name(self) -> str:
        """Name and calibration."""
        return f"great circle × {self.detour:.2f} at {self.speed_kmh:g} km/h"

    def matrix(self, points: npt.ArrayLike, profile: VehicleProfile, *, progress: Progress | None = None) -> TravelMatrix:  # noqa: ARG002
        """Stretch the great circle between all pairs; the vehicle matters by its top speed only."""
        lon, lat = as_points(points).T
        metres = self.detour * great_circle_m(lon[:, None], lat[:, None], lon, lat)
        kmh = min(self.speed_kmh, profile.max_speed_kmh)
        return TravelMatrix(
            drive_s=np.rint(metres * 3.6 / kmh).astype(np.int32),
            distance_m=np.rint(metres).astype(np.int32),
            snap_m=np.zeros(len(lon)),
            engine=self.name,
            approximate=True,
        )

    def geometry(self, points_in_order: npt.ArrayLike, profile: VehicleProfile) -> RouteGeometry:
        """Straight lines, with the matrix's seconds and metres."""
        points = as_points(points_in_order)
        return straight_legs(points, self.matrix(points, profile))


def straight_legs(points: npt.NDArray[np.float64], travel: TravelMatrix) -> RouteGeometry:
    """Draw a straight line for each leg and take its numbers from `travel`, whose rows are the points in order."""
    legs = tuple(
        Leg(lon_lat=points[i : i + 2], drive_s=int(travel.drive_s[i, i + 1]), distance_m=int(travel.distance_m[i, i + 1]))
        for i in range(len(points) - 1)
    )
    return RouteGeometry(legs=legs, engine=travel.engine, approximate=travel.approximate, unreachable=travel.unreachable)
