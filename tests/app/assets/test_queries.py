"""What a night reads from the register."""

from datetime import date

from app.assets.models import AbsenceReason, ContainerStatus, VehicleStatus
from app.assets.queries import (
    densities_kg_m3,
    list_available_crews,
    list_available_vehicles,
    list_containers_in_service,
    list_holidays,
    list_references,
    max_intervals_days,
)
from app.assets.waste_classes import WasteClass
from app.db import Database, TenantSession
from app.telemetry.models import ContainerState
from tests.factories import assets as make

DAY = date(2026, 11, 23)


def test_containers_come_with_site_and_model_in_one_query(session: TenantSession, statements):
    standing = [make.container(session) for _ in range(5)]
    for status in (ContainerStatus.OUT_OF_SERVICE, ContainerStatus.REMOVED):
        make.container(session, status=status)
    session.expunge_all()
    with statements() as seen:
        found = list_containers_in_service(session)
        places = [(one.container.id, one.site.lat, one.model.volume_l) for one in found]
    assert [container_id for container_id, _, _ in places] == [container.id for container in standing]
    assert len(seen) == 1


def test_another_tenants_containers_do_not_stand_here(session: TenantSession, database: Database, other_tenant_id: int):
    with database.transaction(other_tenant_id) as theirs:
        make.container(theirs)
    assert list_containers_in_service(session) == []


def test_a_vehicle_is_available_unless_absent_on_the_day_or_retired(session: TenantSession):
    there, away, back = (make.vehicle(session) for _ in range(3))
    make.vehicle(session, status=VehicleStatus.RETIRED)
    make.absence(session, vehicle_id=away.id, first_day=date(2026, 11, 20), last_day=DAY)
    make.absence(session, vehicle_id=back.id, first_day=date(2026, 11, 20), last_day=date(2026, 11, 22))
    assert list_available_vehicles(session, DAY) == [there, back]


def test_a_crew_is_available_unless_absent_on_the_day(session: TenantSession):
    there, ill = make.crew(session), make.crew(session)
    make.absence(session, crew_id=ill.id, first_day=DAY, last_day=DAY, reason=AbsenceReason.SICK)
    assert list_available_crews(session, DAY) == [there]
    assert list_available_crews(session, date(2026, 11, 24)) == [there, ill]


def test_holidays_are_read_with_both_ends_included(session: TenantSession):
    for day in (24, 25, 26, 27):
        make.holiday(session, date(2026, 12, day))
    assert list_holidays(session, date(2026, 12, 25), date(2026, 12, 26)) == {date(2026, 12, 25), date(2026, 12, 26)}


def test_a_tenants_own_figures_stand_in_for_the_defaults(session: TenantSession):
    make.waste_class_setting(session, waste_class=WasteClass.GLASS, density_kg_m3=280)
    make.waste_class_setting(session, waste_class=WasteClass.FOOD, density_kg_m3=None, max_interval_days=3)
    densities = densities_kg_m3(session)
    assert (densities[WasteClass.GLASS], densities[WasteClass.FOOD], len(densities)) == (280, 340, len(WasteClass))
    assert max_intervals_days(session) == {WasteClass.FOOD: 3}


def test_references_are_found_in_any_room_in_one_query(session: TenantSession, statements):
    container = make.container(session)
    assert list_references(session, container) == []
    session.add(ContainerState(container_id=container.id))
    session.flush()
    with statements() as seen:
        assert list_references(session, container) == ["container_state"]
    assert len(seen) == 1
