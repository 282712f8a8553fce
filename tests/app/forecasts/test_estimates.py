"""What lifts, neighbours and evidence tell of containers whose sensor does not."""

from datetime import timedelta

import numpy as np
import pytest

from app.forecasts.estimates import lift_story, neighbour_rates, with_evidence
from app.forecasts.models import EvidenceSource
from app.forecasts.operations import Evidence, record_evidence
from app.forecasts.queries import LIFT_FORM
from app.forecasts.subjects import load_subjects
from app.telemetry.lifts import record_lift
from app.telemetry.models import LiftSource
from forecasting.level import DAY_S
from tests.factories.planning import EVE

DAY = timedelta(days=1)


def test_weights_at_lifts_give_a_rate(session, town):
    """1,100 l of residual waste weigh 1.1 × its density when full. Every seven days half of that: 7.1 % a day."""
    subjects = load_subjects(session, EVE)
    place = subjects.container_ids.tolist().index(town.ids("C")[0])
    half_kg = subjects.volume_l[place] / 1000 * subjects.density_kg_m3[place] / 2
    rows = [(town.ids("C")[0], week * 7 * DAY_S * 1_000_000, np.nan, half_kg) for week in range(1, 5)]
    lifts = np.array(rows, dtype=[(name, f"<{kind}") for name, kind in LIFT_FORM.items()])

    story = lift_story(subjects, lifts)

    assert story.rate[place] == pytest.approx(0.5 / 7, rel=1e-4)
    assert story.days[place] == 21  # what lay in it at the first lift had come in over nobody knows how long
    assert story.last_at[place] == 28 * DAY_S


def test_without_a_sensor_weights_and_neighbours_decide_the_rate(session, town, foresee):
    """C is lifted each week with 60 % in it, by its weight: 8.6 % a day. Its neighbours A and B fill by 10 and 20 %."""
    [c] = town.ids("C")
    container = town.containers["C"]
    for week in range(5, 0, -1):
        record_lift(session, c, EVE - week * 7 * DAY, LiftSource.WEIGH_TICKET, weight_kg=container.load_kg(60))
    record_lift(session, c, EVE - DAY, LiftSource.WEIGH_TICKET, weight_kg=container.load_kg(51))

    outlook = foresee()

    row = outlook.row[c]
    assert outlook.table.method[row] == "baseline"
    rise = outlook.expected_fill_pct(c, EVE + 3 * DAY) - outlook.expected_fill_pct(c, EVE + DAY)
    assert rise / 2 == pytest.approx(9.5, abs=2)
    assert outlook.seen is not None
    assert np.isnan(outlook.seen[row])  # nobody saw a level: nothing is judged by it


def test_neighbours_of_another_class_or_far_away_say_nothing(session, town):
    subjects = load_subjects(session, EVE)
    from forecasting.features import COLUMN, COLUMNS, SnapshotTable

    values = np.full((3, len(COLUMNS)), np.nan)
    values[:2, COLUMN["rate_28d"]], values[:2, COLUMN["history_d"]] = (0.1, 0.2), 30
    heard, silent = np.array([True, True, False]), np.array([2])

    def ask(classes):
        table = SnapshotTable(tuple(subjects.container_ids.tolist()), np.zeros(3, np.int64), values, classes, np.zeros((3, 7), np.int8))
        return neighbour_rates(table, subjects, slice(0, 3), heard, silent)

    # A stands 2 km from C and B 1 km, so B alone is a neighbour: a third of a neighbourhood, 7/3 days' worth
    near, worth_d = ask(("residual",) * 3)
    assert (near[0], worth_d[0]) == (pytest.approx(0.2), pytest.approx(7 / 3))
    assert ask(("glass", "glass", "residual"))[1].tolist() == [0]


def test_evidence_fills_a_container_that_no_sensor_sees(session, town, foresee):
    """Emptied two days ago, C took 220 ± 55 l of 1,100: 20 %, of which the last hour ended at the origin."""
    [c] = town.ids("C")
    record_lift(session, c, EVE - 2 * DAY, LiftSource.DRIVER)
    hours = [
        Evidence(container_id=c, hour_at=EVE - timedelta(hours=h), source=EvidenceSource.DEPOSIT, expected_l=44, spread_l=25)
        for h in range(1, 6)
    ]
    before = Evidence(container_id=c, hour_at=EVE - 3 * DAY, source=EvidenceSource.DEPOSIT, expected_l=900, spread_l=1)

    record_evidence(session, [*hours, before])
    record_evidence(session, hours)  # said twice

    assert foresee().fill_now_pct(c) == pytest.approx(20, abs=0.1)


def test_evidence_older_than_the_last_reading_changes_nothing(session, town, foresee):
    [a] = town.ids("A")
    record_evidence(
        session,
        [Evidence(container_id=a, hour_at=EVE - timedelta(hours=9), source=EvidenceSource.OPENING, expected_l=500, spread_l=10)],
    )

    assert foresee().fill_now_pct(a) == pytest.approx(62, abs=1)


def test_no_evidence_leaves_the_snapshot_alone(session, town):
    from app.forecasts.night import NO_EVIDENCE

    subjects = load_subjects(session, EVE)
    table = object()

    assert with_evidence(table, subjects, NO_EVIDENCE, slice(0, 3)) is table
