"""What a decoder hands back: readings, what the frame says of its device, and what could not be understood."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Scalar = bool | int | float | str


class Kind(StrEnum):
    """What a frame is about. Only a measurement says something of a container."""

    MEASUREMENT = "measurement"
    SETTINGS = "settings"
    """The answer to a downlink, or the device's configuration."""
    DEVICE_INFO = "device_info"
    """Serial number, versions, a request for the time: sent when a device joins."""
    NOTHING = "nothing"
    """An empty frame, or one of the network itself."""


class Alarm(StrEnum):
    """What a device may raise by itself."""

    BATTERY = "battery"
    DISTANCE = "distance"
    """The distance crossed the threshold set in the device."""
    DISTANCE_JUMP = "distance_jump"
    FIRE = "fire"
    FULL = "full"
    MOVED = "moved"
    TEMPERATURE = "temperature"
    TILT = "tilt"


@dataclass(frozen=True, slots=True)
class Reading:
    """One record of a frame. None is what the device did not say; a distance that it could not measure is `no_echo`.

    Parameters
    ----------
    distance_mm
        From the sensor down to the waste.
    no_echo
        The device measured and got no usable distance.
    fill_pct
        Fill as the device works it out by its own settings, percent.
    temperature_c
        At the sensor, °C.
    battery_v, battery_pct
        Volts, or percent of what is left: whichever the device reports.
    tilted
        Whether the device says that it no longer stands upright.
    tilt_deg
        Angle against upright, degrees.
    latitude_deg, longitude_deg
        WGS 84; both or neither.
    signal_dbm
        Strength of the radio signal as the device heard it.
    alarms
        What the device raises (True) or takes back (False).
    observed_at
        The device's own clock, UTC; None: the frame came when it was measured.
    age_periods
        How many of the device's sampling periods before the frame it was measured; None: the payload has no offset.
    is_history
        A stored record that is sent, maybe once more, beside the current one.
    extras
        Everything else by name, unit at the end of the name.
    """

    distance_mm: float | None = None
    no_echo: bool = False
    fill_pct: float | None = None
    temperature_c: float | None = None
    battery_v: float | None = None
    battery_pct: float | None = None
    tilted: bool | None = None
    tilt_deg: float | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    signal_dbm: int | None = None
    alarms: Mapping[Alarm, bool] = field(default_factory=dict)
    observed_at: datetime | None = None
    age_periods: int | None = None
    is_history: bool = False
    extras: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def has_level(self) -> bool:
        """Whether it says how full the container is, or that this could not be measured."""
        return self.no_echo or self.distance_mm is not None or self.fill_pct is not None


@dataclass(frozen=True, slots=True)
class Decoded:
    """All that a frame says.

    Parameters
    ----------
    model
        As the registry, or the profile, names it.
    kind
        What the frame is about; other than MEASUREMENT, `readings` is empty.
    readings
        The current one first, then others as the frame has them.
    protocol
        Version of the payload's format where the frame states one.
    device_info
        Serial number, versions and the like.
    settings
        What an answer or a configuration frame says, values in hex.
    unknown
        Channels that the decoder does not know, by name; values in hex.
    warnings
        What was dropped and why, in an operator's words.
    """

    model: str
    kind: Kind
    readings: tuple[Reading, ...] = ()
    protocol: str = ""
    device_info: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def is_measurement(self) -> bool:
        """False for acknowledgements, configuration and join frames: nothing to store, and no error."""
        return self.kind is Kind.MEASUREMENT
