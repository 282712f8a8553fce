"""A city's night in parts: stops that lie together with the vehicles for them, searched on their own, and cut anew between rounds.

A search over ten thousand stops spends its time on looking; over some hundred it finds what there is to find. So the night is cut into
parts, each is a problem of its own with its own small matrix, all are searched at once on whatever executor there is, and the next
round cuts elsewhere, along other lines through the routes found, so that every border comes to lie inside a part [1]_. Classes that
never ride together are cut apart from each other: what they share, the fleet, is dealt out (`dealing.py`).

References
----------
.. [1] Santini, Schneider, Vidal, Vigo (2023). Decomposition strategies for vehicle routing heuristics. INFORMS J. Computing 35(3).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.clock import Order
from routing.dealing import Places, deal, strand_of, strands
from routing.incumbent import Incumbent
from routing.problem import Problem, Stop, Travel, Vehicle
from routing.stopping import NOTHING_YET, FirstOf, MaxIterations, MaxSeconds, StopCriterion

PART_STOPS = 400
"""About how many stops make a part: fewer leave too little to exchange, more are searched too slowly (docs/decisions, "split")."""
PART_ROUTES = 5
"""Where routes are long a part has more stops, for it should be about so many routes."""

ROUNDS = 5
SHORTEST_S = 2.0
"""A part that is searched for less is not worth the cutting."""

Keys = Mapping[str, tuple[str, ...]]
"""Orders by key alone: what travels to a worker and back."""


@dataclass(frozen=True)
class Part:
    """Some of the stops and some of the vehicles, as a problem, and what these vehicles do so far."""

    problem: Problem
    given: dict[str, tuple[str, ...]]


def part_of(problem: Problem, stops: Sequence[Stop], vehicles: Sequence[Vehicle], orders: Mapping[str, Order]) -> Part:
    """These stops and vehicles, all facilities, and only their own rows and columns of the matrices."""
    places = [place for vehicle in vehicles for place in (vehicle.start_location, vehicle.begins_at, vehicle.end_location)]
    kept = sorted({*places, *(one.location for one in problem.facilities), *(stop.location for stop in stops)})
    new = {location: i for i, location in enumerate(kept)}
    rows = np.array(kept)
    profiles = {vehicle.travel_profile for vehicle in vehicles}
    travel = tuple(_among(one, rows if i in profiles else rows[:0], len(kept)) for i, one in enumerate(problem.travel))
    small = Problem(
        stops=tuple(replace(stop, location=new[stop.location]) for stop in stops),
        facilities=tuple(replace(one, location=new[one.location]) for one in problem.facilities),
        vehicles=tuple(_moved(vehicle, new, {stop.key for stop in stops}) for vehicle in vehicles),
        travel=travel,
        dimensions=problem.dimensions,
    )
    return Part(small, {vehicle.key: tuple(place.key for place in orders.get(vehicle.key, ())) for vehicle in vehicles})


def _among(travel: Travel, rows: NDArray[np.int64], size: int) -> Travel:
    """The travel among some locations; of a profile that nobody drives by (no rows) just something of the right size."""
    if not len(rows):
        nothing = np.zeros((size, size), dtype=np.int32)
        return Travel(nothing, nothing)
    return Travel(travel.drive_s[np.ix_(rows, rows)], travel.distance_m[np.ix_(rows, rows)], travel.paces)


def _moved(vehicle: Vehicle, new: Mapping[int, int], stops: Set[str]) -> Vehicle:
    """The vehicle at the part's locations; of its sequence what is in the part."""
    gone = None if vehicle.under_way is None else replace(vehicle.under_way, location=new[vehicle.under_way.location])
    sequence = tuple(key for key in vehicle.sequence if key in stops)
    start, end = new[vehicle.start_location], new[vehicle.end_location]
    return replace(vehicle, start_location=start, end_location=end, under_way=gone, sequence=sequence)


def orders_of(problem: Problem, keys: Keys) -> dict[str, Order]:
    """Orders by key as orders of the problem's own places."""
    places: dict[str, Any] = {**problem.facility_by_key, **problem.stop_by_key}
    return {vehicle: tuple(places[key] for key in order) for vehicle, order in keys.items() if order}


@dataclass(frozen=True)
class Piece:
    """What no cut goes through: a vehicle's route, with its stops' alternatives, or stops left out that belong together."""

    stops: tuple[Stop, ...]
    vehicle: Vehicle | None = None


