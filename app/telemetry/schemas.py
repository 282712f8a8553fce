"""Telemetry on the wire. The batch's schemas say for the OpenAPI document what `readings.py` checks; a test holds the two together."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, fields, validate

from app.assets.waste_classes import WasteClass
from app.http import PageArgs
from app.reading import LARGEST_ID as LARGEST_ID
from app.reading import require_our_times, require_storable
from app.telemetry.models import LiftSource
from app.telemetry.readings import DEVICE_PATTERN, LARGEST_BATCH, RANGES, OutcomeStatus

OLDEST_INSTALLATION, LATEST_INSTALLATION = datetime(1971, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class StrictFloat(fields.Float):
    """A JSON number: no text, no boolean."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, str | bool):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


def _figure(name: str, description: str, *, whole: bool = False) -> fields.Field[Any]:
    low, high = RANGES[name]
    options: dict[str, Any] = {"validate": validate.Range(low, high), "allow_none": True, "metadata": {"description": description}}
    return fields.Integer(strict=True, **options) if whole else StrictFloat(allow_nan=False, **options)


def _instant(description: str, **options: Any) -> fields.AwareDateTime:
    return fields.AwareDateTime(format="iso", metadata={"description": description}, **options)


class ReadingSchema(Schema):
    """One reading. Send `distance_mm` or `fill_pct`, not both."""

    device = fields.String(
        required=True,
        validate=validate.Regexp(DEVICE_PATTERN),
        metadata={"description": "The device's uid.", "example": "70B3D500700016DA"},
    )
    observed_at = _instant("The device's clock.", required=True)
    gateway_at = _instant("The network's clock.", allow_none=True)
    distance_mm = _figure("distance_mm", "From the sensor down to the waste; null: no echo.", whole=True)
    fill_pct = _figure("fill_pct", "Fill, where the device works it out itself; null: no echo.")
    weight_kg = _figure("weight_kg", "Weight of the waste.")
    temperature_c = _figure("temperature_c", "Temperature inside.")
    acceleration_g = _figure("acceleration_g", "Largest acceleration since the last reading.")
    tilt_deg = _figure("tilt_deg", "Tilt against upright.")
    battery_v = _figure("battery_v", "Battery voltage.")
    battery_pct = _figure("battery_pct", "What is left of the battery, where the device says it so.")
    signal_dbm = _figure("signal_dbm", "Strength of the radio signal.", whole=True)


class BatchSchema(Schema):
    measurements = fields.List(fields.Nested(ReadingSchema), required=True, validate=validate.Length(max=LARGEST_BATCH))


class OutcomeSchema(Schema):
    """What became of one reading; a refusal or conflict says which field, what is wrong and how to mend it."""

    status = fields.Enum(OutcomeStatus, by_value=True, required=True)
    field = fields.String()
    problem = fields.String()
    mend = fields.String()


class CountsSchema(Schema):
    stored = fields.Integer()
    duplicate = fields.Integer()
    conflict = fields.Integer()
    rejected = fields.Integer()


class BatchAnswerSchema(Schema):
    counts = fields.Nested(CountsSchema)
    items = fields.List(fields.Nested(OutcomeSchema), metadata={"description": "One a reading, in the order sent."})


def _id(**options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, LARGEST_ID), **options)


def _calibration(low: float, high: float, description: str) -> fields.Float:
    return StrictFloat(allow_none=True, allow_nan=False, validate=validate.Range(low, high), metadata={"description": description})


class DeviceChangeSchema(Schema):
    """What may change: where it hangs (null: nowhere), what it is, how often it reports."""

    container_id = _id(allow_none=True)
    kind = fields.String(validate=[validate.Length(1, 80), require_storable])
    reporting_interval_s = fields.Integer(strict=True, validate=validate.Range(1, 31_536_000))
    installed_at = fields.AwareDateTime(format="iso", allow_none=True, validate=validate.Range(OLDEST_INSTALLATION, LATEST_INSTALLATION))
    model = fields.String(
        allow_none=True,
        validate=[validate.Length(1, 80), require_storable],
        metadata={"description": "As its maker writes it (EM400-MUD), or the name of a device profile: how its payload is read."},
    )
    offset_mm = _calibration(-5_000, 5_000, "Added to what it reports.")
    nearest_mm = _calibration(0, 5_000, "Its blind zone: nearer than this it cannot measure.")
    assumed_c = _calibration(-40, 85, "Temperature at which it takes the speed of sound; null: it corrects for the temperature itself.")


