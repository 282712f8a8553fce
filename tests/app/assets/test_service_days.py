"""The tenant's calendar. Berlin's clocks leap at 02:00 on 2027-03-28 (Sunday) and fall back at 03:00 on 2027-10-31 (Sunday)."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from app.assets.service_days import (
    Window,
    is_service_day,
    local_date,
    next_opportunity,
    next_service_day,
    utc_of,
    whole_day,
    windows_s,
    windows_utc,
)

MONDAY, FRIDAY, SATURDAY = date(2026, 11, 23), date(2026, 11, 27), date(2026, 11, 28)
LEAP, FALL_BACK = date(2027, 3, 28), date(2027, 10, 31)
DAILY = list(range(7))


@dataclass
class Town:
    timezone: str = "Europe/Berlin"
    service_weekdays: list[int] = field(default_factory=lambda: [0, 1, 2, 3, 4])


def open_from(opens: str, closes: str, weekdays: list[int] | None = None) -> dict[str, object]:
    return {"weekdays": DAILY if weekdays is None else weekdays, "opens": opens, "closes": closes}


def test_a_service_day_is_a_service_weekday_that_is_no_holiday():
    assert is_service_day(Town(), set(), MONDAY)
    assert not is_service_day(Town(), {MONDAY}, MONDAY)
    assert not is_service_day(Town(), set(), SATURDAY)


def test_the_next_service_day_skips_the_weekend_and_the_holiday_after_it():
    assert next_service_day(Town(), set(), FRIDAY) == date(2026, 11, 30)
    assert next_service_day(Town(), {date(2026, 11, 30)}, FRIDAY) == date(2026, 12, 1)


def test_a_calendar_without_service_has_no_next_day_and_no_opportunity():
    idle = Town(service_weekdays=[])
    assert next_service_day(idle, set(), MONDAY) is None
    assert next_opportunity(idle, set(), MONDAY, at=time(14)) is None


def test_what_friday_leaves_behind_can_be_emptied_by_the_end_of_mondays_shift():
    """Berlin is one hour ahead of UTC in November."""
    assert next_opportunity(Town(), set(), FRIDAY, at=time(14)) == datetime(2026, 11, 30, 13, tzinfo=UTC)


def test_local_times_follow_the_clocks():
    assert utc_of(Town(), date(2027, 3, 27), time(6)) == datetime(2027, 3, 27, 5, tzinfo=UTC)
    assert utc_of(Town(), LEAP, time(6)) == datetime(2027, 3, 28, 4, tzinfo=UTC)


def test_late_in_the_evening_in_utc_it_is_tomorrow_in_berlin_and_today_in_la_serena():
    instant = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    assert local_date(Town(), instant) == date(2026, 11, 24)
    assert local_date(Town(timezone="America/Santiago"), instant) == MONDAY


def test_days_on_which_the_clocks_change_are_an_hour_shorter_or_longer():
    def hours(day: date) -> float:
        window = whole_day(Town(), day)
        return (window.closes_at - window.opens_at).total_seconds() / 3600

    assert [hours(day) for day in (MONDAY, LEAP, FALL_BACK)] == [24, 23, 25]


def test_six_o_clock_is_fewer_elapsed_seconds_after_midnight_where_the_clocks_have_leapt():
    hours = [open_from("06:00", "15:00")]
    assert windows_s(Town(), hours, MONDAY) == ((6 * 3600, 15 * 3600),)
    assert windows_s(Town(), hours, LEAP) == ((5 * 3600, 14 * 3600),)
    assert windows_s(Town(), hours, FALL_BACK) == ((7 * 3600, 16 * 3600),)


def test_seconds_can_count_from_another_instant():
    shift_starts = utc_of(Town(), MONDAY, time(6))
    assert windows_s(Town(), [open_from("05:30", "07:00")], MONDAY, origin=shift_starts) == ((-1800, 3600),)


def test_no_hours_at_all_mean_open_all_day_and_none_on_this_weekday_closed():
    assert windows_utc(Town(), [], LEAP) == (whole_day(Town(), LEAP),)
    assert windows_utc(Town(), [open_from("06:00", "15:00", weekdays=[5])], MONDAY) == ()


def test_windows_come_in_order_and_may_end_at_midnight():
    found = windows_utc(Town(), [open_from("18:00", "24:00"), open_from("06:00", "12:00")], MONDAY)
    assert found == (
        Window(datetime(2026, 11, 23, 5, tzinfo=UTC), datetime(2026, 11, 23, 11, tzinfo=UTC)),
        Window(datetime(2026, 11, 23, 17, tzinfo=UTC), datetime(2026, 11, 23, 23, tzinfo=UTC)),
    )


def test_an_hour_that_the_clocks_leap_over_is_no_window():
    """02:00–03:00 does not exist: both ends are the same instant, 01:00 UTC."""
    assert windows_utc(Town(), [open_from("02:00", "03:00")], LEAP) == ()
    assert windows_utc(Town(), [open_from("01:30", "03:30")], LEAP) == (
        Window(datetime(2027, 3, 28, 0, 30, tzinfo=UTC), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
    )
