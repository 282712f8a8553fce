"""The ways between the places of one of PyVRP's problems, as each vehicle drives them: costs and rules that PyVRP knows only as length.

* What serving a stop takes this vehicle longer, or costs it more, than others lies on the way there; so does the fee of a facility.
* Who may not serve a stop, has a very long way there and on from there.
* From each stop a way home leads by the cheapest of the facilities whose hours bind nobody (`Nearest`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from routing.engines.pyvrp_kinds import Nearest, Unload
from routing.problem import Facility, Problem, Stop, Vehicle, Window

FAR = 10
"""A way that is forbidden is so many times as long as the longest one; much longer ones stall the search."""
Matrix = NDArray[np.int64]


@dataclass(frozen=True)
class WayHome:
    """An end of PyVRP's to which the ways lead by the cheapest of some facilities."""

    facilities: tuple[Facility, ...]
    home: int
    cost_per_m: int
    cost_per_s: int

    @classmethod
    def of(cls, vehicle: Vehicle, last: Nearest) -> WayHome:
        return cls(last.facilities, vehicle.end_location, vehicle.cost_per_m, vehicle.cost_per_s)


class Ways:
    """Matrices of seconds and metres over depots, unloads, ways home and clients, in this order.

    Parameters
    ----------
    depots
        Locations where vehicles begin or end.
    clients
        Stops, each once a window.
    """

    def __init__(
        self,
        problem: Problem,
        vehicles: Sequence[Vehicle],
        *,
        depots: Sequence[int],
        unloads: Sequence[Unload],
        home: Sequence[WayHome],
        clients: Sequence[tuple[Stop, Window | None]],
    ) -> None:
        self.problem, self.vehicles, self.home = problem, vehicles, home
        self.unloads, self.stops = unloads, [stop for stop, _ in clients]
        self.first_unload = len(depots)
        self.first_home = len(depots) + len(unloads)
        self.first_client = self.first_home + len(home)
        ends = [*(one.facility.location for one in unloads), *(way.home for way in home)]
        self.where = np.array([*depots, *ends, *(stop.location for stop in self.stops)], np.int64)

    def profile_of(self, vehicle: Vehicle) -> tuple[object, ...]:
        """Vehicles of the same profile drive by the same matrices."""
        forbidden = tuple(i for i, stop in enumerate(self.stops) if not vehicle.may_serve(stop))
        changed = tuple(i for i, stop in enumerate(self.stops) if self._change_cost(vehicle, stop))
        fees = any(one.facility.fee_per_visit for one in self.unloads)
        rates = (vehicle.cost_per_m, vehicle.cost_per_lift) if changed or fees or not self.lifts_cost_all_the_same else ()
        return vehicle.travel_profile, vehicle.stop_s, vehicle.lift_s, forbidden, changed, rates

    @cached_property
    def lifts_cost_all_the_same(self) -> bool:
        return len({vehicle.cost_per_lift for vehicle in self.vehicles}) == 1

    @staticmethod
    def _change_cost(vehicle: Vehicle, stop: Stop) -> int:
        return stop.change_cost if stop.usual_vehicle not in (None, vehicle.key) else 0

    def matrices(self, vehicle: Vehicle) -> tuple[Matrix, Matrix]:
        """Metres, and seconds."""
        where, first = self.where, self.first_client
        travel = self.problem.travel_of(vehicle)
        drive = travel.drive_s.astype(np.int64)[np.ix_(where, where)]
        metres = travel.distance_m.astype(np.int64)[np.ix_(where, where)]
        no_way = (drive < 0) | (metres < 0)
        far_s, far_m = FAR * max(1, int(drive.max())), FAR * max(1, int(metres.max()))
        setup = np.array([stop.setup_s for stop in self.stops], dtype=np.int64)
        drive[:, first:] += np.where(where[:, None] != where[None, first:], setup[None, :], 0)
        drive[:, first:] += np.array([vehicle.work_s(stop) - stop.service_s for stop in self.stops], dtype=np.int64)
        metres[:, first:] += np.array([self._extra_m(vehicle, stop) for stop in self.stops], dtype=np.int64)
        # Both ways: then PyVRP takes two stops that no vehicle may both serve for far from each other, and tries them beside nobody else.
        forbidden = np.array([not vehicle.may_serve(stop) for stop in self.stops], dtype=bool)
        no_way[:, first:] |= forbidden
        no_way[first:, :] |= forbidden[:, None]
        metres[:, self.first_unload : self.first_home] += np.array([_fee_m(vehicle, one) for one in self.unloads], np.int64)
        drive[no_way], metres[no_way] = far_s, far_m
        self._lead_home(vehicle, drive, metres, (far_s, far_m))
        np.fill_diagonal(drive, 0)
        np.fill_diagonal(metres, 0)
        return metres, drive

    def _lead_home(self, vehicle: Vehicle, drive: Matrix, metres: Matrix, far: tuple[int, int]) -> None:
        """The ways by the cheapest facility; who unloads anyway drives straight home, and who stays in the yard drives nowhere."""
        depots, facilities = self.first_unload, [one.facility for one in self.unloads]
        for column, way in enumerate(self.home, start=self.first_home):
            via = [depots + facilities.index(one) for one in way.facilities]
            legs = [self.leg_home(vehicle, one, way.home) for one in way.facilities]
            seconds = np.stack([drive[:, i] + leg_s for i, (leg_s, _) in zip(via, legs, strict=True)])
            length = np.stack([metres[:, i] + leg_m for i, (_, leg_m) in zip(via, legs, strict=True)])
            best = np.argmin(way.cost_per_s * seconds + way.cost_per_m * length, axis=0)[None, :]
            drive[:, column], metres[:, column] = np.take_along_axis(seconds, best, 0)[0], np.take_along_axis(length, best, 0)[0]
            for i, facility in enumerate(facilities, start=depots):
                straight_s, straight_m = self.leg_home(vehicle, facility, way.home)
                drive[i, column], metres[i, column] = straight_s - facility.turnaround_s, straight_m
            drive[:depots, column], metres[:depots, column] = 0, 0
            drive[column, :], metres[column, :] = far

    def leg_home(self, vehicle: Vehicle, facility: Facility, home: int) -> tuple[int, int]:
        """Seconds, unload included, and metres."""
        travel = self.problem.travel_of(vehicle)
        return (
            facility.turnaround_s + max(0, travel.drive_rows[facility.location][home]),
            max(0, travel.distance_rows[facility.location][home]),
        )

    def _extra_m(self, vehicle: Vehicle, stop: Stop) -> int:
        """What serving costs this vehicle but not others, as metres on the way there."""
        lifts = 0 if self.lifts_cost_all_the_same else vehicle.cost_per_lift * stop.lifts
        return (lifts + self._change_cost(vehicle, stop)) // max(1, vehicle.cost_per_m)

    def cheapest(self, vehicle: Vehicle, last: Nearest, places: Sequence[Stop | Facility]) -> Facility:
        """Where who was at these places unloads before driving home."""
        here = places[-1].location if places else vehicle.begins_at
        travel = self.problem.travel_of(vehicle)

        def cost(facility: Facility) -> tuple[bool, int]:
            there_s, there_m = travel.drive_rows[here][facility.location], travel.distance_rows[here][facility.location]
            leg_s, leg_m = self.leg_home(vehicle, facility, vehicle.end_location)
            metres = there_m + leg_m + _fee_m(vehicle, Unload(facility, None))
            return min(there_s, there_m) < 0, vehicle.cost_per_s * (there_s + leg_s) + vehicle.cost_per_m * metres

        return min(last.facilities, key=cost)


def _fee_m(vehicle: Vehicle, unload: Unload) -> int:
    """What a visit costs, as metres on the way there."""
    return unload.facility.fee_per_visit // max(1, vehicle.cost_per_m)
