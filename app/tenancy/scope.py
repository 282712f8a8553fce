"""The only door to tenant-owned rows. The database's policies hide everybody else's; this makes the hidden a plain NotFound."""

from typing import Any, TypeVar

from sqlalchemy import Select, select

from app.db import TenantOwned, TenantRow, TenantSession
from app.errors import NotFound

AnyRow = TypeVar("AnyRow", bound=TenantOwned)
Row = TypeVar("Row", bound=TenantRow)


def visible_tenant_id(session: TenantSession) -> int:
    """The tenant whose rows this session reads: its own, or the one that it looks into under a grant."""
    tenant_id = session.info.get("view_tenant_id") or session.info.get("tenant_id")
    if tenant_id is None:
        raise NotFound("No tenant has been chosen, so there is nothing to see.")
    return int(tenant_id)


def rows_of(session: TenantSession, model: type[AnyRow]) -> Select[AnyRow]:
    """A select over the tenant's rows of a table; every query of tenant-owned rows starts here."""
    return select(model).where(model.tenant_id == visible_tenant_id(session))


def find_row(session: TenantSession, model: type[Row], row_id: int | None) -> Row | None:
    """The tenant's row of that number, or None."""
    return None if row_id is None else session.get(model, (visible_tenant_id(session), row_id))


def get_row(session: TenantSession, model: type[Row], row_id: int, **options: Any) -> Row:
    """The tenant's row of that number; NotFound if there is none, or it is another tenant's."""
    row = session.get(model, (visible_tenant_id(session), row_id), **options)
    if row is None:
        raise NotFound(f"There is no {model.__tablename__.replace('_', ' ')} {row_id}.")
    return row
