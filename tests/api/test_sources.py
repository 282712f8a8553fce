"""Sources and device profiles over HTTP: made, changed, removed; secrets shown once; what is wrong is named."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.db import Database
from app.telemetry.models import Source
from app.telemetry.sources import as_key_of, create_profile
from app.tenancy.models import AuditEntry
from app.tenancy.scope import get_row, rows_of
from tests.api.owned_sources import profile_document
from tests.factories import telemetry as make

URL, PROFILES = "/api/v1/sources", "/api/v1/device-profiles"
ANY = {"If-Match": "*"}


def create(client: FlaskClient, **values: Any) -> Any:
    return client.post(URL, json={"name": "Town TTS", "kind": "tts"} | values)


def test_the_secret_stands_in_the_first_answer_and_nowhere_else(client: FlaskClient, database: Database, tenant_id: int):
    made = create(client)
    assert made.status_code == 201, made.text
    secret, source_id = made.json["secret"], made.json["id"]
    later = client.get(f"{URL}/{source_id}")
    audit = client.get("/api/v1/audit?subject_kind=source").text
    assert made.json["setup"]["url"].endswith(f"/api/v1/uplinks/{made.json['source_key']}")
    assert made.json["state"] == {"word": "never heard", "last_at": None, "counts": {}}
    assert [secret in text for text in (later.text, client.get(URL).text, audit)] == [False] * 3
    with database.transaction(tenant_id) as session:
        row = get_row(session, Source, source_id)
        assert row.secret_hash not in audit
        assert secret not in row.secret_hash


def test_a_new_secret_takes_the_place_of_the_old_one(client: FlaskClient):
    made = create(client).json
    address = f"/api/v1/uplinks/{made['source_key']}"
    new = client.post(f"{URL}/{made['id']}/secret").json["secret"]
    join = {"join_accept": {}}
    assert client.post(address, json=join, headers={"Authorization": f"Bearer {made['secret']}"}).status_code == 401
    assert client.post(address, json=join, headers={"Authorization": f"Bearer {new}"}).status_code == 200


def test_thingparks_key_is_kept_sealed_and_never_shown(client: FlaskClient, database: Database, tenant_id: int):
    made = create(client, kind="thingpark", as_key="00112233445566778899aabbccddeeff").json
    assert (made["has_as_key"], "as_key" in made) == (True, False)
    with database.transaction(tenant_id) as session:
        row = get_row(session, Source, made["id"])
        assert b"00112233" not in (row.sealed_as_key or b"")
        assert as_key_of(row, "only for tests") == "00112233445566778899aabbccddeeff"
        assert as_key_of(row, "another installation") is None
    assert client.patch(f"{URL}/{made['id']}", json={"as_key": None}, headers=ANY).json["has_as_key"] is False


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "carrier pigeon"}, "kind"),
        ({"name": ""}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"allowed_networks": ["203.0.113.1/24"]}, "allowed_networks.0"),
        ({"allowed_networks": ["here"]}, "allowed_networks.0"),
        ({"max_age_s": 0}, "max_age_s"),
        ({"max_ahead_s": -1}, "max_ahead_s"),
        ({"as_key": "00112233"}, "as_key"),
        ({"sigfox_template": {"device": "id"}}, "sigfox_template"),
        ({"kind": "sigfox", "sigfox_template": {"device": None}}, "sigfox_template.device"),
        ({"kind": "sigfox", "sigfox_template": {"devise": "id"}}, "sigfox_template.devise"),
        ({"default_model": "EM999"}, "default_model"),
        ({"secret_hash": "x"}, "secret_hash"),
        ({"source_key": "mine"}, "source_key"),
    ],
)
def test_what_is_wrong_with_a_source_is_named(client: FlaskClient, values: dict[str, Any], field: str):
    answer = create(client, **values)
    assert (answer.status_code, [problem["field"] for problem in answer.json["errors"]]) == (422, [field])


def test_two_sources_of_one_name_are_in_conflict(client: FlaskClient):
    assert [create(client).status_code for _ in range(2)] == [201, 409]


def test_changes_and_removal_are_in_the_log(client: FlaskClient, database: Database, tenant_id: int):
    made = create(client).json
    assert client.patch(f"{URL}/{made['id']}", json={"active": False}, headers=ANY).json["active"] is False
    assert client.delete(f"{URL}/{made['id']}", headers=ANY).status_code == 204
    with database.transaction(tenant_id) as session:
        entries = session.scalars(rows_of(session, AuditEntry).where(AuditEntry.subject_kind == "source").order_by(AuditEntry.id))
        assert [entry.action for entry in entries] == ["source.created", "source.changed", "source.deleted"]
    assert client.post(f"/api/v1/uplinks/{made['source_key']}", json={}).status_code == 404


def test_a_removed_source_takes_its_log_with_it_and_leaves_the_readings(client: FlaskClient):
    made = create(client, kind="kerbside_json").json
    client.post("/api/v1/devices", json={"device_uid": "OWN-1"})
    reading = {"device": "OWN-1", "observed_at": "2026-11-20T12:00:00Z", "distance_mm": 7}
    client.post(f"/api/v1/uplinks/{made['source_key']}", json={"measurements": [reading]}, headers={"X-Api-Key": made["secret"]})
    assert len(client.get(f"{URL}/{made['id']}/messages").json["items"]) == 1
    client.delete(f"{URL}/{made['id']}", headers=ANY)
    assert client.get(f"{URL}/{made['id']}/messages").status_code == 404


def test_the_state_follows_the_log(client: FlaskClient):
    made = create(client).json
    for body in ({"join_accept": {}}, {"nothing": "known"}):
        client.post(f"/api/v1/uplinks/{made['source_key']}", json=body, headers={"X-Api-Key": made["secret"]})
    state = client.get(f"{URL}/{made['id']}").json["state"]
    assert (state["word"], state["counts"]) == ("some refused", {"skipped": 1, "refused": 1})
    assert state["last_at"]
    refused = client.get(f"{URL}/{made['id']}/messages?outcome=refused").json["items"]
    assert [(one["field"], one["body"]) for one in refused] == [("uplink_message", '{"nothing": "known"}')]


def test_a_profile_is_kept_as_it_was_sent_and_changed_under_its_name(client: FlaskClient):
    made = client.post(PROFILES, json={"document": profile_document()})
    assert (made.status_code, made.json["name"]) == (201, "Acme A1"), made.text
    address = f"{PROFILES}/{made.json['id']}"
    changed = client.put(address, json={"document": profile_document(shortest=5)}, headers={"If-Match": made.headers["ETag"]})
    assert (changed.status_code, changed.json["document"]["shortest"]) == (200, 5)
    assert client.put(address, json={"document": profile_document()}, headers={"If-Match": made.headers["ETag"]}).status_code == 412
    renamed = client.put(address, json={"document": profile_document(name="Other")}, headers=ANY)
    assert (renamed.status_code, renamed.json["errors"][0]["field"]) == (422, "document.name")


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({}, ["document"]),
        (profile_document(layout="spiral"), ["document.layout"]),
        (profile_document(name="EM400-MUD"), ["document.name"]),
        (profile_document(fields=[]), ["document.fields"]),
        (profile_document(fields=[{"target": "colour"}]), ["document.fields[0].target"]),
        (
            profile_document(fields=[{"target": "battery_v", "unit": "mm"}, {"target": "distance_mm", "length": 3, "type": "float"}]),
            ["document.fields[0].unit", "document.fields[1].type"],
        ),
    ],
)
def test_every_fault_of_a_profile_is_named(client: FlaskClient, document: dict[str, Any], fields: list[str]):
    answer = client.post(PROFILES, json={"document": document})
    assert answer.status_code == 422, answer.text
    assert [problem["field"] for problem in answer.json["errors"]] == fields
    assert all(problem["mend"] for problem in answer.json["errors"])


def test_two_profiles_of_one_name_however_spelt_are_in_conflict(client: FlaskClient):
    names = ("Acme A1", "acme-a1")
    assert [client.post(PROFILES, json={"document": profile_document(name=name)}).status_code for name in names] == [201, 409]


def test_a_profile_that_devices_are_read_by_stays(client: FlaskClient):
    made = client.post(PROFILES, json={"document": profile_document()}).json
    device = client.post("/api/v1/devices", json={"device_uid": "D", "model": "acme a1"})
    assert device.status_code == 201, device.text
    assert client.delete(f"{PROFILES}/{made['id']}", headers=ANY).status_code == 409
    client.patch(f"/api/v1/devices/{device.json['id']}", json={"model": None}, headers=ANY)
    assert client.delete(f"{PROFILES}/{made['id']}", headers=ANY).status_code == 204


def test_a_device_of_a_model_that_nothing_reads_is_refused(client: FlaskClient):
    answer = client.post("/api/v1/devices", json={"device_uid": "D", "model": "EM999"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "model")


def test_another_towns_profile_reads_nothing_of_ours(client: FlaskClient, database: Database, other_tenant_id: int):
    with database.transaction(other_tenant_id, actor="test") as session:
        create_profile(session, profile_document())
        make.source(session, default_model="Acme A1")
    assert create(client, default_model="Acme A1").status_code == 422


def test_a_container_model_may_have_a_shape(client: FlaskClient):
    model = {"code": "igloo", "name": "Igloo", "volume_l": 3000, "max_load_kg": 1500, "lift_kind": "crane"}
    distances = {"empty_distance_mm": 1800, "full_distance_mm": 300}
    made = client.post("/api/v1/container-models", json=model | distances | {"shape": {"kind": "bell", "shoulder": 0.4}})
    assert (made.status_code, made.json["shape"]) == (201, {"kind": "bell", "shoulder": 0.4}), made.text
    wrong = client.post("/api/v1/container-models", json=model | distances | {"code": "b", "shape": {"kind": "bell", "shoulder": 2}})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "shape.shoulder")
