"""The room's endpoints: a crew's routes out, its reports in, and the day as the dispatcher follows it."""

import json
from datetime import UTC, datetime
from typing import Any

from flask import Response, request
from flask.views import MethodView

from app.dispatch import schemas, sheet
from app.dispatch.gpx import to_gpx
from app.dispatch.operations import record_actions
from app.dispatch.reports import LARGEST_BATCH, OutcomeStatus
from app.dispatch.route_link import create_route_link
from app.dispatch.skip_reasons import LABELS
from app.errors import FieldProblem, Rejected, TooLarge, Unreadable, to_problem
from app.openapi import Blueprint
from app.reading import read_json
from app.tenancy import page_session
from app.tenancy.api import identity, requires, session
from app.tenancy.models import Scope

blueprint = Blueprint("dispatch", __name__, url_prefix="/api/v1", description="Published routes in the field.")


def _now() -> datetime:
    return datetime.now(UTC)


@blueprint.route("/driver/routes")
class DriverRoutes(MethodView):
    @requires(Scope.DRIVE)
    @blueprint.arguments(schemas.DayArgs, location="query")
    @blueprint.response(200, schemas.DriverRouteListSchema)
    def get(self, wanted: dict[str, Any]) -> Any:
        """The published routes of a day that the asker may drive: a link's one, a driver's own crew's, or all."""
        return {"items": sheet.list_progress(session(), identity(), wanted["date"], now=_now())}


@blueprint.route("/driver/routes/<int:route_id>")
class DriverRouteById(MethodView):
    @requires(Scope.DRIVE)
    @blueprint.response(200, schemas.DriverRouteSchema)
    def get(self, route_id: int) -> Any:
        """One route, visit by visit. It can still be read after its plan was withdrawn; `status` says so."""
        return sheet.get_sheet(session(), identity(), route_id, now=_now())


@blueprint.route("/driver/routes/<int:route_id>.gpx")
class DriverRouteGpx(MethodView):
    @requires(Scope.DRIVE)
    @blueprint.response(200, {"type": "string"}, content_type="application/gpx+xml")
    def get(self, route_id: int) -> Response:
        """The route for a navigation device: a track along the streets, and a waypoint for each stop."""
        found = sheet.get_sheet(session(), identity(), route_id, with_path=True, now=_now())
        headers = {"Content-Disposition": f'attachment; filename="route-{route_id}.gpx"'}
        return Response(to_gpx(found), mimetype="application/gpx+xml", headers=headers)


@blueprint.route("/driver/actions")
class DriverActions(MethodView):
    @requires(Scope.DRIVE)
    @blueprint.doc(requestBody={"required": True, "content": {"application/json": {"schema": schemas.ActionBatchSchema}}})
    @blueprint.alt_response(400, description="The body is no batch.")
    @blueprint.alt_response(413, description=f"More than {LARGEST_BATCH} actions.")
    @blueprint.alt_response(422, description="Not one of the actions was taken; `items` says why, as in the answer 200.")
    @blueprint.response(200, schemas.ActionAnswerSchema)
    def post(self) -> Response:
        """Report what was done, in any order, days late, and as often as it takes.

        `items` says of each action, in order, what became of it: `accepted`, `duplicate` (the same again), `conflict` (the same
        `client_uid` with other content; the first stays) or `rejected`. A bad action does not hold up the others. What is answered
        is on disk.
        """
        outcomes = record_actions(session(), identity(), [schemas.read_action(item) for item in _read_batch()])
        body, status = schemas.answer_body(outcomes), 200
        if outcomes and all(outcome.status is OutcomeStatus.REJECTED for outcome in outcomes):
            refused = Rejected("Not one of the actions was taken.")
            body, status = to_problem(refused) | body, refused.status
        mimetype = "application/json" if status == 200 else "application/problem+json"
        return Response(json.dumps(body), status, mimetype=mimetype)


def _read_batch() -> list[object]:
    body = read_json(request.get_data(cache=False), constants_as_text=True)
    if not isinstance(body, dict) or set(body) != {"actions"} or not isinstance(body["actions"], list):
        mend = 'Send {"actions": [{"client_uid": …, "route_id": …, "kind": …, "occurred_at": …, …}, …]}.'
        raise Unreadable(
            "The body is not a batch of actions.", fields=(FieldProblem("actions", "is missing, or not the only field", mend),)
        )
    if len(body["actions"]) > LARGEST_BATCH:
        raise TooLarge(f"These are {len(body['actions']):,} actions: send at most {LARGEST_BATCH} a request.")
    return list(body["actions"])


@blueprint.route("/driver/skip-reasons")
class SkipReasons(MethodView):
    @requires(Scope.DRIVE)
    @blueprint.response(200, schemas.SkipReasonListSchema)
    def get(self) -> Any:
        """The reasons that a `skipped` action may give."""
        return {"items": [{"reason": reason, "label": label} for reason, label in LABELS.items()]}


@blueprint.route("/routes/<int:route_id>/link")
class RouteLink(MethodView):
    @requires(Scope.PLANS_WRITE)
    @blueprint.alt_response(409, description="The route's plan was withdrawn or superseded.")
    @blueprint.response(201, schemas.RouteLinkSchema)
    def post(self, route_id: int) -> Any:
        """A driver's link: it opens this one route, without an account, until it runs out."""
        made = create_route_link(session(), identity(), route_id, secret=page_session.secret(), now=_now())
        url = page_session.link_address(made.token)
        return {"route_id": route_id, "token": made.token, "url": url, "expires_at": made.expires_at}


@blueprint.route("/dispatch/day")
class DispatchDay(MethodView):
    @requires(Scope.DRIVE)
    @blueprint.arguments(schemas.DayArgs, location="query")
    @blueprint.response(200, schemas.DispatchDaySchema)
    def get(self, wanted: dict[str, Any]) -> Any:
        """How far the day's routes are."""
        routes = sheet.list_progress(session(), identity(), wanted["date"], now=_now())
        return {"date": wanted["date"] or sheet.today(session(), now=_now()), "items": routes, "total": sheet.total(routes)}
