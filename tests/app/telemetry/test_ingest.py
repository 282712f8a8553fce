"""Each filter, kept and broken, and the three ways to write."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select

from app.db import TenantSession
from app.telemetry import ingest as ingest_module
from app.telemetry import store
from app.telemetry.ingest import FILTERS, ingest
from app.telemetry.models import ContainerState, Device, Measurement
from app.telemetry.readings import Outcome, OutcomeStatus
from forecasting.level import IMPOSSIBLE
from tests.factories import telemetry as make

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def refused(outcome: Outcome) -> str:
    assert outcome.status is OutcomeStatus.REJECTED
    return outcome.field


def the_stored(session: TenantSession) -> list[Measurement]:
    return list(session.scalars(select(Measurement).order_by(Measurement.observed_at)))


def state(session: TenantSession, device: Device) -> ContainerState:
    session.expire_all()
    return session.scalars(select(ContainerState).where(ContainerState.container_id == device.container_id)).one()


def test_the_numbered_list_is_the_list_that_runs():
    numbered = re.findall(r"^ ?\d+\. (\w+) ", ingest_module.__doc__ or "", re.MULTILINE)
    assert numbered[: len(FILTERS)] == [sift.__name__ for sift in FILTERS]
    assert all(hasattr(ingest_module, name) or hasattr(store, name) for name in numbered)


def test_good_readings_are_stored_beside_refused_ones(session: TenantSession):
    device = make.mounted(session)
    answers = ingest(
        session,
        [
            make.reading("nobody's", NOW),
            make.reading(device.device_uid, NOW + timedelta(minutes=11)),
            make.reading(device.device_uid, datetime(2025, 8, 31, tzinfo=UTC)),
            make.reading(device.device_uid, NOW, distance_mm=700, fill_pct=50),
            msgspec.convert({"device": device.device_uid, "observed_at": NOW}, type(make.reading("x", NOW))),
            make.reading(device.device_uid, NOW + timedelta(minutes=9)),
            make.reading(device.device_uid, datetime(2025, 9, 1, tzinfo=UTC)),
        ],
        now=NOW,
    )
    assert [refused(answer) for answer in answers[:5]] == ["device", "observed_at", "observed_at", "fill_pct", "distance_mm"]
    assert all(answer.problem and answer.mend for answer in answers[:5])
    assert [answer.status for answer in answers[5:]] == [OutcomeStatus.STORED] * 2
    assert len(the_stored(session)) == 2


def test_fill_is_worked_out_from_the_containers_geometry(session: TenantSession):
    """1,200 mm to the floor, 200 mm to the full mark: 700 mm are (1200 − 700) / 1000 = 50 %."""
    device = make.mounted(session)
    ingest(session, [make.reading(device.device_uid, NOW, distance_mm=700)], now=NOW)
    assert the_stored(session)[0].fill_pct == 50
    assert state(session, device).fill_pct == 50


def test_density_is_weight_over_filled_volume(session: TenantSession):
    """110 kg in 50 % of 1.1 m³ are 110 / 0.55 = 200 kg/m³; below 10 % of fill a weight says nothing."""
    device = make.mounted(session)
    ingest(session, [make.reading(device.device_uid, BEGIN, distance_mm=700, weight_kg=110)], now=NOW)
    ingest(session, [make.reading(device.device_uid, NOW, distance_mm=1150, weight_kg=110)], now=NOW)
    assert [row.density_kg_m3 for row in the_stored(session)] == [200, None]
    assert state(session, device).density_kg_m3 == 200


@pytest.mark.parametrize(
    ("figures", "quality", "flags"),
    [
        ({"distance_mm": None}, IMPOSSIBLE, ["no echo"]),
        ({"fill_pct": None}, IMPOSSIBLE, ["no echo"]),
        ({"distance_mm": 150}, 3, ["over 100 %"]),
        ({"distance_mm": 1250}, 3, ["negative"]),
        ({"distance_mm": 2500}, IMPOSSIBLE, ["negative"]),
        ({"fill_pct": 40.0}, 3, ["first reading"]),
        ({"temperature_c": 21.5}, IMPOSSIBLE, None),
    ],
)
def test_a_reading_says_how_far_it_is_to_be_trusted_and_why(session: TenantSession, figures: dict, quality: int, flags: list[str] | None):
    device = make.mounted(session)
    ingest(session, [make.reading(device.device_uid, NOW, **figures)], now=NOW)
    [row] = the_stored(session)
    assert (row.quality, row.flags) == (quality, flags)


def test_a_stuck_sensor_and_a_lonely_echo_are_flagged(session: TenantSession):
    device = make.mounted(session)
    lonely = make.readings(device.device_uid, BEGIN, [700, 690, 300, 690], step_h=1)
    steady = make.readings(device.device_uid, BEGIN + timedelta(days=1), [680] * 80, step_h=1)
    ingest(session, lonely + steady, now=NOW)
    flags = [row.flags for row in the_stored(session)]
    assert flags[:4] == [["first reading"], None, ["jump"], None]
    assert flags[4:6] == [None, None]
    assert flags[-1] == ["stuck"]


def test_three_clocks_stay_apart(session: TenantSession):
    device = make.mounted(session)
    item = make.reading(device.device_uid, BEGIN, distance_mm=700)
    item.gateway_at = BEGIN + timedelta(minutes=2)
    ingest(session, [item], now=NOW)
    [row] = the_stored(session)
    assert (row.observed_at, row.gateway_at) == (BEGIN, BEGIN + timedelta(minutes=2))
    assert row.received_at not in (row.observed_at, row.gateway_at)


def test_the_first_reading_of_an_instant_stays(session: TenantSession):
    """In one batch, in the next, and when only the network's clock differs (a repeat over another gateway)."""
    device = make.mounted(session)
    first, other = make.reading(device.device_uid, NOW, fill_pct=33.333), make.reading(device.device_uid, NOW, fill_pct=34)
    in_one = ingest(session, [first, first, other], now=NOW)
    first.gateway_at = NOW
    in_the_next = ingest(session, [other, first], now=NOW)

    assert [answer.status for answer in in_one] == ["stored", "duplicate", "conflict"]
    assert [answer.status for answer in in_the_next] == ["conflict", "duplicate"]
    assert [row.fill_pct for row in the_stored(session)] == [33.33]


