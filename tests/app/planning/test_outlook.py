"""The outlook uses what was known, no more; it learns once a night; a glance at the states does for fixed rounds."""

from datetime import timedelta

import numpy as np
import pytest

from app.forecasts.night import histories_of
from app.planning.outlook import Signals, glance, load_signals, predict_fill
from app.telemetry.ingest import ingest
from app.telemetry.lifts import record_lift
from app.telemetry.models import Device, LiftSource, ModelArtifact
from tests.factories import telemetry as make_telemetry
from tests.factories.planning import EVE


@pytest.fixture
def filled(town):
    """A fills by 10 % a day and stands at 62 %; nobody has ever heard of B."""
    town.add("A", 3)
    town.add("B", 4)
    town.fills("A", 62, 10)
    return town


@pytest.fixture
def outlook(session, filled, read):
    return predict_fill(read(), load_signals(session, EVE))


def test_it_starts_at_the_level_and_grows_about_as_fast_as_before(outlook, filled):
    """62 % and 10 % a day, drawn a little to the class: about 72 % in a day, overflow within four days as likely as not."""
    [a, _] = filled.ids("A", "B")

    assert outlook.fill_now_pct(a) == pytest.approx(62, abs=2)
    assert outlook.expected_fill_pct(a, EVE + timedelta(days=1)) == pytest.approx(72, abs=3)
    assert outlook.overflow_probability(a, EVE + timedelta(days=1)) < 0.05
    assert 0.2 < outlook.overflow_probability(a, EVE + timedelta(days=4)) < 0.8


def test_a_container_without_a_sensor_gets_a_forecast_that_admits_it(outlook, filled):
    [a, b] = filled.ids("A", "B")

    assert outlook.fill_now_pct(b) is None
    assert outlook.table.method == ("baseline", "prior")
    in_a_day = outlook.table.horizons_h.index(24)
    width = outlook.table.fill[:, in_a_day, 2] - outlook.table.fill[:, in_a_day, 0]
    assert width[outlook.row[b]] > 3 * width[outlook.row[a]]


def test_without_a_sensor_the_time_since_the_last_lift_counts(session, filled, read):
    """Emptied an hour ago it is nearly empty; emptied two weeks ago it is not."""
    [b] = filled.ids("B")
    record_lift(session, b, EVE - timedelta(days=14), LiftSource.DRIVER)
    long_ago = predict_fill(read(), load_signals(session, EVE)).expected_fill_pct(b, EVE + timedelta(hours=14))
    record_lift(session, b, EVE - timedelta(hours=1), LiftSource.DRIVER)
    just_now = predict_fill(read(), load_signals(session, EVE)).expected_fill_pct(b, EVE + timedelta(hours=14))

    assert just_now < 25 < 50 < long_ago


def test_a_lift_after_the_last_reading_counts_at_once(session, filled, read):
    """The sensor spoke at 20:00, the crew came at 20:20, somebody asks at 21:00."""
    [a] = filled.ids("A")
    record_lift(session, a, EVE + timedelta(minutes=20), LiftSource.DRIVER)
    later = EVE + timedelta(hours=1)

    outlook = predict_fill(read(origin_at=later), load_signals(session, later))

    assert outlook.fill_now_pct(a) < 5


def test_what_is_measured_after_the_origin_changes_nothing(session, filled, read):
    before = predict_fill(read(), load_signals(session, EVE))
    [a] = filled.ids("A")
    device = session.query(Device).filter_by(container_id=a).one()
    late = make_telemetry.readings(device.device_uid, EVE + timedelta(hours=4), [200, 200, 200])
    ingest(session, late, now=EVE + timedelta(days=1))
    record_lift(session, a, EVE + timedelta(hours=2), LiftSource.DRIVER)

    after = predict_fill(read(), load_signals(session, EVE))

    np.testing.assert_array_equal(before.table.fill, after.table.fill)
    np.testing.assert_array_equal(before.overflow, after.overflow)


def test_a_night_learns_once(session, outlook, read):
    """The model of an hour ago is used again; that of the day before is not, nor is one from the future."""
    assert outlook.learned is not None
    for hours in (1, 30, -5):
        session.add(ModelArtifact(method="m", version=f"{hours} h", trained_until=EVE - timedelta(hours=hours), content=outlook.learned))
        session.flush()
    fresh = load_signals(session, EVE)

    again = predict_fill(read(), fresh)

    assert again.learned is None
    np.testing.assert_allclose(again.table.fill, outlook.table.fill, atol=1e-9)
    assert load_signals(session, EVE + timedelta(hours=60)).model is None


def test_a_model_that_cannot_be_read_is_learned_anew(session, read):
    damaged = Signals(model=b"kerbside-forecast\n{}\nnonsense")

    assert predict_fill(read(), damaged).learned is not None


def test_a_town_without_any_history_has_an_outlook(town, read):
    town.add("A", 3)

    outlook = predict_fill(read(), Signals())

    assert outlook.method == "shrunken rate"
    assert 0 < outlook.overflow_probability(town.containers["A"].id, EVE + timedelta(hours=38)) < 0.5


def test_a_glance_knows_level_and_rate_from_the_states(session, filled, read):
    """Emptied ten days ago by a driver and 62 % now: about 6 % a day."""
    [a, b] = filled.ids("A", "B")
    record_lift(session, b, EVE - timedelta(days=5), LiftSource.DRIVER)

    outlook = glance(read())

    assert outlook.trained_until is None
    assert outlook.fill_now_pct(a) == pytest.approx(62, abs=2)
    assert outlook.expected_fill_pct(a, EVE + timedelta(days=1)) == pytest.approx(71, abs=4)
    assert outlook.expected_fill_pct(b, EVE + timedelta(hours=1)) == pytest.approx(40, abs=5)


def test_a_glance_does_not_see_the_future(session, filled, read):
    """The state is of Wednesday; on Tuesday only the emptying of the week before was known."""
    [a] = filled.ids("A")

    assert glance(read(origin_at=EVE - timedelta(days=1))).fill_now_pct(a) == 0


def test_a_history_ends_with_the_lift_that_is_its_last_word():
    at = int(EVE.timestamp()) + 1200
    signals = Signals(lifts={1: np.array([at - 86_400, at])})

    history = histories_of(signals, [1])[1]

    assert history.age_h[-1] == 0
    assert history.end <= at
