"""JSON Schemas (draft 2020-12) of the files that `io.py` writes. Units are in the names; their meaning is in `problem.py` and `plan.py`.

What is not required may be left out, and is left out where it equals its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


def problem_schema() -> Schema:
    """What `problem_to_json` gives."""
    return _file(
        "kerbside-routing-problem",
        stops=_list(_STOP),
        facilities=_list(_FACILITY),
        vehicles=_list(_VEHICLE),
        travel={**_list(_TRAVEL), "minItems": 1},
        optional={"dimensions": _KEYS, "places": _PLACES},
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


def _record(*, optional: Mapping[str, Schema] | None = None, **required: Schema) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": sorted(required), "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _file(name: str, *, optional: Mapping[str, Schema] | None = None, **required: Schema) -> Schema:
    described = _record(format={"const": name}, version={"const": 1}, optional=optional, **required)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name, **described}


_TEXT: Schema = {"type": "string"}
_KEY: Schema = {"type": "string", "minLength": 1}
_KEYS = _list(_KEY)
_INTEGER: Schema = {"type": "integer"}
_AMOUNT: Schema = {"type": "integer", "minimum": 0}
_AMOUNTS = _list(_AMOUNT)
_POSITIVE: Schema = {"type": "integer", "minimum": 1}
_FLAG: Schema = {"type": "boolean"}
_MATRIX = {**_list(_list({"type": "integer", "minimum": -1})), "description": "rows from, columns to; -1 where there is no way"}
_PLACES = {
    **_list(_record(lat={"type": "number", "minimum": -90, "maximum": 90}, lon={"type": "number", "minimum": -180, "maximum": 180})),
    "description": "where each location lies, in degrees, one entry a location; for pictures alone",
}
_WINDOW = _record(open_s=_AMOUNT, close_s=_AMOUNT)
_TRAVEL = _record(drive_s=_MATRIX, distance_m=_MATRIX, optional={"paces": _list(_record(from_s=_AMOUNT, per_mille=_POSITIVE))})
_STOP = _record(
    key=_KEY,
    location=_AMOUNT,
    load={**_list(_INTEGER), "description": "negative where something is set down"},
    optional={
        "waste_class": _TEXT,
        "service_s": _AMOUNT,
        "setup_s": _AMOUNT,
        "windows": _list(_WINDOW),
        "lifts": _AMOUNT,
        "prize": _or_null(_AMOUNT),
        "needs": _KEYS,
        "allowed_vehicles": _or_null(_KEYS),
        "group": _or_null(_TEXT),
        "release_s": _AMOUNT,
        "bring_to": _or_null(_KEY),
        "usual_vehicle": _or_null(_KEY),
        "change_cost": _AMOUNT,
    },
)
_FACILITY = _record(
    key=_KEY,
    location=_AMOUNT,
    accepts=_KEYS,
    optional={"windows": _list(_WINDOW), "turnaround_s": _AMOUNT, "fee_per_kg": _AMOUNT, "fee_per_visit": _AMOUNT},
)
_BREAK = _record(
    key=_TEXT,
    duration_s=_POSITIVE,
    optional={
        "window": _or_null(_WINDOW),
        "after_work_s": _or_null(_AMOUNT),
        "after_drive_s": _or_null(_AMOUNT),
        "repeats": _FLAG,
        "parts_s": _list(_POSITIVE),
        "only_if_longer_s": _AMOUNT,
    },
)
_COMPARTMENT = _record(classes=_KEYS, capacity=_AMOUNTS)
_FAIR_SHARE = _record(optional={"duration_s": _AMOUNT, "cost_per_s": _AMOUNT, "load_kg": _AMOUNT, "cost_per_kg": _AMOUNT})
_UNDER_WAY = _record(
    location=_AMOUNT,
    ready_s=_AMOUNT,
    started_s=_AMOUNT,
    load=_AMOUNTS,
    optional={
        "classes": _KEYS,
        "driven_s": _AMOUNT,
        "driven_m": _AMOUNT,
        "rested_s": _AMOUNT,
        "lifted": _AMOUNTS,
        "stops": _AMOUNT,
        "unloads": _AMOUNT,
        "taken": _KEYS,
    },
)
_VEHICLE = _record(
    key=_KEY,
    start_location=_AMOUNT,
    end_location=_AMOUNT,
    capacity=_AMOUNTS,
    shift=_WINDOW,
    optional={
        "classes": _KEYS,
        "compacted_density_kg_m3": {"type": "object", "additionalProperties": _POSITIVE},
        "one_class_per_trip": _FLAG,
        "ends_empty": _FLAG,
        "max_duration_s": _or_null(_POSITIVE),
        "fixed_cost": _AMOUNT,
        "cost_per_s": _AMOUNT,
        "cost_per_m": _AMOUNT,
        "cost_per_lift": _AMOUNT,
        "breaks": _list(_BREAK),
        "max_trips": _or_null(_POSITIVE),
        "offers": _KEYS,
        "travel_profile": _AMOUNT,
        "compartments": _list(_COMPARTMENT),
        "stop_s": _AMOUNT,
        "lift_s": _AMOUNT,
        "latest_start_s": _or_null(_AMOUNT),
        "max_drive_s": _or_null(_AMOUNT),
        "max_distance_m": _or_null(_AMOUNT),
        "max_stops": _or_null(_AMOUNT),
        "max_lifted": _or_null(_AMOUNTS),
        "overtime_after_s": _or_null(_AMOUNT),
        "overtime_cost_per_s": _AMOUNT,
        "fair_share": _or_null(_FAIR_SHARE),
        "under_way": _or_null(_UNDER_WAY),
        "head": _KEYS,
        "sequence": _KEYS,
    },
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
_CAUSES = ("fixed", "time", "distance", "lifts", "fees", "overtime", "changes", "unfairness")
_ROUTE = _record(
    vehicle=_KEY,
    start_s=_AMOUNT,
    end_s=_AMOUNT,
    distance_m=_AMOUNT,
    cost=_record(optional=dict.fromkeys(_CAUSES, _AMOUNT)),
    visits=_list(_VISIT),
)
