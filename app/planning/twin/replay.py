"""One policy through a span of days: what was driven, what overflowed, and what was left in the containers at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.disturbances import CALM, Disturbances
from app.planning.twin.inflow import FULL, DailyInflow
from app.planning.twin.policies import Policy, Seen
from app.planning.twin.tours import Tours

HAIR = 1e-9
"""Fills are sums of tenths: what exceeds full by less is full."""


@dataclass(frozen=True)
class Span:
    """Days of an inflow by number, `last` excluded. Days of `warm_up` at its beginning are driven but not counted."""

    first: int
    last: int
    warm_up: int = 0

    @property
    def counted(self) -> int:
        return self.last - self.first - self.warm_up


@dataclass(frozen=True)
class Sensors:
    """What the sensors show of the truth: levels in steps, nothing above full, nothing at all where they are silent.

    Parameters
    ----------
    step
        Between two levels; 0 for sensors that show any.
    silent
        Containers without a working sensor, by number.
    """

    step: float = 0.0
    silent: frozenset[int] = frozenset()

    def show(self, fill: NDArray[np.float64]) -> NDArray[np.float64]:
        shown = np.minimum(fill, FULL)
        if self.step:
            shown = np.floor(shown / self.step + HAIR) * self.step
        if self.silent:
            shown[list(self.silent)] = np.nan
        return shown


SHOW_ALL = Sensors()


@dataclass(frozen=True, eq=False)
class Outcome:
    """Figures of the counted days, one entry a day; shares of container-days follow from them.

    `fill_at_collection` lists the fills of all lifts, `left` is the fill of all containers after the last day.
    """

    policy: str
    containers: int
    km: NDArray[np.float64]
    cost: NDArray[np.float64]
    hours: NDArray[np.float64]
    truck_days: NDArray[np.int64]
    lifts: NDArray[np.int64]
    overflowing: NDArray[np.int64]
    onsets: NDArray[np.int64]
    excess: NDArray[np.float64]
    fill_at_collection: NDArray[np.float64] = field(repr=False)
    left: float

    @property
    def days(self) -> int:
        return len(self.km)

    @property
    def overflow_share(self) -> float:
        """Share of container-days that ended in overflow."""
        return float(self.overflowing.sum() / (self.days * self.containers))

    @property
    def mean_fill_at_collection(self) -> float:
        """NaN where nothing was lifted."""
        return float(self.fill_at_collection.mean()) if len(self.fill_at_collection) else float("nan")


def replay(
    inflow: DailyInflow,
    tours: Tours,
    policy: Policy,
    span: Span,
    sensors: Sensors = SHOW_ALL,
    on_day: Callable[[int], None] | None = None,
    disturbances: Disturbances = CALM,
) -> Outcome:
    """Drive the policy through the span. All containers are empty on its first morning; warm-up days wash that out.

    Parameters
    ----------
    on_day
        Told of each day that is done: progress, or an exception of the caller's to end the replay.
    disturbances
        What keeps a day from going as it was ordered.
    """
    state = _State(inflow, span, sensors)
    delay_d = disturbances.delay_d
    nothing = np.zeros(len(inflow.keys), np.bool_)
    orders = deque([nothing] * delay_d)
    for index in range(span.first, span.last):
        for_day = index + delay_d
        orders.append(policy.lifts(state.seen(index, for_day, orders)) if for_day < span.last else nothing)
        ordered = orders.popleft()
        lifted, tour = disturbances.met(index, tours.of(ordered), ordered, tours.town)
        state.live(index, lifted, (tour.km, tour.cost, tour.hours, tour.truck_days))
        if on_day is not None:
            on_day(index)
    return state.outcome(policy.name)


class _State:
    """The truth, what the sensors have shown of it, and the log."""

    def __init__(self, inflow: DailyInflow, span: Span, sensors: Sensors) -> None:
        self.inflow, self.span, self.sensors = inflow, span, sensors
        n = len(inflow.keys)
        self.fill = np.zeros(n)
        self.shown = sensors.show(self.fill)
        self.since = np.zeros(n, np.int64)
        # Before the span nothing was replayed: what was seen then is known as it is, where there is a sensor.
        self.added = np.where(inflow.imputed, np.nan, inflow.added)
        self.added[:, list(sensors.silent)] = np.nan
        self.days: list[tuple[float, float, float, int, int, int, int, float]] = []
        self.fills: list[NDArray[np.float64]] = []

    def seen(self, index: int, for_day: int, orders: deque[NDArray[np.bool_]]) -> Seen:
        """On the evening before the day of this number, which may be some days before the one that is decided upon."""
        level, since = self.shown.copy(), self.since.copy()
        pending = np.array(orders, np.bool_).reshape(len(orders), len(level))
        return Seen(self.inflow.day(for_day), for_day, level, self.added[:index].copy(), since, pending)

    def live(self, index: int, lifted: NDArray[np.bool_], driven: tuple[float, float, float, int]) -> None:
        """A day: the trucks come, then residents, then the evening's readings."""
        at_lift = self.fill[lifted]
        was_over = np.where(lifted, False, self.fill > FULL + HAIR)
        self.fill = np.where(lifted, 0.0, self.fill) + self.inflow.added[index]
        self.since = np.where(lifted, 0, self.since) + 1
        before = np.where(lifted, 0.0, self.shown)
        self.shown = self.sensors.show(self.fill)
        self.added[index] = np.where(np.isnan(self.shown), np.nan, np.maximum(self.shown - before, 0.0))
        over = self.fill > FULL + HAIR
        if index >= self.span.first + self.span.warm_up:
            excess = float(np.maximum(self.fill - FULL, 0.0).sum())
            self.days.append((*driven, int(lifted.sum()), int(over.sum()), int((over & ~was_over).sum()), excess))
            self.fills.append(at_lift)

    def outcome(self, name: str) -> Outcome:
        km, cost, hours, trucks, lifts, over, onsets, excess = (np.array(column) for column in zip(*self.days, strict=True))
        return Outcome(
            policy=name,
            containers=len(self.fill),
            km=km,
            cost=cost,
            hours=hours,
            truck_days=trucks,
            lifts=lifts,
            overflowing=over,
            onsets=onsets,
            excess=excess,
            fill_at_collection=np.concatenate(self.fills),
            left=float(self.fill.sum()),
        )
