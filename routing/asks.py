"""What a dispatcher would have to grant so that a round may be driven: each rule that a ride breaks, turned into a request.

"Ends after the shift by 2,400 s" becomes "truck 4 until 14:40"; `granted` makes the problem in which it holds. Words give times as
HH:MM since the problem's origin, which for a night is local midnight of the service date; after 24 hours they count on (25:10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from routing.constraints import Violation
from routing.plan import Route, VisitKind
from routing.problem import COST_UNITS_PER_CURRENCY, Compartment, Facility, Problem, Stop, Vehicle, Window
from routing.redrive import Ride

WORKING_DAY_S = 8 * 3600
"""What opening hours are compared with, to say how much is asked."""


class AskKind(StrEnum):
    LATER_END = "later_end"
    EARLIER_START = "earlier_start"
    LATER_START = "later_start"
    LONGER_ROUND = "longer_round"
    MORE_DRIVING = "more_driving"
    MORE_DISTANCE = "more_distance"
    MORE_STOPS = "more_stops"
    MORE_LIFTED = "more_lifted"
    MORE_CAPACITY = "more_capacity"
    MORE_TRIPS = "more_trips"
    EARLIER_WINDOW = "earlier_window"
    LATER_WINDOW = "later_window"
    EARLIER_OPENING = "earlier_opening"
    LATER_CLOSING = "later_closing"
    EQUIPMENT = "equipment"
    PERMISSION = "permission"
    WASTE_CLASS = "waste_class"
    NO_BREAK = "no_break"
    ANOTHER_VEHICLE = "another_vehicle"
    HIGHER_PRIZE = "higher_prize"
    IN_PLACE_OF = "in_place_of"
    LOADED_HOME = "loaded_home"
    NOT_THERE_FIRST = "not_there_first"
    LEFT_OUT = "left_out"


_EARLIER = (AskKind.EARLIER_START, AskKind.EARLIER_WINDOW, AskKind.EARLIER_OPENING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One thing to be granted.

    Parameters
    ----------
    vehicle, place
        Whom it concerns; `place` is a stop or a facility.
    what
        A dimension, a class, or what a stop needs.
    by, to
        How much more, and what the limit would be then, in the limit's own unit (seconds, metres, a count, cost units, units of
        the dimension). Of hours `to` is a time: when the shift must end or begin, when work would start.
    share
        `by` as a part of what there is; 1 for what cannot be granted by degrees.
    """

    kind: AskKind
    vehicle: str | None = None
    place: str | None = None
    what: str = ""
    by: int = 0
    to: int = 0
    share: float = 1.0

    @property
    def words(self) -> str:
        return _WORDS[self.kind](self)

    def shrunk(self, by: int) -> Ask:
        """The same for so much less, or more."""
        towards = -1 if self.kind in _EARLIER else 1
        return replace(self, by=by, to=self.to + towards * (by - self.by), share=self.share * by / max(1, self.by))

    def on_vehicle(self, vehicle: Vehicle, dimensions: tuple[str, ...]) -> Vehicle:
        """The vehicle once this is granted; the same one if it is none of its business."""
        change = _VEHICLE_CHANGES.get(self.kind)
        return vehicle if change is None or self.vehicle != vehicle.key else change(self, vehicle, dimensions)

    def on_place(self, place: Stop | Facility) -> Stop | Facility:
        return self.on_stop(place) if isinstance(place, Stop) else self.on_facility(place)

    def on_stop(self, stop: Stop) -> Stop:
        if self.kind is AskKind.ANOTHER_VEHICLE:
            return _also_for(stop, str(self.vehicle), another_key(str(self.vehicle)))
        if self.place != stop.key:
            return stop
        if self.kind in (AskKind.EARLIER_WINDOW, AskKind.LATER_WINDOW):
            return replace(stop, windows=widened(stop.windows, self.to))
        if self.kind is AskKind.PERMISSION:
            return replace(stop, allowed_vehicles=(stop.allowed_vehicles or frozenset()) | {str(self.vehicle)})
        return replace(stop, prize=self.to) if self.kind is AskKind.HIGHER_PRIZE else stop

    def on_facility(self, facility: Facility) -> Facility:
        is_meant = self.place == facility.key and self.kind in (AskKind.EARLIER_OPENING, AskKind.LATER_CLOSING)
        return replace(facility, windows=widened(facility.windows, self.to)) if is_meant else facility


