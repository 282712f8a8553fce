"""Trucks with their crews: what they may carry, how long they may work, where they are and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from routing.errors import require
from routing.places import DEFAULT_CLASS, Stop, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakRule:
    """A rest of `duration_s` that must start in time. Exactly one of `window`, `after_work_s` and `after_drive_s` says when.

    Time before the start and after the end of the round counts as free: a rest is due only if the round leaves no room for it
    outside. It is taken standing, where the last visit ended or where the next begins: never on a leg. A rest counts for its own
    rule alone, and takes its whole length even if the truck would have waited.

    Parameters
    ----------
    window
        The rest starts within it; due if the round starts before the rest could be over and ends after the window has closed.
    after_work_s
        Before so many seconds since the round's start have passed (a start at that very second is in time); due if the round lasts
        longer. Service, waiting and the rests of other rules count.
    after_drive_s
        Before so many seconds at the wheel have passed: the wheels turn on legs, from depot to depot. No leg, that home included,
        may end with more than this driven since the start; due if the round drives longer.
    repeats
        From the end of each rest of this rule the seconds are counted anew, and the next one is due; not with `window`.
    parts_s
        The rest may also be taken in these parts, in this order, each before the seconds have passed that make the whole one due
        (EU 561: 900, then 1,800); only with `repeats`. A visit of this rule is a part by how long it takes (`departure_s` −
        `start_s` is one of `parts_s`; any other is the whole rest), and counts as the next part if it is at least that long; after
        the last part, as after a whole rest, the seconds are counted anew.
    only_if_longer_s
        The rule holds for rounds that last longer than this, rests included (the 45 minutes of a working day over nine hours).
    """

    key: str
    duration_s: int
    window: Window | None = None
    after_work_s: int | None = None
    after_drive_s: int | None = None
    repeats: bool = False
    parts_s: tuple[int, ...] = ()
    only_if_longer_s: int = 0

    def __post_init__(self) -> None:
        require(self.duration_s > 0, f"break {self.key}: duration must be positive, got {self.duration_s}")
        given = [name for name in ("window", "after_work_s", "after_drive_s") if getattr(self, name) is not None]
        require(len(given) == 1, f"break {self.key}: give one of window, after_work_s and after_drive_s, got {given}")
        require(min(self.after_work_s or 0, self.after_drive_s or 0) >= 0, f"break {self.key}: seconds must not be negative")
        require(not (self.repeats and self.window), f"break {self.key}: a break in a window does not repeat")
        require(
            not self.parts_s or (self.repeats and min(self.parts_s) > 0), f"break {self.key}: parts are positive and of a rule that repeats"
        )

    def is_due(self, start_s: int, end_s: int) -> bool:
        """Must a round from `start_s` to `end_s` contain this break? Of `after_drive_s` the hours alone cannot tell."""
        if end_s - start_s <= self.only_if_longer_s:
            return False
        if self.window is not None:
            return start_s < self.window.open_s + self.duration_s and end_s > self.window.close_s
        return self.after_work_s is not None and end_s - start_s > self.after_work_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """A part of the body that holds some classes apart from the others; one entry of `capacity` a dimension."""

    classes: frozenset[str]
    capacity: tuple[int, ...]

    def __post_init__(self) -> None:
        require(bool(self.classes), "a compartment needs a class")
        require(all(amount >= 0 for amount in self.capacity), f"a compartment's capacity must not be negative, got {self.capacity}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FairShare:
    """What a round should not exceed, so that crews share the work; each second, and kilogram lifted, above it has a price (0: none)."""

    duration_s: int = 0
    cost_per_s: int = 0
    load_kg: int = 0
    cost_per_kg: int = 0

    def __post_init__(self) -> None:
        least = min(self.duration_s, self.cost_per_s, self.load_kg, self.cost_per_kg)
        require(least >= 0, "a fair share and its prices must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A vehicle that has left already: the round is planned from here on, and counted from its start.

    Such a vehicle always has a route, with nothing left to visit too: it must come home, and empty if it `ends_empty`. Its route
    starts at `started_s`, whatever the shift's opening and `latest_start_s` say. The fixed cost counts, and so do seconds, overtime and
    fair share from `started_s`; of metres (`Route.distance_m` and their cost), lifts, fees and changes only what is still to come.
    Fees are due for the kilograms of `load` too. Limits count what was before.

    Parameters
    ----------
    location, ready_s
        Where it will be free for the next leg, and when: it leaves then, and waits at the next place if it must. Its
        `start_location` counts no more, and a first stop at `location` needs no setup.
    started_s
        When the round began: durations, overtime, fair share and breaks count from there.
    load, classes
        What is on board, one entry a dimension, litres as compacted; and of which classes. With compartments these ride in one.
    driven_s, driven_m, rested_s
        At the wheel and on the road so far; when the last break ended, 0 for none yet. Breaks that repeat are counted from there:
        at the wheel since then counts as the lesser of `driven_s` and `ready_s - rested_s`, the most that it can have been.
    lifted, stops, unloads
        What has been lifted in all (one entry a dimension, litres as compacted, () for nothing), at how many stops, and how often
        it was emptied: limits on load, stops and trips count them.
    taken
        Keys of the break rules that do not repeat and are done.
    """

    location: int
    ready_s: int
    started_s: int
    load: tuple[int, ...]
    classes: frozenset[str] = frozenset()
    driven_s: int = 0
    driven_m: int = 0
    rested_s: int = 0
    lifted: tuple[int, ...] = ()
    stops: int = 0
    unloads: int = 0
    taken: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        require(
            0 <= self.started_s <= self.ready_s, f"a round under way has started before it goes on, got {self.started_s} and {self.ready_s}"
        )
        require(all(amount >= 0 for amount in (*self.load, *self.lifted)), "what is on board must not be negative")
        require(bool(self.classes) or not any(self.load), "what is on board has a class")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One truck with its crew for one shift.

    Parameters
    ----------
    start_location, end_location
        Its depots; they may differ.
    capacity
        One entry a dimension; by default (kg, litres of the body).
    classes
        What it may carry.
    compacted_density_kg_m3
        Density that its press reaches, by class; a class not named is not compacted. Not to be changed after construction.
    one_class_per_trip
        All that is on board at a time is of one class. What was taken up to be brought elsewhere is on board until it is set down.
    ends_empty
        The last visit before the end depot is an unload. False: what is on board at the end is somebody else's affair
        (classic instances unload at the depot).
    shift
        Earliest start and latest end.
    max_duration_s
        Longest time from start to end, or None for the whole shift.
    fixed_cost, cost_per_s, cost_per_m, cost_per_lift
        Fixed only if it leaves at all; seconds count from start to end, waiting and breaks included.
    max_trips
        Most unloads in a round, or None.
    offers
        What stops may need.
    travel_profile
        Which of the problem's travel matrices it drives by.
    compartments
        If any: waste rides in the compartment that names its class, several classes on one trip, each within its compartment's
        capacity and all within `capacity`; `one_class_per_trip` counts no more, and classes without a compartment cannot be carried.
    stop_s, lift_s
        What this truck takes for each stop, and for each lift, on top of the stop's own `service_s`.
    latest_start_s
        The round must have begun by then, or None.
    max_drive_s, max_distance_m, max_stops, max_lifted
        Most at the wheel, on the road, of stops (those where something is set down too), and of load lifted over the whole round
        (one entry a dimension, litres as compacted; what is set down takes nothing off), or None.
    overtime_after_s, overtime_cost_per_s
        Each second that the round lasts longer costs so much more, on top of `cost_per_s`.
    fair_share
        What its crew should have of the work.
    under_way
        Where it stands, if it has left already.
    head
        Keys of stops and facilities that come first, in this order, before anything else but breaks: what a driver has been told.
        A vehicle with a head always has a route.
    sequence
        Keys of stops that are served, by whichever of them this vehicle serves, in this order.
    """

    key: str
    start_location: int
    end_location: int
    capacity: tuple[int, ...]
    shift: Window
    classes: frozenset[str] = frozenset({DEFAULT_CLASS})
    compacted_density_kg_m3: Mapping[str, int] = field(default_factory=dict, hash=False)
    one_class_per_trip: bool = True
    ends_empty: bool = True
    max_duration_s: int | None = None
    fixed_cost: int = 0
    cost_per_s: int = 0
    cost_per_m: int = 0
    cost_per_lift: int = 0
    breaks: tuple[BreakRule, ...] = ()
    max_trips: int | None = None
    offers: frozenset[str] = frozenset()
    travel_profile: int = 0
    compartments: tuple[Compartment, ...] = ()
    stop_s: int = 0
    lift_s: int = 0
    latest_start_s: int | None = None
    max_drive_s: int | None = None
    max_distance_m: int | None = None
    max_stops: int | None = None
    max_lifted: tuple[int, ...] | None = None
    overtime_after_s: int | None = None
    overtime_cost_per_s: int = 0
    fair_share: FairShare | None = None
    under_way: UnderWay | None = None
    head: tuple[str, ...] = ()
    sequence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(bool(self.key), "a vehicle needs a key")
        require(all(amount >= 0 for amount in self.capacity), f"vehicle {self.key}: capacity must not be negative, got {self.capacity}")
        require(all(d > 0 for d in self.compacted_density_kg_m3.values()), f"vehicle {self.key}: densities must be positive")
        require(self.max_duration_s is None or self.max_duration_s > 0, f"vehicle {self.key}: max_duration_s must be positive")
        require(self.max_trips is None or self.max_trips > 0, f"vehicle {self.key}: max_trips must be positive")
        require(
            min(self.fixed_cost, self.cost_per_s, self.cost_per_m, self.cost_per_lift, self.overtime_cost_per_s) >= 0,
            f"vehicle {self.key}: costs must not be negative",
        )
        require(min(self.stop_s, self.lift_s) >= 0, f"vehicle {self.key}: seconds must not be negative")
        held = Counter(name for compartment in self.compartments for name in compartment.classes)
        require(not held or max(held.values()) == 1, f"vehicle {self.key}: a class belongs to one compartment")
        require(len({rule.key for rule in self.breaks}) == len(self.breaks), f"vehicle {self.key}: breaks need different keys")
        on_board = {self.compartment_of(name) for name in self.under_way.classes} if self.under_way and self.compartments else set()
        require(len(on_board - {None}) == len(on_board) <= 1, f"vehicle {self.key}: what is on board rides in one compartment")

    @property
    def longest_s(self) -> int:
        """Longest time from start to end that shift and `max_duration_s` leave."""
        shift_s = self.shift.close_s - self.shift.open_s
        return shift_s if self.max_duration_s is None else min(shift_s, self.max_duration_s)

    @property
    def begins_at(self) -> int:
        """The location of its next leg's start."""
        return self.start_location if self.under_way is None else self.under_way.location

    @property
    def always_drives(self) -> bool:
        """Has it a route whatever there is to do: is it under way, or has its driver been told where to go?"""
        return self.under_way is not None or bool(self.head)

    def work_s(self, stop: Stop) -> int:
        """Seconds of work at the stop, setup aside."""
        return stop.service_s + self.stop_s + stop.lifts * self.lift_s

    def compartment_of(self, waste_class: str) -> Compartment | None:
        """Where the class rides, if the body has parts."""
        return next((one for one in self.compartments if waste_class in one.classes), None)

    def may_serve(self, stop: Stop) -> bool:
        """Do class, needs and permission allow it (whatever the load, time and distance)?"""
        permitted = stop.allowed_vehicles is None or self.key in stop.allowed_vehicles
        if self.compartments and self.compartment_of(stop.waste_class) is None:
            return False
        return permitted and stop.waste_class in self.classes and stop.needs <= self.offers

    def load_of(self, stop: Stop, dimensions: Sequence[str]) -> tuple[int, ...]:
        """What the stop takes up in **this** truck, one entry a dimension.

        All entries are the stop's own, but litres of a class that the truck compacts: these become load_kg / density, rounded
        up to a whole litre for each stop (so that a truck's load is a plain sum, at most one litre a stop too large), and never
        more than the loose litres, for a press does not make waste grow.
        """
        density_kg_m3 = self.compacted_density_kg_m3.get(stop.waste_class)
        if density_kg_m3 is None or "l" not in dimensions or "kg" not in dimensions:
            return stop.load
        kg, litres = stop.load[dimensions.index("kg")], dimensions.index("l")
        sign = -1 if min(stop.load) < 0 else 1  # what is set down takes up what was taken up
        pressed_l = sign * min(sign * stop.load[litres], -(-sign * kg * 1_000 // density_kg_m3))
        return (*stop.load[:litres], pressed_l, *stop.load[litres + 1 :])


def likeness(vehicle: Vehicle) -> tuple[object, ...]:
    """What vehicles have in common that only their key tells apart."""
    values = ((field.name, getattr(vehicle, field.name)) for field in fields(vehicle) if field.name != "key")
    return tuple((name, tuple(sorted(value.items())) if isinstance(value, Mapping) else value) for name, value in values)
