"""What each round should have of the night's work, where the policy puts a price on having more.

The share is worked out before there is a route: all the work there is, over as many vehicles as it takes. Only what lies above it
costs, so that a night is not spread over more trucks than it needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from app.planning.city import City
from routing.problem import COST_UNITS_PER_CURRENCY, UNREACHABLE, FairShare, Problem

HOUR_S, HUNDRED_KG = 3600, 100
KG = 0


@dataclass(frozen=True)
class Work:
    """The night's work, about: seconds of all rounds together, and kilograms."""

    duration_s: int
    load_kg: int
    vehicles: int
    """As many as it takes, if each works as long as it may."""


def share_fairly(city: City, problem: Problem) -> Problem:
    """The problem with a fair share for each vehicle; itself where that has no price, or there is nothing to share."""
    per_h, per_100kg = city.policy.unfair_cost_per_h, city.policy.unfair_cost_per_100kg
    if not (per_h or per_100kg) or not problem.vehicles or not problem.stops:
        return problem
    work = estimate_work(problem)
    share = FairShare(
        duration_s=work.duration_s // work.vehicles,
        cost_per_s=_micro(per_h, HOUR_S),
        load_kg=work.load_kg // work.vehicles,
        cost_per_kg=_micro(per_100kg, HUNDRED_KG),
    )
    return replace(problem, vehicles=tuple(replace(vehicle, fair_share=share) for vehicle in problem.vehicles))


def estimate_work(problem: Problem) -> Work:
    """The work at every stop and the way from its nearest neighbour; for each full load a way to unload, and back; the way out and home."""
    at_stops_s = sum(stop.service_s + stop.setup_s for stop in problem.stops) + sum(_nearest_s(problem))
    duration_s = at_stops_s + _count_loads(problem) * _haul_s(problem)
    stem_s = _stem_s(problem)
    longest_s = sum(vehicle.longest_s for vehicle in problem.vehicles) // len(problem.vehicles)
    needed = -(-duration_s // max(1, longest_s - stem_s))
    vehicles = min(max(1, needed), len(problem.vehicles))
    return Work(duration_s + vehicles * stem_s, sum(stop.load[KG] for stop in problem.stops), vehicles)


def _stem_s(problem: Problem) -> int:
    """From the first truck's depot out to a middling stop, and home from the facility that is nearest to it."""
    out = sorted(_way_s(problem, problem.vehicles[0].start_location, stop.location) for stop in problem.stops)
    home = [_way_s(problem, one.location, problem.vehicles[0].end_location) for one in problem.facilities]
    return out[len(out) // 2] + min(home, default=0)


def _way_s(problem: Problem, here: int, there: int) -> int:
    return max(0, int(problem.travel[0].drive_s[here, there]))


def _nearest_s(problem: Problem) -> Iterator[int]:
    """For each place the shortest way from another one; nothing where nobody gets there."""
    places = np.unique([stop.location for stop in problem.stops])
    drive_s = np.asarray(problem.travel[0].drive_s)
    for place in places:
        ways = drive_s[places[places != place], place]
        known = ways[ways != UNREACHABLE]
        yield int(known.min()) if known.size else 0


def _count_loads(problem: Problem) -> int:
    """Full loads of a middling truck, by weight or by volume, whichever makes more of them."""
    vehicle = sorted(problem.vehicles, key=lambda one: one.capacity)[len(problem.vehicles) // 2]
    loads = [vehicle.load_of(stop, problem.dimensions) for stop in problem.stops]
    totals = [sum(amounts) for amounts in zip(*loads, strict=True)]
    return max((-(-total // max(1, room)) for total, room in zip(totals, vehicle.capacity, strict=True)), default=0)


def _haul_s(problem: Problem) -> int:
    """From a middling stop to its nearest facility, the time there, and as long a way back."""
    drive_s = np.asarray(problem.travel[0].drive_s)
    ways = [[int(drive_s[stop.location, one.location]) for one in problem.facilities] for stop in problem.stops]
    nearest = sorted(min(known) for row in ways if (known := [way for way in row if way != UNREACHABLE]))
    turnaround_s = min((one.turnaround_s for one in problem.facilities), default=0)
    return 2 * nearest[len(nearest) // 2] + turnaround_s if nearest else 0


def _micro(amount: Decimal, per: int) -> int:
    return round(amount * COST_UNITS_PER_CURRENCY / per)
