"""What reports make of a route's visits."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.dispatch.models import ActionKind, DriverAction, SkipReason
from app.dispatch.progress import Progress, RouteState, VisitState, follow
from app.planning.models import RouteVisit, VisitKind
from tests.factories.dispatch import STARTS_AT

NOON = STARTS_AT + timedelta(hours=6)


def visit(sequence: int, kind: VisitKind, **values: Any) -> RouteVisit:
    """A quarter of an hour after the one before."""
    return RouteVisit(sequence=sequence, kind=kind, arrives_at=STARTS_AT + timedelta(minutes=15 * sequence), **{"expected_kg": 0} | values)


ROUTE = [
    visit(0, VisitKind.DEPART),
    visit(1, VisitKind.PICKUP, container_id=1, expected_kg=100),
    visit(2, VisitKind.UNLOAD, facility_id=9),
    visit(3, VisitKind.BREAK),
    visit(4, VisitKind.PICKUP, container_id=2, expected_kg=100),
    visit(5, VisitKind.UNLOAD, facility_id=9),
    visit(6, VisitKind.RETURN),
]


def action(minute: int, kind: ActionKind, **values: Any) -> DriverAction:
    return DriverAction(client_uid=UUID(int=minute), kind=kind, occurred_at=STARTS_AT + timedelta(minutes=minute), **values)


def after(*actions: DriverAction, now: datetime = NOON) -> Progress:
    return follow(ROUTE, actions, payload_kg=150, now=now)


def collected(minute: int, container_id: int, **values: Any) -> DriverAction:
    return action(minute, ActionKind.COLLECTED, container_id=container_id, **values)


def skipped(minute: int, container_id: int) -> DriverAction:
    return action(minute, ActionKind.SKIPPED, container_id=container_id, skip_reason=SkipReason.ROADWORKS)


def unloaded(minute: int, facility_id: int = 9) -> DriverAction:
    return action(minute, ActionKind.UNLOADED, facility_id=facility_id)


def open_visits(progress: Progress) -> list[int]:
    return [one.visit.sequence for one in progress.visits if one.state is VisitState.OPEN]


def test_nothing_reported_is_waiting_with_the_planned_load():
    progress = after(now=STARTS_AT)
    assert (progress.state, progress.lateness_s, progress.on_board_kg) == (RouteState.WAITING, None, 0)
    assert [one.running_load_kg for one in progress.visits] == [0, 100, 0, 0, 100, 0, 0]


def test_two_unloads_at_one_facility_settle_in_order():
    assert open_visits(after(unloaded(30))) == [0, 1, 3, 4, 5, 6]
    assert open_visits(after(unloaded(30), unloaded(80))) == [0, 1, 3, 4, 6]


def test_breaks_starts_and_ends_settle_their_visits():
    progress = after(action(0, ActionKind.STARTED), action(40, ActionKind.BREAK_TAKEN), action(95, ActionKind.FINISHED))
    assert open_visits(progress) == [1, 2, 4, 5]
    assert progress.state is RouteState.FINISHED


@pytest.mark.parametrize("order", [lambda: [skipped(10, 1), collected(20, 1)], lambda: [collected(10, 1), skipped(20, 1)]])
def test_a_container_that_was_emptied_is_done_whatever_else_was_said(order: Callable[[], list[DriverAction]]):
    assert after(*order()).pickups == {VisitState.OPEN: 1, VisitState.DONE: 1, VisitState.SKIPPED: 0}


def test_a_load_that_was_not_tipped_makes_the_next_pickup_too_much():
    """100 kg on board, the first unload passed by: another 100 kg are over 150. After unloading there is room again."""
    passed_by = after(collected(15, 1), action(40, ActionKind.BREAK_TAKEN))
    assert (passed_by.on_board_kg, passed_by.tip_now) == (100, False)
    heavier = after(collected(15, 7), collected(16, 1, weight_kg=160.0))
    assert (heavier.on_board_kg, heavier.tip_now) == (160, False)
    assert after(unloaded(5), collected(15, 2, weight_kg=80.0)).tip_now is True
    assert after(collected(15, 2, weight_kg=80.0), unloaded(16)).tip_now is False


def test_places_that_are_not_on_the_plan_are_extras():
    progress = after(collected(15, 7), unloaded(20, facility_id=8))
    assert [one.client_uid.int for one in progress.extras] == [15, 20]
    assert progress.on_board_kg == 0


@pytest.mark.parametrize(
    ("minute", "now_minute", "lateness_min"),
    [(20, 25, 5), (10, 12, -5), (20, 60, 30), (20, 60 * 24 * 3, 5)],
)
def test_lateness_is_of_the_last_report_or_of_what_should_have_happened_since(minute: int, now_minute: int, lateness_min: int):
    """The first pickup was planned at minute 15, the unload after it at minute 30. Days later nobody is late any more."""
    driven = [action(0, ActionKind.STARTED), collected(minute, 1)]
    assert after(*driven, now=STARTS_AT + timedelta(minutes=now_minute)).lateness_s == 60 * lateness_min