class DeviceSchema(DeviceChangeSchema):
    id = fields.Integer(dump_only=True)
    device_uid = fields.String(required=True, validate=validate.Regexp(DEVICE_PATTERN))
    last_seen_at = fields.AwareDateTime(format="iso", dump_only=True)
    battery_v = fields.Float(dump_only=True)
    battery_pct = fields.Float(dump_only=True)


class DeviceArgs(PageArgs):
    container_id = fields.Integer(validate=validate.Range(1, LARGEST_ID))
    device_uid = fields.String(validate=validate.Regexp(DEVICE_PATTERN))


class PeriodArgs(PageArgs):
    since = fields.AwareDateTime(format="iso", load_default=None, validate=require_our_times)
    until = fields.AwareDateTime(format="iso", load_default=None, validate=require_our_times)


class LiftArgs(PeriodArgs):
    container_id = fields.Integer(validate=validate.Range(1, LARGEST_ID))
    source = fields.Enum(LiftSource, by_value=True)


class StateArgs(PageArgs):
    min_fill_pct = fields.Float(validate=validate.Range(-100, 300))
    waste_class = fields.Enum(WasteClass, by_value=True)
    zone_id = fields.Integer(validate=validate.Range(1, LARGEST_ID))


class MeasurementSchema(Schema):
    device_id = fields.Integer()
    container_id = fields.Integer()
    observed_at = fields.AwareDateTime(format="iso")
    gateway_at = fields.AwareDateTime(format="iso")
    received_at = fields.AwareDateTime(format="iso")
    distance_mm = fields.Integer()
    fill_pct = fields.Float()
    weight_kg = fields.Float()
    density_kg_m3 = fields.Float()
    temperature_c = fields.Float()
    acceleration_g = fields.Float()
    tilt_deg = fields.Float()
    battery_v = fields.Float()
    battery_pct = fields.Float()
    signal_dbm = fields.Integer()
    quality = fields.Integer(metadata={"description": "How far the fill is to be trusted: 0 not at all … 4 fully."})
    flags = fields.List(fields.String(), metadata={"description": "Why the quality is below 4."})


class StateSchema(Schema):
    container_id = fields.Integer()
    observed_at = fields.AwareDateTime(format="iso")
    fill_pct = fields.Float(metadata={"description": "The filtered level, not the last echo."})
    fill_spread_pct = fields.Float()
    quality = fields.Integer()
    temperature_c = fields.Float()
    battery_v = fields.Float()
    density_kg_m3 = fields.Float()
    last_emptied_at = fields.AwareDateTime(format="iso")
    updated_at = fields.AwareDateTime(format="iso")


class LiftSchema(Schema):
    id = fields.Integer()
    container_id = fields.Integer()
    lifted_at = fields.AwareDateTime(format="iso")
    source = fields.Enum(LiftSource, by_value=True)
    vehicle_id = fields.Integer()
    fill_before_pct = fields.Float()
    weight_kg = fields.Float()
    client_uid = fields.UUID()
    recorded_at = fields.AwareDateTime(format="iso")


def page_of(schema: type[Schema], name: str) -> Schema:
    """A page of rows and the cursor of the next."""
    return Schema.from_dict({"items": fields.List(fields.Nested(schema)), "next": fields.String(allow_none=True)}, name=name)()


DevicePage = page_of(DeviceSchema, "DevicePage")
MeasurementPage = page_of(MeasurementSchema, "MeasurementPage")
StatePage = page_of(StateSchema, "ContainerStatePage")
LiftPage = page_of(LiftSchema, "LiftPage")
