"""Reads of the maps room. Maps belong to nobody: every tenant sees them all."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import TenantSession
from app.errors import NotFound, SetupError
from app.maps.models import StreetMap
from app.tenancy.queries import get_tenant


def list_maps(session: Session) -> list[StreetMap]:
    return list(session.scalars(select(StreetMap).order_by(StreetMap.name)))


def get_map(session: Session, name: str) -> StreetMap:
    found = session.get(StreetMap, name)
    if found is None:
        raise NotFound(f"There is no street map '{name}'.")
    return found


def find_map_of_tenant(session: TenantSession) -> StreetMap | None:
    """The map on which the tenant's routes are built; None if it has chosen none. A chosen one that is missing is an error, not None."""
    name = get_tenant(session).map_name
    if name is None:
        return None
    found = session.get(StreetMap, name)
    if found is None:
        raise SetupError(f"The tenant's street map '{name}' is not on this installation: kerbside map add FILE|REGION --name {name}.")
    return found
