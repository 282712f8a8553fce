"""What a difference between two forecasts is worth: its 95 % interval, paired by window and resampled by whole weeks.

Errors of one week resemble each other (a holiday, a heat wave, a service disruption hit all containers), so a week counts as one
observation. The delete-one-week jackknife takes any figure: means, but also the AUC, which no single window has.

References
----------
.. [1] Efron, Tibshirani (1993). An introduction to the bootstrap. (the jackknife, chapter 11)
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, nan

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from forecasting.level import DAY_S

WEEK_S = 7 * DAY_S
# 1 January 1970 was a Thursday: weeks begin on Mondays, as rounds do.
MONDAY_S = 3 * DAY_S
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval; `low` and `high` are NaN where fewer than two weeks tell."""

    estimate: float
    low: float
    high: float
    weeks: int

    @property
    def is_clear(self) -> bool:
        """Zero lies outside: the difference is more than luck."""
        return isfinite(self.low) and (self.low > 0 or self.high < 0)


def week_of(origin: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the week that each epoch second falls into; weeks begin on Monday, 00:00 UTC."""
    return (origin + MONDAY_S) // WEEK_S


def jackknife(figure: Callable[[NDArray[np.bool_]], float], week: NDArray[np.int64], level: float = LEVEL) -> Interval:
    """Interval of any figure by leaving out one week at a time.

    Parameters
    ----------
    figure
        Computes the figure from the windows that the mask (n,) keeps.
    week
        Week of each window (n,), as `week_of` numbers them.
    level
        Of the interval.

    Returns
    -------
    Interval
        By Student's t with one degree of freedom less than there are weeks.
    """
    everything = np.ones(len(week), np.bool_)
    estimate = figure(everything)
    without = np.array([figure(week != one) for one in np.unique(week)])
    without = without[np.isfinite(without)]
    n = len(without)
    if n < 2 or not isfinite(estimate):
        return Interval(estimate, nan, nan, n)
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    reach = float(student_t.ppf((1 + level) / 2, n - 1)) * error
    return Interval(estimate, estimate - reach, estimate + reach, n)


def mean_interval(values: NDArray[np.float64], week: NDArray[np.int64], level: float = LEVEL) -> Interval:
    """Interval of a mean over windows, unknown ones (NaN) left out; the same as `jackknife` of the mean, from weekly sums."""
    seen = np.isfinite(values)
    _, index = np.unique(week[seen], return_inverse=True)
    count = np.bincount(index).astype(np.float64)
    total = np.bincount(index, weights=values[seen])
    n = len(count)
    if n < 2:
        return Interval(float(total.sum() / count.sum()) if n else nan, nan, nan, n)
    estimate = float(total.sum() / count.sum())
    without = (total.sum() - total) / (count.sum() - count)
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    reach = float(student_t.ppf((1 + level) / 2, n - 1)) * error
    return Interval(estimate, estimate - reach, estimate + reach, n)
