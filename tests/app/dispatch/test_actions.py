"""However a day's reports arrive, they add up to the same lifts, tickets and runs."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from app.db import TenantSession
from app.dispatch.emptyings import Collected, to_lifts
from app.dispatch.models import ActionKind, DriverAction, RouteRun, SkipReason, WeighTicket
from app.dispatch.operations import record_actions
from app.dispatch.reports import OutcomeStatus, Report
from app.planning.models import PlanStatus
from app.telemetry.ingest import ingest
from app.telemetry.models import ContainerState, Lift, LiftSource
from app.tenancy.identity import Identity
from app.tenancy.models import Scope
from app.tenancy.scope import rows_of
from tests.factories import assets as make_assets
from tests.factories import dispatch as make
from tests.factories import telemetry as make_telemetry
from tests.factories.dispatch import STARTS_AT, OnTheRoad

NOW = STARTS_AT + timedelta(days=3)


@pytest.fixture
def who(tenant_id: int) -> Identity:
    return Identity(tenant_id, "key:1", frozenset({Scope.DRIVE}))


def at(minute: int) -> Any:
    return STARTS_AT + timedelta(minutes=minute)


def report_of(number: int, pick: tuple[int, int, int, int], routes: list[OnTheRoad]) -> Report:
    """One of the things a crew may say, at some minute of the day; the number is its own."""
    what, route, container, minute = pick
    driven = routes[route]
    values: dict[str, Any] = {"client_uid": UUID(int=number), "occurred_at": at(minute)}
    place = {"container_id": routes[container % 2].container_ids[container // 2]}
    match what:
        case 0:
            return Report(route_id=driven.route.id, kind=ActionKind.STARTED, odometer_m=1_000_000 + 100 * minute, **values)
        case 1:
            return Report(route_id=driven.route.id, kind=ActionKind.FINISHED, odometer_m=1_000_000 + 100 * minute, **values)
        case 2:
            return Report(
                route_id=driven.route.id, kind=ActionKind.UNLOADED, facility_id=driven.facility_id, weight_kg=float(minute), **values
            )
        case 3:
            return Report(route_id=driven.route.id, kind=ActionKind.SKIPPED, skip_reason=SkipReason.ROADWORKS, **place, **values)
        case 4:
            return Report(route_id=driven.route.id, kind=ActionKind.COLLECTED, weight_kg=float(number), **place, **values)
    return Report(route_id=driven.route.id, kind=ActionKind.COLLECTED, **place, **values)


# two crews, four containers that both may empty, and minutes so close that reports mean the same emptying, chains of them too
picks = st.tuples(st.integers(0, 8), st.integers(0, 1), st.integers(0, 3), st.sampled_from([0, 10, 25, 31, 50, 56, 75, 400]))


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[tuple[int, int, int, int]], list[list[int]]]:
    """The day's reports, and the batches they come in, with repeats."""
    day = draw(st.lists(picks, min_size=1, max_size=14))
    order = draw(st.permutations(range(len(day))))
    order += draw(st.lists(st.integers(0, len(day) - 1), max_size=5))
    size = draw(st.integers(1, 6))
    return day, [order[i : i + size] for i in range(0, len(order), size)]


def outcome_of(session: TenantSession) -> tuple[Any, ...]:
    session.flush()
    session.expire_all()
    lifts = [
        (one.container_id, one.lifted_at, one.source, one.vehicle_id, one.weight_kg, one.client_uid, one.fill_before_pct)
        for one in session.scalars(rows_of(session, Lift).order_by(Lift.container_id, Lift.lifted_at))
    ]
    tickets = session.scalars(rows_of(session, WeighTicket).order_by(WeighTicket.client_uid))
    runs = session.scalars(rows_of(session, RouteRun).order_by(RouteRun.route_id))
    states = session.scalars(rows_of(session, ContainerState).order_by(ContainerState.container_id))
    return (
        lifts,
        [(one.client_uid, one.route_id, one.vehicle_id, one.facility_id, one.weighed_at, one.net_kg) for one in tickets],
        [(one.route_id, one.started_at, one.finished_at, one.driven_m) for one in runs],
        [(one.container_id, one.last_emptied_at, one.fill_pct) for one in states if one.last_emptied_at is not None],
    )


@pytest.fixture
def routes(session: TenantSession) -> list[OnTheRoad]:
    """Two trucks with two containers each; every container has a sensor that says 60 % until noon, and 5 % later."""
    plan = make.plan(session)
    model = make_assets.container_model(session)
    made = []
    for _ in range(2):
        containers = [make_assets.container(session, model=model) for _ in range(2)]
        made.append(make.route(session, of=plan, container_ids=[one.id for one in containers]))
        for container in containers:
            uid = make_telemetry.device(session, container_id=container.id).device_uid
            fills = [(-480, 60), (-240, 60), (600, 5), (840, 5)]
            ingest(session, [make_telemetry.reading(uid, at(minute), fill_pct=fill) for minute, fill in fills], now=NOW)
    session.flush()
    return made


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals())
# the last report frees a lift from the weight that it had taken over: minute 31 was one emptying with 10, which is one with 0
@example(([(4, 0, 1, 31), (5, 0, 1, 10), (5, 0, 1, 0)], [[0], [1], [2]]))
def test_any_order_any_batches_and_repeats_add_up_to_the_same_day(
    session: TenantSession, who: Identity, routes: list[OnTheRoad], arrival: Any
):
    picked, batches = arrival
    day = [report_of(number, pick, routes) for number, pick in enumerate(picked, start=1)]

    with session.begin_nested() as in_order:
        record_actions(session, who, sorted(day, key=lambda one: (one.occurred_at, one.client_uid)), now=NOW)
        expected = outcome_of(session)
        in_order.rollback()
    with session.begin_nested() as as_they_come:
        answers = [outcome for batch in batches for outcome in record_actions(session, who, [day[i] for i in batch], now=NOW)]
        found = outcome_of(session)
        as_they_come.rollback()

    assert found == expected
    assert {outcome.status for outcome in answers} <= {OutcomeStatus.ACCEPTED, OutcomeStatus.DUPLICATE}
    assert sum(outcome.status is OutcomeStatus.ACCEPTED for outcome in answers) == len(day)


