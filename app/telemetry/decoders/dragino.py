"""Dragino LDDS75: battery, distance, interrupt flag and, from firmware 1.1.4 on, a probe's temperature and a sensor flag; big-endian."""

from app.telemetry.decoders.cursor import Cursor
from app.telemetry.decoders.draft import Draft, Frame
from app.telemetry.decoders.errors import DecodeError
from app.telemetry.decoders.family import Family
from app.telemetry.decoders.given import Name

DATA_PORT, STATUS_PORT = 2, 5
FULL_BYTES, OLD_BYTES = 8, 5
SENSORLESS_BYTES = (3, 4)
NEAREST_MM = 280
BATTERY_BITS = 0x3FFF
PROBE_C = (-55, 125)
MV_PER_V = 1000


def read(payload: bytes, frame: Frame, f_port: int | None = None) -> None:
    """Read one frame; old firmware leaves the distance out where no sensor is plugged in."""
    if f_port == STATUS_PORT:
        frame.device_info["status"] = payload.hex()
        return
    if len(payload) not in (FULL_BYTES, OLD_BYTES, *SENSORLESS_BYTES):
        raise DecodeError("a frame of 8 bytes, or of 3 to 5 from old firmware", str(len(payload)), offset=min(len(payload), FULL_BYTES))
    cursor, draft = Cursor(payload, "big"), frame.draft
    draft.put("battery_v", (cursor.unsigned(2, "battery") & BATTERY_BITS) / MV_PER_V)
    if len(payload) in SENSORLESS_BYTES:
        draft.put_no_echo("no distance sensor is plugged in")
    else:
        _put_distance(cursor.unsigned(2, "distance"), draft)
        draft.put("extra.interrupt", bool(cursor.unsigned(1, "interrupt flag")))
    if len(payload) == FULL_BYTES:
        _read_probe(cursor, draft)


def _put_distance(distance_mm: int, draft: Draft) -> None:
    """0: no sensor. Below 280 mm the sensor cannot measure; newer firmware then reports 20."""
    if distance_mm == 0:
        draft.put_no_echo("no distance sensor answers")
    elif distance_mm < NEAREST_MM:
        draft.put_no_echo(f"{distance_mm} mm: nearer than the {NEAREST_MM} mm that the sensor measures from, or no usable echo")
    else:
        draft.put_distance(distance_mm)


def _read_probe(cursor: Cursor, draft: Draft) -> None:
    celsius = cursor.signed(2, "temperature") / 10
    if PROBE_C[0] <= celsius <= PROBE_C[1]:
        draft.put("temperature_c", celsius)
    if not cursor.unsigned(1, "sensor flag") and "distance_mm" in draft.values:
        draft.put_no_echo("the sensor flag says that no distance sensor is plugged in")


NAMES: dict[str, Name] = {
    "Distance": Name("distance_mm", "mm", words={"No Sensor": "no_echo", "Invalid Reading": "no_echo"}),
    "distance": Name("distance_mm", "mm", words={"No Sensor": "no_echo", "Invalid Reading": "no_echo"}),
    "Bat": Name("battery_v", "V"),
    "BatV": Name("battery_v", "V"),
    "TempC_DS18B20": Name("temperature_c", "°C"),
    "Interrupt_flag": Name("extra.interrupt"),
    "Interrupt_status": Name("extra.interrupt"),
    "Sensor_flag": Name("extra.sensor_flag"),
    "Node_type": Name("info.node_type"),
}

FAMILY = Family(
    maker="Dragino",
    models=("LDDS75",),
    read=read,
    names=NAMES,
    source="LDDS75 user manual, chapter Uplink Payload; dragino/dragino-end-node-decoder, LDDS75",
    port=DATA_PORT,
    other_ports=frozenset({STATUS_PORT}),
    port_is_fixed=True,
    self_compensating=True,
)
