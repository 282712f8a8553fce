"""What all pages share: the frame around them, and errors as pages instead of problem+json."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, flash, redirect, render_template, request
from flask import session as cookie
from werkzeug.wrappers import Response as AnyResponse

from app.errors import FieldProblem, Rejected
from app.reading import EARLIEST, LATEST
from app.tenancy import page_session
from app.tenancy.api import identity, session
from app.tenancy.identity import Identity
from app.tenancy.models import Scope
from app.tenancy.queries import get_tenant
from app.web.fill import BANDS, fill_band
from app.web.formats import FILTERS

NAVIGATION = (
    ("Tonight", "/", Scope.PLANS_READ),
    ("Figures", "/kpis", Scope.KPIS_READ),
    ("Sources", "/sources", Scope.REGISTER_READ),
    ("Driving", "/drive", Scope.DRIVE),
    ("People and keys", "/admin", Scope.ADMIN),
)


def register_pages(app: Flask) -> None:
    """Has to come before the transactions: an error is rolled back while it still looks like one."""
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update(fill_band=fill_band, BANDS=BANDS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.after_request(_problem_as_page)


def render_page(template: str, **values: Any) -> str:
    """A page in its frame: whose it is, who looks, and where they may go."""
    who = identity()
    return render_template(template, tenant=get_tenant(session()), who=who, may=who.scopes, navigation=_navigation(who), **values)


def back_to(address: str, **arguments: Any) -> AnyResponse:
    """After a form has been sent: load the page that shows what came of it."""
    known = {name: value for name, value in arguments.items() if value not in (None, "")}
    return redirect(f"{address}?{urlencode(known)}" if known else address, code=303)


def local_path(wanted: str | None) -> str:
    """Where to go after signing in: a path of ours, never another site."""
    # browsers drop tabs and line feeds from an address, so "/<tab>/elsewhere" would lead elsewhere
    is_ours = wanted is not None and wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if wanted and is_ours else "/"


def read_date(written: str) -> date:
    """A date out of an address; Rejected where it is none."""
    try:
        day = date.fromisoformat(written)
    except ValueError as error:
        problem = FieldProblem("date", f"'{written[:20]}' is no date", "Write it like 2026-11-19.")
        raise Rejected("The date cannot be read.", fields=(problem,)) from error
    if not EARLIEST.date() <= day <= LATEST.date():
        problem = FieldProblem("date", f"lies in the year {day.year}", "Write it like 2026-11-19.")
        raise Rejected("The date is not of our times.", fields=(problem,))
    return day


def _navigation(who: Identity) -> list[tuple[str, str, bool]]:
    return [(label, path, _is_here(path)) for label, path, scope in NAVIGATION if scope in who.scopes]


def _is_here(path: str) -> bool:
    return request.path == path or (path != "/" and request.path.startswith(path + "/"))


def _problem_as_page(response: Response) -> Response:
    """The same facts as problem+json, for whoever reads pages; those who have to sign in first are led there."""
    if response.mimetype != "application/problem+json" or request.path.startswith("/api/") or not _reads_pages():
        return response
    problem = response.get_json()
    if response.status_code == 401:
        return _lead_to_sign_in(response, problem["detail"])
    response.set_data(render_template("error.html", problem=problem))
    response.mimetype = "text/html"
    return response


def _reads_pages() -> bool:
    return request.accept_mimetypes.best_match(["application/json", "text/html"], default="application/json") == "text/html"


def _lead_to_sign_in(response: Response, detail: str) -> Response:
    had_link = "link" in cookie
    page_session.end()  # what it held opens nothing any more, and would lead here again
    if had_link or request.path.startswith("/d/"):
        flash(detail)
    wanted = {"next": request.full_path.rstrip("?")} if request.method == "GET" and not request.path.startswith("/d/") else {}
    response.status_code, response.location = 302, f"/sign-in?{urlencode(wanted)}" if wanted else "/sign-in"
    response.set_data("")
    response.mimetype = "text/html"
    return response
