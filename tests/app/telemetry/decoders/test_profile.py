"""Devices by a document."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.telemetry.decoders import Alarm, DecodeError, Kind, ProfileError, Reading, WrongPortError, decode
from app.telemetry.decoders.profile import UNITS, FixedProfile, decode_with, dump_profile, load_profile, profile_schema
from tests.app.telemetry.decoders.vectors import VECTORS
from tests.app.telemetry.unhurried import UNHURRIED

LDDS75 = {
    "profile": 1,
    "layout": "fixed",
    "name": "LDDS75 by a profile",
    "ports": [2],
    "shortest": 8,
    "longest": 8,
    "fields": [
        {"target": "battery_v", "length": 2, "mask": 0x3FFF, "unit": "mV"},
        {"target": "distance_mm", "offset": 2, "length": 2, "range": [280, 7500], "no_echo": [0, 20]},
        {"target": "extra.interrupt", "offset": 4},
        {"target": "temperature_c", "offset": 5, "length": 2, "type": "signed", "scale": 0.1, "range": [-55, 125]},
    ],
}
EM400 = {
    "profile": 1,
    "layout": "channels",
    "name": "EM400 by a profile",
    "tag_bytes": 2,
    "byte_order": "little",
    "channels": [
        {"tag": "0175", "length": 1, "fields": [{"target": "battery_pct"}]},
        {"tag": "0367", "length": 2, "fields": [{"target": "temperature_c", "length": 2, "type": "signed", "scale": 0.1}]},
        {"tag": "0482", "length": 2, "fields": [{"target": "distance_mm", "length": 2, "no_echo": [65533]}]},
        {"tag": "0500", "length": 1, "fields": [{"target": "tilted"}]},
        {
            "tag": "8367",
            "length": 3,
            "fields": [
                {"target": "temperature_c", "length": 2, "type": "signed", "scale": 0.1},
                {"target": "alarm.temperature", "offset": 2},
            ],
        },
        {
            "tag": "8482",
            "length": 3,
            "fields": [{"target": "distance_mm", "length": 2}, {"target": "alarm.distance", "offset": -1}],
        },
        {"tag": "ff10", "length": 1, "is_setting": True},
    ],
}


def one_field(**field: object) -> dict[str, object]:
    return {"profile": 1, "layout": "fixed", "name": "one field", "fields": [{"target": "distance_mm", **field}]}


def faults(document: object) -> dict[str, str]:
    with pytest.raises(ProfileError) as caught:
        load_profile(document)  # type: ignore[arg-type]
    assert all(fault.problem and fault.mend for fault in caught.value.faults)
    assert str(caught.value)
    return {fault.field: fault.problem for fault in caught.value.faults}


@pytest.mark.parametrize("payload", ["0B45 0B05 00 0105 01", "CB45 1000 01 FF3F 01", "0B45 0000 00 0105 01", "0B45 0B05 00 7FFF 01"])
def test_a_fixed_profile_reads_what_the_decoder_reads(payload: str):
    (by_profile,), (by_code,) = decode_with(load_profile(LDDS75), payload, 2).readings, decode("LDDS75", payload, 2).readings
    assert (by_profile.distance_mm, by_profile.no_echo) == (by_code.distance_mm, by_code.no_echo)
    assert (by_profile.temperature_c, by_profile.battery_v) == (by_code.temperature_c, by_code.battery_v)


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.model == "EM400-MUD"], ids=lambda v: v.payload)
def test_a_channel_profile_reads_what_the_decoder_reads(vector):
    assert decode_with(load_profile(EM400), vector.payload).readings == (vector.reading,)


@pytest.mark.parametrize("document", [LDDS75, EM400])
def test_a_profile_round_trips(document: dict[str, object]):
    profile = load_profile(document)
    assert load_profile(dump_profile(profile)) == profile
    assert load_profile(json.dumps(document)) == profile
    assert load_profile(json.dumps(document).encode()) == profile
    assert dump_profile(profile) == document


@pytest.mark.parametrize("document", [LDDS75, EM400, one_field(offset=1)])
def test_the_schema_takes_what_is_taken(document: dict[str, object]):
    jsonschema.Draft202012Validator.check_schema(profile_schema())
    jsonschema.validate(document, profile_schema())


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (one_field(offset="two"), "fields[0].offset"),
        (one_field(lenght=2), "fields[0]"),
        (one_field(length=9), "fields[0].length"),
        (one_field() | {"fields": [{"target": "level"}]}, "fields[0].target"),
        (one_field() | {"fields": [{"target": "extra.Übel"}]}, "fields[0].target"),
        (one_field(type="double"), "fields[0].type"),
        (one_field() | {"profile": 2}, "profile"),
        (one_field() | {"layout": "free"}, "layout"),
        (one_field() | {"ports": [0]}, "ports[0]"),
        ({"profile": 1, "layout": "fixed", "name": "no fields"}, ""),
        (EM400 | {"channels": []}, "channels"),
        (EM400 | {"channels": [{"tag": "xy", "length": 1}]}, "channels[0].tag"),
    ],
)
def test_a_fault_of_form_is_named_and_the_schema_agrees(document: dict[str, object], field: str):
    assert set(faults(document)) == {field}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, profile_schema())


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (one_field(type="float", length=2), "fields[0].type"),
        (one_field(type="float", length=4, mask=255), "fields[0].type"),
        (one_field(mask=256), "fields[0].mask"),
        (one_field(scale=0), "fields[0].scale"),
        (one_field(scale=float("inf")), "fields[0].scale"),
        (one_field(range=[5, 5]), "fields[0].range"),
        (one_field(unit="furlong"), "fields[0].unit"),
        (one_field(offset=-1, length=2), "fields[0].offset"),
        (one_field(offset=7, length=2) | {"longest": 8}, "fields[0].offset"),
        (one_field() | {"shortest": 8, "longest": 4}, "shortest"),
        (one_field() | {"fields": []}, "fields"),
        (one_field() | {"fields": [{"target": "tilted", "unit": "°"}]}, "fields[0].unit"),
        (one_field() | {"fields": [{"target": "battery_v", "no_echo": [0]}]}, "fields[0].no_echo"),
        (one_field() | {"fields": [{"target": "battery_v"}, {"target": "battery_v"}]}, "fields[1].target"),
        (one_field() | {"fields": [{"target": "latitude_deg"}]}, "fields"),
        (EM400 | {"channels": [{"tag": "01", "length": 1}]}, "channels[0].tag"),
        (EM400 | {"channels": [{"tag": "0175"}]}, "channels[0].length"),
        (EM400 | {"channels": [{"tag": "FF10", "length": 1}, {"tag": "ff10", "length": 1}]}, "channels[1].tag"),
        (
            EM400 | {"channels": [{"tag": "0175", "length": 1, "fields": [{"target": "battery_pct", "offset": 1}]}]},
            "channels[0].fields[0].offset",
        ),
    ],
)
def test_fields_that_do_not_fit_together_are_named(document: dict[str, object], field: str):
    assert field in faults(document)


def test_all_faults_are_told_at_once():
    assert set(faults(one_field(scale=0, range=[2, 1], unit="ell"))) == {"fields[0].scale", "fields[0].range", "fields[0].unit"}


@pytest.mark.parametrize("document", [b"{", "[1, 2", b"\xff", "", "[" * 100_000, "null", "[]"])
def test_what_is_no_document_is_refused(document: bytes | str):
    assert set(faults(document)) == {""}


@pytest.mark.parametrize(
    ("field", "payload", "distance_mm"),
    [
        ({"length": 2, "unit": "cm"}, "0031", 490),
        ({"length": 2, "byte_order": "little"}, "4408", 2116),
        ({"length": 2, "offset": -2}, "ffff0844", 2116),
        ({"length": 4, "type": "float", "unit": "m"}, "3f9d70a4", 1230),
        ({"length": 8, "type": "float"}, "4090000000000000", 1024),
        ({"length": 2, "mask": 0x0FFF}, "f4d2", 1234),
        ({"length": 2, "mask": 0xFFF0}, "4d2f", 1234),
        ({"length": 1, "scale": -10, "add": 2550}, "ff", 0),
        ({"length": 1, "type": "signed", "add": 100}, "9c", 0),
        ({"length": 2, "mask": 0x0FFF, "type": "signed", "add": 2000}, "0fff", 1999),
        ({"length": 3}, "0004d2", 1234),
        ({"unit": "in"}, "0a", 254),
    ],
)
def test_each_way_to_write_a_number(field: dict[str, object], payload: str, distance_mm: float):
    assert decode_with(load_profile(one_field(**field)), payload, encoding="hex").readings == (Reading(distance_mm=distance_mm),)


@pytest.mark.parametrize(
    ("target", "unit", "payload", "value"),
    [
        ("temperature_c", "°F", "32", 10),
        ("temperature_c", "K", "ff", -18.15),
        ("fill_pct", "1", "01", 100),
        ("battery_v", "mV", "fa", 0.25),
    ],
)
def test_each_unit_becomes_ours(target: str, unit: str, payload: str, value: float):
    profile = load_profile({"profile": 1, "layout": "fixed", "name": "unit", "fields": [{"target": target, "unit": unit}]})
    (reading,) = decode_with(profile, payload, encoding="hex").readings
    assert getattr(reading, target) == pytest.approx(value)


def test_every_targets_own_unit_comes_first():
    assert {target: next(iter(units.values())) for target, units in UNITS.items()} == dict.fromkeys(UNITS, (1, 0))


def test_what_lies_outside_its_range_is_left_out_with_a_word():
    decoded = decode_with(load_profile(LDDS75), "0B45 0B05 00 7FFF 01", 2)
    assert decoded.readings[0].temperature_c is None
    assert decoded.warnings == ("temperature_c of 3276.7 lies outside -55 … 125",)


def test_a_value_that_says_nothing():
    assert decode_with(load_profile(one_field(absent=[255])), "ff", encoding="hex").kind is Kind.NOTHING


def test_alarms_and_settings():
    profile = load_profile(EM400)
    assert decode_with(profile, "8482410601").readings[0].alarms == {Alarm.DISTANCE: True}
    assert decode_with(profile, "ff10ff").kind is Kind.SETTINGS


def test_a_chain_with_lengths_steps_over_what_it_does_not_know():
    profile = load_profile(
        {
            "profile": 1,
            "layout": "channels",
            "name": "tag, length, value",
            "length_bytes": 1,
            "channels": [{"tag": "0b", "length": 2, "fields": [{"target": "distance_mm", "length": 2}]}],
        }
    )
    decoded = decode_with(profile, "aa03010203 0b0204d2")
    assert decoded.readings == (Reading(distance_mm=1234),)
    assert decoded.unknown == {"channel_aa_at_0": "010203"}
    with pytest.raises(DecodeError, match=r"^byte 1: expected 2 bytes in channel 0b, found 3$"):
        decode_with(profile, "0b030004d2")


@pytest.mark.parametrize(
    ("document", "payload", "message"),
    [
        (LDDS75, "0B45", "byte 2: expected 8 bytes or more, found 2"),
        (LDDS75, "0B45 0B05 00 0105 01 00", "byte 8: expected 8 bytes or fewer, found 9"),
        (one_field(offset=3, length=2), "00000000", "byte 3: expected 2 bytes of distance_mm, found 1"),
        (one_field(offset=-4, length=2), "0000", "byte 0: expected 2 bytes of distance_mm, found a payload that is too short"),
        (EM400, "0482f4", "byte 2: expected 2 bytes of channel 0482, found 1"),
        (EM400, "0a99", "byte 0: expected a channel of EM400 by a profile (0175, 0367, 0482, 0500, 8367, 8482, ff10), found 0a99"),
    ],
)
def test_a_payload_that_does_not_fit_is_an_error_at_its_byte(document: dict[str, object], payload: str, message: str):
    with pytest.raises(DecodeError) as caught:
        decode_with(load_profile(document), payload, encoding="hex")
    assert str(caught.value) == message


def test_a_port_that_the_profile_does_not_name():
    with pytest.raises(WrongPortError, match=r"^f_port: expected port 2 of LDDS75 by a profile, found another one$"):
        decode_with(load_profile(LDDS75), "0B45 0B05 00 0105 01", 5)
    assert decode_with(load_profile(LDDS75), b"\1", 0).kind is Kind.NOTHING


TARGETS = st.sampled_from(["distance_mm", "fill_pct", "temperature_c", "tilted", "alarm.fire", "extra.x", "latitude_deg", "longitude_deg"])
SPECS = st.fixed_dictionaries(
    {"target": TARGETS},
    optional={
        "offset": st.integers(-10, 10),
        "length": st.integers(1, 8),
        "type": st.sampled_from(["unsigned", "signed", "float"]),
        "byte_order": st.sampled_from(["big", "little"]),
        "mask": st.integers(1, 2**53 - 1),
        "scale": st.floats(),
        "add": st.floats(),
        "range": st.tuples(st.floats(), st.floats()).map(list),
        "no_echo": st.lists(st.integers(), max_size=3),
        "absent": st.lists(st.integers(0, 255), max_size=3),
    },
)


@UNHURRIED
@given(st.lists(SPECS, min_size=1, max_size=4), st.binary(max_size=16))
def test_whatever_a_profile_says_it_is_refused_or_applied(specs: list[dict[str, object]], payload: bytes):
    try:
        profile = load_profile({"profile": 1, "layout": "fixed", "name": "any", "fields": specs})
    except ProfileError as error:
        assert all(fault.field for fault in error.faults)
        return
    assert isinstance(profile, FixedProfile)
    assert load_profile(dump_profile(profile)) == profile
    try:
        decoded = decode_with(profile, payload)
    except DecodeError as error:
        assert error.offset is not None
    else:
        json.dumps([dict(reading.extras) for reading in decoded.readings], allow_nan=False)


@UNHURRIED
@given(st.binary(max_size=24))
def test_any_payload_under_a_channel_profile(payload: bytes):
    try:
        decode_with(load_profile(EM400), payload)
    except DecodeError as error:
        assert error.offset is not None


@UNHURRIED
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c))
)
def test_any_object_is_no_profile(document: object):
    with pytest.raises(ProfileError):
        load_profile(document if isinstance(document, dict) else {"profile": document})
