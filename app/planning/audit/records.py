"""A town out of records of lifts and weigh tickets, where there are no sensors yet.

`containers.csv` says where containers stand, `sites.geojson` where trucks start and unload, `lifts.csv` and `tickets.csv` what was lifted
when. How much lay in a container is what its lift says: its fill, else its weight, else its part of the ticket that it was weighed on, by
days since its lift before. What came on which day between two lifts nobody saw: the sum is kept, its days are drawn.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from app.errors import SetupError
from app.planning.audit.rows import rows_of
from app.planning.twin.inflow import FULL, DailyInflow

CONTAINERS, LIFTS, TICKETS = "containers.csv", "lifts.csv", "tickets.csv"
EVENNESS = 2.0
"""Of a day's part of what came between two lifts (the shape of a gamma variable): days differ by about 70 %."""
USUAL_SHARE = 0.5
"""A weekday on which a container was lifted in at least half of the weeks is its weekday."""
LONGEST_D = 60
"""Longer without a lift, and the container was away."""
FIRST_D = 7
"""What a container's first lift is taken to have waited."""
HEAVIEST_KG = 60_000
Place = tuple[float, float]


@dataclass(frozen=True)
class Lift:
    """One container emptied once; `fill` as a fraction of full, None where nobody can say."""

    container: str
    day: date
    fill: float | None = None
    kg: float | None = None


@dataclass(frozen=True, eq=False)
class Records:
    """What the files hold."""

    where: Mapping[str, Place]
    lifts: Sequence[Lift]
    ticket_kg: float
    tickets: int


def is_records(folder: Path) -> bool:
    return (folder / LIFTS).exists() or (folder / TICKETS).exists()


def read_records(folder: Path, full_kg: float) -> Records:
    """All lifts with what lay in them, as far as lift or ticket says."""
    where = dict(_places(folder / CONTAINERS))
    lifts = list(_lifts(folder / LIFTS, where)) if (folder / LIFTS).exists() else []
    tickets = list(_tickets(folder / TICKETS, where)) if (folder / TICKETS).exists() else []
    known = {(one.container, one.day): one for one in lifts}
    days = _days_by_container([*known, *((container, day) for day, _, containers in tickets for container in containers)])
    for day, kg, containers in tickets:
        for container, part in _shared(day, kg, containers, days).items():
            one = known.get((container, day), Lift(container, day))
            known[container, day] = one if one.fill is not None or one.kg is not None else replace(one, kg=part)
    found = [replace(one, fill=one.kg / full_kg) if one.fill is None and one.kg is not None else one for one in known.values()]
    if not any(one.fill is not None for one in found):
        raise SetupError(
            f"{folder} does not say how much was lifted: give {LIFTS} a column fill_pct or kg with figures, or add {TICKETS} with "
            "ticket, weighed_at, kg, containers."
        )
    return Records(where, sorted(found, key=lambda one: (one.container, one.day)), sum(kg for _, kg, _ in tickets), len(tickets))


def inflow_of_lifts(records: Records, seed: int) -> DailyInflow:
    """What came day by day; the days between two lifts are drawn so that their sum is what was lifted."""
    first, last = min(one.day for one in records.lifts), max(one.day for one in records.lifts)
    counts = Counter(one.container for one in records.lifts)
    keys = tuple(key for key in records.where if counts[key] > 1)
    if not keys:
        raise SetupError(f"no container of {LIFTS} or {TICKETS} has two lifts: what came between them is what an audit is made from.")
    days = (last - first).days + 1
    added, seen = np.zeros((days, len(keys))), np.zeros((days, len(keys)), np.bool_)
    rng = np.random.default_rng(seed)
    by_container = _by_container(records.lifts)
    for i, key in enumerate(keys):
        for before, lift in pairwise(by_container[key]):
            length = (lift.day - before.day).days
            if lift.fill is None or not 0 < length <= LONGEST_D:
                continue
            # the truck comes in the morning: what it lifts came from the day of the lift before on
            begin = (before.day - first).days
            part = rng.gamma(EVENNESS, size=length)
            added[begin : begin + length, i] = lift.fill * part / part.sum()
            seen[begin : begin + length, i] = True
        _draw_unseen(added[:, i], seen[:, i], rng)
    return DailyInflow(keys, first, added, ~seen)


