"""From a published plan and the state of the field to the problem that is left, and the orders that remain of the plan."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing.anyway import broken_rules, drive_anyway
from routing.asks import Ask, AskKind, asks_of, granted
from routing.clock import Order
from routing.errors import require
from routing.field import FieldState, Onward, TruckState, onward, stranded
from routing.incumbent import as_told
from routing.loosen import Names, comes_home, names_told, possible_head
from routing.plan import Plan, Route, VisitKind
from routing.problem import Facility, Problem, Stop, Travel, Vehicle, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """What is to stay as it was published, beyond where each truck is driving to right now.

    Parameters
    ----------
    tied
        Keys of stops that stay with their vehicle, unless that is out of order.
    ordered
        Keys of vehicles that serve what they keep in the published order; other stops may come between.
    fixed
        By vehicle, how many of its next stops and unloads stay as they are, first and in full.
    """

    tied: frozenset[str] = frozenset()
    ordered: frozenset[str] = frozenset()
    fixed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What is left of a morning.

    Parameters
    ----------
    problem
        Trucks under way with their locks, stops still to do and new ones; who serves a stop that was another's pays for the change.
    orders
        What remains of the published orders, head first; sound or not.
    usual
        By stop, the vehicle that was to serve it, whether it still can or not.
    on_board
        Keys of stops that only say what trucks have on board (`Onward.again`).
    stranded
        By vehicle out of order, what is on board of it.
    reliefs
        What had to be granted to trucks that cannot keep their limits any more, whatever is planned for them.
    """

    problem: Problem
    orders: dict[str, Order]
    usual: dict[str, str]
    on_board: frozenset[str]
    stranded: dict[str, tuple[int, ...]]
    reliefs: tuple[Ask, ...]


def append_locations(
    travel: Travel, *, drive_from_s: ArrayLike, drive_to_s: ArrayLike, distance_from_m: ArrayLike, distance_to_m: ArrayLike
) -> Travel:
    """The matrices with k more locations behind the n there are: where trucks are now, bins that have appeared.

    Parameters
    ----------
    drive_from_s, distance_from_m
        From each new location: k rows of n + k entries, to the old locations, then to the new ones.
    drive_to_s, distance_to_m
        To each new location: n rows of k entries, from the old ones.
    """
    return Travel(
        _appended(travel.drive_s, drive_from_s, drive_to_s), _appended(travel.distance_m, distance_from_m, distance_to_m), travel.paces
    )


def _appended(matrix: NDArray[np.integer[Any]], rows: ArrayLike, columns: ArrayLike) -> NDArray[np.integer[Any]]:
    old, new_rows, new_columns = matrix, np.atleast_2d(np.asarray(rows)), np.asarray(columns)
    size, more = len(old), len(new_rows)
    require(new_rows.shape == (more, size + more), f"rows from new locations need {size + more} entries, got shape {new_rows.shape}")
    require(new_columns.shape == (size, more), f"columns to new locations need shape {(size, more)}, got {new_columns.shape}")
    return np.vstack((np.hstack((old, new_columns)), new_rows))


def what_remains(
    problem: Problem,
    published: Plan,
    state: FieldState,
    *,
    change_cost: int,
    locks: Locks,
    travel: tuple[Travel, ...] | None = None,
    more_vehicles: tuple[Vehicle, ...] = (),
) -> Remaining:
    """The problem from now on; arguments as `replan`'s."""
    builder = _Builder(replace(problem, travel=travel or problem.travel), published, state, locks)
    left = builder.problem(change_cost, more_vehicles)
    left, reliefs = _relieved(left)
    lost = tuple(ask for ask in reliefs if ask.kind is AskKind.LEFT_OUT)
    if lost:
        state = _without(state, {ask.vehicle for ask in lost})
        rest = what_remains(problem, published, state, change_cost=change_cost, locks=locks, travel=travel, more_vehicles=more_vehicles)
        return replace(rest, reliefs=(*lost, *rest.reliefs))
    orders = as_told(left, {key: tuple(_place(left, one) for one in keys) for key, keys in builder.keys.items()})
    return Remaining(
        problem=left, orders=orders, usual=builder.usual, on_board=builder.on_board, stranded=builder.stranded, reliefs=reliefs
    )


def _without(state: FieldState, vehicles: Collection[str | None]) -> FieldState:
    """The field as if these trucks were out of order."""
    trucks = (replace(truck, broken=True) if truck.vehicle in vehicles else truck for truck in state.trucks)
    keys = {key for key in vehicles if key is not None}
    return replace(state, trucks=tuple(trucks), not_coming=state.not_coming | keys)


def _place(problem: Problem, key: str) -> Stop | Facility:
    return problem.stop_by_key.get(key) or problem.facility_by_key[key]


