"""Each figure beside a plain count over the raw rows of a made week, whole and in slices."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import event

from app.assets.models import Container, Site, Vehicle
from app.assets.waste_classes import WasteClass
from app.db import TenantSession
from app.dispatch.models import ActionKind, DriverAction, RouteRun, WeighTicket
from app.planning.models import Plan, Route, RouteVisit, VisitKind
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


@dataclass
class Raw:
    """All raw rows, in memory."""

    session: TenantSession

    def of(self, model: Any) -> list[Any]:
        return list(self.session.scalars(rows_of(self.session, model)))


def local_day(at: datetime) -> date:
    return at.astimezone(BERLIN).date()


def count(raw: Raw, keep: Callable[[date, int | None, WasteClass | None, int | None], bool]) -> dict[str, float]:
    """Sums as the definitions say, over what `keep(day, zone, class, vehicle)` lets through."""
    boxes, sites = {c.id: c for c in raw.of(Container)}, {s.id: s for s in raw.of(Site)}
    trucks, plans = {v.id: v for v in raw.of(Vehicle)}, {p.id: p for p in raw.of(Plan)}
    routes, runs = {r.id: r for r in raw.of(Route)}, {r.route_id: r for r in raw.of(RouteRun)}
    actions, tickets, visits = raw.of(DriverAction), raw.of(WeighTicket), raw.of(RouteVisit)
    route_of = {a.client_uid: a.route_id for a in actions if a.kind is ActionKind.COLLECTED}
    total: dict[str, float] = defaultdict(float)

    def kept(day: date, box_id: int, route_id: int | None) -> bool:
        box = boxes[box_id]
        return keep(day, sites[box.site_id].zone_id, box.waste_class, None if route_id is None else routes[route_id].vehicle_id)

    litres = {
        lift.id: boxes[lift.container_id].volume_l * (50 if lift.fill_before_pct is None else lift.fill_before_pct) / 100
        for lift in raw.of(Lift)
    }
    lifts_of: dict[int | None, list[Lift]] = defaultdict(list)
    for lift in raw.of(Lift):
        lifts_of[route_of.get(lift.client_uid)].append(lift)
    kg: dict[int, float] = {}
    for route_id, lifts in lifts_of.items():
        expected = {lift.id: litres[lift.id] / 1000 * KG_M3[boxes[lift.container_id].waste_class] for lift in lifts}
        weighed = sum(t.net_kg for t in tickets if route_id is not None and t.route_id == route_id)
        kg |= {i: amount * weighed / sum(expected.values()) if weighed else amount for i, amount in expected.items()}
        for lift in lifts:
            if kept(local_day(lift.lifted_at), lift.container_id, route_id):
                total["lifts"] += 1
                total["litres"] += litres[lift.id]
                total["kg"] += kg[lift.id]
                if route_id is not None:
                    total["hauled"] += 1
                    total["hauled_l"] += litres[lift.id]
                    total["hauled_kg"] += kg[lift.id]
                if lift.fill_before_pct is not None:
                    total["fills"] += lift.fill_before_pct
                    total["known"] += 1
                    total["excess"] += max(0, lift.fill_before_pct - 100) / 100 * boxes[lift.container_id].volume_l
    for route_id, route in routes.items():
        called = {a.container_id: a for a in actions if a.route_id == route_id}
        share = sum(kept(local_day(a.occurred_at), box, route_id) for box, a in called.items()) / len(called)
        total["skips"] += sum(kept(local_day(a.occurred_at), box, route_id) for box, a in called.items() if a.kind is ActionKind.SKIPPED)
        run, truck = runs.get(route_id), trucks[route.vehicle_id]
        metres = run.driven_m if run else route.distance_m
        planned_s = (route.ends_at - route.starts_at).total_seconds()
        seconds = (run.finished_at - run.started_at).total_seconds() if run else planned_s
        kinds = [v for v in sorted(visits, key=lambda v: v.sequence) if v.route_id == route_id]
        between = [b for a, b in pairwise(kinds) if a.kind is b.kind is VisitKind.PICKUP]
        stays_s = sum((v.departs_at - v.arrives_at).total_seconds() for v in kinds if v.kind is VisitKind.PICKUP)
        total["m"] += share * metres
        total["on_m"] += share * metres * sum(v.leg_distance_m for v in between) / route.distance_m
        total["s"] += share * seconds
        total["on_s"] += share * seconds * (sum(v.leg_drive_s for v in between) + stays_s) / planned_s
        price = (float(getattr(truck, f"cost_per_{per}")) for per in ("day", "h", "km"))
        total["cost"] += share * float(np.dot(list(price), [1, seconds / 3600, metres / 1000]))
        idle_h = route.service_s / 3600
        factors = [truck.co2e_kg_per_km, truck.co2e_kg_per_lift, truck.co2e_kg_per_idle_h]
        total["co2e"] += share * float(np.dot(factors, [metres / 1000, len(lifts_of[route_id]), idle_h]))
        unloads = sum(t.route_id == route_id for t in tickets)
        total["may_kg"] += share * unloads * truck.payload_kg
        total["may_l"] += share * unloads * truck.body_volume_l
        if unloads:
            for lift in lifts_of[route_id]:
                kind = boxes[lift.container_id].waste_class
                pressed = PRESSED_KG_M3[kind] if truck.compacts else KG_M3[kind]
                total["un_kg"] += share * kg[lift.id]
                total["un_l"] += share * litres[lift.id] * KG_M3[kind] / pressed
    for box_id in boxes:
        over, last_over = False, datetime.min.replace(tzinfo=BERLIN)
        heard, full = set(), set()
        for m in sorted((m for m in raw.of(Measurement) if m.container_id == box_id), key=lambda m: m.observed_at):
            day = local_day(m.observed_at)
            if m.fill_pct >= 100:
                full.add(day)
                if kept(day, box_id, None) and (not over or m.observed_at - last_over > timedelta(days=3)):
                    total["onsets"] += 1
                over, last_over = True, m.observed_at
            over = over and m.fill_pct >= 90
            heard.add(day)
        total["heard"] += sum(kept(day, box_id, None) for day in heard)
        total["full"] += sum(kept(day, box_id, None) for day in full)
    assert plans
    return total


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


PARTS: dict[str, Callable[[Raw], dict[str, Any]]] = {
    "all": lambda raw: {},
    "zone": lambda raw: {"zone_id": min(s.zone_id for s in raw.of(Site) if s.zone_id)},
    "class": lambda raw: {"waste_class": WasteClass.PAPER},
    "vehicle": lambda raw: {"vehicle_id": min(v.id for v in raw.of(Vehicle))},
    "two days": lambda raw: {"first_day": DAYS[1], "last_day": DAYS[2]},
}


@pytest.mark.parametrize("part", PARTS)
def test_each_figure_is_what_the_raw_rows_say(week: TenantSession, part: str):
    raw = Raw(week)
    of = Slice(**{"first_day": DAYS[0], "last_day": DAYS[-1]} | PARTS[part](raw))

    def keep(day: date, zone: int | None, kind: WasteClass | None, vehicle: int | None) -> bool:
        wanted = (of.zone_id, zone), (of.waste_class, kind), (of.vehicle_id, vehicle)
        return of.first_day <= day <= of.last_day and all(asked is None or asked == found for asked, found in wanted)

    counted = count(raw, keep)
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
