"""Smallest valid tenants, people and keys."""

from itertools import count
from secrets import token_hex

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.db import Database
from app.tenancy.models import ApiKey, Scope
from app.tenancy.queries import hash_key

_numbers = count(1)


def tenant(database: Database, *, timezone: str = "Europe/Berlin", **values: object) -> int:
    """A new city; returns its number."""
    slug = f"town-{next(_numbers)}-{token_hex(3)}"
    row = {"slug": slug, "name": slug.title(), "kind": "city", "timezone": timezone} | values
    columns = ", ".join(row)
    marks = ", ".join(f":{column}" for column in row)
    with database.sessions() as session, session.begin():
        session.execute(text("reset role"))  # tenants are made by the schema's owner
        tenant_id = session.scalar(text(f"insert into tenant ({columns}) values ({marks}) returning id"), row)
        session.execute(text("set role kerbside_app"))
    assert tenant_id is not None
    return int(tenant_id)


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
