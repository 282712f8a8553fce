"""How far a route is: what its crew's reports, in order of time, make of its visits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.dispatch.models import ActionKind, DriverAction
from app.planning.models import RouteVisit, VisitKind


class VisitState(StrEnum):
    """What became of a visit so far."""

    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"


class RouteState(StrEnum):
    """How far a route is."""

    WAITING = "waiting"
    UNDER_WAY = "under_way"
    FINISHED = "finished"


@dataclass(frozen=True)
class VisitNow:
    """A planned visit with the report that settles it, and the load it leaves on board."""

    visit: RouteVisit
    state: VisitState
    action: DriverAction | None
    running_load_kg: float
    """As driven so far; from the first open visit on, as it will be if all goes to plan."""
    tip_first: bool
    """What lies here would take the truck over its payload."""


@dataclass(frozen=True)
class Progress:
    """A route in the field."""

    visits: list[VisitNow]
    extras: list[DriverAction]
    """Reports of places that the plan does not send this truck to."""
    on_board_kg: float
    state: RouteState
    last: DriverAction | None
    lateness_s: int | None = None
    """Behind the plan (below 0: ahead of it); None before anything was to happen."""
    pickups: dict[VisitState, int] = field(default_factory=dict)

    def find_next(self, *kinds: VisitKind) -> VisitNow | None:
        """The first open visit of these kinds."""
        return next((one for one in self.visits if one.state is VisitState.OPEN and one.visit.kind in kinds), None)

    @property
    def tip_now(self) -> bool:
        """Whether the truck has to unload before the next container fits on board."""
        following = self.find_next(VisitKind.PICKUP, VisitKind.UNLOAD)
        return following is not None and following.tip_first


A_DAYS_WORK = timedelta(hours=16)

SETTLES = {
    ActionKind.STARTED: VisitKind.DEPART,
    ActionKind.UNLOADED: VisitKind.UNLOAD,
    ActionKind.BREAK_TAKEN: VisitKind.BREAK,
    ActionKind.FINISHED: VisitKind.RETURN,
    ActionKind.COLLECTED: VisitKind.PICKUP,
    ActionKind.SKIPPED: VisitKind.PICKUP,
}


def follow(visits: Sequence[RouteVisit], actions: Sequence[DriverAction], *, payload_kg: int, now: datetime) -> Progress:
    """The route's visits, in order, and its crew's reports, in order of time, put together."""
    settled, extras = _settle(visits, actions)
    begun_kg = _load_before(visits)
    loads = _loads(actions, begun_kg, {visit.container_id: visit for visit in visits if visit.container_id is not None})
    visits_now = list(_visits_now(visits, settled, loads, begun_kg, payload_kg))
    state = _route_state(actions)
    return Progress(
        visits=visits_now,
        extras=extras,
        on_board_kg=loads[-1][1] if loads else begun_kg,
        state=state,
        last=actions[-1] if actions else None,
        lateness_s=_lateness_s(visits_now, now, finished=state is RouteState.FINISHED),
        pickups={state: _count(visits_now, state) for state in VisitState},
    )


def _settle(visits: Sequence[RouteVisit], actions: Sequence[DriverAction]) -> tuple[dict[int, DriverAction], list[DriverAction]]:
    """Which report settles which visit. A container that was emptied is done, whatever was said of it before or after."""
    places: dict[tuple[VisitKind, int | None], list[int]] = defaultdict(list)
    for visit in visits:
        places[visit.kind, visit.container_id or visit.facility_id].append(visit.sequence)
    settled: dict[int, DriverAction] = {}
    extras = []
    for action in actions:
        here = places.get((SETTLES[action.kind], action.container_id or action.facility_id), [])
        fitting = next((sequence for sequence in here if _settles(action, settled.get(sequence))), None)
        if fitting is not None:
            settled[fitting] = action
        elif not here and (action.container_id or action.facility_id):
            extras.append(action)
    return settled, extras


def _settles(action: DriverAction, before: DriverAction | None) -> bool:
    return before is None or (action.kind is ActionKind.COLLECTED and before.kind is ActionKind.SKIPPED)


def _state(action: DriverAction | None) -> VisitState:
    if action is None:
        return VisitState.OPEN
    return VisitState.SKIPPED if action.kind is ActionKind.SKIPPED else VisitState.DONE


def _load_before(visits: Sequence[RouteVisit]) -> float:
    """What is on board where the route begins: nothing at the depot, something where it is the rest of a day under way."""
    first = next(iter(visits), None)
    if first is None or first.kind is VisitKind.DEPART:
        return 0.0
    if first.kind is VisitKind.UNLOAD:
        return first.expected_kg
    return first.load_after_kg - (first.expected_kg if first.kind is VisitKind.PICKUP else 0)


def _loads(actions: Sequence[DriverAction], begun_kg: float, planned: dict[int, RouteVisit]) -> list[tuple[DriverAction, float]]:
    """The load on board after each report: what was weighed, else what was expected; unloading empties the body."""
    loads, load_kg = [], begun_kg
    counted: set[int] = set()
    for action in actions:
        if action.kind is ActionKind.UNLOADED:
            load_kg = 0.0
        elif action.kind is ActionKind.COLLECTED and action.container_id not in counted and action.container_id is not None:
            counted.add(action.container_id)
            visit = planned.get(action.container_id)
            expected_kg = visit.expected_kg if visit else 0
            load_kg += expected_kg if action.weight_kg is None else action.weight_kg
        loads.append((action, load_kg))
    return loads


def _visits_now(
    visits: Sequence[RouteVisit],
    settled: dict[int, DriverAction],
    loads: list[tuple[DriverAction, float]],
    begun_kg: float,
    payload_kg: int,
) -> Iterator[VisitNow]:
    """Each visit with the load after it: as it was, then as it will be from what is on board now."""
    after = {action.client_uid: load_kg for action, load_kg in loads}
    load_kg = loads[-1][1] if loads else begun_kg
    for visit in visits:
        action = settled.get(visit.sequence)
        if action is not None:
            yield VisitNow(visit, _state(action), action, after[action.client_uid], tip_first=False)
            continue
        load_kg = 0.0 if visit.kind is VisitKind.UNLOAD else load_kg + (visit.expected_kg if visit.kind is VisitKind.PICKUP else 0)
        yield VisitNow(visit, VisitState.OPEN, None, load_kg, tip_first=visit.kind is VisitKind.PICKUP and load_kg > payload_kg)


def _route_state(actions: Sequence[DriverAction]) -> RouteState:
    if any(action.kind is ActionKind.FINISHED for action in actions):
        return RouteState.FINISHED
    return RouteState.UNDER_WAY if actions else RouteState.WAITING


def _lateness_s(visits: Sequence[VisitNow], now: datetime, *, finished: bool) -> int | None:
    """Of the last settled visit, or of the next one if that should have happened by now and is later still."""
    told = [(one.action.occurred_at, one.visit.arrives_at) for one in visits if one.action is not None]
    behind = [at - planned for at, planned in [max(told)]] if told else []
    due = next((one for one in visits if one.state is VisitState.OPEN), None)
    # a route of yesterday that nobody finished is not a day late: nobody is driving it
    if due is not None and not finished and timedelta() < now - due.visit.arrives_at < A_DAYS_WORK:
        behind.append(now - due.visit.arrives_at)
    return round(max(behind).total_seconds()) if behind else None


def _count(visits: Sequence[VisitNow], state: VisitState) -> int:
    return sum(one.visit.kind is VisitKind.PICKUP and one.state is state for one in visits)
