"""Whose rows the field's endpoints touch."""

from typing import Any

from app.db import Database
from app.dispatch.models import ActionKind
from tests.api.isolation import Owned
from tests.factories import dispatch as make


def a_route(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        return {"route_id": make.route(session).route.id}


def a_day_with_a_route(database: Database, tenant_id: int) -> dict[str, Any]:
    a_route(database, tenant_id)
    return {"date": make.DAY.isoformat()}


def nothing(_: Database, __: int) -> dict[str, Any]:
    return {}


def a_batch(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id) as session:
        driven = make.route(session)
    sent = make.report(driven.route.id, ActionKind.COLLECTED, container_id=driven.container_ids[0])
    return {"actions": [make.as_json(sent)]}


OWNED = (
    Owned("dispatch.DriverRoutes", a_day_with_a_route),
    Owned("dispatch.DriverRouteById", a_route),
    Owned("dispatch.DriverRouteGpx", a_route),
    Owned("dispatch.DriverActions", nothing, a_batch),
    Owned("dispatch.DispatchDay", a_day_with_a_route),
    Owned("dispatch.RouteLink", a_route),
)

OWNS_NOTHING = {"dispatch.SkipReasons": "the reasons are the same for everybody and hold no rows"}