def cut(problem: Problem, orders: Mapping[str, Order], places: Places, seed: int) -> list[Part]:
    """Parts that hold every stop once: whole routes and what is left out, strand by strand, with idle vehicles where they are needed.

    Parameters
    ----------
    orders
        What vehicles do so far; none to begin with.
    places
        Where each location lies, in any plane that keeps neighbours together; shape (locations, 2).
    seed
        Draws the lines along which is cut.
    """
    rng, strand = random.Random(seed), strands(problem)
    heaps: dict[str, list[Piece]] = {}
    for piece in _pieces(problem, orders):
        heaps.setdefault(strand_of(piece.stops, strand), []).append(piece)
    most = max(PART_STOPS, PART_ROUTES * len(problem.stops) // max(1, len(problem.vehicles)))
    parts = [part for _, heap in sorted(heaps.items()) for part in _cut_heap(heap, places, most, rng)]
    idle = [vehicle for vehicle in problem.vehicles if not _stops_of(orders.get(vehicle.key, ()))]
    rng.shuffle(idle)
    served = {stop.key for order in orders.values() for stop in _stops_of(order)}
    stops = [[stop for piece in part for stop in piece.stops] for part in parts]
    dealt = deal(problem, stops, served, idle, places)
    fleets = [[*(piece.vehicle for piece in part if piece.vehicle), *more] for part, more in zip(parts, dealt, strict=True)]
    return [part_of(problem, *one, orders) for one in zip(stops, fleets, strict=True) if one[1]]


def _pieces(problem: Problem, orders: Mapping[str, Order]) -> list[Piece]:
    served = {vehicle.key: _stops_of(orders.get(vehicle.key, ())) for vehicle in problem.vehicles}
    by_stop = {stop.key: key for key, stops in served.items() for stop in stops}
    left: list[Piece] = []
    for unit in _units(problem):
        driver = next((by_stop[stop.key] for stop in unit if stop.key in by_stop), None)
        missing = [stop for stop in unit if stop.key not in by_stop]
        if driver is not None:
            served[driver].extend(missing)
        else:
            left.append(Piece(tuple(missing)))
    return [*(Piece(tuple(served[one.key]), one) for one in problem.vehicles if served[one.key]), *left]


def _cut_heap(pieces: Sequence[Piece], places: Places, most: int, rng: random.Random) -> list[list[Piece]]:
    where = np.array([places[[stop.location for stop in piece.stops]].mean(axis=0) for piece in pieces])
    sizes = [len(piece.stops) for piece in pieces]
    cuts = _cut(list(range(len(pieces))), where, sizes, max(1, round(sum(sizes) / most)), rng)
    return [[pieces[i] for i in cut] for cut in cuts]


@dataclass(frozen=True)
class Effort:
    """How long one part is searched: seconds, or local searches for the same plan on every machine."""

    seconds: float | None
    iterations: int | None

    @cached_property
    def stop(self) -> StopCriterion:
        limits: list[StopCriterion] = [] if self.seconds is None else [MaxSeconds(self.seconds)]
        return FirstOf((*limits, *([] if self.iterations is None else [MaxIterations(self.iterations)])))


Search = Callable[[Part, Effort, int], dict[str, tuple[str, ...]]]


def improve_in_parts(
    problem: Problem,
    best: Incumbent,
    search: Search,
    *,
    stop: StopCriterion,
    seed: int,
    executor: Executor,
    cores: int,
    watch: Callable[[dict[str, Order]], None],
) -> None:
    """Cut, search, and cut anew until time is up; each round is offered to `best` as a whole.

    Parameters
    ----------
    search
        What is done with one part; it travels to the executor, so it must be a plain function where that is a pool of processes.
    cores
        How many parts are searched at once there.
    """
    places = plane_of(problem)
    for number in count():
        if stop(NOTHING_YET):
            return
        parts = cut(problem, best.orders, places, seed + number)
        efforts = _efforts(parts, number, stop, cores)
        if efforts is None:
            return
        orders = dict(best.orders)
        for part, found in _searched(parts, search, efforts, seed + 1_000 * number, executor):
            orders = {key: order for key, order in orders.items() if key not in part.given} | orders_of(problem, found)
        if best.offer(orders):
            watch(best.orders)


def _searched(
    parts: Sequence[Part], search: Search, efforts: Sequence[Effort], seed: int, executor: Executor
) -> Iterator[tuple[Part, dict[str, tuple[str, ...]]]]:
    """Each part with what was found, the largest first begun: whoever comes last should not be waited for long."""
    begun = sorted(range(len(parts)), key=lambda i: -len(parts[i].problem.stops))
    futures = {i: executor.submit(_search_in_time, search, parts[i], efforts[i], seed + i) for i in begun}
    try:
        for i, future in futures.items():
            yield parts[i], future.result()
    finally:
        for future in futures.values():
            future.cancel()


def _search_in_time(search: Search, part: Part, effort: Effort, seed: int) -> dict[str, tuple[str, ...]]:
    """The search, whose clock starts when its turn has come: what it does beforehand is part of its time."""
    own = replace(effort)  # a criterion counts for one search only
    own.stop(NOTHING_YET)
    # What it lists for speed goes when it ends: rows of all parts at once would take as much again as the city's matrix.
    travel = tuple(replace(one) for one in part.problem.travel)
    return search(replace(part, problem=replace(part.problem, travel=travel)), own, seed)


def _efforts(parts: Sequence[Part], number: int, stop: StopCriterion, cores: int) -> list[Effort] | None:
    """What each part gets in this round, by its stops: more in the first, which begins from nothing; None when little time is left."""
    iterations = None if stop.iterations is None else max(1, stop.iterations // ROUNDS)
    if not parts or (iterations is not None and number >= ROUNDS):
        return None
    if stop.seconds is None:
        return [Effort(None, iterations)] * len(parts)
    shortest_s = SHORTEST_S * max(1.0, len(parts) / cores)
    if stop.seconds < shortest_s:
        return None
    # The first round counts as two; where time is short there are fewer.
    rounds_left = min(ROUNDS + 1 if number == 0 else max(1, ROUNDS - number), int(stop.seconds / shortest_s))
    round_s = stop.seconds * min(2 if number == 0 else 1, rounds_left) / rounds_left
    stops = sum(len(part.problem.stops) for part in parts)
    return [Effort(round_s * min(1.0, cores * len(part.problem.stops) / stops), iterations) for part in parts]


def plane_of(problem: Problem) -> Places:
    """Each location in a plane, from the driving times to and from a few far-off landmarks (the matrix may come without a map).

    Shape (locations, 2): the two directions in which the landmark times differ most.
    """
    travel = problem.travel[problem.vehicles[0].travel_profile if problem.vehicles else 0]
    drive_s = travel.drive_s
    landmarks = [0]
    nearest = np.full(travel.size, np.inf)
    for _ in range(min(12, travel.size - 1)):
        nearest = np.minimum(nearest, np.where(drive_s[landmarks[-1]] < 0, 0, drive_s[landmarks[-1]]))
        landmarks.append(int(nearest.argmax()))
    seen = np.maximum(drive_s[landmarks].astype(np.float64), 0).T
    centred = seen - seen.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    plane: Places = centred @ axes[:2].T
    return plane if plane.shape[1] == 2 else np.column_stack([plane, np.zeros(len(plane))])


def _stops_of(order: Order) -> list[Stop]:
    return [place for place in order if isinstance(place, Stop)]


def _units(problem: Problem) -> list[list[Stop]]:
    """Stops that must stay in one part: members of a group, both ends of a transfer."""
    together: dict[str, list[Stop]] = {}
    for stop in problem.stops:
        first = problem.taken_up_at.get(stop.key, stop.key)
        together.setdefault(first if stop.group is None else f"group {stop.group}", []).append(stop)
    return list(together.values())


def _cut(chosen: list[int], where: Places, sizes: Sequence[int], count: int, rng: random.Random) -> list[list[int]]:
    """Cut in two along a line of random direction, each side again, until there are `count` parts of about one size."""
    if count <= 1 or len(chosen) < 2:
        return [chosen]
    angle = rng.random() * np.pi
    along = where[chosen] @ np.array([np.cos(angle), np.sin(angle)])
    ordered = [chosen[i] for i in np.argsort(along, kind="stable")]
    total = np.cumsum([sizes[i] for i in ordered])
    first = count // 2
    at = min(max(1, int(np.searchsorted(total, total[-1] * first / count)) + 1), len(ordered) - 1)
    return _cut(ordered[:at], where, sizes, first, rng) + _cut(ordered[at:], where, sizes, count - first, rng)
