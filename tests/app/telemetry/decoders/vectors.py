"""Payloads that the makers and their networks publish, each with its source and what it says there."""

from typing import NamedTuple

from app.telemetry.decoders.decoded import Alarm, Reading

MILESIGHT = "Milesight-IoT/SensorDecoders, em-series/{}/README.md, Example"
MILESIGHT_GUIDE = "Milesight EM400-MUD/TLD user guide, Uplink Data, examples"
DINGTEK = "TheThingsNetwork/lorawan-devices, vendor/dingtek/{}-codec.yaml, examples"
WILSEN = "TheThingsNetwork/lorawan-devices, vendor/pepperl-fuchs/wilsen-sonic-level-codec.yaml, examples"
DECENTLAB = "decentlab/decentlab-decoders, DL-MBX/DL-MBX.py, payloads; DL-MBX datasheet, examples"
DRAGINO = "TheThingsNetwork/lorawan-devices, vendor/dragino/ldds75-codec.yaml, examples"
ELSYS = "TheThingsNetwork/lorawan-devices, vendor/elsys/{}-codec.yaml, examples"


class Vector(NamedTuple):
    """A published payload of which the current reading is known."""

    model: str
    payload: str
    f_port: int | None
    source: str
    reading: Reading


def _elt(**more: object) -> Reading:
    acceleration = {"acceleration_x_g": 0.016, "acceleration_y_g": 0.619, "acceleration_z_g": 0.079}
    extras = {"humidity_pct": 41, **acceleration, "pressure_hpa": 100729.105}
    return Reading(temperature_c=22.6, extras=extras, **more)  # type: ignore[arg-type]


def _bin(*, position: bool, count: int) -> Reading:
    alarms = {Alarm.FULL: False, Alarm.FIRE: False, Alarm.TILT: False, Alarm.BATTERY: False}
    place = {"longitude_deg": 116.5074, "latitude_deg": 40.039} if position else {}
    return Reading(
        distance_mm=2000, temperature_c=25, tilt_deg=0, tilted=False, alarms=alarms, extras={"angle_deg": 0, "frame_count": count}, **place
    )


EM400 = Reading(battery_pct=92, temperature_c=25.7, distance_mm=2116, tilted=True)
EM400_ALARM = Reading(temperature_c=23.2, distance_mm=1601, alarms={Alarm.TEMPERATURE: True, Alarm.DISTANCE: True})
EM400_GUIDE = Reading(battery_pct=100, temperature_c=24.8, distance_mm=257, tilted=False)
EM400_NB = (
    "020001005f00000001303130313031313036373439443139303534363930303331383638353038303634383037333530343630303433323234323133313130"
    "383938363034313231303232373030363238353709000e01756403670b0104823b01050001"
)
GPS = {"latitude_deg": 49.545327, "longitude_deg": 8.467309}

