"""A replay keeps account of the waste, and shows policies nothing that they could not have seen."""

import numpy as np
import pytest

from app.planning.twin.areas import areas_of
from app.planning.twin.clairvoyant import clairvoyant
from app.planning.twin.lookahead import Lookahead
from app.planning.twin.policies import Daily, Policy, Seen, Threshold
from app.planning.twin.replay import Outcome, Sensors, Span, replay
from app.planning.twin.tours import Tours
from tests.app.planning.twin.towns import random_inflow, two_areas

EVERY_DAY = Daily("every day", frozenset(range(7)))


@pytest.fixture(scope="module")
def tours() -> Tours:
    return Tours(two_areas())


def test_what_came_was_collected_or_is_left(tours: Tours) -> None:
    inflow = random_inflow(tours.town, 30)
    outcome = replay(inflow, tours, Threshold(0.5), Span(0, 30))
    assert outcome.fill_at_collection.sum() + outcome.left == pytest.approx(inflow.added.sum())


def test_a_container_day_overflows_when_it_ends_above_full(tours: Tours) -> None:
    inflow = random_inflow(tours.town, 3).changed(np.array([[0.6] * 5, [0.4, 0.5, 0.0, 0.0, 0.0], [0.0] * 5]))
    outcome = replay(inflow, tours, Daily("never", frozenset()), Span(0, 3))
    assert outcome.overflowing.tolist() == [0, 1, 1]  # full is not above full
    assert outcome.onsets.tolist() == [0, 1, 0]
    assert outcome.excess.tolist() == pytest.approx([0.0, 0.1, 0.1])


def test_trucks_come_before_the_days_inflow(tours: Tours) -> None:
    inflow = random_inflow(tours.town, 2).changed(np.full((2, 5), 0.9))
    outcome = replay(inflow, tours, EVERY_DAY, Span(0, 2))
    assert outcome.overflowing.sum() == 0
    assert outcome.left == pytest.approx(5 * 0.9)


def test_warm_up_days_are_driven_and_not_counted(tours: Tours) -> None:
    inflow = random_inflow(tours.town, 20)
    outcome = replay(inflow, tours, Daily("never", frozenset()), Span(0, 20, warm_up=10))
    assert outcome.days == 10
    assert outcome.overflowing[0] > 0


def test_the_same_set_of_places_is_routed_once(tours: Tours) -> None:
    replay(random_inflow(tours.town, 10), tours, EVERY_DAY, Span(0, 10))
    known = len(tours)
    replay(random_inflow(tours.town, 10, seed=2), tours, EVERY_DAY, Span(0, 10))
    assert len(tours) == known


def test_sensors_show_steps_and_nothing_above_full() -> None:
    shown = Sensors(step=0.2, silent=frozenset({2})).show(np.array([0.39, 1.4, 0.5, 0.6]))
    assert shown[[0, 1, 3]].tolist() == pytest.approx([0.2, 1.0, 0.6])
    assert np.isnan(shown[2])


class _Watching:
    """Lifts what another policy says, and keeps what was shown."""

    name = "watching"

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.seen: list[Seen] = []
        self.lifted: list[list[bool]] = []

    def lifts(self, seen: Seen) -> np.ndarray:
        self.seen.append(seen)
        lifted = self.policy.lifts(seen)
        self.lifted.append(lifted.tolist())
        return lifted


def _decisions(policy: Policy, tours: Tours, inflow: object, sensors: Sensors) -> _Watching:
    watching = _Watching(policy)
    replay(inflow, tours, watching, Span(30, 60), sensors)  # type: ignore[arg-type]
    return watching


@pytest.mark.parametrize("silent", [frozenset[int](), frozenset({1, 4})])
def test_no_later_inflow_moves_an_earlier_decision_of_ours(tours: Tours, silent: frozenset[int]) -> None:
    inflow = random_inflow(tours.town, 60)
    changed = inflow.added.copy()
    changed[45:] = 1.2
    areas, sensors = areas_of(tours), Sensors(step=0.1, silent=silent)
    as_it_was = _decisions(Lookahead(areas, price=20.0), tours, inflow, sensors)
    otherwise = _decisions(Lookahead(areas, price=20.0), tours, inflow.changed(changed), sensors)
    # The decision for day 45 is made on the evening before it.
    assert as_it_was.lifted[:16] == otherwise.lifted[:16]
    assert as_it_was.lifted != otherwise.lifted
    assert any(any(day) for day in as_it_was.lifted[:16])


def test_the_clairvoyant_moves_with_the_future(tours: Tours) -> None:
    inflow = random_inflow(tours.town, 60)
    changed = inflow.added.copy()
    changed[45:] = 1.2
    areas, span = areas_of(tours), Span(30, 60)
    before = [clairvoyant(inflow, areas, span, 20.0).at(day, inflow.day(day)).tolist() for day in range(30, 60)]
    after = [clairvoyant(inflow.changed(changed), areas, span, 20.0).at(day, inflow.day(day)).tolist() for day in range(30, 60)]
    assert before != after


def test_what_policies_see_ends_the_evening_before(tours: Tours) -> None:
    inflow = random_inflow(tours.town, 60)
    watching = _decisions(EVERY_DAY, tours, inflow, Sensors(silent=frozenset({0})))
    for day, seen in enumerate(watching.seen, start=30):
        assert len(seen.added) == day
        assert np.isnan(seen.added[:, 0]).all() and np.isnan(seen.level[0])
        assert seen.added[-1, 1] == pytest.approx(min(inflow.added[day - 1, 1], 1.0))


def test_imputed_days_of_the_past_are_not_shown_as_seen(tours: Tours) -> None:
    inflow = random_inflow(tours.town, 60)
    inflow.imputed[10, 2] = True
    seen = _decisions(EVERY_DAY, tours, inflow, Sensors()).seen[0]
    assert np.isnan(seen.added[10, 2]) and seen.added[11, 2] == inflow.added[11, 2]


def test_places_that_no_truck_has_time_for_are_not_lifted(tours: Tours, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from app.planning.twin import tours as module

    monkeypatch.setattr(module, "MOST_TRUCKS", 1)
    short = Tours(replace(tours.town, work=replace(tours.town.work, shift_s=2_700, unload_s=300)))
    outcome: Outcome = replay(random_inflow(short.town, 5), short, EVERY_DAY, Span(0, 5))
    assert outcome.lifts.tolist() == [3] * 5  # the near ones
