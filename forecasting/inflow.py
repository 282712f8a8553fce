"""What residents threw in, with the collections taken out: the series that a replay lays under another collection plan."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.history import History


@dataclass(frozen=True, slots=True, eq=False)
class Inflow:
    """Inflow of one container by hour.

    Parameters
    ----------
    start
        Epoch second at which the first hour begins.
    added
        Fraction of full added within each hour, never negative.
    observed
        False where the hour was bridged over a gap.
    """

    start: int
    added: NDArray[np.float64]
    observed: NDArray[np.bool_]


def collection_free_inflow(history: History) -> Inflow:
    """Hourly inflow in hindsight: the closest never-falling curve through the throughput, differenced.

    The curve is the mean of the running maximum and the running minimum from the end, so that noise and settling shift it by
    nothing on average. Waste that a full container refused is missing: nobody saw it.
    """
    if len(history) < 2:
        return Inflow(history.start, np.zeros(0), np.zeros(0, np.bool_))
    total = history.smooth_throughput
    upper = np.maximum.accumulate(total)
    lower = np.minimum.accumulate(total[::-1])[::-1]
    return Inflow(history.start, np.diff((upper + lower) / 2), history.observed[:-1] & history.observed[1:])
