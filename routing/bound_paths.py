"""A lower bound that knows capacities: every trip is a path from outside to outside, and its load fits.

Paths may visit a stop twice (q-paths), which makes the cheapest of each load a shortest path, found load by load. A trip's cost is
shared out among its stops by their load: what a stop has to bear at least is then the cheapest share over all paths through it, and
these shares add up to no more than any plan costs. Prices per stop (multipliers), raised where paths pass too seldom and lowered
where they pass too often, tighten it round by round.

References
----------
.. [1] Christofides, Mingozzi, Toth (1981), Exact algorithms for the vehicle routing problem, based on spanning tree and shortest path
   relaxations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]
Counts = NDArray[np.int64]

NEIGHBOURS = 24
"""Places before a stop that are looked at one by one; all others are as near as the nearest of them."""
WORK = 100_000_000
"""Entries of tables that are worked out at most in each stage: less than a second."""
COARSE, COARSE_ROUNDS = 12, 120
"""Units that make a full load while prices are only guessed at, and how often."""
FINE_ROUNDS = 60
LEAST_ROUNDS = 8
"""So many rounds are worth more than a finer unit of load."""
FIRST_STRIDE, LATER_STRIDE = 0.3, 0.05
"""Part of the bound that a step may make good, at first and once prices are guessed."""
LEAST_STRIDE = 0.001
PATIENCE = 4
"""Rounds without a better bound until the steps get shorter."""


class _Near:
    """For each stop the nearest stops to arrive from, and the least cost from any other."""

    def __init__(self, between: Costs) -> None:
        count = min(NEIGHBOURS, len(between))
        between = between + np.where(np.eye(len(between), dtype=bool), np.inf, 0.0)
        order = np.argpartition(between, min(count, len(between) - 1), axis=0)[: count + 1].T
        costs = np.take_along_axis(between, order.T, axis=0).T
        nearest = np.argsort(costs, axis=1, kind="stable")
        order, costs = np.take_along_axis(order, nearest, axis=1), np.take_along_axis(costs, nearest, axis=1)
        self.stop, self.cost = np.ascontiguousarray(order[:, :count]), np.ascontiguousarray(costs[:, :count])
        self.beyond = costs[:, count] if costs.shape[1] > count else np.full(len(between), np.inf)


@dataclass(frozen=True)
class TripKind:
    """Trips of vehicles that cost the same.

    Parameters
    ----------
    enter, between, leave
        Cost of arriving at each stop from outside its trip and working there; of arriving from another stop; and of leaving the trip,
        with what a trip costs whatever it visits. Infinite where it is not allowed.
    capacity
        What fits, in the unit of the stops' loads.
    most
        Trips that there may be, or None.
    """

    enter: Costs
    between: Costs
    leave: Costs
    capacity: int
    most: int | None = None

    @cached_property
    def arriving(self) -> _Near:
        return _Near(self.between)

    @cached_property
    def leaving(self) -> _Near:
        return _Near(self.between.T)


def bound_by_paths(kinds: Sequence[TripKind], load: Counts, worth: Costs) -> float:
    """A lower bound on what it costs to serve all stops, each once, or to leave it out at its worth.

    Parameters
    ----------
    load
        Of each stop, not negative.
    worth
        Price of leaving the stop out; infinite for those that must be served.

    Notes
    -----
    Loads are rounded down to units of a share of the largest capacity. Stops of less than a unit cost nothing here, and may be
    passed by on the way.
    """
    largest = max(kind.capacity for kind in kinds)
    if not len(load) or largest <= 0:
        return 0.0
    units = _units(len(kinds), load, largest)
    scaled, heavy = load * units // largest, load * units >= largest
    if not heavy.any() or int((~heavy).sum()) * len(load) ** 2 > WORK:
        return 0.0
    kinds = [_without_light(kind, heavy) for kind in kinds]
    guess = _Prices(kinds, np.maximum(1, np.rint(load * COARSE / largest)).astype(np.int64)[heavy], worth[heavy], COARSE / largest)
    guess.improve(min(COARSE_ROUNDS, WORK // _work(len(kinds), len(load), COARSE)), FIRST_STRIDE)
    prices = _Prices(kinds, scaled[heavy], worth[heavy], units / largest)
    prices.kept = guess.kept
    prices.improve(min(FINE_ROUNDS, 1 + WORK // _work(len(kinds), len(load), units)), LATER_STRIDE)
    return prices.best


def _work(kinds: int, stops: int, units: int) -> int:
    return kinds * stops * units * (2 * NEIGHBOURS + 2 * units)


def _units(kinds: int, load: Counts, largest: int) -> int:
    """Units that the largest capacity is cut into: those that lose least of the load, as fine as the work allows."""
    finest = largest
    while finest > COARSE and LEAST_ROUNDS * _work(kinds, len(load), finest) > WORK:
        finest = finest * 9 // 10
    return max(range(max(1, finest // 2), finest + 1), key=lambda units: int((load * units // largest).sum()) / units)


def _without_light(kind: TripKind, heavy: NDArray[np.bool_]) -> TripKind:
    """Ways between what is heavy, through light stops where that is shorter."""
    if heavy.all():
        return kind
    outside = np.array([np.inf])
    ways = np.block([[outside, kind.enter], [kind.leave[:, None], kind.between]])
    for light in np.flatnonzero(~heavy) + 1:
        ways = np.minimum(ways, ways[:, light, None] + ways[None, light, :])
    kept = np.flatnonzero(heavy) + 1
    return replace(kind, enter=ways[0, kept], between=ways[np.ix_(kept, kept)], leave=ways[kept, 0])


class _Prices:
    """Multipliers: what each stop pays for being visited, and each kind for one more trip than it may make."""

    def __init__(self, kinds: Sequence[TripKind], load: Counts, worth: Costs, scale: float) -> None:
        self.graphs = [_Graph(kind, load, int(kind.capacity * scale + 1e-9)) for kind in kinds]
        self.load, self.worth = load, worth
        self.most = np.array([np.inf if kind.most is None else kind.most for kind in kinds])
        self.kept = self.of_stop, self.of_kind = np.zeros(len(load)), np.zeros(len(kinds))
        self.best, self.stride, self.since = 0.0, FIRST_STRIDE, 0

    def improve(self, rounds: int, stride: float) -> None:
        """Go on from the best prices so far."""
        self.stride = stride
        self.of_stop, self.of_kind = self.kept
        for _ in range(rounds):
            self._step()
            if self.stride < LEAST_STRIDE:
                return

    def _step(self) -> None:
        shares = [graph.shares(self.of_stop, price) for graph, price in zip(self.graphs, self.of_kind, strict=True)]
        least = np.array([one.share for one in shares])
        kind = least.argmin(axis=0)
        share = self.of_stop + least.min(axis=0)
        limited = np.isfinite(self.most)
        bound = float(np.minimum(share, self.worth).sum() + (self.most[limited] * self.of_kind[limited]).sum())
        self._remember(bound)
        visits, trips = np.zeros(len(self.load)), np.zeros(len(self.graphs))
        paying = share < self.worth
        for number, (graph, found) in enumerate(zip(self.graphs, shares, strict=True)):
            mine = np.flatnonzero((kind == number) & paying & np.isfinite(share))
            weight = self.load[mine] / found.total[mine]
            trips[number] = weight.sum()
            graph.count_visits(found, mine, weight, visits)
        up, down = paying - visits, np.where(limited, self.most - trips, 0.0)
        down[(self.of_kind >= 0) & (down > 0)] = 0.0
        norm = float((up**2).sum() + (down**2).sum())
        if norm > 0 and np.isfinite(bound):
            length = self.stride * max(abs(self.best), 1.0) / norm
            self.of_stop = self.of_stop + length * up
            self.of_kind = np.minimum(0.0, self.of_kind + length * down)

    def _remember(self, bound: float) -> None:
        if bound > self.best:
            self.best, self.since, self.kept = bound, 0, (self.of_stop, self.of_kind)
            return
        self.since += 1
        if self.since >= PATIENCE:
            self.stride, self.since = self.stride / 2, 0
            self.of_stop, self.of_kind = self.kept


@dataclass(frozen=True)
class _Paths:
    """By load and last stop the cost of the cheapest path, and the stop before (−1: none)."""

    cost: Costs
    previous: Counts


@dataclass(frozen=True)
class _Shares:
    """For each stop the cheapest share of a path through it: what it is, the path's load, and how much of that comes up to the stop."""

    share: Costs
    total: Counts
    before: Counts
    to: _Paths
    back: _Paths


