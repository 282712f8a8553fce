"""Equal service by mixing two plans, and intervals by paired blocks."""

from __future__ import annotations

import numpy as np
import pytest

from app.planning.audit.prices import Prices
from app.planning.audit.service import mix_at, with_interval
from app.planning.twin.replay import Outcome

DAYS = np.arange(28)


def outcome(name: str, *, km: float, overflowing: int, truck_days: int = 1, hours: float = 4.0) -> Outcome:
    """Ten containers, every day alike."""
    same = np.ones(28)
    whole = same.astype(np.int64)
    return Outcome(
        policy=name,
        containers=10,
        km=km * same,
        cost=2 * km * same,
        hours=hours * same,
        truck_days=truck_days * whole,
        lifts=10 * whole,
        overflowing=overflowing * whole,
        onsets=0 * whole,
        excess=0 * same,
        fill_at_collection=same,
        left=0.0,
    )


ARM = (outcome("often", km=40, overflowing=0, truck_days=3), outcome("dear", km=38, overflowing=1), outcome("seldom", km=20, overflowing=2))


def test_a_service_level_between_two_plans_mixes_all_their_figures():
    """Half-way between no overflow and 20 %: half the days each; 'dear' lies above that line and is not driven."""
    mix = mix_at(ARM, 0.1, DAYS, "km")

    assert [(one.policy, share) for one, share in mix.parts] == [("often", 0.5), ("seldom", 0.5)]
    use = mix.use(DAYS, Prices(), speed_kmh=20)
    assert (use.km, use.truck_days, use.trucks, use.overflow_share) == (30, 2, 3, 0.1)
    assert use.idle_h == pytest.approx(4 - 30 / 20)
    assert str(mix) == "50 % of days often; 50 % of days seldom"


def test_an_arm_that_never_serves_so_well_has_no_mix():
    assert mix_at(ARM[1:], 0.05, DAYS, "km") is None


def test_beyond_the_last_plan_the_cheapest_is_driven():
    assert str(mix_at(ARM, 0.9, DAYS, "km")) == "seldom"


def test_overtime_is_what_exceeds_the_shifts_of_a_day():
    """One truck at work for 9.5 h, paid for 8."""
    mix = mix_at([outcome("long", km=10, overflowing=0, hours=9.5)], 0.0, DAYS, "km")

    assert mix.use(DAYS, Prices(shift_h=8), speed_kmh=20).overtime_h == pytest.approx(1.5)


def test_the_interval_of_a_mean_is_students():
    """Blocks that save 10, 20 and 30: mean 20, standard error 10 / √3, and 4.303 of those with two degrees of freedom."""
    daily = np.repeat([10.0, 20.0, 30.0], 28)

    found = with_interval(84, lambda days: float(daily[days].mean()))

    assert (found.value, found.high - found.value) == pytest.approx((20, 4.3027 * 10 / np.sqrt(3)), rel=1e-4)
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_fewer_than_three_blocks_have_no_interval():
    assert not with_interval(83, lambda days: float(days.mean())).is_known
