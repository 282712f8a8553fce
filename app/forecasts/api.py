"""The room's endpoints: a container's forecast and its record, the tenant's scores, and evidence of inflow."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask.views import MethodView

from app.assets.models import Container
from app.errors import FieldProblem, NotFound, Rejected
from app.forecasts import schemas
from app.forecasts.operations import Evidence, record_evidence
from app.forecasts.queries import list_scores
from app.forecasts.told import Told, find_told
from app.openapi import Blueprint
from app.tenancy.api import requires, session
from app.tenancy.models import Scope
from app.tenancy.scope import get_row, rows_of

blueprint = Blueprint("forecasts", __name__, url_prefix="/api/v1", description="What containers will hold, and how well that is known.")

SCORES_SHOWN = timedelta(days=90)


@blueprint.route("/containers/<int:container_id>/forecast")
class ContainerForecastById(MethodView):
    @requires(Scope.MEASUREMENTS_READ)
    @blueprint.response(200, schemas.ForecastSchema)
    def get(self, container_id: int) -> Any:
        """The container's newest forecast, hour by hour for a week, provided that nobody empties it."""
        return _told(container_id)


@blueprint.route("/containers/<int:container_id>/forecast-errors")
class ContainerForecastErrors(MethodView):
    @requires(Scope.MEASUREMENTS_READ)
    @blueprint.response(200, schemas.NightErrorsSchema)
    def get(self, container_id: int) -> Any:
        """What came of the container's forecasts of the last four weeks, night by night."""
        return {"items": _told(container_id).errors}


@blueprint.route("/forecast-scores")
class ForecastScores(MethodView):
    @requires(Scope.MEASUREMENTS_READ)
    @blueprint.response(200, schemas.ScoresSchema)
    def get(self) -> Any:
        """How each night's forecasts of all containers have done, beside the naive ones; an alarm says why the model seems to drift."""
        return {"items": list_scores(session(), datetime.now(UTC) - SCORES_SHOWN)}


@blueprint.route("/inflow-evidence")
class InflowEvidenceBatch(MethodView):
    @requires(Scope.MEASUREMENTS_WRITE)
    @blueprint.arguments(schemas.EvidenceBatchSchema)
    @blueprint.response(200, schemas.StoredSchema)
    def post(self, new: dict[str, Any]) -> Any:
        """Say how many litres were probably thrown into containers, hour by hour.

        The same source's word on the same hour replaces its earlier one, so that a repeat changes nothing.
        """
        evidence = [Evidence(**(one | {"hour_at": one["hour_at"].replace(minute=0, second=0, microsecond=0)})) for one in new["evidence"]]
        _require_containers([one.container_id for one in evidence])
        record_evidence(session(), evidence)
        return {"stored": len(evidence)}


def _told(container_id: int) -> Told:
    told = find_told(session(), get_row(session(), Container, container_id).id)
    if told is None:
        raise NotFound("No night has forecast this container yet.")
    return told


def _require_containers(container_ids: list[int]) -> None:
    query = rows_of(session(), Container).where(Container.id.in_(container_ids)).with_only_columns(Container.id)
    known = set(session().scalars(query))
    problems = [
        FieldProblem(f"evidence.{i}.container_id", "names no container", "GET /api/v1/containers lists them.")
        for i, container_id in enumerate(container_ids)
        if container_id not in known
    ]
    if problems:
        raise Rejected("Some of the evidence is of containers that are not there; nothing was stored.", fields=tuple(problems))
