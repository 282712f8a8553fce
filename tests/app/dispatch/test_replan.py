"""Trucks are out, one breaks down: the rest of the day is planned from where they are, and little changes."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.assets.models import AbsenceReason, Container, Crew, Vehicle
from app.assets.waste_classes import WasteClass
from app.config import Settings
from app.db import Database, TenantSession
from app.dispatch.models import ActionKind, SkipReason
from app.dispatch.operations import record_actions
from app.dispatch.progress import follow
from app.dispatch.replan import compute_day, find_day_under_way
from app.dispatch.reports import Report
from app.planning.jobs import plan_night, run_night
from app.planning.models import Decision, Plan, PlanningPolicy, PlanOrigin, PlanStatus, Route, VisitKind
from app.planning.operations import mark_absent, replan
from app.planning.queries import get_plan_detail, list_decisions, list_routes, orders_of_plan
from app.planning.under_way import compute_rest
from app.tenancy.identity import Identity
from app.tenancy.models import Role, Scope
from routing import guarded
from routing.stopping import MaxIterations
from tests.factories import assets as make_assets
from tests.factories import planning as make
from tests.factories.planning import EVE, THURSDAY, Town

STOP = MaxIterations(50)


@pytest.fixture
def town(session: TenantSession) -> Town:
    return make.town(session)


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def second(town: Town) -> Vehicle:
    """A second truck like the first, with a crew of its own."""
    truck = make_assets.vehicle(town.session, depot_id=town.depot.id, compacted_kg_m3={})
    make_assets.crew(town.session, depot_id=town.depot.id, vehicle_id=truck.id)
    return truck


@pytest.fixture
def night(database: Database, tenant_id: int, settings: Settings, town: Town, second: Vehicle) -> Plan:
    """Eight full containers, 3 to 10 km east; a round has time for about five, so both trucks are out."""
    for east_km, name in enumerate("ABCDEFGH", start=3):
        town.add(name, east_km)
        town.fills(name, 104, 0)
    for crew in town.session.scalars(select(Crew)):
        crew.max_duration_s = 6000
    for truck in (town.truck, second):
        truck.cost_per_day = 1
    town.session.add(PlanningPolicy(solve_s=1))
    town.session.commit()
    plan = plan_night(database, tenant_id, THURSDAY, settings=settings, origin_at=EVE)
    assert plan is not None and len(list_routes(town.session, plan.id)) == 2
    for crew in town.session.scalars(select(Crew)):
        crew.max_duration_s = 28_800
    town.session.commit()
    return plan


class Field:
    """What crews report of the plan that is out."""

    def __init__(self, session: TenantSession, plan: Plan) -> None:
        self.session, self.plan = session, plan
        self.routes = {route.vehicle_id: route for route in list_routes(session, plan.id)}
        self.visits = get_plan_detail(session, plan.id).visits

    def pickups(self, vehicle: Vehicle) -> list[Any]:
        return [visit for visit in self.visits[self.routes[vehicle.id].id] if visit.kind is VisitKind.PICKUP]

    def sets_out(self, vehicle: Vehicle, *, done: int) -> datetime:
        """It starts as planned and empties so many containers on time; when the last one was done."""
        route, pickups = self.routes[vehicle.id], self.pickups(vehicle)[:done]
        self.says(route, ActionKind.STARTED, route.starts_at)
        for visit in pickups:
            self.says(route, ActionKind.COLLECTED, visit.departs_at, container_id=visit.container_id)
        return pickups[-1].departs_at if pickups else route.starts_at

    def says(self, route: Route, kind: ActionKind, at: datetime, **values: Any) -> None:
        who = Identity(tenant_id=self.plan.tenant_id, actor="user:1", scopes=frozenset(Scope), role=Role.DISPATCHER)
        sent = Report(client_uid=uuid4(), route_id=route.id, kind=kind, occurred_at=at, **values)
        [outcome] = record_actions(self.session, who, [sent], now=at)
        assert str(outcome.status) == "accepted", outcome
        self.session.commit()


@pytest.fixture
def field(session: TenantSession, night: Plan) -> Field:
    return Field(session, night)


@pytest.fixture
def again(database: Database, tenant_id: int, settings: Settings):
    def plan_again(at: datetime) -> Plan | None:
        return run_night(database, tenant_id, THURSDAY, settings=settings, compute=compute_day, origin_at=at, stop=STOP)

    return plan_again


def emptied(session: TenantSession, plan: Plan) -> set[int]:
    return {container_id for order in orders_of_plan(session, plan.id).values() for container_id in order}


def test_before_anybody_has_driven_there_is_no_day_under_way(session: TenantSession, night: Plan):
    assert find_day_under_way(session, THURSDAY) is None


def test_the_other_truck_takes_over_from_where_it_is_with_its_load_on_board(
    session: TenantSession, town: Town, second: Vehicle, night: Plan, field: Field, again: Any
):
    """Both have emptied one when the first breaks down: the second goes on to its next container first, and empties all that is left."""
    broken_at = field.sets_out(town.truck, done=1)
    now = max(broken_at, field.sets_out(second, done=1)) + timedelta(seconds=30)
    done = {field.pickups(truck)[0].container_id for truck in (town.truck, second)}
    target, aboard_kg = field.pickups(second)[1], field.pickups(second)[0].expected_kg
    mark_absent(session, THURSDAY, vehicle_id=town.truck.id, reason=AbsenceReason.BREAKDOWN)
    session.commit()

    new = again(now)

    assert new is not None and (new.status, new.origin, new.violations) == (PlanStatus.PUBLISHED, PlanOrigin.REPLAN, [])
    [route] = list_routes(session, new.id)
    visits = get_plan_detail(session, new.id).visits[route.id]
    assert route.vehicle_id == second.id
    assert visits[0].container_id == target.container_id
    assert visits[0].load_after_kg == aboard_kg + visits[0].expected_kg
    assert visits[0].arrives_at >= now
    assert emptied(session, new) == set(town.ids(*"ABCDEFGH")) - done
    moved = {one["container_id"] for one in new.changes if one["kind"] == "moved"}
    assert moved == {visit.container_id for visit in field.pickups(town.truck)[1:]}
    assert {(one["from_vehicle_id"], one["to_vehicle_id"]) for one in new.changes} == {(town.truck.id, second.id)}
    assert new.summary["stranded_kg"] == {town.truck.code: field.pickups(town.truck)[0].expected_kg}
    decided = {row.container_id: row for row in list_decisions(session, new.id)}
    assert {decided[key].rule for key in done} == {"emptied_today"}
    assert {decided[key].decision for key in moved} == {Decision.SERVED}
    assert follow(visits, [], payload_kg=10_000, now=now).on_board_kg == aboard_kg


def test_a_solver_that_crashes_leaves_the_trucks_a_checked_plan_with_its_bound(
    database: Database,
    tenant_id: int,
    settings: Settings,
    session: TenantSession,
    town: Town,
    second: Vehicle,
    night: Plan,
    field: Field,
    monkeypatch: pytest.MonkeyPatch,
):
    """The search has a process of its own, as at night: what is put in by insertion goes out."""
    now = max(field.sets_out(truck, done=1) for truck in (town.truck, second)) + timedelta(seconds=30)
    mark_absent(session, THURSDAY, vehicle_id=town.truck.id, reason=AbsenceReason.BREAKDOWN)
    session.commit()
    monkeypatch.setattr(guarded, "CHILD", (sys.executable, "-c", "import sys; sys.exit(9)"))
    new = run_night(database, tenant_id, THURSDAY, settings=settings, compute=compute_day, origin_at=now)
    assert new is not None and (new.status, new.violations) == (PlanStatus.PUBLISHED, [])
    assert new.engine == "insertion (the solver's process ended with 9)"
    assert new.lower_bound is not None and 0 < new.lower_bound <= new.cost
    assert (new.bound_kind, new.summary["bound_kind"]) == ("assignment", "assignment")
    assert new.summary["gap_pct"] == pytest.approx(100 * float((new.cost - new.lower_bound) / new.cost), abs=0.1)


def test_what_was_weighed_counts_and_not_what_was_expected(
    database: Database, tenant_id: int, settings: Settings, session: TenantSession, town: Town, second: Vehicle, night: Plan, field: Field
):
    first = field.pickups(second)[0]
    field.sets_out(second, done=0)
    field.says(field.routes[second.id], ActionKind.COLLECTED, first.departs_at, container_id=first.container_id, weight_kg=333.0)
    result = compute_day(database, tenant_id, THURSDAY, settings=settings, origin_at=first.departs_at, stop=STOP)
    out = result.task.problem.vehicle_by_key[str(second.id)].under_way
    assert out is not None and out.load[0] == 333
    assert result.feasible


def test_nobody_is_moved_without_need_and_new_ones_come_in(
    session: TenantSession, town: Town, second: Vehicle, night: Plan, field: Field, again: Any
):
    """Nothing is wrong, but a container runs over: it joins a round, and all others stay where they were."""
    now = max(field.sets_out(truck, done=1) for truck in (town.truck, second)) + timedelta(minutes=1)
    town.add("new", 9.5)
    town.fills("new", 108, 0)
    session.commit()
    replan(session, THURSDAY)
    session.commit()
    new = again(now)
    assert new is not None and new.status is PlanStatus.PUBLISHED
    assert [(one["kind"], one["container_id"]) for one in new.changes] == [("added", town.containers["new"].id)]
    before, after = orders_of_plan(session, night.id), orders_of_plan(session, new.id)
    for truck in (town.truck, second):
        assert [key for key in after[truck.id] if key != town.containers["new"].id] == before[truck.id][1:]


def test_what_a_driver_left_waits_for_the_next_night(
    session: TenantSession, town: Town, second: Vehicle, night: Plan, field: Field, again: Any
):
    at = field.sets_out(second, done=0) + timedelta(minutes=20)
    left = field.pickups(second)[0].container_id
    field.says(field.routes[second.id], ActionKind.SKIPPED, at, container_id=left, skip_reason=SkipReason.GATE_LOCKED)
    mark_absent(session, THURSDAY, vehicle_id=town.truck.id, reason=AbsenceReason.BREAKDOWN)
    session.commit()
    new = again(at)
    assert new is not None
    assert emptied(session, new) == set(town.ids(*"ABCDEFGH")) - {left}
    row = next(row for row in list_decisions(session, new.id) if row.container_id == left)
    assert (row.decision, row.rule) == (Decision.UNSERVED, "passed_by")
    assert "gate locked" in row.reason


def test_a_day_can_be_planned_again_twice(session: TenantSession, town: Town, second: Vehicle, night: Plan, field: Field, again: Any):
    """The second plan is itself gone on from: what was done under the first one is still known, by truck and not by route."""
    now = max(field.sets_out(truck, done=1) for truck in (town.truck, second))
    mark_absent(session, THURSDAY, vehicle_id=town.truck.id, reason=AbsenceReason.BREAKDOWN)
    session.commit()
    first = again(now)
    assert first is not None
    later = Field(session, first)
    [target, following, *rest] = later.pickups(second)
    later.says(later.routes[second.id], ActionKind.COLLECTED, target.departs_at, container_id=target.container_id)
    mark_absent(session, THURSDAY, crew_id=town.crew.id, reason=AbsenceReason.SICK)
    session.commit()
    new = again(target.departs_at)
    assert new is not None and new.violations == []
    assert emptied(session, new) == {visit.container_id for visit in (following, *rest)}
    [route] = list_routes(session, new.id)
    visits = get_plan_detail(session, new.id).visits[route.id]
    assert visits[0].load_after_kg == target.load_after_kg + visits[0].expected_kg
    assert new.changes == []


def test_what_stays_out_says_what_would_let_it_in_and_no_way_is_another_one_with_more_to_it(
    session: TenantSession, town: Town, second: Vehicle, night: Plan, field: Field, again: Any
):
    now = max(field.sets_out(truck, done=1) for truck in (town.truck, second)) + timedelta(seconds=30)
    glass = town.add("igloo", 6, waste_class=WasteClass.GLASS, model=make.crane_model(session))
    town.fills("igloo", 108, 0)
    town.facility.accepts = ["residual", "glass"]
    replan(session, THURSDAY)
    session.commit()
    new = again(now)
    assert new is not None
    row = next(row for row in list_decisions(session, new.id) if row.container_id == glass.id)
    assert row.decision is Decision.UNSERVED
    asks = [set(way.split(" and ")) for way in row.ways_in]
    assert any(len(one) == 1 and next(iter(one)).endswith("with crane") for one in asks)
    assert not any(less < more for less in asks for more in asks)


def test_trucks_whose_load_nobody_takes_any_more_are_let_home_and_the_plan_says_so(
    session: TenantSession, town: Town, second: Vehicle, night: Plan, field: Field, again: Any
):
    """The one facility takes only paper from now on: no way to unload, and nothing of it may fail the day's planning."""
    now = max(field.sets_out(truck, done=1) for truck in (town.truck, second)) + timedelta(seconds=30)
    town.facility.accepts = ["paper"]
    replan(session, THURSDAY)
    session.commit()
    new = again(now)
    assert new is not None and (new.status, new.violations) == (PlanStatus.PUBLISHED, [])
    assert set(new.summary["granted"]) == {f"truck {truck.code} home with its load on board" for truck in (town.truck, second)}
    assert {route.vehicle_id for route in list_routes(session, new.id)} == {town.truck.id, second.id}
    left = [row for row in list_decisions(session, new.id) if row.decision is Decision.UNSERVED]
    assert left and {row.rule for row in left} == {"no_facility_for_class"}


