"""What drivers were told may have become impossible: there is a plan for all the rest, and the check names what it breaks."""

from dataclasses import replace

from routing.asks import AskKind
from routing.check import check
from routing.field import FieldState, TruckState
from routing.loosen import loosen
from routing.plan import Plan, Reason
from routing.problem import Facility, Problem, UnderWay, Window
from routing.replan import Replan, replan
from routing.solve import insert_only, solve
from routing.stopping import MaxIterations
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.plans import hand_plan
from tests.routing.random_rounds import draw_problem

CITY = ascii_city("D----A----B----C----U")
OUT = UnderWay(location=1, ready_s=40, started_s=0, load=(1, 1), classes=frozenset({"paper"}))
"""At A, with paper on board."""


def solved(problem: Problem) -> tuple[Plan, list[tuple[str, str | None]]]:
    """A plan, and the rules that the check says it breaks; by insertion they are the same."""
    plan = solve(problem, stop=MaxIterations(20), seed=1)
    broken = [(one.rule, one.stop) for one in check(problem, plan).violations]
    assert broken == [(one.rule, one.stop) for one in check(problem, insert_only(problem)).violations]
    return plan, broken


def order(plan: Plan, vehicle: str = "truck") -> str:
    return "".join(visit.key for route in plan.routes if route.vehicle == vehicle for visit in route.visits)


def test_who_was_sent_where_it_has_closed_does_the_rest():
    """B, 80 s away, closes after 50: told to go to C, B and A, the truck goes to C and A."""
    problem = CITY.problem(truck(head=("C", "B", "A")), load={"A": (1, 1), "B": stop(windows=(Window(0, 50),)), "C": (1, 1)})
    plan, broken = solved(problem)
    assert order(plan) == "CAU"
    assert broken == [("head_kept", "B")]
    assert [(one.stop, one.reason) for one in plan.unserved] == [("B", Reason.OUTSIDE_SHIFTS)]


def test_who_was_sent_nowhere_else_stays_in_the_yard():
    problem = CITY.problem(truck(head=("B",)), load={"B": stop(windows=(Window(0, 50),))})
    plan, broken = solved(problem)
    assert plan.routes == () and broken == [("has_its_route", "B")]


def test_of_two_that_were_sent_to_one_stop_the_first_goes():
    problem = CITY.problem(truck("one", head=("B",)), truck("two", head=("B", "C")), load={"B": (1, 1), "C": (1, 1)})
    plan, broken = solved(problem)
    assert (order(plan, "one"), order(plan, "two")) == ("BU", "CU")
    assert broken == [("head_kept", "B")]


def test_of_two_that_exclude_each_other_the_first_is_gone_to():
    loads = {"A": stop(group="either"), "B": stop(group="either")}
    problem = CITY.problem(truck("one", head=("A",)), truck("two", head=("B",)), load=loads)
    plan, broken = solved(problem)
    assert (order(plan, "one"), order(plan, "two")) == ("AU", "") and broken == [("has_its_route", "B")]


def test_a_head_against_the_order_that_was_promised_is_kept_as_far_as_it_goes():
    problem = CITY.problem(truck(head=("C", "A"), sequence=("A", "C")), load={"A": stop(prize=1), "C": (1, 1)})
    plan, broken = solved(problem)
    assert order(plan) == "CU" and broken == [("head_kept", "A")]


def test_a_truck_whose_load_nobody_takes_comes_home_with_it_and_the_others_do_the_work():
    both = frozenset({"waste", "paper"})
    problem = CITY.problem(truck("one", under_way=OUT, classes=both), truck("two"), load={"A": (1, 1), "B": (1, 1)})
    plan, broken = solved(problem)
    assert (order(plan, "one"), order(plan, "two")) == ("", "ABU")
    assert broken == [("ends_empty", None)]
    assert next(route.end_s for route in plan.routes if route.vehicle == "one") == 80


def test_what_can_be_kept_is_the_problem_itself():
    problem = CITY.problem(truck(head=("B", "U")), load={"A": (1, 1), "B": (1, 1)})
    assert loosen(problem).problem is problem
    plan, broken = solved(problem)
    assert order(plan).startswith("BU") and broken == []


def test_whatever_was_promised_there_is_a_plan_that_breaks_that_alone():
    """Of random problems, those with impossible heads and lost trucks too."""
    cut = astray = kept = 0
    for seed in range(400):
        problem = draw_problem(seed, stops=6, vehicles=3)
        loose = loosen(problem)
        plan = insert_only(problem)
        lost = {route.vehicle for route in loose.astray}
        for one in check(problem, plan).violations:
            assert one.vehicle in lost or one.rule in ("head_kept", "has_its_route"), (seed, one)
        unlike = [one.key for one in problem.vehicles if one.key not in lost and loose.problem.vehicle_by_key[one.key].head != one.head]
        assert {one.vehicle for one in check(problem, plan).violations} == {*unlike, *lost}, seed
        cut, astray, kept = cut + bool(unlike), astray + bool(lost), kept + (loose.problem is problem)
    assert cut > 5 and astray > 3 and kept > 100


