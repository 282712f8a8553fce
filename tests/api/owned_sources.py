"""Whose rows the endpoints of sources and device profiles touch."""

from itertools import count
from typing import Any

from app.db import Database
from app.telemetry.models import MessageOutcome
from app.telemetry.source_queries import log_messages
from app.telemetry.sources import create_profile
from tests.api.isolation import Owned
from tests.factories import telemetry as make

_numbers = count(1)


def profile_document(**values: Any) -> dict[str, Any]:
    """A battery and a distance, two bytes each."""
    battery = {"target": "battery_v", "offset": 0, "length": 2, "unit": "mV"}
    distance = {"target": "distance_mm", "offset": 2, "length": 2, "no_echo": [0]}
    return {"profile": 1, "layout": "fixed", "name": "Acme A1", "shortest": 4, "fields": [battery, distance]} | values


def a_source(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id, actor="test") as session:
        source, _ = make.source(session)
        log_messages(session, source.id, [{"outcome": MessageOutcome.SKIPPED, "reason": f"of {tenant_id}"}])
        return {"source_id": source.id}


def a_new_source(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"name": f"new {next(_numbers)}", "kind": "chirpstack", "allowed_networks": ["203.0.113.0/24"]}


def a_changed_source(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"name": f"changed {next(_numbers)}", "max_age_s": 3600}


def a_profile(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id, actor="test") as session:
        return {"profile_id": create_profile(session, profile_document(name=f"Acme {next(_numbers)}")).id}


def the_profile(database: Database, tenant_id: int) -> dict[str, Any]:
    with database.transaction(tenant_id, actor="test") as session:
        return {"profile_id": create_profile(session, profile_document(name="Kept")).id}


def a_new_profile(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"document": profile_document(name=f"New {next(_numbers)}")}


def the_profile_changed(database: Database, tenant_id: int) -> dict[str, Any]:
    return {"document": profile_document(name="Kept", shortest=5)}


OWNED = (
    Owned("sources.Sources", a_source, a_new_source),
    Owned("sources.SourceById", a_source, a_changed_source, methods=("PATCH",)),
    Owned("sources.SourceById", a_source, methods=("GET", "DELETE")),
    Owned("sources.SourceSecret", a_source),
    Owned("sources.SourceMessages", a_source),
    Owned("sources.DeviceProfiles", a_profile, a_new_profile),
    Owned("sources.DeviceProfileById", the_profile, the_profile_changed, methods=("PUT",)),
    Owned("sources.DeviceProfileById", a_profile, methods=("GET", "DELETE")),
)
