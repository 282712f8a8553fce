"""What each role, a driver's link and a look under a grant reach: asked of every endpoint, so that a new one cannot be forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from app.db import Database
from app.dispatch.models import ActionKind
from app.tenancy.identity import READING, ROLE_SCOPES
from app.tenancy.links import sign_route_link
from app.tenancy.models import Role, Scope
from app.tenancy.open_endpoints import OPEN_ENDPOINTS
from app.web.pages import local_path
from tests.api.isolation import API, bare_app, fingerprint
from tests.factories import dispatch as make_dispatch
from tests.factories import tenancy as make

NO_SCOPE_NEEDED = {
    "api-docs.openapi_json": "holds no rows",
    "tenancy.PageSession": "to sign in and out",
    "sources.Uplinks": "a network server has no scopes: the source's own secret opens its own address and nothing else",
    "tenancy.Me": "says who one is",
    "tenancy.UserPassword": "one's own by the old password, else it asks for the scope itself",
    "tenancy.UserSignOut": "one's own sessions, else it asks for the scope itself",
    "tenancy.View": "who may read nothing is told of no tenant; see below",
    "tenancy.TenantSettings": "everybody sees the name and the clock of the own town; changing them needs the scope",
}

NOT_BY_COOKIE = {("tenancy.PageSession", "POST"), ("sources.Uplinks", "POST")}
"""Signing in, and what no cookie opens."""

READS = {Scope.REGISTER_READ, Scope.MEASUREMENTS_READ, Scope.PLANS_READ, Scope.KPIS_READ}


def endpoints() -> list[tuple[str, str, str, Scope | None]]:
    """Endpoint, path, method and the scope that its view asks for."""
    app = bare_app()
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(API):
            view: Any = app.view_functions[rule.endpoint]
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                asks = getattr(getattr(view, "view_class", None), method.lower(), view)
                found.append((rule.endpoint, rule.rule, method, getattr(asks, "required_scope", None)))
    return found


ENDPOINTS = endpoints()


def url_of(app: Flask, endpoint: str, method: str) -> str:
    rule = next(rule for rule in app.url_map.iter_rules(endpoint))
    with app.test_request_context():
        return url_for(endpoint, _method=method, **dict.fromkeys(rule.arguments, 1))


def test_every_endpoint_asks_for_a_scope_or_says_why_not():
    without = {endpoint for endpoint, _, __, scope in ENDPOINTS if scope is None}
    assert without == set(NO_SCOPE_NEEDED)
    assert without >= OPEN_ENDPOINTS.keys()


def test_what_changes_something_asks_for_more_than_reading():
    changing = {(endpoint, method): scope for endpoint, _, method, scope in ENDPOINTS if method != "GET" and scope is not None}
    assert {case: scope for case, scope in changing.items() if scope in READS} == {}


@pytest.mark.parametrize("role", Role)
def test_a_role_reaches_what_its_scopes_say_and_nothing_else(app: Flask, database: Database, tenant_id: int, role: Role):
    """Answers 403 exactly where the scope is missing. The body is no valid one, so nothing is done where it is not."""
    caller = make.client(app, database, tenant_id, *ROLE_SCOPES[role])
    wrong = {}
    for endpoint, path, method, scope in ENDPOINTS:
        if scope is not None:
            answer = caller.open(url_of(app, endpoint, method), method=method, data="{", content_type="application/json")
            if (answer.status_code == 403) != (scope not in ROLE_SCOPES[role]):
                wrong[f"{method} {path}"] = (scope, answer.status_code)
    assert wrong == {}


@pytest.mark.parametrize(
    ("role", "method", "path", "body"),
    [
        (Role.ANALYST, "POST", "/zones", {"code": "n", "name": "North"}),
        (Role.ANALYST, "POST", "/plans/1/publish", {}),
        (Role.SERVICE_DESK, "POST", "/plans/1/publish", {}),
        (Role.SERVICE_DESK, "POST", "/nights", {}),
        (Role.SERVICE_DESK, "GET", "/kpis", None),
        (Role.DRIVER, "GET", "/plans", None),
        (Role.DRIVER, "GET", "/containers", None),
        (Role.DISPATCHER, "GET", "/users", None),
        (Role.DISPATCHER, "POST", "/api-keys", {"name": "mine", "scopes": ["admin"]}),
        (Role.DISPATCHER, "PATCH", "/tenant", {"name": "Mine"}),
        (Role.DISPATCHER, "POST", "/grants", {"purpose": "mine"}),
        (Role.DISPATCHER, "GET", "/audit", None),
        (Role.DISPATCHER, "POST", "/measurements", {"measurements": []}),
    ],
)
def test_what_is_none_of_a_persons_business_is_refused(
    signed_in: Any, database: Database, tenant_id: int, role: Role, method: str, path: str, body: Any
):
    """In a browser, with the session's token: written out by hand, so that an error in the table of scopes shows."""
    before = fingerprint(database, tenant_id)
    assert signed_in(role).open(f"{API}{path}", method=method, json=body).status_code == 403
    assert fingerprint(database, tenant_id)["zone"] == before["zone"]