def collected(*minutes: int) -> list[Collected]:
    return [Collected(1, at(minute), UUID(int=minute), 7, None) for minute in minutes]


@pytest.mark.parametrize(
    ("minutes", "emptied_at"),
    [
        ([10], [10]),
        ([10, 40], [10]),
        ([10, 41], [10, 41]),
        ([10, 35, 60], [10, 60]),
        ([35, 60], [35]),
        ([400, 10, 20], [10, 400]),
    ],
)
def test_the_earliest_report_stands_for_half_an_hour(minutes: list[int], emptied_at: list[int]):
    lifts = to_lifts(collected(*minutes), {UUID(int=minute) for minute in minutes})
    assert [lift.lifted_at for lift in lifts] == [at(minute) for minute in emptied_at]


def test_only_what_a_new_report_can_change_is_said_again():
    """A chain at minutes 10 and 35, and one report six hours later that nothing touches."""
    lifts = to_lifts(collected(10, 35, 400), {UUID(int=35)})
    assert [(lift.lifted_at, lift.repeats) for lift in lifts] == [(at(10), {UUID(int=35)})]


def test_an_earlier_report_takes_over_a_lift_and_frees_what_it_stood_for(session: TenantSession, who: Identity):
    """Minutes 35 and 60 are one emptying; minute 10 makes 10 and 35 one, and 60 another."""
    driven = make.route(session)

    def collect(minute: int) -> Report:
        return make.report(driven.route.id, ActionKind.COLLECTED, minute, container_id=driven.container_ids[0])

    def lifted() -> list[Any]:
        return [lift.lifted_at for lift in session.scalars(rows_of(session, Lift).order_by(Lift.lifted_at))]

    record_actions(session, who, [collect(35), collect(60)], now=NOW)
    assert lifted() == [at(35)]
    record_actions(session, who, [collect(10)], now=NOW)
    assert lifted() == [at(10), at(60)]


def test_the_sensors_lift_is_the_drivers(session: TenantSession, who: Identity, routes: list[OnTheRoad]):
    """The sensor's first low echo comes at minute 600; the driver says that it was at minute 300, five hours before."""
    driven = routes[0]
    record_actions(session, who, [make.report(driven.route.id, ActionKind.COLLECTED, 300, container_id=driven.container_ids[0])], now=NOW)
    lifts = rows_of(session, Lift).where(Lift.container_id == driven.container_ids[0])
    assert [(lift.lifted_at, lift.source) for lift in session.scalars(lifts)] == [(at(300), LiftSource.DRIVER)]


@pytest.mark.parametrize(
    ("out_m", "home_m", "driven_m"), [(1_000, 13_000, 12_000), (1_000, None, None), (None, 1_000, None), (9_000, 1_000, None)]
)
def test_a_run_is_the_difference_of_the_odometers(
    session: TenantSession, who: Identity, out_m: int | None, home_m: int | None, driven_m: int | None
):
    driven = make.route(session)
    home = make.report(driven.route.id, ActionKind.FINISHED, 75, odometer_m=home_m)
    out = make.report(driven.route.id, ActionKind.STARTED, 0, odometer_m=out_m)
    for one in (home, out):
        record_actions(session, who, [one], now=NOW)
    (run,) = session.scalars(rows_of(session, RouteRun))
    assert (run.started_at, run.finished_at, run.driven_m) == (at(0), at(75), driven_m)


def test_unloading_is_a_ticket_if_it_was_weighed(session: TenantSession, who: Identity):
    driven = make.route(session)

    def unload(**values: Any) -> Report:
        return make.report(driven.route.id, ActionKind.UNLOADED, 60, facility_id=driven.facility_id, **values)

    record_actions(session, who, [unload(weight_kg=1240.0, ticket_number="T-9"), unload()], now=NOW)
    (ticket,) = session.scalars(rows_of(session, WeighTicket))
    assert (ticket.net_kg, ticket.ticket_number, ticket.vehicle_id) == (1240, "T-9", driven.route.vehicle_id)
    assert len(list(session.scalars(rows_of(session, DriverAction)))) == 2


def test_a_large_batch_takes_no_more_statements_than_a_small_one(session: TenantSession, who: Identity):
    def statements_of(containers: int) -> int:
        model = make_assets.container_model(session)
        driven = make.route(session, container_ids=[make_assets.container(session, model=model).id for _ in range(containers)])
        seen: list[str] = []
        connection = session.connection()
        listener = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(connection, "before_cursor_execute", listener)
        record_actions(session, who, make.a_day(driven), now=NOW)
        event.remove(connection, "before_cursor_execute", listener)
        driven.plan.status = PlanStatus.SUPERSEDED
        session.flush()
        return sum("set_config" not in statement for statement in seen)

    few = statements_of(2)
    assert statements_of(60) == few <= 20
