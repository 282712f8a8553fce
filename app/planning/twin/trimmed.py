"""The tenant's own plan with fewer rounds: what costs nothing but the courage to drive less often.

Whole weekdays are left out, those first without which the fewest containers overflowed in the earlier weeks. A container all of whose
days are left out moves to the next day that is still driven.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import SetupError
from app.planning.twin.fixed_plans import overflow_by_container
from app.planning.twin.inflow import DailyInflow
from app.planning.twin.policies import Given
from app.planning.twin.replay import Span

SCHEDULE = "schedule.csv"
NAMES = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
EVERY_WEEKDAY = frozenset(range(5))
Weekdays = frozenset[int]


def read_schedule(folder: Path, keys: Sequence[str]) -> tuple[Weekdays, ...] | None:
    """Each container's weekdays, out of `schedule.csv` with the columns container and weekdays (`Mo Th`); None where there is no such file.

    Raises
    ------
    SetupError
        Naming the row and the mend.
    """
    file = folder / SCHEDULE
    if not file.exists():
        return None
    found: dict[str, Weekdays] = {}
    with file.open(newline="", encoding="utf-8-sig") as opened:
        for number, row in enumerate(csv.DictReader(opened), start=2):
            words = (row.get("weekdays") or "").split()
            if not row.get("container") or not words or not set(words) <= set(NAMES):
                raise SetupError(f"{file}, row {number}: give a container and its weekdays, such as 'Mo Th', of {' '.join(NAMES)}.")
            found[row["container"]] = frozenset(map(NAMES.index, words))
    missing = [key for key in keys if key not in found]
    if missing:
        raise SetupError(f"{file} has no row for {len(missing)} containers, such as {missing[0]}. Give each one its weekdays.")
    return tuple(found[key] for key in keys)


def trimmed_plans(inflow: DailyInflow, span: Span, schedule: Sequence[Weekdays] | None) -> Iterator[Given]:
    """The whole plan, then with a weekday less at a time; where no schedule is known, "every weekday" is taken for it."""
    own = list(schedule) if schedule else [EVERY_WEEKDAY] * len(inflow.keys)
    driven = sorted(frozenset().union(*own))
    whose = "own plan" if schedule else "every weekday"
    for count in range(len(driven), 0, -1):
        best = min(combinations(driven, count), key=lambda kept: _overflow(inflow, span, own, frozenset(kept)))
        yield _policy(f"{whose} on {' '.join(NAMES[day] for day in best)}", own, frozenset(best))


def moved(days: Weekdays, kept: Weekdays) -> Weekdays:
    """What is left of a container's days; at least the next one that is driven."""
    left = days & kept
    return left or frozenset({min(kept, key=lambda day: min((day - own) % 7 for own in days))})


def _overflow(inflow: DailyInflow, span: Span, own: Sequence[Weekdays], kept: Weekdays) -> float:
    added, weekday = inflow.added[span.first : span.last], inflow.weekday[span.first : span.last]
    plans = [moved(days, kept) for days in own]
    total = 0.0
    for plan in set(plans):
        members = [i for i, one in enumerate(plans) if one == plan]
        total += float(overflow_by_container(added[:, members], np.isin(weekday, list(plan))[None]).sum())
    return total


def _policy(name: str, own: Sequence[Weekdays], kept: Weekdays) -> Given:
    plan = np.array([[day in moved(days, kept) for days in own] for day in range(7)], np.bool_)

    def at(_: int, day: date) -> NDArray[np.bool_]:
        return np.asarray(plan[day.weekday()])

    return Given(name, at)