@pytest.fixture
def signed_in(app: Flask, database: Database, tenant_id: int) -> Any:
    def sign_in(role: Role, **more: Any) -> FlaskClient:
        email = f"{role}@town.example"
        make.user(database, tenant_id, email=email, role=role)
        browser = app.test_client()
        token = browser.post(f"{API}/session", json={"email": email, "password": make.PASSWORD}).json["csrf_token"]
        browser.environ_base["HTTP_X_CSRF_TOKEN"] = token
        return browser

    return sign_in


def test_every_change_by_cookie_needs_the_sessions_token(app: Flask, signed_in: Any):
    """An administrator's cookie alone, as another site's form would send it, changes nothing anywhere."""
    browser = signed_in(Role.ADMIN)
    del browser.environ_base["HTTP_X_CSRF_TOKEN"]
    answers = {
        f"{method} {path}": browser.open(url_of(app, endpoint, method), method=method, json={}).status_code
        for endpoint, path, method, _ in ENDPOINTS
        if method != "GET" and (endpoint, method) not in NOT_BY_COOKIE
    }
    assert {case: status for case, status in answers.items() if status != 403} == {}


def test_a_page_too_takes_no_change_without_the_token(app: Flask, signed_in: Any):
    browser = signed_in(Role.ADMIN)
    del browser.environ_base["HTTP_X_CSRF_TOKEN"]
    pages = [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(API) and "POST" in (rule.methods or set())]
    answers = {rule.rule: browser.post(url_of(app, rule.endpoint, "POST")).status_code for rule in pages}
    assert {rule: status for rule, status in answers.items() if status != 403} == {}


@pytest.fixture
def link(app: Flask, database: Database, tenant_id: int) -> tuple[FlaskClient, int, int]:
    """A driver's link, the number of its route and that of another truck's."""
    with database.transaction(tenant_id) as session:
        driven = make_dispatch.route(session)
        mine, other = driven.route.id, make_dispatch.route(session, of=driven.plan).route.id
    phone = app.test_client()
    token = sign_route_link("only for tests", tenant_id, mine, expires_at=datetime.now(UTC) + timedelta(hours=1))
    phone.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return phone, mine, other


def test_a_link_opens_its_route_and_no_other(link: tuple[FlaskClient, int, int], database: Database, tenant_id: int):
    phone, mine, other = link
    before = fingerprint(database, tenant_id)
    started = make_dispatch.as_json(make_dispatch.report(other, ActionKind.STARTED))

    assert [phone.get(f"{API}/driver/routes/{number}{form}").status_code for number in (mine, other) for form in ("", ".gpx")] == [
        200,
        200,
        404,
        404,
    ]
    assert [route["id"] for route in phone.get(f"{API}/driver/routes").json["items"]] == [mine]
    assert {route["id"] for route in phone.get(f"{API}/dispatch/day?date={make_dispatch.DAY}").json["items"]} <= {mine}
    assert phone.post(f"{API}/driver/actions", json={"actions": [started]}).status_code == 422
    assert fingerprint(database, tenant_id) == before


