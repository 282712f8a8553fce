"""The register's endpoints."""

from datetime import date
from typing import Any, BinaryIO, cast

from flask import Response, request
from flask.views import MethodView
from marshmallow import RAISE, Schema, fields

from app.assets import models, schemas
from app.assets.importing import import_register
from app.assets.operations import add_presets
from app.assets.resource import Resource, serve
from app.assets.waste_classes import WasteClass
from app.errors import FieldProblem, Rejected
from app.openapi import Blueprint
from app.tenancy.api import requires, session
from app.tenancy.models import Scope

blueprint = Blueprint("assets", __name__, url_prefix="/api/v1", description="The register: where containers stand, and what empties them.")

RESOURCES = (
    Resource(models.Zone, "zone", "zones", schemas.ZoneSchema, schemas.ZoneFilter, has_place=True),
    Resource(models.Depot, "depot", "depots", schemas.DepotSchema, schemas.PlaceFilter, has_place=True),
    Resource(models.Facility, "facility", "facilities", schemas.FacilitySchema, schemas.FacilityFilter, has_place=True),
    Resource(models.Site, "site", "sites", schemas.SiteSchema, schemas.SiteFilter, has_place=True),
    Resource(models.ContainerModel, "container_model", "container_models", schemas.ContainerModelSchema, schemas.ContainerModelFilter),
    Resource(models.Container, "container", "containers", schemas.ContainerSchema, schemas.ContainerFilter, has_place=True),
    Resource(models.Vehicle, "vehicle", "vehicles", schemas.VehicleSchema, schemas.VehicleFilter),
    Resource(models.Crew, "crew", "crews", schemas.CrewSchema, schemas.CrewFilter),
    Resource(models.Absence, "absence", "absences", schemas.AbsenceSchema, schemas.AbsenceFilter),
    Resource(models.Holiday, "holiday", "holidays", schemas.HolidaySchema, schemas.HolidayFilter, key="day", read_key=date.fromisoformat),
    Resource(
        models.WasteClassSetting,
        "waste_class_setting",
        "waste_class_settings",
        schemas.WasteClassSettingSchema,
        schemas.NoFilter,
        key="waste_class",
        read_key=WasteClass,
    ),
)

for resource in RESOURCES:
    serve(blueprint, resource)


@blueprint.after_request
def answer_304_if_nothing_changed(response: Response) -> Response:
    """A reader who names the current version with If-None-Match gets no body."""
    asks = "If-None-Match" in request.headers and "If-Match" not in request.headers  # which is a writer's, and no question of a read
    if asks and "ETag" in response.headers and request.method in ("GET", "HEAD"):
        response.make_conditional(request)
    return response


class PresetsAdded(Schema):
    """What `POST /presets` did."""

    added = fields.Integer()
    there_already = fields.Integer()


@blueprint.route("/presets")
class Presets(MethodView):
    @requires(Scope.REGISTER_WRITE)
    @blueprint.response(200, PresetsAdded)
    @blueprint.doc(operationId="add_presets", summary="Add the usual container models that are not there yet")
    def post(self) -> dict[str, Any]:
        added, there_already = add_presets(session())
        return {"added": added, "there_already": there_already}


class ImportArgs(Schema):
    """How a file is taken."""

    dry_run = fields.Boolean(load_default=False, metadata={"description": "Check the file and change nothing."})


class ImportDone(Schema):
    """What a file did, or would do."""

    kind = fields.String()
    dry_run = fields.Boolean()
    rows = fields.Integer()
    created = fields.Integer()
    updated = fields.Integer()
    unchanged = fields.Integer()


CSV_BODY = {"schema": {"type": "string", "description": "UTF-8, with a header; comma, semicolon or tab between the cells."}}
UPLOAD = {"schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}}


@blueprint.route("/imports/<string:kind>")
class Imports(MethodView):
    @requires(Scope.REGISTER_WRITE)
    @blueprint.arguments(ImportArgs, location="query", unknown=RAISE)
    @blueprint.response(200, ImportDone)
    @blueprint.doc(operationId="import_register", requestBody={"content": {"text/csv": CSV_BODY, "multipart/form-data": UPLOAD}})
    def post(self, args: dict[str, Any], kind: str) -> Any:
        """Import zones, depots, facilities, sites, container-models, containers, vehicles or crews: all rows of the file, or none."""
        report = import_register(session(), kind, _sent_file(), dry_run=args["dry_run"])
        report.require_clean()
        return report


def _sent_file() -> BinaryIO:
    if request.mimetype != "multipart/form-data":
        return cast(BinaryIO, request.stream)
    if "file" not in request.files:
        raise Rejected("No file was sent.", fields=(FieldProblem("file", "is missing", "Send the CSV file as the form field 'file'."),))
    return cast(BinaryIO, request.files["file"].stream)
