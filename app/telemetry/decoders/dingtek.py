"""Dingtek DF702 and DF703 waste bin sensors.

A frame is 0x80, a reserved 0x00, device type, report type, the frame's length, data, and 0x81; big-endian but for the position. Data
come in 17 bytes, with a position in 25; an answer to a downlink is of report type 3, or has 13 bytes in older firmware.
"""

from app.telemetry.decoders.cursor import Cursor
from app.telemetry.decoders.decoded import Alarm
from app.telemetry.decoders.draft import Draft, Frame
from app.telemetry.decoders.errors import DecodeError
from app.telemetry.decoders.family import Family
from app.telemetry.decoders.given import Name, states

HEAD, RESERVED, TAIL = 0x80, 0x00, 0x81
WASTE_BIN = 0x01
HEARTBEAT, ALARM_REPORT, ANSWER = 0x01, 0x02, 0x03
PLAIN_BYTES, POSITION_BYTES, OLD_ANSWER_BYTES = 17, 25, 13
HOTTEST_SIGNED = 127
BYTE = 256


def read(payload: bytes, frame: Frame, _f_port: int | None = None) -> None:
    """Read one frame."""
    cursor = Cursor(payload, "big")
    cursor.expect(HEAD, "packet head")
    cursor.expect(RESERVED, "reserved byte")
    cursor.expect(WASTE_BIN, "device type of DF702 and DF703")
    report = cursor.unsigned(1, "report type")
    if report not in (HEARTBEAT, ALARM_REPORT, ANSWER):
        raise DecodeError("report type 1 (heartbeat), 2 (alarm) or 3 (answer)", str(report), offset=3)
    _expect_size(payload, cursor.unsigned(1, "packet size"))
    if report == ANSWER or len(payload) == OLD_ANSWER_BYTES:
        _read_answer(cursor, frame)
    else:
        _read_level(cursor, frame, has_position=len(payload) == POSITION_BYTES)
    cursor.offset = len(payload) - 1
    cursor.expect(TAIL, "packet tail")


def _expect_size(payload: bytes, size: int) -> None:
    if size != len(payload):
        raise DecodeError(f"packet size {len(payload)}, as many bytes as there are", str(size), offset=4)
    if size not in (PLAIN_BYTES, POSITION_BYTES, OLD_ANSWER_BYTES):
        raise DecodeError("a packet of 13, 17 or 25 bytes", str(size), offset=4)


def _read_answer(cursor: Cursor, frame: Frame) -> None:
    frame.device_info["firmware"] = f"{cursor.unsigned(1, 'firmware')}.{cursor.unsigned(1, 'firmware')}"
    for name in ("upload_interval", "detection_interval", "full_threshold", "fire_threshold", "tilt_threshold", "tilt_enable"):
        if cursor.left > 1:
            frame.settings[name] = cursor.take(1, name).hex()


def _read_level(cursor: Cursor, frame: Frame, *, has_position: bool) -> None:
    draft = frame.draft
    draft.put_distance(cursor.unsigned(2, "height"))
    cursor.take(1, "position marker")
    if has_position:
        longitude, latitude = (Cursor(cursor.take(4, what), "little").float32(what) for what in ("longitude", "latitude"))
        draft.put_position(latitude, longitude)
    temperature = cursor.unsigned(1, "temperature")
    sign, angle = cursor.unsigned(1, "sign of the angle"), cursor.unsigned(1, "angle")
    _read_alarms(cursor.unsigned(1, "full and fire alarm"), cursor.unsigned(1, "tilt and battery alarm"), draft)
    draft.put("temperature_c", _to_celsius(temperature, is_fire=draft.alarms[Alarm.FIRE]))
    draft.put("tilt_deg", angle)
    draft.put("extra.angle_deg", angle if sign & 0x0F == 0 else -angle)
    draft.put("extra.frame_count", cursor.unsigned(2, "frame counter"))


def _read_alarms(full_fire: int, tilt_battery: int, draft: Draft) -> None:
    draft.alarms |= {
        Alarm.FULL: bool(full_fire >> 4),
        Alarm.FIRE: bool(full_fire & 0x0F),
        Alarm.TILT: bool(tilt_battery >> 4),
        Alarm.BATTERY: bool(tilt_battery & 0x0F),
    }
    draft.put("tilted", draft.alarms[Alarm.TILT])


def _to_celsius(raw: int, *, is_fire: bool) -> int:
    """A byte above 127 is a frosty night, unless the device reports fire with it: thresholds may be set up to 255 °C."""
    return raw if raw <= HOTTEST_SIGNED or is_fire else raw - BYTE


NAMES: dict[str, Name] = {
    "level": Name("distance_mm", "mm"),
    "temperature": Name("temperature_c", "°C"),
    "angle": Name("extra.angle_deg", "degrees"),
    "longitude": Name("longitude_deg", "degrees"),
    "latitude": Name("latitude_deg", "degrees"),
    "frameCounter": Name("extra.frame_count"),
    "full": Name("alarm.full"),
    "fire": Name("alarm.fire"),
    "tilt": Name("alarm.tilt"),
    "battery": Name("alarm.battery"),
    "alarmLevel": Name("alarm.full"),
    "alarmFire": Name("alarm.fire"),
    "alarmFall": Name("alarm.tilt"),
    "alarmBattery": Name("alarm.battery"),
    "firmware": Name("info.firmware"),
    **states("uploadInterval detectInterval levelThreshold fireThreshold fallThreshold fallEnable workMode"),
    **states("periodic_interval detection_interval full_alarm_threshold fire_alarm_threshold tilt_alarm_threshold tilt_enable"),
    **states("ultrasonic_range"),
}

FAMILY = Family(
    maker="Dingtek",
    models=("DF702", "DF703"),
    read=read,
    names=NAMES,
    source="DF702&DF703 LoRaWAN Protocol V2.8; cndingtek/Chirpstack_codec; TheThingsNetwork/lorawan-devices, vendor/dingtek",
    port=3,
    port_is_fixed=True,
)
