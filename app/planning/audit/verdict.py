"""The verdict in one sentence. Nothing is bought while the interval of the net saving reaches below zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.planning.audit.money import Money
from app.planning.audit.service import FEWEST_BLOCKS, Interval
from app.planning.twin.frontier import BLOCK_DAYS

LEAST_SHARE = 0.02
"""Of the kilometres: nobody tells residents of new days for less."""


class Answer(StrEnum):
    """What an audit says."""

    BUY = "buy"
    WEEKDAYS_FIRST = "weekdays_first"
    BUY_NOTHING = "buy_nothing"
    TOO_FEW_WEEKS = "too_few_weeks"


@dataclass(frozen=True)
class Verdict:
    """`sensors` is how many to buy; `weekdays` whether better weekdays save for certain."""

    answer: Answer
    sentence: str
    sensors: int = 0
    weekdays: bool = False


def verdict_of(free: Money, *, options: Mapping[int, Money], containers: int, free_share: float) -> Verdict:
    """From what better weekdays save, and what so many sensors save beyond them."""
    count, best = max(options.items(), key=lambda one: one[1].net.low if one[1].net.is_known else float("-inf"))
    first = f"Change the weekdays first: that costs nothing and saves {100 * free_share:.0f} % of the kilometres"
    saves = free.km.is_known and free.km.low > 0 and free_share >= LEAST_SHARE
    if not best.net.is_known:
        weeks = FEWEST_BLOCKS * BLOCK_DAYS // 7
        return Verdict(Answer.TOO_FEW_WEEKS, f"Buy nothing yet: fewer than {weeks} counted weeks cannot tell what sensors would save.")
    net = f"{_span(best.net)} a year net of their cost"
    if best.pays:
        begin = f"{first}; then buy" if saves else "Buy"
        of = "all" if count == containers else f"{count} of the"
        return Verdict(Answer.BUY, f"{begin} sensors for {of} {containers} containers: they save {net}.", count, saves)
    if saves:
        return Verdict(Answer.WEEKDAYS_FIRST, f"{first}. Buy nothing: beyond that, sensors would save {net}.", weekdays=True)
    return Verdict(Answer.BUY_NOTHING, f"Buy nothing: sensors would save {net}, and better weekdays nothing worth the change.")


def _span(one: Interval) -> str:
    return f"{one.value:,.0f} ({one.low:,.0f} to {one.high:,.0f})"
