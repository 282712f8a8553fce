"""Which engine searches for how long, from whose best, on how many cores.

Small rounds with facilities are a **chain**: OR-Tools builds under the full rules, PyVRP improves from there. Everything else PyVRP
begins for itself. It searches in **rounds**, one seed a core, and each round begins from the best that the one before has found.
Figures: docs/decisions, "portfolio".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from routing.clock import Order
from routing.engines import ortools, pyvrp
from routing.incumbent import Incumbent
from routing.problem import Problem
from routing.race import most_stops, race
from routing.stopping import NOTHING_YET, FirstOf, MaxIterations, MaxSeconds, StopCriterion

COUNTED_STOPS = 200
"""Up to here fleets race where iterations are counted instead of seconds."""
ROUNDS = 5
FEW_STOPS = 30
"""Up to here an engine begins for itself, in another valley than insertion perhaps (figures: docs/decisions/0006)."""
SHORTEST_ROUND_S = 2.0
Listener = Callable[[dict[str, Order]], None]


class Engine(StrEnum):
    """Who searches."""

    AUTO = "auto"
    ORTOOLS = "ortools"
    PYVRP = "pyvrp"


class Search(Protocol):
    """What an engine offers."""

    def __call__(
        self,
        problem: Problem,
        *,
        stop: StopCriterion,
        seed: int = 0,
        on_improvement: Listener | None = None,
        warm_start: Mapping[str, Order] | None = None,
    ) -> dict[str, Order] | None: ...


@dataclass(frozen=True)
class Leg:
    """One engine's part of the time, in so many rounds."""

    engine: Engine
    share: float
    rounds: int = 1
    from_scratch: bool = False
    races: bool = False


def legs_of(problem: Problem, engine: Engine, *, has_begun: bool, seconds: float | None) -> tuple[Leg, ...]:
    """The order in which engines search; `has_begun`: a plan worth going on from was given."""
    scratch = not has_begun and len(problem.stops) <= FEW_STOPS
    if engine is Engine.ORTOOLS:
        return (Leg(engine, 1.0, from_scratch=scratch),)
    rounds = ROUNDS if seconds is None else max(1, min(ROUNDS, int(seconds / SHORTEST_ROUND_S)))
    plain = len({stop.waste_class for stop in problem.stops}) <= 1
    has_time_to_race = len(problem.stops) <= (COUNTED_STOPS if seconds is None else most_stops(seconds))
    if engine is Engine.PYVRP or not problem.facilities or (plain and not has_time_to_race):
        return (Leg(Engine.PYVRP, 1.0, rounds, from_scratch=not has_begun and plain),)
    if not plain or has_begun or len(problem.stops) <= FEW_STOPS:
        return Leg(Engine.ORTOOLS, 0.4, from_scratch=scratch), Leg(Engine.PYVRP, 0.6, rounds)
    return Leg(Engine.PYVRP, 0.75, races=True), Leg(Engine.PYVRP, 0.05), Leg(Engine.ORTOOLS, 0.1), Leg(Engine.PYVRP, 0.1, min(2, rounds))


def improve(
    problem: Problem,
    best: Incumbent,
    legs: tuple[Leg, ...],
    *,
    stop: StopCriterion,
    seed: int,
    cores: int,
    watch: Listener,
    executor: Executor | None = None,
) -> tuple[str, ...]:
    """Search leg by leg; what is found is offered to `best`, and to `watch` on the way. Names the engines that found something.

    Parameters
    ----------
    stop
        With iterations each search of each round has its part of them, so that the same seed gives the same orders.
    executor
        Where OR-Tools searches, which holds Python's lock; by default in this thread.
    """
    found: list[str] = []
    left = sum(leg.share for leg in legs)
    for leg in legs:
        for round_number in range(leg.rounds):
            if stop(NOTHING_YET) or stop.seconds == 0:
                return tuple(found)
            share = leg.share / leg.rounds
            part = _part_of(stop, share / left)
            left -= share
            if leg.races:
                race(problem, best, stop=part, seed=seed, cores=cores, watch=watch)
                found += [leg.engine.value] if leg.engine.value not in found else []
                continue
            began = {} if leg.from_scratch and round_number == 0 else best.orders
            for orders in _searched(problem, leg.engine, began, part, seed + 1_000 * round_number, cores, watch, executor):
                found += [leg.engine.value] if best.offer(orders) and leg.engine.value not in found else []
    return tuple(found)


def _part_of(stop: StopCriterion, share: float) -> StopCriterion:
    parts: list[StopCriterion] = [stop]
    if stop.seconds is not None and share < 1:
        parts.append(MaxSeconds(max(0.001, share * stop.seconds)))
    if stop.iterations is not None:
        parts.append(MaxIterations(max(1, int(share * stop.iterations))))
    return FirstOf(tuple(parts))


def _searched(
    problem: Problem,
    engine: Engine,
    began: Mapping[str, Order],
    stop: StopCriterion,
    seed: int,
    cores: int,
    watch: Listener,
    executor: Executor | None,
) -> list[dict[str, Order]]:
    """What each core found, by our clock."""
    stop(NOTHING_YET)
    if engine is Engine.ORTOOLS:
        if executor is not None:
            return [executor.submit(ortools.search, problem, stop=stop, seed=seed, warm_start=began or None).result() or {}]
        return [_judged(problem, ortools.search, began, stop, seed, watch)]
    if cores == 1:
        return [_judged(problem, pyvrp.search, began, stop, seed, watch)]
    with ThreadPoolExecutor(cores) as threads:  # PyVRP gives Python's lock away while it searches
        return list(threads.map(lambda core: _judged(problem, pyvrp.search, began, stop, seed + 101 * core, watch), range(cores)))


def _judged(
    problem: Problem, search: Search, began: Mapping[str, Order], stop: StopCriterion, seed: int, watch: Listener
) -> dict[str, Order]:
    own = Incumbent(problem, began)

    def judge(orders: dict[str, Order]) -> None:
        if own.offer(orders):
            watch(own.orders)

    own.offer(search(problem, stop=stop, seed=seed, on_improvement=judge, warm_start=began or None) or {})
    return own.orders
