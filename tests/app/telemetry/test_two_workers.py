"""Two workers on the same devices at the same time: neither waits for ever, nothing is lost, nothing counts twice."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from app.db import Database
from app.provision import DatabaseUrls
from app.telemetry.ingest import ingest
from app.telemetry.levels import rebuild_states
from app.telemetry.lifts import record_lift
from app.telemetry.models import ContainerState, Lift, LiftSource, Measurement, MessageOutcome, SourceKind
from app.telemetry.readings import ReadingIn
from app.telemetry.uplinks import Uplink, take_uplink
from tests.app.telemetry.envelopes import examples
from tests.factories import telemetry as make
from tests.factories.tenancy import tenant

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
WORKERS, DEVICES, READINGS = 4, 12, 40


def test_the_same_readings_from_several_workers_count_once(committed: DatabaseUrls):
    owner = Database(committed.owner)
    database = Database(committed.app)
    tenant_id = tenant(owner)
    with database.transaction(tenant_id) as session:
        devices = [make.mounted(session) for _ in range(DEVICES)]
    distances = [max(1200 - 25 * i, 300) if i < 30 else 1180 for i in range(READINGS)]
    everything = [item for device in devices for item in make.readings(device.device_uid, BEGIN, distances)]

    def work(seed: int) -> int:
        """All of it in an order of its own, in batches, with some drivers' reports between."""
        dice = random.Random(seed)
        mine: list[ReadingIn] = dice.sample(everything, len(everything))
        stored = 0
        for start in range(0, len(mine), 60):
            with database.transaction(tenant_id) as session:
                stored += sum(outcome.status == "stored" for outcome in ingest(session, mine[start : start + 60], now=NOW))
            with database.transaction(tenant_id) as session:
                record_lift(session, dice.choice(devices).container_id, BEGIN + timedelta(hours=124), LiftSource.DRIVER)
        return stored

    with ThreadPoolExecutor(WORKERS) as pool:
        stored = list(pool.map(work, range(WORKERS)))

    assert sum(stored) == len(everything)
    with database.transaction(tenant_id) as session:
        assert session.scalar(select(func.count()).select_from(Measurement)) == len(everything)
        drivers = select(Lift.container_id).where(Lift.source == LiftSource.DRIVER)
        assert len(list(session.scalars(drivers))) == len(set(session.scalars(drivers)))
        before = _figures(database, tenant_id)
        rebuild_states(session, [device.container_id for device in devices])
    assert _figures(database, tenant_id) == before
    database.engine.dispose()
    owner.engine.dispose()


def _figures(database: Database, tenant_id: int) -> list[tuple[object, ...]]:
    with database.transaction(tenant_id) as session:
        states = session.scalars(select(ContainerState).order_by(ContainerState.container_id)).all()
        lifts = session.scalars(select(Lift).order_by(Lift.container_id, Lift.lifted_at)).all()
        return [(s.container_id, s.fill_pct, s.quality, s.observed_at, s.last_emptied_at, s.level_filter["level"][0]) for s in states] + [
            (x.container_id, x.lifted_at, x.source, x.fill_before_pct) for x in lifts
        ]


def test_the_same_message_by_several_workers_at_once_is_one_reading(committed: DatabaseUrls):
    """A network server that has lost an answer asks again, and again, before the first is done."""
    owner, database = Database(committed.owner), Database(committed.app)
    tenant_id = tenant(owner)
    with database.transaction(tenant_id, actor="test") as session:
        source, secret = make.source(session, SourceKind.CHIRPSTACK)
        make.mounted(session, device_uid="0101010101010101", model="EM400-MUD")
    heard_at = datetime.now(UTC)

    def send(number: int) -> MessageOutcome:
        """The network's clock differs by a millisecond each time: the envelope's key alone says that it is one message."""
        body = examples.chirpstack() | {"time": (heard_at + timedelta(milliseconds=number)).isoformat()}
        uplink = Uplink(json.dumps(body).encode(), headers={"X-Api-Key": secret})
        with database.transaction(tenant_id, actor="test") as session:
            (verdict,) = take_uplink(session, source.id, uplink, secret="unused", now=datetime.now(UTC))
        return verdict.outcome

    with ThreadPoolExecutor(WORKERS) as pool:
        outcomes = list(pool.map(send, range(5 * WORKERS)))

    assert sorted(outcomes) == [MessageOutcome.DUPLICATE] * (5 * WORKERS - 1) + [MessageOutcome.STORED]
    with database.transaction(tenant_id) as session:
        assert session.scalar(select(func.count()).select_from(Measurement)) == 1
    database.engine.dispose()
    owner.engine.dispose()
