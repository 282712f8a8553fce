"""A new device without code: a JSON document says where its figures lie in the payload.

`load_profile` reads and checks a document, `dump_profile` writes it, `profile_schema` is its JSON schema, and `decode_with` reads a
payload by it. A profile is data: nothing in it is ever evaluated.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from app.telemetry.decoders.cursor import ByteOrder, Cursor, count_bytes
from app.telemetry.decoders.decoded import Alarm, Decoded
from app.telemetry.decoders.draft import FLAGS, RANGES, Draft, Frame
from app.telemetry.decoders.errors import DecodeError, Fault, ProfileError, WrongPortError
from app.telemetry.decoders.payload import Encoding, Payload, to_bytes

LONGEST_PAYLOAD = 255

UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "distance_mm": {"mm": (1, 0), "cm": (10, 0), "m": (1000, 0), "in": (25.4, 0)},
    "fill_pct": {"%": (1, 0), "1": (100, 0)},
    "temperature_c": {"°C": (1, 0), "°F": (5 / 9, -160 / 9), "K": (1, -273.15)},
    "battery_v": {"V": (1, 0), "mV": (0.001, 0)},
    "battery_pct": {"%": (1, 0), "1": (100, 0)},
    "tilt_deg": {"°": (1, 0)},
    "latitude_deg": {"°": (1, 0)},
    "longitude_deg": {"°": (1, 0)},
    "signal_dbm": {"dBm": (1, 0)},
}
"""Units by target: factor and summand to ours; the first one is ours and need not be said."""

LEVELS = ("distance_mm", "fill_pct")
_TARGET = "|".join([*RANGES, *sorted(FLAGS), *(rf"alarm\.{alarm}" for alarm in Alarm), r"extra\.[a-z][a-z0-9_]{0,39}"])

Name = Annotated[str, Meta(min_length=1, max_length=80, description="What the device is called.")]
Port = Annotated[int, Meta(ge=1, le=223)]
Size = Annotated[int, Meta(ge=1, le=LONGEST_PAYLOAD)]
Figure = Annotated[float, Meta(description="Finite.")]


class FieldSpec(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True):
    """One figure: (number in the payload × scale + add), in `unit`."""

    target: Annotated[str, Meta(pattern=f"^(?:{_TARGET})$", description="Where it goes: distance_mm, alarm.fire, extra.humidity_pct, …")]
    offset: Annotated[int, Meta(ge=-LONGEST_PAYLOAD, lt=LONGEST_PAYLOAD, description="First byte; negative: from the end.")] = 0
    length: Annotated[int, Meta(ge=1, le=8, description="Bytes.")] = 1
    type: Literal["unsigned", "signed", "float"] = "unsigned"
    byte_order: ByteOrder | None = None
    mask: Annotated[int, Meta(ge=1, lt=2**53, description="Bits that belong to it; shifted down to the lowest one.")] | None = None
    scale: Figure = 1
    add: Figure = 0
    unit: Annotated[str, Meta(max_length=20, description="Of the scaled figure; without it, the target's own.")] | None = None
    range: Annotated[tuple[Figure, Figure], Meta(description="What can be meant, in `unit`; anything else is left out.")] | None = None
    no_echo: Annotated[tuple[int, ...], Meta(max_length=20, description="Numbers as in the payload that say: nothing was heard.")] = ()
    absent: Annotated[tuple[int, ...], Meta(max_length=20, description="Numbers as in the payload that say: not measured.")] = ()


Fields = Annotated[tuple[FieldSpec, ...], Meta(max_length=60)]


class ChannelSpec(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True):
    """One channel of a chain: a tag, and the fields within its value."""

    tag: Annotated[str, Meta(pattern=r"^(?:[0-9a-fA-F]{2}){1,4}$", description="In hex.")]
    length: Annotated[int, Meta(ge=0, le=LONGEST_PAYLOAD, description="Bytes of the value; needed without `length_bytes`.")] | None = None
    fields: Fields = ()
    is_setting: Annotated[bool, Meta(description="It answers a downlink: no measurement.")] = False


class _Profile(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True, tag_field="layout"):
    name: Name
    profile: Annotated[int, Meta(ge=1, le=1, description="Version of this form.")]
    ports: Annotated[tuple[Port, ...], Meta(max_length=20, description="Where its data come; empty: on any port.")] = ()
    byte_order: ByteOrder = "big"


class FixedProfile(_Profile, frozen=True, kw_only=True, tag="fixed"):
    """Every figure has its place in the payload."""

    fields: Fields
    shortest: Annotated[Size, Meta(description="Payloads of fewer bytes are refused.")] | None = None
    longest: Annotated[Size, Meta(description="Payloads of more bytes are refused.")] | None = None


class ChannelProfile(_Profile, frozen=True, kw_only=True, tag="channels"):
    """The payload is a chain of channels: tag, perhaps a length, value."""

    channels: Annotated[tuple[ChannelSpec, ...], Meta(min_length=1, max_length=100)]
    tag_bytes: Annotated[int, Meta(ge=1, le=4)] = 1
    length_bytes: Annotated[int, Meta(ge=0, le=1, description="Of a length between tag and value.")] = 0


Profile = FixedProfile | ChannelProfile


def profile_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of a profile. It cannot say how fields belong together: `load_profile` checks that as well."""
    return msgspec.json.schema(Profile)


