"""The driver's pages: whose routes there are today, and one route on a phone, stop by stop."""

from datetime import UTC, date, datetime, timedelta

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from app.dispatch.progress import VisitState
from app.dispatch.sheet import get_sheet, list_progress, today
from app.dispatch.skip_reasons import LABELS
from app.planning.models import VisitKind
from app.tenancy.api import identity, requires, session
from app.tenancy.models import Scope
from app.web.pages import read_date, render_page

blueprint = Blueprint("driver", __name__, url_prefix="/drive")

ACTION_OF = {
    VisitKind.DEPART: ("started", "Start"),
    VisitKind.PICKUP: ("collected", "Collected"),
    VisitKind.UNLOAD: ("unloaded", "Unloaded"),
    VisitKind.BREAK: ("break_taken", "Break taken"),
    VisitKind.RETURN: ("finished", "Finish"),
}


@blueprint.get("")
@requires(Scope.DRIVE)
def routes() -> ResponseReturnValue:
    """The published routes of a day that the asker may drive."""
    who = identity()
    if who.route_id is not None:
        return redirect(f"/drive/{who.route_id}")
    day = _day_asked_for()
    found = list_progress(session(), who, day, now=datetime.now(UTC))
    return render_page("driver/routes.html", day=day, routes=found, neighbours=(day - timedelta(days=1), day + timedelta(days=1)))


@blueprint.get("/<int:route_id>")
@requires(Scope.DRIVE)
def route(route_id: int) -> str:
    sheet = get_sheet(session(), identity(), route_id, now=datetime.now(UTC))
    following = next((stop for stop in sheet.stops if stop.now.state is VisitState.OPEN), None)
    return render_page("driver/route.html", sheet=sheet, following=following, action_of=ACTION_OF, skip_reasons=LABELS)


def _day_asked_for() -> date:
    wanted = request.args.get("date")
    return read_date(wanted) if wanted else today(session(), now=datetime.now(UTC))
