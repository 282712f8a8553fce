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
from functools import partial

import pyvrp
import pyvrp.search
from pyvrp.exceptions import PenaltyBoundWarning

from routing.clock import Order
from routing.engines.pyvrp_model import Model
from routing.problem import Problem, Stop, Vehicle
from routing.stopping import NOTHING_YET, FirstOf, MaxSeconds, StopCriterion

NAME = "pyvrp"

NEIGHBOURS = 25
LATE_BY = 100
"""Neighbours of a stop that moves are tried with, and solutions that late acceptance looks back: half and a third of PyVRP's own, for
our searches are short (figures: docs/decisions, "portfolio")."""
SPLIT_NEIGHBOURS = 50
"""Where vehicles differ in whom they may serve; as many are PyVRP's own."""
JUDGED_SHARE = 10
"""Of the time at most a tenth goes into handing on improvements."""
PATIENCE = 0.3
"""A search that is to serve all and has found no plan that does so by this part of its time begins again, and may leave out what is owed.
To let it do so from the start costs iterations (figures: docs/decisions, "portfolio")."""

Listener = Callable[[dict[str, Order]], None]


def search(
    problem: Problem,
    *,
    stop: StopCriterion,
    seed: int = 0,
    on_improvement: Listener | None = None,
    warm_start: Mapping[str, Order] | None = None,
    serves_all: bool = False,
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
    serves_all
        Begin with everything that is owed in the plan, where there is no `warm_start`? It should be likely to fit.
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

        improved = _search_part(problem, part, _Limit(stop, share), seed, hand_on, serves_all=serves_all)
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

    @property
    def leaves_owed(self) -> bool:
        """Must something that is owed stay out so far? Then PyVRP must be allowed to leave it out."""
        served = {place.key for order in self.given.values() for place in order}
        groups = {stop.group for stop in self.stops if stop.group is not None and stop.key in served}
        return any(stop.mandatory and stop.key not in served and stop.group not in groups for stop in self.stops)


def _parts(problem: Problem, given: Mapping[str, Order]) -> Iterator[Part]:
    """Class by class, unless everybody may mix; vehicles that keep to an order, carry transfers or mix on the way stay as they are."""
    transferred = {*problem.taken_up_at, *problem.taken_up_at.values()}
    carried = {key: {place.waste_class for place in order if isinstance(place, Stop)} for key, order in given.items()}
    fixed = {vehicle.key for vehicle in problem.vehicles if vehicle.sequence or vehicle.head}
    fixed |= {key for key, order in given.items() if any(place.key in transferred for place in order)}
    taken = {place.key for key in fixed for place in given.get(key, ())} | transferred
    free = [vehicle for vehicle in problem.vehicles if vehicle.key not in fixed]
    if _all_vehicles_mix(problem):
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


def _all_vehicles_mix(problem: Problem) -> bool:
    """May every vehicle carry all classes at once, and every facility take them?"""
    classes = {stop.waste_class for stop in problem.stops}
    if len(classes) <= 1:
        return True
    mixed = all(not vehicle.one_class_per_trip and not vehicle.compartments for vehicle in problem.vehicles)
    return mixed and all(classes <= one.accepts for one in problem.facilities)


def _part(vehicles: list[Vehicle], stops: list[Stop], given: Mapping[str, Order]) -> Iterator[Part]:
    served = [stop for stop in stops if any(vehicle.may_serve(stop) for vehicle in vehicles)]
    if vehicles and served:
        keys = {vehicle.key for vehicle in vehicles}
        yield Part(tuple(vehicles), tuple(served), {key: order for key, order in given.items() if key in keys})


def _search_part(problem: Problem, part: Part, limit: _Limit, seed: int, hand_on: Listener, *, serves_all: bool) -> dict[str, Order] | None:
    model = partial(Model, problem, part.vehicles, part.stops, part.given, seed=seed)
    if serves_all and part.leaves_owed and not part.given:
        found = _search_model(model(), limit, seed, hand_on, limit.part(PATIENCE))
        if found is not None or limit(NOTHING_YET):
            return found
    return _search_model(model(leaves_owed=part.leaves_owed), limit, seed, hand_on)


def _search_model(model: Model, limit: _Limit, seed: int, hand_on: Listener, patience: _Limit | None = None) -> dict[str, Order] | None:
    """The best that is feasible and complete; `patience` ends a search that has found no such thing so far."""
    watch = _Watch(model, limit, hand_on, patience)
    rng = pyvrp.RandomNumberGenerator(seed=seed)
    number = SPLIT_NEIGHBOURS if model.splits_stops else NEIGHBOURS
    neighbours = pyvrp.search.compute_neighbours(model.data, pyvrp.search.NeighbourhoodParams(num_neighbours=number))
    # PyVRP's default is one manager for all searches, whose draws threads would take from each other.
    local = pyvrp.search.LocalSearch(model.data, rng, neighbours, pyvrp.search.PerturbationManager())
    for operator in pyvrp.search.OPERATORS:
        if operator.supports(model.data):
            local.add_operator(operator(model.data))
    parameters = pyvrp.PenaltyParams(max_penalty=model.most_penalty)
    penalties = pyvrp.PenaltyManager(parameters.midpoint_penalties(model.data), parameters)
    begin = model.solution() if model.given else None
    if begin is None:
        begin = local(pyvrp.Solution.make_random(model.data, rng), penalties.max_cost_evaluator(), exhaustive=True)
    ils = pyvrp.IteratedLocalSearchParams(history_length=LATE_BY, callbacks=watch)
    found = pyvrp.IteratedLocalSearch(model.data, penalties, local, begin, ils).run(watch, collect_stats=False).best
    return model.orders(found) if found.is_feasible() and found.is_complete() else None


class _Limit:
    """A share of what a criterion leaves."""

    def __init__(self, criterion: StopCriterion, share: float) -> None:
        criterion(0)
        self._criterion, self._left = criterion, criterion.iterations
        self._own = None if criterion.seconds is None else MaxSeconds(max(0.001, share * criterion.seconds))

    def part(self, share: float) -> _Limit:
        """Another limit, of a share of this one's time and iterations from now on."""
        criterion = self._criterion if self._own is None else FirstOf((self._criterion, self._own))
        part = _Limit(criterion, share)
        part._left = None if self._left is None else max(1, int(share * self._left))
        return part

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

    def __init__(self, model: Model, limit: _Limit, hand_on: Listener, patience: _Limit | None) -> None:
        self._model, self._limit, self._hand_on, self._patience = model, limit, hand_on, patience
        self._waiting: pyvrp.Solution | None = None
        self._next_s = 0.0

    def __call__(self, best_cost: int) -> bool:
        if self._waiting is not None and (self._limit.counts or time.monotonic() >= self._next_s):
            began_s = time.monotonic()
            solution, self._waiting = self._waiting, None
            self._hand_on(self._model.orders(solution))
            ended_s = time.monotonic()
            self._next_s = ended_s + JUDGED_SHARE * (ended_s - began_s)
        if best_cost < NOTHING_YET:  # what breaks a rule costs more
            self._patience = None
        return self._limit(best_cost) or (self._patience is not None and self._patience(best_cost))

    def on_best(self, best: pyvrp.Solution) -> None:
        if best.is_feasible() and best.is_complete():
            self._waiting = best
