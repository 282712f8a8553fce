"""The Things Stack, ChirpStack, ThingPark and Sigfox."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from app.telemetry.decoders import decode
from app.telemetry.envelopes import EnvelopeError, Message, Skipped, chirpstack, sigfox, thingpark, tts
from tests.app.telemetry.envelopes import examples


def message(found: Message | Skipped) -> Message:
    assert isinstance(found, Message)
    return found


def test_the_things_stack():
    found = message(tts.read(examples.tts()))

    assert (found.device, found.f_port) == ("0004A30B001C0530", 85)
    assert found.observed_at == datetime(2020, 2, 12, 15, 15, 45, 789585, tzinfo=UTC)
    assert found.dedupe_key == "0004A30B001C0530:AXA50tHUGUucuzS/bCGMNw==:1"
    assert (found.signal_dbm, found.snr_db) == (-35, 5)
    assert found.tags == {"application": "app1"}


def test_bytes_and_object_of_one_message_say_the_same():
    found = message(tts.read(examples.tts()))
    assert found.payload is not None
    assert found.decoded is not None
    assert decode("EM400-MUD", found.payload, found.f_port).readings == decode("EM400-MUD", found.decoded).readings


def test_what_the_things_stack_leaves_out_is_0():
    body = examples.tts()
    for name in ("f_port", "f_cnt", "frm_payload", "decoded_payload", "rx_metadata"):
        del body["uplink_message"][name]
    found = message(tts.read(body))
    assert (found.f_port, found.payload, found.decoded, found.signal_dbm) == (0, b"", None, None)
    assert found.dedupe_key.endswith(":0")


def test_a_simulation_or_a_join_is_no_reading():
    assert isinstance(tts.read(examples.tts() | {"simulated": True}), Skipped)
    assert tts.read({"end_device_ids": {"device_id": "dev1"}, "join_accept": {}}) == Skipped("join accept: no uplink")


def test_chirpstack():
    found = message(chirpstack.read(examples.chirpstack()))

    assert (found.device, found.f_port) == ("0101010101010101", 85)
    assert found.observed_at == datetime(2022, 7, 18, 9, 34, 15, 775023, tzinfo=UTC)
    assert found.dedupe_key == "3ac7e3c4-4401-4b8d-9386-a5c902f9202d"
    assert (found.signal_dbm, found.snr_db) == (-36, 10.5)
    assert found.tags == {"bin_id": "b-1001"}
    assert found.payload is not None
    assert decode("EM400-MUD", found.payload, found.f_port).readings[0].distance_mm == 2116


@pytest.mark.parametrize("event", ["status", "join", "ack", "txack", "log", "location", "integration"])
def test_chirpstacks_other_events_are_no_uplinks(event: str):
    assert chirpstack.read({}, event) == Skipped(f"{event} event: no uplink")


def test_thingpark():
    found = message(thingpark.read(examples.thingpark()))

    assert (found.device, found.f_port) == ("0059AC000010020D", 2)
    assert found.observed_at == datetime(2016, 7, 5, 6, 58, 26, 654000, tzinfo=UTC)
    assert found.payload == bytes.fromhex("00277c0878fd9b2e000000000000ffff")
    assert (found.signal_dbm, found.snr_db) == (-100, 5.75)


def test_thingpark_without_its_outer_object():
    found = message(thingpark.read(examples.portal()))
    assert (found.device, found.f_port, found.payload) == ("0059AC0000181EB6", 1, b"\xef\xfe")
    assert found.observed_at == datetime(2016, 9, 9, 11, 17, 16, 813000, tzinfo=UTC)


def test_thingparks_other_messages_are_no_uplinks():
    assert isinstance(thingpark.read({"DevEUI_location": {}}), Skipped)


@pytest.mark.parametrize(
    ("body", "query", "key"),
    [
        (examples.thingpark(), examples.THINGPARK_QUERY, examples.THINGPARK_KEY),
        (examples.thingpark(), "?" + examples.THINGPARK_QUERY, examples.THINGPARK_KEY.upper()),
        (examples.portal(), examples.PORTAL_QUERY, examples.PORTAL_KEY),
    ],
)
def test_a_published_token_is_right(body: dict[str, Any], query: str, key: str):
    thingpark.check_token(body, query, key)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda query: query.replace("Token=18", "Token=19"), "Token"),
        (lambda query: query.replace("LrnFPort=2", "LrnFPort=3"), "Token"),
        (lambda query: query.partition("&Token")[0], "Token"),
        (lambda query: query + "&Token=00", "Token"),
        (lambda query: query.replace("010020D", "010020E"), "LrnDevEui"),
        (lambda query: query.replace("Token=18", "Token=ä"), "Token"),
    ],
)
def test_any_change_of_the_query_is_refused(change: Callable[[str], str], field: str):
    with pytest.raises(EnvelopeError) as caught:
        thingpark.check_token(examples.thingpark(), change(examples.THINGPARK_QUERY), examples.THINGPARK_KEY)
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["CustomerID", "FPort", "FCntUp", "payload_hex"])
def test_any_change_of_what_is_signed_is_refused(name: str):
    body = examples.thingpark()
    body["DevEUI_uplink"][name] += "1"
    with pytest.raises(EnvelopeError, match=r"^Token does not match\."):
        thingpark.check_token(body, examples.THINGPARK_QUERY, examples.THINGPARK_KEY)


def test_another_key_is_refused():
    with pytest.raises(EnvelopeError, match=r"^Token does not match\."):
        thingpark.check_token(examples.thingpark(), examples.THINGPARK_QUERY, "0" * 32)


def test_sigfox():
    found = sigfox.read(examples.sigfox())
    assert (found.device, found.payload, found.f_port) == ("1A2B3C", b"\x0a\x1b\x2c", None)
    assert found.observed_at == datetime(2024, 11, 22, 18, 26, 40, tzinfo=UTC)
    assert found.dedupe_key == "1A2B3C:42:20241122"


def test_sigfox_by_a_template_with_texts_for_numbers():
    template = sigfox.Template(device="id", time="ts", data="raw", sequence="n", rssi="level", snr=None)
    found = sigfox.read({"id": "001a2b3c", "ts": "1732300000", "raw": "0A1B2C", "n": "42", "level": "-121.00"}, template)
    assert found.device == "1A2B3C"
    assert found.dedupe_key == "1A2B3C:42:20241122"
    assert found.signal_dbm == -121


def test_sigfox_without_a_sequence_goes_by_its_time():
    body = examples.sigfox()
    del body["seqNumber"]
    assert sigfox.read(body).dedupe_key == "1A2B3C:1732300000.000"


def without(body: dict[str, Any], path: str) -> dict[str, Any]:
    *outer, last = path.split(".")
    place = body
    for name in outer:
        place = place[name]
    del place[last]
    return body


def changed(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    *outer, last = path.split(".")
    place = body
    for name in outer:
        place = place[name]
    place[last] = value
    return body


@pytest.mark.parametrize(
    ("read", "body", "field"),
    [
        (tts.read, without(examples.tts(), "end_device_ids"), "end_device_ids"),
        (tts.read, without(examples.tts(), "uplink_message"), "uplink_message"),
        (tts.read, changed(examples.tts(), "uplink_message.frm_payload", "not base64!"), "uplink_message.frm_payload"),
        (tts.read, changed(examples.tts(), "uplink_message.received_at", "yesterday"), "uplink_message.received_at"),
        (tts.read, changed(examples.tts(), "uplink_message.received_at", "2020-02-12T15:15:45"), "uplink_message.received_at"),
        (tts.read, changed(examples.tts(), "uplink_message.f_port", 300), "uplink_message.f_port"),
        (tts.read, changed(examples.tts(), "uplink_message.rx_metadata", [{"rssi": "loud"}]), "uplink_message.rx_metadata[0].rssi"),
        (tts.read, changed(examples.tts(), "uplink_message.decoded_payload", [1]), "uplink_message.decoded_payload"),
        (tts.read, changed(examples.tts(), "end_device_ids.dev_eui", "xyz"), "end_device_ids.dev_eui"),
        (tts.read, [], ""),
        (chirpstack.read, without(examples.chirpstack(), "deviceInfo"), "deviceInfo"),
        (chirpstack.read, {"devEUI": "AQEBAQEBAQE=", "data": ""}, "deviceInfo"),
        (chirpstack.read, without(examples.chirpstack(), "time"), "time"),
        (chirpstack.read, changed(examples.chirpstack(), "deviceInfo.devEui", "01"), "deviceInfo.devEui"),
        (chirpstack.read, changed(examples.chirpstack(), "data", 5), "data"),
        (chirpstack.read, changed(examples.chirpstack(), "fCnt", -1), "fCnt"),
        (chirpstack.read, changed(examples.chirpstack(), "rxInfo", {}), "rxInfo"),
        (thingpark.read, {}, "DevEUI_uplink"),
        (thingpark.read, changed(examples.thingpark(), "DevEUI_uplink.payload_hex", "0"), "DevEUI_uplink.payload_hex"),
        (thingpark.read, without(examples.thingpark(), "DevEUI_uplink.Time"), "DevEUI_uplink.Time"),
        (sigfox.read, changed(examples.sigfox(), "device", "bin 7"), "device"),
        (sigfox.read, changed(examples.sigfox(), "data", "00" * 13), "data"),
        (sigfox.read, changed(examples.sigfox(), "time", "nan"), "time"),
        (sigfox.read, changed(examples.sigfox(), "time", 9 * 10**14), "time"),
    ],
)
def test_a_fault_names_its_field_and_a_mend(read: Callable[[object], object], body: object, field: str):
    with pytest.raises(EnvelopeError) as caught:
        read(body)
    assert caught.value.field == field
    assert caught.value.problem
    assert caught.value.mend
