"""What goes wrong goes wrong for all arms alike, and is off unless asked for."""

import numpy as np
import pytest

from app.planning.twin.disturbances import CALM, Disturbances
from app.planning.twin.policies import Daily, Given
from app.planning.twin.replay import Outcome, Span, replay
from app.planning.twin.tours import Tours
from tests.app.planning.twin.towns import random_inflow, two_areas

EVERY_DAY = Daily("every day", frozenset(range(7)))
SPAN = Span(0, 40)


@pytest.fixture(scope="module")
def tours() -> Tours:
    return Tours(two_areas())


def driven(tours: Tours, luck: Disturbances) -> Outcome:
    return replay(random_inflow(tours.town, 40), tours, EVERY_DAY, SPAN, disturbances=luck)


def test_nothing_goes_wrong_by_default(tours: Tours) -> None:
    ordered = np.ones(5, np.bool_)
    done, tour = CALM.met(3, tours.of(ordered), ordered, tours.town)
    assert done.all() and tour == tours.of(ordered)


def test_a_share_of_the_lifts_does_not_come_about_and_the_way_is_driven_all_the_same(tours: Tours) -> None:
    calm, blocked = driven(tours, CALM), driven(tours, Disturbances(skipped=0.3))
    assert blocked.lifts.sum() == pytest.approx(0.7 * calm.lifts.sum(), rel=0.15)
    assert blocked.km.sum() == calm.km.sum()
    assert blocked.fill_at_collection.sum() + blocked.left == pytest.approx(calm.fill_at_collection.sum() + calm.left)


def test_two_arms_find_the_same_containers_blocked(tours: Tours) -> None:
    luck = Disturbances(skipped=0.5)
    everything, first = np.ones(5, np.bool_), np.array([True, False, False, False, False])
    for day in range(20):
        of_all, _ = luck.met(day, tours.of(everything), everything, tours.town)
        of_one, _ = luck.met(day, tours.of(first), first, tours.town)
        assert of_all[0] == of_one[0]


def test_a_truck_that_breaks_down_leaves_the_rest_of_its_round(tours: Tours) -> None:
    ordered = np.ones(5, np.bool_)
    tour = tours.of(ordered)
    luck = Disturbances(breakdowns=1.0)
    done = [int(luck.met(day, tour, ordered, tours.town)[0].sum()) for day in range(60)]
    assert min(done) == 0 and max(done) == 4  # never all: it broke down before the last
    assert sorted(place for places in tour.rounds for place in places) == [0, 1, 2, 3, 4]


def test_slow_days_cost_hours_and_the_mean_stays(tours: Tours) -> None:
    calm, noisy = driven(tours, CALM), driven(tours, Disturbances(service_noise=0.3))
    assert noisy.hours.std() > calm.hours.std()
    assert noisy.hours.sum() == pytest.approx(calm.hours.sum(), rel=0.05)
    extra = noisy.hours - calm.hours
    assert noisy.cost - calm.cost == pytest.approx(extra * tours.town.costs.per_h)
    assert (noisy.lifts == calm.lifts).all()


class _Orders:
    """Orders the first container whenever it is seen at three quarters, and keeps what it was shown."""

    name = "orders"

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, bool]] = []

    def lifts(self, seen: object) -> np.ndarray:
        pending = seen.pending  # type: ignore[attr-defined]
        self.seen.append((seen.index, len(seen.added), bool(pending.any())))  # type: ignore[attr-defined]
        return np.array([seen.level[0] >= 0.75, False, False, False, False])  # type: ignore[attr-defined]


def test_with_a_delay_trucks_come_a_day_later_and_orders_are_seen_as_pending(tours: Tours) -> None:
    inflow = random_inflow(tours.town, 8).changed(np.array([[0.4] * 5] * 8))
    policy = _Orders()
    outcome = replay(inflow, tours, policy, Span(0, 8), disturbances=Disturbances(delay_d=1))
    # seen at 0.8 on the evening of day 1, ordered for day 3; the reading of day 2 orders once more, for day 4
    assert outcome.lifts.tolist()[:5] == [0, 0, 0, 1, 1]
    assert [(day, known) for day, known, _ in policy.seen] == [(day + 1, day) for day in range(7)]
    assert [was for _, _, was in policy.seen][:5] == [False, False, False, True, True]


def test_who_laid_down_his_plan_beforehand_is_not_delayed(tours: Tours) -> None:
    plan = Given("every third day", lambda index, _: np.full(5, index % 3 == 0))
    outcome = replay(random_inflow(tours.town, 9), tours, plan, Span(0, 9), disturbances=Disturbances(delay_d=1))
    assert outcome.lifts.tolist() == [0, 0, 0, 5, 0, 0, 5, 0, 0]  # nothing was ordered for the first morning


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="shares lie between 0 and 1"):
        Disturbances(skipped=1.2)
