"""The waste round as a model of OR-Tools' routing solver; `ortools.py` searches it.

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
* **A truck under way** is used whatever it visits, starts where and when it is free, and with what it has on board.
* **Approximated**, and mended by the clock: paces, releases (as windows), overtime beside a fair share of time (the dearer counts).
  A body with parts, like one that may mix, unloads only where all that it may carry is accepted.

References
----------
.. [1] Savelsbergh (1992), The vehicle routing problem with time windows: minimizing route duration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from ortools.constraint_solver import pywrapcp

from routing.engines.nodes import Node, build_nodes, number_classes, setup_s, work_s
from routing.engines.ortools_limits import add_limits, add_ties
from routing.problem import BreakRule, Facility, Problem, Stop, Vehicle, Window


class Model:
    """One OR-Tools model; built, searched once, thrown away."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.vehicles = problem, problem.vehicles
        self.class_number = number_classes(problem)
        self.horizon_s = max(max(vehicle.shift.close_s, _free_s(vehicle)) for vehicle in problem.vehicles)
        self.nodes = build_nodes(problem, self.class_number, seed)
        depot = {node.location: i for i, node in enumerate(self.nodes) if node.place is None}
        ends = [depot[v.begins_at] for v in self.vehicles], [depot[v.end_location] for v in self.vehicles]
        self.manager = pywrapcp.RoutingIndexManager(len(self.nodes), len(self.vehicles), *ends)
        self.routing = pywrapcp.RoutingModel(self.manager)
        self.routing.solver().ReSeed(seed)
        self.index = {i: self.manager.NodeToIndex(i) for i, node in enumerate(self.nodes) if node.place is not None}
        self._add_costs_and_time()
        self._add_loads()
        self._add_classes()
        self._add_choices()
        add_limits(self)
        add_ties(self)

    # -- time and money ----------------------------------------------------------------------------------------------------

    def _add_costs_and_time(self) -> None:
        seconds = {_tempo(vehicle): self._seconds(vehicle) for vehicle in self.vehicles}
        callback = {tempo: self.routing.RegisterTransitMatrix(matrix.tolist()) for tempo, matrix in seconds.items()}
        evaluators = [callback[_tempo(vehicle)] for vehicle in self.vehicles]
        self.routing.AddDimensionWithVehicleTransits(evaluators, self.horizon_s, self.horizon_s, False, "time")
        self.time = self.routing.GetDimensionOrDie("time")
        usual = {stop.usual_vehicle for stop in self.problem.stops if stop.change_cost}
        priced: dict[object, int] = {}
        for number, vehicle in enumerate(self.vehicles):
            rates = (_tempo(vehicle), vehicle.cost_per_s, vehicle.cost_per_m, vehicle.cost_per_lift, vehicle.key in usual and vehicle.key)
            if rates not in priced:
                priced[rates] = self.routing.RegisterTransitMatrix(self._money(vehicle, seconds[_tempo(vehicle)]).tolist())
            self.routing.SetArcCostEvaluatorOfVehicle(priced[rates], number)
            # Who drives anyway has paid for the day.
            self.routing.SetFixedCostOfVehicle(0 if vehicle.always_drives else vehicle.fixed_cost, number)
            self.routing.SetVehicleUsedWhenEmpty(vehicle.always_drives, number)
            self._add_shift(number, vehicle)
        for i, index in self.index.items():
            place = self.nodes[i].place
            assert place is not None
            _restrict(self.time.CumulVar(index), place.windows, self.horizon_s)
            if isinstance(place, Stop) and 0 < place.release_s <= self.time.CumulVar(index).Max():
                self.time.CumulVar(index).SetMin(place.release_s)

    def _seconds(self, vehicle: Vehicle) -> NDArray[np.int64]:
        """From the start of work at one node to the start of work at the next; one second beyond the horizon where there is no way."""
        where = np.array([node.location for node in self.nodes])
        travel = self.problem.travel_of(vehicle)
        drive = travel.drive_s.astype(np.int64)[np.ix_(where, where)]
        no_way = (drive < 0) | (travel.distance_m[np.ix_(where, where)] < 0)
        work = np.array([work_s(node.place, vehicle) for node in self.nodes], dtype=np.int64)
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
            return 0 if place is None else place.fee_per_visit
        change = place.change_cost if place.usual_vehicle not in (None, vehicle.key) else 0
        return vehicle.cost_per_lift * place.lifts + change + (0 if self._fees_differ else self._least_fee * self._kg(place))

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
        start.SetRange(*_starts_s(vehicle))
        end.SetRange(0, max(vehicle.shift.close_s, _free_s(vehicle)))
        self.time.SetSpanUpperBoundForVehicle(max(0, _longest_without_rest_s(vehicle) - _gone_s(vehicle)), number)
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
        visits = [work_s(self.nodes[self.manager.IndexToNode(index)].place, vehicle) for index in range(self.routing.Size())]
        self.time.SetBreakIntervalsOfVehicle(intervals, number, visits)

    # -- what is on board --------------------------------------------------------------------------------------------------

    def _add_loads(self) -> None:
        for entry, name in enumerate(self.problem.dimensions):
            capacities = [vehicle.capacity[entry] for vehicle in self.vehicles]
            most = max(capacities)
            evaluators = self.per_vehicle(partial(self._taken, entry=entry, most=most))
            self.routing.AddDimensionWithVehicleTransitAndCapacity(evaluators, most, capacities, False, name)
            self._close_load(name, entry)

    def per_vehicle(self, taken: Callable[[Vehicle, Stop | Facility | None], int]) -> list[int]:
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

    def _close_load(self, name: str, entry: int) -> None:
        load = self.routing.GetDimensionOrDie(name)
        for i, index in self.index.items():
            place = self.nodes[i].place
            if isinstance(place, Stop):
                load.SlackVar(index).SetValue(0)
            elif isinstance(place, Facility) and name == "kg" and self._fees_differ:
                load.SetCumulVarSoftUpperBound(index, 0, place.fee_per_kg)
        for number, vehicle in enumerate(self.vehicles):
            load.SlackVar(self.routing.Start(number)).SetValue(0)
            load.CumulVar(self.routing.Start(number)).SetValue(
                0 if vehicle.under_way is None else min(vehicle.capacity[entry], vehicle.under_way.load[entry])
            )
            if vehicle.ends_empty:
                load.CumulVar(self.routing.End(number)).SetValue(0)

    def _add_classes(self) -> None:
        top = max(self.class_number.values()) + 1
        if top == 2 and not any(vehicle.ends_empty for vehicle in self.vehicles):
            return
        for name, upwards in (("class_up", True), ("class_down", False)):
            # A vehicle that may mix forgets its class at each stop; facilities it may use accept all it may carry (`_allowed`).
            evaluators = self.per_vehicle(lambda vehicle, place: -top if _resets(vehicle, place) else 0)
            self.routing.AddDimensionWithVehicleTransits(evaluators, 2 * top, top, False, name)
            number_on_board = self.routing.GetDimensionOrDie(name)
            for i, index in self.index.items():
                node = self.nodes[i]
                bounds = (node.lowest, node.highest) if upwards else (top - node.highest, top - node.lowest)
                number_on_board.CumulVar(index).SetRange(*bounds)
            for number, vehicle in enumerate(self.vehicles):
                on_board = self.class_on_board(vehicle)
                if on_board is not None:
                    number_on_board.CumulVar(self.routing.Start(number)).SetValue(on_board if upwards else top - on_board)
                elif upwards:
                    number_on_board.CumulVar(self.routing.Start(number)).SetValue(0)
                if upwards and vehicle.ends_empty:
                    number_on_board.CumulVar(self.routing.End(number)).SetValue(0)

    def class_on_board(self, vehicle: Vehicle) -> int | None:
        numbers = () if vehicle.under_way is None else [self.class_number[name] for name in vehicle.under_way.classes]
        return min(numbers, default=None)

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
        if not mixes(vehicle):
            return bool(vehicle.classes & node.place.accepts)
        return {name for name in self.class_number if name in vehicle.classes} <= node.place.accepts


