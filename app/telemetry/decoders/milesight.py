"""Milesight EM310-UDL, EM400-MUD, EM400-TLD and EM500-UDL.

A payload is a chain of channels: id, type, value, little-endian. Ids FE and FF answer downlinks or, after joining, describe the
device. The NB-IoT editions of the EM400 wrap one or more such chains in a frame of their own.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.telemetry.decoders.cursor import Cursor
from app.telemetry.decoders.decoded import Alarm, Reading
from app.telemetry.decoders.draft import Draft, Frame, from_epoch
from app.telemetry.decoders.errors import DecodeError
from app.telemetry.decoders.family import Family
from app.telemetry.decoders.given import Name, states

Key = tuple[int, int]


class Channel(NamedTuple):
    """A channel's value: how many bytes, what it is, and how it goes into a record."""

    length: int
    what: str
    put: Callable[[Cursor, Draft], None]


def _battery(value: Cursor, draft: Draft) -> None:
    draft.put("battery_pct", value.unsigned(1, "battery"))


def _temperature(value: Cursor, draft: Draft) -> None:
    draft.put("temperature_c", value.signed(2, "temperature") / 10)


def _distance(value: Cursor, draft: Draft) -> None:
    draft.put_distance(value.unsigned(2, "distance"))


def _position(value: Cursor, draft: Draft) -> None:
    position = value.unsigned(1, "position")
    if position in (0, 1):
        draft.put("tilted", bool(position))
    else:
        draft.warnings.append(f"position has the unknown state {position}")


def _temperature_alarm(value: Cursor, draft: Draft) -> None:
    _temperature(value, draft)
    draft.put_alarm(Alarm.TEMPERATURE, value.unsigned(1, "alarm"), "the temperature alarm")


def _distance_alarm(value: Cursor, draft: Draft) -> None:
    _distance(value, draft)
    draft.put_alarm(Alarm.DISTANCE, value.unsigned(1, "alarm"), "the distance alarm")


def _dismounted(value: Cursor, draft: Draft) -> None:
    draft.put_alarm(Alarm.MOVED, value.unsigned(1, "alarm"), "the disassembly alarm")


def _distance_jump(value: Cursor, draft: Draft) -> None:
    """Distance and jump in tenths, as the maker's own decoder reads them; its table gives no unit for this channel."""
    draft.put_distance(_tenths(value.unsigned(2, "distance")))
    draft.put("extra.distance_jump_mm", _tenths(value.unsigned(2, "jump")))
    state = value.unsigned(1, "alarm")
    if state in (0, 1, 2):
        draft.alarms |= {Alarm.DISTANCE: state == 1, Alarm.DISTANCE_JUMP: state == 2}
    else:
        draft.warnings.append(f"the distance alarm has the unknown state {state}")


def _location(value: Cursor, draft: Draft) -> None:
    latitude, longitude = value.signed(4, "latitude") / 1e6, value.signed(4, "longitude") / 1e6
    draft.put_position(latitude, longitude)
    status = value.unsigned(1, "motion")
    draft.put("extra.is_moving", status & 0x03 in (1, 2))
    if status >> 4 == 1:
        draft.alarms[Alarm.MOVED] = True


def _tenths(raw: int) -> float:
    return raw if raw >= 0xFFFD else raw / 10


BATTERY, DISTANCE, POSITION = Channel(1, "battery", _battery), Channel(2, "distance", _distance), Channel(1, "position", _position)

EM310: dict[Key, Channel] = {(0x01, 0x75): BATTERY, (0x03, 0x82): DISTANCE, (0x04, 0x00): POSITION}
EM400: dict[Key, Channel] = {
    (0x01, 0x75): BATTERY,
    (0x03, 0x67): Channel(2, "temperature", _temperature),
    (0x04, 0x82): DISTANCE,
    (0x05, 0x00): POSITION,
    (0x06, 0x88): Channel(9, "location", _location),
    (0x83, 0x67): Channel(3, "temperature alarm", _temperature_alarm),
    (0x84, 0x82): Channel(3, "distance alarm", _distance_alarm),
    (0x88, 0x00): Channel(1, "disassembly alarm", _dismounted),
}
EM500: dict[Key, Channel] = {
    (0x01, 0x75): BATTERY,
    (0x03, 0x82): DISTANCE,
    (0x83, 0xE9): Channel(5, "distance alarm", _distance_jump),
}
HISTORY: Key = (0x20, 0xCE)
HISTORY_BYTES = 6

CHANNELS: dict[str, Mapping[Key, Channel]] = {"EM310-UDL": EM310, "EM400-MUD": EM400, "EM400-TLD": EM400, "EM500-UDL": EM500}

TYPE_BYTES = {0x00: 1, 0x67: 2, 0x68: 1, 0x75: 1, 0x7D: 2, 0x82: 2, 0xC8: 4}
"""How long the maker's types are in any of its devices: a channel that a model is not known to have can be stepped over."""

