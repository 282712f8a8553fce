"""Packages that the published examples leave out."""

import pytest

from app.telemetry.decoders import DecodeError, Kind, Reading, decode

WILSEN = "WILSEN.sonic.level"


def test_a_temperature_below_zero_is_a_float():
    """C1480000 is -12.5."""
    assert decode(WILSEN, "060201C1480000").readings == (Reading(temperature_c=-12.5),)


@pytest.mark.parametrize("temperature", ["7FC00000", "7F800000", "FF800000"])
def test_nan_and_infinity_are_no_temperature(temperature: str):
    decoded = decode(WILSEN, f"060201{temperature} 03510122")
    assert decoded.readings == (Reading(battery_v=3.4),)
    assert len(decoded.warnings) == 1


@pytest.mark.parametrize("package", ["040B01FFFF", "040B02FFFF"])
def test_no_echo(package: str):
    assert decode(WILSEN, package).readings == (Reading(no_echo=True),)


@pytest.mark.parametrize("payload", ["040B010031 040B0201EF", "040B0201EF 040B010031"])
def test_millimetres_count_more_than_centimetres(payload: str):
    """31 is 49 cm, 01EF is 495 mm."""
    assert decode(WILSEN, payload).readings == (Reading(distance_mm=495),)


def test_an_unknown_package_is_kept_by_its_identifier():
    decoded = decode(WILSEN, "050BAA010203 030B065D")
    assert decoded.readings == (Reading(fill_pct=93),)
    assert decoded.unknown == {"package_0baa": "010203"}


def test_an_answer_to_a_downlink_is_no_measurement():
    decoded = decode(WILSEN, "06F30500000E10 03F30101")
    assert decoded.kind is Kind.SETTINGS
    assert decoded.settings == {"answer_f305": "00000e10", "answer_f301": "01"}


def test_half_a_position_is_none():
    assert decode(WILSEN, "06500102F4006F 030B065D").readings == (Reading(fill_pct=93),)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("01 0B", "byte 0: expected a package length of 2 or more, found 1"),
        ("040B01", "byte 1: expected 4 bytes of package, found 2"),
        ("030B0131", "byte 3: expected 2 bytes of proximity in cm, found 1"),
        ("050B01003100", "byte 3: expected 2 bytes of proximity in cm, found 3"),
        ("030B065D 06", "byte 5: expected 6 bytes of package, found 0"),
    ],
)
def test_what_does_not_fit_is_named_with_its_byte(payload: str, message: str):
    with pytest.raises(DecodeError) as caught:
        decode(WILSEN, payload)
    assert str(caught.value) == message
