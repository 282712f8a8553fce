"""`kerbside solve` and `check` as people and programs use them: what is printed, what is written, and the exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.jobs.cli import main
from app.jobs.routing_commands import ENGINES
from routing import io
from routing.portfolio import Engine
from routing.problem import Window
from tests.routing.ascii_city import ascii_city, stop, truck

Run = Callable[..., Result]

LINE = {"cost", "best_known", "gap_pct", "routes", "feasible", "violations", "bound", "seconds"}
TINY = """NAME : tiny
TYPE : CVRP
DIMENSION : 3
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 3 0
3 4 0
DEMAND_SECTION
1 0
2 5
3 5
DEPOT_SECTION
1
-1
EOF
"""
"""Depot at 0, customers at 3 and 4 on one line, both fit: 8 there and back."""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`kerbside` with these words; iterations where nothing else ends a search, so that no test waits for a clock."""

    def run(*words: str | Path) -> Result:
        result = CliRunner().invoke(main, [str(word) for word in words], env={"KERBSIDE_DATA": str(tmp_path / "data")})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """D depot, U unload: two containers of 180 kg fit one truck of 1,000 kg. Out to U, which lies last, and home are 2 × 1,200 m."""
    problem = ascii_city("D----A----B----U").problem(truck(), load={"A": (180, 400), "B": (180, 400)})
    io.write_problem(problem, tmp_path / "street.json")
    return tmp_path / "street.json"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    (tmp_path / "tiny.vrp").write_text(TINY)
    return tmp_path / "tiny.vrp"


FEW = ("--iterations", "20", "--cores", "1")


def test_a_problem_that_says_where_its_places_lie_is_drawn_on_the_plane(run: Run, street: Path, tmp_path: Path):
    """With places the picture has a depot and routes; without, the profiles alone."""
    plain, drawn = tmp_path / "plain.svg", tmp_path / "drawn.svg"
    assert run("solve", street, *FEW, "--plot", plain).exit_code == 0
    places = np.array([[50.0, 8.0 + number / 100] for number in range(4)])
    io.write_problem(io.read_problem(street), street, places=places)
    assert run("solve", street, *FEW, "--plot", drawn).exit_code == 0
    assert "depot" in drawn.read_text() and "depot" not in plain.read_text()


def test_a_program_is_told_one_line(run: Run, street: Path):
    solved = run("solve", street, *FEW, "--json")
    assert (solved.exit_code, solved.stderr) == (0, "")
    facts = json.loads(solved.stdout)
    assert solved.stdout.count("\n") == 1
    assert facts.keys() >= LINE
    assert (facts["cost"], facts["routes"], facts["unserved"], facts["feasible"], facts["violations"]) == (2_400, 1, 0, True, [])
    assert (facts["best_known"], facts["gap_pct"]) == (None, None)
    assert 0 < facts["bound"] <= facts["cost"]
    assert facts["distance_m"] == 2 * 1_200


def test_a_plan_is_solved_written_and_checked(run: Run, street: Path, tmp_path: Path):
    assert run("solve", street, *FEW, "--out", tmp_path / "plan.json").exit_code == 0
    checked = run("check", street, tmp_path / "plan.json", "--json")
    assert checked.exit_code == 0
    facts = json.loads(checked.stdout)
    assert (facts["cost"], facts["feasible"], facts["same_problem"]) == (2_400, True, True)


def test_the_same_iterations_and_seed_give_the_same_plan(run: Run, street: Path, tmp_path: Path):
    for name in ("one", "two"):
        run("solve", street, *FEW, "--seed", "7", "--out", tmp_path / name)
    assert (tmp_path / "one").read_text() == (tmp_path / "two").read_text()


def test_people_are_told_the_bound_and_what_kind_it_is(run: Run, street: Path):
    said = run("solve", street, *FEW).stdout
    assert "feasible     yes: every rule is kept" in said
    assert "cost         2,400 millionths of currency (0.00)" in said
    assert "by assignment" in said


