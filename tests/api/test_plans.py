"""Nights, plans, the morning, the policy and rounds over HTTP."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import Database, TenantSession
from app.planning.models import Decision, JobStatus, Plan, PlanStatus
from app.planning.operations import publish_plan, request_night
from app.planning.queries import find_job
from app.tenancy.models import Scope
from tests.api.owned_planning import a_day_to_come
from tests.factories import assets as make_assets
from tests.factories import plans as make
from tests.factories import tenancy as make_tenancy
from tests.factories.plans import MONDAY

API = "/api/v1"


@pytest.fixture
def plan(session: TenantSession) -> Plan:
    """One truck drives two containers; a third is not due."""
    on_route = [make_assets.container(session).id for _ in range(2)]
    made = make.plan(session, summary={"km": 9.0})
    make.route(session, made, container_ids=on_route)
    for container_id in on_route:
        make.decision(
            session, made, container_id, decision=Decision.SERVED, rule="overflow_likely", mandatory=True, reason="98 % full now."
        )
    make.decision(session, made, make_assets.container(session).id)
    session.commit()
    return made


@pytest.fixture
def coming_monday(database: Database, tenant_id: int) -> str:
    return str(a_day_to_come(database, tenant_id)["service_date"])


def test_a_night_is_asked_for_and_waits(client: FlaskClient, coming_monday: str):
    answer = client.post(f"{API}/nights", json={"service_date": coming_monday})
    assert answer.status_code == 202
    assert (answer.json["service_date"], answer.json["status"], answer.json["attempt"]) == (coming_monday, "queued", 0)
    again = client.get(answer.headers["Location"])
    assert again.json == answer.json
    assert client.get(f"{API}/nights").json["items"] == [answer.json]


def test_without_a_date_it_is_the_next_service_date(client: FlaskClient):
    asked = date.fromisoformat(client.post(f"{API}/nights", json={}).json["service_date"])
    assert timedelta(0) < asked - date.today() <= timedelta(days=4)
    assert asked.weekday() < 5


def test_a_day_without_service_is_refused_with_the_mend(client: FlaskClient, coming_monday: str):
    sunday = date.fromisoformat(coming_monday) - timedelta(days=1)
    answer = client.post(f"{API}/nights", json={"service_date": sunday.isoformat()})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "service_date"
    assert "service day" in answer.json["errors"][0]["mend"]


def test_a_night_under_way_shows_its_progress_and_a_failed_one_its_words(client: FlaskClient, session: TenantSession):
    job = request_night(session, MONDAY)
    job.claim("w", make.SIX, lease=timedelta(minutes=3))
    job.progress = "travel times"
    session.commit()
    told = client.get(f"{API}/nights/{MONDAY}").json
    assert (told["status"], told["progress"], told["error"]) == ("running", "travel times", None)
    session.refresh(job)
    job.finish(make.SIX, error="No truck can drive.")
    session.commit()
    told = client.get(f"{API}/nights/{MONDAY}").json
    assert (told["status"], told["progress"], told["error"]) == ("failed", None, "No truck can drive.")


def test_nights_come_in_pages_the_latest_first(client: FlaskClient, session: TenantSession):
    for n in range(3):
        request_night(session, MONDAY + timedelta(days=n))
    session.commit()
    first = client.get(f"{API}/nights?limit=2").json
    second = client.get(f"{API}/nights?limit=2&cursor={first['next']}").json
    days = [night["service_date"] for night in first["items"] + second["items"]]
    assert days == ["2026-11-25", "2026-11-24", "2026-11-23"]
    assert second["next"] is None


def test_what_is_no_date_is_not_found(client: FlaskClient):
    assert client.get(f"{API}/nights/tomorrow").status_code == 404


def test_plans_are_listed_by_date_and_status(client: FlaskClient, session: TenantSession, plan: Plan):
    make.plan(session, date(2026, 11, 24))
    session.commit()
    listed = client.get(f"{API}/plans?service_date={MONDAY}").json["items"]
    assert [one["id"] for one in listed] == [plan.id]
    assert client.get(f"{API}/plans?status=published").json["items"] == []
    assert len(client.get(f"{API}/plans").json["items"]) == 2


def test_a_plan_carries_its_totals_and_its_version(client: FlaskClient, plan: Plan):
    answer = client.get(f"{API}/plans/{plan.id}")
    assert (answer.json["cost"], answer.json["summary"], answer.json["status"]) == (100.0, {"km": 9.0}, "draft")
    assert answer.headers["ETag"] == '"1"'
    unchanged = client.get(f"{API}/plans/{plan.id}", headers={"If-None-Match": '"1"'})
    assert unchanged.status_code in (200, 304)


def test_routes_have_their_visits_in_order(client: FlaskClient, plan: Plan):
    (route,) = client.get(f"{API}/plans/{plan.id}/routes").json["items"]
    assert [visit["kind"] for visit in route["visits"]] == ["depart", "pickup", "pickup", "return"]
    assert route["distance_m"] == 9000


def test_routes_as_geojson_are_lines_and_points(client: FlaskClient, plan: Plan):
    answer = client.get(f"{API}/plans/{plan.id}/routes?format=geojson")
    assert answer.mimetype == "application/geo+json"
    line, *points = answer.json["features"]
    assert line["geometry"] == {"type": "LineString", "coordinates": [[8.0, 50.0], [8.1, 50.0]]}
    assert [(point["geometry"]["type"], point["properties"]["kind"]) for point in points] == [("Point", "pickup")] * 2


def test_decisions_are_filtered_and_paged(client: FlaskClient, plan: Plan):
    served = client.get(f"{API}/plans/{plan.id}/decisions?decision=served").json["items"]
    assert {one["reason"] for one in served} == {"98 % full now."} and len(served) == 2
    first = client.get(f"{API}/plans/{plan.id}/decisions?limit=2").json
    rest = client.get(f"{API}/plans/{plan.id}/decisions?limit=2&cursor={first['next']}").json
    assert [one["decision"] for one in first["items"] + rest["items"]] == ["served", "served", "not_due"]


def test_why_is_my_bin_not_on_it(client: FlaskClient, session: TenantSession, plan: Plan):
    not_due = client.get(f"{API}/plans/{plan.id}/decisions?decision=not_due").json["items"][0]["container_id"]
    answer = client.get(f"{API}/containers/{not_due}/decision?service_date={MONDAY}").json
    assert (answer["decision"], answer["reason"], answer["service_date"]) == ("not_due", "10 % full now.", str(MONDAY))
    assert client.get(f"{API}/containers/{not_due}/decision").json == answer, "the latest date by default"
    assert client.get(f"{API}/containers/{not_due}/decision?service_date=2026-11-25").status_code == 404


def test_a_plan_goes_out_and_comes_back(client: FlaskClient, session: TenantSession, plan: Plan):
    out = client.post(f"{API}/plans/{plan.id}/publish", json={"note": "as discussed"})
    assert (out.status_code, out.json["status"], out.headers["ETag"]) == (200, "published", '"2"')
    assert out.json["published_by"].startswith("key:")
    assert client.post(f"{API}/plans/{plan.id}/publish").status_code == 409
    back = client.post(f"{API}/plans/{plan.id}/withdraw")
    assert (back.status_code, back.json["status"]) == (200, "withdrawn")
    assert client.post(f"{API}/plans/{plan.id}/withdraw").status_code == 409
    entries = [entry["action"] for entry in client.get(f"{API}/audit").json["items"] if entry["subject_kind"] == "plan"]
    assert sorted(entries) == ["plan.published", "plan.withdrawn"]


def test_a_version_that_is_no_longer_there_is_not_published(client: FlaskClient, plan: Plan):
    assert client.post(f"{API}/plans/{plan.id}/publish", headers={"If-Match": '"7"'}).status_code == 412
    assert client.post(f"{API}/plans/{plan.id}/publish", headers={"If-Match": '"1"'}).status_code == 200


def test_a_broken_truck_queues_the_date_again(client: FlaskClient, session: TenantSession, plan: Plan):
    publish_plan(session, plan)
    truck = make_assets.vehicle(session)
    session.commit()
    report = {"vehicle_id": truck.id, "reason": "breakdown", "until": "2026-11-24"}
    answer = client.post(f"{API}/mornings/{MONDAY}/absences", json=report)
    assert (answer.status_code, answer.json["night"]["status"]) == (202, "queued")
    absence = client.get(f"{API}/absences/{answer.json['absence_id']}").json
    assert (absence["vehicle_id"], absence["first_day"], absence["last_day"]) == (truck.id, str(MONDAY), "2026-11-24")
    job = find_job(session, MONDAY)
    assert job is not None and job.status is JobStatus.QUEUED


@pytest.mark.parametrize(
    "report", [{"reason": "sick"}, {"vehicle_id": 1, "crew_id": 1, "reason": "sick"}, {"vehicle_id": 1}, {"crew_id": 1, "reason": "rain"}]
)
def test_an_absence_that_makes_no_sense_is_refused(client: FlaskClient, session: TenantSession, report: dict[str, Any]):
    request_night(session, MONDAY)
    session.commit()
    assert client.post(f"{API}/mornings/{MONDAY}/absences", json=report).status_code == 422


def test_the_policy_has_defaults_until_it_is_set(client: FlaskClient):
    answer = client.get(f"{API}/policy")
    assert (answer.json["plan_at"], answer.json["publish_by"], answer.json["solve_s"]) == ("20:00", "05:15", 30)
    assert client.patch(f"{API}/policy", json={"solve_s": 60}).status_code == 428
    changed = client.patch(f"{API}/policy", json={"solve_s": 60, "publish_by": "04:30"}, headers={"If-Match": answer.headers["ETag"]})
    assert (changed.json["solve_s"], changed.json["publish_by"], changed.json["plan_at"]) == (60, "04:30", "20:00")
    assert client.get(f"{API}/policy").headers["ETag"] == changed.headers["ETag"] != answer.headers["ETag"]
    stale = client.patch(f"{API}/policy", json={"solve_s": 90}, headers={"If-Match": answer.headers["ETag"]})
    assert stale.status_code == 412


@pytest.mark.parametrize(
    "change",
    [
        {"solve_s": 0},
        {"must_serve_probability": 1.5},
        {"plan_at": "25:00"},
        {"overflow_cost_per_day": -1},
        {"overweight_probability": 0},
        {"overweight_probability": 0.6},
        {"sovle_s": 3},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(client: FlaskClient, change: dict[str, Any]):
    answer = client.patch(f"{API}/policy", json=change, headers={"If-Match": "*"})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == next(iter(change))


def test_a_round_is_made_changed_and_given_up(client: FlaskClient, session: TenantSession):
    ids = [make_assets.container(session).id for _ in range(3)]
    truck = make_assets.vehicle(session)
    session.commit()
    new = {"code": "R1", "name": "Centre", "vehicle_id": truck.id, "weekdays": [3, 0], "container_ids": ids}
    made = client.post(f"{API}/rounds", json=new)
    assert made.status_code == 201
    assert (made.json["container_ids"], made.json["weekdays"], made.json["active"]) == (ids, [0, 3], True)
    url = made.headers["Location"]
    turned = client.patch(url, json={"container_ids": ids[::-1]}, headers={"If-Match": made.headers["ETag"]})
    assert turned.json["container_ids"] == ids[::-1]
    assert client.patch(url, json={"name": "Old"}, headers={"If-Match": made.headers["ETag"]}).status_code == 412
    assert client.get(f"{API}/rounds").json["items"] == [turned.json]
    assert client.post(f"{API}/rounds", json=new).status_code == 409
    assert client.delete(url, headers={"If-Match": turned.headers["ETag"]}).status_code == 204
    assert client.get(url).status_code == 404


def test_a_round_names_nothing_twice(client: FlaskClient, session: TenantSession):
    container, truck = make_assets.container(session), make_assets.vehicle(session)
    session.commit()
    new = {"code": "R1", "name": "Centre", "vehicle_id": truck.id, "weekdays": [0], "container_ids": [container.id] * 2}
    answer = client.post(f"{API}/rounds", json=new)
    assert answer.status_code == 422
    assert "container_ids" in answer.json["errors"][0]["field"]


READS = ("/nights", "/plans", "/policy", "/rounds")
WRITES = (
    ("POST", "/nights"),
    ("PATCH", "/policy"),
    ("POST", "/rounds"),
    ("POST", "/plans/1/publish"),
    ("POST", "/mornings/2026-11-23/absences"),
)


def test_reading_does_not_reach_as_far_as_changing(app: Flask, database: Database, tenant_id: int):
    reader = make_tenancy.client(app, database, tenant_id, Scope.PLANS_READ)
    assert {path: reader.get(API + path).status_code for path in READS} == dict.fromkeys(READS, 200)
    assert {path: reader.open(API + path, method=method, json={}).status_code for method, path in WRITES} == {p: 403 for _, p in WRITES}
    blind = make_tenancy.client(app, database, tenant_id, Scope.KPIS_READ)
    assert {path: blind.get(API + path).status_code for path in READS} == dict.fromkeys(READS, 403)


def test_plans_of_published_status_are_what_the_list_says(client: FlaskClient, session: TenantSession, plan: Plan):
    publish_plan(session, plan)
    session.commit()
    assert [one["status"] for one in client.get(f"{API}/plans?status=published").json["items"]] == [PlanStatus.PUBLISHED]


def test_the_policy_takes_prices_of_balance_and_change_and_a_law_on_hours(client: FlaskClient):
    before = client.get(f"{API}/policy")
    assert (before.json["unfair_cost_per_h"], before.json["change_cost"], before.json["hours_rule"]) == (0, 0, None)
    wanted = {"unfair_cost_per_h": 20.0, "unfair_cost_per_100kg": 1.5, "change_cost": 2.0, "hours_rule": "eu_driving"}
    changed = client.patch(f"{API}/policy", json=wanted, headers={"If-Match": before.headers["ETag"]})
    assert {name: changed.json[name] for name in wanted} == wanted
    refused = client.patch(f"{API}/policy", json={"hours_rule": "none"}, headers={"If-Match": changed.headers["ETag"]})
    assert refused.status_code == 422


def test_a_route_says_its_cost_by_cause(client: FlaskClient, session: TenantSession):
    made = make.plan(session)
    make.route(session, made, costs={"fixed": 40.0, "overtime": 10.0})
    session.commit()
    (route,) = client.get(f"{API}/plans/{made.id}/routes").json["items"]
    assert route["costs"] == {"fixed": 40.0, "overtime": 10.0}


def test_a_plan_lists_what_changed_its_truck(client: FlaskClient, session: TenantSession):
    change = {"container_id": 7, "kind": "moved", "from_vehicle_id": 1, "to_vehicle_id": 2}
    made = make.plan(session, changes=[change])
    session.commit()
    assert client.get(f"{API}/plans/{made.id}").json["changes"] == [change]
