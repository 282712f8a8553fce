"""A city's night in parts: stops that lie together with the vehicles for them, searched on their own, and cut anew between rounds.

A search over ten thousand stops spends its time on looking; over four hundred it finds what there is to find. So the night is cut
into parts, each is a problem of its own with its own small matrix, all are searched at once on whatever executor there is, and the
next round cuts elsewhere, along other lines through the routes found, so that every border comes to lie inside a part [1]_.

References
----------
.. [1] Santini, Schneider, Vidal, Vigo (2023). Decomposition strategies for vehicle routing heuristics. INFORMS J. Computing 35(3).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.clock import Order
from routing.incumbent import Incumbent
from routing.problem import Problem, Stop, Travel, Vehicle
from routing.stopping import NOTHING_YET, FirstOf, MaxIterations, MaxSeconds, StopCriterion

PART_STOPS = 400
"""About how many stops make a part: fewer leave too little to exchange, more are searched too slowly (docs/decisions, "split")."""

ROUNDS = 5
SHORTEST_S = 2.0
"""A part that is searched for less is not worth the cutting."""

Keys = Mapping[str, tuple[str, ...]]
"""Orders by key alone: what travels to a worker and back."""
Places = NDArray[np.float64]


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
        vehicles=tuple(_moved(vehicle, new) for vehicle in vehicles),
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


def _moved(vehicle: Vehicle, new: Mapping[int, int]) -> Vehicle:
    gone = None if vehicle.under_way is None else replace(vehicle.under_way, location=new[vehicle.under_way.location])
    return replace(vehicle, start_location=new[vehicle.start_location], end_location=new[vehicle.end_location], under_way=gone)


def orders_of(problem: Problem, keys: Keys) -> dict[str, Order]:
    """Orders by key as orders of the problem's own places."""
    places: dict[str, Any] = {**problem.facility_by_key, **problem.stop_by_key}
    return {vehicle: tuple(places[key] for key in order) for vehicle, order in keys.items() if order}


def parts_to_begin_with(problem: Problem, places: Places, seed: int) -> list[Part]:
    """The stops cut into parts of about one size, and the vehicles dealt out by what each part has to carry.

    Parameters
    ----------
    places
        Where each location lies, in any plane that keeps neighbours together; shape (locations, 2).
    """
    rng = random.Random(seed)
    units = _units(problem)
    where = np.array([places[[stop.location for stop in unit]].mean(axis=0) for unit in units])
    cuts = _cut(list(range(len(units))), where, [len(unit) for unit in units], _parts_for(len(problem.stops)), rng)
    chosen = [[stop for i in cut for stop in units[i]] for cut in cuts]
    fleets = _deal(problem, chosen, places)
    return [part_of(problem, stops, fleet, {}) for stops, fleet in zip(chosen, fleets, strict=True)]


def cut_anew(problem: Problem, orders: Mapping[str, Order], places: Places, seed: int) -> list[Part]:
    """Parts along the routes: whole routes that lie together, each part with its share of what is left out and of the idle vehicles."""
    rng = random.Random(seed)
    used = [vehicle for vehicle in problem.vehicles if _stops_of(orders.get(vehicle.key, ()))]
    idle = [vehicle for vehicle in problem.vehicles if not _stops_of(orders.get(vehicle.key, ()))]
    where = np.array([places[[stop.location for stop in _stops_of(orders[vehicle.key])]].mean(axis=0) for vehicle in used])
    sizes = [len(_stops_of(orders[vehicle.key])) for vehicle in used]
    cuts = _cut(list(range(len(used))), where, sizes, _parts_for(sum(sizes)), rng)
    fleets = [[used[i] for i in cut] for cut in cuts]
    stops = [[stop for vehicle in fleet for stop in _stops_of(orders[vehicle.key])] for fleet in fleets]
    for extra, part in zip(_left_over(problem, stops, places), stops, strict=True):
        part.extend(extra)
    rng.shuffle(idle)
    for i, vehicle in enumerate(idle):
        fleets[i % len(fleets)].append(vehicle)
    return [part_of(problem, part, fleet, orders) for part, fleet in zip(stops, fleets, strict=True)]


@dataclass(frozen=True)
class Effort:
    """How long one part is searched: seconds, or local searches for the same plan on every machine."""

    seconds: float | None
    iterations: int | None

    @property
    def stop(self) -> StopCriterion:
        limits: list[StopCriterion] = [] if self.seconds is None else [MaxSeconds(self.seconds)]
        return FirstOf((*limits, *([] if self.iterations is None else [MaxIterations(self.iterations)])))


