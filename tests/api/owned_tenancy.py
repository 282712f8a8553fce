"""People, keys, grants, the log and the tenant's own settings, for the walk over all endpoints."""

from secrets import token_hex
from typing import Any

from app.db import Database
from tests.api.isolation import Owned
from tests.factories import tenancy as make


def a_user(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"user_id": make.user(database, tenant_id)}


def a_key(database: Database, tenant_id: int) -> dict[str, Any]:
    make.api_key(database, tenant_id)
    return {"key_id": make.newest_key_id(database, tenant_id)}


def a_grant(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"grant_id": make.grant(database, tenant_id)}


def an_entry(database: Database, tenant_id: int) -> dict[str, Any]:
    make.user(database, tenant_id)
    return {}


def another_name(database: Database, tenant_id: int) -> dict[str, Any]:
    make.rename(database, tenant_id, f"Town {token_hex(4)}")
    return {}


def a_child_to_look_into(database: Database, tenant_id: int) -> dict[str, Any]:
    make.open_child(database, tenant_id)
    return {}


def open_childs_slug(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"tenant": make.slug(database, make.open_child(database, tenant_id))}


def nothing(database: Database, tenant_id: int) -> dict[str, Any]:
    return {}


def new_user(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"email": f"{token_hex(4)}@town.example", "name": "Ada", "role": "driver", "password": make.PASSWORD}


def change(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"name": "Ada Lovelace"}


def new_password(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"new_password": "a longer one than before"}


def new_key(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"name": "weighbridge", "scopes": ["measurements:write"]}


def new_grant(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"purpose": "the yearly report"}


OWNED = (
    Owned("tenancy.Users", make=a_user, body=new_user),
    Owned("tenancy.UserById", make=a_user, methods=("GET", "DELETE")),
    Owned("tenancy.UserById", make=a_user, body=change, methods=("PATCH",)),
    Owned("tenancy.UserPassword", make=a_user, body=new_password),
    Owned("tenancy.UserSignOut", make=a_user),
    Owned("tenancy.ApiKeys", make=a_key, body=new_key),
    Owned("tenancy.ApiKeyById", make=a_key),
    Owned("tenancy.Grants", make=a_grant, body=new_grant),
    Owned("tenancy.GrantById", make=a_grant),
    Owned("tenancy.Audit", make=an_entry),
    Owned("tenancy.TenantSettings", make=another_name, methods=("GET",)),
    Owned("tenancy.TenantSettings", make=nothing, body=change, methods=("PATCH",)),
    Owned("tenancy.View", make=a_child_to_look_into, methods=("GET",)),
    Owned("tenancy.View", make=nothing, body=open_childs_slug, methods=("POST",)),
    Owned("tenancy.View", make=nothing, methods=("DELETE",)),
)

OWNS_NOTHING = {
    "tenancy.Me": "it repeats who the asker is, and takes no number of anything",
}
