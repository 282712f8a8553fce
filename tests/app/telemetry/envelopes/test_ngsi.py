"""Notifications of context brokers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.telemetry.decoders import Alarm
from app.telemetry.envelopes import EnvelopeError, Message, Skipped, ngsi
from tests.app.telemetry.envelopes import examples

AT = datetime(2026, 11, 22, 19, 59, 30, tzinfo=UTC)
RECEIVED = datetime(2026, 11, 22, 20, 0, 1, tzinfo=UTC)


def the_message(found: list[Message | Skipped]) -> Message:
    (only,) = found
    assert isinstance(only, Message)
    return only


def entity(**attributes: object) -> dict[str, Any]:
    return {"subscriptionId": "s", "data": [{"id": "bin", "type": "WasteContainer", **attributes}]}


def test_ngsi_ld():
    found = the_message(ngsi.read_ld(examples.ngsi_ld()))

    assert found.device == "urn:ngsi-ld:WasteContainer:city1:b-1001"
    assert found.observed_at == AT
    assert found.reading is not None
    assert (found.reading.fill_pct, found.reading.temperature_c) == (42, 21.4)
    assert (found.reading.latitude_deg, found.reading.longitude_deg) == (52.5, 13.4)
    assert found.tags == {"type": "WasteContainer"}


def test_ngsi_v2():
    found = the_message(ngsi.read_v2(examples.ngsi_v2(), RECEIVED))

    assert (found.device, found.observed_at) == ("WasteContainer:b-1001", AT)
    assert found.reading is not None
    assert (found.reading.fill_pct, found.reading.latitude_deg, found.reading.longitude_deg) == (42, 52.5, 13.4)


def test_simplified_attributes():
    body = entity(
        fillingLevel=0.5, temperature=-3, location={"type": "Point", "coordinates": [13.4, 52.5]}, dateObserved="2026-11-22T19:59:30Z"
    )
    found = the_message(ngsi.read_v2(body, RECEIVED))
    assert found.observed_at == AT
    assert found.reading is not None
    assert (found.reading.fill_pct, found.reading.temperature_c, found.reading.latitude_deg) == (50, -3, 52.5)


def test_a_geo_point_says_latitude_first():
    reading = the_message(ngsi.read_v2(entity(location={"type": "geo:point", "value": "52.5, 13.4"}), RECEIVED)).reading
    assert reading is not None
    assert (reading.latitude_deg, reading.longitude_deg) == (52.5, 13.4)


@pytest.mark.parametrize(
    ("attribute", "fill_pct"),
    [
        ({"value": 0.42}, 42),
        ({"value": 42, "unitCode": "P1"}, 42),
        ({"value": 42, "metadata": {"unitCode": {"value": "P1"}}}, 42),
        ({"value": 1.1}, 110),
    ],
)
def test_a_filling_level_is_a_share_unless_its_unit_says_percent(attribute: dict[str, object], fill_pct: float):
    reading = the_message(ngsi.read_v2(entity(fillingLevel=attribute), RECEIVED)).reading
    assert reading is not None
    assert reading.fill_pct == fill_pct


@pytest.mark.parametrize(("value", "unit"), [(20, "CEL"), (68, "FAH"), (293.15, "KEL")])
def test_temperatures_have_units(value: float, unit: str):
    reading = the_message(ngsi.read_v2(entity(temperature={"value": value, "unitCode": unit}), RECEIVED)).reading
    assert reading is not None
    assert reading.temperature_c == pytest.approx(20)


@pytest.mark.parametrize(
    ("state", "raised"), [("burning", {Alarm.FIRE}), ("dropped", {Alarm.TILT}), ("moved", {Alarm.MOVED}), ("ok", set())]
)
def test_a_status_is_alarms(state: str, raised: set[Alarm]):
    reading = the_message(ngsi.read_v2(entity(status=state), RECEIVED)).reading
    assert reading is not None
    assert {alarm for alarm, is_raised in reading.alarms.items() if is_raised} == raised
    assert reading.extras == {"status": state}


def test_without_a_time_it_was_observed_when_it_was_received():
    assert the_message(ngsi.read_v2(entity(fillingLevel=0.5), RECEIVED)).observed_at == RECEIVED


def test_a_level_that_cannot_be_is_told_and_not_taken():
    found = the_message(ngsi.read_v2(entity(fillingLevel=42, temperature=20), RECEIVED))
    assert found.reading is not None
    assert found.reading.fill_pct is None
    assert found.warnings == ("fill_pct of 4200 is none that can be meant",)


def test_an_entity_that_says_nothing_of_a_container_is_skipped():
    (skipped,) = ngsi.read_v2(entity(colour="green"), RECEIVED)
    assert skipped == Skipped("bin: no filling level, temperature, battery, status or place")


def test_each_entity_is_a_message_of_its_own():
    body = examples.ngsi_ld()
    body["data"] = [body["data"][0] | {"id": f"bin-{i}"} for i in range(3)]
    found = ngsi.read_ld(body)
    assert len({one.dedupe_key for one in found if isinstance(one, Message)}) == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (entity(fillingLevel="half"), "data[0].fillingLevel.value"),
        (entity(fillingLevel=True), "data[0].fillingLevel.value"),
        (entity(status="open"), "data[0].status.value"),
        (entity(location={"type": "geo:point", "value": "52.5"}), "data[0].location.value"),
        (entity(location={"type": "Polygon", "coordinates": [[[1, 2]]]}), "data[0].location.value"),
        (entity(fillingLevel={"value": 0.5, "observedAt": "noon"}), "data[0].fillingLevel.observedAt"),
        ({"subscriptionId": "s"}, "data"),
        ({"subscriptionId": "s", "data": {}}, "data"),
        ({"subscriptionId": "s", "data": [1]}, "data[0]"),
        ({"subscriptionId": "s", "data": [{"type": "WasteContainer"}]}, "data[0].id"),
        ({"data": [{"id": "bin"}]}, "subscriptionId"),
    ],
)
def test_a_fault_names_its_field(body: dict[str, object], field: str):
    with pytest.raises(EnvelopeError) as caught:
        ngsi.read_v2(body, RECEIVED)
    assert caught.value.field == field


def test_what_is_no_ngsi_ld_notification():
    with pytest.raises(EnvelopeError, match=r"^type is not Notification\."):
        ngsi.read_ld(examples.ngsi_v2())
