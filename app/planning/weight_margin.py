"""How much heavier than its mean a load is counted, so that a full truck is overweight as rarely as the tenant wants.

A stop's kilograms are its mean in the first dimension of its load, and its mean times the margin of its class in one of their own, whose
limit is the payload, too. Sums of the second say for a full truck what the chance constraint says (docs/forecasting/loads.md); fees,
fairness and pages go on with the mean.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.assets.models import Vehicle
from app.assets.waste_classes import WasteClass
from app.planning.city import City
from app.planning.select import Candidate
from forecasting.truck_load import safety_factor
from routing.problem import Problem, Stop

KG = 0
DIMENSION = "kg with margin"


@dataclass(frozen=True)
class Uncertain:
    """A stop's mean kilograms, and the standard deviations of what is wrong with them: all of the class (relative), and its own (kg)."""

    kg: float
    common_sd: float
    own_sd_kg: float


def margins(city: City, offered: Iterable[tuple[Candidate, float]], vehicles: Collection[Vehicle]) -> dict[str, float]:
    """By class, what its stops' kilograms are multiplied by; classes that no ticket has taught have none. Candidates come with litres."""
    by_class: dict[str, list[Uncertain]] = {}
    for one, litres in offered:
        known = uncertain(city, one, litres)
        if known is not None:
            by_class.setdefault(str(one.standing.container.waste_class), []).append(known)
    return {name: margin_of(stops, _payload_kg(name, vehicles), city.policy.overweight_probability) for name, stops in by_class.items()}


def with_margins(problem: Problem, margin: Mapping[str, float]) -> Problem:
    """The problem with the second weight; as it was where no class has a margin.

    A container that fits the largest truck by its mean is not left standing for its margin's sake.
    """
    if not margin:
        return problem
    largest_kg = max((vehicle.capacity[KG] for vehicle in problem.vehicles), default=0)

    def heavier(stop: Stop) -> Stop:
        kg = stop.load[KG]
        return replace(stop, load=(*stop.load, max(kg, min(round(kg * margin.get(stop.waste_class, 1.0)), largest_kg))))

    return replace(
        problem,
        stops=tuple(heavier(stop) for stop in problem.stops),
        vehicles=tuple(replace(vehicle, capacity=(*vehicle.capacity, vehicle.capacity[KG])) for vehicle in problem.vehicles),
        dimensions=(*problem.dimensions, DIMENSION),
    )


def densities_told(city: City, problem: Problem) -> list[dict[str, Any]]:
    """Of each class of the problem: which density was used, where it is from, and the margin that it was counted with."""
    told = []
    for name in sorted({stop.waste_class for stop in problem.stops}):
        mine = [stop.load for stop in problem.stops if stop.waste_class == name]
        kg = sum(load[KG] for load in mine)
        margin = sum(load[-1] for load in mine) / kg if DIMENSION in problem.dimensions and kg else 1.0
        waste_class = WasteClass(name)
        origin = city.loads.origin_in_words(waste_class, city.class_density_kg_m3[waste_class])
        told.append({"waste_class": name, "density": origin, "margin_pct": round(100 * (margin - 1), 1)})
    return told


def uncertain(city: City, one: Candidate, litres: float) -> Uncertain | None:
    """What is not sure of a container's load; None where no ticket has taught its class."""
    container = one.standing.container
    load = city.loads.of(container)
    if load is None or litres <= 0:
        return None
    kg = litres / 1000 * load.density_kg_m3
    fill_sd = (one.fill_sd_pct or 0.0) / 100 * container.volume_l / litres
    own = float(np.sqrt(load.own_sd**2 + load.single_sd**2 + fill_sd**2))
    common = float(np.sqrt(load.class_sd**2 + load.zone_sd**2 + load.day_sd**2 + city.loads.fill_day_sd**2))
    return Uncertain(kg, common, kg * own)


def _payload_kg(waste_class: str, vehicles: Collection[Vehicle]) -> int | None:
    """Of the smallest truck that takes the class: on it single lifts even out least."""
    return min((vehicle.payload_kg for vehicle in vehicles if waste_class in vehicle.waste_classes), default=None)


def margin_of(stops: list[Uncertain], payload_kg: int | None, probability: float) -> float:
    kg = sum(one.kg for one in stops)
    if payload_kg is None or kg <= 0:
        return 1.0
    common = float(np.sqrt(sum(one.kg * one.common_sd**2 for one in stops) / kg))
    own_kg = sum(one.own_sd_kg**2 for one in stops) / kg
    return safety_factor(common=common, own_kg=own_kg, capacity_kg=payload_kg, probability=probability)
