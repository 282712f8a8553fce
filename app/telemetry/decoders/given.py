"""Figures that the network server has decoded already, under the names that the makers' public codecs use."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite

from app.telemetry.decoders.decoded import Decoded, Reading, Scalar
from app.telemetry.decoders.draft import ALARM, FLAGS, Draft, Frame, from_epoch
from app.telemetry.decoders.errors import DecodeError

INFO, SETTING = "info.", "setting."
NO_ECHO = "no_echo"
LONGEST_TEXT, MOST_NAMES = 200, 200
LARGEST_FIGURE = 1e12

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Name:
    """What a codec's name means to us.

    Parameters
    ----------
    target
        One of `draft.TARGETS`, `extra.<name>`, `info.<name>` or `setting.<name>`.
    unit
        Unit of the codec's number, for messages.
    scale
        Factor from the codec's unit to the target's.
    words
        Texts that the codec writes instead of a number, and what they mean; `no_echo` for a distance that was not measured.
    """

    target: str
    unit: str = ""
    scale: float = 1
    words: Mapping[str, Scalar] = field(default_factory=dict)


def states(names: str) -> dict[str, Name]:
    """Names of a codec that describe the device or its settings, not a container."""
    return {name: Name(f"{SETTING}{name}") for name in names.split()}


def read_object(names: Mapping[str, Name], decoded: Mapping[str, object], frame: Frame) -> Decoded:
    """Take a decoded object into the frame.

    Parameters
    ----------
    names
        What the family's codecs call the figures.
    decoded
        The object as the network server gives it.
    frame
        A fresh frame.

    Returns
    -------
    Decoded
        Names that are not known are kept in `unknown`.

    Raises
    ------
    DecodeError
        If a known name has no usable value, as "2000 mm" instead of 2000, or if no name is known at all.
    """
    if len(decoded) > MOST_NAMES:
        raise DecodeError(f"at most {MOST_NAMES} names", str(len(decoded)), field="decoded_payload")
    for name, value in decoded.items():
        if value is None:
            continue
        known = names.get(name)
        if known is None:
            frame.unknown[str(name)[:LONGEST_TEXT]] = _keep(str(name), value)
        elif known.target == "history":
            frame.others += _history(names, name, value, frame)
        else:
            _take(known, name, value, frame)
    _complete_position(frame.draft)
    if not frame and decoded:
        raise DecodeError(
            f"one of the names {', '.join(sorted(names))}", ", ".join(sorted(frame.unknown)) or "none", field="decoded_payload"
        )
    return frame.done()


def _take(known: Name, name: str, value: object, frame: Frame) -> None:
    if known.target.startswith(INFO):
        frame.device_info[known.target.removeprefix(INFO)] = _keep(name, value)
    elif known.target.startswith(SETTING):
        frame.settings[known.target.removeprefix(SETTING)] = _keep(name, value)
    else:
        _put(known, name, value, frame.draft)


def _put(known: Name, name: str, value: object, draft: Draft) -> None:
    value = _unwrap(known, name, value)
    if isinstance(value, str) and value in known.words:
        meant = known.words[value]
        if meant == NO_ECHO:
            draft.put_no_echo(f"the device says: {value}")
        else:
            draft.put(known.target, meant)
    elif known.target.startswith(ALARM) or known.target in FLAGS:
        draft.put(known.target, _to_flag(known, name, value))
    else:
        draft.put(known.target, _to_number(known, name, value) * known.scale)


def _unwrap(known: Name, name: str, value: object) -> object:
    """Some codecs write {"value": 1234, "unit": "mm"}."""
    if not isinstance(value, Mapping) or "value" not in value:
        return value
    unit = value.get("unit")
    if unit is not None and known.unit and unit != known.unit:
        raise DecodeError(f"a value in {known.unit}", f"one in {_describe(unit)}", field=name)
    return value["value"]


def _to_flag(known: Name, name: str, value: object) -> bool:
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise DecodeError(f"true, false{''.join(f', {word!r}' for word in known.words)}", _describe(value), field=name)


def _to_number(known: Name, name: str, value: object) -> float:
    wanted = f"a number in {known.unit}" if known.unit else "a number"
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            has_unit = _NUMBER.match(value) is not None
            raise DecodeError(
                f"{wanted}{' without its unit in the text' if has_unit else ''}",
                f"{_describe(value)!r}",
                field=name,
            )
        number = float(value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise DecodeError(wanted, _describe(value), field=name)
    elif isinstance(value, int) and abs(value) > LARGEST_FIGURE:
        raise DecodeError(wanted, "one with too many digits", field=name)
    else:
        number = float(value)
    if not isfinite(number) or abs(number) > LARGEST_FIGURE:
        raise DecodeError(wanted, str(number), field=name)
    return number


def _history(names: Mapping[str, Name], name: str, value: object, frame: Frame) -> Iterator[Reading]:
    if not isinstance(value, list):
        raise DecodeError("a list of records", _describe(value), field=name)
    for index, record in enumerate(value):
        place = f"{name}[{index}]"
        if not isinstance(record, Mapping):
            raise DecodeError("an object", _describe(record), field=place)
        draft = frame.fresh()
        for key, figure in record.items():
            if key == "timestamp":
                seconds = _to_number(Name("", "s"), f"{place}.timestamp", figure)
                if not 0 <= seconds < 2**32:
                    raise DecodeError("Unix seconds", _describe(figure), field=f"{place}.timestamp")
                draft.put_time(from_epoch(int(seconds)), "the clock of a stored record")
            elif key in names:
                _put(names[key], f"{place}.{key}", figure, draft)
        yield draft.reading(is_history=True)


def _complete_position(draft: Draft) -> None:
    latitude, longitude = draft.values.pop("latitude_deg", None), draft.values.pop("longitude_deg", None)
    if latitude is not None and longitude is not None:
        draft.put_position(latitude, longitude)


def _keep(name: str, value: object) -> str:
    """A text to store; keys and passwords of devices are no business of ours."""
    return "not kept" if name.casefold().endswith(("key", "password")) else _describe(value)


def _describe(value: object) -> str:
    """A short text of anything that JSON can hold."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_FIGURE:
        return "a number with too many digits"
    return str(value)[:LONGEST_TEXT]
