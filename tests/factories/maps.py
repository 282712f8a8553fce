"""Street maps for tests: drawn in ASCII, built for real."""

from pathlib import Path

from sqlalchemy import text

from app.db import APP_ROLE, Database
from app.maps.operations import BuiltMap, build_map, enter_map


def built_map(data_dir: Path, extract: Path) -> BuiltMap:
    """Graph and tiles of an extract."""
    return build_map(data_dir, extract, area=None, drives_on="right", progress=lambda _stage, _share: None)


def street_map(database: Database, name: str, built: BuiltMap) -> None:
    """The row of a built map; only the schema's owner may make one."""
    with database.sessions() as session, session.begin():
        session.execute(text("reset role"))
        enter_map(session, name, "drawn by a test", built)
        session.flush()
        session.execute(text(f"set role {APP_ROLE}"))


def choose_map(database: Database, tenant_id: int, name: str) -> None:
    """Let a tenant's routes be built on that map."""
    with database.transaction(tenant_id) as session:
        session.execute(text("select set_config('app.tenant', :id, true)"), {"id": str(tenant_id)})
        session.execute(text("update tenant set map_name = :name where id = :id"), {"name": name, "id": tenant_id})
