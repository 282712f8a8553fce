"""Figures over the API: what they are, what they stand on, and whom they are told."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.assets.waste_classes import WasteClass
from app.db import Database
from app.reporting.operations import roll_up_due
from app.tenancy.models import Scope
from tests.factories import assets as make_assets
from tests.factories import plans as make_plans
from tests.factories import reporting as make
from tests.factories import tenancy as make_tenancy
from tests.factories.plans import MONDAY, SIX

WEEK = "from=2026-11-23&to=2026-11-29"


@pytest.fixture
def week(database: Database, tenant_id: int) -> dict[str, int]:
    """On Monday one truck drives 12 km in two hours, lifts two containers (60 and 20 % of 1,100 l) and is locked out of a third."""
    with database.transaction(tenant_id) as session:
        zone = make_assets.zone(session, name="Harbour")
        sites = [make_assets.site(session, zone_id=zone.id).id, make_assets.site(session).id]
        boxes = [make_assets.container(session, site_id=sites[i % 2], waste_class=WasteClass.PAPER) for i in range(3)]
        route = make_plans.route(session, make_plans.plan(session), container_ids=[box.id for box in boxes])
        make.run(session, route)
        make.collected(session, route, boxes[0], SIX, fill_pct=60)
        make.collected(session, route, boxes[1], SIX, fill_pct=20)
        make.skipped(session, route, boxes[2], SIX)
        make.ticket(session, route, 240)
        make.readings(session, boxes[2], SIX, [90, 104, 104])
        roll_up_due(session, MONDAY, until=MONDAY + timedelta(days=6))
        return {"zone": zone.id, "vehicle": route.vehicle_id}


def test_every_figure_comes_with_its_definition_and_unit(client: FlaskClient, week: dict[str, int]):
    answer = client.get(f"/api/v1/kpis?{WEEK}").json
    figures = {figure["name"]: figure for figure in answer["figures"]}
    assert answer["period"] == {"from": "2026-11-23", "to": "2026-11-29"}
    assert figures["volume_per_km"]["value"] == pytest.approx(880 / 12)
    assert figures["volume_per_km"]["unit"] == "l/km"
    assert figures["volume_per_km"]["definition"] == "Volume collected on routes / total distance."
    assert figures["weight_per_hour"]["value"] == pytest.approx(120)
    assert figures["cost_per_tonne"]["unit"] == "EUR/t"
    assert answer["skips"] == [{"reason": "gate_locked", "visits": 1}]


def test_one_figure_shows_the_sums_behind_each_line(client: FlaskClient, week: dict[str, int]):
    figure = client.get(f"/api/v1/kpis/average_fill_at_collection?{WEEK}&by=zone").json["figure"]
    assert figure["value"] == pytest.approx(40)
    lines = {line["label"]: line for line in figure["groups"]}
    assert lines["Harbour"]["value"] == pytest.approx(60)
    assert lines["Harbour"]["sums"]["fill_before_known"] == 1
    assert lines["without a zone"]["value"] == pytest.approx(20)


@pytest.mark.parametrize(("part", "lifts"), [("zone={zone}", 1), ("class=paper", 2), ("class=glass", 0), ("vehicle={vehicle}", 2)])
def test_figures_of_a_part_of_the_town(client: FlaskClient, week: dict[str, int], part: str, lifts: int):
    figure = client.get(f"/api/v1/kpis/collections_in_period?{WEEK}&{part.format(**week)}").json["figure"]
    assert figure["value"] == lifts


def test_a_figure_of_nothing_is_null(client: FlaskClient):
    assert client.get("/api/v1/kpis/volume_per_km").json["figure"]["value"] is None


def test_areas_come_with_their_weeks(client: FlaskClient, week: dict[str, int]):
    """Two of three containers stand in the zone: 660 of 7 × 2,200 l."""
    area = client.get(f"/api/v1/area-trends?{WEEK}&zone={week['zone']}").json["items"][0]
    assert (area["zone"], area["waste_class"], area["advice"]) == ("Harbour", "paper", "keep")
    assert area["weeks"][0]["monday"] == "2026-11-23"
    assert area["weeks"][0]["containers"] == 2
    assert area["weeks"][0]["inflow_pct_per_day"] == pytest.approx(100 * 660 / 15_400)
    assert area["whole"]["overflow_frequency"] == 30  # one episode on the one day that anything was heard


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-11-24&to=2026-11-23", "from"),
        ("from=1990-01-01&to=2026-11-23", "from"),
        ("from=2999-01-01", "from"),
        ("from=yesterday", "from"),
        ("class=gold", "class"),
        ("by=moon", "by"),
        ("colour=red", "colour"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(client: FlaskClient, query: str, field: str):
    answer = client.get(f"/api/v1/kpis?{query}")
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json["errors"]] == [field]


@pytest.mark.parametrize("field", ["zone", "vehicle"])
def test_a_part_of_the_town_that_is_not_there_is_named(client: FlaskClient, field: str):
    answer = client.get(f"/api/v1/kpis?{field}=999999")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (404, field)


def test_an_unknown_figure_is_not_found(client: FlaskClient):
    assert client.get("/api/v1/kpis/happiness").status_code == 404


def test_figures_need_their_scope(app: Flask, database: Database, tenant_id: int):
    driver = make_tenancy.client(app, database, tenant_id, Scope.DRIVE)
    assert [driver.get(f"/api/v1/{path}").status_code for path in ("kpis", "kpis/volume_per_km", "area-trends")] == [403] * 3
