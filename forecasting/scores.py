"""Proper scores of forecasts, one value a window, and the two figures that only many windows have together.

References
----------
.. [1] Gneiting, Raftery (2007). Strictly proper scoring rules, prediction, and estimation. (pinball, Brier, CRPS)
.. [2] Laio, Tamea (2007). Verification tools for probabilistic forecasts of continuous hydrological variables. (CRPS from pinball)
.. [3] Hanley, McNeil (1982). The meaning and use of the area under a receiver operating characteristic curve.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from forecasting.density import QuantileTable, fill_at

# Slices of probability that the integral of the CRPS is cut into.
CRPS_SLICES = 20


def pinball(truth: NDArray[np.float64], forecast: NDArray[np.float64], quantile: float) -> NDArray[np.float64]:
    """Pinball loss of each forecast of a quantile."""
    off = truth - forecast
    return np.maximum(quantile * off, (quantile - 1) * off)


def crps(truth: NDArray[np.float64], table: QuantileTable, slices: int = CRPS_SLICES) -> NDArray[np.float64]:
    """Continuous ranked probability score of each window: twice the pinball loss, averaged over all probabilities.

    Parameters
    ----------
    truth
        Shape (n, H), fractions of full; NaN where unknown.
    table
        The forecasts; between their quantiles they are read as `density` reads them.
    slices
        Equal slices of probability, each scored in its middle.

    Returns
    -------
    ndarray
        Shape (n, H), in the unit of fill; for a forecast without spread it is the absolute error.
    """
    middles = [(i + 0.5) / slices for i in range(slices)]
    return np.asarray(2 * np.mean([pinball(truth, fill_at(table, p), p) for p in middles], axis=0))


def covered(truth: NDArray[np.float64], fill: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where the truth lies between the outer quantiles of (..., Q), 0 where not, NaN where it is unknown."""
    inside = (truth >= fill[..., 0]) & (truth <= fill[..., -1])
    return np.where(np.isfinite(truth), inside.astype(np.float64), np.nan)


def brier(happened: NDArray[np.float64], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared error of each probability; `happened` is 1, 0, or NaN where nobody knows."""
    return np.asarray((probability - happened) ** 2)


def auc(happened: NDArray[np.float64], probability: NDArray[np.float64]) -> float:
    """Chance that a window in which it happened was given more than one in which it did not; ties count half.

    NaN unless both kinds were seen.
    """
    known = np.isfinite(happened)
    yes = happened[known] > 0
    n_yes, n_no = int(yes.sum()), int((~yes).sum())
    if not n_yes or not n_no:
        return float("nan")
    ranks = rankdata(probability[known])
    return float((ranks[yes].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no))
