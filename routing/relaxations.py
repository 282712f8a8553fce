"""The cheapest way to let an unserved stop in: which single limit would have to give how much, on which truck, at what price.

One limit after the other is lifted, the stop is put where it costs least then, and what the checker says of that round under the true
limits is what has to be granted. Several limits at once are looked at only if no single one suffices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest

from routing.anyway import NEVER_S, broken_rules
from routing.asks import Ask, AskKind, another, asks_for_hours, asks_of, granted
from routing.clock import Order, time_route
from routing.explain import order_of
from routing.insertion import Board, Insertion, taken_up, without
from routing.plan import Plan, Route, VisitKind
from routing.problem import Facility, Problem, Stop, Vehicle, Window
from routing.redrive import redrive
from routing.sketch import Detour, Sketch

TRIED, TRIED_ON_ONE = 5, 2
"""Places that are timed in full for each limit that is lifted, and how many of them on one vehicle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """One way to serve a stop.

    Parameters
    ----------
    asks
        What has to be granted, all of it; mostly one thing. `asks.granted(problem, asks)` is the problem in which it is.
    vehicle, order
        Who would serve the stop, and the keys of all stops and facilities on its route then, in order.
    extra_cost
        What that route would cost more than now, in cost units.
    """

    stop: str
    asks: tuple[Ask, ...]
    vehicle: str
    order: tuple[str, ...]
    extra_cost: int

    @property
    def words(self) -> str:
        """As a dispatcher would say it: "truck 4 until 14:40"."""
        return " and ".join(ask.words for ask in self.asks) or "nothing: it fits"

    @property
    def rank(self) -> tuple[int, float, int]:
        """The fewer things and the less of them, the better; then the cheaper."""
        return len(self.asks), max((ask.share for ask in self.asks), default=0.0), self.extra_cost


