"""Solomon's and Kim's formats, solution files, costs in print, and files that are cut off."""

from pathlib import Path

import pytest

from routing.check import check
from routing.errors import InstanceFormatError
from routing.instances import Instance, load_instance, orders_of, read_instance, read_solution, units_of
from routing.plan import Plan
from routing.problem import Window
from tests.routing.plans import broken, hand_plan
from tests.routing.test_instances_vrplib import WINDOWS, vrplib

SOLOMON = """TOY

VEHICLE
NUMBER     CAPACITY
  1         20

CUSTOMER
CUST NO.   XCOORD.   YCOORD.   DEMAND    READY TIME   DUE DATE   SERVICE TIME

    0      0         0          0          0        100          0
    1     -3         4         10          0         50         10
    2      1         1         10         20         50         10
"""

KIM = """20.0\t\t// vehicle capacity (yards), real number
30.0\t// total yardage allowed for a vehicle per day, real number
2\t// total number of regular stops for a vehicle allowed per day
3600\t// lunch time duration in second, lunch time should start between 11:00am and 12:00 pm
40\t// speed: MPH
Stop_ID\tX(feet)\tY(feet)\tEarly_St_Time (HHMM)\tLate_St_Time (HHMM)\tSvice_Time(Sec)\tLoad (Yards)\t"Stop_Type(0: Depot, ...)"
70  0  10560  0000 2400 30  1.5 1
0   0      0  0400 1500  0  9999.00 0
L   0  15840  0730 1700 600 9999.00 2
71  5280   0.4  550 2400 60  4.00 1
"""

MILE_S = 90


def kim() -> Instance:
    return read_instance(KIM)


def test_customers_west_of_the_origin_are_customers():
    assert [stop.key for stop in read_instance(SOLOMON).problem.stops] == ["1", "2"]


def test_a_round_of_solomons_is_printed_in_whole_units():
    """D–1 are 5, 1–2 is the root of 25, 2–D the root of 2, cut off to 1.4: 11.4 in all."""
    instance = read_instance(SOLOMON)
    plan = hand_plan(instance.problem, {"vehicle 1": ["1", "2"]})
    assert check(instance.problem, plan).violations == ()
    assert (plan.cost, instance.literature_cost(plan)) == (114, 11.4)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("  1         20", "", "expected one line of number and capacity"),
        ("  1         20", "  1", "line 5: expected 2 numbers, got 1"),
        ("NUMBER     CAPACITY", "", "expected a table headed NUMBER CAPACITY"),
        ("    2      1 ", "    3      1 ", "line 10 on: expected customers numbered from 0"),
        ("0         50         10\n    2", "0         50\n    2", "line 11: expected 7 numbers, got 6"),
        ("20         50", "60         50", "line 12: expected 0 ≤ ready time ≤ due date"),
        ("-3 ", "x ", "line 11: expected numbers"),
        ("1         20", "1         2.5", "line 5, number and capacity of vehicles: expected whole numbers, got 2.5"),
    ],
)
def test_what_is_wrong_with_solomons_is_named(old: str, new: str, named: str):
    assert old in SOLOMON
    with pytest.raises(InstanceFormatError, match=named):
        read_instance(SOLOMON.replace(old, new))


def test_kims_depot_comes_first_and_the_rest_as_in_the_file():
    problem = kim().problem
    assert [(stop.key, stop.location) for stop in problem.stops] == [("70", 1), ("71", 3)]
    assert [(place.key, place.location, place.turnaround_s) for place in problem.facilities] == [("L", 2, 600)]


def test_kims_hours_are_hours_and_minutes():
    problem = kim().problem
    assert problem.stop_by_key["71"].windows == (Window(5 * 3_600 + 50 * 60, 24 * 3_600),)
    assert problem.facilities[0].windows == (Window(7 * 3_600 + 30 * 60, 17 * 3_600),)
    assert problem.vehicles[0].shift == Window(4 * 3_600, 15 * 3_600)


def test_kims_ways_are_along_the_axes_in_feet_and_seconds_rounded_up():
    """Stop 71 lies 5,280.4 feet from the depot, by 40 miles an hour 90.007 s; stop 70 lies 10,560 feet north: 180 s, not 181."""
    travel = kim().problem.travel[0]
    assert travel.distance_m[0].tolist() == [0, 10_560, 15_840, 5_280]
    assert travel.drive_s[0].tolist() == [0, 2 * MILE_S, 3 * MILE_S, MILE_S]
    assert travel.distance_m[1, 3] == 5_280 + 10_560  # 5,280 across and 10,559.6 up


def test_kims_loads_may_have_decimals():
    """1.5 yards make tenths of all."""
    problem = kim().problem
    assert [stop.load for stop in problem.stops] == [(15,), (40,)]
    assert (problem.vehicles[0].capacity, problem.vehicles[0].max_lifted, problem.vehicles[0].max_stops) == ((200,), (300,), 2)


