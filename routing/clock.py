"""From an order of visits to a timed and priced route. The one place on the building side where times and costs are worked out.

The order alone decides a route: it leaves as late as it can without ending later (waiting at the depot is unpaid), visits start
at the first moment that their windows allow, and breaks go where they cost least time. `check.py` works the same out again in
code of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from routing.plan import Route, RouteCost, Visit, VisitKind
from routing.problem import BreakRule, Facility, Problem, Stop, Travel, Vehicle, Window

Order = tuple[Stop | Facility, ...]
"""What a vehicle visits, in order, without breaks."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One halt before it has a time."""

    kind: VisitKind
    key: str
    location: int
    setup_s: int
    work_s: int
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class _Timing:
    start_s: int
    end_s: int
    starts_s: tuple[int, ...]


def time_route(problem: Problem, vehicle: Vehicle, order: Order) -> Route | None:
    """The route that `vehicle` drives in this order, or None if a rule forbids it.

    Parameters
    ----------
    order
        Stops and facilities; may be empty, which is a drive from depot to depot.

    Returns
    -------
    Route or None
        None if the load, class, permission, window, shift, break or road rules cannot be kept in this order. With several
        windows a stop, the route leaves late for the *earliest* possible end; a later end might last shorter.
    """
    loads = carry(problem, vehicle, order)
    if loads is None:
        return None
    travel = problem.travel_of(vehicle)
    tasks = _tasks(vehicle, order)
    timing = _time(vehicle, travel, tasks)
    placed = None if timing is None else _place_breaks(vehicle, travel, tasks, timing)
    return None if placed is None else _route(problem, vehicle, order, *placed, loads)


def carry(problem: Problem, vehicle: Vehicle, order: Order) -> list[tuple[int, ...]] | None:
    """Load on board after each visit, or None where a load, class, facility or permission rule is broken."""
    nothing = (0,) * len(problem.dimensions)
    load, on_board, unloads = nothing, set[str](), 0
    after: list[tuple[int, ...]] = []
    for place in order:
        if isinstance(place, Facility):
            if not on_board <= place.accepts:
                return None
            load, on_board, unloads = nothing, set(), unloads + 1
        else:
            on_board.add(place.waste_class)
            load = tuple(a + b for a, b in zip(load, vehicle.load_of(place, problem.dimensions), strict=True))
            mixed = vehicle.one_class_per_trip and len(on_board) > 1
            if mixed or not vehicle.may_serve(place) or any(a > most for a, most in zip(load, vehicle.capacity, strict=True)):
                return None
        after.append(load)
    left_over = bool(on_board) and vehicle.ends_empty
    too_often = vehicle.max_trips is not None and unloads > vehicle.max_trips
    return None if left_over or too_often else after


def _tasks(vehicle: Vehicle, order: Order) -> list[_Task]:
    tasks = []
    here = vehicle.start_location
    for place in order:
        if isinstance(place, Facility):
            tasks.append(_Task(VisitKind.UNLOAD, place.key, place.location, 0, place.turnaround_s, place.windows))
        else:
            setup_s = place.setup_s if place.location != here else 0
            tasks.append(_Task(VisitKind.PICKUP, place.key, place.location, setup_s, place.service_s, place.windows))
        here = place.location
    return tasks


def _time(vehicle: Vehicle, travel: Travel, tasks: Sequence[_Task]) -> _Timing | None:
    """Earliest end, then latest start for that end, then each start as early as possible."""
    drives = _drives(vehicle, travel, tasks)
    if drives is None:
        return None
    earliest = _forward(tasks, drives, vehicle.shift.open_s)
    if earliest is None or earliest.end_s > vehicle.shift.close_s:
        return None
    timing = _forward(tasks, drives, max(vehicle.shift.open_s, _latest_start(tasks, drives, earliest.end_s)))
    assert timing is not None and timing.end_s == earliest.end_s
    return timing if timing.end_s - timing.start_s <= vehicle.longest_s else None


def _drives(vehicle: Vehicle, travel: Travel, tasks: Sequence[_Task]) -> list[int] | None:
    here, drives = vehicle.start_location, []
    for there in (*(task.location for task in tasks), vehicle.end_location):
        if not travel.reaches(here, there):
            return None
        drives.append(travel.drive_rows[here][there])
        here = there
    return drives