VECTORS: tuple[Vector, ...] = (
    Vector(
        "EM310-UDL", "01755C 03824408 040001", 85, MILESIGHT.format("em310-udl"), Reading(battery_pct=92, distance_mm=2116, tilted=True)
    ),
    Vector("EM400-MUD", "01755C 03670101 04824408 050001", 85, MILESIGHT.format("em400-mud"), EM400),
    Vector("EM400-MUD", "8367e80001 8482410601", 85, MILESIGHT.format("em400-mud"), EM400_ALARM),
    Vector("EM400-MUD", "017564 0367f800 04820101 050000", 85, MILESIGHT_GUIDE, EM400_GUIDE),
    Vector("EM400-MUD", "8482330701", 85, MILESIGHT_GUIDE, Reading(distance_mm=1843, alarms={Alarm.DISTANCE: True})),
    Vector("EM400-MUD", "8367220101", 85, MILESIGHT_GUIDE, Reading(temperature_c=29, alarms={Alarm.TEMPERATURE: True})),
    Vector("EM400-TLD", "01755C 03670101 04824408 050001", 85, MILESIGHT.format("em400-tld"), EM400),
    Vector("EM400-TLD", "8367e80001 8482410601", 85, MILESIGHT.format("em400-tld"), EM400_ALARM),
    Vector(
        "EM400-TLD",
        EM400_NB,
        None,
        MILESIGHT.format("em400-tld") + " (NB-IoT)",
        Reading(battery_pct=100, temperature_c=26.7, distance_mm=315, tilted=True, signal_dbm=-95),
    ),
    Vector("EM500-UDL", "017564 03821E00", 85, MILESIGHT.format("em500-udl"), Reading(battery_pct=100, distance_mm=30)),
    Vector("DF702", "80 00 01 01 11 07 D0 00 19 00 00 00 00 00 00 00 81", 3, DINGTEK.format("df702"), _bin(position=False, count=0)),
    Vector(
        "DF702",
        "80 00 01 01 19 07 D0 01 CD 03 E9 42 EF 27 20 42 19 00 00 00 00 00 00 00 81",
        3,
        DINGTEK.format("df702"),
        _bin(position=True, count=0),
    ),
    Vector("DF703", "80 00 01 01 11 07 D0 00 19 00 00 00 00 00 01 00 81", 3, DINGTEK.format("df703"), _bin(position=False, count=1)),
    Vector(
        "DF703",
        "80 00 01 01 19 07 D0 01 CD 03 E9 42 EF 27 20 42 19 00 00 00 00 00 01 00 81",
        3,
        DINGTEK.format("df703"),
        _bin(position=True, count=1),
    ),
    Vector(
        "DF703",
        "80 00 01 02 19 07 D0 01 CD 03 E9 42 EF 27 20 42 19 00 00 00 00 00 01 00 81",
        3,
        "cndingtek/Chirpstack_codec, Chirpstack_DF703_script_V1.0.js, test input",
        _bin(position=True, count=1),
    ),
    Vector(
        "WILSEN.sonic.level",
        "040B010031 030B065D 06020141A66666 03510122",
        1,
        WILSEN,
        Reading(distance_mm=490, fill_pct=93, temperature_c=20.8, battery_v=3.4),
    ),
    Vector(
        "WILSEN.sonic.level",
        "040B0206B6 030B063C 06020141B5999A 03510124",
        1,
        WILSEN,
        Reading(distance_mm=1718, fill_pct=60, temperature_c=22.7, battery_v=3.6),
    ),
    Vector(
        "WILSEN.sonic.level",
        "040B010021 030B0664 06020141C8947D 03510126 06500102F4006F 0650020081336D",
        1,
        WILSEN,
        Reading(distance_mm=330, fill_pct=100, temperature_c=25.0725, battery_v=3.8, **GPS),
    ),
    Vector(
        "WILSEN.sonic.level",
        "040B0206B6 030B063C 06020141B5999A 03510124 06500102F4006F 0650020081336D",
        1,
        WILSEN,
        Reading(distance_mm=1718, fill_pct=60, temperature_c=22.7, battery_v=3.6, **GPS),
    ),
    Vector(
        "WILSEN.sonic.level",
        "102A253438303030303030363330363832 04310102C0 0431020000 06310300000173 03510124",
        1,
        WILSEN,
        Reading(battery_v=3.6, extras={"lora_count": 704, "gps_count": 0, "measurement_count": 371}),
    ),
    Vector("DL-MBX", "02012f000304d200010bb1", 1, DECENTLAB, Reading(distance_mm=1234, battery_v=2.993, extras={"valid_samples": 1})),
    Vector("DL-MBX", "02012f00020bb1", 1, DECENTLAB, Reading(battery_v=2.993)),
    Vector("LDDS75", "0E1C0B05", 2, DRAGINO, Reading(battery_v=3.612, no_echo=True)),
    Vector("ELT-2", "01 00E2 02 29 03 012705 14 06010111", 1, ELSYS.format("elt-2"), _elt()),
    Vector(
        "ELT-Ultrasonic",
        "01 00E2 02 29 03 012705 14 06010111 0E 2311",
        1,
        ELSYS.format("elt-ultrasonic"),
        _elt(distance_mm=8977),
    ),
    Vector(
        "ELT-2",
        "0100F6021B030FFF3E070E250C00F30F0014000EA36E",
        5,
        "a captured frame in the comments of a public Elsys message converter",
        Reading(
            temperature_c=24.6,
            battery_v=3.621,
            extras={
                "humidity_pct": 27,
                "acceleration_x_g": 0.238,
                "acceleration_y_g": -0.016,
                "acceleration_z_g": 0.984,
                "external_temperature_c": 24.3,
                "acceleration_count": 0,
                "pressure_hpa": 959.342,
            },
        ),
    ),
)
"""Every payload that was found in public with its meaning."""

NO_MEASUREMENT: tuple[tuple[str, str, int, str], ...] = (
    ("EM400-MUD", "ff0bff ff0101 ff166329c42503920003 ff090100 ff0a0101 ff0f00", 85, MILESIGHT_GUIDE),
    ("DF702", "80 00 01 03 19 01 04 18 01 1E 4B 1E 00 00 00 00 00 00 00 00 00 00 00 00 81", 3, DINGTEK.format("df702")),
    ("DF703", "80 00 01 03 19 01 04 18 01 1E 4B 1E 00 00 00 00 00 00 00 00 00 00 00 00 81", 3, DINGTEK.format("df703")),
    ("DF703", "80 00 01 02 0D 01 02 18 0A 14 19 00 81", 3, "cndingtek/Chirpstack_codec, Chirpstack_DF703_script_V1.0.js, test input"),
)
"""Published frames that say nothing of a container: joining, and answers to downlinks."""