def find_relaxations(
    problem: Problem, plan: Plan, stops: Iterable[str] | None = None, *, most: int = 3
) -> dict[str, tuple[Relaxation, ...]]:
    """For each unserved stop the best few ways to let it in, each of another kind, the least asked first.

    Parameters
    ----------
    plan
        A plan that `check` accepts.
    stops
        Keys; by default all that the plan leaves out.

    Returns
    -------
    dict
        Empty tuples for stops that nobody can let in (no road there, no facility for their class).
    """
    keys = [one.stop for one in plan.unserved] if stops is None else list(stops)
    bench = _Bench(problem, {route.vehicle: order_of(problem, route) for route in plan.routes})
    return {key: tuple(bench.best(problem.stop_by_key[key], most)) for key in keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lift:
    """What is lifted of vehicles, facilities and the stop itself."""

    vehicle: Callable[[Vehicle, Problem], Vehicle] = lambda one, _: one
    gates: bool = False
    """Are facilities always open?"""
    stop: Callable[[Stop], Stop] = lambda one: one
    least_overload: bool = False
    """Are places tried by how much they overload, and not by their detour?"""


def _without_limits(vehicle: Vehicle, problem: Problem) -> Vehicle:  # noqa: ARG001 - every lift has this shape
    return replace(
        vehicle,
        shift=Window(vehicle.shift.open_s, NEVER_S),
        max_duration_s=None,
        max_drive_s=None,
        max_distance_m=None,
        max_stops=None,
        max_trips=None,
    )


def _from_midnight(vehicle: Vehicle, problem: Problem) -> Vehicle:  # noqa: ARG001
    return vehicle if vehicle.under_way else replace(vehicle, shift=Window(0, vehicle.shift.close_s), latest_start_s=None)


def _roomy(vehicle: Vehicle, problem: Problem) -> Vehicle:
    return replace(vehicle, capacity=(NEVER_S,) * len(problem.dimensions), max_lifted=None)


def _versatile(vehicle: Vehicle, problem: Problem) -> Vehicle:
    needs, classes = {need for stop in problem.stops for need in stop.needs}, {stop.waste_class for stop in problem.stops}
    return replace(vehicle, offers=vehicle.offers | needs, classes=vehicle.classes | classes, compartments=())


def _anything(vehicle: Vehicle, problem: Problem) -> Vehicle:
    for lift in (_without_limits, _from_midnight, _roomy, _versatile):
        vehicle = lift(vehicle, problem)
    return vehicle


def _any_time(stop: Stop) -> Stop:
    return replace(stop, windows=())


def _any_vehicle(stop: Stop) -> Stop:
    return replace(stop, allowed_vehicles=None)


_SINGLE = {
    "limits": _Lift(vehicle=_without_limits),
    "start": _Lift(vehicle=_from_midnight),
    "room": _Lift(vehicle=_roomy, least_overload=True),
    "window": _Lift(stop=_any_time),
    "gates": _Lift(gates=True),
    "permission": _Lift(vehicle=_versatile, stop=_any_vehicle),
}
_EVERYTHING = _Lift(vehicle=_anything, gates=True, stop=lambda one: _any_vehicle(_any_time(one)))


class _World:
    """The problem with one kind of limit lifted, and what is known of its vehicles' routes."""

    def __init__(self, problem: Problem, orders: dict[str, Order], lift: _Lift) -> None:
        self.true, self.lift, self._orders = problem, lift, orders
        facilities = tuple(replace(one, windows=()) for one in problem.facilities) if lift.gates else problem.facilities
        vehicles = tuple(lift.vehicle(one, problem) for one in problem.vehicles)
        self.problem = replace(problem, vehicles=vehicles, facilities=facilities)
        self._sketches: dict[str, Sketch] = {}
        self._leaves: dict[str, list[int]] = {}

    def sketch(self, key: str) -> Sketch:
        if key not in self._sketches:
            order = tuple(
                self.problem.facility_by_key[place.key] if isinstance(place, Facility) else place for place in self._orders.get(key, ())
            )
            self._sketches[key] = Sketch(self.problem, self.problem.vehicle_by_key[key], order)
        return self._sketches[key]

    def rounds(self, stop: Stop) -> Iterator[tuple[Vehicle, Route]]:
        """The most promising rounds with the stop, each with its true vehicle."""
        freed = self.lift.stop(stop)
        for vehicle, detour in self._chosen(stop, freed):
            sketch = self.sketch(vehicle.key)
            route = sketch.time(sketch.extended(freed, detour))
            if route is not None:
                yield vehicle, route

    def _chosen(self, stop: Stop, freed: Stop) -> list[tuple[Vehicle, Detour]]:
        vehicles = [one for one in self.true.vehicles if self._changes(one, stop, freed) and self.sketch(one.key).sound]
        if not self.lift.least_overload:
            best = (one for vehicle in vehicles for one in nsmallest(TRIED_ON_ONE, self._places(vehicle, freed)))
            return [(vehicle, detour) for *_, vehicle, detour in nsmallest(TRIED, best, key=lambda one: one[:3])]
        places = ((vehicle, detour) for vehicle in vehicles for *_, detour in self._places(vehicle, freed))
        trips = ((self._overload(*one, stop), one[1].cost, one[0].key, one) for one in self._of_each_trip(places))
        return [best for *_, best in nsmallest(TRIED, trips, key=lambda ranked: ranked[:3])]

    def _places(self, vehicle: Vehicle, freed: Stop) -> Iterator[tuple[int, str, int, Vehicle, Detour]]:
        """Each place on the vehicle, behind what orders them: what the detour costs, the wait for a window included."""
        for number, detour in enumerate(self.sketch(vehicle.key).detours(freed)):
            wait_s = self._wait_s(vehicle, detour, freed)
            if wait_s is not None:
                yield detour.cost + vehicle.cost_per_s * wait_s, vehicle.key, number, vehicle, detour

    def _changes(self, vehicle: Vehicle, stop: Stop, freed: Stop) -> bool:
        """Could this let the stop onto this vehicle, if nothing else could?"""
        lifted = self.problem.vehicle_by_key[vehicle.key]
        return lifted.may_serve(freed) and (self.lift.gates or lifted != vehicle or freed != stop)

    def _wait_s(self, vehicle: Vehicle, detour: Detour, freed: Stop) -> int | None:
        """How long the truck would wait there for a window of the stop, as the route is driven now; None where it comes too late."""
        if not freed.windows:
            return 0
        here_s = self._left_at(vehicle.key)[detour.position]
        waits = [window.open_s - here_s for window in freed.windows if window.close_s >= here_s]
        return max(0, min(waits)) if waits else None

    def _left_at(self, key: str) -> list[int]:
        """When the truck leaves what is before each position."""
        if key not in self._leaves:
            route, vehicle = self.sketch(key).route, self.true.vehicle_by_key[key]
            starts_s = vehicle.shift.open_s if vehicle.under_way is None else vehicle.under_way.ready_s
            halts = () if route is None else (visit for visit in route.visits if visit.kind is not VisitKind.BREAK)
            self._leaves[key] = [starts_s, *(visit.departure_s for visit in halts)]
        return self._leaves[key]

    def _of_each_trip(self, places: Iterator[tuple[Vehicle, Detour]]) -> Iterator[tuple[Vehicle, Detour]]:
        best: dict[tuple[str, int], tuple[Vehicle, Detour]] = {}
        for vehicle, detour in places:
            trip = next((one.first for one in self.sketch(vehicle.key).trips if one.first <= detour.position <= one.last), 0)
            known = best.get((vehicle.key, trip))
            if detour.unload is None and (known is None or detour.cost < known[1].cost):
                best[vehicle.key, trip] = vehicle, detour
        yield from best.values()

    def _overload(self, vehicle: Vehicle, detour: Detour, stop: Stop) -> float:
        """By which part of the capacity the trip would be too heavy, or too large, where it is most so."""
        trip = next(one for one in self.sketch(vehicle.key).trips if one.first <= detour.position <= one.last)
        added = vehicle.load_of(stop, self.true.dimensions)
        return max((a + b - most) / max(1, most) for a, b, most in zip(trip.load, added, vehicle.capacity, strict=True))


class _Bench:
    """Tries for stop after stop what would let it in; what is known of routes is kept between stops."""

    def __init__(self, problem: Problem, orders: dict[str, Order]) -> None:
        self.problem, self.orders = problem, orders
        self.board = Board(problem, orders)
        self._worlds: dict[str, _World] = {}

    def best(self, stop: Stop, most: int) -> list[Relaxation]:
        stop = taken_up(self.problem, stop)
        if self.board.serves_group_of(stop):
            return list(self._in_place_of_another(stop))
        fits = self.board.cheapest(stop)
        if fits is not None:
            return [self._worth_it(stop, fits)]
        found = [one for name, lift in _SINGLE.items() for one in self._tried(name, lift, stop)]
        found += self._by_another_vehicle(stop)
        if not any(len(one.asks) <= 1 for one in found):
            found += self._tried("everything", _EVERYTHING, stop)
        return _best_of_each_kind(found)[:most]

    def _tried(self, name: str, lift: _Lift, stop: Stop) -> Iterator[Relaxation]:
        if name not in self._worlds:
            self._worlds[name] = _World(self.problem, self.orders, lift)
        for vehicle, route in self._worlds[name].rounds(stop):
            relaxation = self._asked_for(vehicle, route, stop)
            if relaxation is not None:
                yield self._least(relaxation)

    def _asked_for(self, vehicle: Vehicle, route: Route, stop: Stop) -> Relaxation | None:
        # Hours come first: by the true ones the truck would wait at a closed gate, and the wait would be what it asks for.
        hours = asks_for_hours(self.problem, route)
        allowed = granted(self.problem, hours) if hours else self.problem
        ride = redrive(allowed, vehicle, route)
        asks = asks_of(ride, allowed, broken_rules(allowed, ride))
        if asks is None:
            return None
        order = tuple(place.key for place in order_of(self.problem, route))
        extra = ride.cost.total - self.board.sketch(vehicle).cost
        return Relaxation(stop=stop.key, asks=(*hours, *asks), vehicle=vehicle.key, order=order, extra_cost=extra)

    def _least(self, relaxation: Relaxation) -> Relaxation:
        """As little of a single ask as lets the round be driven in this order, found by halving: rounds that are free take their time."""
        if len(relaxation.asks) != 1 or relaxation.asks[0].by <= 1:
            return relaxation
        (ask,) = relaxation.asks
        enough, too_little, middle, best = ask.by, 0, ask.by - 1, None
        while enough - too_little > 1:
            tried = self._driven(relaxation, ask.shrunk(middle))
            enough, too_little, best = (middle, too_little, tried) if tried else (enough, middle, best)
            middle = (enough + too_little) // 2
        if best is None:
            return relaxation
        extra = best.cost.total - self.board.sketch(self.problem.vehicle_by_key[relaxation.vehicle]).cost
        return replace(relaxation, asks=(ask.shrunk(enough),), extra_cost=extra)

    def _driven(self, relaxation: Relaxation, ask: Ask) -> Route | None:
        """The round, by the clock, once this is granted."""
        vehicle = self.problem.vehicle_by_key[relaxation.vehicle]
        places = (self.problem.stop_by_key.get(key) or self.problem.facility_by_key[key] for key in relaxation.order)
        order = tuple(ask.on_place(place) for place in places)
        return time_route(self.problem, ask.on_vehicle(vehicle, self.problem.dimensions), order)

    def _worth_it(self, stop: Stop, fits: Insertion) -> Relaxation:
        prize = stop.prize if stop.prize is not None else fits.extra_cost
        by, order = fits.extra_cost - prize, tuple(place.key for place in fits.order)
        worth = Ask(kind=AskKind.HIGHER_PRIZE, place=stop.key, by=by, to=fits.extra_cost, share=by / max(1, prize))
        asks = (worth,) if by > 0 else ()
        return Relaxation(stop=stop.key, asks=asks, vehicle=fits.vehicle, order=order, extra_cost=fits.extra_cost)

    def _in_place_of_another(self, stop: Stop) -> Iterator[Relaxation]:
        """Its alternative's place taken, or another one once the alternative is off."""
        for key, order in self.orders.items():
            other = next((one for one in order if isinstance(one, Stop) and one.group == stop.group), None)
            if other is None:
                continue
            vehicle = self.problem.vehicle_by_key[key]
            shorter = without(order, other, vehicle)
            board = Board(self.problem, {**self.orders, key: shorter})
            fits = board.cheapest(stop) if board.sketch(vehicle).sound else None
            if fits is not None:
                extra = fits.extra_cost + board.sketch(vehicle).cost - self.board.sketch(vehicle).cost
                asks, keys = (Ask(kind=AskKind.IN_PLACE_OF, what=other.key),), tuple(place.key for place in fits.order)
                yield Relaxation(stop=stop.key, asks=asks, vehicle=fits.vehicle, order=keys, extra_cost=extra)

    def _by_another_vehicle(self, stop: Stop) -> Iterator[Relaxation]:
        alike = {replace(another(one), key="one"): one for one in reversed(self.problem.vehicles) if one.may_serve(stop)}
        for vehicle in alike.values():
            # By the key of the one that is like it, which is the one that is permitted.
            board = Board(self.problem, {}, vehicles=(replace(another(vehicle), key=vehicle.key),))
            fits = board.cheapest(stop)
            if fits is not None:
                ask = Ask(kind=AskKind.ANOTHER_VEHICLE, vehicle=vehicle.key, by=1, to=1)
                route = time_route(self.problem, another(vehicle), tuple(ask.on_place(place) for place in fits.order))
                order, key = tuple(place.key for place in fits.order), another(vehicle).key
                if route is not None:
                    yield Relaxation(stop=stop.key, asks=(ask,), vehicle=key, order=order, extra_cost=route.cost.total)


def _best_of_each_kind(found: Sequence[Relaxation]) -> list[Relaxation]:
    best: dict[tuple[AskKind, ...], Relaxation] = {}
    for one in sorted(found, key=lambda one: one.rank):
        best.setdefault(tuple(sorted(ask.kind for ask in one.asks)), one)
    return list(best.values())