def test_kims_remarks_are_passed_over_and_names_that_repeat_are_told_apart():
    text = KIM.replace("30  1.5 1", "30  1.5 1  on the corner").replace("71  5280", "70  5280") + "-- end --\n"
    assert [stop.key for stop in read_instance(text).problem.stops] == ["70", "70#2"]


def test_a_round_of_kims_is_printed_in_miles():
    """North two miles to 70, one more to the landfill, three back: 6 miles, home by 12:00."""
    instance = kim()
    plan = hand_plan(instance.problem, {"vehicle 1": ["70", "L"]}, start_s=8 * 3_600)
    assert check(instance.problem, plan).violations == ()
    assert instance.literature_cost(plan) == 6.0
    assert instance.unit == "miles"


def test_kims_trucks_end_empty():
    assert "ends_empty" in broken(kim().problem, {"vehicle 1": ["70"]}, start_s=8 * 3_600)


def test_kims_lunch_is_due_only_if_the_round_spans_it():
    """70 and the landfill take 3 × 90 + 30 + 600 s of the way out: at home 1,170 s after leaving."""
    problem = kim().problem
    home_at_noon = 12 * 3_600 - 1_170
    assert broken(problem, {"vehicle 1": ["70", "L"]}, start_s=home_at_noon) == {}
    assert set(broken(problem, {"vehicle 1": ["70", "L"]}, start_s=home_at_noon + 1)) == {"break_taken"}
    assert broken(problem, {"vehicle 1": ["70", "lunch", "L"]}, start_s=home_at_noon + 1) == {}
    assert broken(problem, {"vehicle 1": ["70", "L"]}, start_s=12 * 3_600) == {}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("20.0\t\t//", "\t//", "line 1, vehicle capacity: expected a positive number"),
        ("40\t// speed: MPH\n", "", "expected 5 lines"),
        ("2\t// total", "2.5\t// total", "stops a day and lunch: expected whole numbers, got 2.5"),
        ("30  1.5 1", "30  1.5", "line 7: expected 8 entries"),
        ("30  1.5 1", "30  1.5 3", "line 7: expected a type of 0, 1 or 2"),
        ("30  1.5 1", "x  1.5 1", "line 7: expected numbers"),
        ("0400 1500", "2500 2600", "line 8: expected hours as HHMM, got 2500"),
        ("0400 1500", "1500 0400", "line 8: expected hours that open before they close"),
        ("9999.00 2", "9999.00 1", "at least one stop .1. and one landfill"),
        ("20.0\t\t//", "20.0005\t\t//", "capacity and loads: expected numbers of at most 3 decimals"),
    ],
)
def test_what_is_wrong_with_kims_is_named(old: str, new: str, named: str):
    assert old in KIM
    with pytest.raises(InstanceFormatError, match=named):
        read_instance(KIM.replace(old, new))


def test_solution_files_of_both_collections_are_read():
    classic = read_solution("Route #1: 31 46 35 \nRoute #2: 15\nCost 27591\n")
    assert (classic.routes, classic.cost) == (((31, 46, 35), (15,)), 27_591)
    other = read_solution("Route #1: 1 0 2\nRoute #2:\nCost: 150.5\nOptimal: True\n")
    assert (other.routes, other.cost) == (((1, 0, 2), ()), 150.5)
    with pytest.raises(InstanceFormatError, match="line 1, Cost: expected numbers"):
        read_solution("Cost: unknown")


PRIZES = ("CAPACITY : 9", "VEHICLES : 2", WINDOWS, "PRIZE_SECTION\n1 0\n2 7\n3 30")


def test_prizes_passed_up_are_part_of_the_cost():
    """D–B–D is 2 × 10, in tenths 200; A's prize of 7 is passed up: 270."""
    instance = read_instance(vrplib("PCVRPTW", *PRIZES))
    plan = hand_plan(instance.problem, {"vehicle 1": ["2"]})
    assert instance.literature_cost(plan) == 270
    assert units_of(instance.problem, [(2,)]) == 270


def test_published_routes_go_to_their_vehicles_and_where_copies_are_left_out_to_another_of_the_kind():
    kinds = "CAPACITY_SECTION\n1 100\n2 100\n3 7\n4 7\n5 7\n6 7"
    problem = read_instance(vrplib("HFVRP", "VEHICLES : 6", kinds)).problem
    assert orders_of(problem, [(), (), (1,), (2,)]) == {"vehicle 3": ("1",), "vehicle 4": ("2",)}
    assert orders_of(problem, [(), (1, 2)]) == {"vehicle 1": ("1", "2")}
    assert orders_of(problem, [(1,), (2,)]) is None, "of the first kind one is enough"
    assert orders_of(problem, [(9,)]) is None


