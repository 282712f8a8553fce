"""What each stop costs where it is."""

from routing.explain import explain
from routing.plan import Reason
from routing.problem import UnderWay
from routing.solve import solve
from routing.stopping import MaxIterations
from tests.routing.ascii_city import ascii_city, stop, truck
from tests.routing.plans import checked, hand_plan


def test_a_stop_on_the_way_costs_its_work_and_the_last_one_the_whole_way():
    """A lies on the way: 30 s at 2. Z lies 400 m beyond U: 800 m at 1, 80 s driving + 30 s work at 2."""
    city = ascii_city("D----A----U----Z")
    problem = city.problem(truck(cost_per_s=2), load={"A": stop(service_s=30), "Z": stop(service_s=30)})
    plan = hand_plan(problem, {"truck": "AZU"})
    checked(problem, plan)
    served = {one.stop: (one.cost, one.distance_m) for one in explain(problem, plan).served}
    assert served == {"A": (60, 0), "Z": (800 + 220, 800)}


def test_a_trip_of_its_own_goes_with_its_unload():
    """10 kg each fill the body: without C the truck still drives to U for A, but not back from U to C and to U again (2 × 400 m)."""
    city = ascii_city("D----A----C----U")
    problem = city.problem(truck(capacity_kg=10), load={"A": (10, 1), "C": (10, 1)})
    plan = hand_plan(problem, {"truck": "AUCU"})
    checked(problem, plan)
    assert {one.stop: one.distance_m for one in explain(problem, plan).served}["C"] == 800


def test_the_only_stop_carries_its_whole_route():
    problem = ascii_city("D----A----U").problem(truck(fixed_cost=7), load={"A": (1, 1)})
    plan = solve(problem, stop=MaxIterations(5))
    (only,) = explain(problem, plan).served
    assert (only.cost, only.distance_m) == (1_600 + 7, 1_600)


def test_the_unserved_keep_their_reason():
    problem = ascii_city("D----A----U").problem(truck(), load={"A": stop(prize=1)})
    plan = solve(problem, stop=MaxIterations(5))
    assert [one.reason for one in explain(problem, plan).unserved] == [Reason.NOT_WORTH_ITS_PRIZE]


def test_both_halves_of_a_transfer_have_the_price_of_both():
    """Without them the truck turns at A: 2 × 800 m less, and their 30 + 30 s at 2."""
    city = ascii_city("D----A----B----E")
    load = {"A": stop(), "B": stop(5, 5, bring_to="E", service_s=30), "E": stop(-5, -5, service_s=30)}
    problem = city.problem(truck(ends_empty=False, cost_per_s=2), load=load, unload={})
    plan = hand_plan(problem, {"truck": "ABE"})
    checked(problem, plan)
    served = {one.stop: one.cost for one in explain(problem, plan).served}
    assert served["B"] == served["E"] == 1_600 + 2 * (160 + 60)


def test_what_a_driver_has_been_told_has_its_price_and_what_is_on_board_comes_home():
    """Under way with a load: U must be seen in any case. Without A, first of the round, 2 × 400 m less."""
    city = ascii_city("A----D----B----U")
    out = UnderWay(location=1, ready_s=0, started_s=0, load=(5, 5), classes=frozenset({"waste"}))
    problem = city.problem(truck(under_way=out, head=("A",)), load={"A": (1, 1), "B": (1, 1)})
    plan = hand_plan(problem, {"truck": "ABU"})
    checked(problem, plan)
    assert {one.stop: one.cost for one in explain(problem, plan).served} == {"A": 800, "B": 0}
