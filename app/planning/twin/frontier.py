"""Kilometres against overflow: a policy is a curve, never one point, and curves are held against each other at equal service.

A service level between two plans is had by driving the one on some days and the other on the rest: the curve of an arm is the lower
convex hull of its outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.replay import Outcome

BLOCK_DAYS = 28
RESAMPLES = 2_000


@dataclass(frozen=True)
class Point:
    """Overflow share and what it takes; any figure a day that is to be as small as can be."""

    overflow_share: float
    per_day: float


def hull(points: Sequence[Point]) -> list[Point]:
    """The lower convex hull, by rising overflow share."""
    found: list[Point] = []
    for point in sorted(points, key=lambda one: (one.overflow_share, one.per_day)):
        if found and point.per_day >= found[-1].per_day:
            continue
        while len(found) >= 2 and not _bends_up(found[-2], found[-1], point):
            found.pop()
        found.append(point)
    return found


def _bends_up(a: Point, b: Point, c: Point) -> bool:
    return (b.per_day - a.per_day) * (c.overflow_share - a.overflow_share) < (c.per_day - a.per_day) * (b.overflow_share - a.overflow_share)


def at_share(points: Sequence[Point], overflow_share: float) -> float:
    """What the arm takes at this service level; NaN where it has no point that serves as well or better, the cheapest beyond its last."""
    curve = hull(points)
    if not curve or overflow_share < curve[0].overflow_share:
        return nan
    return float(np.interp(overflow_share, [one.overflow_share for one in curve], [one.per_day for one in curve]))


@dataclass(frozen=True)
class Capture:
    """At one service level, a day: what the best fixed plans, ours and the clairvoyant take, and what ours saves of the difference.

    `low` and `high` hold the share in 95 of 100 resamplings of whole blocks, the same for all arms; NaN with fewer than three blocks.
    """

    overflow_share: float
    fixed: float
    ours: float
    clairvoyant: float
    low: float = nan
    high: float = nan

    @property
    def attainable(self) -> float:
        return self.fixed - self.clairvoyant

    @property
    def share(self) -> float:
        return (self.fixed - self.ours) / self.attainable if self.attainable > 0 else nan


def capture(
    arms: Mapping[str, Sequence[Outcome]],
    overflow_share: float,
    *,
    figure: str = "km",
    names: tuple[str, str, str] = ("fixed", "ours", "clairvoyant"),
    seed: int = 1,
) -> Capture:
    """The three arms at equal service, with an interval by paired blocks of four weeks."""
    daily = {name: [(_figure(one, figure), one.overflowing / one.containers) for one in arms[name]] for name in names}

    def at(days: NDArray[np.int64] | slice) -> tuple[float, float, float]:
        fixed, ours, best = (
            at_share([Point(float(over[days].mean()), float(cost[days].mean())) for cost, over in daily[name]], overflow_share)
            for name in names
        )
        return fixed, ours, best

    whole = Capture(overflow_share, *at(slice(None)))
    blocks = _blocks(arms[names[0]][0].days)
    if len(blocks) < 3:
        return whole
    rng = np.random.default_rng(seed)
    drawn = (
        Capture(overflow_share, *at(np.concatenate([blocks[i] for i in rng.integers(len(blocks), size=len(blocks))])))
        for _ in range(RESAMPLES)
    )
    shares = [one.share for one in drawn if np.isfinite(one.share)]
    low, high = np.quantile(shares, (0.025, 0.975)) if len(shares) > RESAMPLES / 2 else (nan, nan)
    return Capture(overflow_share, whole.fixed, whole.ours, whole.clairvoyant, float(low), float(high))


def _figure(outcome: Outcome, name: str) -> NDArray[np.float64]:
    return np.asarray(getattr(outcome, name), np.float64)


def _blocks(days: int) -> list[NDArray[np.int64]]:
    """Blocks of four weeks; what is left over at the end lengthens the last."""
    count = max(1, days // BLOCK_DAYS)
    return [np.arange(BLOCK_DAYS * i, days if i == count - 1 else BLOCK_DAYS * (i + 1)) for i in range(count)]
