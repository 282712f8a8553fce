"""Is the service up: the one page for programs that watch over it."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError

from app.errors import Unavailable
from app.tenancy.api import database

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """200 when the database answers; no login, and nothing about anybody."""
    try:
        with database().transaction(None) as session:
            session.connection()  # its first statement says whose session it is: an answer to that is an answer
    except OperationalError as error:
        raise Unavailable("The database does not answer.") from error
    return {"status": "ok"}
