"""Stops that nobody could serve tonight even if the night were theirs alone: named before the search, which they would only slow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from routing.clock import time_route
from routing.plan import Reason, Unserved
from routing.problem import Facility, Problem, Stop, Travel, Vehicle


def find_hopeless(problem: Problem) -> tuple[Unserved, ...]:
    """Each stop that has no feasible round of its own, with the first rule that stands in the way."""
    return tuple(hopeless for stop in problem.stops if (hopeless := _hopeless(problem, stop)) is not None)


def _hopeless(problem: Problem, stop: Stop) -> Unserved | None:
    vehicles: Sequence[Vehicle] = [vehicle for vehicle in problem.vehicles if stop.waste_class in vehicle.classes]
    if not vehicles:
        return _out(stop, Reason.NO_VEHICLE_FOR_CLASS, f"no vehicle carries {stop.waste_class}")
    vehicles = [vehicle for vehicle in vehicles if vehicle.may_serve(stop)]
    if not vehicles:
        return _out(stop, Reason.NO_VEHICLE_FOR_NEEDS, _need_in_words(stop))
    too_large = [_excess(problem, vehicle, stop) for vehicle in vehicles]
    if all(too_large):
        return _out(stop, Reason.TOO_LARGE, f"{min(too_large, key=len)} above the largest vehicle that may come")
    vehicles = [vehicle for vehicle, excess in zip(vehicles, too_large, strict=True) if not excess]
    facilities = problem.facilities_for(stop.waste_class)
    if not facilities and all(vehicle.ends_empty for vehicle in vehicles):
        return _out(stop, Reason.NO_FACILITY_FOR_CLASS, f"no facility accepts {stop.waste_class}")
    if not any(_is_reachable(problem.travel_of(vehicle), vehicle, stop, facilities) for vehicle in vehicles):
        return _out(stop, Reason.UNREACHABLE, "no vehicle has a way there, on to a facility and home")
    if not any(_has_round_of_its_own(problem, vehicle, stop) for vehicle in vehicles):
        return _out(stop, Reason.OUTSIDE_SHIFTS, "even alone on a vehicle it does not fit into windows, opening hours and shift")
    return None


def _has_round_of_its_own(problem: Problem, vehicle: Vehicle, stop: Stop) -> bool:
    return any(time_route(problem, vehicle, order) is not None for order in _own_rounds(problem, vehicle, stop))


def _own_rounds(problem: Problem, vehicle: Vehicle, stop: Stop) -> Iterator[tuple[Stop | Facility, ...]]:
    if not vehicle.ends_empty:
        yield (stop,)
    for facility in problem.facilities_for(stop.waste_class):
        yield (stop, facility)


def _is_reachable(travel: Travel, vehicle: Vehicle, stop: Stop, facilities: Sequence[Facility]) -> bool:
    if not travel.reaches(vehicle.start_location, stop.location):
        return False
    home = vehicle.end_location
    onwards = [f for f in facilities if travel.reaches(stop.location, f.location) and travel.reaches(f.location, home)]
    return bool(onwards) or (not vehicle.ends_empty and travel.reaches(stop.location, home))


def _excess(problem: Problem, vehicle: Vehicle, stop: Stop) -> str:
    """How much the stop exceeds the empty vehicle, in words; empty if it fits."""
    entries = zip(vehicle.load_of(stop, problem.dimensions), vehicle.capacity, problem.dimensions, strict=True)
    return ", ".join(f"{load - most} {name}" for load, most, name in entries if load > most)


def _need_in_words(stop: Stop) -> str:
    needs = f"needs {', '.join(sorted(stop.needs))}" if stop.needs else ""
    only = f"only {', '.join(sorted(stop.allowed_vehicles))} may come" if stop.allowed_vehicles is not None else ""
    return "; ".join(part for part in (needs, only) if part) + f"; none of these carries {stop.waste_class}"


def _out(stop: Stop, reason: Reason, detail: str) -> Unserved:
    return Unserved(stop=stop.key, reason=reason, detail=detail)
