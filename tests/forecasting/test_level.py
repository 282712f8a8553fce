"""The level filter: one step function for ingest and replay."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.level import (
    DOUBTED,
    GOOD,
    IMPOSSIBLE,
    STUCK,
    UNKNOWN,
    LevelState,
    Readings,
    Sensor,
    is_ghost,
    lift,
    remember_ghost,
    replay,
    step,
)
from tests.forecasting.worlds import HOUR_S, START, simulate


def walk(fills, every_s=HOUR_S, state=UNKNOWN):
    """Steps of readings `every_s` apart."""
    at = START if state.observed_at < 0 else state.observed_at + every_s
    steps = []
    for i, fill in enumerate(fills):
        steps.append(step(state, at + i * every_s, fill))
        state = steps[-1].state
    return steps


def test_the_first_reading_is_the_level_and_a_second_one_narrows_it():
    first, second = walk([0.40, 0.40])

    assert first.level == second.level == 0.40
    assert first.spread == pytest.approx(2 * 0.02)
    assert second.spread < first.spread


def test_hourly_noise_of_two_points_is_halved():
    world = simulate(days=28, seed=3)
    readings = world.readings(noise=0.02, seed=3)

    level = np.array([answer.level for _, answer in replay(readings)[1]])
    calm = np.abs(np.diff(world.level, prepend=0)) < 0.01  # an hour without a big drop or a lift

    assert np.abs(level - world.level)[calm].mean() < np.abs(readings.fill - world.level)[calm].mean()


def test_a_single_false_echo_does_not_move_the_level():
    steps = walk([0.30] * 5 + [0.80] + [0.30] * 2)

    assert steps[5].quality == DOUBTED
    assert [round(answer.level, 3) for answer in steps] == [0.30] * 8


def test_two_agreeing_high_readings_are_believed():
    assert walk([0.30, 0.30, 0.60, 0.61])[-1].level == pytest.approx(0.605)


def test_a_height_that_lied_six_times_needs_twelve_hours():
    steps = walk([0.30, 0.80, 0.30, 0.30] * 6)
    assert is_ghost(steps[-1].state.ghosts, 0.80)

    again = walk([0.80] * 14, state=steps[-1].state)
    believed = [i for i, answer in enumerate(again) if answer.level > 0.7]

    assert believed[0] == 12  # readings 0..12 span twelve hours


def test_an_emptying_is_dated_back_to_its_first_reading():
    steps = walk([0.80, 0.80, 0.05, 0.04])

    assert steps[2].emptied_at is None
    assert steps[3].emptied_at == START + 2 * HOUR_S
    assert steps[3].level == pytest.approx(0.045)


def test_a_daily_sensor_is_believed_at_once():
    steps = walk([0.80, 0.05], every_s=24 * HOUR_S)

    assert steps[1].emptied_at == START + 24 * HOUR_S


def test_the_return_from_a_believed_ghost_is_no_emptying():
    steps = walk([0.20, 0.20, 0.85, 0.85, 0.20, 0.20])

    assert steps[3].level == pytest.approx(0.85)
    assert [answer.emptied_at for answer in steps] == [None] * 6
    assert steps[4].retracted_since == START + 2 * HOUR_S
    assert steps[4].level == pytest.approx(0.20)


def test_a_ghost_that_flickers_is_still_taken_back():
    """0.20, then a believed echo at 0.85 that settles at 0.70 and rises to 0.90: the return to 0.20 is no emptying."""
    steps = walk([0.20, 0.20, 0.85, 0.85, 0.70, 0.70, 0.90, 0.90, 0.21])

    assert steps[7].level == pytest.approx(0.90)
    assert steps[8].level == pytest.approx(0.21)
    assert all(answer.emptied_at is None for answer in steps)


def test_a_fall_below_where_the_rise_began_is_an_emptying():
    steps = walk([0.40, 0.40, 0.85, 0.85, 0.03, 0.03])

    assert steps[5].emptied_at == START + 4 * HOUR_S


def test_settling_by_a_few_points_is_no_emptying():
    steps = walk([0.50, 0.50, 0.40, 0.40])

    assert steps[-1].level == pytest.approx(0.40, abs=0.02)
    assert all(answer.emptied_at is None for answer in steps)


def test_a_drivers_lift_needs_no_proof_and_the_sensor_does_not_count_it_twice():
    full = walk([0.80, 0.80])[-1].state
    lifted = lift(full, full.observed_at + 600)
    after = walk([0.03, 0.03], state=lifted.state)

    assert (lifted.level, lifted.emptied_at) == (0.0, full.observed_at + 600)
    assert [answer.emptied_at for answer in after] == [None, None]


def test_a_lift_after_the_sensor_saw_it_is_the_same_emptying():
    seen = walk([0.80, 0.80, 0.05, 0.05])[-1].state

    again = lift(seen, seen.observed_at + HOUR_S)

    assert again.emptied_at is None
    assert again.state == seen


def test_a_late_lift_confirms_a_waiting_drop():
    """Readings 0.80 0.80 0.05, then the lift arrives that happened before the 0.05."""
    waiting = walk([0.80, 0.80, 0.05])[-1].state

    lifted = lift(waiting, waiting.observed_at - 600)

    assert lifted.emptied_at == waiting.observed_at - 600
    assert lifted.level == pytest.approx(0.05)


def test_a_late_lift_leaves_the_level_to_newer_readings():
    state = walk([0.30] * 20)[-1].state

    late = lift(state, START + HOUR_S)

    assert late.emptied_at == START + HOUR_S
    assert late.level == pytest.approx(0.30)


def test_a_lift_alone_begins_a_container_without_sensor():
    assert lift(UNKNOWN, START).level == 0.0


def test_a_stuck_sensor_widens_the_spread():
    rng = np.random.default_rng(0)
    noisy = walk((0.40 + rng.normal(0, 0.02, 48)).tolist())
    stuck = walk([0.41] * 72, state=noisy[-1].state)

    assert stuck[-1].quality == STUCK
    assert stuck[-1].spread > 3 * noisy[-1].spread


def test_no_echo_and_nonsense_leave_the_state_alone():
    state = walk([0.40, 0.40])[-1].state

    for fill in (float("nan"), -3.0, 9.0):
        answer = step(state, state.observed_at + HOUR_S, fill)
        assert (answer.quality, answer.state) == (IMPOSSIBLE, state)
    assert step(state, state.observed_at + HOUR_S, 0.4, quality=IMPOSSIBLE).state == state


def test_a_reading_that_comes_late_leaves_the_state_alone():
    state = walk([0.40, 0.45])[-1].state

    assert step(state, START, 0.9).state == state


def test_above_the_full_mark_is_a_level_like_any_other():
    assert walk([1.10, 1.12, 1.15])[-1].level > 1.05


def test_spread_grows_in_a_gap():
    state = walk([0.40] * 10)[-1].state

    soon, later = (step(state, state.observed_at + h * HOUR_S, float("nan")).spread for h in (1, 48))

    assert later > 2 * soon


def test_a_six_level_sensor_is_followed_closer_than_its_steps():
    """Rounding to steps of 0.2 errs by 0.05 on average (uniform within ±0.1); the filter must not add to it."""
    world = simulate(days=112, per_day=0.1, seed=5)
    readings = world.readings(every_h=24, step=0.2, noise=0.0)

    level = np.array([answer.level for _, answer in replay(readings, sensor=Sensor(noise=0.06))[1]])
    truth = world.level[::24]

    assert np.abs(level - truth).mean() < 1.1 * np.abs(readings.fill - truth).mean()


def test_the_weakest_ghost_makes_room():
    ghosts = ()
    for height in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.5, 0.4, 0.3, 0.2, 0.9):
        ghosts = remember_ghost(ghosts, height)

    assert sorted(round(height, 1) for height, _ in ghosts) == [0.2, 0.3, 0.4, 0.5, 0.6, 0.9]


def test_readings_reject_disorder():
    with pytest.raises(ValueError, match="ascend"):
        Readings.of([20, 10], [0.1, 0.2])
    with pytest.raises(ValueError, match="lengths"):
        Readings.of([10, 20], [0.1])


def test_a_sensor_without_noise_is_refused():
    with pytest.raises(ValueError, match="positive"):
        Sensor(noise=0)


fills = st.lists(st.one_of(st.floats(-0.5, 1.6), st.just(float("nan")), st.sampled_from([0.0, 0.4, 0.8])), max_size=60)


@settings(max_examples=60, deadline=None)
@given(
    fills=fills,
    gaps_h=st.lists(st.integers(1, 60), min_size=60, max_size=60),
    lifts=st.lists(st.integers(0, 400), max_size=3),
    cut=st.integers(0, 60),
)
def test_stopping_storing_and_going_on_equals_one_replay(fills, gaps_h, lifts, cut):
    """What ingest does (a step a reading, the state kept as JSON) equals the whole history at once."""
    at = START + np.cumsum(gaps_h[: len(fills)]) * HOUR_S
    readings = Readings.of(at, fills)
    lifted = [START + h * HOUR_S for h in lifts]
    whole, steps = replay(readings, lifted)

    halt = START + sum(gaps_h[:cut]) * HOUR_S
    first = readings.until(halt)
    rest = Readings.of(at[len(first) :], fills[len(first) :])
    kept, early = replay(first, [t for t in lifted if t <= halt])
    woken = LevelState.from_json(json.loads(json.dumps(kept.to_json())))
    final, late = replay(rest, [t for t in lifted if t > halt], state=woken)

    assert repr(final) == repr(whole)  # repr: NaN equals NaN
    assert repr(early + late) == repr(steps)


@settings(max_examples=60, deadline=None)
@given(fills=fills)
def test_level_and_spread_stay_sane(fills):
    for answer in walk(fills):
        assert not answer.level < 0
        assert not answer.spread <= 0
        assert IMPOSSIBLE <= answer.quality <= GOOD
