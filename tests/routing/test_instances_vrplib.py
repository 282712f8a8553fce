"""VRPLIB and its dialects, on instances small enough to count by hand. The depot D stands at (0, 0), A at (3, 4), B at (6, 8)."""

import numpy as np
import pytest

from routing.errors import InstanceFormatError
from routing.instances import Instance, read_instance
from routing.problem import Window

POINTS = "NODE_COORD_SECTION\n1 0 0\n2 3 4\n3 6 8"
DEMANDS = "DEMAND_SECTION\n1 0\n2 5\n3 5"
DEPOT = "DEPOT_SECTION\n1\n-1\nEOF"
WINDOWS = "TIME_WINDOW_SECTION\n1 0 100\n2 0.5 50\n3 20 60"


def vrplib(kind: str, *parts: str, points: str = POINTS, demands: str = DEMANDS, depot: str = DEPOT, weights: str = "EUC_2D") -> str:
    """A file of three locations; fields first, as the form wants it."""
    fields = [part for part in parts if "_SECTION" not in part]
    sections = [part for part in parts if "_SECTION" in part]
    lines = [f"NAME : toy\nTYPE : {kind}\nDIMENSION : 3\nEDGE_WEIGHT_TYPE : {weights}", *fields, points, demands, *sections, depot]
    return "\n".join(lines) + "\n"


def read(kind: str, *parts: str, **others: str) -> Instance:
    return read_instance(vrplib(kind, *parts, **others))


def legs(instance: Instance) -> list[int]:
    """D–A, A–B, D–B."""
    matrix = instance.problem.travel[0].distance_m
    return [int(matrix[0, 1]), int(matrix[1, 2]), int(matrix[0, 2])]


def test_each_collection_rounds_in_its_own_way():
    """From (0, 0) to (1, 1) are 1.41421…: to the nearest 1, ten times that cut off 14, a thousand times that 1,414."""
    points = POINTS.replace("3 4", "1 1")
    for kind, leg in (("CVRP", 1), ("VRPTW", 14), ("PCVRPTW", 14), ("MTVRPTWR", 14), ("HFVRP", 1_414), ("MDVRPTW", 1_414)):
        assert legs(read(kind, "CAPACITY : 9", WINDOWS, points=points))[0] == leg, kind


def test_times_are_rounded_as_distances_are_and_loads_are_not():
    problem = read("VRPTW", "CAPACITY : 9", "SERVICE_TIME : 1.25", WINDOWS).problem
    assert problem.vehicles[0].shift == Window(0, 1_000)
    assert [stop.windows for stop in problem.stops] == [(Window(5, 500),), (Window(200, 600),)]
    assert [stop.service_s for stop in problem.stops] == [12, 12]
    assert [stop.load for stop in problem.stops] == [(5,), (5,)]
    assert np.array_equal(problem.travel[0].drive_s, problem.travel[0].distance_m)


def test_stops_are_named_by_their_location_wherever_the_depot_stands():
    problem = read("CVRP", "CAPACITY : 9", depot="DEPOT_SECTION\n2\n-1\nEOF", demands="DEMAND_SECTION\n1 4\n2 0\n3 5").problem
    assert [(stop.key, stop.location, stop.load) for stop in problem.stops] == [("0", 0, (4,)), ("2", 2, (5,))]
    assert {vehicle.start_location for vehicle in problem.vehicles} == {1}


