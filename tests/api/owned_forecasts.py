"""Whose rows the forecasts' endpoints touch."""

from typing import Any

from app.db import Database
from tests.api.isolation import Owned
from tests.api.owned_telemetry import NOW
from tests.factories import forecasts as make
from tests.factories import telemetry as make_telemetry


def a_forecast_container(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        container_id = make_telemetry.container(session).id
        make.run(session, NOW, {container_id: (40.0, 8.0)})
        make.error(session, container_id, NOW, 3.0)
        return {"container_id": container_id}


def a_scored_night(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        make.score(session, NOW, 4.0 + tenant_id / 1000)
        return {}


def some_evidence(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        container_id = make_telemetry.container(session).id
    hour = {"hour_at": NOW.isoformat(), "source": "deposit", "expected_l": 12.5, "spread_l": 4.0}
    return {"evidence": [{"container_id": container_id} | hour]}


OWNED = (
    Owned("forecasts.ContainerForecastById", a_forecast_container),
    Owned("forecasts.ContainerForecastErrors", a_forecast_container),
    Owned("forecasts.ForecastScores", a_scored_night),
    Owned("forecasts.InflowEvidenceBatch", a_forecast_container, some_evidence),
)
