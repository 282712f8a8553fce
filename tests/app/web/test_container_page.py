"""A container's page says what is expected of it, how well that is known, and why a reading counts for less, in plain words."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from app.telemetry.ingest import ingest
from app.web.forecast_words import how_forecast, why_quality
from tests.factories import forecasts as make
from tests.factories import telemetry as make_telemetry

HTML = {"Accept": "text/html"}
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def device(session):
    return make_telemetry.mounted(session)


@pytest.fixture
def look(client, device):
    def page() -> str:
        return " ".join(client.get(f"/containers/{device.container_id}", headers=HTML).text.split())

    return page


def test_a_container_that_nobody_has_heard_of(look):
    text = look()

    assert "No sensor has said anything of this container: its fill is reckoned from its lifts" in text
    assert "no night has forecast it yet" in text


def test_forecast_record_and_drift(session, device, look):
    """40 % and 1 % an hour: full after 60 hours. Its forecasts were 4 points off, the naive ones 8."""
    make.run(session, NOW, {device.container_id: (40.0, 24.0)})
    make.error(session, device.container_id, NOW - timedelta(days=1), 4.0)
    make.error(session, device.container_id, NOW, -4.0, cusum_high=6.0)

    text = look()

    assert "Over 2 nights its forecasts of a day ahead were 4.0 points off, the naive ones 8.0: the forecasts were better." in text
    assert "It has been filling up faster than forecast" in text
    assert "by hand 1" in text
    assert "Full about" in text
    assert "in one case of ten it is full before" in text
    assert "Errors of the forecasts of" in text


def test_what_is_wrong_with_readings_is_counted(session, device, look):
    """Twelve readings at 50 %, and one that jumps to 95 % alone."""
    said = [700] * 12 + [250]
    ingest(session, make_telemetry.readings(device.device_uid, NOW - timedelta(hours=49), said, step_h=4), now=NOW)

    text = look()

    assert "Quality 1 of 4: the newest reading is doubted" in text
    assert "Of 13 readings of the last three weeks" in text
    assert "jump 1" in text


def told(method: str, *, ours: float = 4.0, naive: float = 5.0):
    record = SimpleNamespace(horizon_h=24, mae_pct=ours, naive_mae_pct=naive)
    return SimpleNamespace(method=method, records=[record])


@pytest.mark.parametrize(
    ("given", "observed", "words"),
    [
        (told("model"), True, "By the model"),
        (told("prior"), False, "nobody has ever said anything"),
        (told("baseline"), False, "its lifts and its neighbours"),
        (told("baseline", ours=6.0), True, "the model has lately been worse here"),
        (told("baseline"), True, "drawn to that of its class"),
    ],
)
def test_why_that_method_spoke(given, observed, words):
    state = SimpleNamespace(observed_at=NOW if observed else None)

    assert words in how_forecast(given, state)


def test_good_readings_need_no_reason():
    readings = [SimpleNamespace(quality=4, flags=None)] * 3

    assert why_quality(SimpleNamespace(quality=4), readings) == (
        "Quality 4 of 4: the newest reading is believed fully. So were all 3 readings of the last three weeks."
    )
