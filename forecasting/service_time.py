"""How long crews are at a stop, learned from whole visits: so much for the stop itself, so much for each container that is emptied.

A visit's seconds are the sum of

    setup of the site × (all sites + this site) + for each container: seconds of its lift × (class + zone of the class) + the visit's own,

each bracket around 1, and the seconds the register's. Crews wait, chat and take breaks, so that the visit's own part has a Student
distribution: its scale mixture makes the regression a weighted one whose weights are found by turns [1]_, and a visit of two hours hardly
counts. What is learned is therefore the usual visit, near the median. Classes, zones and sites are shrunken to each other as in
`forecasting.loads`; docs/forecasting/loads.md has the mathematics.

References
----------
.. [1] Lange, Little, Taylor (1989). Robust statistical modeling using the t distribution.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forecasting.loads import numbered
from forecasting.mixed import Component, Posterior, Prior, Rows, fit_spreads, one_hot, outer, posterior

Array = NDArray[np.float64]
Index = NDArray[np.int64]

FREEDOM: Final = 4.0
"""Of the Student distribution: heavy enough for breaks, light enough to learn from ordinary days."""
TURNS: Final = 8
ROWS_FOR_SPREADS: Final = 400
CLASS_SPREAD, SITE_SPREAD, ZONE_SPREAD, VISIT_SPREAD = 0.5, 0.3, 0.1, 0.35
"""Beliefs before learning, relative to the register's seconds (ours; no source gives them)."""
SHORTEST_SETUP_S: Final = 30.0
"""A site whose register says less may still turn out to take time."""
SHORTEST: Final = 0.1
"""Of the register's figure: nothing takes less, whatever reports say."""


