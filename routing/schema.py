"""JSON Schemas (draft 2020-12) of the files that `io.py` writes. Units are in the names; their meaning is in `problem.py` and `plan.py`."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def problem_schema() -> Schema:
    """What `problem_to_json` gives."""
    return _file(
        "kerbside-routing-problem",
        stops=_list(_STOP),
        facilities=_list(_FACILITY),
        vehicles=_list(_VEHICLE),
        travel={**_list(_record(drive_s=_MATRIX, distance_m=_MATRIX)), "minItems": 1},
        dimensions=_KEYS,
    )


def plan_schema() -> Schema:
    """What `plan_to_json` gives."""
    return _file(
        "kerbside-routing-plan",
        routes=_list(_ROUTE),
        unserved=_list(_record(stop=_KEY, reason=_KEY, detail=_TEXT)),
        engine=_KEY,
        seed=_INTEGER,
        problem_digest=_TEXT,
    )


def _record(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": sorted(properties), "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _optional(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _file(name: str, **properties: Schema) -> Schema:
    described = _record(format={"const": name}, version={"const": 1}, **properties)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name, **described}


_TEXT: Schema = {"type": "string"}
_KEY: Schema = {"type": "string", "minLength": 1}
_KEYS = _list(_KEY)
_INTEGER: Schema = {"type": "integer"}
_AMOUNT: Schema = {"type": "integer", "minimum": 0}
_AMOUNTS = _list(_AMOUNT)
_FLAG: Schema = {"type": "boolean"}
_MATRIX = {**_list(_list({"type": "integer", "minimum": -1})), "description": "rows from, columns to; -1 where there is no way"}
_WINDOW = _record(open_s=_AMOUNT, close_s=_AMOUNT)
_STOP = _record(
    key=_KEY,
    location=_AMOUNT,
    load=_AMOUNTS,
    waste_class=_TEXT,
    service_s=_AMOUNT,
    setup_s=_AMOUNT,
    windows=_list(_WINDOW),
    lifts=_AMOUNT,
    prize=_optional(_AMOUNT),
    needs=_KEYS,
    allowed_vehicles=_optional(_KEYS),
    group=_optional(_TEXT),
)
_FACILITY = _record(key=_KEY, location=_AMOUNT, accepts=_KEYS, windows=_list(_WINDOW), turnaround_s=_AMOUNT, fee_per_kg=_AMOUNT)
_BREAK = _record(key=_TEXT, duration_s=_AMOUNT, window=_optional(_WINDOW), after_work_s=_optional(_AMOUNT))
_VEHICLE = _record(
    key=_KEY,
    start_location=_AMOUNT,
    end_location=_AMOUNT,
    capacity=_AMOUNTS,
    shift=_WINDOW,
    classes=_KEYS,
    compacted_density_kg_m3={"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
    one_class_per_trip=_FLAG,
    ends_empty=_FLAG,
    max_duration_s=_optional(_AMOUNT),
    fixed_cost=_AMOUNT,
    cost_per_s=_AMOUNT,
    cost_per_m=_AMOUNT,
    cost_per_lift=_AMOUNT,
    breaks=_list(_BREAK),
    max_trips=_optional(_AMOUNT),
    offers=_KEYS,
    travel_profile=_AMOUNT,
)
_VISIT = _record(
    kind={"enum": ["pickup", "unload", "break"]},
    key=_KEY,
    location=_AMOUNT,
    arrival_s=_AMOUNT,
    start_s=_AMOUNT,
    departure_s=_AMOUNT,
    load_after=_AMOUNTS,
)
_ROUTE = _record(
    vehicle=_KEY,
    start_s=_AMOUNT,
    end_s=_AMOUNT,
    distance_m=_AMOUNT,
    cost=_record(fixed=_AMOUNT, time=_AMOUNT, distance=_AMOUNT, lifts=_AMOUNT, fees=_AMOUNT),
    visits=_list(_VISIT),
)
