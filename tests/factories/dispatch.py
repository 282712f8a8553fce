"""Smallest routes that went out, and what their crews report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from app.db import TenantSession
from app.dispatch.models import ActionKind
from app.dispatch.reports import Report
from app.planning.models import Plan, PlanStatus, Route, RouteVisit, VisitKind
from tests.factories import assets as make
from tests.factories import plans

DAY = date(2026, 11, 19)
STARTS_AT = datetime(2026, 11, 19, 5, tzinfo=UTC)
"""Six in Berlin."""
STEP = timedelta(minutes=15)


@dataclass(frozen=True)
class OnTheRoad:
    """A route of one truck: depart, the pickups, unload, return; a quarter of an hour and 1,000 m each."""

    plan: Plan
    route: Route
    visits: list[RouteVisit]
    container_ids: list[int]
    facility_id: int


def plan(session: TenantSession, **values: Any) -> Plan:
    """Published for `DAY`."""
    return plans.plan(session, **{"service_date": DAY, "status": PlanStatus.PUBLISHED, "published_at": STARTS_AT} | values)


def route(
    session: TenantSession,
    *,
    of: Plan | None = None,
    container_ids: Sequence[int] | None = None,
    expected_kg: int = 100,
    starts_at: datetime = STARTS_AT,
    **values: Any,
) -> OnTheRoad:
    """Three new containers of 100 kg each, unless others are given."""
    of = of or plan(session)
    depot, facility = make.depot(session), make.facility(session)
    if container_ids is None:
        model = make.container_model(session)
        container_ids = [make.container(session, model=model).id for _ in range(3)]
    if "vehicle_id" not in values:
        values["vehicle_id"] = make.vehicle(session, depot_id=depot.id).id
    kg = expected_kg * len(container_ids)
    plain: dict[str, Any] = {
        "plan_id": of.id,
        "depot_id": depot.id,
        "starts_at": starts_at,
        "ends_at": starts_at + STEP * (len(container_ids) + 2),
        "distance_m": 1000 * (len(container_ids) + 2),
        "drive_s": 900,
        "service_s": 900,
        "load_kg": kg,
        "load_l": 10 * kg,
        "peak_weight_share": 0.1,
        "peak_volume_share": 0.1,
        "cost": Decimal(100),
        "path": [[-71.34, -29.95], [-71.25, -29.9], [-71.34, -29.95]],
    }
    made = Route(**plain | values)
    session.add(made)
    session.flush()
    visits = [_visit(made, 0, VisitKind.DEPART)]
    for n, container_id in enumerate(container_ids, start=1):
        visits.append(_visit(made, n, VisitKind.PICKUP, container_id=container_id, expected_kg=expected_kg, load_after_kg=expected_kg * n))
    visits.append(_visit(made, len(visits), VisitKind.UNLOAD, facility_id=facility.id, expected_kg=kg))
    visits.append(_visit(made, len(visits), VisitKind.RETURN))
    session.add_all(visits)
    session.flush()
    return OnTheRoad(of, made, visits, list(container_ids), facility.id)


def _visit(route: Route, sequence: int, kind: VisitKind, **values: Any) -> RouteVisit:
    at = route.starts_at + sequence * STEP
    legs = {"leg_distance_m": 1000 if sequence else 0, "leg_drive_s": 120 if sequence else 0}
    plain = {"arrives_at": at, "departs_at": at + STEP / 2, "load_after_kg": 0, "load_after_l": 0} | legs
    return RouteVisit(route_id=route.id, sequence=sequence, kind=kind, **plain | values)


def report(route_id: int, kind: ActionKind, minute: float = 0, **values: Any) -> Report:
    """What was done on a route, minutes after `STARTS_AT`."""
    plain: dict[str, Any] = {"client_uid": uuid4(), "occurred_at": STARTS_AT + timedelta(minutes=minute)}
    return Report(route_id=route_id, kind=kind, **plain | values)


def a_day(driven: OnTheRoad) -> list[Report]:
    """The whole route as planned: 12 km driven, 320 kg on the scale."""
    number = driven.route.id
    return [
        report(number, ActionKind.STARTED, 0, odometer_m=1_000_000),
        *(report(number, ActionKind.COLLECTED, 15 * n, container_id=one) for n, one in enumerate(driven.container_ids, start=1)),
        report(number, ActionKind.UNLOADED, 60, facility_id=driven.facility_id, weight_kg=320.0, ticket_number="T-1"),
        report(number, ActionKind.FINISHED, 75, odometer_m=1_012_000),
    ]


def as_json(sent: Report) -> dict[str, Any]:
    """The report as a phone would send it."""
    values = {name: value for name, value in sent.values().items() if value is not None}
    return values | {"client_uid": str(sent.client_uid), "occurred_at": sent.occurred_at.isoformat()}
