"""OR-Tools' routing solver: expresses every rule of the model, and is the engine that always returns something.

How the waste round is put to it
--------------------------------
* A facility is visited through **copies**, each droppable at no cost; a copy takes the whole body off the load dimensions, and
  slack there lets the load end at zero.
* **One class a trip**: classes are numbered 1..C, and a dimension `class_up` carries the number along the trip (it may only rise),
  a second one, `class_down`, carries C + 1 − number. Both reset at facilities. A number that can neither rise nor fall stays, so a
  trip has one class; two one-sided dimensions are used because the local search filters see lower bounds only.
* **A facility accepts** a run of consecutive numbers, as bounds on both dimensions at its copies. Classes are numbered so that few
  runs are needed; a facility with several runs gets copies for each.
* **Breaks** with a window are intervals; those after so much work are left out of the model, and the round is shorter by them.
* **The truck ends empty**: `class_up` and the loads are 0 at the end.

References
----------
.. [1] Savelsbergh (1992), The vehicle routing problem with time windows: minimizing route duration.
.. [2] Voudouris, Tsang (1999), Guided local search and its application to the traveling salesman problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from routing.clock import Order
from routing.engines.nodes import Node, build_nodes, number_classes, setup_s, work_s
from routing.problem import BreakRule, Facility, Problem, Stop, Vehicle, Window
from routing.stopping import StopCriterion

NAME = "ortools"


def search(
    problem: Problem,
    *,
    stop: StopCriterion,
    seed: int = 0,
    on_improvement: Callable[[dict[str, Order]], None] | None = None,
    warm_start: Mapping[str, Order] | None = None,
) -> dict[str, Order] | None:
    """Orders of the used vehicles, or None where no first solution was found within the limits.

    Parameters
    ----------
    stop
        `iterations` bounds the solutions visited: with it alone, the same seed gives the same orders.
    seed
        0 keeps the caller's order of stops; others shuffle it, which is what makes runs differ.
    warm_start
        Orders to begin from; ignored where OR-Tools cannot complete them.
    """
    if not problem.stops or not problem.vehicles:
        return {}
    return _Model(problem, seed).solve(stop, on_improvement, warm_start)


class _Model:
    """One OR-Tools model; built, searched once, thrown away."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.vehicles = problem, problem.vehicles
        self.class_number = number_classes(problem)
        self.horizon_s = max(vehicle.shift.close_s for vehicle in problem.vehicles)
        self.nodes = build_nodes(problem, self.class_number, seed)
        depot = {node.location: i for i, node in enumerate(self.nodes) if node.place is None}
        ends = [depot[v.start_location] for v in self.vehicles], [depot[v.end_location] for v in self.vehicles]
        self.manager = pywrapcp.RoutingIndexManager(len(self.nodes), len(self.vehicles), *ends)
        self.routing = pywrapcp.RoutingModel(self.manager)
        self.routing.solver().ReSeed(seed)
        self.index = {i: self.manager.NodeToIndex(i) for i, node in enumerate(self.nodes) if node.place is not None}
        self._add_costs_and_time()
        self._add_loads()
        self._add_classes()
        self._add_trip_limit()
        self._add_choices()

    # -- time and money ----------------------------------------------------------------------------------------------------

    def _add_costs_and_time(self) -> None:
        profiles = sorted({vehicle.travel_profile for vehicle in self.vehicles})
        seconds = {profile: self._seconds(profile) for profile in profiles}
        callback = {profile: self.routing.RegisterTransitMatrix(matrix.tolist()) for profile, matrix in seconds.items()}
        evaluators = [callback[vehicle.travel_profile] for vehicle in self.vehicles]
        self.routing.AddDimensionWithVehicleTransits(evaluators, self.horizon_s, self.horizon_s, False, "time")
        self.time = self.routing.GetDimensionOrDie("time")
        priced: dict[tuple[int, int, int, int], int] = {}
        for number, vehicle in enumerate(self.vehicles):
            rates = (vehicle.travel_profile, vehicle.cost_per_s, vehicle.cost_per_m, vehicle.cost_per_lift)
            if rates not in priced:
                priced[rates] = self.routing.RegisterTransitMatrix(self._money(vehicle, seconds[vehicle.travel_profile]).tolist())
            self.routing.SetArcCostEvaluatorOfVehicle(priced[rates], number)
            self.routing.SetFixedCostOfVehicle(vehicle.fixed_cost, number)
            self._add_shift(number, vehicle)
        for i, index in self.index.items():
            place = self.nodes[i].place
            assert place is not None
            _restrict(self.time.CumulVar(index), place.windows, self.horizon_s)

    def _seconds(self, profile: int) -> NDArray[np.int64]:
        """From the start of work at one node to the start of work at the next; one second beyond the horizon where there is no way."""
        where = np.array([node.location for node in self.nodes])
        travel = self.problem.travel[profile]
        drive = travel.drive_s.astype(np.int64)[np.ix_(where, where)]
        no_way = (drive < 0) | (travel.distance_m[np.ix_(where, where)] < 0)
        work = np.array([work_s(node.place) for node in self.nodes], dtype=np.int64)
        setup = np.array([setup_s(node.place) for node in self.nodes], dtype=np.int64)
        seconds: NDArray[np.int64] = drive + work[:, None] + np.where(where[:, None] != where[None, :], setup[None, :], 0)
        seconds[no_way] = self.horizon_s + 1
        return seconds

    def _money(self, vehicle: Vehicle, seconds: NDArray[np.int64]) -> NDArray[np.int64]:
        # Paid time is put on the arcs (waiting on the slack) instead of on the span: insertion and guided search then see it.
        where = np.array([node.location for node in self.nodes])
        distance = np.maximum(self.problem.travel_of(vehicle).distance_m.astype(np.int64)[np.ix_(where, where)], 0)
        at_stop = [self._cost_at(vehicle, node.place) for node in self.nodes]
        money: NDArray[np.int64] = vehicle.cost_per_m * distance + vehicle.cost_per_s * seconds + np.array(at_stop, dtype=np.int64)[:, None]
        return money

    def _cost_at(self, vehicle: Vehicle, place: Stop | Facility | None) -> int:
        if not isinstance(place, Stop):
            return 0
        return vehicle.cost_per_lift * place.lifts + (0 if self._fees_differ else self._least_fee * self._kg(place))

    def _kg(self, stop: Stop) -> int:
        return stop.load[self.problem.dimensions.index("kg")] if "kg" in self.problem.dimensions else 0

    @property
    def _fees_differ(self) -> bool:
        return len({facility.fee_per_kg for facility in self.problem.facilities}) > 1

    @property
    def _least_fee(self) -> int:
        return min((facility.fee_per_kg for facility in self.problem.facilities), default=0)

    def _add_shift(self, number: int, vehicle: Vehicle) -> None:
        start, end = self.time.CumulVar(self.routing.Start(number)), self.time.CumulVar(self.routing.End(number))
        for variable in (start, end):
            variable.SetRange(vehicle.shift.open_s, vehicle.shift.close_s)
        self.time.SetSpanUpperBoundForVehicle(_longest_without_rest_s(vehicle), number)
        self.time.SetSlackCostCoefficientForVehicle(vehicle.cost_per_s, number)
        self.routing.AddVariableMinimizedByFinalizer(end)
        self.routing.AddVariableMaximizedByFinalizer(start)
        meals = [(rule, rule.window) for rule in vehicle.breaks if rule.window is not None]
        if meals:
            self._add_meals(number, vehicle, meals)

    def _add_meals(self, number: int, vehicle: Vehicle, meals: Sequence[tuple[BreakRule, Window]]) -> None:
        solver = self.routing.solver()
        intervals = [
            solver.FixedDurationIntervalVar(window.open_s, window.close_s, rule.duration_s, False, f"{vehicle.key}/{rule.key}")
            for rule, window in meals
        ]
        # Only work is uninterruptible here: where the solver stops on a leg, the clock moves the break to one of its ends.
        visits = [work_s(self.nodes[self.manager.IndexToNode(index)].place) for index in range(self.routing.Size())]
        self.time.SetBreakIntervalsOfVehicle(intervals, number, visits)

    # -- what is on board --------------------------------------------------------------------------------------------------

    def _add_loads(self) -> None:
        for entry, name in enumerate(self.problem.dimensions):
            capacities = [vehicle.capacity[entry] for vehicle in self.vehicles]
            most = max(capacities)
            evaluators = self._per_vehicle(partial(self._taken, entry=entry, most=most))
            self.routing.AddDimensionWithVehicleTransitAndCapacity(evaluators, most, capacities, True, name)
            self._close_load(name)

    def _per_vehicle(self, taken: Callable[[Vehicle, Stop | Facility | None], int]) -> list[int]:
        """One evaluator a vehicle of what is added at a node, shared where vehicles agree.

        Registered as matrices of equal columns: where vehicles differ, 9.15 calls a model of droppable nodes infeasible, even
        with all of them dropped, if the evaluators are unary.
        """
        registered: dict[tuple[int, ...], int] = {}
        evaluators = []
        for vehicle in self.vehicles:
            added = tuple(taken(vehicle, node.place) for node in self.nodes)
            if added not in registered:
                registered[added] = self.routing.RegisterTransitMatrix([[amount] * len(added) for amount in added])
            evaluators.append(registered[added])
        return evaluators

    def _taken(self, vehicle: Vehicle, place: Stop | Facility | None, *, entry: int, most: int) -> int:
        if isinstance(place, Stop):
            return vehicle.load_of(place, self.problem.dimensions)[entry]
        return 0 if place is None else -most

    def _close_load(self, name: str) -> None:
        load = self.routing.GetDimensionOrDie(name)
        for i, index in self.index.items():
            place = self.nodes[i].place
            if isinstance(place, Stop):
                load.SlackVar(index).SetValue(0)
            elif isinstance(place, Facility) and name == "kg" and self._fees_differ:
                load.SetCumulVarSoftUpperBound(index, 0, place.fee_per_kg)
        for number, vehicle in enumerate(self.vehicles):
            load.SlackVar(self.routing.Start(number)).SetValue(0)
            if vehicle.ends_empty:
                load.CumulVar(self.routing.End(number)).SetValue(0)

    def _add_classes(self) -> None:
        top = max(self.class_number.values()) + 1
        if top == 2 and not any(vehicle.ends_empty for vehicle in self.vehicles):
            return
        for name, upwards in (("class_up", True), ("class_down", False)):
            # A vehicle that may mix forgets its class at each stop; facilities it may use accept all it may carry (`_allowed`).
            evaluators = self._per_vehicle(lambda vehicle, place: -top if _resets(vehicle, place) else 0)
            self.routing.AddDimensionWithVehicleTransits(evaluators, 2 * top, top, True, name)
            number_on_board = self.routing.GetDimensionOrDie(name)
            for i, index in self.index.items():
                node = self.nodes[i]
                bounds = (node.lowest, node.highest) if upwards else (top - node.highest, top - node.lowest)
                number_on_board.CumulVar(index).SetRange(*bounds)
            for number, vehicle in enumerate(self.vehicles):
                if upwards and vehicle.ends_empty:
                    number_on_board.CumulVar(self.routing.End(number)).SetValue(0)

    def _add_trip_limit(self) -> None:
        if all(vehicle.max_trips is None for vehicle in self.vehicles):
            return
        unloads = self.routing.RegisterUnaryTransitVector([int(isinstance(node.place, Facility)) for node in self.nodes])
        most = [vehicle.max_trips or len(self.nodes) for vehicle in self.vehicles]
        self.routing.AddDimensionWithVehicleCapacity(unloads, 0, most, True, "unloads")

    # -- who may, and what may stay out ------------------------------------------------------------------------------------

    def _add_choices(self) -> None:
        for i, index in self.index.items():
            node = self.nodes[i]
            allowed = [number for number, vehicle in enumerate(self.vehicles) if self._allowed(vehicle, node)]
            if len(allowed) < len(self.vehicles):
                # SetAllowedVehiclesForIndex takes no Python list in 9.15; −1 is a dropped node's vehicle.
                self.routing.VehicleVar(index).SetValues([-1, *allowed])
            if isinstance(node.place, Facility):
                self.routing.AddDisjunction([index], 0)
            elif isinstance(node.place, Stop) and node.place.group is None:
                self.routing.AddDisjunction([index], self._penalty([node.place]))
        for group, members in self.problem.groups.items():
            indices = [self.index[i] for i in self.index if getattr(self.nodes[i].place, "group", None) == group]
            self.routing.AddDisjunction(indices, self._penalty(members), 1)

    def _penalty(self, stops: Sequence[Stop]) -> int:
        return max(stop.prize if stop.prize is not None else self._dearest for stop in stops)

    @property
    def _dearest(self) -> int:
        """More than any plan costs, so that a mandatory stop is given up only where rules force it."""
        shifts = sum(vehicle.fixed_cost + vehicle.cost_per_s * vehicle.longest_s for vehicle in self.vehicles)
        farthest_m = max(int(travel.distance_m.max(initial=0)) for travel in self.problem.travel)
        rates = max(v.cost_per_m for v in self.vehicles) * farthest_m + max(v.cost_per_lift for v in self.vehicles)
        prizes = sum(stop.prize or 0 for stop in self.problem.stops)
        return 1 + min(shifts + rates * 2 * len(self.problem.stops) + prizes, 2**40)

    def _allowed(self, vehicle: Vehicle, node: Node) -> bool:
        if isinstance(node.place, Stop):
            load = vehicle.load_of(node.place, self.problem.dimensions)
            return vehicle.may_serve(node.place) and all(a <= most for a, most in zip(load, vehicle.capacity, strict=True))
        assert isinstance(node.place, Facility)
        if vehicle.one_class_per_trip:
            return bool(vehicle.classes & node.place.accepts)
        return {name for name in self.class_number if name in vehicle.classes} <= node.place.accepts

    # -- the search --------------------------------------------------------------------------------------------------------

    def solve(
        self,
        stop: StopCriterion,
        on_improvement: Callable[[dict[str, Order]], None] | None,
        warm_start: Mapping[str, Order] | None,
    ) -> dict[str, Order] | None:
        parameters = _parameters(stop)
        self.routing.CloseModelWithParameters(parameters)
        best = [2**62]

        def watch() -> None:
            cost = self.routing.CostVar().Min()
            if cost < best[0]:
                best[0] = cost
                if on_improvement is not None:
                    on_improvement(self._orders(lambda index: int(self.routing.NextVar(index).Value())))
            if stop(best[0]):
                self.routing.solver().FinishCurrentSearch()

        stop(best[0])
        self.routing.AddAtSolutionCallback(watch)
        found = self._from(warm_start, parameters) if warm_start else None
        found = found or self.routing.SolveWithParameters(parameters)
        return None if found is None else self._orders(lambda index: int(found.Value(self.routing.NextVar(index))))

    def _from(self, warm_start: Mapping[str, Order], parameters: object) -> pywrapcp.Assignment | None:
        initial = self.routing.ReadAssignmentFromRoutes(self._routes(warm_start), True)
        return None if initial is None else self.routing.SolveFromAssignmentWithParameters(initial, parameters)

    def _routes(self, orders: Mapping[str, Order]) -> list[list[int]]:
        """Indices along given orders; each unload takes the next free copy that takes the trip's class, and is left out if none is."""
        free = {i: self.nodes[i] for i in self.index}
        routes = []
        for vehicle in self.vehicles:
            route, on_board = [], 0
            for place in orders.get(vehicle.key, ()):
                on_board = self.class_number.get(place.waste_class, 0) if isinstance(place, Stop) else on_board
                fitting = (i for i, node in free.items() if node.place == place and node.lowest <= on_board <= node.highest)
                node = next(fitting, None)
                if node is not None:
                    route.append(self.index[node])
                    del free[node]
            routes.append(route)
        return routes

    def _orders(self, follow: Callable[[int], int]) -> dict[str, Order]:
        orders: dict[str, Order] = {}
        for number, vehicle in enumerate(self.vehicles):
            order: list[Stop | Facility] = []
            index = follow(self.routing.Start(number))
            while not self.routing.IsEnd(index):
                place = self.nodes[self.manager.IndexToNode(index)].place
                assert place is not None
                order.append(place)
                index = follow(index)
            if any(isinstance(place, Stop) for place in order):
                orders[vehicle.key] = _without_idle_unloads(order)
        return orders


