"""Reads of the register: what lists filter by, what a night needs, and the set-based look-ups of an import."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Select, Table, and_, any_, exists, literal, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.dml import ReturningInsert

from app.assets.models import (
    Absence,
    Container,
    ContainerModel,
    ContainerStatus,
    Crew,
    Depot,
    Facility,
    Holiday,
    Site,
    Vehicle,
    VehicleStatus,
    WasteClassSetting,
    Zone,
)
from app.assets.waste_classes import CLASS_DEFAULTS, WasteClass
from app.db import Base, TenantOwned, TenantRow, TenantSession
from app.tenancy.scope import rows_of, visible_tenant_id

Row = TypeVar("Row", bound=TenantRow)
AnyRow = TypeVar("AnyRow", bound=TenantOwned)
Bbox = tuple[float, float, float, float]
"""West, south, east, north."""


class StandingContainer(NamedTuple):
    """A container with where it stands and what it is, read in one query."""

    container: Container
    site: Site
    model: ContainerModel


def list_containers_in_service(session: TenantSession) -> list[StandingContainer]:
    """Every container that can be emptied, in order of its number."""
    query = _standing(session).where(Container.status == ContainerStatus.IN_SERVICE).order_by(Container.id)
    return [StandingContainer(*row) for row in session.execute(query)]


def list_standing(session: TenantSession, container_ids: Collection[int]) -> list[StandingContainer]:
    """These containers, whatever their status, in order of their number."""
    query = _standing(session).where(Container.id.in_(container_ids)).order_by(Container.id)
    return [StandingContainer(*row) for row in session.execute(query)]


def _standing(session: TenantSession) -> Select[Container, Site, ContainerModel]:
    at_site = and_(Site.tenant_id == Container.tenant_id, Site.id == Container.site_id)
    of_model = and_(ContainerModel.tenant_id == Container.tenant_id, ContainerModel.id == Container.model_id)
    mine = Container.tenant_id == visible_tenant_id(session)
    return select(Container, Site, ContainerModel).join(Site, at_site).join(ContainerModel, of_model).where(mine)


def list_available_vehicles(session: TenantSession, day: date) -> list[Vehicle]:
    """Vehicles of the fleet that are not absent on a day."""
    query = rows_of(session, Vehicle).where(Vehicle.status == VehicleStatus.IN_FLEET, _present(Vehicle, Absence.vehicle_id, day))
    return list(session.scalars(query.order_by(Vehicle.id)))


def list_available_crews(session: TenantSession, day: date) -> list[Crew]:
    """Crews that are not absent on a day."""
    return list(session.scalars(rows_of(session, Crew).where(_present(Crew, Absence.crew_id, day)).order_by(Crew.id)))


def _present(who: type[Vehicle | Crew], absent_id: InstrumentedAttribute[Any], day: date) -> ColumnElement[bool]:
    theirs = and_(Absence.tenant_id == who.tenant_id, absent_id == who.id)
    return ~exists().where(theirs, Absence.first_day <= day, Absence.last_day >= day)


def list_facilities(session: TenantSession) -> list[Facility]:
    return list(session.scalars(rows_of(session, Facility).order_by(Facility.id)))


def list_holidays(session: TenantSession, first: date, last: date) -> frozenset[date]:
    """Days without service from `first` to `last`, both included."""
    return frozenset(row.day for row in session.scalars(rows_of(session, Holiday).where(Holiday.day.between(first, last))))


def densities_kg_m3(session: TenantSession) -> dict[WasteClass, float]:
    """Loose density of every class: the tenant's own figure, else the default."""
    own = {row.waste_class: row.density_kg_m3 for row in session.scalars(rows_of(session, WasteClassSetting)) if row.density_kg_m3}
    return {waste_class: own.get(waste_class, default.density_kg_m3) for waste_class, default in CLASS_DEFAULTS.items()}


def max_intervals_days(session: TenantSession) -> dict[WasteClass, int]:
    """The longest time between two lifts, of the classes that have one."""
    settings = session.scalars(rows_of(session, WasteClassSetting))
    return {row.waste_class: row.max_interval_days for row in settings if row.max_interval_days is not None}


def select_rows(session: TenantSession, model: type[AnyRow], filters: dict[str, Any]) -> Select[AnyRow]:
    """The rows that a list asks for; a filter that is None does not count."""
    wanted = [_condition(session, model, name, value) for name, value in filters.items() if value is not None]
    return rows_of(session, model).where(*wanted)


