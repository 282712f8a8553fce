"""Our policy: which areas are driven to tomorrow, judged by what may come after it.

A truck-day is opened for what it saves, and one night's risk does not tell that: the containers that are half full decide whether the
next day needs another truck. So each evening some choices of areas are followed into the same drawn futures, in each of which a simple
**base rule** goes on, and the choice that costs least on the mean is made: rollout [1]_. Nothing but the readings and the inflow seen so
far is used, and each evening's draws are the same for all choices.

References
----------
.. [1] Bertsekas, Tsitsiklis, Wu (1997). Rollout algorithms for combinatorial optimization. Journal of Heuristics 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.areas import Areas
from app.planning.twin.base_rule import BaseRule, Futures
from app.planning.twin.belief import believed, drawn
from app.planning.twin.inflow_model import STEP, WEEK, InflowModel
from app.planning.twin.policies import Seen

AHEAD_D = 10
"""Days that a choice is followed."""
MOST_FUTURES, FEWEST_FUTURES = 200, 40
DRAWN_LEVELS = 120_000
"""Where there are many containers fewer futures tell as much."""
LEARNED_EVERY_D = 7


@dataclass(eq=False)
class Lookahead:
    """Ours, at one price of a container-day in overflow.

    Parameters
    ----------
    price
        In units of `figure`: what a container-day in overflow may cost. It sets the service level.
    figure
        What of a tour is to be small: "km" or "cost".
    step
        Between two levels of the sensors, as their maker says; 0 for any.
    told
        What the inflow is to be taken for, in the place of what was learned: a reference that no honest arm has.
    foreseen
        Inflow from a day's number on, in fractions of full (days, n): another such reference; what it holds is taken as certain.
    """

    areas: Areas
    price: float
    figure: str = "km"
    seed: int = 1
    step: float = 0.0
    told: InflowModel | None = None
    foreseen: Callable[[int], NDArray[np.float64]] | None = None
    _base: BaseRule | None = field(default=None, repr=False)
    _learned_on: int = -LEARNED_EVERY_D

    @property
    def name(self) -> str:
        return f"ours, overflow at {self.price:g}"

    def lifts(self, seen: Seen) -> NDArray[np.bool_]:
        rng = np.random.default_rng((self.seed, seen.index))
        base = self._base_for(seen, rng)
        chances = believed(seen, base.model, step=self.step)
        weekday = seen.day.weekday()
        usual = int(base.choose(base.risk_believed(chances, weekday)[None])[0])
        futures = self._futures(seen, base.model, chances, rng)
        costs = {number: base.follow(futures, number) for number in base.choices_near(usual)}
        return self.areas.members(base.sets[min(costs, key=lambda number: (costs[number], number))])

    def _futures(self, seen: Seen, model: InflowModel, chances: NDArray[np.float64], rng: np.random.Generator) -> Futures:
        count = min(MOST_FUTURES, max(FEWEST_FUTURES, DRAWN_LEVELS // len(chances)))
        weekday = seen.day.weekday()
        came = model.draw(AHEAD_D, count, rng, first_weekday=weekday)
        if self.foreseen is not None:
            known = np.rint(self.foreseen(seen.index) / STEP).clip(max=np.iinfo(np.int8).max)
            came[: len(known)] = known[:AHEAD_D, None, :]
        since = seen.days_since_lift + len(seen.pending)
        for ago, lifted in enumerate(seen.pending):
            since = np.where(lifted, len(seen.pending) - ago, since)
        return Futures(drawn(chances, count, rng), since, came, weekday)

    def _base_for(self, seen: Seen, rng: np.random.Generator) -> BaseRule:
        if self._base is None or seen.index - self._learned_on >= LEARNED_EVERY_D or seen.index < self._learned_on:
            model = self.told or InflowModel.learned(seen.added, _weekdays(seen))
            silent = np.flatnonzero(np.isnan(seen.level))
            self._base = BaseRule.tuned(model, self.areas, self.price, self.figure, rng, silent)
            self._learned_on = seen.index
        return self._base


def _weekdays(seen: Seen) -> NDArray[np.int64]:
    """Of the days that are known (days,)."""
    last = seen.day.weekday() - 1 - len(seen.pending)
    return (last - np.arange(len(seen.added))[::-1]) % WEEK
