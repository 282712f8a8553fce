"""A frame while it is read: what no sensor can have meant is left out with a warning, never passed on."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from app.telemetry.decoders.decoded import Alarm, Decoded, Kind, Reading, Scalar

RANGES: dict[str, tuple[float, float]] = {
    "distance_mm": (0, 20_000),
    "fill_pct": (-100, 300),
    "temperature_c": (-80, 1_200),
    "battery_v": (0, 100),
    "battery_pct": (0, 100),
    "tilt_deg": (0, 180),
    "latitude_deg": (-90, 90),
    "longitude_deg": (-180, 180),
    "signal_dbm": (-200, 50),
}
"""What a figure can have meant; figures that ingest takes as well have its ranges."""

NO_ECHO_FROM_MM = 0xFFFD
"""The probes that most makers build in report these three where they hear nothing, or too much: FFFD, FFFE, FFFF."""

FLAGS = frozenset({"tilted"})
ALARM, EXTRA = "alarm.", "extra."
TARGETS: tuple[str, ...] = (*RANGES, *sorted(FLAGS), *(f"{ALARM}{alarm}" for alarm in Alarm))
"""Where a value can go; beside these, `extra.<name>`."""

FIRST_YEAR = 2010
"""Device clocks that were never set begin before."""


@dataclass(slots=True)
class Draft:
    """One record while it is read."""

    warnings: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    alarms: dict[Alarm, bool] = field(default_factory=dict)
    extras: dict[str, Scalar] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.alarms or self.extras)

    def put(self, target: str, value: Scalar) -> None:
        """Keep a value under one of TARGETS or `extra.<name>`."""
        if target.startswith(ALARM):
            self.alarms[Alarm(target.removeprefix(ALARM))] = bool(value)
        elif target.startswith(EXTRA):
            self._put_extra(target.removeprefix(EXTRA), value)
        elif target in FLAGS:
            self.values[target] = bool(value)
        elif target == "distance_mm":
            self.put_distance(float(value))
        else:
            self._put_figure(target, float(value))

    def put_distance(self, distance_mm: float) -> None:
        """A distance, or one of the values that say there was none."""
        if NO_ECHO_FROM_MM <= distance_mm <= 0xFFFF:
            self.put_no_echo("")
        elif isfinite(distance_mm) and RANGES["distance_mm"][0] <= distance_mm <= RANGES["distance_mm"][1]:
            self.values["distance_mm"] = _whole(distance_mm)
            self.values.pop("no_echo", None)
        else:
            self.put_no_echo(f"a distance of {distance_mm:g} mm is none that a sensor measures")

    def put_no_echo(self, why: str) -> None:
        """The device measured and got no usable distance."""
        self.values.pop("distance_mm", None)
        self.values["no_echo"] = True
        if why:
            self.warnings.append(why)

    def put_alarm(self, alarm: Alarm, status: int, what: str) -> None:
        """A status byte: 0 released, 1 raised."""
        if status in (0, 1):
            self.alarms[alarm] = bool(status)
        else:
            self.warnings.append(f"{what} has the unknown state {status}")

    def put_position(self, latitude_deg: float, longitude_deg: float) -> None:
        """A fix; 0, 0 and what lies off the globe are none."""
        if (latitude_deg, longitude_deg) == (0, 0) or not (abs(latitude_deg) <= 90 and abs(longitude_deg) <= 180):
            self.warnings.append(f"{latitude_deg:g}, {longitude_deg:g} is no position fix")
        else:
            self.values |= {"latitude_deg": latitude_deg, "longitude_deg": longitude_deg}

    def put_time(self, observed_at: datetime | None, what: str) -> None:
        """The device's own clock, if it was ever set."""
        if observed_at is None or observed_at.year < FIRST_YEAR:
            self.warnings.append(f"{what} was never set")
        else:
            self.values["observed_at"] = observed_at

    def reading(self, *, is_history: bool = False) -> Reading:
        """The finished record."""
        return Reading(**self.values, alarms=self.alarms, extras=self.extras, is_history=is_history)

    def _put_extra(self, name: str, value: Scalar) -> None:
        if isinstance(value, float) and not isfinite(value):
            self.warnings.append(f"{name} of {value:g} is none that can be meant")
        else:
            self.extras[name] = value

    def _put_figure(self, target: str, value: float) -> None:
        low, high = RANGES[target]
        if isfinite(value) and low <= value <= high:
            self.values[target] = int(value) if target == "signal_dbm" else _whole(value)
        else:
            self.warnings.append(f"{target} of {value:g} is none that can be meant")


@dataclass(slots=True)
class Frame:
    """A frame while it is read; `draft` is its current record."""

    model: str
    warnings: list[str] = field(default_factory=list)
    draft: Draft = field(init=False)
    others: list[Reading] = field(default_factory=list)
    protocol: str = ""
    device_info: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draft = Draft(self.warnings)

    def __bool__(self) -> bool:
        """Whether anything at all has been understood."""
        return bool(self.draft or self.others or self.protocol or self.device_info or self.settings)

    def fresh(self) -> Draft:
        """A draft for another record."""
        return Draft(self.warnings)

    def done(self) -> Decoded:
        """The finished frame."""
        current = (self.draft.reading(),) if self.draft else ()
        readings = (*current, *self.others)
        kind = (
            Kind.MEASUREMENT
            if readings
            else Kind.SETTINGS
            if self.settings
            else Kind.DEVICE_INFO
            if self.device_info or self.protocol
            else Kind.NOTHING
        )
        return Decoded(
            self.model, kind, readings, self.protocol, self.device_info, self.settings, self.unknown, tuple(dict.fromkeys(self.warnings))
        )


def from_epoch(seconds: int) -> datetime:
    """Unix seconds as an aware instant."""
    return datetime.fromtimestamp(seconds, UTC)


def _whole(value: float) -> float:
    """An int where the value is one, so that 2116 mm does not become 2116.0."""
    return int(value) if value == int(value) else value
