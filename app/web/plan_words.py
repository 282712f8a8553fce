"""What a dispatcher reads of a plan beside its routes: what changed, what the money is for, and which rules it breaks."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.assets.models import Vehicle
from app.assets.queries import list_by_id
from app.db import TenantSession
from app.planning.models import PlanOrigin
from app.planning.to_problem import facility_key
from app.web.night_view import NightView

CAUSES = {
    "fixed": "trucks",
    "time": "hours",
    "distance": "kilometres",
    "lifts": "lifts",
    "fees": "gate fees",
    "overtime": "overtime",
    "changes": "changes of truck",
    "unfairness": "unfair shares",
}
"""What each part of a route's cost is for."""


ORIGINS = {
    PlanOrigin.NIGHT: "made by the night",
    PlanOrigin.REPLAN: "made after a change",
    PlanOrigin.FIXED_ROUND: "a fixed round",
    PlanOrigin.LAST_PLAN: "the last plan once more",
}
"""How a plan came about."""


class Changed(NamedTuple):
    """Containers to which the same has happened: what it is, and their codes."""

    words: str
    codes: list[str]


def list_changes(session: TenantSession, night: NightView) -> list[Changed]:
    """Of a day planned again while under way: what became of containers, those that moved first, then new ones, then those left out."""
    changes = night.shown.plan.changes if night.shown else []
    if not changes:
        return []
    codes = {one.standing.container.id: one.standing.container.code for one in night.containers}
    trucks = {key: vehicle.code for key, vehicle in list_by_id(session, Vehicle).items()}
    groups: dict[tuple[int, str], list[str]] = defaultdict(list)
    for one in changes:
        before, now = trucks.get(one["from_vehicle_id"]), trucks.get(one["to_vehicle_id"])
        groups[_what_became(before, now)].append(codes.get(one["container_id"], f"container {one['container_id']}"))
    return [Changed(words, sorted(groups[rank, words])) for rank, words in sorted(groups)]


def _what_became(before: str | None, now: str | None) -> tuple[int, str]:
    if now is None:
        return 2, f"no longer on any truck, was on {before}"
    return (1, f"new on {now}") if before is None else (0, f"{before} → {now}")


def broken_rules(session: TenantSession, night: NightView) -> list[str]:
    """Each rule that the check found broken, with the names that people know."""
    violations = night.shown.plan.violations if night.shown else []
    if not violations or night.shown is None:
        return []
    trucks = {str(key): f"truck {vehicle.code}" for key, vehicle in list_by_id(session, Vehicle).items()}
    places = {str(one.standing.container.id): one.standing.container.code for one in night.containers}
    places |= {facility_key(key): facility.name for key, facility in night.shown.facilities.items()}
    return [_broken(one, trucks, places) for one in violations]


def _broken(violation: Mapping[str, Any], trucks: Mapping[str, str], places: Mapping[str, str]) -> str:
    named = [(trucks, violation.get("vehicle")), (places, violation.get("stop"))]
    where = ", ".join(names.get(key, key) for names, key in named if key)
    what = str(violation.get("detail") or violation.get("message") or str(violation.get("rule")).replace("_", " "))
    return f"{where}: {what}" if where else what


def costs_by_cause(costs: Mapping[str, float] | None) -> list[tuple[str, float]]:
    """What each part of the cost is for, the largest first."""
    return sorted(((CAUSES[cause], amount) for cause, amount in (costs or {}).items()), key=lambda one: -one[1])
