"""Money on three lines: avoidable at once, hours freed, and cash only where a shift or a truck disappears; net of sensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor

import numpy as np

from app.planning.audit.prices import DAYS_A_YEAR, WEEKS_A_YEAR, Prices
from app.planning.audit.service import Days, Interval, Use, with_interval

Uses = Callable[[Days], tuple[Use, Use]]
"""What a day takes before and after, on these days."""
HAIR = 1e-9


@dataclass(frozen=True)
class Money:
    """A year's saving from one way of working to another; amounts in currency.

    Parameters
    ----------
    km, fuel_l, co2e_kg, lifts
        Saved a year, for the tables.
    fuel, overtime
        Avoidable at once.
    hours_freed, freed_value
        Paid hours in shifts that are still run: capacity, no cash, and in no sum.
    shifts_a_week, shifts, trucks, trucks_value
        Whole shifts that are not run any more, as many as the low end of the interval bears; whole trucks; and what both cost.
    sensors
        What the sensors cost a year: themselves, connectivity, battery visits.
    """

    km: Interval
    fuel_l: float
    co2e_kg: float
    lifts: float
    fuel: Interval
    overtime: Interval
    at_once: Interval
    hours_freed: float
    freed_value: float
    shifts_a_week: int
    shifts: float
    trucks: int
    trucks_value: float
    sensors: float

    @property
    def cash(self) -> float:
        return self.shifts + self.trucks_value

    @property
    def net(self) -> Interval:
        """Avoidable at once and cash, less the sensors. Hours freed are not in it."""
        return self.at_once.plus(self.cash - self.sensors)

    @property
    def pays(self) -> bool:
        """Beyond doubt."""
        return self.net.is_known and self.net.low > 0


def money_of(days: int, uses: Uses, prices: Prices, *, sensors: int = 0) -> Money:
    """What going from the one to the other saves a year."""
    before, after = uses(np.arange(days))
    hours = _saved(days, uses, lambda use: use.hours).times(DAYS_A_YEAR / WEEKS_A_YEAR)
    shifts = _shifts_gone(_saved(days, uses, lambda use: use.truck_days).times(DAYS_A_YEAR / WEEKS_A_YEAR), hours, prices)
    overtime_h = DAYS_A_YEAR * (before.overtime_h - after.overtime_h)
    freed_h = max(0.0, WEEKS_A_YEAR * hours.value - overtime_h - WEEKS_A_YEAR * shifts * prices.shift_h)
    fuel_l = DAYS_A_YEAR * (before.fuel_l(prices) - after.fuel_l(prices))
    trucks = max(0, before.trucks - after.trucks) if shifts else 0
    fuel_price, overtime_price = prices.fuel_per_l, prices.hour * prices.overtime_factor
    return Money(
        km=_saved(days, uses, lambda use: use.km).times(DAYS_A_YEAR),
        fuel_l=fuel_l,
        co2e_kg=fuel_l * prices.co2e_kg_per_l,
        lifts=DAYS_A_YEAR * (before.lifts - after.lifts),
        fuel=_saved(days, uses, lambda use: use.fuel_l(prices) * fuel_price).times(DAYS_A_YEAR),
        overtime=_saved(days, uses, lambda use: use.overtime_h * overtime_price).times(DAYS_A_YEAR),
        at_once=_saved(days, uses, lambda use: use.fuel_l(prices) * fuel_price + use.overtime_h * overtime_price).times(DAYS_A_YEAR),
        hours_freed=freed_h,
        freed_value=freed_h * prices.hour,
        shifts_a_week=shifts,
        shifts=shifts * WEEKS_A_YEAR * prices.shift_h * prices.hour,
        trucks=trucks,
        trucks_value=trucks * prices.truck_year,
        sensors=sensors * prices.sensor_year,
    )


def _saved(days: int, uses: Uses, figure: Callable[[Use], float]) -> Interval:
    def saved(some: Days) -> float:
        before, after = uses(some)
        return figure(before) - figure(after)

    return with_interval(days, saved)


def _shifts_gone(truck_days: Interval, hours: Interval, prices: Prices) -> int:
    """A week: whole ones, and only as many as both the truck-days and the paid hours bear at the low ends of their intervals."""
    sure = min(_low(truck_days), _low(hours) / prices.shift_h)
    return max(0, floor(sure + HAIR))


def _low(one: Interval) -> float:
    return one.low if one.is_known else 0.0
