"""Requests as nobody should send them: made from the API's own description, each wrong in one place."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

Json = dict[str, Any]

HUGE = (2**31, 2**63, -(2**63) - 1, 10**400, -1, 0)
TEXTS = ("", "\0", "a\0b", "\ud800", "x" * 70_000, "'; drop table tenant; --", "\u202e\U0001f5d1", "NaN", "1e999", "null", "٣")
DATES = ("0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30")
INSTANTS = (
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "0000-01-01T00:00:00Z",
    "2026-11-23T24:00:00Z",
    "2026-11-23T00:00:00",
    "2026-11-23T00:00:00.123456789+00:00",
)
ODD: tuple[Any, ...] = (*HUGE, *TEXTS, *DATES, *INSTANTS, None, True, 0.5, [], {}, [[]], [None], {"a": 1}, {"\0": 1}, 1e308)

NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from(HUGE))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=20), st.sampled_from(ODD))
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6
)

DEEP = b"[" * 100_000 + b"]" * 100_000
RAW_BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"7",
    b"NaN",
    b"\xff\xfe{}",
    b'{"name": "\xff"}',
    b'{"name": NaN}',
    b'{"name": ' + b"9" * 5000 + b"}",
    DEEP,
    b'{"name": ' + DEEP + b"}",
    b'{"name": ' + b"[" * 200 + b"]" * 200 + b"}",
    "{}".encode("utf-16"),
)
CONTENT_TYPES = (
    "application/json",
    "text/plain",
    "",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/json; charset=utf-7",
)
CURSORS = (
    "",
    "\0",
    "x",
    "é",
    "====",
    "MQ",
    "SW5maW5pdHk",
    "LTE",
    "OTk5OTk5OTk5OTk5OTk5OTk5OTk5",
    "W1tbW1s",
    "9" * 5000,
    "1.2",
    "9999999999999999999.1",
)


@dataclass(frozen=True)
class Operation:
    """One method of one path, as the description of the API says it."""

    document: Json
    path: str
    method: str
    said: Json
    shared: tuple[Json, ...] = ()

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def named(self, where: str) -> list[Json]:
        return [one for one in (*self.shared, *self.said.get("parameters", ())) if one["in"] == where]

    def body_schema(self) -> Json | None:
        content = self.said.get("requestBody", {}).get("content", {})
        found = content.get("application/json", {}).get("schema")
        return None if found is None else self.resolve(found)

    def resolve(self, schema: Json) -> Json:
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        return schema


@dataclass(frozen=True)
class Attempt:
    """A request to send."""

    path_values: dict[str, Any]
    query: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    content_type: str = "application/json"

    def address(self, path: str) -> str:
        for name, value in self.path_values.items():
            path = path.replace(f"{{{name}}}", quote(str(value).encode("utf-8", "replace"), safe=""))
        return f"{path}?{urlencode(self.query)}" if self.query else path


def operations(document: Json) -> list[Operation]:
    return [
        Operation(document, path, method, said, tuple(item.get("parameters", ())))
        for path, item in document["paths"].items()
        for method, said in item.items()
        if method != "parameters"
    ]


def as_bytes(body: Any) -> bytes:
    """NaN and half pairs included, as careless programs write them."""
    return json.dumps(body).encode()


def valid(operation: Operation, schema: Json, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that the schema allows, more or less: enough to get past the first check."""
    schema = operation.resolve(schema)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return st.one_of(*(valid(operation, one, depth + 1) for one in schema[several]))
    kind = schema.get("type", "null")
    kind = kind if isinstance(kind, str) else kind[0]
    return KINDS[kind](operation, schema, depth)


def _object(operation: Operation, schema: Json, depth: int) -> st.SearchStrategy[Any]:
    if depth > 3 or "properties" not in schema:
        return st.just({})
    known = {name: one for name, one in schema["properties"].items() if not operation.resolve(one).get("readOnly")}
    required = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: valid(operation, one, depth + 1) for name, one in known.items() if name in required},
        optional={name: valid(operation, one, depth + 1) for name, one in known.items() if name not in required},
    )


