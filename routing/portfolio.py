"""Which engine searches for how long, from whose best, on how many cores.

Rounds with facilities are a race of fleets (`race.py`), or one search where there is no fleet to choose, and then OR-Tools' turn; where
there is no time for that PyVRP alone; with several classes a chain, in which OR-Tools builds under the full rules and PyVRP improves from
there. Everything else PyVRP begins for itself, one seed a core; where there are many stops in **rounds**, each from the best that the one
before has found.
Figures: docs/decisions, "portfolio".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from routing.clock import Order
from routing.engines import ortools, pyvrp
from routing.incumbent import Incumbent
from routing.problem import Problem
from routing.race import most_stops, race
from routing.stopping import NOTHING_YET, FirstOf, MaxIterations, MaxSeconds, StopCriterion
from routing.vehicle import likeness

COUNTED_STOPS = 200
"""Up to here fleets race where iterations are counted instead of seconds."""
ROUNDS = 5
EXCHANGED_STOPS = 600
"""From here on cores go on from the best of all, round by round; on fewer stops each does better in a valley of its own."""
RACED_ALIKE_STOPS = 500
FEW_STOPS = 30
"""Up to here an engine begins for itself, in another valley than insertion perhaps (figures: docs/decisions/0006)."""
SHORTEST_ROUND_S = 2.0
Listener = Callable[[dict[str, Order]], None]


class Engine(StrEnum):
    """Who searches."""

    AUTO = "auto"
    ORTOOLS = "ortools"
    PYVRP = "pyvrp"


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
    rounds = 1 if len(problem.stops) < EXCHANGED_STOPS else ROUNDS
    rounds = rounds if seconds is None else max(1, min(rounds, int(seconds / SHORTEST_ROUND_S)))
    plain = len({stop.waste_class for stop in problem.stops}) <= 1
    has_time_to_race = len(problem.stops) <= (COUNTED_STOPS if seconds is None else most_stops(seconds))
    if engine is Engine.PYVRP or not problem.facilities or (plain and not has_time_to_race):
        # Where stops may be left out, PyVRP takes far too many to begin with, and long to give them up again.
        owed = all(stop.mandatory for stop in problem.stops)
        return (Leg(Engine.PYVRP, 1.0, rounds, from_scratch=not has_begun and plain and owed),)
    if not plain or has_begun or len(problem.stops) <= FEW_STOPS:
        return Leg(Engine.ORTOOLS, 0.4, from_scratch=scratch), Leg(Engine.PYVRP, 0.6, rounds)
    return (
        Leg(Engine.PYVRP, 0.75, from_scratch=True, races=_has_fleets_to_choose(problem)),
        Leg(Engine.PYVRP, 0.05),
        Leg(Engine.ORTOOLS, 0.1),
        Leg(Engine.PYVRP, 0.1, min(2, rounds)),
    )


def _has_fleets_to_choose(problem: Problem) -> bool:
    """Is more of a fleet to be chosen than how many vehicles of one kind it has? That much one long search finds out.

    Where unloads are what trucks that are else alike differ in, a race pays on few stops only: on many there is time for a few starts.
    """
    differ_in_unloads = any(vehicle.ends_empty or vehicle.max_lifted is not None for vehicle in problem.vehicles)
    return _vehicles_differ(problem) or (differ_in_unloads and len(problem.stops) <= RACED_ALIKE_STOPS)


def _requires_all(problem: Problem) -> bool:
    """Is leaving out what is owed too dear to try? Where all vehicles are alike, and none unloads on the way, it shakes a search up."""
    return bool(problem.facilities) or _vehicles_differ(problem)


def _vehicles_differ(problem: Problem) -> bool:
    return len({likeness(vehicle) for vehicle in problem.vehicles}) > 1


class Portfolio:
    """Engines that search one problem, leg by leg.

    Parameters
    ----------
    stop
        With iterations each search of each round has its part of them, so that the same seed gives the same orders.
    watch
        Told of each better plan, from whatever core.
    executor
        Where OR-Tools searches, which holds Python's lock; by default in this thread.

    Attributes
    ----------
    failures
        What engines broke off with, in words: the others went on.
    """

    def __init__(
        self, problem: Problem, *, stop: StopCriterion, seed: int, cores: int = 1, watch: Listener, executor: Executor | None = None
    ) -> None:
        self.problem, self.stop, self.seed, self.cores, self.watch, self.executor = problem, stop, seed, cores, watch, executor
        self.failures: list[str] = []

    def improve(self, best: Incumbent, legs: tuple[Leg, ...]) -> tuple[str, ...]:
        """Offer `best` what is found; names the engines that found something better."""
        found: dict[str, None] = {}
        left = sum(leg.share for leg in legs)
        for leg in legs:
            for number in range(leg.rounds):
                if self.stop(NOTHING_YET) or self.stop.seconds == 0:
                    return tuple(found)
                share = leg.share / leg.rounds
                rank = best.rank
                self._search(leg, number, best, _part_of(self.stop, share / left))
                left -= share
                if best.rank < rank:
                    found[leg.engine.value] = None
        return tuple(found)

    def _search(self, leg: Leg, number: int, best: Incumbent, stop: StopCriterion) -> None:
        seed = self.seed + 1_000 * number
        if leg.races:
            with self._excusing(leg.engine):
                race(self.problem, best, stop=stop, seed=seed, cores=self.cores, watch=self.watch)
            return
        began = {} if leg.from_scratch and number == 0 else best.orders
        stop(NOTHING_YET)
        cores = self.cores if leg.engine is Engine.PYVRP else 1  # PyVRP gives Python's lock away while it searches
        with ThreadPoolExecutor(cores) as threads:
            for orders in threads.map(lambda core: self._search_once(leg.engine, began, stop, seed + 101 * core), range(cores)):
                best.offer(orders)

    def _search_once(self, engine: Engine, began: Mapping[str, Order], stop: StopCriterion, seed: int) -> dict[str, Order]:
        """What one engine finds from there, by our clock."""
        own = Incumbent(self.problem, began)

        def judge(orders: dict[str, Order]) -> None:
            if own.offer(orders):
                self.watch(own.orders)

        with self._excusing(engine):
            if engine is Engine.ORTOOLS and self.executor is not None:
                future = self.executor.submit(ortools.search, self.problem, stop=stop, seed=seed, warm_start=began or None)
                judge(future.result() or {})
            else:
                search = ortools.search if engine is Engine.ORTOOLS else partial(pyvrp.search, serves_all=_requires_all(self.problem))
                judge(search(self.problem, stop=stop, seed=seed, on_improvement=judge, warm_start=began or None) or {})
        return own.orders

    @contextmanager
    def _excusing(self, engine: Engine) -> Iterator[None]:
        """An engine that breaks off costs its part of the time and nothing else; that it did is told."""
        try:
            yield
        except Exception as error:  # whatever a solver's library raises
            self.failures.append(f"{engine.value} failed, {type(error).__name__}: {error}")


def _part_of(stop: StopCriterion, share: float) -> StopCriterion:
    parts: list[StopCriterion] = [stop]
    if stop.seconds is not None and share < 1:
        parts.append(MaxSeconds(max(0.001, share * stop.seconds)))
    if stop.iterations is not None:
        parts.append(MaxIterations(max(1, int(share * stop.iterations))))
    return FirstOf(tuple(parts))
