"""Who asks, on whose rows, in which transaction: the base of every request."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request

from app.db import Database, TenantSession
from app.errors import NotSignedIn
from app.tenancy.identity import Identity
from app.tenancy.models import Scope
from app.tenancy.open_endpoints import OPEN_ENDPOINTS
from app.tenancy.queries import find_key_holder

View = TypeVar("View", bound=Callable[..., Any])


def database() -> Database:
    return cast(Database, current_app.extensions["kerbside.database"])


def identity() -> Identity:
    """Who asks; NotSignedIn when nobody has said."""
    found = find_identity()
    if found is None:
        raise NotSignedIn("Send an API key (Authorization: Bearer …) or sign in.")
    return found


def find_identity() -> Identity | None:
    """Who asks: a bearer key, else the page session. Looked up once a request."""
    if "identity" not in g:
        g.identity = _bearer() if request.headers.get("Authorization") else None
    return cast(Identity | None, g.identity)


def _bearer() -> Identity:
    scheme, _, key = request.headers["Authorization"].partition(" ")
    holder = find_key_holder(database(), key.strip()) if scheme.lower() == "bearer" else None
    if holder is None:
        raise NotSignedIn("This API key is unknown, revoked or has run out.")
    return holder


def session() -> TenantSession:
    """The request's one session, in the asker's tenant. It commits once, when the answer is made, if the answer is no error."""
    if "db_session" not in g:
        who = identity()
        g.db_session = database().sessions(info={"tenant_id": who.tenant_id, "view_tenant_id": who.view_tenant_id, "actor": who.actor})
    return cast(TenantSession, g.db_session)


def requires(scope: Scope) -> Callable[[View], View]:
    """The decorated endpoint answers only those who may: 401 without a credential, 403 without the scope."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            identity().require(scope)
            return view(*args, **kwargs)

        guarded.required_scope = scope  # type: ignore[attr-defined]
        return cast(View, guarded)

    return decorate


def register_transactions(app: Flask) -> None:
    @app.before_request
    def ask_who_it_is() -> None:
        """Before the body is even looked at: an endpoint of the API is closed unless `open_endpoints` says why not."""
        if request.path.startswith("/api/") and request.endpoint and request.endpoint not in OPEN_ENDPOINTS:
            identity()

    @app.after_request
    def commit_or_roll_back(response: Response) -> Response:
        current = g.get("db_session")
        if current is not None:
            if response.status_code < 400:
                current.commit()
            else:
                current.rollback()
        return response

    @app.teardown_request
    def close(_: BaseException | None) -> None:
        current = g.pop("db_session", None)
        if current is not None:
            current.close()
