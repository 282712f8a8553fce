"""Figures on the wire."""

from datetime import date, timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.assets.waste_classes import WasteClass
from app.dispatch.models import SkipReason
from app.reading import LARGEST_ID
from app.reporting.advice import Advice
from app.reporting.queries import By

LONGEST_DAYS = 3 * 366


def _id(name: str, description: str) -> fields.Integer:
    return fields.Integer(data_key=name, load_default=None, validate=validate.Range(1, LARGEST_ID), metadata={"description": description})


class SliceArgs(Schema):
    """Which days and which part of the town; by default the last four weeks and all of it."""

    first_day = fields.Date(
        data_key="from", load_default=None, metadata={"description": "First local day; by default 27 days before `to`."}
    )
    last_day = fields.Date(data_key="to", load_default=None, metadata={"description": "Last local day, included; by default today."})
    zone_id = _id("zone", "Only what happened in the zone of this number.")
    waste_class = fields.Enum(WasteClass, by_value=True, data_key="class", load_default=None, metadata={"description": "Only this class."})
    vehicle_id = _id("vehicle", "Only what happened on this vehicle's routes.")

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        first, last = data.get("first_day"), data.get("last_day")
        if first and last and not timedelta() <= last - first < timedelta(days=LONGEST_DAYS):
            raise ValidationError(f"The period has to be between 1 and {LONGEST_DAYS} days long, its last day included.", "from")
        for name, day in (("from", first), ("to", last)):
            if day and not date(1970, 1, 1) <= day <= date(2262, 1, 1):
                raise ValidationError("There are no figures of such times.", name)


class KpiArgs(SliceArgs):
    by = fields.Enum(By, by_value=True, load_default=None, metadata={"description": "Break each figure down by this."})


class SumsSchema(Schema):
    """What a figure stands on; numbers in it add up over days, zones, classes and vehicles."""

    lifts = fields.Integer()
    skips = fields.Integer()
    fill_before_pct = fields.Float(metadata={"description": "Added up over the lifts whose fill is known."})
    fill_before_known = fields.Integer()
    collected_l = fields.Float()
    collected_kg = fields.Float()
    excess_l = fields.Float()
    hauled_lifts = fields.Integer(metadata={"description": "Lifts on routes; the others are known from sensors or readers alone."})
    hauled_l = fields.Float()
    hauled_kg = fields.Float()
    container_days = fields.Integer()
    volume_l_days = fields.Float()
    measured_days = fields.Integer(metadata={"description": "Container-days with a usable reading."})
    overflow_onsets = fields.Integer()
    overflow_days = fields.Integer()
    driven_m = fields.Float()
    on_route_m = fields.Float()
    duty_s = fields.Float()
    on_route_s = fields.Float()
    cost = fields.Float()
    co2e_kg = fields.Float()
    unloaded_kg = fields.Float()
    permitted_kg = fields.Float()
    unloaded_l = fields.Float()
    permitted_l = fields.Float()


class GroupValueSchema(Schema):
    key = fields.Raw(metadata={"description": "A date, a Monday, a class, or the number of a zone or vehicle; null: of none."})
    label = fields.String()
    value = fields.Float(allow_none=True)


class GroupRowSchema(GroupValueSchema):
    sums = fields.Nested(SumsSchema)


class FigureSchema(Schema):
    name = fields.String()
    label = fields.String()
    unit = fields.String()
    definition = fields.String()
    value = fields.Float(allow_none=True, metadata={"description": "null: there is nothing to divide by."})
    groups = fields.List(fields.Nested(GroupValueSchema))


class FigureRowsSchema(FigureSchema):
    sums = fields.Nested(SumsSchema)
    groups = fields.List(fields.Nested(GroupRowSchema))


class PeriodSchema(Schema):
    first_day = fields.Date(data_key="from")
    last_day = fields.Date(data_key="to")


class SkipsSchema(Schema):
    reason = fields.Enum(SkipReason, by_value=True)
    visits = fields.Integer()


class KpisSchema(Schema):
    period = fields.Nested(PeriodSchema)
    figures = fields.List(fields.Nested(FigureSchema))
    skips = fields.List(fields.Nested(SkipsSchema))


class KpiSchema(Schema):
    period = fields.Nested(PeriodSchema)
    figure = fields.Nested(FigureRowsSchema)


class AreaFiguresSchema(Schema):
    containers = fields.Float(metadata={"description": "In service, on average."})
    lifts = fields.Integer(attribute="sums.lifts")
    inflow_l_per_day = fields.Float()
    inflow_pct_per_day = fields.Float(allow_none=True, metadata={"description": "Of the area's volume: 25 fills it in four days."})
    fill_at_collection_pct = fields.Float(allow_none=True)
    overflow_frequency = fields.Float(allow_none=True, metadata={"description": "Episodes per container and 30 days."})
    overflow_share_pct = fields.Float(allow_none=True, metadata={"description": "Of the container-days."})


class AreaWeekSchema(AreaFiguresSchema):
    monday = fields.Date()
    days = fields.Integer(metadata={"description": "Of the period; a week at its edge may be in it in part."})


class AreaTrendSchema(Schema):
    zone_id = fields.Integer(allow_none=True)
    zone = fields.String(allow_none=True)
    waste_class = fields.Enum(WasteClass, by_value=True)
    whole = fields.Nested(AreaFiguresSchema)
    containers_needed = fields.Integer(allow_none=True, metadata={"description": "To be about 80 % full when lifted as often as now."})
    advice = fields.Enum(Advice, by_value=True)
    weeks = fields.List(fields.Nested(AreaWeekSchema))


class AreaTrendsSchema(Schema):
    period = fields.Nested(PeriodSchema)
    items = fields.List(fields.Nested(AreaTrendSchema))
