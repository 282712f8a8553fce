"""The verdict: nothing is bought while the interval of the net saving reaches below zero."""

from __future__ import annotations

from dataclasses import replace

from app.planning.audit.money import Money
from app.planning.audit.service import Interval
from app.planning.audit.verdict import Answer, Verdict, verdict_of

NONE = Interval(0.0, 0.0, 0.0)
NOTHING = Money(
    km=NONE,
    fuel_l=0,
    co2e_kg=0,
    lifts=0,
    fuel=NONE,
    overtime=NONE,
    at_once=NONE,
    hours_freed=0,
    freed_value=0,
    shifts_a_week=0,
    shifts=0,
    trucks=0,
    trucks_value=0,
    sensors=0,
)
WEEKDAYS = replace(NOTHING, km=Interval(4_000, 3_000, 5_000))


def net(low: float, high: float) -> Money:
    """So much, after 300 for sensors."""
    middle = (low + high) / 2
    return replace(NOTHING, at_once=Interval(middle + 300, low + 300, high + 300), sensors=300)


def said(free: Money, share: float = 0.4, **options: Money) -> Verdict:
    return verdict_of(free, options={int(name[1:]): one for name, one in options.items()}, containers=9, free_share=share)


def test_sensors_are_bought_when_the_whole_interval_is_above_zero():
    verdict = said(NOTHING, _9=net(10, 500))

    assert (verdict.answer, verdict.sensors) == (Answer.BUY, 9)
    assert verdict.sentence == "Buy sensors for all 9 containers: they save 255 (10 to 500) a year net of their cost."


def test_an_interval_that_touches_zero_buys_nothing():
    assert said(NOTHING, _9=net(0, 500)).answer == Answer.BUY_NOTHING
    assert said(WEEKDAYS, _9=net(-1, 900)).answer == Answer.WEEKDAYS_FIRST


def test_fewer_sensors_are_bought_where_they_are_surer_to_pay():
    verdict = said(WEEKDAYS, _9=net(-400, 500), _3=net(50, 90))

    assert (verdict.answer, verdict.sensors, verdict.weekdays) == (Answer.BUY, 3, True)
    assert verdict.sentence.startswith("Change the weekdays first")
    assert "then buy sensors for 3 of the 9 containers" in verdict.sentence


def test_weekdays_that_save_next_to_nothing_stay():
    assert said(WEEKDAYS, 0.019, _9=net(-5, 5)).answer == Answer.BUY_NOTHING


def test_without_an_interval_nothing_is_said():
    unknown = replace(NOTHING, at_once=Interval(9_000))

    assert said(WEEKDAYS, _9=unknown).answer == Answer.TOO_FEW_WEEKS