def _forward(tasks: Sequence[_Task], drives: Sequence[int], start_s: int) -> _Timing | None:
    now, starts = start_s, []
    for task, drive_s in zip(tasks, drives, strict=False):
        begin = _next_opening(task.windows, now + drive_s + task.setup_s)
        if begin is None:
            return None
        starts.append(begin)
        now = begin + task.work_s
    return _Timing(start_s, now + drives[-1], tuple(starts))


def _latest_start(tasks: Sequence[_Task], drives: Sequence[int], end_s: int) -> int:
    latest = end_s - drives[-1]
    for task, drive_s in zip(reversed(tasks), reversed(drives[:-1]), strict=True):
        latest = _last_opening(task.windows, latest - task.work_s) - task.setup_s - drive_s
    return latest


def _next_opening(windows: tuple[Window, ...], ready_s: int) -> int | None:
    if not windows:
        return ready_s
    return min((max(ready_s, window.open_s) for window in windows if ready_s <= window.close_s), default=None)


def _last_opening(windows: tuple[Window, ...], latest_s: int) -> int:
    if not windows:
        return latest_s
    return max(min(latest_s, window.close_s) for window in windows if window.open_s <= latest_s)


def _place_breaks(vehicle: Vehicle, travel: Travel, tasks: list[_Task], timing: _Timing) -> tuple[list[_Task], _Timing] | None:
    for rule in vehicle.breaks:
        if not _taken(rule, tasks, timing):
            best = _cheapest_break(vehicle, travel, tasks, rule, timing)
            if best is None:
                return None
            tasks, timing = best
    return (tasks, timing) if all(_taken(rule, tasks, timing) for rule in vehicle.breaks) else None


def _cheapest_break(
    vehicle: Vehicle, travel: Travel, tasks: list[_Task], rule: BreakRule, timing: _Timing
) -> tuple[list[_Task], _Timing] | None:
    """The break where the round lasts shortest, then ends first; of several such places the one that comes first out of `_with_break`."""
    best: tuple[tuple[int, int], list[_Task], _Timing] | None = None
    # A round without waiting cannot take a break in less than its duration: the first place that does no worse will do.
    least_s = _busy_s(vehicle, travel, tasks) + rule.duration_s
    for extended in _with_break(vehicle, travel, tasks, rule, timing):
        timed = _time(vehicle, travel, extended)
        if timed is not None and _taken(rule, extended, timed):
            rank = timed.end_s - timed.start_s, timed.end_s
            if best is None or rank < best[0]:
                best = rank, extended, timed
            if rank[0] <= least_s:
                break
    return None if best is None else best[1:]


def _with_break(vehicle: Vehicle, travel: Travel, tasks: list[_Task], rule: BreakRule, timing: _Timing) -> Iterator[list[_Task]]:
    """The break after each visit where that ended, and before each where that begins; the latest first, for a break is to divide work."""
    windows = () if rule.window is None else (rule.window,)
    places = [vehicle.start_location, *(task.location for task in tasks), vehicle.end_location]
    for position in reversed(_break_positions(vehicle, travel, tasks, rule, timing)):
        for location in dict.fromkeys((places[position], places[position + 1])):
            task = _Task(VisitKind.BREAK, rule.key, location, 0, rule.duration_s, windows)
            yield [*tasks[:position], task, *tasks[position:]]


def _break_positions(vehicle: Vehicle, travel: Travel, tasks: Sequence[_Task], rule: BreakRule, timing: _Timing) -> list[int]:
    if rule.window is not None:
        window = rule.window
        return [position for position in range(len(tasks) + 1) if _is_near(window, vehicle, tasks, timing, position)]
    assert rule.after_work_s is not None
    # Driving and work alone, which no other start makes shorter, must not use up the time until the break.
    busy_s = accumulate(_legs_s(vehicle, travel, tasks), initial=0)
    return [position for position, before_s in enumerate(list(busy_s)[:-1]) if before_s <= rule.after_work_s]


