"""Each network server's messages, from its request to the row: what is taken, what is refused and why, and that nothing crashes."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import Database
from app.telemetry.models import Measurement, MessageOutcome, Source, SourceKind, SourceMessage, UplinkReceipt
from app.telemetry.source_queries import MESSAGES_KEPT, TRIM_EVERY, forget_old_messages
from app.telemetry.sources import create_profile
from app.tenancy.scope import rows_of
from tests.api.owned_sources import profile_document
from tests.app.telemetry.envelopes import examples
from tests.factories import telemetry as make

NOW = datetime.now(UTC).replace(microsecond=0)
JUST_NOW = (NOW - timedelta(minutes=2)).isoformat()
AS_KEY = examples.THINGPARK_KEY


def tts() -> dict[str, Any]:
    body = examples.tts()
    body["received_at"] = body["uplink_message"]["received_at"] = JUST_NOW
    return body


def chirpstack() -> dict[str, Any]:
    return examples.chirpstack() | {"time": JUST_NOW}


def thingpark() -> dict[str, Any]:
    body = examples.thingpark()
    body["DevEUI_uplink"]["Time"] = JUST_NOW
    return body


def sigfox() -> dict[str, Any]:
    return examples.sigfox() | {"time": int(datetime.fromisoformat(JUST_NOW).timestamp()), "data": "0d8004d2"}


def ngsi_ld() -> dict[str, Any]:
    return at_once(examples.ngsi_ld(), "2026-11-22T19:59:30.000Z", "2026-11-22T20:00:00.000Z")


def ngsi_v2() -> dict[str, Any]:
    return at_once(examples.ngsi_v2(), "2026-11-22T19:59:30.00Z")


def at_once(body: dict[str, Any], *instants: str) -> dict[str, Any]:
    text = json.dumps(body)
    for instant in instants:
        text = text.replace(instant, JUST_NOW)
    return dict(json.loads(text))


def own_json() -> dict[str, Any]:
    return {"measurements": [{"device": "OWN-1", "observed_at": JUST_NOW, "distance_mm": 700}]}


class Sender:
    """A network server that has been set up for one source of the tenant."""

    def __init__(self, app: Flask, database: Database, tenant_id: int, kind: SourceKind, **values: Any) -> None:
        self.database, self.tenant_id, self.client = database, tenant_id, app.test_client()
        with database.transaction(tenant_id, actor="test") as session:
            source, self.secret = make.source(session, kind, **values)
            self.source_id, self.address = source.id, f"/api/v1/uplinks/{source.source_key}"

    def send(self, body: Any, query: str = "", *, headers: dict[str, str] | None = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}"} if headers is None else headers
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(f"{self.address}?{query}", data=data, headers=headers, **{"content_type": "application/json"} | options)

    def mount(self, uid: str, **values: Any) -> None:
        with self.database.transaction(self.tenant_id) as session:
            container = make.container(session, empty_distance_mm=3000, full_distance_mm=1000)
            make.device(session, container_id=container.id, device_uid=uid, **values)

    def readings(self) -> list[Measurement]:
        return self.rows(Measurement)

    def log(self) -> list[SourceMessage]:
        return sorted(self.rows(SourceMessage), key=lambda row: row.id)

    def rows(self, model: Any) -> list[Any]:
        with self.database.transaction(self.tenant_id) as session:
            return list(session.scalars(rows_of(session, model)))


@pytest.fixture
def sender(app: Flask, database: Database, tenant_id: int) -> Callable[..., Sender]:
    return lambda kind=SourceKind.TTS, **values: Sender(app, database, tenant_id, kind, **values)


EM400 = {"distance_mm": 2116, "fill_pct": pytest.approx(44.2), "temperature_c": pytest.approx(25.7), "battery_pct": 92}
CASES: dict[SourceKind, tuple[Callable[[], dict[str, Any]], str, str | None, dict[str, Any]]] = {
    SourceKind.TTS: (tts, "0004A30B001C0530", "EM400-MUD", EM400 | {"signal_dbm": -35}),
    SourceKind.CHIRPSTACK: (chirpstack, "0101010101010101", "EM400-MUD", EM400 | {"signal_dbm": -36}),
    SourceKind.SIGFOX: (sigfox, "1A2B3C", "Acme A1", {"battery_v": pytest.approx(3.456), "distance_mm": 1234}),
    SourceKind.NGSI_LD: (
        ngsi_ld,
        "urn:ngsi-ld:WasteContainer:city1:b-1001",
        None,
        {"fill_pct": 42, "temperature_c": pytest.approx(21.4), "distance_mm": None},
    ),
    SourceKind.NGSI_V2: (ngsi_v2, "WasteContainer:b-1001", None, {"fill_pct": 42}),
    SourceKind.KERBSIDE_JSON: (own_json, "OWN-1", None, {"distance_mm": 700, "fill_pct": 115}),
}


def ready(sender: Callable[..., Sender], kind: SourceKind, **values: Any) -> tuple[Sender, dict[str, Any], dict[str, Any]]:
    """A sender whose device is registered, its message, and what should be stored of it."""
    body, uid, model, wanted = CASES[kind]
    one = sender(kind, **values)
    with one.database.transaction(one.tenant_id, actor="test") as session:
        create_profile(session, profile_document())
    one.mount(uid, model=model)
    return one, body(), wanted


@pytest.mark.parametrize("kind", CASES)
def test_a_message_becomes_a_reading_and_its_repeat_changes_nothing(sender: Callable[..., Sender], kind: SourceKind):
    one, body, wanted = ready(sender, kind)

    first, again = one.send(body), one.send(body)

    assert (first.status_code, again.status_code) == (200, 200), first.text + again.text
    (reading,) = one.readings()
    assert {name: getattr(reading, name) for name in wanted} == wanted
    assert abs(reading.observed_at - datetime.fromisoformat(JUST_NOW)) < timedelta(seconds=1)
    assert [row.outcome for row in one.log()] == [MessageOutcome.STORED, MessageOutcome.DUPLICATE]
    if kind is not SourceKind.KERBSIDE_JSON:
        assert [first.json["items"][0]["outcome"], again.json["items"][0]["outcome"]] == ["stored", "duplicate"]


def thingpark_query(body: dict[str, Any], as_key: str = AS_KEY, *, time: str = JUST_NOW) -> str:
    """As ThingPark signs it: elements of the body, then the query without its token, then the key."""
    up = body["DevEUI_uplink"]
    query = f"LrnDevEui={up['DevEUI']}&LrnFPort={up['FPort']}&LrnInfos=x.y&AS_ID=town&Time={quote(time, safe=':')}"
    signed = "".join(up[name] for name in ("CustomerID", "DevEUI", "FPort", "FCntUp", "payload_hex")) + unquote(query) + as_key
    return f"{query}&Token={sha256(signed.encode()).hexdigest()}"


@pytest.fixture
def at_thingpark(sender: Callable[..., Sender]) -> Sender:
    one = sender(SourceKind.THINGPARK, as_key=AS_KEY)
    with one.database.transaction(one.tenant_id, actor="test") as session:
        create_profile(session, profile_document(name="KPN", fields=[{"target": "distance_mm", "offset": 6, "length": 2}]))
    one.mount("0059AC000010020D", model="KPN")
    return one


def test_thingpark_is_known_by_its_token_alone(at_thingpark: Sender):
    body = thingpark()
    answer = at_thingpark.send(body, thingpark_query(body), headers={})
    assert answer.status_code == 200, answer.text
    # 00277c0878fd9b2e…: bytes 6 and 7 are 9b2e, beyond what any sensor measures
    assert [(row.distance_mm, row.flags) for row in at_thingpark.readings()] == [(None, ["no echo"])]


@pytest.mark.parametrize("change", [lambda query: query.replace("AS_ID=town", "AS_ID=other"), lambda query: query.split("&Token")[0]])
def test_thingparks_query_cannot_be_changed(at_thingpark: Sender, change: Callable[[str], str]):
    answer = at_thingpark.send(thingpark(), change(thingpark_query(thingpark())), headers={})
    assert (answer.status_code, at_thingpark.readings(), at_thingpark.log()) == (401, [], [])
    assert answer.json["errors"][0]["field"] == "Token"


def test_thingparks_old_token_with_a_new_time_in_the_body_is_a_replay(at_thingpark: Sender):
    body = thingpark()
    answer = at_thingpark.send(body, thingpark_query(body, time=(NOW - timedelta(days=3)).isoformat()), headers={})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Time")


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"tts:{secret}".encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        lambda secret: {"Authorization": f"Bearer {secret}"},
        lambda secret: {"Authorization": f"bearer  {secret}"},
        lambda secret: {"Authorization": basic(secret)},
        lambda secret: {"Authorization": secret},
        lambda secret: {"X-Api-Key": secret},
    ],
)
def test_the_secret_may_come_in_each_way_that_a_server_can_send_it(sender: Callable[..., Sender], headers: Callable[[str], dict[str, str]]):
    one, body, _ = ready(sender, SourceKind.TTS)
    assert one.send(body, headers=headers(one.secret)).status_code == 200
    assert one.send(body, headers=headers(one.secret + "x")).status_code == 401


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": ""}, {"Authorization": "Basic ???"}, {"Authorization": "Basic " + "A" * 99}, {"X-Api-Key": "é"}]
)
def test_without_the_secret_nothing_is_read_or_logged_but_the_knock_is_noted(sender: Callable[..., Sender], headers: dict[str, str]):
    one, body, _ = ready(sender, SourceKind.TTS)
    assert one.send(body, headers=headers).status_code == 401
    (source,) = one.rows(Source)
    assert source.knocked_at is not None
    assert (one.readings(), one.log()) == ([], [])


def test_an_api_key_is_not_a_sources_secret(sender: Callable[..., Sender], client: FlaskClient):
    one, body, _ = ready(sender, SourceKind.TTS)
    assert client.post(one.address, json=body).status_code == 401


def test_another_sources_secret_opens_nothing(sender: Callable[..., Sender]):
    one, body, _ = ready(sender, SourceKind.TTS)
    assert one.send(body, headers={"Authorization": f"Bearer {sender(SourceKind.TTS).secret}"}).status_code == 401


def test_an_address_that_names_no_source_is_none(sender: Callable[..., Sender]):
    one = sender()
    one.address = "/api/v1/uplinks/nobody"
    assert one.send(tts()).status_code == 404


def test_a_source_writes_to_its_own_tenant_only(sender: Callable[..., Sender], database: Database, other_tenant_id: int):
    """The same device is registered by another town: its source knows it, ours does not."""
    with database.transaction(other_tenant_id) as session:
        make.device(session, device_uid="0004A30B001C0530", model="EM400-MUD")
    one = sender()
    assert one.send(tts()).status_code == 422
    assert [(row.outcome, row.field) for row in one.log()] == [(MessageOutcome.REFUSED, "device")]


@pytest.mark.parametrize(
    ("shift", "refused"),
    [
        (timedelta(days=-2, minutes=-1), True),
        (timedelta(days=-2, minutes=1), False),
        (timedelta(minutes=9), False),
        (timedelta(minutes=11), True),
    ],
)
def test_only_what_lies_within_the_replay_window_is_taken(sender: Callable[..., Sender], shift: timedelta, refused: bool):
    one, body, _ = ready(sender, SourceKind.CHIRPSTACK)
    answer = one.send(body | {"time": (datetime.now(UTC) + shift).isoformat()})
    assert (answer.status_code, len(one.readings())) == ((422, 0) if refused else (200, 1)), answer.text
    if refused:
        assert answer.json["errors"][0]["field"] == "observed_at"
        assert answer.json["errors"][0]["mend"]


def test_a_batch_of_our_own_is_held_to_window_and_list_reading_by_reading(sender: Callable[..., Sender]):
    one, _, _ = ready(sender, SourceKind.KERBSIDE_JSON, allowed_devices=["own-1"])
    old = (NOW - timedelta(days=3)).isoformat()
    items = [("OWN-1", JUST_NOW), ("OWN-1", old), ("OWN-2", JUST_NOW)]
    answer = one.send({"measurements": [{"device": device, "observed_at": at, "distance_mm": 700} for device, at in items]})
    assert [(item["status"], item.get("field")) for item in answer.json["items"]] == [
        ("stored", None),
        ("rejected", "observed_at"),
        ("rejected", "device"),
    ]
    assert one.log()[0].reason.startswith("2 of 3 readings: ")


def test_an_empty_batch_is_answered_like_any_batch(sender: Callable[..., Sender]):
    answer = sender(SourceKind.KERBSIDE_JSON).send({"measurements": []})
    assert (answer.status_code, answer.json["items"]) == (200, [])


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        (["203.0.113.0/24"], "203.0.113.9", 200),
        (["203.0.113.0/24"], "203.0.114.9", 403),
        (["198.51.100.7", "2001:db8::/32"], "2001:db8::1", 200),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", 200),
        (["203.0.113.0/24"], "", 403),
    ],
)
def test_only_listed_addresses_may_send(sender: Callable[..., Sender], networks: list[str], address: str, status: int):
    one, body, _ = ready(sender, SourceKind.TTS, allowed_networks=networks)
    answer = one.send(body, environ_overrides={"REMOTE_ADDR": address})
    assert answer.status_code == status, answer.text
    assert one.log()[0].field == ("" if status == 200 else "address")


def test_only_listed_devices_are_spoken_for(sender: Callable[..., Sender]):
    one, body, _ = ready(sender, SourceKind.TTS, allowed_devices=["0004a30b001c0530"])
    other = tts()
    other["end_device_ids"]["dev_eui"] = "0004A30B001C0531"
    assert (one.send(body).status_code, one.send(other).status_code) == (200, 403)


def test_a_source_that_is_switched_off_takes_nothing_and_says_so(sender: Callable[..., Sender]):
    one, body, _ = ready(sender, SourceKind.TTS, active=False)
    assert one.send(body).status_code == 403
    assert one.log()[0].reason == "is switched off"


@pytest.mark.parametrize(
    ("kind", "body", "query", "reason"),
    [
        (SourceKind.CHIRPSTACK, {}, "event=join", "join event: no uplink"),
        (SourceKind.CHIRPSTACK, {}, "event=ack", "ack event: no uplink"),
        (SourceKind.TTS, {"end_device_ids": {"device_id": "d"}, "join_accept": {}}, "", "join accept: no uplink"),
        (SourceKind.THINGPARK, {"DevEUI_location": {}}, "", "DevEUI_location: no uplink"),
        (SourceKind.NGSI_LD, {"type": "Notification", "id": "n", "notifiedAt": JUST_NOW, "data": []}, "", "it speaks of nothing"),
    ],
)
def test_what_is_no_measurement_is_no_error(sender: Callable[..., Sender], kind: SourceKind, body: Any, query: str, reason: str):
    one = sender(kind)
    answer = one.send(body, query)
    assert (answer.status_code, answer.json["items"][0]) == (200, {"outcome": "skipped", "device": "", "reason": reason})
    assert [(row.outcome, row.reason) for row in one.log()] == [(MessageOutcome.SKIPPED, reason)]


def test_an_answer_to_a_downlink_is_no_error(sender: Callable[..., Sender]):
    one, body, _ = ready(sender, SourceKind.TTS)
    body["uplink_message"] |= {"frm_payload": base64.b64encode(bytes.fromhex("fe10ff")).decode()}
    answer = one.send(body)
    assert (answer.status_code, answer.json["items"][0]["outcome"]) == (200, "skipped"), answer.text


def test_an_unknown_device_is_refused_once_it_is_registered_the_repeat_counts(sender: Callable[..., Sender]):
    one, body = sender(default_model="em400 mud"), tts()
    answer = one.send(body)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json["errors"][0] == {
        "field": "device",
        "problem": "0004A30B001C0530 is not registered",
        "mend": "Register it with POST /api/v1/devices.",
    }
    one.mount("0004a30b001c0530")
    assert one.send(body).status_code == 200
    assert [(row.outcome, row.device_uid) for row in one.log()] == [
        (MessageOutcome.REFUSED, "0004A30B001C0530"),
        (MessageOutcome.STORED, "0004A30B001C0530"),
    ]
    assert json.loads(one.log()[0].body) == body
    assert len(one.readings()) == 1


def test_a_device_without_a_model_says_what_to_set(sender: Callable[..., Sender]):
    one = sender()
    one.mount("0004A30B001C0530")
    answer = one.send(tts())
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "model")
    assert "default_model" in answer.json["errors"][0]["mend"]


def test_bytes_that_cannot_be_read_name_the_byte_and_may_come_again(sender: Callable[..., Sender]):
    one, body, _ = ready(sender, SourceKind.TTS)
    broken = tts()
    broken["uplink_message"]["frm_payload"] = base64.b64encode(bytes.fromhex("0175")).decode()
    answer = one.send(broken)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "payload")
    assert "byte 2" in answer.json["errors"][0]["problem"]
    assert one.rows(UplinkReceipt) == []
    assert one.send(body).status_code == 200


def test_a_decoded_object_is_taken_where_there_are_no_bytes_and_units_in_texts_are_refused(sender: Callable[..., Sender]):
    one, body, wanted = ready(sender, SourceKind.TTS)
    del body["uplink_message"]["frm_payload"]
    wrong = json.loads(json.dumps(body))
    wrong["uplink_message"]["decoded_payload"]["distance"] = "2116 mm"
    answer = one.send(wrong)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "distance")
    assert one.send(body).status_code == 200
    assert one.readings()[0].distance_mm == wanted["distance_mm"]


def test_a_broker_is_answered_entity_by_entity(sender: Callable[..., Sender]):
    one, body, _ = ready(sender, SourceKind.NGSI_LD)
    stranger = json.loads(json.dumps(body["data"][0])) | {"id": "urn:ngsi-ld:WasteContainer:city1:unknown"}
    body["data"] = [body["data"][0], stranger]
    answer = one.send(body)
    assert (answer.status_code, [item["outcome"] for item in answer.json["items"]]) == (200, ["stored", "refused"])
    body["data"] = [stranger, stranger]
    assert (one.send(body).status_code, len(one.readings())) == (422, 1)


def test_a_sigfox_callback_may_be_a_form_by_the_sources_own_template(sender: Callable[..., Sender]):
    template = {"device": "id", "time": "ts", "data": "raw", "sequence": "n"}
    one, _, _ = ready(sender, SourceKind.SIGFOX, sigfox_template=template)
    said = sigfox()
    form = urlencode({"id": "001a2b3c", "ts": said["time"], "raw": said["data"], "n": 7}).encode()
    answer = one.send(form, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200, answer.text
    assert one.readings()[0].distance_mm == 1234


DEEP = b"[" * 100_000 + b"]" * 100_000
HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"\xff\xfe{}",
    b'{"a": "\xff"}',
    b'{"a": NaN}',
    b'{"a": ' + b"9" * 5_000 + b"}",
    DEEP,
    b'{"uplink_message": ' + DEEP + b"}",
    b'{"a": "' + b"x" * 5_000_000 + b'"}',
    b'{"end_device_ids": {"device_id": "\\u0000"}, "uplink_message": {"received_at": "%s"}}' % JUST_NOW.encode(),
    b'{"end_device_ids": {"device_id": "\\ud800"}, "uplink_message": {"received_at": "%s"}}' % JUST_NOW.encode(),
    b'{"device": "1A", "time": "9e999", "data": "00"}',
    b'{"type": "Notification", "id": "n", "notifiedAt": "0001-01-01T00:00:00+23:59", "data": [{"id": "\\u0000", "fillingLevel": 0.1}]}',
    b'{"subscriptionId": "\\ud800", "data": [{"id": "WasteContainer:b-1001", "fillingLevel": 0.1}]}',
    b'{"measurements": [{"device": "\\ud800", "observed_at": "2026-01-01T00:00:00Z"}]}',
    b'{"measurements": [7, {"device": "OWN-1", "observed_at": "0001-01-01T00:00:00+23:59", "distance_mm": 1}]}',
    b"a=%00&time=1",
]


@pytest.mark.parametrize("kind", SourceKind)
def test_whatever_is_sent_is_answered_and_logged(sender: Callable[..., Sender], kind: SourceKind):
    one = ready(sender, kind)[0] if kind in CASES else sender(kind)
    answers = []
    for body in HOSTILE:
        for content_type in ("application/json", "application/x-www-form-urlencoded", ""):
            answer = one.send(body, content_type=content_type)
            answers.append((body[:80], answer.status_code))
            assert answer.status_code == 200 or answer.json["errors"][0]["problem"], answer.text
    assert [told for told in answers if told[1] >= 500] == []
    logged = one.log()
    assert len(logged) == len(answers)
    assert max(len(row.body) for row in logged) <= 2_000


def test_without_its_body_a_token_is_wrong_rather_than_a_crash(sender: Callable[..., Sender]):
    one = sender(SourceKind.THINGPARK, as_key=AS_KEY)
    assert {one.send(body, "Token=x", headers={}).status_code for body in HOSTILE} == {401}


def test_the_log_is_bounded_and_the_nightly_rest_forgets(sender: Callable[..., Sender]):
    one = sender(SourceKind.CHIRPSTACK)
    for _ in range(MESSAGES_KEPT + 2 * TRIM_EVERY):
        one.send({}, "event=status")
    assert len(one.log()) <= MESSAGES_KEPT + TRIM_EVERY
    with one.database.transaction(one.tenant_id) as session:
        forget_old_messages(session, NOW)
    assert len(one.log()) == MESSAGES_KEPT
    with one.database.transaction(one.tenant_id) as session:
        forget_old_messages(session, NOW + timedelta(days=31))
    assert one.log() == []


def test_receipts_are_forgotten_when_no_repeat_can_come(sender: Callable[..., Sender]):
    one, body, _ = ready(sender, SourceKind.CHIRPSTACK)
    one.send(body)
    for days, kept in ((2.9, 1), (3.1, 0)):
        with one.database.transaction(one.tenant_id) as session:
            forget_old_messages(session, NOW + timedelta(days=days))
        assert len(one.rows(UplinkReceipt)) == kept
