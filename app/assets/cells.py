"""How the text of one CSV cell becomes the JSON value of a schema's field. What cannot be told for sure is refused, with the mend."""

import json
import re
from collections.abc import Callable
from math import isfinite
from typing import Any

from marshmallow import fields

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
LIKE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::00)?")
HOURS = re.compile(r"(?P<days>[a-z,\s-]+?)\s+(?P<opens>\d{1,2}:\d{2})\s*[-–]\s*(?P<closes>\d{1,2}:\d{2})", re.IGNORECASE)
HOURS_MEND = "Write weekdays and local times, like mon-fri 06:00-15:00 | sat 07:00-12:00."
DEGREES = ("lat", "lon")


class Unreadable(ValueError):
    """A cell that is not what its column holds: what is wrong with it, and the mend."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend


def read_cell(field: fields.Field[Any], text: str) -> Any:
    """The value as a JSON body would have it; Unreadable if the text is not of this kind."""
    read = next((read for kind, read in READERS if isinstance(field, kind)), None)
    return read(field, text) if read else text


def _number(field: fields.Field[Any], text: str) -> int | float:
    plain = _with_point(text.replace(" ", "").replace("\u00a0", ""), in_degrees=field.name in DEGREES)
    value = float(plain)
    if not isfinite(value):
        raise Unreadable("Is too large for a number.", "Write what was measured.")
    if not isinstance(field, fields.Integer):
        return value
    if not value.is_integer():
        raise Unreadable("Is not a whole number.", "Round it.")
    return int(value)


def _with_point(text: str, *, in_degrees: bool) -> str:
    """A decimal comma is read where it can be nothing else: 1,234 may be a thousand and more, but no degree is that large."""
    if PLAIN_NUMBER.fullmatch(text):
        return text
    if LIKE_THOUSANDS.fullmatch(text) and not in_degrees:
        raise Unreadable(f"May mean {text.replace(',', '')} or {text.replace(',', '.')}.", "Write one of them.")
    if DECIMAL_COMMA.fullmatch(text):
        return text.replace(",", ".")
    raise Unreadable("Is not a number.", "Write it with a decimal point, and nothing between the thousands.")


def _choice(_: fields.Field[Any], text: str) -> str:
    return re.sub(r"[\s-]+", "_", text.lower())


def _date(_: fields.Field[Any], text: str) -> str:
    if not ISO_DATE.fullmatch(text):
        raise Unreadable("Is not a date that reads the same everywhere.", "Write YYYY-MM-DD.")
    return text


def _clock(_: fields.Field[Any], text: str) -> str:
    found = CLOCK.fullmatch(text)
    if not found:
        raise Unreadable("Is not a time.", "Write HH:MM.")
    return f"{int(found[1]):02}:{found[2]}"


def _list(field: fields.Field[Any], text: str) -> list[Any]:
    if isinstance(getattr(field, "inner", None), fields.Nested):
        return read_hours(text)
    return [part for part in re.split(r"[\s,;|]+", text) if part]


def _object(_: fields.Field[Any], text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unreadable("Is not JSON.", 'Write an object like {"residual": 450}, with straight double quotes.') from error


READERS: tuple[tuple[type[fields.Field[Any]], Callable[[fields.Field[Any], str], Any]], ...] = (
    (fields.Number, _number),
    (fields.Enum, _choice),
    (fields.Time, _clock),
    (fields.Date, _date),
    (fields.List, _list),
    (fields.Dict, _object),
)


def read_hours(text: str) -> list[dict[str, Any]]:
    """`mon-fri 06:00-15:00 | sat 07:00-12:00` as the entries of opening hours."""
    return [_hours_entry(part.strip()) for part in re.split(r"[;|]", text) if part.strip()]


def _hours_entry(text: str) -> dict[str, Any]:
    found = HOURS.fullmatch(text)
    if not found:
        raise Unreadable(f"'{text}' cannot be read as opening hours.", HOURS_MEND)
    opens, closes = (found[name].zfill(5) for name in ("opens", "closes"))
    return {"weekdays": _weekdays(found["days"]), "opens": opens, "closes": closes}


def _weekdays(text: str) -> list[int]:
    if text.strip().lower() == "daily":
        return list(range(7))
    days: list[int] = []
    for part in filter(None, re.split(r"[,\s]+", re.sub(r"\s*-\s*", "-", text))):
        first, _, last = part.partition("-")
        days += _from_to(_weekday(first), _weekday(last or first))
    return days


def _from_to(first: int, last: int) -> list[int]:
    """From a weekday to another; sat-mon goes on over Sunday."""
    return [(first + n) % 7 for n in range((last - first) % 7 + 1)]


def _weekday(text: str) -> int:
    short = text.lower()[:3]
    if short not in WEEKDAYS:
        raise Unreadable(f"'{text}' is no weekday.", HOURS_MEND)
    return WEEKDAYS.index(short)
