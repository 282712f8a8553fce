"""What crews report becomes what a night plans with: trips, tickets, bins weighed alone and time at sites, each counted once."""

from datetime import UTC, datetime, timedelta

import pytest

from app.db import TenantSession
from app.dispatch import learning
from app.dispatch.field_queries import load_field_reports
from app.dispatch.models import ActionKind
from app.dispatch.operations import record_actions
from app.planning.learned_loads import find_learned_loads
from app.planning.models import ContainerLoad, LoadLearning
from app.telemetry.ingest import ingest
from app.telemetry.models import Lift, LiftSource
from app.tenancy.identity import Identity
from app.tenancy.models import Scope
from app.tenancy.scope import rows_of
from tests.factories import assets as make_assets
from tests.factories import dispatch as make
from tests.factories import telemetry as make_telemetry
from tests.factories.dispatch import STARTS_AT, OnTheRoad

TRUE_KG_L = 0.10
"""The register says 0.13 of residual waste."""
DAY = timedelta(days=1)
UNTIL = STARTS_AT + 20 * DAY


@pytest.fixture
def who(tenant_id: int) -> Identity:
    return Identity(tenant_id, "key:1", frozenset({Scope.DRIVE}))


def weighed(driven: OnTheRoad, weight_kg: float | None, *, begin: int = 0, unload: int = 60) -> list:
    """The route's containers at 15, 30 and 45 minutes, then the scale."""
    at = driven.route.starts_at - STARTS_AT
    minute = at / timedelta(minutes=1) + begin
    collected = [
        make.report(driven.route.id, ActionKind.COLLECTED, minute + 15 * n, container_id=one)
        for n, one in enumerate(driven.container_ids, 1)
    ]
    more = {} if weight_kg is None else {"weight_kg": weight_kg}
    return [*collected, make.report(driven.route.id, ActionKind.UNLOADED, minute + unload, facility_id=driven.facility_id, **more)]


@pytest.fixture
def drive(session: TenantSession, who: Identity):
    """Drive a route of three containers on the n-th day; each is planned to be 80 % full of 1,100 l, 2,640 l in all."""
    containers: list[int] = []

    def on_day(n: int, weight_kg: float | None = 2640 * TRUE_KG_L, **times: int) -> OnTheRoad:
        begins = STARTS_AT + n * DAY
        plan = make.plan(session, service_date=begins.date())
        driven = make.route(session, of=plan, starts_at=begins, container_ids=containers or None)
        containers[:] = driven.container_ids
        for visit in driven.visits:
            visit.expected_fill_pct = 80.0 if visit.container_id else None
        session.flush()
        outcomes = record_actions(session, who, weighed(driven, weight_kg, **times), now=begins + DAY)
        assert {one.status for one in outcomes} == {"accepted"}
        return driven

    return on_day


def hear(session: TenantSession, container_id: int, fill_pct: float, at: datetime) -> None:
    device = make_telemetry.device(session, container_id=container_id)
    hours = [timedelta(hours=hour) for hour in (12, 8, 4, 0)]
    readings = [make_telemetry.reading(device.device_uid, at - before, fill_pct=fill_pct - before / timedelta(hours=4)) for before in hours]
    ingest(session, readings, now=at + timedelta(minutes=1))


def read(session: TenantSession):
    session.flush()
    return load_field_reports(session, "Europe/Berlin", STARTS_AT - DAY, UNTIL)


def test_a_ticket_weighs_what_was_collected_since_the_unload_before(session, drive, who):
    """Three containers, an unload that nobody weighed, then one of the three again and a ticket: 880 l are on it."""
    driven = drive(0, None)
    again = driven.container_ids[0]
    minute = 8 * 60
    more = [
        make.report(driven.route.id, ActionKind.COLLECTED, minute, container_id=again),
        make.report(driven.route.id, ActionKind.UNLOADED, minute + 30, facility_id=driven.facility_id, weight_kg=90.0),
    ]
    record_actions(session, who, more, now=STARTS_AT + DAY)

    found = read(session)

    assert found.ticket_kg.tolist() == [90.0]
    assert found.lift_container.tolist() == [again]
    assert found.lift_l.tolist() == pytest.approx([880])
    assert found.ticket_tare_kg[0] > 1000


def test_a_report_that_came_twice_is_one_lift(session, drive, who):
    driven = drive(0)
    minute = 16
    record_actions(
        session,
        who,
        [make.report(driven.route.id, ActionKind.COLLECTED, minute, container_id=driven.container_ids[0])],
        now=STARTS_AT + DAY,
    )

    assert len(read(session).lift_container) == 3


def test_a_measured_fill_counts_before_the_planned_one(session, drive):
    """A sensor has told 50 % of the second one two hours before; of the others only the plan says something."""
    measured = drive(0).container_ids[1]
    hear(session, measured, 50.0, STARTS_AT + DAY - timedelta(hours=2))
    drive(1)

    found = read(session)

    second = found.lift_ticket == 1
    assert found.lift_l[second].tolist() == pytest.approx([880, 550, 880], abs=30)
    planned_sd_l, measured_sd_l, _ = found.lift_sd_l[second].tolist()
    assert measured_sd_l < planned_sd_l


