"""The field on the wire: what a cab sends, and what its crew and the dispatcher are shown."""

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.assets.waste_classes import WasteClass
from app.dispatch.models import ActionKind, SkipReason
from app.dispatch.progress import RouteState, VisitState
from app.dispatch.reports import LARGEST_BATCH, Flag, Outcome, OutcomeStatus, Report
from app.http import field_problems
from app.planning.models import PlanStatus, VisitKind
from app.reading import LARGEST_ID, require_storable

LARGEST_ODOMETER_M = 10_000_000_000
LARGEST_WEIGHT_KG = 99_999

MENDS = {
    "client_uid": "Send a UUID, made once for each report and kept when it is sent again.",
    "route_id": "Send the number of the route.",
    "kind": f"Send one of {', '.join(ActionKind)}.",
    "occurred_at": "Send an instant with its zone, as in 2026-03-01T06:30:00Z.",
    "container_id": "Send the container's number.",
    "facility_id": "Send the facility's number.",
    "skip_reason": "GET /api/v1/driver/skip-reasons lists them.",
    "weight_kg": f"Send kilograms from 0 to {LARGEST_WEIGHT_KG:,}, without quotes.",
    "ticket_number": "Send at most 60 characters.",
    "waste_class": f"Send one of {', '.join(WasteClass)}.",
    "odometer_m": "Send the odometer in whole metres.",
    "note": "Send at most 500 characters.",
}


class DayArgs(Schema):
    date = fields.Date(load_default=None, metadata={"description": "Service date; by default today's local date."})


def _number(**options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, LARGEST_ID), **options)


def _text(longest: int, description: str) -> fields.String:
    return fields.String(allow_none=True, validate=[validate.Length(max=longest), require_storable], metadata={"description": description})


class ActionSchema(Schema):
    """One report from a cab."""

    client_uid = fields.UUID(required=True, metadata={"description": "Chosen in the cab. The same report sent again counts once."})
    route_id = _number(required=True)
    kind = fields.Enum(ActionKind, by_value=True, required=True)
    occurred_at = fields.AwareDateTime(format="iso", required=True, metadata={"description": "The phone's clock; days late is fine."})
    container_id = _number(allow_none=True, metadata={"description": "Of `collected` and `skipped`; it need not be on the route."})
    facility_id = _number(allow_none=True, metadata={"description": "Of `unloaded`."})
    skip_reason = fields.Enum(SkipReason, by_value=True, allow_none=True, metadata={"description": "Of `skipped`."})
    weight_kg = fields.Float(
        allow_none=True,
        allow_nan=False,
        validate=validate.Range(0, LARGEST_WEIGHT_KG),
        metadata={"description": "Of `collected`: the container's; of `unloaded`: the ticket's net weight."},
    )
    ticket_number = _text(60, "Of `unloaded`.")
    waste_class = fields.Enum(WasteClass, by_value=True, allow_none=True, metadata={"description": "Of `unloaded`."})
    odometer_m = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(0, LARGEST_ODOMETER_M),
        metadata={"description": "With `started` and `finished` it tells how far was driven."},
    )
    note = _text(500, "For the dispatcher.")

    @post_load
    def to_report(self, sent: dict[str, Any], **_: Any) -> Report:
        if sent.get("weight_kg") is not None:
            sent["weight_kg"] = round(sent["weight_kg"], 1)  # the column holds no more: a repeat must equal what is stored
        return Report(**sent)


class ActionBatchSchema(Schema):
    actions = fields.List(fields.Nested(ActionSchema), required=True, validate=validate.Length(max=LARGEST_BATCH))


_ACTION = ActionSchema()


def read_action(item: object) -> Report | Outcome:
    """The report, or the refusal that says what is wrong with it."""
    try:
        report: Report = _ACTION.load(item)  # type: ignore[arg-type]
    except ValidationError as error:
        told = tuple(problem.as_json() | _mend(problem.field) for problem in field_problems(error.messages))
        sound = error.valid_data if isinstance(error.valid_data, dict) else {}
        return Outcome(OutcomeStatus.REJECTED, sound.get("client_uid"), problems=told)
    return report


