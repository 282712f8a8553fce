"""The dispatcher's page while routes are being driven."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient

from app.assets.service_days import local_date
from app.db import TenantSession
from app.dispatch.models import ActionKind, SkipReason
from app.dispatch.operations import record_actions
from app.planning.models import PlanOrigin, PlanStatus
from app.tenancy.identity import Identity
from app.tenancy.models import Scope
from app.tenancy.queries import get_tenant
from app.web.plan_words import CAUSES, ORIGINS
from routing.plan import RouteCost
from tests.factories import assets as make_assets
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


def test_a_plan_planned_again_says_what_became_of_containers_by_truck(client: FlaskClient, session: TenantSession):
    """Two moved, one new, one that nobody comes for; and what could not be helped."""
    driven = make.route(session)
    old, new = make_assets.vehicle(session, code="OLD"), make_assets.vehicle(session, code="NEW")
    boxes = [make_assets.container(session, code=f"K-{number}") for number in range(4)]
    trucks = [(old.id, new.id), (old.id, new.id), (None, new.id), (old.id, None)]
    driven.plan.changes = [
        {"container_id": box.id, "kind": "moved", "from_vehicle_id": before, "to_vehicle_id": now}
        for box, (before, now) in zip(reversed(boxes), trucks, strict=True)
    ]
    driven.plan.summary = driven.plan.summary | {"moved": 2, "granted": ["truck OLD until 14:40"], "stranded_kg": {"OLD": 591}}
    session.commit()
    page = " ".join(client.get(f"/?date={DAY}", headers=AS_PAGE).text.split())
    assert "Changed against the plan before: 4 containers" in page
    assert "OLD → NEW <small>(2)</small></dt><dd>K-2, K-3</dd>" in page
    assert page.index("OLD → NEW") < page.index("new on NEW") < page.index("no longer on any truck, was on OLD")
    assert "<li>truck OLD until 14:40</li>" in page and "OLD 591 kg" in page
    assert "The rest of the day" in page


def test_a_plan_that_breaks_rules_names_each_with_truck_and_container(client: FlaskClient, session: TenantSession):
    driven = make.route(session)
    truck, box = make_assets.vehicle(session, code="T-7"), make_assets.container(session, code="K-77")
    late = {"rule": "arrives_within_window", "vehicle": str(truck.id), "stop": str(box.id), "over": [60], "detail": "work starts 60 s late"}
    driven.plan.violations = [late, late | {"stop": None, "detail": "", "rule": "has_its_route"}]
    session.commit()
    page = " ".join(client.get(f"/?date={DAY}", headers=AS_PAGE).text.split())
    assert "<li>truck T-7, K-77: work starts 60 s late</li><li>truck T-7: has its route</li>" in page


def test_costs_are_told_by_what_they_are_for_the_largest_first(client: FlaskClient, session: TenantSession):
    driven = make.route(session)
    driven.plan.summary = driven.plan.summary | {"costs": {"distance": 24.19, "fixed": 440.0, "changes": 12.0}}
    session.commit()
    page = " ".join(client.get(f"/?date={DAY}", headers=AS_PAGE).text.split())
    assert "Cost in EUR: 440.00 for trucks · 24.19 for kilometres · 12.00 for changes of truck." in page


def test_every_cause_of_cost_and_every_origin_has_its_words():
    assert {one.name for one in fields(RouteCost)} == CAUSES.keys()
    assert set(PlanOrigin) == ORIGINS.keys()


def test_a_plan_says_what_waste_was_taken_to_weigh_and_where_that_is_from(client: FlaskClient, session: TenantSession):
    learned = {"waste_class": "paper", "density": "learned from 41 tickets, 0.098 ± 0.011 kg/l", "margin_pct": 14.2}
    known = {"waste_class": "residual", "density": "the register's 0.130 kg/l: no ticket of it yet", "margin_pct": 0.0}
    driven = make.route(session)
    trips = [
        {"kg": 5210, "low_kg": 4800, "high_kg": 5620, "overweight_pct": 3.1},
        {"kg": 900, "low_kg": 800, "high_kg": 1000, "overweight_pct": 0},
    ]
    driven.plan.summary = {"densities": [learned, known], "trips": trips, "costs": {}}
    session.commit()

    page = " ".join(client.get(f"/?date={DAY}", headers=AS_PAGE).text.replace("&#39;", "'").split())

    assert "paper: learned from 41 tickets, 0.098 ± 0.011 kg/l; counted 14.2 % heavier" in page
    assert "residual: the register's 0.130 kg/l: no ticket of it yet</li>" in page
    assert "Likeliest to be overweight: a trip of 5,210 kg (80 %: 4,800 kg to 5,620 kg), with 3.1 %" in page
