"""The dispatcher's page while trucks are out: one has broken down, and the rest of its round is another's now."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.assets.models import AbsenceReason, Vehicle
from app.assets.waste_classes import WasteClass
from app.dispatch.models import ActionKind
from app.dispatch.operations import record_actions
from app.dispatch.replan import compute_day
from app.dispatch.reports import Report
from app.planning.jobs import run_night
from app.planning.models import Plan, RouteVisit
from app.planning.models import Route as RouteRow
from app.planning.operations import mark_absent
from app.planning.queries import get_plan_detail
from app.tenancy.identity import Identity
from app.tenancy.models import Role, Scope
from tests.e2e.browser import Browsing, email_of, wait_for_map
from tests.e2e.test_looks import look_at
from tests.e2e.town import AT_MIDNIGHT, SeededTown
from tests.factories import assets as make


@pytest.fixture(scope="module")
def replanned(town: SeededTown) -> Plan:
    """T1 has emptied four when it breaks down; T9 stands in the yard, and has too little time for all the rest."""
    route_id = town.route_ids()["T1"]
    with town.database.transaction(town.tenant_id, actor="test") as session:
        route = session.scalars(select(RouteRow).where(RouteRow.id == route_id)).one()
        truck = session.scalars(select(Vehicle).where(Vehicle.id == route.vehicle_id)).one()
        spare = make.vehicle(session, code="T9", depot_id=route.depot_id, waste_classes=[str(WasteClass.RESIDUAL)])
        town.trucks[spare.code] = spare.id
        hours = {**AT_MIDNIGHT, "max_duration_s": 5_400}
        make.crew(session, code="C-T9", name="Crew T9", depot_id=route.depot_id, vehicle_id=spare.id, **hours)
        visits = [visit for visit in get_plan_detail(session, route.plan_id).visits[route_id] if visit.container_id is not None][:4]
        broken_at = _reports(session, town, route, visits)
        mark_absent(session, town.service_date, vehicle_id=truck.id, reason=AbsenceReason.BREAKDOWN)
    plan = run_night(town.database, town.tenant_id, town.service_date, settings=town.settings, compute=compute_day, origin_at=broken_at)
    assert plan is not None and plan.changes and plan.violations == []
    return plan


def _reports(session, town: SeededTown, route: RouteRow, visits: list[RouteVisit]) -> datetime:  # type: ignore[no-untyped-def]
    """It started and emptied these on time; a minute after the last."""
    who = Identity(tenant_id=town.tenant_id, actor="user:1", scopes=frozenset(Scope), role=Role.DISPATCHER)
    told = [(ActionKind.STARTED, route.starts_at, None)]
    told += [(ActionKind.COLLECTED, visit.departs_at, visit.container_id) for visit in visits]
    for kind, at, container_id in told:
        report = Report(client_uid=uuid4(), route_id=route.id, kind=kind, occurred_at=at, container_id=container_id)
        record_actions(session, who, [report], now=at)
    return visits[-1].departs_at + timedelta(minutes=1)


def test_what_changed_and_what_stands_on_the_broken_truck_can_be_read(browsing: Browsing, town: SeededTown, replanned: Plan):
    page = browsing.signed_in(email_of(Role.DISPATCHER), to=f"/?date={town.service_date}&plan={replanned.id}")
    wait_for_map(page)

    summary = page.locator(".summary")
    expect(summary).to_contain_text("T1 → T9")
    expect(summary).to_contain_text("Still on board of trucks that are out of order: T1")
    assert look_at(page, "replanned") == {}


def test_the_unserved_stand_in_a_list_with_what_would_let_them_in(browsing: Browsing, town: SeededTown, replanned: Plan):
    page = browsing.signed_in(email_of(Role.DISPATCHER), to=f"/?date={town.service_date}&plan={replanned.id}&decision=unserved")
    wait_for_map(page)

    rows = page.locator("table.decisions tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first.locator(".ways-in li").first).to_contain_text("allowed to carry glass")
    assert look_at(page, "unserved") == {}
