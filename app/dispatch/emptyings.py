"""Which reports of drivers mean one emptying, whatever the order in which they come."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from app.telemetry.lifts import LiftReport
from app.telemetry.models import SAME_REPORTER_S, LiftSource

SAME_EMPTYING = timedelta(seconds=SAME_REPORTER_S)


class Collected(NamedTuple):
    """One report of a container emptied. They sort by container, then time."""

    container_id: int
    occurred_at: datetime
    client_uid: UUID
    vehicle_id: int
    weight_kg: float | None


def to_lifts(reports: Iterable[Collected], new: Collection[UUID]) -> list[LiftReport]:
    """The emptyings that new reports tell of, or change.

    The earliest report stands for all within half an hour after it. Only among reports that follow each other so closely
    can a new one change what others mean.
    """
    return [
        _lift(emptying) for chain in _chains(reports) if any(report.client_uid in new for report in chain) for emptying in _emptyings(chain)
    ]


def _chains(reports: Iterable[Collected]) -> Iterator[list[Collected]]:
    """Reports of one container, each within half an hour of the one before."""
    by_container: dict[int, list[Collected]] = defaultdict(list)
    for report in sorted(reports, key=lambda report: report[:3]):
        by_container[report.container_id].append(report)
    for found in by_container.values():
        yield from _split(found, lambda chain, report: report.occurred_at - chain[-1].occurred_at > SAME_EMPTYING)


def _emptyings(chain: list[Collected]) -> Iterator[list[Collected]]:
    return _split(chain, lambda emptying, report: report.occurred_at - emptying[0].occurred_at > SAME_EMPTYING)


def _split(reports: list[Collected], begins_anew: Callable[[list[Collected], Collected], bool]) -> Iterator[list[Collected]]:
    group = [reports[0]]
    for report in reports[1:]:
        if begins_anew(group, report):
            yield group
            group = []
        group.append(report)
    yield group


def _lift(emptying: list[Collected]) -> LiftReport:
    first = emptying[0]
    return LiftReport(
        first.container_id,
        first.occurred_at,
        LiftSource.DRIVER,
        vehicle_id=first.vehicle_id,
        weight_kg=next((report.weight_kg for report in emptying if report.weight_kg is not None), None),
        client_uid=first.client_uid,
        repeats=frozenset(report.client_uid for report in emptying[1:]),
    )