def usual_weekdays(records: Records, keys: Iterable[str]) -> tuple[frozenset[int], ...]:
    """The weekdays on which each container is lifted in half of the weeks or more; of a rarer one, its most frequent weekday."""
    by_container = _by_container(records.lifts)
    return tuple(_weekdays([one.day for one in by_container[key]]) for key in keys)


def _weekdays(days: Sequence[date]) -> frozenset[int]:
    weeks = max(1, round(((max(days) - min(days)) / timedelta(days=1) + 1) / 7))
    counts = Counter(day.weekday() for day in days)
    usual = frozenset(weekday for weekday, count in counts.items() if count >= USUAL_SHARE * weeks)
    return usual or frozenset({counts.most_common(1)[0][0]})


def _draw_unseen(added: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> None:
    """Days outside of known lifts are like earlier days of the container; before its first ones, like any."""
    known = np.flatnonzero(seen)
    for day in np.flatnonzero(~seen):
        earlier = known[known < day]
        pool = earlier if len(earlier) else known
        if len(pool):
            added[day] = added[rng.choice(pool)]


def _by_container(lifts: Iterable[Lift]) -> dict[str, list[Lift]]:
    found: dict[str, list[Lift]] = defaultdict(list)
    for one in lifts:
        found[one.container].append(one)
    return found


def _days_by_container(known: Iterable[tuple[str, date]]) -> dict[str, list[date]]:
    found: dict[str, set[date]] = defaultdict(set)
    for container, day in known:
        found[container].add(day)
    return {container: sorted(days) for container, days in found.items()}


def _shared(day: date, kg: float, containers: Sequence[str], lifted: Mapping[str, Sequence[date]]) -> dict[str, float]:
    """A ticket's kilograms by container, in proportion to the days since each one's lift before; a first lift counts a week."""
    since = {}
    for container in containers:
        number = bisect_left(lifted[container], day)
        since[container] = min((day - lifted[container][number - 1]).days, LONGEST_D) if number else FIRST_D
    total = sum(since.values())
    return {container: kg * days / total for container, days in since.items()}


def _places(file: Path) -> Iterable[tuple[str, Place]]:
    if not file.exists():
        raise SetupError(f"{file} is missing: it says where containers stand. Write the columns container, longitude, latitude.")
    known = set()
    for row in rows_of(file, ("container", "longitude", "latitude")):
        container = row.text("container")
        if container in known:
            raise row.wrong("container", f"is {container!r} once more", "Each container stands at one place: leave one row.")
        known.add(container)
        longitude = row.figure("longitude", least=-180, most=180, mend="Give degrees, east is positive.")
        latitude = row.figure("latitude", least=-90, most=90, mend="Give degrees, north is positive.")
        yield container, (longitude, latitude)


def _lifts(file: Path, where: Mapping[str, Place]) -> Iterable[Lift]:
    for row in rows_of(file, ("container", "lifted_at")):
        container = row.text("container")
        if container not in where:
            raise row.wrong("container", f"is {container!r}, which {CONTAINERS} does not know", "Add it there, or mend its name.")
        fill_pct = row.optional("fill_pct", least=0, most=300, mend="Give percent of full, or leave it empty.")
        kg = row.optional("kg", least=0, most=HEAVIEST_KG, mend="Give kilograms, or leave it empty.")
        yield Lift(container, row.day("lifted_at"), None if fill_pct is None else FULL * fill_pct / 100, kg)


def _tickets(file: Path, where: Mapping[str, Place]) -> Iterable[tuple[date, float, tuple[str, ...]]]:
    for row in rows_of(file, ("ticket", "weighed_at", "kg", "containers")):
        row.text("ticket")
        containers = tuple(dict.fromkeys(row.text("containers").replace(";", " ").split()))
        if not containers:
            raise row.wrong("containers", "names nobody", "Name the containers that were on the ticket.")
        unknown = [one for one in containers if one not in where]
        if unknown:
            raise row.wrong("containers", f"names {unknown[0]!r}, which {CONTAINERS} does not know", "Part names by spaces or semicolons.")
        kg = row.figure("kg", least=0, most=HEAVIEST_KG, mend="Give the net weight in kilograms.")
        yield row.day("weighed_at"), kg, containers
