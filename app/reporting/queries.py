"""Figures of a period, read from the roll-ups: for the whole tenant or a slice of it, in one query."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Date, Float, cast, func, null
from sqlalchemy import Select as Statement

from app.assets.models import Vehicle, Zone
from app.assets.waste_classes import WasteClass
from app.db import TenantSession
from app.dispatch.models import SkipReason
from app.errors import NotFound
from app.reporting.advice import AreaTrend, AreaWeek
from app.reporting.figures import KPIS, Kpi, Sums
from app.reporting.models import AreaDay, RouteDay
from app.reporting.roll_up_queries import count_skips
from app.tenancy.queries import get_tenant
from app.tenancy.scope import rows_of

DAY = timedelta(days=1)


class By(StrEnum):
    """What a figure is broken down by."""

    DAY = "day"
    WEEK = "week"
    ZONE = "zone"
    VEHICLE = "vehicle"
    CLASS = "class"


@dataclass(frozen=True)
class Slice:
    """Which days, both included, and which part of the town. A vehicle's slice holds what happened on its routes."""

    first_day: date
    last_day: date
    zone_id: int | None = None
    waste_class: WasteClass | None = None
    vehicle_id: int | None = None

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise ValueError(f"a period ends on {self.last_day}, before it begins on {self.first_day}")


@dataclass(frozen=True)
class Group:
    """One line of a breakdown: a day, a Monday, a class, or the number of a zone or vehicle. Key None: no zone, no route, no class."""

    key: date | int | str | None
    label: str
    sums: Sums


@dataclass(frozen=True)
class GroupValue:
    """A figure of one line, and the sums that it stands on."""

    key: date | int | str | None
    label: str
    value: float | None
    sums: Sums


@dataclass(frozen=True)
class Figure:
    """A figure of a slice, with what it means; `groups` in the order of their keys."""

    name: str
    label: str
    unit: str
    definition: str
    value: float | None
    groups: tuple[GroupValue, ...]
    sums: Sums


def kpis(session: TenantSession, of: Slice, *, by: By | str | None = None, names: Collection[str] = tuple(KPIS)) -> list[Figure]:
    """The named figures (all, by default) of a slice, and of each of its groups; NotFound for a name that is none."""
    unknown = [name for name in names if name not in KPIS]
    if unknown:
        raise NotFound(f"There is no figure '{unknown[0]}'.")
    groups = sum_up(session, of, by=None if by is None else By(by))
    currency = get_tenant(session).currency
    return [_figure(KPIS[name], groups, currency, broken_down=by is not None) for name in names]


def _figure(kpi: Kpi, groups: Sequence[Group], currency: str, *, broken_down: bool) -> Figure:
    total = sum((group.sums for group in groups), Sums())
    lines = tuple(GroupValue(group.key, group.label, kpi.of(group.sums), group.sums) for group in groups) if broken_down else ()
    return Figure(kpi.name, kpi.label, kpi.unit.replace("¤", currency), kpi.definition, kpi.of(total), lines, total)


def sum_up(session: TenantSession, of: Slice, *, by: By | None = None) -> list[Group]:
    """What adds up over a slice, by group; without `by`, in one group."""
    key, name = _keys(by)
    query = _in_slice(session, of).with_only_columns(key, func.min(name), *_sums())
    if by is not None:
        query = query.group_by(key).order_by(key)
    return [Group(row[0], _label(by, row[0], row[1]), Sums(*row[2:])) for row in session.execute(query)]


def _keys(by: By | None) -> tuple[Any, Any]:
    """What lines are told apart by, and the name that goes with it."""
    nothing: ColumnElement[Any] = null()
    match by:
        case By.DAY:
            return AreaDay.service_date, nothing
        case By.WEEK:
            return _monday(), nothing
        case By.CLASS:
            return AreaDay.waste_class, nothing
        case By.ZONE:
            return AreaDay.zone_id, Zone.name
        case By.VEHICLE:
            return RouteDay.vehicle_id, Vehicle.code
    return nothing, nothing


def _monday() -> ColumnElement[date]:
    return cast(func.date_trunc("week", AreaDay.service_date), Date)


def _label(by: By | None, key: Any, name: str | None) -> str:
    without = {By.ZONE: "without a zone", By.VEHICLE: "without a route", By.CLASS: "nothing visited"}
    return name or (without.get(by, "all") if key is None else str(key)) if by else "all"