def _longest_without_rest_s(vehicle: Vehicle) -> int:
    """What a round may last before its breaks after work are put in, which is the clock's affair.

    As intervals they cost the search most of its time (figures: docs/decisions/0006).
    """
    rests = [(rule.after_work_s, rule.duration_s) for rule in vehicle.breaks if rule.after_work_s is not None]
    no_rest_due_s = min((after_work_s for after_work_s, _ in rests), default=vehicle.longest_s)
    return min(vehicle.longest_s, max(no_rest_due_s, vehicle.longest_s - sum(duration_s for _, duration_s in rests)))


def mixes(vehicle: Vehicle) -> bool:
    """May several classes be on board at a time?"""
    return bool(vehicle.compartments) or not vehicle.one_class_per_trip


def _tempo(vehicle: Vehicle) -> tuple[int, int, int]:
    return vehicle.travel_profile, vehicle.stop_s, vehicle.lift_s


def _free_s(vehicle: Vehicle) -> int:
    return 0 if vehicle.under_way is None else vehicle.under_way.ready_s


def _gone_s(vehicle: Vehicle) -> int:
    """How long it has been out already."""
    return 0 if vehicle.under_way is None else vehicle.under_way.ready_s - vehicle.under_way.started_s


def _starts_s(vehicle: Vehicle) -> tuple[int, int]:
    if vehicle.under_way is not None:
        return vehicle.under_way.ready_s, vehicle.under_way.ready_s
    latest_s = vehicle.shift.close_s if vehicle.latest_start_s is None else min(vehicle.latest_start_s, vehicle.shift.close_s)
    return vehicle.shift.open_s, max(latest_s, vehicle.shift.open_s)


def _resets(vehicle: Vehicle, place: Stop | Facility | None) -> bool:
    return isinstance(place, Facility) or (isinstance(place, Stop) and mixes(vehicle))


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
