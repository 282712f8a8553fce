"""Solomon's VRPTW format, which Gehring and Homberger's larger instances use as well."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from routing.errors import InstanceFormatError
from routing.instances.figures import euclidean, matrix_of, numbers_of, whole
from routing.instances.instance import Instance
from routing.instances.vrplib import DIMENSION, TENTHS
from routing.problem import Problem, Stop, Travel, Vehicle, Window

RULES = f"""\
Costs: {TENTHS.words}; time itself and the number of vehicles cost nothing.
Work starts within a customer's window; vehicles leave and return within that of the depot.
The file's vehicles are all there are."""

_COLUMNS = 7
Numbered = tuple[int, list[float]]


def read_solomon(text: str) -> Instance:
    """A VRPTW in tenths; the cost is the distance alone, not the number of vehicles. Stops are named by their number in the file.

    Raises
    ------
    InstanceFormatError
        If a part is missing, a line has another number of entries, or customers are not numbered from 0; the message names the line.
    """
    fleet, customers = _tables(text)
    count, capacity = whole(fleet[1], f"line {fleet[0]}, number and capacity of vehicles")
    if [row[0] for _, row in customers] != list(range(len(customers))):
        raise InstanceFormatError(f"line {customers[0][0]} on: expected customers numbered from 0, one after the other")
    # Sliced by name: number, x, y, demand, ready, due, service.
    values = np.array([row for _, row in customers])
    distances = matrix_of(values[:, 1:3], euclidean, TENTHS)
    loads = whole(values[:, 3], "DEMAND")
    times = TENTHS(values[:, 4:]).astype(np.int64).tolist()
    windows = [_window(line, ready_s, due_s) for (line, _), (ready_s, due_s, _) in zip(customers, times, strict=True)]
    stops = tuple(
        Stop(key=str(i), location=i, load=(loads[i],), service_s=times[i][2], windows=(windows[i],)) for i in range(1, len(customers))
    )
    vehicles = tuple(
        Vehicle(
            key=f"vehicle {number}",
            start_location=0,
            end_location=0,
            capacity=(capacity,),
            shift=windows[0],
            ends_empty=False,
            cost_per_m=1,
        )
        for number in range(1, min(count, len(stops)) + 1)
    )
    problem = Problem(stops=stops, facilities=(), vehicles=vehicles, travel=(Travel(distances, distances),), dimensions=(DIMENSION,))
    title = text.lstrip().splitlines()[0].strip()
    name = "" if title == "VEHICLE" else title
    return Instance(name=name, problem=problem, dialect="VRPTW", rules=RULES, divisors=TENTHS.divisors, xy=values[:, 1:3])


def _tables(text: str) -> tuple[Numbered, list[Numbered]]:
    """The line of number and capacity, and those of depot and customers, each with its line number."""
    lines = list(enumerate(text.splitlines(), start=1))
    heads = [number for number, line in lines if re.match(r"\s*(NUMBER\s+CAPACITY|CUST\s+NO)", line)]
    if len(heads) != 2:
        raise InstanceFormatError("expected a table headed NUMBER CAPACITY, then one headed CUST NO.")
    fleet = list(_rows(lines[heads[0] : heads[1] - 1], entries=2))
    customers = list(_rows(lines[heads[1] :], entries=_COLUMNS))
    if len(fleet) != 1 or len(customers) < 2:
        raise InstanceFormatError("expected one line of number and capacity, then a depot and at least one customer")
    return fleet[0], customers


def _rows(lines: list[tuple[int, str]], *, entries: int) -> Iterator[Numbered]:
    for number, line in lines:
        if not line.strip() or line.strip() == "CUSTOMER":
            continue
        row = numbers_of(line, f"line {number}")
        if len(row) != entries:
            raise InstanceFormatError(f"line {number}: expected {entries} numbers, got {len(row)}")
        yield number, row


def _window(line: int, ready_s: int, due_s: int) -> Window:
    if not 0 <= ready_s <= due_s:
        raise InstanceFormatError(f"line {line}: expected 0 ≤ ready time ≤ due date, got {ready_s} and {due_s} tenths")
    return Window(ready_s, due_s)