def test_a_free_fleet_has_as_many_vehicles_as_some_best_plan_can_need():
    """10 of load in vehicles of 7: all but one are more than half full, hence no more than 2 × 10 / 7 + 1 = 3; there are 2 customers."""
    assert len(read("CVRP", "CAPACITY : 7").problem.vehicles) == 2
    assert len(read("CVRP", "CAPACITY : 100").problem.vehicles) == 1
    assert len(read("CVRP", "CAPACITY : 100", "VEHICLES : 2", "VEHICLES_MAX_DURATION : 900").problem.vehicles) == 2


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        ("FULL_MATRIX", "0 1 2\n1 0 3\n2 3 0"),
        ("LOWER_ROW", "1\n2 3"),
        ("LOWER_ROW", "1 2\n3"),
        ("LOWER_DIAG_ROW", "0\n1 0\n2 3 0"),
        ("UPPER_ROW", "1 2\n3"),
        ("UPPER_DIAG_ROW", "0 1 2\n0 3\n0"),
    ],
)
def test_weights_may_be_written_out(shape: str, values: str):
    weights = f"EDGE_WEIGHT_SECTION\n{values}"
    assert legs(read("CVRP", "CAPACITY : 9", f"EDGE_WEIGHT_FORMAT : {shape}", points=weights, weights="EXPLICIT")) == [1, 3, 2]


def test_a_full_matrix_need_not_be_symmetric():
    weights = "EDGE_WEIGHT_SECTION\n0 1 2\n10 0 3\n20 30 0"
    matrix = read("ACVRP", "CAPACITY : 9", "EDGE_WEIGHT_FORMAT : FULL_MATRIX", points=weights, weights="EXPLICIT").problem.travel[0]
    assert matrix.distance_m.tolist() == [[0, 1, 2], [10, 0, 3], [20, 30, 0]]


def test_vehicles_of_a_mixed_fleet_have_each_their_costs():
    """Fixed costs grow with the distances' thousandths, the price of a unit does not: it is multiplied with them."""
    problem = read(
        "HFVRP",
        "VEHICLES : 2",
        "CAPACITY_SECTION\n1 10\n2 20",
        "VEHICLES_FIXED_COST_SECTION\n1 7\n2 9",
        "VEHICLES_UNIT_DISTANCE_COST_SECTION\n1 2\n2 3",
    ).problem
    assert [(one.capacity, one.fixed_cost, one.cost_per_m) for one in problem.vehicles] == [((10,), 7_000, 2), ((20,), 9_000, 3)]


def test_copies_are_left_out_kind_by_kind_and_keep_their_numbers():
    """10 of load: of vehicles of 100 one is enough, of vehicles of 7 three could be of use."""
    problem = read("HFVRP", "VEHICLES : 6", "CAPACITY_SECTION\n1 100\n2 100\n3 7\n4 7\n5 7\n6 7").problem
    assert [one.key for one in problem.vehicles] == ["vehicle 1", "vehicle 3", "vehicle 4", "vehicle 5"]


def test_vehicles_start_and_end_at_their_own_depot_in_its_hours():
    """In thousandths: depot 2 is open until 80, a round lasts no longer than 40."""
    problem = read(
        "MDVRPTW",
        "VEHICLES : 2",
        "CAPACITY : 9",
        "VEHICLES_MAX_DURATION : 40",
        "TIME_WINDOW_SECTION\n1 0 100\n2 0 80\n3 20 60",
        "VEHICLES_DEPOT_SECTION\n1 1\n2 2",
        demands="DEMAND_SECTION\n1 0\n2 0\n3 5",
        depot="DEPOT_SECTION\n1\n2\nEOF",
    ).problem
    assert [(one.start_location, one.end_location, one.shift.close_s) for one in problem.vehicles] == [(0, 0, 100_000), (1, 1, 80_000)]
    assert {one.max_duration_s for one in problem.vehicles} == {40_000}
    assert [stop.key for stop in problem.stops] == ["2"]


def test_a_site_is_served_only_by_vehicles_that_list_it():
    """Vehicle 1 lists A and B, vehicle 2 only A: B needs the first, A either."""
    problem = read("SDVRPTW", "VEHICLES : 2", "CAPACITY : 9", WINDOWS, "VEHICLES_ALLOWED_CLIENTS_SECTION\n1 2 3\n2 2").problem
    first, second = problem.vehicles
    may = {stop.key: (first.may_serve(stop), second.may_serve(stop)) for stop in problem.stops}
    assert may == {"1": (True, True), "2": (True, False)}
    assert problem.stop_by_key["1"].needs == frozenset()


