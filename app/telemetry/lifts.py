"""Lifts as facts: whoever reports one, and however often, a container emptied once is one row."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.db import TenantSession
from app.telemetry import store
from app.telemetry.levels import follow_lifts
from app.telemetry.models import Lift, LiftSource
from app.telemetry.queries import lifts_around
from forecasting.level import SAME_LIFT_S


@dataclass(frozen=True, slots=True)
class LiftReport:
    """What somebody says of one emptying."""

    container_id: int
    lifted_at: datetime
    source: LiftSource
    vehicle_id: int | None = None
    weight_kg: float | None = None
    client_uid: UUID | None = None
    repeats: frozenset[UUID] = frozenset()
    """Numbers of the same reporter's other reports of this emptying: a lift known by one of them becomes what this report says."""

    @property
    def uids(self) -> frozenset[UUID]:
        return self.repeats | ({self.client_uid} if self.client_uid is not None else set())


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
    return record_lifts(session, [LiftReport(container_id, lifted_at, source, vehicle_id, weight_kg, client_uid)])[0]


def record_lifts(session: TenantSession, reports: Sequence[LiftReport]) -> list[Lift]:
    """`record_lift` for many at once, in a handful of statements; the lifts come in the order of the reports."""
    if not reports:
        return []
    states = store.lock_states(session, {report.container_id for report in reports})
    known = _Known(_near(session, reports))
    # ascending in time: a lift that a repeat moves has moved before the next report looks for its own
    by_time = sorted(range(len(reports)), key=lambda i: (reports[i].container_id, reports[i].lifted_at))
    lifts = {i: known.take(reports[i]) for i in by_time}
    session.add_all(known.new_to_the_filter)
    session.flush()
    follow_lifts(session, states, known.new_to_the_filter, moved_from=known.moved_from)
    session.flush()
    return [lifts[i] for i in range(len(reports))]


def _near(session: TenantSession, reports: Sequence[LiftReport]) -> list[Lift]:
    """Every lift that one of the reports can mean."""
    window = timedelta(seconds=SAME_LIFT_S)
    times = [report.lifted_at for report in reports]
    uids = {uid for report in reports for uid in report.uids}
    return lifts_around(session, {report.container_id for report in reports}, min(times) - window, max(times) + window, uids=uids)


class _Known:
    """The lifts that are there, and those that reports add."""

    def __init__(self, lifts: Iterable[Lift]) -> None:
        self._of_container: dict[int, list[Lift]] = defaultdict(list)
        self._by_uid: dict[UUID, Lift] = {}
        self.new_to_the_filter: list[Lift] = []
        self.moved_from: dict[int, datetime] = {}
        """Container → the earliest instant that a lift of it was moved away from."""
        for lift in lifts:
            self._keep(lift)

    def take(self, report: LiftReport) -> Lift:
        """The lift that a report means, with what it knows added."""
        repeated = next((self._by_uid[uid] for uid in sorted(report.uids) if uid in self._by_uid), None)
        if repeated is not None:
            said_before = repeated.lifted_at
            if repeated.revise(report.lifted_at, report.source, report.vehicle_id, report.weight_kg, report.client_uid, report.repeats):
                self.new_to_the_filter.append(repeated)
                self.moved_from[repeated.container_id] = min(said_before, self.moved_from.get(repeated.container_id, said_before))
            return repeated
        lift = self._find_same_emptying(report)
        if lift is None:
            lift = Lift(container_id=report.container_id, lifted_at=report.lifted_at, source=report.source)
            self._of_container[report.container_id].append(lift)
            self.new_to_the_filter.append(lift)
        elif lift.source is LiftSource.SENSOR:
            self.new_to_the_filter.append(lift)
        lift.confirm(
            report.lifted_at, report.source, vehicle_id=report.vehicle_id, weight_kg=report.weight_kg, client_uid=report.client_uid
        )
        if lift.client_uid is not None:
            self._by_uid[lift.client_uid] = lift
        return lift

    def _keep(self, lift: Lift) -> None:
        self._of_container[lift.container_id].append(lift)
        if lift.client_uid is not None:
            self._by_uid[lift.client_uid] = lift

    def _find_same_emptying(self, report: LiftReport) -> Lift | None:
        """The nearest lift that means the same emptying; of two as near, the older row."""
        near = self._of_container[report.container_id]
        same = [lift for lift in near if lift.is_same_emptying(report.lifted_at, report.source)]
        return min(same, key=lambda lift: abs(lift.lifted_at - report.lifted_at), default=None)
