"""The verbs of telemetry beside ingest: devices that come, move and go quiet, and forecasts that a night writes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from app.assets.models import Container
from app.db import TenantSession
from app.errors import FieldProblem, Rejected
from app.telemetry.models import Device, ForecastRun
from app.tenancy import audit
from app.tenancy.scope import find_row


def create_device(session: TenantSession, values: dict[str, Any]) -> Device:
    """Register a sensor; `container_id` says where it hangs."""
    require_container(session, values.get("container_id"))
    device = Device(**values)
    session.add(device)
    audit.record(session, "device.create", device, after=values)
    session.flush()
    session.refresh(device)
    return device


def change_device(session: TenantSession, device: Device, values: dict[str, Any]) -> Device:
    """Change what is known of a sensor. Where it is moved, what it said before stays with the container that it hung in."""
    require_container(session, values.get("container_id"))
    before = audit.picture(device)
    if values.get("container_id", device.container_id) != device.container_id:
        values = {"installed_at": datetime.now(UTC)} | values
    for name, value in values.items():
        setattr(device, name, value)
    session.flush()
    was, is_now = audit.changes(before, audit.picture(device))
    audit.record(session, "device.change", device, before=was, after=is_now)
    return device


def require_container(session: TenantSession, container_id: int | None) -> None:
    if container_id is not None and find_row(session, Container, container_id) is None:
        problem = FieldProblem("container_id", "names no container", "GET /api/v1/containers lists them.")
        raise Rejected(f"There is no container {container_id}.", fields=(problem,))


def save_forecast(
    session: TenantSession,
    run: ForecastRun,
    *,
    container_ids: Sequence[int],
    methods: Sequence[str],
    q10_pct: NDArray[np.float64],
    q50_pct: NDArray[np.float64],
    q90_pct: NDArray[np.float64],
    overflow_probability: NDArray[np.float64],
    naive_pct: NDArray[np.float64],
) -> ForecastRun:
    """Write a run and its containers' forecasts at once; each array has a row a container and a column an hour of `run.horizons_h`."""
    expected = (len(container_ids), len(run.horizons_h))
    tables = (q10_pct, q50_pct, q90_pct, overflow_probability, naive_pct)
    if any(table.shape != expected for table in tables):
        raise ValueError(f"forecasts need the shape {expected}, not {[table.shape for table in tables]}")
    session.add(run)
    session.flush()
    session.execute(
        text(
            """insert into container_forecast
                (run_id, container_id, method, q10_pct, q50_pct, q90_pct, overflow_probability, naive_pct)
            select :run_id, v.container_id, v.method, v.q10::real[], v.q50::real[], v.q90::real[], v.overflow::real[], v.naive::real[]
            from unnest(cast(:ids as bigint[]), cast(:methods as text[]), cast(:q10 as text[]), cast(:q50 as text[]),
                cast(:q90 as text[]), cast(:overflow as text[]), cast(:naive as text[]))
                v(container_id, method, q10, q50, q90, overflow, naive)"""
        ),
        {"run_id": run.id, "ids": list(container_ids), "methods": list(methods)}
        | dict(zip(("q10", "q50", "q90", "overflow", "naive"), map(_array_texts, tables), strict=True)),
    )
    return run


def _array_texts(table: NDArray[np.float64]) -> list[str]:
    """Each row as PostgreSQL reads an array; a REAL holds no more digits than these."""
    return ["{" + ",".join([f"{value:.6g}" for value in row]) + "}" for row in table.tolist()]