def test_a_repeat_of_every_figure_is_a_duplicate(session: TenantSession):
    """What is compared has gone through REAL columns: nothing may differ after that."""
    device = make.mounted(session)
    figures = {"weight_kg": 19999.9, "temperature_c": 1199.99, "acceleration_g": 99.999, "tilt_deg": 0.01, "battery_v": 3.599}
    item = make.reading(device.device_uid, NOW, distance_mm=0, signal_dbm=-120, **figures)
    ingest(session, [item], now=NOW)
    assert ingest(session, [item], now=NOW)[0].status == "duplicate"


@pytest.mark.parametrize("count", [1, 2, 3, 200, 201, 500])
def test_however_many_are_written_the_rows_are_the_same(session: TenantSession, count: int):
    """Plain, by arrays and by COPY; a repeat of all of them, with one more, stores that one."""
    device = make.mounted(session)
    figures = {"distance_mm": 700, "temperature_c": 4.25, "battery_v": 3.6, "signal_dbm": -99}
    batch = [make.reading(device.device_uid, BEGIN + timedelta(minutes=i), **figures) for i in range(count + 1)]
    batch[0] = make.reading(device.device_uid, BEGIN, distance_mm=None)

    assert {answer.status for answer in ingest(session, batch[:count], now=NOW)} == {"stored"}
    assert [answer.status for answer in ingest(session, batch, now=NOW)] == ["duplicate"] * count + ["stored"]

    rows = the_stored(session)
    assert len(rows) == count + 1
    assert rows[0].flags == ["no echo"]
    assert (rows[-1].distance_mm, rows[-1].temperature_c, rows[-1].battery_v, rows[-1].signal_dbm) == (700, 4.25, 3.6, -99)


def test_the_ways_to_write_change_where_the_findings_say():
    assert (store.PLAIN_INSERT_UP_TO, store.ARRAYS_UP_TO) == (2, 200)


def test_a_device_is_last_seen_when_its_newest_reading_says(session: TenantSession):
    device = make.mounted(session)
    ingest(session, [make.reading(device.device_uid, NOW, battery_v=3.5)], now=NOW)
    ingest(session, [make.reading(device.device_uid, BEGIN, battery_v=3.6)], now=NOW)
    session.refresh(device)
    assert (device.last_seen_at, device.battery_v, device.row_version) == (NOW, 3.5, 1)


def test_what_was_observed_before_the_device_was_mounted_is_nobodys(session: TenantSession):
    device = make.mounted(session, installed_at=NOW)
    ingest(session, [make.reading(device.device_uid, BEGIN), make.reading(device.device_uid, NOW)], now=NOW)
    assert [row.container_id for row in the_stored(session)] == [None, device.container_id]
