"""What each trip of a plan will weigh: the mean, its interval, and the chance that the truck is overweight at the scale."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import ndtr

from app.planning.city import City
from app.planning.select import Choice
from app.planning.weight_margin import KG, Uncertain, uncertain
from forecasting.truck_load import Load
from routing import plan as kernel
from routing.problem import Problem

LITRES = 1


def trips_told(city: City, choice: Choice, problem: Problem, plan: kernel.Plan) -> list[dict[str, Any]]:
    """Of each trip whose class tickets have taught: kilograms with their 80 % interval, and the chance of overweight in percent."""
    return [told for route in plan.routes for trip in route.trips if (told := _trip(city, choice, problem, route.vehicle, trip))]


def _trip(city: City, choice: Choice, problem: Problem, vehicle: str, trip: tuple[kernel.Visit, ...]) -> dict[str, Any] | None:
    known = list(_stops(city, choice, problem, trip))
    if not known:
        return None
    # what was on board before counts with its weight, and as sure: a truck that is under way has half of it behind it
    load = Load(float(trip[-1].load_after[KG]), _common_kg(known), float(np.sqrt(sum(one.own_sd_kg**2 for one in known))))
    low_kg, high_kg = load.interval(0.8)
    room_kg = problem.vehicle_by_key[vehicle].capacity[KG] - load.kg
    over = float(ndtr(-room_kg / load.sd_kg)) if load.sd_kg else 0.0
    return {
        "vehicle_id": int(vehicle),
        "kg": round(load.kg),
        "low_kg": round(low_kg),
        "high_kg": round(high_kg),
        "overweight_pct": round(100 * over, 1),
    }


def _stops(city: City, choice: Choice, problem: Problem, trip: tuple[kernel.Visit, ...]) -> Iterator[Uncertain]:
    for visit in trip:
        one = choice.candidates.get(int(visit.key)) if visit.key.isdecimal() else None
        known = None if one is None else uncertain(city, one, problem.stop_by_key[visit.key].load[LITRES])
        if known is not None:
            yield known


def _common_kg(stops: list[Uncertain]) -> float:
    """All of a trip err together: one class a trip is the rule, and for two it is on the safe side."""
    return sum(one.kg * one.common_sd for one in stops)
