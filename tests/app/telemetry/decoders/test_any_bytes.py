"""Whatever comes, a decoder answers with a reading or a DecodeError."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.telemetry.decoders import Decoded, DecodeError, Kind, decode, get_family, list_models
from app.telemetry.decoders.draft import RANGES
from tests.app.telemetry.decoders.vectors import NO_MEASUREMENT, VECTORS
from tests.app.telemetry.unhurried import UNHURRIED

MODELS = st.sampled_from(list_models())
PORTS = st.none() | st.integers(-1, 300)
KNOWN = [(vector.model, bytes.fromhex(vector.payload)) for vector in VECTORS] + [
    (model, bytes.fromhex(payload)) for model, payload, _, _ in NO_MEASUREMENT
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=12), children, max_size=3),
    max_leaves=8,
)


def sound(decoded: Decoded) -> None:
    """What every result promises."""
    assert decoded.is_measurement == bool(decoded.readings)
    for reading in decoded.readings:
        assert not (reading.no_echo and reading.distance_mm is not None)
        assert (reading.latitude_deg is None) == (reading.longitude_deg is None)
        for name, (low, high) in RANGES.items():
            value = getattr(reading, name)
            assert value is None or low <= value <= high
    json.dumps([[dict(reading.extras) for reading in decoded.readings], dict(decoded.settings), dict(decoded.unknown)])


def attempt(model: str, payload: object, f_port: int | None = None) -> Decoded | None:
    try:
        decoded = decode(model, payload, f_port)  # type: ignore[arg-type]
    except DecodeError as error:
        assert str(error).count("expected") == 1
        assert error.expected
        assert error.offset is not None or error.field
        return None
    sound(decoded)
    return decoded


@UNHURRIED
@given(MODELS, st.binary(max_size=60), PORTS)
def test_random_bytes(model: str, payload: bytes, f_port: int | None):
    attempt(model, payload, f_port)


@UNHURRIED
@given(st.sampled_from(KNOWN), st.binary(min_size=1, max_size=12))
def test_a_known_payload_with_more_behind_it(known: tuple[str, bytes], more: bytes):
    attempt(known[0], known[1] + more)


@UNHURRIED
@given(st.sampled_from(KNOWN), st.data())
def test_a_known_payload_with_changed_bytes(known: tuple[str, bytes], data: st.DataObject):
    raw = bytearray(known[1])
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=3)):
        raw[at] = data.draw(st.integers(0, 255))
    attempt(known[0], bytes(raw))


@UNHURRIED
@given(st.sampled_from(KNOWN), st.data())
def test_a_known_payload_with_bytes_missing_inside(known: tuple[str, bytes], data: st.DataObject):
    begin = data.draw(st.integers(0, len(known[1])))
    end = data.draw(st.integers(begin, len(known[1])))
    attempt(known[0], known[1][:begin] + known[1][end:])


@UNHURRIED
@given(MODELS, st.text(max_size=80))
def test_any_text(model: str, payload: str):
    attempt(model, payload)


@UNHURRIED
@given(st.text(max_size=40), st.binary(max_size=10))
def test_any_model_name(model: str, payload: bytes):
    attempt(model, payload)


@UNHURRIED
@given(MODELS, st.dictionaries(st.text(max_size=12), JSON, max_size=4))
def test_any_object(model: str, payload: dict[str, object]):
    attempt(model, payload)


@UNHURRIED
@given(MODELS, st.data())
def test_any_value_under_a_known_name(model: str, data: st.DataObject):
    name = data.draw(st.sampled_from(sorted(get_family(model).names)))
    attempt(model, {name: data.draw(JSON)})


@pytest.mark.parametrize("model", list_models())
def test_an_empty_frame_and_one_of_the_network_say_nothing(model: str):
    assert decode(model, b"").kind is Kind.NOTHING
    assert decode(model, b"\x01\x02\x03", 0).kind is Kind.NOTHING
