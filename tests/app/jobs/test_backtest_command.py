"""`kerbside backtest` as people and programs use it: what is printed and drawn, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.jobs.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`kerbside backtest` with these words."""

    def run(*words: str | Path) -> Result:
        given = ["backtest", *(str(word) for word in words)]
        result = CliRunner().invoke(main, given, env={"KERBSIDE_DATA": str(tmp_path / "data")})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    """Four bins over sixty days: level 2 more each day or every other day, emptied when 8 was reported."""
    folder = tmp_path_factory.mktemp("town")
    rows = ["serialNumber,timestamp,latestFullness,description"]
    for key, every in (("1", 1), ("2", 1), ("3", 2), ("4", 2)):
        level = 0
        for day in np.arange(np.datetime64("2026-01-01"), np.datetime64("2026-03-02")):
            level = 0 if level >= 8 else level + 2 * (int(str(day)[-2:]) % every == 0)
            rows.append(f"{key},{day},{level},Street {key} {'GR'[every - 1]} Town")
    (folder / "fill_history.csv").write_text("\n".join(rows) + "\n")
    places = [{"properties": {"address": f"Street {i} {'GGRR'[i - 1]} Town", "subgroup": "north"}} for i in (1, 2, 3, 4)]
    (folder / "sites.geojson").write_text(json.dumps({"features": places}))
    return folder


def test_people_are_told_errors_gains_events_times_and_groups(run: Run, town: Path, tmp_path: Path):
    picture = tmp_path / "backtest.svg"
    result = run(town, "--first", "2026-02-10", "--plot", picture)

    assert result.exit_code == 0, result.output
    for said in ("4 containers", "Fill 24 h ahead", "Is it 80% full within 72 h?", "weekday_profile", "schedule", "always_collect"):
        assert said in result.output
    for said in ("gain of", "Days until 80% full", "By container:", "By class:", "By zone: 1"):
        assert said in result.output
    assert "<svg" in picture.read_text()


def test_a_program_is_told_one_line_without_anything_that_is_no_json(run: Run, town: Path):
    result = run(town, "--first", "2026-02-20", "--last", "2026-02-24", "--threshold", "60", "--json")
    lines = result.stdout.splitlines()
    said = json.loads(lines[0], parse_constant=pytest.fail)

    assert len(lines) == 1
    assert (said["threshold"], said["folds"]) == (0.6, 1)
    assert {one["name"] for one in said["figures"]} >= {"model", "mean_rate", "last_value", "weekday_profile", "schedule", "crossing"}
    assert {one["group"] for one in said["groups"]["container"]} <= {"1", "2", "3", "4"}
    assert said["crossing_chosen"]


def test_a_folder_of_neither_form_says_what_it_should_hold(run: Run, tmp_path: Path):
    result = run(tmp_path)

    assert result.exit_code == 2
    assert "holds neither fill_history.csv nor readings.parquet" in result.output


def test_a_wrong_column_is_named_with_its_file_and_mend(run: Run, tmp_path: Path):
    (tmp_path / "fill_history.csv").write_text("serialNumber,day,latestFullness\n1,2026-01-01,4\n")

    result = run(tmp_path)

    assert result.exit_code == 2
    assert "fill_history.csv has no column timestamp; it has serialNumber, day, latestFullness. Name them:" in result.output


@pytest.mark.parametrize("words", [("--first", "2026-01-05"), ("--last", "2027-01-01"), ("--first", "2026-02-20", "--last", "2026-02-10")])
def test_days_that_leave_nothing_to_learn_or_score_are_refused(run: Run, town: Path, words: tuple[str, ...]):
    result = run(town, *words)

    assert result.exit_code == 2
    assert "Readings reach from 2026-01-01 to 2026-03-01" in result.output


def test_a_picture_is_of_a_kind_that_we_draw_and_its_place_is_there(run: Run, town: Path, tmp_path: Path):
    assert run(town, "--plot", tmp_path / "backtest.txt").exit_code == 2
    missing = run(town, "--plot", tmp_path / "nowhere" / "backtest.svg")

    assert missing.exit_code == 2
    assert "nowhere" in missing.output
