"""What each container will look like by the hour for the next week, seen from one instant."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.density import QuantileTable, at_hours, expected_fill, hours_until, overflow_probability
from forecasting.level import HOUR_S

WEEK_H = tuple(range(1, 169))
STORED_H = (1, *range(6, 73, 6), *range(84, 169, 12))
"""Hours that are forecast and kept; between them quantiles are straight lines, as they are between the model's own knots."""
HOURS_PER_DAY = 24.0
AT_ONCE = 4096
"""Containers whose hours are worked out at a time: it bounds the memory of a night."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Outlook:
    """The forecast of every container in service. Fills are fractions in `table`, percent from the methods."""

    origin_at: datetime
    table: QuantileTable
    naive: NDArray[np.float64]
    """Median of the shrunken rate at each of the table's hours, fraction of full."""
    level: NDArray[np.float64]
    """Now; NaN where nobody knows."""
    method: str
    model_version: str
    trained_until: datetime | None = None
    evaluation: dict[str, Any] = field(default_factory=dict)
    learned: bytes | None = None
    """The model as bytes, if this outlook had to learn one."""
    seen: NDArray[np.float64] | None = None
    """Levels that a sensor has told lately; NaN elsewhere. Later nights judge by these."""
    age_h: NDArray[np.float64] | None = None
    """Hours since each of these was read."""
    spread: NDArray[np.float64] | None = None
    surveyed: bool = False
    """Whether snapshots came from surveys, and not from a replay of all readings."""
    note: str | None = None
    """What a reader has to know of the model."""
    steps_s: dict[str, float] = field(default_factory=dict)

    @cached_property
    def row(self) -> dict[Hashable, int]:
        return {key: row for row, key in enumerate(self.table.keys)}

    @cached_property
    def overflow(self) -> NDArray[np.float32]:
        """Probability that a container has overflowed by each hour of the week; to a millionth, which is more than anybody knows."""
        out = np.empty((len(self.table), len(WEEK_H)), np.float32)
        for part in parts(len(self.table)):
            out[part] = overflow_probability(by_hour(part_of(self.table, part))).round(6)
        return out

    def fill_now_pct(self, container_id: int) -> float | None:
        level = float(self.level[self.row[container_id]])
        return None if np.isnan(level) else 100 * level

    def expected_fill_pct(self, container_id: int, at: datetime) -> float:
        """Mean of the forecast distribution, provided that nobody empties it before."""
        hours = np.clip(_hours(self.origin_at, at), WEEK_H[0], WEEK_H[-1])
        before, row = min(int(hours), WEEK_H[-1] - 1), self.row[container_id]
        share = hours - before
        return 100 * float((1 - share) * self._mean_at(before)[row] + share * self._mean_at(before + 1)[row])

    def overflow_probability(self, container_id: int, by: datetime) -> float:
        return float(np.interp(_hours(self.origin_at, by), WEEK_H, self.overflow[self.row[container_id]]))

    def overflow_days(self, container_id: int, since: datetime, until: datetime) -> float:
        """Expected days in overflow between two instants: the integral of the probability, hour by hour."""
        hours = max(_hours(since, until), 0.0)
        steps = _hours(self.origin_at, since) + np.linspace(0, hours, max(round(hours), 1) + 1)
        chances = np.interp(steps, WEEK_H, self.overflow[self.row[container_id]])
        return float(np.mean((chances[:-1] + chances[1:]) / 2)) * hours / HOURS_PER_DAY

    @cached_property
    def full_in_h(self) -> NDArray[np.float32]:
        """Hours until each container is full: the 10 %, 50 % and 90 % quantiles of that time, infinite beyond the week."""
        out = np.empty((len(self.table), len(self.table.quantiles)), np.float32)
        for part in parts(len(self.table)):
            out[part] = hours_until(by_hour(part_of(self.table, part)))
        return out

    @cached_property
    def _means(self) -> dict[int, NDArray[np.float64]]:
        return {}

    def _mean_at(self, hour: int) -> NDArray[np.float64]:
        """Mean fill of all containers at one hour: few hours are ever asked for, and a mean is dear."""
        if hour not in self._means:
            self._means[hour] = expected_fill(by_hour(self.table, (hour,)))[:, 0]
        return self._means[hour]


def by_hour(table: QuantileTable, hours: tuple[int, ...] = WEEK_H) -> QuantileTable:
    """The table at other hours, by straight lines between its own."""
    if table.horizons_h == hours:
        return table
    inside = np.clip(hours, table.horizons_h[0], table.horizons_h[-1])
    fill = at_hours(table.horizons_h, table.fill, inside.tolist())
    # a straight line between equal ends may fall by its last digit
    fill = np.maximum.accumulate(np.maximum.accumulate(fill, axis=1), axis=2)
    return QuantileTable(table.keys, table.origin, hours, table.quantiles, fill, table.method)


def part_of(table: QuantileTable, part: slice) -> QuantileTable:
    return QuantileTable(table.keys[part], table.origin[part], table.horizons_h, table.quantiles, table.fill[part], table.method[part])


def parts(count: int, size: int = AT_ONCE) -> Iterator[slice]:
    return (slice(begin, min(begin + size, count)) for begin in range(0, count, size))


def _hours(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds() / HOUR_S
