"""The rules of a waste round, each one named function over a ride that was driven again (`redrive.py`).

A violation carries what a dispatcher needs: which rule, which truck, which stop, by how much, in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from routing.problem import BreakRule, Facility, Problem, Stop
from routing.redrive import Halt, Ride
from routing.rest_rules import what_is_wrong


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
    for halt, _ in _pickups(ride):
        over = _excess(halt.load_after, ride.vehicle.capacity)
        if any(over):
            yield _broken("load_within_capacity", ride, halt, over, f"{_words(over, problem)} above capacity")


def load_within_compartment(ride: Ride, problem: Problem) -> Iterator[Violation]:
    """Where the body has parts, each holds no more of its classes than it has room for."""
    for number, part in enumerate(ride.vehicle.compartments):
        held = ride.before.load if ride.before.classes & part.classes else (0,) * len(part.capacity)
        for halt, place in _work(ride):
            if isinstance(place, Facility):
                held = (0,) * len(part.capacity)
            elif place.waste_class in part.classes:
                held = tuple(h + after - before for h, after, before in zip(held, halt.load_after, halt.load_before, strict=True))
                over = _excess(held, part.capacity)
                if any(over):
                    yield _broken(
                        "load_within_compartment", ride, halt, over, f"{_words(over, problem)} too much for compartment {number + 1}"
                    )


def one_class_per_trip(ride: Ride, problem: Problem) -> Iterator[Violation]:
    """All that is on board at a time is of one class, unless the vehicle may mix or has compartments."""
    if not ride.vehicle.one_class_per_trip or ride.vehicle.compartments:
        return
    for halt, stop in _pickups(ride):
        others = halt.classes_before - {stop.waste_class}
        if others and stop.key not in problem.taken_up_at:
            yield _broken("one_class_per_trip", ride, halt, (), f"{stop.waste_class} lifted onto {', '.join(sorted(others))}")


def vehicle_carries_class(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001 - every rule has this shape
    """A vehicle lifts only classes that it may carry, and, if its body has parts, has a part for."""
    parts = ride.vehicle.compartments
    for halt, stop in _pickups(ride):
        if stop.waste_class not in ride.vehicle.classes:
            yield _broken("vehicle_carries_class", ride, halt, (), f"it may not carry {stop.waste_class}")
        elif parts and not any(stop.waste_class in part.classes for part in parts):
            yield _broken("vehicle_carries_class", ride, halt, (), f"it has no compartment for {stop.waste_class}")


def vehicle_allowed(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """A vehicle goes only where it is permitted and has what the stop needs."""
    for halt, stop in _pickups(ride):
        missing = stop.needs - ride.vehicle.offers
        if missing:
            yield _broken("vehicle_allowed", ride, halt, (), f"it lacks {', '.join(sorted(missing))}")
        if stop.allowed_vehicles is not None and ride.vehicle.key not in stop.allowed_vehicles:
            yield _broken("vehicle_allowed", ride, halt, (), "it is not permitted there")


def facility_accepts_class(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Waste is unloaded only where its class is accepted."""
    for halt, facility in _unloads(ride):
        refused = halt.classes_before - facility.accepts
        if refused:
            yield _broken("facility_accepts_class", ride, halt, (), f"{facility.key} does not accept {', '.join(sorted(refused))}")