class _Graph:
    """Paths of one kind of trips."""

    def __init__(self, kind: TripKind, load: Counts, room: int) -> None:
        self.kind, self.load, self.room = kind, load, room

    def shares(self, price: Costs, price_of_trip: float) -> _Shares:
        """The cheapest share of each stop, at these prices."""
        to = self._paths(self.kind.arriving, self.kind.enter - price_of_trip, price)
        back = self._paths(self.kind.leaving, self.kind.leave, price)
        n, room = len(self.load), self.room
        share, before, total = np.full(n, np.inf), np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.int64)
        amounts, every, largest = np.arange(room + 1)[:, None], np.arange(n), int(self.load.max())
        for first in range(1, room + 1):
            together = first + amounts[: room - first + largest + 1] - self.load
            cost = to.cost[first] + price + back.cost[: len(together)]
            rate = np.where((together >= 1) & (together <= room), cost / np.maximum(together, 1), np.inf)
            second = rate.argmin(axis=0)
            found = rate[second, every]
            better = found < share
            share[better], before[better], total[better] = found[better], first, together[second, every][better]
        return _Shares(share * self.load, total, before, to, back)

    def _paths(self, near: _Near, begin: Costs, price: Costs) -> _Paths:
        n, room = len(self.load), self.room
        cost, previous = np.full((room + 1, n), np.inf), np.full((room + 1, n), -1, dtype=np.int64)
        every, least, least_at = np.arange(n), np.full(room + 1, np.inf), np.zeros(room + 1, dtype=np.int64)
        for amount in range(1, room + 1):
            rest = np.maximum(amount - self.load, 0)
            ways = cost[rest[:, None], near.stop] + near.cost
            chosen = ways.argmin(axis=1)
            found, whence, far = ways[every, chosen], near.stop[every, chosen], least[rest] + near.beyond
            found, whence = np.where(far < found, far, found), np.where(far < found, least_at[rest], whence)
            begins = self.load == amount
            cost[amount] = np.where(begins, begin, found) - price
            previous[amount] = np.where(begins, -1, whence)
            least_at[amount] = cost[amount].argmin()
            least[amount] = cost[amount, least_at[amount]]
        return _Paths(cost, previous)

    def count_visits(self, shares: _Shares, stops: Counts, weight: Costs, visits: Costs) -> None:
        """Add to `visits` what the cheapest paths through these stops visit, each path counted by its weight."""
        np.add.at(visits, stops, weight)
        ahead = shares.total - shares.before + self.load
        for paths, amounts in ((shares.to, shares.before[stops]), (shares.back, ahead[stops])):
            here, left, carried = stops, amounts, weight
            while len(here):
                there = paths.previous[left, here]
                goes_on = there >= 0
                left, here, carried = (left - self.load[here])[goes_on], there[goes_on], carried[goes_on]
                np.add.at(visits, here, carried)