def _array(operation: Operation, schema: Json, depth: int) -> st.SearchStrategy[Any]:
    return st.lists(valid(operation, schema.get("items", {}), depth + 1), min_size=schema.get("minItems", 0), max_size=2)


def _text(_: Operation, schema: Json, __: int) -> st.SearchStrategy[Any]:
    match schema.get("format"):
        case "date":
            return st.dates().map(str) | st.sampled_from(DATES)
        case "date-time":
            return st.datetimes().map(lambda at: f"{at.isoformat()}Z") | st.sampled_from(INSTANTS)
        case "uuid":
            return st.uuids().map(str)
        case "email":
            return st.just("a@town.example")
    return st.text("ab1:-", min_size=min(schema.get("minLength", 1), 50), max_size=min(schema.get("maxLength", 12), 12))


def _integer(_: Operation, schema: Json, __: int) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", 0), schema.get("maximum", 10)
    return st.sampled_from([low, high, min(high, low + 1)])


KINDS = {
    "object": _object,
    "array": _array,
    "string": _text,
    "integer": _integer,
    "number": lambda _, schema, __: st.sampled_from([schema.get("minimum", 0), schema.get("maximum", 10), 0.5]),
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
}


def generated(operation: Operation, path_values: Json) -> st.SearchStrategy[Attempt]:
    """Bodies and arguments that the schemas allow, and ones that come as they may."""
    schema = operation.body_schema()
    bodies = st.none() if schema is None else valid(operation, schema) | ANYTHING
    named = {one["name"]: valid(operation, one["schema"]) | SCALARS for one in operation.named("query")}
    query = st.fixed_dictionaries({}, optional=named).map(lambda chosen: [(name, _plain(value)) for name, value in chosen.items()])
    return st.builds(Attempt, st.just(path_values), query, bodies.map(_sent))


def _plain(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()


def attempts(operation: Operation, path_values: Json, body: Json | None) -> Iterator[Attempt]:
    """Every way to be wrong that we know of, one at a time."""
    for parameter in operation.named("query"):
        odd = CURSORS if parameter["name"] == "cursor" else (*map(str, ODD), "9" * 5000)
        yield from (Attempt(path_values, [(parameter["name"], _plain(value))], _sent(body)) for value in odd)
    yield Attempt(path_values, [("nobody_knows_me", "1")], _sent(body))
    yield Attempt(path_values, [("\0", "\0")], _sent(body))
    for parameter in operation.named("path"):
        for value in (*map(str, HUGE), *TEXTS, *DATES, "9" * 5000, "-1", "%00", "..", "None"):
            yield Attempt(path_values | {parameter["name"]: value}, [], _sent(body))
    if "requestBody" in operation.said:
        yield from (Attempt(path_values, [], raw) for raw in RAW_BODIES)
        yield from (Attempt(path_values, [], _sent(body) or b"{}", kind) for kind in CONTENT_TYPES)
    yield from (Attempt(path_values, [], as_bytes(changed)) for changed in _changed(operation, body))


def _sent(body: Any) -> bytes | None:
    return None if body is None else as_bytes(body)


def _changed(operation: Operation, body: Json | None) -> Iterator[Json]:
    """A body that would do, with one field replaced at a time; fields of the first object in a list as well."""
    schema = operation.body_schema()
    if schema is None:
        return
    sound = body or {}
    for name in [*schema.get("properties", {}), "nobody_knows_me", "id", "tenant_id", "row_version"]:
        yield from (sound | {name: odd} for odd in ODD)
    for name, value in sound.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            inner = operation.resolve(operation.resolve(schema["properties"][name])["items"])
            yield from (sound | {name: [value[0] | {key: odd}]} for key in inner["properties"] for odd in ODD)
