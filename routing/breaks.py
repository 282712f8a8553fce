"""Where breaks go: at the ends of legs, in time by their rules, and where they make the round longest by least."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from routing.plan import VisitKind
from routing.problem import BreakRule, Vehicle, Window
from routing.timing import Task, Timer, Timing

Placed = tuple[list[Task], Timing]


@dataclass(frozen=True, slots=True)
class _Standing:
    """How far a rule is kept.

    `taken` rests and parts are in time; the next one belongs before task `first` or later. `parts` of them make no whole rest yet.
    `over_s` is how long the round lasts, or drives, from then to its end beyond what the rule allows without a rest.
    """

    taken: int
    first: int
    parts: int
    over_s: int


_NONE_YET = _Standing(0, 0, 0, 1)


def place_breaks(timer: Timer, tasks: list[Task], timing: Timing) -> Placed | None:
    """The tasks with all breaks that are due, or None where one finds no place."""
    rules = [rule for rule in timer.vehicle.breaks if not _is_done(rule, timer.vehicle)]
    placed = tasks, timing
    while (rule := _first_broken(timer, rules, *placed)) is not None:
        if not rule.repeats and _is_in(rule, placed[0]):
            return None  # a break that others have pushed out of its time
        rested = _rest(timer, rule, *placed)
        if rested is None:
            return None
        placed = rested
    return placed


def _first_broken(timer: Timer, rules: Sequence[BreakRule], tasks: list[Task], timing: Timing) -> BreakRule | None:
    return next((rule for rule in rules if not _is_kept(timer, rule, tasks, timing)), None)


def _is_done(rule: BreakRule, vehicle: Vehicle) -> bool:
    return vehicle.under_way is not None and not rule.repeats and rule.key in vehicle.under_way.taken


def _is_in(rule: BreakRule, tasks: Sequence[Task]) -> bool:
    return any(_is_of(rule, task) for task in tasks)


def _is_of(rule: BreakRule, task: Task) -> bool:
    return task.kind is VisitKind.BREAK and task.key == rule.key


def _is_kept(timer: Timer, rule: BreakRule, tasks: Sequence[Task], timing: Timing) -> bool:
    if rule.after_drive_s is None and not rule.is_due(timing.start_s, timing.end_s):
        return True
    if rule.window is not None:
        return _is_in(rule, tasks)
    return timing.duration_s <= rule.only_if_longer_s or _standing(timer, rule, tasks, timing).over_s <= 0


def _standing(timer: Timer, rule: BreakRule, tasks: Sequence[Task], timing: Timing) -> _Standing:
    """Follow the seconds of a rule that counts work or driving, from the round's start or its last rest, to the end of the round."""
    by_wheel = rule.after_drive_s is not None
    most_s = _most_s(rule)
    since_s, wheel_s = _counted_from(timer, rule, timing)
    taken = first = parts = 0
    for number, (task, start_s, drive_s) in enumerate(zip(tasks, timing.starts_s, timing.drives_s, strict=False)):
        wheel_s += drive_s
        if not _is_of(rule, task):
            continue
        if (wheel_s if by_wheel else start_s - since_s) > most_s:
            return _Standing(taken, first, parts, 1)
        taken, first = taken + 1, number + 1
        parts = parts + 1 if task.work_s in rule.parts_s else len(rule.parts_s)
        if parts == len(rule.parts_s):
            if not rule.repeats:
                return _Standing(taken, first, 0, 0)
            since_s, wheel_s, parts = start_s + task.work_s, 0, 0
    left_s = wheel_s + timing.drives_s[-1] if by_wheel else timing.end_s - since_s
    return _Standing(taken, first, parts, left_s - most_s)


def _counted_from(timer: Timer, rule: BreakRule, timing: Timing) -> tuple[int, int]:
    """The second from which the rule counts at first, and the seconds at the wheel by then."""
    out = timer.vehicle.under_way
    if out is None:
        return timing.start_s, 0
    if rule.repeats and out.rested_s:
        return out.rested_s, min(out.driven_s, out.ready_s - out.rested_s)
    return out.started_s, out.driven_s


def _rest(timer: Timer, rule: BreakRule, tasks: list[Task], timing: Timing) -> Placed | None:
    """One rest more of the rule: a whole one, or in its parts where that makes the round shorter."""
    standing = _standing(timer, rule, tasks, timing) if rule.repeats else _NONE_YET
    if standing.parts:
        return _in_parts(timer, rule, rule.parts_s[standing.parts :], tasks, timing)
    whole = _cheapest(timer, rule, rule.duration_s, tasks, timing)
    if not rule.parts_s:
        return whole
    divided = _in_parts(timer, rule, rule.parts_s, tasks, timing)
    return min((one for one in (whole, divided) if one is not None), key=lambda one: _rank(timer, rule, *one), default=None)


def _in_parts(timer: Timer, rule: BreakRule, parts_s: Sequence[int], tasks: list[Task], timing: Timing) -> Placed | None:
    placed: Placed | None = (tasks, timing)
    for number, part_s in enumerate(parts_s):
        if placed is not None:
            # The last part divides work as a whole rest does; those before it must leave it room.
            placed = _cheapest(timer, rule, part_s, *placed, early=number < len(parts_s) - 1)
    return placed


