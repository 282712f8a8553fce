"""Channels that the published examples leave out."""

from datetime import UTC, datetime

import pytest

from app.telemetry.decoders import Alarm, DecodeError, Kind, Reading, decode
from tests.app.telemetry.decoders.vectors import EM400_NB


def test_a_temperature_below_zero():
    """FF9C is -100 in two's complement: -10.0 °C."""
    assert decode("EM400-MUD", "0367 9cff").readings == (Reading(temperature_c=-10),)


@pytest.mark.parametrize("code", ["fdff", "feff", "ffff"])
def test_out_of_range_codes_are_no_echo(code: str):
    assert decode("EM400-MUD", f"017564 0482{code}").readings == (Reading(battery_pct=100, no_echo=True),)


def test_a_distance_of_twenty_five_metres_is_none():
    """61A8 is 25,000 mm."""
    decoded = decode("EM310-UDL", "0382a861")
    assert decoded.readings == (Reading(no_echo=True),)
    assert decoded.warnings == ("a distance of 25000 mm is none that a sensor measures",)


def test_an_unknown_battery_is_left_out():
    decoded = decode("EM310-UDL", "0175ff 03824408")
    assert decoded.readings == (Reading(distance_mm=2116),)
    assert decoded.warnings == ("battery_pct of 255 is none that can be meant",)


def test_an_alarm_that_is_taken_back():
    assert decode("EM400-TLD", "84824106 00").readings[0].alarms == {Alarm.DISTANCE: False}


def test_a_device_torn_off():
    assert decode("EM400-TLD", "880001").readings == (Reading(alarms={Alarm.MOVED: True}),)


def test_a_jump_of_the_distance_comes_in_tenths():
    """2EE0 = 12,000 tenths = 1,200 mm; 03E8 = 100 mm; state 2 is the jump."""
    (reading,) = decode("EM500-UDL", "83e9 e02e e803 02").readings
    assert reading.distance_mm == 1200
    assert reading.extras == {"distance_jump_mm": 100}
    assert reading.alarms == {Alarm.DISTANCE: False, Alarm.DISTANCE_JUMP: True}


def test_stored_records_have_their_own_times():
    """5F000000 = 1,593,835,520 s = 2020-07-04 04:05:20 UTC; the second one is 600 s later."""
    current, first, second = decode("EM500-UDL", "017564 03821e00 20ce0000005f2c01 20ce5802005ffdff").readings

    assert current == Reading(battery_pct=100, distance_mm=30)
    assert first == Reading(distance_mm=300, observed_at=datetime(2020, 7, 4, 4, 5, 20, tzinfo=UTC), is_history=True)
    assert second == Reading(no_echo=True, observed_at=datetime(2020, 7, 4, 4, 15, 20, tzinfo=UTC), is_history=True)


def test_a_clock_that_was_never_set_is_none():
    decoded = decode("EM500-UDL", "20ce0a0000002c01")
    assert decoded.readings == (Reading(distance_mm=300, is_history=True),)
    assert decoded.warnings == ("the clock of a stored record was never set",)


def test_an_unknown_channel_of_a_known_type_is_stepped_over_and_kept():
    """Channel 07, type 67 (two bytes): not of an EM310-UDL."""
    decoded = decode("EM310-UDL", "0767f800 03824408")
    assert decoded.readings == (Reading(distance_mm=2116),)
    assert decoded.unknown == {"channel_07_67_at_0": "f800"}


def test_after_an_unknown_type_nothing_is_read_and_all_is_kept():
    decoded = decode("EM310-UDL", "03824408 0a99010203")
    assert decoded.readings == (Reading(distance_mm=2116),)
    assert decoded.unknown == {"channel_0a_99_at_4": "010203"}
    assert decoded.warnings == ("channel 0A 99 at byte 4 is not known: what follows it was not read",)


def test_bytes_that_begin_with_no_channel_of_the_model_are_an_error_that_names_those():
    with pytest.raises(DecodeError, match=r"^byte 0: expected a channel of EM310-UDL \(01 75 battery, 03 82 distance, .*found 0A 99$"):
        decode("EM310-UDL", "0a99010203")


