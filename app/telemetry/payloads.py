"""From a message to readings: which model a device is, what reads its payload, and by which clock each figure goes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.db import TenantSession
from app.errors import FieldProblem, Rejected
from app.reading import is_storable
from app.telemetry import source_queries
from app.telemetry.decoders import Decoded, DecodeError, Reading, decode, find_family
from app.telemetry.decoders.family import key_of
from app.telemetry.decoders.profile import Profile, decode_with, load_profile
from app.telemetry.envelopes import Message
from app.telemetry.models import Device, Source
from app.telemetry.readings import Outcome, ReadingIn, convert_item

OWN_CLOCK_TRUSTED = timedelta(hours=1)
"""The current reading was made when it was sent; a device that says otherwise by more has a clock that was never set."""

FIGURES = ("temperature_c", "tilt_deg", "battery_v", "battery_pct")
"""What a decoder's reading and ours call the same."""


class NothingToStore(Exception):
    """The message is well-formed and holds no figure of a container; says what it is."""


class Payloads:
    """Reads the messages of one source; the tenant's profiles are looked up when the first device needs one."""

    def __init__(self, session: TenantSession, source: Source, devices: Mapping[str, Device]) -> None:
        self._session, self._source, self._devices = session, source, devices
        self._profiles: dict[str, Profile] | None = None

    def to_readings(self, message: Message) -> tuple[list[ReadingIn | Outcome], tuple[str, ...]]:
        """The message's readings, and what was left out of them and why.

        Raises Rejected for a device or a payload that nobody knows, NothingToStore where there is nothing to be known.
        """
        device = self._device(message.device)
        decoded = self._decode(message, device)
        told = message.warnings + (decoded.warnings if decoded else ())
        found = decoded.readings if decoded else (message.reading,) if message.reading else ()
        if decoded and not decoded.is_measurement:
            raise NothingToStore(f"{str(decoded.kind).replace('_', ' ')}: no measurement")
        readings = [values for one in found if (values := _as_values(one, message, device)) is not None]
        if not readings:
            raise NothingToStore("; ".join(told) or "no figure that is kept")
        return [convert_item(values) for values in readings], told + _said_beside(found)

    def _device(self, uid: str) -> Device:
        device = self._devices.get(uid.upper()) if is_storable(uid) else None
        if device is None:
            raise _rejected(
                "device",
                f"{uid[:64]} is not registered",
                "Register it with POST /api/v1/devices.",
            )
        return device

    def _decode(self, message: Message, device: Device) -> Decoded | None:
        if message.reading is not None:
            return None
        if not message.payload and message.decoded is None:
            raise NothingToStore("a frame without a payload")
        model = self.model_of(device)
        try:
            if find_family(model):
                # bytes are preferred: what the network's codec made of them depends on somebody's script
                return decode(model, message.payload or message.decoded or b"", message.f_port)
            return decode_with(self._profile(model), self._bytes(message), message.f_port)
        except DecodeError as error:
            place = error.field or "payload"
            problem = f"cannot be read as {model}: {error}"
            raise _rejected(place, problem, "Check that the device is what the register says.") from error

    def model_of(self, device: Device) -> str:
        """The name by which the device's payload is read; Rejected if nobody has said one."""
        for name in (device.model, device.kind if find_family(device.kind) else None, self._source.default_model):
            if name:
                return name
        mend = "Set the device's model to its maker's name or to a device profile, or give the source a default_model."
        raise _rejected("model", f"of {device.device_uid} is not known", mend)

    def _profile(self, model: str) -> Profile:
        if self._profiles is None:
            rows = self._session.scalars(source_queries.list_profiles(self._session))
            self._profiles = {key_of(row.name): load_profile(row.document) for row in rows}
        profile = self._profiles.get(key_of(model))
        if profile is None:
            raise _rejected("model", f"{model} has neither a decoder nor a profile", "POST /api/v1/device-profiles, or correct the model.")
        return profile

    def _bytes(self, message: Message) -> bytes:
        if not message.payload:
            raise _rejected("payload", "is missing: a profile reads bytes", "Let the network server send the payload itself.")
        return message.payload


def _as_values(reading: Reading, message: Message, device: Device) -> dict[str, Any] | None:
    """What a reading says, by our names; None if it says nothing that is kept, or not when."""
    observed_at = _observed_at(reading, message, device.reporting_interval_s)
    figures = {name: value for name in FIGURES if (value := getattr(reading, name)) is not None} | _level(reading)
    signal_dbm = reading.signal_dbm if reading.signal_dbm is not None else None if reading.is_history else message.signal_dbm
    if signal_dbm is not None:
        figures["signal_dbm"] = signal_dbm
    if observed_at is None or not figures:
        return None
    return {"device": device.device_uid, "observed_at": observed_at, "gateway_at": message.observed_at} | figures


def _level(reading: Reading) -> dict[str, float | None]:
    """The distance, which our own geometry makes a fill of, before the device's own idea of its fill."""
    if reading.distance_mm is not None:
        return {"distance_mm": round(reading.distance_mm)}
    if reading.fill_pct is not None:
        return {"fill_pct": reading.fill_pct}
    return {"distance_mm": None} if reading.no_echo else {}


def _observed_at(reading: Reading, message: Message, interval_s: int) -> datetime | None:
    """When it was measured; None for a stored record that does not say."""
    if reading.age_periods is not None:
        return message.observed_at - timedelta(seconds=reading.age_periods * interval_s)
    if reading.is_history:
        return reading.observed_at
    own = reading.observed_at
    return own if own is not None and abs(own - message.observed_at) <= OWN_CLOCK_TRUSTED else message.observed_at


def _said_beside(readings: tuple[Reading, ...]) -> tuple[str, ...]:
    """What the device raises itself, for the log."""
    raised = sorted({str(alarm) for reading in readings for alarm, on in reading.alarms.items() if on})
    tilted = ["tilted"] if any(reading.tilted for reading in readings) else []
    return (f"the device says: {', '.join(tilted + raised)}",) if tilted or raised else ()


def _rejected(field: str, problem: str, mend: str) -> Rejected:
    return Rejected(f"{field} {problem}."[:400], fields=(FieldProblem(field, problem[:400], mend),))
