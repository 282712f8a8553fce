"""A problem's places as the nodes of a solver that visits each node at most once: depots, copies of facilities, stops."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from routing.problem import Facility, Problem, Stop, Vehicle

SHORTEST_TRIP_S = 3_600
"""Bounds how often a long shift unloads (twice more than whole trips of this length fit): copies beyond that only slow the search."""


@dataclass(frozen=True)
class Node:
    """A depot (`place` None), one copy of a facility for classes numbered `lowest`..`highest`, or a stop."""

    location: int
    place: Stop | Facility | None = None
    lowest: int = 0
    highest: int = 0


def number_classes(problem: Problem) -> dict[str, int]:
    """Numbers from 1, neighbours accepted by the same facilities, so that what a facility accepts is few runs of numbers."""
    classes = {stop.waste_class for stop in problem.stops}.union(*(v.under_way.classes for v in problem.vehicles if v.under_way))
    by_acceptance = sorted(classes, key=lambda name: ([name not in facility.accepts for facility in problem.facilities], name))
    return {name: number for number, name in enumerate(by_acceptance, start=1)}


def build_nodes(problem: Problem, class_number: Mapping[str, int], seed: int) -> list[Node]:
    depots = sorted({location for vehicle in problem.vehicles for location in (vehicle.begins_at, vehicle.end_location)})
    stops = [Node(stop.location, stop, class_number[stop.waste_class], class_number[stop.waste_class]) for stop in problem.stops]
    if seed:
        random.Random(seed).shuffle(stops)
    copies = [copy for facility in problem.facilities for copy in _copies(problem, facility, class_number)]
    return [*(Node(location) for location in depots), *copies, *stops]


def _copies(problem: Problem, facility: Facility, class_number: Mapping[str, int]) -> list[Node]:
    accepted = sorted(number for name, number in class_number.items() if name in facility.accepts)
    runs = [[number for _, number in run] for _, run in groupby(enumerate(accepted), key=lambda pair: pair[1] - pair[0])]
    copies = []
    for run in runs:
        names = {name for name, number in class_number.items() if run[0] <= number <= run[-1]}
        node = Node(facility.location, facility, run[0], run[-1])
        copies += [node] * _copy_count(problem, facility, names)
    return copies


def _copy_count(problem: Problem, facility: Facility, names: set[str]) -> int:
    """Enough for every load of these classes and a last unload of every truck, but no more than the shifts can drive."""
    carriers = [vehicle for vehicle in problem.vehicles if vehicle.classes & names]
    trips = sum(_trips_needed(problem, [vehicle for vehicle in carriers if name in vehicle.classes], name) for name in names)
    shortest_s = max(facility.turnaround_s, SHORTEST_TRIP_S)
    drivable = sum(min(vehicle.max_trips or vehicle.longest_s, 2 + vehicle.longest_s // shortest_s) for vehicle in carriers)
    return min(trips + len(carriers), drivable)


def _trips_needed(problem: Problem, carriers: Sequence[Vehicle], waste_class: str) -> int:
    stops = [stop for stop in problem.stops if stop.waste_class == waste_class]
    fills = [0]
    for vehicle in carriers if stops else ():
        loads = [sum(entries) for entries in zip(*(vehicle.load_of(stop, problem.dimensions) for stop in stops), strict=True)]
        fills.append(max((-(-load // max(most, 1)) for load, most in zip(loads, vehicle.capacity, strict=True)), default=0))
    return min(max(fills), len(stops))


def work_s(place: Stop | Facility | None, vehicle: Vehicle) -> int:
    if isinstance(place, Stop):
        return vehicle.work_s(place)
    return 0 if place is None else place.turnaround_s


def setup_s(place: Stop | Facility | None) -> int:
    return place.setup_s if isinstance(place, Stop) else 0