def granted(problem: Problem, asks: Iterable[Ask]) -> Problem:
    """The problem in which all of this is allowed."""
    vehicles, stops, facilities = list(problem.vehicles), list(problem.stops), list(problem.facilities)
    for ask in asks:
        if ask.kind is AskKind.LEFT_OUT:
            vehicles = [one for one in vehicles if one.key != ask.vehicle]
        vehicles = [ask.on_vehicle(one, problem.dimensions) for one in vehicles]
        stops = [ask.on_stop(one) for one in stops]
        facilities = [ask.on_facility(one) for one in facilities]
        if ask.kind is AskKind.ANOTHER_VEHICLE:
            vehicles.append(another(problem.vehicle_by_key[str(ask.vehicle)]))
    return replace(problem, vehicles=tuple(vehicles), stops=tuple(stops), facilities=tuple(facilities))


def another(vehicle: Vehicle) -> Vehicle:
    """One more of its kind, in the yard."""
    return replace(vehicle, key=another_key(vehicle.key), under_way=None, head=(), sequence=())


def another_key(vehicle: str) -> str:
    return f"another {vehicle}"


def asks_of(ride: Ride, problem: Problem, violations: Iterable[Violation]) -> tuple[Ask, ...] | None:
    """What would have to be granted for the ride to keep the rules that it breaks; None where one of them cannot be granted."""
    found: dict[tuple[AskKind, str | None, str], Ask] = {}
    for violation in violations:
        turn = _TURNS.get(violation.rule)
        if turn is None:
            return None
        for ask in turn(ride, problem, violation):
            same = ask.kind, ask.place, ask.what
            if same not in found or found[same].by < ask.by:
                found[same] = ask
    return tuple(found.values())


def asks_for_hours(problem: Problem, route: Route) -> tuple[Ask, ...]:
    """Windows and opening hours that the route takes for granted: it works outside the true ones."""
    found: dict[tuple[AskKind, str], Ask] = {}
    for visit in route.visits:
        is_stop = visit.kind is VisitKind.PICKUP
        place = problem.stop_by_key.get(visit.key) if is_stop else problem.facility_by_key.get(visit.key)
        if visit.kind is not VisitKind.BREAK and place is not None:
            ask = _wider(place, visit.start_s)
            if ask is not None and (known := found.get((ask.kind, place.key), ask)).by <= ask.by:
                found[known.kind, place.key] = ask
    return tuple(found.values())


def _wider(place: Stop | Facility, start_s: int) -> Ask | None:
    """What lets work start there at this second, if the hours do not."""
    nearest = min(place.windows, key=lambda window: _gap_s(window, start_s), default=None)
    by = 0 if nearest is None else _gap_s(nearest, start_s)
    if nearest is None or not by:
        return None
    kinds = (AskKind.EARLIER_WINDOW, AskKind.LATER_WINDOW) if isinstance(place, Stop) else (AskKind.EARLIER_OPENING, AskKind.LATER_CLOSING)
    kind = kinds[0] if start_s < nearest.open_s else kinds[1]
    return Ask(kind=kind, place=place.key, by=by, to=start_s, share=by / WORKING_DAY_S)


def widened(windows: tuple[Window, ...], to_s: int) -> tuple[Window, ...]:
    """The windows with the nearest one made to hold this second too; open all day stays so."""
    if not windows or any(window.open_s <= to_s <= window.close_s for window in windows):
        return windows
    nearest = min(windows, key=lambda one: _gap_s(one, to_s))
    wider = Window(min(nearest.open_s, to_s), max(nearest.close_s, to_s))
    return tuple(wider if one is nearest else one for one in windows)