def test_a_bin_weighed_at_its_lift_is_a_ticket_of_its_own(session):
    container = make_assets.container(session)
    hear(session, container.id, 60.0, STARTS_AT - timedelta(hours=3))
    session.add(Lift(container_id=container.id, lifted_at=STARTS_AT, source=LiftSource.LIFT_READER, fill_before_pct=60.0, weight_kg=40.0))

    found = read(session)

    assert found.ticket_kg.tolist() == [40.0]
    assert found.lift_l.tolist() == pytest.approx([0.6 * container.volume_l])


def test_time_at_a_site_is_the_time_between_reports_without_the_way(session, drive):
    """Reports every 15 minutes, 2 minutes of driving between the sites: 780 s at the second and third one, the first is not known."""
    driven = drive(0)
    found = read(session)

    assert sorted(found.visit_container.tolist()) == sorted(driven.container_ids[1:])
    assert found.visit_s.tolist() == pytest.approx([780, 780])
    assert found.visit_is_arrival.all()


def test_a_week_of_tickets_makes_the_night_count_with_the_true_density(session, drive, database, tenant_id):
    for n in range(8):
        driven = drive(n)
    lesson = learning.learn_from_reports(database, tenant_id, UNTIL)

    assert lesson is not None
    assert lesson.classes["residual"]["density_kg_l"] == pytest.approx(TRUE_KG_L, rel=0.05)
    assert lesson.classes["residual"]["tickets"] == 8
    assert lesson.evaluation["mae_pct"] < lesson.evaluation["register_mae_pct"]
    row = session.scalars(rows_of(session, ContainerLoad).where(ContainerLoad.container_id == driven.container_ids[0])).one()
    assert row.density_kg_m3 == pytest.approx(1000 * TRUE_KG_L, rel=0.1)
    assert row.tickets == 8


def test_what_nights_are_wrong_by_together_is_learned_from_fills_that_were_measured(session, drive, database, tenant_id):
    """Each evening 80 % is forecast of every container; sensors find 100 on even days and 60 on odd ones, all alike."""
    first = drive(0)
    measured = dict.fromkeys(first.container_ids)
    devices = {one: make_telemetry.device(session, container_id=one) for one in measured}
    for n in range(1, 15):
        fill_pct = 98.0 if n % 2 else 62.0
        hours = [timedelta(hours=hour) for hour in (12, 8, 4, 0)]
        at = STARTS_AT + n * DAY - timedelta(hours=1)
        said = [
            make_telemetry.reading(device.device_uid, at - before, fill_pct=fill_pct - before / timedelta(hours=4))
            for device in devices.values()
            for before in hours
        ]
        ingest(session, said, now=at + timedelta(minutes=1))
        drive(n)
    lesson = learning.learn_from_reports(database, tenant_id, UNTIL)

    assert lesson is not None
    assert 0.1 < lesson.spreads["fill_day"] < 0.35
    assert find_learned_loads(session, UNTIL).fill_day_sd == lesson.spreads["fill_day"]


def test_a_ticket_in_tonnes_is_set_aside_and_reported(session, drive, database, tenant_id):
    for n in range(7):
        drive(n)
    drive(7, 0.264)
    lesson = learning.learn_from_reports(database, tenant_id, UNTIL)

    [doubted] = lesson.set_aside
    assert doubted["why"] == "keyed in tonnes"
    assert lesson.classes["residual"]["density_kg_l"] == pytest.approx(TRUE_KG_L, rel=0.05)


def test_a_tenant_learns_once_a_day_and_not_from_nothing(session, drive, database, tenant_id):
    assert learning.learn_from_reports(database, tenant_id, UNTIL) is None
    drive(0)
    first = learning.learn_from_reports(database, tenant_id, UNTIL)
    assert first is not None
    assert learning.learn_from_reports(database, tenant_id, UNTIL + timedelta(hours=3)) is None
    second = learning.learn_from_reports(database, tenant_id, UNTIL + timedelta(hours=21))
    assert second is not None
    rows = session.scalars(rows_of(session, ContainerLoad)).all()
    assert {row.learning_id for row in rows} == {second.id}
    assert len(session.scalars(rows_of(session, LoadLearning)).all()) == 2


def test_what_is_told_later_has_no_say(session, drive, database, tenant_id):
    for n in range(4):
        drive(n)
    known = learning.learn_from_reports(database, tenant_id, STARTS_AT + 2 * DAY)

    assert known is not None and known.classes["residual"]["tickets"] == 2
    assert find_learned_loads(session, STARTS_AT).learning is None


def test_another_tenants_tickets_are_none_of_ours(drive, database, other_tenant_id):
    drive(0)
    assert learning.learn_from_reports(database, other_tenant_id, datetime.now(UTC) + 3650 * DAY) is None
