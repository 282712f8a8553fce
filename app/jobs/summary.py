"""One night on one screen: what was due and why, who drives what, how full, how good, and where the time went."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from app.db import Database, TenantSession
from app.planning.models import ContainerDecision, Decision, Plan, VisitKind
from app.planning.queries import find_latest_plan, find_published_plan, get_plan_detail, list_decisions
from app.telemetry.models import ForecastRun
from app.tenancy.queries import get_tenant
from app.tenancy.scope import find_row

WHY = {
    "overflowing": "over the full mark now",
    "overflow_likely": "likely to overflow before the next chance",
    "max_interval": "longest allowed interval reached",
    "worth_the_detour": "worth the detour",
    "fixed_round": "on a fixed round",
}
STEPS = ("read", "forecast", "choose", "travel times", "solve", "check")
SHOWN_UNSERVED = 3
OUT_OF_SERVICE = "out_of_service"


def night_summary(database: Database, tenant_id: int, service_date: date) -> str:
    """The published plan of a date, or the newest draft, in some thirty lines of plain text."""
    with database.transaction(tenant_id) as session:
        plan = find_published_plan(session, service_date) or find_latest_plan(session, service_date)
        if plan is None:
            return f"There is no plan for {service_date}."
        return "\n".join(_lines(session, plan))


def _lines(session: TenantSession, plan: Plan) -> Iterator[str]:
    facts = plan.summary
    tenant = get_tenant(session)
    simulated = " · simulated" if tenant.simulated else ""
    yield f"{tenant.name}, service date {plan.service_date:%A %d %B %Y} · plan {plan.id}, {plan.status}{simulated}"
    yield ""
    yield from _containers(session, plan)
    yield ""
    yield from _routes(session, plan, ZoneInfo(tenant.timezone))
    yield ""
    yield from _figures(facts)
    yield from _quality(plan, facts)
    yield from _forecasts(session, plan)
    seconds = facts["seconds"]  # the database keeps an object's keys in an order of its own
    yield "Seconds     " + " · ".join(f"{step} {seconds[step]:.1f}" for step in sorted(seconds, key=STEPS.index))


def _containers(session: TenantSession, plan: Plan) -> Iterator[str]:
    decisions = [row for row in list_decisions(session, plan.id) if row.rule != OUT_OF_SERVICE]
    kinds = Counter(row.decision for row in decisions)
    served = Counter(row.rule for row in decisions if row.decision is Decision.SERVED)
    yield (
        f"Containers  {len(decisions)} in service · {kinds[Decision.SERVED]} to empty · {kinds[Decision.NOT_DUE]} not due"
        f" · {kinds[Decision.NOT_WORTH_IT]} not worth the detour tonight · {kinds[Decision.UNSERVED]} unserved"
    )
    for rule, count in served.most_common():
        yield f"            {count:>4}  {WHY.get(rule, rule.replace('_', ' '))}"
    yield from _unserved([row for row in decisions if row.decision is Decision.UNSERVED])


def _unserved(left: list[ContainerDecision]) -> Iterator[str]:
    """How many for each reason, and the first few in full."""
    for rule, count in Counter(row.rule for row in left).most_common():
        yield f"            {count:>4}  unserved: {rule.replace('_', ' ')}"
    for row in left[:SHOWN_UNSERVED]:
        yield f"                  e.g. {row.reason}"


def _routes(session: TenantSession, plan: Plan, zone: ZoneInfo) -> Iterator[str]:
    detail = get_plan_detail(session, plan.id)
    if not detail.routes:
        yield "Routes      none"
        return
    yield "Routes      truck                       lifts  unloads      km      kg   weight  volume   local time"
    for route in detail.routes:
        visits = Counter(visit.kind for visit in detail.visits[route.id])
        vehicle = detail.vehicles[route.vehicle_id]
        yield (
            f"            {vehicle.code:<7} {vehicle.vehicle_type:<20}{visits[VisitKind.PICKUP]:>5}{visits[VisitKind.UNLOAD]:>9}"
            f"{route.distance_m / 1000:>8.1f}{route.load_kg:>8}{route.peak_weight_share:>8.0%}{route.peak_volume_share:>8.0%}"
            f"   {route.starts_at.astimezone(zone):%H:%M}–{route.ends_at.astimezone(zone):%H:%M}"
        )


def _figures(facts: dict[str, Any]) -> Iterator[str]:
    yield (
        f"Totals      {facts['km']:.1f} km · {facts['kg']:,} kg · {facts['litres']:,} l · {_or_dash(facts['litres_per_km'])} l/km"
        f" · {_or_dash(facts['kg_per_km'])} kg/km · {facts['hours']:.1f} crew hours · {facts['cost']:,.2f} {facts['currency']}"
    )
    yield (
        f"Utilisation by weight {_share(facts['weight_utilisation'])}, by volume {_share(facts['volume_utilisation'])} (at the unload)"
        f" · mean fill at collection {_or_dash(facts['mean_fill_pct'])} %"
    )


def _quality(plan: Plan, facts: dict[str, Any]) -> Iterator[str]:
    checked = "passes every rule of the independent check" if not plan.violations else f"BREAKS {len(plan.violations)} RULES"
    yield f"Check       {checked}"
    if facts["gap_pct"] is not None:
        floor = f"{facts['lower_bound']:,.2f} {facts['currency']} ({facts['bound_kind']})"
        yield f"Bound       no routes for these containers cost less than {floor}: at most {facts['gap_pct']:.1f} % to gain"
    roads = "GREAT CIRCLE, no streets: distances are estimates" if facts["roads_approximate"] else f"real streets ({plan.roads})"
    yield f"Engine      {plan.engine}, seed {plan.seed} · {roads}"


def _forecasts(session: TenantSession, plan: Plan) -> Iterator[str]:
    """What came of the last nights' forecasts, and what is wrong with them."""
    run = None if plan.forecast_run_id is None else find_row(session, ForecastRun, plan.forecast_run_id)
    told = {} if run is None else run.evaluation
    for hours, score in sorted(told.get("realised", {}).items()):
        off = f"{score['mae_pct']:.1f} points off, naive {score['naive_mae_pct']:.1f}; {score['coverage']:.0%} within the 80 % interval"
        yield f"Forecast    {hours} h ahead, {score['windows']} containers: {off}; {score['drifting']} drifting"
        if score["alarm"]:
            yield f"            DRIFT: {score['alarm']}"
    if told.get("note"):
        yield f"            {told['note']}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"
