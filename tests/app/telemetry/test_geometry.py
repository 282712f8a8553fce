"""From distance to fill. The container of these examples: floor at 1,500 mm, full mark at 300 mm, so 12 mm a per cent of height."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assets.models import Container
from app.telemetry.geometry import (
    Calibration,
    Quality,
    Shape,
    bell,
    compensate_mm,
    distance_mm_at,
    fill_pct,
    judge,
    learn_offset_mm,
    speed_of_sound_m_s,
    table,
    tapered,
    to_lwm2m,
    true_distance_mm,
    underground,
    upright,
    watch,
)
from forecasting.level import DOUBTED, GOOD, IMPOSSIBLE, STUCK, UNSETTLED
from tests.app.telemetry.unhurried import UNHURRIED

BIN = Calibration(1500, 300)
SHAPES = st.one_of(
    st.just(upright()),
    st.floats(0.1, 10).map(tapered),
    st.floats(0, 0.95).map(bell),
    st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 1)).map(lambda args: underground(*args)),
    st.lists(st.tuples(st.floats(1, 1e3), st.floats(1, 1e3)), min_size=1, max_size=6).map(
        lambda steps: table([(sum(h for h, _ in steps[: i + 1]), sum(v for _, v in steps[: i + 1])) for i in range(len(steps))])
    ),
)
SHARES = st.floats(-0.5, 1.5)


@UNHURRIED
@given(SHAPES, st.lists(SHARES, min_size=2, max_size=20))
def test_more_height_is_more_volume(shape: Shape, heights: list[float]):
    volumes = shape.volume(sorted(heights))
    assert (np.diff(volumes) >= 0).all()


@UNHURRIED
@given(SHAPES, st.floats(0, 1))
def test_between_the_marks_fill_lies_between_0_and_100(shape: Shape, height: float):
    assert 0 <= fill_pct(1500 - 1200 * height, BIN, shape) <= 100 + 1e-9


@UNHURRIED
@given(SHAPES)
def test_floor_is_0_and_mark_is_100(shape: Shape):
    assert fill_pct([1500, 300], BIN, shape) == pytest.approx([0, 100])


@UNHURRIED
@given(SHAPES, SHARES)
def test_distance_is_the_inverse_of_fill(shape: Shape, share: float):
    fill = fill_pct(1500 - 1200 * share, BIN, shape)
    assert fill_pct(distance_mm_at(fill, BIN, shape), BIN, shape) == pytest.approx(fill, abs=1e-6)


@UNHURRIED
@given(st.integers(0, 5000))
def test_an_upright_container_is_the_registers_own_rule(distance_mm: int):
    row = SimpleNamespace(empty_distance_mm=1500, full_distance_mm=300)
    assert fill_pct(distance_mm, BIN) == pytest.approx(Container.fill_pct(row, distance_mm))  # type: ignore[arg-type]
    assert fill_pct(distance_mm, BIN, upright()) == pytest.approx(Container.fill_pct(row, distance_mm))  # type: ignore[arg-type]


def test_a_bin_that_narrows_to_its_floor_is_emptier_than_its_height_says():
    """Half as wide at the floor: at half height the width is 0.75, and (0.75³ − 0.5³) / (1 − 0.5³) = 0.296875 / 0.875 = 33.9 %."""
    assert tapered(0.5).volume(0.5) == pytest.approx(0.296875 / 0.875, abs=1e-4)


@pytest.mark.parametrize("bottom_to_top", [0.1, 0.9999999, 1, 1.0000001, 3.3, 10])
def test_every_taper_begins_at_nothing(bottom_to_top: float):
    assert tapered(bottom_to_top).volumes[0] == 0


def test_an_igloo_holds_little_under_its_top():
    """Shoulder at half height: volumes 0.5 below and 2/3 × 0.5 above; at the shoulder 0.5 / 0.8333 = 60 %."""
    assert bell(0.5).volume(0.5) == pytest.approx(0.6, abs=1e-9)
    assert bell(0.5).volume(0.9) > 0.95


def test_what_stands_in_the_chute_is_little():
    """A fifth of the height is chute with a tenth of the area: the body holds 0.8 / 0.82 = 97.6 %."""
    assert underground(0.2, 0.1).volume(0.8) == pytest.approx(0.8 / 0.82)


def test_a_dip_chart():
    """500 l at 400 mm, 2,000 l at 1,000 mm: at 700 mm half of the upper 1,500 l."""
    assert table([(400, 500), (1000, 2000)]).volume(0.7) == pytest.approx((500 + 750) / 2000)
    assert table([(0, 0), (400, 500), (1000, 2000)]) == table([(400, 500), (1000, 2000)])


def test_overflow_and_a_hole_in_the_floor_are_news():
    assert fill_pct([180, 1620], BIN, tapered(0.7)) == pytest.approx([110, -10])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Shape((0, 1), (0,)),
        lambda: Shape((0,), (0,)),
        lambda: Shape((0, 0.5, 0.5, 1), (0, 0.2, 0.4, 1)),
        lambda: Shape((0, 0.5, 1), (0, 1.2, 1)),
        lambda: Shape((0.1, 1), (0, 1)),
        lambda: tapered(0),
        lambda: bell(1),
        lambda: underground(0, 0.5),
        lambda: underground(0.5, 1.5),
        lambda: table([]),
        lambda: table([(0, 0)]),
        lambda: table([(400, 500), (300, 600)]),
        lambda: table([(400, float("nan"))]),
        lambda: Calibration(300, 1500),
        lambda: Calibration(1500, 300, nearest_mm=-1),
        lambda: Calibration(1500, 300, assumed_c=200),
        lambda: Calibration(float("inf"), 300),
        lambda: learn_offset_mm([float("nan")], BIN),
    ],
)
def test_nonsense_is_refused(make):
    with pytest.raises(ValueError, match=r"."):
        make()


def test_sound_is_slower_in_the_cold():
    assert speed_of_sound_m_s(0) == 331.3
    assert speed_of_sound_m_s(20) == pytest.approx(343.2, abs=0.1)


def test_a_sensor_that_reckons_with_20_degrees_reports_too_much_in_frost():
    """At -10 °C sound makes 325.2 of 343.2 m/s: 1,000 mm reported are 1000 × 325.2 / 343.2 = 947 mm."""
    assert compensate_mm(1000, -10, 20) == pytest.approx(947.4, abs=0.5)


@UNHURRIED
@given(st.floats(0, 10_000), st.floats(-40, 85))
def test_nothing_changes_at_the_temperature_it_reckons_with(distance_mm: float, at_c: float):
    assert compensate_mm(distance_mm, at_c, at_c) == pytest.approx(distance_mm)
    assert compensate_mm(distance_mm, at_c, None) == distance_mm


@pytest.mark.parametrize("temperature_c", [None, float("nan"), -60, 400])
def test_without_a_temperature_of_the_air_the_distance_stays(temperature_c: float | None):
    assert compensate_mm(1000, temperature_c, 20) == pytest.approx(1000)


@UNHURRIED
@given(st.floats(1, 10_000), st.floats(-40, 85), st.floats(-40, 85))
def test_warmer_air_is_farther(distance_mm: float, a_c: float, b_c: float):
    near, far = compensate_mm([distance_mm] * 2, sorted([a_c, b_c]), 20)
    assert near <= far


def test_a_sensor_below_the_reference_point():
    """Its face hangs 50 mm lower: 1,450 mm reported are the floor."""
    hung = Calibration(1500, 300, offset_mm=50)
    assert fill_pct(true_distance_mm([1450, 250], hung), hung) == pytest.approx([0, 100])


def test_the_offset_is_learnt_from_readings_after_emptyings():
    """1,452, 1,450 and one echo from the wall: the median is 1,450."""
    assert learn_offset_mm([1452, 1450, 700, float("nan")], BIN) == 50


def test_each_reading_by_itself():
    hung = Calibration(1500, 300, nearest_mm=150)
    judged = judge([900, float("nan"), 120, 1560, 240, 2100], hung)

    assert judged.fill_pct == pytest.approx([50, np.nan, 115, -5, 105, -50], nan_ok=True)
    assert [judged.flags(i) for i in range(6)] == [
        (),
        ("no echo",),
        ("blocked", "over 100 %"),
        ("negative",),
        ("over 100 %",),
        ("negative",),
    ]
    assert judged.quality.tolist() == [
        Quality.ACCEPTED,
        Quality.REJECTED_WITH_CERTAINTY,
        Quality.REJECTED_WITH_PROBABILITY,
        Quality.ACCEPTED_BUT_SUSPICIOUS,
        Quality.ACCEPTED_BUT_SUSPICIOUS,
        Quality.REJECTED_WITH_CERTAINTY,
    ]


@UNHURRIED
@given(st.lists(st.floats() | st.integers(-100, 70_000), min_size=1, max_size=30), SHAPES)
def test_whatever_is_reported_is_judged(reported: list[float], shape: Shape):
    judged = judge(reported, Calibration(1500, 300, nearest_mm=150), shape)
    assert set(judged.quality.tolist()) <= set(range(1, 5))
    assert (np.isnan(judged.fill_pct) == judged.no_echo).all()
    assert ((judged.quality == Quality.ACCEPTED) == np.array([judged.flags(i) == () for i in range(len(reported))])).all()


def hours(count: int) -> np.ndarray:
    return 3600.0 * np.arange(count)


def test_a_frame_that_is_sent_for_a_day_is_stuck():
    watched = watch(hours(25), [800] * 25, [12.5] * 25)
    assert watched.stuck.all()
    assert watched.flags(0) == ("stuck",)


@pytest.mark.parametrize(
    ("count", "warmth"),
    [(48, None), (48, [float("nan")] * 48), (48, [12.5, 12.6] * 24), (24, [12.5] * 24)],
    ids=["no temperatures", "none known", "a live temperature", "an hour short of a day"],
)
def test_a_level_that_rests_is_not_stuck(count: int, warmth: list[float] | None):
    assert not watch(hours(count), [800] * count, warmth).stuck.any()


def test_two_readings_a_day_apart_are_too_few():
    assert not watch([0, 90_000], [800, 800], [12.5, 12.5]).stuck.any()


def test_a_reading_that_goes_to_and_fro_jumps():
    reported = [800] * 6 + [800, 400] * 5 + [800] * 6
    watched = watch(hours(22), reported)
    assert watched.jumping[6:16].all()
    assert not watched.jumping[:3].any()
    assert watched.flags(8) == ("jumping",)


def test_filling_and_emptying_do_not_jump():
    week = [*range(1400, 400, -120), 1400] * 3
    assert not watch(hours(len(week)), week).jumping.any()
    assert not watch(hours(12), [1400, 700] + [1400] * 10).jumping.any()


def test_an_empty_or_silent_history_shows_nothing():
    assert watch([], []).stuck.shape == (0,)
    silent = watch(hours(48), [float("nan")] * 48, [12.5] * 48)
    assert not silent.jumping.any()
    assert not silent.stuck.any()


@pytest.mark.parametrize(("at", "warmth"), [([1, 2, 3], [20]), ([1, 2], [20, 20, 20])])
def test_times_and_temperatures_are_one_a_reading(at: list[float], warmth: list[float]):
    with pytest.raises(ValueError, match="one time and one temperature a reading"):
        watch(at, [1, 2, 3], warmth)


@pytest.mark.shared_data
def test_live_sensors_are_not_stuck(shared_data: Path):
    """77 loggers, hourly through a winter, in steps of 20 mm and 1 °C."""
    readings = pq.read_table(shared_data / "bins" / "frankfurt_glass" / "readings.parquet")
    readings = readings.sort_by([("bin", "ascending"), ("ts", "ascending")])
    at = readings["ts"].to_numpy().astype("datetime64[s]").astype(np.int64)
    height, warmth = (readings[name].to_numpy().astype(float) for name in ("height", "temperature"))
    first = np.flatnonzero(np.r_[True, np.diff(readings["bin"].combine_chunks().dictionary_encode().indices.to_numpy()) != 0])
    for begin, end in pairwise([*first, len(at)]):
        each = slice(begin, end)
        watched = watch(
            at[each], np.where(height[each] >= 254, np.nan, 10 * height[each]), np.where(warmth[each] == 255, np.nan, warmth[each])
        )
        assert not watched.stuck.any()
        assert watched.jumping.mean() < 0.05


def test_the_filters_qualities_have_lwm2m_names():
    known = {None: 0, IMPOSSIBLE: 1, DOUBTED: 2, STUCK: 2, UNSETTLED: 3, GOOD: 4}
    assert {quality: int(to_lwm2m(quality)) for quality in known} == known
