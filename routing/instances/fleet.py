"""The vehicles of VRPLIB instances: one entry a vehicle, in fields that hold for all or in sections of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from routing.errors import InstanceFormatError
from routing.instances.figures import Floats, whole
from routing.instances.sections import VrplibFile
from routing.problem import Vehicle, Window

VEHICLE_PARTS = (
    "CAPACITY",
    "VEHICLES_DEPOT",
    "VEHICLES_ALLOWED_CLIENTS",
    "VEHICLES_RELOAD_DEPOT",
    "VEHICLES_MAX_RELOADS",
    "VEHICLES_MAX_DISTANCE",
    "VEHICLES_MAX_DURATION",
    "VEHICLES_FIXED_COST",
    "VEHICLES_UNIT_DISTANCE_COST",
)


@dataclass(frozen=True)
class Truck:
    """One vehicle as its file describes it; `number` counts from 1, locations from 0. `sites` None: it may go anywhere."""

    number: int
    depot: int
    capacity: int
    fixed_cost: int
    cost_per_m: int
    max_duration_s: int | None
    max_distance_m: int | None
    reloads_at: frozenset[int]
    max_reloads: int | None
    sites: frozenset[int] | None

    @property
    def like(self) -> Truck:
        """What it shares with others of its kind: all but the number."""
        return replace(self, number=0)


def read_fleet(
    file: VrplibFile, depots: frozenset[int], size: int, rounded: Callable[[Floats], Floats], *, capacities: list[int]
) -> list[Truck]:
    """All vehicles of a file, in its order, as many as there are capacities (`count_of`)."""
    for part in sorted(file.fields.keys() | file.sections.keys()):
        if part.startswith("VEHICLES_") and part not in VEHICLE_PARTS:
            raise InstanceFormatError(f"{part} is not understood: left out, it would be another problem")
    count = len(capacities)
    columns = zip(
        range(1, count + 1),
        _homes(file, count, depots),
        capacities,
        whole(rounded(file.column("VEHICLES_FIXED_COST", rows=count, default=0)), "VEHICLES_FIXED_COST"),
        whole(file.column("VEHICLES_UNIT_DISTANCE_COST", rows=count, default=1), "VEHICLES_UNIT_DISTANCE_COST"),
        _limits(file, _duration_part(file), count, rounded),
        _limits(file, "VEHICLES_MAX_DISTANCE", count, rounded),
        _reloads(file, count, depots),
        _limits(file, "VEHICLES_MAX_RELOADS", count, lambda values: values),
        _sites(file, count, size),
        strict=True,
    )
    return [Truck(*one) for one in columns]


def count_of(file: VrplibFile, customers: int) -> int:
    """How many vehicles a file has: as it says, else one a customer; where all are alike, no more than that are of use."""
    if not file.has("VEHICLES"):
        return customers
    listed = any(part in file.sections for part in VEHICLE_PARTS)
    return file.count("VEHICLES") if listed else min(file.count("VEHICLES"), customers)


def only_loads_bind(file: VrplibFile) -> bool:
    """Is capacity all that ends a route: no hours, no lengths, no second trips?"""
    others = ("TIME_WINDOW", "DISTANCE", "VEHICLES_MAX_DURATION", "VEHICLES_MAX_DISTANCE", "VEHICLES_RELOAD_DEPOT", "RELEASE_TIME")
    return not any(file.has(name) for name in others)


def without_spare(trucks: list[Truck], total_load: int) -> list[Truck]:
    """Only so many of each kind as some best plan can use.

    Where load alone binds, two routes of one kind that fit into one vehicle are no dearer as one route (the triangle inequality),
    so that all but one of a kind are more than half full: 2 × total load / capacity + 1 are enough.
    """
    kept: list[Truck] = []
    seen: Counter[Truck] = Counter()
    for truck in trucks:
        seen[truck.like] += 1
        if seen[truck.like] <= 2 * total_load // max(truck.capacity, 1) + 1:
            kept.append(truck)
    return kept


def needs_of(trucks: list[Truck], customers: Iterable[int]) -> dict[int, frozenset[str]]:
    """What each customer needs of a vehicle (`Stop.needs`): to be of a kind that may come; nothing where all may."""
    kinds = _kinds(trucks)
    needs = {}
    for location in customers:
        names = [name for sites, name in kinds.items() if sites is None or location in sites]
        if not names:
            raise InstanceFormatError(f"VEHICLES_ALLOWED_CLIENTS_SECTION: no vehicle may serve {location + 1}")
        needs[location] = frozenset[str]() if len(names) == len(kinds) else frozenset({_any_of(names)})
    return needs


def vehicles_of(trucks: list[Truck], shifts: Mapping[int, Window]) -> tuple[Vehicle, ...]:
    """The vehicles, each from its depot and back to it within the depot's hours, named by their number in the file."""
    offers = _offers(trucks)
    return tuple(
        Vehicle(
            key=f"vehicle {truck.number}",
            start_location=truck.depot,
            end_location=truck.depot,
            capacity=(truck.capacity,),
            shift=shifts[truck.depot],
            ends_empty=False,
            max_duration_s=truck.max_duration_s,
            max_distance_m=truck.max_distance_m,
            max_trips=truck.max_reloads,
            fixed_cost=truck.fixed_cost,
            cost_per_m=truck.cost_per_m,
            offers=offers[truck.sites],
        )
        for truck in trucks
    )


