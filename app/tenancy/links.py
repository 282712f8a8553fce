"""Signed links: a driver without an account opens one route, until the link runs out."""

from datetime import UTC, datetime

from itsdangerous import BadData, URLSafeSerializer

from app.errors import NotSignedIn
from app.tenancy.identity import Identity
from app.tenancy.models import Scope

PREFIX = "link_"
SALT = "kerbside.route-link"


def sign_route_link(secret: str, tenant_id: int, route_id: int, *, expires_at: datetime) -> str:
    """The token of a route's link: for `/d/<token>`, and as a bearer credential."""
    return PREFIX + _serializer(secret).dumps([tenant_id, route_id, int(expires_at.timestamp())])


def read_route_link(secret: str, token: str, *, now: datetime | None = None) -> Identity:
    """Who holds the link: somebody who may drive this one route. NotSignedIn when it is forged, cut short or has run out."""
    try:
        tenant_id, route_id, expires_s = _serializer(secret).loads(token.removeprefix(PREFIX))
    except (BadData, ValueError) as error:
        raise NotSignedIn("This link is not one of ours, or was cut short when it was copied.") from error
    if expires_s <= (now or datetime.now(UTC)).timestamp():
        raise NotSignedIn("This link has run out; ask the dispatcher for a new one.")
    return Identity(tenant_id, f"route:{route_id}", frozenset({Scope.DRIVE}), route_id=route_id)


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=SALT)
