"""The room's endpoints: nights, plans and their reasons, the morning, the policy, fixed rounds."""

from datetime import date
from typing import Any

from flask import Response, jsonify, request, url_for
from flask.views import MethodView

from app.assets import geojson
from app.assets.models import Container
from app.errors import NotFound
from app.http import PageArgs, decode_cursor, encode_cursor, etag_of, page_body, read_page, require_current
from app.openapi import Blueprint
from app.planning import operations, queries, rounds, schemas
from app.planning.models import Plan, PlanningPolicy, Round, VisitKind
from app.tenancy.api import requires, session
from app.tenancy.models import Scope
from app.tenancy.scope import get_row, rows_of

blueprint = Blueprint("planning", __name__, url_prefix="/api/v1", description="Nights, plans, and why each container is or is not on them.")

DESCRIBED = ("id", "row_version", "code", "name", "vehicle_id", "weekdays", "active")


@blueprint.route("/nights")
class Nights(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.response(200, schemas.NightPage)
    def get(self, wanted: dict[str, Any]) -> Any:
        """Nights, the latest date first: how far each is, or why it failed."""
        limit, cursor = wanted["limit"], wanted["cursor"]
        before = date.fromordinal(min(max(decode_cursor(cursor), 1), date.max.toordinal())) if cursor else None
        found = queries.list_jobs(session(), before=before, limit=limit + 1)
        return page_body(found[:limit], encode_cursor(found[limit - 1].service_date.toordinal()) if len(found) > limit else None)

    @requires(Scope.PLANS_WRITE)
    @blueprint.arguments(schemas.NightRequestSchema)
    @blueprint.response(202, schemas.NightSchema)
    def post(self, wanted: dict[str, Any]) -> Any:
        """Have a date planned; a worker takes it up within seconds. Asking twice is asking once."""
        day = wanted["service_date"] or operations.next_service_date(session(), at=None)
        job = operations.ask_for_night(session(), day, again=wanted["again"])
        return job, 202, {"Location": url_for("planning.NightByDate", service_date=day)}


@blueprint.route("/nights/<string:service_date>")
class NightByDate(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.response(200, schemas.NightSchema)
    def get(self, service_date: str) -> Any:
        """How far one date's night is."""
        job = queries.find_job(session(), _date(service_date))
        if job is None:
            raise NotFound(f"Nobody has asked for a night of {service_date}.")
        return job


@blueprint.route("/mornings/<string:service_date>/absences")
class MorningAbsences(MethodView):
    @requires(Scope.PLANS_WRITE)
    @blueprint.arguments(schemas.AbsenceReportSchema)
    @blueprint.response(202, schemas.AbsenceAnswerSchema)
    def post(self, report: dict[str, Any], service_date: str) -> Any:
        """A truck is broken or a crew is not there: note it, and plan the date again without it."""
        day = _date(service_date)
        absence = operations.mark_absent(session(), day, **report)
        return {"absence_id": absence.id, "night": queries.find_job(session(), day)}


@blueprint.route("/plans")
class Plans(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.arguments(schemas.PlanArgs, location="query")
    @blueprint.response(200, schemas.PlanPage)
    def get(self, wanted: dict[str, Any]) -> Any:
        """Plans in the order in which they were made."""
        limit, cursor = wanted.pop("limit"), wanted.pop("cursor")
        return page_body(*read_page(session(), queries.select_plans(session(), **wanted), Plan, limit=limit, cursor=cursor))


@blueprint.route("/plans/<int:plan_id>")
class PlanById(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.response(200, schemas.PlanSchema)
    def get(self, plan_id: int) -> Any:
        """One plan's totals, bound, and what it stands on."""
        return _tagged(get_row(session(), Plan, plan_id))


@blueprint.route("/plans/<int:plan_id>/routes")
class PlanRoutes(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.arguments(schemas.RouteArgs, location="query")
    @blueprint.response(200, schemas.RoutesSchema)
    def get(self, wanted: dict[str, Any], plan_id: int) -> Any:
        """The plan's routes with their visits in order; `format=geojson` for lines along the streets and points of visits."""
        as_geojson = wanted["format"] == "geojson"
        detail = queries.get_plan_detail(session(), plan_id, with_paths=as_geojson)
        if as_geojson:
            return _as_geojson(detail)
        fields = schemas.RouteSchema().fields
        routes = [{name: getattr(route, name) for name in fields} | {"visits": detail.visits[route.id]} for route in detail.routes]
        return {"items": routes}


@blueprint.route("/plans/<int:plan_id>/decisions")
class PlanDecisions(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.arguments(schemas.DecisionArgs, location="query")
    @blueprint.response(200, schemas.DecisionPage)
    def get(self, wanted: dict[str, Any], plan_id: int) -> Any:
        """Why each container is, or is not, on the plan."""
        plan = get_row(session(), Plan, plan_id)
        limit, cursor = wanted["limit"], wanted["cursor"]
        after = decode_cursor(cursor) if cursor else 0
        found = queries.list_decisions(session(), plan.id, wanted["decision"], after=after, limit=limit + 1)
        return page_body(found[:limit], encode_cursor(found[limit - 1].container_id) if len(found) > limit else None)


@blueprint.route("/plans/<int:plan_id>/publish")
class PlanPublication(MethodView):
    @requires(Scope.PLANS_WRITE)
    @blueprint.arguments(schemas.PublicationSchema)
    @blueprint.response(200, schemas.PlanSchema)
    def post(self, said: dict[str, Any], plan_id: int) -> Any:
        """Send a plan out in place of the one that is out. If-Match is honoured, not required."""
        plan = _seen(plan_id)
        operations.publish_plan(session(), plan, note=said["note"])
        return _tagged(plan)


@blueprint.route("/plans/<int:plan_id>/withdraw")
class PlanWithdrawal(MethodView):
    @requires(Scope.PLANS_WRITE)
    @blueprint.arguments(schemas.PublicationSchema)
    @blueprint.response(200, schemas.PlanSchema)
    def post(self, said: dict[str, Any], plan_id: int) -> Any:
        """Take a published plan back; nothing is out on its date then."""
        plan = _seen(plan_id)
        operations.withdraw_plan(session(), plan, note=said["note"])
        return _tagged(plan)


@blueprint.route("/containers/<int:container_id>/decision")
class ContainerDecision(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.arguments(schemas.ContainerDecisionArgs, location="query")
    @blueprint.response(200, schemas.ContainerDecisionSchema)
    def get(self, wanted: dict[str, Any], container_id: int) -> Any:
        """Why is this container not on the plan, or why is it?"""
        container = get_row(session(), Container, container_id)
        newest = queries.find_latest_plan(session(), wanted["service_date"])
        found = newest and queries.find_decision(session(), container.id, newest.service_date)
        if not found:
            raise NotFound(f"No plan{' of that date' if wanted['service_date'] else ''} says anything of container {container.code}.")
        told = {name: getattr(found.decision, name) for name in schemas.DecisionSchema().fields}
        return told | {"service_date": found.plan.service_date, "plan_status": found.plan.status}


@blueprint.route("/policy")
class Policy(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.response(200, schemas.PolicySchema)
    def get(self) -> Any:
        """The tenant's prices and habits of planning; the defaults where it has set none."""
        return _tagged(_policy())

    @requires(Scope.PLANS_WRITE)
    @blueprint.arguments(schemas.PolicyChangeSchema)
    @blueprint.response(200, schemas.PolicySchema)
    def patch(self, values: dict[str, Any]) -> Any:
        """Change some of them, from the next night on. Send If-Match."""
        require_current(_policy())
        return _tagged(operations.change_policy(session(), values))


@blueprint.route("/rounds")
class Rounds(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.response(200, schemas.RoundPage)
    def get(self, wanted: dict[str, Any]) -> Any:
        """The fixed recurring rounds with their containers in order."""
        found, cursor = read_page(session(), rows_of(session(), Round), Round, limit=wanted["limit"], cursor=wanted["cursor"])
        orders = queries.containers_by_round(session(), [fixed.id for fixed in found])
        return page_body([_described(fixed, orders[fixed.id]) for fixed in found], cursor)

    @requires(Scope.PLANS_WRITE)
    @blueprint.arguments(schemas.RoundSchema)
    @blueprint.response(201, schemas.RoundSchema)
    def post(self, values: dict[str, Any]) -> Any:
        """Create a fixed round."""
        fixed = rounds.create_round(session(), **values)
        body, status, headers = _round_answer(fixed, 201)
        return body, status, headers | {"Location": url_for("planning.RoundById", round_id=fixed.id)}


@blueprint.route("/rounds/<int:round_id>")
class RoundById(MethodView):
    @requires(Scope.PLANS_READ)
    @blueprint.response(200, schemas.RoundSchema)
    def get(self, round_id: int) -> Any:
        """One fixed round."""
        return _round_answer(get_row(session(), Round, round_id))

    @requires(Scope.PLANS_WRITE)
    @blueprint.arguments(schemas.RoundChangeSchema)
    @blueprint.response(200, schemas.RoundSchema)
    def patch(self, values: dict[str, Any], round_id: int) -> Any:
        """Change a fixed round; `container_ids` replaces its whole order. Send If-Match."""
        fixed = get_row(session(), Round, round_id)
        require_current(fixed)
        rounds.change_round(session(), fixed, values)
        return _round_answer(fixed)

    @requires(Scope.PLANS_WRITE)
    @blueprint.response(204)
    def delete(self, round_id: int) -> None:
        """Give a fixed round up; plans that were made of it stay. Send If-Match."""
        fixed = get_row(session(), Round, round_id)
        require_current(fixed)
        rounds.delete_round(session(), fixed)


def _date(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise NotFound(f"There is no date '{written}': write it as 2026-11-24.") from error


def _seen(plan_id: int) -> Plan:
    """The plan, at the version that the request names, if it names one."""
    plan = get_row(session(), Plan, plan_id)
    if "If-Match" in request.headers:
        require_current(plan)
    return plan


def _policy() -> PlanningPolicy:
    policy = queries.get_policy(session())
    if policy.row_version is None:
        policy.row_version = 0  # the defaults, which are no row yet
    return policy


def _tagged(row: Any) -> tuple[Any, int, dict[str, str]]:
    return row, 200, {"ETag": etag_of(row)}


def _round_answer(fixed: Round, status: int = 200) -> tuple[dict[str, Any], int, dict[str, str]]:
    return _described(fixed, queries.containers_by_round(session(), [fixed.id])[fixed.id]), status, {"ETag": etag_of(fixed)}


def _described(fixed: Round, container_ids: list[int]) -> dict[str, Any]:
    return {name: getattr(fixed, name) for name in DESCRIBED} | {"container_ids": container_ids}


def _as_geojson(detail: queries.PlanDetail) -> Response:
    """A line for each route along the streets, and a point for each visit at a container or facility."""
    features = []
    for route in detail.routes:
        own = {"route_id": route.id, "vehicle": detail.vehicles[route.vehicle_id].code}
        totals = {"kind": "route", "distance_m": route.distance_m, "load_kg": route.load_kg}
        line = {"type": "LineString", "coordinates": route.path} if len(route.path) > 1 else None
        features.append(geojson.feature(route.id, line, own | totals))
        for visit in detail.visits[route.id]:
            place = _place(detail, visit)
            if place is not None:
                facts = {"kind": visit.kind, "sequence": visit.sequence, "arrives_at": visit.arrives_at.isoformat()}
                names = {"container_id": visit.container_id, "facility_id": visit.facility_id}
                point = {"type": "Feature", "geometry": geojson.point(place.lat, place.lon), "properties": own | facts | names}
                features.append(point)
    answer = jsonify({"type": "FeatureCollection", "features": features})
    answer.mimetype = geojson.MEDIA_TYPE
    return answer


def _place(detail: queries.PlanDetail, visit: Any) -> Any:
    if visit.kind is VisitKind.PICKUP:
        return detail.containers[visit.container_id].site
    return detail.facilities[visit.facility_id] if visit.kind is VisitKind.UNLOAD else None
