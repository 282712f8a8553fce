"""Smallest valid containers with a sensor in them, and what the sensor says."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import msgspec

from app.assets.models import Container, ContainerModel, LiftKind, Site
from app.assets.waste_classes import WasteClass
from app.db import TenantSession
from app.telemetry.models import Device, Source, SourceKind
from app.telemetry.readings import ReadingIn
from app.telemetry.sources import create_source

_numbers = count(1)


def container(session: TenantSession, **values: Any) -> Container:
    """A 1,100 l paper container: 1,200 mm down to its floor, 200 mm to the full mark, so that 10 mm are 1 %."""
    number = next(_numbers)
    site = Site(code=f"S{number}", name=f"Site {number}", lat=50.1, lon=8.6)
    geometry: dict[str, Any] = {"volume_l": 1100, "empty_distance_mm": 1200, "full_distance_mm": 200}
    model = ContainerModel(code=f"M{number}", name="1100 l", max_load_kg=440, lift_kind=LiftKind.REAR, **geometry)
    session.add_all([site, model])
    session.flush()
    made = Container(code=f"C{number}", site_id=site.id, model_id=model.id, waste_class=WasteClass.PAPER, **(geometry | values))
    session.add(made)
    session.flush()
    return made


def device(session: TenantSession, *, container_id: int | None = None, **values: Any) -> Device:
    """A device that hangs in the container, or in none."""
    made = Device(device_uid=values.pop("device_uid", f"D{next(_numbers)}"), container_id=container_id, **values)
    session.add(made)
    session.flush()
    return made


def mounted(session: TenantSession, **values: Any) -> Device:
    """A device in a new container."""
    return device(session, container_id=container(session).id, **values)


def reading(device_uid: str, observed_at: datetime, **figures: Any) -> ReadingIn:
    """A reading as ingest gets it: half full if nothing else is said."""
    figures = figures or {"distance_mm": 700}
    return msgspec.convert({"device": device_uid, "observed_at": observed_at} | figures, ReadingIn)


def readings(device_uid: str, begin: datetime, distances_mm: Sequence[int | None], *, step_h: float = 4) -> list[ReadingIn]:
    """One reading each `step_h` hours."""
    return [reading(device_uid, begin + timedelta(hours=step_h * i), distance_mm=distance_mm) for i, distance_mm in enumerate(distances_mm)]


def source(session: TenantSession, kind: SourceKind = SourceKind.TTS, **values: Any) -> tuple[Source, str]:
    """A source and its own secret; what it must read back is sealed as the tests' app seals it."""
    return create_source(session, {"name": f"Source {next(_numbers)}", "kind": kind} | values, secret="only for tests")
