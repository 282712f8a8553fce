"""Were the breaks taken, and in time? The checker's reading of `BreakRule`, over a ride that was driven again.

A rule with seconds is a meter that runs while the crew works (or the wheels turn), and begins anew with each rest where the rule
repeats. The ride keeps it if no rest begins, and the round does not end, with more on the meter than allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from routing.problem import BreakRule
from routing.redrive import Halt, Ride


@dataclass(frozen=True, slots=True)
class Rest:
    """One rest, with the meter's reading when it begins and when it ends."""

    begins: int
    ends: int
    length_s: int


def what_is_wrong(rule: BreakRule, ride: Ride) -> str | None:
    """Why the ride does not keep the rule, in words, or None if it does."""
    is_done = not rule.repeats and rule.key in ride.before.taken
    if is_done or ride.duration_s <= rule.only_if_longer_s:
        return None
    return _in_window(rule, ride) if rule.window is not None else _by_meter(rule, ride)


def _in_window(rule: BreakRule, ride: Ride) -> str | None:
    assert rule.window is not None
    is_over_before = rule.window.open_s + rule.duration_s <= ride.start_s
    starts_after = rule.window.close_s >= ride.end_s
    taken = _halts(rule, ride)
    if is_over_before or starts_after or any(halt.in_window for halt in taken):
        return None
    return f"{rule.key} is taken too late" if taken else f"{rule.key} is missing"


def _by_meter(rule: BreakRule, ride: Ride) -> str | None:
    most = rule.after_drive_s if rule.after_work_s is None else rule.after_work_s
    assert most is not None
    zero, parts_done, is_late = _zero(rule, ride), 0, False
    for rest in _rests(rule, ride):
        is_late = rest.begins - zero > most
        if is_late:
            break
        parts_done = _parts_done(rule, rest, parts_done)
        if parts_done == len(rule.parts_s):
            zero, parts_done = rest.ends, 0
            if not rule.repeats:
                return None
    over_s = (ride.drive_s if rule.after_work_s is None else ride.end_s) - zero - most
    if is_late:
        return f"{rule.key} is taken too late"
    return f"{rule.key} is missing: {over_s} s more than {most} s without" if over_s > 0 else None


def _parts_done(rule: BreakRule, rest: Rest, done: int) -> int:
    """How many parts are done with this rest; all of them after a whole one (a rule without parts has none to do)."""
    if rest.length_s >= rule.duration_s:
        return len(rule.parts_s)
    return done + (rest.length_s >= rule.parts_s[done])


def _zero(rule: BreakRule, ride: Ride) -> int:
    """The meter's reading when the round begins, or when the last rest before this plan ended."""
    before = ride.before
    has_rested = rule.repeats and before.rested_s > 0
    if rule.after_work_s is not None:
        return before.rested_s if has_rested else ride.start_s
    return -min(before.driven_s, max(0, before.ready_s - before.rested_s)) if has_rested else -before.driven_s


def _rests(rule: BreakRule, ride: Ride) -> Iterator[Rest]:
    for halt in _halts(rule, ride):
        length_s = halt.departure_s - halt.start_s
        if rule.after_work_s is None:
            yield Rest(halt.driven_s, halt.driven_s, length_s)
        else:
            yield Rest(halt.start_s, halt.departure_s, length_s)


def _halts(rule: BreakRule, ride: Ride) -> list[Halt]:
    return [halt for halt in ride.halts if halt.place == rule]