def _rank(timer: Timer, rule: BreakRule, tasks: Sequence[Task], timing: Timing) -> tuple[int, int]:
    """How long the round lasts from now on, with the rests of the rule that are still needed, and when it ends."""
    further = _further(_standing(timer, rule, tasks, timing), rule) if rule.repeats else 0
    return timing.end_s - timing.leaves_s + further * rule.duration_s, timing.end_s


def _cheapest(timer: Timer, rule: BreakRule, rest_s: int, tasks: list[Task], timing: Timing, *, early: bool = False) -> Placed | None:
    """The rest where the round lasts shortest, then ends first; of several such places the one that comes first out of `_with_rest`.

    Rests of the same rule that are still to come after it count as part of the round.
    """
    best: tuple[tuple[int, int], Placed] | None = None
    # A round without waiting cannot take a break in less than its duration: the first place that does no worse will do.
    least_s = sum(timer.busy_s(tasks)) + rest_s if timer.is_even else 0
    standing = _standing(timer, rule, tasks, timing) if rule.repeats else _NONE_YET
    if rule.repeats:
        least_s += rule.duration_s * _least_further(timer, rule, tasks, timing, standing)
    for extended in _with_rest(timer, rule, rest_s, tasks, timing, standing, early):
        timed = timer.time(extended)
        if timed is not None and _helps(timer, rule, extended, timed, standing):
            rank = _rank(timer, rule, extended, timed)
            if best is None or rank < best[0]:
                best = rank, (extended, timed)
            if rank[0] <= least_s:
                break
    return None if best is None else best[1]


def _further(standing: _Standing, rule: BreakRule) -> int:
    """Rests that are still needed."""
    return max(0, -(-standing.over_s // max(1, _most_s(rule))))


def _least_further(timer: Timer, rule: BreakRule, tasks: Sequence[Task], timing: Timing, standing: _Standing) -> int:
    """Rests that will be needed after the next one, wherever that is: each ends a span of the most that the rule allows, if so much."""
    spans = timing.drives_s if rule.after_drive_s is not None else tuple(timer.busy_s(tasks))
    return max(0, -(-sum(spans[standing.first :]) // max(1, _most_s(rule))) - 2)


def _most_s(rule: BreakRule) -> int:
    most_s = rule.after_work_s if rule.after_drive_s is None else rule.after_drive_s
    assert most_s is not None
    return most_s


def _helps(timer: Timer, rule: BreakRule, tasks: Sequence[Task], timing: Timing, before: _Standing) -> bool:
    """Is one rest more of the rule taken in time, and less time left over after it, unless it is a part of one?"""
    if not rule.repeats or timing.duration_s <= rule.only_if_longer_s:
        return _is_kept(timer, rule, tasks, timing)
    after = _standing(timer, rule, tasks, timing)
    return after.taken > before.taken and (after.parts > 0 or after.over_s < before.over_s)


def _with_rest(
    timer: Timer, rule: BreakRule, rest_s: int, tasks: list[Task], timing: Timing, standing: _Standing, early: bool
) -> Iterator[list[Task]]:
    """The break after each visit where that ended, and before each where that begins; the latest first, for a break is to divide work."""
    windows = () if rule.window is None else (rule.window,)
    places = [timer.here, *(task.location for task in tasks), timer.home]
    positions = _positions(timer, rule, tasks, timing, standing)
    for position in positions if early else reversed(positions):
        for location in dict.fromkeys((places[position], places[position + 1])):
            task = Task(VisitKind.BREAK, rule.key, location, 0, rest_s, windows)
            yield [*tasks[:position], task, *tasks[position:]]


def _positions(timer: Timer, rule: BreakRule, tasks: Sequence[Task], timing: Timing, standing: _Standing) -> list[int]:
    """Before which tasks the next rest may begin in time, if it may at all."""
    if rule.window is not None:
        window = rule.window
        return [position for position in range(len(tasks) + 1) if _is_near(window, timer, tasks, timing, position)]
    positions = range(standing.first, len(tasks) + 1)
    if rule.after_work_s is None or standing.parts or not timer.is_even:
        return list(positions)
    # Driving and work alone, which no other start makes shorter, must not use up the time until the break.
    busy_s = accumulate(list(timer.busy_s(tasks))[standing.first :], initial=0)
    return [position for position, before_s in zip(positions, busy_s, strict=False) if before_s <= rule.after_work_s]


def _is_near(window: Window, timer: Timer, tasks: Sequence[Task], timing: Timing, position: int) -> bool:
    """Can a break before task `position` start in the window, and would one visit more before it not be done by its opening anyway?"""
    before_s = timing.leaves_s if position == 0 else tasks[position - 1].leave_s(timing.starts_s[position - 1])
    could_leave_earlier_s = timing.leaves_s - timer.earliest_s
    done_next_s = timing.end_s if position == len(tasks) else tasks[position].leave_s(timing.starts_s[position])
    return before_s - could_leave_earlier_s <= window.close_s and done_next_s >= window.open_s
