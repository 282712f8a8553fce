"""The town that is replayed: containers, places, the way between them, trucks and what they cost; nothing of what fills the containers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EARTH_M = 6_371_000.0
DETOUR = 1.3
"""Streets are about so much longer than the crow's way; every figure from such distances says so."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a day's work costs, in currency; the defaults are mid-range figures of the field (docs/planning/twin.md has their origin)."""

    truck_day: float = 230.0
    per_h: float = 58.0
    per_km: float = 0.95
    co2e_kg_per_km: float = 1.3
    co2e_kg_per_lift: float = 0.25


@dataclass(frozen=True, kw_only=True)
class Work:
    """How fast and how long a truck works."""

    speed_kmh: float = 35.0
    stop_s: int = 60
    lift_s: int = 60
    unload_s: int = 900
    shift_s: int = 8 * 3_600
    lifts_a_trip: int = 150


@dataclass(frozen=True, eq=False)
class Town:
    """n containers on m places; chambers at one place are one stop.

    Parameters
    ----------
    keys
        The containers' names (n).
    place_of
        Each container's place, 0..m-1 (n,).
    distance_m
        Shape (m + 1, m + 1): the yard, where waste is unloaded too, is the last row and column.
    distances_are
        In words: streets, or the crow's way and by which factor.
    """

    name: str
    keys: tuple[str, ...]
    place_of: NDArray[np.int64]
    distance_m: NDArray[np.int64]
    distances_are: str
    costs: Costs = Costs()
    work: Work = Work()

    @property
    def yard(self) -> int:
        return len(self.distance_m) - 1

    def places_of(self, lifted: NDArray[np.bool_]) -> frozenset[int]:
        """The places of the containers that are lifted (n,)."""
        return frozenset(self.place_of[lifted].tolist())


def town_of(
    name: str, where: dict[str, tuple[float, float]], yard: tuple[float, float], *, costs: Costs | None = None, work: Work | None = None
) -> Town:
    """A town of containers at these (longitude, latitude), distances by the crow's way times a detour."""
    places = sorted(set(where.values()))
    index = {place: i for i, place in enumerate(places)}
    metres = DETOUR * great_circle_m(np.array([*places, yard], np.float64))
    return Town(
        name=name,
        keys=tuple(where),
        place_of=np.array([index[place] for place in where.values()], np.int64),
        distance_m=np.rint(metres).astype(np.int64),
        distances_are=f"great circle × {DETOUR}",
        costs=costs or Costs(),
        work=work or Work(),
    )


def great_circle_m(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres between all (longitude, latitude) of these (n, 2), shape (n, n)."""
    longitude, latitude = np.radians(points).T
    north = np.sin((latitude[:, None] - latitude) / 2) ** 2
    east = np.sin((longitude[:, None] - longitude) / 2) ** 2
    half = north + np.cos(latitude[:, None]) * np.cos(latitude) * east
    return np.asarray(2 * EARTH_M * np.arcsin(np.sqrt(half)))
