"""The rules of a waste round, each one named function over a ride that was driven again (`redrive.py`).

A violation carries what a dispatcher needs: which rule, which truck, which stop, by how much, in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from routing.plan import VisitKind
from routing.problem import BreakRule, Facility, Problem, Stop
from routing.redrive import Halt, Ride


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule. `over` is by how much, in the rule's own unit (a load vector, seconds, a count)."""

    rule: str
    vehicle: str | None = None
    stop: str | None = None
    over: tuple[int, ...] = ()
    detail: str = ""


Rule = Callable[[Ride, Problem], Iterator[Violation]]


def load_within_capacity(ride: Ride, problem: Problem) -> Iterator[Violation]:
    """On every trip the load stays within the vehicle's capacity in each dimension (kg, litres as compacted)."""
    for halt in ride.halts:
        over = tuple(max(0, load - most) for load, most in zip(halt.load_after, ride.vehicle.capacity, strict=True))
        if any(over) and isinstance(halt.place, Stop):
            words = ", ".join(f"{amount} {name}" for amount, name in zip(over, problem.dimensions, strict=True) if amount)
            yield Violation(
                rule="load_within_capacity", vehicle=ride.vehicle.key, stop=halt.place.key, over=over, detail=f"{words} above capacity"
            )


def one_class_per_trip(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001 - every rule has this shape
    """Between two unloads all waste is of one class, unless the vehicle may mix."""
    for halt in _pickups(ride):
        assert isinstance(halt.place, Stop)
        others = halt.classes_before - {halt.place.waste_class}
        if ride.vehicle.one_class_per_trip and others:
            detail = f"{halt.place.waste_class} lifted onto {', '.join(sorted(others))}"
            yield Violation(rule="one_class_per_trip", vehicle=ride.vehicle.key, stop=halt.place.key, detail=detail)


def vehicle_carries_class(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """A vehicle lifts only classes that it may carry."""
    for halt in _pickups(ride):
        assert isinstance(halt.place, Stop)
        if halt.place.waste_class not in ride.vehicle.classes:
            detail = f"it may not carry {halt.place.waste_class}"
            yield Violation(rule="vehicle_carries_class", vehicle=ride.vehicle.key, stop=halt.place.key, detail=detail)


def vehicle_allowed(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """A vehicle goes only where it is permitted and has what the stop needs."""
    for halt in _pickups(ride):
        assert isinstance(halt.place, Stop)
        missing = halt.place.needs - ride.vehicle.offers
        if missing:
            detail = f"it lacks {', '.join(sorted(missing))}"
            yield Violation(rule="vehicle_allowed", vehicle=ride.vehicle.key, stop=halt.place.key, detail=detail)
        if halt.place.allowed_vehicles is not None and ride.vehicle.key not in halt.place.allowed_vehicles:
            yield Violation(rule="vehicle_allowed", vehicle=ride.vehicle.key, stop=halt.place.key, detail="it is not permitted there")


def facility_accepts_class(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Waste is unloaded only where its class is accepted."""
    for halt in _unloads(ride):
        assert isinstance(halt.place, Facility)
        refused = halt.classes_before - halt.place.accepts
        if refused:
            detail = f"{halt.place.key} does not accept {', '.join(sorted(refused))}"
            yield Violation(rule="facility_accepts_class", vehicle=ride.vehicle.key, stop=halt.place.key, detail=detail)


def ends_empty(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """The truck ends empty: after the last pickup comes an unload."""
    if ride.vehicle.ends_empty and ride.classes_at_end:
        detail = f"comes home with {', '.join(sorted(ride.classes_at_end))} on board"
        yield Violation(
            rule="ends_empty", vehicle=ride.vehicle.key, stop=_pickups(ride)[-1].claimed.key, over=ride.load_at_end, detail=detail
        )


def trips_within_limit(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """No more unloads than the vehicle may make."""
    unloads, most = len(_unloads(ride)), ride.vehicle.max_trips
    if most is not None and unloads > most:
        yield Violation(rule="trips_within_limit", vehicle=ride.vehicle.key, over=(unloads - most,), detail=f"{unloads} unloads of {most}")


def arrives_within_window(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Work at a stop starts within one of its windows."""
    yield from _outside_windows(ride, "arrives_within_window", _pickups(ride))


def facility_open(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Unloading starts while the facility is open."""
    yield from _outside_windows(ride, "facility_open", _unloads(ride))


def shift_respected(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """The round starts and ends within the shift."""
    early, late = ride.vehicle.shift.open_s - ride.start_s, ride.end_s - ride.vehicle.shift.close_s
    for over, word in ((early, "starts before"), (late, "ends after")):
        if over > 0:
            yield Violation(rule="shift_respected", vehicle=ride.vehicle.key, over=(over,), detail=f"{word} the shift by {over} s")


def duration_within_limit(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """The round lasts no longer than the vehicle's maximum."""
    duration_s, most = ride.end_s - ride.start_s, ride.vehicle.max_duration_s
    if most is not None and duration_s > most:
        over = duration_s - most
        yield Violation(rule="duration_within_limit", vehicle=ride.vehicle.key, over=(over,), detail=f"lasts {over} s too long")


def break_taken(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Every break that the round's hours make due is in it, on time."""
    for rule in ride.vehicle.breaks:
        if not _is_due(rule, ride):
            continue
        taken = [halt for halt in ride.halts if halt.place == rule]
        if not any(_in_time(rule, halt, ride) for halt in taken):
            detail = f"{rule.key} is taken too late" if taken else f"{rule.key} is missing"
            yield Violation(rule="break_taken", vehicle=ride.vehicle.key, stop=rule.key, detail=detail)


def road_exists(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Between consecutive places there is a way."""
    for halt in ride.halts:
        if not halt.has_road:
            yield Violation(
                rule="road_exists", vehicle=ride.vehicle.key, stop=halt.claimed.key, detail="there is no way from the place before"
            )
    if not ride.has_road_home:
        yield Violation(rule="road_exists", vehicle=ride.vehicle.key, detail="there is no way to the end depot")


RULES: tuple[Rule, ...] = (
    load_within_capacity,
    one_class_per_trip,
    vehicle_carries_class,
    vehicle_allowed,
    facility_accepts_class,
    ends_empty,
    trips_within_limit,
    arrives_within_window,
    facility_open,
    shift_respected,
    duration_within_limit,
    break_taken,
    road_exists,
)


def _pickups(ride: Ride) -> list[Halt]:
    return [halt for halt in ride.halts if halt.claimed.kind is VisitKind.PICKUP]


def _unloads(ride: Ride) -> list[Halt]:
    return [halt for halt in ride.halts if halt.claimed.kind is VisitKind.UNLOAD]


def _outside_windows(ride: Ride, rule: str, halts: list[Halt]) -> Iterator[Violation]:
    for halt in halts:
        if not halt.in_window:
            assert isinstance(halt.place, Stop | Facility)
            late_s = halt.start_s - max(window.close_s for window in halt.place.windows)
            detail = f"work starts {late_s} s after the last window closes"
            yield Violation(rule=rule, vehicle=ride.vehicle.key, stop=halt.place.key, over=(late_s,), detail=detail)


def _is_due(rule: BreakRule, ride: Ride) -> bool:
    """A break is free outside the round if it can be over when the round starts, or start when the round has ended."""
    if rule.window is not None:
        over_before = rule.window.open_s + rule.duration_s <= ride.start_s
        starts_after = rule.window.close_s >= ride.end_s
        return not (over_before or starts_after)
    return rule.after_work_s is not None and ride.start_s + rule.after_work_s < ride.end_s


def _in_time(rule: BreakRule, halt: Halt, ride: Ride) -> bool:
    if rule.after_work_s is not None:
        return halt.start_s <= ride.start_s + rule.after_work_s
    return halt.in_window
