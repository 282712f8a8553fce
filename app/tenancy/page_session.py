"""Page sessions: a signed cookie that says who, and a token that proves that a request comes from one of our own pages."""

import hmac
from secrets import token_urlsafe
from typing import cast
from urllib.parse import urlsplit

from flask import current_app, request, url_for
from flask import session as cookie

from app.config import Settings
from app.db import Database
from app.errors import NotAllowed
from app.tenancy.identity import Identity, of_user
from app.tenancy.links import read_route_link
from app.tenancy.queries import find_tenant_of_others, find_user_of_session
from app.tenancy.sign_in import SignedIn

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def secret() -> str:
    """The key that signs cookies and links."""
    return cast(Settings, current_app.extensions["kerbside.settings"]).signing_key()


def start(signed_in: SignedIn) -> None:
    """Begin a person's session in this browser. Whatever the cookie held before is forgotten, its CSRF token too."""
    cookie.clear()
    cookie.permanent = True
    cookie["tenant_id"], cookie["user_id"] = signed_in.identity.tenant_id, signed_in.identity.user_id
    cookie["session_version"] = signed_in.session_version


def start_with_link(token: str) -> Identity:
    """Begin a session that opens the one route of a driver's link; NotSignedIn when the link is not good."""
    found = read_route_link(secret(), token)
    cookie.clear()
    cookie.permanent = True
    cookie["link"] = token
    return found


def link_address(token: str) -> str:
    """A driver's link as an address; behind https it says so, though the request may have come to us over plain http."""
    scheme = "https" if current_app.config["SESSION_COOKIE_SECURE"] else None
    return url_for("entry.driver_link", token=token, _external=True, _scheme=scheme)


def end() -> None:
    """Forget who was signed in here."""
    cookie.clear()


def keep_version(session_version: int) -> None:
    """This browser stays signed in though its person's sessions have just been ended: it is the one that did it."""
    cookie["session_version"] = session_version


def view(tenant_id: int | None) -> None:
    """Look into a child from the next request on; None stops looking."""
    cookie.pop("view_tenant_id", None)
    if tenant_id is not None:
        cookie["view_tenant_id"] = tenant_id


def find_holder(database: Database) -> Identity | None:
    """Whose cookie this is; None without one, or when the session has been ended."""
    if "link" in cookie:
        return read_route_link(secret(), cookie["link"])
    if "user_id" not in cookie:
        return None
    with database.transaction(cookie["tenant_id"]) as session:
        user = find_user_of_session(session, cookie["user_id"], cookie["session_version"])
        if user is None:
            return None
        found = of_user(user.tenant_id, user.id, user.role)
        looked_into = cookie.get("view_tenant_id")
        if looked_into is None:
            return found
        still_granted = find_tenant_of_others(session, tenant_id=looked_into) is not None
    return found.looking_into(looked_into if still_granted else NO_TENANT)


NO_TENANT = -1
"""Looked into when the grant has ended: the session sees nothing and writes nothing until its holder stops looking. It must not fall
back to the own rows on its own account: what looks like an edit of the child would then land there."""


def csrf_token() -> str:
    """The token that this browser's forms and scripts send back; made on first use."""
    if "csrf" not in cookie:
        cookie["csrf"] = token_urlsafe(24)
    return cast(str, cookie["csrf"])


def check_csrf() -> None:
    """NotAllowed unless the request carries this session's token and, as far as the browser tells, comes from our own pages."""
    sent = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token") or ""
    if not hmac.compare_digest(sent.encode(), cookie.get("csrf", "").encode()) or not sent:
        raise NotAllowed("The form's token is missing or belongs to another session. Load the page again and repeat it.")
    if not comes_from_our_pages():
        raise NotAllowed("This request was sent by a page of another site.")


def comes_from_our_pages() -> bool:
    """What the browser says of the sending page; one that says nothing is judged by its token alone."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host
