"""What bounds and ties rounds in OR-Tools' model: limits on the whole round, what it should not exceed, parts of the body, transfers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from ortools.constraint_solver import pywrapcp

from routing.problem import Facility, Stop, UnderWay, Vehicle

if TYPE_CHECKING:
    from routing.engines.ortools_model import Model

NO_LIMIT = 2**40
MOST_ORDERED = 40
"""Of longer sequences only neighbours are compared: the pairs would slow the search."""


def add_limits(model: Model) -> None:
    """Limits on driving, distance, unloads, stops and load lifted, compartments, overtime and fair shares."""
    _limit_roads(model)
    _limit_counts(model)
    _limit_lifted(model)
    _limit_compartments(model)
    _price_long_rounds(model)


def add_ties(model: Model) -> None:
    """What is taken up to be brought elsewhere, and orders that were promised."""
    stops = ((model.nodes[i].place, at) for i, at in model.index.items())
    index = {stop.key: at for stop, at in stops if isinstance(stop, Stop)}
    for stop in model.problem.stops:
        if stop.bring_to is not None:
            _tie(model, index[stop.key], index[stop.bring_to])
    for number, vehicle in enumerate(model.vehicles):
        keys = [key for key in vehicle.sequence if key in index]
        pairs = combinations(keys, 2) if len(keys) <= MOST_ORDERED else pairwise(keys)
        for before, after in pairs:
            _keep_order(model, number, index[before], index[after])


def _tie(model: Model, source: int, target: int) -> None:
    """Both or none, by one vehicle, in this order, without an unload between."""
    solver = model.routing.solver()
    model.routing.AddPickupAndDelivery(source, target)
    solver.Add(model.routing.VehicleVar(source) == model.routing.VehicleVar(target))
    solver.Add(model.time.CumulVar(source) <= model.time.CumulVar(target))
    unloads = model.routing.GetDimensionOrDie("unloads")
    solver.Add(unloads.CumulVar(source) == unloads.CumulVar(target))


def _keep_order(model: Model, number: int, before: int, after: int) -> None:
    solver, vehicle_of = model.routing.solver(), model.routing.VehicleVar
    both = solver.IsEqualCstVar(vehicle_of(before), number) + solver.IsEqualCstVar(vehicle_of(after), number)
    solver.Add(model.time.CumulVar(before) <= model.time.CumulVar(after) + model.horizon_s * (2 - both))


def _before(vehicle: Vehicle) -> UnderWay:
    """What is behind it; nothing for a vehicle in the yard."""
    return vehicle.under_way or UnderWay(location=0, ready_s=0, started_s=0, load=())


def _left(most: int | None, gone: int) -> int:
    return NO_LIMIT if most is None else max(0, most - gone)


def _limit_roads(model: Model) -> None:
    where = np.array([node.location for node in model.nodes])
    drive = [_left(vehicle.max_drive_s, _before(vehicle).driven_s) for vehicle in model.vehicles]
    road = [_left(vehicle.max_distance_m, _before(vehicle).driven_m) for vehicle in model.vehicles]
    for name, most, matrices in (
        ("drive_s", drive, [travel.drive_s for travel in model.problem.travel]),
        ("distance_m", road, [travel.distance_m for travel in model.problem.travel]),
    ):
        if min(most) < NO_LIMIT:
            legs: list[NDArray[np.int64]] = [np.maximum(matrix.astype(np.int64)[np.ix_(where, where)], 0) for matrix in matrices]
            callbacks = [model.routing.RegisterTransitMatrix(leg.tolist()) for leg in legs]
            evaluators = [callbacks[vehicle.travel_profile] for vehicle in model.vehicles]
            model.routing.AddDimensionWithVehicleTransitAndCapacity(evaluators, 0, most, True, name)


def _limit_counts(model: Model) -> None:
    trips = [_left(vehicle.max_trips, _before(vehicle).unloads) for vehicle in model.vehicles]
    stops = [_left(vehicle.max_stops, _before(vehicle).stops) for vehicle in model.vehicles]
    if min(trips) < NO_LIMIT or model.problem.taken_up_at:
        _count(model, "unloads", Facility, trips)
    if min(stops) < NO_LIMIT:
        _count(model, "stops", Stop, stops)


def _count(model: Model, name: str, kind: type, most: Sequence[int]) -> None:
    evaluators = model.per_vehicle(lambda _, place: int(isinstance(place, kind)))
    model.routing.AddDimensionWithVehicleTransitAndCapacity(evaluators, 0, [min(one, len(model.nodes)) for one in most], True, name)


def _limit_lifted(model: Model) -> None:
    for entry, name in enumerate(model.problem.dimensions):
        is_shared = name == "kg" and any(vehicle.fair_share is not None and vehicle.fair_share.cost_per_kg for vehicle in model.vehicles)
        if is_shared or any(vehicle.max_lifted is not None for vehicle in model.vehicles):
            gone = [(_before(vehicle).lifted or (0,) * len(model.problem.dimensions))[entry] for vehicle in model.vehicles]
            most = [
                _left(None if vehicle.max_lifted is None else vehicle.max_lifted[entry], before)
                for vehicle, before in zip(model.vehicles, gone, strict=True)
            ]
            evaluators = model.per_vehicle(lambda vehicle, place, entry=entry: max(0, _load(model, vehicle, place, entry)))  # type: ignore[misc]
            model.routing.AddDimensionWithVehicleTransitAndCapacity(evaluators, 0, most, True, f"lifted {name}")
            if is_shared:
                _price_heavy_rounds(model, f"lifted {name}", gone)


def _price_heavy_rounds(model: Model, name: str, gone: Sequence[int]) -> None:
    lifted = model.routing.GetDimensionOrDie(name)
    for number, vehicle in enumerate(model.vehicles):
        share = vehicle.fair_share
        if share is not None and share.cost_per_kg:
            lifted.SetCumulVarSoftUpperBound(model.routing.End(number), max(0, share.load_kg - gone[number]), share.cost_per_kg)


def _load(model: Model, vehicle: Vehicle, place: Stop | Facility | None, entry: int) -> int:
    return vehicle.load_of(place, model.problem.dimensions)[entry] if isinstance(place, Stop) else 0


def _limit_compartments(model: Model) -> None:
    for part in range(max(len(vehicle.compartments) for vehicle in model.vehicles)):
        for entry, name in enumerate(model.problem.dimensions):
            most = [_room(vehicle, part, entry) for vehicle in model.vehicles]
            emptied = max(most)

            def taken(vehicle: Vehicle, place: Stop | Facility | None, part: int = part, entry: int = entry, emptied: int = emptied) -> int:
                if isinstance(place, Facility):
                    return -emptied
                rides = isinstance(place, Stop) and part < len(vehicle.compartments)
                is_here = rides and place.waste_class in vehicle.compartments[part].classes  # type: ignore[union-attr]
                return _load(model, vehicle, place, entry) if is_here else 0

            model.routing.AddDimensionWithVehicleTransitAndCapacity(model.per_vehicle(taken), emptied, most, False, f"part {part} {name}")
            held = model.routing.GetDimensionOrDie(f"part {part} {name}")
            for i, index in model.index.items():
                if isinstance(model.nodes[i].place, Stop):
                    held.SlackVar(index).SetValue(0)
            for number, vehicle in enumerate(model.vehicles):
                held.SlackVar(model.routing.Start(number)).SetValue(0)
                held.CumulVar(model.routing.Start(number)).SetValue(min(most[number], _held(vehicle, part, entry)))


def _room(vehicle: Vehicle, part: int, entry: int) -> int:
    return vehicle.compartments[part].capacity[entry] if part < len(vehicle.compartments) else vehicle.capacity[entry]


def _held(vehicle: Vehicle, part: int, entry: int) -> int:
    out = vehicle.under_way
    is_here = out is not None and part < len(vehicle.compartments) and out.classes & vehicle.compartments[part].classes
    return out.load[entry] if out is not None and is_here else 0


def _price_long_rounds(model: Model) -> None:
    for number, vehicle in enumerate(model.vehicles):
        out, share = vehicle.under_way, vehicle.fair_share
        gone_s = 0 if out is None else out.ready_s - out.started_s
        prices = [] if vehicle.overtime_after_s is None else [(vehicle.overtime_cost_per_s, vehicle.overtime_after_s)]
        prices += [] if share is None else [(share.cost_per_s, share.duration_s)]
        cost_per_s, from_s = max(prices, default=(0, 0))
        if cost_per_s:
            model.time.SetSoftSpanUpperBoundForVehicle(pywrapcp.BoundCost(max(0, from_s - gone_s), cost_per_s), number)
