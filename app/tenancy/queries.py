"""Reads of the tenancy room: the three look-ups that cross tenants, and a tenant's own."""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import text

from app.db import Database, TenantSession
from app.tenancy.identity import Identity
from app.tenancy.models import Scope, Tenant
from app.tenancy.scope import visible_tenant_id


@dataclass(frozen=True)
class ScheduledTenant:
    """What the scheduler knows of a tenant."""

    tenant_id: int
    slug: str
    timezone: str


def find_key_holder(database: Database, key: str) -> Identity | None:
    """The identity behind an API key; None if it is unknown, revoked or has run out."""
    with database.transaction(None) as session:
        row = session.execute(text("select * from api_key_holder(:hash)"), {"hash": hash_key(key)}).one_or_none()
    if row is None:
        return None
    return Identity(row.tenant_id, f"key:{row.key_id}", frozenset(Scope(scope) for scope in row.scopes))


def hash_key(key: str) -> str:
    """Keys are long and random, so a plain digest is enough: there is nothing to guess."""
    return sha256(key.encode()).hexdigest()


def list_scheduled_tenants(database: Database) -> list[ScheduledTenant]:
    with database.transaction(None) as session:
        return [ScheduledTenant(*row) for row in session.execute(text("select tenant_id, slug, timezone from scheduled_tenants()"))]


def get_tenant(session: TenantSession) -> Tenant:
    """The tenant whose rows the session reads."""
    return session.get_one(Tenant, visible_tenant_id(session))
