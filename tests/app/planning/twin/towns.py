"""Small towns to replay: two areas, one near the yard and one far from it."""

from datetime import date

import numpy as np

from app.planning.twin.inflow import DailyInflow
from app.planning.twin.town import Town, town_of

YARD = (144.60, -37.94)


def two_areas(near: int = 3, far: int = 2) -> Town:
    """`near` containers about 6 km from the yard, `far` ones about 17 km from it."""
    where = {f"near {i}": (144.65 + i / 1e4, -37.91) for i in range(near)} | {f"far {i}": (144.735 + i / 1e4, -37.88) for i in range(far)}
    return town_of("two areas", where, YARD)


def random_inflow(town: Town, days: int, *, seed: int = 1, mean: float = 0.15) -> DailyInflow:
    """Tenths, mostly few, now and then many."""
    rng = np.random.default_rng(seed)
    added = rng.poisson(10 * mean, (days, len(town.keys))) / 10
    return DailyInflow(town.keys, date(2026, 1, 5), added, np.zeros(added.shape, np.bool_))
