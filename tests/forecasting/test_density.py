"""What quantiles say, against scipy and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from forecasting.density import QuantileTable, at_hours, expected_fill, fill_at, hours_until, monotone, overflow_probability

Q = (0.1, 0.5, 0.9)


def table(fill, horizons_h=None, quantiles=Q):
    fill = np.asarray(fill, float)
    hours = tuple(horizons_h or range(1, fill.shape[1] + 1))
    return QuantileTable(tuple(range(len(fill))), np.zeros(len(fill), np.int64), hours, quantiles, fill, ("model",) * len(fill))


def test_normal_quantiles_give_back_the_normal_distribution():
    normal = stats.norm(0.7, 0.2)
    one = table([[normal.ppf(Q)]])

    for threshold in (0.3, 0.7, 0.95, 1.0, 1.2):
        assert overflow_probability(one, threshold)[0, 0] == pytest.approx(normal.sf(threshold), abs=2e-3)
    assert expected_fill(one)[0, 0] == pytest.approx(0.7, abs=2e-3)
    assert fill_at(one, 0.25)[0, 0] == pytest.approx(normal.ppf(0.25), abs=2e-3)


def test_the_quantiles_come_back_at_their_own_probability():
    one = table([[[0.2, 0.5, 1.0]]])

    assert overflow_probability(one, 1.0)[0, 0] == pytest.approx(0.10, abs=1e-3)
    assert overflow_probability(one, 0.5)[0, 0] == pytest.approx(0.50, abs=1e-3)
    assert one.median[0, 0] == pytest.approx(0.5, abs=1e-3)


def test_a_certain_forecast_is_zero_or_one():
    sure = table([[[0.4, 0.4, 0.4]], [[1.2, 1.2, 1.2]]])

    assert overflow_probability(sure)[:, 0] == pytest.approx([0, 1])


def test_time_until_full_turns_the_quantiles_round():
    """The 90 % fill reaches 1.0 in hour 2, the median in hour 3, the 10 % fill never."""
    one = table([[[0.1, 0.5, 0.8], [0.2, 0.7, 1.0], [0.3, 1.0, 1.1]]])

    assert hours_until(one)[0].tolist() == [2, 3, np.inf]


def test_interpolation_is_linear_between_knots():
    fill = np.array([[[0.0], [0.6], [0.7]]])

    assert at_hours((0, 6, 12), fill, (1, 6, 9, 12))[0, :, 0] == pytest.approx([0.1, 0.6, 0.65, 0.7])


def test_crossing_or_falling_tables_are_refused():
    with pytest.raises(ValueError, match="must not decrease"):
        table([[[0.5, 0.4, 0.6]]])
    with pytest.raises(ValueError, match="must not decrease"):
        table([[[0.1, 0.2, 0.3], [0.0, 0.2, 0.3]]])
    with pytest.raises(ValueError, match="shape"):
        table([[[0.1, 0.2]]])


def test_probabilities_outside_the_open_interval_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        fill_at(table([[[0.1, 0.2, 0.3]]]), 1.0)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, (3, 5, 3), elements=st.floats(0, 1.5)), st.floats(0.1, 1.3))
def test_probabilities_rise_with_hours_and_fall_with_the_threshold(raw, threshold):
    one = table(monotone(raw))

    low, high = overflow_probability(one, threshold), overflow_probability(one, threshold + 0.1)

    assert ((low >= 0) & (low <= 1)).all()
    assert (np.diff(low, axis=1) >= 0).all()
    assert (high <= low + 1e-12).all()
