"""The register on the wire: one schema a kind of row, and the rules that a body must keep."""

import re
from itertools import pairwise
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates, validates_schema

from app.assets.geojson import area_problem
from app.assets.models import (
    AbsenceReason,
    ContainerModel,
    ContainerStatus,
    Crew,
    Depot,
    LiftKind,
    Site,
    Vehicle,
    VehicleStatus,
    Zone,
)
from app.assets.service_days import END_OF_DAY
from app.assets.shapes import faults_of_shape
from app.assets.waste_classes import WasteClass
from app.db import TenantRow
from app.http import PageArgs
from app.reading import LARGEST_ID as LARGEST_ID
from app.reading import require_storable
from app.tenancy.models import UserAccount

LARGEST_INT = 2**31 - 1
SHAPE = (
    "How volume grows with height; null: walls straight up. "
    '`{"kind": "tapered", "bottom_to_top": 0.8}`, `{"kind": "bell", "shoulder": 0.5}`, '
    '`{"kind": "underground", "chute_height": 0.3, "chute_area": 0.2}`, `{"kind": "table", "points": [[300, 200], [1000, 1100]]}`.'
)
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
TAG = re.compile(r"[^\s\0,;|]{1,60}\Z")


def text(max_length: int, *, min_length: int = 0, **options: Any) -> fields.String:
    """Text that PostgreSQL can hold."""
    return fields.String(validate=[validate.Length(min=min_length, max=max_length), require_storable], **options)


def code() -> fields.String:
    return text(60, min_length=1, required=True, metadata={"description": "Short name that is the tenant's own; one of a kind."})


def name(max_length: int = 200) -> fields.String:
    return text(max_length, min_length=1, required=True)


def whole(low: int, high: int = LARGEST_INT, **options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(low, high), **options)


def number(low: float, high: float, **options: Any) -> fields.Float:
    return fields.Float(validate=validate.Range(low, high), **options)


class Money(fields.Decimal):
    """An amount in the tenant's currency; a JSON number on the wire."""

    def __init__(self, **options: Any) -> None:
        super().__init__(places=2, validate=validate.Range(0, 99_999_999), **options)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return None if value is None else float(value)


def choices(kind: type[WasteClass | LiftKind], **options: Any) -> fields.List[Any]:
    """Some of an enumeration, none twice."""
    at_least_one = validate.Length(min=1, error="Is empty: name at least one.")
    known = fields.String(validate=validate.OneOf([str(choice) for choice in kind], error="Is unknown; known are: {choices}."))
    return fields.List(known, validate=[at_least_one, _none_twice], **options)


def words(**options: Any) -> fields.List[Any]:
    """Tags: short, without spaces, none twice."""
    plain = validate.Regexp(TAG, error="Use 1 to 60 characters without spaces, commas, semicolons and bars.")
    word = fields.String(validate=[plain, require_storable])
    return fields.List(word, validate=_none_twice, load_default=list, **options)


def _none_twice(values: list[Any]) -> None:
    doubled = sorted({str(value) for value in values if values.count(value) > 1})
    if doubled:
        raise ValidationError(f"Named twice: {', '.join(doubled)}.")


class Reference(fields.Integer):
    """The number of another row of the same tenant."""

    def __init__(self, model: type[TenantRow], **options: Any) -> None:
        described = {"description": f"Number of a {model.__tablename__.replace('_', ' ')}."}
        super().__init__(strict=True, validate=validate.Range(1, LARGEST_ID), metadata=described, **options)
        self.model = model


class RowSchema(Schema):
    """What every row of the register has."""

    id = fields.Integer(dump_only=True)
    row_version = fields.Integer(dump_only=True, metadata={"description": "The ETag without its quotes."})

    def references(self) -> dict[str, type[TenantRow]]:
        """Fields that name other rows, and of what kind those are."""
        return {key: field.model for key, field in self.fields.items() if isinstance(field, Reference)}


class PlaceSchema(RowSchema):
    code = code()
    name = name()
    lat = number(-90, 90, required=True, metadata={"description": "WGS 84."})
    lon = number(-180, 180, required=True, metadata={"description": "WGS 84."})


def _known_clock(value: str) -> None:
    if not CLOCK.fullmatch(value):
        raise ValidationError("Write local time as HH:MM, from 00:00 to 23:59.")