class _Builder:
    def __init__(self, problem: Problem, published: Plan, state: FieldState, locks: Locks) -> None:
        self.before, self.state, self.locks = problem, state, locks
        self.trucks = state.truck_by_key
        unknown = [key for key in self.trucks if key not in problem.vehicle_by_key]
        require(not unknown, f"there is no such vehicle: {unknown[:5]}")
        self.routes = {route.vehicle: route for route in published.routes}
        self.usual = {visit.key: route.vehicle for route in published.routes for visit in route.pickups}
        self.vehicles = [one for one in problem.vehicles if self._goes_on(one)]
        self.going = frozenset(one.key for one in self.vehicles)
        self.cancelled = state.cancelled | self._other_halves(state.cancelled)
        self.onwards = {
            one.key: onward(problem, one, self.trucks[one.key], skipped=state.skipped, cancelled=self.cancelled)
            for one in self.vehicles
            if one.key in self.trucks
        }
        self.on_board = frozenset(stop.key for one in self.onwards.values() for stop in one.again)
        out_of_order = [truck for truck in state.trucks if truck.broken]
        self.stranded = {truck.vehicle: stranded(problem, truck, state.skipped) for truck in out_of_order}
        self.open = self._open_stops()
        self.keys = {one.key: keys for one in self.vehicles if (keys := self._keys_of(one))}

    def problem(self, change_cost: int, more_vehicles: tuple[Vehicle, ...]) -> Problem:
        again = [stop for one in self.onwards.values() for stop in one.again]
        stops = [self._priced(stop, change_cost) for stop in self.open]
        vehicles = [self._vehicle(one) for one in self.vehicles]
        return replace(self.before, stops=(*again, *stops, *self.state.new_stops), vehicles=(*vehicles, *more_vehicles))

    def _goes_on(self, vehicle: Vehicle) -> bool:
        truck, at_s = self.trucks.get(vehicle.key), self.state.at_s
        if truck is not None:
            return not (truck.broken or truck.home)
        require(vehicle.under_way is None, f"vehicle {vehicle.key} is under way: say where")
        too_late = at_s > vehicle.shift.close_s or (vehicle.latest_start_s is not None and at_s > vehicle.latest_start_s)
        return not too_late and vehicle.key not in self.state.not_coming

    def _other_halves(self, keys: frozenset[str]) -> frozenset[str]:
        """What was to be set down, or taken up, for these; what is done is done."""
        targets = {self.before.stop_by_key[key].bring_to for key in keys if key in self.before.stop_by_key}
        sources = {self.before.taken_up_at[key] for key in keys if key in self.before.taken_up_at}
        return frozenset(key for key in targets | sources if key is not None)

    def _open_stops(self) -> list[Stop]:
        served = self.state.served
        settled = {self.before.stop_by_key[key].group for key in served} - {None}
        carried_off = served - self.on_board  # what was taken up by a truck that is out of order is set down by nobody
        gone = served | self.cancelled | {key for key, source in self.before.taken_up_at.items() if source in carried_off}
        return [stop for stop in self.before.stops if stop.key not in gone and (stop.group is None or stop.group not in settled)]

    def _priced(self, stop: Stop, change_cost: int) -> Stop:
        usual = self.usual.get(stop.key)
        if usual is None:
            return stop
        if usual not in self.going:
            return replace(stop, usual_vehicle=None, change_cost=0)
        tied = frozenset({usual}) if stop.key in self.locks.tied else stop.allowed_vehicles
        return replace(stop, usual_vehicle=usual, change_cost=change_cost, allowed_vehicles=tied)

    def _vehicle(self, vehicle: Vehicle) -> Vehicle:
        keys, head = self.keys.get(vehicle.key, ()), self._head_of(vehicle)
        is_open = {stop.key for stop in self.open}
        kept = tuple(key for key in keys if key in is_open) if vehicle.key in self.locks.ordered else vehicle.sequence
        sequence = self._that_can_be(tuple(key for key in kept if key in is_open))
        out: Onward | None = self.onwards.get(vehicle.key)
        if out is not None:
            return replace(vehicle, under_way=out.under_way, head=head, sequence=sequence)
        shift = Window(max(vehicle.shift.open_s, self.state.at_s), vehicle.shift.close_s)
        return replace(vehicle, shift=shift, head=head, sequence=sequence)

    def _that_can_be(self, sequence: tuple[str, ...]) -> tuple[str, ...]:
        """Without what would be set down before it is taken up: a truck was sent there too early, whatever its order is now."""
        sources = self.before.taken_up_at
        return tuple(key for number, key in enumerate(sequence) if sources.get(key) not in sequence[number + 1 :])

    def _head_of(self, vehicle: Vehicle) -> tuple[str, ...]:
        keys, told = self.keys.get(vehicle.key, ()), self._told(vehicle)
        return keys[: max(len(told), self.locks.fixed.get(vehicle.key, 0) + len(self._again(vehicle)))]

    def _again(self, vehicle: Vehicle) -> tuple[str, ...]:
        out = self.onwards.get(vehicle.key)
        return () if out is None else tuple(stop.key for stop in out.again)

    def _told(self, vehicle: Vehicle) -> tuple[str, ...]:
        """What comes first: loads that are on board for elsewhere, what the truck drives to, and what is left of an earlier head."""
        truck, is_open = self.trucks.get(vehicle.key), {stop.key for stop in self.open}
        told = [key for key in vehicle.head if key in is_open] if truck is None or truck.heading_to in (None, *vehicle.head) else []
        if truck is not None and truck.heading_to is not None and truck.heading_to not in told:
            is_place = truck.heading_to in is_open or truck.heading_to in self.before.facility_by_key
            told = [truck.heading_to, *told] if is_place else told
        return (*self._again(vehicle), *told)

    def _keys_of(self, vehicle: Vehicle) -> tuple[str, ...]:
        """What remains of the published order, behind what the driver has been told."""
        told, route = self._told(vehicle), self.routes.get(vehicle.key)
        rest = [] if route is None else list(self._left(route, self.trucks.get(vehicle.key)))
        for key in told:
            if key in rest:
                rest.remove(key)
        return (*told, *rest)

    def _left(self, route: Route, truck: TruckState | None) -> Iterator[str]:
        unloaded = 0 if truck is None else sum(visit.kind is VisitKind.UNLOAD for visit in truck.done)
        is_open = {stop.key for stop in self.open}
        for visit in route.visits:
            if visit.kind is VisitKind.UNLOAD:
                unloaded -= 1
                if unloaded < 0:
                    yield visit.key
            elif visit.kind is VisitKind.PICKUP and visit.key in is_open:
                yield visit.key


