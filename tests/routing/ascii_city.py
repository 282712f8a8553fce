"""Tiny cities drawn in ASCII: `A----B` is two places 400 m apart, for a dash is 100 m and takes 10 s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from routing.problem import BreakRule, Facility, Problem, Stop, Travel, Vehicle, Window

DASH_M, DASH_S = 100, 10
DAY = Window(0, 24 * 3600)

Load = tuple[int, int] | Stop


@dataclass(frozen=True)
class City:
    """Places by name on one street, in both directions."""

    names: tuple[str, ...]
    dashes: tuple[int, ...]

    @property
    def travel(self) -> Travel:
        position = np.array(self.dashes)
        apart = np.abs(position[:, None] - position[None, :])
        return Travel(apart * DASH_S, apart * DASH_M)

    def at(self, name: str) -> int:
        return self.names.index(name)

    def problem(
        self,
        *vehicles: Vehicle,
        load: Mapping[str, Any],
        unload: Mapping[str, Facility] | None = None,
        travel: Travel | None = None,
    ) -> Problem:
        """Stops by name as (kg, l) or from `stop()`, trucks that live at D, and by default one facility at U that accepts everything."""
        stops = tuple(self._stop(name, given) for name, given in load.items())
        classes = frozenset(one.waste_class for one in stops)
        unload = unload if unload is not None else {"U": facility(accepts=classes)} if "U" in self.names else {}
        facilities = tuple(_moved(one, key=name, location=self.at(name[0])) for name, one in unload.items())
        homed = tuple(_moved(one, start_location=self.at("D"), end_location=self.at("D")) for one in vehicles)
        return Problem(stops=stops, facilities=facilities, vehicles=homed, travel=(travel or self.travel,))

    def _stop(self, name: str, given: tuple[int, int] | Stop) -> Stop:
        made = given if isinstance(given, Stop) else stop(*given)
        return _moved(made, key=name, location=self.at(name[0]))


def ascii_city(drawing: str) -> City:
    """`D----A--U`: letters are places, dashes distance; every letter takes no room itself."""
    names, dashes, along = [], [], 0
    for mark in drawing:
        if mark == "-":
            along += 1
        else:
            names.append(mark)
            dashes.append(along)
    return City(tuple(names), tuple(dashes))


def stop(kg: int = 10, litres: int = 10, **changes: Any) -> Stop:
    return Stop(key="?", location=0, load=(kg, litres), **changes)


def facility(accepts: frozenset[str] | set[str] = frozenset({"waste"}), **changes: Any) -> Facility:
    return Facility(key="?", location=0, accepts=frozenset(accepts), **changes)


def truck(key: str = "truck", *, capacity_kg: int = 1_000, capacity_l: int = 1_000, **changes: Any) -> Vehicle:
    """Costs 1 a metre and nothing else unless told, works all day, carries "waste" unless told."""
    defaults: dict[str, Any] = {"shift": DAY, "cost_per_m": 1, "start_location": 0, "end_location": 0}
    return Vehicle(key=key, capacity=(capacity_kg, capacity_l), **{**defaults, **changes})


def meal(open_s: int, close_s: int, duration_s: int = 1_800) -> BreakRule:
    return BreakRule(key="meal", duration_s=duration_s, window=Window(open_s, close_s))


def _moved(thing: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(thing, **changes)
