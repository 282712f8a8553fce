"""Frames after the manual's table: the published codec has only the one without a sensor."""

import pytest

from app.telemetry.decoders import DecodeError, Kind, Reading, WrongPortError, decode


def test_a_full_frame():
    """0B45 = 2,885 mV; 0B05 = 2,821 mm; 0105 = 26.1 °C."""
    assert decode("LDDS75", "0B45 0B05 00 0105 01", 2).readings == (
        Reading(battery_v=2.885, distance_mm=2821, temperature_c=26.1, extras={"interrupt": False}),
    )


def test_a_temperature_below_zero():
    """FF3F = -193, as in the manual: -19.3 °C."""
    assert decode("LDDS75", "0B45 0B05 00 FF3F 01", 2).readings[0].temperature_c == -19.3


@pytest.mark.parametrize("raw", ["7FFF", "F001"])
def test_a_probe_that_is_not_plugged_in_has_no_temperature(raw: str):
    assert decode("LDDS75", f"0B45 0B05 00 {raw} 01", 2).readings[0].temperature_c is None


def test_the_frame_of_old_firmware_and_its_interrupt():
    assert decode("LDDS75", "CB45 0B05 01", 2).readings == (Reading(battery_v=2.885, distance_mm=2821, extras={"interrupt": True}),)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("0B45 0000 00 0105 01", "no distance sensor answers"),
        ("0B45 0014 00 0105 01", "20 mm: nearer than the 280 mm that the sensor measures from, or no usable echo"),
        ("0B45 0117 00 0105 01", "279 mm: nearer than the 280 mm that the sensor measures from, or no usable echo"),
        ("0B45 0B05 00 0105 00", "the sensor flag says that no distance sensor is plugged in"),
        ("0B45 00", "no distance sensor is plugged in"),
    ],
)
def test_no_echo_says_why(payload: str, why: str):
    decoded = decode("LDDS75", payload, 2)
    assert decoded.readings[0].no_echo
    assert decoded.warnings == (why,)


def test_280_mm_is_measured():
    assert decode("LDDS75", "0B45 0118 00 0105 01", 2).readings[0].distance_mm == 280


def test_the_status_on_port_5_is_no_measurement():
    assert decode("LDDS75", "27 0114 01 00 0B45", 5).kind is Kind.DEVICE_INFO


def test_other_ports_carry_no_data():
    with pytest.raises(WrongPortError):
        decode("LDDS75", "0B45 0B05 00 0105 01", 42)


@pytest.mark.parametrize("payload", ["0B", "0B45", "0B45 0B05 00 01", "0B45 0B05 00 0105", "0B45 0B05 00 0105 01 00"])
def test_a_frame_of_no_known_length(payload: str):
    with pytest.raises(DecodeError, match="expected a frame of 8 bytes"):
        decode("LDDS75", payload, 2)
