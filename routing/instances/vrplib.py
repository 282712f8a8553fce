"""VRPLIB instances: CVRP as in CVRPLIB, VRPTW, and the dialects of the PyVRP collection. Which parts a file has decides its rules;
its TYPE only says how the collection that it is from rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.errors import InstanceFormatError
from routing.instances import fleet
from routing.instances.figures import Floats, decimals_scale, euclidean, integers_of, matrix_of, whole
from routing.instances.instance import Instance
from routing.instances.sections import VrplibFile, parse_sections
from routing.places import DEFAULT_CLASS
from routing.problem import Facility, Problem, Stop, Travel, Window

DIMENSION = "units"

_KNOWN_SECTIONS = {
    *("NODE_COORD", "EDGE_WEIGHT", "DEMAND", "DEPOT", "DISPLAY_DATA", "SERVICE_TIME", "TIME_WINDOW", "RELEASE_TIME", "PRIZE"),
    *fleet.VEHICLE_PARTS,
}


@dataclass(frozen=True)
class Convention:
    """How a collection makes whole numbers of distances, times, prizes and fixed costs, and how it prints costs.

    Parameters
    ----------
    scale, nearest
        Multiplied by, then rounded to the nearest or cut off.
    divisors
        As `Instance.divisors`.
    """

    scale: int
    nearest: bool
    divisors: tuple[int, ...]

    def __call__(self, values: Floats) -> Floats:
        scaled = values * self.scale
        rounded: Floats = np.rint(scaled) if self.nearest else np.trunc(scaled)
        return rounded

    @property
    def words(self) -> str:
        how = "rounded to the nearest integer" if self.nearest else "cut off"
        return f"distances, times, prizes and fixed costs ×{self.scale}, {how}" if self.scale > 1 else f"distances {how}"


INTEGERS = Convention(1, nearest=True, divisors=(1,))
TENTHS = Convention(10, nearest=False, divisors=(10, 1))
CONVENTIONS = {
    "CVRP": INTEGERS,
    "ACVRP": INTEGERS,
    "VRPTW": TENTHS,
    "CVRPTW": TENTHS,
    "PCVRPTW": Convention(10, nearest=False, divisors=(1, 10)),
    "MTVRPTWR": Convention(10, nearest=False, divisors=(1, 10)),
    "MDVRPTW": Convention(1_000, nearest=True, divisors=(1, 1_000)),
    "SDVRPTW": Convention(1_000, nearest=True, divisors=(1, 1_000)),
    # Its files hold costs in hundredths of those in print.
    "HFVRP": Convention(1_000, nearest=True, divisors=(1, 100_000)),
}


def read_vrplib(text: str) -> Instance:
    """An instance in VRPLIB form; stops are named by their location, the file's customer number less 1, as solution files do.

    Raises
    ------
    InstanceFormatError
        If the type is unknown, a section is missing, short or not understood.
    """
    file = parse_sections(text)
    dialect = file.fields.get("TYPE", "")
    if dialect not in CONVENTIONS:
        raise InstanceFormatError(f"field TYPE: expected one of {', '.join(CONVENTIONS)}, got {dialect!r}")
    if strange := sorted(file.sections.keys() - _KNOWN_SECTIONS):
        raise InstanceFormatError(f"section {strange[0]}_SECTION is not understood: left out, it would be another problem")
    convention = CONVENTIONS[dialect]
    return Instance(
        name=file.fields.get("NAME", ""),
        problem=_Reading(file, convention).problem(),
        dialect=dialect,
        rules=convention.words,
        divisors=convention.divisors,
    )


class _Reading:
    """One file on its way to a problem: the quantities that several parts of it need."""

    def __init__(self, file: VrplibFile, convention: Convention) -> None:
        self.file, self.rounded = file, convention
        self.size = file.count("DIMENSION")
        # First of all, for it holds DIMENSION against the rows that there are.
        self.demand = file.table("DEMAND", rows=self.size, columns=1)[:, 0]
        self.depots = self._depots()
        self.customers = [location for location in range(self.size) if location not in self.depots]
        if not self.customers:
            raise InstanceFormatError("DEPOT_SECTION: expected a customer beside the depots")

    def problem(self) -> Problem:
        weights = _weights(self.file, self.size, self.rounded)
        capacity = self.file.column("CAPACITY", rows=fleet.count_of(self.file, len(self.customers)))
        scale = decimals_scale([*self.demand, *capacity], "DEMAND and CAPACITY")
        loads = whole(np.rint(self.demand * scale), "DEMAND_SECTION")
        service_s, windows = self._service_s(), self._windows()
        longest_s = (int(weights.max()) + max(service_s)) * (self.size + 1) + max((window.close_s for window in windows or ()), default=0)
        capacities = whole(np.rint(capacity * scale), "CAPACITY")
        given = fleet.read_fleet(self.file, self.depots, self.size, self.rounded, capacities=capacities)
        if fleet.only_loads_bind(self.file):
            given = fleet.without_spare(given, sum(loads))
        needs = fleet.needs_of(given, self.customers)
        shifts = {depot: windows[depot] if windows else Window(0, longest_s) for depot in self.depots}
        prizes = self._whole_column("PRIZE", default=0)
        releases_s = self._whole_column("RELEASE_TIME", default=0)
        stops = tuple(
            Stop(
                key=str(location),
                location=location,
                load=(loads[location],),
                service_s=service_s[location],
                windows=(windows[location],) if windows else (),
                prize=prizes[location] or None,
                needs=needs[location],
                release_s=releases_s[location],
            )
            for location in self.customers
        )
        return Problem(
            stops=stops,
            facilities=self._reload_places(given, service_s),
            vehicles=fleet.vehicles_of(given, shifts),
            travel=(Travel(weights, weights),),
            dimensions=(DIMENSION,),
        )

    def _reload_places(self, given: list[fleet.Truck], service_s: list[int]) -> tuple[Facility, ...]:
        reloads = sorted({depot for truck in given for depot in truck.reloads_at})
        if any(truck.reloads_at not in (frozenset(), frozenset(reloads)) for truck in given):
            raise InstanceFormatError("VEHICLES_RELOAD_DEPOT_SECTION: expected the same depots for all vehicles that reload")
        return tuple(
            Facility(key=f"depot {depot + 1}", location=depot, accepts=frozenset({DEFAULT_CLASS}), turnaround_s=service_s[depot])
            for depot in reloads
        )

    def _depots(self) -> frozenset[int]:
        # Left out, the first location is the depot; but then the file must say that nothing was cut off.
        if "DEPOT" not in self.file.sections and self.file.is_whole:
            return frozenset({0})
        numbers = [number for row in self.file.rows("DEPOT") for number in whole(row, "DEPOT_SECTION") if number != -1]
        if not numbers or min(numbers) < 1 or max(numbers) > self.size:
            raise InstanceFormatError(f"DEPOT_SECTION: expected numbers from 1 to {self.size}, got {numbers}")
        return frozenset(number - 1 for number in numbers)

    def _service_s(self) -> list[int]:
        service_s = self._whole_column("SERVICE_TIME", default=0)
        if "SERVICE_TIME" in self.file.fields:
            return [0 if location in self.depots else work_s for location, work_s in enumerate(service_s)]
        return service_s

    def _windows(self) -> list[Window] | None:
        if "TIME_WINDOW" not in self.file.sections:
            return None
        times = self.rounded(self.file.table("TIME_WINDOW", rows=self.size, columns=2))
        for number, (opens, closes) in enumerate(times, start=1):
            if not 0 <= opens <= closes:
                raise InstanceFormatError(f"TIME_WINDOW_SECTION, row {number}: expected 0 ≤ opens ≤ closes, got {opens:g}, {closes:g}")
        return [Window(int(opens), int(closes)) for opens, closes in times]

    def _whole_column(self, name: str, *, default: float) -> list[int]:
        return whole(self.rounded(self.file.column(name, rows=self.size, default=default)), name)


_METRICS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "EUC_2D": euclidean,
    "FLOOR_2D": lambda dx, dy: np.floor(euclidean(dx, dy)),
    "CEIL_2D": lambda dx, dy: np.ceil(euclidean(dx, dy)),
}
_TRIANGLES = {
    "LOWER_ROW": (np.tril_indices, -1),
    "LOWER_DIAG_ROW": (np.tril_indices, 0),
    "UPPER_ROW": (np.triu_indices, 1),
    "UPPER_DIAG_ROW": (np.triu_indices, 0),
}


def _weights(file: VrplibFile, size: int, rounded: Convention) -> NDArray[np.int32]:
    kind = file.fields.get("EDGE_WEIGHT_TYPE", "")
    if kind == "EXPLICIT":
        return integers_of(_explicit(file, size), rounded)
    if kind not in _METRICS:
        raise InstanceFormatError(f"field EDGE_WEIGHT_TYPE: expected EXPLICIT or one of {', '.join(_METRICS)}, got {kind!r}")
    return matrix_of(file.table("NODE_COORD", rows=size, columns=2), _METRICS[kind], rounded)


def _explicit(file: VrplibFile, size: int) -> Floats:
    shape = file.fields.get("EDGE_WEIGHT_FORMAT", "")
    values = np.array([value for row in file.rows("EDGE_WEIGHT") for value in row])
    # Counted before anything of that size is made: DIMENSION may be nonsense.
    expected = {"FULL_MATRIX": size * size}.get(shape, size * (size + (1 if "DIAG" in shape else -1)) // 2)
    if shape != "FULL_MATRIX" and shape not in _TRIANGLES:
        raise InstanceFormatError(f"field EDGE_WEIGHT_FORMAT: expected FULL_MATRIX or one of {', '.join(_TRIANGLES)}, got {shape!r}")
    if len(values) != expected:
        raise InstanceFormatError(f"EDGE_WEIGHT_SECTION: expected {expected} numbers ({shape} of {size}), got {len(values)}")
    if shape == "FULL_MATRIX":
        return values.reshape(size, size)
    indices, diagonal = _TRIANGLES[shape]
    matrix = np.zeros((size, size))
    matrix[indices(size, diagonal)] = values
    return np.maximum(matrix, matrix.T)
