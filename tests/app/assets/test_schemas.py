"""Each rule of a body, kept and broken."""

from typing import Any

import pytest
from marshmallow import ValidationError

from app.assets import schemas
from app.assets.schemas import RowSchema

SQUARE = [[-71.3, -29.9], [-71.2, -29.9], [-71.2, -29.8], [-71.3, -29.9]]
PLACE = {"code": "P1", "name": "Plaza", "lat": -29.9, "lon": -71.25}
MODEL = {"code": "M1", "name": "240 l", "volume_l": 240, "max_load_kg": 96, "lift_kind": "rear"}
DISTANCES = {"empty_distance_mm": 950, "full_distance_mm": 100}
CONTAINER = {"code": "K1", "site_id": 1, "model_id": 1, "waste_class": "glass"}
VEHICLE = {"code": "V1", "vehicle_type": "rear_loader_26t", "depot_id": 1}
CREW = {"code": "C1", "name": "Early", "depot_id": 1, "shift_starts": "06:00", "shift_ends": "14:00"}
ABSENCE = {"vehicle_id": 1, "first_day": "2026-11-23", "last_day": "2026-11-24", "reason": "workshop"}

VALID: dict[type[RowSchema], dict[str, Any]] = {
    schemas.ZoneSchema: {"code": "Z1", "name": "Centro"},
    schemas.DepotSchema: PLACE,
    schemas.FacilitySchema: PLACE | {"accepts": ["glass"]},
    schemas.SiteSchema: PLACE,
    schemas.ContainerModelSchema: MODEL | DISTANCES,
    schemas.ContainerSchema: CONTAINER,
    schemas.VehicleSchema: VEHICLE,
    schemas.CrewSchema: CREW,
    schemas.AbsenceSchema: ABSENCE,
    schemas.HolidaySchema: {"day": "2026-12-25", "name": "Christmas Day"},
    schemas.WasteClassSettingSchema: {"waste_class": "glass"},
}


def open_from(opens: str, closes: str, *weekdays: int) -> dict[str, Any]:
    return {"weekdays": list(weekdays or range(7)), "opens": opens, "closes": closes}


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


