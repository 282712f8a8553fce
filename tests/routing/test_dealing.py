"""What a large night is cut by: classes that never ride together, and who is needed where."""

from dataclasses import replace

import pytest

from routing import split
from routing.dealing import deal, strand_of, strands
from routing.problem import Compartment, Problem, Stop
from tests.routing.test_pyvrp import unequal_trucks

PAPER, GLASS = "paper", "glass"


@pytest.fixture
def town() -> Problem:
    """40 stops, every fourth of glass, which the first two of six trucks carry, and no others do."""
    problem = unequal_trucks(4, stops=40)
    stops = tuple(replace(stop, waste_class=PAPER if i % 4 else GLASS) for i, stop in enumerate(problem.stops))
    trucks = tuple(replace(problem.vehicles[0], key=f"T{i}", classes=frozenset({GLASS if i < 2 else PAPER})) for i in range(6))
    gates = tuple(replace(gate, accepts=frozenset({PAPER, GLASS})) for gate in problem.facilities)
    return replace(problem, stops=stops, vehicles=trucks, facilities=gates)


def of_class(problem: Problem, name: str) -> list[Stop]:
    return [stop for stop in problem.stops if stop.waste_class == name]


def test_classes_of_which_a_truck_carries_one_a_trip_are_strands_of_their_own(town: Problem):
    assert strands(town) == {PAPER: PAPER, GLASS: GLASS}


def test_classes_that_a_truck_mixes_are_one_strand(town: Problem):
    mixing = replace(town.vehicles[0], classes=frozenset({PAPER, GLASS}), one_class_per_trip=False)
    assert strands(replace(town, vehicles=(mixing, *town.vehicles[1:]))) == {PAPER: GLASS, GLASS: GLASS}


def test_classes_that_ride_in_compartments_of_one_truck_are_one_strand(town: Problem):
    parts = tuple(Compartment(classes=frozenset({name}), capacity=(1_000, 1_000)) for name in (PAPER, GLASS))
    divided = replace(town.vehicles[0], classes=frozenset({PAPER, GLASS}), compartments=parts)
    assert strands(replace(town, vehicles=(divided, *town.vehicles[1:]))) == {PAPER: GLASS, GLASS: GLASS}


def test_classes_between_which_there_is_a_choice_are_one_strand(town: Problem):
    either = tuple(replace(stop, group="g", prize=None) if i < 2 else stop for i, stop in enumerate(town.stops))
    assert strands(replace(town, stops=either)) == {PAPER: GLASS, GLASS: GLASS}


def test_a_route_of_two_strands_belongs_to_that_of_most_stops(town: Problem):
    assert strand_of(town.stops[:4], strands(town)) == PAPER


def test_parts_are_of_one_strand_with_the_vehicles_for_it(town: Problem):
    parts = split.cut(town, {}, split.plane_of(town), seed=1)
    assert sorted(stop.key for part in parts for stop in part.problem.stops) == sorted(town.stop_by_key)
    assert {tuple(sorted(part.given)) for part in parts} == {("T0", "T1"), ("T2", "T3", "T4", "T5")}
    assert all(len({stop.waste_class for stop in part.problem.stops}) == 1 for part in parts)


@pytest.mark.parametrize("hours", [0, 4])
def test_vehicles_are_shared_out_by_what_there_is_to_do(town: Problem, hours: int):
    """Of 30 stops 7 lie in one part and 23 in the other, 30.7 % as much: of four trucks one goes here, whether it is enough or not."""
    paper = [replace(stop, service_s=3_600 * hours + 300) for stop in of_class(town, PAPER)]
    fleets = deal(town, [paper[:7], paper[7:]], set(), town.vehicles, split.plane_of(town))
    assert [len(fleet) for fleet in fleets] == [1, 3]


def test_a_vehicle_goes_to_whom_something_is_owed(town: Problem):
    """Six optional stops here, four mandatory ones there: 6 × 0.25 = 1.5 < 4."""
    paper = of_class(town, PAPER)
    optional = [replace(stop, prize=10**6) for stop in paper[:6]]
    owed = [replace(stop, prize=None) for stop in paper[6:10]]
    assert deal(town, [optional, owed], set(), town.vehicles[2:3], split.plane_of(town)) == [[], [town.vehicles[2]]]


def test_a_vehicle_goes_to_whom_something_is_left_out(town: Problem):
    """One stop left out weighs more than ten that are served: 1 > 10 × 0.01."""
    paper = of_class(town, PAPER)
    served = {stop.key for stop in paper[:10]}
    assert deal(town, [paper[:10], paper[10:11]], served, town.vehicles[2:3], split.plane_of(town)) == [[], [town.vehicles[2]]]


def test_who_may_serve_nothing_is_dealt_to_none(town: Problem):
    assert deal(town, [of_class(town, GLASS)], set(), town.vehicles[2:], split.plane_of(town)) == [[]]


def test_a_part_knows_of_a_sequence_what_it_holds(town: Problem):
    ordered = replace(town.vehicles[2], sequence=tuple(stop.key for stop in of_class(town, PAPER)))
    some = of_class(town, PAPER)[3:9]
    part = split.part_of(town, some, [ordered], {})
    assert part.problem.vehicles[0].sequence == tuple(stop.key for stop in some)
