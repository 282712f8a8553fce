"""Problems and plans as files: our own JSON, versioned (`schema.py` documents it), which comes back exactly as it went out.

read_problem(path) also reads the instance formats of `instances.py`, by their content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from routing.errors import InstanceFormatError
from routing.instances import looks_like_solomon, looks_like_vrplib, read_solomon, read_vrplib
from routing.plan import Plan, Reason, Route, RouteCost, Unserved, Visit, VisitKind
from routing.problem import BreakRule, Facility, Problem, Stop, Travel, Vehicle, Window

PROBLEM_FORMAT = "kerbside-routing-problem"
PLAN_FORMAT = "kerbside-routing-plan"
VERSION = 1

Json = dict[str, Any]
T = TypeVar("T")


def read_problem(path: Path | str) -> Problem:
    """Read a problem: our JSON, VRPLIB (CVRP) or Solomon's VRPTW format.

    Raises
    ------
    InstanceFormatError
        If the file is none of these, or says something impossible; the message names the field.
    """
    text = Path(path).read_text(encoding="utf-8")
    if text.lstrip().startswith("{"):
        return problem_from_json(_parse(text))
    if looks_like_vrplib(text):
        return read_vrplib(text)
    if looks_like_solomon(text):
        return read_solomon(text)
    raise InstanceFormatError(f"{path}: neither our JSON, nor VRPLIB, nor Solomon's format")


def write_problem(problem: Problem, path: Path | str) -> None:
    """Write the problem as our JSON."""
    Path(path).write_text(_dump(problem_to_json(problem)), encoding="utf-8")


def read_plan(path: Path | str) -> Plan:
    """Read a plan from our JSON; raises InstanceFormatError where it is not one."""
    return plan_from_json(_parse(Path(path).read_text(encoding="utf-8")))


def write_plan(plan: Plan, path: Path | str) -> None:
    """Write the plan as our JSON."""
    Path(path).write_text(_dump(plan_to_json(plan)), encoding="utf-8")


def problem_to_json(problem: Problem) -> Json:
    """The problem as a JSON object: fields as in the classes, sets as sorted lists."""
    return {"format": PROBLEM_FORMAT, "version": VERSION, **_plain(problem)}


def plan_to_json(plan: Plan) -> Json:
    """The plan as a JSON object."""
    return {"format": PLAN_FORMAT, "version": VERSION, **_plain(plan)}


def problem_from_json(data: Json) -> Problem:
    """Back from `problem_to_json`; raises InstanceFormatError."""
    return _read(data, PROBLEM_FORMAT, _problem)


def plan_from_json(data: Json) -> Plan:
    """Back from `plan_to_json`; raises InstanceFormatError."""
    return _read(data, PLAN_FORMAT, _plan)


def problem_digest(problem: Problem) -> str:
    """SHA-256 over the canonical JSON of all but the matrices, then the matrices' little-endian int32: equal problems, equal digest."""
    described = {f.name: _plain(getattr(problem, f.name)) for f in fields(problem) if f.name != "travel"}
    digest = hashlib.sha256(_dump({"format": PROBLEM_FORMAT, "version": VERSION, **described}).encode())
    for travel in problem.travel:
        for matrix in (travel.drive_s, travel.distance_m):
            digest.update(matrix.astype("<i4").tobytes())
    return digest.hexdigest()


def plan_digest(plan: Plan) -> str:
    """SHA-256 of the plan's canonical JSON: two runs that agree have one digest."""
    return hashlib.sha256(_dump(plan_to_json(plan)).encode()).hexdigest()


def _dump(data: Json) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _parse(text: str) -> Json:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InstanceFormatError(f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InstanceFormatError("expected a JSON object")
    return data


def _plain(value: object) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return dict(value) if isinstance(value, Mapping) else value


def _read(data: Json, expected: str, build: Callable[[Json], T]) -> T:
    if data.get("format") != expected or data.get("version") != VERSION:
        raise InstanceFormatError(f"expected {expected!r} version {VERSION}, got {data.get('format')!r} version {data.get('version')!r}")
    try:
        return build(data)
    except KeyError as error:
        raise InstanceFormatError(f"missing field {error}") from error
    except (TypeError, ValueError) as error:
        raise InstanceFormatError(str(error)) from error


def _problem(data: Json) -> Problem:
    return Problem(
        stops=tuple(_stop(one) for one in data["stops"]),
        facilities=tuple(_facility(one) for one in data["facilities"]),
        vehicles=tuple(_vehicle(one) for one in data["vehicles"]),
        travel=tuple(_travel(one) for one in data["travel"]),
        dimensions=tuple(data["dimensions"]),
    )


def _travel(data: Json) -> Travel:
    return Travel(np.array(data["drive_s"], dtype=np.int64), np.array(data["distance_m"], dtype=np.int64))


def _stop(data: Json) -> Stop:
    allowed = data["allowed_vehicles"]
    changed = {
        "load": tuple(data["load"]),
        "windows": _windows(data["windows"]),
        "needs": frozenset(data["needs"]),
        "allowed_vehicles": None if allowed is None else frozenset(allowed),
    }
    return Stop(**{**data, **changed})


def _facility(data: Json) -> Facility:
    return Facility(**{**data, "accepts": frozenset(data["accepts"]), "windows": _windows(data["windows"])})


def _vehicle(data: Json) -> Vehicle:
    changed = {
        "capacity": tuple(data["capacity"]),
        "shift": Window(**data["shift"]),
        "classes": frozenset(data["classes"]),
        "breaks": tuple(_break(one) for one in data["breaks"]),
        "offers": frozenset(data["offers"]),
    }
    return Vehicle(**{**data, **changed})


def _break(data: Json) -> BreakRule:
    return BreakRule(**{**data, "window": None if data["window"] is None else Window(**data["window"])})


def _windows(data: list[Json]) -> tuple[Window, ...]:
    return tuple(Window(**one) for one in data)


def _plan(data: Json) -> Plan:
    return Plan(
        routes=tuple(_route(one) for one in data["routes"]),
        unserved=tuple(Unserved(**{**one, "reason": Reason(one["reason"])}) for one in data["unserved"]),
        engine=data["engine"],
        seed=data["seed"],
        problem_digest=data["problem_digest"],
    )


def _route(data: Json) -> Route:
    return Route(**{**data, "cost": RouteCost(**data["cost"]), "visits": tuple(_visit(one) for one in data["visits"])})


def _visit(data: Json) -> Visit:
    return Visit(**{**data, "kind": VisitKind(data["kind"]), "load_after": tuple(data["load_after"])})
