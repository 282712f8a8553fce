"""What a dispatcher's edits would cost and break, before they are made."""

import random
from dataclasses import replace

import pytest

from routing.check import check
from routing.clock import least_order, time_route
from routing.edits import Add, AddUnload, ChangeFacility, Edit, EditVerdict, Move, Remove, RemoveUnload, Reverse, Swap, judge_edit
from routing.plan import Plan, Reason, RouteCost, Unserved, VisitKind
from routing.problem import Problem, UnderWay, Window
from routing.solve import insert_only
from routing.triage import find_hopeless
from tests.routing.ascii_city import ascii_city, facility, meal, stop, truck
from tests.routing.plans import checked, hand_plan
from tests.routing.random_rounds import draw_problem


def two_trucks(**second: object) -> tuple[Problem, Plan]:
    """One drives A and B, two drives C, all on one street; 1,000 kg each."""
    city = ascii_city("D----A----B----C----U")
    problem = city.problem(truck("one"), truck("two", **second), load={"A": (400, 1), "B": (400, 1), "C": (400, 1)})
    plan = hand_plan(problem, {"one": "ABU", "two": "CU"})
    checked(problem, plan)
    return problem, plan


def made(problem: Problem, plan: Plan, verdict: EditVerdict) -> Plan:
    """The plan with the edits made; whoever is left out now is listed."""
    routes = verdict.routes_of(plan)
    served = {visit.key for route in routes for visit in route.pickups}
    left = tuple(Unserved(stop=one.key, reason=Reason.NO_ROOM_LEFT, detail="by hand") for one in problem.stops if one.key not in served)
    return replace(plan, routes=routes, unserved=left)


def test_a_stop_moved_to_a_truck_with_room_frees_the_other():
    """Two no longer drives its 2 × 1,600 m; one drives past C anyway."""
    problem, plan = two_trucks(fixed_cost=50)
    verdict = judge_edit(problem, plan, Remove("B"), Move("C", "one", 1))
    assert verdict.feasible
    assert [[visit.key for visit in route.visits] for route in verdict.routes] == [["A", "C", "U"]]
    assert verdict.parked == ("two",) and verdict.left_out == ("B",)
    assert verdict.cost_change == RouteCost(fixed=-50, distance=-3_200)
    assert verdict.distance_change_m == -3_200
    checked(problem, made(problem, plan, verdict))


def test_an_overloaded_truck_is_named_with_the_stop_and_the_kilograms_and_timed_all_the_same():
    problem, plan = two_trucks()
    verdict = judge_edit(problem, plan, Move("C", "one", 2))
    (violation,) = verdict.violations
    assert (violation.rule, violation.vehicle, violation.stop, violation.over) == ("load_within_capacity", "one", "C", (200, 0))
    assert verdict.cost_change == RouteCost(distance=-3_200)
    (route,) = verdict.routes
    assert [visit.arrival_s - route.start_s for visit in route.visits] == [40, 80, 120, 160]
    assert route.visits[-2].load_after == (1_200, 3)


def test_an_order_that_comes_too_late_says_by_how_much():
    """A opens 0..40, B lies 400 m behind it. B first, the truck is back at A after 80 + 40 s: 80 s late. C, moved behind, is not."""
    city = ascii_city("D----A----B----C----U")
    problem = city.problem(truck(), load={"A": stop(windows=(Window(0, 40),)), "B": (1, 1), "C": (1, 1)})
    plan = hand_plan(problem, {"truck": "ABCU"})
    checked(problem, plan)
    verdict = judge_edit(problem, plan, Swap("A", "B"))
    (violation,) = verdict.violations
    assert (violation.rule, violation.stop, violation.over) == ("arrives_within_window", "A", (80,))
    assert verdict.distance_change_m == 800


def test_an_edit_breaks_no_window_that_it_could_keep():
    """Two hours' drive beyond Z's closing: A must be reached by 100 s still, though leaving later would make the round shorter."""
    city = ascii_city("D----A----B----Z----U")
    load = {"A": stop(windows=(Window(0, 100),)), "B": stop(windows=(Window(5_000, 6_000),)), "Z": stop(windows=(Window(0, 400),))}
    problem = city.problem(truck(), load=load)
    plan = hand_plan(problem, {"truck": "AU"})
    verdict = judge_edit(problem, plan, Add("B", "truck", 1), Add("Z", "truck", 2))
    assert [(one.rule, one.stop, one.over) for one in verdict.violations] == [("arrives_within_window", "Z", (5_040 - 400,))]


def test_a_trip_turned_round_and_turned_back_is_as_before():
    problem, plan = two_trucks()
    turned = judge_edit(problem, plan, Reverse("one", 0))
    assert [visit.key for visit in turned.routes[0].visits] == ["B", "A", "U"]
    assert turned.distance_change_m == 800
    same = judge_edit(problem, plan, Reverse("one", 0), Reverse("one", 0))
    assert same.routes == () and same.cost_change == RouteCost() and same.feasible


def test_another_facility_with_its_fee_hours_and_classes():
    """V lies 400 m nearer, takes 7 a visit, and no glass."""
    city = ascii_city("D----A----V----U")
    unload = {"U": facility(), "V": facility(fee_per_visit=7)}
    problem = city.problem(truck(), load={"A": (1, 1)}, unload=unload)
    plan = hand_plan(problem, {"truck": "AU"})
    verdict = judge_edit(problem, plan, ChangeFacility("truck", 0, "V"))
    assert verdict.feasible and verdict.cost_change == RouteCost(distance=-800, fees=7)
    closed = city.problem(truck(), load={"A": (1, 1)}, unload={"U": facility(), "V": facility(accepts={"glass"})})
    verdict = judge_edit(closed, hand_plan(closed, {"truck": "AU"}), ChangeFacility("truck", 0, "V"))
    assert [(one.rule, one.stop) for one in verdict.violations] == [("facility_accepts_class", "V")]