def clock_words(seconds: int) -> str:
    """HH:MM since the origin, a minute that has begun counting in full."""
    minutes = max(0, -(-seconds // 60))
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _also_for(stop: Stop, vehicle: str, other: str) -> Stop:
    allowed = stop.allowed_vehicles
    return replace(stop, allowed_vehicles=allowed | {other}) if allowed is not None and vehicle in allowed else stop


def _gap_s(window: Window, at_s: int) -> int:
    return max(window.open_s - at_s, at_s - window.close_s, 0)


# From a broken rule to what it asks for.

_Turn = Callable[[Ride, Problem, Violation], Iterator[Ask]]


def _more(kind: AskKind, limit_of: Callable[[Vehicle], int | None]) -> _Turn:
    def turn(ride: Ride, problem: Problem, violation: Violation) -> Iterator[Ask]:  # noqa: ARG001 - every turn has this shape
        limit = limit_of(ride.vehicle) or 0
        (by,) = violation.over
        yield Ask(kind=kind, vehicle=ride.vehicle.key, by=by, to=limit + by, share=by / max(1, limit))

    return turn


def _more_of_each(kind: AskKind, limits_of: Callable[[Vehicle], tuple[int, ...] | None]) -> _Turn:
    def turn(ride: Ride, problem: Problem, violation: Violation) -> Iterator[Ask]:
        limits = limits_of(ride.vehicle) or ()
        for name, limit, by in zip(problem.dimensions, limits, violation.over, strict=True):
            if by:
                yield Ask(kind=kind, vehicle=ride.vehicle.key, what=name, by=by, to=limit + by, share=by / max(1, limit))

    return turn


def _shift(ride: Ride, problem: Problem, violation: Violation) -> Iterator[Ask]:  # noqa: ARG001
    shift, key = ride.vehicle.shift, ride.vehicle.key
    length_s = max(1, shift.close_s - shift.open_s)
    late_s, early_s = ride.end_s - shift.close_s, shift.open_s - ride.start_s
    if late_s > 0:
        yield Ask(kind=AskKind.LATER_END, vehicle=key, by=late_s, to=ride.end_s, share=late_s / length_s)
    if early_s > 0 and ride.vehicle.under_way is None:
        yield Ask(kind=AskKind.EARLIER_START, vehicle=key, by=early_s, to=ride.start_s, share=early_s / length_s)


def _hours(ride: Ride, problem: Problem, violation: Violation) -> Iterator[Ask]:  # noqa: ARG001
    for halt in ride.halts:
        place = halt.place
        if halt.claimed.key == violation.stop and isinstance(place, Stop | Facility):
            ask = _wider(place, halt.start_s)
            if ask is not None:
                yield ask


def _allowed(ride: Ride, problem: Problem, violation: Violation) -> Iterator[Ask]:
    stop = problem.stop_by_key[str(violation.stop)]
    for need in sorted(stop.needs - ride.vehicle.offers):
        yield Ask(kind=AskKind.EQUIPMENT, vehicle=ride.vehicle.key, what=need)
    if stop.allowed_vehicles is not None and ride.vehicle.key not in stop.allowed_vehicles:
        yield Ask(kind=AskKind.PERMISSION, vehicle=ride.vehicle.key, place=stop.key)


def _class(ride: Ride, problem: Problem, violation: Violation) -> Iterator[Ask]:
    name = problem.stop_by_key[str(violation.stop)].waste_class
    yield Ask(kind=AskKind.WASTE_CLASS, vehicle=ride.vehicle.key, what=name)


_TURNS: dict[str, _Turn] = {
    "load_within_capacity": _more_of_each(AskKind.MORE_CAPACITY, lambda one: one.capacity),
    "lifted_within_limit": _more_of_each(AskKind.MORE_LIFTED, lambda one: one.max_lifted),
    "vehicle_carries_class": _class,
    "vehicle_allowed": _allowed,
    "trips_within_limit": _more(AskKind.MORE_TRIPS, lambda one: one.max_trips),
    "stops_within_limit": _more(AskKind.MORE_STOPS, lambda one: one.max_stops),
    "distance_within_limit": _more(AskKind.MORE_DISTANCE, lambda one: one.max_distance_m),
    "arrives_within_window": _hours,
    "facility_open": _hours,
    "shift_respected": _shift,
    "starts_in_time": _more(AskKind.LATER_START, lambda one: one.latest_start_s),
    "duration_within_limit": _more(AskKind.LONGER_ROUND, lambda one: one.max_duration_s),
    "driving_within_limit": _more(AskKind.MORE_DRIVING, lambda one: one.max_drive_s),
}
"""Rules that are not here (an order that was promised, a break, a road that is not there) are nobody's to grant."""


def _part_for(vehicle: Vehicle, name: str) -> tuple[Compartment, ...]:
    """Its compartments with room for the class, in the largest, if it has any."""
    if not vehicle.compartments or vehicle.compartment_of(name) is not None:
        return vehicle.compartments
    largest = max(vehicle.compartments, key=lambda one: one.capacity)
    return tuple(replace(one, classes=one.classes | {name}) if one is largest else one for one in vehicle.compartments)


def _stops_told(vehicle: Vehicle) -> int:
    """What it has done and has been told to do, and nothing more."""
    return len(vehicle.head) + (0 if vehicle.under_way is None else vehicle.under_way.stops)


def _raised(limits: tuple[int, ...], ask: Ask, dimensions: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(ask.to if name == ask.what else limit for name, limit in zip(dimensions, limits, strict=True))


_VEHICLE_CHANGES: dict[AskKind, Callable[[Ask, Vehicle, tuple[str, ...]], Vehicle]] = {
    AskKind.LATER_END: lambda ask, one, _: replace(one, shift=Window(one.shift.open_s, ask.to)),
    AskKind.EARLIER_START: lambda ask, one, _: replace(one, shift=Window(ask.to, one.shift.close_s)),
    AskKind.LATER_START: lambda ask, one, _: replace(one, latest_start_s=ask.to),
    AskKind.LONGER_ROUND: lambda ask, one, _: replace(one, max_duration_s=ask.to),
    AskKind.MORE_DRIVING: lambda ask, one, _: replace(one, max_drive_s=ask.to),
    AskKind.MORE_DISTANCE: lambda ask, one, _: replace(one, max_distance_m=ask.to),
    AskKind.MORE_STOPS: lambda ask, one, _: replace(one, max_stops=ask.to),
    AskKind.MORE_LIFTED: lambda ask, one, names: replace(one, max_lifted=_raised(one.max_lifted or (), ask, names)),
    AskKind.MORE_CAPACITY: lambda ask, one, names: replace(one, capacity=_raised(one.capacity, ask, names)),
    AskKind.MORE_TRIPS: lambda ask, one, _: replace(one, max_trips=ask.to),
    AskKind.NO_BREAK: lambda ask, one, _: replace(one, breaks=tuple(rule for rule in one.breaks if rule.key != ask.what)),
    AskKind.LOADED_HOME: lambda _, one, __: replace(one, ends_empty=False, max_stops=_stops_told(one)),
    AskKind.NOT_THERE_FIRST: lambda ask, one, _: replace(one, head=tuple(key for key in one.head if key != ask.place)),
    AskKind.EQUIPMENT: lambda ask, one, _: replace(one, offers=one.offers | {ask.what}),
    AskKind.WASTE_CLASS: lambda ask, one, _: replace(one, classes=one.classes | {ask.what}, compartments=_part_for(one, ask.what)),
}


def _length_words(seconds: int) -> str:
    hours, minutes = divmod(-(-seconds // 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


_WORDS: dict[AskKind, Callable[[Ask], str]] = {
    AskKind.LATER_END: lambda ask: f"{ask.vehicle} until {clock_words(ask.to)}",
    AskKind.EARLIER_START: lambda ask: f"{ask.vehicle} from {clock_words(ask.to - 59)}",
    AskKind.LATER_START: lambda ask: f"{ask.vehicle} may start as late as {clock_words(ask.to)}",
    AskKind.LONGER_ROUND: lambda ask: f"{ask.vehicle} out for {_length_words(ask.to)}",
    AskKind.MORE_DRIVING: lambda ask: f"{_length_words(ask.to)} at the wheel of {ask.vehicle}",
    AskKind.MORE_DISTANCE: lambda ask: f"{-(-ask.to // 1000)} km for {ask.vehicle}",
    AskKind.MORE_STOPS: lambda ask: f"{ask.to} stops for {ask.vehicle}",
    AskKind.MORE_LIFTED: lambda ask: f"+{ask.by} {ask.what} in the whole round of {ask.vehicle}",
    AskKind.MORE_CAPACITY: lambda ask: f"+{ask.by} {ask.what} on {ask.vehicle}",
    AskKind.MORE_TRIPS: lambda ask: "one more trip" + (f" of {ask.vehicle}" if ask.by == 1 else f" and {ask.by - 1} of {ask.vehicle}"),
    AskKind.EARLIER_WINDOW: lambda ask: f"a window for {ask.place} from {clock_words(ask.to - 59)}",
    AskKind.LATER_WINDOW: lambda ask: f"a window for {ask.place} until {clock_words(ask.to)}",
    AskKind.EARLIER_OPENING: lambda ask: f"{ask.place} open from {clock_words(ask.to - 59)}",
    AskKind.LATER_CLOSING: lambda ask: f"{ask.place} open until {clock_words(ask.to)}",
    AskKind.EQUIPMENT: lambda ask: f"{ask.vehicle} with {ask.what}",
    AskKind.PERMISSION: lambda ask: f"{ask.vehicle} permitted at {ask.place}",
    AskKind.WASTE_CLASS: lambda ask: f"{ask.vehicle} allowed to carry {ask.what}",
    AskKind.NO_BREAK: lambda ask: f"{ask.vehicle} without its {ask.what}",
    AskKind.ANOTHER_VEHICLE: lambda ask: f"another truck like {ask.vehicle}",
    AskKind.HIGHER_PRIZE: lambda ask: f"{ask.place} worth {ask.to / COST_UNITS_PER_CURRENCY:.2f}",
    AskKind.IN_PLACE_OF: lambda ask: f"in place of {ask.what}",
    AskKind.LOADED_HOME: lambda ask: f"{ask.vehicle} home with its load on board",
    AskKind.NOT_THERE_FIRST: lambda ask: f"{ask.vehicle} not to {ask.place} first, as it was told",
    AskKind.LEFT_OUT: lambda ask: f"{ask.vehicle} left out of the plan: it has no way home",
}