def _mend(field: str) -> dict[str, str]:
    return {"mend": MENDS.get(field, f"An action has these fields: {', '.join(MENDS)}.")}


def answer_body(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """How many of each, and the outcome of each report in the order sent."""
    counts = dict.fromkeys((str(status) for status in OutcomeStatus), 0)
    for outcome in outcomes:
        counts[outcome.status] += 1
    return {"counts": counts, "items": [_item(outcome) for outcome in outcomes]}


def _item(outcome: Outcome) -> dict[str, Any]:
    item: dict[str, Any] = {"client_uid": outcome.client_uid and str(outcome.client_uid), "status": outcome.status}
    if outcome.flags:
        item["flags"] = list(outcome.flags)
    if outcome.problems:
        item["errors"] = list(outcome.problems)
    return item


class ActionProblemSchema(Schema):
    field = fields.String()
    problem = fields.String()
    mend = fields.String()


class ActionOutcomeSchema(Schema):
    """What became of one report; a refusal or conflict says which field, what is wrong and how to mend it."""

    client_uid = fields.UUID(allow_none=True)
    status = fields.Enum(OutcomeStatus, by_value=True)
    flags = fields.List(fields.Enum(Flag, by_value=True))
    errors = fields.List(fields.Nested(ActionProblemSchema))


class ActionAnswerSchema(Schema):
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    items = fields.List(fields.Nested(ActionOutcomeSchema), metadata={"description": "One a report, in the order sent."})


class ViewSchema(Schema):
    """What is not known is null, never left out."""

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:  # noqa: ARG002
        return super().get_attribute(obj, attr, None)


def _instant(attribute: str | None = None) -> fields.AwareDateTime:
    return fields.AwareDateTime(format="iso", attribute=attribute)


class DriverRouteHeadSchema(ViewSchema):
    """A route, who drives it with what, and how far it is."""

    id = fields.Integer(attribute="of.route.id")
    plan_id = fields.Integer(attribute="of.plan.id")
    service_date = fields.Date(attribute="of.plan.service_date")
    timezone = fields.String(attribute="tenant.timezone")
    status = fields.Enum(PlanStatus, by_value=True, attribute="of.plan.status", metadata={"description": "Of the plan it belongs to."})
    vehicle_id = fields.Integer(attribute="of.vehicle.id")
    vehicle_code = fields.String(attribute="of.vehicle.code")
    plate = fields.String(attribute="of.vehicle.plate")
    crew_id = fields.Integer(attribute="of.route.crew_id")
    crew_name = fields.String(attribute="of.crew.name")
    starts_at = _instant("of.route.starts_at")
    ends_at = _instant("of.route.ends_at")
    distance_m = fields.Integer(attribute="of.route.distance_m")
    load_kg = fields.Integer(attribute="of.route.load_kg", metadata={"description": "All that the plan collects."})
    state = fields.Enum(RouteState, by_value=True, attribute="progress.state")
    done = fields.Function(lambda one: one.progress.pickups[VisitState.DONE], metadata={"type": "integer"})
    skipped = fields.Function(lambda one: one.progress.pickups[VisitState.SKIPPED], metadata={"type": "integer"})
    remaining = fields.Function(lambda one: one.progress.pickups[VisitState.OPEN], metadata={"type": "integer"})
    extras = fields.Function(lambda one: len(one.progress.extras), metadata={"type": "integer", "description": "Reports of other places."})
    lateness_s = fields.Integer(attribute="progress.lateness_s", metadata={"description": "Behind the plan; below 0: ahead of it."})
    started_at = _instant("run.started_at")
    finished_at = _instant("run.finished_at")
    driven_m = fields.Integer(attribute="run.driven_m")
    last_action_at = _instant("progress.last.occurred_at")


class DriverRouteListSchema(Schema):
    items = fields.List(fields.Nested(DriverRouteHeadSchema))


class DriverPlaceSchema(ViewSchema):
    code = fields.String()
    name = fields.String()
    address = fields.String()
    lat = fields.Float()
    lon = fields.Float()


class DriverLinksSchema(Schema):
    geo = fields.String()
    google = fields.String()
    waze = fields.String()


class DriverVisitSchema(ViewSchema):
    """One thing to do, in order."""

    sequence = fields.Integer(attribute="visit.sequence")
    kind = fields.Enum(VisitKind, by_value=True, attribute="visit.kind")
    state = fields.Enum(VisitState, by_value=True, attribute="now.state")
    settled_at = _instant("now.action.occurred_at")
    skip_reason = fields.Enum(SkipReason, by_value=True, attribute="now.action.skip_reason", allow_none=True)
    arrives_at = _instant("visit.arrives_at")
    arrives_local = _instant()
    departs_at = _instant("visit.departs_at")
    leg_distance_m = fields.Integer(attribute="visit.leg_distance_m")
    leg_drive_s = fields.Integer(attribute="visit.leg_drive_s")
    container_id = fields.Integer(attribute="visit.container_id")
    container_code = fields.String(attribute="container.container.code")
    container_model = fields.String(attribute="container.model.name")
    waste_class = fields.Enum(WasteClass, by_value=True, attribute="container.container.waste_class")
    volume_l = fields.Integer(attribute="container.container.volume_l")
    facility_id = fields.Integer(attribute="visit.facility_id")
    place = fields.Nested(DriverPlaceSchema, allow_none=True)
    access_note = fields.String(attribute="place.access_note")
    open_windows = fields.List(
        fields.Tuple((fields.AwareDateTime(format="iso"), fields.AwareDateTime(format="iso"))),
        allow_none=True,
        metadata={"description": "When the place lets trucks in that day (local time); null: always."},
    )
    expected_fill_pct = fields.Float(attribute="visit.expected_fill_pct")
    expected_kg = fields.Integer(attribute="visit.expected_kg")
    planned_load_kg = fields.Integer(attribute="visit.load_after_kg", metadata={"description": "On board afterwards, as planned."})
    running_load_kg = fields.Float(attribute="now.running_load_kg", metadata={"description": "The same by what was done so far."})
    tip_first = fields.Boolean(attribute="now.tip_first", metadata={"description": "It does not fit on board: unload before."})
    links = fields.Nested(DriverLinksSchema, allow_none=True)


class ExtraActionSchema(ViewSchema):
    """A report of a place that is not on the route."""

    client_uid = fields.UUID()
    kind = fields.Enum(ActionKind, by_value=True)
    occurred_at = _instant()
    container_id = fields.Integer()
    facility_id = fields.Integer()


class OnBoardSchema(ViewSchema):
    """What is on board against what is allowed."""

    load_kg = fields.Float(attribute="progress.on_board_kg")
    payload_kg = fields.Integer(attribute="of.vehicle.payload_kg")
    tip_now = fields.Boolean(attribute="progress.tip_now", metadata={"description": "The next container would be over the payload."})
    tip_at_facility_id = fields.Integer(attribute="tip_at.id")
    tip_at = fields.String(attribute="tip_at.name")


class DriverRouteSchema(DriverRouteHeadSchema):
    on_board = fields.Function(lambda sheet: OnBoardSchema().dump(sheet), metadata={"type": "object"})
    visits = fields.List(fields.Nested(DriverVisitSchema), attribute="stops")
    extra_actions = fields.List(fields.Nested(ExtraActionSchema), attribute="progress.extras")


class RouteLinkSchema(Schema):
    """A link that opens one route."""

    route_id = fields.Integer()
    token = fields.String(metadata={"description": "A bearer credential: for those who build their own phones."})
    url = fields.String(metadata={"description": "The same as an address to be opened on any phone."})
    expires_at = _instant()


class SkipReasonSchema(Schema):
    reason = fields.Enum(SkipReason, by_value=True)
    label = fields.String()


class SkipReasonListSchema(Schema):
    items = fields.List(fields.Nested(SkipReasonSchema))


class DispatchDaySchema(DriverRouteListSchema):
    date = fields.Date()
    total = fields.Dict(keys=fields.String(), values=fields.Integer())
