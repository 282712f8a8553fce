"""Reads of the forecasts' room: what a night starts from, as columns, and what pages and the API show."""
# ruff: noqa: S608 - the SQL is put together from this file's own words; values travel as parameters

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from app.assets.models import Container, ContainerStatus, Site
from app.db import TenantSession
from app.forecasts.models import FillSurvey, ForecastError, ForecastScore, block_of
from app.forecasts.store import copy_arrays, copy_rows
from app.telemetry.models import Device, ForecastRun, Measurement, ModelArtifact
from app.tenancy.scope import rows_of, visible_tenant_id

US = 1_000_000
_MICROSECONDS = "(extract(epoch from {})*1000000)::bigint"
_UNKNOWN = "'NaN'::real"

LIFT_FORM = {"container_id": "i8", "at_us": "i8", "before_pct": "f4", "weight_kg": "f4"}
STATE_FORM = {"container_id": "i8", "observed_us": "i8", "emptied_us": "i8", "level_pct": "f4", "spread_pct": "f4"}
HABIT_FORM = {"container_id": "i8", "readings": "i8"}
EVIDENCE_FORM = {"container_id": "i8", "at_us": "i8", "expected_l": "f4", "spread_l": "f4"}


def list_container_ids(session: TenantSession) -> NDArray[np.int64]:
    """Of those in service, ascending."""
    query = rows_of(session, Container).where(Container.status == ContainerStatus.IN_SERVICE).with_only_columns(Container.id)
    return np.array(session.scalars(query.order_by(Container.id)).all(), np.int64)


def list_placed(session: TenantSession) -> Sequence[Any]:
    """Number, class, latitude, longitude, litres and own density of each container in service, by number."""
    at_site = (Site.tenant_id == Container.tenant_id) & (Site.id == Container.site_id)
    columns = (Container.id, Container.waste_class, Site.lat, Site.lon, Container.volume_l, Container.density_kg_m3)
    mine = (Container.tenant_id == visible_tenant_id(session)) & (Container.status == ContainerStatus.IN_SERVICE)
    return session.execute(select(*columns).join(Site, at_site).where(mine).order_by(Container.id)).all()


def count_readings(session: TenantSession, since: datetime, *, at_most: int) -> int:
    """How many readings of the tenant there are from an instant on; no further than `at_most` is counted."""
    some = select(Measurement.device_id).where(Measurement.tenant_id == visible_tenant_id(session), Measurement.observed_at >= since)
    return session.scalar(select(func.count()).select_from(some.limit(at_most).subquery())) or 0


def count_sensors(session: TenantSession) -> int:
    """Devices that hang in a container."""
    return session.scalar(select(func.count(Device.id)).where(Device.tenant_id == visible_tenant_id(session), Device.container_id > 0)) or 0


def first_reading_at(session: TenantSession, since: datetime, *, devices: int = 200) -> datetime | None:
    """About when readings begin, after an instant: the first one of some devices, which the whole table is not walked for."""
    some = rows_of(session, Device).where(Device.container_id > 0).with_only_columns(Device.id).order_by(Device.id).limit(devices)
    mine = (Measurement.tenant_id == visible_tenant_id(session)) & (Measurement.observed_at >= since)
    return session.scalar(select(func.min(Measurement.observed_at)).where(mine, Measurement.device_id.in_(some.scalar_subquery())))


def load_states(session: TenantSession) -> NDArray[Any]:
    """What is known of each container now, in order of its number; instants are -1 and levels NaN where nothing is."""
    query = f"""select container_id, coalesce({_MICROSECONDS.format("observed_at")}, -1),
            coalesce({_MICROSECONDS.format("last_emptied_at")}, -1),
            coalesce(fill_pct, {_UNKNOWN}), coalesce(fill_spread_pct, {_UNKNOWN})
        from container_state where tenant_id = %s order by container_id"""
    return copy_rows(session, query, (visible_tenant_id(session),), STATE_FORM)


def load_lift_facts(session: TenantSession, since: datetime, until: datetime) -> NDArray[Any]:
    """Every lift after an instant, up to another, by container and time, whoever saw it; NaN where fill or weight is not known."""
    query = f"""select container_id, {_MICROSECONDS.format("lifted_at")},
            coalesce(fill_before_pct, {_UNKNOWN}), coalesce(weight_kg, {_UNKNOWN})
        from lift where tenant_id = %s and lifted_at > %s and lifted_at <= %s order by container_id, lifted_at"""
    return copy_rows(session, query, (visible_tenant_id(session), since, until), LIFT_FORM)


