"""Readers for instance files of the routing literature. Costs are the literature's: the distance, in the file's own unit.

A customer becomes a mandatory stop without class rules, the depot start and end of every vehicle; nothing is unloaded on the way.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from routing.errors import InstanceFormatError
from routing.problem import Problem, Stop, Travel, Vehicle, Window

SOLOMON_SCALE = 10
"""Solomon's distances and times are taken to one decimal, cut off, as exact solvers report them: a unit here is a tenth."""

DIMENSION = "units"


def looks_like_vrplib(text: str) -> bool:
    return re.search(r"^\s*NODE_COORD_SECTION|^\s*EDGE_WEIGHT_TYPE", text, re.MULTILINE) is not None


def looks_like_solomon(text: str) -> bool:
    return re.search(r"^\s*CUST\s+NO\.", text, re.MULTILINE) is not None


def read_vrplib(text: str) -> Problem:
    """A CVRP in VRPLIB format with EUC_2D weights (rounded to the nearest integer, the format's convention).

    Raises
    ------
    InstanceFormatError
        If the type, the weights or a section is another.
    """
    fields = dict(re.findall(r"^\s*([A-Z_]+)\s*:\s*\"?(.*?)\"?\s*$", text, re.MULTILINE))
    if fields.get("TYPE") != "CVRP" or fields.get("EDGE_WEIGHT_TYPE") != "EUC_2D":
        raise InstanceFormatError(f"only CVRP with EUC_2D is read here, got {fields.get('TYPE')} with {fields.get('EDGE_WEIGHT_TYPE')}")
    points = _section(text, "NODE_COORD_SECTION")[:, 1:]
    demand = _section(text, "DEMAND_SECTION")[:, 1].astype(int).tolist()
    depot = int(_section(text, "DEPOT_SECTION")[0, 0]) - 1
    metres = np.rint(_distances(points)).astype(np.int64)
    stops = tuple(Stop(key=str(i), location=i, load=(load,)) for i, load in enumerate(demand) if i != depot)
    # The literature leaves the number of vehicles free: twice the least leaves room for any sensible packing.
    capacity = int(fields["CAPACITY"])
    count = min(len(stops), 2 * -(-sum(demand) // capacity))
    return _classic(
        stops, Travel(metres, metres), depot=depot, capacity=capacity, count=count, closes_s=int(metres.max()) * (len(stops) + 1)
    )


def read_solomon(text: str) -> Problem:
    """A VRPTW in Solomon's format, scaled by `SOLOMON_SCALE`; the cost is the distance alone, not the number of vehicles."""
    numbers = [row.split() for row in text.splitlines() if re.fullmatch(r"[\d\s.]+", row) and row.strip()]
    if len(numbers) < 2 or len(numbers[0]) != 2 or any(len(row) != 7 for row in numbers[1:]):
        raise InstanceFormatError("expected a line of number and capacity, then seven numbers a customer")
    (count, capacity), customers = map(int, numbers[0]), np.array(numbers[1:], dtype=float)
    scaled = np.floor(_distances(customers[:, 1:3]) * SOLOMON_SCALE).astype(np.int64)
    times = (customers[:, 3:] * [1, SOLOMON_SCALE, SOLOMON_SCALE, SOLOMON_SCALE]).astype(int).tolist()
    stops = tuple(
        Stop(key=str(i), location=i, load=(load,), service_s=work_s, windows=(Window(ready_s, due_s),))
        for i, (load, ready_s, due_s, work_s) in enumerate(times)
        if i > 0
    )
    return _classic(stops, Travel(scaled, scaled), depot=0, capacity=capacity, count=count, closes_s=times[0][2])


def _classic(stops: tuple[Stop, ...], travel: Travel, *, depot: int, capacity: int, count: int, closes_s: int) -> Problem:
    vehicles = tuple(
        Vehicle(
            key=f"vehicle {number}",
            start_location=depot,
            end_location=depot,
            capacity=(capacity,),
            shift=Window(0, closes_s),
            ends_empty=False,
            cost_per_m=1,
        )
        for number in range(1, count + 1)
    )
    return Problem(stops=stops, facilities=(), vehicles=vehicles, travel=(travel,), dimensions=(DIMENSION,))


def _section(text: str, name: str) -> NDArray[np.float64]:
    found = re.search(rf"^\s*{name}\s*:?\s*\n((?:\s*[-+\d.eE]+[^\S\n]*(?:[-+\d.eE]+[^\S\n]*)*\n)+)", text, re.MULTILINE)
    if found is None:
        raise InstanceFormatError(f"section {name} is missing or empty")
    rows = [row.split() for row in found[1].splitlines() if row.strip()]
    return np.array([row for row in rows if len(row) == len(rows[0])], dtype=float)


def _distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.hypot(*np.moveaxis(points[:, None] - points[None], -1, 0))
    return distances
