"""Nights, plans, rounds and the policy on the wire."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.assets.models import AbsenceReason, Crew, Vehicle
from app.assets.schemas import LARGEST_ID, Money, Reference, RowSchema, code, name, number, text, whole
from app.http import PageArgs
from app.planning.models import Decision, HoursRule, JobStatus, PlanOrigin, PlanStatus, VisitKind

MOST_CONTAINERS = 2000
LONGEST_SOLVE_S = 3600
RAREST_OVERWEIGHT = 0.0001


class NightSchema(Schema):
    """One date's night: how far it is, or why it failed."""

    service_date = fields.Date()
    status = fields.Enum(JobStatus, by_value=True)
    progress = fields.String(allow_none=True, metadata={"description": "What is being done now."})
    error = fields.String(allow_none=True, metadata={"description": "Why there is no plan, in words."})
    attempt = fields.Integer()
    requested_at = fields.AwareDateTime()
    started_at = fields.AwareDateTime(allow_none=True)
    finished_at = fields.AwareDateTime(allow_none=True)


class NightPage(Schema):
    items = fields.List(fields.Nested(NightSchema))
    next = fields.String(allow_none=True)


class NightRequestSchema(Schema):
    service_date = fields.Date(load_default=None, metadata={"description": "The next service date by default."})
    again = fields.Boolean(load_default=False, metadata={"description": "Plan it once more although there is a plan."})


class AbsenceReportSchema(Schema):
    """A truck that is broken, or a crew that is not there."""

    vehicle_id = Reference(Vehicle, allow_none=True)
    crew_id = Reference(Crew, allow_none=True)
    reason = fields.Enum(AbsenceReason, by_value=True, required=True)
    until = fields.Date(allow_none=True, metadata={"description": "The last day; by default only the day itself."})
    note = text(300, allow_none=True)


class AbsenceAnswerSchema(Schema):
    absence_id = fields.Integer()
    night = fields.Nested(NightSchema, metadata={"description": "The date is planned again; the plan that is out stays out meanwhile."})


class ChangeSchema(Schema):
    """A container whose truck is another than in the plan before; no truck: it is new, or served no more."""

    container_id = fields.Integer()
    kind = fields.String(metadata={"description": "moved, added or dropped."})
    from_vehicle_id = fields.Integer(allow_none=True)
    to_vehicle_id = fields.Integer(allow_none=True)


class PlanSchema(Schema):
    id = fields.Integer()
    row_version = fields.Integer(metadata={"description": "The ETag without its quotes."})
    service_date = fields.Date()
    status = fields.Enum(PlanStatus, by_value=True)
    origin = fields.Enum(PlanOrigin, by_value=True)
    attempt = fields.Integer()
    engine = fields.String()
    seed = fields.Integer()
    roads = fields.String()
    roads_approximate = fields.Boolean(metadata={"description": "Travel times are great circle, not on streets."})
    input_digest = fields.String()
    cost = Money()
    lower_bound = Money(allow_none=True)
    bound_kind = fields.String(allow_none=True)
    violations = fields.List(fields.Dict())
    summary = fields.Dict()
    changes = fields.List(fields.Nested(ChangeSchema), metadata={"description": "Of a day planned again from where its trucks are."})
    created_at = fields.AwareDateTime()
    published_at = fields.AwareDateTime(allow_none=True)
    published_by = fields.String(allow_none=True)
    withdrawn_at = fields.AwareDateTime(allow_none=True)


class PlanPage(Schema):
    items = fields.List(fields.Nested(PlanSchema))
    next = fields.String(allow_none=True)


class PlanArgs(PageArgs):
    service_date = fields.Date(load_default=None)
    status = fields.Enum(PlanStatus, by_value=True, load_default=None)


class PublicationSchema(Schema):
    note = text(300, load_default=None, allow_none=True)


class VisitSchema(Schema):
    sequence = fields.Integer()
    kind = fields.Enum(VisitKind, by_value=True)
    container_id = fields.Integer(allow_none=True)
    facility_id = fields.Integer(allow_none=True)
    arrives_at = fields.AwareDateTime()
    departs_at = fields.AwareDateTime()
    leg_distance_m = fields.Integer()
    leg_drive_s = fields.Integer()
    expected_kg = fields.Integer()
    expected_fill_pct = fields.Float(allow_none=True)
    load_after_kg = fields.Integer()
    load_after_l = fields.Integer(metadata={"description": "Compacted litres in the body."})


class RouteSchema(Schema):
    """One vehicle's day."""

    id = fields.Integer()
    vehicle_id = fields.Integer()
    crew_id = fields.Integer(allow_none=True)
    depot_id = fields.Integer()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    distance_m = fields.Integer()
    drive_s = fields.Integer()
    service_s = fields.Integer()
    load_kg = fields.Integer()
    load_l = fields.Integer(metadata={"description": "Loose litres, as they lay in the containers."})
    peak_weight_share = fields.Float()
    peak_volume_share = fields.Float()
    cost = Money()
    costs = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        metadata={"description": "By cause: fixed, time, distance, lifts, fees, overtime, changes, unfairness; those that cost something."},
    )


