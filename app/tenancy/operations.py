"""What is done with people, keys, grants and tenants. Each leaves an audit entry; signing in is in `sign_in.py`."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from secrets import token_hex, token_urlsafe
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.db import TenantSession
from app.errors import Conflict, FieldProblem, NotAllowed, Rejected
from app.tenancy import audit, passwords
from app.tenancy.models import ApiKey, ReadGrant, Role, Scope, Tenant, TenantKind, UserAccount
from app.tenancy.queries import find_tenant_of_others, has_looked_since, has_other_admin, hash_key, is_slug_taken
from app.tenancy.sign_in import SignedIn as SignedIn
from app.tenancy.sign_in import sign_in as sign_in

LOOKS_AS_ONE = timedelta(hours=1)
"""A program's requests into one child within this time are one look in the log."""


def create_user(session: TenantSession, *, email: str, name: str, role: Role, password: str) -> UserAccount:
    """A new person of the session's tenant, who can sign in at once."""
    user = UserAccount(email=email.strip().lower(), name=name, role=role, password_hash=passwords.hash_password(password))
    session.add(user)
    audit.record(session, "user.created", user, after={"email": user.email, "name": name, "role": role})
    return user


def change_user(session: TenantSession, user: UserAccount, values: Mapping[str, Any]) -> None:
    """New name, role or activity. Less than before ends the person's sessions; the last administrator stays one."""
    before = audit.picture(user)
    for key, value in values.items():
        setattr(user, key, value)
    was_admin = before["role"] == Role.ADMIN and before["active"]
    if was_admin and not (user.role == Role.ADMIN and user.active) and not has_other_admin(session, user.id):
        raise Conflict("This is the only administrator. Make somebody else one first.")
    if not user.active or user.role != before["role"]:
        user.session_version += 1
    seen, now = audit.changes(before, audit.picture(user))
    audit.record(session, "user.changed", user, before=seen, after=now)


def deactivate_user(session: TenantSession, user: UserAccount) -> None:
    """The person can no longer sign in, and every session of theirs ends. The row stays: the log names it."""
    change_user(session, user, {"active": False})


def change_password(session: TenantSession, user: UserAccount, *, old: str, new: str) -> None:
    """The person's own change: the old password proves who it is. Every session ends; the caller starts a new one."""
    if not passwords.is_right(user.password_hash, old):
        problem = FieldProblem("old_password", "is not the present one", "An administrator can set a new one.")
        raise Rejected("The password was not changed.", fields=(problem,))
    set_password(session, user, new, field="new_password")


def set_password(session: TenantSession, user: UserAccount, new: str, *, field: str = "password") -> None:
    """An administrator's change of somebody's password. Every session of that person ends."""
    user.password_hash = passwords.hash_password(new, field=field)
    user.session_version += 1
    audit.record(session, "user.password_changed", user)


def sign_out(session: TenantSession, user: UserAccount) -> None:
    """End every session of the person, on whatever device; one browser alone is signed out by forgetting its cookie."""
    user.session_version += 1
    audit.record(session, "user.signed_out_everywhere", user)