def test_a_tampered_plan_is_found_out_by_the_rule_that_it_breaks(run: Run, street: Path, tmp_path: Path):
    run("solve", street, *FEW, "--out", tmp_path / "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    visits = plan["routes"][0]["visits"]
    plan["routes"][0]["visits"] = [visit for visit in visits if visit["kind"] != "unload"]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    assert "breaks ends_empty, truck, stop B" in run("check", street, tmp_path / "plan.json").stdout
    checked = run("check", street, tmp_path / "plan.json", "--json")
    assert checked.exit_code == 1
    facts = json.loads(checked.stdout)
    assert not facts["feasible"]
    assert "ends_empty" in {violation["rule"] for violation in facts["violations"]}


def test_a_mandatory_stop_left_out_is_not_feasible(run: Run, tmp_path: Path):
    """A weighs more than the truck carries: no rule is broken, but it stays where it is."""
    problem = ascii_city("D----A----B----U").problem(truck(), load={"A": (2_000, 400), "B": (180, 400)})
    io.write_problem(problem, tmp_path / "heavy.json")
    solved = run("solve", tmp_path / "heavy.json", *FEW, "--json")
    assert solved.exit_code == 1
    facts = json.loads(solved.stdout)
    assert (facts["feasible"], facts["violations"], facts["mandatory_unserved"]) == (False, [], ["A"])
    assert "leaves out A: too_large" in run("solve", tmp_path / "heavy.json", *FEW).stdout


def test_prizes_passed_up_are_part_of_the_cost(run: Run, tmp_path: Path):
    """Out to U and home are 2 × 1,200 m; A lies on the way and is worth 5, but a lift costs 10,000: left out, at 5."""
    load = {"A": stop(180, 400, prize=5), "B": stop(180, 400, lifts=0)}
    problem = ascii_city("D----A----B----U").problem(truck(cost_per_lift=10_000), load=load)
    io.write_problem(problem, tmp_path / "prize.json")
    facts = json.loads(run("solve", tmp_path / "prize.json", *FEW, "--json").stdout)
    assert (facts["cost"], facts["lost_prizes"], facts["feasible"]) == (2_405, 5, True)
    assert facts["bound"] <= facts["cost"]


# Instances of the literature


def test_an_instance_is_solved_in_its_own_convention(run: Run, tiny: Path):
    facts = json.loads(run("solve", tiny, *FEW, "--json").stdout)
    assert (facts["cost"], facts["best_known"], facts["unit"]) == (8, None, "distance")


def test_the_best_known_value_lies_beside_it_or_is_given(run: Run, tiny: Path):
    """8 is 60 % above 5, and 0 % above what the file beside it says."""
    facts = json.loads(run("solve", tiny, *FEW, "--json", "--best", "5").stdout)
    assert (facts["best_known"], facts["gap_pct"]) == (5, 60)
    tiny.with_suffix(".sol").write_text("Route #1: 1 2\nCost 8\n")
    facts = json.loads(run("solve", tiny, *FEW, "--json").stdout)
    assert (facts["best_known"], facts["gap_pct"]) == (8, 0)
    assert "8: the plan is 0.00 % above it" in run("solve", tiny, *FEW).stdout


def test_a_plan_of_another_file_is_named_as_that(run: Run, street: Path, tiny: Path, tmp_path: Path):
    run("solve", street, *FEW, "--out", tmp_path / "plan.json")
    checked = run("check", tiny, tmp_path / "plan.json")
    assert checked.exit_code == 1
    assert "was made for another problem" in checked.stderr
    assert "known_places" in checked.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_may_be_asked_for(run: Run, street: Path, engine: str):
    assert run("solve", street, *FEW, "--engine", engine).exit_code == 0


def test_the_engines_are_those_of_the_portfolio():
    assert list(ENGINES) == list(Engine)


# Mistakes


def test_a_place_that_is_not_there_is_refused_before_the_search(run: Run, street: Path, tmp_path: Path):
    """No limit is given: had the search begun, this would take half a minute."""
    for option in ("--out", "--plot"):
        result = run("solve", street, option, tmp_path / "nowhere" / "plan.svg")
        assert result.exit_code == 2
        assert result.stderr.startswith(f"kerbside: {tmp_path}/nowhere/plan.svg: No such file or directory.")


def test_a_picture_is_of_a_kind_that_we_draw(run: Run, street: Path, tmp_path: Path):
    result = run("solve", street, "--plot", tmp_path / "plan.doc")
    assert result.exit_code == 2
    assert "is no picture: name one that ends in .svg, .png, .pdf." in result.stderr


@pytest.mark.parametrize("content", [b"Dear town,", b"{}", b"{", b"[]", b"", b"\xff\xfe\x00", b'{"a":' * 100_000])
def test_a_file_that_is_no_problem_is_refused(run: Run, street: Path, tmp_path: Path, content: bytes):
    (tmp_path / "letter").write_bytes(content)
    for words in (("solve", tmp_path / "letter"), ("check", tmp_path / "letter", street), ("check", street, tmp_path / "letter")):
        result = run(*words)
        assert result.exit_code == 2
        assert "letter cannot be read: " in result.stderr
        assert result.stdout == ""


def test_a_problem_is_no_plan(run: Run, street: Path):
    result = run("check", street, street)
    assert result.exit_code == 2
    assert "expected 'kerbside-routing-plan' version 1" in result.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("--time-limit", "0"), ("--time-limit", "nan"), ("--time-limit", "inf"), ("--best", "-1"), ("--seed", "-1"), ("--cores", "0")],
)
def test_a_number_that_makes_no_sense_is_refused(run: Run, street: Path, option: str, value: str):
    result = run("solve", street, option, value)
    assert result.exit_code == 2
    assert option in result.stderr


# The search is broken off


def test_ctrl_c_gives_the_best_plan_so_far(street: Path, tmp_path: Path):
    """Without a limit that would end it within the hour; the plan is checked and written all the same."""
    command = [
        sys.executable,
        "-m",
        "app.jobs.cli",
        "solve",
        street,
        "--time-limit",
        "3600",
        "--cores",
        "1",
        "--out",
        tmp_path / "plan.json",
    ]
    environment = os.environ | {"KERBSIDE_DATA": str(tmp_path / "data")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as solving:
        assert solving.stderr
        assert "2,400" in solving.stderr.readline(), "the first plan is told at once"
        time.sleep(0.5)
        solving.send_signal(signal.SIGINT)
        said, _ = solving.communicate(timeout=60)
    assert solving.returncode == 0
    assert "feasible     yes" in said
    assert io.read_plan(tmp_path / "plan.json").served == {"A", "B"}


def test_what_was_promised_and_cannot_be_kept_is_named_and_the_rest_is_planned(run: Run, tmp_path: Path):
    """Told to go to B first, which closes at 50 s and is 80 s away: A is served, and the line says which rule that breaks."""
    late = stop(windows=(Window(0, 50),))
    problem = ascii_city("D----A----B----U").problem(truck(head=("B",)), load={"A": (180, 400), "B": late})
    io.write_problem(problem, tmp_path / "told.json")
    solved = run("solve", tmp_path / "told.json", *FEW, "--json")
    facts = json.loads(solved.stdout)
    assert (solved.exit_code, facts["feasible"], facts["served"], facts["mandatory_unserved"]) == (1, False, 1, ["B"])
    assert [(one["rule"], one["vehicle"], one["stop"]) for one in facts["violations"]] == [("head_kept", "truck", "B")]
