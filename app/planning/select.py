"""Which containers tonight: what must be emptied, what may be if the detour is worth it, and what is not due; each with its reason.

The question is never "how full is it at midnight?" but "can it wait until a truck could come the next time?": the container's next
opportunity, which weekends, holidays, its site's hours and its facilities' hours push back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.special import ndtri

from app.assets.queries import StandingContainer
from app.assets.service_days import LOOKED_AHEAD_DAYS, is_service_day, local_date, utc_of, windows_utc
from app.planning.city import City
from app.planning.outlook import HOURS_PER_DAY, WEEK_H, Outlook

SURE = 0.995
HOURS_TOLD = 48
"""Times as long as this are told in days."""


class Standing(StrEnum):
    """What the choice says of a container before there is a route."""

    MUST = "must"
    MAY = "may"
    NOT_DUE = "not_due"
    BLOCKED = "blocked"
    """It is wanted, but nobody can come: its site is shut on the day, or its round's truck is not there."""


OFFERED = (Standing.MUST, Standing.MAY)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One container's case, in numbers and words. Money in the tenant's currency."""

    standing: StandingContainer
    decision: Standing
    rule: str
    reason: str
    fill_now_pct: float | None = None
    expected_fill_pct: float | None = None
    """Mean at the usual visit of the service date."""
    fill_sd_pct: float | None = None
    """How much that may be off."""
    overflow_probability: float | None = None
    """Before its next opportunity."""
    next_opportunity_at: datetime | None = None
    cost_of_waiting: float | None = None
    full_in_h: tuple[float, ...] = ()
    """Quantiles of the hours until it is full: early, middle, late."""

    @property
    def container_id(self) -> int:
        return self.standing.container.id


@dataclass(frozen=True, eq=False)
class Choice:
    """Every container's case, by its number."""

    candidates: Mapping[int, Candidate]

    def offered(self) -> Iterator[Candidate]:
        """Those that the router is asked to serve."""
        return (one for one in self.candidates.values() if one.decision in OFFERED)

    def count(self, decision: Standing) -> int:
        return sum(one.decision is decision for one in self.candidates.values())


def select_containers(city: City, outlook: Outlook) -> Choice:
    """Weigh each container: a night's worth of decisions before any route exists."""
    weighed = [_weigh(city, outlook, standing) for standing in city.containers]
    return Choice({one.container_id: one for one in (*weighed, *_left_out(city))})


def select_given(city: City, outlook: Outlook, rounds: Mapping[int, str], blocked: Mapping[int, str]) -> Choice:
    """A fixed round's choice: these containers whatever their fill, no others.

    `rounds` says in words on which round each container is, `blocked` why nobody drives it.
    """
    given = [_given(city, outlook, standing, rounds, blocked) for standing in city.containers]
    return Choice({one.container_id: one for one in (*given, *_left_out(city))})


def cost_of_waiting(city: City, outlook: Outlook, container_id: int, until: datetime) -> float:
    """What it costs on average to leave the container until its next opportunity instead of emptying it on the service date.

    cost = (P(next) − P(visit)) × price of an onset + ∫ P(t) dt from visit to next, in days × price of a day in overflow,
    where P(t) is the probability that it has overflowed by t, visit is the usual visit of the service date and next the next
    opportunity. What overflows before the visit costs the same either way and is left out; a container that is full already has
    no onset left, but every day that it waits.
    """
    chance = outlook.overflow_probability
    onset = max(chance(container_id, until) - chance(container_id, city.visit_at), 0.0)
    days = outlook.overflow_days(container_id, city.visit_at, until)
    return onset * float(city.policy.overflow_cost_per_onset) + days * float(city.policy.overflow_cost_per_day)


def next_opportunity(city: City, standing: StandingContainer) -> datetime:
    """The usual visit on the first later service day on which the site is open and a facility takes the class.

    If there is none within a year, the end of the year looked at.
    """
    days = (city.service_date + timedelta(days=n) for n in range(1, LOOKED_AHEAD_DAYS))
    found = next((day for day in days if _is_opportunity(city, standing, day)), city.service_date + timedelta(days=LOOKED_AHEAD_DAYS))
    return utc_of(city.tenant, found, city.usual_visit)


def is_open(city: City, standing: StandingContainer, day: date) -> bool:
    """Whether a truck may come to the container's site on a day at all."""
    return bool(windows_utc(city.tenant, standing.site.time_windows, day))


