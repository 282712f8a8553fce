"""The dispatcher's pages: the night on a map and in lists, what can be done about it, route sheets."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.assets.models import AbsenceReason
from app.dispatch.route_link import create_route_link
from app.errors import FieldProblem, Rejected
from app.planning.models import Decision, Plan
from app.planning.operations import ask_for_night, mark_absent, publish_plan, withdraw_plan
from app.planning.queries import find_job
from app.planning.route_sheet import get_route_sheet
from app.tenancy import page_session
from app.tenancy.api import identity, requires, session
from app.tenancy.models import Scope
from app.tenancy.scope import get_row
from app.web.map_data import draw_night
from app.web.night_view import (
    NightView,
    filter_containers,
    load_night,
    load_progress,
    load_workforce,
    neighbours,
    service_date_to_show,
    summary_of,
)
from app.web.pages import back_to, read_date, render_page
from app.web.plan_words import ORIGINS, broken_rules, costs_by_cause, list_changes

blueprint = Blueprint("dispatcher", __name__)

WORKERS_SAY_NOTHING = "waiting for a worker"


@blueprint.get("/")
def night() -> ResponseReturnValue:
    who = identity()
    if Scope.PLANS_READ not in who.scopes and Scope.DRIVE in who.scopes:
        return redirect("/drive" if who.route_id is None else f"/drive/{who.route_id}")
    return _night_page()


@requires(Scope.PLANS_READ)
def _night_page() -> str:
    shown = _night_asked_for()
    args = request.args
    return render_page(
        "dispatcher/night.html",
        night=shown,
        view=shown.shown,
        progress=load_progress(session(), identity(), shown),
        facts=summary_of(shown.shown.plan) if shown.shown else {},
        changes=list_changes(session(), shown),
        broken=broken_rules(session(), shown),
        costs=costs_by_cause(summary_of(shown.shown.plan)["costs"]) if shown.shown else [],
        neighbours=neighbours(shown.service_date),
        list=filter_containers(
            shown.containers, wanted=args.get("q", "").strip(), decision=args.get("decision", ""), page=_number(args.get("page")) or 1
        ),
        selected_route=_number(args.get("route")),
        selected_container=_number(args.get("container")),
        workforce=load_workforce(session(), shown.service_date),
        choices=list(Decision),
        reasons=list(AbsenceReason),
        origins=ORIGINS,
        waiting=WORKERS_SAY_NOTHING,
        address=address_with,
    )


@blueprint.get("/map.json")
@requires(Scope.PLANS_READ)
def map_data() -> Response:
    return jsonify(draw_night(session(), _night_asked_for(with_paths=True)))


@blueprint.get("/nights/<service_date>/progress")
@requires(Scope.PLANS_READ)
def progress(service_date: str) -> Response:
    """How far the night is, for the page that waits for it."""
    job = find_job(session(), read_date(service_date))
    return jsonify({"status": job.status if job else None, "progress": job.progress if job else None})


@blueprint.post("/nights/<service_date>/plan")
@requires(Scope.PLANS_WRITE)
def plan_again(service_date: str) -> Response:
    day = read_date(service_date)
    ask_for_night(session(), day, again=True)
    flash(f"{day} is being planned. What is published stays until the new plan replaces it.")
    return back_to("/", date=day)


@blueprint.post("/nights/<service_date>/absences")
@requires(Scope.PLANS_WRITE)
def report_absence(service_date: str) -> Response:
    """A truck is broken or a crew is not there: the date is planned again without it."""
    day = read_date(service_date)
    kind, _, number = request.form.get("who", "").partition(":")
    who_id = _number(number)
    if kind not in ("vehicle", "crew") or who_id is None:
        raise Rejected("Nobody was named.", fields=(FieldProblem("who", "is missing", "Choose a truck or a crew."),))
    reason = next((one for one in AbsenceReason if one == request.form.get("reason")), AbsenceReason.OTHER)
    mark_absent(
        session(),
        day,
        reason=reason,
        vehicle_id=who_id if kind == "vehicle" else None,
        crew_id=who_id if kind == "crew" else None,
        note=request.form.get("note") or None,
    )
    flash("Noted. The date is planned again without it; the plan that is out stays until the new one replaces it.")
    return back_to("/", date=day)


@blueprint.post("/plans/<int:plan_id>/publish")
@requires(Scope.PLANS_WRITE)
def publish(plan_id: int) -> Response:
    plan = get_row(session(), Plan, plan_id)
    publish_plan(session(), plan)
    flash(f"Plan {plan.id} is published: its crews can see their routes.")
    return back_to("/", date=plan.service_date)


@blueprint.post("/plans/<int:plan_id>/withdraw")
@requires(Scope.PLANS_WRITE)
def withdraw(plan_id: int) -> Response:
    plan = get_row(session(), Plan, plan_id)
    withdraw_plan(session(), plan)
    flash(f"Plan {plan.id} is withdrawn: nothing is out on {plan.service_date}.")
    return back_to("/", date=plan.service_date, plan=plan.id)


@blueprint.post("/routes/<int:route_id>/link")
@requires(Scope.PLANS_WRITE)
def driver_link(route_id: int) -> str:
    """A link for the crew of a route, to be copied into a message; this answer is the only place where it stands."""
    made = create_route_link(session(), identity(), route_id, secret=page_session.secret(), now=datetime.now(UTC))
    return render_page("dispatcher/link.html", link=made, url=page_session.link_address(made.token))


@blueprint.get("/routes/<int:route_id>/sheet")
@requires(Scope.PLANS_READ)
def sheet(route_id: int) -> str:
    """A route on paper."""
    return render_page("dispatcher/sheet.html", sheet=get_route_sheet(session(), route_id))


def address_with(**changed: Any) -> str:
    """This page's address with some of its arguments changed; None takes one out."""
    arguments = request.args.to_dict() | changed
    return back_to("/", **arguments).location or "/"


def _night_asked_for(*, with_paths: bool = False) -> NightView:
    plan_id = _number(request.args.get("plan"))
    if plan_id is not None:
        return load_night(session(), get_row(session(), Plan, plan_id).service_date, plan_id=plan_id, with_paths=with_paths)
    wanted = request.args.get("date")
    return load_night(session(), read_date(wanted) if wanted else service_date_to_show(session()), with_paths=with_paths)


def _number(written: str | None) -> int | None:
    return int(written) if written and written.isdecimal() and len(written) < 19 else None
