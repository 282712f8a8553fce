"""What was weighed, and of what: containers, the scales' tickets, the lifts on them; and what ails a ticket that cannot be."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

NEAR: Final = 1.6
"""A wrong ticket is told by what puts it right to within this factor."""
TARES_KG: Final = (3_000.0, 20_000.0)
"""What empty collection trucks weigh, from a small tipper to a 32 t loader (our own belief)."""


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """The p containers, and what is believed of them before any ticket.

    Parameters
    ----------
    keys, waste_class, zone
        One entry a container.
    density_kg_l
        The register's figure (p,), kg a loose litre.
    class_spread
        By class, the standard deviation of a town's density relative to that figure.
    """

    keys: tuple[Hashable, ...]
    waste_class: tuple[str, ...]
    zone: tuple[Hashable, ...]
    density_kg_l: Array
    class_spread: Mapping[str, float]

    def __post_init__(self) -> None:
        if not len(self.keys) == len(self.waste_class) == len(self.zone) == len(self.density_kg_l):
            raise ValueError("keys, waste_class, zone and density_kg_l have one entry a container")
        if not np.all(self.density_kg_l > 0):
            raise ValueError("densities must be above 0")

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True, eq=False)
class Tickets:
    """What scales said, one entry a ticket, oldest first.

    Parameters
    ----------
    keys
        To name them by.
    kg, sd_kg
        Net weight, and the standard deviation of the weighing itself, above 0 (m,).
    day
        Number of the day (m,).
    tare_kg
        Empty weight of the truck (m,), NaN where not known; only to say what went wrong with a ticket.
    """

    keys: tuple[Hashable, ...]
    kg: Array
    sd_kg: Array
    day: Index
    tare_kg: Array

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True, eq=False)
class Lifts:
    """What went onto the tickets, one entry a lift.

    Parameters
    ----------
    ticket, container
        Row in `Tickets` and in `Register` (n,).
    litres, litres_sd
        Loose litres and their standard deviation (n,). Best estimates: raw echoes would draw densities towards 0.
    """

    ticket: Index
    container: Index
    litres: Array
    litres_sd: Array


@dataclass(frozen=True, slots=True)
class SetAside:
    """A ticket that says something else than all others, and what seems to have happened."""

    key: Hashable
    kg: float
    expected_kg: float
    why: str


def what_happened(kg: float, expected_kg: float, tare_kg: float) -> str:
    """The likeliest story of a ticket that cannot be; `tare_kg` is NaN where nobody knows what the empty truck weighs."""
    if expected_kg <= 0:
        return "no lift with a known volume is on it"
    if kg <= 0:
        return "it says that nothing was weighed"
    for factor, story in ((1000.0, "keyed in tonnes"), (10.0, "a digit is missing"), (0.1, "a digit too many")):
        if 1 / NEAR <= kg * factor / expected_kg <= NEAR:
            return story
    over = kg - expected_kg
    if 0.75 * tare_kg <= over <= 1.3 * tare_kg or (isnan(tare_kg) and TARES_KG[0] <= over <= TARES_KG[1]):
        return "the empty truck's weight was not taken off"
    return "too heavy for its lifts: some may be missing" if over > 0 else "too light for its lifts: part may have been unloaded elsewhere"
