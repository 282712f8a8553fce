"""What a cab reports, the rules that a report keeps by itself, and the answer to each."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.assets.waste_classes import WasteClass
from app.dispatch.models import ActionKind, SkipReason

LARGEST_BATCH = 500
CLOCK_AHEAD = timedelta(minutes=10)
BEFORE_START = timedelta(days=4)
"""How long before its route begins something may have been reported on it: a link is tried out over a long weekend. Earlier, the phone's
clock is wrong."""


class OutcomeStatus(StrEnum):
    """What became of one report."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


class Flag(StrEnum):
    """What a dispatcher may want to know of a report that was taken."""

    NOT_ON_ROUTE = "not_on_route"
    ROUTE_NOT_IN_FORCE = "route_not_in_force"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one report; a refusal names the field, what is wrong and the mend."""

    status: OutcomeStatus
    client_uid: UUID | None = None
    flags: tuple[Flag, ...] = ()
    problems: tuple[dict[str, str], ...] = ()


def refusal(field_name: str, problem: str, mend: str, client_uid: UUID | None = None) -> Outcome:
    told = {"field": field_name, "problem": problem, "mend": mend}
    return Outcome(OutcomeStatus.REJECTED, client_uid, problems=(told,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One action as it was sent; two with one `client_uid` are the same report if they are equal."""

    client_uid: UUID
    route_id: int
    kind: ActionKind
    occurred_at: datetime
    container_id: int | None = None
    facility_id: int | None = None
    skip_reason: SkipReason | None = None
    weight_kg: float | None = None
    ticket_number: str | None = None
    waste_class: WasteClass | None = None
    odometer_m: int | None = None
    note: str | None = None

    def values(self) -> dict[str, Any]:
        """The row's columns."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS = tuple(Report.__dataclass_fields__)


@dataclass(frozen=True)
class Belonging:
    """With which kinds of action a field goes."""

    kinds: frozenset[ActionKind]
    required: bool
    mend: str
    others: str = field(default="Leave it out.")


def _only(*kinds: ActionKind) -> frozenset[ActionKind]:
    return frozenset(kinds)


BELONGINGS: dict[str, Belonging] = {
    "container_id": Belonging(_only(ActionKind.COLLECTED, ActionKind.SKIPPED), True, "Name the container."),
    "skip_reason": Belonging(_only(ActionKind.SKIPPED), True, "GET /api/v1/driver/skip-reasons lists them."),
    "facility_id": Belonging(_only(ActionKind.UNLOADED), True, "Name the facility where the truck unloaded."),
    "weight_kg": Belonging(_only(ActionKind.COLLECTED, ActionKind.UNLOADED), False, ""),
    "ticket_number": Belonging(_only(ActionKind.UNLOADED), False, ""),
    "waste_class": Belonging(_only(ActionKind.UNLOADED), False, ""),
}


def find_misplaced(report: Report) -> Outcome | None:
    """A field that the action needs and has not, or has and cannot have."""
    for name, rule in BELONGINGS.items():
        given = getattr(report, name) is not None
        if given and report.kind not in rule.kinds:
            return refusal(name, f"does not go with '{report.kind}'", rule.others, report.client_uid)
        if rule.required and not given and report.kind in rule.kinds:
            return refusal(name, f"is missing: '{report.kind}' needs it", rule.mend, report.client_uid)
    return None


def find_wrong_clock(report: Report, *, route_starts_at: datetime, now: datetime) -> Outcome | None:
    """Late is normal. The future, and a time before the route's day, come from a wrong clock."""
    if report.occurred_at > now + CLOCK_AHEAD:
        return refusal("occurred_at", "lies in the future", "Set the phone's clock.", report.client_uid)
    if report.occurred_at < route_starts_at - BEFORE_START:
        return refusal("occurred_at", "lies more than four days before the route begins", "Set the phone's clock.", report.client_uid)
    return None
