"""The room's endpoints: figures of a period, one figure with what it stands on, and what areas need."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask.views import MethodView
from marshmallow import RAISE

from app.assets.models import Vehicle, Zone
from app.assets.service_days import local_date
from app.errors import FieldProblem, NotFound, Rejected
from app.openapi import Blueprint
from app.reporting import queries, schemas
from app.reporting.queries import By, Slice
from app.tenancy.api import requires, session
from app.tenancy.models import Scope
from app.tenancy.queries import get_tenant
from app.tenancy.scope import find_row

blueprint = Blueprint("reporting", __name__, url_prefix="/api/v1", description="Figures.")

USUAL_PERIOD = timedelta(days=27)


@blueprint.route("/kpis")
class Kpis(MethodView):
    @requires(Scope.KPIS_READ)
    @blueprint.arguments(schemas.KpiArgs, location="query", unknown=RAISE)
    @blueprint.response(200, schemas.KpisSchema)
    def get(self, wanted: dict[str, Any]) -> Any:
        """All figures of a period, with their definitions, and why visits ended without a lift."""
        by = wanted.pop("by")
        of = _slice(wanted)
        skips = [{"reason": reason, "visits": visits} for reason, visits in queries.skips_by_reason(session(), of).items()]
        return {"period": of, "figures": queries.kpis(session(), of, by=by), "skips": skips}


@blueprint.route("/kpis/<name>")
class KpiByName(MethodView):
    @requires(Scope.KPIS_READ)
    @blueprint.arguments(schemas.KpiArgs, location="query", unknown=RAISE)
    @blueprint.response(200, schemas.KpiSchema)
    def get(self, wanted: dict[str, Any], name: str) -> Any:
        """One figure, by day unless something else is asked for, and the sums behind each line."""
        by = wanted.pop("by") or By.DAY
        of = _slice(wanted)
        return {"period": of, "figure": queries.kpis(session(), of, by=by, names=[name])[0]}


@blueprint.route("/area-trends")
class AreaTrends(MethodView):
    @requires(Scope.KPIS_READ)
    @blueprint.arguments(schemas.SliceArgs, location="query", unknown=RAISE)
    @blueprint.response(200, schemas.AreaTrendsSchema)
    def get(self, wanted: dict[str, Any]) -> Any:
        """Each zone and class, week by week: what comes in, how full it is lifted, how often it overflows; and what that calls for."""
        of = _slice(wanted)
        return {"period": of, "items": queries.area_trends(session(), of)}


def _slice(wanted: dict[str, Any]) -> Slice:
    """The period and part that were asked for; NotFound if they name what is not the tenant's."""
    if wanted["zone_id"] is not None and find_row(session(), Zone, wanted["zone_id"]) is None:
        raise _unknown("zone", "/zones")
    if wanted["vehicle_id"] is not None and find_row(session(), Vehicle, wanted["vehicle_id"]) is None:
        raise _unknown("vehicle", "/vehicles")
    last = wanted.pop("last_day") or local_date(get_tenant(session()), datetime.now(UTC))
    first = wanted.pop("first_day") or last - USUAL_PERIOD
    if first > last:
        problem = FieldProblem("from", "lies in the future", "Give `to` as well, or an earlier day.")
        raise Rejected("The period begins after its end.", fields=(problem,))
    return Slice(first, last, **wanted)


def _unknown(field: str, found_at: str) -> NotFound:
    problem = FieldProblem(field, "names none of yours", f"GET /api/v1{found_at} lists those there are.")
    return NotFound("There is no such part of the town.", fields=(problem,))
