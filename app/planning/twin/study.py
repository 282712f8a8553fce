"""A study: arms of policies through the same weeks, each at several service levels, all tuned on the weeks before.

An arm is the unit of work: a worker process tunes it and replays its policies, so that arms run in parallel and one that fails stops
no other. Draws are common: the same inflow, the same imputed days, and the same luck for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from app.planning.twin.areas import Areas, areas_of
from app.planning.twin.clairvoyant import clairvoyant
from app.planning.twin.disturbances import CALM, Disturbances
from app.planning.twin.frontier import Capture, capture
from app.planning.twin.inflow import DailyInflow
from app.planning.twin.inflow_model import InflowModel
from app.planning.twin.kept import Desk, mark_of
from app.planning.twin.lookahead import Lookahead
from app.planning.twin.policies import Daily, Policy, Threshold
from app.planning.twin.replay import Outcome, Sensors, Span, replay
from app.planning.twin.thinned_plans import best_thinned_plans
from app.planning.twin.tours import Tours
from app.planning.twin.town import Town
from app.planning.twin.trimmed import Weekdays, trimmed_plans

WARM_UP_D = 14
"""Driven before the counted weeks: until then it matters that all containers began empty."""
PRICES = (*(float(price) for price in np.geomspace(0.05, 12.0, 12)), 100.0)
"""Of a container-day in overflow, in whole tours; the last one says "never"."""
THRESHOLDS = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
SERVICE_LEVELS = (0.001, 0.0024, 0.01)
"""Shares of container-days in overflow at which arms are held against each other."""


@dataclass(frozen=True, eq=False)
class Study:
    """What is replayed.

    Parameters
    ----------
    first, last
        Days of the inflow that are counted, `last` excluded; the two weeks before are warm-up, and everything before those is what
        plans are tuned on.
    history_d
        So many days before the warm-up are known at most; None for all.
    figure
        What tours are to have little of: "km" or "cost".
    disturbances
        What all arms suffer alike.
    schedule
        The weekdays of each container in the tenant's own plan; None where it is not known.
    """

    town: Town
    inflow: DailyInflow
    first: int
    last: int
    figure: str = "km"
    sensors: Sensors = field(default_factory=Sensors)
    seed: int = 1
    history_d: int | None = None
    disturbances: Disturbances = CALM
    schedule: tuple[Weekdays, ...] | None = None

    @property
    def span(self) -> Span:
        return Span(max(0, self.first - WARM_UP_D), self.last, warm_up=min(WARM_UP_D, self.first))

    @property
    def tuning(self) -> Span:
        """The weeks before the span."""
        end = self.span.first
        return Span(0 if self.history_d is None else max(0, end - self.history_d), end)

    @property
    def mark(self) -> str:
        """Of all that outcomes depend on."""
        sensors = (self.sensors.step, sorted(self.sensors.silent))
        settings = (self.first, self.last, self.figure, sensors, self.seed, self.history_d, self.disturbances)
        schedule = None if self.schedule is None else tuple(map(sorted, self.schedule))
        return mark_of(self.town, self.inflow, *settings, schedule)


Arm = Callable[[Study, Areas], Iterator[Policy]]


def _daily(_study: Study, _areas: Areas) -> Iterator[Policy]:
    yield Daily()
    yield Daily("every day", frozenset(range(7)))


def _trimmed(study: Study, _areas: Areas) -> Iterator[Policy]:
    yield from trimmed_plans(study.inflow, study.tuning, study.schedule)


def _fixed(study: Study, areas: Areas) -> Iterator[Policy]:
    yield from best_thinned_plans(study.inflow, areas, study.tuning, _prices(study, areas), study.figure)


def _threshold(_study: Study, _areas: Areas) -> Iterator[Policy]:
    for level in THRESHOLDS:
        yield Threshold(level)


def _ours(study: Study, areas: Areas) -> Iterator[Policy]:
    for price in _prices(study, areas):
        yield Lookahead(areas, price, study.figure, study.seed, study.sensors.step)


def _informed(study: Study, areas: Areas) -> Iterator[Policy]:
    """Ours, handed how often each amount comes in the counted weeks, container by container: what no history teaches better."""
    counted = slice(study.first, study.last)
    model = InflowModel.learned(study.inflow.added[counted], study.inflow.weekday[counted])
    for ours in _ours(study, areas):
        yield replace(ours, told=model)  # type: ignore[type-var]


def _tomorrow(study: Study, areas: Areas) -> Iterator[Policy]:
    """Ours, handed what comes tomorrow: what a forecast of the next day could be worth at most."""
    for ours in _ours(study, areas):
        yield replace(ours, foreseen=lambda index: study.inflow.added[index : index + 1])  # type: ignore[type-var]


def _clairvoyant(study: Study, areas: Areas) -> Iterator[Policy]:
    for price in _prices(study, areas):
        yield clairvoyant(study.inflow, areas, study.span, price, study.figure)


def _prices(study: Study, areas: Areas) -> list[float]:
    everything = areas.tour(frozenset(range(areas.count)))
    return [price * float(getattr(everything, study.figure)) for price in PRICES]


ARMS: Mapping[str, Arm] = {
    "daily": _daily,
    "trimmed": _trimmed,
    "fixed": _fixed,
    "threshold": _threshold,
    "ours": _ours,
    "informed": _informed,
    "tomorrow": _tomorrow,
    "clairvoyant": _clairvoyant,
}
POLICIES_OF = {"daily": 2, "trimmed": 5, "threshold": len(THRESHOLDS)}
"""How many an arm has, where that is not one for each price."""


def run_arm(name: str, study: Study, on_policy: Callable[[str], None] | None = None, desk: Desk | None = None) -> list[Outcome]:
    """An arm's policies through the span, in the order of rising service; those that the desk has kept are not replayed again."""
    tours = Tours(study.town, study.seed)
    known = _known(study)
    outcomes = []
    for number, policy in enumerate(ARMS[name](known, areas_of(tours))):
        outcome = desk.find(name, number, policy.name) if desk else None
        if outcome is None:
            on_day = partial(_count, desk, name) if desk else None
            outcome = replay(known.inflow, tours, policy, study.span, study.sensors, on_day, study.disturbances)
            if desk is not None:
                desk.keep(name, number, outcome)
        elif desk is not None:
            desk.day_done(name, study.span.last - study.span.first)
        outcomes.append(outcome)
        if on_policy is not None:
            on_policy(policy.name)
    return outcomes


