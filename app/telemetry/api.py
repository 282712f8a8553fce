"""The room's endpoints: readings in; devices, histories, states and lifts out."""

from datetime import datetime
from typing import Any

from flask import Response, request
from flask.views import MethodView

from app.assets.models import Container
from app.errors import FieldProblem, Rejected
from app.http import decode_cursor, encode_cursor, etag_of, page_body, read_page, require_current
from app.openapi import Blueprint
from app.telemetry import operations, queries, readings, schemas
from app.telemetry.ingest import ingest
from app.telemetry.models import Device, Lift
from app.telemetry.store import instant
from app.tenancy.api import requires, session
from app.tenancy.models import Scope
from app.tenancy.scope import get_row

blueprint = Blueprint("telemetry", __name__, url_prefix="/api/v1", description="What containers say.")

LARGEST_INSTANT_US = 253_402_300_799_999_999


@blueprint.route("/measurements")
class Measurements(MethodView):
    @requires(Scope.MEASUREMENTS_WRITE)
    @blueprint.doc(requestBody={"required": True, "content": {"application/json": {"schema": schemas.BatchSchema}}})
    @blueprint.alt_response(400, description="The body is no batch: not JSON, not UTF-8, nested too deeply.")
    @blueprint.alt_response(413, description="More readings than a request may hold.")
    @blueprint.response(200, schemas.BatchAnswerSchema)
    def post(self) -> Response:
        """Store a batch of readings.

        The answer is 200 whatever became of each reading; `items` says it one by one, in order. A reading counts once per device and
        instant: the same again is a `duplicate`, other figures for the same instant are a `conflict`, and the first reading stays.
        What is answered `stored` is on disk. So after a lost answer send the batch again.
        """
        outcomes = ingest(session(), readings.decode_batch(request.get_data(cache=False)))
        return Response(readings.encode_answer(outcomes), mimetype="application/json")


@blueprint.route("/devices")
class Devices(MethodView):
    @requires(Scope.REGISTER_READ)
    @blueprint.arguments(schemas.DeviceArgs, location="query")
    @blueprint.response(200, schemas.DevicePage)
    def get(self, wanted: dict[str, Any]) -> Any:
        """List devices."""
        limit, cursor = wanted.pop("limit"), wanted.pop("cursor")
        return page_body(*read_page(session(), queries.devices(session(), **wanted), Device, limit=limit, cursor=cursor))

    @requires(Scope.REGISTER_WRITE)
    @blueprint.arguments(schemas.DeviceSchema)
    @blueprint.response(201, schemas.DeviceSchema)
    def post(self, new: dict[str, Any]) -> Any:
        """Make a device known."""
        device = operations.create_device(session(), new)
        return device, 201, {"ETag": etag_of(device)}


@blueprint.route("/devices/<int:device_id>")
class DeviceById(MethodView):
    @requires(Scope.REGISTER_READ)
    @blueprint.response(200, schemas.DeviceSchema)
    def get(self, device_id: int) -> Any:
        """One device."""
        device = get_row(session(), Device, device_id)
        return device, 200, {"ETag": etag_of(device)}

    @requires(Scope.REGISTER_WRITE)
    @blueprint.arguments(schemas.DeviceChangeSchema)
    @blueprint.response(200, schemas.DeviceSchema)
    def patch(self, values: dict[str, Any], device_id: int) -> Any:
        """Mount the device in a container, take it out (`container_id` null), or correct what is known of it."""
        device = get_row(session(), Device, device_id)
        require_current(device)
        operations.change_device(session(), device, values)
        return device, 200, {"ETag": etag_of(device)}


@blueprint.route("/containers/<int:container_id>/measurements")
class ContainerMeasurements(MethodView):
    @requires(Scope.MEASUREMENTS_READ)
    @blueprint.arguments(schemas.PeriodArgs, location="query")
    @blueprint.response(200, schemas.MeasurementPage)
    def get(self, wanted: dict[str, Any], container_id: int) -> Any:
        """The container's readings by the device's clock."""
        container = get_row(session(), Container, container_id)
        limit = wanted["limit"]
        after = _read_cursor(wanted["cursor"])
        found = queries.list_measurements(
            session(), container.id, since=wanted["since"], until=wanted["until"], after=after, limit=limit + 1
        )
        return page_body(found[:limit], queries.measurement_cursor(found[limit - 1]) if len(found) > limit else None)


@blueprint.route("/container-states")
class ContainerStates(MethodView):
    @requires(Scope.MEASUREMENTS_READ)
    @blueprint.arguments(schemas.StateArgs, location="query")
    @blueprint.response(200, schemas.StatePage)
    def get(self, wanted: dict[str, Any]) -> Any:
        """What is known of each container now."""
        limit, cursor = wanted.pop("limit"), wanted.pop("cursor")
        after = decode_cursor(cursor) if cursor else 0
        found = queries.list_container_states(session(), **wanted, after=after, limit=limit + 1)
        return page_body(found[:limit], encode_cursor(found[limit - 1].container_id) if len(found) > limit else None)


@blueprint.route("/lifts")
class Lifts(MethodView):
    @requires(Scope.MEASUREMENTS_READ)
    @blueprint.arguments(schemas.LiftArgs, location="query")
    @blueprint.response(200, schemas.LiftPage)
    def get(self, wanted: dict[str, Any]) -> Any:
        """Containers emptied, whoever reported it."""
        limit, cursor = wanted.pop("limit"), wanted.pop("cursor")
        return page_body(*read_page(session(), queries.lifts(session(), **wanted), Lift, limit=limit, cursor=cursor))


def _read_cursor(cursor: str | None) -> tuple[datetime, int] | None:
    if cursor is None:
        return None
    at_us, _, device_id = cursor.partition(".")
    if not (at_us.isdecimal() and device_id.isdecimal() and int(at_us) <= LARGEST_INSTANT_US and int(device_id) <= schemas.LARGEST_ID):
        problem = FieldProblem("cursor", "is not one that a page has given", "Leave it out to start at the first page.")
        raise Rejected("The cursor cannot be read.", fields=(problem,))
    return instant(int(at_us)), int(device_id)
