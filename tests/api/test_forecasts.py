"""The API tells a container's forecast by the hour, how its past ones did, and takes evidence in."""

from datetime import datetime, timedelta

import pytest

from app.forecasts.models import InflowEvidence
from tests.api.owned_telemetry import NOW
from tests.factories import forecasts as make
from tests.factories import telemetry as make_telemetry


@pytest.fixture
def container_id(session):
    made = make_telemetry.container(session).id
    make.run(session, NOW, {made: (40.0, 24.0)})
    return made


def test_a_forecast_by_the_hour(client, session, container_id):
    """40 % and 1 % an hour, 10 points to both sides: full after 60 hours, 50 in one case of ten, 70 in another."""
    make.error(session, container_id, NOW, 4.0, cusum_high=6.0)

    told = client.get(f"/api/v1/containers/{container_id}/forecast").get_json()

    assert (told["method"], told["model_version"]) == ("model", "by hand 1")
    assert [hour["hour"] for hour in told["hours"]] == list(range(1, 169))
    hour = told["hours"][35]
    assert [hour[name] for name in ("q10_pct", "q50_pct", "q90_pct", "naive_pct")] == pytest.approx([66, 76, 86, 77], abs=0.01)
    assert told["hours"][59]["overflow_probability"] == pytest.approx(0.5, abs=0.01)
    full = [datetime.fromisoformat(told["full"][name]) - NOW for name in ("early_at", "middle_at", "late_at")]
    assert full == [timedelta(hours=50), timedelta(hours=60), timedelta(hours=70)]
    [record] = told["records"]
    assert (record["nights"], record["mae_pct"], record["naive_mae_pct"], record["coverage"]) == (1, 4.0, 8.0, 1.0)
    assert told["drift"] == "It has been filling up faster than forecast, night after night."


def test_a_container_that_no_night_has_seen_has_no_forecast(client, session):
    made = make_telemetry.container(session).id

    answer = client.get(f"/api/v1/containers/{made}/forecast")

    assert answer.status_code == 404
    assert "No night" in answer.get_json()["detail"]


def test_errors_night_by_night(client, session, container_id):
    for night in range(3):
        make.error(session, container_id, NOW - timedelta(days=night), float(night))

    items = client.get(f"/api/v1/containers/{container_id}/forecast-errors").get_json()["items"]

    assert [item["error_pct"] for item in items] == [2.0, 1.0, 0.0]


def test_scores_of_the_tenant(client, session):
    make.score(session, NOW, 4.5, nights=2)

    items = client.get("/api/v1/forecast-scores").get_json()["items"]

    assert [(item["horizon_h"], item["mae_pct"], item["backtest_mae_pct"]) for item in items] == [(24, 4.5, 4.0)] * 2


def test_evidence_is_taken_by_the_hour_and_a_repeat_replaces_it(client, session, container_id):
    at = NOW.replace(minute=17)
    for litres in (10, 12):
        body = {"container_id": container_id, "hour_at": at.isoformat(), "source": "deposit", "expected_l": litres, "spread_l": 3}
        assert client.post("/api/v1/inflow-evidence", json={"evidence": [body]}).get_json() == {"stored": 1}

    [row] = session.query(InflowEvidence).all()
    assert (row.hour_at, row.expected_l) == (at.replace(minute=0, second=0), 12)


def test_evidence_of_no_container_is_refused_and_named(client):
    body = {"container_id": 999_999, "hour_at": NOW.isoformat(), "source": "opening", "expected_l": 1, "spread_l": 1}

    answer = client.post("/api/v1/inflow-evidence", json={"evidence": [body]})

    assert answer.status_code == 422
    assert "evidence.0.container_id" in answer.get_data(as_text=True)
