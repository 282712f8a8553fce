"""Which classes can be planned apart from each other, and which idle vehicle goes to which part of a night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.problem import Problem, Stop, Vehicle
from routing.vehicle import likeness

Places = NDArray[np.float64]
"""Where each location lies, in any plane that keeps neighbours together; shape (locations, 2)."""

OPTIONAL, SERVED = 0.25, 0.01
"""What a stop counts for beside a mandatory one that is left out: vehicles go first to whom something is owed, last to relieve others."""
TIES_APART = 0.1
"""Of parts whose needs are met to about the same share, the one that is nearest to the depot gets the vehicle."""


def strands(problem: Problem) -> dict[str, str]:
    """For each class the name of its strand: classes of two strands never ride together, and no choice is between their stops.

    Where trucks carry one class a trip, a night is as many nights as there are classes, which share nothing but the fleet.
    """
    above: dict[str, str] = {stop.waste_class: stop.waste_class for stop in problem.stops}

    def top(name: str) -> str:
        return name if above[name] == name else top(above[name])

    together = {_carried(vehicle) for vehicle in problem.vehicles if _mixes(vehicle)}
    together |= {frozenset(stop.waste_class for stop in members) for members in problem.groups.values()}
    for names in together:
        for one, other in pairwise(sorted(names & above.keys())):
            above[top(one)] = top(other)
    return {name: min(other for other in above if top(other) == top(name)) for name in above}


def _mixes(vehicle: Vehicle) -> bool:
    return bool(vehicle.compartments) or not vehicle.one_class_per_trip


def _carried(vehicle: Vehicle) -> frozenset[str]:
    if not vehicle.compartments:
        return vehicle.classes
    return vehicle.classes & frozenset(name for part in vehicle.compartments for name in part.classes)


def deal(
    problem: Problem, parts: Sequence[Sequence[Stop]], served: Set[str], vehicles: Sequence[Vehicle], places: Places
) -> list[list[Vehicle]]:
    """The vehicles shared out in proportion to what each part needs; where that is about equal, to the part nearest to the depot.

    Parameters
    ----------
    parts
        Stops of each.
    served
        Keys of those that some vehicle of their part serves already.
    vehicles
        Those to be dealt; one that may serve nothing in any part is dealt to none.

    Notes
    -----
    A vehicle meets a share of a part's need. It goes where, with half of its own share, the least would be met: with vehicles all
    alike this is the method of Sainte-Laguë.
    """
    needs = [_Need(problem, part, served, places) for part in parts]
    fleets: list[list[Vehicle]] = [[] for _ in parts]
    fitting = {vehicle.key: [i for i, need in enumerate(needs) if need.fits(vehicle)] for vehicle in vehicles}
    # Who can go to few parts goes first: what others could do as well is then left to them.
    for vehicle in sorted(vehicles, key=lambda one: len(fitting[one.key])):
        if fitting[vehicle.key]:
            best = min(fitting[vehicle.key], key=lambda i: (round(needs[i].met_with_half(vehicle) / TIES_APART), needs[i].away(vehicle)))
            needs[best].give(vehicle)
            fleets[best].append(vehicle)
    return fleets


class _Need:
    """What one part lacks, and how much of that is met."""

    def __init__(self, problem: Problem, stops: Sequence[Stop], served: Set[str], places: Places) -> None:
        self.problem, self.stops, self._served, self._places = problem, stops, served, places
        self._met = 0.0
        self._shares: dict[object, float] = {}
        self._centre = places[[stop.location for stop in stops]].mean(axis=0)
        self._sorts = list({(stop.waste_class, stop.needs, stop.allowed_vehicles): stop for stop in stops}.values())

    def fits(self, vehicle: Vehicle) -> bool:
        return any(vehicle.may_serve(stop) for stop in self._sorts)

    def away(self, vehicle: Vehicle) -> float:
        return float(np.hypot(*(self._places[vehicle.begins_at] - self._centre)))

    def met_with_half(self, vehicle: Vehicle) -> float:
        return self._met + self._share_of(vehicle) / 2

    def give(self, vehicle: Vehicle) -> None:
        self._met += self._share_of(vehicle)

    def _share_of(self, vehicle: Vehicle) -> float:
        kind = likeness(vehicle)
        if kind not in self._shares:
            stops = [stop for stop in self.stops if vehicle.may_serve(stop)]
            weights = np.array([SERVED if stop.key in self._served else 1.0 if stop.mandatory else OPTIONAL for stop in stops])
            self._shares[kind] = vehicle.longest_s / max(1.0, _work_s(self.problem, vehicle, stops, weights))
        return self._shares[kind]


def _work_s(problem: Problem, vehicle: Vehicle, stops: Sequence[Stop], weights: NDArray[np.float64]) -> float:
    """About how long one vehicle would be busy with all of these stops: at them, between them, and with as many trips as they fill."""
    if not stops:
        return 0.0
    leg_s, gate_s = _typical_legs(problem, vehicle, stops)
    at_stops_s = weights @ np.array([vehicle.work_s(stop) + stop.setup_s + leg_s for stop in stops])
    loads = weights @ np.maximum(0, np.array([vehicle.load_of(stop, problem.dimensions) for stop in stops]))
    trips = max((load / room for load, room in zip(loads, vehicle.capacity, strict=True) if room), default=0.0)
    return float(at_stops_s + trips * gate_s)


def _typical_legs(problem: Problem, vehicle: Vehicle, stops: Sequence[Stop]) -> tuple[float, float]:
    """Seconds from a stop to its nearest neighbour, on the mean, and from the stops to a facility, unloading, and back."""
    drive_s = problem.travel_of(vehicle).drive_s
    where = np.unique([stop.location for stop in stops])
    between = drive_s[np.ix_(where, where)].astype(np.float64)
    between[(between < 0) | np.eye(len(where), dtype=bool)] = np.inf
    nearest = between.min(axis=1)
    leg_s = float(nearest[np.isfinite(nearest)].mean()) if np.isfinite(nearest).any() else 0.0
    classes = {stop.waste_class for stop in stops}
    gates = [one for one in problem.facilities if classes & one.accepts]
    ways = [one.turnaround_s + _mean(drive_s[where, one.location]) + _mean(drive_s[one.location, where]) for one in gates]
    return leg_s, min(ways, default=0.0)


def _mean(seconds: NDArray[np.integer[Any]]) -> float:
    return float(np.maximum(seconds, 0).mean())


def strand_of(stops: Sequence[Stop], strands: Mapping[str, str]) -> str:
    """The strand of most of these stops."""
    names = [strands[stop.waste_class] for stop in stops]
    return max(sorted(set(names)), key=names.count)
