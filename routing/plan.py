"""What came out: who drives what in which order and when, and what stays out for which reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class VisitKind(StrEnum):
    PICKUP = "pickup"
    UNLOAD = "unload"
    BREAK = "break"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One halt of a round.

    Parameters
    ----------
    key
        Of the stop, the facility or the break rule, as `kind` says.
    arrival_s
        The wheels stand.
    start_s
        Work begins: after setup, and after waiting for a window.
    departure_s
        The wheels turn again at the earliest: work is done, and after an unload all that the next trip takes along is released.
    load_after
        What is on board then, one entry a dimension, litres as compacted in this truck.
    """

    kind: VisitKind
    key: str
    location: int
    arrival_s: int
    start_s: int
    departure_s: int
    load_after: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCost:
    """A route's cost by cause, in cost units."""

    fixed: int = 0
    time: int = 0
    distance: int = 0
    lifts: int = 0
    fees: int = 0
    overtime: int = 0
    changes: int = 0
    """Stops that another vehicle than their usual one serves."""
    unfairness: int = 0
    """What the round takes above its fair share."""

    @property
    def total(self) -> int:
        return self.fixed + self.time + self.distance + self.lifts + self.fees + self.overtime + self.changes + self.unfairness


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One vehicle's round from leaving its start depot (`start_s`) to reaching its end depot (`end_s`)."""

    vehicle: str
    start_s: int
    end_s: int
    distance_m: int
    cost: RouteCost
    visits: tuple[Visit, ...]

    @property
    def duration_s(self) -> int:
        return self.end_s - self.start_s

    @property
    def pickups(self) -> tuple[Visit, ...]:
        return tuple(visit for visit in self.visits if visit.kind is VisitKind.PICKUP)

    @property
    def unloads(self) -> int:
        return sum(visit.kind is VisitKind.UNLOAD for visit in self.visits)

    @property
    def trips(self) -> tuple[tuple[Visit, ...], ...]:
        """Pickups between unloads, in order; trips without a pickup are left out."""
        trips: list[tuple[Visit, ...]] = []
        current: list[Visit] = []
        for visit in self.visits:
            if visit.kind is VisitKind.PICKUP:
                current.append(visit)
            elif visit.kind is VisitKind.UNLOAD and current:
                trips.append(tuple(current))
                current = []
        return (*trips, tuple(current)) if current else tuple(trips)


class Reason(StrEnum):
    """The rule that keeps a stop off tonight's routes."""

    NO_VEHICLE_FOR_CLASS = "no_vehicle_for_class"
    NO_VEHICLE_FOR_NEEDS = "no_vehicle_for_needs"
    TOO_LARGE = "too_large"
    NO_FACILITY_FOR_CLASS = "no_facility_for_class"
    UNREACHABLE = "unreachable"
    OUTSIDE_SHIFTS = "outside_shifts"
    BEYOND_LIMITS = "beyond_limits"
    NO_ROOM_LEFT = "no_room_left"
    NOT_WORTH_ITS_PRIZE = "not_worth_its_prize"
    ALTERNATIVE_SERVED = "alternative_served"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """A stop that stays out: by which rule, and in words with numbers."""

    stop: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Routes and what they leave out. Vehicles without a route stay in the yard.

    Parameters
    ----------
    engine, seed
        What made it; with the problem (`problem_digest`) and an iteration limit enough to make it again.
    """

    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...]
    engine: str
    seed: int
    problem_digest: str

    @property
    def cost(self) -> int:
        """Cost of all routes, in cost units; prizes that were passed up are not in it."""
        return sum(route.cost.total for route in self.routes)

    @property
    def distance_m(self) -> int:
        return sum(route.distance_m for route in self.routes)

    @property
    def served(self) -> frozenset[str]:
        return frozenset(visit.key for visit in self._pickups())

    def _pickups(self) -> Iterator[Visit]:
        for route in self.routes:
            yield from route.pickups
