"""Drivers' reports come in: each counts once, in whatever order and by whichever phone it is sent.

1. find_misplaced     a field that the action needs and has not, or has and cannot have
2. Known.refuse       the route is not the sender's, or the container or facility is not there; the phone's clock is wrong
3. insert_actions     a number counts once; a repeat is a `duplicate`, or a `conflict` when it says something else
4. effects            lifts, weigh tickets and runs follow from all reports that there are, never from their order
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.db import TenantSession
from app.dispatch import queries
from app.dispatch.emptyings import to_lifts
from app.dispatch.models import ActionKind, DriverAction, RouteRun, WeighTicket
from app.dispatch.queries import HeldRoute
from app.dispatch.reports import FIELDS, Flag, Outcome, OutcomeStatus, Report, find_misplaced, find_wrong_clock, refusal
from app.telemetry.lifts import record_lifts
from app.telemetry.store import acknowledge_only_what_is_on_disk
from app.tenancy.identity import Identity


@dataclass(frozen=True)
class Known:
    """The rows that a batch names, as far as they are there and the sender may report on them."""

    routes: dict[int, HeldRoute]
    container_ids: set[int]
    facility_ids: set[int]
    planned: set[tuple[int, int]]
    """(route, container) on the plan."""
    now: datetime

    def find_refusal(self, report: Report) -> Outcome | None:
        route = self.routes.get(report.route_id)
        if route is None:
            return refusal("route_id", "names no route that you may report on", "GET /api/v1/driver/routes lists them.", report.client_uid)
        if report.container_id is not None and report.container_id not in self.container_ids:
            return refusal("container_id", "names no container", "The route lists its containers.", report.client_uid)
        if report.facility_id is not None and report.facility_id not in self.facility_ids:
            return refusal("facility_id", "names no facility", "GET /api/v1/facilities lists them.", report.client_uid)
        return find_misplaced(report) or find_wrong_clock(report, route_starts_at=route.starts_at, now=self.now)

    def accept(self, report: Report) -> Outcome:
        flags = []
        if report.container_id is not None and (report.route_id, report.container_id) not in self.planned:
            flags.append(Flag.NOT_ON_ROUTE)
        if not self.routes[report.route_id].in_force:
            flags.append(Flag.ROUTE_NOT_IN_FORCE)
        return Outcome(OutcomeStatus.ACCEPTED, report.client_uid, tuple(flags))


def record_actions(
    session: TenantSession, who: Identity, items: Sequence[Report | Outcome], *, now: datetime | None = None
) -> list[Outcome]:
    """Store a batch and say of each report, in order, what became of it; refusals among the items pass through."""
    acknowledge_only_what_is_on_disk(session)
    known = _look_up(session, who, [item for item in items if isinstance(item, Report)], now or datetime.now(UTC))
    outcomes = [item if isinstance(item, Outcome) else known.find_refusal(item) for item in items]
    sound = [item for item, refused in zip(items, outcomes, strict=True) if refused is None and isinstance(item, Report)]
    new = _write(session, sound)
    _follow(session, known, new)
    answers = iter(_answers(session, known, sound, new))
    return [refused or next(answers) for refused in outcomes]


def _look_up(session: TenantSession, who: Identity, reports: Sequence[Report], now: datetime) -> Known:
    routes = queries.lock_routes(session, who, {report.route_id for report in reports})
    pairs = {(report.route_id, report.container_id) for report in reports if report.container_id is not None and report.route_id in routes}
    return Known(
        routes=routes,
        container_ids=queries.lock_containers(session, {container_id for _, container_id in pairs}),
        facility_ids=queries.known_facilities(session, {report.facility_id for report in reports if report.facility_id is not None}),
        planned=queries.planned_pairs(session, pairs),
        now=now,
    )


def _write(session: TenantSession, reports: Sequence[Report]) -> dict[UUID, Report]:
    """The reports that were not there before; of several with one number the first."""
    first = {report.client_uid: report for report in reversed(reports)}
    written = queries.insert_actions(session, [report.values() for report in first.values()])
    return {uid: first[uid] for uid in written}


def _answers(session: TenantSession, known: Known, reports: Sequence[Report], new: dict[UUID, Report]) -> list[Outcome]:
    first: dict[UUID, Report | DriverAction] = {**new}
    first |= queries.actions_by_uid(session, {report.client_uid for report in reports} - new.keys())
    unanswered = set(new)
    answers = []
    for report in reports:
        answers.append(known.accept(report) if report.client_uid in unanswered else _repeat(report, first[report.client_uid]))
        unanswered.discard(report.client_uid)
    return answers


def _repeat(report: Report, first: Report | DriverAction) -> Outcome:
    differs = [name for name in FIELDS if getattr(report, name) != getattr(first, name)]
    if not differs:
        return Outcome(OutcomeStatus.DUPLICATE, report.client_uid)
    mend = "The first report stays. Give a new report a client_uid of its own."
    told = tuple({"field": name, "problem": "differs from the first report with this client_uid", "mend": mend} for name in differs)
    return Outcome(OutcomeStatus.CONFLICT, report.client_uid, problems=told)


def _follow(session: TenantSession, known: Known, new: dict[UUID, Report]) -> None:
    """What new reports change elsewhere."""
    by_kind: dict[ActionKind, list[Report]] = {kind: [] for kind in ActionKind}
    for report in new.values():
        by_kind[report.kind].append(report)
    _record_lifts(session, by_kind[ActionKind.COLLECTED])
    session.add_all(_ticket(known, report) for report in by_kind[ActionKind.UNLOADED] if report.weight_kg is not None)
    _record_runs(session, {report.route_id for kind in (ActionKind.STARTED, ActionKind.FINISHED) for report in by_kind[kind]})
    session.flush()


def _record_lifts(session: TenantSession, collected: Sequence[Report]) -> None:
    if not collected:
        return
    times = [report.occurred_at for report in collected]
    container_ids = {report.container_id for report in collected if report.container_id is not None}
    around = queries.collected_around(session, container_ids, min(times), max(times))
    record_lifts(session, to_lifts(around, {report.client_uid for report in collected}))


def _ticket(known: Known, report: Report) -> WeighTicket:
    return WeighTicket(
        route_id=report.route_id,
        vehicle_id=known.routes[report.route_id].vehicle_id,
        facility_id=report.facility_id,
        waste_class=report.waste_class,
        weighed_at=report.occurred_at,
        net_kg=report.weight_kg,
        ticket_number=report.ticket_number,
        client_uid=report.client_uid,
    )


def _record_runs(session: TenantSession, route_ids: set[int]) -> None:
    if not route_ids:
        return
    runs = queries.runs_by_route(session, route_ids)
    for route_id, ends in queries.ends_of_routes(session, route_ids).items():
        run = runs.get(route_id) or RouteRun(route_id=route_id)
        drive(run, ends)
        session.add(run)


def drive(run: RouteRun, ends: Sequence[DriverAction]) -> None:
    """What all reports of a start or an end, in order of time, add up to: from the first start to the last end."""
    starts = [action for action in ends if action.kind is ActionKind.STARTED]
    finishes = [action for action in ends if action.kind is ActionKind.FINISHED]
    run.started_at = starts[0].occurred_at if starts else None
    run.finished_at = finishes[-1].occurred_at if finishes else None
    out = next((action.odometer_m for action in starts if action.odometer_m is not None), None)
    home = next((action.odometer_m for action in reversed(finishes) if action.odometer_m is not None), None)
    # an odometer that went back was misread, or belongs to another truck
    run.driven_m = home - out if out is not None and home is not None and home >= out else None
