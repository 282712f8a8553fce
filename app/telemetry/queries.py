"""Reads of telemetry: what a page of the API shows, and whole histories as arrays for the kernels."""

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, and_, or_, tuple_

from app.assets.models import Container, Site
from app.assets.waste_classes import WasteClass
from app.db import TenantSession
from app.telemetry.models import ContainerForecast, ContainerState, Device, ForecastRun, Lift, LiftSource, Measurement
from app.telemetry.store import EPOCH, cursor_of, microseconds
from app.tenancy.scope import get_row, rows_of, visible_tenant_id
from forecasting.level import IMPOSSIBLE, Readings


def devices(session: TenantSession, *, container_id: int | None = None, device_uid: str | None = None) -> Select[Device]:
    query = rows_of(session, Device)
    if container_id is not None:
        query = query.where(Device.container_id == container_id)
    return query if device_uid is None else query.where(Device.device_uid == device_uid)


def lifts(
    session: TenantSession,
    *,
    container_id: int | None = None,
    source: LiftSource | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[Lift]:
    query = rows_of(session, Lift)
    if container_id is not None:
        query = query.where(Lift.container_id == container_id)
    if source is not None:
        query = query.where(Lift.source == source)
    if since is not None:
        query = query.where(Lift.lifted_at >= since)
    return query if until is None else query.where(Lift.lifted_at < until)


def lifts_around(
    session: TenantSession, container_ids: Collection[int], since: datetime, until: datetime, *, uids: Collection[UUID]
) -> list[Lift]:
    """The containers' lifts of a time, both ends included, and those with these reporters' numbers; the oldest rows first."""
    in_time = and_(Lift.container_id.in_(container_ids), Lift.lifted_at.between(since, until))
    return list(session.scalars(rows_of(session, Lift).where(or_(in_time, Lift.client_uid.in_(uids))).order_by(Lift.id)))


def list_measurements(
    session: TenantSession,
    container_id: int,
    *,
    since: datetime | None,
    until: datetime | None,
    after: tuple[datetime, int] | None,
    limit: int,
) -> list[Measurement]:
    """A container's readings by the device's clock, at most `limit`, from after the (instant, device) on."""
    query = rows_of(session, Measurement).where(Measurement.container_id == container_id)
    if since is not None:
        query = query.where(Measurement.observed_at >= since)
    if until is not None:
        query = query.where(Measurement.observed_at < until)
    if after is not None:
        # the first bound is implied by the second, but only the first lets months be left out
        query = query.where(Measurement.observed_at >= after[0], tuple_(Measurement.observed_at, Measurement.device_id) > tuple_(*after))
    return list(session.scalars(query.order_by(Measurement.observed_at, Measurement.device_id).limit(limit)))


def list_container_states(
    session: TenantSession,
    *,
    min_fill_pct: float | None = None,
    waste_class: WasteClass | None = None,
    zone_id: int | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[ContainerState]:
    """States in order of their containers' numbers, from after the number on."""
    query = rows_of(session, ContainerState).where(ContainerState.container_id > after)
    if min_fill_pct is not None:
        query = query.where(ContainerState.fill_pct >= min_fill_pct)
    if waste_class is not None or zone_id is not None:
        query = query.join(Container, _same_row(ContainerState.tenant_id, Container.tenant_id, ContainerState.container_id, Container.id))
    if waste_class is not None:
        query = query.where(Container.waste_class == waste_class)
    if zone_id is not None:
        query = query.join(Site, _same_row(Container.tenant_id, Site.tenant_id, Container.site_id, Site.id)).where(Site.zone_id == zone_id)
    return list(session.scalars(query.order_by(ContainerState.container_id).limit(limit)))


def _same_row(left_tenant: Any, right_tenant: Any, left_id: Any, right_id: Any) -> Any:
    return (left_tenant == right_tenant) & (left_id == right_id)


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """The newest forecast of a tenant; each array has a row a container and a column an hour of `run.horizons_h`."""

    run: ForecastRun
    container_ids: NDArray[np.int64]
    methods: list[str]
    q10_pct: NDArray[np.float64]
    q50_pct: NDArray[np.float64]
    q90_pct: NDArray[np.float64]
    overflow_probability: NDArray[np.float64]
    naive_pct: NDArray[np.float64]


def latest_forecast(session: TenantSession) -> Forecast | None:
    """The tenant's newest forecast; None before the first night."""
    newest = rows_of(session, ForecastRun).order_by(ForecastRun.origin_at.desc(), ForecastRun.id.desc()).limit(1)
    run = session.scalars(newest).one_or_none()
    return None if run is None else get_forecast(session, run)


def get_forecast(session: TenantSession, run: ForecastRun) -> Forecast:
    columns = ContainerForecast.__table__.c
    query = rows_of(session, ContainerForecast).where(columns.run_id == run.id).order_by(columns.container_id)
    fields = ("container_id", "method", "q10_pct", "q50_pct", "q90_pct", "overflow_probability", "naive_pct")
    rows = session.execute(query.with_only_columns(*(columns[name] for name in fields))).all()
    ids, methods, *tables = zip(*rows, strict=True) if rows else [()] * len(fields)
    shape = (len(rows), len(run.horizons_h))
    arrays = [np.array(table, dtype=np.float64).reshape(shape) for table in tables]
    return Forecast(run, np.array(ids, dtype=np.int64), list(methods), *arrays)


def find_forecast_of(session: TenantSession, container_id: int) -> tuple[ForecastRun, ContainerForecast] | None:
    """One container's newest forecast; None where no night has looked at it."""
    same_run = _same_row(ContainerForecast.tenant_id, ForecastRun.tenant_id, ContainerForecast.run_id, ForecastRun.id)
    own = rows_of(session, ContainerForecast).join(ForecastRun, same_run).where(ContainerForecast.container_id == container_id)
    newest = own.order_by(ForecastRun.origin_at.desc(), ForecastRun.id.desc()).limit(1)
    found = session.scalars(newest).one_or_none()
    return None if found is None else (get_row(session, ForecastRun, found.run_id), found)


# one row of PostgreSQL's binary COPY: the number of fields, then each with its length; none is ever null
_BINARY_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("container_bytes", ">i4"),
        ("container_id", ">i8"),
        ("at_bytes", ">i4"),
        ("at_us", ">i8"),
        ("fill_bytes", ">i4"),
        ("fill_pct", ">f8"),
        ("quality_bytes", ">i4"),
        ("quality", ">i2"),
    ]
)
_BINARY_HEADER_BYTES, _BINARY_TRAILER_BYTES = 19, 2