def _is_opportunity(city: City, standing: StandingContainer, day: date) -> bool:
    if not (is_service_day(city.tenant, city.holidays, day) and is_open(city, standing, day)):
        return False
    takers = [facility for facility in city.facilities if standing.container.waste_class in facility.accepts]
    return not takers or any(windows_utc(city.tenant, facility.opening_hours, day) for facility in takers)


def _weigh(city: City, outlook: Outlook, standing: StandingContainer) -> Candidate:
    container_id = standing.container.id
    next_at = next_opportunity(city, standing)
    chance = outlook.overflow_probability(container_id, next_at)
    waiting = cost_of_waiting(city, outlook, container_id, next_at)
    decision, rule = _decide(city, outlook, standing, next_at, chance)
    facts = _facts(city, outlook, standing) | {
        "overflow_probability": chance,
        "next_opportunity_at": next_at,
        "cost_of_waiting": waiting,
        "full_in_h": tuple(outlook.full_in_h[outlook.row[container_id]].tolist()),
    }
    if decision in OFFERED:
        facts["fill_sd_pct"] = _fill_sd_pct(city, outlook, container_id)
    candidate = Candidate(standing=standing, decision=decision, rule=rule, reason="", **facts)
    return replace(candidate, reason=_reason(city, candidate))


def _facts(city: City, outlook: Outlook, standing: StandingContainer) -> dict[str, Any]:
    container_id = standing.container.id
    return {
        "fill_now_pct": outlook.fill_now_pct(container_id),
        "expected_fill_pct": outlook.expected_fill_pct(container_id, city.visit_at),
    }


def _fill_sd_pct(city: City, outlook: Outlook, container_id: int) -> float:
    """Of the forecast at the usual visit, as that of a normal distribution with the same outer quantiles."""
    table = outlook.table
    fill, hours = table.fill[outlook.row[container_id]], (city.visit_at - outlook.origin_at) / timedelta(hours=1)
    low, high = (float(np.interp(hours, table.horizons_h, fill[:, column])) for column in (0, -1))
    return 100 * (high - low) / float(ndtri(table.quantiles[-1]) - ndtri(table.quantiles[0]))


def _decide(city: City, outlook: Outlook, standing: StandingContainer, next_at: datetime, chance: float) -> tuple[Standing, str]:
    if _was_emptied_today(city, standing):
        return Standing.NOT_DUE, "emptied_today"
    due = _due(city, outlook, standing, next_at, chance)
    if due is None:
        return Standing.NOT_DUE, "not_due"
    return due if is_open(city, standing, city.service_date) else (Standing.BLOCKED, "site_closed")


def _was_emptied_today(city: City, standing: StandingContainer) -> bool:
    """Whether a crew has been there on the service date already: a plan made anew by day sends nobody there twice."""
    lifted_at = city.last_lifted_at.get(standing.container.id)
    return lifted_at is not None and local_date(city.tenant, lifted_at) == city.service_date


def _due(city: City, outlook: Outlook, standing: StandingContainer, next_at: datetime, chance: float) -> tuple[Standing, str] | None:
    level = outlook.fill_now_pct(standing.container.id)
    if level is not None and level >= 100:
        return Standing.MUST, "overflowing"
    if chance >= city.policy.must_serve_probability:
        return Standing.MUST, "overflow_likely"
    if _exceeds_interval(city, standing, next_at):
        return Standing.MUST, "max_interval"
    return (Standing.MAY, "worth_the_detour") if chance >= city.policy.optional_probability else None


def _exceeds_interval(city: City, standing: StandingContainer, next_at: datetime) -> bool:
    """Whether waiting would leave it longer than its rule allows. Where no lift is known, it counts from its installation."""
    most_days = city.max_interval_days(standing.container)
    if most_days is None:
        return False
    since = _waits_since(city, standing)
    return since is None or local_date(city.tenant, next_at) > since + timedelta(days=most_days)


def _waits_since(city: City, standing: StandingContainer) -> date | None:
    lifted_at = city.coming_at.get(standing.container.id) or city.last_lifted_at.get(standing.container.id)
    return standing.container.installed_on if lifted_at is None else local_date(city.tenant, lifted_at)


