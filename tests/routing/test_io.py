"""Files: what goes out comes back, what is wrong is named."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from routing.errors import InstanceFormatError
from routing.io import (
    plan_digest,
    plan_from_json,
    plan_to_json,
    problem_digest,
    problem_from_json,
    problem_to_json,
    read_plan,
    read_problem,
    write_plan,
    write_problem,
)
from routing.problem import BreakRule, Problem, Window
from routing.schema import plan_schema, problem_schema
from routing.solve import solve
from routing.stopping import MaxIterations
from tests.routing.ascii_city import ascii_city, facility, meal, stop, truck
from tests.routing.plans import checked

VRPLIB = """NAME : toy
TYPE : CVRP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 3 4
3 6 8
4 0 5
DEMAND_SECTION
1 0
2 5
3 5
4 10
DEPOT_SECTION
1
-1
EOF
"""

SOLOMON = """TOY

VEHICLE
NUMBER     CAPACITY
  2         10

CUSTOMER
CUST NO.   XCOORD.   YCOORD.   DEMAND    READY TIME   DUE DATE   SERVICE TIME

    0      0         0          0          0        100          0
    1      3         4         10          0         50         10
    2      1         1         10         20         50         10
"""


def everything() -> Problem:
    """A problem that uses every field."""
    full = truck(
        classes=frozenset({"paper", "glass"}),
        compacted_density_kg_m3={"paper": 300},
        max_duration_s=9_000,
        fixed_cost=5,
        cost_per_s=1,
        cost_per_lift=2,
        breaks=(meal(100, 4_000), BreakRule(key="rest", duration_s=60, after_work_s=8_000)),
        max_trips=3,
        offers=frozenset({"crane"}),
    )
    load = {
        "A": stop(waste_class="paper", windows=(Window(0, 50), Window(60, 900)), lifts=2, needs=frozenset({"crane"}), setup_s=3),
        "B": stop(waste_class="glass", prize=99_000, allowed_vehicles=frozenset({"truck"}), group="g", service_s=4),
    }
    return ascii_city("D--A--B--U").problem(full, load=load, unload={"U": facility({"paper", "glass"}, turnaround_s=9, fee_per_kg=1)})


def test_problems_and_plans_come_back_exactly(tmp_path: Path):
    problem = everything()
    plan = solve(problem, stop=MaxIterations(5))
    checked(problem, plan)
    write_problem(problem, tmp_path / "problem.json")
    write_plan(plan, tmp_path / "plan.json")
    assert read_problem(tmp_path / "problem.json") == problem
    assert read_plan(tmp_path / "plan.json") == plan


def test_files_keep_to_their_schemas():
    problem = everything()
    jsonschema.validate(problem_to_json(problem), problem_schema())
    jsonschema.validate(plan_to_json(solve(problem, stop=MaxIterations(5))), plan_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**problem_to_json(problem), "stops": [{"key": "A"}]}, problem_schema())


def test_digests_follow_the_content_and_nothing_else():
    problem = everything()
    again = problem_from_json(json.loads(json.dumps(problem_to_json(problem))))
    assert problem_digest(again) == problem_digest(problem)
    dearer = replace(problem, vehicles=(replace(problem.vehicles[0], cost_per_m=2),))
    longer = replace(problem, travel=(replace(problem.travel[0], distance_m=problem.travel[0].distance_m * 2),))
    assert len({problem_digest(one) for one in (problem, dearer, longer)}) == 3
    plan = solve(problem, stop=MaxIterations(5))
    assert plan_digest(plan_from_json(plan_to_json(plan))) == plan_digest(plan)
    assert plan_digest(replace(plan, seed=9)) != plan_digest(plan)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ({"version": 2}, "version"),
        ({"format": "other"}, "format|expected"),
        ({"stops": [{"key": "A"}]}, "load|allowed_vehicles"),
        ({"dimensions": ["kg"]}, "load needs one entry"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(damage, named):
    with pytest.raises(InstanceFormatError, match=named):
        problem_from_json({**problem_to_json(everything()), **damage})


@pytest.mark.parametrize("text", ["{", "[]", "nothing known"])
def test_other_files_are_refused(tmp_path: Path, text: str):
    (tmp_path / "file").write_text(text)
    with pytest.raises(InstanceFormatError):
        read_problem(tmp_path / "file")


def test_a_vrplib_instance_costs_its_rounded_distance(tmp_path: Path):
    """0 → (3,4) → (6,8) → 0 is 5 + 5 + 10; 0 → (0,5) → 0 is 10: both customers of 5 share a vehicle of 10."""
    (tmp_path / "toy.vrp").write_text(VRPLIB)
    problem = read_problem(tmp_path / "toy.vrp")
    plan = solve(problem, stop=MaxIterations(50))
    assert checked(problem, plan).cost == 30
    assert len(plan.routes) == 2


def test_a_solomon_instance_is_in_tenths(tmp_path: Path):
    """√(9+16) = 5 and √2 = 1.41…, cut to 1.4: there and back for each is 100 + 28 tenths; due dates are tenths too."""
    (tmp_path / "toy.txt").write_text(SOLOMON)
    problem = read_problem(tmp_path / "toy.txt")
    assert problem.stop_by_key["2"].windows == (Window(200, 500),)
    assert problem.stop_by_key["2"].service_s == 100
    assert checked(problem, solve(problem, stop=MaxIterations(50))).cost == 128