def test_unloads_come_and_go():
    problem, plan = two_trucks()
    more = judge_edit(problem, plan, AddUnload("one", 1, "U"))
    assert more.feasible and [visit.key for visit in more.routes[0].visits] == ["A", "U", "B", "U"]
    less = judge_edit(problem, plan, RemoveUnload("one", 0))
    assert [one.rule for one in less.violations] == ["ends_empty"]


def test_the_last_stop_of_a_trip_takes_its_unload_along_but_not_what_was_on_board_before():
    city = ascii_city("D----A----U")
    out = UnderWay(location=0, ready_s=0, started_s=0, load=(5, 5), classes=frozenset({"waste"}))
    problem = city.problem(truck("full", under_way=out), truck("empty"), load={"A": (1, 1)})
    plan = hand_plan(problem, {"full": "AU"})
    assert [visit.key for visit in judge_edit(problem, plan, Remove("A")).routes[0].visits] == ["U"]
    moved = judge_edit(problem, plan, Move("A", "empty", 0), AddUnload("empty", 1, "U"))
    assert moved.feasible
    assert judge_edit(problem, made(problem, plan, moved), Remove("A")).parked == ("empty",)


def test_a_stop_that_nobody_serves_is_told_with_its_prize():
    problem = ascii_city("D----A----B----U").problem(truck(), load={"A": (1, 1), "B": stop(prize=90)})
    verdict = judge_edit(problem, hand_plan(problem, {"truck": "ABU"}), Remove("B"))
    assert verdict.left_out == ("B",) and verdict.lost_prizes_change == 90


def test_rules_of_the_whole_plan_are_named_too():
    problem = ascii_city("D----A----B----U").problem(truck(), load={"A": stop(group="one"), "B": stop(group="one")})
    verdict = judge_edit(problem, hand_plan(problem, {"truck": "AU"}), Add("B", "truck", 1))
    assert [one.rule for one in verdict.violations] == ["one_of_a_group"]


def test_breaks_are_placed_anew():
    """Meal from 100 to 400 s; the round to B and back takes 600 s."""
    city = ascii_city("D----A" + "-" * 26 + "B")
    problem = city.problem(truck(ends_empty=False, breaks=(meal(100, 400, 60),)), load={"A": (1, 1), "B": (1, 1)}, unload={})
    plan = hand_plan(problem, {"truck": "A"})
    verdict = judge_edit(problem, plan, Add("B", "truck", 1))
    assert verdict.feasible
    assert VisitKind.BREAK in {visit.kind for visit in verdict.routes[0].visits}


def test_where_there_is_no_road_the_rest_of_the_round_is_shown():
    city = ascii_city("D----A----B----U")
    problem = city.problem(truck(), load={"A": (1, 1), "B": (1, 1)})
    seconds = problem.travel[0].drive_s.copy()
    seconds[1, 2] = -1
    problem = replace(problem, travel=(replace(problem.travel[0], drive_s=seconds),))
    verdict = judge_edit(problem, hand_plan(problem, {"truck": "BU"}), Add("A", "truck", 0))
    assert [(one.rule, one.stop) for one in verdict.violations] == [("road_exists", "B")]


@pytest.mark.parametrize(
    "edit",
    [
        Move("Z", "one", 0),
        Move("A", "three", 0),
        Move("A", "two", 9),
        Add("A", "two", 0),
        Reverse("one", 1),
        ChangeFacility("one", 1, "U"),
        ChangeFacility("one", 0, "V"),
    ],
)
def test_edits_of_what_is_not_there_are_refused(edit: Edit):
    problem, plan = two_trucks()
    with pytest.raises(ValueError, match=r"there is no|no trip|no unload|on a route"):
        judge_edit(problem, plan, edit)


def draw_edit(draw: random.Random, problem: Problem, plan: Plan) -> Edit:
    vehicle = draw.choice(problem.vehicles).key
    served = sorted(plan.served)
    left = [one.key for one in problem.stops if one.key not in plan.served]
    length = sum(visit.kind is not VisitKind.BREAK for route in plan.routes if route.vehicle == vehicle for visit in route.visits)
    edits: list[Edit] = [AddUnload(vehicle, draw.randint(0, length), draw.choice(problem.facilities).key)]
    if served:
        edits += [Remove(draw.choice(served)), Swap(draw.choice(served), draw.choice(served)), Move(draw.choice(served), vehicle, 0)]
    if left:
        edits += [Add(draw.choice(left), vehicle, draw.randint(0, length))] * 2
    return draw.choice(edits)


def test_the_verdict_is_that_of_the_checker_on_the_whole_plan():
    judged = broken = 0
    for seed in range(400):
        problem, draw = draw_problem(seed), random.Random(seed)
        if find_hopeless(problem) or not all(time_route(problem, one, least_order(problem, one)) for one in problem.vehicles):
            continue  # no plan to begin with keeps all the rules
        plan = insert_only(problem)
        verdict = judge_edit(problem, plan, draw_edit(draw, problem, plan))
        whole = check(problem, made(problem, plan, verdict))
        assert sorted(map(str, verdict.violations)) == sorted(map(str, whole.violations)), seed
        assert sum(route.cost.total for route in verdict.routes_of(plan)) == whole.cost, seed
        assert plan.cost + verdict.cost_change.total == whole.cost, seed
        assert check(problem, plan).lost_prizes + verdict.lost_prizes_change == whole.lost_prizes, seed
        judged, broken = judged + 1, broken + (not verdict.feasible)
    assert judged > 100 and broken > 40
