"""Travel times between all places of a tenant, one matrix for each kind of vehicle that drives on the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.assets.models import Vehicle
from app.maps.matrix_cache import get_matrix
from app.planning.city import City
from routing.problem import Travel
from routing.roads.engine import RoadEngine, TravelMatrix
from routing.roads.profile import TRUCK_16T, TRUCK_26T, TRUCK_SMALL, VehicleProfile

HEAVY_FROM_T, LORRY_FROM_T = 20.0, 3.5

PlaceKey = tuple[str, int]
"""("depot" | "facility" | "site", its number)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TravelTimes:
    """Matrices over all places of the tenant, in one order, so that tonight's places are a slice of what is cached."""

    engine: RoadEngine
    places: tuple[PlaceKey, ...]
    points: tuple[tuple[float, float], ...]
    """Longitude and latitude of each place."""
    profiles: tuple[VehicleProfile, ...]
    matrices: tuple[TravelMatrix, ...]
    """One a profile."""

    @cached_property
    def row(self) -> dict[PlaceKey, int]:
        return {place: row for row, place in enumerate(self.places)}

    @property
    def approximate(self) -> bool:
        return any(matrix.approximate for matrix in self.matrices)

    def profile_number(self, vehicle: Vehicle) -> int:
        return [profile.key for profile in self.profiles].index(profile_of(vehicle).key)

    def between(self, rows: Sequence[int]) -> tuple[Travel, ...]:
        """The kernel's travel among some of the places, one entry a profile."""
        return tuple(Travel(*matrix.between(rows)) for matrix in self.matrices)

    def why_unreachable(self, place: PlaceKey) -> str | None:
        """Why no vehicle of the day gets to a place, in words; None if one of them does."""
        found = [{point.index: str(point) for point in matrix.unreachable}.get(self.row[place]) for matrix in self.matrices]
        if not found or None in found:
            return None
        return str(found[0]).partition(": ")[2]


def measure_travel(city: City, engine: RoadEngine, cache_dir: Path) -> TravelTimes:
    """From the cache, or worked out once and kept there."""
    places = [("depot", d) for d in city.depots] + [("facility", f) for f in city.facilities] + [("site", s) for s in city.sites]
    points = tuple((place.lon, place.lat) for _, place in places)
    profiles = {profile.key: profile for profile in map(profile_of, city.vehicles)}
    return TravelTimes(
        engine=engine,
        places=tuple((kind, place.id) for kind, place in places),
        points=points,
        profiles=tuple(profiles.values()),
        matrices=tuple(get_matrix(engine, points, profile, cache_dir) for profile in profiles.values()),
    )


def profile_of(vehicle: Vehicle) -> VehicleProfile:
    """The vehicle's own size, with the speeds of its kind."""
    weight_t = vehicle.gross_weight_kg / 1000
    kind = TRUCK_26T if weight_t >= HEAVY_FROM_T else TRUCK_16T if weight_t > LORRY_FROM_T else TRUCK_SMALL
    return VehicleProfile(
        name=vehicle.vehicle_type,
        height_m=vehicle.height_mm / 1000,
        width_m=vehicle.width_mm / 1000,
        length_m=vehicle.length_mm / 1000,
        weight_t=weight_t,
        max_speed_kmh=kind.max_speed_kmh,
        speed_factor=kind.speed_factor,
    )
