"""What there is to do tonight: stops, facilities, vehicles and the travel between them. Frozen, integer, units in the names.

Units
-----
Time is seconds after an origin that the caller chooses (for a night: local midnight of the service date). Distance is metres.
Cost is whole **micro-units of the tenant's currency** (1,000,000 = 1 €): 30 €/h is `cost_per_s=8_333`, 1 €/km is `cost_per_m=1_000`,
so that a route's cost is a sum of products of integers and never rounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNREACHABLE = -1
"""In a travel matrix: there is no way from here to there."""

COST_UNITS_PER_CURRENCY = 1_000_000

DEFAULT_CLASS = "waste"
"""The class of instances that know no classes."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Window:
    """Work may start at any second from `open_s` to `close_s`, both included."""

    open_s: int
    close_s: int

    def __post_init__(self) -> None:
        _require(
            0 <= self.open_s <= self.close_s, f"a window must open at or after 0 and before it closes, got {self.open_s}..{self.close_s}"
        )


@dataclass(frozen=True, eq=False)
class Travel:
    """Driving time and distance between all locations, for one kind of vehicle.

    Parameters
    ----------
    drive_s, distance_m
        Square arrays of the same shape, from row to column, not necessarily symmetric. `UNREACHABLE` (−1) in either one means
        that there is no way. Any integers; kept as read-only int32.
    """

    drive_s: NDArray[np.integer[Any]]
    distance_m: NDArray[np.integer[Any]]

    def __post_init__(self) -> None:
        for name in ("drive_s", "distance_m"):
            object.__setattr__(self, name, _matrix(name, getattr(self, name)))
        _require(self.drive_s.shape == self.distance_m.shape, f"shapes differ: {self.drive_s.shape} and {self.distance_m.shape}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Travel):
            return NotImplemented
        return np.array_equal(self.drive_s, other.drive_s) and np.array_equal(self.distance_m, other.distance_m)

    __hash__ = None  # type: ignore[assignment]

    @property
    def size(self) -> int:
        """Number of locations."""
        return len(self.drive_s)

    # Python lists index several times faster than arrays and give true ints, which cannot overflow.
    @cached_property
    def drive_rows(self) -> list[list[int]]:
        rows: list[list[int]] = self.drive_s.tolist()
        return rows

    @cached_property
    def distance_rows(self) -> list[list[int]]:
        rows: list[list[int]] = self.distance_m.tolist()
        return rows

    def reaches(self, origin: int, target: int) -> bool:
        """Is there a way from `origin` to `target`?"""
        return self.drive_rows[origin][target] >= 0 and self.distance_rows[origin][target] >= 0


def _matrix(name: str, values: ArrayLike) -> NDArray[np.int32]:
    given = np.asarray(values)
    _require(given.ndim == 2 and given.shape[0] == given.shape[1], f"{name} must be square, got shape {given.shape}")
    _require(given.size == 0 or given.dtype.kind in "iu", f"{name} must hold integers, got {given.dtype}")
    _require(given.size == 0 or (given.min() >= UNREACHABLE and given.max() < 2**31), f"{name} must lie between −1 (no way) and 2³¹")
    kept = given.astype(np.int32)
    kept.flags.writeable = False
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One place in a round where waste of one class is lifted: a container, or several that are always lifted together.

    Parameters
    ----------
    key
        The caller's name for it; opaque here.
    location
        Row of the travel matrices. Stops may share one.
    load
        One entry a dimension of the problem; by default (kg, litres **loose**, as in the container). What the litres become
        in a truck is the truck's affair: `Vehicle.load_of`.
    service_s
        Work at the stop, each time.
    setup_s
        Work on arrival (parking, keys), spent before the window counts and only if the truck comes from another location.
    windows
        When work may start; empty means always.
    lifts
        Containers lifted here, for costs per lift.
    prize
        What serving it is worth, in cost units; None makes it mandatory.
    needs
        What a vehicle must offer (a crane, a narrow body).
    allowed_vehicles
        Keys of the vehicles that may come, or None for all.
    group
        At most one stop of a group is served; a group of mandatory stops wants exactly one.
    """

    key: str
    location: int
    load: tuple[int, ...]
    waste_class: str = DEFAULT_CLASS
    service_s: int = 0
    setup_s: int = 0
    windows: tuple[Window, ...] = ()
    lifts: int = 1
    prize: int | None = None
    needs: frozenset[str] = frozenset()
    allowed_vehicles: frozenset[str] | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        _require(bool(self.key), "a stop needs a key")
        _require(all(amount >= 0 for amount in self.load), f"stop {self.key}: load must not be negative, got {self.load}")
        _require(self.service_s >= 0 and self.setup_s >= 0, f"stop {self.key}: service and setup must not be negative")
        _require(self.lifts >= 0, f"stop {self.key}: lifts must not be negative, got {self.lifts}")
        _require(self.prize is None or self.prize >= 0, f"stop {self.key}: prize must not be negative, got {self.prize}")

    @property
    def mandatory(self) -> bool:
        return self.prize is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """A place to unload: which classes, when, how long it takes (`turnaround_s`, queue included) and what a kilogram costs."""

    key: str
    location: int
    accepts: frozenset[str]
    windows: tuple[Window, ...] = ()
    turnaround_s: int = 0
    fee_per_kg: int = 0

    def __post_init__(self) -> None:
        _require(bool(self.key), "a facility needs a key")
        _require(self.turnaround_s >= 0 and self.fee_per_kg >= 0, f"facility {self.key}: turnaround and fee must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakRule:
    """A break of `duration_s` that must start within `window`, or at most `after_work_s` after the round's start. Exactly one of the two.

    Time before the start and after the end of the round counts as free: the break is due only if the round leaves no room for
    it outside (`window`: starts before it could be over and ends after the window has closed; `after_work_s`: lasts longer).
    A break is taken standing, where the last visit ended or where the next begins.
    """

    key: str
    duration_s: int
    window: Window | None = None
    after_work_s: int | None = None

    def __post_init__(self) -> None:
        _require(self.duration_s > 0, f"break {self.key}: duration must be positive, got {self.duration_s}")
        _require((self.window is None) != (self.after_work_s is None), f"break {self.key}: give either a window or after_work_s")
        _require(self.after_work_s is None or self.after_work_s >= 0, f"break {self.key}: after_work_s must not be negative")

    def is_due(self, start_s: int, end_s: int) -> bool:
        """Must a round from `start_s` to `end_s` contain this break?"""
        if self.window is not None:
            return start_s < self.window.open_s + self.duration_s and end_s > self.window.close_s
        assert self.after_work_s is not None
        return end_s - start_s > self.after_work_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One truck with its crew for one shift.

    Parameters
    ----------
    start_location, end_location
        Its depots; they may differ.
    capacity
        One entry a dimension; by default (kg, litres of the body).
    classes
        What it may carry.
    compacted_density_kg_m3
        Density that its press reaches, by class; a class not named is not compacted. Not to be changed after construction.
    one_class_per_trip
        Between two unloads all waste is of one class.
    ends_empty
        The last visit before the end depot is an unload. False: what is on board at the end is somebody else's affair
        (classic instances unload at the depot).
    shift
        Earliest start and latest end.
    max_duration_s
        Longest time from start to end, or None for the whole shift.
    fixed_cost, cost_per_s, cost_per_m, cost_per_lift
        Fixed only if it leaves at all; seconds count from start to end, waiting and breaks included.
    max_trips
        Most unloads in a round, or None.
    offers
        What stops may need.
    travel_profile
        Which of the problem's travel matrices it drives by.
    """

    key: str
    start_location: int
    end_location: int
    capacity: tuple[int, ...]
    shift: Window
    classes: frozenset[str] = frozenset({DEFAULT_CLASS})
    compacted_density_kg_m3: Mapping[str, int] = field(default_factory=dict, hash=False)
    one_class_per_trip: bool = True
    ends_empty: bool = True
    max_duration_s: int | None = None
    fixed_cost: int = 0
    cost_per_s: int = 0
    cost_per_m: int = 0
    cost_per_lift: int = 0
    breaks: tuple[BreakRule, ...] = ()
    max_trips: int | None = None
    offers: frozenset[str] = frozenset()
    travel_profile: int = 0

    def __post_init__(self) -> None:
        _require(bool(self.key), "a vehicle needs a key")
        _require(all(amount >= 0 for amount in self.capacity), f"vehicle {self.key}: capacity must not be negative, got {self.capacity}")
        _require(all(d > 0 for d in self.compacted_density_kg_m3.values()), f"vehicle {self.key}: densities must be positive")
        _require(self.max_duration_s is None or self.max_duration_s > 0, f"vehicle {self.key}: max_duration_s must be positive")
        _require(self.max_trips is None or self.max_trips > 0, f"vehicle {self.key}: max_trips must be positive")
        _require(
            min(self.fixed_cost, self.cost_per_s, self.cost_per_m, self.cost_per_lift) >= 0,
            f"vehicle {self.key}: costs must not be negative",
        )
        _require(len({rule.key for rule in self.breaks}) == len(self.breaks), f"vehicle {self.key}: breaks need different keys")

    @property
    def longest_s(self) -> int:
        """Longest time from start to end that shift and `max_duration_s` leave."""
        shift_s = self.shift.close_s - self.shift.open_s
        return shift_s if self.max_duration_s is None else min(shift_s, self.max_duration_s)

    def may_serve(self, stop: Stop) -> bool:
        """Do class, needs and permission allow it (whatever the load, time and distance)?"""
        permitted = stop.allowed_vehicles is None or self.key in stop.allowed_vehicles
        return permitted and stop.waste_class in self.classes and stop.needs <= self.offers

    def load_of(self, stop: Stop, dimensions: Sequence[str]) -> tuple[int, ...]:
        """What the stop takes up in **this** truck, one entry a dimension.

        All entries are the stop's own, but litres of a class that the truck compacts: these become load_kg / density, rounded
        up to a whole litre for each stop (so that a truck's load is a plain sum, at most one litre a stop too large), and never
        more than the loose litres, for a press does not make waste grow.
        """
        density_kg_m3 = self.compacted_density_kg_m3.get(stop.waste_class)
        if density_kg_m3 is None or "l" not in dimensions or "kg" not in dimensions:
            return stop.load
        kg, litres = stop.load[dimensions.index("kg")], dimensions.index("l")
        pressed_l = min(stop.load[litres], -(-kg * 1_000 // density_kg_m3))
        return (*stop.load[:litres], pressed_l, *stop.load[litres + 1 :])


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
        _require(bool(self.travel), "a problem needs at least one travel profile")
        _require(len({travel.size for travel in self.travel}) == 1, "travel profiles must have one size")
        for kind, keyed in (("stop", self.stops), ("facility", self.facilities), ("vehicle", self.vehicles)):
            repeated = [key for key, count in Counter(one.key for one in keyed).items() if count > 1]
            _require(not repeated, f"{kind} keys repeat: {repeated[:5]}")
        for stop in self.stops:
            self._check_place("stop", stop.key, stop.location)
            _require(len(stop.load) == len(self.dimensions), f"stop {stop.key}: load needs one entry for each of {self.dimensions}")
        for facility in self.facilities:
            self._check_place("facility", facility.key, facility.location)
        for vehicle in self.vehicles:
            self._check_vehicle(vehicle)
        for group, members in self.groups.items():
            _require(len({stop.mandatory for stop in members}) == 1, f"group {group}: stops must be all mandatory or all optional")

    def _check_place(self, kind: str, key: str, location: int) -> None:
        _require(0 <= location < self.travel[0].size, f"{kind} {key}: location {location} is not one of {self.travel[0].size}")

    def _check_vehicle(self, vehicle: Vehicle) -> None:
        self._check_place("vehicle", vehicle.key, vehicle.start_location)
        self._check_place("vehicle", vehicle.key, vehicle.end_location)
        _require(
            len(vehicle.capacity) == len(self.dimensions), f"vehicle {vehicle.key}: capacity needs one entry for each of {self.dimensions}"
        )
        _require(0 <= vehicle.travel_profile < len(self.travel), f"vehicle {vehicle.key}: no travel profile {vehicle.travel_profile}")

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
