"""What all endpoints share: problem+json, cursor pages, and the version of a row as its ETag."""

import base64
import binascii
import json
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Flask, Response, current_app, make_response, request
from marshmallow import Schema, fields, validate
from psycopg2 import errors as pg
from sqlalchemy import Select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from app.db import TenantRow, Versioned
from app.errors import Conflict, FieldProblem, KerbsideError, Rejected, StaleVersion, TooMany, to_problem
from app.reading import LARGEST_ID

Row = TypeVar("Row", bound=TenantRow)

DEFAULT_PAGE, LARGEST_PAGE = 100, 1000


class PageArgs(Schema):
    """Query arguments of every list."""

    limit = fields.Integer(load_default=DEFAULT_PAGE, validate=validate.Range(1, LARGEST_PAGE), metadata={"description": "Rows a page."})
    cursor = fields.String(load_default=None, metadata={"description": "`next` of the page before."})


def read_page(session: Session, query: Select[Row], model: type[Row], *, limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
    """Rows in order of their number, from after the cursor on; and the cursor of the next page, None on the last one."""
    if cursor:
        query = query.where(model.id > decode_cursor(cursor))
    rows: list[Row] = list(session.scalars(query.order_by(model.id).limit(limit + 1)))
    return rows[:limit], encode_cursor(rows[limit - 1].id) if len(rows) > limit else None


def encode_cursor(row_id: int) -> str:
    return base64.urlsafe_b64encode(str(row_id).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    try:
        row_id = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise _no_cursor() from error
    if not 0 <= row_id <= LARGEST_ID:
        raise _no_cursor()
    return row_id


def _no_cursor() -> Rejected:
    mend = FieldProblem("cursor", "is not one that a page has given", "Leave it out to start at the first page.")
    return Rejected("The cursor cannot be read.", fields=(mend,))


def page_body(items: list[Any], next_cursor: str | None) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Body, status and the Link header (RFC 8288) of one page."""
    headers = {}
    if next_cursor:
        arguments = request.args.to_dict() | {"cursor": next_cursor}
        headers["Link"] = f'<{request.path}?{urlencode(arguments)}>; rel="next"'
    return {"items": items, "next": next_cursor}, 200, headers


def etag_of(row: Versioned) -> str:
    return f'"{row.row_version}"'


def require_current(row: Versioned) -> None:
    """The request must name the version that it saw (If-Match), so that nobody overwrites what they have not seen."""
    seen = request.headers.get("If-Match")
    if seen is None:
        error = Conflict("Send If-Match with the ETag of the version that you read, so that nobody's change is lost.")
        error.status, error.title = 428, "Precondition required"
        raise error
    if seen != "*" and etag_of(row) not in [tag.strip().removeprefix("W/") for tag in seen.split(",")]:
        raise StaleVersion(f"The row is at version {etag_of(row)} now; read it again.")


def register_errors(app: Flask) -> None:
    """One mapping from every exception to problem+json; pages get the same facts as a page (see `web`)."""
    app.register_error_handler(KerbsideError, _answer)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(IntegrityError, lambda error: _answer(explain_integrity(error)))
    app.register_error_handler(DataError, lambda _: _answer(Rejected("A value lies outside of what can be stored: a number or a date.")))
    app.register_error_handler(StaleDataError, lambda _: _answer(StaleVersion("Somebody else changed it first; read it again.")))


def explain_integrity(error: IntegrityError) -> KerbsideError:
    """The database's refusal in words: a duplicate, a reference to nothing, a broken rule (named as in the schema)."""
    origin = error.orig
    constraint = getattr(getattr(origin, "diag", None), "constraint_name", None) or "constraint"
    if isinstance(origin, pg.UniqueViolation):
        return Conflict(f"There is one like it already ({constraint}).")
    if isinstance(origin, pg.ForeignKeyViolation):
        return Rejected(f"It refers to something that is not there, or something still refers to it ({constraint}).")
    return Rejected(f"It breaks the rule {constraint}.")


def _answer(error: KerbsideError) -> Response:
    response = make_response(json.dumps(to_problem(error)), error.status)
    response.mimetype = "application/problem+json"
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _answer_http(error: HTTPException) -> Response:
    """Flask's and webargs' own refusals, in the same form."""
    known = KerbsideError(error.description or "", fields=_field_problems(getattr(error, "data", None)))
    known.status, known.title = error.code or 500, error.name
    if known.status >= 500:
        current_app.logger.error("%s %s: %s", request.method, request.path, error)
    response = _answer(known)
    if error.code == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return response


def _field_problems(data: dict[str, Any] | None) -> tuple[FieldProblem, ...]:
    """What webargs found, by the place it looked in (json, query, …), as problems of the fields themselves."""
    messages = (data or {}).get("messages", {})
    return tuple(problem for found in messages.values() for problem in field_problems(found))


def field_problems(messages: Any) -> tuple[FieldProblem, ...]:
    """marshmallow's nested messages as flat pairs of field and problem (`stops.3.lat`; `body` for what is wrong with the whole)."""
    found: list[FieldProblem] = []

    def walk(path: tuple[str, ...], told: Any) -> None:
        if isinstance(told, dict):
            for key, inner in told.items():
                walk((*path, str(key)), inner)
        else:
            named = ".".join(part for part in path if part != "_schema") or "body"
            found.append(FieldProblem(named, " ".join(str(one) for one in told) if isinstance(told, list) else str(told)))

    walk((), messages)
    return tuple(found)
