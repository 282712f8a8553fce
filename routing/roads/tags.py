"""What the tags of an OpenStreetMap way mean to a truck: class, access, direction, speed limit, size limits.

Every function takes the way's tags as a mapping and never fails on odd values: what cannot be read counts as not tagged.
"""

import math
import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

Tags = Mapping[str, str]

FREE_FLOW_KMH: Final[Mapping[str, float]] = {
    "motorway": 100,
    "motorway_link": 55,
    "trunk": 80,
    "trunk_link": 50,
    "primary": 53,
    "primary_link": 40,
    "secondary": 47,
    "secondary_link": 37,
    "tertiary": 41,
    "tertiary_link": 33,
    "unclassified": 35,
    "residential": 30,
    "road": 30,
    "living_street": 12,
    "service": 14,
    "pedestrian": 8,
    "track": 10,
}
"""Usual pace in km/h where no tag says otherwise; the vehicle's factor and top speed come on top."""

HIGHWAY_CLASSES: Final = tuple(FREE_FLOW_KMH)

LIMIT_IS_REACHED: Final = 0.9
"""Share of a posted limit that traffic keeps on average."""

ZONE_KMH: Final[Mapping[str, float]] = {
    "walk": 6,
    "living_street": 10,
    "pedestrian": 10,
    "bicycle_road": 30,
    "urban": 50,
    "rural": 80,
    "trunk": 100,
    "motorway": 120,
}

_ONLY_BY_PERMISSION: Final = frozenset({"pedestrian", "track"})
_QUIET_SERVICE: Final = frozenset({"parking_aisle", "driveway", "drive-through"})
_UNITS_T: Final[Mapping[str, float]] = {"": 1, "t": 1, "kg": 0.001, "st": 0.90718, "lbs": 0.00045359, "lb": 0.00045359}
_UNITS_M: Final[Mapping[str, float]] = {"": 1, "m": 1, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "'": 0.3048}


class Access(IntEnum):
    """Who may drive in: everybody, those who have business there, nobody."""

    CLOSED = 0
    NO_THROUGH = 1
    OPEN = 2


_ACCESS: Final[Mapping[str, Access]] = {
    **dict.fromkeys(("yes", "permissive", "designated", "official", "public"), Access.OPEN),
    **dict.fromkeys(("destination", "delivery", "customers", "private", "permit", "residents"), Access.NO_THROUGH),
    **dict.fromkeys(("no", "agricultural", "forestry", "emergency", "military", "bus", "psv"), Access.CLOSED),
}


def highway_class(tags: Tags) -> str | None:
    """Class of a street that motor vehicles use, None for everything else (paths, steps, streets under construction)."""
    first = tags.get("highway", "").split(";")[0].strip()
    return first if first in FREE_FLOW_KMH and tags.get("area") != "yes" else None


def access(tags: Tags, *, heavy: bool) -> Access:
    """Access of a motor vehicle; the most specific tag decides.

    Parameters
    ----------
    heavy
        True for goods vehicles above 3.5 t, to which the ``hgv`` tags apply.
    """
    keys = ("hgv", "goods") if heavy else ("goods",)
    for key in (*keys, "motor_vehicle", "vehicle", "access"):
        known = _ACCESS.get(tags.get(key, "").split(";")[0].strip())
        if known is not None:
            return known
    if tags.get("service") == "emergency_access" or highway_class(tags) in _ONLY_BY_PERMISSION:
        return Access.CLOSED
    return Access.NO_THROUGH if tags.get("service") in _QUIET_SERVICE else Access.OPEN


def direction(tags: Tags) -> int | None:
    """1 along the way's own direction, -1 against it, 0 both; None where it changes by the hour."""
    oneway = tags.get("oneway", "")
    if oneway in ("yes", "1", "true"):
        return 1
    if oneway in ("-1", "reverse"):
        return -1
    if oneway == "reversible":
        return None
    implied = tags.get("junction") in ("roundabout", "circular") or tags.get("highway") in ("motorway", "motorway_link")
    return 1 if implied and oneway != "no" else 0


def speed_limit_kmh(tags: Tags, *, heavy: bool = True) -> float:
    """Posted limit in km/h, the lowest where several are tagged; infinite where there is none."""
    text = (tags.get("maxspeed:hgv") if heavy else None) or tags.get("maxspeed", "")
    return min((_one_speed_kmh(part.strip().lower()) for part in text.split(";")), default=math.inf)


def _one_speed_kmh(text: str) -> float:
    number = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?", text)
    if number:
        value = float(number[1]) * (1.609344 if number[2] == "mph" else 1)
        return value if value > 0 else math.inf
    zone = text.split(":", 1)[-1].replace(":", "").replace("_", "")  # "DE:zone:30", "de:zone30", "RU:urban"
    if re.fullmatch(r"zone\d+", zone):
        return float(zone[4:])
    return next((kmh for name, kmh in ZONE_KMH.items() if zone == name.replace("_", "")), math.inf)


def max_weight_t(tags: Tags) -> float:
    """Lowest tagged weight limit in tonnes, infinite where there is none."""
    keys = ("maxweight", "maxweight:hgv", "maxweightrating", "maxweightrating:hgv")
    return min(_measure(tags.get(key, ""), _UNITS_T) for key in keys)


def max_size_m(tags: Tags, what: str) -> float:
    """Tagged limit in metres; `what` is ``height``, ``width`` or ``length``. Infinite where there is none."""
    keys = (f"max{what}", f"max{what}:physical", f"max{what}:hgv")
    return min(_measure(tags.get(key, ""), _UNITS_M) for key in keys)


def _measure(text: str, units: Mapping[str, float]) -> float:
    text = text.strip().lower().replace(",", ".")
    feet = re.fullmatch(r"(\d+)\s*'\s*(?:(\d+(?:\.\d+)?)\s*(?:\"|'')?)?", text)
    if feet and "'" in units:
        return int(feet[1]) * 0.3048 + float(feet[2] or 0) * 0.0254
    number = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text)
    if not number or number[2] not in units or float(number[1]) <= 0:
        return math.inf  # "default", "none", "below_default", a typing error
    return float(number[1]) * units[number[2]]


def blocks_vehicles(tags: Tags) -> bool:
    """Whether a point on the street (a bollard, a locked gate) lets no motor vehicle pass."""
    barrier = tags.get("barrier", "")
    for key in ("motor_vehicle", "vehicle", "access"):
        if key in tags:
            return bool(barrier) and _ACCESS.get(tags[key], Access.OPEN) is Access.CLOSED
    return barrier in ("bollard", "block", "jersey_barrier", "cycle_barrier", "log", "debris", "planter", "motorcycle_barrier")