def test_sites_of_overlapping_kinds_are_kept_apart():
    """Of three kinds of vehicles the first two may serve A, the last two B."""
    problem = read("SDVRPTW", "VEHICLES : 3", "CAPACITY : 9", WINDOWS, "VEHICLES_ALLOWED_CLIENTS_SECTION\n1 2\n2 2 3\n3 3").problem
    may = {stop.key: [vehicle.may_serve(stop) for vehicle in problem.vehicles] for stop in problem.stops}
    assert may == {"1": [True, True, False], "2": [False, True, True]}


def test_a_customer_with_a_prize_is_optional_one_without_is_not():
    problem = read("PCVRPTW", "VEHICLES : 1", "CAPACITY : 9", WINDOWS, "PRIZE_SECTION\n1 0\n2 2.5\n3 0").problem
    assert [(stop.prize, stop.mandatory) for stop in problem.stops] == [(25, False), (None, True)]


def test_a_trip_waits_for_its_releases_and_reloads_at_the_depot():
    releases, reloads = "RELEASE_TIME_SECTION\n1 0\n2 7\n3 0", "VEHICLES_RELOAD_DEPOT_SECTION\n1 1"
    problem = read("MTVRPTWR", "VEHICLES : 1", "CAPACITY : 9", "SERVICE_TIME : 3", WINDOWS, releases, reloads).problem
    assert [stop.release_s for stop in problem.stops] == [70, 0]
    (depot,) = problem.facilities
    assert (depot.location, depot.turnaround_s, depot.windows) == (0, 0, ())
    assert not problem.vehicles[0].ends_empty


def test_the_most_reloads_are_the_most_unloads():
    reloads = "VEHICLES_RELOAD_DEPOT_SECTION\n1 1"
    assert read("MTVRPTWR", "VEHICLES : 1", "CAPACITY : 9", "VEHICLES_MAX_RELOADS : 2", reloads).problem.vehicles[0].max_trips == 2


def test_loads_with_decimals_stay_exact():
    problem = read("CVRP", "CAPACITY : 9.5", demands="DEMAND_SECTION\n1 0\n2 5\n3 0.25").problem
    assert [stop.load for stop in problem.stops] == [(500,), (25,)]
    assert problem.vehicles[0].capacity == (950,)


