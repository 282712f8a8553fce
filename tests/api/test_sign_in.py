"""Signing in with a browser: the cookie, the token against forged requests, and what ends a session."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.config import Settings
from app.db import Database
from app.tenancy import page_session
from app.tenancy.links import sign_route_link
from app.tenancy.models import Role
from app.tenancy.sign_in import TRIES_PER_ADDRESS
from tests.factories import tenancy as make

EMAIL = "ada@town.example"


def sign_in(browser: FlaskClient, password: str = make.PASSWORD, **more: Any) -> Any:
    return browser.post("/api/v1/session", json={"email": EMAIL, "password": password} | more)


@pytest.fixture
def admin_id(database: Database, tenant_id: int) -> int:
    return make.user(database, tenant_id, email=EMAIL, role=Role.ADMIN)


@pytest.fixture
def browser(anonymous: FlaskClient, admin_id: int) -> FlaskClient:
    """A browser in which Ada, the administrator, has signed in; it sends her token along."""
    anonymous.environ_base["HTTP_X_CSRF_TOKEN"] = sign_in(anonymous).json["csrf_token"]
    return anonymous


NEW = {"email": "new@town.example", "name": "New", "role": "driver", "password": make.PASSWORD}


def test_the_right_password_opens_a_session(anonymous: FlaskClient, admin_id: int, tenant_id: int):
    answer = sign_in(anonymous)
    assert answer.status_code == 200
    assert anonymous.get("/api/v1/me").json == {key: answer.json[key] for key in answer.json if key != "csrf_token"} | {
        "route_id": None,
        "view_tenant_id": None,
    }
    assert (answer.json["tenant_id"], answer.json["role"], answer.json["actor"]) == (tenant_id, "admin", f"user:{admin_id}")


def test_the_address_is_read_without_regard_to_case_or_spaces(anonymous: FlaskClient, admin_id: int):
    assert anonymous.post("/api/v1/session", json={"email": " Ada@Town.Example ", "password": make.PASSWORD}).status_code == 200


@pytest.mark.parametrize("email", [EMAIL, "nobody@town.example"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(anonymous: FlaskClient, admin_id: int, email: str):
    answer = anonymous.post("/api/v1/session", json={"email": email, "password": "not the right one"})
    assert (answer.status_code, answer.json["detail"]) == (401, "The e-mail address or the password is wrong.")
    assert anonymous.get("/api/v1/me").status_code == 401


def test_repeated_failures_lock_the_address_and_say_for_how_long(anonymous: FlaskClient, admin_id: int):
    failures = {sign_in(anonymous, "wrong").status_code for _ in range(TRIES_PER_ADDRESS)}
    locked = sign_in(anonymous)
    assert (failures, locked.status_code) == ({401}, 429)
    assert 0 < int(locked.headers["Retry-After"]) <= 15 * 60


def test_success_forgets_the_failures_before_it(anonymous: FlaskClient, admin_id: int):
    for _ in range(2):
        for _ in range(TRIES_PER_ADDRESS - 1):
            sign_in(anonymous, "wrong")
        assert sign_in(anonymous).status_code == 200


def test_one_address_in_two_towns_is_asked_which(anonymous: FlaskClient, database: Database, admin_id: int, other_tenant_id: int):
    make.user(database, other_tenant_id, email=EMAIL)
    unclear = sign_in(anonymous)
    assert (unclear.status_code, unclear.json["errors"][0]["field"]) == (422, "organisation")
    chosen = sign_in(anonymous, organisation=make.slug(database, other_tenant_id))
    assert chosen.json["tenant_id"] == other_tenant_id


def test_a_deactivated_person_cannot_sign_in_and_loses_the_session(
    browser: FlaskClient, client: FlaskClient, database, tenant_id, admin_id
):
    make.user(database, tenant_id, role=Role.ADMIN)
    assert client.delete(f"/api/v1/users/{admin_id}", headers={"If-Match": "*"}).status_code == 204
    assert browser.get("/api/v1/me").status_code == 401
    assert sign_in(browser).status_code == 401


def test_a_new_password_ends_other_sessions_but_not_the_one_that_set_it(app: Flask, browser: FlaskClient, admin_id: int):
    other = app.test_client()
    sign_in(other)
    passwords = {"old_password": make.PASSWORD, "new_password": "an even better one"}
    assert browser.put(f"/api/v1/users/{admin_id}/password", json=passwords).status_code == 204
    assert (browser.get("/api/v1/me").status_code, other.get("/api/v1/me").status_code) == (200, 401)
    assert (sign_in(other).status_code, sign_in(other, "an even better one").status_code) == (401, 200)


def test_ones_own_password_changes_only_with_the_old_one_and_to_a_long_one(browser: FlaskClient, admin_id: int):
    wrong = browser.put(f"/api/v1/users/{admin_id}/password", json={"old_password": "guess", "new_password": "an even better one"})
    short = browser.put(f"/api/v1/users/{admin_id}/password", json={"old_password": make.PASSWORD, "new_password": "short"})
    assert [(a.status_code, a.json["errors"][0]["field"]) for a in (wrong, short)] == [(422, "old_password"), (422, "new_password")]


def test_signing_out_forgets_the_cookie(browser: FlaskClient):
    assert browser.delete("/api/v1/session").status_code == 204
    assert browser.get("/api/v1/me").status_code == 401


def test_signing_out_everywhere_ends_the_other_browser_too(app: Flask, browser: FlaskClient, admin_id: int):
    other = app.test_client()
    sign_in(other)
    assert browser.post(f"/api/v1/users/{admin_id}/sign-out").status_code == 204
    assert other.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("token", [None, "", "not the one"])
def test_a_change_without_the_sessions_token_is_refused(browser: FlaskClient, token: str | None):
    right = browser.environ_base.pop("HTTP_X_CSRF_TOKEN")
    headers = {} if token is None else {"X-CSRF-Token": token}
    assert browser.post("/api/v1/users", json=NEW, headers=headers).status_code == 403
    assert browser.post("/api/v1/users", json=NEW, headers={"X-CSRF-Token": right}).status_code == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
def test_a_change_sent_by_another_sites_page_is_refused_even_with_the_token(browser: FlaskClient, headers: dict[str, str], status: int):
    assert browser.post("/api/v1/users", json=NEW, headers=headers).status_code == status


def test_a_program_with_a_key_needs_no_token(client: FlaskClient):
    assert client.post("/api/v1/users", json=NEW).status_code == 201


def test_another_sites_page_cannot_sign_somebody_in(anonymous: FlaskClient, admin_id: int):
    answer = anonymous.post("/api/v1/session", json={"email": EMAIL, "password": make.PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_the_cookie_is_closed_to_scripts_and_travels_on_plain_http(anonymous: FlaskClient, admin_id: int):
    cookie = sign_in(anonymous).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_the_cookie_is_secure_where_that_is_asked_for(database: Database, tmp_path, admin_id: int):
    app = create_app(Settings(data_dir=tmp_path, secret_key="only for tests", secure_cookies=True), database=database)
    answer = sign_in(app.test_client())
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_a_forged_cookie_is_nobodys(anonymous: FlaskClient, admin_id: int):
    anonymous.set_cookie("kerbside", "eyJ1c2VyX2lkIjoxfQ.aSJ0.forged")
    assert anonymous.get("/api/v1/me").status_code == 401


def test_every_answer_tells_browsers_to_run_nothing_foreign(anonymous: FlaskClient):
    headers = anonymous.get("/api/v1/me").headers
    assert "script-src 'self' 'wasm-unsafe-eval'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_drivers_link_is_a_credential_for_one_route(anonymous: FlaskClient, tenant_id: int):
    link = sign_route_link("only for tests", tenant_id, 77, expires_at=datetime.now(UTC) + timedelta(hours=12))
    me = anonymous.get("/api/v1/me", headers={"Authorization": f"Bearer {link}"}).json
    assert (me["tenant_id"], me["route_id"], me["scopes"]) == (tenant_id, 77, ["drive"])
    assert anonymous.get("/api/v1/users", headers={"Authorization": f"Bearer {link}"}).status_code == 403


def test_a_drivers_link_opens_a_page_session_too(database: Database, tmp_path, tenant_id: int):
    app = create_app(Settings(data_dir=tmp_path, secret_key="only for tests"), database=database)
    link = sign_route_link("only for tests", tenant_id, 77, expires_at=datetime.now(UTC) + timedelta(hours=12))
    app.add_url_rule("/opens/<token>", view_func=lambda token: page_session.start_with_link(token).actor)
    phone = app.test_client()
    assert phone.get(f"/opens/{link}").text == "route:77"
    assert phone.get("/api/v1/me").json["route_id"] == 77
