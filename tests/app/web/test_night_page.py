"""The dispatcher's page while routes are being driven."""

from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient

from app.assets.service_days import local_date
from app.db import TenantSession
from app.dispatch.models import ActionKind, SkipReason
from app.dispatch.operations import record_actions
from app.planning.models import PlanStatus
from app.tenancy.identity import Identity
from app.tenancy.models import Scope
from app.tenancy.queries import get_tenant
from tests.factories import dispatch as make
from tests.factories.dispatch import DAY

AS_PAGE = {"Accept": "text/html"}


def drive_half(session: TenantSession, tenant_id: int) -> None:
    """Of three containers one is emptied ten minutes late and one skipped; nobody said that the route ended."""
    driven = make.route(session)
    first, second, _ = driven.container_ids
    reports = [
        make.report(driven.route.id, ActionKind.STARTED, 0),
        make.report(driven.route.id, ActionKind.COLLECTED, 25, container_id=first),
        make.report(driven.route.id, ActionKind.SKIPPED, 40, container_id=second, skip_reason=SkipReason.GATE_LOCKED),
    ]
    crew = Identity(tenant_id, "test", frozenset({Scope.DRIVE}))
    assert [outcome.status for outcome in record_actions(session, crew, reports)] == ["accepted"] * 3
    session.commit()


def test_a_route_that_is_out_says_how_far_it_is(client: FlaskClient, session: TenantSession, tenant_id: int):
    drive_half(session, tenant_id)
    page = " ".join(client.get(f"/?date={DAY}", headers=AS_PAGE).text.split())
    assert "1 of 3 done" in page
    assert "1 skipped · 1 to go · under way, 10 min late" in page


def test_nothing_is_driven_on_a_date_to_come(client: FlaskClient, session: TenantSession):
    tomorrow = local_date(get_tenant(session), datetime.now(UTC)) + timedelta(days=1)
    make.route(session, of=make.plan(session, service_date=tomorrow), starts_at=datetime.now(UTC) + timedelta(days=1))
    session.commit()
    page = client.get(f"/?date={tomorrow}", headers=AS_PAGE).text
    assert ("3 lifts" in page, "route-progress" in page) == (True, False)


def test_only_a_route_that_is_out_offers_its_link(client: FlaskClient, session: TenantSession):
    driven = make.route(session)
    session.commit()
    assert f"/routes/{driven.route.id}/link" in client.get(f"/?date={DAY}", headers=AS_PAGE).text
    driven.plan.status = PlanStatus.WITHDRAWN
    session.add(driven.plan)
    session.commit()
    assert f"/routes/{driven.route.id}/link" not in client.get(f"/?plan={driven.plan.id}", headers=AS_PAGE).text
