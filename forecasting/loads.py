"""How much waste weighs, learned from tickets that say only what a whole trip weighed.

The kilograms of a ticket are the sum over its lifts of litres × density, and a container's density is its register figure times

    class + zone of the class + container + (the class on that day) + (this trip) + (this one lift),

the first around 1, the others around 0. The last three belong to nobody for good: what a class weighs on a wet day is shared by all lifts
of the day, what a trip errs by (a street's shower, a crew that reports late) by all of the trip, and neither averages out over a truck;
what one lift holds does. All three are learned as spreads. The mathematics and its sources
are in docs/forecasting/loads.md; `forecasting.mixed` solves it, `forecasting.truck_load` predicts with it.

References
----------
.. [1] Efron, Morris (1975). Data analysis using Stein's estimator and its generalizations. (shrinkage of zones and containers)
.. [2] Henderson (1975). Best linear unbiased estimation and prediction under a selection model.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forecasting.mixed import Component, Posterior, Prior, Rows, fit_spreads, one_hot, outer, posterior
from forecasting.tickets import Lifts, Register, SetAside, Tickets, what_happened

Name = TypeVar("Name", bound=Hashable)
Array = NDArray[np.float64]
Index = NDArray[np.int64]

MOST_TRIPS: Final = 2_500
"""Tickets of several lifts that are looked at, the newest: some 100,000 lifts."""
ROWS_FOR_SPREADS: Final = 400
"""Tickets that the spreads are learned from; for five numbers that is plenty."""
FARTHEST_SD: Final = 5.0
"""A ticket that lies this far from what all others say of it is set aside."""
FARTHEST_AT_FIRST: Final = 4.5
"""The same before anything is learned, of kg over expected kg."""
VAGUEST_AT_FIRST: Final = 0.4
"""No ticket's own standard deviation excuses more than this: a factor of six either way is never believed."""
ENOUGH_TICKETS: Final = 5
"""Of a class, to know its middle before anything is learned."""
ROUNDS: Final = 3
LIGHTEST: Final = 0.05
"""Of the register's figure: no density is below it, whatever tickets say."""
COVERED_80: Final = 1.2816


@dataclass(frozen=True, slots=True)
class Spreads:
    """Standard deviations relative to the density of the class: beliefs before learning (ours; no source gives them), figures after.

    Parameters
    ----------
    zone, container
        Of a zone around its class, of a container around its zone.
    day
        Of a class's day around its usual: rain, season, a holiday. Common to all lifts of the class on the day.
    trip
        Of a trip around the day. Common to all lifts of one ticket.
    lift
        Of one lift around its container's usual.
    """

    zone: float = 0.06
    container: float = 0.15
    day: float = 0.06
    trip: float = 0.03
    lift: float = 0.20


@dataclass(frozen=True, slots=True)
class Figure:
    """What is known of a class or of a class in a zone: mean density of its containers, standard deviation, tickets that bear on it."""

    density_kg_l: float
    sd_kg_l: float
    tickets: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well whole tickets are foretold, each from all the others; percent of the mean ticket.

    Parameters
    ----------
    tickets
        How many were believed.
    mae_pct, register_mae_pct
        Mean absolute error of the model, and of the register's figures.
    coverage_80
        Share of tickets within their 80 % interval; None without any.
    """

    tickets: int
    mae_pct: float | None
    register_mae_pct: float | None
    coverage_80: float | None


@dataclass(frozen=True, slots=True, eq=False)
class LoadModel:
    """Densities of the p containers of a register, and how wrong they are, together and each for itself.

    Parameters
    ----------
    density_kg_l
        Posterior mean (p,).
    class_sd, zone_sd, own_sd
        Relative standard deviations of what is not known of it (p,): what all of the class share, what the zone shares beyond that, and
        the container's own.
    day_sd, trip_sd, lift_sd
        Relative standard deviations of a class's day, of a trip and of one lift around what is known (p,).
    tickets
        How many tickets a container is on (p,).
    classes, zones
        By class, and by (class, zone).
    spreads
        As learned, relative to the middle of the class.
    set_aside
        Tickets that were not believed.
    """

    register: Register
    density_kg_l: Array
    class_sd: Array
    zone_sd: Array
    own_sd: Array
    day_sd: Array
    trip_sd: Array
    lift_sd: Array
    tickets: Index
    classes: Mapping[str, Figure]
    zones: Mapping[tuple[str, Hashable], Figure]
    spreads: Spreads
    set_aside: tuple[SetAside, ...]
    evaluation: Evaluation

    @property
    def sd_kg_l(self) -> Array:
        """Standard deviation of each container's usual density (p,)."""
        return np.asarray(self.density_kg_l * np.sqrt(self.class_sd**2 + self.zone_sd**2 + self.own_sd**2))