def _left_out(city: City) -> Iterator[Candidate]:
    for standing in city.idle:
        yield Candidate(
            standing=standing, decision=Standing.NOT_DUE, rule="out_of_service", reason="Out of service, so nobody comes for it."
        )


def _given(city: City, outlook: Outlook, standing: StandingContainer, rounds: Mapping[int, str], blocked: Mapping[int, str]) -> Candidate:
    facts = _facts(city, outlook, standing)
    name = rounds.get(standing.container.id)
    if name is None:
        decision, rule, words = Standing.NOT_DUE, "not_on_round", "On none of the day's rounds"
    elif standing.container.id in blocked:
        decision, rule, words = Standing.BLOCKED, "vehicle_absent", f"{name}, but {blocked[standing.container.id]}"
    elif not is_open(city, standing, city.service_date):
        decision, rule, words = Standing.BLOCKED, "site_closed", f"{name}, but its site is closed that day"
    else:
        decision, rule, words = Standing.MUST, "fixed_round", f"{name}; about {facts['expected_fill_pct']:.0f} % full by then"
        facts["fill_sd_pct"] = _fill_sd_pct(city, outlook, standing.container.id)
    return Candidate(standing=standing, decision=decision, rule=rule, reason=f"{words}.", **facts)


def _reason(city: City, one: Candidate) -> str:
    assert one.expected_fill_pct is not None and one.overflow_probability is not None and one.next_opportunity_at is not None
    now = _now_in_words(city, one)
    then = f"about {one.expected_fill_pct:.0f} % on {_moment(city, city.visit_at)}"
    risk, by = _percent(one.overflow_probability), _moment(city, one.next_opportunity_at)
    return f"{now}, {then}; {risk} that it overflows before {by}, the next chance.{_full_in_words(one)}{_why(city, one)}"


def _full_in_words(one: Candidate) -> str:
    """When it will be full, with the interval that says how sure that is; nothing where it is, or a week will not do."""
    if len(one.full_in_h) < 3 or one.full_in_h[1] > WEEK_H[-1] or (one.fill_now_pct or 0) >= 100:
        return ""
    early, middle, late = one.full_in_h[0], one.full_in_h[1], one.full_in_h[-1]
    latest = _span(late) if late <= WEEK_H[-1] else "more than a week"
    return f" Full in about {_span(middle)} (80 %: {_span(early)} to {latest})."


def _span(hours: float) -> str:
    return f"{hours:.0f} h" if hours < HOURS_TOLD else f"{hours / HOURS_PER_DAY:.1f} days"


def _now_in_words(city: City, one: Candidate) -> str:
    coming_at = city.coming_at.get(one.container_id)
    if coming_at is not None:
        return f"A route that is out already empties it on {_moment(city, coming_at)}"
    return "Its fill is not known" if one.fill_now_pct is None else f"{max(one.fill_now_pct, 0):.0f} % full now"


def _why(city: City, one: Candidate) -> str:
    match one.rule:
        case "max_interval":
            return f" {_interval_in_words(city, one.standing)}"
        case "overflow_likely":
            return f" From {_percent(city.policy.must_serve_probability)} risk on it has to be emptied."
        case "overflowing":
            return " It is overflowing already."
        case "not_due":
            return f" Below a risk of {_percent(city.policy.optional_probability)} it is left for another day."
        case "emptied_today":
            return " It has been emptied on the day already."
        case "site_closed":
            return " But its site is closed that day."
    return f" Waiting would cost {one.cost_of_waiting:.2f} {city.tenant.currency} on average."


def _interval_in_words(city: City, standing: StandingContainer) -> str:
    since, most = _waits_since(city, standing), city.max_interval_days(standing.container)
    if since is None:
        return f"It has to be emptied every {most} days, and no lift is known yet."
    return f"It has to be emptied every {most} days; the last lift was on {since:%A} {since.day} {since:%B}."


def _moment(city: City, at: datetime) -> str:
    local = at.astimezone(city.zone)
    return f"{local:%A} {local:%H:%M}" if at - city.origin_at < timedelta(days=7) else f"{local:%A} {local.day} {local:%B}"


def _percent(share: float) -> str:
    """Never a certainty that nobody has: 0 % and 100 % are said as bounds."""
    if share > SURE:
        return "over 99 %"
    return "under 1 %" if share < 1 - SURE else f"{100 * share:.0f} %"
