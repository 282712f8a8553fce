"""A parent looks into its child: only under a grant, only to read, and both sides can see that it did."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import Database
from app.tenancy.models import Role
from tests.factories import tenancy as make


@pytest.fixture
def child_id(database: Database, tenant_id: int) -> int:
    return make.open_child(database, tenant_id)


@pytest.fixture
def look(database: Database, child_id: int) -> dict[str, str]:
    return {"Kerbside-View": make.slug(database, child_id)}


@pytest.fixture
def browser(app: Flask, database: Database, tenant_id: int) -> FlaskClient:
    """The parent's administrator, signed in."""
    make.user(database, tenant_id, email="ada@town.example", role=Role.ADMIN)
    signed_in = app.test_client()
    answer = signed_in.post("/api/v1/session", json={"email": "ada@town.example", "password": make.PASSWORD})
    signed_in.environ_base["HTTP_X_CSRF_TOKEN"] = answer.json["csrf_token"]
    return signed_in


def of_child(app: Flask, database: Database, child_id: int) -> FlaskClient:
    return make.client(app, database, child_id)


def looks(who: FlaskClient) -> list[dict[str, Any]]:
    return who.get("/api/v1/audit?action=view.looked").json["items"]


def test_a_key_with_the_header_reads_the_childs_rows(client: FlaskClient, look: dict[str, str], child_id: int):
    assert client.get("/api/v1/tenant", headers=look).json["id"] == child_id
    assert client.get("/api/v1/me", headers=look).json["view_tenant_id"] == child_id


def test_a_look_is_in_both_logs_once_an_hour(app, client: FlaskClient, database: Database, look: dict[str, str], child_id, tenant_id: int):
    for _ in range(3):
        client.get("/api/v1/tenant", headers=look)
    entries = looks(client)
    assert entries == looks(of_child(app, database, child_id))
    assert [(entry["tenant_id"], entry["looked_into_tenant_id"], entry["actor"][:4]) for entry in entries] == [
        (tenant_id, child_id, "key:")
    ]


def test_a_stranger_does_not_see_the_look(client: FlaskClient, stranger: FlaskClient, look: dict[str, str]):
    client.get("/api/v1/tenant", headers=look)
    assert looks(stranger) == []


@pytest.mark.parametrize("path", ["/api/v1/users", "/api/v1/api-keys", "/api/v1/audit", "/api/v1/grants"])
def test_people_keys_and_log_stay_the_childs_own(client: FlaskClient, look: dict[str, str], path: str):
    assert client.get(path, headers=look).status_code == 403


def test_a_write_while_looking_says_that_looking_is_for_reading(client: FlaskClient, look: dict[str, str]):
    answer = client.patch("/api/v1/tenant", json={"name": "Mine"}, headers=look | {"If-Match": "*"})
    assert (answer.status_code, "reading only" in answer.json["detail"]) == (403, True)


def test_no_grant_no_look_and_whether_the_town_exists_is_not_told(client: FlaskClient, database: Database, other_tenant_id: int):
    there = client.get("/api/v1/tenant", headers={"Kerbside-View": make.slug(database, other_tenant_id)})
    nowhere = client.get("/api/v1/tenant", headers={"Kerbside-View": "nowhere"})
    assert there.status_code == 403
    assert (there.status_code, there.json) == (nowhere.status_code, nowhere.json)


def test_a_child_cannot_look_into_its_parent(app: Flask, database: Database, tenant_id: int, child_id: int):
    answer = of_child(app, database, child_id).get("/api/v1/tenant", headers={"Kerbside-View": make.slug(database, tenant_id)})
    assert answer.status_code == 403


def test_the_child_revokes_and_the_next_look_fails(
    app: Flask, client: FlaskClient, database: Database, look: dict[str, str], child_id: int
):
    child = of_child(app, database, child_id)
    assert client.get("/api/v1/tenant", headers=look).status_code == 200
    grant = child.get("/api/v1/grants").json["items"][0]
    assert client.delete(f"/api/v1/grants/{grant['id']}").status_code == 404  # the parent sees the grant, and cannot end it
    assert child.delete(f"/api/v1/grants/{grant['id']}").status_code == 204
    assert client.get("/api/v1/tenant", headers=look).status_code == 403


def test_a_grant_may_end_by_itself_but_not_in_the_past(app: Flask, database: Database, child_id: int):
    child, past = of_child(app, database, child_id), (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert child.post("/api/v1/grants", json={"purpose": "audit", "expires_at": past}).status_code == 422


def test_a_town_without_a_parent_has_nobody_to_grant_to(client: FlaskClient):
    assert client.post("/api/v1/grants", json={"purpose": "audit"}).status_code == 422


def test_a_page_session_looks_until_it_stops(browser: FlaskClient, look: dict[str, str], child_id: int, tenant_id: int):
    slug = look["Kerbside-View"]
    assert [child["slug"] for child in browser.get("/api/v1/view").json["items"]] == [slug]
    assert browser.post("/api/v1/view", json={"tenant": slug}).json["id"] == child_id
    assert browser.get("/api/v1/tenant").json["id"] == child_id
    assert browser.patch("/api/v1/tenant", json={"name": "Mine"}, headers={"If-Match": "*"}).status_code == 403
    assert browser.delete("/api/v1/view").status_code == 204
    assert browser.get("/api/v1/tenant").json["id"] == tenant_id
    assert len(looks(browser)) == 1


def test_a_page_session_whose_grant_ends_sees_nothing_until_it_stops(app, browser, database: Database, look: dict[str, str], child_id: int):
    """Falling back to the own rows would let an edit meant for the child land there."""
    browser.post("/api/v1/view", json={"tenant": look["Kerbside-View"]})
    child = of_child(app, database, child_id)
    child.delete(f"/api/v1/grants/{child.get('/api/v1/grants').json['items'][0]['id']}")
    closed = browser.get("/api/v1/tenant")
    assert (closed.status_code, "Stop looking" in closed.json["detail"]) == (403, True)
    browser.delete("/api/v1/view")
    assert browser.get("/api/v1/tenant").status_code == 200


def test_a_program_cannot_keep_looking(client: FlaskClient, look: dict[str, str]):
    assert client.post("/api/v1/view", json={"tenant": look["Kerbside-View"]}).status_code == 403