class OpeningHoursSchema(Schema):
    """Open on some weekdays, from one local time to another."""

    weekdays = fields.List(
        whole(0, 6),
        required=True,
        validate=[validate.Length(min=1, error="Is empty: name at least one weekday, Monday is 0."), _none_twice],
        metadata={"description": "Monday is 0."},
    )
    opens = fields.String(required=True, validate=_known_clock, metadata={"example": "06:00"})
    closes = fields.String(
        required=True, metadata={"example": "15:00", "description": "Local time; 24:00 is the midnight that ends the day."}
    )

    @validates_schema(skip_on_field_errors=True)
    def closes_after_it_opens(self, data: dict[str, Any], **_: Any) -> None:
        if data["closes"] != END_OF_DAY:
            _in_field("closes", _known_clock, data["closes"])
        if data["closes"] <= data["opens"]:
            raise ValidationError("Is not later than opens. Split hours over midnight: until 24:00, and from 00:00 on.", "closes")


def _in_field(field: str, rule: Any, value: Any) -> None:
    try:
        rule(value)
    except ValidationError as error:
        raise ValidationError(error.messages, field) from error


def hours(description: str) -> fields.List[Any]:
    entries = fields.Nested(OpeningHoursSchema)
    return fields.List(entries, load_default=list, validate=_no_overlap, metadata={"description": description})


def _no_overlap(entries: list[dict[str, Any]]) -> None:
    for weekday in range(7):
        spans = sorted((entry["opens"], entry["closes"]) for entry in entries if weekday in entry["weekdays"])
        for (opens, closes), (next_opens, next_closes) in pairwise(spans):
            if next_opens < closes:
                raise ValidationError(f"On weekday {weekday}, {opens}–{closes} and {next_opens}–{next_closes} overlap: join them.")


class ZoneSchema(RowSchema):
    code = code()
    name = name()
    inhabitants = whole(0, allow_none=True, load_default=None)
    area = fields.Dict(
        keys=fields.String(), allow_none=True, load_default=None, metadata={"description": "GeoJSON Polygon or MultiPolygon, [lon, lat]."}
    )

    @validates_schema(skip_on_field_errors=True)
    def area_is_one(self, data: dict[str, Any], **_: Any) -> None:
        problem = area_problem(data["area"]) if data.get("area") is not None else None
        if problem:
            raise ValidationError(problem, "area")


class DepotSchema(PlaceSchema):
    pass


class FacilitySchema(PlaceSchema):
    accepts = choices(WasteClass, required=True)
    opening_hours = hours("When trucks may unload; empty: always.")
    turnaround_s = whole(0, 86_400, load_default=1200)
    fee_per_t = Money(load_default=0)


class SiteSchema(PlaceSchema):
    address = text(300, allow_none=True, load_default=None)
    zone_id = Reference(Zone, allow_none=True, load_default=None)
    access_note = text(4000, allow_none=True, load_default=None, metadata={"description": "Gates and hazards; for the crew only."})
    time_windows = hours("When a truck may come; empty: any time of the shift.")
    setup_s = whole(0, 86_400, load_default=120)
    max_vehicle_width_mm = whole(1000, 10_000, allow_none=True, load_default=None)
    max_vehicle_weight_kg = whole(500, 100_000, allow_none=True, load_default=None)


class ContainerModelSchema(RowSchema):
    code = code()
    name = name()
    volume_l = whole(1, 100_000, required=True)
    max_load_kg = whole(1, 50_000, required=True)
    tare_kg = whole(0, 50_000, allow_none=True, load_default=None)
    lift_kind = fields.Enum(LiftKind, by_value=True, required=True)
    lift_s = whole(0, 7200, load_default=60)
    empty_distance_mm = whole(1, 20_000, required=True, metadata={"description": "From the sensor down to the floor."})
    full_distance_mm = whole(0, 20_000, required=True, metadata={"description": "From the sensor down to the full mark."})
    shape = fields.Dict(keys=fields.String(), allow_none=True, load_default=None, metadata={"description": SHAPE})

    @validates("shape")
    def shape_can_be_meant(self, shape: dict[str, Any] | None, **_: Any) -> None:
        faults = {name: [mend] for name, mend in faults_of_shape(shape)} if shape is not None else {}
        if faults:
            raise ValidationError(faults)

    @validates_schema(skip_on_field_errors=True)
    def empty_below_full(self, data: dict[str, Any], **_: Any) -> None:
        if {"empty_distance_mm", "full_distance_mm"} <= set(data) and data["empty_distance_mm"] <= data["full_distance_mm"]:
            raise ValidationError(
                "Is not greater than full_distance_mm. Measure from the sensor down: empty is farther.", "empty_distance_mm"
            )