def load_reported_lifts(
    session: TenantSession, since: datetime, until: datetime, container_ids: Collection[int] | None = None
) -> dict[int, NDArray[np.int64]]:
    """When each container was emptied by the word of somebody who was there (epoch seconds, ascending); of all, or of some."""
    query = f"""select container_id, {_MICROSECONDS.format("lifted_at")} from lift
        where tenant_id = %s and lifted_at > %s and lifted_at <= %s and source <> 'sensor' and (%s or container_id = any(%s))
        order by container_id, lifted_at"""
    wanted = list(container_ids or ())
    parameters = (visible_tenant_id(session), since, until, container_ids is None, wanted)
    rows = copy_rows(session, query, parameters, {"container_id": "i8", "at_us": "i8"})
    ids, first = np.unique(rows["container_id"].astype(np.int64), return_index=True)
    seconds = rows["at_us"].astype(np.int64) // US
    return dict(zip(ids.tolist(), np.split(seconds, first[1:]), strict=True)) if len(ids) else {}


def load_habits(session: TenantSession, since: datetime, until: datetime) -> NDArray[Any]:
    """How often each container's sensor spoke in a time."""
    query = """select container_id, count(*) from measurement
        where tenant_id = %s and container_id is not null and observed_at > %s and observed_at <= %s
        group by container_id order by container_id"""
    return copy_rows(session, query, (visible_tenant_id(session), since, until), HABIT_FORM)


def load_last_fills(session: TenantSession, since: datetime, until: datetime, *, least_quality: int) -> NDArray[Any]:
    """The newest reading of each container in a time that is believed at least so much, in the form of a state."""
    query = f"""select distinct on (container_id) container_id, {_MICROSECONDS.format("observed_at")}, -1::bigint, fill_pct,
            2::real
        from measurement where tenant_id = %s and container_id is not null and observed_at > %s and observed_at <= %s
            and quality >= %s and fill_pct is not null
        order by container_id, observed_at desc"""
    return copy_rows(session, query, (visible_tenant_id(session), since, until, least_quality), STATE_FORM)


def load_evidence(session: TenantSession, since: datetime, until: datetime) -> NDArray[Any]:
    """Litres that were probably thrown in, by container and hour; of several sources the ones that know best."""
    query = f"""select distinct on (container_id, hour_at) container_id, {_MICROSECONDS.format("hour_at")}, expected_l, spread_l
        from inflow_evidence where tenant_id = %s and hour_at > %s and hour_at <= %s
        order by container_id, hour_at, spread_l"""
    return copy_rows(session, query, (visible_tenant_id(session), since, until), EVIDENCE_FORM)


