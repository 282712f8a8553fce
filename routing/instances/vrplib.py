"""VRPLIB instances: CVRP as in CVRPLIB, VRPTW, and the dialects of the PyVRP collection. Which parts a file has decides its rules;
its TYPE only says how the collection that it is from rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
THOUSANDTHS = Convention(1_000, nearest=True, divisors=(1_000, 1))
"""For sets of the CVRP that print costs with decimals (Christofides, Golden, Taillard): their distances are not rounded."""
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


def read_vrplib(text: str, convention: Convention | None = None) -> Instance:
    """An instance in VRPLIB form; stops are named by their location, the file's customer number less 1, as solution files do.

    Parameters
    ----------
    convention
        If not that of the file's TYPE.

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
    convention = convention or CONVENTIONS[dialect]
    return Instance(
        name=file.fields.get("NAME", ""),
        problem=_Reading(file, convention).problem(),
        dialect=dialect,
        rules="\n".join([f"Costs: {convention.words}; time itself costs nothing.", *_rules(file)]),
        divisors=convention.divisors,
        xy=_points(file),
    )


_RULES = {
    "TIME_WINDOW": "Work starts within a customer's window; vehicles leave and return within that of their depot.",
    "VEHICLES_MAX_DURATION": "A round lasts, from leaving to return, no longer than its vehicle may; it leaves when it likes.",
    "PRIZE": "A customer with a prize may be passed up, and its prize then is part of the cost; without one it is mandatory.",
    "RELEASE_TIME": "A trip leaves the depot no earlier than the release of all that it serves.",
    "VEHICLES_RELOAD_DEPOT": "A vehicle may come back to the depot in mid-round and begin a new trip; only the way there and back costs.",
    "VEHICLES_ALLOWED_CLIENTS": "A customer is served only by vehicles that list it.",
    "VEHICLES_FIXED_COST": "A vehicle that leaves the depot costs its fixed cost.",
}


def _rules(file: VrplibFile) -> Iterator[str]:
    yield from (rule for part, rule in _RULES.items() if file.has(part))
    limited = "The file's vehicles are all there are" if file.has("VEHICLES") else "The number of vehicles is free"
    yield f"{limited}; copies that no best plan can need are left out." if fleet.only_loads_bind(file) else f"{limited}."


class _Reading:
    """One file on its way to a problem: the quantities that several parts of it need."""

    def __init__(self, file: VrplibFile, convention: Convention) -> None:
        self.file, self.rounded = file, convention
        self.size = file.count("DIMENSION")
        # First of all, for it holds DIMENSION against the rows that there are.
        demand = file.table("DEMAND", rows=self.size, columns=1)[:, 0]
        self.depots = self._depots()
        self.customers = [location for location in range(self.size) if location not in self.depots]
        if not self.customers:
            raise InstanceFormatError("DEPOT_SECTION: expected a customer beside the depots")
        capacities = file.column("CAPACITY", rows=fleet.count_of(file, len(self.customers)))
        scale = decimals_scale([*demand, *capacities], "DEMAND and CAPACITY")
        self.loads = whole(np.rint(demand * scale), "DEMAND_SECTION")
        self.capacities = whole(np.rint(capacities * scale), "CAPACITY")
        self.service_s, self.windows = self._service_s(), self._windows()

    def problem(self) -> Problem:
        weights = _weights(self.file, self.size, self.rounded)
        trucks = fleet.read_fleet(self.file, self.depots, self.size, self.rounded, capacities=self.capacities)
        if fleet.only_loads_bind(self.file):
            trucks = fleet.without_spare(trucks, sum(self.loads))
        return Problem(
            stops=self._stops(trucks),
            facilities=self._reload_places(trucks),
            vehicles=fleet.vehicles_of(trucks, self._shifts(int(weights.max()))),
            travel=(Travel(weights, weights),),
            dimensions=(DIMENSION,),
        )

    def _stops(self, trucks: list[fleet.Truck]) -> tuple[Stop, ...]:
        needs = fleet.needs_of(trucks, self.customers)
        prizes, releases_s = self._whole_column("PRIZE"), self._whole_column("RELEASE_TIME")
        return tuple(
            Stop(
                key=str(location),
                location=location,
                load=(self.loads[location],),
                service_s=self.service_s[location],
                windows=(self.windows[location],) if self.windows else (),
                prize=prizes[location] or None,
                needs=needs[location],
                release_s=releases_s[location],
            )
            for location in self.customers
        )

    def _shifts(self, longest_leg_s: int) -> dict[int, Window]:
        """Each depot's hours; where the file has none, longer than any round."""
        if self.windows:
            return {depot: self.windows[depot] for depot in self.depots}
        return dict.fromkeys(self.depots, Window(0, longest_leg_s * (self.size + 1) + sum(self.service_s)))

    def _reload_places(self, trucks: list[fleet.Truck]) -> tuple[Facility, ...]:
        reloads = sorted({depot for truck in trucks for depot in truck.reloads_at})
        if any(truck.reloads_at != frozenset(reloads) for truck in trucks):
            raise InstanceFormatError("VEHICLES_RELOAD_DEPOT_SECTION: expected the same depots for all vehicles")
        return tuple(
            Facility(key=f"depot {depot + 1}", location=depot, accepts=frozenset({DEFAULT_CLASS}), turnaround_s=self.service_s[depot])
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
        service_s = self._whole_column("SERVICE_TIME")
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

    def _whole_column(self, name: str) -> list[int]:
        numbers = whole(self.rounded(self.file.column(name, rows=self.size, default=0)), name)
        if min(numbers) < 0:
            raise InstanceFormatError(f"{name}: expected numbers from 0 on, got {min(numbers)}")
        return numbers


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


def _points(file: VrplibFile) -> Floats | None:
    """Where the locations lie, as drawn or as measured; a distance matrix may come without, or with other remarks there."""
    size = file.count("DIMENSION")
    for name in ("NODE_COORD", "DISPLAY_DATA"):
        if [len(row) for row in file.sections.get(name, [])] == [3] * size:
            return file.table(name, rows=size, columns=2)
    return None


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
