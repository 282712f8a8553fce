"""A container emptied once is one lift, whoever reports it and when."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import select

from app.assets.models import Container
from app.db import TenantSession
from app.telemetry.ingest import ingest
from app.telemetry.levels import rebuild_states
from app.telemetry.lifts import LiftReport, record_lift, record_lifts
from app.telemetry.models import ContainerState, Device, Lift, LiftSource
from app.telemetry.queries import load_history, load_lifts
from tests.factories import telemetry as make

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
SEEN_AT = BEGIN + timedelta(hours=12)


@pytest.fixture
def emptied(session: TenantSession) -> Device:
    """60 % full; the sensor's first low reading comes at 12:00, its second at 16:00."""
    device = make.mounted(session)
    ingest(session, make.readings(device.device_uid, BEGIN, [600, 600, 600, 1190, 1190]), now=NOW)
    return device


def lifts(session: TenantSession) -> list[Lift]:
    return list(session.scalars(select(Lift).order_by(Lift.lifted_at)))


def state(session: TenantSession, device: Device) -> ContainerState:
    session.expire_all()
    return session.scalars(select(ContainerState).where(ContainerState.container_id == device.container_id)).one()


@pytest.mark.parametrize("hours_off", [-3, 0, 2])
def test_a_driver_and_a_sensor_report_one_lift(session: TenantSession, emptied: Device, hours_off: int):
    [seen] = lifts(session)
    driver_at = SEEN_AT + timedelta(hours=hours_off)

    lift = record_lift(session, emptied.container_id, driver_at, LiftSource.DRIVER, weight_kg=55)

    assert lifts(session) == [lift]
    assert lift.id == seen.id
    assert (lift.source, lift.lifted_at, lift.weight_kg) == (LiftSource.DRIVER, driver_at, 55)
    assert lift.fill_before_pct == pytest.approx(60, abs=1)


def test_the_sensor_that_sees_it_after_the_driver_adds_no_lift(session: TenantSession):
    device = make.mounted(session)
    ingest(session, make.readings(device.device_uid, BEGIN, [600, 600, 600]), now=NOW)
    record_lift(session, device.container_id, BEGIN + timedelta(hours=9), LiftSource.DRIVER)
    assert state(session, device).fill_pct == 0

    ingest(session, make.readings(device.device_uid, SEEN_AT, [1190, 1190]), now=NOW)

    assert [lift.source for lift in lifts(session)] == [LiftSource.DRIVER]
    assert state(session, device).last_emptied_at == BEGIN + timedelta(hours=9)


def test_a_repeated_report_is_the_same_lift(session: TenantSession, emptied: Device):
    uid = uuid4()
    first = record_lift(session, emptied.container_id, NOW, LiftSource.DRIVER, client_uid=uid)
    again = record_lift(session, emptied.container_id, NOW + timedelta(days=1), LiftSource.DRIVER, client_uid=uid)
    assert again is first
    assert again.lifted_at == NOW


def test_another_reporter_of_the_same_emptying_adds_what_it_knows(session: TenantSession, emptied: Device):
    driver = record_lift(session, emptied.container_id, NOW, LiftSource.DRIVER)
    ticket = record_lift(session, emptied.container_id, NOW + timedelta(hours=5), LiftSource.WEIGH_TICKET, weight_kg=61)
    assert ticket is driver
    assert (driver.source, driver.lifted_at, driver.weight_kg) == (LiftSource.DRIVER, NOW, 61)


def test_who_corrects_a_report_takes_back_no_weight_but_its_own(session: TenantSession):
    """The scale weighs 61 kg, the driver's first report nothing, its later one neither: 61 stay. The driver's own 50 kg would go."""
    container_id, other_id = make.container(session).id, make.container(session).id
    first, later = uuid4(), NOW + timedelta(minutes=5)
    lift = record_lift(session, container_id, later, LiftSource.DRIVER, client_uid=first)
    record_lift(session, container_id, later, LiftSource.LIFT_READER, weight_kg=61)
    own = record_lift(session, other_id, later, LiftSource.DRIVER, weight_kg=50, client_uid=(other := uuid4()))

    for container, uid in ((container_id, first), (other_id, other)):
        record_lifts(session, [LiftReport(container, NOW, LiftSource.DRIVER, client_uid=uuid4(), repeats=frozenset({uid}))])

    assert (lift.lifted_at, lift.weight_kg, lift.weighed_by) == (NOW, 61, LiftSource.LIFT_READER)
    assert (own.lifted_at, own.weight_kg, own.weighed_by) == (NOW, None, None)


