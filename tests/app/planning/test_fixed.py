"""Fixed rounds become plans by the same path: timed, with unloads, checked, each container with its reason."""

import pytest

from app.planning.models import Decision, PlanOrigin
from app.planning.night import compute_fixed, store_plan
from app.planning.queries import get_plan_detail, list_decisions
from app.telemetry.models import ForecastRun
from tests.factories import assets as make_assets
from tests.factories.planning import EVE, THURSDAY


@pytest.fixture
def on_round(town):
    for number, name in enumerate("ABC"):
        town.add(name, 3 + number)
    return town


@pytest.fixture
def drive(database, session, tenant_id, settings):
    def plan(orders):
        session.flush()
        result = compute_fixed(database, tenant_id, THURSDAY, orders, settings=settings, origin_at=EVE)
        assert result.verdict.violations == ()
        with database.transaction(tenant_id) as own:
            return store_plan(own, result, attempt=1, origin=PlanOrigin.FIXED_ROUND)

    return plan


def decisions(session, plan):
    return {row.container_id: (row.decision, row.rule) for row in list_decisions(session, plan.id)}


def test_the_round_is_driven_in_its_own_order_whatever_the_fills(session, on_round, drive):
    order = on_round.ids("C", "A")

    plan = drive({on_round.truck.id: order})

    [route] = get_plan_detail(session, plan.id).routes
    visits = get_plan_detail(session, plan.id).visits[route.id]
    assert [visit.container_id for visit in visits if visit.container_id] == order
    assert [str(visit.kind) for visit in visits] == ["depart", "pickup", "pickup", "unload", "return"]
    assert (plan.origin, plan.engine) == (PlanOrigin.FIXED_ROUND, "given order")


def test_what_is_not_on_a_round_says_so(session, on_round, drive):
    plan = drive({on_round.truck.id: on_round.ids("C", "A")})

    found = decisions(session, plan)
    [b] = on_round.ids("B")
    assert found.pop(b) == (Decision.NOT_DUE, "not_on_round")
    assert set(found.values()) == {(Decision.SERVED, "fixed_round")}


def test_a_round_whose_truck_is_away_is_unserved_with_the_reason(session, on_round, drive):
    make_assets.absence(session, vehicle_id=on_round.truck.id, first_day=THURSDAY, last_day=THURSDAY)

    plan = drive({on_round.truck.id: on_round.ids("A")})

    [a] = on_round.ids("A")
    assert decisions(session, plan)[a] == (Decision.UNSERVED, "vehicle_absent")
    assert get_plan_detail(session, plan.id).routes == []


def test_a_round_whose_truck_has_no_crew_likewise(session, on_round, drive):
    make_assets.absence(session, crew_id=on_round.crew.id, first_day=THURSDAY, last_day=THURSDAY)

    plan = drive({on_round.truck.id: on_round.ids("A")})

    [a] = on_round.ids("A")
    found = {row.container_id: row for row in list_decisions(session, plan.id)}[a]
    assert found.decision is Decision.UNSERVED
    assert found.reason == f"On the fixed round of {on_round.truck.code}, but that truck has no crew on the day."


def test_a_fixed_round_forecasts_nothing(session, on_round, drive):
    plan = drive({on_round.truck.id: on_round.ids("A")})

    assert plan.forecast_run_id is None
    assert session.query(ForecastRun).count() == 0
