"""What is worth knowing of one vehicle's order before stops are put into it: what detours cost, and for which there is room and time.

A sketch never says yes: `clock.time_route` does. It says no to most places in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from routing.clock import Order, time_route
from routing.gaps import Gaps
from routing.plan import Route, VisitKind
from routing.problem import Facility, Problem, Stop, Vehicle

SURELY_LESS = -(2**62)
"""Where nothing is known of what a detour costs at least."""
LONG_TRIP = 24
"""From so many places on those in a trip are looked at all at once."""


@dataclass(frozen=True, slots=True)
class Detour:
    """A place for a stop: before `position` of the order; with an unload of its own or, where that is None, in the trip there.

    What the stop takes up to be brought elsewhere is set down before `set_down` of the order, in the same trip.
    With `unload_first` the unload is that of what is on board already, and the stop's own load comes home.
    `cost` prices driving, work and fees as if nobody waited anywhere; `least_cost` is below what any timing can make of it.
    """

    cost: int
    least_cost: int
    position: int
    unload: Facility | None = None
    set_down: int | None = None
    unload_first: bool = False


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
        self.route = self.time(order) if order or vehicle.always_drives else None
        self.path = [vehicle.begins_at, *(place.location for place in order), vehicle.end_location]

    def time(self, order: Order) -> Route | None:
        return time_route(self.problem, self.vehicle, order)

    @property
    def sound(self) -> bool:
        """Does the clock accept the order? An empty one is no route, and sound, but of a vehicle that always drives."""
        return self.route is not None or not (self.order or self.vehicle.always_drives)

    @property
    def cost(self) -> int:
        return 0 if self.route is None else self.route.cost.total

    def extended(self, stop: Stop, detour: Detour) -> Order:
        """The order with the stop, and its unload or the stop where its load is set down, put in."""
        before, after = self.order[: detour.position], self.order[detour.position :]
        if detour.set_down is not None:
            between = self.order[detour.position : detour.set_down]
            return (*before, stop, *between, self._target(stop), *self.order[detour.set_down :])
        if detour.unload is None:
            return (*before, stop, *after)
        return (*before, detour.unload, stop, *after) if detour.unload_first else (*before, stop, detour.unload, *after)

    def detours(self, stop: Stop, *, most_cost: int | None = None, enough: int | None = None) -> Iterator[Detour]:
        """Every place in a trip of the stop's class that has room, and a trip of its own at each boundary.

        Parameters
        ----------
        most_cost
            Those that are sure to cost more may be missing.
        enough
            In a long trip only so many places of the smallest detours are of interest.
        """
        if stop.bring_to is not None:
            yield from self._transfers(stop)
            return
        kg = stop.load[self.problem.dimensions.index("kg")] if "kg" in self.problem.dimensions else 0
        least, most = self._span(stop)
        for trip in self.trips:
            if self._takes(trip, stop):
                fee = 0 if trip.facility is None else trip.facility.fee_per_kg * kg
                places = range(max(least, trip.first), min(most, trip.last) + 1)
                if len(places) >= LONG_TRIP:
                    yield from self._detours_at_once(stop, fee, places, most_cost, enough)
                else:
                    yield from filter(None, (self._detour(stop, fee, position, None) for position in places))
        last = self.trips[-1]
        if not self.vehicle.ends_empty:
            if last.classes and most == len(self.order):
                gates = (facility for facility in self.problem.facilities if last.classes <= facility.accepts)
                yield from filter(None, (self._after_unload(stop, gate, last) for gate in gates))
        else:
            boundaries = [trip.first for trip in self.trips if least <= trip.first <= most]
            for facility in self.problem.facilities_for(stop.waste_class):
                fee = facility.fee_per_kg * kg + facility.fee_per_visit
                yield from filter(None, (self._detour(stop, fee, position, facility) for position in boundaries))

    def _after_unload(self, stop: Stop, gate: Facility, trip: _Trip) -> Detour | None:
        """The stop as a trip of its own that comes home, behind the unload of what has come home so far."""
        driven = self._drive((self.path[-2], gate.location, stop.location, self.path[-1]))
        if driven is None:
            return None
        extra_s = driven[0] + gate.turnaround_s + self.vehicle.work_s(stop) + (stop.setup_s if stop.location != gate.location else 0)
        if not self._has_time(extra_s):
            return None
        kg = trip.load[self.problem.dimensions.index("kg")] if "kg" in self.problem.dimensions else 0
        fee = gate.fee_per_visit + gate.fee_per_kg * kg
        least = self._price(extra_s - self._waiting_s, driven[1], stop.lifts, fee) if self._is_even else SURELY_LESS
        return Detour(self._price(extra_s, driven[1], stop.lifts, fee), least, len(self.order), gate, unload_first=True)

    def _target(self, stop: Stop) -> Stop:
        assert stop.bring_to is not None
        return self.problem.stop_by_key[stop.bring_to]

    def _span(self, stop: Stop) -> tuple[int, int]:
        """The first and the last position that head and sequence leave to the stop."""
        least, most, rank = len(self.vehicle.head), len(self.order), self._ranks
        if stop.key in rank:
            for position, place in enumerate(self.order):
                other = rank.get(place.key) if isinstance(place, Stop) else None
                if other is not None and other < rank[stop.key]:
                    least = max(least, position + 1)
                elif other is not None:
                    most = min(most, position)
        return least, most

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {key: number for number, key in enumerate(self.vehicle.sequence)}

    def _transfers(self, stop: Stop) -> Iterator[Detour]:
        """Every two places in one trip, to take up and to set down; whether there is room between them is left to the clock."""
        target = self._target(stop)
        if not self.vehicle.may_serve(target):
            return
        least, most = self._span(stop)
        first, last = self._span(target)
        for trip in self.trips:
            for position in range(max(least, trip.first), min(most, trip.last) + 1):
                places = range(max(first, position), min(last, trip.last) + 1)
                yield from filter(None, (self._transfer(stop, target, position, set_down) for set_down in places))

    def _transfer(self, stop: Stop, target: Stop, position: int, set_down: int) -> Detour | None:
        if position == set_down:
            ways = [self._drive((self.path[position], stop.location, target.location, self.path[position + 1]))]
        else:
            pairs = ((position, stop), (set_down, target))
            ways = [self._drive((self.path[at], one.location, self.path[at + 1])) for at, one in pairs]
        if None in ways:
            return None
        extra_s = sum(way[0] for way in ways if way) + self.vehicle.work_s(stop) + self.vehicle.work_s(target)
        if not self._has_time(extra_s):
            return None
        distance_m, lifts = sum(way[1] for way in ways if way), stop.lifts + target.lifts
        return Detour(self._price(extra_s, distance_m, lifts, 0), SURELY_LESS, position, set_down=set_down)

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
        out = self.vehicle.under_way if first == 0 else None
        loads = [self.vehicle.load_of(one, self.problem.dimensions) for one in stops]
        loads.append((0,) * len(self.problem.dimensions) if out is None else out.load)
        # What is brought elsewhere is on board for a while only: the clock sees to that.
        lifted = {one.waste_class for one in stops if one.bring_to is None and one.key not in self.problem.taken_up_at}
        on_board = lifted if out is None else lifted | out.classes
        return _Trip(first, last, facility, tuple(map(sum, zip(*loads, strict=True))), frozenset(on_board))

    def _takes(self, trip: _Trip, stop: Stop) -> bool:
        vehicle = self.vehicle
        if trip.facility is None and vehicle.ends_empty:
            return False
        accepted = trip.facility is None or stop.waste_class in trip.facility.accepts
        one_class = not vehicle.one_class_per_trip or bool(vehicle.compartments) or trip.classes <= {stop.waste_class}
        added = vehicle.load_of(stop, self.problem.dimensions)
        return accepted and one_class and all(a + b <= most for a, b, most in zip(trip.load, added, vehicle.capacity, strict=True))

    def _detours_at_once(self, stop: Stop, fee: int, places: range, most_cost: int | None, enough: int | None) -> Iterator[Detour]:
        """As `_detour` for all of these places, in arrays."""
        added = self._gaps.through(stop, slice(places.start, places.stop))
        extra_s = added.extra_s + self.vehicle.work_s(stop)
        cost = self._prices(extra_s, added.extra_m, stop.lifts, fee)
        least = (
            self._prices(extra_s - self._waiting_s, added.extra_m, stop.lifts, fee) if self._is_even else np.full(len(cost), SURELY_LESS)
        )
        possible = added.has_way & self._have_time(extra_s)
        chosen = np.flatnonzero(possible if most_cost is None else possible & (least <= most_cost))
        if enough is not None and len(chosen) > enough:
            chosen = np.sort(chosen[np.argsort(cost[chosen], kind="stable")[:enough]])
        for i in chosen.tolist():
            yield Detour(int(cost[i]), int(least[i]), places.start + i)

    @cached_property
    def _gaps(self) -> Gaps:
        setups_s = [place.setup_s if isinstance(place, Stop) else 0 for place in self.order]
        return Gaps(self.travel, self.path, [*setups_s, 0], is_driven=self.route is not None)

    def _prices(self, extra_s: NDArray[np.int64], distance_m: NDArray[np.int64], lifts: int, fee: int) -> NDArray[np.int64]:
        per_s = np.where(extra_s >= 0, self.vehicle.cost_per_s, self._dearest_per_s)
        return per_s * extra_s + self.vehicle.cost_per_m * distance_m + self._price(0, 0, lifts, fee)

    def _have_time(self, extra_s: NDArray[np.int64]) -> NDArray[np.bool_]:
        busy_s = self._busy_s + extra_s
        rests_s = sum((rest_s * (busy_s > after_s) for after_s, rest_s in self._rests), np.zeros_like(busy_s))
        return (busy_s + rests_s <= self._most_s) | (not self._is_even)

    def _detour(self, stop: Stop, fee: int, position: int, unload: Facility | None) -> Detour | None:
        """The detour, or None where there is no way or no time for it."""
        here, there = self.path[position], self.path[position + 1]
        driven = self._drive((here, stop.location, there) if unload is None else (here, stop.location, unload.location, there))
        if driven is None:
            return None
        extra_s = driven[0] + self.vehicle.work_s(stop) + self._setup_s(stop, here, position, unload)
        extra_s += 0 if unload is None else unload.turnaround_s
        if not self._has_time(extra_s):
            return None
        # Where the truck waits now, a detour may take nobody's time.
        least = self._price(extra_s - self._waiting_s, driven[1], stop.lifts, fee) if self._is_even else SURELY_LESS
        return Detour(self._price(extra_s, driven[1], stop.lifts, fee), least, position, unload)

    def _price(self, extra_s: int, distance_m: int, lifts: int, fee: int) -> int:
        vehicle = self.vehicle
        fixed = vehicle.fixed_cost if self.route is None else 0
        # Time that is saved may have been overtime; that which is added is not known to be.
        per_s = vehicle.cost_per_s if extra_s >= 0 else self._dearest_per_s
        return per_s * extra_s + vehicle.cost_per_m * distance_m + vehicle.cost_per_lift * lifts + fee + fixed

    @cached_property
    def _dearest_per_s(self) -> int:
        share = self.vehicle.fair_share
        return self.vehicle.cost_per_s + self.vehicle.overtime_cost_per_s + (0 if share is None else share.cost_per_s)

    @cached_property
    def _is_even(self) -> bool:
        return not self.travel.paces

    def _has_time(self, extra_s: int) -> bool:
        """Is the round with so much more driving and work not sure to be too long? Traffic that speeds up makes nothing sure."""
        busy_s = self._busy_s + extra_s
        return not self._is_even or busy_s + self._rest_s(busy_s) <= self._most_s

    @cached_property
    def _most_s(self) -> int:
        vehicle, out = self.vehicle, self.vehicle.under_way
        if out is None:
            return vehicle.longest_s
        left_s = vehicle.shift.close_s - out.ready_s
        return left_s if vehicle.max_duration_s is None else min(left_s, out.started_s + vehicle.max_duration_s - out.ready_s)

    def _drive(self, stations: tuple[int, ...]) -> tuple[int, int] | None:
        """Seconds and metres more than on the direct way that is driven now, if any, or None where there is no way."""
        drive_s, distance_m = (0, 0) if self.route is None else self._direct(stations[0], stations[-1])
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
            work_s = place.turnaround_s if isinstance(place, Facility) else self.vehicle.work_s(place)
            if isinstance(place, Stop) and place.location != here:
                work_s += place.setup_s
            busy_s += work_s + self.travel.drive_rows[here][place.location]
        return busy_s + (0 if self.route is None else self.travel.drive_rows[self.path[-2]][self.path[-1]])

    def _rest_s(self, busy_s: int) -> int:
        """Breaks that a round of so much driving and work must contain, whenever it is driven."""
        return sum(rest_s for after_s, rest_s in self._rests if busy_s > after_s)

    @cached_property
    def _rests(self) -> list[tuple[int, int]]:
        """After how much driving and work a break is due, and how long it is; none on the road, where they may lie behind."""
        if self.vehicle.under_way is not None:
            return []
        rules = (rule for rule in self.vehicle.breaks if rule.after_work_s is not None)
        return [
            (max(rule.after_work_s or 0, rule.only_if_longer_s), min(rule.duration_s, sum(rule.parts_s) or rule.duration_s))
            for rule in rules
        ]

    @cached_property
    def _waiting_s(self) -> int:
        if self.route is None:
            return 0
        rest_s = sum(visit.departure_s - visit.start_s for visit in self.route.visits if visit.kind is VisitKind.BREAK)
        return max(0, self.route.end_s - self._leaves_s - rest_s - self._busy_s)

    @property
    def _leaves_s(self) -> int:
        assert self.route is not None
        return self.route.start_s if self.vehicle.under_way is None else self.vehicle.under_way.ready_s