@pytest.mark.parametrize(("hours", "count"), [(0.4, 1), (1, 2)])
def test_one_driver_twice_in_minutes_is_one_lift_and_twice_in_hours_two(session: TenantSession, hours: float, count: int):
    container_id = make.container(session).id
    record_lift(session, container_id, NOW, LiftSource.DRIVER, client_uid=uuid4())
    record_lift(session, container_id, NOW + timedelta(hours=hours), LiftSource.DRIVER, client_uid=uuid4())
    assert len(lifts(session)) == count


def test_a_lift_reported_days_late_is_put_where_it_belongs(session: TenantSession):
    """60 % on day 1; a lift between the second and the third reading was not known; later readings stand at 10 %."""
    device = make.mounted(session)
    ingest(session, make.readings(device.device_uid, BEGIN, [600, 600, 1100, 1095, 1090], step_h=24), now=NOW)

    late = record_lift(session, device.container_id, BEGIN + timedelta(hours=30), LiftSource.DRIVER)

    assert late.fill_before_pct == pytest.approx(60, abs=1)
    assert next(lift.lifted_at for lift in lifts(session)) == BEGIN + timedelta(hours=30)
    assert state(session, device).fill_pct == pytest.approx(11, abs=2)


def test_a_routes_lifts_are_told_at_once_as_they_are_one_by_one(session: TenantSession):
    """Two containers, one of them reported twice with the same number and lifted again a day later."""
    devices = [make.mounted(session) for _ in range(4)]
    for device in devices:
        ingest(session, make.readings(device.device_uid, BEGIN, [600, 600, 600, 600]), now=NOW)
    uid = uuid4()

    def route(first: Device, second: Device) -> list[LiftReport]:
        at = BEGIN + timedelta(hours=9)
        once = LiftReport(first.container_id, at, LiftSource.DRIVER, weight_kg=40, client_uid=uid if first is devices[0] else uuid4())
        later = LiftReport(first.container_id, at + timedelta(days=1), LiftSource.DRIVER)
        return [once, LiftReport(second.container_id, at, LiftSource.DRIVER), once, later]

    together = record_lifts(session, route(devices[0], devices[1]))
    apart = [record_lifts(session, [report])[0] for report in route(devices[2], devices[3])]

    assert together[0] is together[2]
    assert apart[0] is apart[2]
    assert [lift.fill_before_pct for lift in together] == [lift.fill_before_pct for lift in apart]
    for one, other in zip(devices[:2], devices[2:], strict=True):
        assert state(session, one).level_filter["level"] == state(session, other).level_filter["level"]
    assert record_lifts(session, []) == []


@pytest.mark.parametrize("hours_off", [-2, 2, 30])
def test_a_report_that_its_reporter_corrects_moves_the_lift_and_the_state(session: TenantSession, hours_off: int):
    """The driver's first word was the newest that was known; the later word counts, as if it had been the only one."""
    device = make.mounted(session)
    ingest(session, make.readings(device.device_uid, BEGIN, [600, 600, 600]), now=NOW)
    first, second = uuid4(), uuid4()
    at = BEGIN + timedelta(hours=20)
    said = record_lift(session, device.container_id, at, LiftSource.DRIVER, client_uid=first)
    later = at + timedelta(hours=hours_off)
    report = LiftReport(device.container_id, later, LiftSource.DRIVER, client_uid=second, repeats=frozenset({first}))

    assert record_lifts(session, [report]) == [said]
    assert state(session, device).last_emptied_at == later
    memory = state(session, device).level_filter["level"][0]
    rebuild_states(session, [device.container_id])
    assert state(session, device).level_filter["level"][0] == memory


def test_a_container_without_a_sensor_has_lifts_too(session: TenantSession):
    container: Container = make.container(session)
    lift = record_lift(session, container.id, NOW, LiftSource.DRIVER)
    assert lift.fill_before_pct is None
    assert session.scalars(select(ContainerState)).one().last_emptied_at == NOW


def test_histories_are_read_as_arrays(session: TenantSession, emptied: Device):
    other = make.mounted(session)
    ingest(session, make.readings(other.device_uid, BEGIN, [None, 700]), now=NOW)
    record_lift(session, other.container_id, NOW, LiftSource.DRIVER)

    history = load_history(session, BEGIN)
    assert set(history) == {emptied.container_id, other.container_id}
    second = history[other.container_id]
    assert np.array_equal(second.fill, [np.nan, 0.5], equal_nan=True)
    assert second.observed_at.tolist() == [BEGIN.timestamp(), BEGIN.timestamp() + 4 * 3600]
    assert second.quality.tolist() == [0, 3]
    assert set(load_history(session, BEGIN + timedelta(hours=5))) == {emptied.container_id}
    assert load_history(session, NOW) == {}

    assert load_lifts(session, BEGIN)[emptied.container_id].tolist() == [SEEN_AT.timestamp()]
    assert set(load_lifts(session, BEGIN, reported_only=True)) == {other.container_id}
