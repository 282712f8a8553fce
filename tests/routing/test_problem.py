"""Constructors reject nonsense, and a load is what it is in a truck."""

from dataclasses import replace

import numpy as np
import pytest

from routing.problem import BreakRule, Compartment, Pace, Travel, Window
from routing.stopping import FirstOf, MaxIterations, MaxSeconds
from tests.routing.ascii_city import ascii_city, stop, truck

PROBLEM = ascii_city("D--A--B--U").problem(truck(), load={"A": (1, 1), "B": (1, 1)})
A, B = PROBLEM.stops


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Window(5, 4), "before it closes"),
        (lambda: Travel(np.zeros((2, 3), int), np.zeros((2, 3), int)), "square"),
        (lambda: Travel(np.zeros((2, 2)), np.zeros((2, 2), int)), "integers"),
        (lambda: Travel(np.full((2, 2), -2), np.zeros((2, 2), int)), "no way"),
        (lambda: replace(PROBLEM, stops=(replace(A, load=(-1, 1)),)), "load"),
        (lambda: replace(PROBLEM, stops=(replace(A, bring_to="B"), B)), "negative"),
        (lambda: replace(PROBLEM, stops=(replace(A, bring_to="C"),)), "set down"),
        (lambda: replace(PROBLEM, vehicles=(truck(head=("Z",)),)), "no such stop"),
        (lambda: Travel(np.zeros((2, 2), int), np.zeros((2, 2), int), paces=(Pace(9, 1000), Pace(9, 900))), "ascend"),
        (lambda: BreakRule(key="b", duration_s=60, after_work_s=9, parts_s=(30, 30)), "repeats"),
        (lambda: truck(compartments=(Compartment(classes=frozenset("a"), capacity=(1, 1)),) * 2), "one compartment"),
        (lambda: stop(prize=-1), "prize"),
        (lambda: truck(cost_per_m=-1), "costs"),
        (lambda: truck(compacted_density_kg_m3={"waste": 0}), "densities"),
        (lambda: BreakRule(key="b", duration_s=60), "give one of window"),
        (lambda: replace(PROBLEM, stops=(A, A)), "stop keys repeat"),
        (lambda: replace(PROBLEM, stops=(replace(A, location=9),)), "location 9"),
        (lambda: replace(PROBLEM, stops=(replace(A, load=(1,)),)), "one entry for each"),
        (lambda: replace(PROBLEM, stops=(replace(A, group="g"), replace(B, group="g", prize=1))), "group g"),
        (lambda: replace(PROBLEM, vehicles=(truck(travel_profile=1),)), "travel profile"),
        (lambda: MaxSeconds(0), "positive"),
        (lambda: MaxIterations(0), "positive"),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("kg", "litres", "density_kg_m3", "pressed_l"),
    [
        (100, 900, 400, 250),  # 100 kg at 400 kg/m³ are 0.25 m³
        (100, 900, 300, 334),  # 333.3 l, rounded up
        (100, 200, 300, 200),  # denser than the press makes it: nothing grows
        (0, 50, 300, 0),
    ],
)
def test_a_press_makes_litres_of_kilograms(kg, litres, density_kg_m3, pressed_l):
    press = truck(compacted_density_kg_m3={"waste": density_kg_m3})
    assert press.load_of(stop(kg, litres), ("kg", "l")) == (kg, pressed_l)
    assert press.load_of(stop(kg, litres, waste_class="glass"), ("kg", "l")) == (kg, litres)


def test_the_tightest_of_several_limits_counts():
    both = FirstOf((MaxSeconds(5), MaxIterations(9), FirstOf((MaxSeconds(2),))))
    assert (both.seconds, both.iterations) == (2, 9)
    assert not both(0)
