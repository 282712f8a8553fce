"""A night on one screen."""

from app.jobs.summary import night_summary
from app.planning.models import Decision
from tests.factories import assets as make_assets
from tests.factories import plans as make
from tests.factories.plans import MONDAY

SECONDS = {"check": 0.1, "solve": 30.0, "read": 0.2, "choose": 0.3, "forecast": 2.0, "travel times": 1.0}
FACTS = {
    "km": 9.0,
    "kg": 100,
    "litres": 900,
    "litres_per_km": 100.0,
    "kg_per_km": 11.1,
    "hours": 1.0,
    "cost": 50.0,
    "currency": "EUR",
    "weight_utilisation": 0.1,
    "volume_utilisation": 0.2,
    "mean_fill_pct": None,
    "gap_pct": 25.0,
    "lower_bound": 37.5,
    "bound_kind": "assignment",
    "roads_approximate": True,
    "seconds": SECONDS,
}


def lines_of(database, tenant_id, session) -> list[str]:
    session.flush()
    return night_summary(database, tenant_id, MONDAY).split("\n")


def test_a_night_tells_its_routes_its_bound_and_its_steps_in_their_order(database, tenant_id, session):
    plan = make.plan(session, summary=FACTS)
    served = make_assets.container(session)
    make.route(session, plan, container_ids=[served.id])
    make.decision(session, plan, served.id, decision=Decision.SERVED, rule="overflow_likely")
    make.decision(session, plan, make_assets.container(session).id, rule="out_of_service")
    lines = lines_of(database, tenant_id, session)
    assert "Containers  1 in service · 1 to empty · 0 not due · 0 not worth the detour tonight · 0 unserved" in lines
    assert "               1  likely to overflow before the next chance" in lines
    (route,) = [line for line in lines if "06:00–07:00" in line or "05:00–06:00" in line]
    assert route.split()[-7:-1] == ["1", "0", "9.0", "100", "10%", "20%"]
    assert "Bound       no routes for these containers cost less than 37.50 EUR (assignment): at most 25.0 % to gain" in lines
    assert lines[-1] == "Seconds     read 0.2 · forecast 2.0 · choose 0.3 · travel times 1.0 · solve 30.0 · check 0.1"
    assert "GREAT CIRCLE" in "\n".join(lines)


def test_the_unserved_are_counted_by_reason_and_a_few_are_told_in_full(database, tenant_id, session):
    plan = make.plan(session, summary=FACTS)
    for number in range(5):
        left = make_assets.container(session)
        make.decision(session, plan, left.id, decision=Decision.UNSERVED, rule="no_room_left", reason=f"Number {number} has no room.")
    lines = lines_of(database, tenant_id, session)
    assert "               5  unserved: no room left" in lines
    assert [line.strip() for line in lines if "e.g." in line] == [f"e.g. Number {number} has no room." for number in range(3)]
    assert "Routes      none" in lines


def test_a_date_without_a_plan_says_so(database, tenant_id, session):
    assert lines_of(database, tenant_id, session) == ["There is no plan for 2026-11-23."]
