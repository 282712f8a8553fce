"""What a sensor has shown rules levels out; where it shows nothing, a container is as full as days may have made it."""

from datetime import date

import numpy as np
import pytest

from app.planning.twin.areas import Areas, areas_of
from app.planning.twin.base_rule import BaseRule, Futures
from app.planning.twin.belief import LEVELS, believed, drawn
from app.planning.twin.inflow_model import FULL_STEPS, MOST_STEPS, InflowModel
from app.planning.twin.policies import Seen
from app.planning.twin.tours import Tours
from tests.app.planning.twin.towns import two_areas

MONDAY = date(2026, 1, 5)
TENTH = 2  # steps


def coin(n: int, steps: int = TENTH) -> InflowModel:
    """Each day brings nothing or so much, as likely the one as the other."""
    chance = np.zeros((n, MOST_STEPS + 1))
    chance[:, [0, steps]] = 0.5
    return InflowModel(chance)


def seen(levels: list[float], added: list[list[float]], since: list[int], pending: list[list[bool]] | None = None) -> Seen:
    ordered = np.array(pending or np.zeros((0, len(levels))), np.bool_)
    return Seen(MONDAY, 40, np.array(levels), np.array(added, np.float64), np.array(since), ordered)


def test_what_is_shown_is_believed() -> None:
    chances = believed(seen([0.2], [[0.1], [0.0], [0.1]], [3]), coin(1))
    assert chances[0, 2 * TENTH] == pytest.approx(1.0)


def test_a_silent_sensor_leaves_every_level_that_days_may_have_made() -> None:
    chances = believed(seen([np.nan], [[np.nan]] * 3, [2]), coin(1))
    assert chances[0, [0, TENTH, 2 * TENTH]].tolist() == pytest.approx([0.25, 0.5, 0.25])


def test_between_two_steps_of_a_sensor_levels_are_as_likely_as_their_days() -> None:
    """Steps of 0.2, tenths come: shown 0 twice means 0 or 0.1 after the second day. Of 00, 01, 10, 11 the last is ruled out."""
    chances = believed(seen([0.0], [[0.0], [0.0]], [2]), coin(1), step=0.2)
    assert chances[0, [0, TENTH]].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_shown_full_may_be_above_full() -> None:
    """A day of all or nothing twice: shown full since the first, the second decides."""
    chances = believed(seen([1.0], [[1.0], [0.0]], [2]), coin(1, FULL_STEPS), step=0.2)
    assert chances[0, [FULL_STEPS, LEVELS - 1]].tolist() == pytest.approx([0.5, 0.5])


def test_a_lift_that_is_ordered_empties_and_a_day_comes_on_top() -> None:
    chances = believed(seen([0.5, 0.5], [[0.5, 0.5]], [1, 1], [[True, False]]), coin(2))
    assert chances[0, [0, TENTH]].tolist() == pytest.approx([0.5, 0.5])
    assert chances[1, [5 * TENTH, 6 * TENTH]].tolist() == pytest.approx([0.5, 0.5])


def test_draws_are_as_frequent_as_believed() -> None:
    chances = np.zeros((1, LEVELS))
    chances[0, [3, LEVELS - 1]] = 0.75, 0.25
    levels = drawn(chances, 4_000, np.random.default_rng(1))
    assert set(levels.ravel().tolist()) == {3, LEVELS - 1}
    assert (levels == 3).mean() == pytest.approx(0.75, abs=0.02)


def test_weekdays_are_the_towns_and_shrink_to_none() -> None:
    """Sundays bring 0.4, other days nothing; two weeks of them are believed less than a year."""
    days = np.arange(364)
    added = np.where(days % 7 == 6, 0.4, 0.0)[:, None].repeat(5, axis=1)
    steps = np.arange(MOST_STEPS + 1)
    sundays = [InflowModel.learned(added[-count:], days[-count:] % 7).by_weekday[6, 0] @ steps for count in (14, 364)]
    assert 0.4 / 7 / 0.05 < sundays[0] < sundays[1] < 0.4 / 0.05


@pytest.fixture(scope="module")
def areas() -> Areas:
    return areas_of(Tours(two_areas()))


def test_in_its_futures_the_rule_does_not_see_what_silent_sensors_hide(areas: Areas) -> None:
    silent = np.array([0])
    rule = BaseRule(coin(5), areas, 20.0, "km", silent)
    empty, full = np.zeros((1, 5), np.int64), np.zeros((1, 5), np.int64)
    full[0, 0] = FULL_STEPS
    since = np.full((1, 5), 4)
    assert (rule.risk(empty, since, 0) == rule.risk(full, since, 0)).all()
    sees = BaseRule(coin(5), areas, 20.0, "km")
    assert (sees.risk(empty, since, 0) != sees.risk(full, since, 0)).any()


def test_a_silent_containers_risk_grows_with_its_days(areas: Areas) -> None:
    rule = BaseRule(coin(5), areas, 20.0, "km", np.arange(5))
    levels = np.zeros((1, 5), np.int64)
    risks = [rule.risk(levels, np.full((1, 5), days), 0).sum() for days in (0, 10, 20, 40)]
    assert risks == sorted(risks) and risks[0] == 0 and risks[-1] == pytest.approx(5, abs=0.1)


def test_following_nothing_costs_the_overflow_and_following_all_the_tour(areas: Areas) -> None:
    rule = BaseRule(coin(5), areas, 1_000.0, "km")
    full = np.full((1, 5), FULL_STEPS)
    came = np.full((1, 1, 5), TENTH, np.int8)
    futures = Futures(full, np.ones(5, np.int64), came, 0)
    everything = len(rule.sets) - 1
    assert rule.follow(futures, 0) >= 5_000.0
    assert rule.follow(futures, everything) == pytest.approx(rule.tour[everything])
