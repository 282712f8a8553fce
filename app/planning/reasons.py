"""What became of each container tonight, as rows: the choice's case, and what the routes made of it."""

from collections.abc import Iterator
from decimal import Decimal

from app.planning.models import ContainerDecision, Decision
from app.planning.select import Candidate, Choice, Standing
from app.planning.to_problem import Task
from routing.explain import explain, order_of
from routing.insertion import cheapest_insertion
from routing.plan import Plan, Reason, Unserved
from routing.problem import COST_UNITS_PER_CURRENCY

THE_WAY = "The way there costs"
"""Begins what is told of a container that could have been left out."""
DEAREST = Decimal("99999999.99")
"""As much as the column holds."""


def detour_costs(task: Task, plan: Plan) -> dict[str, int]:
    """In micro-units: what dropping each served stop would save, and what the cheapest place of each one passed up would add."""
    costs = {marginal.stop: marginal.cost for marginal in explain(task.problem, plan).served}
    orders = {route.vehicle: order_of(task.problem, route) for route in plan.routes}
    for left in plan.unserved:
        if left.reason is Reason.NOT_WORTH_ITS_PRIZE:
            best = cheapest_insertion(task.problem, orders, task.problem.stop_by_key[left.stop])
            if best is not None:
                costs[left.stop] = best.extra_cost
    return costs


def decisions(choice: Choice, task: Task, plan: Plan, detours: dict[str, int], currency: str) -> Iterator[ContainerDecision]:
    """One row a container, whether it is on a route or not; without the plan's number."""
    unserved = {left.stop: left for left in plan.unserved}
    for one in choice.candidates.values():
        key = str(one.container_id)
        left = unserved.get(key)
        detour = detours.get(key)
        decision, rule = _outcome(one, left)
        yield ContainerDecision(
            container_id=one.container_id,
            decision=decision,
            rule=rule,
            mandatory=one.decision is Standing.MUST,
            expected_fill_pct=one.expected_fill_pct,
            overflow_probability=one.overflow_probability,
            next_opportunity_at=one.next_opportunity_at,
            cost_of_waiting=None if one.cost_of_waiting is None else _money(one.cost_of_waiting),
            detour_cost=None if detour is None else _money(detour / COST_UNITS_PER_CURRENCY),
            reason=" ".join(words for words in (one.reason, _outcome_in_words(one, task, left, detour, currency)) if words),
        )


def case_of(reason: str) -> str:
    """Of a served container's reason the part before what its way costs on that plan."""
    return reason.partition(f" {THE_WAY}")[0]


def _outcome(one: Candidate, left: Unserved | None) -> tuple[Decision, str]:
    if one.decision is Standing.NOT_DUE:
        return Decision.NOT_DUE, one.rule
    if one.decision is Standing.BLOCKED:
        return Decision.UNSERVED, one.rule
    if left is None:
        return Decision.SERVED, one.rule
    return Decision.NOT_WORTH_IT if left.reason is Reason.NOT_WORTH_ITS_PRIZE else Decision.UNSERVED, str(left.reason)


def _outcome_in_words(one: Candidate, task: Task, left: Unserved | None, detour: int | None, currency: str) -> str:
    if one.decision in (Standing.NOT_DUE, Standing.BLOCKED):
        return ""
    price = "" if detour is None else f"{detour / COST_UNITS_PER_CURRENCY:.2f} {currency}"
    if left is None:
        return f"{THE_WAY} {price}." if price and one.decision is Standing.MAY else ""
    if left.reason is Reason.NOT_WORTH_ITS_PRIZE:
        return f"That is less than the {price} that the way there would cost, so it waits." if price else "The way there costs more."
    return _why_unserved(one, task, left)


def _why_unserved(one: Candidate, task: Task, left: Unserved) -> str:
    waste_class = one.standing.container.waste_class
    match left.reason:
        case Reason.NO_VEHICLE_FOR_CLASS:
            return f"Not served: no vehicle that takes {waste_class} is there with a crew on the day."
        case Reason.NO_VEHICLE_FOR_NEEDS:
            return f"Not served: {_needs(one)}, and no vehicle that takes {waste_class} is like that on the day."
        case Reason.TOO_LARGE:
            return f"Not served: its load is {left.detail}."
        case Reason.NO_FACILITY_FOR_CLASS:
            return f"Not served: no facility that takes {waste_class} is open on the day{_closed(task, waste_class)}."
        case Reason.UNREACHABLE:
            why = task.travel.why_unreachable(("site", one.standing.site.id)) or left.detail
            return f"Not served: no truck gets there, {why}."
        case Reason.OUTSIDE_SHIFTS:
            return "Not served: even alone on a truck it does not fit into the shift, its site's hours and the facilities' hours."
        case Reason.BEYOND_LIMITS:
            return "Not served: even alone on a truck it is more than that may drive, visit or lift in a round."
    return "Not served: the trucks have neither room nor time left for it."


def _needs(one: Candidate) -> str:
    site = one.standing.site
    limits = [f"it needs a {one.standing.model.lift_kind} lift"]
    if site.max_vehicle_width_mm is not None:
        limits.append(f"a truck of at most {site.max_vehicle_width_mm / 1000:.2f} m width")
    if site.max_vehicle_weight_kg is not None:
        limits.append(f"at most {site.max_vehicle_weight_kg / 1000:g} t")
    return " and ".join(limits)


def _closed(task: Task, waste_class: str) -> str:
    names = [facility.name for facility in task.closed_facilities if waste_class in facility.accepts]
    return f" ({', '.join(names)} closed)" if names else ""


def _money(amount: float) -> Decimal:
    return min(Decimal(f"{amount:.2f}"), DEAREST)
