"""Lift records and weigh tickets become what came in, day by day; what is wrong with a file is said with its row, column and mend."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from app.errors import SetupError
from app.planning.audit.past import read_past, study_of
from app.planning.audit.prices import Prices
from app.planning.audit.records import inflow_of_lifts, read_records, usual_weekdays
from tests.app.planning.audit.folders import write_levels, write_lifts, write_places


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_places(tmp_path)
    return tmp_path


def write(folder: Path, name: str, *rows: str) -> None:
    (folder / name).write_text("\n".join(rows) + "\n")


def test_what_was_lifted_came_between_the_two_lifts(folder: Path):
    """60 % on the 5th came on the 1st to 4th: the truck of the 5th came before that day's waste. The days after are drawn, and flagged."""
    write(folder, "lifts.csv", "container,lifted_at,fill_pct", "A,2026-03-01,50", "A,2026-03-05,60", "A,2026-03-07,40")

    inflow = inflow_of_lifts(read_records(folder, full_kg=30), seed=1)

    assert (inflow.keys, inflow.first_day, len(inflow)) == (("A",), date(2026, 3, 1), 7)
    assert inflow.added[:4].sum() == pytest.approx(0.6)
    assert inflow.added[4:6].sum() == pytest.approx(0.4)
    assert inflow.imputed[:, 0].tolist() == [False] * 6 + [True]
    assert np.ptp(inflow.added[:4]) > 0  # days differ


def test_kilograms_stand_for_fill_where_no_fill_is_given(folder: Path):
    """15 of 30 kg are half; a fill that is given counts before the weight."""
    write(folder, "lifts.csv", "container,lifted_at,fill_pct,kg", "A,2026-03-01,,15", "A,2026-03-05,90,15")

    assert [one.fill for one in read_records(folder, full_kg=30).lifts] == [0.5, 0.9]


def test_a_ticket_is_shared_out_by_days_since_the_lift_before(folder: Path):
    """On the 9th A has waited 2 days and B 6: of 80 kg, 20 and 60. A ticket alone says who was lifted."""
    write(
        folder,
        "tickets.csv",
        "ticket,weighed_at,kg,containers",
        "1,2026-03-03T15:00,10,A B",
        "2,2026-03-07,10,A",
        "3,2026-03-09,80,A;B",
    )

    records = read_records(folder, full_kg=100)

    assert {one.container: one.fill for one in records.lifts if one.day == date(2026, 3, 9)} == pytest.approx({"A": 0.2, "B": 0.6})
    assert (records.tickets, records.ticket_kg) == (3, 100)


def test_usual_weekdays_are_those_of_half_the_weeks(tmp_path: Path):
    folder = write_lifts(tmp_path, days=28, weekdays={0, 3}, fill_pct=lambda key, day, since: 50)

    assert usual_weekdays(read_records(folder, 30), ("A", "B")) == (frozenset({0, 3}), frozenset({0, 3}))


def test_past_fills_are_read_as_the_twin_reads_them(tmp_path: Path):
    past = read_past(write_levels(tmp_path, days=60), Prices(hour=70, shift_h=6), seed=1)

    assert past.town.keys == ("A", "B", "C")
    assert past.schedule is None
    assert "every weekday" in past.today_is
    assert (past.town.costs.per_h, past.town.work.shift_s) == (70, 6 * 3_600)


BAD = [
    ("lifts.csv", ("container,when",), "no column lifted_at"),
    ("lifts.csv", ("container,lifted_at,fill_pct", ",2026-03-01,5"), "row 2: container is empty"),
    ("lifts.csv", ("container,lifted_at,fill_pct", "Z,2026-03-01,5"), "row 2: container is 'Z', which containers.csv does not know"),
    ("lifts.csv", ("container,lifted_at,fill_pct", "A,March,5"), "row 2: lifted_at is 'March', which is no day"),
    ("lifts.csv", ("container,lifted_at,fill_pct", "A,2026-03-01,lots"), "row 2: fill_pct is 'lots'"),
    ("lifts.csv", ("container,lifted_at,kg", "A,2026-03-01,-4"), "row 2: kg is '-4'"),
    ("lifts.csv", ("container,lifted_at", "A,2026-03-01"), "does not say how much was lifted"),
    ("lifts.csv", ("container,lifted_at,kg", "A,2026-03-01,4"), "no container of lifts.csv or tickets.csv has two lifts"),
    ("tickets.csv", ("ticket,weighed_at,kg", "1,2026-03-01,9"), "no column containers"),
    ("tickets.csv", ("ticket,weighed_at,kg,containers", ",2026-03-01,9,A"), "row 2: ticket is empty"),
    ("tickets.csv", ("ticket,weighed_at,kg,containers", "1,soon,9,A"), "row 2: weighed_at is 'soon'"),
    ("tickets.csv", ("ticket,weighed_at,kg,containers", "1,2026-03-01,nan,A"), "row 2: kg is 'nan'"),
    ("tickets.csv", ("ticket,weighed_at,kg,containers", "1,2026-03-01,9,A Z"), "row 2: containers names 'Z'"),
    ("tickets.csv", ("ticket,weighed_at,kg,containers", "1,2026-03-01,9,;"), "row 2: containers names nobody"),
    ("containers.csv", ("container,longitude", "A,1"), "no column latitude"),
    ("containers.csv", ("container,longitude,latitude", "A,east,2"), "row 2: longitude is 'east'"),
    ("containers.csv", ("container,longitude,latitude", "A,1,91"), "row 2: latitude is '91'"),
    ("containers.csv", ("container,longitude,latitude", "A,1,2", "A,1,3"), "row 3: container is 'A' once more"),
    ("sites.geojson", ('{"features": []}',), "names no depot"),
    ("sites.geojson", ("[",), "names no depot"),
    ("schedule.csv", ("container,weekdays", "A,Monday"), "schedule.csv, row 2"),
]


@pytest.mark.parametrize(("name", "rows", "said"), BAD)
def test_what_is_wrong_is_said_with_its_place(folder: Path, name: str, rows: tuple[str, ...], said: str):
    if name not in ("lifts.csv", "tickets.csv"):
        write(folder, "lifts.csv", "container,lifted_at,kg", *(f"{key},2026-03-0{day},9" for key in "A" for day in (1, 3)))
    write(folder, name, *rows)

    with pytest.raises(SetupError) as refused:
        read_past(folder, Prices(), seed=1)

    assert said in str(refused.value)
    assert str(folder) in str(refused.value) or "no container of" in said


@pytest.mark.parametrize("name", ["containers.csv", "sites.geojson"])
def test_a_file_that_is_missing_is_named(folder: Path, name: str):
    write(folder, "lifts.csv", "container,lifted_at,kg", "A,2026-03-01,9", "A,2026-03-04,9")
    (folder / name).unlink()

    with pytest.raises(SetupError, match=f"{name} is missing"):
        read_past(folder, Prices(), seed=1)


def test_a_folder_without_a_past_is_told_what_it_may_hold(folder: Path):
    with pytest.raises(SetupError, match=r"holds no past: give it fill_history\.csv, or lifts\.csv"):
        read_past(folder, Prices(), seed=1)


def test_too_many_weeks_are_refused_with_the_most_that_can_be_counted(tmp_path: Path):
    """49 days less two weeks of warm-up and one of history leave four."""
    past = read_past(write_levels(tmp_path, days=49), Prices(), seed=1)

    assert study_of(past, weeks=4, figure="km", seed=1).first == 21
    with pytest.raises(SetupError, match="at most 4 weeks"):
        study_of(past, weeks=5, figure="km", seed=1)