class ContainerSchema(RowSchema):
    """Volume and distances come from the model where they are left out."""

    code = code()
    site_id = Reference(Site, required=True)
    model_id = Reference(ContainerModel, required=True)
    waste_class = fields.Enum(WasteClass, by_value=True, required=True)
    volume_l = whole(1, 100_000, allow_none=True, load_default=None)
    empty_distance_mm = whole(1, 20_000, allow_none=True, load_default=None)
    full_distance_mm = whole(0, 20_000, allow_none=True, load_default=None)
    status = fields.Enum(ContainerStatus, by_value=True, load_default=ContainerStatus.IN_SERVICE)
    tags = words()
    quality_flags = words(metadata={"description": "What is known to be wrong with it: broken_lid, no_sensor_mount, …"})
    density_kg_m3 = number(1, 3000, allow_none=True, load_default=None)
    max_interval_days = whole(1, 366, allow_none=True, load_default=None)
    installed_on = fields.Date(allow_none=True, load_default=None)


class VehicleSchema(RowSchema):
    """What is left out comes from the preset that `vehicle_type` names, if it names one."""

    code = code()
    plate = text(20, allow_none=True, load_default=None)
    vehicle_type = text(80, min_length=1, required=True, metadata={"description": "A preset (rear_loader_26t, …), or any other name."})
    depot_id = Reference(Depot, required=True)
    status = fields.Enum(VehicleStatus, by_value=True, load_default=VehicleStatus.IN_FLEET)
    payload_kg = whole(1, 60_000, allow_none=True, load_default=None)
    body_volume_l = whole(1, 100_000, allow_none=True, load_default=None)
    compacts = fields.Boolean(allow_none=True, load_default=None)
    compacted_kg_m3 = fields.Dict(
        keys=fields.String(validate=validate.OneOf([str(c) for c in WasteClass])),
        values=number(1, 3000),
        allow_none=True,
        load_default=None,
        metadata={"description": "Density reached in this body by waste class, where it differs from the class's default."},
    )
    waste_classes = choices(WasteClass, allow_none=True, load_default=None)
    lift_kinds = choices(LiftKind, allow_none=True, load_default=None)
    height_mm = whole(500, 10_000, allow_none=True, load_default=None)
    width_mm = whole(500, 10_000, allow_none=True, load_default=None)
    length_mm = whole(500, 30_000, allow_none=True, load_default=None)
    gross_weight_kg = whole(100, 100_000, allow_none=True, load_default=None)
    cost_per_day = Money(allow_none=True, load_default=None)
    cost_per_h = Money(allow_none=True, load_default=None)
    cost_per_km = Money(allow_none=True, load_default=None)
    overtime_after_s = whole(
        0, 86_400, allow_none=True, load_default=None, metadata={"description": "A round that lasts longer has overtime; null: none has."}
    )
    overtime_cost_per_h = Money(allow_none=True, load_default=None, metadata={"description": "On top of `cost_per_h`."})
    co2e_kg_per_km = number(0, 100, allow_none=True, load_default=None)
    co2e_kg_per_lift = number(0, 100, allow_none=True, load_default=None)
    co2e_kg_per_idle_h = number(0, 1000, allow_none=True, load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def payload_below_gross_weight(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("payload_kg") and data.get("gross_weight_kg") and data["payload_kg"] >= data["gross_weight_kg"]:
            raise ValidationError("Is not below gross_weight_kg, which counts the truck itself as well.", "payload_kg")


class CrewSchema(RowSchema):
    code = code()
    name = name()
    depot_id = Reference(Depot, required=True)
    vehicle_id = Reference(Vehicle, allow_none=True, load_default=None)
    user_id = Reference(UserAccount, allow_none=True, load_default=None)
    shift_starts = fields.Time(format="%H:%M", required=True, metadata={"description": "Local time, HH:MM."})
    shift_ends = fields.Time(format="%H:%M", required=True, metadata={"description": "Local time of the same day."})
    max_duration_s = whole(1, 86_400, load_default=28_800)
    break_s = whole(0, 14_400, load_default=1800)
    break_after_s = whole(1, 86_400, load_default=21_600)

    @validates_schema(skip_on_field_errors=True)
    def shift_ends_after_it_starts(self, data: dict[str, Any], **_: Any) -> None:
        if {"shift_starts", "shift_ends"} <= set(data) and data["shift_ends"] <= data["shift_starts"]:
            raise ValidationError("Is not later than shift_starts; a shift ends on the day on which it starts.", "shift_ends")


class AbsenceSchema(RowSchema):
    """Of one vehicle or of one crew."""

    vehicle_id = Reference(Vehicle, allow_none=True, load_default=None)
    crew_id = Reference(Crew, allow_none=True, load_default=None)
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    reason = fields.Enum(AbsenceReason, by_value=True, required=True)
    note = text(300, allow_none=True, load_default=None)
    reported_at = fields.AwareDateTime(dump_only=True)

    @validates_schema(skip_on_field_errors=True)
    def of_one_thing(self, data: dict[str, Any], partial: Any = None, **_: Any) -> None:
        if not partial and (data.get("vehicle_id") is None) == (data.get("crew_id") is None):
            raise ValidationError("Name either a vehicle or a crew.", "vehicle_id")

    @validates_schema(skip_on_field_errors=True)
    def ends_after_it_starts(self, data: dict[str, Any], **_: Any) -> None:
        if {"first_day", "last_day"} <= set(data) and data["last_day"] < data["first_day"]:
            raise ValidationError("Is before first_day; for one day, give it twice.", "last_day")


class HolidaySchema(RowSchema):
    """A day without service."""

    class Meta:
        exclude = ("id",)

    day = fields.Date(required=True)
    name = name(120)


class WasteClassSettingSchema(RowSchema):
    """A tenant's own figures for a class."""

    class Meta:
        exclude = ("id",)

    waste_class = fields.Enum(WasteClass, by_value=True, required=True)
    density_kg_m3 = number(1, 3000, allow_none=True, load_default=None)
    max_interval_days = whole(1, 366, allow_none=True, load_default=None)


class Bbox(fields.String):
    """`west,south,east,north` in degrees."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        try:
            west, south, east, north = (float(part) for part in str(value).split(","))
        except ValueError as error:
            raise ValidationError("Write west,south,east,north in degrees, like -71.4,-30.1,-71.2,-29.8.") from error
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
            raise ValidationError("Is not a box on earth: south must not exceed north.")
        return west, south, east, north


class FormatArgs(Schema):
    """GeoJSON on request, where rows have places."""

    format = fields.String(load_default=None, validate=validate.OneOf(["json", "geojson"]))


class CodeFilter(PageArgs):
    code = text(200)


class ZoneFilter(CodeFilter, FormatArgs):
    pass


class PlaceFilter(CodeFilter, FormatArgs):
    bbox = Bbox(metadata={"description": "west,south,east,north in degrees"})


class FacilityFilter(PlaceFilter):
    waste_class = fields.Enum(WasteClass, by_value=True)


class SiteFilter(PlaceFilter):
    zone = text(200, metadata={"description": "Code of a zone."})


class ContainerFilter(SiteFilter):
    site = text(200, metadata={"description": "Code of a site."})
    waste_class = fields.Enum(WasteClass, by_value=True)
    status = fields.Enum(ContainerStatus, by_value=True)
    tag = text(200)


class ContainerModelFilter(CodeFilter):
    lift_kind = fields.Enum(LiftKind, by_value=True)


class VehicleFilter(CodeFilter):
    depot = text(200, metadata={"description": "Code of a depot."})
    status = fields.Enum(VehicleStatus, by_value=True)
    waste_class = fields.Enum(WasteClass, by_value=True)


class CrewFilter(CodeFilter):
    depot = text(200, metadata={"description": "Code of a depot."})


class AbsenceFilter(PageArgs):
    day = fields.Date(metadata={"description": "Absent on this day."})
    vehicle_id = fields.Integer(validate=validate.Range(1, LARGEST_ID))
    crew_id = fields.Integer(validate=validate.Range(1, LARGEST_ID))


class HolidayFilter(Schema):
    first_day = fields.Date()
    last_day = fields.Date()


class NoFilter(Schema):
    pass