def test_a_truck_that_drives_to_a_facility_is_not_sent_to_the_container_with_its_number(
    database: Database, tenant_id: int, settings: Settings, session: TenantSession, town: Town, second: Vehicle, night: Plan, field: Field
):
    now = field.sets_out(second, done=len(field.pickups(second))) + timedelta(seconds=30)
    if session.get(Container, (tenant_id, town.facility.id)) is None:
        town.add("namesake", 5, id=town.facility.id)
        town.fills("namesake", 104, 0)
    session.commit()
    result = compute_day(database, tenant_id, THURSDAY, settings=settings, origin_at=now, stop=STOP)
    assert result.task.problem.vehicle_by_key[str(second.id)].head == (f"facility {town.facility.id}",)
    [route] = [route for route in result.plan.routes if route.vehicle == str(second.id)]
    assert str(route.visits[0].kind) == "unload" and result.feasible


def test_a_truck_that_is_home_stays_there(
    database: Database, tenant_id: int, settings: Settings, session: TenantSession, town: Town, second: Vehicle, night: Plan, field: Field
):
    now = field.sets_out(second, done=1)
    field.says(field.routes[second.id], ActionKind.FINISHED, now + timedelta(minutes=5))
    day = find_day_under_way(session, THURSDAY)
    assert day is not None
    result = compute_rest(database, tenant_id, THURSDAY, day, settings=settings, origin_at=now + timedelta(minutes=6), stop=STOP)
    assert {route.vehicle for route in result.plan.routes} == {str(town.truck.id)}
    assert result.feasible


def test_reports_of_the_future_are_not_known_yet(session: TenantSession, town: Town, night: Plan, field: Field):
    field.sets_out(town.truck, done=1)
    assert find_day_under_way(session, THURSDAY, until=datetime(2026, 11, 19, 4, tzinfo=UTC)) is None
