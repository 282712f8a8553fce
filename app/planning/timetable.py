"""When a tenant's nights begin and when something has to be out, on its own clocks."""

from datetime import date, datetime, timedelta

from app.assets.queries import list_holidays
from app.assets.service_days import is_service_day, local_date, utc_of
from app.db import TenantSession
from app.planning.models import PlanningPolicy
from app.planning.queries import get_policy
from app.tenancy.models import Tenant
from app.tenancy.queries import get_tenant

DAY = timedelta(days=1)


def night_begins_at(tenant: Tenant, policy: PlanningPolicy, service_date: date) -> datetime:
    """`plan_at` on the eve; on the date itself where `plan_at` is a time of the small hours, before the deadline.

    The eve is the day before, with or without service: Monday's night begins on Sunday, and knows the weekend.
    """
    begins_on = service_date if policy.plan_at < policy.publish_by else service_date - DAY
    return utc_of(tenant, begins_on, policy.plan_at)


def publish_deadline(tenant: Tenant, policy: PlanningPolicy, service_date: date) -> datetime:
    return utc_of(tenant, service_date, policy.publish_by)


def list_due_nights(session: TenantSession, at: datetime) -> list[date]:
    """Service dates whose night has begun, and whose deadline has not passed."""
    tenant, policy = get_tenant(session), get_policy(session)
    days = _service_days_around(session, tenant, at)
    return [day for day in days if night_begins_at(tenant, policy, day) <= at < publish_deadline(tenant, policy, day)]


def find_deadline_day(session: TenantSession, at: datetime) -> date | None:
    """Today, if it is a service day whose deadline has passed."""
    tenant, policy = get_tenant(session), get_policy(session)
    today = local_date(tenant, at)
    is_late = today in _service_days_around(session, tenant, at) and publish_deadline(tenant, policy, today) <= at
    return today if is_late else None


def _service_days_around(session: TenantSession, tenant: Tenant, at: datetime) -> list[date]:
    today = local_date(tenant, at)
    holidays = list_holidays(session, today, today + DAY)
    return [day for day in (today, today + DAY) if is_service_day(tenant, holidays, day)]
