"""Models by name, payloads by encoding."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.telemetry.decoders import FAMILIES, MODELS, DecodeError, UnknownModelError, WrongPortError, decode, find_family, get_family
from app.telemetry.decoders.draft import RANGES, TARGETS
from app.telemetry.decoders.payload import to_bytes
from app.telemetry.decoders.profile import dump_profile, load_profile
from app.telemetry.readings import RANGES as TAKEN
from tests.app.telemetry.unhurried import UNHURRIED


@pytest.mark.parametrize("spelt", ["EM400-MUD", "em400-mud", "EM400 MUD", "em400_mud"])
def test_a_name_may_be_spelt_in_any_way(spelt: str):
    assert decode(spelt, "017564").model == "EM400-MUD"


def test_a_model_that_there_is_not():
    assert find_family("EM999") is None
    with pytest.raises(UnknownModelError, match=r"^model: expected one of DF702, .*WILSEN\.sonic\.level, found 'EM999'$"):
        get_family("EM999")


def test_no_two_families_share_a_name():
    assert len(MODELS) == sum(len(family.models) for family in FAMILIES)


def test_a_port_that_is_a_setting_of_the_device_is_not_held_against_it():
    assert decode("EM310-UDL", "03824408", 10).readings[0].distance_mm == 2116


@pytest.mark.parametrize("f_port", [-1, 256, 10**400, "85"])
def test_a_port_that_there_is_not(f_port):
    with pytest.raises(WrongPortError):
        decode("EM310-UDL", "03824408", f_port)


def test_figures_that_ingest_takes_as_well_have_its_ranges():
    both = RANGES.keys() & TAKEN.keys()
    assert both >= {"distance_mm", "fill_pct", "temperature_c", "battery_v", "tilt_deg", "signal_dbm"}
    assert {name: RANGES[name] for name in both} == {name: TAKEN[name] for name in both}


@pytest.mark.parametrize("text", ["0382 4408", "03:82:44:08", "0x03824408", "03-82-44-08", "03,82,44,08", " 03824408\n"])
def test_hex_in_the_ways_that_people_write_it(text: str):
    assert to_bytes(text) == b"\x03\x82\x44\x08"


@pytest.mark.parametrize("text", ["A4JECA==", "A4JECA"])
def test_base64_with_and_without_its_padding(text: str):
    assert to_bytes(text) == b"\x03\x82\x44\x08"


def test_text_that_is_both_is_hex_unless_told():
    assert to_bytes("AAAA") == b"\xaa\xaa"
    assert to_bytes("AAAA", "base64") == b"\0\0\0"


@pytest.mark.parametrize(("text", "encoding"), [("zz!", "auto"), ("038", "hex"), ("0x0", "hex"), ("ä", "auto"), ("A", "base64")])
def test_text_that_is_neither(text: str, encoding: str):
    with pytest.raises(DecodeError, match=r"^payload: expected "):
        to_bytes(text, encoding)  # type: ignore[arg-type]


@pytest.mark.parametrize("payload", [None, 5, [1, 2], 1.5])
def test_what_is_no_payload(payload: object):
    with pytest.raises(DecodeError, match=r"^payload: expected bytes, hex or base64, found "):
        decode("EM310-UDL", payload)  # type: ignore[arg-type]


def test_more_than_any_radio_carries():
    with pytest.raises(DecodeError, match=r"^payload: expected at most 4096 bytes, found 5000$"):
        to_bytes(bytes(5000))


@UNHURRIED
@given(st.binary(max_size=80))
def test_both_encodings_round_trip(raw: bytes):
    assert to_bytes(raw.hex(), "hex") == raw
    assert to_bytes(base64.b64encode(raw).decode(), "base64") == raw
    assert to_bytes(base64.urlsafe_b64encode(raw).decode(), "base64") == raw


def test_the_manual_names_every_model_and_target():
    manual = (Path(__file__).parents[4] / "docs" / "telemetry" / "decoders.md").read_text()
    families = manual.split("## Families")[1].split("\n## ")[0]
    assert [family.models[0] for family in FAMILIES if f"**{family.models[0]}**" not in families] == []
    assert [target for target in TARGETS if target.removeprefix("alarm.") not in manual.split("| `target` |")[1].split("\n")[0]] == []


def test_the_manuals_profile_is_one():
    manual = (Path(__file__).parents[4] / "docs" / "telemetry" / "decoders.md").read_text()
    profile = load_profile(manual.split("```json\n")[1].split("```")[0])
    assert load_profile(dump_profile(profile)) == profile