def _in_slice(session: TenantSession, of: Slice) -> Statement[Any]:
    query = (
        rows_of(session, AreaDay)
        .outerjoin(RouteDay, (RouteDay.tenant_id == AreaDay.tenant_id) & (RouteDay.route_id == AreaDay.route_id))
        .outerjoin(Zone, (Zone.tenant_id == AreaDay.tenant_id) & (Zone.id == AreaDay.zone_id))
        .outerjoin(Vehicle, (Vehicle.tenant_id == RouteDay.tenant_id) & (Vehicle.id == RouteDay.vehicle_id))
        .where(AreaDay.service_date.between(of.first_day, of.last_day))
    )
    wanted = {AreaDay.zone_id: of.zone_id, AreaDay.waste_class: of.waste_class, RouteDay.vehicle_id: of.vehicle_id}
    return query.where(*(column == value for column, value in wanted.items() if value is not None))


def _sums() -> list[ColumnElement[Any]]:
    """One column for each field of `Sums`, in its order."""
    hauled, unloaded = AreaDay.route_id.is_not(None), RouteDay.unloads > 0

    def total(column: Any, only: Any = None) -> ColumnElement[Any]:
        added = func.sum(column) if only is None else func.sum(column).filter(only)
        return func.coalesce(added, 0)

    def part(column: Any, only: Any = None) -> ColumnElement[Any]:
        return total(AreaDay.route_share * cast(column, Float), only)

    sums = {
        "lifts": total(AreaDay.lifts),
        "skips": total(AreaDay.skips),
        "fill_before_pct": total(AreaDay.fill_before_pct_sum),
        "fill_before_known": total(AreaDay.fill_before_known),
        "collected_l": total(AreaDay.collected_l),
        "collected_kg": total(AreaDay.collected_kg),
        "excess_l": total(AreaDay.excess_l),
        "hauled_lifts": total(AreaDay.lifts, hauled),
        "hauled_l": total(AreaDay.collected_l, hauled),
        "hauled_kg": total(AreaDay.collected_kg, hauled),
        "container_days": total(AreaDay.containers),
        "volume_l_days": cast(total(AreaDay.volume_l), Float),
        "measured_days": total(AreaDay.measured),
        "overflow_onsets": total(AreaDay.overflow_onsets),
        "overflow_days": total(AreaDay.overflow_container_days),
        "driven_m": part(RouteDay.driven_m),
        "on_route_m": part(RouteDay.on_route_m),
        "duty_s": part(RouteDay.duty_s),
        "on_route_s": part(RouteDay.on_route_s),
        "cost": part(RouteDay.cost),
        "co2e_kg": part(RouteDay.co2e_kg),
        "unloaded_kg": part(RouteDay.collected_kg, unloaded),
        "permitted_kg": part(RouteDay.permitted_kg),
        "unloaded_l": part(RouteDay.body_l, unloaded),
        "permitted_l": part(RouteDay.permitted_l),
    }
    return [sums[name] for name in asdict(Sums())]


def skips_by_reason(session: TenantSession, of: Slice) -> dict[SkipReason, int]:
    """Visits without a lift, by the crew's reason, the most frequent first."""
    part = {"zone_id": of.zone_id, "waste_class": of.waste_class, "vehicle_id": of.vehicle_id}
    found = count_skips(session, get_tenant(session), of.first_day, of.last_day, **part)
    return {SkipReason(reason): times for reason, times in found}


def area_trends(session: TenantSession, of: Slice) -> list[AreaTrend]:
    """Each zone and class of the slice that has containers, week by week."""
    columns = (AreaDay.zone_id, Zone.name, AreaDay.waste_class, _monday())
    query = _in_slice(session, of).where(AreaDay.waste_class.is_not(None)).with_only_columns(*columns, *_sums())
    rows = session.execute(query.group_by(*columns).order_by(*columns)).all()
    areas = groupby(rows, key=lambda row: (row[0], row[1], row[2]))
    trends = [_trend(of, *area, weeks) for area, weeks in areas]
    return [trend for trend in trends if trend.whole.sums.container_days]


def _trend(of: Slice, zone_id: int | None, zone: str | None, waste_class: WasteClass, weeks: Iterable[Any]) -> AreaTrend:
    return AreaTrend(zone_id, zone, waste_class, [_week(of, row[3], Sums(*row[4:])) for row in weeks])


def _week(of: Slice, monday: date, sums: Sums) -> AreaWeek:
    days = (min(monday + 6 * DAY, of.last_day) - max(monday, of.first_day)).days + 1
    return AreaWeek(monday, sums, days)