KEPT_AND_BROKEN: list[tuple[type[RowSchema], str, Any, Any]] = [
    (schemas.ZoneSchema, "code", "Z" * 60, "Z" * 61),
    (schemas.ZoneSchema, "code", "Z", ""),
    (schemas.ZoneSchema, "name", "Peñuelas", "a\0b"),
    (schemas.ZoneSchema, "name", "\U0001f5d1", "\ud83d"),
    (schemas.ZoneSchema, "inhabitants", 0, -1),
    (schemas.ZoneSchema, "inhabitants", 2**31 - 1, 2**31),
    (schemas.ZoneSchema, "inhabitants", 12, "12"),
    (schemas.ZoneSchema, "area", polygon(SQUARE), {"type": "Point", "coordinates": [0, 0]}),
    (schemas.ZoneSchema, "area", polygon(SQUARE), polygon(SQUARE[:3])),
    (schemas.ZoneSchema, "area", polygon(SQUARE), polygon([*SQUARE[:3], [-71.3, -29.95]])),
    (schemas.ZoneSchema, "area", polygon(SQUARE), polygon([[lat, lon] for lon, lat in ([-29.9, -171.3], *SQUARE[:3])][::-1])),
    (schemas.ZoneSchema, "area", {"type": "MultiPolygon", "coordinates": [[SQUARE]]}, {"type": "MultiPolygon", "coordinates": []}),
    (schemas.ZoneSchema, "area", polygon(SQUARE), polygon([["a", "b"]] * 4)),
    (schemas.ZoneSchema, "area", polygon(SQUARE), polygon(SQUARE) | {"crs": {"type": "name"}}),
    (schemas.ZoneSchema, "area", polygon(SQUARE), polygon()),
    (schemas.ZoneSchema, "area", polygon(SQUARE), polygon([[True, 0]] * 4)),
    (schemas.ZoneSchema, "area", None, "everywhere"),
    (schemas.DepotSchema, "lat", 90, 90.1),
    (schemas.DepotSchema, "lon", -180, -180.1),
    (schemas.DepotSchema, "lat", 1, "NaN"),
    (schemas.FacilitySchema, "accepts", ["glass", "paper"], ["glass", "gold"]),
    (schemas.FacilitySchema, "accepts", ["glass"], []),
    (schemas.FacilitySchema, "accepts", ["glass"], ["glass", "glass"]),
    (schemas.FacilitySchema, "fee_per_t", 12.5, -0.01),
    (schemas.FacilitySchema, "turnaround_s", 0, -1),
    (schemas.FacilitySchema, "opening_hours", [open_from("06:00", "24:00")], [open_from("06:00", "24:30")]),
    (schemas.FacilitySchema, "opening_hours", [open_from("06:00", "15:00")], [open_from("6 am", "15:00")]),
    (schemas.FacilitySchema, "opening_hours", [open_from("06:00", "06:01")], [open_from("06:00", "06:00")]),
    (schemas.FacilitySchema, "opening_hours", [open_from("22:00", "24:00")], [open_from("22:00", "06:00")]),
    (schemas.FacilitySchema, "opening_hours", [open_from("06:00", "15:00", 6)], [open_from("06:00", "15:00", 7)]),
    (schemas.FacilitySchema, "opening_hours", [open_from("06:00", "15:00", 0, 1)], [open_from("06:00", "15:00", 0, 0)]),
    (
        schemas.FacilitySchema,
        "opening_hours",
        [open_from("06:00", "12:00"), open_from("12:00", "15:00")],
        [open_from("06:00", "12:00"), open_from("11:59", "15:00")],
    ),
    (schemas.SiteSchema, "time_windows", [], [{"weekdays": [], "opens": "06:00", "closes": "07:00"}]),
    (schemas.SiteSchema, "zone_id", 1, 0),
    (schemas.SiteSchema, "zone_id", 2**63 - 1, 2**63),
    (schemas.SiteSchema, "setup_s", 0, -1),
    (schemas.SiteSchema, "max_vehicle_width_mm", 2_500, 25),
    (schemas.ContainerModelSchema, "volume_l", 1, 0),
    (schemas.ContainerModelSchema, "max_load_kg", 1, 0),
    (schemas.ContainerModelSchema, "lift_kind", "crane", "magic"),
    (schemas.ContainerModelSchema, "empty_distance_mm", 101, 100),
    (schemas.ContainerSchema, "waste_class", "food", "soup"),
    (schemas.ContainerSchema, "status", "removed", "gone"),
    (schemas.ContainerSchema, "tags", ["school", "corner"], ["two words"]),
    (schemas.ContainerSchema, "tags", [], ["school", "school"]),
    (schemas.ContainerSchema, "tags", ["a" * 60], ["a" * 61]),
    (schemas.ContainerSchema, "tags", ["a"], ["a\0"]),
    (schemas.ContainerSchema, "quality_flags", ["broken_lid"], [""]),
    (schemas.ContainerSchema, "density_kg_m3", 1, 0),
    (schemas.ContainerSchema, "max_interval_days", 1, 0),
    (schemas.ContainerSchema, "installed_on", "2026-11-23", "23.11.2026"),
    (schemas.VehicleSchema, "payload_kg", 1, 0),
    (schemas.VehicleSchema, "lift_kinds", ["rear", "side"], ["top"]),
    (schemas.VehicleSchema, "waste_classes", ["glass"], ["gold"]),
    (schemas.VehicleSchema, "compacted_kg_m3", {"residual": 450}, {"gold": 450}),
    (schemas.VehicleSchema, "compacted_kg_m3", {"residual": 450}, {"residual": 0}),
    (schemas.VehicleSchema, "cost_per_km", 0, -1),
    (schemas.VehicleSchema, "status", "retired", "sold"),
    (schemas.CrewSchema, "shift_ends", "06:01", "06:00"),
    (schemas.CrewSchema, "shift_starts", "05:30", "05:30+02:00"),
    (schemas.CrewSchema, "max_duration_s", 1, 0),
    (schemas.AbsenceSchema, "last_day", "2026-11-23", "2026-11-22"),
    (schemas.AbsenceSchema, "reason", "sick", "bored"),
    (schemas.AbsenceSchema, "vehicle_id", 2, None),
    (schemas.HolidaySchema, "day", "2028-02-29", "2027-02-29"),
    (schemas.WasteClassSettingSchema, "density_kg_m3", 280, 0),
]


@pytest.mark.parametrize("schema", VALID, ids=lambda schema: schema.__name__)
def test_the_smallest_body_is_valid_and_an_unknown_field_is_named(schema: type[RowSchema]):
    assert schema().load(VALID[schema])
    assert broken(schema, VALID[schema] | {"colour": "red"}) == {"colour"}


@pytest.mark.parametrize(("schema", "field", "kept", "wrong"), KEPT_AND_BROKEN)
def test_a_rule_holds_what_it_says_and_names_its_field(schema: type[RowSchema], field: str, kept: Any, wrong: Any):
    schema().load(VALID[schema] | {field: kept})
    assert broken(schema, VALID[schema] | {field: wrong}) == {field}


def test_a_vehicles_payload_is_below_its_gross_weight():
    schemas.VehicleSchema().load(VEHICLE | {"payload_kg": 9_999, "gross_weight_kg": 10_000})
    assert broken(schemas.VehicleSchema, VEHICLE | {"payload_kg": 10_000, "gross_weight_kg": 10_000}) == {"payload_kg"}


def test_an_absence_is_of_a_vehicle_or_of_a_crew_but_not_of_both():
    assert broken(schemas.AbsenceSchema, ABSENCE | {"crew_id": 2}) == {"vehicle_id"}


@pytest.mark.parametrize("box", ["-71.4,-30.1,-71.2", "a,b,c,d", "-71,-29,-72,-30", "-190,0,0,1", "nan,0,0,1"])
def test_a_box_that_is_none_is_refused(box: str):
    with pytest.raises(ValidationError):
        schemas.SiteFilter().load({"bbox": box})


def broken(schema: type[RowSchema], body: dict[str, Any]) -> set[str]:
    """The fields that a refused body is refused for."""
    with pytest.raises(ValidationError) as refused:
        schema().load(body)
    messages = refused.value.messages
    assert isinstance(messages, dict)
    return set(messages)
