"""The register's endpoints: the same promises for each of its kinds."""

import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from sqlalchemy import event

from app.assets.api import RESOURCES
from app.assets.resource import Resource
from app.db import Database, TenantSession
from app.telemetry.models import ContainerState
from app.tenancy.models import Scope
from tests.api.owned_assets import valid_body
from tests.factories import assets as make
from tests.factories import tenancy as make_tenancy

API = "/api/v1"
SQUARE = [[-71.3, -29.9], [-71.2, -29.9], [-71.2, -29.8], [-71.3, -29.9]]


def problem(answer: Any) -> dict[str, str]:
    """Field → what is wrong, of a refusal."""
    assert answer.mimetype == "application/problem+json"
    return {one["field"]: one["problem"] for one in answer.json["errors"]}


def codes(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["code"] for row in answer.json["items"]]


@pytest.fixture(params=RESOURCES, ids=lambda resource: resource.plural)
def resource(request: pytest.FixtureRequest) -> Resource:
    return request.param


@pytest.fixture
def site(session: TenantSession) -> Any:
    return make.site(session, code="P1", lat=-29.9, lon=-71.25)


@pytest.fixture
def site_url(site: Any) -> str:
    return f"{API}/sites/{site.id}"


class TestEveryKind:
    def test_is_created_read_changed_replaced_and_deleted(self, resource: Resource, client: FlaskClient, session: TenantSession):
        body = valid_body(session, resource.singular)
        created = client.post(API + resource.path, json=body)
        assert created.status_code == 201, created.text
        url, tag = created.headers["Location"], created.headers["ETag"]
        assert client.get(url).json == created.json
        assert {key: created.json[key] for key in body} == body

        changed = client.patch(url, json=_a_change(resource), headers={"If-Match": tag})
        assert changed.status_code == 200, changed.text
        assert changed.json == created.json | _a_change(resource) | {"row_version": 2}

        replaced = client.put(url, json=body, headers={"If-Match": changed.headers["ETag"]})
        assert replaced.json == created.json | {"row_version": 3}

        assert client.delete(url, headers={"If-Match": replaced.headers["ETag"]}).status_code == 204
        assert client.get(url).status_code == 404

    def test_is_changed_only_by_who_has_seen_the_current_version(self, resource: Resource, client: FlaskClient, session: TenantSession):
        created = client.post(API + resource.path, json=valid_body(session, resource.singular))
        url = created.headers["Location"]
        for ask in (client.patch, client.put, client.delete):
            body = valid_body(session, resource.singular)
            assert ask(url, json=body).status_code == 428
            assert ask(url, json=body, headers={"If-Match": '"7"'}).status_code == 412
        assert client.get(url).json == created.json

    def test_is_not_sent_again_to_who_has_it(self, resource: Resource, client: FlaskClient, session: TenantSession):
        created = client.post(API + resource.path, json=valid_body(session, resource.singular))
        url, tag = created.headers["Location"], created.headers["ETag"]
        again = client.get(url, headers={"If-None-Match": tag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert client.get(url, headers={"If-None-Match": '"7"'}).status_code == 200

    def test_may_exist_once(self, resource: Resource, client: FlaskClient, session: TenantSession):
        if resource.singular == "absence":
            pytest.skip("absences have no code")
        body = valid_body(session, resource.singular)
        assert client.post(API + resource.path, json=body).status_code == 201
        second = client.post(API + resource.path, json=body)
        assert second.status_code == 409
        assert problem(second) == {resource.key or "code": f"{body[resource.key or 'code']} is taken"}

    def test_needs_the_scope_to_write(self, resource: Resource, app: Flask, database: Database, tenant_id: int, session: TenantSession):
        reader = make_tenancy.client(app, database, tenant_id, Scope.REGISTER_READ)
        assert reader.get(API + resource.path).status_code == 200
        assert reader.post(API + resource.path, json=valid_body(session, resource.singular)).status_code == 403

    def test_is_listed_in_a_fixed_number_of_queries(
        self, resource: Resource, client: FlaskClient, session: TenantSession, database: Database
    ):
        asked = API + resource.path + ("?format=geojson" if resource.has_place else "")
        getattr(make, resource.singular)(session)
        few = _count_selects(database, lambda: client.get(asked))
        if not resource.key:
            for _ in range(4):
                getattr(make, resource.singular)(session)
        assert _count_selects(database, lambda: client.get(asked)) == few


def _a_change(resource: Resource) -> dict[str, Any]:
    changes = {"container": {"tags": ["school"]}, "absence": {"note": "clutch"}, "vehicle": {"plate": "KB 1"}}
    return changes.get(resource.singular, {"density_kg_m3": 300.0} if resource.key == "waste_class" else {"name": "Changed"})


def _count_selects(database: Database, ask: Any) -> int:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT") and "set_config" not in statement:
            seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        assert ask().status_code == 200
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return len(seen)


def test_pages_follow_each_other_until_there_is_none(client: FlaskClient, session: TenantSession):
    for number in range(5):
        make.site(session, code=f"P{number}")
    url, seen = f"{API}/sites?limit=2", []
    while url:
        page = client.get(url)
        seen.append(codes(page))
        link = page.headers.get("Link", "")
        url = link[1 : link.index(">")] if link else ""
    assert seen == [["P0", "P1"], ["P2", "P3"], ["P4"]]


def test_an_unknown_filter_is_refused_instead_of_ignored(client: FlaskClient):
    answer = client.get(f"{API}/sites?zones=Z1")
    assert (answer.status_code, list(problem(answer))) == (422, ["zones"])


def test_containers_are_found_by_what_people_know_of_them(client: FlaskClient, session: TenantSession):
    zone = make.zone(session, code="Z1")
    inside = make.site(session, code="P1", zone_id=zone.id, lat=-29.9, lon=-71.25)
    outside = make.site(session, code="P2", lat=-30.5, lon=-71.6)
    make.container(session, code="K1", site_id=inside.id, waste_class="glass", tags=["school", "corner"])
    make.container(session, code="K2", site_id=outside.id, waste_class="paper", status="removed")
    for asked in ("zone=Z1", "site=P1", "waste_class=glass", "status=in_service", "tag=school", "code=K1", "bbox=-71.3,-30,-71.2,-29.8"):
        assert codes(client.get(f"{API}/containers?{asked}")) == ["K1"], asked
    assert codes(client.get(f"{API}/containers?zone=Z1&status=removed")) == []


def test_a_box_may_span_the_date_line(client: FlaskClient, session: TenantSession):
    make.site(session, code="fiji", lat=-17, lon=179.5)
    make.site(session, code="samoa", lat=-14, lon=-171.8)
    make.site(session, code="chile", lat=-29, lon=-71)
    assert codes(client.get(f"{API}/sites?bbox=179,-20,-170,-10")) == ["fiji", "samoa"]


def test_vehicles_facilities_absences_and_holidays_have_filters_of_their_own(client: FlaskClient, session: TenantSession):
    vehicle = make.vehicle(session, code="V1", waste_classes=["glass"])
    make.facility(session, code="F1", accepts=["glass"])
    make.absence(session, vehicle_id=vehicle.id)
    make.holiday(session)
    assert codes(client.get(f"{API}/vehicles?waste_class=glass&status=in_fleet")) == ["V1"]
    assert codes(client.get(f"{API}/vehicles?waste_class=paper")) == []
    assert codes(client.get(f"{API}/facilities?waste_class=glass")) == ["F1"]
    assert len(client.get(f"{API}/absences?day=2026-11-24&vehicle_id={vehicle.id}").json["items"]) == 1
    assert client.get(f"{API}/absences?day=2026-11-25").json["items"] == []
    assert len(client.get(f"{API}/holidays?first_day=2026-12-25&last_day=2026-12-25").json["items"]) == 1
    assert client.get(f"{API}/holidays?first_day=2026-12-26").json["items"] == []


def test_a_patch_is_judged_by_the_row_that_it_leaves(client: FlaskClient, session: TenantSession):
    """150 mm to the full mark is fine by itself, and 140 mm to the floor too; together the container would be upside down."""
    model = make.container_model(session)
    url = f"{API}/container-models/{model.id}"
    answer = client.patch(url, json={"empty_distance_mm": 140}, headers={"If-Match": "*"})
    assert (answer.status_code, list(problem(answer))) == (422, ["empty_distance_mm"])
    assert client.patch(url, json={"empty_distance_mm": 140, "full_distance_mm": 20}, headers={"If-Match": "*"}).status_code == 200


def test_a_container_has_from_its_model_what_it_leaves_out(client: FlaskClient, session: TenantSession, site: Any):
    model = make.container_model(session, volume_l=770, empty_distance_mm=1130, full_distance_mm=140)
    body = {"code": "K1", "site_id": site.id, "model_id": model.id, "waste_class": "residual", "full_distance_mm": 200}
    made = client.post(f"{API}/containers", json=body).json
    assert (made["volume_l"], made["empty_distance_mm"], made["full_distance_mm"]) == (770, 1130, 200)


def test_a_container_must_bear_being_full_of_its_class(client: FlaskClient, session: TenantSession, site: Any):
    """1,100 l of glass at 300 kg/m³ weigh 330 kg; the model bears 329."""
    model = make.container_model(session, volume_l=1100, max_load_kg=329)
    body = {"code": "K1", "site_id": site.id, "model_id": model.id, "waste_class": "glass"}
    refused = client.post(f"{API}/containers", json=body)
    assert "330 kg" in problem(refused)["waste_class"]
    assert refused.json["errors"][0]["mend"].startswith("Choose another model")
    assert client.post(f"{API}/containers", json=body | {"density_kg_m3": 299}).status_code == 201


def test_a_body_may_not_name_what_is_not_there(client: FlaskClient):
    answer = client.post(f"{API}/sites", json={"code": "P1", "name": "Plaza", "lat": 1, "lon": 1, "zone_id": 4711})
    assert answer.status_code == 422
    assert problem(answer) == {"zone_id": "there is no zone 4711"}


def test_a_container_with_a_past_stays(client: FlaskClient, session: TenantSession):
    container = make.container(session)
    session.add(ContainerState(container_id=container.id))
    session.flush()
    answer = client.delete(f"{API}/containers/{container.id}", headers={"If-Match": "*"})
    assert answer.status_code == 409
    assert "container state" in answer.json["detail"]
    assert "status to removed" in answer.json["detail"]


def test_a_site_with_containers_stays(client: FlaskClient, session: TenantSession, site: Any, site_url: str):
    make.container(session, site_id=site.id)
    assert client.delete(site_url, headers={"If-Match": "*"}).status_code == 409


def test_a_holiday_keeps_its_day(client: FlaskClient, session: TenantSession):
    make.holiday(session)
    answer = client.put(f"{API}/holidays/2026-12-25", json={"day": "2026-12-26", "name": "x"}, headers={"If-Match": "*"})
    assert (answer.status_code, list(problem(answer))) == (422, ["day"])


@pytest.mark.parametrize("path", ["holidays/tomorrow", "waste-class-settings/gold", "sites/0", f"sites/{2**63}", "sites/x"])
def test_an_address_of_nothing_is_not_found(client: FlaskClient, path: str):
    assert client.get(f"{API}/{path}").status_code == 404


@pytest.mark.parametrize("body", ["{", "[]", "null", '"x"'])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_body_that_is_no_object_is_refused(client: FlaskClient, site_url: str, method: str, body: str):
    answer = client.open(site_url, method=method, data=body, content_type="application/json", headers={"If-Match": "*"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.mimetype == "application/problem+json"


def test_changes_are_in_the_audit_log_with_what_they_changed(client: FlaskClient, site_url: str):
    client.patch(site_url, json={"name": "Old plaza"}, headers={"If-Match": "*"})
    entry = client.get(f"{API}/audit?subject_kind=site").json["items"][-1]
    assert (entry["action"], entry["before"]["name"], entry["after"]["name"]) == ("site.changed", "Plaza", "Old plaza")
    assert set(entry["after"]) == {"name", "row_version"}


class TestGeoJson:
    def test_containers_are_at_the_points_of_their_sites(self, client: FlaskClient, session: TenantSession, site: Any):
        container = make.container(session, site_id=site.id)
        answer = client.get(f"{API}/containers", headers={"Accept": "application/geo+json"})
        assert (answer.mimetype, answer.headers["Vary"]) == ("application/geo+json", "Accept")
        (feature,) = answer.json["features"]
        assert answer.json["type"] == "FeatureCollection"
        assert (feature["type"], feature["id"]) == ("Feature", container.id)
        assert feature["geometry"] == {"type": "Point", "coordinates": [-71.25, -29.9]}
        assert feature["properties"]["waste_class"] == "residual"

    def test_a_zone_has_its_area_or_none(self, client: FlaskClient, session: TenantSession):
        area = {"type": "Polygon", "coordinates": [SQUARE]}
        drawn, undrawn = make.zone(session, area=area), make.zone(session)
        assert client.get(f"{API}/zones/{drawn.id}?format=geojson").json["geometry"] == area
        features = client.get(f"{API}/zones?format=geojson").json["features"]
        assert [feature["geometry"] for feature in features] == [area, None]
        assert "area" not in features[0]["properties"]
        assert undrawn.id == features[1]["id"]

    @pytest.mark.parametrize("kind", ["depots", "facilities", "sites"])
    def test_places_are_points_lon_first(self, client: FlaskClient, session: TenantSession, kind: str):
        {"depots": make.depot, "facilities": make.facility, "sites": make.site}[kind](session, lat=10, lon=20)
        (feature,) = client.get(f"{API}/{kind}?format=geojson").json["features"]
        assert feature["geometry"] == {"type": "Point", "coordinates": [20, 10]}

    def test_its_pages_go_on_too(self, client: FlaskClient, session: TenantSession):
        for _ in range(2):
            make.site(session)
        first = client.get(f"{API}/sites?format=geojson&limit=1")
        assert len(first.json["features"]) == 1
        assert "format=geojson" in first.headers["Link"]

    def test_json_is_what_a_browser_gets(self, client: FlaskClient, site_url: str):
        assert client.get(site_url, headers={"Accept": "text/html,*/*;q=0.8"}).mimetype == "application/json"

    def test_an_unknown_form_is_refused(self, client: FlaskClient, site_url: str):
        assert client.get(f"{site_url}?format=kml").status_code == 422


class TestImports:
    FILE = "code;name;lat;lon\nP1;Plaza;-29,9012;-71,2512\n"

    @pytest.fixture(params=["text/csv", "multipart/form-data"])
    def sent(self, request: pytest.FixtureRequest) -> Any:
        def options(text: str) -> dict[str, Any]:
            if request.param == "text/csv":
                return {"data": text.encode(), "content_type": "text/csv"}
            return {"data": {"file": (io.BytesIO(text.encode()), "sites.csv")}}

        return options

    def test_a_file_comes_in_and_its_counts_go_out(self, client: FlaskClient, sent: Any):
        answer = client.post(f"{API}/imports/sites", **sent(self.FILE))
        assert answer.json == {"kind": "sites", "dry_run": False, "rows": 1, "created": 1, "updated": 0, "unchanged": 0}
        assert codes(client.get(f"{API}/sites")) == ["P1"]

    def test_a_bad_row_is_named_and_nothing_comes_in(self, client: FlaskClient, sent: Any):
        answer = client.post(f"{API}/imports/sites", **sent(self.FILE + "P2;Port;-29,95;1,234,5\n"))
        assert answer.status_code == 422
        (told,) = answer.json["errors"]
        assert {key: told[key] for key in ("row", "column", "value")} == {"row": 3, "column": "lon", "value": "1,234,5"}
        assert "decimal point" in told["mend"]
        assert codes(client.get(f"{API}/sites")) == []

    def test_a_dry_run_only_counts(self, client: FlaskClient, sent: Any):
        answer = client.post(f"{API}/imports/sites?dry_run=true", **sent(self.FILE))
        assert (answer.json["created"], answer.json["dry_run"]) == (1, True)
        assert codes(client.get(f"{API}/sites")) == []

    def test_a_strangers_code_is_unknown(self, client: FlaskClient, database: Database, other_tenant_id: int, sent: Any):
        with database.transaction(other_tenant_id) as theirs:
            make.zone(theirs, code="Z1")
        answer = client.post(f"{API}/imports/sites", **sent("code,name,lat,lon,zone\nP1,Plaza,1,1,Z1\n"))
        assert [(told["column"], told["value"]) for told in answer.json["errors"]] == [("zone", "Z1")]

    def test_without_a_file_or_a_kind_it_says_so(self, client: FlaskClient):
        assert client.post(f"{API}/imports/bins", data="x", content_type="text/csv").status_code == 404
        answer = client.post(f"{API}/imports/sites", data={"note": "no file"}, content_type="multipart/form-data")
        assert (answer.status_code, list(problem(answer))) == (422, ["file"])


def test_presets_are_added_once(client: FlaskClient):
    assert client.post(f"{API}/presets").json == {"added": 14, "there_already": 0}
    assert client.post(f"{API}/presets").json == {"added": 0, "there_already": 14}
    assert len(client.get(f"{API}/container-models?lift_kind=crane").json["items"]) == 3


def test_the_description_is_valid_openapi_and_names_every_operation_once(client: FlaskClient):
    described = client.get(f"{API}/openapi.json").json
    validate(described)
    assert described["openapi"].startswith("3.1")
    operations = [
        (path, method, told)
        for path, methods in described["paths"].items()
        for method, told in methods.items()
        if method != "parameters" and told["tags"] == ["assets"]
    ]
    ids = [told["operationId"] for _, _, told in operations]
    assert len(ids) == len(set(ids)) == 6 * len(RESOURCES) + 2
    assert {f"{verb}_site" for verb in ("create", "get", "replace", "change", "delete")} | {"list_sites"} <= set(ids)
    body = described["paths"][f"{API}/containers"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Container"}
