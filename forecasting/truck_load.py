"""What a truck's load will weigh, how surely, and to what weight it may be planned.

Errors of single containers even out over a truck; those that all of its containers share (a wet day, a density that is not known well, a
forecast that is off for the whole town) do not. The two are kept apart, and a limit on weight is a chance constraint on their sum.

References
----------
.. [1] Charnes, Cooper (1959). Chance-constrained programming.
.. [2] DerSimonian, Laird (1986). Meta-analysis in clinical trials. (the moment estimate of what a group shares)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting.loads import LoadModel

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Load:
    """Kilograms of several lifts together: the mean, and the standard deviations of what they share and of what each has for itself."""

    kg: float
    common_sd_kg: float
    own_sd_kg: float

    @property
    def sd_kg(self) -> float:
        """Standard deviation in all."""
        return float(np.hypot(self.common_sd_kg, self.own_sd_kg))

    def interval(self, probability: float = 0.8) -> tuple[float, float]:
        """Central interval of a normal distribution, never below 0."""
        if not 0 < probability < 1:
            raise ValueError(f"probability must lie between 0 and 1, got {probability}")
        reach = float(ndtri((1 + probability) / 2)) * self.sd_kg
        return max(self.kg - reach, 0.0), self.kg + reach


def predicted_load(model: LoadModel, containers: Index, litres: Array, litres_sd: Array | None = None, *, fill_day: float = 0.0) -> Load:
    """What lifts of these containers, by one truck on one day, will weigh.

    Parameters
    ----------
    model
        Learned densities.
    containers, litres
        Row in the register and expected loose litres of each lift (n,).
    litres_sd
        Standard deviation of the litres, each for itself (n,); 0 by default.
    fill_day
        Relative standard deviation of what all fills of one class on one day are wrong by together (`common_spread`).

    Returns
    -------
    Load
        Variance of the common part: for each class the square of its kilograms × (class² + day² + trip² + fill_day²), for each zone of
        a class the square of its kilograms × zone². Of the own part: the sum over lifts of kilograms² × (own² + lift²) + (density ×
        litres_sd)².
    """
    density = model.density_kg_l[containers]
    kg = density * litres
    own = np.square(kg) * (model.own_sd[containers] ** 2 + model.lift_sd[containers] ** 2)
    if litres_sd is not None:
        own = own + np.square(density * litres_sd)
    shared = np.sqrt(model.class_sd[containers] ** 2 + model.day_sd[containers] ** 2 + model.trip_sd[containers] ** 2 + fill_day**2)
    rows = containers.tolist()
    classes = [model.register.waste_class[row] for row in rows]
    zones = [(model.register.waste_class[row], model.register.zone[row]) for row in rows]
    common = _squared_sums(classes, kg * shared) + _squared_sums(zones, kg * model.zone_sd[containers])
    return Load(float(kg.sum()), float(np.sqrt(common)), float(np.sqrt(own.sum())))


def safety_factor(*, common: float, own_kg: float, capacity_kg: float, probability: float) -> float:
    """What a stop's mean kilograms are multiplied by, so that a full truck is overweight with no more than a probability.

    The chance constraint M + z · sqrt(common² · M² + own_kg · M) <= capacity, where M is the mean of all that is on board, is solved for
    the M of a full truck; the factor is capacity / M. Sums of multiplied stops then say the same as the constraint where it binds.

    Parameters
    ----------
    common
        Relative standard deviation that all of a load shares.
    own_kg
        What a kilogram of mean adds to the variance: over typical stops, the sum of own variances by the sum of means.
    capacity_kg
        Permitted load of the truck.
    probability
        That it is overweight, at most. From 0.5 on there is no margin.

    Returns
    -------
    float
        At least 1.

    Raises
    ------
    ValueError
        If the probability is not between 0 and 1, or the capacity not above 0.
    """
    if not 0 < probability < 1 or capacity_kg <= 0:
        raise ValueError(f"probability must lie between 0 and 1 and capacity above 0, got {probability} and {capacity_kg}")
    squared = max(-float(ndtri(probability)), 0.0) ** 2
    # with f = capacity / M the constraint at its edge is the quadratic (f - 1)² = z² (common² + own_kg f / capacity)
    half = 1 + squared * own_kg / capacity_kg / 2
    return float(half + np.sqrt(half**2 - 1 + squared * common**2))


def common_spread(expected: Array, found: Array, group: Index, *, believed: float = 0.08, worth: float = 5.0) -> float:
    """By how much all lifts of a group (a class on a day) are off together, relative to what was expected of them [2]_.

    Parameters
    ----------
    expected, found
        Forecast and found amount of each lift (n,), in one unit.
    group
        Which lifts belong together (n,).
    believed, worth
        The belief before anything is seen (ours; no source gives one), and how many groups it is worth.

    Returns
    -------
    float
        Relative standard deviation. What all groups are off by alike is bias, and not counted.
    """
    numbers = np.unique(group, return_inverse=True)[1]
    size, sums = np.bincount(numbers), np.bincount(numbers, weights=expected)
    usable = (size > 1) & (sums > 0)
    if not usable.any():
        return believed
    bias = float(found.sum() / expected.sum())
    off = found / bias - expected
    shared = np.bincount(numbers, weights=off) / np.maximum(sums, 1e-9)
    alone = np.bincount(numbers, weights=np.square(off - shared[numbers] * expected))
    # what independent errors alone would leave of a group's sum is not common
    chance = (alone * size / np.maximum(size - 1, 1) / np.square(np.maximum(sums, 1e-9)))[usable]
    seen = np.square(shared[usable]) - chance
    return float(np.sqrt(max((seen.sum() + worth * believed**2) / (len(seen) + worth), 0.0)))


def _squared_sums(names: Sequence[object], amounts: Array) -> float:
    """Sum over the names of the square of their amounts' sum."""
    totals: dict[object, float] = {}
    for name, amount in zip(names, amounts.tolist(), strict=True):
        totals[name] = totals.get(name, 0.0) + amount
    return sum(total**2 for total in totals.values())
