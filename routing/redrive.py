"""Drive a plan's routes again on paper, from the problem and the visit order alone.

For the checker's use: shares no line with what builds plans (`clock.py`, engines), so that an error there cannot excuse itself here.
Only two things are taken from the route: the order of its visits and when it leaves. All else is worked out again, late or
overloaded as it may be.
"""

from __future__ import annotations

from dataclasses import dataclass

from routing.plan import Route, RouteCost, Visit, VisitKind
from routing.problem import BreakRule, Facility, Problem, Stop, Vehicle, Window


@dataclass(frozen=True, slots=True)
class Halt:
    """One visit as it really goes, beside the visit as claimed."""

    claimed: Visit
    place: Stop | Facility | BreakRule
    location: int
    arrival_s: int
    start_s: int
    departure_s: int
    load_before: tuple[int, ...]
    load_after: tuple[int, ...]
    classes_before: frozenset[str]
    has_road: bool
    in_window: bool


@dataclass(frozen=True, slots=True)
class Ride:
    """A route as it really goes, beside the route as claimed."""

    claimed: Route
    vehicle: Vehicle
    halts: tuple[Halt, ...]
    start_s: int
    end_s: int
    distance_m: int
    has_road_home: bool
    cost: RouteCost

    @property
    def load_at_end(self) -> tuple[int, ...]:
        return self.halts[-1].load_after if self.halts else ()

    @property
    def classes_at_end(self) -> frozenset[str]:
        on_board: set[str] = set()
        for halt in self.halts:
            if isinstance(halt.place, Facility):
                on_board.clear()
            elif isinstance(halt.place, Stop):
                on_board.add(halt.place.waste_class)
        return frozenset(on_board)


def find_place(problem: Problem, vehicle: Vehicle, visit: Visit) -> Stop | Facility | BreakRule | None:
    """What a visit's key means, or None if nothing has that key or a break's location does not exist."""
    if visit.kind is VisitKind.PICKUP:
        return problem.stop_by_key.get(visit.key)
    if visit.kind is VisitKind.UNLOAD:
        return problem.facility_by_key.get(visit.key)
    exists = 0 <= visit.location < problem.travel[0].size
    return next((rule for rule in vehicle.breaks if rule.key == visit.key and exists), None)


def redrive(problem: Problem, vehicle: Vehicle, route: Route) -> Ride:
    """Follow the route visit by visit; visits of unknown places are skipped (`known_places` names them).

    Where there is no road the drive counts as nothing, and where a window has closed the work begins late: the rules report it.
    """
    return _Driver(problem, vehicle, route).drive()


class _Driver:
    def __init__(self, problem: Problem, vehicle: Vehicle, route: Route) -> None:
        self.problem, self.vehicle, self.route = problem, vehicle, route
        self.travel = problem.travel[vehicle.travel_profile]
        self.now, self.here = route.start_s, vehicle.start_location
        self.worked_at = vehicle.start_location
        self.load = [0] * len(problem.dimensions)
        self.classes: set[str] = set()
        self.kg_on_board = self.fees = self.lifts = self.distance_m = 0

    def drive(self) -> Ride:
        halts = []
        for visit in self.route.visits:
            place = find_place(self.problem, self.vehicle, visit)
            if place is not None:
                halts.append(self._halt(visit, place))
        has_road_home = self._go(self.vehicle.end_location)
        vehicle, duration_s = self.vehicle, self.now - self.route.start_s
        cost = RouteCost(
            fixed=vehicle.fixed_cost,
            time=duration_s * vehicle.cost_per_s,
            distance=self.distance_m * vehicle.cost_per_m,
            lifts=self.lifts * vehicle.cost_per_lift,
            fees=self.fees,
        )
        return Ride(self.route, vehicle, tuple(halts), self.route.start_s, self.now, self.distance_m, has_road_home, cost)

    def _go(self, there: int) -> bool:
        seconds, metres = int(self.travel.drive_s[self.here, there]), int(self.travel.distance_m[self.here, there])
        self.here = there
        if seconds < 0 or metres < 0:
            return False
        self.now += seconds
        self.distance_m += metres
        return True

    def _halt(self, visit: Visit, place: Stop | Facility | BreakRule) -> Halt:
        location = visit.location if isinstance(place, BreakRule) else place.location
        has_road = self._go(location)
        arrival_s, load_before, classes_before = self.now, tuple(self.load), frozenset(self.classes)
        if isinstance(place, Stop):
            windows, work_s = place.windows, place.service_s
            self.now += place.setup_s if self.worked_at != location else 0
            self._lift(place)
        elif isinstance(place, Facility):
            windows, work_s = place.windows, place.turnaround_s
            self._unload(place)
        else:
            windows, work_s = () if place.window is None else (place.window,), place.duration_s
        if not isinstance(place, BreakRule):
            self.worked_at = location
        in_window = self._wait(windows)
        start_s, self.now = self.now, self.now + work_s
        return Halt(
            visit, place, location, arrival_s, start_s, self.now, load_before, tuple(self.load), classes_before, has_road, in_window
        )

    def _wait(self, windows: tuple[Window, ...]) -> bool:
        still_to_come = [window.open_s for window in windows if window.close_s >= self.now]
        if still_to_come:
            self.now = max(self.now, min(still_to_come))
        return bool(still_to_come) or not windows

    def _lift(self, stop: Stop) -> None:
        for entry, amount in enumerate(in_truck(stop, self.vehicle, self.problem.dimensions)):
            self.load[entry] += amount
        self.classes.add(stop.waste_class)
        self.lifts += stop.lifts
        self.kg_on_board += stop.load[self.problem.dimensions.index("kg")] if "kg" in self.problem.dimensions else 0

    def _unload(self, facility: Facility) -> None:
        self.fees += self.kg_on_board * facility.fee_per_kg
        self.load = [0] * len(self.load)
        self.classes.clear()
        self.kg_on_board = 0


def in_truck(stop: Stop, vehicle: Vehicle, dimensions: tuple[str, ...]) -> list[int]:
    """The stop's load once it is in this truck: litres pressed to the density that the truck reaches with this class, rounded up."""
    amounts = dict(zip(dimensions, stop.load, strict=True))
    if {"kg", "l"} <= amounts.keys() and stop.waste_class in vehicle.compacted_density_kg_m3:
        whole, rest = divmod(amounts["kg"] * 1_000, vehicle.compacted_density_kg_m3[stop.waste_class])
        amounts["l"] = min(amounts["l"], whole + (rest > 0))
    return [amounts[name] for name in dimensions]