def load_surveys(
    session: TenantSession, container_ids: NDArray[np.int64], since: datetime, until: datetime
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Instants of the surveys (epoch seconds, ascending), and each container's level then, fraction of full (containers, surveys)."""
    query = f"""select {_MICROSECONDS.format("surveyed_at")}, container_ids, level_pct
        from fill_survey where tenant_id = %s and surveyed_at >= %s and surveyed_at < %s"""
    rows = list(copy_arrays(session, query, (visible_tenant_id(session), since, until)))
    instants = np.unique(np.array([at_us for at_us, *_ in rows], np.int64))
    levels = np.full((len(container_ids), len(instants)), np.nan, np.float32)
    for at_us, ids, level_pct in rows:
        place, known = places(container_ids, ids)
        levels[place[known], np.searchsorted(instants, at_us)] = level_pct[known] / 100
    return instants // US, levels


def places(sorted_ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each wanted number stands among the sorted ones, and whether it does."""
    if not len(sorted_ids):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    place = np.minimum(np.searchsorted(sorted_ids, wanted), len(sorted_ids) - 1)
    return place, sorted_ids[place] == wanted


def list_survey_instants(session: TenantSession, since: datetime, until: datetime) -> list[datetime]:
    """When the tenant's levels were surveyed, the earliest first."""
    query = rows_of(session, FillSurvey).where(FillSurvey.surveyed_at >= since, FillSurvey.surveyed_at < until)
    return list(session.scalars(query.with_only_columns(FillSurvey.surveyed_at).distinct().order_by(FillSurvey.surveyed_at)))


def find_run_at(session: TenantSession, origin_at: datetime) -> ForecastRun | None:
    """The forecast that was made at an instant; of several the last one."""
    query = rows_of(session, ForecastRun).where(ForecastRun.origin_at == origin_at).order_by(ForecastRun.id.desc())
    return session.scalars(query.limit(1)).one_or_none()


QUANTILES = ("q10_pct", "q50_pct", "q90_pct", "naive_pct")


def load_quantiles(
    session: TenantSession, run: ForecastRun, first_h: float, last_h: float
) -> tuple[list[int], NDArray[np.int64], NDArray[np.bool_], dict[str, NDArray[np.float64]]]:
    """A run's hours around a stretch of them; containers in order of number; whether the model spoke; quantiles (containers, hours)."""
    horizons = np.array(run.horizons_h)
    begin = max(int(np.searchsorted(horizons, first_h, side="right")) - 1, 0)
    end = min(int(np.searchsorted(horizons, last_h)), len(horizons) - 1)
    # SQL counts from one
    columns = {f"{name}_{i}": f"{name}[{i + 1}]" for name in QUANTILES for i in range(begin, end + 1)}
    query = f"""select container_id, (method = 'model')::int::smallint, {", ".join(columns.values())}
        from container_forecast where tenant_id = %s and run_id = %s order by container_id"""
    form = {"container_id": "i8", "by_model": "i2"} | dict.fromkeys(columns, "f4")
    rows = copy_rows(session, query, (visible_tenant_id(session), run.id), form)
    tables = {name: np.stack([rows[f"{name}_{i}"] for i in range(begin, end + 1)], axis=1).astype(np.float64) for name in QUANTILES}
    return horizons[begin : end + 1].tolist(), rows["container_id"].astype(np.int64), rows["by_model"] == 1, tables


def load_judged(
    session: TenantSession, container_ids: NDArray[np.int64], since: datetime, until: datetime, horizon_h: int, names: Sequence[str]
) -> dict[str, NDArray[np.float32]]:
    """Columns of the errors of a time at one horizon, each (nights, containers), the earliest night first; NaN where there is none."""
    columns = ", ".join(f"{name}::int[]" if name == "by_model" else name for name in names)
    query = f"""select {_MICROSECONDS.format("judged_at")}, container_ids, {columns} from forecast_error
        where tenant_id = %s and judged_at >= %s and judged_at < %s and horizon_h = %s"""
    rows = list(copy_arrays(session, query, (visible_tenant_id(session), since, until, horizon_h)))
    nights = np.unique(np.array([at_us for at_us, *_ in rows], np.int64))
    found = {name: np.full((len(nights), len(container_ids)), np.nan, np.float32) for name in names}
    for at_us, ids, *values in rows:
        place, known = places(container_ids, ids)
        for name, value in zip(names, values, strict=True):
            found[name][np.searchsorted(nights, at_us), place[known]] = value[known]
    return found


def list_errors_of(session: TenantSession, container_id: int, since: datetime) -> list[ForecastError]:
    """The rows that hold one container's errors, the earliest night first."""
    query = rows_of(session, ForecastError).where(ForecastError.block == block_of(container_id), ForecastError.judged_at >= since)
    return list(session.scalars(query.order_by(ForecastError.judged_at, ForecastError.horizon_h)))


def list_scores(session: TenantSession, since: datetime) -> list[ForecastScore]:
    """The tenant's nights, the earliest first."""
    query = rows_of(session, ForecastScore).where(ForecastScore.judged_at >= since)
    return list(session.scalars(query.order_by(ForecastScore.judged_at, ForecastScore.horizon_h)))


def find_artifact(session: TenantSession, *, until: datetime) -> ModelArtifact | None:
    """The newest fitted model that had learned nothing later than `until`."""
    query = rows_of(session, ModelArtifact).where(ModelArtifact.trained_until <= until)
    return session.scalars(query.order_by(ModelArtifact.trained_until.desc(), ModelArtifact.id.desc()).limit(1)).one_or_none()


def kinds_of_sensors(session: TenantSession, container_ids: Collection[int] | None = None) -> dict[int, str]:
    """The kind of the device that hangs in each container."""
    query = rows_of(session, Device).where(Device.container_id.is_not(None))
    if container_ids is not None:
        query = query.where(Device.container_id.in_(container_ids))
    rows = session.execute(query.with_only_columns(Device.container_id, Device.kind).order_by(Device.id))
    return {container_id: kind for container_id, kind in rows if container_id is not None}
