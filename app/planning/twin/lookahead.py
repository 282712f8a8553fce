"""Our policy: which areas are driven to tomorrow, judged by what may come after it.

A truck-day is opened for what it saves, and one night's risk does not tell that: the containers that are half full decide whether the
next day needs another truck. So each evening some choices of areas are followed into the same drawn futures, in each of which a simple
**base rule** goes on, and the choice that costs least on the mean is made: rollout [1]_. The base rule drives to the areas whose risk
of tomorrow, at a multiple of the price of overflow, is worth the tour; which multiple is learned by replaying drawn futures from an
empty town. Nothing but the inflow seen so far is used, and each evening's draws are the same for all choices.

References
----------
.. [1] Bertsekas, Tsitsiklis, Wu (1997). Rollout algorithms for combinatorial optimization. Journal of Heuristics 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.areas import Areas, AreaSet
from app.planning.twin.inflow_model import FULL_STEPS, InflowModel, steps_of
from app.planning.twin.policies import Seen

AHEAD_D, FUTURES = 10, 200
"""Days that a choice is followed, and drawn futures."""
TUNED_D, TUNED_FUTURES = 60, 30
MULTIPLES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
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
    """

    areas: Areas
    price: float
    figure: str = "km"
    seed: int = 1
    _base: _BaseRule | None = field(default=None, repr=False)
    _learned_on: int = -LEARNED_EVERY_D

    @property
    def name(self) -> str:
        return f"ours, overflow at {self.price:g}"

    def lifts(self, seen: Seen) -> NDArray[np.bool_]:
        rng = np.random.default_rng((self.seed, seen.index))
        base = self._base_for(seen, rng)
        futures = base.model.draw(AHEAD_D, FUTURES, rng)
        begin = base.levels(seen, rng)
        usual = base.choose(base.risk(begin).mean(axis=0, keepdims=True))[0]
        costs = {number: base.follow(begin, futures, number) for number in base.choices_near(usual)}
        return self.areas.members(base.sets[min(costs, key=lambda number: (costs[number], number))])

    def _base_for(self, seen: Seen, rng: np.random.Generator) -> _BaseRule:
        if self._base is None or seen.index - self._learned_on >= LEARNED_EVERY_D or seen.index < self._learned_on:
            self._base = _BaseRule.tuned(InflowModel.learned(seen.added), self.areas, self.price, self.figure, rng)
            self._learned_on = seen.index
        return self._base


class _BaseRule:
    """Drives to the set of areas whose risk, at so much a container-day, exceeds the tour by most."""

    def __init__(self, model: InflowModel, areas: Areas, price: float, figure: str) -> None:
        self.model, self.price = model, price
        self.sets: list[AreaSet] = areas.sets()
        self.tour = np.array([getattr(areas.tour(some), figure) for some in self.sets], np.float64)
        self.contains = np.array([[area in some for some in self.sets] for area in range(areas.count)], np.float64)
        self.area_of = areas.of
        self.one_hot = (areas.of[:, None] == np.arange(areas.count)).astype(np.float64)
        self.chance = model.overflow_chance()
        self.worth = price

    @classmethod
    def tuned(cls, model: InflowModel, areas: Areas, price: float, figure: str, rng: np.random.Generator) -> _BaseRule:
        """With the multiple of the price that did best in drawn futures."""
        rule = cls(model, areas, price, figure)
        futures = model.draw(TUNED_D, TUNED_FUTURES, rng)
        empty = np.zeros((TUNED_FUTURES, len(areas.of)), np.int64)
        costs = {}
        for multiple in MULTIPLES:
            rule.worth = multiple * price
            costs[multiple] = rule.follow(empty, futures, None)
        rule.worth = min(costs, key=lambda multiple: (costs[multiple], multiple)) * price
        return rule

    def levels(self, seen: Seen, rng: np.random.Generator) -> NDArray[np.int64]:
        """Shape (FUTURES, n): as the sensors show them; where they are silent, what may have come since the last lift."""
        silent = np.flatnonzero(np.isnan(seen.level))
        out = np.repeat(steps_of(np.nan_to_num(seen.level))[None, :], FUTURES, axis=0)
        if len(silent):
            longest = int(seen.days_since_lift[silent].max())
            came = InflowModel(self.model.chance[silent]).draw(longest, FUTURES, rng).cumsum(axis=0)
            for column, days in enumerate(seen.days_since_lift[silent].tolist()):
                out[:, silent[column]] = np.minimum(came[days - 1, :, column], FULL_STEPS + 1) if days else 0
        return out

    def risk(self, levels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Shape (futures, K): containers of each area that overflow tomorrow on the mean, if nobody comes."""
        return np.asarray(self.chance[np.arange(levels.shape[1])[None, :], levels] @ self.one_hot)

    def choose(self, risk: NDArray[np.float64]) -> NDArray[np.int64]:
        """The best set's number, by future."""
        return np.asarray(np.argmax(self.worth * risk @ self.contains - self.tour[None, :], axis=1))

    def choices_near(self, usual: int) -> list[int]:
        """Sets that are followed: nothing, everything, the base rule's and those that differ from it by one area."""
        own = self.sets[usual]
        near = {frozenset(), self.sets[-1], own, *(own ^ {area} for area in range(len(self.contains)))}
        return [number for number, some in enumerate(self.sets) if some in near]

    def follow(self, begin: NDArray[np.int64], futures: NDArray[np.int16], first: int | None) -> float:
        """Mean cost of beginning with this choice (None: the base rule's) and going on by the base rule."""
        levels, total = begin, 0.0
        for day, came in enumerate(futures):
            chosen = self.choose(self.risk(levels)) if day or first is None else np.full(len(levels), first)
            lifted = self.contains[:, chosen].T[:, self.area_of] > 0
            levels = np.minimum(np.where(lifted, 0, levels) + came, FULL_STEPS + 1)
            total += float(self.tour[chosen].sum() + self.price * (levels > FULL_STEPS).sum())
        # Who ends with fuller containers has a tour before him that others have driven: at most the whole one.
        ahead = np.minimum(self.worth * self.risk(levels).sum(axis=1), self.tour[-1])
        return (total + float(ahead.sum())) / len(levels)
