"""What there is to do tonight: stops, facilities, vehicles and the travel between them. Frozen, integer, units in the names.

Units
-----
Time is seconds after an origin that the caller chooses (for a night: local midnight of the service date). Distance is metres.
Cost is whole **micro-units of the tenant's currency** (1,000,000 = 1 €): 30 €/h is `cost_per_s=8_333`, 1 €/km is `cost_per_m=1_000`,
so that a route's cost is a sum of products of integers and never rounds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from routing.errors import require
from routing.places import DEFAULT_CLASS, Facility, Stop, Window
from routing.travel import UNREACHABLE, Pace, Travel
from routing.vehicle import BreakRule, Compartment, FairShare, UnderWay, Vehicle

__all__ = [
    "COST_UNITS_PER_CURRENCY",
    "DEFAULT_CLASS",
    "UNREACHABLE",
    "BreakRule",
    "Compartment",
    "Facility",
    "FairShare",
    "Pace",
    "Problem",
    "Stop",
    "Travel",
    "UnderWay",
    "Vehicle",
    "Window",
]

COST_UNITS_PER_CURRENCY = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One sub-problem of a night, complete: whoever holds it can solve it again.

    Parameters
    ----------
    travel
        One entry a travel profile; all of one size, the number of locations.
    dimensions
        Names of the entries of loads and capacities. "kg" and "l" have a meaning (fees, compaction), others only add up.

    Raises
    ------
    ValueError
        If keys repeat, locations or profiles do not exist, vectors have the wrong length, or a group mixes mandatory and optional stops.
    """

    stops: tuple[Stop, ...]
    facilities: tuple[Facility, ...]
    vehicles: tuple[Vehicle, ...]
    travel: tuple[Travel, ...]
    dimensions: tuple[str, ...] = ("kg", "l")

    def __post_init__(self) -> None:
        require(bool(self.travel), "a problem needs at least one travel profile")
        require(len({travel.size for travel in self.travel}) == 1, "travel profiles must have one size")
        for kind, keyed in (("stop", self.stops), ("facility", self.facilities), ("vehicle", self.vehicles)):
            repeated = [key for key, count in Counter(one.key for one in keyed).items() if count > 1]
            require(not repeated, f"{kind} keys repeat: {repeated[:5]}")
        for stop in self.stops:
            self._check_place("stop", stop.key, stop.location)
            require(len(stop.load) == len(self.dimensions), f"stop {stop.key}: load needs one entry for each of {self.dimensions}")
        for facility in self.facilities:
            self._check_place("facility", facility.key, facility.location)
        for vehicle in self.vehicles:
            self._check_vehicle(vehicle)
        for group, members in self.groups.items():
            require(len({stop.mandatory for stop in members}) == 1, f"group {group}: stops must be all mandatory or all optional")
        self._check_transfers()

    def _check_place(self, kind: str, key: str, location: int) -> None:
        require(0 <= location < self.travel[0].size, f"{kind} {key}: location {location} is not one of {self.travel[0].size}")

    def _check_transfers(self) -> None:
        for stop in self.stops:
            if stop.bring_to is None:
                is_target = stop.key in self.taken_up_at
                require(
                    is_target or all(amount >= 0 for amount in stop.load), f"stop {stop.key}: load must not be negative, got {stop.load}"
                )
                continue
            require(all(amount >= 0 for amount in stop.load), f"stop {stop.key}: what is taken up must not be negative, got {stop.load}")
            target = self.stop_by_key.get(stop.bring_to)
            require(
                target is not None and target.bring_to is None, f"stop {stop.key}: bring_to names no stop to set down at: {stop.bring_to}"
            )
            assert target is not None
            require(
                target.load == tuple(-amount for amount in stop.load), f"stop {target.key}: its load must be that of {stop.key}, negative"
            )
            require(target.waste_class == stop.waste_class, f"stop {target.key}: its class must be that of {stop.key}")
            require((target.prize or 0) == 0 and target.mandatory == stop.mandatory, f"stop {target.key}: the prize is that of {stop.key}")
            require(stop.group is None and target.group is None, f"stop {stop.key}: what is brought elsewhere has no alternatives")
        brought = [stop.bring_to for stop in self.stops if stop.bring_to is not None]
        require(len(brought) == len(set(brought)), "to one stop one load is brought")

    def _check_vehicle(self, vehicle: Vehicle) -> None:
        self._check_place("vehicle", vehicle.key, vehicle.start_location)
        self._check_place("vehicle", vehicle.key, vehicle.end_location)
        require(
            len(vehicle.capacity) == len(self.dimensions), f"vehicle {vehicle.key}: capacity needs one entry for each of {self.dimensions}"
        )
        require(0 <= vehicle.travel_profile < len(self.travel), f"vehicle {vehicle.key}: no travel profile {vehicle.travel_profile}")
        vectors = [one.capacity for one in vehicle.compartments]
        vectors += [] if vehicle.max_lifted is None else [vehicle.max_lifted]
        if vehicle.under_way is not None:
            self._check_place("vehicle", vehicle.key, vehicle.under_way.location)
            vectors += [vehicle.under_way.load, *([vehicle.under_way.lifted] if vehicle.under_way.lifted else [])]
        require(
            all(len(vector) == len(self.dimensions) for vector in vectors),
            f"vehicle {vehicle.key}: compartments, max_lifted and what is on board need one entry for each of {self.dimensions}",
        )
        unknown = [key for key in vehicle.head if key not in self.stop_by_key and key not in self.facility_by_key]
        unknown += [key for key in vehicle.sequence if key not in self.stop_by_key]
        require(not unknown, f"vehicle {vehicle.key}: its head and sequence name no such stop: {unknown[:5]}")

    @cached_property
    def stop_by_key(self) -> dict[str, Stop]:
        return {stop.key: stop for stop in self.stops}

    @cached_property
    def facility_by_key(self) -> dict[str, Facility]:
        return {facility.key: facility for facility in self.facilities}

    @cached_property
    def vehicle_by_key(self) -> dict[str, Vehicle]:
        return {vehicle.key: vehicle for vehicle in self.vehicles}

    @cached_property
    def taken_up_at(self) -> dict[str, str]:
        """Key of the stop where it was taken up, by key of the stop where it is set down."""
        return {stop.bring_to: stop.key for stop in self.stops if stop.bring_to is not None}

    @cached_property
    def groups(self) -> dict[str, tuple[Stop, ...]]:
        """Stops that exclude each other, by group."""
        found: dict[str, list[Stop]] = {}
        for stop in self.stops:
            if stop.group is not None:
                found.setdefault(stop.group, []).append(stop)
        return {group: tuple(members) for group, members in found.items()}

    def travel_of(self, vehicle: Vehicle) -> Travel:
        return self.travel[vehicle.travel_profile]

    def facilities_for(self, waste_class: str) -> tuple[Facility, ...]:
        """Facilities that accept the class."""
        return tuple(facility for facility in self.facilities if waste_class in facility.accepts)
