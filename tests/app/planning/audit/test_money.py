"""Money on three lines: what is cash, what is not, and that the lines add up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.planning.audit.money import Money, money_of
from app.planning.audit.prices import Prices
from app.planning.audit.service import Days, Use

DAYS = 84
BEFORE = Use(km=100, hours=16, idle_h=10, overtime_h=0.5, truck_days=2, lifts=200, overflow_share=0.002, cost=1_400, trucks=2)
FUEL = {"fuel_per_l": 2, "fuel_l_per_km": 0.5, "fuel_l_per_lift": 0.1, "fuel_l_per_idle_h": 3}
PRICES = Prices(**FUEL, hour=50, overtime_factor=2, shift_h=8, truck_year=1_000)


def saving(after: Use, *, sensors: int = 0, prices: Prices = PRICES) -> Money:
    """The same on all days, so that every interval is a point."""

    def uses(_: Days) -> tuple[Use, Use]:
        return BEFORE, after

    return money_of(DAYS, uses, prices, sensors=sensors)


def test_fuel_is_of_kilometres_lifts_and_standing():
    """20 km × 0.5 l + 40 lifts × 0.1 l + 2 h × 3 l = 20 l a day, at 2 each, on 365 days; −20 % km is not −20 % fuel."""
    money = saving(replace(BEFORE, km=80, lifts=160, idle_h=8))

    assert money.fuel_l == pytest.approx(20 * 365)
    assert money.fuel.value == pytest.approx(40 * 365)
    assert money.co2e_kg == pytest.approx(20 * 365 * PRICES.co2e_kg_per_l)


def test_hours_within_shifts_that_are_still_run_are_freed_and_no_cash():
    """An hour less a day is no shift: 365 h, worth 50 each, and not a cent of it in the net."""
    money = saving(replace(BEFORE, hours=15))

    assert money.hours_freed == pytest.approx(365)
    assert money.freed_value == pytest.approx(365 * 50)
    assert (money.cash, money.net.value) == (0, 0)


def test_a_shift_is_cash_when_truck_days_and_hours_both_bear_it():
    """A truck less on every day frees 7.02 truck-days and 56.2 h a week: seven whole shifts of 8 h, on 52 weeks at 50; and a truck."""
    money = saving(replace(BEFORE, hours=8, truck_days=1, trucks=1))

    assert money.shifts_a_week == 7
    assert money.shifts == 7 * 52 * 8 * 50
    assert (money.trucks, money.trucks_value) == (1, 1_000)
    assert money.hours_freed == pytest.approx(8 * 365 - 7 * 52 * 8)


def test_a_short_round_that_disappears_is_hours_freed_only():
    """A truck-day less on each day, but only one hour of driving: 7 h a week are no shift."""
    assert saving(replace(BEFORE, hours=15, truck_days=1)).shifts_a_week == 0


def test_a_shift_is_gone_only_if_the_low_end_of_the_interval_frees_it():
    """Blocks of four weeks that save one truck-day a day, and none in the last: 3 of 4 on average, down to nothing at the low end."""
    after = replace(BEFORE, hours=8, truck_days=1)

    def uses(days: Days) -> tuple[Use, Use]:
        share = float((days < 84).mean())
        return BEFORE, replace(after, hours=16 - 8 * share, truck_days=2 - share)

    assert money_of(112, uses, PRICES).shifts_a_week == 0
    assert money_of(84, uses, PRICES).shifts_a_week == 7


def test_the_lines_add_up():
    money = saving(replace(BEFORE, km=60, hours=7, truck_days=1, overtime_h=0, trucks=1), sensors=10)

    assert money.at_once.value == pytest.approx(money.fuel.value + money.overtime.value)
    assert money.overtime.value == pytest.approx(0.5 * 365 * 50 * 2)
    assert money.cash == pytest.approx(money.shifts + money.trucks_value)
    assert money.net.value == pytest.approx(money.at_once.value + money.cash - money.sensors)
    assert money.pays


def test_a_sensor_costs_itself_its_network_and_its_battery_visits():
    """80 over 8 years, 12 × 1, and 30 every 5 years: 28 a year. Where it saves 48, it may cost (48 − 18) × 8 = 240."""
    prices = Prices(sensor=80, sensor_years=8, connectivity_month=1, battery_visit=30, battery_years=5)

    assert saving(BEFORE, sensors=3, prices=prices).net.value == pytest.approx(-3 * 28)
    assert prices.sensor_price_worth(48) == pytest.approx(240)
    assert prices.sensor_price_worth(10) == 0


def test_prices_that_make_no_sense_are_refused():
    for wrong in ({"sensor": -1.0}, {"sensor_years": 0.0}, {"hour": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Prices(**wrong)


def test_each_assumption_says_where_it_comes_from():
    listed = {one.key: one for one in Prices(sensor=99).assumptions()}

    assert listed["sensor"].origin == "given by you"
    assert "71 l/100 km" in listed["fuel_l_per_km"].origin
    assert all(one.words and one.unit and one.origin for one in listed.values())