def dump_profile(profile: Profile) -> dict[str, Any]:
    """The document of a profile, without what is default; `load_profile` makes an equal profile of it."""
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(profile))
    return document


def load_profile(document: Mapping[str, Any] | bytes | str) -> Profile:
    """Read and check a profile.

    Parameters
    ----------
    document
        JSON, as text or as the object it stands for.

    Raises
    ------
    ProfileError
        `faults` names every field that has to be mended, and how. Faults of form come alone: the first one that is met.
    """
    profile = _parse(document)
    faults = [*_faults(profile)]
    if faults:
        raise ProfileError(faults)
    return profile


def decode_with(profile: Profile, payload: Payload, f_port: int | None = None, *, encoding: Encoding = "auto") -> Decoded:
    """Read one frame by a profile.

    Raises
    ------
    WrongPortError
        If the profile names ports and this is none of them.
    DecodeError
        If the payload is shorter or longer than the profile says, or has a channel that it does not know, at its beginning.
    """
    raw = to_bytes(payload, encoding)
    frame = Frame(profile.name)
    if f_port == 0 or not raw:
        return frame.done()
    if f_port is not None and profile.ports and f_port not in profile.ports:
        raise WrongPortError(f"port {', '.join(map(str, profile.ports))} of {profile.name}", "another one", field="f_port")
    if isinstance(profile, FixedProfile):
        _check_size(profile, raw)
        _read_fields(profile.fields, raw, 0, profile.byte_order, frame.draft)
    else:
        _read_channels(profile, raw, frame)
    return frame.done()


def _check_size(profile: FixedProfile, raw: bytes) -> None:
    if len(raw) < (profile.shortest or 0):
        raise DecodeError(f"{count_bytes(profile.shortest or 0)} or more", str(len(raw)), offset=len(raw))
    if profile.longest is not None and len(raw) > profile.longest:
        raise DecodeError(f"{count_bytes(profile.longest)} or fewer", str(len(raw)), offset=profile.longest)


def _read_channels(profile: ChannelProfile, raw: bytes, frame: Frame) -> None:
    known = {bytes.fromhex(channel.tag): channel for channel in profile.channels}
    cursor = Cursor(raw, profile.byte_order)
    while cursor.left:
        at = cursor.offset
        tag = cursor.take(profile.tag_bytes, "tag")
        channel = known.get(tag)
        length = cursor.unsigned(1, "length") if profile.length_bytes else channel.length if channel else None
        name = f"channel_{tag.hex()}_at_{at}"
        if length is None:
            _keep_rest(profile, cursor, tag, at, frame)
        elif channel is None:
            frame.unknown[name] = cursor.take(length, f"channel {tag.hex()}").hex()
        else:
            _read_channel(channel, cursor, length, profile.byte_order, frame)


def _keep_rest(profile: ChannelProfile, cursor: Cursor, tag: bytes, at: int, frame: Frame) -> None:
    if not frame and not frame.unknown:
        tags = ", ".join(channel.tag.lower() for channel in profile.channels)
        raise DecodeError(f"a channel of {profile.name} ({tags})", tag.hex(), offset=at)
    frame.unknown[f"channel_{tag.hex()}_at_{at}"] = cursor.rest().hex()
    frame.warnings.append(f"channel {tag.hex()} at byte {at} is not known: what follows it was not read")


