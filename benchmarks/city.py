"""A generated city's night on real streets: containers of five classes, 60 trucks of three types, three depots, three facilities.

Where containers, depots and facilities stand is drawn from the streets of an extract; classes, loads and the fleet are made up, in
the proportions of a city's service. What is measured on it is the search; nothing that is said about this city is said about a real one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from routing.problem import COST_UNITS_PER_CURRENCY, BreakRule, Facility, Problem, Stop, Travel, Vehicle, Window
from routing.roads.graph import StreetGraph
from routing.roads.sphere import METRES_PER_DEGREE
from routing.roads.tags import HIGHWAY_CLASSES

Points = npt.NDArray[np.float64]

H = 3_600
STREETS = ("residential", "living_street", "tertiary", "unclassified", "secondary")
DEPOTS, FACILITIES = 3, 3
EDGE = 0.9
"""Facilities lie where nine tenths of the city are nearer to its middle; depots half as far out."""
OWED_SHARE = 0.75
"""Of all that is offered tonight: mandatory. The others have a prize, from what a container costs hardly ever to what it always does."""
PRIZES = (1.0, 12.0)


@dataclass(frozen=True)
class Waste:
    """One class: its share of the containers, and what one holds when it is full."""

    share: float
    litres: int
    kg: int
    compacted_kg_m3: int
    """What a press makes of it; 0 for none."""
    lift_s: int
    lift: str


CLASSES = {
    "residual": Waste(0.42, 1_100, 130, 450, 40, "rear"),
    "paper": Waste(0.22, 1_100, 60, 300, 40, "rear"),
    "plastic": Waste(0.20, 1_100, 30, 150, 40, "rear"),
    "food": Waste(0.11, 240, 90, 800, 30, "rear"),
    "glass": Waste(0.05, 3_000, 800, 0, 150, "crane"),
}


@dataclass(frozen=True)
class Body:
    """One type of truck: its share of the fleet, what it carries, and what it costs in the tenant's currency."""

    share: float
    kg: int
    litres: int
    per_day: float
    per_h: float
    per_km: float
    lift: str


BODIES = {
    "large": Body(0.50, 10_000, 22_000, 310, 62, 1.25, "rear"),
    "compact": Body(0.30, 5_500, 13_000, 230, 58, 0.95, "rear"),
    "crane": Body(0.20, 9_000, 26_000, 260, 58, 1.05, "crane"),
}
GATES = (
    (frozenset({"residual", "food"}), Window(6 * H, 16 * H), 1_200, 0.04),
    (frozenset({"paper", "plastic", "glass"}), Window(6 * H, 16 * H), 900, 0.0),
    (frozenset(CLASSES), Window(7 * H, 14 * H), 1_200, 0.03),
)
"""Accepted classes, hours, seconds of a turn-round, and the fee for a kilogram: transfer station, sorting plant, recycling yard."""
SHIFT = Window(5 * H + 1_800, 15 * H)
LONGEST_S = 8 * H + 1_800
SETUP_S = 20


def draw_places(graph: StreetGraph, containers: int, seed: int) -> Points:
    """Depots, facilities, then a place for each container, all on different streets around the densest part of the map; (lon, lat)."""
    rng = np.random.default_rng(seed)
    points = _on_streets(graph)
    xy = metres(points)
    heart = np.median(xy, axis=0)
    nearest = np.argsort(np.hypot(*(xy - heart).T), kind="stable")[: 2 * containers]
    if len(nearest) < containers + DEPOTS + FACILITIES:
        raise ValueError(f"these streets have room for {len(nearest)} places only, {containers} containers are wanted: take a larger map")
    kept = rng.permutation(nearest)
    edge_m = EDGE * np.hypot(*(xy[nearest] - heart).T).max()
    angles = rng.uniform(0, 2 * np.pi) + np.concatenate([np.arange(count) * 2 * np.pi / count for count in (DEPOTS, FACILITIES)])
    out_m = np.array([edge_m / 2] * DEPOTS + [edge_m] * FACILITIES)
    wanted = heart + out_m[:, None] * np.column_stack((np.cos(angles), np.sin(angles)))
    yards = [int(nearest[np.hypot(*(xy[nearest] - one).T).argmin()]) for one in wanted]
    return points[[*yards, *[one for one in kept.tolist() if one not in yards][:containers]]]