def test_a_link_reaches_no_endpoint_but_the_drivers(app: Flask, link: tuple[FlaskClient, int, int]):
    phone, *_ = link
    reached = {
        endpoint
        for endpoint, _, method, __ in ENDPOINTS
        if endpoint not in NO_SCOPE_NEEDED
        and phone.open(url_of(app, endpoint, method), method=method, data="{", content_type="application/json").status_code != 403
    }
    assert reached == {
        f"dispatch.{name}" for name in ("DriverRoutes", "DriverRouteById", "DriverRouteGpx", "DriverActions", "SkipReasons", "DispatchDay")
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_may_read_nothing_is_told_of_no_other_tenant(
    link: tuple[FlaskClient, int, int], database: Database, tenant_id: int, method: str
):
    slug = make.slug(database, make.open_child(database, tenant_id))
    answer = link[0].open(f"{API}/view", method=method, json={"tenant": slug} if method == "POST" else None)
    assert answer.status_code == 403
    assert slug not in answer.text


def test_while_looking_into_a_child_nothing_is_written_anywhere(app: Flask, database: Database, client: FlaskClient, tenant_id: int):
    """With a key that may do everything, and bodies that would do: every change is refused, in both tenants."""
    child_id = make.open_child(database, tenant_id)
    client.environ_base["HTTP_KERBSIDE_VIEW"] = make.slug(database, child_id)
    client.get(f"{API}/zones")  # the look itself is in the log, once
    before = [fingerprint(database, whose) for whose in (tenant_id, child_id)]
    answers = {
        f"{method} {path}": client.open(url_of(app, endpoint, method), method=method, json={}, headers={"If-Match": "*"}).status_code
        for endpoint, path, method, _ in ENDPOINTS
        if method != "GET" and endpoint not in OPEN_ENDPOINTS and endpoint != "tenancy.View"
    }
    assert {case: status for case, status in answers.items() if status != 403} == {}
    assert [fingerprint(database, whose) for whose in (tenant_id, child_id)] == before


@pytest.mark.parametrize("path", ["/users", "/api-keys", "/audit", "/grants"])
def test_people_keys_and_the_log_stay_the_childs_own(client: FlaskClient, database: Database, tenant_id: int, path: str):
    client.environ_base["HTTP_KERBSIDE_VIEW"] = make.slug(database, make.open_child(database, tenant_id))
    assert client.get(f"{API}{path}").status_code == 403


def test_reading_scopes_change_nothing():
    assert {scope for scope in READING if not scope.endswith(":read")} == set()


@pytest.mark.parametrize("field", ["id", "tenant_id", "row_version", "password_hash", "session_version", "active"])
def test_a_body_cannot_set_what_is_not_its_senders_to_set(client: FlaskClient, field: str):
    new = {"email": "new@town.example", "name": "New", "role": "driver", "password": make.PASSWORD}
    answer = client.post(f"{API}/users", json=new | {field: 1})
    assert (answer.status_code, [problem["field"] for problem in answer.json["errors"]]) == (422, [field])


@pytest.mark.parametrize("field", ["slug", "parent_id", "kind", "id", "simulated"])
def test_a_town_cannot_make_itself_another(client: FlaskClient, field: str):
    answer = client.patch(f"{API}/tenant", json={field: 1}, headers={"If-Match": "*"})
    assert (answer.status_code, [problem["field"] for problem in answer.json["errors"]]) == (422, [field])


def test_signing_in_leaves_nothing_of_the_session_before(app: Flask, database: Database, tenant_id: int):
    """A cookie that somebody planted beforehand, and its token, are worth nothing after signing in."""
    make.user(database, tenant_id, email="ada@town.example", role=Role.ADMIN)
    browser = app.test_client()
    with browser.session_transaction() as planted:
        planted.update(csrf="planted", view_tenant_id=7, link="link_planted")
    browser.post(f"{API}/session", json={"email": "ada@town.example", "password": make.PASSWORD})
    with browser.session_transaction() as now:
        assert now["csrf"] != "planted"
        assert not {"view_tenant_id", "link"} & now.keys()


ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "\\\\evil",
    "",
    "/\t/evil.example",
    "/\n/evil.example",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_after_signing_in_nobody_is_led_to_another_site(app: Flask, database: Database, tenant_id: int, wanted: str):
    make.user(database, tenant_id, email="ada@town.example")
    answer = app.test_client().post("/sign-in", data={"email": "ada@town.example", "password": make.PASSWORD, "next": wanted})
    assert answer.status_code == 303
    assert answer.location.startswith("/")
    assert not answer.location.startswith(("//", "/\\"))


def test_a_path_of_ours_is_kept():
    assert local_path("/plans/7?tab=map") == "/plans/7?tab=map"