def improve_in_parts(
    problem: Problem,
    best: Incumbent,
    search: Callable[[Part, Effort, int], dict[str, tuple[str, ...]]],
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
    effort_of = _efforts(len(problem.stops), stop, cores)
    for number in count():
        effort = effort_of(number)
        if effort is None or stop(NOTHING_YET):
            return
        parts = cut_anew(problem, best.orders, places, seed + number) if best.orders else parts_to_begin_with(problem, places, seed)
        orders = dict(best.orders)
        for part, found in zip(parts, _searched(parts, search, effort, seed + 1_000 * number, executor), strict=True):
            orders = {key: order for key, order in orders.items() if key not in part.given} | orders_of(problem, found)
        if best.offer(orders):
            watch(best.orders)


def _searched(
    parts: Sequence[Part],
    search: Callable[[Part, Effort, int], dict[str, tuple[str, ...]]],
    effort: Effort,
    seed: int,
    executor: Executor,
) -> Iterator[dict[str, tuple[str, ...]]]:
    futures = [executor.submit(search, part, effort, seed + i) for i, part in enumerate(parts)]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _efforts(stops: int, stop: StopCriterion, cores: int) -> Callable[[int], Effort | None]:
    """What each part gets in each round: more in the first, which begins from nothing; None when too little is left."""
    waves = -(-_parts_for(stops) // cores)

    def effort(number: int) -> Effort | None:
        iterations = None
        if stop.iterations is not None:
            if number >= ROUNDS:
                return None
            iterations = max(1, stop.iterations // ROUNDS)
        if stop.seconds is None:
            return Effort(None, iterations)
        rounds_left = max(1, ROUNDS - number) + (1 if number == 0 else 0)
        seconds = (2 if number == 0 else 1) * stop.seconds / rounds_left / waves
        return None if seconds < SHORTEST_S else Effort(seconds, iterations)

    return effort


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


def _parts_for(stops: int) -> int:
    return max(1, round(stops / PART_STOPS))


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


def _deal(problem: Problem, parts: Sequence[Sequence[Stop]], places: Places) -> list[list[Vehicle]]:
    """Each vehicle to the part that lacks most of what it could carry; of parts in equal need to the one nearest to its depot."""
    lacking = [_work(problem, part) for part in parts]
    total = sum(lacking) or 1.0
    centres = [places[[stop.location for stop in part]].mean(axis=0) for part in parts]
    classes = [{stop.waste_class for stop in part} for part in parts]
    fleets: list[list[Vehicle]] = [[] for _ in parts]
    share = total / max(1, len(problem.vehicles))
    for vehicle in problem.vehicles:
        away = [float(np.hypot(*(places[vehicle.begins_at] - centre))) for centre in centres]
        fitting = [i for i in range(len(parts)) if vehicle.classes & classes[i]] or list(range(len(parts)))
        best = max(fitting, key=lambda i: (round(lacking[i] / share), -away[i]))
        fleets[best].append(vehicle)
        lacking[best] -= share
    return fleets


def _work(problem: Problem, part: Sequence[Stop]) -> float:
    """How much of a fleet a part takes: the greater of its shares in the time at stops and in each dimension of load."""
    shares = [sum(stop.service_s + 60 for stop in part) / sum(stop.service_s + 60 for stop in problem.stops)]
    for i in range(len(problem.dimensions)):
        whole = sum(max(0, stop.load[i]) for stop in problem.stops)
        shares.append(sum(max(0, stop.load[i]) for stop in part) / whole if whole else 0.0)
    return max(shares)


def _left_over(problem: Problem, parts: Sequence[Sequence[Stop]], places: Places) -> list[list[Stop]]:
    """Stops in no part, each given to the part whose middle is nearest; alternatives of a stop that is served go with it."""
    taken = {stop.key: i for i, part in enumerate(parts) for stop in part}
    groups = {stop.group: i for i, part in enumerate(parts) for stop in part if stop.group is not None}
    centres = np.array([places[[stop.location for stop in part]].mean(axis=0) for part in parts])
    extra: list[list[Stop]] = [[] for _ in parts]
    for unit in _units(problem):
        missing = [stop for stop in unit if stop.key not in taken]
        if missing:
            apart = np.hypot(*(centres - places[missing[0].location]).T)
            group, nearest = missing[0].group, int(apart.argmin())
            extra[nearest if group is None else groups.get(group, nearest)].extend(missing)
    return extra
