"""What does not pay is taken out again; what pays, what is owed, and what holds a route together stays."""

import numpy as np
import pytest

from routing.clock import lost_prizes, time_route
from routing.losses import drop_losses
from routing.problem import Travel
from tests.routing.ascii_city import ascii_city, stop, truck


def names(problem, *vehicles, **orders):
    """`truck="AU"`: what is left of it, written alike."""
    known = problem.stop_by_key | problem.facility_by_key
    left = drop_losses(problem, {key: tuple(known[name] for name in order) for key, order in orders.items()})
    return {key: "".join(place.key for place in order) for key, order in left.items()}


def test_a_detour_dearer_than_the_prize_goes_and_one_that_pays_stays():
    """Z is 400 m beyond U: 800 m for a prize of 799, or of 801."""
    city = ascii_city("D----A----U----Z")
    poor, rich = (city.problem(truck(), load={"A": (1, 1), "Z": stop(prize=prize)}) for prize in (799, 801))

    assert names(poor, truck="AZU") == {"truck": "AU"}
    assert names(rich, truck="AZU") == {"truck": "AZU"}


def test_a_mandatory_stop_stays_at_any_price():
    problem = ascii_city("D----A----U----Z").problem(truck(), load={"A": (1, 1), "Z": (1, 1)})

    assert names(problem, truck="AZU") == {"truck": "AZU"}


def test_neighbours_that_pay_for_the_way_together_stay_together():
    """Each alone would be a loss (500 for 800 m); dropping one saves nothing, dropping both 800 for prizes of 1,000."""
    problem = ascii_city("D----A----U----Y").problem(truck(), load={"A": (1, 1), "Y": stop(prize=500), "Yb": stop(prize=500)})

    assert names(problem, truck=["A", "Y", "Yb", "U"]) == {"truck": "AYYbU"}


def test_a_trip_that_does_not_pay_goes_as_a_whole():
    """From U to the two at Y, and back to U: 800 m for prizes of 300 each; one alone saves nothing."""
    problem = ascii_city("D----A----U----Y").problem(
        truck(capacity_kg=20), load={"A": stop(20), "Y": stop(prize=300), "Yb": stop(prize=300)}
    )

    assert names(problem, truck=["A", "U", "Y", "Yb", "U"]) == {"truck": "AU"}


def test_no_truck_leaves_the_yard_for_less_than_its_day():
    problem = ascii_city("D--A--B--U").problem(
        truck("one", fixed_cost=5_000), truck("two", fixed_cost=1_000), load={"A": stop(prize=3_000), "B": stop(prize=3_000)}
    )

    assert names(problem, one="AU", two="BU") == {"two": "BU"}


def test_a_stop_that_is_the_only_way_on_stays():
    """A one-way bridge: without A there is no way from D to the mandatory Z."""
    city = ascii_city("D----A----Z----U")
    metres = np.array(city.travel.distance_m)
    metres[0, 2] = metres[0, 3] = -1
    problem = city.problem(truck(), load={"A": stop(prize=0), "Z": (1, 1)}, travel=Travel(city.travel.drive_s, metres))

    assert names(problem, truck="AZU") == {"truck": "AZU"}


@pytest.mark.parametrize("seed", range(20))
def test_never_dearer(seed):
    """Random prizes and orders: cost plus prizes passed up does not rise, and what is left can be driven."""
    rng = np.random.default_rng(seed)
    load = {name: stop(prize=None if rng.random() < 0.3 else int(rng.integers(0, 2_000))) for name in "ABCEF"}
    problem = ascii_city("D--A---B-C----U--E---F").problem(truck(), load=load)
    order = tuple(problem.stop_by_key[name] for name in rng.permutation(list("ABCEF"))) + problem.facilities

    left = drop_losses(problem, {"truck": order})

    def objective(orders):
        routes = [time_route(problem, problem.vehicles[0], one) for one in orders.values()]
        return sum(route.cost.total for route in routes) + lost_prizes(problem, frozenset(p.key for one in orders.values() for p in one))

    assert objective(left) <= objective({"truck": order})
    assert all(one in left.get("truck", ()) for one in order if getattr(one, "prize", 0) is None)
