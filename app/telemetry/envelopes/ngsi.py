"""FIWARE notifications: NGSI-LD and NGSIv2, about a WasteContainer or another entity with a filling level.

Smart Data Models give `fillingLevel` and `batteryLevel` as a share of 1; a unitCode of P1 says that they are percent. Attributes come
normalised (objects with a value) or simplified (bare values).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.telemetry.decoders.draft import Draft
from app.telemetry.envelopes.message import EnvelopeError, Message, Node, Skipped

PERCENT, FAHRENHEIT, KELVIN = "P1", "FAH", "KEL"
MOST_ENTITIES = 1_000
STATES = {"burning": "alarm.fire", "dropped": "alarm.tilt", "moved": "alarm.moved"}
QUIET_STATES = ("ok", "lidOpen", "vandalized", "unknown")
OWN_TIMES = ("TimeInstant", "dateObserved", "observedAt", "dateModified")


def read_ld(body: object) -> list[Message | Skipped]:
    """Read an NGSI-LD notification: one message an entity."""
    root = Node(body)
    if root.value.get("type") != "Notification":
        raise EnvelopeError("type", "is not Notification", "Subscribe with this address as the endpoint.")
    notified_at = root.instant("notifiedAt")
    name = root.text("id") if "id" in root else root.text("subscriptionId")
    return [_read_entity(entity, notified_at, name) for entity in _entities(root)]


def read_v2(body: object, received_at: datetime) -> list[Message | Skipped]:
    """Read an NGSIv2 notification; it has no time of its own, so entities without one were observed when it was received."""
    root = Node(body)
    return [_read_entity(entity, received_at, root.text("subscriptionId")) for entity in _entities(root)]


def _entities(root: Node) -> list[Node]:
    root.get("data")
    entities = list(root.children("data"))
    if len(entities) > MOST_ENTITIES:
        raise EnvelopeError("data", f"has more than {MOST_ENTITIES} entities", "Notify fewer at a time.")
    return entities


def _read_entity(entity: Node, otherwise_at: datetime, notification: str) -> Message | Skipped:
    identifier = entity.text("id")
    draft = Draft([])
    times = [_put(entity, name, draft) for name in ("fillingLevel", "temperature", "batteryLevel", "status", "location")]
    if not draft:
        why = draft.warnings or ["no filling level, temperature, battery, status or place"]
        return Skipped(f"{identifier[:80]}: {'; '.join(why)}")
    own = [_time(entity, name) for name in OWN_TIMES if name in entity]
    observed_at = max([time for time in (*times, *own) if time is not None], default=otherwise_at)
    return Message(
        device=identifier,
        observed_at=observed_at,
        dedupe_key=f"{notification}:{identifier}:{observed_at.timestamp():.3f}",
        reading=draft.reading(),
        tags={"type": entity.text("type")} if "type" in entity else {},
        warnings=tuple(draft.warnings),
    )


def _put(entity: Node, name: str, draft: Draft) -> datetime | None:
    """Take one attribute; its own time if it has one."""
    if name not in entity:
        return None
    attribute = _normalised(entity, name)
    if attribute.value.get("value") is None:
        return None
    if name == "location":
        _put_location(attribute, draft)
    elif name == "status":
        _put_status(attribute, draft)
    else:
        _put_figure(attribute, name, draft)
    return _observed(attribute)


def _normalised(entity: Node, name: str) -> Node:
    """Simplified attributes as well become objects with a value; a simplified GeoJSON has a type but no value."""
    found = entity.get(name)
    if isinstance(found, Mapping) and "value" in found:
        return Node(found, entity.at(name))
    return Node({"value": found}, entity.at(name))


def _put_figure(attribute: Node, name: str, draft: Draft) -> None:
    value, unit = attribute.number("value"), _unit(attribute)
    if name == "temperature":
        celsius = (value - 32) / 1.8 if unit == FAHRENHEIT else value - 273.15 if unit == KELVIN else value
        draft.put("temperature_c", round(celsius, 3))
    else:
        percent = value if unit == PERCENT else 100 * value
        draft.put("fill_pct" if name == "fillingLevel" else "battery_pct", round(percent, 3))


def _unit(attribute: Node) -> str:
    """NGSI-LD has unitCode beside the value, NGSIv2 among the metadata."""
    if "unitCode" in attribute:
        return attribute.text("unitCode")
    metadata = attribute.child("metadata") if "metadata" in attribute else Node({})
    return metadata.child("unitCode").text("value") if "unitCode" in metadata else ""


def _put_status(attribute: Node, draft: Draft) -> None:
    state = attribute.text("value")
    if state not in STATES and state not in QUIET_STATES:
        raise EnvelopeError(attribute.at("value"), f"is {state[:40]!r}", f"It is one of {', '.join((*QUIET_STATES, *STATES))}.")
    for named, alarm in STATES.items():
        if state != "unknown":
            draft.put(alarm, state == named)
    draft.put("extra.status", state)


def _put_location(attribute: Node, draft: Draft) -> None:
    """GeoJSON says longitude first; NGSIv2's geo:point says latitude first."""
    value = attribute.get("value")
    place: list[Any]
    if isinstance(value, str):
        latitude_first = value.split(",")
        place = latitude_first[::-1]
    else:
        found = attribute.child("value").value.get("coordinates")
        place = found[:2] if isinstance(found, list) else []
    if len(place) != 2:
        raise EnvelopeError(attribute.at("value"), "is no point", "Send a GeoJSON Point, or a geo:point.")
    pair = Node({"longitude": place[0], "latitude": place[1]}, attribute.at("value"))
    draft.put_position(pair.number("latitude"), pair.number("longitude"))


def _observed(attribute: Node) -> datetime | None:
    if "observedAt" in attribute:
        return attribute.instant("observedAt")
    metadata = attribute.child("metadata") if "metadata" in attribute else Node({})
    return next((metadata.child(name).instant("value") for name in OWN_TIMES if name in metadata), None)


def _time(entity: Node, name: str) -> datetime:
    return _normalised(entity, name).instant("value")
