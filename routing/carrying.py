"""What a vehicle may take on board in which order: loads, classes, compartments, transfers, limits and locks. Hours are `timing.py`'s."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import pairwise

from routing.problem import Facility, Problem, Stop, Vehicle

Order = tuple[Stop | Facility, ...]
"""What a vehicle visits, in order, without breaks."""

Load = tuple[int, ...]
"""One entry a dimension of the problem, litres as compacted."""


def carry(problem: Problem, vehicle: Vehicle, order: Sequence[Stop | Facility]) -> list[Load] | None:
    """Load on board after each visit, or None where a rule on loads, classes, permission, transfers, limits or locks is broken."""
    if not (keeps_locks(vehicle, order) and within_limits(problem, vehicle, order)):
        return None
    body = Body(problem, vehicle)
    after: list[Load] = []
    for place in order:
        if not (body.unload(place) if isinstance(place, Facility) else body.lift(place)):
            return None
        after.append(body.load)
    return after if body.may_go_home else None


class Body:
    """What is on board, visit by visit. A visit that breaks a rule says so, and leaves the body unfit for more."""

    __slots__ = ("_in_parts", "_owed", "classes", "load", "problem", "unloads", "vehicle")

    def __init__(self, problem: Problem, vehicle: Vehicle) -> None:
        self.problem, self.vehicle = problem, vehicle
        out = vehicle.under_way
        self.load: Load = (0,) * len(problem.dimensions) if out is None else out.load
        self.unloads = 0 if out is None else out.unloads
        self.classes: dict[str, int] = {} if out is None else dict.fromkeys(out.classes, 1)
        """Classes on board, and how many stops' waste of each."""
        self._owed: set[str] = set()
        self._in_parts: dict[int, Load] = {}
        if vehicle.compartments and self.classes:
            self._in_parts[self._part(next(iter(self.classes)))] = self.load

    @property
    def is_empty(self) -> bool:
        return not self.classes

    @property
    def may_go_home(self) -> bool:
        return not (self._owed or (self.classes and self.vehicle.ends_empty))

    def lift(self, stop: Stop) -> bool:
        """Take the stop's load on board, or set down what was taken up for it; False if the vehicle must not."""
        vehicle, name = self.vehicle, stop.waste_class
        added = vehicle.load_of(stop, self.problem.dimensions)
        self.load = load = tuple([a + b for a, b in zip(self.load, added, strict=True)])
        self.classes[name] = self.classes.get(name, 0) + 1
        if not vehicle.may_serve(stop):
            return False
        for amount, most in zip(load, vehicle.capacity, strict=True):
            if amount > most:
                return False
        if vehicle.compartments:
            if not self._fits_part(self._part(name), added):
                return False
        elif vehicle.one_class_per_trip and len(self.classes) > 1:
            return False
        return not self.problem.taken_up_at or self._keeps_transfer(stop)

    def takes(self, stop: Stop) -> bool:
        """May the stop be lifted now? It is not."""
        tried = copy(self)
        tried.classes, tried._owed, tried._in_parts = dict(self.classes), set(self._owed), dict(self._in_parts)
        return tried.lift(stop)

    def unload(self, facility: Facility) -> bool:
        """Empty the body; False if the facility does not accept what is on board, or something of it is to be brought elsewhere."""
        accepted = self.classes.keys() <= facility.accepts and not self._owed
        self.load, self.classes, self.unloads = (0,) * len(self.load), {}, self.unloads + 1
        self._in_parts.clear()
        return accepted and (self.vehicle.max_trips is None or self.unloads <= self.vehicle.max_trips)

    def _keeps_transfer(self, stop: Stop) -> bool:
        if stop.bring_to is not None:
            self._owed.add(stop.bring_to)
        elif stop.key in self.problem.taken_up_at:
            if stop.key not in self._owed:
                return False
            self._owed.discard(stop.key)
            self._let_go(stop.waste_class)
        return True

    def _let_go(self, name: str) -> None:
        """Neither what was taken up nor what is set down is on board any more."""
        self.classes[name] -= 2
        if not self.classes[name]:
            del self.classes[name]

    def _part(self, name: str) -> int:
        return next((number for number, one in enumerate(self.vehicle.compartments) if name in one.classes), -1)

    def _fits_part(self, part: int, added: Load) -> bool:
        load = tuple(a + b for a, b in zip(self._in_parts.get(part, (0,) * len(added)), added, strict=True))
        self._in_parts[part] = load
        return all(a <= most for a, most in zip(load, self.vehicle.compartments[part].capacity, strict=True))


def keeps_locks(vehicle: Vehicle, order: Sequence[Stop | Facility]) -> bool:
    """Does the order begin with the vehicle's head, and keep to its sequence?"""
    if vehicle.head and vehicle.head != tuple(place.key for place in order[: len(vehicle.head)]):
        return False
    if not vehicle.sequence:
        return True
    rank = {key: number for number, key in enumerate(vehicle.sequence)}
    ranks = [rank[place.key] for place in order if isinstance(place, Stop) and place.key in rank]
    return all(a < b for a, b in pairwise(ranks))


def within_limits(problem: Problem, vehicle: Vehicle, order: Sequence[Stop | Facility]) -> bool:
    """Are the stops, and what is lifted in the whole round, no more than the vehicle may?"""
    if vehicle.max_stops is not None:
        before = 0 if vehicle.under_way is None else vehicle.under_way.stops
        if before + sum(isinstance(place, Stop) for place in order) > vehicle.max_stops:
            return False
    if vehicle.max_lifted is None:
        return True
    return all(amount <= most for amount, most in zip(lifted(problem, vehicle, order), vehicle.max_lifted, strict=True))


def lifted(problem: Problem, vehicle: Vehicle, order: Sequence[Stop | Facility]) -> Load:
    """What the vehicle lifts in the whole round; what it sets down takes nothing off."""
    before = () if vehicle.under_way is None else vehicle.under_way.lifted
    total = list(before or (0,) * len(problem.dimensions))
    for place in order:
        if isinstance(place, Stop):
            for entry, amount in enumerate(vehicle.load_of(place, problem.dimensions)):
                total[entry] += max(0, amount)
    return tuple(total)
