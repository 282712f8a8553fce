"""When things happen on a round whose halts are known: as early as it can end, then as late as it can begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from routing.pacing import Pacing
from routing.plan import VisitKind
from routing.problem import Travel, Vehicle, Window

_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class Task:
    """One halt before it has a time. It is left at `release_s` at the earliest."""

    kind: VisitKind
    key: str
    location: int
    setup_s: int
    work_s: int
    windows: tuple[Window, ...]
    release_s: int = 0

    def leave_s(self, start_s: int) -> int:
        """When the wheels turn again after work that has begun at `start_s`."""
        return max(start_s + self.work_s, self.release_s)


@dataclass(frozen=True, slots=True)
class Timing:
    """When a round begins and ends, when it first drives, when work begins at each task, and what each leg and the way home take."""

    start_s: int
    end_s: int
    leaves_s: int
    starts_s: tuple[int, ...]
    drives_s: tuple[int, ...]

    @property
    def duration_s(self) -> int:
        return self.end_s - self.start_s


class Timer:
    """Times one vehicle's tasks, whichever they are.

    Parameters
    ----------
    release_s
        Before it the vehicle does not leave for its first task.
    """

    def __init__(self, vehicle: Vehicle, travel: Travel, release_s: int) -> None:
        self.vehicle, self.travel = vehicle, travel
        self.here, self.home = vehicle.begins_at, vehicle.end_location
        out = vehicle.under_way
        self.earliest_s = max(release_s, vehicle.shift.open_s if out is None else out.ready_s)
        self.driven_s = 0 if out is None else out.driven_s

    @property
    def is_even(self) -> bool:
        """Do drives take at all hours what the matrix says?"""
        return not self.travel.paces

    @cached_property
    def _pacing(self) -> Pacing | None:
        return Pacing(self.travel.paces) if self.travel.paces else None

    def time(self, tasks: Sequence[Task]) -> Timing | None:
        """Earliest end, then latest start for that end, then each start as early as possible; None if the vehicle's hours forbid it."""
        legs = self._legs(tasks)
        if legs is None:
            return None
        timing = self._forward(tasks, legs, self.earliest_s)
        if timing is None or timing.end_s > self.vehicle.shift.close_s:
            return None
        out = self.vehicle.under_way
        if out is not None:
            timing = Timing(out.started_s, timing.end_s, timing.leaves_s, timing.starts_s, timing.drives_s)
        else:
            start_s = self._latest_start(tasks, legs, timing)
            if start_s < self.earliest_s:
                return None
            if start_s > self.earliest_s:
                end_s, timing = timing.end_s, self._forward(tasks, legs, start_s)
                assert timing is not None and timing.end_s == end_s
        return timing if self._within_limits(timing) else None

    def _within_limits(self, timing: Timing) -> bool:
        vehicle = self.vehicle
        if vehicle.max_drive_s is not None and self.driven_s + sum(timing.drives_s) > vehicle.max_drive_s:
            return False
        longest_s = vehicle.longest_s if vehicle.under_way is None else vehicle.max_duration_s
        return longest_s is None or timing.duration_s <= longest_s

    def _legs(self, tasks: Sequence[Task]) -> list[int] | None:
        """The matrix's seconds of each leg, or None where one has no way."""
        here, legs = self.here, []
        drive_rows, distance_rows = self.travel.drive_rows, self.travel.distance_rows
        for task in tasks:
            there = task.location
            leg_s = drive_rows[here][there]
            if leg_s < 0 or distance_rows[here][there] < 0:
                return None
            legs.append(leg_s)
            here = there
        if not self.travel.reaches(here, self.home):
            return None
        legs.append(drive_rows[here][self.home])
        return legs

    def _forward(self, tasks: Sequence[Task], legs: Sequence[int], leaves_s: int) -> Timing | None:
        pacing = self._pacing
        now, starts, drives = leaves_s, [], []
        for task, leg_s in zip(tasks, legs, strict=False):
            arrival_s = now + leg_s if pacing is None else pacing.arrive_s(now, leg_s)
            drives.append(arrival_s - now)
            begin = arrival_s + task.setup_s
            if task.windows:
                begin = _next_opening(task.windows, begin)
                if begin == _NEVER:
                    return None
            starts.append(begin)
            now = begin + task.work_s
            if now < task.release_s:
                now = task.release_s
        end_s = now + legs[-1] if pacing is None else pacing.arrive_s(now, legs[-1])
        drives.append(end_s - now)
        return Timing(leaves_s, end_s, leaves_s, tuple(starts), tuple(drives))

    def _latest_start(self, tasks: Sequence[Task], legs: Sequence[int], earliest: Timing) -> int:
        """The latest start that ends no later, as far as the vehicle may still start then."""
        latest = self._left_by(earliest.end_s, legs[-1])
        for task, leg_s in zip(reversed(tasks), reversed(legs[:-1]), strict=True):
            latest -= task.work_s
            if task.windows:
                latest = _last_opening(task.windows, latest)
            latest = self._left_by(latest - task.setup_s, leg_s)
        most = self.vehicle.latest_start_s
        return latest if most is None else min(latest, most)

    def _left_by(self, arrive_s: int, leg_s: int) -> int:
        return arrive_s - leg_s if self._pacing is None else self._pacing.leave_s(arrive_s, leg_s)

    def busy_s(self, tasks: Sequence[Task]) -> Iterator[int]:
        """Seconds of each leg with the setup and work at its end, without any waiting; the last is the way home. At the matrix's pace."""
        here, rows = self.here, self.travel.drive_rows
        for task in tasks:
            yield rows[here][task.location] + task.setup_s + task.work_s
            here = task.location
        yield rows[here][self.home]


def _next_opening(windows: tuple[Window, ...], ready_s: int) -> int:
    return min((max(ready_s, window.open_s) for window in windows if ready_s <= window.close_s), default=_NEVER)


def _last_opening(windows: tuple[Window, ...], latest_s: int) -> int:
    return max(min(latest_s, window.close_s) for window in windows if window.open_s <= latest_s)
