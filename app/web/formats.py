"""How figures and instants are written on pages. Templates call these; nothing is decided here."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

NOT_KNOWN = "–"


def number(value: float | None, digits: int = 0) -> str:
    """1,234.5; a dash where there is none."""
    return NOT_KNOWN if value is None else f"{value:,.{digits}f}"


def figure(value: float | None) -> str:
    """As many digits as the figure's size can bear: 12,345, 123.4, 4.57, 0.0123."""
    if value is None:
        return NOT_KNOWN
    size = abs(value)
    return number(value, 0 if size >= 1000 or value == int(value) else 1 if size >= 100 else 2 if size >= 1 else 3)


def km(distance_m: float | None, digits: int = 1) -> str:
    return NOT_KNOWN if distance_m is None else f"{distance_m / 1000:,.{digits}f} km"


def kg(load_kg: float | None) -> str:
    return NOT_KNOWN if load_kg is None else f"{load_kg:,.0f} kg"


def percent(value_pct: float | None, digits: int = 0) -> str:
    return NOT_KNOWN if value_pct is None else f"{value_pct:,.{digits}f} %"


def share(value: float | None) -> str:
    """A share of one as a percentage."""
    return NOT_KNOWN if value is None else f"{value:.0%}".replace("%", " %")


def duration(seconds: float | None) -> str:
    """3 h 05 min; minutes alone below an hour."""
    if seconds is None:
        return NOT_KNOWN
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def lateness(seconds: float) -> str:
    """Against the plan: 12 min late, 1 h 05 min early; within five minutes, on time."""
    return "on time" if abs(seconds) < 300 else f"{duration(abs(seconds))} {'late' if seconds > 0 else 'early'}"


def clock(at: datetime | None, timezone: str) -> str:
    return NOT_KNOWN if at is None else f"{at.astimezone(ZoneInfo(timezone)):%H:%M}"


def moment(at: datetime | None, timezone: str) -> str:
    return NOT_KNOWN if at is None else f"{at.astimezone(ZoneInfo(timezone)):%a %d %b %Y, %H:%M}"


def day(value: date | None) -> str:
    return NOT_KNOWN if value is None else f"{value:%A %d %B %Y}"


def short_day(value: date | None) -> str:
    return NOT_KNOWN if value is None else f"{value:%a %d %b}"


def words(value: object) -> str:
    """A choice's value as a screen label: `not_worth_it` → not worth it."""
    return str(value).replace("_", " ")


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


FILTERS: dict[str, Callable[..., Any]] = {
    form.__name__: form
    for form in (number, figure, km, kg, percent, share, duration, lateness, clock, moment, day, short_day, words, plural)
}
