"""What the makers publish is read as they say."""

import base64
from dataclasses import fields

import pytest

from app.telemetry.decoders import MODELS, DecodeError, Kind, Reading, decode
from app.telemetry.decoders.family import key_of
from tests.app.telemetry.decoders.vectors import NO_MEASUREMENT, VECTORS, Vector

IDS = [f"{vector.model}-{vector.payload.replace(' ', '')[:24]}" for vector in VECTORS]


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_it_says_what_its_maker_says(vector: Vector):
    decoded = decode(vector.model, bytes.fromhex(vector.payload), vector.f_port)

    assert decoded.kind is Kind.MEASUREMENT
    assert decoded.readings == (vector.reading,)
    assert decoded.unknown == {}


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_hex_base64_and_bytes_say_the_same(vector: Vector):
    raw = bytes.fromhex(vector.payload)
    meant = decode(vector.model, raw, vector.f_port)

    assert decode(vector.model, vector.payload, vector.f_port) == meant
    assert decode(vector.model, raw.hex().upper(), vector.f_port, encoding="hex") == meant
    assert decode(vector.model, base64.b64encode(raw).decode(), vector.f_port, encoding="base64") == meant
    assert decode(vector.model, memoryview(bytearray(raw)), vector.f_port) == meant


@pytest.mark.parametrize(("model", "payload", "f_port", "source"), NO_MEASUREMENT)
def test_answers_and_join_frames_are_no_measurement_and_no_error(model: str, payload: str, f_port: int, source: str):
    decoded = decode(model, payload, f_port)

    assert not decoded.is_measurement
    assert decoded.readings == ()
    assert decoded.kind in (Kind.SETTINGS, Kind.DEVICE_INFO)


def says_no_more(cut: Reading, whole: Reading) -> bool:
    """Every figure of the cut frame is one of the whole frame."""
    said = {field.name: getattr(cut, field.name) for field in fields(cut)}
    return all(value in (None, False, {}) or value == getattr(whole, name) or name in ("alarms", "extras") for name, value in said.items())


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_cut_anywhere_it_is_an_error_at_a_byte_or_a_shorter_truth(vector: Vector):
    """A chain of channels that ends between two is whole; a fixed frame never is."""
    raw = bytes.fromhex(vector.payload)
    for length in range(1, len(raw)):
        try:
            decoded = decode(vector.model, raw[:length], vector.f_port)
        except DecodeError as error:
            assert error.offset is not None
            assert 0 <= error.offset <= length
            assert error.expected
        else:
            assert all(says_no_more(reading, vector.reading) for reading in decoded.readings)


def test_every_model_has_a_published_payload_but_those_of_enginko():
    """enginko's codec comes without examples; its frames are built by hand from the format in test_enginko.py."""
    shown = {key_of(vector.model) for vector in VECTORS}
    families = {MODELS[key][1].maker for key in shown}
    assert {family.maker for _, family in MODELS.values()} - families == {"enginko"}
