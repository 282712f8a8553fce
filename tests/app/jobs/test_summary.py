"""A night on one screen."""

from datetime import UTC, datetime

from app.jobs.summary import night_summary
from app.planning.models import Decision
from tests.factories import assets as make_assets
from tests.factories import forecasts as make_forecasts
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


def test_what_came_of_the_forecasts_is_told_and_drift_is_not_whispered(database, tenant_id, session):
    score = {
        "windows": 40,
        "mae_pct": 5.61,
        "naive_mae_pct": 4.9,
        "coverage": 0.71,
        "drifting": 3,
        "alarm": "At 24 h it errs by 5.6 points.",
    }
    run = make_forecasts.run(session, datetime(2026, 11, 15, 19, tzinfo=UTC), {make_assets.container(session).id: (40.0, 8.0)})
    run.evaluation = {"realised": {"24": score}, "note": "Learning failed (MemoryError: full); the last model goes on."}
    make.plan(session, summary=FACTS, forecast_run_id=run.id)

    lines = lines_of(database, tenant_id, session)

    at = lines.index("Forecast    24 h ahead, 40 containers: 5.6 points off, naive 4.9; 71% within the 80 % interval; 3 drifting")
    assert [line.strip() for line in lines[at + 1 : at + 3]] == [
        "DRIFT: At 24 h it errs by 5.6 points.",
        "Learning failed (MemoryError: full); the last model goes on.",
    ]
