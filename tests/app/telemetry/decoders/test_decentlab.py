"""Frames that the published examples leave out."""

import pytest

from app.telemetry.decoders import DecodeError, Reading, decode


def test_without_a_valid_sample_there_was_no_echo():
    decoded = decode("DL-MBX", "02 012f 0003 1388 0000 0bb1")
    assert decoded.readings == (Reading(no_echo=True, battery_v=2.993, extras={"valid_samples": 0}),)
    assert decoded.warnings == ("no sample was valid",)


def test_who_sent_it():
    decoded = decode("DL-MBX", "02 012f 0002 0bb1")
    assert (decoded.protocol, decoded.device_info) == ("2", {"device_number": "303"})


def test_sensors_that_it_is_not_known_to_have_are_kept():
    decoded = decode("DL-MBX", "02 012f 0006 0bb1 1234")
    assert decoded.readings == (Reading(battery_v=2.993),)
    assert decoded.unknown == {"sensors_0004": "1234"}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("01 012f 0002 0bb1", "byte 0: expected 0x02 (protocol version), found 0x01"),
        ("02 012f 0003 04d2", "byte 7: expected 2 bytes of number of valid samples, found 0"),
        ("02 012f 0002 0bb1 00", "byte 7: expected the end of the payload, found 1 byte more"),
    ],
)
def test_what_does_not_fit_is_named_with_its_byte(payload: str, message: str):
    with pytest.raises(DecodeError) as caught:
        decode("DL-MBX", payload)
    assert str(caught.value) == message
