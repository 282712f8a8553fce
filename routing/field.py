"""What has happened since a plan was published: where each truck is, what it has done, and what of its round is still to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from routing.errors import require
from routing.plan import Plan, Route, Visit, VisitKind
from routing.problem import Problem, Stop, UnderWay, Vehicle


@dataclass(frozen=True, slots=True, kw_only=True)
class TruckState:
    """One truck that has left the yard.

    Parameters
    ----------
    done
        What it has visited, as it really went, in order, breaks too; a place where it is at work now counts, with the departure that
        is expected. Need not be what was published.
    location, ready_s
        Where it will be free for its next leg, and when. A truck on the road is where the dispatcher sees it (a location of the
        extended matrices), or where it left last, in the past.
    heading_to
        Key of the stop or facility that it is driving to, and will: None if it may be sent anywhere from `location`.
    load
        What is on board as reported, one entry a dimension; None for what `done` says.
    driven_s, driven_m
        At the wheel and on the road in this round; None for what `done` and the matrices say.
    broken
        It does nothing more.
    home
        Its round is over.
    """

    vehicle: str
    started_s: int
    done: tuple[Visit, ...]
    location: int
    ready_s: int
    heading_to: str | None = None
    load: tuple[int, ...] | None = None
    driven_s: int | None = None
    driven_m: int | None = None
    broken: bool = False
    home: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldState:
    """The field at `at_s`.

    Parameters
    ----------
    trucks
        Those that have left; all others are in the yard, and leave at `at_s` at the earliest.
    new_stops
        What has come up since.
    cancelled
        Keys of stops that are not to be served any more.
    skipped
        Keys of stops that drivers passed by without serving; they are still to do. `TruckState.done` does not count them.
    not_coming
        Keys of vehicles in the yard that will not leave (no crew, out of order).
    """

    at_s: int
    trucks: tuple[TruckState, ...] = ()
    new_stops: tuple[Stop, ...] = ()
    cancelled: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    not_coming: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        repeated = [key for key, count in Counter(one.vehicle for one in self.trucks).items() if count > 1]
        require(not repeated, f"vehicles are in two places: {repeated[:5]}")

    @property
    def truck_by_key(self) -> Mapping[str, TruckState]:
        return {state.vehicle: state for state in self.trucks}

    @property
    def served(self) -> frozenset[str]:
        """Keys of stops that are done."""
        visits = (visit for truck in self.trucks for visit in truck.done)
        return frozenset(visit.key for visit in visits if visit.kind is VisitKind.PICKUP) - self.skipped


def as_published(problem: Problem, plan: Plan, at_s: int) -> FieldState:
    """The field if all goes as the plan says: a stand-in for what nobody has reported, to be replaced truck by truck.

    A truck on the road is bound for its next place; one on its last leg is free once it is home.
    """
    states = (_as_published(problem.vehicle_by_key[route.vehicle], route, at_s) for route in plan.routes)
    return FieldState(at_s=at_s, trucks=tuple(state for state in states if state is not None))


def _as_published(vehicle: Vehicle, route: Route, at_s: int) -> TruckState | None:
    out = vehicle.under_way
    leaves_s = route.start_s if out is None else out.ready_s
    if out is None and leaves_s > at_s:
        return None
    done = tuple(visit for visit in route.visits if visit.arrival_s <= at_s)
    here, ready_s = (done[-1].location, done[-1].departure_s) if done else (vehicle.begins_at, leaves_s)
    coming = next((visit.key for visit in route.visits[len(done) :] if visit.kind is not VisitKind.BREAK), None)
    if coming is None and ready_s <= at_s:
        here, ready_s = vehicle.end_location, max(route.end_s, at_s)
    return TruckState(
        vehicle=vehicle.key,
        started_s=route.start_s,
        done=done,
        location=here,
        ready_s=ready_s,
        heading_to=coming if ready_s <= at_s else None,
        home=route.end_s <= at_s,
    )


@dataclass(frozen=True, slots=True)
class Onward:
    """How a truck goes on.

    Parameters
    ----------
    again
        What it takes up once more where it is, in no time, before all else, for `UnderWay` cannot say it: what is on board to be set
        down elsewhere, under its own key; and what rides in all compartments but one, each class as one stop.
    """

    under_way: UnderWay
    again: tuple[Stop, ...] = field(default=())


def onward(
    problem: Problem, vehicle: Vehicle, state: TruckState, *, skipped: frozenset[str] = frozenset(), cancelled: frozenset[str] = frozenset()
) -> Onward:
    """What the truck has behind it: as it was when the plan took over, and what it has done since."""
    done = tuple(visit for visit in state.done if visit.key not in skipped or visit.kind is not VisitKind.PICKUP)
    stops = [problem.stop_by_key[visit.key] for visit in done if visit.kind is VisitKind.PICKUP]
    before = vehicle.under_way or UnderWay(location=0, ready_s=0, started_s=0, load=(0,) * len(problem.dimensions))
    held = _held(problem, vehicle, before, done, cancelled)
    owed = [stop for stop in stops if stop.bring_to is not None and _is_owed(stop, stops, cancelled)]
    load = _sum([*held.values(), *(vehicle.load_of(stop, problem.dimensions) for stop in owed), (0,) * len(problem.dimensions)])
    classes = frozenset(held)
    again = tuple(_once_more(stop, vehicle, state) for stop in owed)
    if vehicle.compartments:
        again += tuple(_on_board(name, held[name], vehicle, state) for name in _in_other_parts(vehicle, held))
        classes -= {stop.waste_class for stop in again if stop.bring_to is None}
    driven_s, driven_m = _driven(problem, vehicle, state)
    rests = [visit for visit in done if visit.kind is VisitKind.BREAK]
    once = {rule.key for rule in vehicle.breaks if not rule.repeats}
    if state.load is not None:
        only_class = vehicle.classes if len(vehicle.classes) == 1 else frozenset[str]()
        load, classes = state.load, (classes or only_class) if any(state.load) else frozenset()
    carried = _sum([vehicle.load_of(stop, problem.dimensions) for stop in again] or [(0,) * len(load)])
    lifted = _sum([before.lifted or (0,) * len(load), *(_lifted(problem, vehicle, stop) for stop in stops)])
    under_way = UnderWay(
        location=state.location,
        ready_s=max(state.started_s, state.ready_s - len(again) * vehicle.stop_s),
        started_s=state.started_s,
        load=tuple(max(0, amount - other) for amount, other in zip(load, carried, strict=True)),
        classes=classes,
        driven_s=driven_s,
        driven_m=driven_m,
        rested_s=rests[-1].departure_s if rests else before.rested_s,
        lifted=tuple(max(0, amount - other) for amount, other in zip(lifted, carried, strict=True)),
        stops=before.stops + len(stops) - len(again),
        unloads=before.unloads + sum(visit.kind is VisitKind.UNLOAD for visit in done),
        taken=before.taken | {visit.key for visit in rests if visit.key in once},
    )
    return Onward(under_way, again)


def _held(
    problem: Problem, vehicle: Vehicle, before: UnderWay, done: Sequence[Visit], cancelled: frozenset[str]
) -> dict[str, tuple[int, ...]]:
    """What is on board after all this, by class; without what is to be set down elsewhere. Of several classes at first, one has all."""
    held = {name: before.load if number == 0 else (0,) * len(before.load) for number, name in enumerate(sorted(before.classes))}
    for visit in done:
        if visit.kind is VisitKind.UNLOAD:
            held = {}
        elif visit.kind is VisitKind.PICKUP:
            stop = problem.stop_by_key[visit.key]
            if stop.key not in problem.taken_up_at and (stop.bring_to is None or stop.bring_to in cancelled):
                load = vehicle.load_of(stop, problem.dimensions)
                held[stop.waste_class] = _sum([held.get(stop.waste_class, (0,) * len(load)), load])
    return held


def _in_other_parts(vehicle: Vehicle, held: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Classes on board that do not ride with the first one."""
    first = next((vehicle.compartment_of(name) for name in held), None)
    return [name for name in held if vehicle.compartment_of(name) is not first]


