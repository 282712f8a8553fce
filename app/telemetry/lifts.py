"""Lifts as facts: whoever reports one, and however often, a container emptied once is one row."""

from datetime import datetime, timedelta
from uuid import UUID

from app.db import TenantSession
from app.telemetry import store
from app.telemetry.levels import follow_lift
from app.telemetry.models import Lift, LiftSource
from app.tenancy.scope import rows_of
from forecasting.level import SAME_LIFT_S


def record_lift(
    session: TenantSession,
    container_id: int,
    lifted_at: datetime,
    source: LiftSource,
    *,
    vehicle_id: int | None = None,
    weight_kg: float | None = None,
    client_uid: UUID | None = None,
) -> Lift:
    """Note that a container was emptied; the row may be one that the sensor or another reporter wrote of the same emptying.

    Late and out of order is normal. A repeated `client_uid` changes nothing. The container's state is told, under its lock.
    """
    state = store.lock_states(session, [container_id])[container_id]
    if client_uid is not None:
        repeated = session.scalars(rows_of(session, Lift).where(Lift.client_uid == client_uid)).one_or_none()
        if repeated is not None:
            return repeated
    lift = _find_same_emptying(session, container_id, lifted_at, source)
    known_to_the_filter = lift is not None and lift.source is not LiftSource.SENSOR
    if lift is None:
        lift = Lift(container_id=container_id, lifted_at=lifted_at, source=source)
        session.add(lift)
    lift.confirm(lifted_at, source, vehicle_id=vehicle_id, weight_kg=weight_kg, client_uid=client_uid)
    session.flush()
    if not known_to_the_filter:
        follow_lift(session, state, lift)
        session.flush()
    return lift


def _find_same_emptying(session: TenantSession, container_id: int, lifted_at: datetime, source: LiftSource) -> Lift | None:
    """The nearest lift that means the same emptying."""
    window = timedelta(seconds=SAME_LIFT_S)
    near = rows_of(session, Lift).where(Lift.container_id == container_id, Lift.lifted_at.between(lifted_at - window, lifted_at + window))
    same = [lift for lift in session.scalars(near) if lift.is_same_emptying(lifted_at, source)]
    return min(same, key=lambda lift: (abs(lift.lifted_at - lifted_at), lift.id), default=None)
