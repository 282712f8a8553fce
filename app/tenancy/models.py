"""Cities and franchises, their people, keys and grants, and who changed what."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, TenantRow, Versioned, enum_type


class TenantKind(StrEnum):
    """What a tenant is."""

    CITY = "city"
    FRANCHISE = "franchise"


class Role(StrEnum):
    """What a person may do: each role reaches as far as its own work."""

    ADMIN = "admin"
    DISPATCHER = "dispatcher"
    DRIVER = "driver"
    ANALYST = "analyst"
    SERVICE_DESK = "service_desk"


class Scope(StrEnum):
    """What an API key may do."""

    REGISTER_READ = "register:read"
    REGISTER_WRITE = "register:write"
    MEASUREMENTS_WRITE = "measurements:write"
    MEASUREMENTS_READ = "measurements:read"
    PLANS_READ = "plans:read"
    PLANS_WRITE = "plans:write"
    DRIVE = "drive"
    KPIS_READ = "kpis:read"
    ADMIN = "admin"
    """People, keys, grants and the audit log."""


class Tenant(Base, Versioned):
    """A city, or a franchise in one. All other rows hang below a tenant; its own row is visible to itself."""

    __tablename__ = "tenant"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{1,40}$'", name="slug_is_plain"),
        UniqueConstraint("id", "parent_id"),  # what a grant refers to: nobody but the parent can be named in one
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.id"))
    slug: Mapped[str] = mapped_column(String(42), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[TenantKind] = mapped_column(enum_type(TenantKind))
    timezone: Mapped[str] = mapped_column(String(60))
    locale: Mapped[str] = mapped_column(String(16), server_default="en")
    currency: Mapped[str] = mapped_column(String(3), server_default="EUR")
    service_weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default="{0,1,2,3,4}")
    """Weekdays with service, Monday 0; holidays are rows of their own."""
    map_name: Mapped[str | None] = mapped_column(String(80))
    """The street map its routes are built on; None: great circle, and every plan says so."""
    simulated: Mapped[bool] = mapped_column(server_default="false")
    """A demo city: every page says that its figures are simulated."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UserAccount(TenantRow, Versioned):
    """A person who signs in."""

    __tablename__ = "user_account"
    __table_args__ = (UniqueConstraint("tenant_id", "email"), CheckConstraint("email = lower(email)", name="email_lower"))

    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(enum_type(Role))
    password_hash: Mapped[str] = mapped_column(String(200))
    session_version: Mapped[int] = mapped_column(server_default="1")
    """Raised to end every session of this person: a new password, a lost phone."""
    active: Mapped[bool] = mapped_column(server_default="true")
    last_sign_in_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(TenantRow):
    """A program's credential. Only its hash is kept; the key itself is shown once."""

    __tablename__ = "api_key"
    __table_args__ = (UniqueConstraint("key_hash"),)

    name: Mapped[str] = mapped_column(String(120))
    prefix: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class ReadGrant(TenantRow):
    """A child's leave for its parent to read its rows, until it is revoked or runs out. The row-level policies evaluate it."""

    __tablename__ = "read_grant"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "grantee_tenant_id"], ["tenant.id", "tenant.parent_id"]),
        Index("ix_read_grant_grantee", "grantee_tenant_id", "tenant_id"),
    )

    grantee_tenant_id: Mapped[int]
    granted_by: Mapped[str] = mapped_column(String(254))
    purpose: Mapped[str] = mapped_column(String(300))
    granted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """A failed sign-in, kept for an hour, so that guessing is slow whichever process is asked. Belongs to no tenant yet."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index("ix_sign_in_attempt_who", "who_hash", "attempted_at"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    who_hash: Mapped[str] = mapped_column(String(64))
    """Keyed hash of the e-mail address, or of the network address."""
    attempted_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditEntry(TenantRow):
    """Who changed what, and from what to what. Never updated."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_subject", "tenant_id", "subject_kind", "subject_id"),
        Index("ix_audit_entry_looked_into", "looked_into_tenant_id", postgresql_where="looked_into_tenant_id is not null"),
    )

    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str] = mapped_column(String(254))
    """`user:12`, `key:3`, `job:plan_night`: whoever it was."""
    action: Mapped[str] = mapped_column(String(60))
    subject_kind: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[int | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    note: Mapped[str | None] = mapped_column(Text)
    looked_into_tenant_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.id"))
    """The child that was looked into under a grant; it sees such an entry too."""
