"""What an area's weeks add up to: whether it has too few containers, too many, or about as many as it needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import ceil

from app.assets.waste_classes import WasteClass
from app.reporting.figures import Sums, average_fill_at_collection, overflow_frequency, overflow_share

TOO_OFTEN = 0.5
"""Overflow episodes per container and 30 days, from which on there are too few containers."""
GOOD_FILL_PCT, TOO_EMPTY_PCT = 80.0, 40.0
ENOUGH_LIFTS = 10
"""Below this, chance says more than the area does."""


class Advice(StrEnum):
    """What to do with the number of containers."""

    ADD = "add"
    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True)
class AreaWeek:
    """One zone's containers of one class in one week, which begins on `monday`; a week at the edge may be in part."""

    monday: date
    sums: Sums
    days: int

    @property
    def containers(self) -> float:
        """In service, on average."""
        return self.sums.container_days / self.days

    @property
    def inflow_l_per_day(self) -> float:
        """What came in: over weeks, it is what was collected."""
        return self.sums.collected_l / self.days

    @property
    def inflow_pct_per_day(self) -> float | None:
        """The same as a share of all the area's volume: 25 means full in four days."""
        return 100 * self.sums.collected_l / self.sums.volume_l_days if self.sums.volume_l_days else None

    @property
    def fill_at_collection_pct(self) -> float | None:
        return average_fill_at_collection(self.sums)

    @property
    def overflow_frequency(self) -> float | None:
        return overflow_frequency(self.sums)

    @property
    def overflow_share_pct(self) -> float | None:
        return overflow_share(self.sums)


@dataclass(frozen=True)
class AreaTrend:
    """A zone and class, week by week, and what follows from it."""

    zone_id: int | None
    zone: str | None
    waste_class: WasteClass
    weeks: Sequence[AreaWeek]

    @property
    def whole(self) -> AreaWeek:
        """All weeks as one."""
        return AreaWeek(self.weeks[0].monday, sum((week.sums for week in self.weeks), Sums()), sum(week.days for week in self.weeks))

    @property
    def containers_needed(self) -> int | None:
        """As many as would be about 80 % full when lifted as often as now; None where too little is known."""
        fill_pct = self.whole.fill_at_collection_pct
        return None if fill_pct is None or self.whole.sums.lifts < ENOUGH_LIFTS else ceil(self.whole.containers * fill_pct / GOOD_FILL_PCT)

    @property
    def advice(self) -> Advice:
        """Add where containers overflow although they are lifted well filled, remove where they are lifted half empty and none overflows.

        Where containers overflow but are lifted half empty on average, their number is right and the days are wrong.
        """
        needed, fill_pct = self.containers_needed, self.whole.fill_at_collection_pct
        if needed is None or fill_pct is None:
            return Advice.KEEP
        if (self.whole.overflow_frequency or 0) >= TOO_OFTEN and needed > self.whole.containers:
            return Advice.ADD
        none_overflows = self.whole.sums.overflow_onsets == 0
        return Advice.REMOVE if none_overflows and fill_pct < TOO_EMPTY_PCT and needed < self.whole.containers else Advice.KEEP
