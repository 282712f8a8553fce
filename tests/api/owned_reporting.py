"""Whose rows the figures are made of."""

from typing import Any

from app.assets.service_days import local_date
from app.db import Database
from app.reporting.operations import roll_up
from app.tenancy.queries import get_tenant
from tests.api.isolation import Owned
from tests.api.owned_telemetry import NOW
from tests.factories import assets as make_assets
from tests.factories import reporting as make


def a_lift_in_a_zone(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        zone = make_assets.zone(session)
        box = make_assets.container(session, site_id=make_assets.site(session, zone_id=zone.id).id)
        make.lift(session, box, NOW, fill_before_pct=70.0)
        roll_up(session, local_date(get_tenant(session), NOW))
        return {"zone": zone.id}


def a_lift_of_one_figure(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"name": "collections_in_period"} | a_lift_in_a_zone(database, tenant_id)


OWNED = (
    Owned("reporting.Kpis", a_lift_in_a_zone),
    Owned("reporting.KpiByName", a_lift_of_one_figure),
    Owned("reporting.AreaTrends", a_lift_in_a_zone),
)
