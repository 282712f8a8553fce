"""What is worth knowing of one vehicle's order before stops are put into it: what detours cost, and for which there is room and time.

A sketch never says yes: `clock.time_route` does. It says no to most places in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from routing.clock import Order, time_route
from routing.plan import Route, VisitKind
from routing.problem import Facility, Problem, Stop, Vehicle


@dataclass(frozen=True, slots=True)
class Detour:
    """A place for a stop: before `position` of the order; with an unload of its own or, where that is None, in the trip there.

    `cost` prices driving, work and fees as if nobody waited anywhere; `least_cost` is below what any timing can make of it.
    """

    cost: int
    least_cost: int
    position: int
    unload: Facility | None


@dataclass(frozen=True, slots=True)
class _Trip:
    """Stops `first`..`last` − 1 of an order, unloaded at `facility`; None where what is on board comes home."""

    first: int
    last: int
    facility: Facility | None
    load: tuple[int, ...]
    classes: frozenset[str]


class Sketch:
    """One vehicle's order, timed once."""

    def __init__(self, problem: Problem, vehicle: Vehicle, order: Order) -> None:
        self.problem, self.vehicle, self.order = problem, vehicle, order
        self.travel = problem.travel_of(vehicle)
        self.route = self.time(order) if order else None
        self.path = [vehicle.start_location, *(place.location for place in order), vehicle.end_location]

    def time(self, order: Order) -> Route | None:
        return time_route(self.problem, self.vehicle, order)

    @property
    def sound(self) -> bool:
        """Does the clock accept the order? An empty one is no route, and sound."""
        return not self.order or self.route is not None

    @property
    def cost(self) -> int:
        return 0 if self.route is None else self.route.cost.total

    def extended(self, stop: Stop, detour: Detour) -> Order:
        """The order with the stop, and its unload if it needs one, put in."""
        added = (stop,) if detour.unload is None else (stop, detour.unload)
        return (*self.order[: detour.position], *added, *self.order[detour.position :])

    def detours(self, stop: Stop) -> Iterator[Detour]:
        """Every place in a trip of the stop's class that has room, and a trip of its own at each boundary."""
        kg = stop.load[self.problem.dimensions.index("kg")] if "kg" in self.problem.dimensions else 0
        for trip in self.trips:
            if self._takes(trip, stop):
                fee = 0 if trip.facility is None else trip.facility.fee_per_kg * kg
                yield from filter(None, (self._detour(stop, fee, position, None) for position in range(trip.first, trip.last + 1)))
        if self.vehicle.ends_empty:
            for facility in self.problem.facilities_for(stop.waste_class):
                fee = facility.fee_per_kg * kg
                yield from filter(None, (self._detour(stop, fee, trip.first, facility) for trip in self.trips))

    @cached_property
    def trips(self) -> list[_Trip]:
        """The trips, the last of which is what comes home: nothing, mostly."""
        trips, first = [], 0
        for last in range(len(self.order) + 1):
            place = self.order[last] if last < len(self.order) else None
            if not isinstance(place, Stop):
                stops = [one for one in self.order[first:last] if isinstance(one, Stop)]
                trips.append(self._trip(first, last, place, stops))
                first = last + 1
        return trips

    def _trip(self, first: int, last: int, facility: Facility | None, stops: list[Stop]) -> _Trip:
        loads = [self.vehicle.load_of(one, self.problem.dimensions) for one in stops]
        load = tuple(map(sum, zip(*loads, strict=True))) if loads else (0,) * len(self.problem.dimensions)
        return _Trip(first, last, facility, load, frozenset(one.waste_class for one in stops))

    def _takes(self, trip: _Trip, stop: Stop) -> bool:
        if trip.facility is None and self.vehicle.ends_empty:
            return False
        accepted = trip.facility is None or stop.waste_class in trip.facility.accepts
        one_class = not self.vehicle.one_class_per_trip or trip.classes <= {stop.waste_class}
        added = self.vehicle.load_of(stop, self.problem.dimensions)
        return accepted and one_class and all(a + b <= most for a, b, most in zip(trip.load, added, self.vehicle.capacity, strict=True))

    def _detour(self, stop: Stop, fee: int, position: int, unload: Facility | None) -> Detour | None:
        """The detour, or None where there is no way or no time for it."""
        here, there = self.path[position], self.path[position + 1]
        driven = self._drive(here, stop.location, unload, there)
        if driven is None:
            return None
        extra_s = driven[0] + stop.service_s + self._setup_s(stop, here, position, unload)
        extra_s += 0 if unload is None else unload.turnaround_s
        if self._busy_s + extra_s + self._rest_s(self._busy_s + extra_s) > self.vehicle.longest_s:
            return None
        vehicle = self.vehicle
        other = vehicle.cost_per_m * driven[1] + vehicle.cost_per_lift * stop.lifts + fee + (0 if self.order else vehicle.fixed_cost)
        # Where the truck waits now, a detour may take nobody's time.
        least_s = extra_s - self._waiting_s
        return Detour(vehicle.cost_per_s * extra_s + other, vehicle.cost_per_s * least_s + other, position, unload)

    def _drive(self, here: int, via: int, unload: Facility | None, there: int) -> tuple[int, int] | None:
        """Seconds and metres more than now, or None where there is no way."""
        stations = (here, via, there) if unload is None else (here, via, unload.location, there)
        drive_s, distance_m = (0, 0) if not self.order else self._direct(here, there)
        for origin, target in pairwise(stations):
            leg_s, leg_m = self.travel.drive_rows[origin][target], self.travel.distance_rows[origin][target]
            if leg_s < 0 or leg_m < 0:
                return None
            drive_s, distance_m = drive_s + leg_s, distance_m + leg_m
        return drive_s, distance_m

    def _direct(self, here: int, there: int) -> tuple[int, int]:
        return -self.travel.drive_rows[here][there], -self.travel.distance_rows[here][there]

    def _setup_s(self, stop: Stop, here: int, position: int, unload: Facility | None) -> int:
        """The stop's setup, and what the next stop's changes by."""
        setup_s = stop.setup_s if stop.location != here else 0
        after = self.order[position] if position < len(self.order) else None
        if isinstance(after, Stop):
            before = stop.location if unload is None else unload.location
            setup_s += after.setup_s * ((after.location != before) - (after.location != here))
        return setup_s

    @cached_property
    def _busy_s(self) -> int:
        """Driving, setup and work, without waiting and breaks."""
        busy_s = 0
        for number, place in enumerate(self.order):
            here = self.path[number]
            work_s = place.turnaround_s if isinstance(place, Facility) else place.service_s + place.setup_s * (place.location != here)
            busy_s += work_s + self.travel.drive_rows[here][place.location]
        return busy_s + (self.travel.drive_rows[self.path[-2]][self.path[-1]] if self.order else 0)

    def _rest_s(self, busy_s: int) -> int:
        """Breaks that a round of so much driving and work must contain, whenever it is driven."""
        return sum(rule.duration_s for rule in self.vehicle.breaks if rule.after_work_s is not None and busy_s > rule.after_work_s)

    @cached_property
    def _waiting_s(self) -> int:
        if self.route is None:
            return 0
        rest_s = sum(visit.departure_s - visit.start_s for visit in self.route.visits if visit.kind is VisitKind.BREAK)
        return max(0, self.route.duration_s - rest_s - self._busy_s)
