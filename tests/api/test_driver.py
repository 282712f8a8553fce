"""The driver's API: who sees which route, what a sheet says, and what becomes of reports."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app.assets.models import Facility
from app.db import Database, TenantSession
from app.dispatch.models import ActionKind, DriverAction, SkipReason
from app.dispatch.reports import Report
from app.planning.models import PlanStatus
from app.telemetry.models import Lift
from app.tenancy.links import sign_route_link
from app.tenancy.models import Role, Scope
from app.tenancy.scope import rows_of
from tests.factories import assets as make_assets
from tests.factories import dispatch as make
from tests.factories import tenancy as make_tenancy
from tests.factories.dispatch import DAY, OnTheRoad

API = "/api/v1"
ROUTES, ACTIONS = f"{API}/driver/routes", f"{API}/driver/actions"


@pytest.fixture
def driven(session: TenantSession) -> OnTheRoad:
    made = make.route(session)
    session.commit()
    return made


@pytest.fixture
def key(app: Flask, database: Database, tenant_id: int) -> FlaskClient:
    """A program that may drive and nothing else."""
    return make_tenancy.client(app, database, tenant_id, Scope.DRIVE)


def link(app: Flask, tenant_id: int, route_id: int) -> FlaskClient:
    token = sign_route_link("only for tests", tenant_id, route_id, expires_at=datetime.now(UTC) + timedelta(hours=12))
    made = app.test_client()
    made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return made


def driver(app: Flask, database: Database, tenant_id: int) -> tuple[FlaskClient, int]:
    """A driver who has signed in, and their number."""
    email = f"{uuid4().hex}@town.example"
    user_id = make_tenancy.user(database, tenant_id, email=email, role=Role.DRIVER)
    phone = app.test_client()
    answer = phone.post(f"{API}/session", json={"email": email, "password": make_tenancy.PASSWORD})
    phone.environ_base["HTTP_X_CSRF_TOKEN"] = answer.json["csrf_token"]
    return phone, user_id


def ids(answer: Any) -> list[int]:
    return [item["id"] for item in answer.json["items"]]


def send(who: FlaskClient, *reports: Any) -> Any:
    return who.post(ACTIONS, json={"actions": [make.as_json(one) if isinstance(one, Report) else one for one in reports]})


def statuses(answer: Any) -> list[str]:
    return [item["status"] for item in answer.json["items"]]


class TestWhoSeesWhat:
    def test_a_key_sees_all_routes_of_a_past_day(self, key: FlaskClient, session: TenantSession, driven: OnTheRoad):
        second = make.route(session, of=driven.plan)
        assert ids(key.get(f"{ROUTES}?date={DAY}")) == [driven.route.id, second.route.id]
        assert ids(key.get(f"{ROUTES}?date={DAY + timedelta(days=1)}")) == []
        assert key.get(f"{ROUTES}/{driven.route.id}").status_code == 200

    def test_without_a_date_it_is_the_local_today(self, key: FlaskClient, session: TenantSession, driven: OnTheRoad):
        today = datetime.now(UTC)
        plan = make.plan(session, service_date=today.astimezone(ZoneInfo("Europe/Berlin")).date())
        driven_today = make.route(session, of=plan, starts_at=today)
        assert ids(key.get(ROUTES)) == [driven_today.route.id]

    def test_a_link_opens_its_route_and_no_other(self, app: Flask, tenant_id: int, session: TenantSession, driven: OnTheRoad):
        other = make.route(session, of=driven.plan)
        phone = link(app, tenant_id, driven.route.id)
        assert ids(phone.get(ROUTES)) == ids(phone.get(f"{ROUTES}?date={DAY}")) == [driven.route.id]
        assert phone.get(f"{ROUTES}/{driven.route.id}").status_code == 200
        assert phone.get(f"{ROUTES}/{other.route.id}").status_code == 404
        answer = send(phone, make.report(driven.route.id, ActionKind.STARTED), make.report(other.route.id, ActionKind.STARTED))
        assert statuses(answer) == ["accepted", "rejected"]
        assert answer.json["items"][1]["errors"][0]["field"] == "route_id"

    def test_a_driver_sees_the_routes_of_the_own_crew(
        self, app: Flask, database: Database, tenant_id: int, session: TenantSession, driven: OnTheRoad
    ):
        phone, user_id = driver(app, database, tenant_id)
        truck = make_assets.vehicle(session)
        crew = make_assets.crew(session, user_id=user_id, vehicle_id=truck.id)
        mine = make.route(session, of=driven.plan, crew_id=crew.id)
        usual = make.route(session, of=driven.plan, vehicle_id=truck.id)
        assert ids(phone.get(f"{ROUTES}?date={DAY}")) == [mine.route.id, usual.route.id]
        assert phone.get(f"{ROUTES}/{driven.route.id}").status_code == 404
        assert phone.get(f"{API}/dispatch/day?date={DAY}").json["total"]["routes"] == 2
        assert statuses(send(phone, make.report(driven.route.id, ActionKind.STARTED))) == ["rejected"]

    def test_a_draft_is_nobodys_route(self, key: FlaskClient, session: TenantSession):
        draft = make.route(session, of=make.plan(session, status=PlanStatus.DRAFT, published_at=None))
        assert ids(key.get(f"{ROUTES}?date={DAY}")) == []
        assert key.get(f"{ROUTES}/{draft.route.id}").status_code == 404
        assert send(key, make.report(draft.route.id, ActionKind.STARTED)).status_code == 422

    def test_another_scope_does_not_drive(self, app: Flask, database: Database, tenant_id: int, driven: OnTheRoad):
        reader = make_tenancy.client(app, database, tenant_id, Scope.PLANS_READ)
        assert reader.get(f"{ROUTES}?date={DAY}").status_code == 403
        assert send(reader, make.report(driven.route.id, ActionKind.STARTED)).status_code == 403


class TestTheSheet:
    def test_it_says_what_to_do_in_order(self, key: FlaskClient, session: TenantSession):
        site = make_assets.site(session, name="Plaza", address="Calle 1", access_note="Gate 4711", time_windows=[])
        container = make_assets.container(session, site_id=site.id, code="K-1")
        driven = make.route(session, container_ids=[container.id], expected_kg=90)

        sheet = key.get(f"{ROUTES}/{driven.route.id}").json

        assert [visit["kind"] for visit in sheet["visits"]] == ["depart", "pickup", "unload", "return"]
        assert [visit["leg_distance_m"] for visit in sheet["visits"]] == [0, 1000, 1000, 1000]
        pickup = sheet["visits"][1]
        told = {name: pickup[name] for name in ("container_id", "container_code", "waste_class", "access_note", "expected_kg", "state")}
        assert told == {
            "container_id": container.id,
            "container_code": "K-1",
            "waste_class": "residual",
            "access_note": "Gate 4711",
            "expected_kg": 90,
            "state": "open",
        }
        assert pickup["place"] == {"code": site.code, "name": "Plaza", "address": "Calle 1", "lat": -29.9, "lon": -71.25}
        assert (pickup["arrives_at"], pickup["arrives_local"]) == ("2026-11-19T05:15:00+00:00", "2026-11-19T06:15:00+01:00")
        assert pickup["links"]["geo"] == "geo:-29.900000,-71.250000?q=-29.900000,-71.250000(Plaza)"
        assert "destination=-29.900000,-71.250000" in pickup["links"]["google"]
        assert (sheet["vehicle_id"], sheet["starts_at"]) == (driven.route.vehicle_id, "2026-11-19T05:00:00+00:00")

    def test_unloading_says_when_the_facility_is_open(self, key: FlaskClient, session: TenantSession, driven: OnTheRoad):
        """19 November 2026 is a Thursday, weekday 3."""
        hours = [{"weekdays": [3], "opens": "06:00", "closes": "15:00"}]
        session.get_one(Facility, (session.info["tenant_id"], driven.facility_id)).opening_hours = hours
        session.commit()
        unload = key.get(f"{ROUTES}/{driven.route.id}").json["visits"][4]
        assert unload["open_windows"] == [["2026-11-19T06:00:00+01:00", "2026-11-19T15:00:00+01:00"]]
        assert unload["facility_id"] == driven.facility_id

    def test_done_skipped_and_open_and_the_load_on_board(self, key: FlaskClient, driven: OnTheRoad):
        """The first weighed 130 kg instead of 100, the second is skipped: 130 on board, 130 + 100 after the third."""
        first, second, _ = driven.container_ids
        done = make.report(driven.route.id, ActionKind.COLLECTED, 20, container_id=first, weight_kg=130)
        skipped = make.report(
            driven.route.id, ActionKind.SKIPPED, 30, container_id=second, skip_reason=SkipReason.GATE_LOCKED, note="new lock"
        )
        assert statuses(send(key, make.report(driven.route.id, ActionKind.STARTED), done, skipped)) == ["accepted"] * 3

        sheet = key.get(f"{ROUTES}/{driven.route.id}").json

        assert [visit["state"] for visit in sheet["visits"]] == ["done", "done", "skipped", "open", "open", "open"]
        assert sheet["visits"][2]["skip_reason"] == "gate_locked"
        assert [visit["running_load_kg"] for visit in sheet["visits"]] == [0, 130, 130, 230, 0, 0]
        assert sheet["on_board"]["load_kg"] == 130
        assert (sheet["done"], sheet["skipped"], sheet["remaining"], sheet["state"]) == (1, 1, 1, "under_way")

    def test_it_says_when_the_truck_must_tip_before_the_next_container(self, key: FlaskClient, session: TenantSession):
        """Payload 250 kg, 100 kg each: two fit, the third does not."""
        truck = make_assets.vehicle(session, payload_kg=250)
        driven = make.route(session, vehicle_id=truck.id)
        session.commit()
        url = f"{ROUTES}/{driven.route.id}"
        sheet = key.get(url).json
        assert [visit["tip_first"] for visit in sheet["visits"]] == [False, False, False, True, False, False]
        assert sheet["on_board"]["tip_now"] is False

        send(key, *(make.report(driven.route.id, ActionKind.COLLECTED, 9, container_id=one) for one in driven.container_ids[:2]))

        on_board = key.get(url).json["on_board"]
        assert (on_board["tip_now"], on_board["tip_at_facility_id"], on_board["payload_kg"]) == (True, driven.facility_id, 250)

    def test_gpx_holds_the_way_and_the_stops(self, key: FlaskClient, driven: OnTheRoad):
        answer = key.get(f"{ROUTES}/{driven.route.id}.gpx")
        assert answer.mimetype == "application/gpx+xml"
        root, space = ElementTree.fromstring(answer.data), "{http://www.topografix.com/GPX/1/1}"
        track = [(point.get("lat"), point.get("lon")) for point in root.iter(f"{space}trkpt")]
        assert track == [("-29.95", "-71.34"), ("-29.9", "-71.25"), ("-29.95", "-71.34")]
        assert [point.findtext(f"{space}type") for point in root.iter(f"{space}wpt")] == [v.kind for v in driven.visits]

    @pytest.mark.parametrize("path", ["driver/routes/{}", "driver/routes?date=2026-11-19", "dispatch/day?date=2026-11-19"])
    def test_its_queries_do_not_grow_with_the_route(self, key: FlaskClient, database: Database, session: TenantSession, path: str):
        def queries_of(route: OnTheRoad) -> int:
            session.commit()
            seen: list[str] = []
            listener = lambda *args: seen.append(args[2])  # noqa: E731
            event.listen(database.engine, "before_cursor_execute", listener)
            assert key.get(f"{API}/{path.format(route.route.id)}").status_code == 200
            event.remove(database.engine, "before_cursor_execute", listener)
            return sum(" FROM " in statement for statement in seen)

        short = make.route(session)
        first = queries_of(short)
        long = make.route(session, of=short.plan, container_ids=[make_assets.container(session).id for _ in range(6)])
        assert queries_of(long) == first <= 14


class TestReports:
    def test_a_day_counts_once_however_often_it_is_sent(self, key: FlaskClient, session: TenantSession, driven: OnTheRoad):
        day = make.a_day(driven)
        assert send(key, *day).json["counts"] == {"accepted": 6, "duplicate": 0, "conflict": 0, "rejected": 0}
        assert send(key, *reversed(day), day[0]).json["counts"] == {"accepted": 0, "duplicate": 7, "conflict": 0, "rejected": 0}
        session.expire_all()
        lifts = list(session.scalars(rows_of(session, Lift).order_by(Lift.lifted_at)))
        assert [(lift.container_id, lift.source, lift.vehicle_id) for lift in lifts] == [
            (one, "driver", driven.route.vehicle_id) for one in driven.container_ids
        ]
        (head,) = key.get(f"{ROUTES}?date={DAY}").json["items"]
        assert (head["state"], head["driven_m"], head["done"], head["remaining"]) == ("finished", 12_000, 3, 0)

    def test_another_content_under_the_same_number_is_a_conflict_and_the_first_stays(
        self, key: FlaskClient, session: TenantSession, driven: OnTheRoad
    ):
        first = make.as_json(make.report(driven.route.id, ActionKind.COLLECTED, container_id=driven.container_ids[0], weight_kg=50))
        answer = send(key, first, first | {"weight_kg": 60}, first)
        assert statuses(answer) == ["accepted", "conflict", "duplicate"]
        assert [error["field"] for error in answer.json["items"][1]["errors"]] == ["weight_kg"]
        assert statuses(send(key, first | {"container_id": driven.container_ids[1]}, first)) == ["conflict", "duplicate"]
        assert [action.weight_kg for action in session.scalars(rows_of(session, DriverAction))] == [50]

    def test_a_bad_action_does_not_hold_up_the_others(self, key: FlaskClient, session: TenantSession, driven: OnTheRoad):
        good = make.report(driven.route.id, ActionKind.STARTED)
        answer = send(key, {"kind": "flown"}, good, "nothing", {})
        assert (answer.status_code, statuses(answer)) == (200, ["rejected", "accepted", "rejected", "rejected"])
        assert {error["field"] for error in answer.json["items"][0]["errors"]} == {"kind", "client_uid", "route_id", "occurred_at"}
        assert all(error["mend"] for error in answer.json["items"][0]["errors"])

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"container_id": 999_999_999}, "container_id"),
            ({"route_id": 999_999_999}, "route_id"),
            ({"container_id": None}, "container_id"),
            ({"skip_reason": "gate_locked"}, "skip_reason"),
            ({"kind": "skipped"}, "skip_reason"),
            ({"kind": "unloaded"}, "container_id"),
            ({"kind": "unloaded", "container_id": None}, "facility_id"),
            ({"kind": "unloaded", "container_id": None, "facility_id": 999_999_999}, "facility_id"),
            ({"occurred_at": "2026-11-19T08:00:00"}, "occurred_at"),
            ({"occurred_at": "1970-01-01T00:00:00Z"}, "occurred_at"),
            ({"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at"),
            ({"weight_kg": -1}, "weight_kg"),
            ({"odometer_m": 1.5}, "odometer_m"),
            ({"ticket_number": "T"}, "ticket_number"),
            ({"note": "a\0b"}, "note"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_a_refusal_names_the_field_and_the_mend(self, key: FlaskClient, driven: OnTheRoad, change: dict[str, Any], field: str):
        sound = make.as_json(make.report(driven.route.id, ActionKind.COLLECTED, container_id=driven.container_ids[0]))
        answer = send(key, sound | change)
        assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
        (item,) = answer.json["items"]
        assert (item["status"], [error["field"] for error in item["errors"]]) == ("rejected", [field])
        assert all(error["problem"] and error["mend"] for error in item["errors"])

    @pytest.mark.parametrize("body", ["no json", "[]", '{"actions": {}}', '{"actions": [], "x": 1}'])
    def test_a_body_that_is_no_batch_is_refused(self, key: FlaskClient, body: str):
        assert key.post(ACTIONS, data=body, content_type="application/json").status_code == 400

    def test_a_batch_has_its_limit_and_may_be_empty(self, key: FlaskClient):
        assert send(key, *[{}] * 501).status_code == 413
        assert (send(key).status_code, send(key).json["items"]) == (200, [])

    def test_a_container_that_is_not_on_the_route_is_lifted_and_flagged(self, key: FlaskClient, session: TenantSession, driven: OnTheRoad):
        extra = make_assets.container(session)
        session.commit()
        answer = send(key, make.report(driven.route.id, ActionKind.COLLECTED, container_id=extra.id))
        assert (answer.json["items"][0]["status"], answer.json["items"][0]["flags"]) == ("accepted", ["not_on_route"])
        assert [lift.container_id for lift in session.scalars(rows_of(session, Lift))] == [extra.id]
        sheet = key.get(f"{ROUTES}/{driven.route.id}").json
        assert [action["container_id"] for action in sheet["extra_actions"]] == [extra.id]
        assert (sheet["extras"], sheet["remaining"]) == (1, 3)

    @pytest.mark.parametrize("status", [PlanStatus.WITHDRAWN, PlanStatus.SUPERSEDED])
    def test_what_was_done_on_a_route_counts_though_it_was_taken_back(
        self, key: FlaskClient, session: TenantSession, driven: OnTheRoad, status: PlanStatus
    ):
        driven.plan.status = status
        session.add(driven.plan)
        session.commit()
        answer = send(key, make.report(driven.route.id, ActionKind.COLLECTED, container_id=driven.container_ids[0]))
        assert (statuses(answer), answer.json["items"][0]["flags"]) == (["accepted"], ["route_not_in_force"])
        assert key.get(f"{ROUTES}/{driven.route.id}").json["status"] == status
        assert ids(key.get(f"{ROUTES}?date={DAY}")) == []

    def test_reports_of_weeks_ago_are_taken(self, key: FlaskClient, session: TenantSession):
        long_ago = datetime.now(UTC) - timedelta(weeks=9)
        plan = make.plan(session, service_date=long_ago.date())
        driven = make.route(session, of=plan, starts_at=long_ago)
        session.commit()
        sent = make.report(driven.route.id, ActionKind.COLLECTED, container_id=driven.container_ids[0], occurred_at=long_ago)
        assert statuses(send(key, sent)) == ["accepted"]


def test_skip_reasons_have_labels(key: FlaskClient):
    items = key.get(f"{API}/driver/skip-reasons").json["items"]
    assert [item["reason"] for item in items] == list(SkipReason)
    assert len({item["label"] for item in items}) == len(SkipReason)


def test_the_day_shows_how_far_its_routes_are(client: FlaskClient, session: TenantSession, driven: OnTheRoad):
    """The first pickup was planned at 06:15 and done at 06:25."""
    make.route(session, of=driven.plan)
    session.commit()
    send(client, make.report(driven.route.id, ActionKind.COLLECTED, 25, container_id=driven.container_ids[0]))
    day = client.get(f"{API}/dispatch/day?date={DAY}").json
    assert day["total"] == {"routes": 2, "finished": 0, "under_way": 1, "done": 1, "skipped": 0, "remaining": 5}
    assert (day["date"], day["items"][1]["state"], day["items"][1]["lateness_s"]) == (str(DAY), "waiting", None)


class TestDriversLink:
    def test_a_new_link_opens_the_route_and_the_log_tells_of_it(
        self, app: Flask, client: FlaskClient, session: TenantSession, driven: OnTheRoad
    ):
        answer = client.post(f"{API}/routes/{driven.route.id}/link")
        assert answer.status_code == 201
        phone = app.test_client()
        assert phone.get(answer.json["url"]).location == f"/drive/{driven.route.id}"
        assert ids(phone.get(ROUTES)) == [driven.route.id]
        (entry,) = client.get(f"{API}/audit?action=route.link_created").json["items"]
        assert (entry["subject_kind"], entry["subject_id"]) == ("route", driven.route.id)
        assert answer.json["token"] not in str(entry)

    def test_behind_https_the_address_says_so(self, app: Flask, client: FlaskClient, driven: OnTheRoad, monkeypatch: pytest.MonkeyPatch):
        told = client.post(f"{API}/routes/{driven.route.id}/link").json["url"]
        monkeypatch.setitem(app.config, "SESSION_COOKIE_SECURE", True)
        assert told.startswith("http://localhost/d/link_")
        assert client.post(f"{API}/routes/{driven.route.id}/link").json["url"].startswith("https://localhost/d/link_")

    def test_it_runs_out_two_days_after_the_route_ends(self, client: FlaskClient, session: TenantSession):
        tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        driven = make.route(session, of=make.plan(session, service_date=tomorrow.date()), starts_at=tomorrow)
        session.commit()
        told = client.post(f"{API}/routes/{driven.route.id}/link").json["expires_at"]
        assert datetime.fromisoformat(told) == driven.route.ends_at + timedelta(days=2)

    @pytest.mark.parametrize(("status", "answered"), [(PlanStatus.WITHDRAWN, 409), (PlanStatus.SUPERSEDED, 409), (PlanStatus.DRAFT, 404)])
    def test_a_route_that_is_not_out_gets_none(self, client: FlaskClient, session: TenantSession, status: PlanStatus, answered: int):
        went_out = None if status is PlanStatus.DRAFT else make.STARTS_AT
        driven = make.route(session, of=make.plan(session, status=status, published_at=went_out))
        session.commit()
        assert client.post(f"{API}/routes/{driven.route.id}/link").status_code == answered

    def test_who_may_only_drive_makes_none(self, app: Flask, tenant_id: int, key: FlaskClient, driven: OnTheRoad):
        path = f"{API}/routes/{driven.route.id}/link"
        assert (key.post(path).status_code, link(app, tenant_id, driven.route.id).post(path).status_code) == (403, 403)
