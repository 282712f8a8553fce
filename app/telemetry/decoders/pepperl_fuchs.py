"""Pepperl+Fuchs WILSEN.sonic.level.

A payload is a chain of packages: length of what follows, a 16 bit identifier, the value, big-endian. Identifiers F1xx to F5xx answer
downlinks.
"""

from collections.abc import Callable
from typing import NamedTuple

from app.telemetry.decoders.cursor import Cursor, count_bytes
from app.telemetry.decoders.draft import Draft, Frame
from app.telemetry.decoders.errors import DecodeError
from app.telemetry.decoders.family import Family
from app.telemetry.decoders.given import Name, states

ID_BYTES = 2
SERIAL_NUMBER, LATITUDE, LONGITUDE, DISTANCE_CM, DISTANCE_MM = 0x2A25, 0x5001, 0x5002, 0x0B01, 0x0B02
ANSWERS = range(0xF1, 0xF6)
MM_PER_CM = 10


class Package(NamedTuple):
    """A value by its identifier: how many bytes, what it is, where it goes, and how it is read."""

    length: int
    what: str
    target: str
    read: Callable[[Cursor, str], float]


def _unsigned(length: int) -> Callable[[Cursor, str], float]:
    return lambda cursor, what: cursor.unsigned(length, what)


def _tenths(cursor: Cursor, what: str) -> float:
    return cursor.unsigned(1, what) / 10


def _millionths(cursor: Cursor, what: str) -> float:
    return cursor.signed(4, what) / 1e6


PACKAGES: dict[int, Package] = {
    0x0201: Package(4, "temperature", "temperature_c", Cursor.float32),
    DISTANCE_CM: Package(2, "proximity in cm", "distance_mm", _unsigned(2)),
    DISTANCE_MM: Package(2, "proximity in mm", "distance_mm", _unsigned(2)),
    0x0B06: Package(1, "fill level", "fill_pct", _unsigned(1)),
    0x0B07: Package(1, "amplitude", "extra.amplitude", _unsigned(1)),
    0x3101: Package(2, "transmission counter", "extra.lora_count", _unsigned(2)),
    0x3102: Package(2, "position counter", "extra.gps_count", _unsigned(2)),
    0x3103: Package(4, "measurement counter", "extra.measurement_count", _unsigned(4)),
    LATITUDE: Package(4, "latitude", "latitude_deg", _millionths),
    LONGITUDE: Package(4, "longitude", "longitude_deg", _millionths),
    0x5101: Package(1, "battery", "battery_v", _tenths),
}


def read(payload: bytes, frame: Frame, _f_port: int | None = None) -> None:
    """Read all packages of a payload; a distance in millimetres counts more than the same in centimetres."""
    cursor = Cursor(payload, "big")
    values: dict[int, float] = {}
    while cursor.left:
        package = _next_package(cursor)
        identifier = package.unsigned(ID_BYTES, "identifier")
        known = PACKAGES.get(identifier)
        if known is None:
            _keep(identifier, package.rest(), frame)
        elif package.left != known.length:
            raise DecodeError(f"{count_bytes(known.length)} of {known.what}", str(package.left), offset=package.offset)
        else:
            values[identifier] = known.read(package, known.what)
    _put_all(values, frame.draft)


def _next_package(cursor: Cursor) -> Cursor:
    """A cursor over the next package alone; its offsets stay those of the payload."""
    at = cursor.offset
    length = cursor.unsigned(1, "package length")
    if length < ID_BYTES:
        raise DecodeError("a package length of 2 or more", str(length), offset=at)
    begin = cursor.offset
    cursor.take(length, "package")
    return Cursor(cursor.payload[: cursor.offset], "big", begin)


def _put_all(values: dict[int, float], draft: Draft) -> None:
    latitude, longitude = values.pop(LATITUDE, None), values.pop(LONGITUDE, None)
    if latitude is not None and longitude is not None:
        draft.put_position(latitude, longitude)
    distance_cm = values.pop(DISTANCE_CM, None)
    if distance_cm is not None and DISTANCE_MM not in values:
        _put_cm(int(distance_cm), draft)
    for identifier, value in values.items():
        draft.put(PACKAGES[identifier].target, value)


def _put_cm(distance_cm: int, draft: Draft) -> None:
    draft.put_distance(distance_cm if distance_cm >= 0xFFFD else distance_cm * MM_PER_CM)


def _keep(identifier: int, value: bytes, frame: Frame) -> None:
    if identifier == SERIAL_NUMBER:
        frame.device_info["serial_number"] = value.rstrip(b"\0").decode("ascii", "replace")
    elif identifier >> 8 in ANSWERS:
        frame.settings[f"answer_{identifier:04x}"] = value.hex()
    else:
        frame.unknown[f"package_{identifier:04x}"] = value.hex()


NAMES: dict[str, Name] = {
    "proxx": Name("distance_mm", "cm", MM_PER_CM),
    "proxx_mm": Name("distance_mm", "mm"),
    "fillinglvl": Name("fill_pct", "%"),
    "temp": Name("temperature_c", "°C"),
    "battery_vol": Name("battery_v", "V"),
    "latitude": Name("latitude_deg", "degrees"),
    "longitude": Name("longitude_deg", "degrees"),
    "amplitude": Name("extra.amplitude"),
    "lora_count": Name("extra.lora_count"),
    "gps_count": Name("extra.gps_count"),
    "us_sensor_count": Name("extra.measurement_count"),
    "serial_nr": Name("info.serial_number"),
    "hardware_revision": Name("info.hardware"),
    "firmware_revision": Name("info.firmware"),
    "part_number": Name("info.part_number"),
    **states("ble_enable device_name reset_counter factory_reset change_password gps_acquisition_active gps_acquisition_interval"),
    **states("gps_next_acquisition lora_message_type lora_number_of_transmission lora_spreading_factor lora_data_transmission_active"),
    **states("lora_transmission_interval lora_next_transmission lora_downlink_config lora_downlink_config_ack lora_sub_band"),
    **states("us_beam_width us_user_defined_burst_length us_user_defined_transmitting_power us_user_defined_sensitivity"),
    **states("us_full_distance us_empty_distance us_measurement_sequence_active us_evaluation_method us_measurements_per_sequence"),
    **states("us_at_intervals_of us_application_filter_active us_post_processing_filter us_additional_measurement"),
}

FAMILY = Family(
    maker="Pepperl+Fuchs",
    models=("WILSEN.sonic.level",),
    read=read,
    names=NAMES,
    source="Description of the Payload, WILSEN.sonic.level, tdoct7056; TheThingsNetwork/lorawan-devices, vendor/pepperl-fuchs",
    port=1,
)
