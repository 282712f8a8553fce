"""Objects that the network server has decoded."""

from datetime import UTC, datetime

import pytest

from app.telemetry.decoders import Alarm, DecodeError, Kind, Reading, decode

ALL_QUIET = {Alarm.FULL: False, Alarm.FIRE: False, Alarm.TILT: False, Alarm.BATTERY: False}


@pytest.mark.parametrize(
    ("model", "decoded_payload", "reading"),
    [
        (
            "EM400-MUD",
            {"battery": 92, "temperature": 25.7, "distance": 2116, "position": "tilt"},
            Reading(battery_pct=92, temperature_c=25.7, distance_mm=2116, tilted=True),
        ),
        (
            "EM400-TLD",
            {"temperature": 23.2, "temperature_alarm": "threshold_alarm", "distance": 1601, "distance_alarm": "threshold_alarm"},
            Reading(temperature_c=23.2, distance_mm=1601, alarms={Alarm.TEMPERATURE: True, Alarm.DISTANCE: True}),
        ),
        (
            "DF703",
            {
                "level": 2000,
                "longitude": "116.507430",
                "latitude": "40.038999",
                "alarmLevel": False,
                "alarmFire": False,
                "alarmFall": False,
                "alarmBattery": False,
                "angle": 0,
                "temperature": 25,
                "frameCounter": 1,
            },
            Reading(
                distance_mm=2000,
                longitude_deg=116.50743,
                latitude_deg=40.038999,
                alarms=ALL_QUIET,
                temperature_c=25,
                extras={"angle_deg": 0, "frame_count": 1},
            ),
        ),
        (
            "WILSEN.sonic.level",
            {"battery_vol": 3.4, "fillinglvl": 93, "proxx": 49, "temp": 20.8},
            Reading(battery_v=3.4, fill_pct=93, distance_mm=490, temperature_c=20.8),
        ),
        (
            "DL-MBX",
            {
                "protocol_version": 2,
                "device_id": 303,
                "distance": {"displayName": "Distance", "unit": "mm", "value": 1234},
                "number_of_valid_samples": {"displayName": "Number of valid samples", "unit": None, "value": 1},
                "battery_voltage": {"displayName": "Battery voltage", "unit": "V", "value": 2.993},
            },
            Reading(distance_mm=1234, battery_v=2.993, extras={"valid_samples": 1}),
        ),
        (
            "LDDS75",
            {"Node_type": "LDDS75", "Bat": 2.885, "Distance": 2821, "Interrupt_flag": 0, "TempC_DS18B20": "26.10", "Sensor_flag": 1},
            Reading(battery_v=2.885, distance_mm=2821, temperature_c=26.1, extras={"interrupt": 0, "sensor_flag": 1}),
        ),
        ("LDDS75", {"distance": "No Sensor"}, Reading(no_echo=True)),
        (
            "EGK-LW20",
            {"distance1": 1234, "fillLevel": 42, "temperature": -10, "battery": 90},
            Reading(distance_mm=1234, fill_pct=42, temperature_c=-10, battery_pct=90),
        ),
        ("ELT", {"temperature": 22.6, "distance": 8977, "vdd": 3621}, Reading(temperature_c=22.6, distance_mm=8977, battery_v=3.621)),
    ],
)
def test_the_names_of_each_makers_codec(model: str, decoded_payload: dict[str, object], reading: Reading):
    assert decode(model, decoded_payload).readings == (reading,)


@pytest.mark.parametrize(
    ("model", "decoded_payload", "message"),
    [
        ("DF702", {"level": "2000 mm"}, "level: expected a number in mm without its unit in the text, found '2000 mm'"),
        (
            "DF702",
            {"level": 2000, "temperature": "25 ℃"},
            "temperature: expected a number in °C without its unit in the text, found '25 ℃'",
        ),
        ("LDDS75", {"Bat": "3.3 V"}, "Bat: expected a number in V without its unit in the text, found '3.3 V'"),
        ("EGK-LW20", {"distance1": "distance error [65535]"}, "distance1: expected a number in mm, found 'distance error [65535]'"),
        ("ELT", {"distance": True}, "distance: expected a number in mm, found True"),
        ("ELT", {"distance": float("nan")}, "distance: expected a number in mm, found nan"),
        ("ELT", {"distance": 10**400}, "distance: expected a number in mm, found one with too many digits"),
        ("ELT", {"distance": [1]}, "distance: expected a number in mm, found a list"),
        ("DL-MBX", {"distance": {"value": 123, "unit": "cm"}}, "distance: expected a value in mm, found one in cm"),
        ("DF703", {"alarmFire": "yes"}, "alarmFire: expected true, false, found yes"),
        ("EM400-MUD", {"position": "upside down"}, "position: expected true, false, 'normal', 'tilt', found upside down"),
        ("EM500-UDL", {"history": 5}, "history: expected a list of records, found 5"),
        ("EM500-UDL", {"history": [{"timestamp": "now"}]}, "history[0].timestamp: expected a number in s, found 'now'"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(model: str, decoded_payload: dict[str, object], message: str):
    with pytest.raises(DecodeError) as caught:
        decode(model, decoded_payload)
    assert str(caught.value) == message


def test_stored_records():
    current, stored = decode("EM500-UDL", {"distance": 30, "history": [{"timestamp": 1593835520, "distance": 300}]}).readings
    assert current == Reading(distance_mm=30)
    assert stored == Reading(distance_mm=300, observed_at=datetime(2020, 7, 4, 4, 5, 20, tzinfo=UTC), is_history=True)


def test_unknown_names_are_kept():
    decoded = decode("ELT", {"distance": 500, "colour": "green", "nested": {"a": 1}})
    assert decoded.readings == (Reading(distance_mm=500),)
    assert decoded.unknown == {"colour": "green", "nested": "an object"}


def test_an_object_of_another_device_is_an_error_that_lists_the_names():
    with pytest.raises(DecodeError, match=r"^decoded_payload: expected one of the names .*distance.*, found colour$"):
        decode("ELT", {"colour": "green"})


def test_settings_alone_are_no_measurement():
    assert decode("EM400-MUD", {"report_interval": 1200}).kind is Kind.SETTINGS
    assert decode("EM400-MUD", {"sn": "6329c42503920003", "hardware_version": "v1.0"}).kind is Kind.DEVICE_INFO
    assert decode("DF702", {"periodic_interval": "24 hours"}).kind is Kind.SETTINGS


def test_an_empty_object_says_nothing():
    assert decode("ELT", {}).kind is Kind.NOTHING


def test_keys_of_devices_are_not_kept():
    decoded = decode("EM500-UDL", {"d2d_key": "0011223344556677", "appKey": "00", "report_interval": 1200})
    assert decoded.settings == {"d2d_key": "not kept", "report_interval": "1200"}
    assert decoded.unknown == {"appKey": "not kept"}