class RouteWithVisitsSchema(RouteSchema):
    visits = fields.List(fields.Nested(VisitSchema))


class RoutesSchema(Schema):
    items = fields.List(fields.Nested(RouteWithVisitsSchema))


class RouteArgs(Schema):
    format = fields.String(validate=validate.OneOf(["json", "geojson"]), load_default="json")


class DecisionSchema(Schema):
    """Why a container is, or is not, on the plan."""

    plan_id = fields.Integer()
    container_id = fields.Integer()
    decision = fields.Enum(Decision, by_value=True)
    rule = fields.String()
    mandatory = fields.Boolean()
    reason = fields.String()
    expected_fill_pct = fields.Float(allow_none=True, metadata={"description": "At the planned visit."})
    overflow_probability = fields.Float(allow_none=True, metadata={"description": "Until its next opportunity."})
    next_opportunity_at = fields.AwareDateTime(allow_none=True)
    cost_of_waiting = Money(allow_none=True)
    detour_cost = Money(allow_none=True)
    ways_in = fields.List(
        fields.String(), metadata={"description": "Had to be served and is not: what would let it in, the least asked first."}
    )


class DecisionPage(Schema):
    items = fields.List(fields.Nested(DecisionSchema))
    next = fields.String(allow_none=True)


class DecisionArgs(PageArgs):
    decision = fields.Enum(Decision, by_value=True, load_default=None)


class ContainerDecisionArgs(Schema):
    service_date = fields.Date(load_default=None, metadata={"description": "The latest date that has a plan by default."})


class ContainerDecisionSchema(DecisionSchema):
    service_date = fields.Date()
    plan_status = fields.Enum(PlanStatus, by_value=True)


def _whole_minutes(value: Any) -> None:
    if value.second or value.microsecond or value.tzinfo is not None:
        raise ValidationError("Write local time as HH:MM.")


def _clock(description: str) -> fields.Time:
    return fields.Time(format="%H:%M", validate=_whole_minutes, metadata={"description": description, "example": "20:00"})


class PolicySchema(Schema):
    """A tenant's prices and habits of planning."""

    row_version = fields.Integer(dump_only=True, dump_default=0)
    overflow_cost_per_onset = Money()
    overflow_cost_per_day = Money()
    must_serve_probability = number(0, 1, metadata={"description": "From here on a container is on the route whatever it costs."})
    optional_probability = number(0, 1, metadata={"description": "Below, it is not offered to the router at all."})
    solve_s = whole(1, LONGEST_SOLVE_S)
    plan_at = _clock("Local time at which a night begins, on the eve; on the date itself if it is before publish_by.")
    publish_by = _clock("Local time of the service date; then the fixed or the last round goes out by itself.")
    auto_publish = fields.Boolean(metadata={"description": "A night's plan that passes every check goes out at once."})
    unfair_cost_per_h = Money(metadata={"description": "Of each hour that a round lasts beyond its fair share; 0: no balance sought."})
    unfair_cost_per_100kg = Money(metadata={"description": "Of each 100 kg that a round collects beyond its fair share."})
    change_cost = Money(metadata={"description": "Of each container that another truck empties than the last time; 0: any may come."})
    hours_rule = fields.Enum(
        HoursRule,
        by_value=True,
        allow_none=True,
        metadata={"description": "The law on drivers' hours that rounds keep, beside each crew's own shift and break."},
    )
    overweight_probability = number(
        RAREST_OVERWEIGHT,
        0.5,
        metadata={"description": "How often a full truck may turn out heavier than permitted, at most; 0.5: no margin."},
    )


class PolicyChangeSchema(PolicySchema):
    """Some of the policy."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"partial": True})


class RoundSchema(RowSchema):
    """A fixed recurring round."""

    code = code()
    name = name()
    vehicle_id = Reference(Vehicle, required=True)
    weekdays = fields.List(whole(0, 6), required=True, validate=validate.Length(1, 7), metadata={"description": "Monday is 0."})
    active = fields.Boolean(load_default=True)
    container_ids = fields.List(
        fields.Integer(strict=True, validate=validate.Range(1, LARGEST_ID)),
        required=True,
        validate=validate.Length(max=MOST_CONTAINERS),
        metadata={"description": "In driving order."},
    )

    @validates_schema(skip_on_field_errors=True)
    def nothing_twice(self, data: dict[str, Any], **_: Any) -> None:
        for field in ("weekdays", "container_ids"):
            values = data.get(field, [])
            if len(set(values)) < len(values):
                raise ValidationError("Names something twice.", field)


class RoundChangeSchema(RoundSchema):
    """Some of a round."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"partial": True})


class RoundPage(Schema):
    items = fields.List(fields.Nested(RoundSchema))
    next = fields.String(allow_none=True)