@dataclass(frozen=True, slots=True, eq=False)
class Stops:
    """The s sites and their p containers, as the register has them.

    Parameters
    ----------
    setup_s
        Seconds that a site takes whatever is emptied there (s,).
    site, lift_s
        Row of a container's site (p,), and seconds of one lift (p,).
    waste_class, zone
        One entry a container.
    """

    setup_s: Array
    site: Index
    lift_s: Array
    waste_class: tuple[str, ...]
    zone: tuple[Hashable, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Time that crews were at sites.

    Parameters
    ----------
    site, dwell_s
        Row of the site, and seconds there, driving left out (n,).
    visit, container
        Row of the visit and of the container of each lift (m,).
    is_arrival
        Whether the visit's time has the setup in it (n,): of containers reported one after the other on one site only the first has.
    """

    site: Index
    dwell_s: Array
    is_arrival: NDArray[np.bool_]
    visit: Index
    container: Index

    def __len__(self) -> int:
        return len(self.dwell_s)


@dataclass(frozen=True, slots=True, eq=False)
class ServiceModel:
    """Seconds to plan with.

    Parameters
    ----------
    setup_s, setup_sd_s
        Of each site, and their standard deviation (s,).
    lift_s, lift_sd_s
        Of each container, and their standard deviation (p,).
    visit_sd
        Scale of the Student distribution of one visit, relative to its seconds.
    visits
        How many bear on each site (s,).
    classes
        Seconds of a lift by class, relative to the register's, with the standard deviation.
    """

    setup_s: Array
    setup_sd_s: Array
    lift_s: Array
    lift_sd_s: Array
    visit_sd: float
    visits: Index
    classes: Mapping[str, tuple[float, float]]

    def stop_s(self, site: int, containers: Index) -> tuple[float, float]:
        """Seconds of one visit that empties these containers, and the scale of what it may differ by."""
        seconds = float(self.setup_s[site] + self.lift_s[containers].sum())
        known = self.setup_sd_s[site] ** 2 + self.lift_sd_s[containers].sum() ** 2
        return seconds, float(np.sqrt(known + (self.visit_sd * seconds) ** 2))


def learn_service_times(stops: Stops, visits: Visits) -> ServiceModel:
    """Seconds of every site and container, by a hierarchical regression that long waits do not sway.

    Parameters
    ----------
    stops
        The register. What nobody has visited gets what its zone, class and the other sites have taught.
    visits
        What was reported.

    Returns
    -------
    ServiceModel
        Without visits, the register's seconds.
    """
    design = _Design(stops, visits)
    scale, weight, spreads = VISIT_SPREAD, np.ones(len(visits)), (ZONE_SPREAD, SITE_SPREAD)
    for turn in range(TURNS):
        if turn in (1, TURNS // 2):
            spreads = design.learn_spreads(scale, weight, spreads)
        found = design.learn(scale, weight, spreads)
        if not len(visits):
            break
        off = found.left_out / design.expected_s
        weight = (FREEDOM + 1) / (FREEDOM + np.square(off / scale))
        scale = max(float(np.sqrt(np.mean(weight * off**2))), 0.01)
    return design.model(found, scale)


class _Design:
    """Visits as rows; common effects are the setup of all sites, classes, and zones of classes. Leaves are sites."""

    def __init__(self, stops: Stops, visits: Visits) -> None:
        self.stops, self.visits = stops, visits
        self.classes, self.class_of = numbered(stops.waste_class)
        self.zones, self.zone_of = numbered(tuple(zip(stops.waste_class, stops.zone, strict=True)))
        self.setup_s = np.maximum(stops.setup_s, SHORTEST_SETUP_S)
        self.arrival_s = np.where(visits.is_arrival, stops.setup_s[visits.site], 0.0)
        lifted = one_hot(visits.visit, stops.lift_s[visits.container], len(visits)).T
        self.lifted_s = np.asarray(lifted.sum(axis=1)).ravel()
        self.expected_s = np.maximum(self.arrival_s + self.lifted_s, 1.0)
        self.rows = Rows(self._common(sparse.csr_array(lifted)), self._leaf(), visits.dwell_s, np.ones(len(visits)))

    def _common(self, lifted: sparse.csr_array) -> sparse.csr_array:
        one = np.ones(len(self.visits.container))
        by_class = one_hot(self.class_of[self.visits.container], one, len(self.classes))
        by_zone = one_hot(self.zone_of[self.visits.container], one, len(self.zones))
        arrival = sparse.csr_array(self.arrival_s[:, None])
        return sparse.csr_array(sparse.hstack((arrival, lifted @ by_class, lifted @ by_zone)))

    def _leaf(self) -> sparse.csr_array:
        at = np.where(self.visits.is_arrival, self.visits.site, -1)
        return one_hot(at, self.setup_s[self.visits.site], len(self.stops.setup_s))

    def prior(self, spreads: tuple[float, float]) -> Prior:
        widths = np.repeat((CLASS_SPREAD, spreads[0]), (1 + len(self.classes), len(self.zones)))
        mean = np.repeat((1.0, 0.0), (1 + len(self.classes), len(self.zones)))
        return Prior(mean, np.square(widths), np.full(len(self.stops.setup_s), spreads[1] ** 2))

    def variance(self, scale: float, weight: Array) -> Array:
        return np.asarray(np.square(scale * self.expected_s) / weight)

    def learn(self, scale: float, weight: Array, spreads: tuple[float, float]) -> Posterior:
        rows = Rows(self.rows.common, self.rows.leaf, self.rows.y, self.variance(scale, weight))
        return posterior(rows, self.prior(spreads))

    def learn_spreads(self, scale: float, weight: Array, spreads: tuple[float, float]) -> tuple[float, float]:
        """By likelihood, from all visits of some sites."""
        scattered = np.argsort(self.visits.site * 7_919 % 10_007, kind="stable")[:ROWS_FOR_SPREADS]
        rows, prior, first = self.rows.take(scattered), self.prior(spreads), 1 + len(self.classes)
        known = outer(rows.common[:, :first], prior.variance[:first]) + np.diag(self.variance(scale, weight)[scattered])
        unknown = [Component(outer(rows.common[:, first:]), ZONE_SPREAD), Component(outer(rows.leaf), SITE_SPREAD)]
        zone, site = fit_spreads(rows.y - rows.common @ prior.mean, known, unknown)
        return zone, site

    def model(self, found: Posterior, scale: float) -> ServiceModel:
        sites, containers = len(self.stops.setup_s), len(self.stops.lift_s)
        width, one = self.rows.common.shape[1], np.ones(containers)
        own = sparse.csr_array(sparse.diags_array(self.setup_s))
        setup = one_hot(np.zeros(sites, np.int64), self.stops.setup_s, width)
        parts = (one_hot(self.class_of, one, len(self.classes)), one_hot(self.zone_of, one, len(self.zones)))
        lift = sparse.csr_array(sparse.hstack((sparse.csr_array((containers, 1)), *parts)))
        nobody = sparse.csr_array((containers, sites))
        relative = np.maximum(found.mean_of(lift, nobody), SHORTEST)
        classes = one_hot(np.arange(len(self.classes)) + 1, np.ones(len(self.classes)), width)
        class_sd = np.sqrt(found.variance_of(classes, sparse.csr_array((len(self.classes), sites))))
        return ServiceModel(
            setup_s=np.maximum(found.mean_of(setup, own), 0.0),
            setup_sd_s=np.sqrt(found.variance_of(setup, own)),
            lift_s=relative * self.stops.lift_s,
            lift_sd_s=np.sqrt(found.variance_of(lift, nobody)) * self.stops.lift_s,
            visit_sd=scale,
            visits=np.bincount(self.visits.site[self.visits.is_arrival], minlength=sites),
            classes={name: (float(found.common[1 + row]), float(class_sd[row])) for row, name in enumerate(self.classes)},
        )