def ends_empty(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """The truck ends empty: after the last pickup comes an unload, and what was taken up to be brought elsewhere has been set down."""
    if ride.vehicle.ends_empty and ride.classes_at_end:
        last = next((halt for halt, _ in reversed(_pickups(ride))), None)
        yield _broken("ends_empty", ride, last, ride.load_at_end, f"comes home with {', '.join(sorted(ride.classes_at_end))} on board")


def delivered_after_pickup(ride: Ride, problem: Problem) -> Iterator[Violation]:
    """What is taken up to be brought elsewhere is set down there by the same vehicle, later in the same trip; nothing else is."""
    on_board: set[str] = set()
    for halt, place in _work(ride):
        if isinstance(place, Facility):
            yield from _not_brought(ride, problem, on_board)
            on_board.clear()
        elif place.bring_to is not None:
            on_board.add(place.key)
        elif place.key in problem.taken_up_at:
            source = problem.taken_up_at[place.key]
            if source not in on_board:
                yield _broken("delivered_after_pickup", ride, halt, (), f"what {source} gives is not on board")
            on_board.discard(source)
    yield from _not_brought(ride, problem, on_board)


def released(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """A trip leaves the depot, or the unload before it, only once what its stops take is there."""
    for halt, stop in _pickups(ride):
        early_s = stop.release_s - halt.trip_left_s
        if early_s > 0:
            yield _broken("released", ride, halt, (early_s,), f"the trip leaves {early_s} s before it is released")


def head_kept(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """What the driver has been told comes first, in that order, and in full."""
    done = [place.key for _, place in _work(ride)]
    for place, key in enumerate(ride.vehicle.head):
        if done[place : place + 1] != [key]:
            yield Violation(rule="head_kept", vehicle=ride.vehicle.key, stop=key, detail=f"is not visit {place + 1} of the round")
            return


def sequence_kept(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Stops that have a given order are served in it."""
    rank = {key: number for number, key in enumerate(ride.vehicle.sequence)}
    last = -1
    for halt, stop in _pickups(ride):
        number = rank.get(stop.key, last)
        if number < last:
            yield _broken("sequence_kept", ride, halt, (), f"comes after {ride.vehicle.sequence[last]}")
        last = max(last, number)


def trips_within_limit(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """No more unloads than the vehicle may make."""
    yield from _above(ride, "trips_within_limit", ride.before.unloads + len(_unloads(ride)), ride.vehicle.max_trips, "unloads")


def stops_within_limit(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """No more stops than the vehicle may serve."""
    yield from _above(ride, "stops_within_limit", ride.before.stops + len(_pickups(ride)), ride.vehicle.max_stops, "stops")


def lifted_within_limit(ride: Ride, problem: Problem) -> Iterator[Violation]:
    """Over the whole round no more is lifted than the vehicle's daily cap, in each dimension."""
    if ride.vehicle.max_lifted is None:
        return
    over = _excess(ride.lifted, ride.vehicle.max_lifted)
    if any(over):
        yield _broken("lifted_within_limit", ride, None, over, f"{_words(over, problem)} more than a round may lift")


def distance_within_limit(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """The round is no longer on the road than the vehicle may go."""
    yield from _above(ride, "distance_within_limit", ride.before.driven_m + ride.distance_m, ride.vehicle.max_distance_m, "m driven")


def arrives_within_window(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Work at a stop starts within one of its windows."""
    yield from _outside_windows(ride, "arrives_within_window", _pickups(ride))


def facility_open(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Unloading starts while the facility is open."""
    yield from _outside_windows(ride, "facility_open", _unloads(ride))


def shift_respected(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """The round starts and ends within the shift; a start that lies in the past is no matter."""
    early_s, late_s = ride.vehicle.shift.open_s - ride.start_s, ride.end_s - ride.vehicle.shift.close_s
    if early_s > 0 and ride.vehicle.under_way is None:
        yield _broken("shift_respected", ride, None, (early_s,), f"starts before the shift by {early_s} s")
    if late_s > 0:
        yield _broken("shift_respected", ride, None, (late_s,), f"ends after the shift by {late_s} s")


def starts_in_time(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """The round begins by the vehicle's latest start, unless it has begun already."""
    if ride.vehicle.under_way is None:
        yield from _above(ride, "starts_in_time", ride.start_s, ride.vehicle.latest_start_s, "s at the start")


def duration_within_limit(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """The round lasts no longer than the vehicle's maximum."""
    yield from _above(ride, "duration_within_limit", ride.duration_s, ride.vehicle.max_duration_s, "s from start to end")


def driving_within_limit(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """The wheels turn no longer than the crew may drive."""
    yield from _above(ride, "driving_within_limit", ride.before.driven_s + ride.drive_s, ride.vehicle.max_drive_s, "s at the wheel")


def break_taken(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """Every break that the round's hours make due is in it, on time, as often as it takes."""
    for rule in ride.vehicle.breaks:
        wrong = what_is_wrong(rule, ride)
        if wrong is not None:
            yield Violation(rule="break_taken", vehicle=ride.vehicle.key, stop=rule.key, detail=wrong)


def break_where_it_stands(ride: Ride, problem: Problem) -> Iterator[Violation]:  # noqa: ARG001
    """A break is taken where the work before it ended or where the next begins."""
    here = ride.vehicle.begins_at
    for number, halt in enumerate(ride.halts):
        if not isinstance(halt.place, BreakRule):
            here = halt.location
            continue
        ahead = [later.location for later in ride.halts[number:] if not isinstance(later.place, BreakRule)]
        if halt.location not in (here, [*ahead, ride.vehicle.end_location][0]):
            yield _broken("break_where_it_stands", ride, halt, (), "is taken on the way")


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
    load_within_compartment,
    one_class_per_trip,
    vehicle_carries_class,
    vehicle_allowed,
    facility_accepts_class,
    ends_empty,
    delivered_after_pickup,
    released,
    head_kept,
    sequence_kept,
    trips_within_limit,
    stops_within_limit,
    lifted_within_limit,
    distance_within_limit,
    arrives_within_window,
    facility_open,
    shift_respected,
    starts_in_time,
    duration_within_limit,
    driving_within_limit,
    break_taken,
    break_where_it_stands,
    road_exists,
)


def _work(ride: Ride) -> list[tuple[Halt, Stop | Facility]]:
    return [(halt, halt.place) for halt in ride.halts if isinstance(halt.place, Stop | Facility)]


def _pickups(ride: Ride) -> list[tuple[Halt, Stop]]:
    return [(halt, halt.place) for halt in ride.halts if isinstance(halt.place, Stop)]


def _unloads(ride: Ride) -> list[tuple[Halt, Facility]]:
    return [(halt, halt.place) for halt in ride.halts if isinstance(halt.place, Facility)]


def _broken(rule: str, ride: Ride, halt: Halt | None, over: tuple[int, ...], detail: str) -> Violation:
    stop = None if halt is None else halt.claimed.key
    return Violation(rule=rule, vehicle=ride.vehicle.key, stop=stop, over=over, detail=detail)


def _excess(amounts: tuple[int, ...], most: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(0, amount - limit) for amount, limit in zip(amounts, most, strict=True))


def _words(over: tuple[int, ...], problem: Problem) -> str:
    return ", ".join(f"{amount} {name}" for amount, name in zip(over, problem.dimensions, strict=True) if amount)


def _above(ride: Ride, rule: str, amount: int, most: int | None, unit: str) -> Iterator[Violation]:
    if most is not None and amount > most:
        yield _broken(rule, ride, None, (amount - most,), f"{amount} {unit}, {most} allowed")


def _not_brought(ride: Ride, problem: Problem, on_board: set[str]) -> Iterator[Violation]:
    for key in sorted(on_board):
        detail = f"is not brought to {problem.stop_by_key[key].bring_to} in the same trip"
        yield Violation(rule="delivered_after_pickup", vehicle=ride.vehicle.key, stop=key, detail=detail)


def _outside_windows(ride: Ride, rule: str, halts: Sequence[tuple[Halt, Stop | Facility]]) -> Iterator[Violation]:
    for halt, place in halts:
        if not halt.in_window:
            late_s = halt.start_s - max(window.close_s for window in place.windows)
            yield _broken(rule, ride, halt, (late_s,), f"work starts {late_s} s after the last window closes")
