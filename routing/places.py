"""Where there is work: stops and facilities, and when they may be served."""

from __future__ import annotations

from dataclasses import dataclass

from routing.errors import require

DEFAULT_CLASS = "waste"
"""The class of instances that know no classes."""


@dataclass(frozen=True, slots=True)
class Window:
    """Work may start at any second from `open_s` to `close_s`, both included."""

    open_s: int
    close_s: int

    def __post_init__(self) -> None:
        require(
            0 <= self.open_s <= self.close_s, f"a window must open at or after 0 and before it closes, got {self.open_s}..{self.close_s}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One place in a round where waste of one class is lifted: a container, or several that are always lifted together.

    Parameters
    ----------
    key
        The caller's name for it; opaque here.
    location
        Row of the travel matrices. Stops may share one.
    load
        One entry a dimension of the problem; by default (kg, litres **loose**, as in the container). What the litres become
        in a truck is the truck's affair: `Vehicle.load_of`.
    service_s
        Work at the stop, each time.
    setup_s
        Work on arrival (parking, keys), spent before the window counts and only if the truck comes from another location.
    windows
        When work may start; empty means always.
    lifts
        Containers lifted here, for costs per lift.
    prize
        What serving it is worth, in cost units; None makes it mandatory.
    needs
        What a vehicle must offer (a crane, a narrow body).
    allowed_vehicles
        Keys of the vehicles that may come, or None for all.
    group
        At most one stop of a group is served; a group of mandatory stops wants exactly one.
    release_s
        What it takes to serve the stop is ready then: the trip that serves it leaves the depot, or the unload before, no earlier.
        The first trip leaves when the round starts. After an unload the truck waits there (the unload's `departure_s` is then the
        latest release of the stops up to the next unload); a vehicle that is under way waits where it will be free.
    bring_to
        Key of the stop where the same vehicle sets down, later in the same trip, what it takes up here (a container exchanged, a
        bike): that stop's load is this one's, negative. The two are served both or not at all; a prize is the first one's. Once set
        down it is on board no more, so a truck may end empty without an unload; no unload lies between the two.
    usual_vehicle, change_cost
        Served by another vehicle than its usual one, a stop costs `change_cost`: drivers who know their round, or a plan under way
        that is to change little.
    """

    key: str
    location: int
    load: tuple[int, ...]
    waste_class: str = DEFAULT_CLASS
    service_s: int = 0
    setup_s: int = 0
    windows: tuple[Window, ...] = ()
    lifts: int = 1
    prize: int | None = None
    needs: frozenset[str] = frozenset()
    allowed_vehicles: frozenset[str] | None = None
    group: str | None = None
    release_s: int = 0
    bring_to: str | None = None
    usual_vehicle: str | None = None
    change_cost: int = 0

    def __post_init__(self) -> None:
        require(bool(self.key), "a stop needs a key")
        require(self.release_s >= 0 and self.change_cost >= 0, f"stop {self.key}: release and change cost must not be negative")
        require(self.service_s >= 0 and self.setup_s >= 0, f"stop {self.key}: service and setup must not be negative")
        require(self.lifts >= 0, f"stop {self.key}: lifts must not be negative, got {self.lifts}")
        require(self.prize is None or self.prize >= 0, f"stop {self.key}: prize must not be negative, got {self.prize}")

    @property
    def mandatory(self) -> bool:
        return self.prize is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """A place to unload: which classes, when, how long it takes (`turnaround_s`, queue included), what a visit and a kilogram cost.

    An unload empties the whole truck, compartments included, so the facility must accept every class on board. The fee for the
    visit is due each time, with nothing on board too.
    """

    key: str
    location: int
    accepts: frozenset[str]
    windows: tuple[Window, ...] = ()
    turnaround_s: int = 0
    fee_per_kg: int = 0
    fee_per_visit: int = 0

    def __post_init__(self) -> None:
        require(bool(self.key), "a facility needs a key")
        least = min(self.turnaround_s, self.fee_per_kg, self.fee_per_visit)
        require(least >= 0, f"facility {self.key}: turnaround and fees must not be negative")
