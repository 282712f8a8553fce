"""enginko's codec comes without examples: these frames are put together from the format.

The date 2024-03-09 10:20:30 is 24 << 25 | 3 << 21 | 9 << 16 | 10 << 11 | 20 << 5 | 15 = 0x3069528F, sent as 8F 52 69 30.
"""

from datetime import UTC, datetime

import pytest

from app.telemetry.decoders import DecodeError, Kind, Reading, decode

DATE = "8f526930"
AT = datetime(2024, 3, 9, 10, 20, 30, tzinfo=UTC)
HEAD = f"{DATE} 100e 0000"
"""ADC 0E10 = 3,600 mV, then two bytes that the format reserves."""


@pytest.mark.parametrize(
    ("payload", "reading"),
    [
        (f"1400 {HEAD} d204", Reading(distance_mm=1234, observed_at=AT, extras={"adc_mv": 3600})),
        (f"1400 {HEAD} d204 5a", Reading(distance_mm=1234, battery_pct=90, observed_at=AT, extras={"adc_mv": 3600})),
        (
            f"1401 {HEAD} d204 2a 18fc 5a",
            Reading(distance_mm=1234, fill_pct=42, temperature_c=-10, battery_pct=90, observed_at=AT, extras={"adc_mv": 3600}),
        ),
        (
            f"1402 {HEAD} d204 c409 5b d48b01 5a",
            Reading(
                distance_mm=1234,
                temperature_c=25,
                battery_pct=90,
                observed_at=AT,
                extras={"adc_mv": 3600, "humidity_pct": 45.5, "pressure_hpa": 1013.32},
            ),
        ),
        (
            f"1403 {HEAD} d204 2a c409 5b d48b01",
            Reading(
                distance_mm=1234,
                fill_pct=42,
                temperature_c=25,
                observed_at=AT,
                extras={"adc_mv": 3600, "humidity_pct": 45.5, "pressure_hpa": 1013.32},
            ),
        ),
    ],
)
def test_the_four_types(payload: str, reading: Reading):
    assert decode("EGK-LW20L00", payload).readings == (reading,)


def test_an_error_instead_of_a_distance():
    """EA61 is 60,001: above 60,000 the number is an error."""
    decoded = decode("EGK-LW20W00", f"1400 {HEAD} 61ea")
    assert decoded.readings[0].no_echo
    assert decoded.warnings == ("the sensor reports error 60001 instead of a distance",)


@pytest.mark.parametrize("date", ["00000000", "ffffffff", "0f528931"])
def test_a_date_that_there_is_not_is_none(date: str):
    decoded = decode("EGK-LW20L00", f"1400 {date} 100e 0000 d204")
    assert decoded.readings[0].distance_mm == 1234
    assert decoded.readings[0].observed_at is None or decoded.readings[0].observed_at.year >= 2010


def test_asking_for_the_time_is_no_measurement():
    decoded = decode("EGK-LW20L00", "01 a1b2c3d4 010203 0a06 00")
    assert decoded.kind is Kind.DEVICE_INFO
    assert decoded.protocol == "01.02.03"
    assert decoded.device_info["application_type"] == "0a06"


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("0B0102", "byte 0: expected message 0x14 (level) or 0x01 (request for the time), found 0x0B"),
        (f"1404 {HEAD} d204", "byte 1: expected level type 0 to 3, found 4"),
        (f"1400 {HEAD} d2", "byte 10: expected 2 bytes of distance, found 1"),
        (f"1401 {HEAD} d204 2a 18", "byte 13: expected 2 bytes of temperature, found 1"),
        (f"1400 {HEAD} d204 5a 00", "byte 13: expected the end of the payload, found 1 byte more"),
    ],
)
def test_what_does_not_fit_is_named_with_its_byte(payload: str, message: str):
    with pytest.raises(DecodeError) as caught:
        decode("EGK-LW20", payload)
    assert str(caught.value) == message
