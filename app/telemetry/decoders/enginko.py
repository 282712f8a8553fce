"""enginko level sensors (EGK-LW20 and kin): message 0x14 in four types, and the request for the time; little-endian."""

from datetime import UTC, datetime

from app.telemetry.decoders.cursor import Cursor
from app.telemetry.decoders.draft import Draft, Frame
from app.telemetry.decoders.errors import DecodeError
from app.telemetry.decoders.family import Family
from app.telemetry.decoders.given import Name, states

TIME_SYNC, LEVEL = 0x01, 0x14
PLAIN, WITH_FILL, WITH_CLIMATE, WITH_FILL_AND_CLIMATE = range(4)
LARGEST_DISTANCE_MM = 60_000
FIRST_YEAR = 2000


def read(payload: bytes, frame: Frame, _f_port: int | None = None) -> None:
    """Read one message."""
    cursor = Cursor(payload, "little")
    message = cursor.unsigned(1, "message id")
    if message == TIME_SYNC:
        _read_time_request(cursor, frame)
    elif message == LEVEL:
        _read_level(cursor, frame)
    else:
        raise DecodeError("message 0x14 (level) or 0x01 (request for the time)", f"0x{message:02X}", offset=0)


def _read_time_request(cursor: Cursor, frame: Frame) -> None:
    frame.device_info["sync_id"] = cursor.take(4, "sync id").hex()
    frame.protocol = ".".join(f"{part:02x}" for part in cursor.take(3, "sync version"))
    frame.device_info["application_type"] = cursor.take(2, "application type").hex()
    frame.device_info["option"] = cursor.rest().hex()


def _read_level(cursor: Cursor, frame: Frame) -> None:
    draft = frame.draft
    kind = cursor.unsigned(1, "level type")
    if kind > WITH_FILL_AND_CLIMATE:
        raise DecodeError("level type 0 to 3", str(kind), offset=1)
    draft.put_time(_to_instant(cursor.unsigned(4, "date")), "the device's clock")
    draft.put("extra.adc_mv", cursor.unsigned(2, "ADC"))
    cursor.take(2, "reserved bytes")
    _put_distance(cursor.unsigned(2, "distance"), draft)
    if kind in (WITH_FILL, WITH_FILL_AND_CLIMATE):
        draft.put("fill_pct", cursor.unsigned(1, "fill level"))
    if kind != PLAIN:
        draft.put("temperature_c", cursor.signed(2, "temperature") / 100)
    if kind in (WITH_CLIMATE, WITH_FILL_AND_CLIMATE):
        draft.put("extra.humidity_pct", cursor.unsigned(1, "humidity") / 2)
        draft.put("extra.pressure_hpa", cursor.unsigned(3, "pressure") / 100)
    if cursor.left:
        draft.put("battery_pct", cursor.unsigned(1, "battery"))
    cursor.finish()


def _put_distance(distance_mm: int, draft: Draft) -> None:
    if distance_mm > LARGEST_DISTANCE_MM:
        draft.put_no_echo(f"the sensor reports error {distance_mm} instead of a distance")
    else:
        draft.put_distance(distance_mm)


def _to_instant(packed: int) -> datetime | None:
    """Seven bits of years since 2000, four of month, five of day, five of hour, six of minute, five of seconds / 2; None: no date."""
    date = (FIRST_YEAR + (packed >> 25), packed >> 21 & 0xF, packed >> 16 & 0x1F)
    time = (packed >> 11 & 0x1F, packed >> 5 & 0x3F, (packed & 0x1F) * 2)
    try:
        return datetime(*date, *time, tzinfo=UTC)
    except ValueError:
        return None


NAMES: dict[str, Name] = {
    "distance1": Name("distance_mm", "mm"),
    "fillLevel": Name("fill_pct", "%"),
    "temperature": Name("temperature_c", "°C"),
    "humidity": Name("extra.humidity_pct", "%"),
    "pressure": Name("extra.pressure_hpa", "hPa"),
    "battery": Name("battery_pct", "%"),
    "ADC": Name("extra.adc_mv", "mV"),
    "type": Name("info.level_type"),
    "date": Name("info.local_date"),
    "syncID": Name("info.sync_id"),
    "syncVersion": Name("info.protocol"),
    **states("applicationType rfu"),
}

FAMILY = Family(
    maker="enginko",
    models=("EGK-LW20", "EGK-LW20L00", "EGK-LW20L10", "EGK-LW20LT00", "EGK-LW20W00", "EGK-LW20WT00"),
    read=read,
    names=NAMES,
    source="enginko data frame format, chapters 1.1 and 1.14; TheThingsNetwork/lorawan-devices, vendor/enginko/decoder-level.js",
)
