"""The floor: kilometres that the tonnes fix, whatever anybody knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.planning.audit.prices import Prices
from app.planning.twin.study import Study


@dataclass(frozen=True)
class Floor:
    """A day, on average."""

    kg: float
    trips: float
    km: float


def floor_of(study: Study, prices: Prices) -> Floor:
    """No plan that carries these tonnes drives less.

    A truck that carries q of its payload Q from a place at distance d goes there and back; shared out over what it carries, that is at
    least 2 d q / Q, and the sum over all waste is a bound for every set of tours, trips over days included [1]_.

    References
    ----------
    .. [1] Haimovich, Rinnooy Kan (1985). Bounds and heuristics for capacitated routing problems.
    """
    town = study.town
    kg = study.inflow.added[study.first : study.last].mean(axis=0) * prices.full_kg
    way_m = np.minimum(town.distance_m[:-1, town.yard], town.distance_m[town.yard, :-1])[town.place_of]
    return Floor(
        kg=float(kg.sum()),
        trips=float(kg.sum()) / prices.payload_kg,
        km=float(2 * (kg * way_m).sum() / prices.payload_kg / 1_000),
    )
