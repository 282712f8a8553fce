"""What goes wrong between a plan and its day, drawn once for all arms: whoever drives on a day meets the same luck.

Draws are made by day and container, and by day and truck, whether or not that container is lifted or that truck is driven: two arms that
both lift a container find it blocked on the same days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.planning.twin.tours import MOST_TRUCKS, Tour
from app.planning.twin.town import Town


@dataclass(frozen=True, kw_only=True)
class Disturbances:
    """All off by default.

    Parameters
    ----------
    skipped
        Share of lifts that do not come about (blocked, locked, too heavy). The truck was there all the same.
    breakdowns
        Share of truck-days that end before their time, equally likely after any part of the stops. Kilometres count whole: it is towed.
    service_noise
        Spread of a day's time at stops, as the standard deviation of its logarithm; the mean stays. What takes longer is paid as hours.
    delay_d
        Days between the decision and its trucks, beyond the night.
    """

    skipped: float = 0.0
    breakdowns: float = 0.0
    service_noise: float = 0.0
    delay_d: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.skipped <= 1 and 0 <= self.breakdowns <= 1 and self.service_noise >= 0 and self.delay_d >= 0):
            raise ValueError(f"shares lie between 0 and 1, noise and delay are not negative: {self}")

    def met(self, index: int, tour: Tour, ordered: NDArray[np.bool_], town: Town) -> tuple[NDArray[np.bool_], Tour]:
        """What of the ordered lifts is done on the day of this number (n,), and what driving it took."""
        done = ordered & ~np.isin(town.place_of, list(tour.left_out)) if tour.left_out else ordered
        if self == CALM:
            return done, tour
        rng = np.random.default_rng((self.seed, index))
        blocked = rng.random(len(ordered)) < self.skipped
        broken, driven = rng.random(MOST_TRUCKS) < self.breakdowns, rng.random(MOST_TRUCKS)
        slower = float(np.exp(self.service_noise * rng.standard_normal() - self.service_noise**2 / 2))
        missed = [
            place
            for number, places in enumerate(tour.rounds[:MOST_TRUCKS])
            if broken[number]
            for place in places[int(driven[number] * len(places)) :]
        ]
        done = done & ~blocked & ~np.isin(town.place_of, missed)
        return done, tour.longer(tour.service_h * (slower - 1), town.costs.per_h)


CALM = Disturbances()
