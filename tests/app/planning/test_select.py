"""Who must be emptied, who may be, who can wait: each decision redone by hand.

The forecast is a line with a normal spread of 5 %; the usual visit is 10:00 local (the middle of a shift from 06:00 to 14:00), 14 hours
after the origin on Wednesday 20:00; on a plain Thursday the next opportunity is Friday 10:00, 38 hours after it.
"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from scipy.special import ndtr

from app.assets.models import WasteClassSetting
from app.assets.waste_classes import WasteClass
from app.planning.models import PlanningPolicy
from app.planning.queries import POLICY_DEFAULTS
from app.planning.select import Choice, Standing, select_containers, select_given
from app.telemetry.lifts import record_lift
from app.telemetry.models import LiftSource
from tests.factories import assets as make_assets
from tests.factories import planning as make
from tests.factories.planning import EVE

FRIDAY_10 = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def container(town):
    return town.add("A", 3)


def test_a_container_that_will_overflow_before_friday_must_be_emptied(case):
    """90 % + 12 % a day: 109 % by Friday 10:00, 9 above the brim with a spread of 5: Φ(9/5) = 96 %."""
    found = case(90, 12)

    assert (found.decision, found.rule) == (Standing.MUST, "overflow_likely")
    assert found.overflow_probability == pytest.approx(ndtr(9 / 5), abs=0.001)
    assert found.expected_fill_pct == pytest.approx(90 + 12 * 14 / 24, abs=0.1)
    assert found.next_opportunity_at == FRIDAY_10


def test_a_container_at_ten_per_cent_can_wait(case):
    found = case(10, 5)

    assert (found.decision, found.rule) == (Standing.NOT_DUE, "not_due")
    assert "under 1 % that it overflows" in found.reason


def test_between_the_two_the_detour_decides_and_the_prize_is_the_cost_of_waiting(case):
    """80 % + 8 % a day: 92.7 % by Friday 10:00, a chance of Φ(−7.3/5) = 7 %; on Thursday 10:00 it was Φ(−15.3/5) = 0.1 %.

    Onset (7.2 % − 0.1 %) × 40 = 2.83; days in overflow: the chance's mean over the 24 hours between, about 2 %, × 25 = 0.4.
    """
    found = case(80, 8)

    at = [ndtr((80 + 8 * hour / 24 - 100) / 5) for hour in range(14, 39)]
    days = sum((a + b) / 2 for a, b in pairwise(at)) / 24
    assert (found.decision, found.rule) == (Standing.MAY, "worth_the_detour")
    assert found.cost_of_waiting == pytest.approx((at[-1] - at[0]) * 40 + days * 25, rel=0.02)


def test_what_overflows_already_must_go_whatever_the_forecast(case):
    assert case(103, 0).rule == "overflowing"


def test_a_full_one_has_no_onset_left_but_each_day_costs(case):
    """Overflowing for sure from Thursday to Friday: no onset, one day × 25."""
    assert case(150, 0).cost_of_waiting == pytest.approx(25, rel=0.01)


def test_a_holiday_pushes_the_next_opportunity_and_makes_the_container_due(session, case):
    """84 % + 8 % a day: 96.7 % on Friday 10:00 (Φ(−0.67) = 25 %: may), but Friday is a holiday: 120.7 % on Monday (must)."""
    assert case(84, 8).decision is Standing.MAY

    make_assets.holiday(session, date(2026, 11, 20), "Day of the Bins")
    found = case(84, 8)

    assert found.decision is Standing.MUST
    assert found.next_opportunity_at == FRIDAY_10 + timedelta(days=3)
    assert "Monday 10:00" in found.reason


def test_a_weekend_counts_like_a_holiday(case):
    """Thursday evening for Friday: the next truck comes on Monday."""
    found = case(50, 5, origin_at=EVE + timedelta(days=1), service_date=date(2026, 11, 20))

    assert found.next_opportunity_at == FRIDAY_10 + timedelta(days=3)


def test_a_site_that_opens_on_mondays_only_waits_until_monday(session, container, case):
    site = make_assets.site(session, time_windows=[{"weekdays": [0, 3], "opens": "06:00", "closes": "12:00"}])
    container.site_id = site.id

    assert case(50, 5).next_opportunity_at == FRIDAY_10 + timedelta(days=3)


def test_a_facility_that_takes_the_class_on_mondays_only_pushes_it_too(town, case):
    town.facility.opening_hours = [{"weekdays": [0, 3], "opens": "06:00", "closes": "16:00"}]

    assert case(50, 5).next_opportunity_at == FRIDAY_10 + timedelta(days=3)


def test_a_site_closed_on_the_day_blocks_what_is_due(container, session, case):
    site = make_assets.site(session, time_windows=[{"weekdays": [4], "opens": "06:00", "closes": "12:00"}])
    container.site_id = site.id

    found = case(95, 12)

    assert (found.decision, found.rule) == (Standing.BLOCKED, "site_closed")
    assert found.reason.endswith("But its site is closed that day.")


@pytest.mark.parametrize(("days_ago", "decision"), [(6, Standing.MUST), (5, Standing.NOT_DUE)])
def test_food_is_emptied_before_its_week_is_over_however_empty(session, container, case, days_ago, decision):
    """A week at most: lifted on Thursday the 12th, Friday the 20th would be the eighth day; lifted on the 13th, it is the seventh."""
    session.add(WasteClassSetting(waste_class=WasteClass.FOOD, max_interval_days=7))
    container.waste_class = WasteClass.FOOD
    record_lift(session, container.id, EVE - timedelta(days=days_ago), LiftSource.DRIVER)

    found = case(5, 0)

    assert found.decision is decision
    assert ("every 7 days" in found.reason) == (decision is Standing.MUST)


def test_a_contract_of_its_own_beats_the_rule_of_its_class(session, container, case):
    session.add(WasteClassSetting(waste_class=WasteClass.RESIDUAL, max_interval_days=7))
    container.max_interval_days = 28
    record_lift(session, container.id, EVE - timedelta(days=10), LiftSource.DRIVER)

    assert case(5, 0).decision is Standing.NOT_DUE


def test_without_a_known_lift_the_interval_counts_from_the_installation(container, case):
    container.max_interval_days = 7

    assert case(5, 0).rule == "max_interval"

    container.installed_on = date(2026, 11, 17)
    assert case(5, 0).rule == "not_due"


def test_a_lift_after_the_origin_is_not_known_yet(session, container, case):
    container.max_interval_days = 7
    record_lift(session, container.id, EVE + timedelta(hours=1), LiftSource.DRIVER)

    assert case(5, 0).rule == "max_interval"


def test_prices_and_thresholds_are_the_tenants(session, case):
    session.add(PlanningPolicy(must_serve_probability=0.05, overflow_cost_per_onset=400))

    assert case(80, 8).decision is Standing.MUST
    assert case(80, 8).cost_of_waiting > 20


def test_the_defaults_are_those_of_the_schema(session):
    session.add(row := PlanningPolicy())
    session.flush()
    session.refresh(row)

    assert {name: getattr(row, name) for name in POLICY_DEFAULTS} == POLICY_DEFAULTS


def test_out_of_service_is_left_out_with_its_reason(container, session, read):
    container.status = "out_of_service"
    city = read()

    [found] = select_containers(city, make.outlook(city, {})).candidates.values()

    assert city.containers == ()
    assert (found.decision, found.rule) == (Standing.NOT_DUE, "out_of_service")


def test_a_reason_says_how_full_when_and_the_risk(case):
    assert case(90, 12).reason == (
        "90 % full now, about 97 % on Thursday 10:00; 96 % that it overflows before Friday 10:00, the next chance."
        " Full in about 20 h (80 %: 8 h to 33 h)."
        " From 50 % risk on it has to be emptied."
    )


def test_the_usual_visit_follows_the_shifts(town, case):
    """From 08:00 to 18:00 the middle is 13:00: the next opportunity is Friday 13:00."""
    town.crew.shift_starts, town.crew.shift_ends = time(8), time(18)

    assert case(50, 5).next_opportunity_at == FRIDAY_10 + timedelta(hours=3)


def test_a_fixed_round_takes_its_containers_whatever_their_fill(town, read):
    town.add("B", 4)
    city = read()
    on_round = town.containers["A"].id

    choice: Choice = select_given(city, make.outlook(city, {}), {on_round: "On round 7"}, {})

    assert [one.container_id for one in choice.offered()] == [on_round]
    assert choice.candidates[on_round].reason == "On round 7; about 10 % full by then."
    assert choice.candidates[town.containers["B"].id].rule == "not_on_round"
