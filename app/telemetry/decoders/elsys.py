"""Elsys ELT series: a chain of values, each under a type byte, big-endian.

The upper two bits of the type byte say how many bytes of time offset come before the value: it was measured so many sampling periods
before the frame. Values of one offset make one reading. Type 0x3E carries the device's settings, on the port after that of its data.
"""

from collections.abc import Callable
from typing import NamedTuple

from app.telemetry.decoders.cursor import Cursor
from app.telemetry.decoders.draft import Draft, Frame
from app.telemetry.decoders.errors import DecodeError
from app.telemetry.decoders.family import Family
from app.telemetry.decoders.given import Name

OFFSET_SHIFT, TYPE_BITS = 6, 0x3F
LONGEST_OFFSET = 2
SETTINGS = 0x3E
COUNTS_PER_G = 63
MV_PER_V = 1000


class Value(NamedTuple):
    """A type's value: how many bytes, what it is, and how it goes into a record."""

    length: int
    what: str
    put: Callable[[bytes, Draft], None]


def _unsigned(target: str, divisor: int = 1) -> Callable[[bytes, Draft], None]:
    return lambda raw, draft: draft.put(target, int.from_bytes(raw, "big") / divisor if divisor > 1 else int.from_bytes(raw, "big"))


def _signed(target: str, divisor: int = 1) -> Callable[[bytes, Draft], None]:
    def put(raw: bytes, draft: Draft) -> None:
        value = int.from_bytes(raw, "big", signed=True)
        draft.put(target, value / divisor if divisor > 1 else value)

    return put


def _acceleration(raw: bytes, draft: Draft) -> None:
    for axis, value in zip("xyz", raw, strict=True):
        signed = value - 256 if value > 127 else value
        draft.put(f"extra.acceleration_{axis}_g", round(signed / COUNTS_PER_G, 3))


def _infrared(raw: bytes, draft: Draft) -> None:
    draft.put("extra.infrared_internal_c", int.from_bytes(raw[:2], "big", signed=True) / 10)
    draft.put("extra.infrared_external_c", int.from_bytes(raw[2:], "big", signed=True) / 10)


def _hex(target: str) -> Callable[[bytes, Draft], None]:
    return lambda raw, draft: draft.put(target, raw.hex())


def _sound(raw: bytes, draft: Draft) -> None:
    draft.put("extra.sound_peak_db", raw[0])
    draft.put("extra.sound_mean_db", raw[1])


VALUES: dict[int, Value] = {
    0x01: Value(2, "temperature", _signed("temperature_c", 10)),
    0x02: Value(1, "humidity", _unsigned("extra.humidity_pct")),
    0x03: Value(3, "acceleration", _acceleration),
    0x04: Value(2, "light", _unsigned("extra.light_lux")),
    0x05: Value(1, "motion", _unsigned("extra.motion_count")),
    0x06: Value(2, "CO2", _unsigned("extra.co2_ppm")),
    0x07: Value(2, "battery", _unsigned("battery_v", MV_PER_V)),
    0x08: Value(2, "analog input 1", _unsigned("extra.analog1_mv")),
    0x09: Value(6, "position", _hex("extra.gps_raw")),
    0x0A: Value(2, "pulses 1", _unsigned("extra.pulses1_count")),
    0x0B: Value(4, "pulses 1, absolute", _unsigned("extra.pulses1_total")),
    0x0C: Value(2, "external temperature", _signed("extra.external_temperature_c", 10)),
    0x0D: Value(1, "digital input", _unsigned("extra.digital1")),
    0x0E: Value(2, "distance", _unsigned("distance_mm")),
    0x0F: Value(1, "acceleration events", _unsigned("extra.acceleration_count")),
    0x10: Value(4, "infrared temperatures", _infrared),
    0x11: Value(1, "occupancy", _unsigned("extra.occupancy")),
    0x12: Value(1, "water leak", _unsigned("extra.water_leak")),
    0x13: Value(65, "infrared picture", _hex("extra.infrared_picture")),
    0x14: Value(4, "pressure", _unsigned("extra.pressure_hpa", 1000)),
    0x15: Value(2, "sound", _sound),
    0x16: Value(2, "pulses 2", _unsigned("extra.pulses2_count")),
    0x17: Value(4, "pulses 2, absolute", _unsigned("extra.pulses2_total")),
    0x18: Value(2, "analog input 2", _unsigned("extra.analog2_mv")),
    0x19: Value(2, "external temperature 2", _signed("extra.external_temperature2_c", 10)),
    0x1A: Value(1, "digital input 2", _unsigned("extra.digital2")),
    0x1B: Value(4, "load cell", _signed("extra.load_cell_uv")),
    0x1C: Value(2, "TVOC", _unsigned("extra.tvoc_ppb")),
    0x3D: Value(4, "debug", _hex("extra.debug")),
}


