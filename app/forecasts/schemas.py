"""The room's wire."""

from marshmallow import Schema, fields, validate

from app.forecasts.models import EvidenceSource
from app.reading import require_our_times
from app.telemetry.schemas import LARGEST_ID

MOST_HOURS_AT_ONCE = 1000
MOST_LITRES = 100_000
PERCENT = {"description": "Percent of full."}


class HourSchema(Schema):
    hour = fields.Integer(metadata={"description": "Hours after `origin_at`."})
    at = fields.AwareDateTime(format="iso")
    q10_pct = fields.Float(metadata=PERCENT)
    q50_pct = fields.Float(metadata=PERCENT)
    q90_pct = fields.Float(metadata=PERCENT)
    overflow_probability = fields.Float(metadata={"description": "That it has overflowed by then, if nobody empties it."})
    naive_pct = fields.Float(metadata={"description": "The baseline's median: level and shrunken rate."})


class FullSchema(Schema):
    early_at = fields.AwareDateTime(format="iso", allow_none=True)
    middle_at = fields.AwareDateTime(format="iso", allow_none=True)
    late_at = fields.AwareDateTime(format="iso", allow_none=True, metadata={"description": "Null: not within the week."})


class RecordSchema(Schema):
    horizon_h = fields.Integer()
    nights = fields.Integer()
    mae_pct = fields.Float(metadata={"description": "Mean absolute error of the median, points of full, of the last four weeks."})
    naive_mae_pct = fields.Float()
    coverage = fields.Float(metadata={"description": "Share of fills that lay within the 80 % interval."})


class ForecastSchema(Schema):
    container_id = fields.Integer()
    origin_at = fields.AwareDateTime(format="iso", metadata={"description": "Nothing observed later has been used."})
    method = fields.String(metadata={"description": "`model`, `baseline` (young, silent, or better off with it) or `prior`."})
    model_version = fields.String()
    backtest = fields.Dict(metadata={"description": "The tenant's mean absolute error by estimator and hours ahead, points of full."})
    note = fields.String(allow_none=True)
    full = fields.Nested(FullSchema)
    records = fields.List(fields.Nested(RecordSchema))
    drift = fields.String(allow_none=True)
    hours = fields.List(fields.Nested(HourSchema))


class NightErrorSchema(Schema):
    judged_at = fields.AwareDateTime(format="iso")
    horizon_h = fields.Integer()
    error_pct = fields.Float(metadata={"description": "The fill that came, less the median; points of full."})
    naive_error_pct = fields.Float()
    surprise = fields.Float(metadata={"description": "The error in standard deviations that the forecast itself had claimed."})
    by_model = fields.Boolean()


class NightErrorsSchema(Schema):
    items = fields.List(fields.Nested(NightErrorSchema))


class ScoreSchema(Schema):
    judged_at = fields.AwareDateTime(format="iso")
    horizon_h = fields.Integer()
    windows = fields.Integer()
    mae_pct = fields.Float()
    naive_mae_pct = fields.Float()
    bias_pct = fields.Float()
    coverage = fields.Float()
    backtest_mae_pct = fields.Float(allow_none=True)
    drifting = fields.Integer()
    alarm = fields.String(allow_none=True)


class ScoresSchema(Schema):
    items = fields.List(fields.Nested(ScoreSchema))


class EvidenceSchema(Schema):
    container_id = fields.Integer(required=True, strict=True, validate=validate.Range(1, LARGEST_ID))
    hour_at = fields.AwareDateTime(
        format="iso", required=True, validate=require_our_times, metadata={"description": "Any instant of the hour."}
    )
    source = fields.Enum(EvidenceSource, by_value=True, required=True)
    expected_l = fields.Float(required=True, validate=validate.Range(0, MOST_LITRES))
    spread_l = fields.Float(required=True, validate=validate.Range(0, MOST_LITRES), metadata={"description": "Standard deviation."})


class EvidenceBatchSchema(Schema):
    evidence = fields.List(fields.Nested(EvidenceSchema), required=True, validate=validate.Length(1, MOST_HOURS_AT_ONCE))


class StoredSchema(Schema):
    stored = fields.Integer()
