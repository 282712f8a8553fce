"""Pages as a program sees them: whose they are, what they cost, and errors as pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app.db import Database, TenantSession
from app.planning.models import PlanStatus
from app.tenancy.models import Scope
from tests.factories import assets as make_assets
from tests.factories import plans as make
from tests.factories import tenancy as make_tenancy

HTML = {"Accept": "text/html"}


@pytest.fixture
def ids(database: Database, tenant_id: int) -> dict[str, int]:
    """A published plan of one route over two containers."""
    with database.transaction(tenant_id, actor="test") as session:
        return planned(session, 2)


def planned(session: TenantSession, count: int) -> dict[str, int]:
    containers = [make_assets.container(session).id for _ in range(count)]
    out = datetime.now(UTC) - timedelta(hours=1)
    plan = make.plan(session, status=PlanStatus.PUBLISHED, published_at=out, published_by="test")
    route = make.route(session, plan, container_ids=containers)
    for container in containers:
        make.decision(session, plan, container)
    return {"plan": plan.id, "route": route.id, "container": containers[0]}


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements of a block."""
    said: list[str] = []

    def note(_connection, _cursor, statement: str, *_: object) -> None:
        if statement.lstrip().lower().startswith("select") and "set_config" not in statement:
            said.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


PAGES = ["/?plan={plan}", "/map.json?plan={plan}", "/routes/{route}/sheet", "/drive/{route}", "/containers/{container}"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_for_its_own_town_and_is_not_found_for_another(
    client: FlaskClient, stranger: FlaskClient, ids: dict[str, int], path: str
):
    assert client.get(path.format(**ids), headers=HTML).status_code == 200
    assert stranger.get(path.format(**ids), headers=HTML).status_code == 404


@pytest.mark.parametrize("path", ["/plans/{plan}/publish", "/plans/{plan}/withdraw"])
def test_nobody_publishes_or_withdraws_the_plan_of_another_town(stranger: FlaskClient, ids: dict[str, int], path: str):
    assert stranger.post(path.format(**ids)).status_code == 404


def test_a_key_without_the_scope_sees_no_page(app: Flask, database: Database, tenant_id: int, ids: dict[str, int]):
    measuring = make_tenancy.client(app, database, tenant_id, Scope.MEASUREMENTS_WRITE)

    for path in PAGES:
        assert measuring.get(path.format(**ids), headers=HTML).status_code == 403


def test_the_night_costs_as_many_queries_however_large_the_town_is(client: FlaskClient, database: Database, tenant_id: int):
    with database.transaction(tenant_id, actor="test") as session:
        small = planned(session, 2)
    with counted(database) as few:
        assert client.get(f"/?plan={small['plan']}").status_code == 200
    with database.transaction(tenant_id, actor="test") as session:
        plan = make.plan(session)
        containers = [make_assets.container(session).id for _ in range(12)]
        make.route(session, plan, container_ids=containers)
    with counted(database) as many:
        assert client.get(f"/?plan={plan.id}").status_code == 200

    assert len(few) > 5
    assert len(many) <= len(few)


def test_an_error_is_a_page_for_people_and_a_problem_for_programs(client: FlaskClient):
    page, problem = client.get("/containers/999999", headers=HTML), client.get("/containers/999999")

    assert page.mimetype == "text/html"
    assert b"Not found" in page.data
    assert problem.mimetype == "application/problem+json"
    assert client.get("/api/v1/containers/999999", headers=HTML).mimetype == "application/problem+json"
    assert client.get("/?date=yesterday", headers=HTML).status_code == 422


def test_forms_need_their_token(app: Flask, database: Database, tenant_id: int):
    make_tenancy.user(database, tenant_id, email="form@town.example")
    browser = app.test_client()
    form = {"email": "form@town.example", "password": make_tenancy.PASSWORD}
    assert browser.post("/sign-in", data=form).status_code == 303

    assert browser.post("/sign-out").status_code == 403
    with browser.session_transaction() as cookie:
        token = cookie.get("csrf")
    if token is None:
        browser.get("/account")
        with browser.session_transaction() as cookie:
            token = cookie["csrf"]
    assert browser.post("/sign-out", data={"csrf_token": token}).status_code == 303