def on_the_road(**state: object) -> Replan:
    """One stands at A with paper on board; nobody takes paper. Two is in the yard."""
    both = frozenset({"waste", "paper"})
    loads = {"A": (1, 1), "B": (1, 1), "P": stop(1, 1, waste_class="paper")}
    city = ascii_city("D----A----B----P----U")
    problem = city.problem(truck("one", classes=both), truck("two"), load=loads, unload={"U": facility(accepts=both)})
    plan = hand_plan(problem, {"one": "P", "two": "ABU"})
    closed = replace(problem, facilities=(_only_waste(problem.facilities[0]),))
    done = plan.routes[0].visits
    out = TruckState(vehicle="one", started_s=0, done=done, location=3, ready_s=120, **state)  # type: ignore[arg-type]
    found = replan(closed, plan, FieldState(at_s=120, trucks=(out,)), stop=MaxIterations(20))
    assert check(found.problem, found.plan).violations == ()
    return found


def _only_waste(gate: Facility) -> Facility:
    return replace(gate, accepts=frozenset({"waste"}))


def test_who_cannot_unload_any_more_is_let_home_loaded():
    found = on_the_road()
    assert [(ask.kind, ask.words) for ask in found.reliefs] == [(AskKind.LOADED_HOME, "one home with its load on board")]
    assert next(route.end_s for route in found.plan.routes if route.vehicle == "one") == 240
    assert order(found.plan, "two") == "ABU"


def test_who_is_let_home_loaded_takes_nothing_more_but_what_it_was_told():
    problem = CITY.problem(truck("one"), load={"A": (1, 1), "B": (1, 1), "C": (1, 1)}, unload={"U": facility()})
    plan = hand_plan(problem, {"one": "ABCU"})
    closed = replace(problem, facilities=())
    out = TruckState(vehicle="one", started_s=0, done=plan.routes[0].visits[:1], location=1, ready_s=40, heading_to="B")
    plan = replace(plan, routes=(replace(plan.routes[0], visits=plan.routes[0].visits[:3]),))
    found = replan(closed, plan, FieldState(at_s=60, trucks=(out,)), stop=MaxIterations(20))
    assert check(found.problem, found.plan).violations == ()
    assert order(found.plan, "one") == "B" and [one.stop for one in found.plan.unserved] == ["C"]


def test_who_cannot_go_where_it_was_told_any_more_is_told_otherwise():
    """To B for waste, with paper on board."""
    found = on_the_road(heading_to="B")
    assert [ask.words for ask in found.reliefs] == ["one not to B first, as it was told", "one home with its load on board"]
    assert order(found.plan, "one") == "" and order(found.plan, "two") == "ABU"


def test_who_has_no_way_home_is_left_out_and_its_load_is_stranded():
    problem = CITY.problem(truck("one"), truck("two"), load={"A": (1, 1), "B": (1, 1), "C": (1, 1)})
    plan = hand_plan(problem, {"one": "ABU", "two": "CU"})
    (roads,) = problem.travel
    drive_s = roads.drive_s.copy()
    drive_s[1, :] = -1
    cut_off = replace(problem, travel=(replace(roads, drive_s=drive_s),))
    out = TruckState(vehicle="one", started_s=0, done=plan.routes[0].visits[:1], location=1, ready_s=40)
    found = replan(cut_off, plan, FieldState(at_s=40, trucks=(out,)), stop=MaxIterations(20))
    assert check(found.problem, found.plan).violations == ()
    assert [ask.words for ask in found.reliefs] == ["one left out of the plan: it has no way home"]
    assert found.stranded == {"one": (1, 1)}
    assert sorted(order(found.plan, "two")) == sorted("BCU")


def test_two_that_drive_to_one_stop_are_told_apart():
    problem = CITY.problem(truck("one"), truck("two"), load={"A": (1, 1), "B": (1, 1), "C": (1, 1)})
    plan = hand_plan(problem, {"one": "AU", "two": "BCU"})
    outs = tuple(TruckState(vehicle=key, started_s=0, done=(), location=0, ready_s=0, heading_to="B") for key in ("one", "two"))
    found = replan(problem, plan, FieldState(at_s=0, trucks=outs), stop=MaxIterations(20))
    assert check(found.problem, found.plan).violations == ()
    assert [ask.words for ask in found.reliefs] == ["two not to B first, as it was told"]
    assert order(found.plan, "one").startswith("B")
