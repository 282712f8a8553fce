"""A waste round as PyVRP sees it, and back.

PyVRP searches much faster than OR-Tools, for it knows fewer rules. What it does not know is put to it in other words, or left to the
clock, which judges each plan that it finds:

* **The truck ends empty**: where a facility's hours bind nobody who unloads there last, the cheapest of them lies on the way home from
  each stop. For each of the others there is a vehicle type that ends there; the way home is in its fixed cost and its hours, and how many
  of a kind may end where is drawn anew for each search, so that the fleet is never exceeded.
* **Unloading** is a reload: collected waste that leaves the truck weighs what goods would that come onto it.
* **Several windows** make a stop several alternatives, and a facility several depots.
* **Who may not serve a stop** drives by a matrix in which the ways there and on from there are very long.
* **A break in a window that all share** takes the window's time out of every clock; other rests shorten the round.
* **Compacted litres** are a dimension for each kind of press.
* Classes, compartments, orders that are locked: `parts` hands PyVRP vehicles and stops among which none of these matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pyvrp

from routing.clock import Order
from routing.engines.pyvrp_kinds import Kind, Nearest, Unload, draw_kinds, may_end_at
from routing.engines.pyvrp_ways import WayHome, Ways
from routing.problem import BreakRule, Facility, Problem, Stop, Vehicle, Window

LEAST_PENALTY_RANGE = 100_000.0
DEAR = 50
"""Penalties reach from next to nothing to so many times what a load, second or metre too many can save at most, or to PyVRP's own range."""
NOT_SERVED = 20
"""Leaving out a stop that is owed costs as much as so many rounds of the longest leg there and back."""
DAY_S = 24 * 3_600