def _longest_without_rest_s(vehicle: Vehicle) -> int:
    """What a round may last before its breaks after work are put in, which is the clock's affair.

    As intervals they cost the search most of its time (figures: docs/decisions/0006).
    """
    rests = [(rule.after_work_s, rule.duration_s) for rule in vehicle.breaks if rule.after_work_s is not None]
    no_rest_due_s = min((after_work_s for after_work_s, _ in rests), default=vehicle.longest_s)
    return min(vehicle.longest_s, max(no_rest_due_s, vehicle.longest_s - sum(duration_s for _, duration_s in rests)))


def _resets(vehicle: Vehicle, place: Stop | Facility | None) -> bool:
    return isinstance(place, Facility) or (isinstance(place, Stop) and not vehicle.one_class_per_trip)


def _restrict(variable: pywrapcp.IntVar, windows: Sequence[Window], horizon_s: int) -> None:
    if not windows:
        return
    ordered = sorted(windows, key=lambda window: window.open_s)
    variable.SetRange(ordered[0].open_s, min(horizon_s, max(window.close_s for window in ordered)))
    shut_from = ordered[0].close_s + 1
    for window in ordered[1:]:
        if shut_from < window.open_s:
            variable.RemoveInterval(shut_from, window.open_s - 1)
        shut_from = max(shut_from, window.close_s + 1)


def _without_idle_unloads(order: Sequence[Stop | Facility]) -> Order:
    """Unloads of nothing (a copy costs nothing where the truck passes anyway) are not visits."""
    kept: list[Stop | Facility] = []
    for place in order:
        if isinstance(place, Stop) or (kept and isinstance(kept[-1], Stop)):
            kept.append(place)
    return tuple(kept)


def _parameters(stop: StopCriterion) -> object:
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    if stop.iterations is not None:
        parameters.solution_limit = stop.iterations
    if stop.seconds is not None:
        parameters.time_limit.FromMilliseconds(max(1, int(1_000 * stop.seconds)))
    return parameters
