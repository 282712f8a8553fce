"""Reads of the tenancy room: the three look-ups that cross tenants, and a tenant's own."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Select, delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Session

from app.db import Database, TenantSession
from app.errors import NotFound
from app.tenancy.identity import Identity
from app.tenancy.models import ApiKey, AuditEntry, ReadGrant, Role, Scope, SignInAttempt, Tenant, UserAccount
from app.tenancy.scope import rows_of, visible_tenant_id

ATTEMPTS_KEPT = timedelta(hours=1)


@dataclass(frozen=True)
class ScheduledTenant:
    """What the scheduler knows of a tenant."""

    tenant_id: int
    slug: str
    timezone: str


@dataclass(frozen=True)
class SignInCandidate:
    """Somebody with that e-mail address, in one of the tenants."""

    tenant_id: int
    slug: str
    user_id: int
    password_hash: str
    role: Role
    session_version: int


@dataclass(frozen=True)
class Attempt:
    """A try to sign in: its number, or None and how long to wait where there have been too many."""

    number: int | None
    wait_s: int


def find_key_holder(database: Database, key: str) -> Identity | None:
    """The identity behind an API key; None if it is unknown, revoked or has run out. Notes its use, once an hour."""
    with database.transaction(None) as session:
        row = session.execute(text("select * from api_key_holder(:hash)"), {"hash": hash_key(key)}).one_or_none()
    if row is None:
        return None
    if not row.used_lately:
        with database.transaction(row.tenant_id) as session:
            session.execute(
                update(ApiKey).where(ApiKey.tenant_id == row.tenant_id, ApiKey.id == row.key_id).values(last_used_at=func.now())
            )
    return Identity(row.tenant_id, f"key:{row.key_id}", frozenset(Scope(scope) for scope in row.scopes))


def hash_key(key: str) -> str:
    """Keys are long and random, so a plain digest is enough: there is nothing to guess."""
    return sha256(key.encode()).hexdigest()


def list_sign_in_candidates(database: Database, email: str) -> list[SignInCandidate]:
    with database.transaction(None) as session:
        rows = session.execute(text("select * from sign_in_candidates(:email)"), {"email": email}).all()
    return [SignInCandidate(r.tenant_id, r.tenant_slug, r.user_id, r.password_hash, Role(r.role), r.session_version) for r in rows]


def list_scheduled_tenants(database: Database) -> list[ScheduledTenant]:
    with database.transaction(None) as session:
        return [ScheduledTenant(*row) for row in session.execute(text("select tenant_id, slug, timezone from scheduled_tenants()"))]


def count_attempt(session: TenantSession, who_hash: str, *, window: timedelta, most: int) -> Attempt:
    """Count this one's try if fewer than `most` lie within the window; others of the same one wait meanwhile."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(who_hash, 0))))
    forget_old_attempts(session)
    lately = (SignInAttempt.who_hash == who_hash) & (SignInAttempt.attempted_at > func.now() - window)
    wait_s = func.ceil(func.extract("epoch", func.min(SignInAttempt.attempted_at) + window - func.now()))
    tries, oldest_ends_s = session.execute(select(func.count(), wait_s).where(lately)).one()
    if tries >= most:
        return Attempt(None, max(1, int(oldest_ends_s)))
    return Attempt(session.scalar(insert(SignInAttempt).values(who_hash=who_hash).returning(SignInAttempt.id)), 0)


def forget_old_attempts(session: TenantSession) -> None:
    """Forget what lies too far back to slow anybody down."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.attempted_at < func.now() - ATTEMPTS_KEPT))


def forget_attempts(session: TenantSession, who_hash: str, number: int) -> None:
    """Forget all tries of one, and that one try of another."""
    session.execute(delete(SignInAttempt).where(or_(SignInAttempt.who_hash == who_hash, SignInAttempt.id == number)))


def note_sign_in(session: TenantSession, user_id: int, *, new_hash: str | None = None) -> None:
    """Plain SQL, past the row's version: signing in is no edit that somebody else's edit could collide with."""
    values = {"last_sign_in_at": func.now()} | ({"password_hash": new_hash} if new_hash else {})
    session.execute(
        update(UserAccount).where(UserAccount.tenant_id == visible_tenant_id(session), UserAccount.id == user_id).values(**values)
    )


def find_user_of_session(session: TenantSession, user_id: int, session_version: int) -> UserAccount | None:
    """The person of a page session, unless it has been ended."""
    user = rows_of(session, UserAccount).where(
        UserAccount.id == user_id, UserAccount.active, UserAccount.session_version == session_version
    )
    return session.scalars(user).one_or_none()


def has_other_admin(session: TenantSession, user_id: int) -> bool:
    others = rows_of(session, UserAccount).where(UserAccount.role == Role.ADMIN, UserAccount.active, UserAccount.id != user_id)
    return session.scalars(others.with_for_update().limit(1)).first() is not None


def get_tenant(session: TenantSession) -> Tenant:
    """The tenant whose rows the session reads; NotFound when the grant to look into it has ended."""
    tenant = session.get(Tenant, visible_tenant_id(session))
    if tenant is None:
        raise NotFound("There is no such tenant, or it no longer lets you look.")
    return tenant


def is_slug_taken(session: Session, slug: str) -> bool:
    """Asked as the schema's owner, who sees all tenants."""
    return session.scalars(select(Tenant.id).where(Tenant.slug == slug)).first() is not None


def find_tenant_of_others(session: TenantSession, *, slug: str | None = None, tenant_id: int | None = None) -> Tenant | None:
    """A child that has granted this tenant a look, and the grant is in force; None otherwise (the policies hide it)."""
    own = session.info["tenant_id"]
    wanted = Tenant.slug == slug if slug is not None else Tenant.id == tenant_id
    return session.scalars(select(Tenant).where(wanted, Tenant.id != own, Tenant.parent_id == own)).one_or_none()


def list_tenants_open_to_us(session: TenantSession) -> list[Tenant]:
    """The children whose grants are in force."""
    own = session.info["tenant_id"]
    return list(session.scalars(select(Tenant).where(Tenant.parent_id == own, Tenant.id != own).order_by(Tenant.slug)))


def has_looked_since(session: TenantSession, actor: str, child_id: int, since: timedelta) -> bool:
    """Whether this actor's look into a child is in the log already, lately."""
    entry = rows_of(session, AuditEntry).where(
        AuditEntry.actor == actor, AuditEntry.looked_into_tenant_id == child_id, AuditEntry.at > func.now() - since
    )
    return session.scalars(entry.limit(1)).first() is not None


def select_audit(
    session: TenantSession,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject_kind: str | None = None,
    subject_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[AuditEntry]:
    """The tenant's own log, and what its parent wrote down of looks into it."""
    own = visible_tenant_id(session)
    query = select(AuditEntry).where(or_(AuditEntry.tenant_id == own, AuditEntry.looked_into_tenant_id == own))
    equal = {AuditEntry.actor: actor, AuditEntry.action: action, AuditEntry.subject_kind: subject_kind, AuditEntry.subject_id: subject_id}
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    if since:
        query = query.where(AuditEntry.at >= since)
    return query.where(AuditEntry.at < until) if until else query


def select_grants(session: TenantSession) -> Select[ReadGrant]:
    """Grants that this tenant gave, and those that it was given."""
    own = visible_tenant_id(session)
    return select(ReadGrant).where(or_(ReadGrant.tenant_id == own, ReadGrant.grantee_tenant_id == own))