INFO: dict[int, tuple[int, str]] = {
    0x01: (1, "protocol"),
    0x09: (2, "hardware"),
    0x0A: (2, "firmware"),
    0x0B: (1, "power_on"),
    0x0F: (1, "lorawan_class"),
    0x16: (8, "serial_number"),
    0xFE: (1, "reset"),
    0xFF: (2, "tsl"),
}
KEY_SETTING = "d2d_key"
"""The one setting that is a secret: that it was set is told, what it is is not."""
SETTINGS: dict[int, tuple[int, str]] = {
    0x02: (2, "collection_interval"),
    0x03: (2, "report_interval"),
    0x06: (9, "alarm_config"),
    0x10: (1, "reboot"),
    0x11: (4, "timestamp"),
    0x13: (1, "install_height_enable"),
    0x17: (2, "time_zone"),
    0x1C: (2, "recollection_config"),
    0x27: (1, "clear_history"),
    0x28: (1, "query_device_status"),
    0x35: (8, KEY_SETTING),
    0x3B: (1, "time_sync_enable"),
    0x3E: (1, "tilt_linkage_distance_enable"),
    0x4A: (1, "sync_time"),
    0x56: (1, "tof_detection_enable"),
    0x68: (1, "history_enable"),
    0x69: (1, "retransmit_enable"),
    0x6A: (3, "retransmit_interval"),
    0x70: (2, "people_existing_height"),
    0x71: (1, "working_mode"),
    0x77: (2, "install_height"),
    0x84: (1, "d2d_enable"),
    0x96: (8, "d2d_master_config"),
    0xA1: (1, "tilt_report_enable"),
    0xA2: (2, "disassembly_alarm_config"),
    0xA3: (1, "sim_card_priority"),
    0xA4: (1, "background_convergence_interval"),
    0xA5: (1, "tilt_calibration"),
    0xA6: (1, "sensor_convergence"),
    0xF1: (4, "distance_calibration_settings"),
    0xF2: (2, "alarm_report_counts"),
    0xF5: (1, "alarm_release_enable"),
}


def read(payload: bytes, frame: Frame, _f_port: int | None = None) -> None:
    """Read the channels of one payload, or of an NB-IoT frame, into `frame`."""
    channels = CHANNELS[frame.model]
    if frame.model.startswith("EM400") and _is_nb_frame(payload):
        _read_nb_frame(payload, channels, frame)
    else:
        _read_chain(Cursor(payload, "little"), channels, frame)


def _read_chain(cursor: Cursor, channels: Mapping[Key, Channel], frame: Frame, *, is_split: bool = False) -> None:
    """Read channels to the end; `is_split`: a channel id that does not ascend begins another record."""
    draft, last_id = frame.draft, 0
    while cursor.left:
        at = cursor.offset
        key = cursor.unsigned(1, "channel id"), cursor.unsigned(1, "channel type")
        if is_split and key[0] & 0x0F <= last_id and draft:
            if draft is not frame.draft:
                frame.others.append(draft.reading())
            draft = frame.fresh()
        last_id = key[0] & 0x0F
        if key in channels:
            channels[key].put(_part(cursor, channels[key].length, channels[key].what), draft)
        elif key == HISTORY and channels is EM500:
            frame.others.append(_history(cursor, frame))
        elif key[0] >= 0xFE:
            _read_state(cursor, key, at, frame)
        else:
            _keep_unknown(cursor, key, at, channels, frame)
    if draft is not frame.draft and draft:
        frame.others.append(draft.reading())


def _part(cursor: Cursor, length: int, what: str) -> Cursor:
    """A cursor over the next bytes alone; its offsets stay those of the payload."""
    begin = cursor.offset
    cursor.take(length, what)
    return Cursor(cursor.payload[: cursor.offset], "little", begin)


def _history(cursor: Cursor, frame: Frame) -> Reading:
    record, draft = _part(cursor, HISTORY_BYTES, "stored record"), frame.fresh()
    draft.put_time(from_epoch(record.unsigned(4, "timestamp")), "the clock of a stored record")
    _distance(record, draft)
    return draft.reading(is_history=True)


def _read_state(cursor: Cursor, key: Key, at: int, frame: Frame) -> None:
    if key[0] == 0xFF and key[1] in INFO:
        length, name = INFO[key[1]]
        _keep_info(name, cursor.take(length, name), frame)
    elif key[1] in SETTINGS:
        length, name = SETTINGS[key[1]]
        value = cursor.take(length, name).hex()
        frame.settings[name] = "not kept" if name == KEY_SETTING else value
    else:
        # whatever it answers, it is an answer: no measurement, and no error
        frame.settings[_name(key, at)] = cursor.rest().hex()
        frame.warnings.append(f"answer {key[0]:02X} {key[1]:02X} at byte {at} is not known: what follows it was not read")


