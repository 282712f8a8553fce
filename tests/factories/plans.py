"""Smallest valid plans, and nights whose result is written down instead of computed."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.assets.models import Vehicle
from app.db import TenantSession
from app.planning.models import ContainerDecision, Decision, Plan, PlanOrigin, Route, RouteVisit, VisitKind
from tests.factories import assets as make

MONDAY = date(2026, 11, 23)
SIX = datetime(2026, 11, 23, 5, tzinfo=UTC)
"""06:00 in Berlin."""

PLAIN: dict[str, Any] = {
    "engine": "by hand",
    "seed": 1,
    "roads": "great circle",
    "roads_approximate": True,
    "input_digest": "0" * 64,
    "cost": Decimal(100),
}


def plan(session: TenantSession, service_date: date = MONDAY, **values: Any) -> Plan:
    """A draft without a route."""
    made = Plan(**PLAIN | {"service_date": service_date, "origin": PlanOrigin.NIGHT} | values)
    session.add(made)
    session.flush()
    return made


def route(session: TenantSession, of: Plan, *, vehicle: Vehicle | None = None, container_ids: Sequence[int] = (), **values: Any) -> Route:
    """The vehicle leaves at six, needs ten minutes for each container, and comes home."""
    vehicle = vehicle or make.vehicle(session)
    hour = timedelta(hours=1)
    made = Route(
        **{
            "plan_id": of.id,
            "vehicle_id": vehicle.id,
            "depot_id": vehicle.depot_id,
            "starts_at": SIX,
            "ends_at": SIX + hour,
            "distance_m": 9000,
            "drive_s": 1800,
            "service_s": 600 * len(container_ids),
            "load_kg": 100,
            "load_l": 900,
            "peak_weight_share": 0.1,
            "peak_volume_share": 0.2,
            "cost": Decimal(50),
            "path": [[8.0, 50.0], [8.1, 50.0]],
        }
        | values
    )
    session.add(made)
    session.flush()
    stops = [VisitKind.DEPART, *[VisitKind.PICKUP] * len(container_ids), VisitKind.RETURN]
    for sequence, kind in enumerate(stops):
        at = SIX + timedelta(minutes=10 * sequence)
        visited = container_ids[sequence - 1] if kind is VisitKind.PICKUP else None
        session.add(visit(made, sequence, kind, container_id=visited, arrives_at=at, departs_at=at + timedelta(minutes=2)))
    session.flush()
    return made


def visit(of: Route, sequence: int, kind: VisitKind, **values: Any) -> RouteVisit:
    figures = {"leg_distance_m": 1000, "leg_drive_s": 120, "expected_kg": 40, "load_after_kg": 40, "load_after_l": 300}
    return RouteVisit(**{"route_id": of.id, "sequence": sequence, "kind": kind} | figures | values)


def decision(session: TenantSession, of: Plan, container_id: int, **values: Any) -> ContainerDecision:
    plain = {"decision": Decision.NOT_DUE, "rule": "not_due", "mandatory": False, "reason": "10 % full now."}
    made = ContainerDecision(**{"plan_id": of.id, "container_id": container_id} | plain | values)
    session.add(made)
    session.flush()
    return made


def computed(**values: Any) -> Callable[..., dict[str, Any]]:
    """In place of `compute_night`: these values of a plan, at once."""

    def compute(*_: Any, **__: Any) -> dict[str, Any]:
        return values

    return compute


def stored(session: TenantSession, values: dict[str, Any], *, attempt: int, origin: PlanOrigin) -> Plan:
    """In place of `store_plan`: a plan of what `computed` has said."""
    return plan(session, attempt=attempt, origin=origin, **values)
