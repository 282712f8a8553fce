"""Which containers deserve a sensor, the floor that tonnes fix, and the verdict's sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from app.planning.audit.prices import Prices
from app.planning.audit.sensors import days_to_full, lifts_of_not_knowing, overflow_days, shared_out, worths
from app.planning.audit.tonnes import floor_of
from app.planning.twin.inflow import DailyInflow
from app.planning.twin.study import Study
from app.planning.twin.town import town_of

TOWN = town_of("two", {"steady": (144.65, -37.91), "erratic": (144.66, -37.91)}, (144.60, -37.94))


def study(steady: np.ndarray, erratic: np.ndarray) -> Study:
    added = np.stack([steady, erratic], axis=1)
    inflow = DailyInflow(TOWN.keys, date(2026, 1, 5), added, np.zeros(added.shape, np.bool_))
    return Study(town=TOWN, inflow=inflow, first=0, last=len(added))


@pytest.fixture
def uneven() -> Study:
    """A tenth a day here; there nothing for days and then half of it at once, now and then more."""
    rng = np.random.default_rng(1)
    return study(np.full(140, 0.1), rng.choice([0.0, 0.0, 0.0, 0.5, 0.9], size=140))


def test_days_to_full_are_those_that_a_lifted_container_may_wait():
    """A tenth a day is over full on the 11th evening: ten whole days; the last days of the data cannot tell."""
    assert set(days_to_full(np.full(40, 0.1)).tolist()) == {10.0}
    assert len(days_to_full(np.full(40, 0.1))) == 30


def test_nothing_is_learned_by_watching_what_is_always_the_same(uneven: Study):
    steady, erratic = lifts_of_not_knowing(uneven)

    assert steady == pytest.approx(0)
    assert erratic > 30


def test_overflow_is_counted_under_todays_plan(uneven: Study):
    """Lifted on Mondays, a tenth a day comes to seven tenths; 0.28 a day on average comes to twice what there is room for."""
    weekly = replace(uneven, schedule=(frozenset({0}), frozenset({0})))

    assert overflow_days(weekly)[0] == 0
    assert overflow_days(weekly)[1] > 50


def test_the_saving_goes_to_the_containers_that_surprise(uneven: Study):
    parts = shared_out(uneven, 1_000.0)

    assert sum(parts) == pytest.approx(1_000)
    assert parts[0] == pytest.approx(0)
    assert shared_out(uneven, -5.0) == [0.0, 0.0]


def test_a_container_deserves_a_sensor_that_costs_less_than_it_saves(uneven: Study):
    """10 a year with neither network nor batteries: 8 saved are too few, 12 pay a sensor of up to 96."""
    prices = Prices(sensor=80, sensor_years=8, connectivity_month=0, battery_visit=0)

    best, other = worths(uneven, [8.0, 12.0], prices)

    assert (best.container, best.deserves, best.price_worth) == ("erratic", True, pytest.approx(96))
    assert (other.container, other.deserves) == ("steady", False)


def test_the_tonnes_fix_the_way_there_and_back():
    """0.2 + 0.3 containers of 100 kg a day in a truck that carries 1,000 kg: 0.05 trips, over each one's own distance, twice."""
    prices = Prices(full_kg=100, payload_kg=1_000)

    floor = floor_of(study(np.full(14, 0.2), np.full(14, 0.3)), prices)

    way_m = TOWN.distance_m[:2, 2][TOWN.place_of]
    assert (floor.kg, floor.trips) == (pytest.approx(50), pytest.approx(0.05))
    assert floor.km == pytest.approx(2 * (0.02 * way_m[0] + 0.03 * way_m[1]) / 1_000)