def _keep_info(name: str, value: bytes, frame: Frame) -> None:
    if name == "protocol":
        frame.protocol = f"v{value[0] >> 4}.{value[0] & 0x0F}"
    elif name == "hardware":
        frame.device_info[name] = f"v{value[0]:x}.{value[1] >> 4}"
    elif name == "firmware":
        frame.device_info[name] = f"v{value[0]:x}.{value[1]:x}"
    else:
        frame.device_info[name] = value.hex()


def _keep_unknown(cursor: Cursor, key: Key, at: int, channels: Mapping[Key, Channel], frame: Frame) -> None:
    """Step over a channel of a known type; after any other one the bytes have no meaning, and are kept as they are."""
    length = TYPE_BYTES.get(key[1])
    if length is not None:
        frame.unknown[_name(key, at)] = cursor.take(length, f"channel {key[0]:02X} {key[1]:02X}").hex()
    elif frame:
        frame.unknown[_name(key, at)] = cursor.rest().hex()
        frame.warnings.append(f"channel {key[0]:02X} {key[1]:02X} at byte {at} is not known: what follows it was not read")
    else:
        known = ", ".join(f"{number:02X} {kind:02X} {channel.what}" for (number, kind), channel in channels.items())
        raise DecodeError(f"a channel of {frame.model} ({known})", f"{key[0]:02X} {key[1]:02X}", offset=at)


def _name(key: Key, at: int) -> str:
    return f"channel_{key[0]:02x}_{key[1]:02x}_at_{at}"


NB_START, NB_ID = 0x02, 0x0001
NB_BEFORE_LENGTH = 5
CSQ_KNOWN = 31


def _is_nb_frame(payload: bytes) -> bool:
    return payload[:3] == bytes([NB_START, NB_ID >> 8, NB_ID & 0xFF])


def _read_nb_frame(payload: bytes, channels: Mapping[Key, Channel], frame: Frame) -> None:
    """Read the NB-IoT envelope. The SIM card's identities are stepped over: nobody here needs them."""
    cursor = Cursor(payload, "big", offset=3)
    length = cursor.unsigned(2, "frame length")
    if length != len(payload) - NB_BEFORE_LENGTH:
        raise DecodeError(f"a length of {len(payload) - NB_BEFORE_LENGTH}", str(length), offset=3)
    cursor.take(3, "flag and frame count")
    frame.protocol = f"v{cursor.unsigned(1, 'protocol version')}"
    frame.device_info["firmware"] = cursor.take(4, "firmware version").decode("ascii", "replace")
    frame.device_info["hardware"] = cursor.take(4, "hardware version").decode("ascii", "replace")
    frame.device_info["serial_number"] = cursor.take(16, "serial number").decode("ascii", "replace")
    cursor.take(15 + 15 + 20, "IMEI, IMSI and ICCID")
    csq = cursor.unsigned(1, "CSQ")
    data = cursor.take(cursor.unsigned(2, "data length"), "sensor data")
    _read_chain(Cursor(payload[: cursor.offset], "little", cursor.offset - len(data)), channels, frame, is_split=True)
    cursor.finish()
    if csq <= CSQ_KNOWN:
        frame.draft.put("signal_dbm", 2 * csq - 113)


ALARM_WORDS = {"threshold_alarm": True, "threshold_alarm_release": False, "normal": False}
NAMES: dict[str, Name] = {
    "battery": Name("battery_pct", "%"),
    "temperature": Name("temperature_c", "°C"),
    "distance": Name("distance_mm", "mm"),
    "distance_mutation": Name("extra.distance_jump_mm", "mm"),
    "position": Name("tilted", words={"normal": False, "tilt": True}),
    "temperature_alarm": Name("alarm.temperature", words=ALARM_WORDS),
    "distance_alarm": Name("alarm.distance", words=ALARM_WORDS | {"mutation_alarm": False}),
    "disassembly_alarm": Name("alarm.moved", words={"device_abnormal_movement": True, "unknown": False}),
    "latitude": Name("latitude_deg", "degrees"),
    "longitude": Name("longitude_deg", "degrees"),
    "history": Name("history"),
    "sn": Name("info.serial_number"),
    "ipso_version": Name("info.protocol"),
    "hardware_version": Name("info.hardware"),
    "firmware_version": Name("info.firmware"),
    "tsl_version": Name("info.tsl"),
    "lorawan_class": Name("info.lorawan_class"),
    "reset_event": Name("info.reset"),
    "device_status": Name("info.power_on"),
    **states(" ".join(name for _, name in SETTINGS.values())),
    **states("standard_mode_alarm_config bin_mode_alarm_config distance_mutation_alarm_config resend_interval report_status"),
    **states("distance_alarm_config"),
}

FAMILY = Family(
    maker="Milesight",
    models=("EM310-UDL", "EM400-MUD", "EM400-TLD", "EM500-UDL"),
    read=read,
    names=NAMES,
    source="Milesight-IoT/SensorDecoders, em-series/*/README.md; user guides EM400-MUD and EM400-TLD, chapter Uplink Data",
    port=85,
)
