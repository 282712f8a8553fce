"""Keeping the roll-ups: days are computed anew from raw rows, as often as one likes."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from app.assets.service_days import local_date
from app.db import TenantSession
from app.reporting.roll_up_queries import list_due_days, write_days
from app.tenancy.queries import get_tenant

DAY = timedelta(days=1)
MOST_DAYS_AT_ONCE = 31


def roll_up(session: TenantSession, day: date) -> None:
    """Compute a local day's rows anew."""
    write_days(session, get_tenant(session), day, day)


def roll_up_due(session: TenantSession, since: date, *, until: date | None = None) -> list[date]:
    """Compute every day up to `until` (default: today) anew that something was told of after it had been; returns those days."""
    tenant = get_tenant(session)
    last = until or local_date(tenant, datetime.now(UTC))
    due = list_due_days(session, tenant, since, last) if since <= last else []
    for first_day, last_day in _stretches(due):
        write_days(session, tenant, first_day, last_day)
    return due


def _stretches(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Ascending days as first and last of stretches without a gap, none too long to compute at once."""
    first: date | None = None
    last = date.min
    for day in days:
        if first is None or day > last + DAY or day >= first + MOST_DAYS_AT_ONCE * DAY:
            if first is not None:
                yield first, last
            first = day
        last = day
    if first is not None:
        yield first, last
