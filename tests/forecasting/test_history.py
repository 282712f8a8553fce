"""From readings to a level series with emptyings, and to inflow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.history import build_histories, build_history
from forecasting.inflow import collection_free_inflow
from forecasting.level import Readings, Sensor
from tests.forecasting.worlds import HOUR_S, START, simulate


@pytest.mark.parametrize(("every_h", "late_h"), [(1, 1), (6, 6), (24, 24)])
def test_every_emptying_is_found_once(every_h, late_h):
    """Within one interval of the sensor after the truth; nothing else is called an emptying."""
    world = simulate(days=42, seed=1)

    found = build_history(world.readings(every_h, seed=1)).emptied_at

    assert len(found) == len(world.lifts) > 3
    delay_h = (found - np.array(world.lifts)) / HOUR_S
    assert (delay_h >= 0).all()
    assert (delay_h <= late_h).all()


def test_six_levels_a_day_find_the_emptyings_too():
    world = simulate(days=84, seed=2)
    readings = world.readings(every_h=24, step=0.2, noise=0.0)

    assert len(build_history(readings, sensor=Sensor(noise=0.06)).emptied_at) == len(world.lifts)


def test_reported_lifts_force_emptyings_of_a_silent_sensor():
    readings = Readings.of([START], [0.7])
    lifts = [START + 100 * HOUR_S, START + 200 * HOUR_S]

    history = build_history(readings, lifts)

    assert history.emptied_at.tolist() == lifts
    assert history.level[[0, 99, 100, 200]] == pytest.approx([0.7, 0.7, 0.0, 0.0], abs=0.05)
    assert history.age_h[[99, 100, 150]].tolist() == [99, 0, 50]


def test_hindsight_is_closer_to_the_truth_than_the_moment():
    world = simulate(days=42, seed=4)
    history = build_history(world.readings(every_h=6, seed=4), world.lifts)
    truth = world.level[: len(history)]

    assert np.abs(history.smooth_level - truth).mean() < np.abs(history.level - truth).mean()


def test_a_false_echo_of_some_hours_is_not_believed_but_a_rise_is():
    """From 0.2 to 0.85 and back is a ghost. A rise to it in steps is waste, and the fall from it an emptying."""
    at = [START + i * HOUR_S for i in range(83)]
    ghost = build_history(Readings.of(at, [0.2] * 20 + [0.85] * 3 + [0.2] * 60))
    rises = [0.2 + 0.05 * i for i in range(14)]
    filled = build_history(Readings.of(at, [0.2] * 20 + rises + [0.85] * 26 + [0.05] * 23))

    assert ghost.level.max() < 0.3
    assert len(ghost.emptied_at) == 0
    assert filled.level[35] == pytest.approx(0.85, abs=0.05)
    assert filled.emptied_at.tolist() == [at[60]]
    assert filled.smooth_level[40] == pytest.approx(0.85, abs=0.03)


def test_a_daily_sensor_is_believed_on_the_second_day():
    """0.1, 0.2 and then 0.7 a day later may be a ghost; 0.75 after that is waste."""
    readings = Readings.of([START + i * 24 * HOUR_S for i in range(4)], [0.1, 0.2, 0.7, 0.75])

    level = build_history(readings).level

    assert level[48] > 0.4
    assert level[72] == pytest.approx(0.75, abs=0.06)


def test_a_sensor_full_of_ghosts_still_shows_the_waste():
    """Half of all readings see a bracket at 0.55; waste passes it unseen only while it is there."""
    world = simulate(days=56, per_day=0.08, seed=8)
    readings = world.readings(seed=8)
    haunted = (np.random.default_rng(8).random(len(readings) // 8 + 1) < 0.5).repeat(8)[: len(readings)] & (readings.fill < 0.5)
    history = build_history(Readings(readings.observed_at, np.where(haunted, 0.55, readings.fill), readings.quality))

    late = slice(24 * 14, None)
    assert np.abs(history.level - world.level)[late].mean() < 0.03
    assert len(history.emptied_at) == len(world.lifts)
    assert history.ghost[haunted[: len(history)]].mean() > 0.8


def test_hours_in_a_gap_are_not_observed():
    at = [START + h * HOUR_S for h in (*range(48), *range(120, 168))]
    history = build_history(Readings.of(at, [0.3] * 48 + [0.5] * 48))

    assert history.observed[:47].all()
    assert not history.observed[50:118].any()
    assert history.observed[125:160].all()


def test_no_readings_make_an_empty_history():
    history = build_history(Readings.of([], []))

    assert len(history) == 0
    assert history.end < history.start
    assert len(collection_free_inflow(history).added) == 0


def test_a_history_cut_off_agrees_with_the_whole_up_to_the_cut():
    world = simulate(days=21, seed=6)
    readings = world.readings(seed=6)
    cut = START + 400 * HOUR_S

    whole, early = build_history(readings), build_history(readings.until(cut))

    for name in ("level", "spread", "age_h", "throughput", "since_emptied_h", "ghost"):
        np.testing.assert_array_equal(getattr(whole, name)[: len(early)], getattr(early, name), err_msg=name)


def test_inflow_sums_to_what_was_thrown_in():
    world = simulate(days=56, per_day=0.12, seed=7)

    inflow = collection_free_inflow(build_history(world.readings(seed=7), world.lifts))

    assert inflow.added.sum() == pytest.approx(world.inflow.sum(), rel=0.05)


@settings(max_examples=20, deadline=None)
@given(
    fills=st.lists(st.floats(-0.1, 1.4), min_size=4, max_size=20),
    forged=st.floats(0.0, 1.2),
    every_h=st.sampled_from([1, 6, 12]),
    lifts=st.lists(st.integers(0, 60), max_size=2),
    share=st.floats(0.1, 0.9),
)
def test_nothing_after_an_hour_changes_what_was_known_at_it(fills, forged, every_h, lifts, share):
    """Later readings are forged and later lifts dropped, whatever the rhythm: causal series agree to the bit."""
    at = [START + i * every_h * HOUR_S for i in range(len(fills))]
    origin = at[max(int(share * len(at)), 1) - 1]
    other = [fill if second <= origin else forged for second, fill in zip(at, fills, strict=True)]
    lifted = [START + h * HOUR_S for h in lifts]

    whole = build_history(Readings.of(at, fills), lifted)
    forgery = build_history(Readings.of(at, other), [second for second in lifted if second <= origin])

    n = (origin - whole.start) // HOUR_S + 1
    for name in ("level", "spread", "age_h", "throughput", "since_emptied_h", "ghost"):
        np.testing.assert_array_equal(getattr(whole, name)[:n], getattr(forgery, name)[:n], err_msg=name)


def test_containers_that_walk_together_are_strangers_to_each_other():
    """Alone or in a batch with others of other spans and rhythms: the same history, to the precision of single floats."""
    worlds = {seed: simulate(days=10 + 2 * seed, seed=seed) for seed in range(5)}
    readings = {seed: world.readings((1, 6, 24)[seed % 3], seed=seed) for seed, world in worlds.items()}
    readings[9] = Readings.of([], [])
    sensors = {seed: Sensor(noise=0.02 + 0.01 * seed) for seed in worlds}

    together = build_histories(readings, {0: worlds[0].lifts}, sensors)

    assert len(together[9]) == 0
    for seed in worlds:
        alone = build_history(readings[seed], worlds[0].lifts if seed == 0 else (), sensors[seed])
        assert together[seed].start == alone.start
        for name in ("level", "throughput", "smooth_throughput"):
            np.testing.assert_allclose(getattr(together[seed], name), getattr(alone, name), atol=5e-3, err_msg=name)
        assert together[seed].emptied_at.tolist() == alone.emptied_at.tolist()


@settings(max_examples=20, deadline=None)
@given(
    fills=st.lists(st.floats(-0.1, 1.4), min_size=2, max_size=20),
    every_h=st.sampled_from([1, 6, 24]),
    lifts=st.lists(st.integers(0, 80), max_size=3),
)
def test_inflow_is_never_negative(fills, every_h, lifts):
    readings = Readings.of([START + i * every_h * HOUR_S for i in range(len(fills))], fills)
    history = build_history(readings, [START + h * HOUR_S for h in lifts])

    assert (collection_free_inflow(history).added >= 0).all()
    assert np.isfinite(history.smooth_throughput).all()


def test_a_daily_sensor_does_not_lose_the_day_of_the_lift():
    """0.2 a day, emptied after every third day: readings 0.0 0.2 0.4 | 0.0 0.2 0.4 | ... show 0.4 of each 0.6 that came in."""
    readings = Readings.of([START + i * 24 * HOUR_S for i in range(60)], [0.2 * (i % 3) for i in range(60)])

    history = build_history(readings)

    assert len(history.emptied_at) == 19
    assert history.unseen_h.tolist() == [24] * 19
    came_in = history.throughput[-1] - history.throughput[24 * 9]
    assert 0.4 / 3 < came_in / 50 < 0.6 / 3