def create_api_key(
    session: TenantSession, *, name: str, scopes: Collection[Scope], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key; the second of the pair is the key itself, which nobody can show again."""
    prefix = token_hex(4)
    key = f"kb_{prefix}_{token_urlsafe(32)}"
    row = ApiKey(name=name, prefix=prefix, key_hash=hash_key(key), scopes=sorted(scopes), expires_at=expires_at)
    session.add(row)
    audit.record(session, "api_key.created", row, after={"name": name, "scopes": row.scopes, "expires_at": expires_at})
    return row, key


def revoke_api_key(session: TenantSession, key: ApiKey) -> None:
    """The key opens nothing from now on. Revoking it again changes nothing."""
    if key.revoked_at is None:
        key.revoked_at = datetime.now(UTC)
        audit.record(session, "api_key.revoked", key)


def grant_read(session: TenantSession, *, purpose: str, expires_at: datetime | None = None) -> ReadGrant:
    """Leave for the parent to read this tenant's rows, until it is revoked or runs out. Rejected for a tenant without a parent."""
    parent_id = session.get_one(Tenant, session.info["tenant_id"]).parent_id
    if parent_id is None:
        raise Rejected("This tenant has no parent that it could grant a look to.")
    grant = ReadGrant(grantee_tenant_id=parent_id, granted_by=session.info["actor"], purpose=purpose, expires_at=expires_at)
    session.add(grant)
    audit.record(session, "grant.given", grant, after={"purpose": purpose, "expires_at": expires_at})
    return grant


def revoke_grant(session: TenantSession, grant: ReadGrant) -> None:
    """The parent's next query finds nothing. Revoking it again changes nothing."""
    if grant.revoked_at is None:
        grant.revoked_at = datetime.now(UTC)
        audit.record(session, "grant.revoked", grant)


def look_into(session: TenantSession, *, slug: str | None = None, tenant_id: int | None = None) -> Tenant:
    """The child to look into, with the look in both tenants' logs; NotAllowed without a grant in force.

    Looks of one actor within the hour are one entry.
    """
    child = get_open_child(session, slug=slug, tenant_id=tenant_id)
    if not has_looked_since(session, session.info["actor"], child.id, LOOKS_AS_ONE):
        audit.record(session, "view.looked", subject_kind="tenant", note=f"looked into {child.slug}", looked_into_tenant_id=child.id)
    return child


def get_open_child(session: TenantSession, *, slug: str | None = None, tenant_id: int | None = None) -> Tenant:
    """The child, if its grant is in force; NotAllowed if not. Whether such a tenant exists at all is not told."""
    child = find_tenant_of_others(session, slug=slug, tenant_id=tenant_id)
    if child is None:
        raise NotAllowed("No grant in force lets you look into that tenant: it is none of yours, or its grant has been revoked or ran out.")
    return child


def change_tenant(session: TenantSession, tenant: Tenant, values: Mapping[str, Any]) -> None:
    """New settings of the session's own tenant."""
    before = {key: getattr(tenant, key) for key in values}
    for key, value in values.items():
        setattr(tenant, key, value)
    seen, now = audit.changes(before, dict(values))
    audit.record(session, "tenant.changed", subject_kind="tenant", before=seen, after=now)


def create_tenant(
    owner: Engine,
    *,
    slug: str,
    name: str,
    timezone: str,
    kind: TenantKind | None = None,
    parent_id: int | None = None,
    **settings: Any,
) -> int:
    """A new tenant, made as the schema's owner because the app may not; returns its number. Commits.

    A tenant with a parent is a franchise, one without a city, unless `kind` says otherwise.
    """
    problems = tuple(_problems_of_tenant(slug, timezone))
    if problems:
        raise Rejected("The tenant was not made: " + " ".join(f"{p.field} {p.problem}; {p.mend}" for p in problems), fields=problems)
    kind = kind or (TenantKind.FRANCHISE if parent_id else TenantKind.CITY)
    with Session(owner) as session, session.begin():
        if is_slug_taken(session, slug):
            raise Conflict(f"There is a tenant '{slug}' already.")
        tenant = Tenant(slug=slug, name=name, timezone=timezone, kind=kind, parent_id=parent_id, **settings)
        session.add(tenant)
        session.flush()
        return tenant.id


def _problems_of_tenant(slug: str, timezone: str) -> Iterator[FieldProblem]:
    if not re.fullmatch("[a-z0-9][a-z0-9-]{1,40}", slug):
        yield FieldProblem("slug", f"'{slug}' is not plain", "use small letters, digits and hyphens.")
    if timezone not in available_timezones():
        yield FieldProblem("timezone", f"'{timezone}' is unknown", "name one of the IANA data base, such as Europe/Berlin.")
