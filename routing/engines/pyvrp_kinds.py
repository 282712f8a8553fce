"""PyVRP's vehicle types: which vehicles are alike, where they unload last, and how they share out what a round may lift.

PyVRP knows neither "ends empty" nor a cap across reloads. Both become part of the type: it ends at a facility, and where a round may
lift less than its trips could carry, each of its `trips` gets an equal part of that. What each vehicle is may be drawn anew for every
search; a vehicle that drives already keeps what fits its order.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from routing.clock import Order
from routing.problem import Facility, Problem, Stop, Vehicle, Window
from routing.vehicle import likeness

WHOLE_BODIES = 0.2
"""How often trips are let carry whole bodies though the round's cap may then be broken, which the clock will tell."""


@dataclass(frozen=True)
class Unload:
    """A facility in one of its windows: a depot of PyVRP's."""

    facility: Facility
    window: Window | None


@dataclass(frozen=True)
class Nearest:
    """Whichever of these facilities is cheapest on the way home from the last stop: their hours bind nobody who unloads there last."""

    facilities: tuple[Facility, ...]


Last = Unload | Nearest


@dataclass(frozen=True)
class Kind:
    """One of PyVRP's vehicle types: vehicles that differ in nothing but their key, by which no stop asks for one of them alone.

    Parameters
    ----------
    vehicle, keys, count
        One of them, all of them, and how many of them are of this kind.
    last
        Where it unloads last; None for vehicles that need not end empty.
    trips
        Most trips, each with its part of `max_lifted`; None: whole bodies, as many trips as the vehicle may make.
    """

    vehicle: Vehicle
    keys: tuple[str, ...]
    last: Last | None
    count: int
    trips: int | None = None

    @property
    def capacity(self) -> tuple[int, ...]:
        """Of one trip, one entry a dimension."""
        vehicle = self.vehicle
        if self.trips is None or vehicle.max_lifted is None:
            return vehicle.capacity
        return tuple(min(body, most // self.trips) for body, most in zip(vehicle.capacity, vehicle.max_lifted, strict=True))

    @property
    def most_trips(self) -> int | None:
        return most_trips(self.vehicle) if self.trips is None else self.trips


def draw_kinds(
    problem: Problem, vehicles: Sequence[Vehicle], stops: Sequence[Stop], unloads: Sequence[Unload], given: Mapping[str, Order], seed: int
) -> list[Kind]:
    """Kinds whose counts add up to the fleet; vehicles of one kind may serve the same of these stops."""
    rng = random.Random(seed)
    allowed = [(stop.key, stop.allowed_vehicles) for stop in stops if stop.allowed_vehicles is not None]
    alike: dict[object, list[Vehicle]] = {}
    for vehicle in vehicles:
        asked_for_by = frozenset(key for key, keys in allowed if vehicle.key in keys)
        alike.setdefault((likeness(vehicle), asked_for_by), []).append(vehicle)
    return [kind for group in alike.values() for kind in _kinds_of(group, ends_of(problem, group[0], unloads), given, rng)]


def ends_of(problem: Problem, vehicle: Vehicle, unloads: Sequence[Unload]) -> tuple[Last | None, ...]:
    """Where it may unload last; facilities whose hours do not matter are one choice, which the route itself makes."""
    if not vehicle.ends_empty:
        return (None,)
    open_to_all = [one for one in unloads if vehicle.under_way is None and _is_open_at_last(problem, vehicle, one)]
    nearest = Nearest(tuple(dict.fromkeys(one.facility for one in open_to_all)))
    if len(nearest.facilities) <= 1:
        return tuple(unloads)
    return (nearest, *(one for one in unloads if one not in open_to_all))


def _is_open_at_last(problem: Problem, vehicle: Vehicle, unload: Unload) -> bool:
    """Is whoever comes too late for it too late home as well, and who waits for it to open in time?"""
    home_s = problem.travel_of(vehicle).drive_rows[unload.facility.location][vehicle.end_location]
    latest_s = vehicle.shift.close_s - unload.facility.turnaround_s - home_s
    return home_s >= 0 and (unload.window is None or unload.window.open_s <= latest_s <= unload.window.close_s)


def _kinds_of(group: Sequence[Vehicle], ends: Sequence[Last | None], given: Mapping[str, Order], rng: random.Random) -> Iterator[Kind]:
    keys = tuple(vehicle.key for vehicle in group)
    count: Counter[tuple[int, int | None]] = Counter()
    weights = [len(end.facilities) if isinstance(end, Nearest) else 1 for end in ends]
    for vehicle in group:
        order = given.get(vehicle.key, ())
        fitting = [i for i, end in enumerate(ends) if end is not None and order and may_end_at(end, order[-1])]
        if ends:
            end = rng.choice(fitting) if fitting else rng.choices(range(len(ends)), weights)[0]
            count[end, _trips_for(vehicle, order, rng)] += 1
    for (end, trips), number in sorted(count.items(), key=lambda one: (one[0][0], one[0][1] or 0)):
        yield Kind(group[0], keys, ends[end], number, trips)


def may_end_at(last: Last, place: Stop | Facility) -> bool:
    """Does a route of this kind unload there last, or could it?"""
    return place in last.facilities if isinstance(last, Nearest) else place == last.facility


def _trips_for(vehicle: Vehicle, order: Order, rng: random.Random) -> int | None:
    most = most_trips(vehicle)
    if most is None or vehicle.max_lifted is None or not _may_exceed(vehicle, most):
        return None
    choices: list[int | None] = [None] if rng.random() < WHOLE_BODIES else [most, most, most, *range(1, most)]
    drawn = rng.choice(choices)
    return drawn if drawn is None or not order or _fits(Kind(vehicle, (), None, 1, drawn), order) else None


def _may_exceed(vehicle: Vehicle, trips: int) -> bool:
    return any(trips * body > cap for body, cap in zip(vehicle.capacity, vehicle.max_lifted or (), strict=False))


def _fits(kind: Kind, order: Order) -> bool:
    load, unloads = (0,) * len(kind.capacity), 0
    for place in order:
        if isinstance(place, Stop):
            load = tuple(a + b for a, b in zip(load, place.load, strict=True))
            if any(amount > most for amount, most in zip(load, kind.capacity, strict=True)):
                return False
        else:
            load, unloads = (0,) * len(load), unloads + 1
    return kind.trips is None or unloads <= kind.trips


def most_trips(vehicle: Vehicle) -> int | None:
    """What `max_trips` and the limits over the whole round leave, whole trips assumed."""
    trips = [] if vehicle.max_trips is None else [vehicle.max_trips]
    for limit, capacity in zip(vehicle.max_lifted or (), vehicle.capacity, strict=False):
        if capacity:
            trips.append(max(1, -(-limit // capacity)))
    return min(trips, default=None)