def saved(folder: Path, text: str, solution: str) -> Instance:
    (folder / "toy.vrp").write_text(text)
    (folder / "toy.sol").write_text(solution)
    return load_instance(folder / "toy.vrp")


@pytest.mark.parametrize(("cost", "printed"), [("270", 270.0), ("27.0", 27.0)])
def test_costs_are_printed_as_the_solution_beside_the_instance_prints_them(tmp_path: Path, cost: str, printed: float):
    """Some collections print tenths as whole numbers, some with their decimal: what the published routes cost tells which."""
    instance = saved(tmp_path, vrplib("PCVRPTW", *PRIZES), f"Route #1: 2\nCost {cost}\n")
    assert instance.best_known == instance.literature_cost(hand_plan(instance.problem, {"vehicle 1": ["2"]})) == printed
    assert instance.gap_pct(printed * 1.01) == pytest.approx(1)


def test_a_value_without_routes_is_counted_by_its_decimals():
    instance = read_instance(vrplib("PCVRPTW", *PRIZES))
    assert instance.beside(270).in_print(270) == 270
    assert instance.beside(26.5).in_print(270) == 27
    assert instance.beside(None) == instance
    assert instance.gap_pct(270) is None


def test_a_cvrp_whose_best_value_has_decimals_is_not_rounded(tmp_path: Path):
    """From (0, 0) to (1, 1) and back are 2.828: such a set counts distances as they are."""
    text = vrplib("CVRP", "CAPACITY : 100", points="NODE_COORD_SECTION\n1 0 0\n2 1 1\n3 0 0")
    instance = saved(tmp_path, text, "Route #1: 1 2\nCost 2.83\n")
    assert instance.literature_cost(hand_plan(instance.problem, {"vehicle 1": ["1", "2"]})) == 2.828


def test_a_solution_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(InstanceFormatError, match=r"toy\.sol: line 1, Cost: expected numbers"):
        saved(tmp_path, vrplib("CVRP", "CAPACITY : 9"), "Cost: ?")


def test_an_instance_without_a_name_has_that_of_its_file(tmp_path: Path):
    (tmp_path / "some_stop.txt").write_bytes(KIM.replace("speed", "speed \xb1").encode("latin-1"))
    assert load_instance(tmp_path / "some_stop.txt").name == "some_stop"


WHOLE = {
    "cvrp": vrplib("CVRP", "CAPACITY : 9"),
    "written out": vrplib(
        "CVRP", "CAPACITY : 9", "EDGE_WEIGHT_FORMAT : LOWER_ROW", points="EDGE_WEIGHT_SECTION\n1\n2 3", weights="EXPLICIT"
    ),
    "mdvrptw": vrplib("MDVRPTW", "CAPACITY : 9", "VEHICLES : 1", "VEHICLES_MAX_DURATION : 9", WINDOWS, "VEHICLES_DEPOT_SECTION\n1 1"),
    "sdvrptw": vrplib("SDVRPTW", "CAPACITY : 9", "VEHICLES : 1", WINDOWS, "VEHICLES_ALLOWED_CLIENTS_SECTION\n1 2 3"),
    "mtvrptwr": vrplib("MTVRPTWR", "CAPACITY : 9", "VEHICLES : 1", WINDOWS, "VEHICLES_RELOAD_DEPOT_SECTION\n1 1"),
    "pcvrptw": vrplib("PCVRPTW", *PRIZES),
    "solomon": SOLOMON,
    "kim": KIM,
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE.keys())
def test_a_file_cut_off_anywhere_is_refused_or_read_and_nothing_else(text: str):
    for length in range(len(text)):
        _refused_or_read(text[:length])


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE.keys())
@pytest.mark.parametrize("wrong", ["", "x", "-7", "2.5", "1e300", "nan", "1 2 3", ":", "_SECTION", "\x00"])
def test_a_file_with_a_wrong_word_is_refused_or_read_and_nothing_else(text: str, wrong: str):
    lines = text.splitlines()
    for place, line in enumerate(lines):
        words = line.split()
        for position in range(len(words)):
            damaged = " ".join([*words[:position], wrong, *words[position + 1 :]])
            _refused_or_read("\n".join([*lines[:place], damaged, *lines[place + 1 :]]))


@pytest.mark.parametrize("text", [WHOLE["cvrp"], WHOLE["pcvrptw"], WHOLE["mtvrptwr"]])
def test_a_vrplib_file_cut_off_before_its_last_section_is_refused(text: str):
    for length in range(text.index("DEPOT_SECTION") + len("DEPOT_SECTION")):
        with pytest.raises(InstanceFormatError):
            read_instance(text[:length])


def _refused_or_read(text: str) -> None:
    try:
        instance = read_instance(text)
    except InstanceFormatError:
        return
    assert instance.literature_cost(Plan(routes=(), unserved=(), engine="", seed=0, problem_digest="")) == 0
