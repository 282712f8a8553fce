"""Batches over HTTP: one answer an item, whole-body faults as problems, both validators of one mind."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.db import Database, TenantSession
from app.telemetry.readings import LARGEST_BATCH, RANGES, ReadingIn, decode_batch
from app.telemetry.schemas import BatchAnswerSchema, ReadingSchema
from app.tenancy.models import Scope
from tests.factories import telemetry as make
from tests.factories.tenancy import client as client_of

URL = "/api/v1/measurements"
NOW = datetime.now(UTC).replace(microsecond=0)


def body_of(*items: Any) -> bytes:
    return json.dumps({"measurements": items}).encode()


def item(device: str, minutes: float = 0, **figures: Any) -> dict[str, Any]:
    return {"device": device, "observed_at": (NOW - timedelta(minutes=minutes)).isoformat()} | (figures or {"distance_mm": 700})


@pytest.fixture
def device(session: TenantSession) -> str:
    uid = make.mounted(session).device_uid
    session.commit()
    return uid


def test_each_item_gets_its_answer_in_order(client: FlaskClient, device: str):
    items = [
        item(device),
        item(device),
        item(device, distance_mm=500),
        item("unknown"),
        item(device, 1, fill_pct=float("nan")),
        item(device, 2, fill_pct=301),
        item(device, 3, distance_mm="700"),
        item(device, 4, distance=700),
        {"device": device},
        "not even an object",
        item(device, 5),
    ]
    answer = client.post(URL, data=body_of(*items))
    assert answer.status_code == 200
    assert BatchAnswerSchema().validate(answer.json) == {}
    assert answer.json["counts"] == {"stored": 2, "duplicate": 1, "conflict": 1, "rejected": 7}
    assert [(one["status"], one.get("field", "")) for one in answer.json["items"]] == [
        ("stored", ""),
        ("duplicate", ""),
        ("conflict", "observed_at"),
        ("rejected", "device"),
        ("rejected", "fill_pct"),
        ("rejected", "fill_pct"),
        ("rejected", "distance_mm"),
        ("rejected", "distance"),
        ("rejected", "observed_at"),
        ("rejected", ""),
        ("stored", ""),
    ]
    assert all(one["problem"] and one["mend"] for one in answer.json["items"] if one["status"] == "rejected")


def test_clocks_of_other_ages_are_refused_not_tripped_over(client: FlaskClient, device: str):
    ages = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z")
    items = [item(device) | {name: age} for name in ("observed_at", "gateway_at") for age in ages]
    answer = client.post(URL, data=body_of(*items)).json
    assert [one.get("field") for one in answer["items"]] == ["observed_at"] * 3 + ["gateway_at"] * 3
    body = {"device_uid": "other", "installed_at": ages[0]}
    assert client.post("/api/v1/devices", json=body).status_code == 422


def test_a_malformed_item_alone_is_refused_without_nan_in_the_batch(client: FlaskClient, device: str):
    """Without NaN the batch is JSON, and each item is decoded by itself."""
    answer = client.post(URL, data=body_of(item(device), item(device, 1, battery_v=True)))
    assert [one["status"] for one in answer.json["items"]] == ["stored", "rejected"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"measurements": 3}', 400),
        (b'{"measurements": [], "more": 1}', 400),
        (b'{"measurements": [{"device": "\xff"}]}', 400),
        (b'{"measurements": ' + b"[" * 200_000, 400),
        (b'{"measurements": [' + b'{"x":' * 200_000, 400),
        (b'{"measurements": [NaN', 400),
        (b'{"measurements": [' + b"{}," * LARGEST_BATCH + b"{}]}", 413),
        (b" " * (16 * 1024 * 1024 + 1), 413),
    ],
)
def test_a_body_that_is_no_batch_is_a_problem(client: FlaskClient, body: bytes, status: int):
    answer = client.post(URL, data=body)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["detail"]


def test_nested_rubbish_costs_only_its_own_item(client: FlaskClient, device: str):
    answer = client.post(URL, data=body_of(item(device), item(device, 1, fill_pct={"a": [[[]]]})))
    assert [one["status"] for one in answer.json["items"]] == ["stored", "rejected"]


@pytest.mark.parametrize("uid", ["\\ud800", "\\u0000", "x" * 65, ""])
def test_a_name_that_no_device_has_is_refused(client: FlaskClient, device: str, uid: str):
    body = body_of(item(device), item("UID", 1)).replace(b"UID", uid.encode())
    assert [one["status"] for one in client.post(URL, data=body).json["items"]] == ["stored", "rejected"]


def test_another_tenants_device_is_unknown(stranger: FlaskClient, device: str):
    [answer] = stranger.post(URL, data=body_of(item(device))).json["items"]
    assert (answer["status"], answer["field"]) == ("rejected", "device")


def test_writing_needs_the_scope(app: Flask, database: Database, tenant_id: int, device: str):
    reader = client_of(app, database, tenant_id, Scope.MEASUREMENTS_READ)
    assert reader.post(URL, data=body_of(item(device))).status_code == 403
    writer = client_of(app, database, tenant_id, Scope.MEASUREMENTS_WRITE)
    assert writer.post(URL, data=body_of(item(device))).status_code == 200


def test_the_document_describes_the_batch(client: FlaskClient):
    post = client.get("/api/v1/openapi.json").json["paths"][URL]["post"]
    assert post["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Batch"}


def _values(name: str) -> st.SearchStrategy[Any]:
    low, high = RANGES[name]
    near = st.sampled_from([low, high, low - 1, high + 1, low + 0.5, high + 0.5])
    return st.one_of(near, st.integers(int(low), int(high)), st.floats(-400, 400), st.sampled_from([None, True, "3", [], {}]))


instants = st.sampled_from(
    ["2026-03-01T06:30:00Z", "2026-03-01T06:30:00.25+01:00", "2026-03-01T06:30:00", "2026-13-01T00:00:00Z", "", 7, None]
)
items = st.fixed_dictionaries(
    {"device": st.one_of(st.text(max_size=70), st.just("D1"), st.sampled_from([None, 7])), "observed_at": instants},
    optional={name: _values(name) for name in RANGES} | {"gateway_at": instants, "other": st.just(1)},
)


@settings(max_examples=300, deadline=None)
@given(items)
def test_both_validators_accept_and_refuse_the_same(candidate: dict[str, Any]):
    by_msgspec = isinstance(decode_batch(msgspec.json.encode({"measurements": [candidate]}))[0], ReadingIn)
    try:
        ReadingSchema().load(json.loads(msgspec.json.encode(candidate)))
        by_marshmallow = True
    except ValidationError:
        by_marshmallow = False
    assert by_msgspec == by_marshmallow


def test_what_was_sent_is_read_back_page_by_page(client: FlaskClient, session: TenantSession):
    device = make.mounted(session)
    session.commit()
    client.post(URL, data=body_of(*(item(device.device_uid, minutes, fill_pct=minutes) for minutes in range(5))))

    url = f"/api/v1/containers/{device.container_id}/measurements"
    first = client.get(url, query_string={"limit": 3}).json
    rest = client.get(url, query_string={"limit": 3, "cursor": first["next"]}).json
    assert [row["fill_pct"] for row in first["items"] + rest["items"]] == [4, 3, 2, 1, 0]
    assert rest["next"] is None
    since = (NOW - timedelta(minutes=1)).isoformat()
    assert len(client.get(url, query_string={"since": since}).json["items"]) == 2
    assert client.get(url, query_string={"cursor": "nonsense"}).status_code == 422


def test_states_are_listed_by_fill(client: FlaskClient, session: TenantSession):
    low, high = make.mounted(session), make.mounted(session)
    session.commit()
    client.post(URL, data=body_of(item(low.device_uid, fill_pct=10), item(high.device_uid, fill_pct=90)))
    states = client.get("/api/v1/container-states", query_string={"min_fill_pct": 50, "waste_class": "paper"}).json["items"]
    assert [(state["container_id"], state["fill_pct"]) for state in states] == [(high.container_id, 90)]
    page = client.get("/api/v1/container-states", query_string={"limit": 1}).json
    assert len(client.get("/api/v1/container-states", query_string={"cursor": page["next"]}).json["items"]) == 1


def test_a_device_is_registered_mounted_and_taken_out(client: FlaskClient, session: TenantSession):
    container_id = make.container(session).id
    session.commit()
    made = client.post("/api/v1/devices", json={"device_uid": "A81758FFFE0"})
    assert made.status_code == 201
    url = f"/api/v1/devices/{made.json['id']}"
    assert client.patch(url, json={"container_id": container_id}).status_code == 428
    mounted = client.patch(url, json={"container_id": container_id}, headers={"If-Match": made.headers["ETag"]})
    assert (mounted.status_code, mounted.json["container_id"]) == (200, container_id)
    assert mounted.json["installed_at"] is not None
    taken = client.patch(url, json={"container_id": None}, headers={"If-Match": mounted.headers["ETag"]})
    assert taken.json["container_id"] is None
    assert client.post("/api/v1/devices", json={"device_uid": "A81758FFFE0"}).status_code == 409
    assert client.get("/api/v1/devices", query_string={"device_uid": "A81758FFFE0"}).json["items"][0]["id"] == made.json["id"]


def test_a_sender_that_names_no_content_type_is_understood(client: FlaskClient, device: str):
    """`curl -d` and many network servers call any body a form."""
    answer = client.post(URL, data=body_of(item(device)), content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200, answer.text
    assert answer.json["counts"]["stored"] == 1
