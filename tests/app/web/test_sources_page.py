"""The pages of sources: their state, what they say of a refusal, how one is set up, and that a secret is shown once."""

import re
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from app.db import Database
from app.telemetry.models import SourceKind
from app.telemetry.source_setup import LABELS, STEPS
from app.tenancy.models import Role
from tests.app.telemetry.envelopes import examples
from tests.app.web.test_admin import Browser
from tests.factories import telemetry as make
from tests.factories import tenancy as make_tenancy

HTML = {"Accept": "text/html"}


@pytest.fixture
def dispatcher(app, database: Database, tenant_id: int) -> Browser:
    make_tenancy.user(database, tenant_id, email="ada@town.example", role=Role.DISPATCHER)
    return Browser(app, "ada@town.example")


def text_of(browser: Browser, path: str) -> str:
    answer = browser.client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def test_without_sources_the_page_says_what_one_is_for(dispatcher: Browser):
    assert "There is no source yet" in text_of(dispatcher, "/sources")


def test_the_secret_that_the_page_shows_opens_the_address_that_it_shows(dispatcher: Browser):
    status, shown = dispatcher.post("/sources", name="Town TTS", kind="tts", default_model="EM400-MUD")
    assert status == 200
    address = re.search(r'value="http://[^/]+(/api/v1/uplinks/[^"]+)"', shown)
    secret = re.search(r'value="Authorization: (Bearer [^"]+)"', shown)
    assert address
    assert secret
    sent = dispatcher.client.post(address[1], json={"join_accept": {}}, headers={"Authorization": secret[1]})
    assert sent.status_code == 200, sent.text
    assert secret[1].split()[1] not in text_of(dispatcher, "/sources")
    assert "1 skipped" in text_of(dispatcher, "/sources")


def test_a_refusal_says_why_and_how_to_mend_it(dispatcher: Browser, database: Database, tenant_id: int):
    with database.transaction(tenant_id, actor="test") as session:
        source, secret = make.source(session, SourceKind.CHIRPSTACK)
    body = examples.chirpstack() | {"time": datetime.now(UTC).isoformat(), "evil": "<script>alert(1)</script>"}
    dispatcher.client.post(f"/api/v1/uplinks/{source.source_key}", json=body, headers={"X-Api-Key": secret})
    page = text_of(dispatcher, f"/sources/{source.id}")
    assert "0101010101010101 is not registered. Register it with POST /api/v1/devices." in page
    assert f"/api/v1/uplinks/{source.source_key}" in page
    assert "<script>alert" not in page
    assert "Nothing has come yet" in text_of(dispatcher, f"/sources/{source.id}?outcome=stored")
    assert "all refused" in text_of(dispatcher, "/sources")


def test_switching_off_and_a_new_secret(dispatcher: Browser, database: Database, tenant_id: int):
    with database.transaction(tenant_id, actor="test") as session:
        source, old = make.source(session)
    assert dispatcher.post(f"/sources/{source.id}/activity", active="false")[0] == 303
    assert "switched off" in text_of(dispatcher, "/sources")
    assert old not in dispatcher.post(f"/sources/{source.id}/secret")[1]
    sent = dispatcher.client.post(f"/api/v1/uplinks/{source.source_key}", json={}, headers={"X-Api-Key": old})
    assert sent.status_code == 401


def test_whoever_may_only_read_is_shown_no_form(app, database: Database, tenant_id: int):
    make_tenancy.user(database, tenant_id, email="eve@town.example", role=Role.ANALYST)
    browser = Browser(app, "eve@town.example")
    assert "New source" not in text_of(browser, "/sources")
    assert browser.post("/sources", name="x", kind="tts")[0] == 403


def test_anothers_source_is_not_there(stranger: FlaskClient, database: Database, tenant_id: int):
    with database.transaction(tenant_id, actor="test") as session:
        source, _ = make.source(session)
    assert stranger.get(f"/sources/{source.id}", headers=HTML).status_code == 404


def test_every_kind_has_its_name_and_its_steps():
    assert LABELS.keys() == STEPS.keys() == set(SourceKind)