def read(payload: bytes, frame: Frame, _f_port: int | None = None) -> None:
    """Read all values of a payload."""
    cursor = Cursor(payload, "big")
    drafts: dict[int, Draft] = {0: frame.draft}
    while cursor.left:
        at = cursor.offset
        header = cursor.unsigned(1, "type")
        kind = header & TYPE_BITS
        if kind == SETTINGS:
            frame.settings["settings"] = cursor.rest().hex()
        else:
            _read_value(cursor, kind, _offset(cursor, header >> OFFSET_SHIFT, at), at, drafts, frame)
    frame.others += [draft.reading() for periods, draft in sorted(drafts.items()) if periods and draft]


def _offset(cursor: Cursor, length: int, at: int) -> int:
    if length > LONGEST_OFFSET:
        raise DecodeError("a time offset of at most 2 bytes (upper bits of the type)", str(length), offset=at)
    return cursor.unsigned(length, "time offset") if length else 0


def _read_value(cursor: Cursor, kind: int, periods: int, at: int, drafts: dict[int, Draft], frame: Frame) -> None:
    value = VALUES.get(kind)
    if value is not None:
        raw = cursor.take(value.length, value.what)
        value.put(raw, _draft_of(periods, drafts, frame))
    elif any(drafts.values()):
        frame.unknown[f"type_{kind:02x}_at_{at}"] = cursor.rest().hex()
        frame.warnings.append(f"type {kind:02X} at byte {at} is not known: what follows it was not read")
    else:
        raise DecodeError("a type of the Elsys payload (01 temperature, 0E distance, …)", f"{kind:02X}", offset=at)


def _draft_of(periods: int, drafts: dict[int, Draft], frame: Frame) -> Draft:
    if periods not in drafts:
        drafts[periods] = frame.fresh()
        drafts[periods].values["age_periods"] = periods
    return drafts[periods]


NAMES: dict[str, Name] = {
    "temperature": Name("temperature_c", "°C"),
    "distance": Name("distance_mm", "mm"),
    "vdd": Name("battery_v", "mV", 1 / MV_PER_V),
    "humidity": Name("extra.humidity_pct", "%"),
    "x": Name("extra.acceleration_x_g", "1/63 g", 1 / COUNTS_PER_G),
    "y": Name("extra.acceleration_y_g", "1/63 g", 1 / COUNTS_PER_G),
    "z": Name("extra.acceleration_z_g", "1/63 g", 1 / COUNTS_PER_G),
    "accMotion": Name("extra.acceleration_count"),
    "externalTemperature": Name("extra.external_temperature_c", "°C"),
    "pressure": Name("extra.pressure_hpa", "hPa"),
    "light": Name("extra.light_lux", "lux"),
    "motion": Name("extra.motion_count"),
    "analog1": Name("extra.analog1_mv", "mV"),
    "analog2": Name("extra.analog2_mv", "mV"),
    "digital": Name("extra.digital1"),
    "digital2": Name("extra.digital2"),
    "waterleak": Name("extra.water_leak"),
    "occupancy": Name("extra.occupancy"),
}

FAMILY = Family(
    maker="Elsys",
    models=("ELT", "ELT-1", "ELT-2", "ELT-Lite", "ELT-Ultrasonic"),
    read=read,
    names=NAMES,
    source="Elsys LoRa payload v8; NFC settings specification; TheThingsNetwork/lorawan-devices, vendor/elsys/elsys.js",
    port=5,
)
