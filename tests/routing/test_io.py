"""Files: what goes out comes back, what is wrong is named."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from routing.errors import InstanceFormatError
from routing.io import (
    plan_digest,
    plan_from_json,
    plan_to_json,
    problem_digest,
    problem_from_json,
    problem_to_json,
    read_places,
    read_plan,
    read_problem,
    write_plan,
    write_problem,
)
from routing.problem import BreakRule, Compartment, FairShare, Pace, Problem, Stop, Travel, UnderWay, Vehicle, Window
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


def under_way() -> Problem:
    """What `everything` leaves out: fields that make it a problem of another kind."""
    running = UnderWay(
        location=1,
        ready_s=700,
        started_s=100,
        load=(5, 9),
        classes=frozenset({"paper"}),
        driven_s=300,
        driven_m=3_000,
        rested_s=400,
        lifted=(50, 60),
        stops=3,
        unloads=1,
        taken=frozenset({"meal"}),
    )
    parts = (Compartment(classes=frozenset({"paper"}), capacity=(400, 900)), Compartment(classes=frozenset({"glass"}), capacity=(99, 99)))
    rest = BreakRule(key="rest", duration_s=2_700, after_drive_s=16_200, repeats=True, parts_s=(900, 1_800), only_if_longer_s=20_000)
    vehicle = Vehicle(
        key="truck",
        start_location=0,
        end_location=0,
        capacity=(1_000, 1_000),
        shift=Window(0, 80_000),
        classes=frozenset({"paper", "glass"}),
        one_class_per_trip=False,
        ends_empty=False,
        breaks=(meal(100, 4_000), rest),
        travel_profile=1,
        compartments=parts,
        stop_s=7,
        lift_s=8,
        latest_start_s=9_000,
        max_drive_s=30_000,
        max_distance_m=90_000,
        max_stops=30,
        max_lifted=(9_000, 9_000),
        overtime_after_s=28_800,
        overtime_cost_per_s=3,
        fair_share=FairShare(duration_s=1, cost_per_s=2, load_kg=3, cost_per_kg=4),
        under_way=running,
        head=("A",),
        sequence=("A", "B"),
    )
    load = {
        "A": stop(waste_class="paper", release_s=60, bring_to="B", usual_vehicle="truck", change_cost=70),
        "B": stop(-10, -10, waste_class="paper"),
    }
    city = ascii_city("D--A--B--U")
    problem = city.problem(load=load, unload={"U": facility({"paper", "glass"}, windows=(Window(1, 2),), fee_per_visit=3)})
    slow = replace(city.travel, paces=(Pace(100, 1_300), Pace(900, 1_000)))
    return replace(problem, vehicles=(vehicle,), travel=(city.travel, slow))


def in_litres_alone() -> Problem:
    """Other dimensions than the usual ones."""
    one = Travel([[0]], [[0]])
    return Problem(stops=(Stop(key="A", location=0, load=(1,)),), facilities=(), vehicles=(), travel=(one,), dimensions=("l",))


def parts_of(value: object) -> Iterator[object]:
    """All records within, itself first."""
    if isinstance(value, tuple):
        for one in value:
            yield from parts_of(one)
    elif is_dataclass(value):
        yield value
        for field in fields(value):
            yield from parts_of(getattr(value, field.name))


def default_of(field) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def test_the_problems_of_these_tests_use_every_field():
    """Whoever adds a field to the model adds it here, and so to the files and their schema."""
    told: dict[str, bool] = {}
    for record in parts_of((everything(), under_way(), in_litres_alone())):
        for field in fields(record):
            if default_of(field) is not MISSING:
                name = f"{type(record).__name__}.{field.name}"
                told[name] = told.get(name, False) or getattr(record, field.name) != default_of(field)
    assert [name for name, is_told in told.items() if not is_told] == []


@pytest.mark.parametrize("make", [everything, under_way, in_litres_alone])
def test_every_field_comes_back_and_keeps_to_the_schema(make):
    problem = make()
    data = problem_to_json(problem)
    jsonschema.validate(data, problem_schema())
    assert problem_from_json(json.loads(json.dumps(data))) == problem
    assert problem_digest(problem_from_json(data)) == problem_digest(problem)


def test_what_equals_its_default_is_left_out_and_may_be_given():
    """A file from before a field was there reads as ever."""
    problem = in_litres_alone()
    data = problem_to_json(problem)
    assert data["stops"] == [{"key": "A", "location": 0, "load": [1]}]
    spelled_out = {**data, "stops": [{**data["stops"][0], "prize": None, "windows": [], "release_s": 0, "lifts": 1}]}
    jsonschema.validate(spelled_out, problem_schema())
    assert problem_from_json(spelled_out) == problem


def test_a_digest_outlives_fields_that_are_added_later():
    """Over these very bytes, whatever the classes come to hold: a problem solved last year is found by its digest."""
    described = (
        '{"dimensions":["l"],"facilities":[],"format":"kerbside-routing-problem",'
        '"stops":[{"key":"A","load":[1],"location":0}],"vehicles":[],"version":1}'
    )
    matrices = bytes(4) + bytes(4)
    assert problem_digest(in_litres_alone()) == hashlib.sha256(described.encode() + matrices).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda problem: replace(problem, travel=(problem.travel[0], replace(problem.travel[1], paces=()))),
        lambda problem: replace(problem, travel=(problem.travel[1], problem.travel[0])),
        lambda problem: replace(problem, vehicles=(replace(problem.vehicles[0], under_way=None),)),
        lambda problem: replace(problem, vehicles=(replace(problem.vehicles[0], head=()),)),
    ],
)
def test_the_digest_sees_every_change(change):
    assert problem_digest(change(under_way())) != problem_digest(under_way())


def test_problems_and_plans_come_back_exactly(tmp_path: Path):
    problem = everything()
    plan = solve(problem, stop=MaxIterations(5))
    checked(problem, plan)
    write_problem(problem, tmp_path / "problem.json")
    write_plan(plan, tmp_path / "plan.json")
    assert read_problem(tmp_path / "problem.json") == problem
    assert read_plan(tmp_path / "plan.json") == plan


def test_where_places_lie_comes_back_and_is_no_part_of_the_problem(tmp_path: Path):
    problem = everything()
    places = np.array([[50.1 + number / 8, 8.6 - number / 16] for number in range(problem.travel[0].size)])
    jsonschema.validate(problem_to_json(problem, places=places), problem_schema())
    write_problem(problem, tmp_path / "with.json", places=places)
    write_problem(problem, tmp_path / "without.json")
    assert np.array_equal(read_places(tmp_path / "with.json"), places)
    assert read_places(tmp_path / "without.json") is None
    assert read_problem(tmp_path / "with.json") == problem
    assert problem_digest(read_problem(tmp_path / "with.json")) == problem_digest(problem)


@pytest.mark.parametrize(
    ("places", "named"),
    [
        ({}, "places: expected a list"),
        ([{"lat": 50.0, "lon": 8.6}], r"places: expected one for each of the \d locations, got 1"),
        ([[50.0, 8.6]], r"places\[0\]: expected an object with lat and lon, got \[50.0, 8.6\]"),
        ([{"lat": 8.6, "lon": 200}], r"places\[0\].lon: expected degrees from -180 to 180, got 200"),
        ([{"lat": float("nan"), "lon": 0}], r"places\[0\].lat: expected degrees"),
        ([{"lat": True, "lon": 0}], r"places\[0\].lat: expected degrees from -90 to 90, got True"),
    ],
)
def test_places_that_are_none_are_named(places, named):
    with pytest.raises(InstanceFormatError, match=named):
        problem_from_json({**problem_to_json(everything()), "places": places})


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
        ({"dimensions": "kg"}, "dimensions: expected a list, got 'kg'"),
        ({"colour": "red"}, "knows no colour"),
        ({"stops": [{"key": 5, "location": 0, "load": [1, 1]}]}, r"stops\[0\].key: expected a text, got 5"),
        ({"stops": [{"key": "A", "location": True, "load": [1, 1]}]}, r"stops\[0\].location: expected an integer, got True"),
        ({"stops": [{"key": "A", "location": 0, "load": [1, 1], "windows": [{"open_s": 1}]}]}, r"windows\[0\] lacks close_s"),
        ({"vehicles": ["truck"]}, r"vehicles\[0\]: expected an object"),
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
