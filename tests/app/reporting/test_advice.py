"""What an area's sums call for."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.assets.waste_classes import WasteClass
from app.reporting.advice import Advice, AreaTrend, AreaWeek
from app.reporting.figures import KPIS, Sums
from tests.factories.plans import MONDAY

QUIET = Sums(lifts=20, fill_before_pct=20 * 75, fill_before_known=20, container_days=70, measured_days=70)
"""Ten containers for a week, lifted 75 % full, none overflowed."""


def area(**values: float) -> AreaTrend:
    return AreaTrend(1, "Harbour", WasteClass.PAPER, [AreaWeek(MONDAY, replace(QUIET, **values), 7)])


@pytest.mark.parametrize(
    ("values", "advice", "needed"),
    [
        ({}, Advice.KEEP, 10),  # ceil(10 × 75 / 80)
        ({"overflow_onsets": 5, "fill_before_pct": 20 * 104.0}, Advice.ADD, 13),
        ({"overflow_onsets": 5}, Advice.KEEP, 10),  # the days are wrong, not the number
        ({"fill_before_pct": 20 * 30.0}, Advice.REMOVE, 4),
        ({"fill_before_pct": 20 * 30.0, "overflow_onsets": 1}, Advice.KEEP, 4),
        ({"lifts": 9, "fill_before_pct": 20 * 30.0}, Advice.KEEP, None),  # too few to say
    ],
)
def test_containers_are_added_where_full_ones_overflow_and_removed_where_half_empty_ones_do_not(
    values: dict[str, float], advice: Advice, needed: int | None
):
    assert (area(**values).advice, area(**values).containers_needed) == (advice, needed)


def test_the_manual_defines_every_figure_as_the_api_does():
    manual = " ".join((Path(__file__).parents[3] / "docs" / "kpis.md").read_text().split())
    missing = [kpi.name for kpi in KPIS.values() if f"**{kpi.label}** `{kpi.name}` ({kpi.unit}) – {kpi.definition}" not in manual]
    assert missing == []
