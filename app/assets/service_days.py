"""Rules of a tenant's calendar: which days have service, when places are open, and what a local time is in UTC.

A service date is a local date. Its length in hours is not always 24, so windows are made from local times first and counted in elapsed
seconds after.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

LOOKED_AHEAD_DAYS = 366
END_OF_DAY = "24:00"


class Calendar(Protocol):
    """What these rules need of a tenant; `Tenant` is one."""

    @property
    def timezone(self) -> str: ...
    @property
    def service_weekdays(self) -> Sequence[int]: ...


@dataclass(frozen=True, order=True)
class Window:
    """From `opens_at` until before `closes_at`, both UTC."""

    opens_at: datetime
    closes_at: datetime

    def since(self, origin: datetime) -> tuple[int, int]:
        """The window in elapsed seconds from an instant on."""
        return int((self.opens_at - origin).total_seconds()), int((self.closes_at - origin).total_seconds())


def is_service_day(tenant: Calendar, holidays: Collection[date], day: date) -> bool:
    return day.weekday() in tenant.service_weekdays and day not in holidays


def next_service_day(tenant: Calendar, holidays: Collection[date], after: date) -> date | None:
    """The first service day later than `after`; None if the calendar has none within a year."""
    days = (after + timedelta(days=n) for n in range(1, LOOKED_AHEAD_DAYS + 1))
    return next((day for day in days if is_service_day(tenant, holidays, day)), None)


def next_opportunity(tenant: Calendar, holidays: Collection[date], service_date: date, *, at: time) -> datetime | None:
    """The instant by which what `service_date` leaves behind can be emptied: local time `at` on the next service day."""
    day = next_service_day(tenant, holidays, service_date)
    return None if day is None else utc_of(tenant, day, at)


def utc_of(tenant: Calendar, day: date, at: time) -> datetime:
    """A local time in UTC. A time that the clocks leap over counts as the same distance after the leap; of two, the first."""
    return datetime.combine(day, at, ZoneInfo(tenant.timezone)).astimezone(UTC)


def local_date(tenant: Calendar, instant: datetime) -> date:
    """The date on the tenant's clocks at an instant."""
    return instant.astimezone(ZoneInfo(tenant.timezone)).date()


def whole_day(tenant: Calendar, day: date) -> Window:
    """From midnight to midnight: 23, 24 or 25 hours."""
    return Window(utc_of(tenant, day, time()), utc_of(tenant, day + timedelta(days=1), time()))


def windows_utc(tenant: Calendar, opening_hours: list[dict[str, Any]], day: date) -> tuple[Window, ...]:
    """When a place with these hours is open on a local date, in order. No hours at all: open all day; none on this weekday: ()."""
    if not opening_hours:
        return (whole_day(tenant, day),)
    return tuple(sorted(_windows_of_weekday(tenant, opening_hours, day)))


def windows_s(
    tenant: Calendar, opening_hours: list[dict[str, Any]], day: date, *, origin: datetime | None = None
) -> tuple[tuple[int, int], ...]:
    """The same in elapsed seconds since `origin`, by default since the day's local midnight."""
    origin = origin or utc_of(tenant, day, time())
    return tuple(window.since(origin) for window in windows_utc(tenant, opening_hours, day))


def _windows_of_weekday(tenant: Calendar, opening_hours: list[dict[str, Any]], day: date) -> Iterator[Window]:
    for entry in opening_hours:
        if day.weekday() in entry["weekdays"]:
            window = Window(_instant(tenant, day, entry["opens"]), _instant(tenant, day, entry["closes"]))
            if window.closes_at > window.opens_at:  # 02:00–03:00 does not exist on the night the clocks leap
                yield window


def _instant(tenant: Calendar, day: date, clock: str) -> datetime:
    """`closes` may be 24:00, the midnight that ends the day."""
    return utc_of(tenant, day + timedelta(days=1), time()) if clock == END_OF_DAY else utc_of(tenant, day, time.fromisoformat(clock))
