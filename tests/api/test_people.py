"""People, keys and settings over the API: who may, and what is told."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.db import Database
from app.tenancy.models import Role, Scope
from tests.factories import tenancy as make

PERSON = {"email": "Ada@Town.example", "name": "Ada", "role": "dispatcher", "password": make.PASSWORD}


def test_without_a_credential_nothing_and_with_too_little_a_plain_no(
    app: Flask, database: Database, tenant_id: int, anonymous: FlaskClient
):
    planner = make.client(app, database, tenant_id, Scope.PLANS_READ)
    assert (anonymous.get("/api/v1/users").status_code, planner.get("/api/v1/users").status_code) == (401, 403)
    assert "admin" in planner.get("/api/v1/users").json["detail"]


@pytest.mark.parametrize("header", ["Bearer kb_00000000_unknown", "Basic YTpi", "Bearer", "Bearer link_forged"])
def test_a_credential_that_is_not_ours_is_refused(anonymous: FlaskClient, header: str):
    assert anonymous.get("/api/v1/me", headers={"Authorization": header}).status_code == 401


def test_a_new_key_is_shown_once_and_works_until_revoked(client: FlaskClient, anonymous: FlaskClient):
    made = client.post("/api/v1/api-keys", json={"name": "weighbridge", "scopes": ["measurements:write"]}).json
    bearer = {"Authorization": f"Bearer {made['key']}"}
    assert made["key"].startswith(f"kb_{made['prefix']}_")
    assert made["key"] not in client.get("/api/v1/api-keys").text
    assert anonymous.get("/api/v1/me", headers=bearer).json["scopes"] == ["measurements:write"]
    client.delete(f"/api/v1/api-keys/{made['id']}")
    assert anonymous.get("/api/v1/me", headers=bearer).status_code == 401


def test_a_key_that_has_run_out_opens_nothing(client: FlaskClient, anonymous: FlaskClient, database: Database, tenant_id: int):
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = client.post("/api/v1/api-keys", json={"name": "trial", "scopes": ["admin"], "expires_at": soon}).json
    bearer = {"Authorization": f"Bearer {made['key']}"}
    assert anonymous.get("/api/v1/me", headers=bearer).status_code == 200
    with database.transaction(tenant_id) as session:
        session.execute(text("update api_key set expires_at = now() - interval '1 second' where id = :id"), {"id": made["id"]})
    assert anonymous.get("/api/v1/me", headers=bearer).status_code == 401


def test_a_keys_use_is_noted(client: FlaskClient):
    assert client.get("/api/v1/api-keys").json["items"][0]["last_used_at"] is not None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"role": "king"}, "role"),
        ({"email": "no address"}, "email"),
        ({"password": "short"}, "password"),
        ({"nickname": "Countess"}, "nickname"),
    ],
)
def test_a_refused_person_names_the_field(client: FlaskClient, wrong: dict[str, str], field: str):
    answer = client.post("/api/v1/users", json=PERSON | wrong)
    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_no_answer_and_no_log_entry_holds_a_password_or_its_hash(client: FlaskClient):
    made = client.post("/api/v1/users", json=PERSON)
    client.put(f"/api/v1/users/{made.json['id']}/password", json={"new_password": "something quite new"})
    told = made.text + client.get("/api/v1/users").text + client.get("/api/v1/audit").text
    assert [secret for secret in ("argon2", make.PASSWORD, "something quite new", "password_hash") if secret in told] == []


def test_the_same_address_twice_in_one_town_is_a_conflict(client: FlaskClient):
    assert client.post("/api/v1/users", json=PERSON).json["email"] == "ada@town.example"
    assert client.post("/api/v1/users", json=PERSON).status_code == 409


def test_a_change_names_the_version_it_saw(client: FlaskClient):
    made = client.post("/api/v1/users", json=PERSON)
    url, seen = f"/api/v1/users/{made.json['id']}", {"If-Match": made.headers["ETag"]}
    changed = client.patch(url, json={"name": "Ada L."}, headers=seen)
    assert (changed.status_code, changed.headers["ETag"] != made.headers["ETag"]) == (200, True)
    assert client.patch(url, json={"name": "Augusta"}, headers=seen).status_code == 412
    assert client.patch(url, json={"name": "Augusta"}).status_code == 428
    assert client.get(url).json["name"] == "Ada L."


def test_signing_in_is_no_edit(client: FlaskClient, anonymous: FlaskClient):
    made = client.post("/api/v1/users", json=PERSON)
    anonymous.post("/api/v1/session", json={"email": PERSON["email"], "password": PERSON["password"]})
    after = client.get(f"/api/v1/users/{made.json['id']}")
    assert after.json["last_sign_in_at"] is not None
    assert after.headers["ETag"] == made.headers["ETag"]


def test_the_last_administrator_stays_one(client: FlaskClient, database: Database, tenant_id: int):
    admin = f"/api/v1/users/{make.user(database, tenant_id, role=Role.ADMIN)}"
    anyway = {"If-Match": "*"}
    assert client.patch(admin, json={"role": "driver"}, headers=anyway).status_code == 409
    assert client.delete(admin, headers=anyway).status_code == 409
    make.user(database, tenant_id, role=Role.ADMIN)
    assert client.delete(admin, headers=anyway).status_code == 204


def test_each_role_reaches_as_far_as_its_work(app: Flask, database: Database, tenant_id: int):
    may_see_people = {}
    for role in Role:
        email = f"{role}@{tenant_id}.example"
        make.user(database, tenant_id, email=email, role=role)
        browser = app.test_client()
        browser.post("/api/v1/session", json={"email": email, "password": make.PASSWORD})
        may_see_people[role] = browser.get("/api/v1/users").status_code
    assert may_see_people == dict.fromkeys(Role, 403) | {Role.ADMIN: 200}


def test_the_towns_settings_change_and_the_log_says_from_what_to_what(client: FlaskClient):
    before = client.get("/api/v1/tenant")
    changed = client.patch("/api/v1/tenant", json={"currency": "CLP"}, headers={"If-Match": before.headers["ETag"]})
    assert changed.json == before.json | {"currency": "CLP"}
    entry = client.get("/api/v1/audit?action=tenant.changed").json["items"][-1]
    assert (entry["before"], entry["after"], entry["actor"][:4]) == ({"currency": "EUR"}, {"currency": "CLP"}, "key:")


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Moon/Tranquility"},
        {"currency": "euro"},
        {"service_weekdays": [0, 7]},
        {"service_weekdays": [1, 1]},
        {"locale": "Klingon!"},
        {"slug": "other"},
        {"parent_id": 1},
    ],
)
def test_nonsense_settings_are_refused(client: FlaskClient, wrong: dict[str, object]):
    answer = client.patch("/api/v1/tenant", json=wrong, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json["errors"][0]["field"].partition(".")[0]) == (422, next(iter(wrong)))


def test_the_log_is_read_in_pages_and_by_subject(client: FlaskClient, database: Database, tenant_id: int):
    people = [make.user(database, tenant_id) for _ in range(5)]
    first = client.get("/api/v1/audit?limit=3&subject_kind=user_account").json
    second = client.get(f"/api/v1/audit?limit=3&subject_kind=user_account&cursor={first['next']}").json
    assert [entry["subject_id"] for entry in first["items"] + second["items"]] == people
    assert second["next"] is None
    one = client.get(f"/api/v1/audit?subject_id={people[2]}&subject_kind=user_account").json["items"]
    assert [entry["subject_id"] for entry in one] == [people[2]]
