"""A link for whoever drives a route: what a town sends out whose drivers have no accounts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.db import TenantSession
from app.dispatch.queries import FieldRoute, get_field_route
from app.errors import Conflict
from app.planning.models import PlanStatus
from app.tenancy import audit
from app.tenancy.identity import Identity
from app.tenancy.links import sign_route_link

OUTLASTS_ROUTE = timedelta(days=2)
"""What a phone could not send on the day still arrives after it."""


@dataclass(frozen=True)
class RouteLink:
    """Whoever holds the token drives the route until it runs out; it is kept nowhere."""

    of: FieldRoute
    token: str
    expires_at: datetime


def create_route_link(session: TenantSession, who: Identity, route_id: int, *, secret: str, now: datetime) -> RouteLink:
    """A new link to a route that is out; links made before stay good. Conflict when its plan was taken back."""
    found = get_field_route(session, who, route_id)
    if found.plan.status is not PlanStatus.PUBLISHED:
        raise Conflict(f"Plan {found.plan.id} is {found.plan.status}: its routes are not driven. Take one of a plan that is out.")
    expires_at = max(found.route.ends_at, now) + OUTLASTS_ROUTE
    token = sign_route_link(secret, found.route.tenant_id, found.route.id, expires_at=expires_at)
    audit.record(session, "route.link_created", found.route, after={"expires_at": expires_at})
    return RouteLink(found, token, expires_at)
