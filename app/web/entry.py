"""Coming in and going out: sign-in, a driver's link, one's own password."""

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.errors import KerbsideError, NotAllowed, NotSignedIn, Rejected, TooMany
from app.tenancy import page_session
from app.tenancy.api import database, find_identity, identity, session
from app.tenancy.links import read_route_link
from app.tenancy.models import Scope, UserAccount
from app.tenancy.operations import change_password
from app.tenancy.scope import get_row
from app.tenancy.sign_in import sign_in
from app.web.pages import back_to, local_path, render_page

blueprint = Blueprint("entry", __name__)


@blueprint.get("/sign-in")
def sign_in_form() -> str:
    return render_template("entry/sign_in.html", error=None)


@blueprint.post("/sign-in")
def sign_in_now() -> ResponseReturnValue:
    if not page_session.comes_from_our_pages():
        raise NotAllowed("This request was sent by a page of another site.")
    form = request.form
    try:
        signed_in = sign_in(
            database(),
            form.get("email", ""),
            form.get("password", ""),
            network_address=request.remote_addr or "unknown",
            secret=page_session.secret(),
            organisation=form.get("organisation") or None,
        )
    except (NotSignedIn, Rejected, TooMany) as error:
        return render_template("entry/sign_in.html", error=error), error.status
    page_session.start(signed_in)
    return back_to(local_path(form.get("next")))


@blueprint.post("/sign-out")
def sign_out() -> Response:
    page_session.end()
    return back_to("/sign-in")


@blueprint.post("/stop-looking")
def stop_looking() -> Response:
    """Back from a child tenant to one's own rows."""
    page_session.view(None)
    return back_to("/")


@blueprint.get("/d/<token>")
def driver_link(token: str) -> Response:
    """A driver's link opens its route. A dispatcher who tries it out stays who they are."""
    link = read_route_link(page_session.secret(), token)
    who = find_identity()
    is_ours = who is not None and who.tenant_id == link.tenant_id and who.route_id is None and Scope.DRIVE in who.scopes
    if not is_ours:
        page_session.start_with_link(token)
    return redirect(f"/drive/{link.route_id}")


@blueprint.get("/account")
def account() -> str:
    return render_page("entry/account.html", user=_own_account(), error=None)


@blueprint.post("/account")
def new_password() -> ResponseReturnValue:
    user = _own_account()
    try:
        change_password(session(), user, old=request.form.get("old_password", ""), new=request.form.get("new_password", ""))
    except KerbsideError as error:
        return render_page("entry/account.html", user=user, error=error), error.status
    page_session.keep_version(user.session_version)
    flash("Your password is changed. Every other session of yours has ended.")
    return back_to("/account")


def _own_account() -> UserAccount:
    who = identity()
    if who.user_id is None:
        raise NotAllowed("A driver's link and an API key have no account.")
    return get_row(session(), UserAccount, who.user_id)
