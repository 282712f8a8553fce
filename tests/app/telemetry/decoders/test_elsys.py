"""Values that the published examples leave out."""

import pytest

from app.telemetry.decoders import DecodeError, Kind, Reading, decode


def test_a_temperature_below_zero_and_the_battery():
    """FF9C = -10.0 °C; 0E25 = 3,621 mV."""
    assert decode("ELT", "01FF9C 070E25").readings == (Reading(temperature_c=-10, battery_v=3.621),)


def test_no_echo():
    assert decode("ELT-Ultrasonic", "0EFFFF").readings == (Reading(no_echo=True),)


def test_values_with_a_time_offset_are_readings_of_their_own():
    """4E is distance (0E) with one byte of offset, 8E with two: 5 and 300 sampling periods ago."""
    decoded = decode("ELT-Ultrasonic", "0E03E8 070E25 4E0503DE 8E012C03D4 41050064")
    assert decoded.readings == (
        Reading(distance_mm=1000, battery_v=3.621),
        Reading(distance_mm=990, temperature_c=10, age_periods=5),
        Reading(distance_mm=980, age_periods=300),
    )


def test_settings_sent_at_start_are_no_measurement():
    decoded = decode("ELT", "3E 08010203", 6)
    assert (decoded.kind, decoded.settings) == (Kind.SETTINGS, {"settings": "08010203"})


def test_an_unknown_type_ends_the_reading_and_is_kept():
    decoded = decode("ELT", "0100E2 2A0102")
    assert decoded.readings == (Reading(temperature_c=22.6),)
    assert decoded.unknown == {"type_2a_at_3": "0102"}
    assert decoded.warnings == ("type 2A at byte 3 is not known: what follows it was not read",)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("00", "byte 0: expected a type of the Elsys payload (01 temperature, 0E distance, …), found 00"),
        ("0100", "byte 1: expected 2 bytes of temperature, found 1"),
        ("0100E2 0E", "byte 4: expected 2 bytes of distance, found 0"),
        ("C10000", "byte 0: expected a time offset of at most 2 bytes (upper bits of the type), found 3"),
        ("8E01", "byte 1: expected 2 bytes of time offset, found 1"),
    ],
)
def test_what_does_not_fit_is_named_with_its_byte(payload: str, message: str):
    with pytest.raises(DecodeError) as caught:
        decode("ELT", payload)
    assert str(caught.value) == message