def _relieved(problem: Problem) -> tuple[Problem, tuple[Ask, ...]]:
    """The problem with just as much granted to trucks under way as lets each of them come home."""
    reliefs: list[Ask] = []
    told: Names = frozenset()
    for vehicle in problem.vehicles:
        if vehicle.always_drives:
            asks = _needed(problem, vehicle, told)
            dropped = {ask.place for ask in asks if ask.kind is AskKind.NOT_THERE_FIRST}
            told |= names_told(problem, tuple(key for key in vehicle.head if key not in dropped))
            reliefs += asks
    return (granted(problem, reliefs) if reliefs else problem), tuple(reliefs)


def _needed(problem: Problem, vehicle: Vehicle, told: Names) -> tuple[Ask, ...]:
    """What a truck needs to do what it has been told and to come home, at the least; if nothing helps it goes elsewhere, or is left out."""
    if not told & names_told(problem, vehicle.head):
        asks = () if comes_home(problem, vehicle) else _hours_and_more(problem, vehicle)
        if asks is not None:
            return asks
    kept = possible_head(problem, vehicle, told, lambda _, one: _hours_and_more(problem, one) is not None)
    bare = replace(vehicle, head=kept)
    asks = _hours_and_more(problem, bare) if bare.always_drives else ()
    if asks is None:
        return (Ask(kind=AskKind.LEFT_OUT, vehicle=vehicle.key),)
    return (*(Ask(kind=AskKind.NOT_THERE_FIRST, vehicle=vehicle.key, place=key) for key in vehicle.head if key not in kept), *asks)


def _hours_and_more(problem: Problem, vehicle: Vehicle) -> tuple[Ask, ...] | None:
    """What lets the truck do as its head says and come home: more of its limits, no break, its load on board; None if nothing does."""
    problem = replace(problem, vehicles=tuple(vehicle if one.key == vehicle.key else one for one in problem.vehicles))
    without_breaks = tuple(Ask(kind=AskKind.NO_BREAK, vehicle=vehicle.key, what=rule.key) for rule in vehicle.breaks)
    loaded = (Ask(kind=AskKind.LOADED_HOME, vehicle=vehicle.key),) if vehicle.ends_empty else ()
    for given_up in dict.fromkeys(((), without_breaks, loaded, (*without_breaks, *loaded))):
        allowed = granted(problem, given_up)
        ways = [asks for order in _ways_home(problem, vehicle) if (asks := _asks(allowed, vehicle.key, order)) is not None]
        if ways:
            return (*given_up, *min(ways, key=lambda asks: (len(asks), sum(ask.share for ask in asks))))
    return None


def _asks(problem: Problem, key: str, order: Order) -> tuple[Ask, ...] | None:
    ride = drive_anyway(problem, problem.vehicle_by_key[key], order)
    return asks_of(ride, problem, broken_rules(problem, ride))


def _ways_home(problem: Problem, vehicle: Vehicle) -> Iterator[Order]:
    """Its head, what that owes set down, and an unload or none."""
    head = tuple(_place(problem, key) for key in vehicle.head)
    owed = tuple(problem.stop_by_key[one.bring_to] for one in head if isinstance(one, Stop) and one.bring_to is not None)
    begun = (*head, *(stop for stop in owed if stop not in head))
    yield begun
    yield from ((*begun, gate) for gate in problem.facilities)
