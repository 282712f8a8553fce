"""What a network server's message is to us, and how its JSON is read: every fault names the field, the problem and the mend."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from app.telemetry.decoders.decoded import Reading

LARGEST_NUMBER = 1e15
LATEST_SECONDS = 2**33
"""Some year 2242: what is larger counts milliseconds."""


class EnvelopeError(ValueError):
    """A message cannot be read.

    Parameters
    ----------
    field
        Where in the message, as `uplink_message.frm_payload`; empty for the message itself.
    problem, mend
        What is wrong, and what the sender can do.
    """

    def __init__(self, field: str, problem: str, mend: str) -> None:
        super().__init__(field, problem, mend)
        self.field, self.problem, self.mend = field, problem, mend

    def __str__(self) -> str:
        return f"{self.field or 'message'} {self.problem}. {self.mend}"


@dataclass(frozen=True, slots=True)
class Message:
    """One uplink, whoever carried it.

    Parameters
    ----------
    device
        The device's uid as the register has it: a DevEUI in upper-case hex, a Sigfox id, an entity's id.
    observed_at
        When the network heard it (a device's own clock is in its payload), UTC.
    dedupe_key
        Equal for the same uplink, however often it is delivered.
    f_port
        LoRaWAN port; None outside LoRaWAN.
    payload
        The frame's bytes; None where the network gives none.
    decoded
        What the network's own codec made of it.
    reading
        Where the message speaks of a container in words of a standard: the reading itself.
    signal_dbm, snr_db
        Of the gateway that heard it best.
    tags
        What the sender attached to the device.
    warnings
        What was left out of `reading` and why.
    """

    device: str
    observed_at: datetime
    dedupe_key: str
    f_port: int | None = None
    payload: bytes | None = None
    decoded: Mapping[str, Any] | None = None
    reading: Reading | None = None
    signal_dbm: int | None = None
    snr_db: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A message that is well-formed and carries no reading: a join, an acknowledgement, a simulation."""

    reason: str


class Node:
    """A place in a parsed JSON message."""

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, Mapping):
            raise EnvelopeError(path, "is no object", "Send a JSON object there.")
        self.value, self.path = value, path

    def __contains__(self, name: str) -> bool:
        return self.value.get(name) is not None

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def child(self, name: str) -> "Node":
        """A member that is an object."""
        return Node(self.get(name), self.at(name))

    def get(self, name: str) -> object:
        """A member that has to be there."""
        if name not in self:
            raise EnvelopeError(self.at(name), "is missing", "Send it: nothing can be read without it.")
        return self.value[name]

    def children(self, name: str) -> Iterator["Node"]:
        """The objects of a list; none if it is not there."""
        found = self.value.get(name)
        if found is None:
            return
        if not isinstance(found, list):
            raise EnvelopeError(self.at(name), "is no list", "Send a JSON array there.")
        for index, item in enumerate(found):
            yield Node(item, f"{self.at(name)}[{index}]")

    def text(self, name: str) -> str:
        """A text that is not empty; a whole number counts as its digits."""
        found = self.get(name)
        if isinstance(found, int) and not isinstance(found, bool) and abs(found) < LARGEST_NUMBER:
            return str(found)
        if not isinstance(found, str) or not found or len(found) > 500:
            raise EnvelopeError(self.at(name), "is no text of 1 to 500 characters", "Send a JSON string.")
        return found

    def number(self, name: str) -> float:
        """A number, or a text that is one."""
        found = self.get(name)
        try:
            number = float(found) if isinstance(found, int | float | str) and not isinstance(found, bool) else float("nan")
        except (ValueError, OverflowError):
            number = float("nan")
        if not isfinite(number) or abs(number) > LARGEST_NUMBER:
            raise EnvelopeError(self.at(name), "is no number", "Send a finite JSON number.")
        return number

    def whole(self, name: str, default: int, *, most: int = 2**32) -> int:
        """A whole number from 0 on; servers leave out what is 0."""
        if name not in self:
            return default
        number = self.number(name)
        if number != int(number) or not 0 <= number <= most:
            raise EnvelopeError(self.at(name), f"is no whole number from 0 to {most}", "Send it as the network counts it.")
        return int(number)

    def instant(self, name: str) -> datetime:
        """An instant with its zone, or Unix seconds or milliseconds, in UTC."""
        found = self.get(name)
        try:
            if isinstance(found, str) and not found.replace(".", "", 1).isdigit():
                instant = datetime.fromisoformat(found)
                return instant.astimezone(UTC) if instant.tzinfo else _no_instant(self.at(name))
            seconds = self.number(name)
            return datetime.fromtimestamp(seconds if abs(seconds) < LATEST_SECONDS else seconds / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            return _no_instant(self.at(name))

    def base64(self, name: str) -> bytes | None:
        """Bytes in base64; None if they are not there."""
        if name not in self:
            return None
        found = self.value[name]
        try:
            if isinstance(found, str):
                return base64.b64decode(found, validate=True)
        except (binascii.Error, ValueError):
            pass
        raise EnvelopeError(self.at(name), "is no base64", "Send the frame as the network server has it.")

    def hex(self, name: str) -> bytes | None:
        """Bytes in hex; None if they are not there."""
        if name not in self:
            return None
        found = self.value[name]
        try:
            if isinstance(found, str) and not any(character.isspace() for character in found):
                return bytes.fromhex(found)
        except ValueError:
            pass
        raise EnvelopeError(self.at(name), "is no hex", "Send pairs of hex digits.")

    def eui(self, name: str) -> str:
        """A device's EUI in upper-case hex."""
        found = self.text(name).replace("-", "").replace(":", "").upper()
        if len(found) != 16 or not all(digit in "0123456789ABCDEF" for digit in found):
            raise EnvelopeError(self.at(name), "is no EUI", "Send 16 hex digits.")
        return found


def _no_instant(path: str) -> datetime:
    raise EnvelopeError(path, "is no instant", "Send an instant with its zone, as in 2026-03-01T06:30:00Z.")


def best_signal(gateways: Iterator[tuple[float | None, float | None]]) -> tuple[int | None, float | None]:
    """(dBm, dB) of the gateway that heard it best; a signal that no radio has is none."""
    heard = [(rssi, snr) for rssi, snr in gateways if rssi is not None and -200 <= rssi <= 50]
    if not heard:
        return None, None
    rssi, snr = max(heard, key=lambda pair: pair[0])
    return round(rssi), snr
