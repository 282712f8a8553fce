"""A study: arms of policies through the same weeks, each at several service levels, all tuned on the weeks before.

An arm is the unit of work: a worker process tunes it and replays its policies, so that arms run in parallel and one that fails stops
no other. Draws are common: the same inflow, and the same imputed days, for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from app.planning.twin.areas import Areas, areas_of
from app.planning.twin.clairvoyant import clairvoyant
from app.planning.twin.fixed_plans import best_fixed_plans
from app.planning.twin.frontier import Capture, capture
from app.planning.twin.inflow import DailyInflow
from app.planning.twin.lookahead import Lookahead
from app.planning.twin.policies import Daily, Policy, Threshold
from app.planning.twin.replay import Outcome, Sensors, Span, replay
from app.planning.twin.tours import Tours
from app.planning.twin.town import Town

WARM_UP_D = 14
"""Driven before the counted weeks: until then it matters that all containers began empty."""
PRICES = tuple(float(price) for price in np.geomspace(0.05, 12.0, 12))
"""Of a container-day in overflow, in whole tours."""
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
    """

    town: Town
    inflow: DailyInflow
    first: int
    last: int
    figure: str = "km"
    sensors: Sensors = field(default_factory=Sensors)
    seed: int = 1
    history_d: int | None = None

    @property
    def span(self) -> Span:
        return Span(max(0, self.first - WARM_UP_D), self.last, warm_up=min(WARM_UP_D, self.first))

    @property
    def tuning(self) -> Span:
        """The weeks before the span."""
        end = self.span.first
        return Span(0 if self.history_d is None else max(0, end - self.history_d), end)


Arm = Callable[[Study, Areas], Iterator[Policy]]


def _daily(_study: Study, _areas: Areas) -> Iterator[Policy]:
    yield Daily()
    yield Daily("every day", frozenset(range(7)))


def _fixed(study: Study, areas: Areas) -> Iterator[Policy]:
    for plan in best_fixed_plans(study.inflow, areas, study.tuning, _prices(study, areas), study.figure):
        yield plan.policy(areas)


def _threshold(_study: Study, _areas: Areas) -> Iterator[Policy]:
    for level in THRESHOLDS:
        yield Threshold(level)


def _ours(study: Study, areas: Areas) -> Iterator[Policy]:
    for price in _prices(study, areas):
        yield Lookahead(areas, price, study.figure, study.seed)


def _clairvoyant(study: Study, areas: Areas) -> Iterator[Policy]:
    for price in _prices(study, areas):
        yield clairvoyant(study.inflow, areas, study.span, price, study.figure)


def _prices(study: Study, areas: Areas) -> list[float]:
    everything = areas.tour(frozenset(range(areas.count)))
    return [price * float(getattr(everything, study.figure)) for price in PRICES]


ARMS: Mapping[str, Arm] = {"daily": _daily, "fixed": _fixed, "threshold": _threshold, "ours": _ours, "clairvoyant": _clairvoyant}


def run_arm(name: str, study: Study, on_policy: Callable[[str], None] | None = None) -> list[Outcome]:
    """An arm's policies through the span, in the order of rising service."""
    tours = Tours(study.town, study.seed)
    known = _known(study)
    outcomes = []
    for policy in ARMS[name](known, areas_of(tours)):
        outcomes.append(replay(known.inflow, tours, policy, study.span, study.sensors))
        if on_policy is not None:
            on_policy(policy.name)
    return outcomes


def run_study(
    study: Study, arms: Sequence[str], executor: Executor, on_arm: Callable[[str], None] | None = None
) -> dict[str, list[Outcome]]:
    """All arms, each in a worker."""
    found = {}
    for name, outcomes in zip(arms, executor.map(partial(_run, study), arms), strict=True):
        found[name] = outcomes
        if on_arm is not None:
            on_arm(name)
    return found


def captures(outcomes: Mapping[str, Sequence[Outcome]], levels: Sequence[float] = SERVICE_LEVELS, figure: str = "km") -> list[Capture]:
    """Fixed, ours and the clairvoyant at each service level; nothing where one of the three was not replayed."""
    if not {"fixed", "ours", "clairvoyant"} <= set(outcomes):
        return []
    return [capture(outcomes, level, figure=figure) for level in levels]


def silent_sensors(containers: int, share: float, *, step: float, seed: int) -> Sensors:
    """Sensors of which this share, drawn by the seed, says nothing; more are silent with a greater share, and the same ones stay so."""
    order = np.random.default_rng(seed).permutation(containers)
    return Sensors(step, frozenset(order[: round(share * containers)].tolist()))


def _run(study: Study, name: str) -> list[Outcome]:
    return run_arm(name, study)


def _known(study: Study) -> Study:
    """With what lies before `history_d` not seen: as if the sensors had been put up then."""
    begins = study.tuning.first
    if begins == 0:
        return study
    unseen = study.inflow.imputed.copy()
    unseen[:begins] = True
    inflow = DailyInflow(study.inflow.keys, study.inflow.first_day, study.inflow.added, unseen)
    return Study(study.town, inflow, study.first, study.last, study.figure, study.sensors, study.seed, study.history_d)