def _read_channel(channel: ChannelSpec, cursor: Cursor, length: int, order: ByteOrder, frame: Frame) -> None:
    at = cursor.offset
    if channel.length is not None and length != channel.length:
        raise DecodeError(f"{count_bytes(channel.length)} in channel {channel.tag.lower()}", str(length), offset=at - 1)
    value = cursor.take(length, f"channel {channel.tag.lower()}")
    if channel.is_setting:
        frame.settings[f"channel_{channel.tag.lower()}"] = value.hex()
    _read_fields(channel.fields, value, at, order, frame.draft)


def _read_fields(specs: tuple[FieldSpec, ...], raw: bytes, at: int, order: ByteOrder, draft: Draft) -> None:
    for spec in specs:
        begin = spec.offset if spec.offset >= 0 else len(raw) + spec.offset
        if not 0 <= begin <= len(raw) - spec.length:
            raise DecodeError(
                f"{count_bytes(spec.length)} of {spec.target}", _left(len(raw), begin), offset=at + min(max(begin, 0), len(raw))
            )
        _put(spec, _number(spec, raw[begin : begin + spec.length], spec.byte_order or order), draft)
    latitude, longitude = draft.values.pop("latitude_deg", None), draft.values.pop("longitude_deg", None)
    if latitude is not None and longitude is not None:
        draft.put_position(latitude, longitude)


def _left(size: int, begin: int) -> str:
    return str(max(size - begin, 0)) if begin >= 0 else "a payload that is too short"


def _number(spec: FieldSpec, raw: bytes, order: ByteOrder) -> float:
    """The number as it stands in the payload: masked and shifted down, then signed by its uppermost bit."""
    if spec.type == "float":
        value: float = struct.unpack((">" if order == "big" else "<") + ("f" if len(raw) == 4 else "d"), raw)[0]
        return float(f"{value:.7g}") if len(raw) == 4 else value
    number, bits = int.from_bytes(raw, order), 8 * len(raw)
    if spec.mask is not None:
        shift = (spec.mask & -spec.mask).bit_length() - 1
        number, bits = (number & spec.mask) >> shift, (spec.mask >> shift).bit_length()
    return number - (1 << bits) if spec.type == "signed" and number >> (bits - 1) else number


def _put(spec: FieldSpec, number: float, draft: Draft) -> None:
    if number in spec.absent:
        return
    if number in spec.no_echo:
        draft.put_no_echo("")
        return
    value = number * spec.scale + spec.add
    if spec.range is not None and not spec.range[0] <= value <= spec.range[1]:
        _leave_out(spec, value, draft)
        return
    factor, summand = _unit(spec)
    draft.put(spec.target, _tidy(value * factor + summand))


def _leave_out(spec: FieldSpec, value: float, draft: Draft) -> None:
    why = f"{spec.target} of {value:g} lies outside {spec.range[0]:g} … {spec.range[1]:g}" if spec.range else ""
    if spec.target == "distance_mm":
        draft.put_no_echo(why)
    else:
        draft.warnings.append(why)


def _unit(spec: FieldSpec) -> tuple[float, float]:
    units = UNITS.get(spec.target)
    return (1, 0) if units is None or spec.unit is None else units[spec.unit]


def _tidy(value: float) -> float:
    """Scaling leaves 25.700000000000003: nine places are more than any sensor has."""
    if not isfinite(value):
        return value
    rounded = round(value, 9)
    return int(rounded) if rounded == int(rounded) else rounded