def _on_streets(graph: StreetGraph) -> Points:
    """The middle vertex of each piece of the streets that people live in, each place once."""
    streets = graph.streets
    chosen = np.flatnonzero(np.isin(streets.street_class[streets.segment_street], [HIGHWAY_CLASSES.index(name) for name in STREETS]))
    middle = (streets.segment_first[chosen] + streets.segment_last[chosen]) // 2
    return np.unique(np.column_stack((streets.lon[middle], streets.lat[middle])).astype(np.float64), axis=0)


def metres(lon_lat: Points) -> Points:
    """A flat picture: good enough within a city."""
    shrink = np.cos(np.radians(np.median(lon_lat[:, 1])))
    return np.asarray(lon_lat * METRES_PER_DEGREE * np.array((shrink, 1.0)))


def city_night(travel: Travel, trucks: int, seed: int) -> Problem:
    """The night of a city whose depots, facilities and containers are the matrix's locations, in the order of `draw_places`."""
    rng = np.random.default_rng(seed)
    first = DEPOTS + FACILITIES
    names = rng.choice(list(CLASSES), travel.size - first, p=[one.share for one in CLASSES.values()])
    return Problem(
        stops=tuple(_stop(first + i, str(name), rng) for i, name in enumerate(names)),
        facilities=tuple(
            Facility(key=f"gate {i}", location=DEPOTS + i, accepts=accepts, windows=(hours,), turnaround_s=turn_s, fee_per_kg=_money(fee))
            for i, (accepts, hours, turn_s, fee) in enumerate(GATES)
        ),
        vehicles=tuple(_vehicle(number, body) for number, body in enumerate(_fleet(trucks))),
        travel=(travel,),
    )


def _stop(location: int, name: str, rng: np.random.Generator) -> Stop:
    waste, owed = CLASSES[name], bool(rng.random() < OWED_SHARE)
    fill = rng.uniform(0.7, 1.05) if owed else rng.uniform(0.4, 0.8)
    return Stop(
        key=f"{name} {location}",
        location=location,
        load=(round(waste.kg * fill), round(waste.litres * fill)),
        waste_class=name,
        service_s=waste.lift_s,
        setup_s=SETUP_S,
        prize=None if owed else _money(rng.uniform(*PRIZES)),
        needs=frozenset({waste.lift}),
    )


def _fleet(trucks: int) -> list[str]:
    """The types in turn, so that each depot has its share of each."""
    counts = {name: round(trucks * body.share) for name, body in BODIES.items()}
    counts["large"] += trucks - sum(counts.values())
    return [name for name, count in counts.items() for _ in range(count)]


def _vehicle(number: int, name: str) -> Vehicle:
    body = BODIES[name]
    carried = {key: waste.compacted_kg_m3 for key, waste in CLASSES.items() if waste.lift == body.lift}
    return Vehicle(
        key=f"{name} {number + 1}",
        start_location=number % DEPOTS,
        end_location=number % DEPOTS,
        capacity=(body.kg, body.litres),
        shift=SHIFT,
        classes=frozenset(carried),
        compacted_density_kg_m3={key: density for key, density in carried.items() if density},
        max_duration_s=LONGEST_S,
        fixed_cost=_money(body.per_day),
        cost_per_s=_money(body.per_h / H),
        cost_per_m=_money(body.per_km / 1_000),
        breaks=(BreakRule(key="break", duration_s=1_800, after_work_s=6 * H),),
        offers=frozenset({body.lift}),
    )


def _money(amount: float) -> int:
    return round(amount * COST_UNITS_PER_CURRENCY)
