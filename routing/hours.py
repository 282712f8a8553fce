"""Drivers' hours as data: presets that a tenant starts from, each with the law that it reads. None is advice; states differ.

A preset is breaks and limits for one vehicle's round, no more: weekly and fortnightly sums, the longer days that a law allows twice
a week, and rest between days belong to whoever makes the roster. Presets add up (`apply` one after the other), the tighter limit
holds, and since a rest counts for its own rule alone (`BreakRule`), the sum may be stricter than the laws together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from routing.problem import BreakRule, Vehicle, Window

MINUTE_S, HOUR_S = 60, 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursPreset:
    """Hours' rules under one name.

    Parameters
    ----------
    key
        A name to choose it by.
    breaks
        What a round under it must contain.
    max_drive_s, max_duration_s
        As in `Vehicle`; None leaves the vehicle's own.
    """

    key: str
    breaks: tuple[BreakRule, ...] = ()
    max_drive_s: int | None = None
    max_duration_s: int | None = None

    def apply(self, vehicle: Vehicle) -> Vehicle:
        """The vehicle under these rules too: its breaks of the same keys replaced, of each limit the tighter one."""
        own = tuple(rule for rule in vehicle.breaks if rule.key not in {new.key for new in self.breaks})
        return replace(
            vehicle,
            breaks=own + self.breaks,
            max_drive_s=_tighter(vehicle.max_drive_s, self.max_drive_s),
            max_duration_s=_tighter(vehicle.max_duration_s, self.max_duration_s),
        )


def _tighter(one: int | None, other: int | None) -> int | None:
    given = [limit for limit in (one, other) if limit is not None]
    return min(given, default=None)


EU_DRIVING = HoursPreset(
    key="eu_driving",
    breaks=(
        BreakRule(
            key="driving_break",
            duration_s=45 * MINUTE_S,
            after_drive_s=4 * HOUR_S + 30 * MINUTE_S,
            repeats=True,
            parts_s=(15 * MINUTE_S, 30 * MINUTE_S),
        ),
    ),
    max_drive_s=9 * HOUR_S,
)
"""Regulation (EC) No 561/2006: 45 minutes' break after 4 h 30 of driving, in one or as 15 minutes and then 30 (article 7), and 9 hours
of driving a day (article 6; the 10 hours that it allows twice a week are the roster's). Read: driving is wheels turning between depots;
creeping from bin to bin within a stop is service. States may exempt household refuse collection (article 13)."""

EU_WORKING_TIME = HoursPreset(
    key="eu_working_time",
    breaks=(
        BreakRule(
            key="work_break",
            duration_s=30 * MINUTE_S,
            after_work_s=6 * HOUR_S,
            repeats=True,
            parts_s=(15 * MINUTE_S, 15 * MINUTE_S),
        ),
        BreakRule(
            key="long_day_break",
            duration_s=15 * MINUTE_S,
            after_work_s=9 * HOUR_S,
            only_if_longer_s=9 * HOUR_S + 30 * MINUTE_S,
        ),
    ),
)
"""Directive 2002/15/EC, article 5: no more than 6 hours of work without a break; breaks of 30 minutes in all for 6 to 9 hours of work, 45
above, in pieces of at least 15. Read: all of the round but its breaks is work, waiting too. So a round longer than 6 hours has 30 minutes
(or twice 15), begun before 6 hours have passed, and again 6 hours after that; and one longer than 9 h 30, of which 30 minutes were
a break, has 15 more, begun within its first 9 hours."""

GB_DOMESTIC = HoursPreset(
    key="gb_domestic",
    breaks=(BreakRule(key="driving_break", duration_s=30 * MINUTE_S, after_drive_s=5 * HOUR_S + 30 * MINUTE_S, repeats=True),),
    max_drive_s=10 * HOUR_S,
    max_duration_s=11 * HOUR_S,
)
"""Transport Act 1968, part VI, the domestic rules of Great Britain: 10 hours of driving and 11 of duty in a day. Read: duty is the round
from start to end, though the law leaves breaks out of it. The break of 30 minutes after 5 h 30 of driving is what it asks for passenger
vehicles; of goods vehicles it asks none, so that it is stricter than need be for a refuse truck (take it out for that). The other
form, 45 minutes within any 8 h 30, is not modelled: whoever keeps this one keeps the law."""

PRESETS = {preset.key: preset for preset in (EU_DRIVING, EU_WORKING_TIME, GB_DOMESTIC)}
"""By key, for whoever lets a tenant choose."""


def one_meal(window: Window, duration_s: int = 30 * MINUTE_S) -> HoursPreset:
    """One meal that begins within the window, due only to rounds that leave no room for it before or after (the usual rule in the US)."""
    return HoursPreset(key="one_meal", breaks=(BreakRule(key="meal", duration_s=duration_s, window=window),))
