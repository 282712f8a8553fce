"""What each figure is: one function a KPI, over sums that add up across days, zones, classes and vehicles.

The docstrings are the definitions: the API and the pages show them, and `docs/kpis.md` repeats them word for word (a test compares).
In a slice by zone or class, a route's distance, time, cost and loads count by the part of its visits that was made there.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

Value = float | None
"""None: there is nothing to divide by, so there is no figure."""


@dataclass(frozen=True)
class Sums:
    """What adds up. `hauled_…` is what routes brought; the rest of the collected is known from sensors or readers alone."""

    lifts: int = 0
    skips: int = 0
    fill_before_pct: float = 0.0
    fill_before_known: int = 0
    collected_l: float = 0.0
    collected_kg: float = 0.0
    excess_l: float = 0.0
    hauled_lifts: int = 0
    hauled_l: float = 0.0
    hauled_kg: float = 0.0
    container_days: int = 0
    volume_l_days: int = 0
    measured_days: int = 0
    overflow_onsets: int = 0
    overflow_days: int = 0
    driven_m: float = 0.0
    on_route_m: float = 0.0
    duty_s: float = 0.0
    on_route_s: float = 0.0
    cost: float = 0.0
    co2e_kg: float = 0.0
    unloaded_kg: float = 0.0
    permitted_kg: float = 0.0
    unloaded_l: float = 0.0
    permitted_l: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True)
class Kpi:
    """A figure: how it is called, what it is counted in (¤: the tenant's currency), what it is, and how to work it out."""

    name: str
    label: str
    unit: str
    of: Callable[[Sums], Value]

    @property
    def definition(self) -> str:
        return " ".join((self.of.__doc__ or "").split())


KPIS: dict[str, Kpi] = {}


def _kpi(label: str, unit: str) -> Callable[[Callable[[Sums], Value]], Callable[[Sums], Value]]:
    def keep(of: Callable[[Sums], Value]) -> Callable[[Sums], Value]:
        KPIS[of.__name__] = Kpi(of.__name__, label, unit, of)
        return of

    return keep


def _per(amount: float, of: float, factor: float = 1.0) -> Value:
    return amount / of * factor if of else None


@_kpi("Collections", "lifts")
def collections_in_period(s: Sums) -> Value:
    """Number of lifts: one container emptied once is one lift, whoever reported it and however often."""
    return s.lifts


@_kpi("Visits without a lift", "visits")
def visits_without_lift(s: Sums) -> Value:
    """Number of visits at which a crew did not empty the container and gave a reason; none if it was emptied later on that route."""
    return s.skips


@_kpi("Average fill at collection", "%")
def average_fill_at_collection(s: Sums) -> Value:
    """Sum of the fill just before the lift / number of lifts, over the lifts whose fill was measured."""
    return _per(s.fill_before_pct, s.fill_before_known)


@_kpi("Overflow frequency", "episodes per container and 30 days")
def overflow_frequency(s: Sums) -> Value:
    """30 × overflow episodes / container-days with a usable reading. An episode begins with a reading of 100 % or more and lasts until
    one below 90 %, or until three days have passed without one of 100 % or more. Usable are readings of quality 2 to 4."""
    return _per(s.overflow_onsets, s.measured_days, 30)


@_kpi("Container-days in overflow", "%")
def overflow_share(s: Sums) -> Value:
    """100 × container-days with a usable reading of 100 % or more / container-days with a usable reading."""
    return _per(s.overflow_days, s.measured_days, 100)


@_kpi("Service level (containers)", "%")
def service_level_containers(s: Sums) -> Value:
    """100 − container-days in overflow in percent."""
    return _per(s.measured_days - s.overflow_days, s.measured_days, 100)


@_kpi("Waste above the full mark", "l")
def excess_volume(s: Sums) -> Value:
    """Sum over all lifts of (measured fill − 100 %) × volume of the container, where positive."""
    return s.excess_l


@_kpi("Volume collected", "m³")
def collected_volume(s: Sums) -> Value:
    """Sum over all lifts of the fill just before × volume of the container. Fill: as measured, else as planned, else half full."""
    return s.collected_l / 1000


@_kpi("Weight collected", "t")
def collected_weight(s: Sums) -> Value:
    """Sum of the weight of all lifts. A route's weigh tickets are shared over its lifts by expected weight (weighed at the lift, else
    volume collected × density); tickets that name a class, over the lifts of that class. Without a ticket the expected weight counts."""
    return s.collected_kg / 1000


@_kpi("Total distance", "km")
def total_distance(s: Sums) -> Value:
    """All that the driven routes' vehicles drove, the way out, hauls and the way home included: by odometer, else as planned."""
    return s.driven_m / 1000


@_kpi("On-route distance", "km")
def on_route_distance(s: Sums) -> Value:
    """Distance between stops. Its part of the total distance is the planned one."""
    return s.on_route_m / 1000


@_kpi("Crew hours", "h")
def crew_hours(s: Sums) -> Value:
    """From start to finish of each driven route, breaks included: as reported, else as planned. A crew counts once."""
    return s.duty_s / 3600


@_kpi("Distance per volume", "km/m³")
def distance_per_volume(s: Sums) -> Value:
    """Total distance / volume collected on routes."""
    return _per(s.driven_m, s.hauled_l)


@_kpi("Distance per weight", "km/t")
def distance_per_weight(s: Sums) -> Value:
    """Total distance / weight collected on routes."""
    return _per(s.driven_m, s.hauled_kg)


@_kpi("Volume per km", "l/km")
def volume_per_km(s: Sums) -> Value:
    """Volume collected on routes / total distance."""
    return _per(s.hauled_l, s.driven_m, 1000)


@_kpi("Volume per on-route km", "l/km")
def volume_per_on_route_km(s: Sums) -> Value:
    """Volume collected on routes / on-route distance."""
    return _per(s.hauled_l, s.on_route_m, 1000)


@_kpi("Weight per km", "kg/km")
def weight_per_km(s: Sums) -> Value:
    """Weight collected on routes / total distance."""
    return _per(s.hauled_kg, s.driven_m, 1000)


@_kpi("Weight per on-route km", "kg/km")
def weight_per_on_route_km(s: Sums) -> Value:
    """Weight collected on routes / on-route distance."""
    return _per(s.hauled_kg, s.on_route_m, 1000)


@_kpi("Waste collected per hour", "kg/h")
def weight_per_hour(s: Sums) -> Value:
    """Weight collected on routes / crew hours."""
    return _per(s.hauled_kg, s.duty_s, 3600)


@_kpi("Waste collected per on-route hour", "kg/h")
def weight_per_on_route_hour(s: Sums) -> Value:
    """Weight collected on routes / on-route hours: service at stops, and driving between them, in their planned part of the crew hours."""
    return _per(s.hauled_kg, s.on_route_s, 3600)


@_kpi("Volume collected per hour", "l/h")
def volume_per_hour(s: Sums) -> Value:
    """Volume collected on routes / crew hours."""
    return _per(s.hauled_l, s.duty_s, 3600)


@_kpi("Volume collected per on-route hour", "l/h")
def volume_per_on_route_hour(s: Sums) -> Value:
    """Volume collected on routes / on-route hours: service at stops, and driving between them, in their planned part of the crew hours."""
    return _per(s.hauled_l, s.on_route_s, 3600)


@_kpi("Vehicle utilisation by weight", "%")
def weight_utilisation(s: Sums) -> Value:
    """100 × weight collected / (number of unloads × payload), over routes that unloaded."""
    return _per(s.unloaded_kg, s.permitted_kg, 100)


@_kpi("Vehicle utilisation by volume", "%")
def volume_utilisation(s: Sums) -> Value:
    """100 × volume collected, as the body presses it / (number of unloads × body volume), over routes that unloaded. Pressed volume:
    volume × loose density / compacted density of the class in this vehicle."""
    return _per(s.unloaded_l, s.permitted_l, 100)


@_kpi("Cost per tonne", "¤/t")
def cost_per_tonne(s: Sums) -> Value:
    """Cost of the driven routes (vehicle-days, crew hours and km at the vehicle's prices) / weight collected on routes."""
    return _per(s.cost, s.hauled_kg, 1000)


@_kpi("Cost per lift", "¤")
def cost_per_lift(s: Sums) -> Value:
    """Cost of the driven routes (vehicle-days, crew hours and km at the vehicle's prices) / lifts on routes."""
    return _per(s.cost, s.hauled_lifts)


@_kpi("Emissions per tonne", "kg CO₂e/t")
def emissions_per_tonne(s: Sums) -> Value:
    """CO₂e of the driven routes, by the vehicle's own factors (per km, per lift, per planned hour of standing with the engine on) / weight
    collected on routes."""
    return _per(s.co2e_kg, s.hauled_kg, 1000)
