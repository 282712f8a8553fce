"""Whose nights, plans, rounds and policies the endpoints touch."""

from datetime import date, timedelta
from typing import Any

from app.db import Database
from app.planning.operations import change_policy, publish_plan, request_night
from app.planning.rounds import create_round
from tests.api.isolation import Owned
from tests.factories import assets as make_assets
from tests.factories import plans as make
from tests.factories.plans import MONDAY

Values = dict[str, Any]


def a_night(database: Database, tenant_id: int) -> Values:
    with database.transaction(tenant_id, actor="test") as session:
        request_night(session, MONDAY)
    return {"service_date": MONDAY.isoformat()}


def a_night_in_the_list(database: Database, tenant_id: int) -> Values:
    a_night(database, tenant_id)
    return {}


def a_draft(database: Database, tenant_id: int) -> Values:
    """One truck drives one container, and says why."""
    with database.transaction(tenant_id, actor="test") as session:
        container = make_assets.container(session)
        plan = make.plan(session)
        make.route(session, plan, container_ids=[container.id])
        make.decision(session, plan, container.id)
        return {"plan_id": plan.id}


def a_plan_in_the_list(database: Database, tenant_id: int) -> Values:
    a_draft(database, tenant_id)
    return {}


def a_published_plan(database: Database, tenant_id: int) -> Values:
    with database.transaction(tenant_id, actor="test") as session:
        plan = make.plan(session)
        publish_plan(session, plan)
        return {"plan_id": plan.id}


def a_decided_container(database: Database, tenant_id: int) -> Values:
    with database.transaction(tenant_id, actor="test") as session:
        container = make_assets.container(session)
        make.decision(session, make.plan(session), container.id)
        return {"container_id": container.id}


def a_policy(database: Database, tenant_id: int) -> Values:
    with database.transaction(tenant_id, actor="test") as session:
        change_policy(session, {"solve_s": 77})
    return {}


def a_round(database: Database, tenant_id: int) -> Values:
    with database.transaction(tenant_id, actor="test") as session:
        return {"round_id": create_round(session, **new_round(database, tenant_id)).id}


def a_round_in_the_list(database: Database, tenant_id: int) -> Values:
    a_round(database, tenant_id)
    return {}


def new_round(database: Database, tenant_id: int) -> Values:
    with database.transaction(tenant_id, actor="test") as session:
        container, vehicle = make_assets.container(session), make_assets.vehicle(session)
        ids = {"vehicle_id": vehicle.id, "container_ids": [container.id]}
        return {"code": f"R-{container.id}", "name": "Round", "weekdays": [0, 3]} | ids


def a_day_to_come(database: Database, tenant_id: int) -> Values:
    monday = date.today() + timedelta(days=7 - date.today().weekday())
    return {"service_date": monday.isoformat()}


def a_broken_truck(database: Database, tenant_id: int) -> Values:
    with database.transaction(tenant_id, actor="test") as session:
        return {"vehicle_id": make_assets.vehicle(session).id, "reason": "breakdown"}


def a_price(database: Database, tenant_id: int) -> Values:
    return {"overflow_cost_per_day": 31}


OWNED = (
    Owned("planning.Nights", a_night_in_the_list, a_day_to_come),
    Owned("planning.NightByDate", a_night),
    Owned("planning.MorningAbsences", a_night, a_broken_truck),
    Owned("planning.Plans", a_plan_in_the_list),
    Owned("planning.PlanById", a_draft),
    Owned("planning.PlanRoutes", a_draft),
    Owned("planning.PlanDecisions", a_draft),
    Owned("planning.PlanPublication", a_draft),
    Owned("planning.PlanWithdrawal", a_published_plan),
    Owned("planning.ContainerDecision", a_decided_container),
    Owned("planning.Policy", a_policy, methods=("GET",)),
    Owned("planning.Policy", a_policy, a_price, methods=("PATCH",)),
    Owned("planning.Rounds", a_round_in_the_list, new_round),
    Owned("planning.RoundById", a_round, new_round, methods=("PATCH",)),
    Owned("planning.RoundById", a_round, methods=("GET", "DELETE")),
)
