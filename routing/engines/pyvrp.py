"""PyVRP: iterated local search in C++, the strongest engine here on everything but small rounds with many rules.

It improves what another engine or insertion has begun, or begins for itself. `pyvrp_model.py` says how the waste round is put to it;
a round of several classes is put to it class by class, on the vehicles that carry that class so far.

References
----------
.. [1] Wouda, Lan, Kool (2024). PyVRP: a high-performance VRP solver package. INFORMS Journal on Computing 36(4).
.. [2] Burke, Bykov (2017). The late acceptance hill-climbing heuristic. European Journal of Operational Research 258(1).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyvrp
import pyvrp.search
from pyvrp.exceptions import PenaltyBoundWarning

from routing.clock import Order
from routing.engines.pyvrp_model import Model, all_vehicles_mix
from routing.problem import Problem, Stop, Vehicle
from routing.stopping import MaxSeconds, StopCriterion

NAME = "pyvrp"

NEIGHBOURS = 25
LATE_BY = 100
"""Neighbours of a stop that moves are tried with, and solutions that late acceptance looks back: half and a third of PyVRP's own, for
our searches are short (figures: docs/decisions, "portfolio")."""
LOOKED_AT, SHARED = 100, 60
"""Where vehicles differ in whom they may serve: neighbours looked at, and those of them kept that share a vehicle."""
JUDGED_SHARE = 10
"""Of the time at most a tenth goes into handing on improvements."""

Listener = Callable[[dict[str, Order]], None]


def search(
    problem: Problem,
    *,
    stop: StopCriterion,
    seed: int = 0,
    on_improvement: Listener | None = None,
    warm_start: Mapping[str, Order] | None = None,
) -> dict[str, Order] | None:
    """Orders of the used vehicles, or None where no feasible ones were found and none were given.

    Parameters
    ----------
    stop
        `iterations` bounds the local searches: with it alone, the same seed gives the same orders.
    on_improvement
        Called with what PyVRP thinks better; the clock may think otherwise.
    warm_start
        Orders to begin from. Where classes may not be mixed they also say which vehicle carries which class: without them such a
        problem is not begun.
    """
    # Penalties at their upper end only mean that not everything can be served, which is a result here.
    warnings.filterwarnings("ignore", category=PenaltyBoundWarning)
    best = dict(warm_start or {})
    rest = sum(len(part.stops) for part in _parts(problem, best))
    for part in list(_parts(problem, best)):
        share = len(part.stops) / max(1, rest)
        rest -= len(part.stops)
        others = {key: order for key, order in best.items() if key not in part.keys}

        def hand_on(orders: dict[str, Order], others: Mapping[str, Order] = others) -> None:
            if on_improvement is not None:
                on_improvement({**others, **orders})

        improved = _search_part(problem, part, _Limit(stop, share), seed, hand_on)
        best = best if improved is None else {**others, **improved}
    return best or (None if problem.stops else {})


@dataclass(frozen=True)
class Part:
    """Vehicles and stops that PyVRP can plan by themselves, with what these vehicles do so far."""

    vehicles: tuple[Vehicle, ...]
    stops: tuple[Stop, ...]
    given: dict[str, Order]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(vehicle.key for vehicle in self.vehicles)


def _parts(problem: Problem, given: Mapping[str, Order]) -> Iterator[Part]:
    """Class by class, unless everybody may mix; vehicles that keep to an order, carry transfers or mix on the way stay as they are."""
    transferred = {*problem.taken_up_at, *problem.taken_up_at.values()}
    carried = {key: {place.waste_class for place in order if isinstance(place, Stop)} for key, order in given.items()}
    fixed = {vehicle.key for vehicle in problem.vehicles if vehicle.sequence or vehicle.head}
    fixed |= {key for key, order in given.items() if any(place.key in transferred for place in order)}
    taken = {place.key for key in fixed for place in given.get(key, ())} | transferred
    free = [vehicle for vehicle in problem.vehicles if vehicle.key not in fixed]
    if all_vehicles_mix(problem):
        yield from _part(free, [stop for stop in problem.stops if stop.key not in taken], given)
        return
    if not given:
        return
    classes = sorted({stop.waste_class for stop in problem.stops})
    for vehicle in free:
        if len(carried.get(vehicle.key, ())) > 1:
            taken |= {place.key for place in given[vehicle.key]}
    for name in classes:
        vehicles = [one for one in free if carried.get(one.key) == {name}]
        unused = [one for one in free if not carried.get(one.key) and name in one.classes]
        # a vehicle in the yard goes to one class only, each class getting its turn
        vehicles += [one for i, one in enumerate(unused) if classes[i % len(classes)] == name]
        yield from _part(vehicles, [stop for stop in problem.stops if stop.waste_class == name and stop.key not in taken], given)


def _part(vehicles: list[Vehicle], stops: list[Stop], given: Mapping[str, Order]) -> Iterator[Part]:
    served = [stop for stop in stops if any(vehicle.may_serve(stop) for vehicle in vehicles)]
    if vehicles and served:
        keys = {vehicle.key for vehicle in vehicles}
        yield Part(tuple(vehicles), tuple(served), {key: order for key, order in given.items() if key in keys})


def _search_part(problem: Problem, part: Part, limit: _Limit, seed: int, hand_on: Listener) -> dict[str, Order] | None:
    model = Model(problem, part.vehicles, part.stops, part.given, seed=seed)
    watch = _Watch(model, limit, hand_on)
    rng = pyvrp.RandomNumberGenerator(seed=seed)
    # PyVRP's default is one manager for all searches, whose draws threads would take from each other.
    local = pyvrp.search.LocalSearch(model.data, rng, _neighbours(model), pyvrp.search.PerturbationManager())
    for operator in pyvrp.search.OPERATORS:
        if operator.supports(model.data):
            local.add_operator(operator(model.data))
    parameters = pyvrp.PenaltyParams(max_penalty=model.most_penalty)
    penalties = pyvrp.PenaltyManager(parameters.midpoint_penalties(model.data), parameters)
    begin = model.solution() if part.given else None
    if begin is None:
        begin = local(pyvrp.Solution.make_random(model.data, rng), penalties.max_cost_evaluator(), exhaustive=True)
    ils = pyvrp.IteratedLocalSearchParams(history_length=LATE_BY, callbacks=watch)
    found = pyvrp.IteratedLocalSearch(model.data, penalties, local, begin, ils).run(watch, collect_stats=False).best
    return model.orders(found) if found.is_feasible() and found.is_complete() else None


def _neighbours(model: Model) -> dict[pyvrp.Activity, list[pyvrp.Activity]]:
    """Whom each stop is tried beside. Where not everyone may serve everything: more of them, if one vehicle may serve both."""
    fleets = [frozenset(i for i, kind in enumerate(model.kinds) if kind.vehicle.may_serve(stop)) for stop, _ in model.clients]
    if len(set(fleets)) <= 1:
        return pyvrp.search.compute_neighbours(model.data, pyvrp.search.NeighbourhoodParams(num_neighbours=NEIGHBOURS))
    near = pyvrp.search.compute_neighbours(model.data, pyvrp.search.NeighbourhoodParams(num_neighbours=LOOKED_AT))
    return {
        one: [other for other in others if not (one.is_client() and other.is_client()) or fleets[one.idx] & fleets[other.idx]][:SHARED]
        for one, others in near.items()
    }


class _Limit:
    """A share of what a criterion leaves."""

    def __init__(self, criterion: StopCriterion, share: float) -> None:
        criterion(0)
        self._criterion, self._left = criterion, criterion.iterations
        self._own = None if criterion.seconds is None else MaxSeconds(max(0.001, share * criterion.seconds))

    @property
    def counts(self) -> bool:
        return self._left is not None

    def __call__(self, best_cost: int) -> bool:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                return True
        return self._criterion(best_cost) or (self._own is not None and self._own(best_cost))


class _Watch(pyvrp.IteratedLocalSearchCallbacks):
    """Ends the search in time, and hands improvements on: all of them where iterations count, else as many as time allows."""

    def __init__(self, model: Model, limit: _Limit, hand_on: Listener) -> None:
        self._model, self._limit, self._hand_on = model, limit, hand_on
        self._waiting: pyvrp.Solution | None = None
        self._next_s = 0.0

    def __call__(self, best_cost: int) -> bool:
        if self._waiting is not None and (self._limit.counts or time.monotonic() >= self._next_s):
            began_s = time.monotonic()
            solution, self._waiting = self._waiting, None
            self._hand_on(self._model.orders(solution))
            ended_s = time.monotonic()
            self._next_s = ended_s + JUDGED_SHARE * (ended_s - began_s)
        return self._limit(best_cost)

    def on_best(self, best: pyvrp.Solution) -> None:
        if best.is_feasible() and best.is_complete():
            self._waiting = best
