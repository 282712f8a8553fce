"""Which containers deserve a sensor: what of the saving is lost where one says nothing.

In a town of a few containers each one is silenced in turn and the weeks are replayed. In larger ones the saving is shared out, half by the
lifts that not knowing a container costs, half by its part in what overflows under today's plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.planning.audit.prices import DAYS_A_YEAR, Prices
from app.planning.twin.fixed_plans import overflow_by_container
from app.planning.twin.inflow import FULL
from app.planning.twin.replay import HAIR
from app.planning.twin.study import Study
from app.planning.twin.trimmed import EVERY_WEEKDAY

MOST_REPLAYED = 4
"""Each container takes a replay of its own."""
LONGEST_D = 60
CAUTIOUS = 0.05
"""Who does not know a container lifts it so early that it is full in one of twenty cycles only."""


@dataclass(frozen=True)
class SensorWorth:
    """What a container's sensor saves a year, and the price at which it would pay."""

    container: str
    saved_a_year: float
    price_worth: float
    deserves: bool
    lifts_avoided: float
    overflow_days: float


def worths(study: Study, saved: Sequence[float], prices: Prices) -> tuple[SensorWorth, ...]:
    """The containers by what their sensors save, the best first."""
    lifts, overflow = lifts_of_not_knowing(study), overflow_days(study)
    found = [
        SensorWorth(
            container=key,
            saved_a_year=saved[i],
            price_worth=prices.sensor_price_worth(saved[i]),
            deserves=saved[i] > prices.sensor_year,
            lifts_avoided=float(lifts[i]),
            overflow_days=float(overflow[i]),
        )
        for i, key in enumerate(study.town.keys)
    ]
    return tuple(sorted(found, key=lambda one: (-one.saved_a_year, -one.lifts_avoided, one.container)))


def shared_out(study: Study, gross_a_year: float) -> list[float]:
    """A saving by container; nothing to share where there is none."""
    parts = [part / part.sum() for part in (lifts_of_not_knowing(study), overflow_days(study)) if part.sum() > 0]
    if not parts or gross_a_year <= 0:
        return [0.0] * len(study.town.keys)
    return list((gross_a_year * np.mean(parts, axis=0)).tolist())


def lifts_of_not_knowing(study: Study) -> NDArray[np.float64]:
    """A year, by container: lifts at the cautious cycle less lifts at the mean one (n,)."""
    added = study.inflow.added[study.first : study.last]
    columns = (days_to_full(added[:, i]) for i in range(added.shape[1]))
    return np.array([DAYS_A_YEAR / max(1.0, float(np.quantile(days, CAUTIOUS))) - DAYS_A_YEAR / days.mean() for days in columns]).clip(0)


def days_to_full(added: NDArray[np.float64]) -> NDArray[np.float64]:
    """From an empty container on each day's morning: whole days that it may wait; days too near the end to tell are left out."""
    until = [np.cumsum(added[day : day + LONGEST_D]) for day in range(len(added))]
    known = [float(np.searchsorted(fill, FULL + HAIR)) for fill in until if fill[-1] > FULL + HAIR or len(fill) == LONGEST_D]
    return np.maximum(1.0, known) if known else np.array([float(min(len(added), LONGEST_D))])


def overflow_days(study: Study) -> NDArray[np.float64]:
    """A year, by container, under today's plan (n,)."""
    counted = slice(study.first, study.last)
    added, weekday = study.inflow.added[counted], study.inflow.weekday[counted]
    plans = study.schedule or [EVERY_WEEKDAY] * added.shape[1]
    days = [overflow_by_container(added[:, [i]], np.isin(weekday, list(plan))[None])[0, 0] for i, plan in enumerate(plans)]
    return np.array(days) * DAYS_A_YEAR / len(added)
