"""Phones that report the same at the same time: none waits for ever, nothing is lost, nothing counts twice."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from app.db import Database
from app.dispatch.models import ActionKind, RouteRun, WeighTicket
from app.dispatch.operations import record_actions
from app.provision import DatabaseUrls
from app.telemetry.models import Lift
from app.tenancy.identity import Identity
from app.tenancy.models import Scope
from app.tenancy.scope import rows_of
from tests.factories import dispatch as make
from tests.factories.dispatch import STARTS_AT
from tests.factories.tenancy import tenant

PHONES = 4
NOW = STARTS_AT + timedelta(days=1)


def test_two_routes_from_four_phones_are_driven_once(committed: DatabaseUrls):
    """Both crews also report the other route's containers five minutes later: those are the same emptyings."""
    owner, database = Database(committed.owner), Database(committed.app)
    tenant_id = tenant(owner)
    who = Identity(tenant_id, "key:1", frozenset({Scope.DRIVE}))
    with database.transaction(tenant_id) as session:
        plan = make.plan(session)
        routes = [make.route(session, of=plan) for _ in range(2)]
        everything = [report for driven in routes for report in make.a_day(driven)]
        for driven, other in (routes, routes[::-1]):
            for n, container_id in enumerate(other.container_ids, start=1):
                everything.append(make.report(driven.route.id, ActionKind.COLLECTED, 15 * n + 5, container_id=container_id))

    def phone(seed: int) -> int:
        dice = random.Random(seed)
        mine = dice.sample(everything, len(everything))
        accepted = 0
        for start in range(0, len(mine), 3):
            with database.transaction(tenant_id) as session:
                accepted += sum(one.status == "accepted" for one in record_actions(session, who, mine[start : start + 3], now=NOW))
        return accepted

    with ThreadPoolExecutor(PHONES) as pool:
        accepted = sum(pool.map(phone, range(PHONES)))

    assert accepted == len(everything)
    with database.transaction(tenant_id) as session:
        lifts = sorted((lift.container_id, lift.lifted_at) for lift in session.scalars(rows_of(session, Lift)))
        runs = sorted((run.route_id, run.driven_m) for run in session.scalars(rows_of(session, RouteRun)))
        tickets = [ticket.net_kg for ticket in session.scalars(rows_of(session, WeighTicket))]
    quarter = timedelta(minutes=15)
    planned = [(one, STARTS_AT + n * quarter) for driven in routes for n, one in enumerate(driven.container_ids, start=1)]
    assert lifts == sorted(planned)
    assert runs == [(driven.route.id, 12_000) for driven in routes]
    assert tickets == [320, 320]
    database.engine.dispose()
    owner.engine.dispose()