def learn_loads(register: Register, tickets: Tickets, lifts: Lifts, belief: Spreads | None = None) -> LoadModel:
    """Densities of all containers by an exact hierarchical regression, its spreads by likelihood, without the tickets that cannot be.

    Parameters
    ----------
    register
        All containers that somebody will ask for; those on no ticket get what their zone and class have taught.
    tickets, lifts
        What was weighed. A bin weighed alone is a ticket of one lift.
    belief
        Spreads before learning.

    Returns
    -------
    LoadModel
        Without tickets the register's figures, with the spreads that were believed.

    Raises
    ------
    ValueError
        If a lift names a ticket or a container that does not exist.
    """
    belief = belief or Spreads()
    design = _Design(register, tickets, lifts)
    design.measure_by_middles()
    kept = design.newest(design.believable(belief))
    for _ in range(ROUNDS):
        spreads = design.learn_spreads(kept, belief)
        found = design.learn(kept, spreads)
        doubted = np.abs(found.left_out) > FARTHEST_SD * found.left_out_sd
        if not doubted.any():
            break
        kept = kept[~doubted]
        found = design.learn(kept, spreads)
    return design.model(kept, spreads, found)


class _Design:
    """Tickets as rows of a mixed model; its common effects are classes, zones of classes and days of classes, in this order."""

    def __init__(self, register: Register, tickets: Tickets, lifts: Lifts) -> None:
        _require_rows("ticket", lifts.ticket, len(tickets))
        _require_rows("container", lifts.container, len(register))
        self.register, self.tickets, self.lifts = register, tickets, lifts
        self.classes, self.class_of = numbered(register.waste_class)
        self.zones, self.zone_of = numbered(tuple(zip(register.waste_class, register.zone, strict=True)))
        day_of_class = tickets.day[lifts.ticket] * max(len(self.classes), 1) + self.class_of[lifts.container]
        days, self.day_of = np.unique(day_of_class, return_inverse=True)
        self.days = len(days)
        self.of_ticket = sparse.csr_array(one_hot(lifts.ticket, np.ones(len(lifts.ticket)), len(tickets)).T)
        self._measure_by(np.ones(len(self.classes)))

    def _measure_by(self, town: Array) -> None:
        """Effects become relative to `town` × the register's densities, by class: classes of all weights can share their spreads then."""
        self.town = town
        self.density_kg_l = self.register.density_kg_l * town[self.class_of]
        self.kg = self.lifts.litres * self.density_kg_l[self.lifts.container]
        self.kg_sd = self.lifts.litres_sd * self.density_kg_l[self.lifts.container]
        self.expected_kg = np.asarray(self.of_ticket @ self.kg)
        self.rows = Rows(self._common(), self._leaf(), self.tickets.kg, np.ones(len(self.tickets)))

    def measure_by_middles(self) -> None:
        """By the middle of each class's tickets, once there are some."""
        main, known = self._main_class(), self._known()
        ratio = np.where(known, self.tickets.kg, 1.0) / np.where(known, self.expected_kg, 1.0)
        mine = [known & (main == number) for number in range(len(self.classes))]
        self._measure_by(np.array([float(np.median(ratio[one])) if one.sum() >= ENOUGH_TICKETS else 1.0 for one in mine]))

    def _common(self) -> sparse.csr_array:
        owners = (self.class_of[self.lifts.container], self.zone_of[self.lifts.container], self.day_of)
        widths = (len(self.classes), len(self.zones), self.days)
        lifted = [one_hot(columns, self.kg, width) for columns, width in zip(owners, widths, strict=True)]
        return sparse.csr_array(self.of_ticket @ sparse.hstack(lifted, format="csr"))

    def _leaf(self) -> sparse.csr_array:
        return sparse.csr_array(self.of_ticket @ one_hot(self.lifts.container, self.kg, len(self.register)))

    def variance(self, spreads: Spreads) -> Array:
        """Of each ticket's own error: its lifts around their containers' usual, their litres, the trip, the scale (m,)."""
        lifts = self.of_ticket @ (np.square(self.kg * spreads.lift) + np.square(self.kg_sd))
        return np.asarray(lifts + np.square(spreads.trip * self.expected_kg) + np.square(self.tickets.sd_kg))

    def prior(self, spreads: Spreads) -> Prior:
        """Each class around the register's figure, everything else around 0."""
        towns = np.array([self.register.class_spread[name] for name in self.classes]) / self.town
        others = np.repeat((spreads.zone, spreads.day), (len(self.zones), self.days))
        mean = np.concatenate((1 / self.town, np.zeros(len(others))))
        return Prior(mean, np.square(np.concatenate((towns, others))), np.full(len(self.register), spreads.container**2))

    def believable(self, belief: Spreads) -> Index:
        """Tickets that can be believed on sight: near the middle of their class, or near the register's figure while it has few."""
        known = self._known()
        expected_kg = np.where(known, self.expected_kg, 1.0)
        ratio = np.where(known, self.tickets.kg, 1.0) / expected_kg
        shared = belief.zone**2 + belief.container**2 + belief.day**2
        vague = np.sqrt(shared + self.variance(belief) / np.square(expected_kg))
        untaught = np.array(
            [self.register.class_spread[name] if at == 1 else 0.0 for name, at in zip(self.classes, self.town, strict=True)]
        )
        vague = np.minimum(vague + (untaught[self._main_class()] if len(untaught) else 0.0), VAGUEST_AT_FIRST)
        # upwards by ratio, downwards by difference: a single bin may well hold next to nothing
        plausible = (np.log(ratio) <= FARTHEST_AT_FIRST * vague) & (1 - ratio <= FARTHEST_AT_FIRST * vague)
        return np.flatnonzero(known & plausible & (np.log(ratio) >= -FARTHEST_AT_FIRST * VAGUEST_AT_FIRST))

    def _known(self) -> NDArray[np.bool_]:
        return np.asarray((self.expected_kg > 0) & (self.tickets.kg > 0))

    def _main_class(self) -> Index:
        """The class that most of a ticket should be of (m,)."""
        by_class = self.rows.common[:, : len(self.classes)].toarray()
        return by_class.argmax(axis=1) if by_class.shape[1] else np.zeros(len(self.tickets), np.int64)

    def newest(self, kept: Index) -> Index:
        """All bins weighed alone, and as many trips as are looked at."""
        single, mixed = self.rows.take(kept).split()
        return np.sort(np.concatenate((kept[single], kept[mixed][-MOST_TRIPS:])))

    def learn(self, kept: Index, spreads: Spreads) -> Posterior:
        rows = replace(self.rows, variance=self.variance(spreads))
        return posterior(rows.take(kept), self.prior(spreads))

    def learn_spreads(self, kept: Index, belief: Spreads) -> Spreads:
        """By likelihood, from some of the tickets."""
        some = self._some(kept)
        rows, before, (classes, zones, days) = self.rows.take(some), self.prior(belief), self._blocks()
        lifted = (self.of_ticket @ np.square(self.kg))[some]
        known = outer(rows.common[:, classes], before.variance[classes]) + np.diag(self.variance(replace(belief, trip=0.0, lift=0.0))[some])
        shapes = {
            "zone": outer(rows.common[:, zones]),
            "container": outer(rows.leaf),
            "day": outer(rows.common[:, days]),
            "trip": np.diag(np.square(self.expected_kg[some])),
            "lift": np.diag(lifted),
        }
        unknown = [Component(shapes[one.name], getattr(belief, one.name)) for one in fields(Spreads)]
        return Spreads(*fit_spreads(rows.y - rows.common @ before.mean, known, unknown))

    def _blocks(self) -> tuple[slice, slice, slice]:
        """Columns of classes, zones and days among the common effects."""
        first, second = len(self.classes), len(self.classes) + len(self.zones)
        return slice(0, first), slice(first, second), slice(second, second + self.days)

    def _some(self, kept: Index) -> Index:
        """The newest trips; and of bins weighed alone all weighings of some, for only repeats tell a bin's own from one lift's."""
        single, mixed = self.rows.take(kept).split()
        trips, bins = kept[mixed][-ROWS_FOR_SPREADS:], kept[single]
        owner = self.rows.leaf[bins].indices
        scattered = np.argsort(owner * 7_919 % 10_007, kind="stable")
        return np.concatenate((trips, bins[scattered][: ROWS_FOR_SPREADS - len(trips)]))

    def model(self, kept: Index, spreads: Spreads, found: Posterior) -> LoadModel:
        """The posterior as densities by level."""
        leaf, effects = sparse.csr_array(sparse.eye_array(len(self.register))), self._effects()
        of_class, of_zone = _averages(self.class_of, len(self.classes)), _averages(self.zone_of, len(self.zones))
        class_of_zone = _firsts(self.zone_of, self.class_of)

        def sd(weights: sparse.csr_array) -> Array:
            return np.asarray(np.sqrt(found.variance_of(sparse.csr_array(weights @ effects), sparse.csr_array(weights))))

        relative = np.maximum(found.mean_of(effects, leaf), LIGHTEST)
        density = relative * self.density_kg_l
        tickets = self._tickets_of(kept)
        return LoadModel(
            register=self.register,
            density_kg_l=density,
            class_sd=sd(of_class)[self.class_of] / relative,
            zone_sd=sd(of_zone - of_class[class_of_zone])[self.zone_of] / relative,
            own_sd=sd(leaf - of_zone[self.zone_of]) / relative,
            day_sd=spreads.day / relative,
            trip_sd=spreads.trip / relative,
            lift_sd=spreads.lift / relative,
            tickets=(self.rows.leaf[kept] > 0).sum(axis=0).astype(np.int64),
            classes=dict(zip(self.classes, self._figures(of_class, density, sd(of_class), tickets[self._blocks()[0]]), strict=True)),
            zones=dict(zip(self.zones, self._figures(of_zone, density, sd(of_zone), tickets[self._blocks()[1]]), strict=True)),
            spreads=spreads,
            set_aside=tuple(self._set_aside(kept, density)),
            evaluation=self._evaluation(kept, found),
        )

    def _effects(self) -> sparse.csr_array:
        """What each container has of each common effect on a usual day (p, q)."""
        one = np.ones(len(self.register))
        of_class, of_zone = one_hot(self.class_of, one, len(self.classes)), one_hot(self.zone_of, one, len(self.zones))
        return sparse.csr_array(sparse.hstack((of_class, of_zone, sparse.csr_array((len(one), self.days)))))

    def _tickets_of(self, kept: Index) -> Index:
        """How many of the tickets bear on each common effect (q,)."""
        return np.asarray((self.rows.common[kept] > 0).sum(axis=0), np.int64).ravel()

    def _figures(self, average: sparse.csr_array, density: Array, sd: Array, tickets: Index) -> list[Figure]:
        mean_kg_l, sd_kg_l = average @ density, sd * (average @ self.density_kg_l)
        return [Figure(float(mean), float(wide), int(count)) for mean, wide, count in zip(mean_kg_l, sd_kg_l, tickets, strict=True)]

    def _set_aside(self, kept: Index, density: Array) -> Iterator[SetAside]:
        expected_kg = self.of_ticket @ (self.lifts.litres * density[self.lifts.container])
        looked_at = set(self.newest(np.arange(len(self.tickets))).tolist())
        for row in sorted(looked_at - set(kept.tolist())):
            kg, usual, tare = float(self.tickets.kg[row]), float(expected_kg[row]), float(self.tickets.tare_kg[row])
            yield SetAside(self.tickets.keys[row], kg, usual, what_happened(kg, usual, tare))

    def _evaluation(self, kept: Index, found: Posterior) -> Evaluation:
        if not len(kept):
            return Evaluation(0, None, None, None)
        mean_kg = self.tickets.kg[kept].mean() / 100
        register_kg = self.of_ticket @ (self.lifts.litres * self.register.density_kg_l[self.lifts.container])
        return Evaluation(
            tickets=len(kept),
            mae_pct=float(np.abs(found.left_out).mean() / mean_kg),
            register_mae_pct=float(np.abs(self.tickets.kg - register_kg)[kept].mean() / mean_kg),
            coverage_80=float((np.abs(found.left_out) <= COVERED_80 * found.left_out_sd).mean()),
        )


def _require_rows(name: str, numbers: Index, size: int) -> None:
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < size:
        raise ValueError(f"lifts name a {name} that does not exist")


def numbered(names: Sequence[Name]) -> tuple[tuple[Name, ...], Index]:
    """The different names in order of appearance, and the number of each entry's."""
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return tuple(number), np.array([number[name] for name in names], np.int64)


def _averages(owner: Index, count: int) -> sparse.csr_array:
    """A row an owner, its members weighed alike (count, n)."""
    share = 1 / np.bincount(owner, minlength=count)[owner]
    return sparse.csr_array(one_hot(owner, share, count).T)


def _firsts(owner: Index, values: Index) -> Index:
    """Of each owner the value of its first member."""
    return values[np.unique(owner, return_index=True)[1]]
