"""Waste collection with time windows, disposal trips and a lunch break: the benchmark of Kim, Kim and Sahoo (2006).

References
----------
.. [1] Kim, Kim, Sahoo (2006). Waste collection vehicle routing problem with time windows. Computers & Operations Research 33(12).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from routing.errors import InstanceFormatError
from routing.instances.figures import Floats, decimals_scale, integers_of, manhattan, matrix_of, numbers_of, whole
from routing.instances.instance import Instance
from routing.places import DEFAULT_CLASS
from routing.problem import BreakRule, Facility, Problem, Stop, Travel, Vehicle, Window

FEET_PER_MILE = 5_280
DIMENSION = "units"
LUNCH_OPENS_S, LUNCH_CLOSES_S = 11 * 3_600, 12 * 3_600
LEAST_SPARE, ONE_SPARE_OF = 2, 5

RULES = """\
Distances are Manhattan, in feet, and are all that costs; a drive takes the file's speed, rounded up to a whole second.
A stop's and a landfill's window is when work may start; a round leaves and returns within the depot's hours.
On board never more than the vehicle's capacity; a round never lifts more than the daily cap, nor serves more than the daily stops.
A truck that has lifted anything ends empty: its last visit is a landfill. It unloads at any of them, as often as it likes.
Lunch starts from 11:00 to 12:00, between two visits, and may be waited for.
Who is home by 12:00, or leaves at 12:00 or later, has lunch at the depot.
The number of vehicles is not limited by the benchmark: as many as load and time can need, and a fifth more, at least two."""

_HEADER = ("vehicle capacity", "yardage a day", "stops a day", "lunch", "speed")
_COLUMNS, _DECIMALS = 8, 3
_DEPOT, _STOP, _LANDFILL = 0, 1, 2


@dataclass(frozen=True)
class _Row:
    """One line: a depot, stop or landfill. The load in yards."""

    key: str
    x_ft: float
    y_ft: float
    window: Window
    service_s: int
    load: float
    kind: int


@dataclass(frozen=True)
class _Sheet:
    """A file's header and rows, the depot first."""

    capacity: float
    most_a_day: float
    most_stops: int
    lunch_s: int
    speed_mph: float
    rows: list[_Row]

    def of_kind(self, kind: int) -> list[tuple[int, _Row]]:
        """Rows of a kind, each with its location."""
        return [(location, row) for location, row in enumerate(self.rows) if row.kind == kind]


def read_kim(text: str) -> Instance:
    """An instance of the benchmark; stops and landfills are named by the file's Stop_ID, the cost is in miles.

    Raises
    ------
    InstanceFormatError
        If one of the five lines of the header, the depot, stops or landfills are missing, or a line is not as its head says.
    """
    sheet = _parse(text)
    problem = _problem(sheet)
    return Instance(name="", problem=problem, dialect="Kim", rules=RULES, unit="miles", divisors=(FEET_PER_MILE,), xy=_points(sheet))


def _problem(sheet: _Sheet) -> Problem:
    feet = matrix_of(_points(sheet), manhattan, np.rint)
    drive_s = _drive_s(feet, sheet.speed_mph)
    loads = [row.load for _, row in sheet.of_kind(_STOP)]
    scale = decimals_scale([sheet.capacity, sheet.most_a_day, *loads], "capacity and loads")
    stops = tuple(
        Stop(key=row.key, location=location, load=(round(row.load * scale),), service_s=row.service_s, windows=(row.window,))
        for location, row in sheet.of_kind(_STOP)
    )
    return Problem(
        stops=stops,
        facilities=tuple(
            Facility(key=row.key, location=location, accepts=frozenset({DEFAULT_CLASS}), windows=(row.window,), turnaround_s=row.service_s)
            for location, row in sheet.of_kind(_LANDFILL)
        ),
        vehicles=tuple(_vehicle(sheet, number, scale) for number in range(1, _enough(sheet, drive_s) + 1)),
        travel=(Travel(drive_s, feet),),
        dimensions=(DIMENSION,),
    )


def _points(sheet: _Sheet) -> Floats:
    return np.array([(row.x_ft, row.y_ft) for row in sheet.rows])


def _vehicle(sheet: _Sheet, number: int, scale: int) -> Vehicle:
    return Vehicle(
        key=f"vehicle {number}",
        start_location=0,
        end_location=0,
        capacity=(round(sheet.capacity * scale),),
        shift=sheet.rows[0].window,
        breaks=(BreakRule(key="lunch", duration_s=sheet.lunch_s, window=Window(LUNCH_OPENS_S, LUNCH_CLOSES_S)),),
        max_stops=sheet.most_stops,
        max_lifted=(round(sheet.most_a_day * scale),),
        cost_per_m=1,
    )


def _drive_s(feet: NDArray[np.int32], speed_mph: float) -> NDArray[np.int32]:
    # What rounding leaves of a whole second is no second more.
    return integers_of(feet.astype(np.float64) * (3_600 / (FEET_PER_MILE * speed_mph)), lambda seconds: np.ceil(seconds - 1e-9))


