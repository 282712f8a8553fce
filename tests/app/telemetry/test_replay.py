"""However readings and lifts arrive, the state and the sensor's lifts are what a full replay gives."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.db import TenantSession
from app.telemetry.ingest import ingest
from app.telemetry.levels import rebuild_states
from app.telemetry.lifts import record_lift
from app.telemetry.models import ContainerState, Lift, LiftSource
from app.telemetry.queries import load_history, load_lifts
from app.telemetry.readings import OutcomeStatus, ReadingIn
from forecasting.level import Readings, replay
from tests.factories import telemetry as make

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
SIX_HOURS_AND_MORE = 400

FIGURES = ("observed_at", "fill_pct", "fill_spread_pct", "quality", "temperature_c", "battery_v", "density_kg_m3", "last_emptied_at")


def state_of(session: TenantSession, container_id: int) -> dict[str, Any]:
    """All figures of a state; of the memory what the fold stands at, without the marks that only save time."""
    session.flush()
    session.expire_all()
    state = session.scalars(select(ContainerState).where(ContainerState.container_id == container_id)).one()
    return {name: getattr(state, name) for name in FIGURES} | {"memory": state.level_filter["level"][0]}


def lifts_of(session: TenantSession, container_id: int) -> list[tuple[datetime, str, float | None]]:
    session.flush()
    session.expire_all()
    lifts = session.scalars(select(Lift).where(Lift.container_id == container_id).order_by(Lift.lifted_at))
    return [(lift.lifted_at, lift.source, lift.fill_before_pct) for lift in lifts]


def replayed(session: TenantSession, container_id: int) -> tuple[dict[str, Any], list[Any]]:
    rebuild_states(session, [container_id])
    return state_of(session, container_id), lifts_of(session, container_id)


# a bin that fills, is emptied at times, echoes falsely at times and at times says nothing; minutes apart, over some days
fills = st.one_of(st.none(), st.integers(0, 1050), st.sampled_from([150, 160, 950, 1000]))
gaps_min = st.sampled_from([0, 1, 60, 240, 600, 1500])
histories = st.lists(st.tuples(gaps_min, fills, st.sampled_from([None, 3.1, 3.6])), min_size=2, max_size=25)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[tuple[int, int | None, float | None]], list[list[int]], list[int]]:
    """(minute, fill in mm above the floor, battery) of each reading; the order and batches they come in, with repeats; lifts."""
    at, readings = 0, []
    for gap, fill, battery_v in draw(histories):
        at += gap
        readings.append((at, fill, battery_v))
    order = draw(st.lists(st.sampled_from(range(len(readings))), max_size=10))
    order += draw(st.permutations(range(len(readings))))
    batches, size = [], draw(st.integers(1, 9))
    while order:
        batches.append(order[:size])
        order = order[size:]
    lifts = draw(st.lists(st.integers(0, max(at // SIX_HOURS_AND_MORE, 1)), unique=True, max_size=2))
    return readings, batches, [slot * SIX_HOURS_AND_MORE * 2 + 7 for slot in lifts]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals(), st.booleans())
def test_any_order_any_batches_and_repeats_end_where_a_replay_ends(session: TenantSession, arrival: Any, two_devices: bool):
    """Two devices in one container may even speak in the same second."""
    readings, batches, lift_minutes = arrival
    container_id = make.container(session).id
    devices = [make.device(session, container_id=container_id).device_uid for _ in range(1 + two_devices)]
    items = _items(readings, devices)

    pending = [BEGIN + timedelta(minutes=minute) for minute in lift_minutes]
    for batch in batches:
        ingest(session, [items[i] for i in batch], now=NOW)
        if pending:
            record_lift(session, container_id, pending.pop(), LiftSource.DRIVER, client_uid=uuid4())

    found = state_of(session, container_id), lifts_of(session, container_id)
    assert found == replayed(session, container_id)
    assert found[0]["memory"][3] == _kernels_own_replay(session, container_id)


def _kernels_own_replay(session: TenantSession, container_id: int) -> list[Any]:
    """The filter alone, over what is stored, as the state's column would hold it."""
    history = load_history(session, BEGIN - timedelta(days=1)).get(container_id, Readings.of([], []))
    lifts = load_lifts(session, BEGIN - timedelta(days=1), reported_only=True).get(container_id, np.array([], dtype=np.int64))
    state, _ = replay(history, lifts.tolist())
    return [list(map(list, value)) if isinstance(value, tuple) else value for value in state.to_json().values()]


def _items(readings: Sequence[tuple[int, int | None, float | None]], devices: Sequence[str]) -> list[ReadingIn]:
    return [
        make.reading(
            devices[i % len(devices)],
            BEGIN + timedelta(minutes=minute, microseconds=i),
            distance_mm=None if fill is None else 1200 - fill,
            battery_v=battery_v,
        )
        for i, (minute, fill, battery_v) in enumerate(readings)
    ]


def test_a_reading_that_comes_late_is_put_where_it_belongs(session: TenantSession):
    """The only low reading before 20 % says nothing; the one that comes late confirms it: emptied at 12:00, from about 60 %."""
    device = make.mounted(session)
    history = make.readings(device.device_uid, BEGIN, [600, 600, 600, 1190, 1180, 1000])
    late = history.pop(4)

    ingest(session, history, now=NOW)
    assert lifts_of(session, device.container_id) == []
    ingest(session, [late], now=NOW)

    assert lifts_of(session, device.container_id) == [(BEGIN + timedelta(hours=12), LiftSource.SENSOR, pytest.approx(60, abs=1))]
    assert state_of(session, device.container_id)["observed_at"] == BEGIN + timedelta(hours=20)


def test_what_only_a_sensor_showed_is_withdrawn_when_late_readings_prove_it_wrong(session: TenantSession):
    """Two false low echoes looked like an emptying; the reading between them, which comes late, was still at 60 %."""
    device = make.mounted(session)
    history = make.readings(device.device_uid, BEGIN, [600, 600, 600, 1190, 600, 1190, 600, 600])
    between = history.pop(4)

    ingest(session, history[:5], now=NOW)
    assert [source for _, source, _ in lifts_of(session, device.container_id)] == [LiftSource.SENSOR]
    ingest(session, [between, *history[5:]], now=NOW)

    assert lifts_of(session, device.container_id) == []


def test_rows_that_were_stored_behind_ingests_back_count_once(session: TenantSession):
    device = make.mounted(session)
    first, second = make.readings(device.device_uid, BEGIN, [700, 690])
    ingest(session, [first, second], now=NOW)
    device.last_seen_at = None
    session.flush()

    repeated = ingest(session, [first, make.reading(device.device_uid, second.observed_at, distance_mm=10)], now=NOW)

    assert [outcome.status for outcome in repeated] == [OutcomeStatus.DUPLICATE, OutcomeStatus.CONFLICT]
    state = state_of(session, device.container_id)
    assert (state, lifts_of(session, device.container_id)) == replayed(session, device.container_id)
