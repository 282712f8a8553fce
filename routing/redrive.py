"""Drive a plan's routes again on paper, from the problem and the visit order alone.

For the checker's use: shares no line with what builds plans (`clock.py`, engines), so that an error there cannot excuse itself here.
Only two things are taken from the route: the order of its visits and when it leaves. All else is worked out again, late or
overloaded as it may be. A third is taken for what it is, a choice: whether a rest is a whole one or which part (`BreakRule.parts_s`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from routing.plan import Route, RouteCost, Visit, VisitKind
from routing.problem import BreakRule, Facility, Pace, Problem, Stop, UnderWay, Vehicle, Window

Place = Stop | Facility | BreakRule

FRESH = UnderWay(location=0, ready_s=0, started_s=0, load=())
"""What was before a round that begins at its depot: nothing."""


@dataclass(frozen=True, slots=True)
class Halt:
    """One visit as it really goes, beside the visit as claimed.

    Parameters
    ----------
    driven_s
        Wheels turning since this plan's first leg, up to the arrival here.
    trip_left_s
        When the trip that this visit belongs to left the depot or the unload before; as claimed, if that is earlier than it could.
    """

    claimed: Visit
    place: Place
    location: int
    arrival_s: int
    start_s: int
    departure_s: int
    load_before: tuple[int, ...]
    load_after: tuple[int, ...]
    classes_before: frozenset[str]
    driven_s: int
    trip_left_s: int
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
    drive_s: int
    distance_m: int
    load_at_end: tuple[int, ...]
    classes_at_end: frozenset[str]
    lifted: tuple[int, ...]
    has_road_home: bool
    cost: RouteCost

    @property
    def duration_s(self) -> int:
        return self.end_s - self.start_s

    @property
    def before(self) -> UnderWay:
        """What the vehicle had behind it when this plan took over."""
        return self.vehicle.under_way or FRESH


def find_place(problem: Problem, vehicle: Vehicle, visit: Visit) -> Place | None:
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


def arrival_s(paces: tuple[Pace, ...], departure_s: int, matrix_s: int) -> int:
    """The first whole second by which a leg is driven that the matrix gives `matrix_s`, at the paces of the day."""
    now_s, left_s, per_mille = departure_s, Fraction(matrix_s), 1_000
    for pace in paces:
        if pace.from_s > now_s:
            until_then_s = Fraction((pace.from_s - now_s) * 1_000, per_mille)
            if left_s <= until_then_s:
                break
            now_s, left_s = pace.from_s, left_s - until_then_s
        per_mille = pace.per_mille
    return now_s + ceil(left_s * per_mille / 1_000)


def rest_s(rule: BreakRule, visit: Visit) -> int:
    """How long the visit rests: the part that it claims to be, or the whole."""
    claimed_s = visit.departure_s - visit.start_s
    return claimed_s if claimed_s in rule.parts_s else rule.duration_s


def in_truck(stop: Stop, vehicle: Vehicle, dimensions: tuple[str, ...]) -> list[int]:
    """The stop's load once it is in this truck: litres pressed to the density that the truck reaches with this class, rounded up.

    What is set down gives back what it took up: the same amounts, negative.
    """
    sign = -1 if any(amount < 0 for amount in stop.load) else 1
    amounts = {name: sign * amount for name, amount in zip(dimensions, stop.load, strict=True)}
    if {"kg", "l"} <= amounts.keys() and stop.waste_class in vehicle.compacted_density_kg_m3:
        whole, rest = divmod(amounts["kg"] * 1_000, vehicle.compacted_density_kg_m3[stop.waste_class])
        amounts["l"] = min(amounts["l"], whole + (rest > 0))
    return [sign * amounts[name] for name in dimensions]


class _Driver:
    def __init__(self, problem: Problem, vehicle: Vehicle, route: Route) -> None:
        self.problem, self.vehicle, self.route = problem, vehicle, route
        self.travel = problem.travel[vehicle.travel_profile]
        self.agenda = [(visit, place) for visit in route.visits if (place := find_place(problem, vehicle, visit)) is not None]
        self.set_down = {stop.bring_to for stop in problem.stops if stop.bring_to is not None}
        self.drive_s = self.distance_m = self.fees = self.lifts = self.changes = 0
        before = vehicle.under_way or FRESH
        nothing = (0,) * len(problem.dimensions)
        self.load, self.lifted = list(before.load or nothing), list(before.lifted or nothing)
        self.on_board = Counter(before.classes)
        self.kg_on_board = _kg(problem, before.load or nothing)
        self._set_out(route.start_s)

    def _set_out(self, start_s: int) -> None:
        before = self.vehicle.under_way
        self.start_s = start_s if before is None else before.started_s
        self.here = self.vehicle.start_location if before is None else before.location
        self.now = start_s if before is None else max(before.ready_s, self._released_s(0))
        self.worked_at, self.trip_left_s = self.here, self.now

    def drive(self) -> Ride:
        halts = tuple(self._halt(index) for index in range(len(self.agenda)))
        has_road_home = self._go(self.vehicle.end_location)
        return Ride(
            claimed=self.route,
            vehicle=self.vehicle,
            halts=halts,
            start_s=self.start_s,
            end_s=self.now,
            drive_s=self.drive_s,
            distance_m=self.distance_m,
            load_at_end=tuple(self.load),
            classes_at_end=self._classes(),
            lifted=tuple(self.lifted),
            has_road_home=has_road_home,
            cost=self._cost(),
        )

    def _cost(self) -> RouteCost:
        vehicle, duration_s = self.vehicle, self.now - self.start_s
        regular_s = duration_s if vehicle.overtime_after_s is None else min(duration_s, vehicle.overtime_after_s)
        return RouteCost(
            fixed=vehicle.fixed_cost,
            time=duration_s * vehicle.cost_per_s,
            distance=self.distance_m * vehicle.cost_per_m,
            lifts=self.lifts * vehicle.cost_per_lift,
            fees=self.fees,
            overtime=(duration_s - regular_s) * vehicle.overtime_cost_per_s,
            changes=self.changes,
            unfairness=self._unfairness(duration_s),
        )

    def _unfairness(self, duration_s: int) -> int:
        share = self.vehicle.fair_share
        if share is None:
            return 0
        too_long_s, too_heavy_kg = duration_s - share.duration_s, _kg(self.problem, self.lifted) - share.load_kg
        return max(0, too_long_s) * share.cost_per_s + max(0, too_heavy_kg) * share.cost_per_kg

    def _go(self, there: int) -> bool:
        seconds, metres = int(self.travel.drive_s[self.here, there]), int(self.travel.distance_m[self.here, there])
        self.here = there
        if seconds < 0 or metres < 0:
            return False
        left_s, self.now = self.now, arrival_s(self.travel.paces, self.now, seconds)
        self.drive_s += self.now - left_s
        self.distance_m += metres
        return True

    def _halt(self, index: int) -> Halt:
        visit, place = self.agenda[index]
        location = visit.location if isinstance(place, BreakRule) else place.location
        has_road = self._go(location)
        arrived_s, load_before, classes_before, trip_left_s = self.now, tuple(self.load), self._classes(), self.trip_left_s
        start_s, in_window = self._work(visit, place, location)
        if isinstance(place, Facility):
            self._leave_unload(index, visit)
        return Halt(
            claimed=visit,
            place=place,
            location=location,
            arrival_s=arrived_s,
            start_s=start_s,
            departure_s=self.now,
            load_before=load_before,
            load_after=tuple(self.load),
            classes_before=classes_before,
            driven_s=self.drive_s,
            trip_left_s=trip_left_s,
            has_road=has_road,
            in_window=in_window,
        )

    def _work(self, visit: Visit, place: Place, location: int) -> tuple[int, bool]:
        if isinstance(place, Stop):
            windows, work_s = place.windows, self.vehicle.work_s(place)
            self.now += place.setup_s if self.worked_at != location else 0
            self._lift(place)
        elif isinstance(place, Facility):
            windows, work_s = place.windows, place.turnaround_s
            self._unload(place)
        else:
            windows, work_s = () if place.window is None else (place.window,), rest_s(place, visit)
        if not isinstance(place, BreakRule):
            self.worked_at = location
        in_window = self._wait(windows)
        start_s, self.now = self.now, self.now + work_s
        return start_s, in_window

    def _wait(self, windows: tuple[Window, ...]) -> bool:
        still_to_come = [window.open_s for window in windows if window.close_s >= self.now]
        if still_to_come:
            self.now = max(self.now, min(still_to_come))
        return bool(still_to_come) or not windows

    def _lift(self, stop: Stop) -> None:
        is_set_down = stop.key in self.set_down
        for entry, amount in enumerate(in_truck(stop, self.vehicle, self.problem.dimensions)):
            self.load[entry] += amount
            self.lifted[entry] += 0 if is_set_down else amount
        self.on_board[stop.waste_class] += -1 if is_set_down else 1
        self.lifts += stop.lifts
        self.kg_on_board += _kg(self.problem, stop.load)
        self.changes += stop.change_cost if stop.usual_vehicle not in (None, self.vehicle.key) else 0

    def _unload(self, facility: Facility) -> None:
        self.fees += facility.fee_per_visit + self.kg_on_board * facility.fee_per_kg
        self.load = [0] * len(self.load)
        self.on_board.clear()
        self.kg_on_board = 0

    def _leave_unload(self, index: int, visit: Visit) -> None:
        self.now = max(self.now, self._released_s(index + 1))
        self.trip_left_s = min(self.now, visit.departure_s)

    def _released_s(self, first: int) -> int:
        """When all is there for the trip that begins with the visit `first`."""
        latest_s = 0
        for _, place in self.agenda[first:]:
            if isinstance(place, Facility):
                break
            latest_s = max(latest_s, place.release_s if isinstance(place, Stop) else 0)
        return latest_s

    def _classes(self) -> frozenset[str]:
        return frozenset(name for name, count in self.on_board.items() if count > 0)


def _kg(problem: Problem, amounts: list[int] | tuple[int, ...]) -> int:
    return amounts[problem.dimensions.index("kg")] if "kg" in problem.dimensions else 0