_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `\$?\.?(?P<field>[^`]*)`)?$", re.DOTALL)


def _parse(document: Mapping[str, Any] | bytes | str) -> Profile:
    try:
        known: Profile = (
            msgspec.json.decode(document, type=Profile) if isinstance(document, bytes | str) else msgspec.convert(dict(document), Profile)
        )
    except msgspec.ValidationError as error:
        match = _PLACE.match(str(error))
        problem, field = (match["problem"], match["field"] or "") if match else (str(error), "")
        raise ProfileError([Fault(field, f"is wrong: {problem}", _mend(field, problem))]) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError, OverflowError) as error:
        raise ProfileError([Fault("", f"is not JSON: {error}"[:200], "Send one JSON object (RFC 8259).")]) from error
    return known


def _mend(field: str, problem: str) -> str:
    last = re.split(r"[.\[]", field)[-1]
    if "unknown field" in problem:
        return f"A field has {', '.join(FieldSpec.__struct_fields__)}; a channel has {', '.join(ChannelSpec.__struct_fields__)}."
    if last == "target":
        return f"Name one of {', '.join((*RANGES, *sorted(FLAGS)))}, alarm.<{'|'.join(Alarm)}> or extra.<your name>."
    if last == "layout" or "layout" in problem:
        return 'Say "layout": "fixed" or "channels".'
    return "See the profile's JSON schema, and docs/telemetry/decoders.md for an example."


def _faults(profile: Profile) -> Iterator[Fault]:
    if isinstance(profile, FixedProfile):
        yield from _faults_of_fields(profile.fields, "fields", profile.longest)
        if not profile.fields:
            yield Fault("fields", "is empty", "Name one figure or more.")
        if profile.shortest is not None and profile.longest is not None and profile.shortest > profile.longest:
            yield Fault("shortest", "is above longest", "Give the smaller number of bytes as shortest.")
    else:
        yield from _faults_of_channels(profile)


def _faults_of_channels(profile: ChannelProfile) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, channel in enumerate(profile.channels):
        place = f"channels[{index}]"
        if len(channel.tag) != 2 * profile.tag_bytes:
            yield Fault(f"{place}.tag", f"has not {count_bytes(profile.tag_bytes)}", "Give it as many as tag_bytes says, in hex.")
        if channel.tag.lower() in seen:
            yield Fault(f"{place}.tag", "stands for two channels", "Leave one of them out.")
        if channel.length is None and not profile.length_bytes:
            yield Fault(f"{place}.length", "is missing", "Say how many bytes the value has, or set length_bytes to 1.")
        seen.add(channel.tag.lower())
        yield from _faults_of_fields(channel.fields, f"{place}.fields", channel.length)


def _faults_of_fields(specs: tuple[FieldSpec, ...], place: str, size: int | None) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, spec in enumerate(specs):
        at = f"{place}[{index}]"
        if spec.target in seen:
            yield Fault(f"{at}.target", f"is {spec.target} a second time", "Read each figure from one place.")
        seen.add(spec.target)
        if size is not None and not -size <= spec.offset <= size - spec.length:
            yield Fault(f"{at}.offset", f"reaches beyond {count_bytes(size)}", "Count bytes from 0, or from the end with -1, -2, …")
        if spec.offset < 0 and spec.offset + spec.length > 0:
            yield Fault(f"{at}.offset", "reaches beyond the end", f"Begin at {-spec.length} or before.")
        yield from _faults_of_number(spec, at)
        yield from _faults_of_meaning(spec, at)
    if ("latitude_deg" in seen) != ("longitude_deg" in seen):
        yield Fault(place, "has half a position", "Read latitude_deg and longitude_deg, or neither.")


def _faults_of_number(spec: FieldSpec, at: str) -> Iterator[Fault]:
    if spec.type == "float" and (spec.length not in (4, 8) or spec.mask is not None):
        yield Fault(f"{at}.type", "is float", "A float has 4 or 8 bytes and no mask.")
    if spec.mask is not None and spec.mask >> 8 * spec.length:
        yield Fault(f"{at}.mask", f"has more bits than {count_bytes(spec.length)}", "Make length larger, or mask smaller.")
    if not (isfinite(spec.scale) and spec.scale != 0 and isfinite(spec.add)):
        yield Fault(f"{at}.scale", "is no factor", "Give scale and add as finite numbers, scale other than 0.")
    if spec.range is not None and not (all(map(isfinite, spec.range)) and spec.range[0] < spec.range[1]):
        yield Fault(f"{at}.range", "is empty", "Give [lowest, highest].")


def _faults_of_meaning(spec: FieldSpec, at: str) -> Iterator[Fault]:
    units = UNITS.get(spec.target)
    if spec.unit is not None and units is not None and spec.unit not in units:
        yield Fault(f"{at}.unit", f"{spec.unit!r} is none of {spec.target}", f"Use {', '.join(units)}.")
    if spec.unit is not None and units is None:
        yield Fault(f"{at}.unit", f"means nothing for {spec.target}", "Leave it out; units of extras end their names.")
    if spec.no_echo and spec.target not in LEVELS:
        yield Fault(f"{at}.no_echo", f"means nothing for {spec.target}", "Use absent.")
