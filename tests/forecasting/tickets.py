"""A town whose densities are known: trips of one class from one or two zones, weighed as a whole, or bin by bin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.tickets import Lifts, Register, Tickets

Array = NDArray[np.float64]

REGISTER_KG_L = {"residual": 0.130, "paper": 0.200, "glass": 0.300}
CLASS_SPREAD = {"residual": 0.28, "paper": 0.24, "glass": 0.11}
ZONES = 6
TRUE = {"zone": 0.05, "container": 0.15, "day": 0.07, "trip": 0.03, "lift": 0.2}
FILL_SD, TICKET_SD_KG = 0.05, 15.0


@dataclass(frozen=True, eq=False)
class WeighedTown:
    """What scales said, and the truth behind it."""

    register: Register
    tickets: Tickets
    lifts: Lifts
    density_kg_l: Array
    """Each container's usual density."""
    day_factor: dict[tuple[str, int], float]


def make_town(
    *,
    containers: int = 180,
    days: int = 60,
    per_trip: int = 40,
    trips: int = 1,
    seed: int = 0,
    bins_alone: float = 0.0,
    true: dict[str, float] | None = None,
) -> WeighedTown:
    """Every day one or more trips a class, each through consecutive containers; of the lifts a share is weighed one by one."""
    true = TRUE | (true or {})
    rng = np.random.default_rng(seed)
    names = tuple(REGISTER_KG_L)
    waste_class = tuple(names[i % len(names)] for i in range(containers))
    zone = tuple(i * ZONES // containers for i in range(containers))
    of_class = {name: float(np.clip(rng.normal(1, CLASS_SPREAD[name]), 0.5, 1.6)) for name in names}
    of_zone = {(name, z): float(rng.normal(0, true["zone"])) for name in names for z in range(ZONES)}
    own = rng.normal(0, true["container"], containers)
    town = np.array([of_class[name] for name in waste_class])
    relative = 1 + np.array([of_zone[k, z] for k, z in zip(waste_class, zone, strict=True)]) + own
    base = np.array([REGISTER_KG_L[name] for name in waste_class])
    usual = base * town
    members = {name: [i for i in range(containers) if waste_class[i] == name] for name in names}
    day_factor = {(name, day): float(rng.normal(0, true["day"])) for name in names for day in range(days)}
    kg, sd_kg, day_of, keys = [], [], [], []
    on, what, litres, litres_sd = [], [], [], []
    for day in range(days):
        for name in names * trips:
            first = int(rng.integers(len(members[name])))
            trip = [members[name][(first + i) % len(members[name])] for i in range(min(per_trip, len(members[name])))]
            volume = rng.uniform(500, 1200, len(trip))
            held = volume + rng.normal(0, FILL_SD, len(trip)) * 1100
            density = usual[trip] * (
                relative[trip] + day_factor[name, day] + rng.normal(0, true["trip"]) + rng.normal(0, true["lift"], len(trip))
            )
            weighed = held * density
            groups = [[i] for i in range(len(trip))] if rng.random() < bins_alone else [list(range(len(trip)))]
            for group in groups:
                on += [len(keys)] * len(group)
                what += [trip[i] for i in group]
                litres += volume[group].tolist()
                litres_sd += [FILL_SD * 1100] * len(group)
                sd = TICKET_SD_KG if len(group) > 1 else 2.0
                kg.append(max(float(weighed[group].sum() + rng.normal(0, sd)), 1.0))
                sd_kg.append(sd)
                day_of.append(day)
                keys.append(f"ticket {len(keys)}")
    return WeighedTown(
        register=Register(tuple(range(containers)), waste_class, zone, base, CLASS_SPREAD),
        tickets=Tickets(tuple(keys), np.array(kg), np.array(sd_kg), np.array(day_of), np.full(len(keys), np.nan)),
        lifts=Lifts(np.array(on), np.array(what), np.array(litres), np.array(litres_sd)),
        density_kg_l=usual * relative,
        day_factor=day_factor,
    )