def run_study(
    study: Study,
    arms: Sequence[str],
    executor: Executor,
    on_arm: Callable[[str], None] | None = None,
    *,
    kept: Path | None = None,
) -> dict[str, list[Outcome]]:
    """All arms, each in a worker.

    Parameters
    ----------
    kept
        A folder for what is done: a study that was stopped goes on from there, and `progress_of` reads how far it is.
    """
    found = {}
    for name, outcomes in zip(arms, executor.map(partial(_run, study, kept), arms), strict=True):
        found[name] = outcomes
        if on_arm is not None:
            on_arm(name)
    return found


def progress_of(study: Study, arms: Sequence[str], desk: Desk) -> float:
    """The part of all days of all policies that has been driven, 0..1; several prices may lead to one plan, so an arm may end early."""
    days = study.span.last - study.span.first
    return sum(min(1.0, desk.days_done(name) / (days * POLICIES_OF.get(name, len(PRICES)))) for name in arms) / len(arms)


def captures(outcomes: Mapping[str, Sequence[Outcome]], levels: Sequence[float] = SERVICE_LEVELS, figure: str = "km") -> list[Capture]:
    """Fixed, ours and the clairvoyant at each service level; nothing where one of the three was not replayed."""
    if not {"fixed", "ours", "clairvoyant"} <= set(outcomes):
        return []
    return [capture(outcomes, level, figure=figure) for level in levels]


def silent_sensors(containers: int, share: float, *, step: float, seed: int) -> Sensors:
    """Sensors of which this share, drawn by the seed, says nothing; more are silent with a greater share, and the same ones stay so."""
    order = np.random.default_rng(seed).permutation(containers)
    return Sensors(step, frozenset(order[: round(share * containers)].tolist()))


def _run(study: Study, kept: Path | None, name: str) -> list[Outcome]:
    return run_arm(name, study, desk=None if kept is None else Desk(kept, study.mark))


def _count(desk: Desk, arm: str, _day: int) -> None:
    desk.day_done(arm)


def _known(study: Study) -> Study:
    """With what lies before `history_d` not seen: as if the sensors had been put up then."""
    begins = study.tuning.first
    if begins == 0:
        return study
    unseen = study.inflow.imputed.copy()
    unseen[:begins] = True
    return replace(study, inflow=replace(study.inflow, imputed=unseen))
