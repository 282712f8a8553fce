"""Bulk reads and writes of forecasts in PostgreSQL's binary COPY: a hundred thousand containers are columns here, never rows of Python.

Rows of a fixed form are read by numpy without a look at any of them, and written the same way.
"""
# ruff: noqa: S608 - the SQL is put together from this file's own words; values travel as parameters

import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from app.db import TenantOwned, TenantSession
from app.forecasts.models import InflowEvidence
from app.telemetry.models import ContainerForecast, ForecastRun, ModelArtifact
from app.telemetry.store import cursor_of
from app.tenancy.scope import rows_of, visible_tenant_id

_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_REAL_OID = 700
_ELEMENTS = {_REAL_OID: ">f4", 20: ">i8", 23: ">i4"}
"""numpy's types of real, bigint and int, by PostgreSQL's numbers."""
_ARRAY_HEAD_BYTES = 20
_WRITTEN_AT_ONCE = 8192

Columns = Mapping[str, NDArray[Any]]


def copy_rows(session: TenantSession, query: str, parameters: Sequence[Any], form: Mapping[str, str]) -> NDArray[Any]:
    """The query's rows as one structured array; `form` names its columns' numpy types in order, and none may be null.

    Names and types are those of the query: `{"container_id": "i8", "level": "f4"}` for a bigint and a real.
    """
    content = _copied(session, query, parameters)
    return np.frombuffer(content[len(_HEADER) : len(content) - len(_TRAILER)], dtype=_row_type(form))


def copy_arrays(session: TenantSession, query: str, parameters: Sequence[Any]) -> Iterator[list[Any]]:
    """The query's rows, whose columns are bigint or arrays of real, bigint and int; arrays come as numpy's."""
    content = _copied(session, query, parameters)
    at = len(_HEADER)
    while (count := struct.unpack_from(">h", content, at)[0]) >= 0:
        at += 2
        row: list[Any] = []
        for _ in range(count):
            size = struct.unpack_from(">i", content, at)[0]
            row.append(_value(content[at + 4 : at + 4 + size]))
            at += 4 + size
        yield row


def _copied(session: TenantSession, query: str, parameters: Sequence[Any]) -> memoryview:
    with cursor_of(session) as cursor:
        received = io.BytesIO()
        cursor.copy_expert(cursor.mogrify(f"copy ({query}) to stdout (format binary)", parameters), received)
    return received.getbuffer()


def _row_type(form: Mapping[str, str]) -> np.dtype[Any]:
    """One row: the number of fields, then each with its length."""
    fields: list[tuple[str, str]] = [("_fields", ">i2")]
    for name, kind in form.items():
        fields += [(f"_{name}_bytes", ">i4"), (name, f">{kind}")]
    return np.dtype(fields)


def _value(field: memoryview) -> Any:
    if len(field) == 8:
        return struct.unpack(">q", field)[0]
    if len(field) < _ARRAY_HEAD_BYTES:  # an empty array has no dimensions
        return np.zeros(0)
    kind = _ELEMENTS[struct.unpack_from(">i", field, 8)[0]]
    return np.frombuffer(field[_ARRAY_HEAD_BYTES:], dtype=np.dtype([("bytes", ">i4"), ("value", kind)]))["value"].astype(kind[1:])


def insert_rows(
    session: TenantSession,
    table: str,
    form: Mapping[str, str],
    columns: Columns,
    *,
    selected: str,
    into: str,
    parameters: Sequence[Any] = (),
) -> None:
    """Write columns of one length through a temporary table; two-dimensional ones become real[].

    COPY straight into a table under row-level security is refused by PostgreSQL. `form` names the temporary columns' SQL types,
    `selected` what the final `into` takes from them.
    """
    with cursor_of(session) as cursor:
        wanted = ", ".join(f"{name} {kind}" for name, kind in form.items())
        cursor.execute(f"drop table if exists pg_temp.{table}_incoming")
        cursor.execute(f"create temporary table {table}_incoming ({wanted}) on commit drop")
        cursor.copy_expert(f"copy pg_temp.{table}_incoming from stdin (format binary)", _Rows(form, columns))
        cursor.execute(f"insert into {table} ({into}) select {selected} from pg_temp.{table}_incoming", parameters)
        cursor.execute(f"drop table pg_temp.{table}_incoming")


_KINDS = {"bigint": "i8", "int": "i4", "smallint": "i2", "real": "f4", "double precision": "f8"}


