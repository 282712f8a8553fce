"""What would let a container in that had to be emptied and is not, in words a dispatcher can act on."""

import time
from collections.abc import Sequence
from dataclasses import replace

from app.planning.city import City
from app.planning.to_problem import Task, facility_key
from routing.asks import Ask
from routing.plan import Plan
from routing.relaxations import find_relaxations

MOST, FOR_SECONDS = 3, 5.0
"""Ways for each container, and the time that a night spends on them all."""


def find_ways_in(city: City, task: Task, plan: Plan, *, for_s: float = FOR_SECONDS) -> dict[str, list[str]]:
    """By stop, the best few ways, the least asked first; without those that there was no time for, or that nothing lets in."""
    names, ends_s, found = names_of(city), time.monotonic() + for_s, {}
    for left in plan.unserved:
        if left.stop.isdecimal() and task.problem.stop_by_key[left.stop].mandatory and time.monotonic() < ends_s:
            ways = find_relaxations(task.problem, plan, [left.stop], most=MOST)[left.stop]
            found[left.stop] = [" and ".join(asks) for asks in _least([[in_words(ask, names) for ask in way.asks] for way in ways])]
    return {key: ways for key, ways in found.items() if ways}


def _least(ways: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Those that ask something, and not all that one before them asks and more."""
    return [asks for number, asks in enumerate(ways) if asks and not any(set(before) <= set(asks) for before in ways[:number])]


def names_of(city: City) -> dict[str, dict[str, str]]:
    """What people call vehicles, and places, by the router's keys."""
    containers = {str(one.container.id): one.container.code for one in city.containers}
    facilities = {facility_key(one.id): one.name for one in city.facilities}
    return {"vehicle": {str(one.id): f"truck {one.code}" for one in city.vehicles}, "place": containers | facilities}


def in_words(ask: Ask, names: dict[str, dict[str, str]]) -> str:
    """With the names that people know."""
    vehicle = names["vehicle"].get(ask.vehicle or "", ask.vehicle)
    return replace(ask, vehicle=vehicle, place=names["place"].get(ask.place or "", ask.place)).words