def _condition(session: TenantSession, model: Any, name: str, value: Any) -> ColumnElement[bool]:
    """One filter as people say it: places by their code, lists by one of their members."""
    match name:
        case "zone":
            return _at_sites(model, _ids(session, Site, Site.zone_id.in_(_ids(session, Zone, Zone.code == value))))
        case "bbox":
            inside = _ids(session, Site, _inside(Site, value))
            return _at_sites(model, inside) if model is Container else _inside(model, value)
        case "site":
            return _among(model.site_id, _ids(session, Site, Site.code == value))
        case "depot":
            return _among(model.depot_id, _ids(session, Depot, Depot.code == value))
        case "tag":
            return _holds(model.tags, value)
        case "waste_class" if model is not Container:
            return _holds(model.accepts if model is Facility else model.waste_classes, value)
        case "day":
            return and_(model.first_day <= value, model.last_day >= value)
        case "first_day":
            return _true(model.day >= value)
        case "last_day":
            return _true(model.day <= value)
    return _true(getattr(model, name) == value)


def _true(condition: Any) -> ColumnElement[bool]:
    return cast(ColumnElement[bool], condition)


def _among(column: Any, ids: Select[Any]) -> ColumnElement[bool]:
    return _true(column.in_(ids))


def _holds(column: Any, value: str) -> ColumnElement[bool]:
    return _true(literal(value) == any_(column))


def _at_sites(model: Any, site_ids: Select[Any]) -> ColumnElement[bool]:
    return _among(Site.id if model is Site else model.site_id, site_ids)


def _ids(session: TenantSession, model: Any, condition: ColumnElement[bool]) -> Select[Any]:
    return rows_of(session, model).where(condition).with_only_columns(model.id)


def _inside(place: Any, bbox: Bbox) -> ColumnElement[bool]:
    """A box whose west is greater than its east spans the date line."""
    west, south, east, north = bbox
    across = or_(place.lon >= west, place.lon <= east) if west > east else place.lon.between(west, east)
    return and_(place.lat.between(south, north), across)


def sites_by_id(session: TenantSession, site_ids: Iterable[int]) -> dict[int, Site]:
    return {site.id: site for site in session.scalars(rows_of(session, Site).where(Site.id.in_(set(site_ids))))}


def find_by_code(session: TenantSession, model: type[Row], code: str) -> Row | None:
    return session.scalars(rows_of(session, model).where(model.__table__.c.code == code)).one_or_none()


def list_references(session: TenantSession, row: TenantRow) -> list[str]:
    """The kinds of rows that refer to this one, from any room: read from the schema's foreign keys, asked in one query."""
    asked = [_referring(row, key).label(key.table.name + "." + key.column_keys[1]) for key in _keys_to(row)]
    if not asked:
        return []
    found = session.execute(select(*asked)).one()._mapping
    return sorted({str(name).partition(".")[0] for name, refers in found.items() if refers})


def _keys_to(row: TenantRow) -> list[ForeignKeyConstraint]:
    tables = Base.metadata.tables.values()
    return [key for table in tables for key in table.foreign_key_constraints if key.referred_table is row.__table__]


def _referring(row: TenantRow, key: ForeignKeyConstraint) -> ColumnElement[bool]:
    columns = key.table.c
    return exists().where(columns.tenant_id == row.tenant_id, columns[key.column_keys[1]] == row.id)


def ids_by_code(session: TenantSession, model: type[TenantRow]) -> dict[str, int]:
    """The number behind every code of a kind."""
    columns = model.__table__.c
    query = rows_of(session, model).with_only_columns(columns.code, columns.id)
    return {row.code: row.id for row in session.execute(query)}


def upsert_by_code(
    session: TenantSession, model: type[TenantRow], rows: Sequence[dict[str, Any]], changing: Collection[str]
) -> tuple[int, int]:
    """Insert rows, and set the columns `changing` of those whose code is there already; how many were created, how many changed."""
    statement = insert(cast(Table, model.__table__))
    news = {name: statement.excluded[name] for name in changing}
    columns = model.__table__.c
    differs = or_(*(columns[name].is_distinct_from(new) for name, new in news.items()))
    # xmax is 0 on a row that this statement has inserted; rows that are as they were do not come back at all
    upsert: ReturningInsert[Any] = statement.on_conflict_do_update(
        index_elements=["tenant_id", "code"], set_=news | {"row_version": columns.row_version + 1}, where=differs
    ).returning(literal_column("xmax = 0"))
    inserted = list(session.scalars(upsert, rows))
    return sum(inserted), len(inserted) - sum(inserted)


def list_by_id(session: TenantSession, model: type[Row]) -> dict[int, Row]:
    """All rows of a kind that has few of them, by their number."""
    return {row.id: row for row in session.scalars(rows_of(session, model))}
