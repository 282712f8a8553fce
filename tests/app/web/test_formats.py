"""Figures as people read them."""

from datetime import UTC, datetime

import pytest

from app.web.fill import fill_band
from app.web.formats import clock, duration, figure, km, lateness, plural, share, words
from app.web.pages import local_path


@pytest.mark.parametrize(
    ("fill_pct", "band"),
    [(None, "unknown"), (0, "low"), (49.9, "low"), (50, "half"), (80, "high"), (100, "high"), (100.1, "over"), (140, "over")],
)
def test_each_fill_has_its_band(fill_pct: float | None, band: str):
    assert fill_band(fill_pct) == band


def test_figures_are_written_with_their_units_and_what_is_not_known_is_a_dash():
    assert (km(12_345), share(0.756), duration(3 * 3600 + 300), duration(59 * 60)) == ("12.3 km", "76 %", "3 h 05 min", "59 min")
    assert (km(None), share(None), duration(None), clock(None, "UTC")) == ("–", "–", "–", "–")
    assert [figure(value) for value in (12_345.6, 123.46, 4.567, 0.0123, 0, None)] == ["12,346", "123.5", "4.57", "0.012", "0", "–"]


def test_five_minutes_are_on_time():
    assert [lateness(seconds) for seconds in (0, 299, -299, 300, -3900)] == ["on time"] * 3 + ["5 min late", "1 h 05 min early"]


def test_times_are_the_town_s_own():
    assert clock(datetime(2026, 11, 23, 5, tzinfo=UTC), "Europe/Berlin") == "06:00"


def test_choices_are_read_as_words():
    assert (words("not_worth_it"), plural(1, "lift"), plural(2, "lift")) == ("not worth it", "1 lift", "2 lifts")


@pytest.mark.parametrize("wanted", [None, "", "https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "kpis"])
def test_nobody_is_led_to_another_site_after_signing_in(wanted: str | None):
    assert local_path(wanted) == "/"


def test_a_path_of_ours_is_where_one_is_led():
    assert local_path("/containers/3?x=1") == "/containers/3?x=1"
