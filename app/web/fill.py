"""How full a container looks: one band has one colour and one shape, in lists and on the map."""

from typing import NamedTuple


class Band(NamedTuple):
    """A range of fill, as legends name it."""

    name: str
    label: str
    below_pct: float


BANDS = (
    Band("low", "below 50 %", 50),
    Band("half", "50 to 80 %", 80),
    Band("high", "80 to 100 %", 100.0000001),
    Band("over", "over 100 %", float("inf")),
)
UNKNOWN = "unknown"


def fill_band(fill_pct: float | None) -> str:
    """The band's name; `unknown` where no sensor has said anything."""
    return UNKNOWN if fill_pct is None else next(band.name for band in BANDS if fill_pct < band.below_pct)
