"""Fixed recurring rounds: the same containers in the same order on the same weekdays, as cities drove before anybody measured."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm.attributes import flag_modified

from app.assets.models import Vehicle
from app.assets.operations import require_mine
from app.assets.queries import list_holidays, list_standing
from app.assets.service_days import is_service_day, local_date
from app.config import Settings
from app.db import Database, TenantSession
from app.errors import Conflict, FieldProblem, Rejected
from app.planning.models import Plan, PlanOrigin, Round, RoundContainer
from app.planning.night import NightResult, compute_fixed, store_plan
from app.planning.operations import publish_plan
from app.planning.queries import containers_by_round, find_round_by_code, get_policy, list_places, orders_of_rounds
from app.planning.timetable import publish_deadline
from app.tenancy.audit import changes, picture, record
from app.tenancy.queries import get_tenant
from app.tenancy.scope import find_row

Orders = Mapping[int, Sequence[int]]
"""Containers in driving order, by vehicle."""


def create_round(
    session: TenantSession, *, code: str, name: str, vehicle_id: int, weekdays: Sequence[int], container_ids: Sequence[int], **values: Any
) -> Round:
    """A new round; Rejected if it names what is not the tenant's, or a container that its truck cannot take."""
    _require_free(session, code)
    _require_drivable(session, vehicle_id, container_ids)
    new = Round(code=code, name=name, vehicle_id=vehicle_id, weekdays=sorted(weekdays), **values)
    session.add(new)
    session.flush()
    _set_containers(session, new, container_ids)
    record(session, "round.created", new, after=picture(new) | {"container_ids": list(container_ids)})
    return new


def change_round(session: TenantSession, fixed: Round, values: Mapping[str, Any]) -> None:
    """New values of a round; `container_ids` replaces its whole order."""
    before = _picture(session, fixed)
    values = dict(values)
    container_ids = values.pop("container_ids", before["container_ids"])
    if values.get("code", fixed.code) != fixed.code:
        _require_free(session, values["code"])
    _require_drivable(session, values.get("vehicle_id", fixed.vehicle_id), container_ids)
    for key, value in values.items():
        setattr(fixed, key, value)
    if container_ids != before["container_ids"]:
        _set_containers(session, fixed, container_ids)
        flag_modified(fixed, "name")  # its order is part of what its ETag stands for
    session.flush()
    seen, now = changes(before, _picture(session, fixed))
    record(session, "round.changed", fixed, before=seen, after=now)


def delete_round(session: TenantSession, fixed: Round) -> None:
    """From now on nobody drives it; plans that were made of it stay."""
    record(session, "round.deleted", fixed, before=_picture(session, fixed))
    session.delete(fixed)
    session.flush()


def orders_for(session: TenantSession, service_date: date) -> dict[int, list[int]]:
    """What the rounds of that weekday collect, by vehicle; nothing on a day without service."""
    if not is_service_day(get_tenant(session), list_holidays(session, service_date, service_date), service_date):
        return {}
    return orders_of_rounds(session, service_date.weekday())


def plan_rounds(database: Database, tenant_id: int, service_date: date, *, settings: Settings) -> Plan | None:
    """Time, check and publish the fixed rounds of a date. None, and nothing done, where no round runs or it is no service day."""
    with database.transaction(tenant_id) as session:
        orders = orders_for(session, service_date)
        origin_at = _known_at(session, service_date)
    if not orders:
        return None
    result = compute_fixed(database, tenant_id, service_date, orders, settings=settings, origin_at=origin_at)
    with database.transaction(tenant_id) as session:
        return store_and_publish(session, result, origin=PlanOrigin.FIXED_ROUND, note="The fixed rounds of the day.")


def store_and_publish(session: TenantSession, result: NightResult, *, origin: PlanOrigin, note: str) -> Plan:
    """Keep a fixed plan and send it out, with a note in its summary and in the audit log; Conflict if it breaks a rule."""
    plan = store_plan(session, result, attempt=1, origin=origin)
    plan.summary = plan.summary | {"note": note}
    session.flush()
    publish_plan(session, plan, note=note)
    return plan


def _known_at(session: TenantSession, service_date: date) -> datetime:
    """Now; for a day that is over, the morning's deadline: its rounds drove off with what was known then."""
    tenant, now = get_tenant(session), datetime.now(UTC)
    return now if service_date >= local_date(tenant, now) else publish_deadline(tenant, get_policy(session), service_date)


def _picture(session: TenantSession, fixed: Round) -> dict[str, Any]:
    return picture(fixed) | {"container_ids": containers_by_round(session, [fixed.id])[fixed.id]}


def _set_containers(session: TenantSession, fixed: Round, container_ids: Sequence[int]) -> None:
    for place in list_places(session, fixed.id):
        session.delete(place)
    session.flush()
    places = enumerate(container_ids, start=1)
    session.add_all(RoundContainer(round_id=fixed.id, sequence=sequence, container_id=container_id) for sequence, container_id in places)
    session.flush()


def _require_free(session: TenantSession, code: str) -> None:
    if find_round_by_code(session, code) is not None:
        mend = FieldProblem("code", f"{code} is taken", "Choose another, or change the round that has it.")
        raise Conflict(f"There is a round {code} already.", fields=(mend,))


def _require_drivable(session: TenantSession, vehicle_id: int, container_ids: Sequence[int]) -> None:
    require_mine(session, Vehicle, "vehicle_id", vehicle_id)
    vehicle = find_row(session, Vehicle, vehicle_id)
    standing = {one.container.id: one for one in list_standing(session, container_ids)}
    problems = []
    for place, container_id in enumerate(container_ids):
        one = standing.get(container_id)
        if one is None:
            problems.append(
                FieldProblem(f"container_ids.{place}", f"there is no container {container_id}", "Create it first, or name another.")
            )
        elif vehicle is not None and one.container.waste_class not in vehicle.waste_classes:
            problem = f"{one.container.code} holds {one.container.waste_class}, which {vehicle.code} does not take"
            problems.append(FieldProblem(f"container_ids.{place}", problem, "Put it on another truck's round."))
    if problems:
        raise Rejected("The round cannot be driven as it is.", fields=tuple(problems))
