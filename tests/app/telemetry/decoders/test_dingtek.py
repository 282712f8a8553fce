"""Frames that the published examples leave out."""

import pytest

from app.telemetry.decoders import Alarm, DecodeError, Kind, WrongPortError, decode

FRAME = "80 00 01 {report} 11 {level} 00 {temperature} {sign} {angle} {alarms} 00 01 00 81"


def frame(report="01", level="07D0", temperature="19", sign="00", angle="00", alarms="0000") -> str:
    return FRAME.format(report=report, level=level, temperature=temperature, sign=sign, angle=angle, alarms=alarms)


def the_reading(payload: str):
    (reading,) = decode("DF702", payload, 3).readings
    return reading


@pytest.mark.parametrize(
    ("alarms", "raised"),
    [("1000", Alarm.FULL), ("0100", Alarm.FIRE), ("0010", Alarm.TILT), ("0001", Alarm.BATTERY)],
)
def test_each_half_byte_is_an_alarm(alarms: str, raised: Alarm):
    reading = the_reading(frame(report="02", alarms=alarms))
    assert {alarm for alarm, is_raised in reading.alarms.items() if is_raised} == {raised}
    assert reading.tilted is (raised is Alarm.TILT)


def test_frost_is_below_zero():
    """F6 is 246, or -10 in two's complement."""
    assert the_reading(frame(temperature="F6")).temperature_c == -10


def test_a_fire_is_not():
    assert the_reading(frame(temperature="96", alarms="0100")).temperature_c == 150


def test_the_angle_has_a_sign_and_the_tilt_has_none():
    reading = the_reading(frame(sign="01", angle="2D"))
    assert reading.extras["angle_deg"] == -45
    assert reading.tilt_deg == 45


def test_no_echo():
    reading = the_reading(frame(level="FFFF"))
    assert reading.no_echo
    assert reading.distance_mm is None


def test_a_position_without_a_fix():
    payload = "80 00 01 01 19 07D0 01 00000000 00000000 19 00 00 00 00 0001 00 81"
    decoded = decode("DF702", payload, 3)
    assert decoded.readings[0].latitude_deg is None
    assert decoded.warnings == ("0, 0 is no position fix",)


def test_an_answer_keeps_what_it_confirms():
    decoded = decode("DF702", "80 00 01 03 19 01 04 18 01 1E 4B 1E 00 00 00 00 00 00 00 00 00 00 00 00 81", 3)
    assert decoded.kind is Kind.SETTINGS
    assert decoded.device_info == {"firmware": "1.4"}
    assert decoded.settings["upload_interval"] == "18"
    assert decoded.settings["fire_threshold"] == "4b"


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("81" + frame()[2:], "byte 0: expected 0x80 (packet head), found 0x81"),
        (frame().replace("80 00", "80 01"), "byte 1: expected 0x00 (reserved byte), found 0x01"),
        (frame().replace("80 00 01", "80 00 05"), "byte 2: expected 0x01 (device type of DF702 and DF703), found 0x05"),
        (frame(report="07"), "byte 3: expected report type 1 (heartbeat), 2 (alarm) or 3 (answer), found 7"),
        (frame().replace(" 11 ", " 19 "), "byte 4: expected packet size 17, as many bytes as there are, found 25"),
        (frame()[:-2] + "80", "byte 16: expected 0x81 (packet tail), found 0x80"),
        ("80 00 01 01 07 07 81", "byte 4: expected a packet of 13, 17 or 25 bytes, found 7"),
    ],
)
def test_each_fixed_byte_is_checked(payload: str, message: str):
    with pytest.raises(DecodeError) as caught:
        decode("DF702", payload, 3)
    assert str(caught.value) == message


def test_only_port_3_carries_data():
    with pytest.raises(WrongPortError, match=r"^f_port: expected port 3 of Dingtek DF702, found 2$"):
        decode("DF703", frame(), 2)
