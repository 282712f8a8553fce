"""Seconds at stops, from crews that are slower than the register, at sites of their own, and that sometimes take a break."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.service_time import ServiceModel, Stops, Visits, learn_service_times

Array = NDArray[np.float64]
SITES, ZONES = 120, 4
TRUE_CLASS = {"residual": 1.3, "glass": 0.8}
TRUE_SETUP, TRUE_SITE, VISIT_SD = 1.2, 0.25, 0.25


@dataclass(frozen=True, eq=False)
class TimedTown:
    stops: Stops
    visits: Visits
    setup_s: Array
    """What each site truly takes."""


def make_town(*, visits: int = 1500, breaks: float = 0.03, seed: int = 0) -> TimedTown:
    """Two containers of residual waste and one of glass at each site; a visit empties some of them."""
    rng = np.random.default_rng(seed)
    site = np.repeat(np.arange(SITES), 3)
    waste_class = tuple(np.tile(["residual", "residual", "glass"], SITES).tolist())
    lift_s = np.tile([60.0, 60.0, 180.0], SITES)
    setup_s = rng.choice([90.0, 120.0, 150.0], SITES)
    true_setup_s = setup_s * (TRUE_SETUP + rng.normal(0, TRUE_SITE, SITES))
    at = rng.integers(0, SITES, visits)
    dwell_s, visit, container = np.zeros(visits), [], []
    for row, here in enumerate(at.tolist()):
        emptied = [3 * here + i for i in range(3) if rng.random() < 0.7] or [3 * here]
        seconds = true_setup_s[here] + sum(TRUE_CLASS[waste_class[one]] * lift_s[one] for one in emptied)
        dwell_s[row] = seconds * (1 + VISIT_SD * rng.standard_t(4) / np.sqrt(2)) + (2700 if rng.random() < breaks else 0)
        visit += [row] * len(emptied)
        container += emptied
    stops = Stops(setup_s, site, lift_s, waste_class, tuple((site * ZONES // SITES).tolist()))
    here = Visits(at, np.maximum(dwell_s, 5), np.ones(visits, bool), np.array(visit), np.array(container))
    return TimedTown(stops, here, true_setup_s)


def learn(town: TimedTown) -> ServiceModel:
    return learn_service_times(town.stops, town.visits)


def test_seconds_of_a_lift_are_found_though_visits_mix_containers_and_some_have_breaks() -> None:
    model = learn(make_town())

    assert model.classes["residual"][0] == pytest.approx(1.3, abs=0.15)
    assert model.classes["glass"][0] == pytest.approx(0.8, abs=0.08)
    assert model.lift_s[0] == pytest.approx(78, abs=9)
    assert model.lift_s[2] == pytest.approx(144, abs=14)


def test_a_break_of_three_quarters_of_an_hour_in_every_thirtieth_visit_changes_hardly_anything() -> None:
    """The plain mean of the visits would be 45 min / 30 = 90 s longer."""
    without, with_breaks = learn(make_town(breaks=0)), learn(make_town(breaks=1 / 30))

    assert with_breaks.setup_s.mean() == pytest.approx(without.setup_s.mean(), abs=12)


def test_sites_keep_their_own_times_as_far_as_visits_tell() -> None:
    town = make_town()
    model = learn(town)

    assert np.corrcoef(model.setup_s, town.setup_s)[0, 1] > 0.6
    own, usual = np.abs(model.setup_s - town.setup_s), np.abs(TRUE_SETUP * town.stops.setup_s - town.setup_s)
    assert own.mean() < 0.85 * usual.mean()
    assert (own < 1.2816 * model.setup_sd_s).mean() == pytest.approx(0.8, abs=0.13)


def test_a_site_without_visits_gets_what_the_others_have_taught_and_is_less_sure() -> None:
    town = make_town()
    elsewhere = town.visits.site != 7
    rows = np.cumsum(elsewhere) - 1
    lifts = elsewhere[town.visits.visit]
    visits = replace(
        town.visits,
        site=town.visits.site[elsewhere],
        dwell_s=town.visits.dwell_s[elsewhere],
        is_arrival=town.visits.is_arrival[elsewhere],
        visit=rows[town.visits.visit[lifts]],
        container=town.visits.container[lifts],
    )

    model = learn_service_times(town.stops, visits)

    assert model.visits[7] == 0
    assert model.setup_s[7] / town.stops.setup_s[7] == pytest.approx(TRUE_SETUP, abs=0.12)
    relative = model.setup_sd_s / town.stops.setup_s
    assert relative[7] == relative.max()


def test_a_second_container_of_a_site_has_no_setup_in_its_time() -> None:
    """Every visit reported container by container: the first takes setup and lift, the others a lift alone, 60 s × 1.5."""
    count = 200
    stops = Stops(np.array([120.0]), np.array([0, 0]), np.array([60.0, 60.0]), ("paper", "paper"), ("north", "north"))
    first = np.arange(count) % 2 == 0
    dwell_s = np.where(first, 100.0 + 90.0, 90.0) + np.random.default_rng(1).normal(0, 4, count)
    visits = Visits(np.zeros(count, np.int64), dwell_s, first, np.arange(count), np.arange(count) % 2)

    model = learn_service_times(stops, visits)

    assert model.lift_s == pytest.approx([90, 90], abs=3)
    assert model.setup_s == pytest.approx([100], abs=5)
    seconds, sd = model.stop_s(0, np.array([0, 1]))
    assert seconds == pytest.approx(280, abs=6)
    assert 0 < sd < 60


def test_without_visits_the_registers_seconds_count() -> None:
    nothing = np.zeros(0, np.int64)
    stops = make_town().stops
    model = learn_service_times(stops, Visits(nothing, np.zeros(0), np.zeros(0, bool), nothing, nothing))

    assert model.setup_s == pytest.approx(stops.setup_s)
    assert model.lift_s == pytest.approx(stops.lift_s)