class _Rows(io.RawIOBase):
    """Columns as a file in binary COPY's form, made a few thousand rows at a time."""

    def __init__(self, form: Mapping[str, str], columns: Columns) -> None:
        self._parts = self._pieces(form, columns)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._parts, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def _pieces(self, form: Mapping[str, str], columns: Columns) -> Iterator[bytes]:
        yield _HEADER
        kinds = {name: _field(kind, columns[name]) for name, kind in form.items()}
        row = np.dtype([("_fields", ">i2"), *kinds.items()])
        count = len(next(iter(columns.values())))
        for begin in range(0, count, _WRITTEN_AT_ONCE):
            part = slice(begin, min(begin + _WRITTEN_AT_ONCE, count))
            rows = np.zeros(part.stop - begin, dtype=row)
            rows["_fields"] = len(form)
            for name, kind in kinds.items():
                _fill(rows[name], kind, columns[name][part])
            yield rows.tobytes()
        yield _TRAILER


def _field(kind: str, column: NDArray[Any]) -> np.dtype[Any]:
    """A field with its length before it; an array is its own little row of fields."""
    if kind != "real[]":
        return np.dtype([("bytes", ">i4"), ("value", f">{_KINDS[kind]}")])
    element = np.dtype([("bytes", ">i4"), ("value", ">f4")])
    head = [(name, ">i4") for name in ("bytes", "dimensions", "nulls", "oid", "length", "first")]
    return np.dtype([*head, ("values", element, (column.shape[1],))])


def _fill(field: NDArray[Any], kind: np.dtype[Any], column: NDArray[Any]) -> None:
    if "values" not in (kind.names or ()):
        field["bytes"], field["value"] = kind["value"].itemsize, column
        return
    field["bytes"] = kind.itemsize - 4
    field["dimensions"], field["oid"], field["length"], field["first"] = 1, _REAL_OID, column.shape[1], 1
    field["values"]["bytes"], field["values"]["value"] = 4, column


def insert_forecasts(
    session: TenantSession, run_id: int, container_ids: NDArray[np.int64], methods: Sequence[str], tables: Columns
) -> None:
    """The rows of one run; `tables` holds q10, q50, q90, overflow and naive, each (containers, horizons)."""
    names = sorted(set(methods))
    code = {name: number for number, name in enumerate(names, start=1)}
    columns: dict[str, NDArray[Any]] = {
        "container_id": container_ids,
        "method": np.array([code[name] for name in methods], np.int16),
        **tables,
    }
    insert_rows(
        session,
        "container_forecast",
        {"container_id": "bigint", "method": "smallint"} | dict.fromkeys(tables, "real[]"),
        columns,
        selected="%s, container_id, (%s::text[])[method], q10, q50, q90, overflow, naive",
        parameters=(run_id, names),
        into="run_id, container_id, method, q10_pct, q50_pct, q90_pct, overflow_probability, naive_pct",
    )


def replace_evidence(session: TenantSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Hours of inflow; what was known under the same key gives way."""
    statement = insert(InflowEvidence).values(list(rows))
    says = {name: statement.excluded[name] for name in ("expected_l", "spread_l")}
    key = ["tenant_id", "container_id", "hour_at", "source"]
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=says))


def delete_forecasts(session: TenantSession, *, made_before: datetime) -> None:
    """Containers' rows of old runs; the runs themselves, and how they did, stay."""
    old = rows_of(session, ForecastRun).where(ForecastRun.origin_at < made_before).with_only_columns(ForecastRun.id)
    mine = ContainerForecast.tenant_id == visible_tenant_id(session)
    session.execute(delete(ContainerForecast).where(mine, ContainerForecast.run_id.in_(old)))


def delete_artifacts(session: TenantSession, *, trained_before: datetime) -> None:
    """Old models, but never the newest one."""
    newest = rows_of(session, ModelArtifact).order_by(ModelArtifact.trained_until.desc()).limit(1).with_only_columns(ModelArtifact.id)
    old = (ModelArtifact.trained_until < trained_before) & ModelArtifact.id.not_in(newest)
    session.execute(delete(ModelArtifact).where(ModelArtifact.tenant_id == visible_tenant_id(session), old))


def delete_rows(session: TenantSession, kind: type[TenantOwned], column: InstrumentedAttribute[datetime], *, before: datetime) -> None:
    session.execute(delete(kind).where(kind.tenant_id == visible_tenant_id(session), column < before))
