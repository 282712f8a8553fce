"""Raw rows that figures are made of, as drivers, scales and sensors leave them behind."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from app.assets.models import Container
from app.db import TenantSession
from app.dispatch.models import ActionKind, DriverAction, RouteRun, WeighTicket
from app.planning.models import Route
from app.telemetry.models import Lift, LiftSource, Measurement
from tests.factories import assets as make
from tests.factories import telemetry as make_telemetry
from tests.factories.plans import SIX


def action(session: TenantSession, of: Route, kind: ActionKind, at: datetime, **values: Any) -> DriverAction:
    made = DriverAction(client_uid=uuid4(), route_id=of.id, kind=kind, occurred_at=at, **values)
    session.add(made)
    session.flush()
    return made


def collected(
    session: TenantSession, of: Route, container: Container, at: datetime, *, fill_pct: float | None = 60.0, **values: Any
) -> Lift:
    """The driver's report, and the lift that it is."""
    told = action(session, of, ActionKind.COLLECTED, at, container_id=container.id)
    return lift(session, container, at, fill_before_pct=fill_pct, client_uid=told.client_uid, vehicle_id=of.vehicle_id, **values)


def skipped(session: TenantSession, of: Route, container: Container, at: datetime, reason: str = "gate_locked") -> DriverAction:
    return action(session, of, ActionKind.SKIPPED, at, container_id=container.id, skip_reason=reason)


def lift(session: TenantSession, container: Container, at: datetime, **values: Any) -> Lift:
    made = Lift(**{"container_id": container.id, "lifted_at": at, "source": LiftSource.DRIVER} | values)
    session.add(made)
    session.flush()
    return made


def run(session: TenantSession, of: Route, *, hours: float = 2.0, driven_m: int | None = 12_000) -> RouteRun:
    """Left at six."""
    made = RouteRun(route_id=of.id, started_at=SIX, finished_at=SIX + timedelta(hours=hours), driven_m=driven_m)
    session.add(made)
    session.flush()
    return made


def ticket(session: TenantSession, of: Route, net_kg: float, **values: Any) -> WeighTicket:
    facility_id = make.facility(session).id
    plain = {"route_id": of.id, "vehicle_id": of.vehicle_id, "facility_id": facility_id, "weighed_at": SIX + timedelta(hours=1)}
    made = WeighTicket(**plain | {"net_kg": net_kg} | values)
    session.add(made)
    session.flush()
    return made


def readings(
    session: TenantSession, container: Container, begin: datetime, fills_pct: list[float], *, step_h: float = 4, **values: Any
) -> None:
    """One usable reading each `step_h` hours."""
    device = make_telemetry.device(session, container_id=container.id)
    plain: dict[str, Any] = {"device_id": device.id, "container_id": container.id, "quality": 4}
    for i, fill_pct in enumerate(fills_pct):
        session.add(Measurement(**plain | {"observed_at": begin + timedelta(hours=step_h * i), "fill_pct": fill_pct} | values))
    session.flush()
