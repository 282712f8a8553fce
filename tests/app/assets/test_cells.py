"""What the text of a cell may mean, and what is too uncertain to be read."""

from typing import Any

import pytest

from app.assets import schemas
from app.assets.cells import Unreadable, read_cell, read_hours

SITE, CONTAINER, CREW = schemas.SiteSchema().load_fields, schemas.ContainerSchema().load_fields, schemas.CrewSchema().load_fields
FACILITY, VEHICLE = schemas.FacilitySchema().load_fields, schemas.VehicleSchema().load_fields


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (SITE["setup_s"], "1 200", 1200),
        (SITE["setup_s"], "90.0", 90),
        (SITE["lat"], "-29,901", -29.901),
        (SITE["lon"], "-7.125e1", -71.25),
        (FACILITY["fee_per_t"], "12,50", 12.5),
        (FACILITY["fee_per_t"], "0,125", 0.125),
        (FACILITY["fee_per_t"], "1234,567", 1234.567),
        (FACILITY["accepts"], "glass | paper,metal", ["glass", "paper", "metal"]),
        (CONTAINER["waste_class"], "Residual", "residual"),
        (CONTAINER["status"], "Out of service", "out_of_service"),
        (CONTAINER["installed_on"], "2026-11-23", "2026-11-23"),
        (CREW["shift_starts"], "6:00", "06:00"),
        (CREW["shift_starts"], "06:00:00", "06:00"),
        (CREW["name"], "1,234", "1,234"),
        (VEHICLE["compacted_kg_m3"], '{"residual": 450}', {"residual": 450}),
    ],
)
def test_a_cell_is_read_as_its_column_means_it(field: Any, text: str, value: Any):
    assert read_cell(field, text) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (SITE["setup_s"], "1,200"),
        (SITE["setup_s"], "1.200,5"),
        (FACILITY["fee_per_t"], "12,345"),
        (FACILITY["fee_per_t"], "€ 12"),
        (FACILITY["fee_per_t"], "nan"),
        (SITE["setup_s"], "9" * 400 + "e999"),
        (CONTAINER["installed_on"], "11/12/2026"),
        (CREW["shift_starts"], "6 am"),
        (VEHICLE["compacted_kg_m3"], "residual=450"),
    ],
)
def test_a_cell_that_may_mean_several_things_is_not_guessed(field: Any, text: str):
    with pytest.raises(Unreadable) as refused:
        read_cell(field, text)
    assert refused.value.mend


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [("mon-fri", [0, 1, 2, 3, 4]), ("Mon, Wed", [0, 2]), ("daily", list(range(7))), ("monday - tuesday sat", [0, 1, 5]), ("sun", [6])],
)
def test_weekdays_are_read_as_people_write_them(text: str, weekdays: list[int]):
    assert read_hours(f"{text} 6:00-15:00") == [{"weekdays": weekdays, "opens": "06:00", "closes": "15:00"}]


def test_a_week_that_runs_over_sunday_goes_on_with_monday():
    assert read_hours("sat-mon 08:00-12:00")[0]["weekdays"] == [5, 6, 0]
