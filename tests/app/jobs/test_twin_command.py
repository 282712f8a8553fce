"""`kerbside twin` as people and programs use it: what is printed and written, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.jobs.cli import main

Run = Callable[..., Result]
HEAD = "serialNumber,timestamp,latestFullness,description,longitude,latitude"
YARD = {"properties": {"type": "depot", "address": "Yard"}, "geometry": {"type": "Point", "coordinates": [144.60, -37.94]}}


def write_town(folder: Path, *, days: int = 63, head: str = HEAD, sites: object = None) -> Path:
    """Three bins near each other: level 2 more on most days, emptied when 8 was reported."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    rows = [head]
    for key in (1, 2, 3):
        level = 0
        for day in np.arange(np.datetime64("2026-01-01"), np.datetime64("2026-01-01") + days):
            level = 0 if level >= 8 else level + 2 * int(rng.random() < 0.6)
            where = f",{144.65 + key / 1e4},-37.91" if "longitude" in head else ""
            rows.append(f"{key},{day},{level},Street {key}{where}")
    (folder / "fill_history.csv").write_text("\n".join(rows) + "\n")
    (folder / "sites.geojson").write_text(json.dumps(sites or {"type": "FeatureCollection", "features": [YARD]}))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`kerbside twin` with these words."""

    def run(*words: str | Path) -> Result:
        given = ["twin", *(str(word) for word in words)]
        result = CliRunner().invoke(main, given, env={"KERBSIDE_DATA": str(tmp_path / "data")})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def test_curves_are_printed_and_written_and_kept(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.planning.twin import study

    town, written, kept = write_town(tmp_path / "town"), tmp_path / "out.json", tmp_path / "kept"
    words = ("--data", town, "--weeks", "4", "--policies", "daily,fixed,ours,clairvoyant", "--cores", "1", "--skips", "0.05")
    first = run(*words, "--json", written, "--kept", kept)
    assert first.exit_code == 0, first.output
    for said in ("3 containers at 3 places", "great circle", "every weekday", "ours, overflow at", "at equal service", "skipped=0.05"):
        assert said in first.output

    told = json.loads(written.read_text())
    assert set(told["policies"]) == {"daily", "fixed", "ours", "clairvoyant"}
    point = told["policies"]["daily"][0]
    assert point["truck_days"] == 20 and point["days"] == 28 and point["km"] > 0
    assert point["co2e_kg"] == pytest.approx(1.3 * point["km"] + 0.25 * point["lifts"])
    assert set(told["captured_share"]) == {f"{level:g}" for level in study.SERVICE_LEVELS}
    assert told["disturbances"]["skipped"] == 0.05

    again = run(*words, "--kept", kept)
    assert again.output == first.output.replace(f"\nwritten: {written}\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--policies", "ours,magic"), "magic is no policy; there are daily, trimmed, fixed"),
        (("--policies", ","), "nothing is no policy"),
        (("--weeks", "3"), "3 is not in the range x>=4"),
        (("--weeks", "30"), "at most 6 weeks can be counted"),
        (("--weeks", "4", "--history-weeks", "5"), "with 5 weeks before them, at most 2 weeks can be counted"),
        (("--silent", "1.5"), "1.5 is not in the range"),
        (("--delay", "8"), "8 is not in the range"),
        (("--figure", "miles"), "'miles' is not one of"),
    ],
)
def test_words_that_make_no_sense_are_refused(run: Run, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    result = run("--data", write_town(tmp_path / "town"), *words)
    assert result.exit_code == 2 and said in result.output


def test_a_folder_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    result = run("--data", tmp_path / "nowhere")
    assert result.exit_code == 2 and "nowhere" in result.output


def test_a_folder_without_fills_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("--data", tmp_path / "empty")
    assert result.exit_code == 2 and "fill_history.csv" in result.output


def test_containers_need_a_place(run: Run, tmp_path: Path) -> None:
    town = write_town(tmp_path / "town", head="serialNumber,timestamp,latestFullness,description")
    result = run("--data", town, "--weeks", "4")
    assert result.exit_code == 2 and "row 2: no longitude and latitude" in result.output


def test_a_yard_is_needed(run: Run, tmp_path: Path) -> None:
    town = write_town(tmp_path / "town", sites={"features": []})
    nameless = run("--data", town, "--weeks", "4")
    assert nameless.exit_code == 2 and "names no depot" in nameless.output
    (town / "sites.geojson").unlink()
    missing = run("--data", town, "--weeks", "4")
    assert missing.exit_code == 2 and "sites.geojson is missing" in missing.output


def test_a_schedule_that_cannot_be_read_is_refused(run: Run, tmp_path: Path) -> None:
    town = write_town(tmp_path / "town")
    (town / "schedule.csv").write_text("container,weekdays\n1,Noday\n")
    result = run("--data", town, "--weeks", "4")
    assert result.exit_code == 2 and "row 2: give a container and its weekdays" in result.output