def test_a_cut_channel_names_its_byte():
    with pytest.raises(DecodeError, match=r"^byte 5: expected 2 bytes of distance, found 1$") as caught:
        decode("EM310-UDL", "01755c 038244")
    assert caught.value.offset == 5


@pytest.mark.parametrize(
    ("model", "payload", "settings"),
    [
        ("EM310-UDL", "ff03b004", {"report_interval": "b004"}),
        ("EM400-MUD", "fe020a00", {"collection_interval": "0a00"}),
        ("EM400-TLD", "ffa5ff", {"tilt_calibration": "ff"}),
        ("EM500-UDL", "fe1cff02", {"recollection_config": "ff02"}),
        ("EM500-UDL", "ff10ff", {"reboot": "ff"}),
        ("EM500-UDL", "ff350011223344556677", {"d2d_key": "not kept"}),
        ("EM500-UDL", "ff6801 ff6900", {"history_enable": "01", "retransmit_enable": "00"}),
    ],
)
def test_answers_to_downlinks(model: str, payload: str, settings: dict[str, str]):
    decoded = decode(model, payload, 85)
    assert (decoded.kind, dict(decoded.settings)) == (Kind.SETTINGS, settings)


def test_an_answer_that_is_not_known_is_still_an_answer():
    decoded = decode("EM310-UDL", "fe990102", 85)
    assert (decoded.kind, decoded.settings) == (Kind.SETTINGS, {"channel_fe_99_at_0": "0102"})
    assert decoded.warnings == ("answer FE 99 at byte 0 is not known: what follows it was not read",)


def test_an_answer_beside_a_distance_does_not_hide_it():
    decoded = decode("EM310-UDL", "ff03b004 03824408")
    assert decoded.readings == (Reading(distance_mm=2116),)
    assert decoded.settings == {"report_interval": "b004"}


def test_joining_says_who_it_is():
    decoded = decode("EM400-MUD", "ff0bff ff0101 ff166329c42503920003 ff090100 ff0a0101 ff0f00")
    assert decoded.kind is Kind.DEVICE_INFO
    assert decoded.protocol == "v0.1"
    assert decoded.device_info["serial_number"] == "6329c42503920003"
    assert decoded.device_info["hardware"] == "v1.0"


NB_BEFORE_LENGTH, NB_HEAD_END = 6, 10
NB_REST = EM400_NB[NB_HEAD_END : -2 * 16]
"""The published frame from after its length to before its data and their length: 79 bytes."""


def nb_frame(data: str, *, length: int | None = None) -> str:
    """The published frame with other data."""
    size = len(bytes.fromhex(data))
    said = 81 + size if length is None else length
    return EM400_NB[:NB_BEFORE_LENGTH] + f"{said:04x}" + NB_REST + f"{size:04x}" + data


def test_several_records_of_an_nb_iot_frame_stay_apart():
    """A channel id that does not ascend begins the next record."""
    decoded = decode("EM400-MUD", nb_frame("017564 0367f800 0482f401 0175630367fa0004825802"))
    assert [reading.distance_mm for reading in decoded.readings] == [500, 600]
    assert [reading.battery_pct for reading in decoded.readings] == [100, 99]


def test_an_nb_iot_position_and_movement():
    """Latitude 52.5 = 03211620, longitude 13.4 = 00CC77C0 (millionths, little-endian); motion 12: outside its fence, moving."""
    decoded = decode("EM400-MUD", nb_frame("0688 20162103 c077cc00 12"))
    (reading,) = decoded.readings
    assert (reading.latitude_deg, reading.longitude_deg) == (52.5, 13.4)
    assert reading.alarms == {Alarm.MOVED: True}
    assert reading.extras == {"is_moving": True}


def test_an_nb_iot_frame_keeps_no_identity_of_the_sim_card():
    decoded = decode("EM400-TLD", nb_frame("017564"))
    assert decoded.device_info == {"firmware": "0101", "hardware": "0110", "serial_number": "6749D19054690031"}


def test_an_nb_iot_frame_of_another_length_than_it_says():
    with pytest.raises(DecodeError, match=r"^byte 3: expected a length of 84, found 83$"):
        decode("EM400-MUD", nb_frame("017564", length=83))
