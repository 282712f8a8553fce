"""`kerbside audit` as people and programs use it: what is printed and written, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.jobs.cli import main
from tests.app.planning.audit.folders import write_lifts

Run = Callable[..., Result]
SHORT = ("--weeks", "4", "--cores", "1")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`kerbside audit` with these words."""

    def run(*words: str | Path) -> Result:
        given = ["audit", *(str(word) for word in words)]
        result = CliRunner().invoke(main, given, env={"KERBSIDE_DATA": str(tmp_path / "data")})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads for worker processes: how those work is tested with the executor."""
    monkeypatch.setattr("app.jobs.executor.LocalProcesses", ThreadPoolExecutor)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    return write_lifts(folder, days=56, weekdays={0, 2, 4}, fill_pct=lambda key, day, since: 10 * since)


@pytest.mark.usefixtures("at_once")
def test_people_are_told_the_verdict_first_and_where_the_report_is(run: Run, town: Path, tmp_path: Path):
    page = tmp_path / "report.html"
    result = run(town, *SHORT, "--html", page, "--kept", tmp_path / "kept")

    assert result.exit_code == 0, result.output
    assert result.output.startswith("What Kerbside would have saved\n\nBuy nothing yet: fewer than 12 counted weeks")
    for said in ("Money on three lines", "Which containers deserve a sensor", "great circle × 1.3", "Assumptions", f"written: {page}"):
        assert said in result.output
    assert "the weekdays on which each container was lifted" in result.output
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")

    again = run(town, *SHORT, "--kept", tmp_path / "kept", "--json", "--sensor-price", "80")
    assert again.exit_code == 0, again.output
    whole = json.loads(again.stdout)
    assert (whole["verdict"]["answer"], whole["currency"]) == ("too_few_weeks", "EUR")
    assert next(one for one in whole["assumptions"] if one["key"] == "sensor")["origin"] == "given by you"


def test_bad_input_ends_with_its_place_and_exit_code_2(run: Run, town: Path, tmp_path: Path):
    for file in town.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "lifts.csv").write_text("container,lifted_at,fill_pct\nA,2026-01-05,full\n")

    result = run(tmp_path, *SHORT)

    assert result.exit_code == 2
    assert "lifts.csv, row 2: fill_pct is 'full'" in result.output


def test_weeks_that_the_data_do_not_hold_are_refused(run: Run, town: Path):
    result = run(town, "--weeks", "30")

    assert result.exit_code == 2
    assert "at most 4 weeks can be counted" in result.output


def test_a_price_that_makes_no_sense_is_refused(run: Run, town: Path):
    result = run(town, *SHORT, "--sensor-price", "-3")

    assert result.exit_code == 2
    assert "sensor is -3.0; it cannot be negative" in result.output
