"""How a request is read, before any room sees it: JSON that is JSON, text that a database can hold, numbers that rows can have."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NoReturn

from flask import Flask, Request, request
from marshmallow import RAISE, Schema, ValidationError, missing
from webargs.flaskparser import FlaskParser
from werkzeug.routing import IntegerConverter, Map
from werkzeug.routing import ValidationError as NoMatch

from app.errors import FieldProblem, NotFound, Rejected, Unreadable

LARGEST_ID = 2**63 - 1
DEEPEST = 32
"""Lists and objects within each other; GeoJSON needs seven."""

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

NOT_TEXT = "holds a character that is none (number 0, or half of a pair)"
REMOVE_IT = "Remove the character."


class RowNumber(IntegerConverter):
    """A row's number in an address. One that no row can have is an address that there is not, rather than a fault of the database."""

    def __init__(self, rules: Map, fixed_digits: int = 0, min: int | None = None, max: int = LARGEST_ID, signed: bool = False) -> None:  # noqa: A002 - werkzeug's names
        super().__init__(rules, fixed_digits, min, max, signed)

    def to_python(self, value: str) -> int:
        if len(value) > len(str(LARGEST_ID)):
            raise NoMatch  # Python refuses to read numbers of thousands of digits
        return int(super().to_python(value))


class RequestReader(FlaskParser):
    """What `Blueprint.arguments` reads with. Nothing that was sent is silently left aside."""

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": RAISE}

    def load_json(self, req: Request, schema: Schema) -> Any:  # noqa: ARG002
        body = req.get_data(cache=True)
        if not req.is_json and (body or req.content_length):  # what was read as a form is no longer there
            raise unreadable("is not said to be JSON", "Send it with Content-Type: application/json.")
        if not body:
            return missing
        told = read_json(body)
        problems = tuple(FieldProblem(".".join(path) or "body", NOT_TEXT, REMOVE_IT) for path in _find_unstorable(told, ()))
        if problems:
            raise Rejected("The body holds what is no text.", fields=problems)
        return told


def read_json(body: bytes, *, constants_as_text: bool = False) -> Any:
    """The body's JSON; Unreadable where it is none, is not UTF-8, holds NaN or is nested too deeply.

    With `constants_as_text` a NaN becomes text, which no number field takes: of a batch only the item that holds it is refused.
    """
    try:
        told = json.loads(body.decode(), parse_constant=str if constants_as_text else _refuse_constant)
    except UnicodeDecodeError as error:
        raise unreadable("is not UTF-8", "Send JSON in UTF-8.") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise unreadable(f"is not JSON: {error}"[:300], "Send JSON (RFC 8259).") from error
    _require_shallow(told)
    return told


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _require_shallow(told: Any) -> None:
    """Level by level, so that the depth of the body is no depth of ours."""
    level = [told]
    for _ in range(DEEPEST + 1):
        level = [inner for one in level if isinstance(one, dict | list) for inner in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> Unreadable:
    return unreadable("is nested too deeply", f"Nest lists and objects at most {DEEPEST} deep.")


def unreadable(problem: str, mend: str) -> Unreadable:
    """The refusal of a body as a whole."""
    return Unreadable(f"The body {problem}.", fields=(FieldProblem("body", problem, mend),))


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: it has no character 0, and UTF-8 no half pairs."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def require_storable(text: str) -> None:
    """The same as a validator of marshmallow's fields."""
    if not is_storable(text):
        raise ValidationError(f"{NOT_TEXT.capitalize()}: remove it.")


def require_our_times(when: datetime) -> None:
    """A validator for instants that are stored or compared: far from the ends of the calendar, beyond which no zone can be applied."""
    if not EARLIEST <= when < LATEST:
        raise ValidationError(f"Lies outside of the years {EARLIEST.year} to {LATEST.year - 1}.")


def _find_unstorable(told: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    match told:
        case str() if not is_storable(told):
            yield path
        case dict():
            for key, inner in told.items():
                yield from [path] if not is_storable(key) else _find_unstorable(inner, (*path, key))
        case list():
            for number, inner in enumerate(told):
                yield from _find_unstorable(inner, (*path, str(number)))


def register_reading(app: Flask) -> None:
    """Has to come before the blueprints, because addresses are compiled as they are registered."""
    app.url_map.converters["int"] = RowNumber
    app.before_request(_refuse_what_is_no_text)


def _refuse_what_is_no_text() -> None:
    """In the address, its arguments and a page's form; decoding has replaced everything else that is none."""
    if "\0" in request.path:
        raise NotFound("There is no such address.")
    sent = [*request.args.items(multi=True), *(request.form.items(multi=True) if _is_form() else ())]
    wrong = [name.replace("\0", "") or "argument" for name, value in sent if "\0" in name + value]
    problems = tuple(FieldProblem(name, NOT_TEXT, REMOVE_IT) for name in wrong)
    if problems:
        raise Rejected("The request holds what is no text.", fields=problems)


def _is_form() -> bool:
    """Of a page: an endpoint of the API reads its body itself, and what was read as a form would no longer be there."""
    return not request.path.startswith("/api/") and request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data")
