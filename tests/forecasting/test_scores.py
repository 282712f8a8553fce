"""Scores by hand, against plain loops, and against what they must be for a forecast that is true."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from forecasting.density import QuantileTable
from forecasting.scores import auc, brier, covered, crps, pinball

Q = (0.1, 0.5, 0.9)


def table(quantiles):
    fill = np.asarray(quantiles, float)[:, None, :]
    n = len(fill)
    return QuantileTable(tuple(range(n)), np.zeros(n, np.int64), (24,), Q, fill, ("model",) * n)


def test_pinball_by_hand():
    """0.9 × 0.2 above the forecast, 0.1 × 0.2 below it."""
    assert pinball(np.array([0.7, 0.3]), np.array([0.5, 0.5]), 0.9).tolist() == pytest.approx([0.18, 0.02])


def test_the_crps_of_a_certain_forecast_is_its_error():
    found = crps(np.array([[0.7], [0.4]]), table([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]))

    assert found[:, 0].tolist() == pytest.approx([0.2, 0.1], abs=2e-3)


def test_the_crps_of_a_normal_forecast_is_the_textbooks():
    """σ (z (2Φ(z) - 1) + 2φ(z) - 1/√π), Gneiting and Raftery (2007), equation 5."""
    centre, spread, truth = 0.6, 0.1, np.array([[0.55], [0.8]])
    z = (truth - centre) / spread
    textbook = spread * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))

    found = crps(truth, table([stats.norm(centre, spread).ppf(Q)] * 2), slices=400)

    np.testing.assert_allclose(found, textbook, rtol=0.02)


def test_the_auc_is_that_of_scikit_learn_ties_included():
    rng = np.random.default_rng(5)
    chance = rng.integers(0, 8, 400) / 7
    happened = (rng.random(400) < chance).astype(float)
    unknown = np.append(happened, np.nan)

    assert auc(unknown, np.append(chance, 0.3)) == pytest.approx(roc_auc_score(happened, chance))


@pytest.mark.parametrize("happened", [[], [1.0, 1.0], [0.0, np.nan]])
def test_one_kind_of_window_alone_has_no_auc(happened):
    assert np.isnan(auc(np.array(happened), np.full(len(happened), 0.5)))


def test_coverage_and_brier_leave_out_what_nobody_saw():
    fill = np.array([[0.2, 0.5, 0.8]] * 3)

    assert covered(np.array([0.2, 0.81, np.nan]), fill).tolist() == pytest.approx([1, 0, np.nan], nan_ok=True)
    assert brier(np.array([1.0, 0.0, np.nan]), np.array([0.7, 0.7, 0.7])).tolist() == pytest.approx([0.09, 0.49, np.nan], nan_ok=True)
