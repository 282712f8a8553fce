"""Who changed what: one entry a change, written in the change's own transaction, so that neither exists without the other."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import inspect

from app.db import TenantOwned, TenantRow, TenantSession
from app.tenancy.models import AuditEntry

SECRETS = frozenset({"password_hash", "key_hash", "secret_hash", "sealed_as_key"})
"""Columns that no entry repeats."""


def record(
    session: TenantSession,
    action: str,
    row: TenantRow | None = None,
    *,
    subject_kind: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    note: str | None = None,
    looked_into_tenant_id: int | None = None,
) -> None:
    """Add the entry of one change; the actor is the session's. Flushes a new row, because its number belongs in the entry."""
    if row is not None and row.id is None:
        session.flush()
    session.add(
        AuditEntry(
            actor=session.info["actor"],
            action=action,
            subject_kind=subject_kind or (row.__tablename__ if row is not None else "tenant"),
            subject_id=row.id if row is not None else None,
            before=as_json(before),
            after=as_json(after),
            note=note,
            looked_into_tenant_id=looked_into_tenant_id,
        )
    )


def picture(row: TenantOwned) -> dict[str, Any]:
    """The row's own columns as JSON, without its secrets: what `before` and `after` are made of."""
    keys = [attribute.key for attribute in inspect(type(row)).column_attrs if attribute.key not in SECRETS | {"tenant_id"}]
    return {key: as_json(getattr(row, key)) for key in keys}


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two pictures, reduced to what differs."""
    keys = [key for key in after if before.get(key) != after[key]]
    return {key: before.get(key) for key in keys}, {key: after[key] for key in keys}


def as_json(value: Any) -> Any:
    """The value as JSON can hold it: instants in ISO 8601, decimals as text (no cent is lost), bytes by their length only."""
    match value:
        case dict():
            return {str(key): as_json(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [as_json(inner) for inner in value]
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case bytes():
            return f"{len(value)} bytes"
    return value
