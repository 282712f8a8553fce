"""Decentlab DL-MBX: version, device number, a flag word, then the values of each sensor whose flag is set; words, big-endian."""

from app.telemetry.decoders.cursor import Cursor
from app.telemetry.decoders.draft import Frame
from app.telemetry.decoders.family import Family
from app.telemetry.decoders.given import Name

VERSION = 2
DISTANCE_SENSOR, BATTERY_SENSOR = 0x0001, 0x0002
MV_PER_V = 1000


def read(payload: bytes, frame: Frame, _f_port: int | None = None) -> None:
    """Read one frame; words of sensors that a DL-MBX is not known to have are kept as they are."""
    cursor = Cursor(payload, "big")
    cursor.expect(VERSION, "protocol version")
    frame.protocol = str(VERSION)
    frame.device_info["device_number"] = str(cursor.unsigned(2, "device number"))
    flags = cursor.unsigned(2, "sensor flags")
    if flags & DISTANCE_SENSOR:
        _read_distance(cursor, frame)
    if flags & BATTERY_SENSOR:
        frame.draft.put("battery_v", cursor.unsigned(2, "battery voltage") / MV_PER_V)
    others = flags & ~(DISTANCE_SENSOR | BATTERY_SENSOR)
    if others:
        frame.unknown[f"sensors_{others:04x}"] = cursor.rest().hex()
    cursor.finish()


def _read_distance(cursor: Cursor, frame: Frame) -> None:
    distance_mm, samples = cursor.unsigned(2, "distance"), cursor.unsigned(2, "number of valid samples")
    if samples:
        frame.draft.put_distance(distance_mm)
    else:
        frame.draft.put_no_echo("no sample was valid")
    frame.draft.put("extra.valid_samples", samples)


NAMES: dict[str, Name] = {
    "distance": Name("distance_mm", "mm"),
    "number_of_valid_samples": Name("extra.valid_samples"),
    "battery_voltage": Name("battery_v", "V"),
    "device_id": Name("info.device_number"),
    "protocol_version": Name("info.protocol"),
    "Distance": Name("distance_mm", "mm"),
    "Number of valid samples": Name("extra.valid_samples"),
    "Battery voltage": Name("battery_v", "V"),
    "Device ID": Name("info.device_number"),
    "Protocol version": Name("info.protocol"),
}

FAMILY = Family(
    maker="Decentlab",
    models=("DL-MBX",),
    read=read,
    names=NAMES,
    source="decentlab/decentlab-decoders, DL-MBX; DL-MBX datasheet",
    port=1,
    self_compensating=True,
)
