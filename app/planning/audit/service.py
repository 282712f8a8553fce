"""What an arm takes at a given service level, by mixing two of its policies; and an interval by paired blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from app.planning.audit.prices import Prices
from app.planning.twin.frontier import BLOCK_DAYS, Point, hull
from app.planning.twin.replay import Outcome

Days = NDArray[np.int64]
FEWEST_BLOCKS = 3
CONFIDENCE = 0.95
HAIR = 1e-12


@dataclass(frozen=True)
class Use:
    """What a day takes on average; `trucks` is the most that any one day took."""

    km: float
    hours: float
    idle_h: float
    overtime_h: float
    truck_days: float
    lifts: float
    overflow_share: float
    cost: float
    trucks: int

    def fuel_l(self, prices: Prices) -> float:
        return self.km * prices.fuel_l_per_km + self.lifts * prices.fuel_l_per_lift + self.idle_h * prices.fuel_l_per_idle_h


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; NaN bounds where there are fewer than three blocks."""

    value: float
    low: float = nan
    high: float = nan

    @property
    def is_known(self) -> bool:
        return self.low == self.low

    def times(self, factor: float) -> Interval:
        """By a factor that is not negative."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)

    def plus(self, amount: float) -> Interval:
        return Interval(self.value + amount, self.low + amount, self.high + amount)


@dataclass(frozen=True, eq=False)
class Mix:
    """Policies with the share of days that each is driven; the shares sum to 1."""

    parts: tuple[tuple[Outcome, float], ...]

    def use(self, days: Days, prices: Prices, speed_kmh: float) -> Use:
        uses = [(_use(outcome, days, prices, speed_kmh), share) for outcome, share in self.parts]
        names = ("km", "hours", "idle_h", "overtime_h", "truck_days", "lifts", "overflow_share", "cost")
        means = {name: sum(getattr(use, name) * share for use, share in uses) for name in names}
        return Use(**means, trucks=max(use.trucks for use, _ in uses))

    def __str__(self) -> str:
        if len(self.parts) == 1:
            return self.parts[0][0].policy
        return "; ".join(f"{100 * share:.0f} % of days {outcome.policy}" for outcome, share in self.parts)


def mix_at(arm: Sequence[Outcome], overflow_share: float, days: Days, figure: str) -> Mix | None:
    """The cheapest mix that serves so well on these days; None where the arm has none."""
    at = {Point(_overflow(one, days), float(getattr(one, figure)[days].mean())): one for one in reversed(arm)}
    curve = hull(list(at))
    if not curve or overflow_share < curve[0].overflow_share - HAIR:
        return None
    for before, after in pairwise(curve):
        if overflow_share < after.overflow_share:
            share = (overflow_share - before.overflow_share) / (after.overflow_share - before.overflow_share)
            parts = ((at[before], 1 - share), (at[after], share))
            return Mix(tuple((outcome, part) for outcome, part in parts if part > HAIR))
    return Mix(((at[curve[-1]], 1.0),))


def all_days(outcome: Outcome) -> Days:
    return np.arange(outcome.days)


def with_interval(days: int, figure: Callable[[Days], float]) -> Interval:
    """A figure of paired arms, with the jackknife over blocks of four weeks.

    Each block is left out in turn and the whole comparison made anew, equal service included; Student's t widens the interval where
    blocks are few [1]_.

    References
    ----------
    .. [1] Tukey (1958). Bias and confidence in not-quite large samples.
    """
    whole = figure(np.arange(days))
    blocks = _blocks(days)
    if len(blocks) < FEWEST_BLOCKS:
        return Interval(whole)
    without = np.array([figure(np.concatenate([*blocks[:i], *blocks[i + 1 :]])) for i in range(len(blocks))])
    count = len(blocks)
    error = float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))
    reach = float(student.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    return Interval(whole, whole - reach, whole + reach)


def _use(outcome: Outcome, days: Days, prices: Prices, speed_kmh: float) -> Use:
    km, hours = outcome.km[days], outcome.hours[days]
    trucks = outcome.truck_days[days]
    return Use(
        km=float(km.mean()),
        hours=float(hours.mean()),
        idle_h=float(np.maximum(hours - km / speed_kmh, 0.0).mean()),
        overtime_h=float(np.maximum(hours - trucks * prices.shift_h, 0.0).mean()),
        truck_days=float(trucks.mean()),
        lifts=float(outcome.lifts[days].mean()),
        overflow_share=_overflow(outcome, days),
        cost=float(outcome.cost[days].mean()),
        trucks=int(trucks.max()),
    )


def _overflow(outcome: Outcome, days: Days) -> float:
    return float(outcome.overflowing[days].mean()) / outcome.containers


def _blocks(days: int) -> list[Days]:
    """Of four weeks; what is left over lengthens the last."""
    count = max(1, days // BLOCK_DAYS)
    cuts = [BLOCK_DAYS * i for i in range(1, count)]
    return np.split(np.arange(days), cuts)
