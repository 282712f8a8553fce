"""What a batch of readings looks like on the wire, and the answer to each: decoded by msgspec, which marshmallow would take fifty times
as long for. `schemas.py` says the same in marshmallow for the OpenAPI document, and a test holds the two together."""

import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from app.errors import FieldProblem, TooLarge, Unreadable
from app.reading import unreadable

LARGEST_BATCH = 5_000
DEVICE_PATTERN = "^[^\\x00-\\x1f\\x7f\ud800-\udfff]{1,64}$"

RANGES: dict[str, tuple[float, float]] = {
    "distance_mm": (0, 20_000),
    "fill_pct": (-100, 300),
    "weight_kg": (0, 20_000),
    "temperature_c": (-80, 1_200),
    "acceleration_g": (0, 100),
    "tilt_deg": (0, 180),
    "battery_v": (0, 100),
    "battery_pct": (0, 100),
    "signal_dbm": (-200, 50),
}
"""What a sensor can have meant. Fire is news and stays in range; the level filter judges fills."""


def _within(name: str) -> Meta:
    low, high = RANGES[name]
    return Meta(ge=low, le=high)


class ReadingIn(Struct, forbid_unknown_fields=True, gc=False):
    """One reading as a device or its network sends it. A `distance_mm` or `fill_pct` of null says that there was no echo."""

    device: Annotated[str, Meta(pattern=DEVICE_PATTERN)]
    observed_at: Annotated[datetime, Meta(tz=True)]
    distance_mm: Annotated[int, _within("distance_mm")] | UnsetType | None = UNSET
    fill_pct: Annotated[float, _within("fill_pct")] | UnsetType | None = UNSET
    weight_kg: Annotated[float, _within("weight_kg")] | None = None
    temperature_c: Annotated[float, _within("temperature_c")] | None = None
    acceleration_g: Annotated[float, _within("acceleration_g")] | None = None
    tilt_deg: Annotated[float, _within("tilt_deg")] | None = None
    battery_v: Annotated[float, _within("battery_v")] | None = None
    battery_pct: Annotated[float, _within("battery_pct")] | None = None
    signal_dbm: Annotated[int, _within("signal_dbm")] | None = None
    gateway_at: Annotated[datetime, Meta(tz=True)] | None = None


class OutcomeStatus(StrEnum):
    """What became of one reading."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


class Outcome(Struct, omit_defaults=True, frozen=True):
    """The answer to one reading; a refusal names the field, what is wrong and the mend."""

    status: OutcomeStatus
    field: str = ""
    problem: str = ""
    mend: str = ""


STORED, DUPLICATE = Outcome(OutcomeStatus.STORED), Outcome(OutcomeStatus.DUPLICATE)


def refusal(field: str, problem: str, mend: str) -> Outcome:
    return Outcome(OutcomeStatus.REJECTED, field, problem, mend)


class _Batch(Struct, forbid_unknown_fields=True):
    measurements: list[ReadingIn]


class _RawBatch(Struct, forbid_unknown_fields=True):
    measurements: list[Raw]


_whole = msgspec.json.Decoder(_Batch)
_raw = msgspec.json.Decoder(_RawBatch)
_item = msgspec.json.Decoder(ReadingIn)


def decode_batch(body: bytes) -> list[ReadingIn | Outcome]:
    """The readings of a request in order, with a refusal in place of each that is malformed; a body that is no batch raises."""
    try:
        items: list[ReadingIn | Outcome] = [*_whole.decode(body).measurements]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        items = _decode_one_by_one(body)
    if len(items) > LARGEST_BATCH:
        raise TooLarge(f"These are {len(items):,} readings: send at most {LARGEST_BATCH:,} a request.")
    return items


def encode_answer(outcomes: list[Outcome]) -> bytes:
    """The body of the answer: how many of each, and the outcome of each reading in the order sent."""
    counts = dict.fromkeys(OutcomeStatus, 0)
    for outcome in outcomes:
        counts[outcome.status] += 1
    return msgspec.json.encode({"counts": counts, "items": outcomes})


def _decode_one_by_one(body: bytes) -> list[ReadingIn | Outcome]:
    try:
        return [_decode_item(raw) for raw in _raw.decode(body).measurements]
    except msgspec.ValidationError as error:
        raise _no_batch(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_leniently(body)


def _decode_item(raw: Raw) -> ReadingIn | Outcome:
    try:
        return _item.decode(raw)
    except msgspec.ValidationError as error:
        return _explain(str(error))
    except UnicodeDecodeError as error:
        raise _not_utf8() from error
    except RecursionError:
        return refusal("", "is nested too deeply", "A reading is one flat object.")
    except msgspec.DecodeError:
        return _half_pair()


def _decode_leniently(body: bytes) -> list[ReadingIn | Outcome]:
    """NaN and Infinity are no JSON, yet programs write them: only the readings that hold them are refused."""
    try:
        # they become strings, which no number field takes
        batch = json.loads(body.decode(), parse_constant=str)
    except UnicodeDecodeError as error:
        raise _not_utf8() from error
    except RecursionError as error:
        raise unreadable("is nested too deeply", "A reading is one flat object.") from error
    except ValueError as error:
        raise unreadable(f"is not JSON: {error}", "Send JSON (RFC 8259).") from error
    if not isinstance(batch, dict) or set(batch) != {"measurements"} or not isinstance(batch["measurements"], list):
        raise _no_batch("it is not an object with the one field `measurements`, a list")
    return [convert_item(item) for item in batch["measurements"]]


def convert_item(item: object) -> ReadingIn | Outcome:
    """A reading of parsed JSON, or of values of ours; the refusal where it breaks a rule."""
    try:
        return msgspec.convert(item, ReadingIn)
    except msgspec.ValidationError as error:
        return _explain(str(error))
    except UnicodeEncodeError:
        return _half_pair()


def _half_pair() -> Outcome:
    return refusal("", "has text that cannot be read", "Escape characters outside the basic plane as surrogate pairs.")


def _not_utf8() -> Unreadable:
    return unreadable("is not valid UTF-8", "Send JSON in UTF-8.")


def _no_batch(problem: str) -> Unreadable:
    mend = FieldProblem("measurements", problem, 'Send {"measurements": [{"device": …, "observed_at": …, …}, …]}.')
    return Unreadable("The body is not a batch of measurements.", fields=(mend,))


_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `\$(?:\.(?P<field>\w+))?.*`)?$", re.DOTALL)
_NAMED = re.compile(r"field `(?P<field>[^`]*)`")


def _explain(message: str) -> Outcome:
    """msgspec's message about one item, as field, problem and mend."""
    match = _PLACE.match(message)
    problem, field = (match["problem"], match["field"]) if match else (message, None)
    named = _NAMED.search(problem)
    field = field or (named["field"] if named else "")
    return refusal(field, problem, _mend(field))


def _mend(field: str) -> str:
    if field in RANGES:
        low, high = RANGES[field]
        return f"Send a number from {low:g} to {high:g}, without quotes."
    if field in ("observed_at", "gateway_at"):
        return "Send an instant with its zone, as in 2026-03-01T06:30:00Z."
    if field == "device":
        return "Send the device's uid: 1 to 64 printable characters."
    return f"A reading has these fields: {', '.join(ReadingIn.__struct_fields__)}."
