"""What a vehicle brings to the streets: its size, its top speed, and how much slower than free flow it is."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Self

from routing.roads.tags import FREE_FLOW_KMH

HEAVY_ABOVE_T: Final = 3.5
"""Goods vehicles above this weight are those that signs mean by a lorry (``hgv``)."""


@dataclass(frozen=True, kw_only=True)
class VehicleProfile:
    """A class of vehicles that share one travel-time matrix.

    `speed_factor` holds (highway class, factor) pairs; a class without one has the factor 1. Factors are a start value:
    calibrate them on the vehicles' own traces with `calibrated`.
    """

    name: str
    height_m: float
    width_m: float
    length_m: float
    weight_t: float
    max_speed_kmh: float
    speed_factor: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if min(self.height_m, self.width_m, self.length_m, self.weight_t, self.max_speed_kmh) <= 0:
            raise ValueError(f"vehicle {self.name!r}: sizes, weight and top speed must be above 0")
        for street_class, factor in self.speed_factor:
            if street_class not in FREE_FLOW_KMH:
                raise ValueError(f"vehicle {self.name!r}: no highway class {street_class!r}")
            if not 0.05 <= factor <= 2:
                raise ValueError(f"vehicle {self.name!r}: speed factor {factor} on {street_class} is not within 0.05..2")
        object.__setattr__(self, "speed_factor", tuple(sorted(dict(self.speed_factor).items())))

    @property
    def heavy(self) -> bool:
        """Whether signs for lorries apply."""
        return self.weight_t > HEAVY_ABOVE_T

    @property
    def key(self) -> str:
        """Stable name of everything but the name: profiles with one key share their matrices."""
        content = {name: value for name, value in asdict(self).items() if name != "name"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def calibrated(self, factors: Mapping[str, float]) -> Self:
        """Return the profile with these speed factors (highway class → factor) in place of its own."""
        return replace(self, speed_factor=tuple({**dict(self.speed_factor), **factors}.items()))


def _in_town(factor: float) -> tuple[tuple[str, float], ...]:
    """One factor for every street where a load and its stopping tell; motorways are limited by the top speed alone."""
    return tuple((name, factor) for name in FREE_FLOW_KMH if not name.startswith(("motorway", "trunk")))


TRUCK_26T: Final = VehicleProfile(
    name="26 t rear loader", height_m=3.6, width_m=2.55, length_m=10.0, weight_t=26, max_speed_kmh=80, speed_factor=_in_town(0.85)
)
TRUCK_16T: Final = VehicleProfile(
    name="16 t compact", height_m=3.4, width_m=2.4, length_m=8.0, weight_t=16, max_speed_kmh=80, speed_factor=_in_town(0.88)
)
TRUCK_SMALL: Final = VehicleProfile(
    name="small truck", height_m=2.6, width_m=2.0, length_m=6.0, weight_t=3.5, max_speed_kmh=100, speed_factor=_in_town(0.95)
)
PRESETS: Final = (TRUCK_26T, TRUCK_16T, TRUCK_SMALL)
