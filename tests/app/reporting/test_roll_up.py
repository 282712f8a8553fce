"""Which day, zone and class a raw row counts for, and that nothing is lost or counted twice."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, update

from app.assets.waste_classes import WasteClass
from app.db import TenantSession
from app.dispatch.models import ActionKind
from app.planning.models import RouteVisit, VisitKind
from app.reporting.models import AreaDay, RouteDay
from app.reporting.operations import roll_up, roll_up_due
from app.reporting.queries import By, Slice, sum_up
from app.telemetry.models import LiftSource
from app.tenancy.scope import rows_of
from tests.factories import assets as make_assets
from tests.factories import plans as make_plans
from tests.factories import reporting as make
from tests.factories.plans import MONDAY, SIX

TUESDAY = date(2026, 11, 24)
HOUR = timedelta(hours=1)


def sums(session: TenantSession, first: date = MONDAY, last: date | None = None, **part: Any) -> Any:
    """Roll up the days, and add up their slice."""
    last = last or first
    for day in range((last - first).days + 1):
        roll_up(session, first + timedelta(days=day))
    return sum_up(session, Slice(first, last, **part))[0].sums


def rows(session: TenantSession, model: type[AreaDay | RouteDay]) -> list[dict[str, Any]]:
    """All rows of a roll-up without what is new in each: its number and time."""
    leave = {"id", "updated_at"}
    found = session.execute(rows_of(session, model).with_only_columns(*(c for c in model.__table__.c if c.name not in leave)))
    return sorted((dict(row._mapping) for row in found), key=str)


def test_a_lift_late_in_the_evening_counts_on_the_local_day(session: TenantSession):
    """23:30 in Berlin is 22:30 UTC; half an hour after midnight there, Monday is over though UTC still says Monday."""
    box = make_assets.container(session)
    make.lift(session, box, datetime(2026, 11, 23, 22, 30, tzinfo=UTC))
    make.lift(session, box, datetime(2026, 11, 23, 23, 30, tzinfo=UTC))
    assert (sums(session, MONDAY).lifts, sums(session, TUESDAY).lifts) == (1, 1)


def test_a_route_past_midnight_shares_its_distance_over_both_days(session: TenantSession):
    """Three of four visits on Monday: 9 of 12 km."""
    boxes = [make_assets.container(session) for _ in range(4)]
    route = make_plans.route(session, make_plans.plan(session), container_ids=[box.id for box in boxes])
    make.run(session, route)
    for box in boxes[:3]:
        make.collected(session, route, box, SIX)
    make.skipped(session, route, boxes[3], datetime(2026, 11, 24, 0, 30, tzinfo=UTC))
    assert sums(session, MONDAY).driven_m == pytest.approx(9_000)
    assert sums(session, TUESDAY).driven_m == pytest.approx(3_000)
    assert sums(session, MONDAY, TUESDAY).driven_m == pytest.approx(12_000)


def test_a_route_that_visited_nobody_keeps_its_distance(session: TenantSession):
    route = make_plans.route(session, make_plans.plan(session), container_ids=[make_assets.container(session).id])
    make.run(session, route, driven_m=4_000)
    make.action(session, route, ActionKind.FINISHED, SIX)
    assert sums(session).driven_m == 4_000
    assert sums(session, waste_class=WasteClass.RESIDUAL).driven_m == 0


def test_a_route_that_nobody_reported_of_was_not_driven(session: TenantSession):
    make_plans.route(session, make_plans.plan(session), container_ids=[make_assets.container(session).id])
    assert sums(session).driven_m == 0


def test_of_a_route_that_a_new_plan_replaced_on_the_way_only_what_was_driven_counts(session: TenantSession):
    """Legs of 1 km: two of four stops reported, and the depot before them; then the rest of the day, 4 km, under a new plan."""
    boxes = [make_assets.container(session) for _ in range(4)]
    truck = make_assets.vehicle(session)
    old = make_plans.route(session, make_plans.plan(session, status="superseded"), vehicle=truck, container_ids=[box.id for box in boxes])
    make.collected(session, old, boxes[0], SIX)
    make.skipped(session, old, boxes[1], SIX + HOUR / 6)
    new = make_plans.route(session, make_plans.plan(session), vehicle=truck, container_ids=[box.id for box in boxes[2:]], distance_m=4_000)
    for box in boxes[2:]:
        make.collected(session, new, box, SIX + HOUR)
    assert sums(session).driven_m == 3_000 + 4_000
    # 06:00 to 06:22, when the second stop is left, and an hour
    assert sums(session).duty_s == 22 * 60 + 3_600


def test_a_route_that_was_over_when_a_new_plan_came_counts_in_full(session: TenantSession):
    box = make_assets.container(session)
    route = make_plans.route(session, make_plans.plan(session, status="superseded"), container_ids=[box.id])
    make.run(session, route, driven_m=None)
    make.collected(session, route, box, SIX)
    assert sums(session).driven_m == 9_000


def test_of_two_unloads_at_one_facility_the_one_that_was_reported_counts(session: TenantSession):
    """Box, unload, box, unload, 1 km each: replaced after the first unload."""
    boxes = [make_assets.container(session) for _ in range(2)]
    gate = make_assets.facility(session).id
    route = make_plans.route(session, make_plans.plan(session, status="superseded"))
    session.execute(delete(RouteVisit).where(RouteVisit.route_id == route.id))
    places = [{"container_id": boxes[0].id}, {"facility_id": gate}, {"container_id": boxes[1].id}, {"facility_id": gate}]
    for number, place in enumerate(places, 1):
        kind = VisitKind.PICKUP if "container_id" in place else VisitKind.UNLOAD
        session.add(make_plans.visit(route, number, kind, arrives_at=SIX, departs_at=SIX, **place))
    make.collected(session, route, boxes[0], SIX)
    make.action(session, route, ActionKind.UNLOADED, SIX, facility_id=gate)
    assert sums(session).driven_m == 2_000


def test_without_an_odometer_the_planned_distance_counts(session: TenantSession):
    route = make_plans.route(session, make_plans.plan(session), distance_m=7_000)
    make.run(session, route, driven_m=None)
    assert sums(session).driven_m == 7_000


def test_only_the_planned_way_between_stops_is_on_route(session: TenantSession):
    """Depart, three pickups, return, a kilometre each: 2 of 9 planned km lie between stops, and 12 were driven. Between them two legs of
    120 s and three stays of 120 s: 600 of 3,600 planned seconds, and the crew took 7,200."""
    boxes = [make_assets.container(session) for _ in range(3)]
    route = make_plans.route(session, make_plans.plan(session), container_ids=[box.id for box in boxes], distance_m=9_000)
    make.run(session, route)
    make.collected(session, route, boxes[0], SIX)
    found = sums(session)
    assert found.on_route_m == pytest.approx(12_000 * 2 / 9, abs=1)
    assert found.on_route_s == 1_200
    assert found.duty_s == 7_200


def test_a_container_skipped_and_collected_later_is_one_visit_with_a_lift(session: TenantSession):
    box = make_assets.container(session)
    route = make_plans.route(session, make_plans.plan(session), container_ids=[box.id])
    make.skipped(session, route, box, SIX)
    make.collected(session, route, box, SIX + HOUR)
    assert (sums(session).lifts, sums(session).skips) == (1, 0)


def test_a_lift_that_a_reader_knew_first_still_belongs_to_the_route(session: TenantSession):
    """The lift carries the reader's number, not the driver's; time and container say that it is the same."""
    box = make_assets.container(session)
    route = make_plans.route(session, make_plans.plan(session), container_ids=[box.id])
    make.lift(session, box, SIX + timedelta(minutes=3), source=LiftSource.LIFT_READER, fill_before_pct=50.0)
    make.action(session, route, ActionKind.COLLECTED, SIX, container_id=box.id)
    found = sums(session)
    assert (found.lifts, found.hauled_lifts) == (1, 1)


def test_a_ticket_is_shared_over_the_lifts_by_expected_weight(session: TenantSession):
    """60 % and 20 % of 1,100 l, and 600 kg on the scale: 450 and 150."""
    north, south = make_assets.zone(session), make_assets.zone(session)
    boxes = [make_assets.container(session, site_id=make_assets.site(session, zone_id=zone.id).id) for zone in (north, south)]
    route = make_plans.route(session, make_plans.plan(session), container_ids=[box.id for box in boxes])
    make.collected(session, route, boxes[0], SIX, fill_pct=60)
    make.collected(session, route, boxes[1], SIX, fill_pct=20)
    make.ticket(session, route, 600)
    assert sums(session, zone_id=north.id).collected_kg == pytest.approx(450)
    assert sums(session, zone_id=south.id).collected_kg == pytest.approx(150)


def test_a_ticket_that_names_a_class_is_shared_over_that_class(session: TenantSession):
    """The glass weighed 200 kg; nothing was weighed of the paper, 50 % of 1,100 l at 200 kg/m³."""
    boxes = {kind: make_assets.container(session, waste_class=kind) for kind in (WasteClass.GLASS, WasteClass.PAPER)}
    route = make_plans.route(session, make_plans.plan(session), container_ids=[box.id for box in boxes.values()])
    for box in boxes.values():
        make.collected(session, route, box, SIX, fill_pct=50)
    make.ticket(session, route, 200, waste_class=WasteClass.GLASS)
    assert sums(session, waste_class=WasteClass.GLASS).collected_kg == pytest.approx(200)
    assert sums(session, waste_class=WasteClass.PAPER).collected_kg == pytest.approx(110)


@pytest.mark.parametrize(
    ("known", "litres"), [({"fill_pct": 40.0}, 440), ({"fill_pct": None, "expected_fill_pct": 80.0}, 880), ({"fill_pct": None}, 550)]
)
def test_the_fill_is_as_measured_else_as_planned_else_half(session: TenantSession, known: dict[str, Any], litres: float):
    box = make_assets.container(session)
    route = make_plans.route(session, make_plans.plan(session))
    planned = {"container_id": box.id, "arrives_at": SIX, "departs_at": SIX, "expected_fill_pct": known.get("expected_fill_pct")}
    session.add(make_plans.visit(route, 7, VisitKind.PICKUP, **planned))
    make.collected(session, route, box, SIX, fill_pct=known["fill_pct"])
    assert sums(session).collected_l == pytest.approx(litres)


OVER = [
    ([80, 95, 99, 96], 0, 0),
    ([80, 101, 104, 20], 1, 1),
    ([99, 101, 99, 101], 1, 1),  # noise around the mark
    ([101, 89, 101, 20], 2, 1),
    ([120, 20, 20, 20], 1, 1),  # nothing is known from before
]


@pytest.mark.parametrize(("fills_pct", "onsets", "days"), OVER)
def test_an_episode_lasts_from_the_full_mark_until_below_90(session: TenantSession, fills_pct: list[float], onsets: int, days: int):
    make.readings(session, make_assets.container(session), SIX, fills_pct)
    found = sums(session)
    assert (found.overflow_onsets, found.overflow_days, found.measured_days) == (onsets, days, 1)


def test_an_episode_over_two_days_begins_once(session: TenantSession):
    make.readings(session, make_assets.container(session), SIX, [101.0] * 12)
    found = sums(session, MONDAY, TUESDAY + timedelta(days=1))
    assert (found.overflow_onsets, found.overflow_days) == (1, 3)


def test_readings_that_are_not_to_be_trusted_do_not_count(session: TenantSession):
    make.readings(session, make_assets.container(session), SIX, [130.0, 130.0], quality=1)
    found = sums(session)
    assert (found.overflow_onsets, found.measured_days) == (0, 0)


def test_rolling_up_again_changes_nothing(session: TenantSession):
    boxes = [make_assets.container(session) for _ in range(2)]
    route = make_plans.route(session, make_plans.plan(session), container_ids=[box.id for box in boxes])
    make.run(session, route)
    make.collected(session, route, boxes[0], SIX)
    make.readings(session, boxes[1], SIX, [50, 101])
    roll_up(session, MONDAY)
    once = rows(session, AreaDay), rows(session, RouteDay)
    roll_up(session, MONDAY)
    roll_up_due(session, MONDAY, until=MONDAY)
    assert (rows(session, AreaDay), rows(session, RouteDay)) == once
    assert once[1] != []


def test_only_what_is_due_is_rolled_up(session: TenantSession):
    """A day that has been rolled up is left alone until something is told of it."""
    box = make_assets.container(session)
    days = [MONDAY - timedelta(days=n) for n in (2, 1, 0)]
    assert roll_up_due(session, days[0], until=MONDAY) == days
    assert roll_up_due(session, days[0], until=MONDAY) == []
    make.lift(session, box, SIX - timedelta(days=1))
    assert roll_up_due(session, days[0], until=MONDAY) == [days[1]]


def test_late_news_of_a_route_rolls_up_all_its_days(session: TenantSession):
    """One visit on Monday had all 12 km; when Tuesday's comes in late, Monday has to give half away."""
    boxes = [make_assets.container(session) for _ in range(2)]
    route = make_plans.route(session, make_plans.plan(session), container_ids=[box.id for box in boxes])
    make.run(session, route)
    make.collected(session, route, boxes[0], SIX)
    roll_up_due(session, MONDAY, until=TUESDAY)
    _pretend_it_was_yesterday(session)
    make.collected(session, route, boxes[1], SIX + 20 * HOUR)
    assert roll_up_due(session, MONDAY, until=TUESDAY) == [MONDAY, TUESDAY]
    assert [g.sums.driven_m for g in sum_up(session, Slice(MONDAY, TUESDAY), by=By.DAY)] == [6_000, 6_000]


def _pretend_it_was_yesterday(session: TenantSession) -> None:
    session.execute(update(AreaDay).values(updated_at=func.now() - timedelta(days=1)))
