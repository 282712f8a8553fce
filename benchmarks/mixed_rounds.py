"""Generated rounds of a mixed fleet: 100 stops on 30 × 30 km, two landfills with hours, kilograms and litres, and trucks that end empty.

The kind of round that a franchise in the country drives: too many rules for a solver of the textbooks, too few stops for size to matter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing.instances import Instance
from routing.problem import COST_UNITS_PER_CURRENCY, DEFAULT_CLASS, Facility, Problem, Stop, Travel, Vehicle, Window

H = 3_600
SIDE_M, DETOUR, ROUGHNESS, METRES_PER_S = 30_000, 1.3, 0.05, 10.0
"""Roads are longer than the crow's way, by up to a twentieth more in one direction than in the other; lorries make 36 km/h."""
GARAGE, LANDFILLS = (5_000, 15_000), ((26_000, 26_000), (24_000, 3_000))
HOURS, TURNAROUND_S = (Window(7 * H, 15 * H), Window(6 * H, 13 * H)), 900
SHIFT, LONGEST_S = Window(6 * H, 16 * H), 8 * H
TIED_SHARE, TIED_OPENS_H, TIED_S = 0.3, (6, 11), 4 * H
"""Stops that want to be served within four hours, which open at a full hour from 6 to 10."""
KINDS = (("large", 7_000, 18_000, 60, 1.0), ("small", 4_000, 11_000, 40, 0.7))
"""Name, kilograms, litres, € a day, € a kilometre."""
OF_EACH, EUR_PER_H = 3, 30


def mixed_round(seed: int, stops: int = 100) -> Instance:
    """The round of a seed; its costs are printed in €."""
    rng = np.random.default_rng(seed)
    xy = np.vstack([GARAGE, *LANDFILLS, rng.uniform(0, SIDE_M, (stops, 2))])
    first = 1 + len(LANDFILLS)
    problem = Problem(
        stops=tuple(_stop(number, first + number, rng) for number in range(stops)),
        facilities=tuple(
            Facility(
                key=f"landfill {number + 1}",
                location=1 + number,
                accepts=frozenset({DEFAULT_CLASS}),
                windows=(hours,),
                turnaround_s=TURNAROUND_S,
            )
            for number, hours in enumerate(HOURS)
        ),
        vehicles=tuple(_vehicle(number, *kind) for kind in KINDS for number in range(1, OF_EACH + 1)),
        travel=(_travel(xy, rng),),
    )
    return Instance(name=f"mixed {seed}", problem=problem, dialect="mixed", rules="", unit="€", divisors=(COST_UNITS_PER_CURRENCY,), xy=xy)


def _travel(xy: NDArray[np.float64], rng: np.random.Generator) -> Travel:
    crow_m = np.hypot(*np.moveaxis(xy[:, None] - xy[None], -1, 0))
    metres = np.rint(crow_m * DETOUR * (1 + ROUGHNESS * rng.random(crow_m.shape))).astype(np.int64)
    return Travel(np.rint(metres / METRES_PER_S).astype(np.int64), metres)


def _stop(number: int, location: int, rng: np.random.Generator) -> Stop:
    opens_s = int(rng.integers(*TIED_OPENS_H)) * H
    return Stop(
        key=f"stop {number + 1}",
        location=location,
        load=(int(rng.integers(60, 400)), 10 * int(rng.integers(30, 110))),
        service_s=int(rng.integers(60, 240)),
        windows=(Window(opens_s, opens_s + TIED_S),) if rng.random() < TIED_SHARE else (),
    )


def _vehicle(number: int, kind: str, kg: int, litres: int, eur_per_day: int, eur_per_km: float) -> Vehicle:
    return Vehicle(
        key=f"{kind} {number}",
        start_location=0,
        end_location=0,
        capacity=(kg, litres),
        shift=SHIFT,
        max_duration_s=LONGEST_S,
        fixed_cost=eur_per_day * COST_UNITS_PER_CURRENCY,
        cost_per_m=round(eur_per_km * COST_UNITS_PER_CURRENCY / 1_000),
        cost_per_s=EUR_PER_H * COST_UNITS_PER_CURRENCY // H,
    )
