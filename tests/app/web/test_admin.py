"""The administrator's page: who may, and that what it does is what the API does."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import Database
from app.tenancy.models import ApiKey, Role, UserAccount
from app.tenancy.scope import rows_of
from tests.factories import tenancy as make

PERSON = {"name": "Ada", "email": "ada@town.example", "role": "dispatcher", "password": make.PASSWORD}
POSTS = ["/admin/users", "/admin/users/1/activity", "/admin/users/1/password", "/admin/keys", "/admin/keys/1/revoke"]


class Browser:
    """Somebody's browser: it sends the token of the forms that it has been shown."""

    def __init__(self, app: Flask, email: str, password: str = make.PASSWORD) -> None:
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["HTTP_ACCEPT"] = "text/html"
        answer = self.client.post("/api/v1/session", json={"email": email, "password": password})
        self.signed_in, self.token = answer.status_code == 200, (answer.json or {}).get("csrf_token")

    def post(self, path: str, **form: object) -> tuple[int, str]:
        answer = self.client.post(path, data=form | {"csrf_token": self.token})
        return answer.status_code, answer.text

    def text(self) -> str:
        return self.client.get("/admin").text


@pytest.fixture
def admin(app: Flask, database: Database, tenant_id: int) -> Browser:
    make.user(database, tenant_id, email="root@town.example", role=Role.ADMIN, name="Root")
    return Browser(app, "root@town.example")


def user_id_of(database: Database, tenant_id: int, email: str) -> int:
    with database.transaction(tenant_id) as session:
        return session.scalars(rows_of(session, UserAccount).where(UserAccount.email == email)).one().id


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_it_is_for_administrators(app: Flask, database: Database, tenant_id: int, role: Role):
    make.user(database, tenant_id, email="somebody@town.example", role=role)
    browser = Browser(app, "somebody@town.example")
    assert browser.client.get("/admin").status_code == 403
    assert [browser.post(path)[0] for path in POSTS] == [403] * len(POSTS)
    assert "/admin" not in browser.client.get("/account").text


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_another_page_does_nothing(admin: Browser, path: str):
    answer = admin.client.post(path, data=PERSON)
    assert (answer.status_code, "token" in answer.text) == (403, True)


def test_whoever_is_created_can_sign_in_until_deactivated(app: Flask, admin: Browser, database: Database, tenant_id: int):
    assert admin.post("/admin/users", **PERSON)[0] == 303
    assert Browser(app, PERSON["email"]).signed_in
    path = f"/admin/users/{user_id_of(database, tenant_id, PERSON['email'])}/activity"
    assert admin.post(path, active="false")[0] == 303
    assert not Browser(app, PERSON["email"]).signed_in
    admin.post(path, active="true")
    assert Browser(app, PERSON["email"]).signed_in


def test_a_reset_password_is_the_one_that_counts(app: Flask, admin: Browser, database: Database, tenant_id: int):
    number = make.user(database, tenant_id, email="ada@town.example")
    assert admin.post(f"/admin/users/{number}/password", new_password="a new one for Ada")[0] == 303
    assert not Browser(app, "ada@town.example").signed_in
    assert Browser(app, "ada@town.example", "a new one for Ada").signed_in


def test_ones_own_password_needs_the_present_one(app: Flask, admin: Browser, database: Database, tenant_id: int):
    path = f"/admin/users/{user_id_of(database, tenant_id, 'root@town.example')}/password"
    assert admin.post(path, new_password="whoever walks by")[0] == 409
    assert Browser(app, "root@town.example").signed_in


def test_the_last_administrator_stays(admin: Browser, database: Database, tenant_id: int):
    status, text = admin.post(f"/admin/users/{user_id_of(database, tenant_id, 'root@town.example')}/activity", active="false")
    assert (status, "the only administrator" in text, admin.client.get("/admin").status_code) == (409, True, 200)


@pytest.mark.parametrize(("wrong", "said"), [({"role": "king"}, "role"), ({"email": "none"}, "email"), ({"password": "short"}, "password")])
def test_a_form_that_breaks_a_rule_is_refused_in_words(admin: Browser, wrong: dict[str, str], said: str):
    status, text = admin.post("/admin/users", **PERSON | wrong)
    assert (status, said in text.lower(), "Ada" in admin.text()) == (422, True, False)


def test_a_key_is_shown_once_and_opens_until_revoked(app: Flask, admin: Browser, database: Database, tenant_id: int):
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    status, text = admin.post("/admin/keys", name="weighbridge", scopes=["drive", "plans:read"], last_day=str(tomorrow))
    key = re.search(r'value="(kb_[^"]+)"', text)
    assert status == 200 and key is not None
    program = {"Authorization": f"Bearer {key[1]}"}
    assert app.test_client().get("/api/v1/me", headers=program).json["scopes"] == ["drive", "plans:read"]
    assert key[1] not in admin.text() and "weighbridge" in admin.text()
    with database.transaction(tenant_id) as session:
        row = session.scalars(rows_of(session, ApiKey).where(ApiKey.name == "weighbridge")).one()
        assert row.expires_at is not None and row.expires_at.astimezone(UTC).date() == tomorrow  # midnight in Berlin is earlier in UTC
    assert admin.post(f"/admin/keys/{row.id}/revoke")[0] == 303
    assert app.test_client().get("/api/v1/me", headers=program).status_code == 401


def test_a_key_that_may_do_nothing_is_none(admin: Browser):
    assert admin.post("/admin/keys", name="idle")[0] == 422


def test_another_town_s_people_and_keys_are_not_there(app: Flask, admin: Browser, database: Database, other_tenant_id: int):
    number = make.user(database, other_tenant_id, email="theirs@elsewhere.example", name="Somebody else")
    make.client(app, database, other_tenant_id)
    key_id = make.newest_key_id(database, other_tenant_id)
    assert admin.post(f"/admin/users/{number}/activity", active="false")[0] == 404
    assert admin.post(f"/admin/users/{number}/password", new_password="a new one for them")[0] == 404
    assert admin.post(f"/admin/keys/{key_id}/revoke")[0] == 404
    assert "Somebody else" not in admin.text()
