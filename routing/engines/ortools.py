"""OR-Tools' routing solver: expresses every rule of the model (`ortools_model.py`), and is the engine that always returns something.

References
----------
.. [1] Voudouris, Tsang (1999), Guided local search and its application to the traveling salesman problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from routing.clock import Order, least_orders
from routing.engines.ortools_model import Model
from routing.problem import Facility, Problem, Stop
from routing.stopping import StopCriterion

NAME = "ortools"
LOOKS_PER_ITERATION = 1_000
"""How often a search by iterations alone may ask whether it is enough."""
STUCK_S, STUCK_S_PER_ITERATION = 4.0, 0.1
"""Guided search goes round in circles without asking where no neighbour passes the filters; only the clock ends it there. So much time
is far more than a search takes that still finds something, which therefore ends alike on all machines."""


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
        `iterations` bounds the solutions visited (and the dead ends): with it alone, the same seed gives the same orders.
    seed
        0 keeps the caller's order of stops; others shuffle it, which is what makes runs differ.
    warm_start
        Orders to begin from; ignored where OR-Tools cannot complete them.
    """
    if not problem.stops or not problem.vehicles:
        return {}
    return _Search(problem, seed).solve(stop, on_improvement, warm_start)


class _Search(Model):
    """One model; built, searched once, thrown away."""

    def solve(
        self,
        stop: StopCriterion,
        on_improvement: Callable[[dict[str, Order]], None] | None,
        warm_start: Mapping[str, Order] | None,
    ) -> dict[str, Order] | None:
        parameters = _parameters(stop)
        if stop.iterations is not None and stop.seconds is None:
            self._end_by_itself(LOOKS_PER_ITERATION * stop.iterations)
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
        if found is None:
            # A truck that must unload what it has on board has no empty route, which insertion begins from: it is given one.
            found = self._from(least_orders(self.problem), parameters)
        return None if found is None else self._orders(lambda index: int(found.Value(self.routing.NextVar(index))))

    def _end_by_itself(self, most_looks: int) -> None:
        looks = count(1)
        self.routing.AddSearchMonitor(self.routing.solver().CustomLimit(lambda: next(looks) > most_looks))

    def _from(self, warm_start: Mapping[str, Order], parameters: object) -> pywrapcp.Assignment | None:
        initial = self.routing.ReadAssignmentFromRoutes(self._routes(warm_start), True)
        return None if initial is None else self.routing.SolveFromAssignmentWithParameters(initial, parameters)

    def _routes(self, orders: Mapping[str, Order]) -> list[list[int]]:
        """Indices along given orders; each unload takes the next free copy that takes the trip's class, and is left out if none is."""
        free = {i: self.nodes[i] for i in self.index}
        routes = []
        for vehicle in self.vehicles:
            route, on_board = [], self.class_on_board(vehicle) or 0
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
    seconds = stop.seconds
    if seconds is None and stop.iterations is not None:
        seconds = STUCK_S + STUCK_S_PER_ITERATION * stop.iterations
    if seconds is not None:
        parameters.time_limit.FromMilliseconds(max(1, int(1_000 * seconds)))
    return parameters
