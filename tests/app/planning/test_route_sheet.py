"""The printed sheet: where, what, how much, what to mind, in local time."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from app.db import Database, TenantSession
from app.errors import NotFound
from app.planning.models import Route, VisitKind
from app.planning.route_sheet import get_route_sheet
from tests.conftest import OneTransaction
from tests.factories import assets as make_assets
from tests.factories import plans as make


@pytest.fixture
def route(session: TenantSession) -> Route:
    """Depot, two containers (one behind a gate, one without an address), a break, an unload, depot."""
    crew = make_assets.crew(session)
    gate = make_assets.site(session, name="School", address="Calle Mayor 7", access_note="Gate 4711#; dog")
    plain = make_assets.site(session, name="Plaza de Armas")
    made = make.route(session, make.plan(session), crew_id=crew.id)
    made_at = {"arrives_at": make.SIX, "departs_at": make.SIX + timedelta(minutes=5)}
    for sequence, site in ((2, gate), (3, plain)):
        container = make_assets.container(session, site_id=site.id)
        session.add(make.visit(made, sequence, VisitKind.PICKUP, container_id=container.id, **made_at))
    session.add(make.visit(made, 4, VisitKind.BREAK, **made_at))
    facility = make_assets.facility(session, name="Transfer station")
    session.add(make.visit(made, 5, VisitKind.UNLOAD, facility_id=facility.id, **made_at))
    session.commit()
    return made


def test_the_sheet_says_where_and_what_to_mind_in_local_time(session: TenantSession, route: Route):
    sheet = get_route_sheet(session, route.id)
    pickups = [line for line in sheet.lines if line.visit.kind is VisitKind.PICKUP]
    assert [(line.address, line.access_note) for line in pickups] == [("Calle Mayor 7", "Gate 4711#; dog"), ("Plaza de Armas", None)]
    assert {line.waste_class for line in pickups} == {"residual"}
    assert f"{pickups[0].arrives:%H:%M}–{pickups[0].departs:%H:%M}" == "06:00–06:05"
    assert (sheet.pickups, sheet.expected_kg) == (2, 80)
    assert sheet.crew is not None and sheet.vehicle.id == route.vehicle_id


def test_unloads_and_breaks_have_their_lines(session: TenantSession, route: Route):
    by_kind = {line.visit.kind: line for line in get_route_sheet(session, route.id).lines}
    assert by_kind[VisitKind.UNLOAD].address == "Transfer station"
    assert by_kind[VisitKind.BREAK].address is None
    assert by_kind[VisitKind.DEPART].address == "Yard"


def test_a_strangers_route_has_no_sheet(database: Database, other_tenant_id: int, route: Route):
    with database.transaction(other_tenant_id) as theirs, pytest.raises(NotFound):
        get_route_sheet(theirs, route.id)


def test_a_longer_route_needs_no_more_queries(database: OneTransaction, session: TenantSession, route: Route):
    statements: list[str] = []
    session.expire_all()

    def note(_c: object, _cur: object, statement: str, *_: object) -> None:
        if statement.lstrip().lower().startswith("select") and "set_config" not in statement:
            statements.append(statement)

    event.listen(database.connection, "before_cursor_execute", note)
    try:
        get_route_sheet(session, route.id)
    finally:
        event.remove(database.connection, "before_cursor_execute", note)
    assert len(statements) <= 9
