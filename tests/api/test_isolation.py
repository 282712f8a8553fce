"""Another tenant's rows do not exist: asked of every endpoint in the URL map, so that a new one cannot be forgotten."""

from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from app.db import Database
from app.tenancy.open_endpoints import OPEN_ENDPOINTS
from tests.api.isolation import API, Case, Owned, all_cases, bare_app, facts, fingerprint, names_others, owns_nothing, said_endpoints

CASES = all_cases()
REFUSED = (404, 422)
NOBODYS_UUID = "00000000-0000-4000-8000-000000000000"


def named(case: Case) -> str:
    return str(case)


ON_A_ROW = [case for case in CASES if case.owned and case.names_a_row]
READS_OF_MANY = [case for case in CASES if case.owned and not case.names_a_row and case.method == "GET"]
WITH_BODY = [case for case in CASES if case.owned and case.owned.body and case.method != "GET"]


def test_every_endpoint_says_whose_rows_it_touches():
    missing = [str(case) for case in CASES if case.owned is None]
    assert missing == [], "add an Owned for each to tests/api/owned_<room>.py"


def test_every_name_in_the_lists_is_an_endpoint():
    assert said_endpoints() - {rule.endpoint for rule in bare_app().url_map.iter_rules()} == set()


def test_what_owns_nothing_says_why():
    assert all(len(reason) > 20 for reason in owns_nothing().values())


def test_without_a_credential_every_endpoint_answers_401(app: Flask):
    anonymous, answers = app.test_client(), {}
    open_to_all = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.rule.startswith(API)} | OPEN_ENDPOINTS.keys()
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in open_to_all:
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                values = {name: NOBODYS_UUID if f"uuid:{name}" in rule.rule else 1 for name in rule.arguments}
                with app.test_request_context():
                    url = url_for(rule.endpoint, **values)
                answers[f"{method} {rule.rule}"] = anonymous.open(url, method=method, json={}).status_code
    assert {name: status for name, status in answers.items() if status != 401} == {}


@pytest.mark.parametrize("case", ON_A_ROW, ids=named)
def test_a_strangers_request_for_a_row_finds_nothing_and_changes_nothing(
    case: Case, app: Flask, database: Database, client: FlaskClient, stranger: FlaskClient, tenant_id: int, other_tenant_id: int
):
    owned = said(case)
    url = url_of(app, case, owned.make(database, tenant_id))
    bodies = {whose: owned.body(database, whose) if owned.body else None for whose in (tenant_id, other_tenant_id)}
    before = fingerprint(database, tenant_id)

    refused = ask(stranger, case, url, bodies[other_tenant_id])

    assert refused.status_code == 404, refused.text
    assert fingerprint(database, tenant_id) == before
    answered = ask(client, case, url, bodies[tenant_id])
    assert answered.status_code < 400 or answered.status_code == 409, f"its owner cannot do it either: {answered.text}"


@pytest.mark.parametrize("case", READS_OF_MANY, ids=named)
def test_a_list_shows_none_of_a_strangers_rows(
    case: Case, app: Flask, database: Database, client: FlaskClient, stranger: FlaskClient, tenant_id: int
):
    plain = url_of(app, case, {})
    seen_before = {who: facts(ask(who, case, plain)) for who in (client, stranger)}

    url = url_of(app, case, said(case).make(database, tenant_id))
    new_to_owner, refused = facts(ask(client, case, url)) - seen_before[client], ask(stranger, case, url)

    assert new_to_owner, "its owner sees no difference either, so this would prove nothing"
    if refused.status_code not in REFUSED:
        assert (facts(refused) - seen_before[stranger]) & new_to_owner == set()
        assert (facts(ask(stranger, case, plain)) - seen_before[stranger]) & new_to_owner == set()


@pytest.mark.parametrize("case", WITH_BODY, ids=named)
def test_a_body_that_names_a_strangers_rows_is_refused(
    case: Case, app: Flask, database: Database, stranger: FlaskClient, tenant_id: int, other_tenant_id: int
):
    owned = said(case)
    assert owned.body is not None
    url, body = url_of(app, case, owned.make(database, other_tenant_id)), owned.body(database, tenant_id)
    before = fingerprint(database, tenant_id)

    answer = ask(stranger, case, url, body)

    assert answer.status_code in REFUSED if names_others(body) else answer.status_code < 500, answer.text
    assert fingerprint(database, tenant_id) == before


def said(case: Case) -> Owned:
    assert case.owned is not None
    return case.owned


def url_of(app: Flask, case: Case, values: dict[str, Any]) -> str:
    """What the URL has no place for becomes a query argument."""
    with app.test_request_context():
        return url_for(case.rule.endpoint, _method=case.method, **values)


def ask(who: FlaskClient, case: Case, url: str, body: Any = None) -> Any:
    headers = {"If-Match": "*"} if case.method in ("PUT", "PATCH", "DELETE") else {}
    return (
        who.open(url, method=case.method, headers=headers, json=body)
        if body is not None
        else who.open(url, method=case.method, headers=headers)
    )
