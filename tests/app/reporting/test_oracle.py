"""Each figure beside a plain count over the raw rows of a made week, whole and in slices."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import event

from app.assets.models import Container, Site, Vehicle, Zone
from app.assets.waste_classes import WasteClass
from app.db import TenantSession
from app.dispatch.models import ActionKind, DriverAction, RouteRun, WeighTicket
from app.planning.models import Plan, PlanStatus, Route, RouteVisit, VisitKind
from app.reporting.figures import KPIS
from app.reporting.operations import roll_up_due
from app.reporting.queries import By, Slice, kpis, skips_by_reason
from app.telemetry.models import Lift, Measurement
from app.tenancy.scope import rows_of
from tests.factories import assets as make_assets
from tests.factories import plans as make_plans
from tests.factories import reporting as make
from tests.factories.plans import MONDAY, SIX

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = [MONDAY + timedelta(days=n) for n in range(4)]
KG_M3 = {WasteClass.RESIDUAL: 130, WasteClass.PAPER: 200}
PRESSED_KG_M3 = {WasteClass.RESIDUAL: 450, WasteClass.PAPER: 400}


@pytest.fixture
def week(session: TenantSession) -> TenantSession:
    """Twelve containers of two classes in two zones and in none; two trucks on four days; gaps in every kind of row."""
    rng = np.random.default_rng(7)
    zones = [make_assets.zone(session).id, make_assets.zone(session).id, None]
    boxes = [
        make_assets.container(session, site_id=make_assets.site(session, zone_id=zones[i % 3]).id, waste_class=list(KG_M3)[i % 2])
        for i in range(12)
    ]
    trucks = [make_assets.vehicle(session), make_assets.vehicle(session, compacts=False, payload_kg=3_000)]
    for n, day in enumerate(DAYS):
        plan = make_plans.plan(session, day)
        for truck in trucks:
            _drive(session, rng, plan, truck, [boxes[i] for i in rng.permutation(12)[:5]], timedelta(days=n))
    _break_off(session, trucks, boxes, timedelta(days=1))
    make.lift(session, boxes[0], SIX + timedelta(hours=40), fill_before_pct=None)
    for box in boxes[:9]:
        fills = np.cumsum(rng.uniform(0, 14, 24)) + rng.uniform(0, 60)
        make.readings(session, box, SIX - timedelta(hours=6), [float(fill) for fill in np.where(fills > 115, fills - 90, fills)])
    roll_up_due(session, DAYS[0], until=DAYS[-1])
    return session


def _drive(session: TenantSession, rng: Any, plan: Plan, truck: Vehicle, boxes: list[Container], later: timedelta) -> None:
    route = make_plans.route(session, plan, vehicle=truck, container_ids=[box.id for box in boxes])
    if rng.random() < 0.8:
        make.run(session, route, hours=float(rng.uniform(2, 6)), driven_m=int(rng.integers(8_000, 30_000)))
    for i, box in enumerate(boxes):
        at = SIX + later + timedelta(minutes=30 * i)
        if rng.random() < 0.25:
            make.skipped(session, route, box, at, reason=str(rng.choice(["gate_locked", "roadworks"])))
        else:
            fill = None if rng.random() < 0.2 else float(np.float32(rng.uniform(10, 120)))
            make.collected(session, route, box, at, fill_pct=fill)
    if rng.random() < 0.7:
        make.ticket(session, route, float(rng.integers(200, 900)))
        make.ticket(session, route, float(rng.integers(200, 900)))


def _break_off(session: TenantSession, trucks: list[Vehicle], boxes: list[Container], later: timedelta) -> None:
    """Plans that were replaced while trucks were out: after two of five stops, and before the first."""
    for status, truck, done in ((PlanStatus.SUPERSEDED, trucks[0], 2), (PlanStatus.WITHDRAWN, trucks[1], 0)):
        route = make_plans.route(
            session, make_plans.plan(session, DAYS[1], status=status), vehicle=truck, container_ids=[box.id for box in boxes[:5]]
        )
        make.action(session, route, ActionKind.STARTED, SIX + later + timedelta(hours=8))
        session.add(RouteRun(route_id=route.id, started_at=SIX + later + timedelta(hours=8)))
        for i, box in enumerate(boxes[:done]):
            make.collected(session, route, box, SIX + later + timedelta(hours=9 + i))


@dataclass
class Raw:
    """All raw rows, in memory; `total` adds up what `keep(day, zone, class, vehicle)` lets through."""

    session: TenantSession
    keep: Callable[[date, int | None, WasteClass | None, int | None], bool]
    total: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        self.boxes, self.sites = self._by_id(Container), self._by_id(Site)
        self.trucks, self.routes, self.plans = self._by_id(Vehicle), self._by_id(Route), self._by_id(Plan)
        self.runs = {run.route_id: run for run in self._all(RouteRun)}
        self.tickets, self.visits = self._all(WeighTicket), self._all(RouteVisit)
        self.called = [a for a in self._all(DriverAction) if a.kind in (ActionKind.COLLECTED, ActionKind.SKIPPED)]
        self.lifts_of: dict[int | None, list[Lift]] = defaultdict(list)
        route_of = {action.client_uid: action.route_id for action in self.called}
        for lift in self._all(Lift):
            self.lifts_of[route_of.get(lift.client_uid)].append(lift)

    def _all(self, model: Any) -> list[Any]:
        return list(self.session.scalars(rows_of(self.session, model)))

    def _by_id(self, model: Any) -> dict[int, Any]:
        return {row.id: row for row in self._all(model)}

    def count(self) -> dict[str, float]:
        for route_id in [None, *self.routes]:
            self._count_lifts(route_id)
        for route in self.routes.values():
            self._count_driving(route)
            self._count_loads(route)
        for box_id in self.boxes:
            self._count_overflow(box_id)
        return self.total

    def _kept(self, at: datetime, box_id: int, route_id: int | None = None) -> bool:
        box = self.boxes[box_id]
        vehicle_id = None if route_id is None else self.routes[route_id].vehicle_id
        return self.keep(local_day(at), self.sites[box.site_id].zone_id, box.waste_class, vehicle_id)

    def _litres(self, lift: Lift) -> float:
        fill_pct = 50 if lift.fill_before_pct is None else lift.fill_before_pct
        return float(self.boxes[lift.container_id].volume_l * fill_pct / 100)

    def _expected_kg(self, lift: Lift) -> float:
        return self._litres(lift) / 1000 * KG_M3[self.boxes[lift.container_id].waste_class]

    def _kg(self, lift: Lift, route_id: int | None) -> float:
        weighed = sum(t.net_kg for t in self.tickets if route_id is not None and t.route_id == route_id)
        expected = sum(self._expected_kg(other) for other in self.lifts_of[route_id])
        return self._expected_kg(lift) * (weighed / expected if weighed else 1)

    def _count_lifts(self, route_id: int | None) -> None:
        for lift in self.lifts_of[route_id]:
            if self._kept(lift.lifted_at, lift.container_id, route_id):
                counts = {"lifts": 1.0, "litres": self._litres(lift), "kg": self._kg(lift, route_id)}
                if route_id is not None:
                    counts |= {"hauled": 1, "hauled_l": counts["litres"], "hauled_kg": counts["kg"]}
                if lift.fill_before_pct is not None:
                    excess_pct = max(0, lift.fill_before_pct - 100)
                    counts |= {"known": 1, "fills": lift.fill_before_pct}
                    counts["excess"] = excess_pct / 100 * self.boxes[lift.container_id].volume_l
                self._add(counts)

    def _count_driving(self, route: Route) -> None:
        run, truck = self.runs.get(route.id), self.trucks[route.vehicle_id]
        way = sorted((visit for visit in self.visits if visit.route_id == route.id), key=lambda visit: visit.sequence)
        planned_m, ends_at, service_s = route.distance_m, route.ends_at, route.service_s
        if self.plans[route.plan_id].status in (PlanStatus.SUPERSEDED, PlanStatus.WITHDRAWN):
            told = {action.container_id for action in self.called if action.route_id == route.id}
            way = way[: max((number for number, visit in enumerate(way, 1) if visit.container_id in told), default=0)]
            planned_m, ends_at = sum(visit.leg_distance_m for visit in way), way[-1].departs_at if way else route.starts_at
            service_s = sum((visit.departs_at - visit.arrives_at).total_seconds() for visit in way)
            run = None
        planned_s = (ends_at - route.starts_at).total_seconds()
        metres = run.driven_m if run else planned_m
        seconds = (run.finished_at - run.started_at).total_seconds() if run else planned_s
        between = [b for a, b in pairwise(way) if a.kind is b.kind is VisitKind.PICKUP]
        stays_s = sum((v.departs_at - v.arrives_at).total_seconds() for v in way if v.kind is VisitKind.PICKUP)
        prices = [float(truck.cost_per_day), float(truck.cost_per_h), float(truck.cost_per_km)]
        factors = [truck.co2e_kg_per_km, truck.co2e_kg_per_lift, truck.co2e_kg_per_idle_h]
        counts = {
            "m": metres,
            "on_m": metres * sum(v.leg_distance_m for v in between) / planned_m if planned_m else 0,
            "s": seconds,
            "on_s": seconds * (sum(v.leg_drive_s for v in between) + stays_s) / planned_s if planned_s else 0,
            "cost": np.dot(prices, [1 / self._routes_that_day(route), seconds / 3600, metres / 1000]),
            "co2e": np.dot(factors, [metres / 1000, len(self.lifts_of[route.id]), service_s / 3600]),
        }
        self._add(counts, self._share(route))
        skipped = [a for a in self.called if a.route_id == route.id and a.kind is ActionKind.SKIPPED]
        self._add({"skips": sum(self._kept(a.occurred_at, a.container_id, route.id) for a in skipped)})

    def _routes_that_day(self, route: Route) -> int:
        days = [self.plans[one.plan_id].service_date for one in self.routes.values() if one.vehicle_id == route.vehicle_id]
        return days.count(self.plans[route.plan_id].service_date)

    def _count_loads(self, route: Route) -> None:
        truck, unloads = self.trucks[route.vehicle_id], sum(ticket.route_id == route.id for ticket in self.tickets)
        self._add({"may_kg": unloads * truck.payload_kg, "may_l": unloads * truck.body_volume_l}, self._share(route))
        for lift in self.lifts_of[route.id] if unloads else []:
            kind = self.boxes[lift.container_id].waste_class
            pressed_kg_m3 = PRESSED_KG_M3[kind] if truck.compacts else KG_M3[kind]
            pressed_l = self._litres(lift) * KG_M3[kind] / pressed_kg_m3
            self._add({"un_kg": self._kg(lift, route.id), "un_l": pressed_l}, self._share(route))

    def _share(self, route: Route) -> float:
        called = [a for a in self.called if a.route_id == route.id]
        if not called:
            return float(self.keep(self.plans[route.plan_id].service_date, None, None, route.vehicle_id))
        return sum(self._kept(a.occurred_at, a.container_id, route.id) for a in called) / len(called)

    def _count_overflow(self, box_id: int) -> None:
        over, last_over = False, datetime.min.replace(tzinfo=BERLIN)
        own = [m for m in self._all(Measurement) if m.container_id == box_id and self._kept(m.observed_at, box_id)]
        for reading in sorted((m for m in self._all(Measurement) if m.container_id == box_id), key=lambda m: m.observed_at):
            if reading.fill_pct >= 100:
                begins = not over or reading.observed_at - last_over > timedelta(days=3)
                self._add({"onsets": begins and reading in own})
                over, last_over = True, reading.observed_at
            over = over and reading.fill_pct >= 90
        heard = {local_day(m.observed_at) for m in own}
        full = {local_day(m.observed_at) for m in own if m.fill_pct >= 100}
        self._add({"heard": len(heard), "full": len(full)})

    def _add(self, counts: Mapping[str, float], share: float = 1.0) -> None:
        for name, value in counts.items():
            self.total[name] += share * value


def local_day(at: datetime) -> date:
    return at.astimezone(BERLIN).date()


FORMULAS: dict[str, Callable[[dict[str, float]], float]] = {
    "collections_in_period": lambda t: t["lifts"],
    "visits_without_lift": lambda t: t["skips"],
    "average_fill_at_collection": lambda t: t["fills"] / t["known"],
    "overflow_frequency": lambda t: 30 * t["onsets"] / t["heard"],
    "overflow_share": lambda t: 100 * t["full"] / t["heard"],
    "service_level_containers": lambda t: 100 - 100 * t["full"] / t["heard"],
    "excess_volume": lambda t: t["excess"],
    "collected_volume": lambda t: t["litres"] / 1000,
    "collected_weight": lambda t: t["kg"] / 1000,
    "total_distance": lambda t: t["m"] / 1000,
    "on_route_distance": lambda t: t["on_m"] / 1000,
    "crew_hours": lambda t: t["s"] / 3600,
    "distance_per_volume": lambda t: (t["m"] / 1000) / (t["hauled_l"] / 1000),
    "distance_per_weight": lambda t: (t["m"] / 1000) / (t["hauled_kg"] / 1000),
    "volume_per_km": lambda t: t["hauled_l"] / (t["m"] / 1000),
    "volume_per_on_route_km": lambda t: t["hauled_l"] / (t["on_m"] / 1000),
    "weight_per_km": lambda t: t["hauled_kg"] / (t["m"] / 1000),
    "weight_per_on_route_km": lambda t: t["hauled_kg"] / (t["on_m"] / 1000),
    "weight_per_hour": lambda t: t["hauled_kg"] / (t["s"] / 3600),
    "weight_per_on_route_hour": lambda t: t["hauled_kg"] / (t["on_s"] / 3600),
    "volume_per_hour": lambda t: t["hauled_l"] / (t["s"] / 3600),
    "volume_per_on_route_hour": lambda t: t["hauled_l"] / (t["on_s"] / 3600),
    "weight_utilisation": lambda t: 100 * t["un_kg"] / t["may_kg"],
    "volume_utilisation": lambda t: 100 * t["un_l"] / t["may_l"],
    "cost_per_tonne": lambda t: t["cost"] / (t["hauled_kg"] / 1000),
    "cost_per_lift": lambda t: t["cost"] / t["hauled"],
    "emissions_per_tonne": lambda t: t["co2e"] / (t["hauled_kg"] / 1000),
}


def or_none(formula: Callable[[dict[str, float]], float], counted: dict[str, float]) -> float | None:
    try:
        return formula(counted)
    except ZeroDivisionError:
        return None


def test_every_figure_has_its_oracle():
    assert FORMULAS.keys() == KPIS.keys()


PARTS: dict[str, Callable[[TenantSession], dict[str, Any]]] = {
    "all": lambda session: {},
    "zone": lambda session: {"zone_id": session.scalars(rows_of(session, Zone).order_by(Zone.id)).first().id},
    "class": lambda session: {"waste_class": WasteClass.PAPER},
    "vehicle": lambda session: {"vehicle_id": session.scalars(rows_of(session, Vehicle).order_by(Vehicle.id)).first().id},
    "two days": lambda session: {"first_day": DAYS[1], "last_day": DAYS[2]},
}


@pytest.mark.parametrize("part", PARTS)
def test_each_figure_is_what_the_raw_rows_say(week: TenantSession, part: str):
    of = Slice(**{"first_day": DAYS[0], "last_day": DAYS[-1]} | PARTS[part](week))

    def keep(day: date, zone_id: int | None, waste_class: WasteClass | None, vehicle_id: int | None) -> bool:
        wanted = (of.zone_id, zone_id), (of.waste_class, waste_class), (of.vehicle_id, vehicle_id)
        return of.first_day <= day <= of.last_day and all(asked is None or asked == found for asked, found in wanted)

    counted = Raw(week, keep).count()
    assert counted["lifts"] > 3, "a slice of next to nothing would prove nothing"
    told = {figure.name: figure.value for figure in kpis(week, of)}
    expected = {name: or_none(formula, counted) for name, formula in FORMULAS.items()}
    assert [name for name, value in told.items() if value is None] == [name for name, value in expected.items() if value is None]
    for name, value in expected.items():
        # route totals are kept in whole metres and seconds
        assert value is None or told[name] == pytest.approx(value, rel=1e-3), name


@pytest.mark.parametrize("by", By)
def test_the_lines_of_a_breakdown_add_up_to_the_whole(week: TenantSession, by: By):
    of = Slice(DAYS[0], DAYS[-1])
    names = ["collections_in_period", "visits_without_lift", "total_distance", "collected_weight", "crew_hours"]
    for figure in kpis(week, of, by=by, names=names):
        assert sum(line.value or 0 for line in figure.groups) == pytest.approx(figure.value)
        assert len(figure.groups) > (0 if by is By.WEEK else 1)


def test_reasons_add_up_to_the_visits_without_a_lift(week: TenantSession):
    of = Slice(DAYS[0], DAYS[-1])
    reasons = skips_by_reason(week, of)
    assert sum(reasons.values()) == kpis(week, of, names=["visits_without_lift"])[0].value
    assert set(reasons) == {"gate_locked", "roadworks"}
    assert sum(skips_by_reason(week, Slice(DAYS[0], DAYS[-1], waste_class=WasteClass.PAPER)).values()) < sum(reasons.values())


def test_all_figures_of_a_period_take_one_query_beside_the_tenants_own_row(week: TenantSession):
    asked: list[str] = []
    event.listen(week.connection(), "before_cursor_execute", lambda *said: asked.append(said[2]))
    kpis(week, Slice(DAYS[0], DAYS[-1]), by=By.ZONE)
    assert len([statement for statement in asked if "set_config" not in statement]) == 2
