"""Smallest valid tenants, people and keys."""

from functools import lru_cache
from itertools import count
from secrets import token_hex
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.db import APP_ROLE, Database
from app.tenancy import audit
from app.tenancy.models import ApiKey, Role, Scope, UserAccount
from app.tenancy.operations import grant_read
from app.tenancy.passwords import hash_password
from app.tenancy.queries import get_tenant, hash_key
from app.tenancy.scope import rows_of

PASSWORD = "correct horse battery"

_numbers = count(1)


def tenant(database: Database, *, timezone: str = "Europe/Berlin", **values: object) -> int:
    """A new city; returns its number."""
    slug = f"town-{next(_numbers)}-{token_hex(3)}"
    row = {"slug": slug, "name": slug.title(), "kind": "city", "timezone": timezone} | values
    columns = ", ".join(row)
    marks = ", ".join(f":{column}" for column in row)
    return int(_as_owner(database, f"insert into tenant ({columns}) values ({marks}) returning id", row))


def _as_owner(database: Database, statement: str, values: dict[str, object]) -> Any:
    """Tenants, and who is whose parent, are the schema owner's business. Works in the shared transaction of a test only."""
    with database.sessions() as session, session.begin():
        session.execute(text("reset role"))
        result = session.scalar(text(statement), values)
        session.execute(text(f"set role {APP_ROLE}"))
    return result


def slug(database: Database, tenant_id: int) -> str:
    with database.transaction(tenant_id) as session:
        return get_tenant(session).slug


def rename(database: Database, tenant_id: int, name: str) -> None:
    with database.transaction(tenant_id) as session:
        get_tenant(session).name = name


def user(database: Database, tenant_id: int, *, email: str | None = None, role: Role = Role.DISPATCHER, **values: Any) -> int:
    """A person whose password is `PASSWORD`."""
    email = email or f"user-{next(_numbers)}@town.example"
    row = UserAccount(**{"email": email, "name": "Grace", "role": role, "password_hash": _hash()} | values)
    with database.transaction(tenant_id, actor="test") as session:
        session.add(row)
        audit.record(session, "user.created", row)
    return row.id


@lru_cache
def _hash() -> str:
    return hash_password(PASSWORD)


def grant(database: Database, tenant_id: int, **values: Any) -> int:
    """A tenant's leave for its parent to look; it gets a parent if it has none."""
    if not _as_owner(database, "select parent_id from tenant where id = :child", {"child": tenant_id}):
        adopt(database, tenant_id, tenant(database))
    with database.transaction(tenant_id, actor="test") as session:
        made = grant_read(session, purpose="regional report", **values)
        session.flush()
        return made.id


def adopt(database: Database, child_id: int, parent_id: int | None) -> None:
    _as_owner(database, "update tenant set parent_id = :parent where id = :child returning id", {"parent": parent_id, "child": child_id})


def open_child(database: Database, parent_id: int) -> int:
    """A franchise that has granted its parent a look."""
    child_id = tenant(database, kind="franchise", parent_id=parent_id)
    grant(database, child_id)
    return child_id


def newest_key_id(database: Database, tenant_id: int) -> int:
    with database.transaction(tenant_id) as session:
        return session.scalars(rows_of(session, ApiKey).order_by(ApiKey.id.desc()).limit(1)).one().id


def api_key(database: Database, tenant_id: int, *scopes: Scope) -> str:
    """A key with these scopes, or with all of them."""
    key = f"kb_{token_hex(16)}"
    with database.transaction(tenant_id) as session:
        session.add(ApiKey(name="test", prefix=key[:8], key_hash=hash_key(key), scopes=list(scopes or Scope)))
    return key


def client(app: Flask, database: Database, tenant_id: int, *scopes: Scope) -> FlaskClient:
    """A test client that sends such a key with each request."""
    made = app.test_client()
    made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {api_key(database, tenant_id, *scopes)}"
    return made
