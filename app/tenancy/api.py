"""Who asks, on whose rows, in which transaction: the base of every request. The room's own endpoints are in `people_api.py`."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request

from app.db import Database, TenantSession
from app.errors import NotAllowed, NotSignedIn
from app.tenancy import page_session
from app.tenancy.identity import READ_ONLY, Identity
from app.tenancy.links import PREFIX as LINK
from app.tenancy.links import read_route_link
from app.tenancy.models import Scope
from app.tenancy.open_endpoints import ALWAYS_OPEN_TO_VIEWERS, OPEN_ENDPOINTS
from app.tenancy.operations import look_into
from app.tenancy.queries import find_key_holder

View = TypeVar("View", bound=Callable[..., Any])

VIEW_HEADER = "Kerbside-View"
SESSION_LIFETIME = timedelta(hours=12)


def database() -> Database:
    return cast(Database, current_app.extensions["kerbside.database"])


def identity() -> Identity:
    """Who asks; NotSignedIn when nobody has said."""
    found = find_identity()
    if found is None:
        raise NotSignedIn("Send an API key (Authorization: Bearer …) or sign in.")
    return found


def find_identity() -> Identity | None:
    """Who asks: a bearer key or link, else the page session. Looked up once a request."""
    if "identity" not in g:
        g.by_cookie = "Authorization" not in request.headers
        g.identity = page_session.find_holder(database()) if g.by_cookie else _bearer()
    return cast(Identity | None, g.identity)


def _bearer() -> Identity:
    scheme, _, credential = request.headers["Authorization"].partition(" ")
    credential = credential.strip()
    if scheme.lower() == "bearer" and credential.startswith(LINK):
        return read_route_link(page_session.secret(), credential)
    holder = find_key_holder(database(), credential) if scheme.lower() == "bearer" else None
    if holder is None:
        raise NotSignedIn("This API key is unknown, revoked or has run out.")
    child = request.headers.get(VIEW_HEADER)
    return _looking(holder, child) if child else holder


def _looking(holder: Identity, slug: str) -> Identity:
    """The key's holder looking into a child; the look is in the log even if the request then fails."""
    with database().transaction(holder.tenant_id, actor=holder.actor) as session:
        return holder.looking_into(look_into(session, slug=slug).id)


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
    """Before each request: who is it, and may they. After it: commit, or roll back."""
    app.config["PERMANENT_SESSION_LIFETIME"] = SESSION_LIFETIME
    app.jinja_env.globals["csrf_token"] = page_session.csrf_token
    app.before_request(_close_what_is_not_open)
    app.before_request(_refuse_forged_requests)
    app.before_request(_refuse_writes_of_viewers)
    app.after_request(_commit_or_roll_back)
    app.teardown_request(_close)


def _close_what_is_not_open() -> None:
    """Before the body is even looked at: an endpoint of the API is closed unless `open_endpoints` says why not."""
    if request.path.startswith("/api/") and request.endpoint and request.endpoint not in OPEN_ENDPOINTS:
        identity()


def _refuse_forged_requests() -> None:
    """A browser sends its cookie whoever wrote the form: what changes something must carry the session's token as well."""
    if request.method in page_session.SAFE_METHODS or request.endpoint in OPEN_ENDPOINTS or "Authorization" in request.headers:
        return
    if find_identity() is not None:
        page_session.check_csrf()


def _refuse_writes_of_viewers() -> None:
    """Looking is for reading, while the grant lasts. The policies would refuse it as well; this says it in words."""
    if request.endpoint in ALWAYS_OPEN_TO_VIEWERS | OPEN_ENDPOINTS.keys() | {"static"}:
        return
    who = find_identity()
    if who is None or who.view_tenant_id is None:
        return
    if who.view_tenant_id == page_session.NO_TENANT:
        raise NotAllowed("The grant to look into that tenant has been revoked or ran out. Stop looking to go on.")
    if request.method not in page_session.SAFE_METHODS:
        raise NotAllowed(READ_ONLY)


def _commit_or_roll_back(response: Response) -> Response:
    current = g.get("db_session")
    if current is None:
        return response
    if response.status_code >= 400:
        current.rollback()
        return response
    try:
        current.commit()
    except Exception as error:  # what only shows now (somebody else's edit, a deferred rule) is answered like what showed earlier
        current.rollback()
        return current_app.make_response(current_app.handle_user_exception(error))
    return response


def _close(_: BaseException | None) -> None:
    current = g.pop("db_session", None)
    if current is not None:
        current.close()
