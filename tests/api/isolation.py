"""What each room says about its endpoints, so that one test can ask for all of them as another tenant.

A room exports from `tests/api/owned_<room>.py`

* `OWNED`: a tuple of `Owned`, at least one for each endpoint and method that reads or changes rows;
* `OWNS_NOTHING` (optional): endpoint → the reason why another tenant may call it as it likes.
"""

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text
from werkzeug.routing import Rule

from app import create_app
from app.config import Settings
from app.db import Database, TenantOwned
from app.tenancy.open_endpoints import OPEN_ENDPOINTS
from migrations.models import Base

API = "/api/v1"


@dataclass(frozen=True)
class Owned:
    """An endpoint whose rows belong to a tenant.

    `make` creates such a row for a tenant and returns the URL's values; what the URL has no place for becomes a query argument.
    `body` returns a valid JSON body whose ids belong to the tenant. `methods` narrows the entry down; empty, it is for all.
    """

    endpoint: str
    make: Callable[[Database, int], dict[str, Any]]
    body: Callable[[Database, int], Any] | None = None
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One method of one endpoint, and what its room says about it."""

    rule: Rule
    method: str
    owned: Owned | None

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"

    @property
    def names_a_row(self) -> bool:
        return bool(self.rule.arguments)


def bare_app() -> Flask:
    """The app for its URL map alone: it never connects."""
    return create_app(Settings(data_dir=Path("unused"), secret_key="unused"), database=Database("postgresql+psycopg2://nowhere/"))


def all_cases() -> list[Case]:
    """Every method of every endpoint of the API but those that own nothing."""
    said, exempt = _said_by_rooms()
    return [
        Case(rule, method, _entry(said, rule.endpoint, method))
        for rule in bare_app().url_map.iter_rules()
        if rule.rule.startswith(API) and rule.endpoint not in exempt
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def owns_nothing() -> dict[str, str]:
    return _said_by_rooms()[1]


def said_endpoints() -> set[str]:
    """Every endpoint that a room speaks of: a misspelt one would be tried by nobody."""
    said, exempt = _said_by_rooms()
    return {entry.endpoint for entry in said} | set(exempt)


def _entry(said: list[Owned], endpoint: str, method: str) -> Owned | None:
    return next((entry for entry in said if entry.endpoint == endpoint and (not entry.methods or method in entry.methods)), None)


def _said_by_rooms() -> tuple[list[Owned], dict[str, str]]:
    said: list[Owned] = []
    exempt = dict(OPEN_ENDPOINTS)
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("owned_"):
            room = import_module(f"tests.api.{module.name}")
            said.extend(room.OWNED)
            exempt.update(getattr(room, "OWNS_NOTHING", {}))
    return said, exempt


def fingerprint(database: Database, tenant_id: int) -> dict[str, str]:
    """A digest of all rows of a tenant, table by table: equal means that nothing was added, changed or removed."""
    tables = sorted(mapper.local_table.name for mapper in Base.registry.mappers if issubclass(mapper.class_, TenantOwned))
    with database.transaction(tenant_id) as session:
        select = "select coalesce(string_agg(t::text, '|' order by t::text), '') from {} t"
        contents = {table: session.scalar(text(select.format(table))) or "" for table in [*tables, "tenant"]}
    return {table: sha256(rows.encode()).hexdigest() for table, rows in contents.items()}


def names_others(body: Any) -> bool:
    """Whether a body refers to rows by number: `site_id`, `container_ids`, at any depth."""
    if isinstance(body, dict):
        return any((key.endswith(("_id", "_ids")) and value not in (None, [])) or names_others(value) for key, value in body.items())
    return isinstance(body, list) and any(names_others(item) for item in body)


def facts(answer: Any) -> set[str]:
    """What an answer tells, as a set that two answers can be compared by: the rows of a list, else every figure where it stands."""
    if not answer.is_json:
        return set(answer.text.splitlines())
    told = answer.json
    rows = told.get("items", told.get("features")) if isinstance(told, dict) else told
    if isinstance(rows, list):
        return {str(row.get("id", row)) if isinstance(row, dict) else str(row) for row in rows}
    return set(_leaves("", told))


def _leaves(path: str, told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        for key, inner in told.items():
            yield from _leaves(f"{path}.{key}", inner)
    elif isinstance(told, list):
        for inner in told:
            yield from _leaves(path, inner)
    else:
        yield f"{path}={told}"
