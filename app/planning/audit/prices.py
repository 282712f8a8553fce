"""What an audit assumes about money, fuel, weight and sensors; each figure with its unit and where it comes from.

None is a constant: every one can be given on the command line, and the report lists them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any

GIVEN = "given by you"
DAYS_A_YEAR = 365.0
WEEKS_A_YEAR = 52.0


def _assumed(default: float, unit: str, words: str, origin: str) -> Any:
    return field(default=default, metadata={"unit": unit, "words": words, "origin": origin})


@dataclass(frozen=True)
class Assumption:
    """A line of the report's list."""

    key: str
    words: str
    value: float
    unit: str
    origin: str


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Figures of the field until a town's own are given; `CUR` stands for the currency."""

    fuel_per_l: float = _assumed(1.4, "CUR/l", "diesel", "about 100 for the fuel of a 100 km day at 71 l")
    fuel_l_per_km: float = _assumed(0.36, "l/km", "fuel for driving", "71 l/100 km of a rear loader, about half of it driving")
    fuel_l_per_lift: float = _assumed(0.06, "l/lift", "fuel for a lift", "the other half of 71 l/100 km, shared out over a day's lifts")
    fuel_l_per_idle_h: float = _assumed(3.0, "l/h", "fuel for an hour of standing", "the other half of 71 l/100 km; our own belief")
    co2e_kg_per_l: float = _assumed(2.68, "kg/l", "CO₂e of diesel, tailpipe", "1.9 kg/km at 71 l/100 km")
    hour: float = _assumed(58.0, "CUR/h", "a crew's hour", "a crew day of 600 to 700 with its truck, eight hours; a belief")
    overtime_factor: float = _assumed(1.25, "×", "an hour of overtime against a paid one", "a usual bonus; a belief")
    shift_h: float = _assumed(8.0, "h", "a paid shift", "shifts of the field last 6 to 8 h")
    truck_year: float = _assumed(57_500.0, "CUR/year", "a truck that is not needed any more", "230 a truck-day on 250 days; a belief")
    sensor: float = _assumed(120.0, "CUR", "a sensor, mounted", "a belief: ask the maker")
    sensor_years: float = _assumed(8.0, "years", "life of a sensor", "a belief: ask the maker")
    connectivity_month: float = _assumed(1.5, "CUR/month", "connectivity of a sensor", "a belief: ask the network")
    battery_visit: float = _assumed(30.0, "CUR", "a visit to change a battery", "half a crew hour")
    battery_years: float = _assumed(5.0, "years", "life of a battery", "a belief: ask the maker")
    full_kg: float = _assumed(31.0, "kg", "a full container", "240 l of residual waste at 130 kg/m³")
    payload_kg: float = _assumed(6_000.0, "kg", "what a truck carries", "5 to 8 t of a 16 t compactor")
    tolerated_overflow: float = _assumed(
        0.001, "share", "overflow that is always tolerated", "one container-day in a thousand: zero is not measured in some weeks"
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            if not getattr(self, one.name) >= 0:
                raise ValueError(f"{one.name} is {getattr(self, one.name)}; it cannot be negative")
        for name in ("sensor_years", "battery_years", "shift_h", "full_kg", "payload_kg"):
            if not getattr(self, name):
                raise ValueError(f"{name} is 0; it has to be more")

    @property
    def sensor_year(self) -> float:
        """What one sensor costs a year: itself, connectivity, battery visits."""
        return self.sensor / self.sensor_years + 12 * self.connectivity_month + self.battery_visit / self.battery_years

    def sensor_price_worth(self, saved_a_year: float) -> float:
        """What a sensor may cost at most where it saves so much; 0 where it does not even earn its upkeep."""
        upkeep = 12 * self.connectivity_month + self.battery_visit / self.battery_years
        return max(0.0, (saved_a_year - upkeep) * self.sensor_years)

    def assumptions(self) -> Iterator[Assumption]:
        for one in fields(self):
            value = getattr(self, one.name)
            yield Assumption(one.name, one.metadata["words"], value, one.metadata["unit"], _origin(one, value))


def _origin(one: Field[Any], value: float) -> str:
    return str(one.metadata["origin"]) if value == one.default else GIVEN