class Model:
    """One of PyVRP's problems, with the way there and back.

    Parameters
    ----------
    vehicles, stops
        Those of the problem that take part; of one class, or of classes that may be mixed.
    given
        Orders of these vehicles to begin from: all stops that they serve must be among `stops`.
    seed
        Draws where the vehicles unload last that are not in use.
    leaves_owed
        May stops that are owed stay out, at a high price?
    """

    def __init__(
        self,
        problem: Problem,
        vehicles: Sequence[Vehicle],
        stops: Sequence[Stop],
        given: Mapping[str, Order],
        *,
        seed: int,
        leaves_owed: bool = False,
    ) -> None:
        self.problem, self.vehicles, self.stops, self.given = problem, tuple(vehicles), tuple(stops), given
        self.unloads = [Unload(one, window) for one in self._facilities() for window in one.windows or (None,)]
        self.clients = [(stop, window) for stop in self.stops for window in stop.windows or (None,)]
        self._leaves_owed = leaves_owed
        self.lunch = _shared_break(self.vehicles)
        self.kinds = draw_kinds(problem, self.vehicles, self.stops, self.unloads, given, seed)
        self._ways_home = list(dict.fromkeys(WayHome.of(kind.vehicle, kind.last) for kind in self.kinds if isinstance(kind.last, Nearest)))
        self.data = self._data()

    @property
    def splits_stops(self) -> bool:
        """Is there a stop that not every vehicle may serve?"""
        return any(not kind.vehicle.may_serve(stop) for kind in self.kinds for stop in self.stops)

    # -- there -------------------------------------------------------------------------------------------------------------

    def _data(self) -> pyvrp.ProblemData:
        depots = sorted({place for one in self.vehicles for place in (one.begins_at, one.end_location)})
        self._depot_of = {location: i for i, location in enumerate(depots)}
        self._ways = Ways(self.problem, self.vehicles, depots=depots, unloads=self.unloads, home=self._ways_home, clients=self.clients)
        profiles: dict[tuple[object, ...], int] = {}
        matrices: list[tuple[Any, Any]] = []  # PyVRP's own annotation of matrices fits no array
        types = []
        for kind in self.kinds:
            key = self._ways.profile_of(kind.vehicle)
            if key not in profiles:
                profiles[key] = len(matrices)
                matrices.append(self._ways.matrices(kind.vehicle))
            types.append(self._vehicle_type(kind, profiles[key]))
        return pyvrp.ProblemData(
            locations=[pyvrp.Location(0, 0)] * len(self._ways.where),
            clients=[self._client(self._ways.first_client + i, *one) for i, one in enumerate(self.clients)],
            depots=[
                *(pyvrp.Depot(i) for i in range(len(depots))),
                *(self._depot(self._ways.first_unload + i, one) for i, one in enumerate(self.unloads)),
                *(pyvrp.Depot(self._ways.first_home + i) for i in range(len(self._ways_home))),
            ],
            vehicle_types=types,
            distance_matrices=[distance for distance, _ in matrices],
            duration_matrices=[seconds for _, seconds in matrices],
            groups=self._groups(),
        )

    def _facilities(self) -> list[Facility]:
        classes = {stop.waste_class for stop in self.stops}
        return [one for one in self.problem.facilities if classes <= one.accepts]

    def _client(self, location: int, stop: Stop, window: Window | None) -> pyvrp.Client:
        several = len(stop.windows) > 1 or stop.group is not None
        lifts = self.vehicles[0].cost_per_lift * stop.lifts if self._ways.lifts_cost_all_the_same else 0
        opens, closes = self._hours(window)
        return pyvrp.Client(
            location,
            pickup=self._load(stop),
            service_duration=stop.service_s,
            tw_early=opens,
            tw_late=closes,
            release_time=min(self._clock(stop.release_s), closes),
            prize=self._owed if stop.mandatory and self._leaves_owed else max(0, (stop.prize or 0) - lifts),
            required=stop.mandatory and not several and not self._leaves_owed,
            group=self._group_of.get(stop.group or stop.key) if several else None,
            name=stop.key,
        )

    @cached_property
    def _group_of(self) -> dict[str, int]:
        names = dict.fromkeys(stop.group or stop.key for stop, _ in self.clients if stop.group is not None or len(stop.windows) > 1)
        return {name: i for i, name in enumerate(names)}

    def _groups(self) -> list[pyvrp.ClientGroup]:
        members: dict[str, list[int]] = {name: [] for name in self._group_of}
        owed: dict[str, bool] = {}
        for i, (stop, _) in enumerate(self.clients):
            name = stop.group or stop.key
            if name in members:
                members[name].append(i)
                owed[name] = stop.mandatory
        return [pyvrp.ClientGroup(ids, required=owed[name] and not self._leaves_owed, name=name) for name, ids in members.items()]

    @cached_property
    def _owed(self) -> int:
        return NOT_SERVED * self._dearest_round

    @cached_property
    def _dearest_round(self) -> int:
        """What the longest leg there and back costs with the dearest vehicle."""
        rounds = []
        for vehicle in self.vehicles:
            travel = self.problem.travel_of(vehicle)
            way = vehicle.cost_per_m * int(travel.distance_m.max()) + vehicle.cost_per_s * int(travel.drive_s.max())
            rounds.append(vehicle.fixed_cost + 2 * way)
        return max(1, *rounds)

    @cached_property
    def most_penalty(self) -> float:
        """Upper end of the penalties for a unit of load, a second and a metre too many."""
        loads = [sorted(amount for amount in column if amount > 0) for column in zip(*(stop.load for stop in self.stops), strict=True)]
        typical = min((column[len(column) // 2] for column in loads if column), default=1)
        return max(LEAST_PENALTY_RANGE, DEAR * self._dearest_round / typical)

    def _depot(self, location: int, unload: Unload) -> pyvrp.Depot:
        opens, closes = self._hours(unload.window)
        return pyvrp.Depot(location, opens, closes, unload.facility.turnaround_s, name=unload.facility.key)

    def _vehicle_type(self, kind: Kind, profile: int) -> pyvrp.VehicleType:
        vehicle, gone = kind.vehicle, kind.vehicle.under_way
        home_s, home_m = self._way_home(kind)
        gone_s = 0 if gone is None else gone.ready_s - gone.started_s
        longest_s = max(0, vehicle.longest_s - _rests_s(vehicle) - (0 if self.lunch is None else self.lunch.duration_s) - home_s - gone_s)
        paid_s, overtime_s, overtime_cost = self._overtime(vehicle, home_s + gone_s, longest_s)
        opens_s = self._clock(vehicle.shift.open_s if gone is None else gone.ready_s)
        # A truck that is late for the unload where its type ends stays in the model: the clock will judge it.
        end_opens_s, end_closes_s = self._hours(kind.last.window if isinstance(kind.last, Unload) else None)
        latest_s = None if vehicle.latest_start_s is None else max(opens_s, self._clock(vehicle.latest_start_s))
        made = pyvrp.VehicleType(
            num_available=kind.count,
            capacity=self._capacity(kind),
            start_depot=self._depot_of[vehicle.begins_at],
            end_depot=self._end_of(kind),
            fixed_cost=(0 if gone else vehicle.fixed_cost) + vehicle.cost_per_m * home_m + vehicle.cost_per_s * home_s,
            tw_early=min(opens_s, end_closes_s),
            tw_late=max(opens_s, end_opens_s, self._clock(vehicle.shift.close_s) - home_s),
            shift_duration=paid_s,
            unit_distance_cost=vehicle.cost_per_m,
            unit_duration_cost=vehicle.cost_per_s,
            profile=profile,
            start_late=latest_s,
            initial_load=[] if gone is None else self._dimensions(gone.load, gone.load, _press(vehicle)),
            reload_depots=[len(self._depot_of) + i for i in range(len(self.unloads))],
            max_overtime=overtime_s,
            unit_overtime_cost=overtime_cost,
        )
        trips = kind.most_trips
        if trips is not None:
            # the last unload is where the type ends, all others are reloads
            made = made.replace(max_reloads=max(0, trips - (0 if gone is None else gone.unloads) - (1 if vehicle.ends_empty else 0)))
        if vehicle.max_distance_m is not None:
            made = made.replace(max_distance=max(0, vehicle.max_distance_m - home_m - (0 if gone is None else gone.driven_m)))
        return made

    def _end_of(self, kind: Kind) -> int:
        """PyVRP's depot at which the type ends."""
        if kind.last is None:
            return self._depot_of[kind.vehicle.end_location]
        if isinstance(kind.last, Unload):
            return self._ways.first_unload + self.unloads.index(kind.last)
        return self._ways.first_home + self._ways_home.index(WayHome.of(kind.vehicle, kind.last))

    def _way_home(self, kind: Kind) -> tuple[int, int]:
        """Seconds and metres that no edge of the type tells."""
        if not isinstance(kind.last, Unload):
            return 0, 0
        return self._ways.leg_home(kind.vehicle, kind.last.facility, kind.vehicle.end_location)

    @staticmethod
    def _overtime(vehicle: Vehicle, known_s: int, longest_s: int) -> tuple[int, int, int]:
        """Seconds until overtime, seconds of overtime at most, and its price: of overtime and fair share the one that begins first."""
        limits = []
        if vehicle.overtime_after_s is not None and vehicle.overtime_cost_per_s:
            limits.append((vehicle.overtime_after_s, vehicle.overtime_cost_per_s))
        if vehicle.fair_share is not None and vehicle.fair_share.cost_per_s:
            limits.append((vehicle.fair_share.duration_s, vehicle.fair_share.cost_per_s))
        if not limits:
            return longest_s, 0, 0
        begins_s, price = min(limits)
        paid_s = min(longest_s, max(0, begins_s - known_s))
        return paid_s, longest_s - paid_s, price

    # -- loads -------------------------------------------------------------------------------------------------------------

    @cached_property
    def _presses(self) -> list[tuple[tuple[str, int], ...]]:
        return list(dict.fromkeys(_press(vehicle) for vehicle in self.vehicles))

    def _load(self, stop: Stop) -> list[int]:
        litres = {_press(vehicle): vehicle.load_of(stop, self.problem.dimensions) for vehicle in self.vehicles}
        return [amount for press in self._presses for amount in self._of_press(litres[press], first=press == self._presses[0])]

    def _of_press(self, load: tuple[int, ...], *, first: bool) -> list[int]:
        """All dimensions for the first press, litres alone for the others."""
        return [amount for name, amount in zip(self.problem.dimensions, load, strict=True) if first or name == "l"]

    def _capacity(self, kind: Kind) -> list[int]:
        vehicle, most = kind.vehicle, list(kind.capacity)
        for compartment in (vehicle.compartment_of(stop.waste_class) for stop in self.stops[:1]):
            most = most if compartment is None else [min(pair) for pair in zip(most, compartment.capacity, strict=True)]
        if vehicle.max_lifted is not None and (kind.most_trips == 1 or not self.unloads):
            most = [min(pair) for pair in zip(most, vehicle.max_lifted, strict=True)]
        whole = [sum(max(0, amount) for amount in column) for column in zip(*(stop.load for stop in self.stops), strict=True)]
        return self._dimensions(tuple(most), tuple(whole), _press(vehicle))

    def _dimensions(self, own: Sequence[int], others: Sequence[int], press: tuple[tuple[str, int], ...]) -> list[int]:
        """A vector as PyVRP has it: litres as this vehicle's press makes them, and something else for the litres of other presses."""
        values = []
        for one in self._presses:
            for name, mine, other in zip(self.problem.dimensions, own, others, strict=True):
                if one == self._presses[0] or name == "l":
                    values.append(mine if name != "l" or one == press else max(mine, other))
        return values

    # -- time --------------------------------------------------------------------------------------------------------------

    def _clock(self, moment_s: int) -> int:
        """The moment on a clock that stands still while everyone rests."""
        if self.lunch is None or self.lunch.window is None or moment_s <= self.lunch.window.open_s:
            return moment_s
        return max(self.lunch.window.open_s, moment_s - self.lunch.duration_s)

    def _hours(self, window: Window | None) -> tuple[int, int]:
        closes = window.close_s if window is not None else max(vehicle.shift.close_s for vehicle in self.vehicles) + DAY_S
        return (0 if window is None else self._clock(window.open_s)), self._clock(closes)

    # -- back and forth ------------------------------------------------------------------------------------------------------

    def orders(self, solution: pyvrp.Solution) -> dict[str, Order]:
        """The solution's routes, each given to a vehicle of its kind; to the one that drives it already, where there is one."""
        found: dict[str, Order] = {}
        new: list[tuple[Kind, Order]] = []
        driven = {order: key for key, order in self.given.items()}
        free = [vehicle.key for vehicle in self.vehicles]
        for route in solution.routes():
            kind = self.kinds[route.vehicle_type()]
            order = self._order(route, kind)
            key = driven.get(order)
            if key in kind.keys and key not in found:
                found[key] = order
                free.remove(key)
            elif any(isinstance(place, Stop) for place in order):
                new.append((kind, order))
        for kind, order in new:
            key = next(key for key in free if key in kind.keys)
            free.remove(key)
            found[key] = order
        return found

    def _order(self, route: pyvrp.Route, kind: Kind) -> Order:
        places: list[Stop | Facility] = []
        for activity in list(route)[1:-1]:
            place = self.clients[activity.idx][0] if activity.is_client() else self.unloads[activity.idx - len(self._depot_of)].facility
            if isinstance(place, Stop) or (places and isinstance(places[-1], Stop)) or (not places and kind.vehicle.under_way):
                places.append(place)
        if kind.last is not None and (not places or isinstance(places[-1], Stop)):
            places.append(kind.last.facility if isinstance(kind.last, Unload) else self._ways.cheapest(kind.vehicle, kind.last, places))
        return tuple(places)

    def solution(self) -> pyvrp.Solution | None:
        """The given orders as PyVRP's, or None where a rule of this model forbids them."""
        client_of: dict[str, int] = {}
        for i, (stop, _) in enumerate(self.clients):
            client_of.setdefault(stop.key, i)
        left = [kind.count for kind in self.kinds]
        routes = []
        for vehicle in self.vehicles:
            order = self.given.get(vehicle.key, ())
            if not any(isinstance(place, Stop) for place in order):
                continue
            kind = self._kind_for(vehicle, order, left)
            if kind is None or not all(isinstance(place, Stop) or self._knows(place) for place in order):
                return None
            left[kind] -= 1
            inner = order[:-1] if self.kinds[kind].last is not None else order
            routes.append(pyvrp.Route(self.data, [self._activity(place, client_of) for place in inner], kind))
        return pyvrp.Solution(self.data, routes)

    def _knows(self, facility: Facility) -> bool:
        """Does it take every class of this model?"""
        return any(one.facility == facility for one in self.unloads)

    def _kind_for(self, vehicle: Vehicle, order: Order, left: Sequence[int]) -> int | None:
        unloads = sum(isinstance(place, Facility) for place in order)
        for i, kind in enumerate(self.kinds):
            if kind.trips is not None and unloads > kind.trips:
                continue
            ends_there = kind.last is None or may_end_at(kind.last, order[-1])
            if vehicle.key in kind.keys and left[i] > 0 and ends_there:
                return i
        return None

    def _activity(self, place: Stop | Facility, client_of: Mapping[str, int]) -> pyvrp.Activity:
        if isinstance(place, Stop):
            return pyvrp.Activity(f"C{client_of[place.key]}")
        unload = next(i for i, one in enumerate(self.unloads) if one.facility == place)
        return pyvrp.Activity(f"D{len(self._depot_of) + unload}")


def _press(vehicle: Vehicle) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(vehicle.compacted_density_kg_m3.items()))


def _shared_break(vehicles: Sequence[Vehicle]) -> BreakRule | None:
    """The one break in a window that every vehicle must take, if there is one."""
    rules = {tuple(rule for rule in vehicle.breaks if rule.window is not None) for vehicle in vehicles}
    only = next(iter(rules)) if len(rules) == 1 else ()
    return only[0] if len(only) == 1 else None


def _rests_s(vehicle: Vehicle) -> int:
    """Seconds of rest in a whole shift, but for the shared break: a round that fills the shift takes them all."""
    rests_s = 0
    for rule in vehicle.breaks:
        after_s = rule.after_work_s or rule.after_drive_s
        if after_s and vehicle.longest_s > after_s:
            rests_s += rule.duration_s * (-(-vehicle.longest_s // (after_s + rule.duration_s)) - 1 if rule.repeats else 1)
    return rests_s
