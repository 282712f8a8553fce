"""Time-of-day travel: the leg is driven at the pace that holds while it is driven. A dash is 100 m and 10 s."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.check import check
from routing.problem import BreakRule, Pace
from routing.redrive import arrival_s
from tests.routing.ascii_city import ascii_city, truck
from tests.routing.plans import broken, hand_plan

CITY = ascii_city("D----A----B----C----U")
RUSH = (Pace(100, 1_500), Pace(400, 1_000))  # half as long again from 100 to 400 s


def at_rush(*vehicles, paces=RUSH):
    return CITY.problem(*vehicles, load={"A": (1, 1)}, travel=replace(CITY.travel, paces=paces))


@pytest.mark.parametrize(
    ("departure_s", "matrix_s", "arrives_s"),
    [
        (0, 100, 100),  # over before the rush begins
        (0, 160, 190),  # 100 s, then 60 × 1.5
        (100, 160, 340),  # 160 × 1.5
        (100, 200, 400),  # 300 s do 200 exactly
        (100, 201, 401),  # and one more at the pace after
        (0, 101, 102),  # 1 × 1.5, rounded up
        (400, 160, 560),
        (250, 0, 250),
    ],
)
def test_a_leg_takes_the_pace_of_the_hour(departure_s: int, matrix_s: int, arrives_s: int):
    assert arrival_s(RUSH, departure_s, matrix_s) == arrives_s


def test_a_leg_is_rounded_once_at_its_end():
    """At 1,300 from second 100 on: 600 s that begin at 0 are 100 + 650 s, 601 s are 100 + 651.3, so 752."""
    assert arrival_s((Pace(100, 1_300),), 0, 600) == 750
    assert arrival_s((Pace(100, 1_300),), 0, 601) == 752
    # 7 thirds of matrix seconds, three times: 7 s in all, and not three times rounded
    assert arrival_s((Pace(0, 3_000), Pace(7, 3_001), Pace(14, 3_000)), 0, 7) == 22


PACES = st.lists(st.tuples(st.integers(0, 900), st.integers(200, 4_000)), max_size=4, unique_by=lambda pace: pace[0])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(PACES, st.integers(0, 900), st.integers(0, 600))
def test_the_arrival_is_the_first_second_by_which_the_leg_is_driven(drawn, departure_s, matrix_s):
    """Second by second, in exact fractions."""
    paces = tuple(Pace(*pace) for pace in sorted(drawn))
    now_s, done_s = departure_s, Fraction(0)
    while done_s < matrix_s:
        per_mille = next((pace.per_mille for pace in reversed(paces) if pace.from_s <= now_s), 1_000)
        now_s, done_s = now_s + 1, done_s + Fraction(1_000, per_mille)
    assert arrival_s(paces, departure_s, matrix_s) == now_s


@settings(max_examples=200, deadline=None, derandomize=True)
@given(PACES, st.integers(0, 900), st.integers(0, 100), st.integers(0, 600))
def test_who_leaves_later_never_arrives_earlier(drawn, departure_s, later_s, matrix_s):
    paces = tuple(Pace(*pace) for pace in sorted(drawn))
    assert arrival_s(paces, departure_s, matrix_s) <= arrival_s(paces, departure_s + later_s, matrix_s)


def test_a_round_through_the_rush_takes_longer_and_no_further():
    """A at 40, U at 190 (120 more: 60, then 60 × 1.5); home takes 160: 210 s do 140 until 400, then 20 more: 420."""
    plan = hand_plan(at_rush(truck()), {"truck": "AU"})
    route = plan.routes[0]
    assert check(at_rush(truck()), plan).violations == ()
    assert [visit.arrival_s for visit in route.visits] == [40, 190]
    assert (route.end_s, route.distance_m) == (420, 3_200)


def test_the_wheels_turn_longer_in_the_rush():
    """420 s instead of 320, for the limit as for the break."""
    assert broken(at_rush(truck(max_drive_s=420)), {"truck": "AU"}) == {}
    assert broken(at_rush(truck(max_drive_s=400)), {"truck": "AU"}) == {"driving_within_limit": [(None, (20,))]}
    rest = BreakRule(key="rest", duration_s=60, after_drive_s=400)
    assert broken(at_rush(truck(breaks=(rest,))), {"truck": "AU"}) == {"break_taken": [("rest", ())]}


def test_a_plan_that_knows_no_rush_is_found():
    calm = hand_plan(at_rush(truck(), paces=()), {"truck": "AU"})
    assert {one.rule for one in check(at_rush(truck()), calm).violations} == {"times_as_claimed"}