def load_history(
    session: TenantSession, since: datetime, *, until: datetime | None = None, container_ids: Collection[int] | None = None
) -> dict[int, Readings]:
    """All readings of each container (or of some) from an instant on, as arrays; half a million take about a second.

    Of readings in one second (two devices in one container) the first usable one counts, as in the level filter.
    """
    rows = _copy_history(session, since, until, container_ids)
    seconds = rows["at_us"].astype(np.int64) // 1_000_000
    ids = rows["container_id"].astype(np.int64)
    order = np.lexsort((rows["quality"] == IMPOSSIBLE, seconds, ids))
    rows, seconds, ids = rows[order], seconds[order], ids[order]
    kept = np.ones(len(rows), dtype=bool)
    kept[1:] = (np.diff(ids) != 0) | (np.diff(seconds) != 0)
    ids, seconds, rows = ids[kept], seconds[kept], rows[kept]
    fill, quality = rows["fill_pct"].astype(np.float64) / 100, rows["quality"].astype(np.int8)
    return {int(ids[part.start]): Readings(seconds[part], fill[part], quality[part]) for part in _runs(ids) if len(seconds)}


def _copy_history(session: TenantSession, since: datetime, until: datetime | None, container_ids: Collection[int] | None) -> NDArray[Any]:
    """(container, microseconds, fill, quality) in order, in the form that numpy reads without a look at any row."""
    with cursor_of(session) as cursor:
        query = cursor.mogrify(
            """copy (select container_id, (extract(epoch from observed_at)*1000000)::bigint,
                coalesce(fill_pct::numeric::float8, 'NaN'::float8), quality
            from measurement where tenant_id = %s and container_id is not null and observed_at >= %s and observed_at < %s
                and (fill_pct is not null or 'no echo' = any(flags)) and (%s or container_id = any(%s))
            order by container_id, observed_at, device_id) to stdout (format binary)""",
            (visible_tenant_id(session), since, until or "infinity", container_ids is None, list(container_ids or ())),
        )
        received = io.BytesIO()
        cursor.copy_expert(query, received)
    content = received.getbuffer()
    return np.frombuffer(content[_BINARY_HEADER_BYTES : len(content) - _BINARY_TRAILER_BYTES], dtype=_BINARY_ROW)


def _runs(sorted_ids: NDArray[np.int64]) -> Iterator[slice]:
    borders = [0, *(np.flatnonzero(np.diff(sorted_ids)) + 1).tolist(), len(sorted_ids)]
    return (slice(begin, end) for begin, end in pairwise(borders))


def load_lifts(session: TenantSession, since: datetime, *, reported_only: bool = False) -> dict[int, NDArray[np.int64]]:
    """When each container was emptied (epoch seconds, ascending); `reported_only` leaves out what only a sensor showed."""
    query = lifts(session, since=since).order_by(Lift.container_id, Lift.lifted_at).with_only_columns(Lift.container_id, Lift.lifted_at)
    if reported_only:
        query = query.where(Lift.source != LiftSource.SENSOR)
    found: dict[int, list[int]] = {}
    for container_id, lifted_at in session.execute(query):
        found.setdefault(container_id, []).append(int((lifted_at - EPOCH).total_seconds()))
    return {container_id: np.array(seconds, dtype=np.int64) for container_id, seconds in found.items()}


def measurement_cursor(last: Measurement) -> str:
    """Where the next page of a container's readings begins."""
    return f"{microseconds(last.observed_at)}.{last.device_id}"
