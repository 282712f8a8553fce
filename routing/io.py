"""Problems and plans as files: our own JSON, versioned (`schema.py` documents it), which comes back exactly as it went out.

read_problem(path) also reads the instance formats of `routing.instances`, by their content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from routing.errors import InstanceFormatError
from routing.instances import read_instance, text_of
from routing.instances.figures import Floats
from routing.plan import Plan
from routing.problem import Problem

PROBLEM_FORMAT = "kerbside-routing-problem"
PLAN_FORMAT = "kerbside-routing-plan"
VERSION = 1
MOST_DEG = {"lat": 90, "lon": 180}

Json = dict[str, Any]
T = TypeVar("T")


def read_problem(path: Path | str) -> Problem:
    """Read a problem: our JSON, or one of the literature's formats (`routing.instances`).

    Raises
    ------
    InstanceFormatError
        If the file is none of these, or says something impossible; the message names the field.
    """
    text = text_of(path)
    if text.lstrip().startswith("{"):
        return problem_from_json(_parse(text))
    return read_instance(text, path).problem


def read_places(path: Path | str) -> Floats | None:
    """Where the locations of a problem in our JSON lie; raises InstanceFormatError as `read_problem`."""
    return places_from_json(_parse(text_of(path)))


def write_problem(problem: Problem, path: Path | str, *, places: Floats | None = None) -> None:
    """Write the problem as our JSON; `places` as in `problem_to_json`."""
    Path(path).write_text(_dump(problem_to_json(problem, places=places)), encoding="utf-8")


def read_plan(path: Path | str) -> Plan:
    """Read a plan from our JSON; raises InstanceFormatError where it is not one."""
    return plan_from_json(_parse(Path(path).read_text(encoding="utf-8")))


def write_plan(plan: Plan, path: Path | str) -> None:
    """Write the plan as our JSON."""
    Path(path).write_text(_dump(plan_to_json(plan)), encoding="utf-8")


def problem_to_json(problem: Problem, *, places: Floats | None = None) -> Json:
    """The problem as a JSON object: fields as in the classes, sets as sorted lists, without the fields that equal their default.

    Parameters
    ----------
    places
        Where each location lies, shape (n, 2): latitude and longitude in degrees. For pictures alone: no part of the problem or of its
        digest, and read back by `places_from_json`.
    """
    drawn = {} if places is None else {"places": [{"lat": float(lat), "lon": float(lon)} for lat, lon in places]}
    return {"format": PROBLEM_FORMAT, "version": VERSION, **_plain(problem), **drawn}


def plan_to_json(plan: Plan) -> Json:
    """The plan as a JSON object."""
    return {"format": PLAN_FORMAT, "version": VERSION, **_plain(plan)}


def problem_from_json(data: Json) -> Problem:
    """Back from `problem_to_json`; raises InstanceFormatError."""
    places = places_from_json(data)
    problem = _read({name: value for name, value in data.items() if name != "places"}, PROBLEM_FORMAT, Problem)
    size = problem.travel[0].size
    if places is not None and len(places) != size:
        raise InstanceFormatError(f"places: expected one for each of the {size} locations, got {len(places)}")
    return problem


def places_from_json(data: Json) -> Floats | None:
    """Latitude and longitude of each location, shape (n, 2), None where the file says nothing of it; raises InstanceFormatError."""
    given = data.get("places")
    if given is None:
        return None
    points = [_point(one, f"places[{number}]") for number, one in enumerate(_expect(list, given, "places"))]
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def _point(data: Any, where: str) -> tuple[float, float]:
    if not isinstance(data, dict) or data.keys() != MOST_DEG.keys():
        raise InstanceFormatError(f"{where}: expected an object with lat and lon, got {data!r:.60}")
    for name, most in MOST_DEG.items():
        value = data[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
            raise InstanceFormatError(f"{where}.{name}: expected degrees from -{most} to {most}, got {value!r:.60}")
    return data["lat"], data["lon"]


def plan_from_json(data: Json) -> Plan:
    """Back from `plan_to_json`; raises InstanceFormatError."""
    return _read(data, PLAN_FORMAT, Plan)


def problem_digest(problem: Problem) -> str:
    """SHA-256 over the canonical JSON of all but the matrices, then the matrices' little-endian int32: equal problems, equal digest.

    A field that equals its default is no part of it, so that a digest outlives fields that are added later.
    """
    described = {name: _plain(getattr(problem, name)) for name in _told(problem) if name != "travel"}
    paces = [_plain(travel.paces) for travel in problem.travel]
    if any(paces):
        described["paces"] = paces
    digest = hashlib.sha256(_dump({"format": PROBLEM_FORMAT, "version": VERSION, **described}).encode())
    for travel in problem.travel:
        for matrix in (travel.drive_s, travel.distance_m):
            digest.update(np.ascontiguousarray(matrix, dtype="<i4").data)  # as it lies in memory: a city's is large
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
        return {name: _plain(getattr(value, name)) for name in _told(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return dict(value) if isinstance(value, Mapping) else value


def _told(thing: Any) -> list[str]:
    """Fields of a dataclass that say something: all but those that equal their default."""
    cls: Any = type(thing)
    return [name for name, default in _defaults(cls) if default is MISSING or getattr(thing, name) != default]


@cache
def _defaults(cls: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, f.default if f.default_factory is MISSING else f.default_factory()) for f in fields(cls))


def _read(data: Json, expected: str, cls: type[T]) -> T:
    if data.get("format") != expected or data.get("version") != VERSION:
        raise InstanceFormatError(f"expected {expected!r} version {VERSION}, got {data.get('format')!r} version {data.get('version')!r}")
    try:
        built: T = _built(cls, {name: value for name, value in data.items() if name not in ("format", "version")}, "")
    except (TypeError, ValueError) as error:
        raise InstanceFormatError(str(error)) from error
    return built


def _built(hint: Any, data: Any, where: str) -> Any:
    """`data` as what the annotation says; `where` is the way to it through the file."""
    if is_dataclass(hint):
        return _record(hint, data, where)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return None if data is None else _built(inner[0], data, where)
    if origin in (tuple, frozenset):
        return origin(_built(inner[0], one, f"{where}[{i}]") for i, one in enumerate(_expect(list, data, where)))
    if origin is Mapping:
        return {key: _built(inner[1], one, f"{where}.{key}") for key, one in _expect(dict, data, where).items()}
    if origin is np.ndarray:
        return np.array(data, dtype=np.int64)
    if issubclass(hint, StrEnum):
        return hint(data)
    return _expect(hint, data, where)


def _record(cls: Any, data: Any, where: str) -> Any:
    hints = _hints(cls)
    given = _expect(dict, data, where)
    unknown, missing = given.keys() - hints.keys(), [name for name, default in _defaults(cls) if default is MISSING and name not in given]
    if unknown or missing:
        said = f"knows no {', '.join(sorted(unknown))}" if unknown else f"lacks {', '.join(missing)}"
        raise InstanceFormatError(f"{where or 'the file'} {said}")
    return cls(**{name: _built(hints[name], value, f"{where}.{name}".lstrip(".")) for name, value in given.items()})


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


_NAMES: dict[type, str] = {dict: "an object", list: "a list", str: "a text", int: "an integer", bool: "true or false"}


def _expect(kind: type[T], data: Any, where: str) -> T:
    # true and false are integers to Python, but not in a file
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise InstanceFormatError(f"{where or 'the file'}: expected {_NAMES[kind]}, got {data!r:.60}")
    return data