def _kinds(trucks: list[Truck]) -> dict[frozenset[int] | None, str]:
    distinct = dict.fromkeys(truck.sites for truck in trucks)
    return {sites: str(number) for number, sites in enumerate(distinct, start=1)}


def _any_of(names: list[str]) -> str:
    return f"kind {' or '.join(names)}"


def _offers(trucks: list[Truck]) -> dict[frozenset[int] | None, frozenset[str]]:
    """What each kind offers: every combination of kinds that a customer asks for and that it is one of."""
    kinds = _kinds(trucks)
    customers = frozenset[int]().union(*(sites for sites in kinds if sites is not None))
    asked: dict[frozenset[int] | None, set[str]] = {sites: set() for sites in kinds}
    for location in customers:
        of = [sites for sites in kinds if sites is None or location in sites]
        if len(of) < len(kinds):
            for sites in of:
                asked[sites].add(_any_of([kinds[one] for one in of]))
    return {sites: frozenset(names) for sites, names in asked.items()}


def _homes(file: VrplibFile, count: int, depots: frozenset[int]) -> list[int]:
    if not file.has("VEHICLES_DEPOT"):
        return [min(depots)] * count
    homes = [number - 1 for number in whole(file.column("VEHICLES_DEPOT", rows=count), "VEHICLES_DEPOT_SECTION")]
    if strangers := [home for home in homes if home not in depots]:
        raise InstanceFormatError(f"VEHICLES_DEPOT_SECTION: {strangers[0] + 1} is no depot of DEPOT_SECTION")
    return homes


def _reloads(file: VrplibFile, count: int, depots: frozenset[int]) -> list[frozenset[int]]:
    part = "VEHICLES_RELOAD_DEPOT"
    if not file.has(part):
        return [frozenset()] * count
    lists = file.lists(part, rows=count, among=range(1, max(depots) + 2))
    if strangers := [number for numbers in lists for number in numbers if number - 1 not in depots]:
        raise InstanceFormatError(f"{part}_SECTION: {strangers[0]} is no depot of DEPOT_SECTION")
    return [frozenset(number - 1 for number in numbers) for numbers in lists]


def _sites(file: VrplibFile, count: int, size: int) -> list[frozenset[int] | None]:
    if not file.has("VEHICLES_ALLOWED_CLIENTS"):
        return [None] * count
    lists = file.lists("VEHICLES_ALLOWED_CLIENTS", rows=count, among=range(1, size + 1))
    # One object a kind: thousands of vehicles compare and hash the same long list.
    one = {numbers: frozenset(number - 1 for number in numbers) for numbers in set(lists)}
    return [one[numbers] for numbers in lists]


def _duration_part(file: VrplibFile) -> str:
    # VRPLIB's own DISTANCE is the longest route, time at the customers included; PyVRP's dialect says it as a duration.
    return "DISTANCE" if file.has("DISTANCE") else "VEHICLES_MAX_DURATION"


def _limits(file: VrplibFile, part: str, count: int, rounded: Callable[[Floats], Floats]) -> list[int | None]:
    if not file.has(part):
        return [None] * count
    limits = whole(rounded(file.column(part, rows=count)), part)
    if min(limits) <= 0:
        raise InstanceFormatError(f"{part}: expected limits above 0, got {min(limits)}")
    return list(limits)