@pytest.mark.parametrize(
    ("kind", "parts", "named"),
    [
        ("VRPB", ("CAPACITY : 9",), "field TYPE: expected one of CVRP, .* got 'VRPB'"),
        ("CVRP", (), "field CAPACITY is missing"),
        ("CVRP", ("CAPACITY : nine",), "field CAPACITY: expected numbers, got 'nine'"),
        ("CVRP", ("CAPACITY : nan",), "field CAPACITY: expected numbers"),
        ("CVRP", ("CAPACITY : 9", "BACKHAUL_SECTION\n1 0\n2 1\n3 1"), "BACKHAUL_SECTION is not understood"),
        ("CVRP", ("CAPACITY : 9", "VEHICLES_SKILLS_SECTION\n1 1"), "VEHICLES_SKILLS_SECTION is not understood"),
        ("CVRP", ("CAPACITY : 9", "CAPACITY : 8"), "line 6: CAPACITY is given twice"),
        (
            "VRPTW",
            ("CAPACITY : 9", "TIME_WINDOW_SECTION\n1 0 100\n2 9 5\n3 0 1"),
            "TIME_WINDOW_SECTION, row 2: expected 0 ≤ opens ≤ closes",
        ),
        ("VRPTW", ("CAPACITY : 9", "TIME_WINDOW_SECTION\n1 0 100\n2 9 5"), "TIME_WINDOW_SECTION: expected 3 rows, got 2"),
        ("VRPTW", ("CAPACITY : 9", "TIME_WINDOW_SECTION\n1 0 100\n2 9\n3 0 1"), "TIME_WINDOW_SECTION, row 2: expected 3 numbers, got 2"),
        ("VRPTW", ("CAPACITY : 9", "TIME_WINDOW_SECTION\n1 0 9\n2 0 9\n2 0 9"), "numbered from 1 to 3, each once"),
        ("PCVRPTW", ("CAPACITY : 9", "PRIZE_SECTION\n1 0\n2 -4\n3 5"), "PRIZE: expected numbers from 0 on"),
        ("MDVRPTW", ("CAPACITY : 9", "VEHICLES : 1", "VEHICLES_DEPOT_SECTION\n1 2"), "2 is no depot of DEPOT_SECTION"),
        ("SDVRPTW", ("CAPACITY : 9", "VEHICLES : 1", "VEHICLES_ALLOWED_CLIENTS_SECTION\n1 2"), "no vehicle may serve 3"),
        (
            "SDVRPTW",
            ("CAPACITY : 9", "VEHICLES : 1", "VEHICLES_ALLOWED_CLIENTS_SECTION\n1 2 9"),
            "row 1: expected numbers from 1 to 3, got 9",
        ),
        (
            "MTVRPTWR",
            ("CAPACITY : 9", "VEHICLES : 1", "VEHICLES_RELOAD_DEPOT_SECTION\n1 3"),
            "RELOAD_DEPOT_SECTION, row 1: expected numbers from 1 to 1, got 3",
        ),
        ("MDVRPTW", ("CAPACITY : 9", "VEHICLES_MAX_DURATION : 0"), "VEHICLES_MAX_DURATION: expected limits above 0"),
    ],
)
def test_what_is_wrong_is_named(kind: str, parts: tuple[str, ...], named: str):
    with pytest.raises(InstanceFormatError, match=named):
        read(kind, *parts)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"weights": "GEO"}, "field EDGE_WEIGHT_TYPE: expected EXPLICIT or one of"),
        ({"weights": "EXPLICIT"}, "section EDGE_WEIGHT_SECTION is missing"),
        ({"points": "NODE_COORD_SECTION\n1 0 0\n2 x 4\n3 6 8"}, "line 8, NODE_COORD_SECTION: expected numbers, got '2 x 4'"),
        ({"points": POINTS.replace("6 8", "6 4e10")}, "distances must lie between 0 and 2³¹"),
        ({"depot": "EOF DEPOT"}, "expected numbers"),
        ({"depot": ""}, "section DEPOT_SECTION is missing"),
        ({"depot": "DEPOT_SECTION\n4\n-1\nEOF"}, "DEPOT_SECTION: expected numbers from 1 to 3"),
        ({"depot": "DEPOT_SECTION\n1\n2\n3\nEOF"}, "DEPOT_SECTION: expected a customer beside the depots"),
    ],
)
def test_what_is_wrong_with_places_is_named(changed: dict[str, str], named: str):
    with pytest.raises(InstanceFormatError, match=named):
        read("CVRP", "CAPACITY : 9", **changed)


def test_written_weights_are_counted_before_a_matrix_is_made():
    text = vrplib("CVRP", "CAPACITY : 9", "EDGE_WEIGHT_FORMAT : LOWER_ROW", points="EDGE_WEIGHT_SECTION\n1 2", weights="EXPLICIT")
    with pytest.raises(InstanceFormatError, match=r"EDGE_WEIGHT_SECTION: expected 3 numbers \(LOWER_ROW of 3\), got 2"):
        read_instance(text)


def test_a_file_without_a_depot_section_starts_at_its_first_location_if_nothing_is_cut_off():
    assert read("SDVRPTW", "CAPACITY : 9", WINDOWS, depot="EOF").problem.vehicles[0].start_location == 0