def _enough(sheet: _Sheet, drive_s: NDArray[np.int32]) -> int:
    """How many vehicles the load, or the time, of all stops can need, and some to spare; never more than stops.

    The time is that of the work, the unloads with the way there and back, and for each stop the way to its nearest neighbour, twice:
    a tour drives each such way at least once, and rarely twice on the mean.
    """
    stops, landfills = sheet.of_kind(_STOP), sheet.of_kind(_LANDFILL)
    load = sum(row.load for _, row in stops)
    at_stops = [location for location, _ in stops]
    between_s = drive_s[np.ix_(at_stops, at_stops)].astype(np.int64)
    np.fill_diagonal(between_s, 0 if len(stops) == 1 else np.iinfo(np.int64).max)
    to_landfill_s = drive_s[np.ix_(at_stops, [location for location, _ in landfills])].min(axis=1).mean()
    unload_s = min(row.service_s for _, row in landfills) + 2 * float(to_landfill_s)
    work_s = sum(row.service_s for _, row in stops) + 2 * int(between_s.min(axis=1).sum()) + ceil(load / sheet.capacity) * unload_s
    shift = sheet.rows[0].window
    by_time = ceil(work_s / max(1, shift.close_s - shift.open_s - sheet.lunch_s))
    needed = max(ceil(load / sheet.most_a_day), by_time)
    return min(len(stops), needed + max(LEAST_SPARE, needed // ONE_SPARE_OF))


def _parse(text: str) -> _Sheet:
    lines = [(number, line.replace(",", " ")) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    head = next((place for place, (_, line) in enumerate(lines) if "Stop_ID" in line), None)
    if head != len(_HEADER):
        raise InstanceFormatError(f"expected {len(_HEADER)} lines ({', '.join(_HEADER)}), then the one headed Stop_ID")
    capacity, most_a_day, most_stops, lunch_s, speed_mph = (
        _leading(line, f"line {number}, {name}") for (number, line), name in zip(lines, _HEADER, strict=False)
    )
    # A line without a figure is a remark.
    rows = [_row(line, number) for number, line in lines[len(_HEADER) + 1 :] if re.search(r"\d", line)]
    kinds = [row.kind for row in rows]
    if kinds.count(_DEPOT) != 1 or _STOP not in kinds or _LANDFILL not in kinds:
        raise InstanceFormatError("Stop_Type: expected one depot (0), and at least one stop (1) and one landfill (2)")
    rows.sort(key=lambda row: row.kind != _DEPOT)
    most, lunch = whole((most_stops, lunch_s), "stops a day and lunch")
    return _Sheet(capacity, most_a_day, most, lunch, speed_mph, list(_named_apart(rows)))


def _named_apart(rows: list[_Row]) -> Iterator[_Row]:
    """The rows; of those that share a Stop_ID the second is "71#2"."""
    seen: Counter[str] = Counter()
    for row in rows:
        seen[row.key] += 1
        yield row if seen[row.key] == 1 else replace(row, key=f"{row.key}#{seen[row.key]}")


def _leading(line: str, where: str) -> float:
    """A header line: a positive number, then a remark."""
    found = re.match(r'\s*"?(\d[\d.]*)', line)
    number = numbers_of(found[1], where)[0] if found else 0.0
    if number <= 0:
        raise InstanceFormatError(f"{where}: expected a positive number, got {line.strip()[:60]!r}")
    return number


def _row(line: str, number: int) -> _Row:
    words = line.split()
    if len(words) < _COLUMNS:
        raise InstanceFormatError(f"line {number}: expected {_COLUMNS} entries (Stop_ID to Stop_Type), got {len(words)}")
    x_ft, y_ft, opens, closes, service_s, load, kind = numbers_of(" ".join(words[1:_COLUMNS]), f"line {number}")
    if kind not in (_DEPOT, _STOP, _LANDFILL) or min(service_s, load) < 0:
        raise InstanceFormatError(f"line {number}: expected a type of 0, 1 or 2, service and load not negative")
    # A thousandth of a yard is a bucket: more decimals only make large numbers.
    return _Row(words[0], x_ft, y_ft, _window(opens, closes, number), ceil(service_s), round(load, _DECIMALS), int(kind))


def _window(opens: float, closes: float, number: int) -> Window:
    opens_s, closes_s = (_seconds(hhmm, number) for hhmm in whole((opens, closes), f"line {number}, hours"))
    if opens_s > closes_s:
        raise InstanceFormatError(f"line {number}: expected hours that open before they close, got {opens:g} and {closes:g}")
    return Window(opens_s, closes_s)


def _seconds(hhmm: int, number: int) -> int:
    """Seconds after midnight; minutes above 59 run into the next hour."""
    hours, minutes = divmod(hhmm, 100)
    if not 0 <= hours <= 24:
        raise InstanceFormatError(f"line {number}: expected hours as HHMM, got {hhmm}")
    return hours * 3_600 + minutes * 60
