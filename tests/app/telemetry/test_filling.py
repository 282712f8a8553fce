"""Fill by the container model's shape and the device's calibration, where the register knows them."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import msgspec
import pytest

from app.assets.models import Container, ContainerModel
from app.assets.shapes import SHAPES, faults_of_shape
from app.db import TenantSession
from app.telemetry.filling import shape_of
from app.telemetry.geometry import Shape
from app.telemetry.ingest import ingest
from app.telemetry.models import Measurement
from app.tenancy.scope import get_row, rows_of
from tests.factories import telemetry as make

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

# A 1,200 mm deep container with its full mark at 200 mm: 700 mm is half of its height.
HALF_HEIGHT_MM = 700


def stored(session: TenantSession, *, shape: dict[str, Any] | None = None, distance_mm: int = HALF_HEIGHT_MM, **values: Any) -> Measurement:
    """The row of one reading of a device in a container of that shape."""
    temperature_c = values.pop("temperature_c", None)
    container = make.container(session)
    get_row(session, ContainerModel, get_row(session, Container, container.id).model_id).shape = shape
    device = make.device(session, container_id=container.id, **values)
    ingest(session, [make.reading(device.device_uid, NOW, distance_mm=distance_mm, temperature_c=temperature_c)], now=NOW)
    return session.scalars(rows_of(session, Measurement)).one()


@pytest.mark.parametrize(
    ("shape", "fill_pct"),
    [
        (None, 50),
        ({"kind": "upright"}, 50),
        # widths 0.5 … 1, squared and summed up: (0.75³ - 0.5³) / (1 - 0.5³) = 0.2969 / 0.875
        ({"kind": "tapered", "bottom_to_top": 0.5}, 33.93),
        # half of the height in the body of 0.7, of a volume of 0.7 + 0.3 × 0.2
        ({"kind": "underground", "chute_height": 0.3, "chute_area": 0.2}, 65.79),
        ({"kind": "table", "points": [[500, 300], [1000, 1000]]}, 30),
    ],
)
def test_fill_is_volume_where_the_model_has_a_shape(session: TenantSession, shape: dict[str, Any] | None, fill_pct: float):
    assert stored(session, shape=shape).fill_pct == pytest.approx(fill_pct, abs=0.02)


def test_a_bell_holds_less_above_its_shoulder(session: TenantSession):
    assert stored(session, shape={"kind": "bell", "shoulder": 0.5}).fill_pct == pytest.approx(60)


def test_the_devices_offset_counts(session: TenantSession):
    assert stored(session, offset_mm=100).fill_pct == 40


def test_a_sensor_that_reckons_with_20_degrees_sees_too_far_in_frost(session: TenantSession):
    # sound at -20 °C over sound at 20 °C: sqrt(253.15 / 293.15) = 0.92927, so 700 mm are 650.5
    assert stored(session, assumed_c=20, temperature_c=-20).fill_pct == pytest.approx(54.95, abs=0.01)


def test_what_the_blind_zone_shows_is_flagged_and_not_believed(session: TenantSession):
    reading = stored(session, nearest_mm=280, distance_mm=270)
    assert "blocked" in (reading.flags or ())
    assert reading.quality == 1


AT_BOUNDS = [{"kind": kind} | dict(zip(bounds, ends, strict=True)) for kind, bounds in SHAPES.items() for ends in product(*bounds.values())]


@pytest.mark.parametrize("shape", AT_BOUNDS, ids=str)
def test_what_the_register_takes_the_geometry_can_make(shape: dict[str, Any]):
    """The bounds themselves, of all kinds but the dip chart."""
    if shape["kind"] == "table":
        shape |= {"points": [[1, 1], [1_000_000, 1_000_000]]}
    assert list(faults_of_shape(shape)) == []
    assert isinstance(shape_of(msgspec.json.encode(shape).decode()), Shape | None)


@pytest.mark.parametrize(
    ("shape", "field"),
    [
        ({}, "kind"),
        ({"kind": "cone"}, "kind"),
        ({"kind": ["bell"]}, "kind"),
        ({"kind": "bell"}, "shoulder"),
        ({"kind": "bell", "shoulder": "0.5"}, "shoulder"),
        ({"kind": "bell", "shoulder": True}, "shoulder"),
        ({"kind": "bell", "shoulder": 1}, "shoulder"),
        ({"kind": "upright", "shoulder": 0.5}, "shoulder"),
        ({"kind": "table"}, "points"),
        ({"kind": "table", "points": [[2, 1], [1, 2]]}, "points"),
        ({"kind": "table", "points": [[0, 0], [1, 2]]}, "points"),
        ({"kind": "table", "points": [[1.5, 2]]}, "points"),
    ],
)
def test_a_shape_that_cannot_be_meant_names_its_field(shape: dict[str, Any], field: str):
    assert [name for name, _ in faults_of_shape(shape)] == [field]


def test_a_battery_in_percent_is_kept_as_it_is(session: TenantSession):
    device = make.mounted(session)
    ingest(session, [make.reading(device.device_uid, NOW, battery_pct=92.0)], now=NOW)
    session.refresh(device)
    reading = session.scalars(rows_of(session, Measurement)).one()
    assert (reading.battery_pct, reading.battery_v, device.battery_pct, device.battery_v) == (92, None, 92, None)
