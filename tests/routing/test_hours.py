"""The presets of hours' rules, each kept and broken. Here a dash is an hour at the wheel."""

from routing.hours import EU_DRIVING, EU_WORKING_TIME, GB_DOMESTIC, HOUR_S, MINUTE_S, PRESETS, HoursPreset, one_meal
from routing.problem import Problem, Travel, Window
from tests.routing.ascii_city import DASH_S, ascii_city, meal, stop, truck
from tests.routing.plans import broken

CITY = ascii_city("D-A-B--C-U")  # A 1 h, B 2 h, C 4 h, U 5 h from D
SLOW = Travel(CITY.travel.drive_s * (HOUR_S // DASH_S), CITY.travel.distance_m)
KEPT: dict[str, object] = {}
EU_BREAK_MISSED = {"break_taken": [("driving_break", ())]}
QUARTER, HALF = 15 * MINUTE_S, 30 * MINUTE_S


def drive(preset: HoursPreset, **work_h: float) -> Problem:
    """One truck that need not unload; hours of work by stop, 0 unless told."""
    load = {name: stop(service_s=int(hours * HOUR_S)) for name, hours in work_h.items()}
    return CITY.problem(preset.apply(truck(ends_empty=False, shift=Window(0, 48 * HOUR_S))), load=load, travel=SLOW)


def test_eu_45_minutes_after_four_and_a_half_hours_at_the_wheel():
    """To C and back: 4 h + 4 h. A break at C leaves 4 and 4; at B, 2 and 6; at B out and home, 2, 4 and 2."""
    problem = drive(EU_DRIVING, B=0, C=0)
    assert broken(problem, {"truck": ["B", "C", "driving_break"]}) == KEPT
    assert broken(problem, {"truck": ["B", "driving_break", "C"]}) == EU_BREAK_MISSED
    assert broken(problem, {"truck": ["B", "C"]}) == EU_BREAK_MISSED


def test_eu_four_and_a_half_hours_are_allowed():
    """1 + 1 h to A and back need no break, whatever the nine hours of work there."""
    assert broken(drive(EU_DRIVING, A=9), {"truck": "A"}) == KEPT


def test_eu_the_break_may_be_split_15_then_30():
    """15 minutes at B after 2 h, 30 at C after 4 h: whole. 30 first and 15 then are not."""
    problem = drive(EU_DRIVING, B=0, C=0)
    part = "driving_break"
    assert broken(problem, {"truck": ["B", (part, QUARTER), "C", (part, HALF)]}) == KEPT
    assert broken(problem, {"truck": ["B", (part, HALF), "C", (part, QUARTER)]}) == EU_BREAK_MISSED
    assert broken(problem, {"truck": ["B", "C", (part, HALF)]}) == EU_BREAK_MISSED


def test_eu_nine_hours_at_the_wheel_a_day():
    """To C and back is 8 h; with one hour more to A and back again it is 10: one too many, however well rested."""
    assert broken(drive(EU_DRIVING, C=0), {"truck": ["C", "driving_break"]}) == KEPT
    load = {name: stop() for name in ("A", "C", "Aa", "B")}
    twice = CITY.problem(EU_DRIVING.apply(truck(ends_empty=False)), load=load, travel=SLOW)
    said = broken(twice, {"truck": ["C", "driving_break", "A", "B", "driving_break", "Aa"]})  # 4 + 3 + 1 + 1 + 1 = 10 h
    assert said == {"driving_within_limit": [(None, (HOUR_S,))]}


def test_eu_half_an_hour_within_six_hours_of_work():
    """Out 1 h, work 5 h, home 1 h: 7 h. The rest after A begins at 6 h, just in time; after half an hour more of work it is late."""
    problem = drive(EU_WORKING_TIME, A=5)
    assert broken(problem, {"truck": ["A", "work_break"]}) == KEPT
    assert broken(problem, {"truck": "A"}) == {"break_taken": [("work_break", ())]}
    late = drive(EU_WORKING_TIME, A=5.5)
    assert broken(late, {"truck": ["A", "work_break"]}) == {"break_taken": [("work_break", ())]}
    assert broken(drive(EU_WORKING_TIME, A=4), {"truck": "A"}) == KEPT  # 6 h in all need none


def test_eu_half_an_hour_in_two_quarters():
    """15 minutes after A (1 + 2 h) and 15 after B (15 min + 1 + 1 h later): whole, and 2 h home."""
    problem = drive(EU_WORKING_TIME, A=2, B=1)
    quarter = ("work_break", QUARTER)
    assert broken(problem, {"truck": ["A", quarter, "B", quarter]}) == KEPT
    assert broken(problem, {"truck": ["A", quarter, "B"]}) == {"break_taken": [("work_break", ())]}


def test_eu_45_minutes_in_all_above_nine_hours_of_work():
    """1 h out, 3 h at A, half an hour of rest till 4 h 30, 4 h at Aa, 1 h home: 9 h 30, of which 9 are work. Six minutes more want 15."""
    nine = drive(EU_WORKING_TIME, A=3, Aa=4)
    assert broken(nine, {"truck": ["A", "work_break", "Aa"]}) == KEPT
    longer = drive(EU_WORKING_TIME, A=3, Aa=4.1)
    assert broken(longer, {"truck": ["A", "work_break", "Aa"]}) == {"break_taken": [("long_day_break", ())]}
    assert broken(longer, {"truck": ["A", "work_break", "Aa", "long_day_break"]}) == KEPT  # begins at 8 h 36
    assert broken(longer, {"truck": ["A", "long_day_break", "work_break", "Aa"]}) == KEPT


def test_gb_half_an_hour_after_five_and_a_half_hours_at_the_wheel():
    """5 h to U and 5 h home: the break at U leaves 5 and 5 h, at C 4 and 6."""
    problem = drive(GB_DOMESTIC, C=0)
    to_u = CITY.problem(problem.vehicles[0], load={"C": stop(), "Ua": stop()}, travel=SLOW)
    assert broken(to_u, {"truck": ["C", "Ua", "driving_break"]}) == KEPT
    assert broken(to_u, {"truck": ["C", "driving_break", "Ua"]}) == {"break_taken": [("driving_break", ())]}


def test_gb_ten_hours_at_the_wheel_and_eleven_of_duty():
    """To U and back 10 h, with the break 10 h 30: 30 minutes of work are allowed, 40 are not. Going back to C on the way is 2 h more."""
    fleet = GB_DOMESTIC.apply(truck(ends_empty=False))
    for work_min, said in ((30, KEPT), (40, {"duration_within_limit": [(None, (10 * MINUTE_S,))]})):
        problem = CITY.problem(fleet, load={"Ua": stop(service_s=work_min * MINUTE_S)}, travel=SLOW)
        assert broken(problem, {"truck": ["Ua", "driving_break"]}) == said
    back_and_forth = CITY.problem(fleet, load={"Ua": stop(), "C": stop(), "Ub": stop()}, travel=SLOW)
    said = broken(back_and_forth, {"truck": ["Ua", "driving_break", "C", "Ub", "driving_break"]})  # 5 + 1 + 1 + 5 = 12 h, and 1 h of rest
    assert said == {"driving_within_limit": [(None, (2 * HOUR_S,))], "duration_within_limit": [(None, (2 * HOUR_S,))]}


def test_one_meal_in_its_window():
    """Between 1 h and 3 h after midnight: at A after an hour of driving; not at B, where work ends at 3 h 30."""
    preset = one_meal(Window(1 * HOUR_S, 3 * HOUR_S))
    problem = drive(preset, A=0, B=1.5)
    assert broken(problem, {"truck": ["A", "meal", "B"]}) == KEPT
    assert broken(problem, {"truck": ["A", "B", "meal"]}) == {"break_taken": [("meal", ())]}
    assert broken(problem, {"truck": "AB"}) == {"break_taken": [("meal", ())]}


def test_presets_add_up_and_the_tighter_limit_holds():
    """EU driving and GB duty together: 9 h at the wheel, 11 h in all. The driving break is the last one's, the meal stays."""
    fed = truck(breaks=(meal(0, 9_000),), max_duration_s=12 * HOUR_S)
    both = EU_DRIVING.apply(GB_DOMESTIC.apply(fed))
    assert (both.max_drive_s, both.max_duration_s) == (9 * HOUR_S, 11 * HOUR_S)
    assert both.breaks == (meal(0, 9_000), *EU_DRIVING.breaks)
    assert EU_WORKING_TIME.apply(fed).max_duration_s == 12 * HOUR_S


def test_presets_are_found_by_their_key():
    assert {key: preset.key for key, preset in PRESETS.items()} == {key: key for key in ("eu_driving", "eu_working_time", "gb_domestic")}
