"""The rule that our policy improves on: drive to the areas whose risk of tomorrow is worth the tour.

For one area this is the best that can be done without knowing the future: levels only rise, so the cost of waiting another day only
rises, and where that is so the first day on which it exceeds the mean cost of a day is the best one to come [1]_. That mean is learned by
replaying drawn futures, as a multiple of the price of overflow. With several areas that share tours it is a beginning.

References
----------
.. [1] Chow, Robbins, Siegmund (1971). Great Expectations: the theory of optimal stopping; the monotone case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.areas import Areas, AreaSet
from app.planning.twin.belief import LEVELS, LONGEST_D, a_day_later
from app.planning.twin.inflow_model import FULL_STEPS, WEEK, InflowModel

TUNED_D, TUNED_FUTURES = 60, 30
MULTIPLES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


@dataclass(frozen=True, eq=False)
class Futures:
    """Drawn futures from one morning on.

    Parameters
    ----------
    levels
        Steps in each container on the morning (futures, n).
    since
        Whole days since each container's last lift (n,).
    came
        Steps that each day brings (days, futures, n).
    weekday
        Of the first day, Monday is 0.
    """

    levels: NDArray[np.int64]
    since: NDArray[np.int64]
    came: NDArray[np.int8]
    weekday: int


class BaseRule:
    """Drives to the set of areas whose risk, at so much a container-day, exceeds the tour by most.

    Parameters
    ----------
    silent
        Containers whose levels the rule does not see in its futures either, by number: it knows how long ago they were lifted.
    """

    def __init__(self, model: InflowModel, areas: Areas, price: float, figure: str, silent: NDArray[np.int64] | None = None) -> None:
        self.model, self.price, self.worth = model, price, price
        self.sets: list[AreaSet] = areas.sets()
        self.tour = np.array([getattr(areas.tour(some), figure) for some in self.sets], np.float64)
        self.contains = np.array([[area in some for some in self.sets] for area in range(areas.count)], np.float64)
        self.area_of = areas.of
        self.one_hot = (areas.of[:, None] == np.arange(areas.count)).astype(np.float64)
        self.silent = np.zeros(0, np.int64) if silent is None else silent
        self._begins = np.arange(len(areas.of)) * LEVELS
        self._by_level = [table.ravel() for table in model.overflow_chances]
        self._by_days = _risk_by_days(model.of(self.silent))

    @classmethod
    def tuned(
        cls,
        model: InflowModel,
        areas: Areas,
        price: float,
        figure: str,
        rng: np.random.Generator,
        silent: NDArray[np.int64] | None = None,
    ) -> BaseRule:
        """With the multiple of the price that did best in drawn futures."""
        rule = cls(model, areas, price, figure, silent)
        n = len(areas.of)
        futures = Futures(np.zeros((TUNED_FUTURES, n), np.int64), np.zeros(n, np.int64), model.draw(TUNED_D, TUNED_FUTURES, rng), 0)
        costs = {}
        for multiple in MULTIPLES:
            rule.worth = multiple * price
            costs[multiple] = rule.follow(futures, None)
        rule.worth = min(costs, key=lambda multiple: (costs[multiple], multiple)) * price
        return rule

    def risk_believed(self, chances: NDArray[np.float64], weekday: int) -> NDArray[np.float64]:
        """Shape (K,): containers of each area that overflow on the day on the mean, if nobody comes."""
        return np.asarray((chances * self.model.overflow_chances[weekday]).sum(axis=1) @ self.one_hot)

    def risk(self, levels: NDArray[np.int64], since: NDArray[np.int64], weekday: int) -> NDArray[np.float64]:
        """The same in futures (futures, K), of levels where sensors show them."""
        each = self._by_level[weekday % WEEK][self._begins + levels]
        if len(self.silent):
            days = np.minimum(since[:, self.silent], LONGEST_D)
            each[:, self.silent] = self._by_days[weekday % WEEK][days, np.arange(len(self.silent))]
        return np.asarray(each @ self.one_hot)

    def choose(self, risk: NDArray[np.float64]) -> NDArray[np.int64]:
        """The best set's number, by future."""
        return np.asarray(np.argmax(self.worth * risk @ self.contains - self.tour[None, :], axis=1))

    def choices_near(self, usual: int) -> list[int]:
        """Sets that are followed: nothing, everything, the rule's own and those that differ from it by one area."""
        own = self.sets[usual]
        near = {frozenset(), self.sets[-1], own, *(own ^ {area} for area in range(len(self.contains)))}
        return [number for number, some in enumerate(self.sets) if some in near]

    def follow(self, futures: Futures, first: int | None) -> float:
        """Mean cost of beginning with this choice (None: the rule's own) and going on by the rule."""
        levels, total = futures.levels, 0.0
        since = np.broadcast_to(futures.since, levels.shape)
        for day, came in enumerate(futures.came):
            weekday = futures.weekday + day
            own = day or first is None
            chosen = self.choose(self.risk(levels, since, weekday)) if own else np.full(len(levels), first)
            lifted = self.contains[:, chosen].T[:, self.area_of] > 0
            levels = np.minimum(np.where(lifted, 0, levels) + came, FULL_STEPS + 1)
            if len(self.silent):
                since = np.where(lifted, 0, since) + 1
            total += float(self.tour[chosen].sum() + self.price * np.count_nonzero(levels > FULL_STEPS))
        # Who ends with fuller containers has a tour before him that others have driven: at most the whole one.
        at_end = self.risk(levels, since, futures.weekday + len(futures.came))
        ahead = np.minimum(self.worth * at_end.sum(axis=1), self.tour[-1])
        return (total + float(ahead.sum())) / len(levels)


def _risk_by_days(model: InflowModel) -> NDArray[np.float64]:
    """Chance to overflow so many days after a lift, the weekday's inflow apart from the days before (7, LONGEST_D + 1, n)."""
    chances = np.zeros((len(model.chance), LEVELS))
    chances[:, 0] = 1.0
    out = np.empty((WEEK, LONGEST_D + 1, len(chances)))
    if not len(chances):
        return out
    for days in range(LONGEST_D + 1):
        out[:, days] = (chances[None] * model.overflow_chances).sum(axis=2)
        chances = a_day_later(chances, model.chance)
    return out
