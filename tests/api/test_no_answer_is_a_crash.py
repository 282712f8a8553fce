"""Whatever is sent, the answer is one: no crash, a problem that names the field, and nothing half-written."""

import re
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings

from app.db import Database
from tests.api.hostile import DEEP, Attempt, Operation, attempts, generated, operations
from tests.api.isolation import API, all_cases, bare_app, fingerprint

KNOWN_WAYS, GENERATED = 6, 3
"""Tried of each of some 130 operations: so many of the known ways to be wrong, and so many that hypothesis makes up."""

CASES = {(re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", case.rule.rule), case.method.lower()): case for case in all_cases()}
OPERATIONS = operations(bare_app().test_client().get(f"{API}/openapi.json").json)


def ask(client: FlaskClient, operation: Operation, attempt: Attempt) -> Any:
    return client.open(
        attempt.address(operation.path),
        method=operation.method.upper(),
        data=attempt.body,
        content_type=attempt.content_type,
        headers={"If-Match": "*"},
    )


def require_an_answer(answer: Any) -> None:
    """Done, or a problem; where the input is at fault, the problem says which field."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json", answer.text
        assert answer.json["status"] == answer.status_code
    if answer.status_code in (400, 422):
        refused = answer.json.get("errors") or [problem for item in answer.json.get("items", []) for problem in item["errors"]]
        assert refused, answer.text
        assert all(problem["field"] and problem["problem"] for problem in refused), answer.text


def sound_request(operation: Operation, database: Database, tenant_id: int) -> tuple[dict[str, Any], Any]:
    """Values of the path and a body that the operation would take."""
    case = CASES.get((operation.path, operation.method))
    owned = case.owned if case else None
    made = owned.make(database, tenant_id) if owned else {}
    values = {one["name"]: made.get(one["name"], 1) for one in operation.named("path")}
    return values, owned.body(database, tenant_id) if owned and owned.body else None


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_no_answer_is_a_crash(operation: Operation, database: Database, client: FlaskClient, tenant_id: int):
    values, body = sound_request(operation, database, tenant_id)
    known = list(attempts(operation, values, body))
    client.get(f"{API}/me")  # the key's first use is noted with it
    before = fingerprint(database, tenant_id)

    def try_it(attempt: Attempt) -> None:
        nonlocal before
        answer = ask(client, operation, attempt)
        require_an_answer(answer)
        if answer.status_code < 400 and operation.method != "get":
            before = fingerprint(database, tenant_id)

    # the name of the operation is the seed: each tries other ways, and the same ones in each run
    for attempt in Random(str(operation)).sample(known, min(KNOWN_WAYS, len(known))):
        try_it(attempt)
    made_up = settings(max_examples=GENERATED, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    made_up(given(generated(operation, values))(try_it))()

    assert fingerprint(database, tenant_id) == before, "something was written by a request that was refused, or only read"


HALF_A_PAIR = b'{"measurements": [{"device": "D4", "observed_at": "\\ud800"}]}'


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "/zones?limit=-1", None, 422, "limit"),
        ("GET", "/zones?limit=1001", None, 422, "limit"),
        ("GET", f"/zones?limit={2**63}", None, 422, "limit"),
        ("GET", "/zones?cursor=SW5maW5pdHk", None, 422, "cursor"),
        ("GET", "/devices?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5", None, 422, "cursor"),
        ("GET", "/devices?containr_id=7", None, 422, "containr_id"),
        ("GET", f"/audit?subject_id={2**63}", None, 422, "subject_id"),
        ("GET", "/audit?actor=a%00b", None, 422, "actor"),
        ("GET", "/lifts?since=0001-01-01T00:00:00%2B23:59", None, 422, "since"),
        ("GET", "/kpis?to=0001-01-01", None, 422, "to"),
        ("GET", f"/users/{2**63}", None, 404, None),
        ("GET", f"/users/{'9' * 5000}", None, 404, None),
        ("GET", "/nights/2026%00", None, 404, None),
        ("POST", "/nights", b'{"service_date": "9999-12-31"}', 422, "service_date"),
        ("POST", "/api-keys", b'{"name": "k", "scopes": ["drive"], "expires_at": "9999-12-31T23:59:59-23:59"}', 422, "expires_at"),
        ("POST", "/users", b'{"email": "a@b.example", "name": "\\u0000", "role": "driver", "password": "long enough"}', 422, "name"),
        ("POST", "/users", b'{"email": "a@b.example", "name": "A", "role": "driver", "password": "\\ud800 long enough"}', 422, "password"),
        ("POST", "/users", DEEP, 400, "body"),
        ("POST", "/users", b'{"name": NaN}', 400, "body"),
        ("POST", "/users", b'{"name": "\xff"}', 400, "body"),
        ("POST", "/driver/actions", DEEP, 400, "body"),
        ("POST", "/measurements", DEEP, 400, "measurements"),
    ],
)
def test_what_once_crashed_or_was_waved_through(
    client: FlaskClient, method: str, path: str, body: bytes | None, status: int, field: str | None
):
    answer = client.open(f"{API}{path}", method=method, data=body, content_type="application/json")
    assert answer.status_code == status, answer.text
    assert [problem["field"] for problem in answer.json.get("errors", [])] == ([field] if field else [])


def test_half_a_pair_in_a_reading_refuses_that_reading_alone(client: FlaskClient):
    answer = client.post(f"{API}/measurements", data=HALF_A_PAIR, content_type="application/json")
    assert (answer.status_code, answer.json["counts"]["rejected"]) == (200, 1)


def test_a_body_that_is_not_said_to_be_json_is_not_silently_ignored(client: FlaskClient):
    """As `curl -d` sends it: it used to answer 200 and change nothing."""
    answer = client.patch(
        f"{API}/tenant", data=b'{"name": "New"}', headers={"If-Match": "*"}, content_type="application/x-www-form-urlencoded"
    )
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "body")


def test_a_patch_of_nothing_changes_nothing(client: FlaskClient):
    zone = client.post(f"{API}/zones", json={"code": "n", "name": "North"})
    answer = client.patch(zone.headers["Location"], headers={"If-Match": "*"})
    assert (answer.status_code, answer.json["name"]) == (200, "North")