def _legs_s(vehicle: Vehicle, travel: Travel, tasks: Sequence[_Task]) -> Iterator[int]:
    """Seconds of each leg with the setup and work at its end; the last is the way home."""
    here = vehicle.start_location
    for task in tasks:
        yield travel.drive_rows[here][task.location] + task.setup_s + task.work_s
        here = task.location
    yield travel.drive_rows[here][vehicle.end_location]


def _busy_s(vehicle: Vehicle, travel: Travel, tasks: Sequence[_Task]) -> int:
    return sum(_legs_s(vehicle, travel, tasks))


def _is_near(window: Window, vehicle: Vehicle, tasks: Sequence[_Task], timing: _Timing, position: int) -> bool:
    """Can a break before task `position` start in the window, and would one visit more before it not be done by its opening anyway?"""
    before_s = timing.start_s if position == 0 else timing.starts_s[position - 1] + tasks[position - 1].work_s
    could_leave_earlier_s = timing.start_s - vehicle.shift.open_s
    done_next_s = timing.end_s if position == len(tasks) else timing.starts_s[position] + tasks[position].work_s
    return before_s - could_leave_earlier_s <= window.close_s and done_next_s >= window.open_s


def _taken(rule: BreakRule, tasks: Sequence[_Task], timing: _Timing) -> bool:
    if not rule.is_due(timing.start_s, timing.end_s):
        return True
    for task, start_s in zip(tasks, timing.starts_s, strict=True):
        if task.kind is VisitKind.BREAK and task.key == rule.key:
            return rule.after_work_s is None or start_s - timing.start_s <= rule.after_work_s
    return False


def _route(
    problem: Problem, vehicle: Vehicle, order: Order, tasks: Sequence[_Task], timing: _Timing, loads: Sequence[tuple[int, ...]]
) -> Route:
    travel = problem.travel_of(vehicle)
    visits: list[Visit] = []
    here, now, load = vehicle.start_location, timing.start_s, (0,) * len(problem.dimensions)
    upcoming = iter(loads)
    for task, start_s in zip(tasks, timing.starts_s, strict=True):
        arrival_s = now + travel.drive_rows[here][task.location]
        load = load if task.kind is VisitKind.BREAK else next(upcoming)
        here, now = task.location, start_s + task.work_s
        visits.append(
            Visit(kind=task.kind, key=task.key, location=here, arrival_s=arrival_s, start_s=start_s, departure_s=now, load_after=load)
        )
    path = [vehicle.start_location, *(task.location for task in tasks), vehicle.end_location]
    distance_m = sum(travel.distance_rows[i][j] for i, j in pairwise(path))
    cost = _cost(problem, vehicle, order, timing.end_s - timing.start_s, distance_m)
    return Route(vehicle=vehicle.key, start_s=timing.start_s, end_s=timing.end_s, distance_m=distance_m, cost=cost, visits=tuple(visits))


def _cost(problem: Problem, vehicle: Vehicle, order: Order, duration_s: int, distance_m: int) -> RouteCost:
    stops = [place for place in order if isinstance(place, Stop)]
    cost = RouteCost(
        fixed=vehicle.fixed_cost,
        time=vehicle.cost_per_s * duration_s,
        distance=vehicle.cost_per_m * distance_m,
        lifts=vehicle.cost_per_lift * sum(stop.lifts for stop in stops),
    )
    return replace(cost, fees=_fees(order, problem.dimensions.index("kg"))) if "kg" in problem.dimensions else cost


def _fees(order: Order, kg: int) -> int:
    fees = on_board_kg = 0
    for place in order:
        if isinstance(place, Facility):
            fees, on_board_kg = fees + place.fee_per_kg * on_board_kg, 0
        else:
            on_board_kg += place.load[kg]
    return fees


def lost_prizes(problem: Problem, served: frozenset[str]) -> int:
    """Prizes that are passed up: of each optional stop left out, and of each group the best prize less the one it got."""
    alone = sum(stop.prize or 0 for stop in problem.stops if stop.group is None and stop.key not in served)
    for members in problem.groups.values():
        best = max(stop.prize or 0 for stop in members)
        alone += best - max((stop.prize or 0 for stop in members if stop.key in served), default=0)
    return alone
