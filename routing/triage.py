"""Stops that nobody could serve tonight even if the night were theirs alone: named before the search, which they would only slow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from routing.clock import least_order, time_route
from routing.insertion import taken_up
from routing.plan import Reason, Unserved
from routing.problem import Facility, Problem, Stop, Travel, Vehicle
from routing.sketch import Sketch


def find_hopeless(problem: Problem) -> tuple[Unserved, ...]:
    """Each stop that has no feasible round of its own, with the first rule that stands in the way.

    A stop where a load is set down has the fate of the stop where it is taken up. What a driver has been told to do first is never
    hopeless: it is done, and whether it can be is for the check to say.
    """
    told = {key for vehicle in problem.vehicles for key in vehicle.head}
    found: dict[str, Unserved] = {}
    for stop in problem.stops:
        first = taken_up(problem, stop)
        if not told & {first.key, first.bring_to} and (hopeless := _hopeless(problem, first)) is not None:
            found[stop.key] = replace(hopeless, stop=stop.key)
    return tuple(found.values())


def set_apart(problem: Problem, keys: Collection[str]) -> Problem:
    """The problem without these stops, in the vehicles' sequences neither."""
    out = set(keys)
    sequences = {vehicle.key: tuple(key for key in vehicle.sequence if key not in out) for vehicle in problem.vehicles}
    vehicles = (v if v.sequence == sequences[v.key] else replace(v, sequence=sequences[v.key]) for v in problem.vehicles)
    return replace(problem, stops=tuple(one for one in problem.stops if one.key not in out), vehicles=tuple(vehicles))


def _hopeless(problem: Problem, stop: Stop) -> Unserved | None:
    both = (stop,) if stop.bring_to is None else (stop, problem.stop_by_key[stop.bring_to])
    vehicles: Sequence[Vehicle] = [vehicle for vehicle in problem.vehicles if _carries(vehicle, stop.waste_class)]
    if not vehicles:
        return _out(stop, Reason.NO_VEHICLE_FOR_CLASS, f"no vehicle carries {stop.waste_class}")
    vehicles = [vehicle for vehicle in vehicles if all(vehicle.may_serve(one) for one in both)]
    if not vehicles:
        return _out(stop, Reason.NO_VEHICLE_FOR_NEEDS, "; none of these serves ".join(_need_in_words(one) for one in both))
    too_large = [_excess(problem, vehicle, stop) for vehicle in vehicles]
    if all(too_large):
        return _out(stop, Reason.TOO_LARGE, f"{min(too_large, key=len)} above the largest vehicle that may come")
    vehicles = [vehicle for vehicle, excess in zip(vehicles, too_large, strict=True) if not excess]
    facilities = problem.facilities_for(stop.waste_class)
    if stop.bring_to is None and not facilities and all(vehicle.ends_empty or _takes_no_more(problem, vehicle) for vehicle in vehicles):
        return _out(stop, Reason.NO_FACILITY_FOR_CLASS, f"no facility accepts {stop.waste_class}")
    if not any(_is_reachable(problem.travel_of(vehicle), vehicle, both, facilities) for vehicle in vehicles):
        return _out(stop, Reason.UNREACHABLE, "no vehicle has a way there, on to a facility and home")
    if any(_has_round_of_its_own(problem, vehicle, stop) for vehicle in vehicles):
        return None
    if any(_has_round_of_its_own(problem, _unlimited(vehicle), stop) for vehicle in vehicles):
        return _out(stop, Reason.BEYOND_LIMITS, "even alone on a vehicle it exceeds what that may drive, visit or lift in a round")
    return _out(stop, Reason.OUTSIDE_SHIFTS, "even alone on a vehicle it does not fit into windows, opening hours and shift")


def _carries(vehicle: Vehicle, waste_class: str) -> bool:
    return waste_class in vehicle.classes and (not vehicle.compartments or vehicle.compartment_of(waste_class) is not None)


def _takes_no_more(problem: Problem, vehicle: Vehicle) -> bool:
    """Has it stops enough with what it has done and been told?"""
    done = 0 if vehicle.under_way is None else vehicle.under_way.stops
    return vehicle.max_stops is not None and done + sum(key in problem.stop_by_key for key in vehicle.head) >= vehicle.max_stops


def _unlimited(vehicle: Vehicle) -> Vehicle:
    return replace(vehicle, max_drive_s=None, max_distance_m=None, max_stops=None, max_lifted=None, max_trips=None)


def _has_round_of_its_own(problem: Problem, vehicle: Vehicle, stop: Stop) -> bool:
    if vehicle.always_drives or stop.bring_to is not None:
        sketch = Sketch(problem, vehicle, least_order(problem, vehicle))
        return sketch.sound and any(sketch.time(sketch.extended(stop, one)) is not None for one in sketch.detours(stop))
    return any(time_route(problem, vehicle, order) is not None for order in _own_rounds(problem, vehicle, stop))


def _own_rounds(problem: Problem, vehicle: Vehicle, stop: Stop) -> Iterator[tuple[Stop | Facility, ...]]:
    if not vehicle.ends_empty:
        yield (stop,)
    for facility in problem.facilities_for(stop.waste_class):
        yield (stop, facility)


def _is_reachable(travel: Travel, vehicle: Vehicle, stops: Sequence[Stop], facilities: Sequence[Facility]) -> bool:
    """Is there a way to the stop, on to where it is set down if it is, and from there home, by a facility if need be?"""
    here = vehicle.begins_at
    if vehicle.always_drives:
        return True  # who is on the road may come by another way: the clock decides
    for stop in stops:
        if not travel.reaches(here, stop.location):
            return False
        here = stop.location
    home = vehicle.end_location
    onwards = [f for f in facilities if travel.reaches(here, f.location) and travel.reaches(f.location, home)]
    return bool(onwards) or ((len(stops) > 1 or not vehicle.ends_empty) and travel.reaches(here, home))


def _excess(problem: Problem, vehicle: Vehicle, stop: Stop) -> str:
    """How much the stop exceeds the empty vehicle, or its part of it, in words; empty if it fits."""
    part = vehicle.compartment_of(stop.waste_class)
    room = vehicle.capacity if part is None else tuple(map(min, vehicle.capacity, part.capacity))
    entries = zip(vehicle.load_of(stop, problem.dimensions), room, problem.dimensions, strict=True)
    return ", ".join(f"{load - most} {name}" for load, most, name in entries if load > most)


def _need_in_words(stop: Stop) -> str:
    needs = f"needs {', '.join(sorted(stop.needs))}" if stop.needs else ""
    only = f"only {', '.join(sorted(stop.allowed_vehicles))} may come" if stop.allowed_vehicles is not None else ""
    return "; ".join(part for part in (needs, only) if part) + f"; none of these carries {stop.waste_class}"


def _out(stop: Stop, reason: Reason, detail: str) -> Unserved:
    return Unserved(stop=stop.key, reason=reason, detail=detail)