def _on_board(name: str, load: tuple[int, ...], vehicle: Vehicle, state: TruckState) -> Stop:
    return Stop(
        key=f"{name} on board of {vehicle.key}",
        location=state.location,
        load=load,
        waste_class=name,
        lifts=0,
        allowed_vehicles=frozenset({vehicle.key}),
    )


def _is_owed(stop: Stop, done: Sequence[Stop], cancelled: frozenset[str]) -> bool:
    return stop.bring_to not in cancelled and all(other.key != stop.bring_to for other in done)


def _once_more(stop: Stop, vehicle: Vehicle, state: TruckState) -> Stop:
    return replace(
        stop,
        location=state.location,
        service_s=0,
        setup_s=0,
        windows=(),
        lifts=0,
        release_s=0,
        allowed_vehicles=frozenset({vehicle.key}),
        usual_vehicle=None,
        change_cost=0,
    )


def _lifted(problem: Problem, vehicle: Vehicle, stop: Stop) -> tuple[int, ...]:
    return tuple(max(0, amount) for amount in vehicle.load_of(stop, problem.dimensions))


def _sum(vectors: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*vectors, strict=True)))


def _driven(problem: Problem, vehicle: Vehicle, state: TruckState) -> tuple[int, int]:
    """Seconds at the wheel and metres: between halts, and to where the truck is now."""
    before = vehicle.under_way
    seconds, metres = (0, 0) if before is None else (before.driven_s, before.driven_m)
    leaves_s = state.started_s if before is None else before.ready_s
    left = [leaves_s, *(visit.departure_s for visit in state.done)]
    seconds += sum(max(0, visit.arrival_s - left_s) for visit, left_s in zip(state.done, left, strict=False))
    path = [vehicle.begins_at, *(visit.location for visit in state.done), state.location]
    if path[-1] != path[-2]:
        seconds += max(0, state.ready_s - left[-1])
    metres += sum(max(0, problem.travel_of(vehicle).distance_rows[here][there]) for here, there in pairwise(path))
    seconds = min(seconds, max(0, state.ready_s - state.started_s))
    return seconds if state.driven_s is None else state.driven_s, metres if state.driven_m is None else state.driven_m


def stranded(problem: Problem, state: TruckState, skipped: frozenset[str]) -> tuple[int, ...]:
    """What is on board of a truck that does nothing more, one entry a dimension."""
    vehicle = problem.vehicle_by_key[state.vehicle]
    before = vehicle.under_way or UnderWay(location=0, ready_s=0, started_s=0, load=(0,) * len(problem.dimensions))
    if state.load is not None:
        return state.load
    stops = [problem.stop_by_key[visit.key] for visit in state.done if visit.kind is VisitKind.PICKUP and visit.key not in skipped]
    owed = [vehicle.load_of(stop, problem.dimensions) for stop in stops if stop.bring_to is not None and _is_owed(stop, stops, frozenset())]
    held = _held(problem, vehicle, before, [visit for visit in state.done if visit.key not in skipped], frozenset())
    return _sum([*held.values(), *owed, (0,) * len(problem.dimensions)])
