"""Histories from files: ours, and the two public ones where they lie beside the checkout."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select

from app.assets.models import Container, Depot, Facility, Site, Vehicle
from app.db import Database
from app.errors import Rejected
from app.provision import DatabaseUrls
from app.telemetry.importing import ImportReport, import_measurements
from app.telemetry.models import Device, Lift, Measurement
from tests.factories import telemetry as make
from tests.factories.tenancy import tenant

Importer = Callable[..., ImportReport]
FRANKFURT = (50.12, 8.7)


@pytest.fixture
def city(committed: DatabaseUrls) -> Iterator[tuple[Database, int, Importer]]:
    """An empty city, and the import into it."""
    owner, database = Database(committed.owner), Database(committed.app)
    tenant_id = tenant(owner, timezone="Australia/Melbourne")

    def run(source: Path, **options: object) -> ImportReport:
        return import_measurements(database, committed.owner, tenant_id, source, **options)

    yield database, tenant_id, run
    database.engine.dispose()
    owner.engine.dispose()


def count(database: Database, tenant_id: int, model: type) -> int:
    with database.transaction(tenant_id) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_our_own_columns_from_years_ago_and_a_bad_row(city, tmp_path: Path):
    """Row 3 has no zone, row 5 an unknown device, row 6 a clock that was never set; a second import stores nothing new."""
    database, tenant_id, run = city
    with database.transaction(tenant_id) as session:
        uid = make.mounted(session).device_uid
    file = tmp_path / "past.csv"
    rows = [
        f"{uid},2019-02-03T04:05:06Z,700,",
        f"{uid},2019-02-03T05:05:06,700,",
        f"{uid},2019-12-31T23:59:59Z,,21.5",
        "x,2019-12-31T00:00:00Z,1,",
        f"{uid},0001-01-01T00:00:00+14:00,700,",
    ]
    file.write_text("\n".join(["device,observed_at,distance_mm,temperature_c", *rows]))
    seen: list[tuple[int, int | None]] = []

    first = run(file, progress=lambda done, total: seen.append((done, total)))
    again = run(file)

    assert (first.stored, first.rejected, again.stored, again.duplicates) == (2, 3, 0, 2)
    assert any("row 3" in refusal for refusal in first.refusals)
    assert seen == [(5, 5)]
    assert "2 stored" in str(first)
    with database.transaction(tenant_id) as session:
        found = session.scalars(select(Measurement).order_by(Measurement.observed_at)).all()
        assert [(row.fill_pct, row.temperature_c) for row in found] == [(50, None), (None, 21.5)]


def test_parquet_has_the_same_columns(city, tmp_path: Path):
    database, tenant_id, run = city
    with database.transaction(tenant_id) as session:
        uid = make.mounted(session).device_uid
    instants = pa.array([datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC)])
    table = pa.table({"device": [uid, uid], "observed_at": instants, "fill_pct": [12.5, None], "colour": ["red", "red"]})
    pq.write_table(table, tmp_path / "past.parquet")
    report = run(tmp_path / "past.parquet")
    assert (report.stored, report.rejected) == (1, 1)
    assert "colour" in report.notes[0]


def test_a_file_that_is_no_history_says_what_it_has(city, tmp_path: Path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(Rejected, match="a, b"):
        city[2](tmp_path / "other.csv")
    with pytest.raises(Rejected, match="no file"):
        city[2](tmp_path)


WYNDHAM_DAYS = """timestamp,latestFullness,fullnessThreshold,ageThreshold,serialNumber,reason,description,position,longitude,latitude
2018-08-13,4,8,0,1511190,NOT_READY,Aldi G Point Cook,center,144.7356,-37.8825
2018-08-13,0,8,0,1511191,NOT_READY,Aldi R Point Cook,center,144.7356,-37.8824
2018-08-14,6,8,0,1511190,NOT_READY,Aldi G Point Cook,center,144.7356,-37.8825
"""


def test_a_towns_two_bins_at_one_place_are_one_site_of_two_classes(city, tmp_path: Path):
    database, tenant_id, run = city
    (tmp_path / "fill_history.csv").write_text(WYNDHAM_DAYS)
    report = run(tmp_path)
    assert (report.stored, report.made["site"], report.made["container"]) == (3, 1, 2)
    with database.transaction(tenant_id) as session:
        assert {c.code: c.waste_class for c in session.scalars(select(Container))} == {"1511190": "residual", "1511191": "others"}
        # noon in Melbourne's winter is 02:00 UTC
        assert session.scalars(select(Measurement.observed_at)).first() == datetime(2018, 8, 13, 2, tzinfo=UTC)


def test_glass_loggers_need_a_place_and_learn_their_floor_from_the_data(city, tmp_path: Path):
    """Forty-nine echoes at 100 cm, one at 150 that is rarer than 2 %: the floor is at 1,000 mm, and 100 cm are 0 % full."""
    database, tenant_id, run = city
    heights = [100] * 98 + [254] + [150]
    instants = [datetime(2020, 5, 8, tzinfo=UTC).timestamp() * 1e6 + hour * 3.6e9 for hour in range(len(heights))]
    plain = {"bin": ["A1"] * 100, "ts": pa.array([int(at) for at in instants], pa.timestamp("us", tz="UTC")), "height": heights}
    pq.write_table(pa.table(plain | {"voltage": [3570] * 100, "temperature": [13] * 99 + [255]}), tmp_path / "readings.parquet")

    with pytest.raises(Rejected, match="coordinates"):
        run(tmp_path)
    report = run(tmp_path, place=FRANKFURT)

    assert report.stored == 100
    with database.transaction(tenant_id) as session:
        assert session.scalars(select(Container.empty_distance_mm)).one() == 1000
        rows = session.scalars(select(Measurement).order_by(Measurement.observed_at)).all()
        assert (rows[0].fill_pct, rows[0].battery_v, rows[98].flags, rows[99].temperature_c) == (0, 3.57, ["no echo"], None)


@pytest.mark.shared_data
def test_wyndhams_real_bins_come_in_with_depot_and_trucks(city, shared_data: Path):
    database, tenant_id, run = city
    report = run(shared_data / "bins" / "wyndham")
    assert (report.stored, report.conflicts, report.rejected) == (29_357, 0, 0)
    assert [count(database, tenant_id, model) for model in (Container, Device, Depot, Facility, Vehicle)] == [31, 31, 1, 1, 2]
    assert count(database, tenant_id, Site) < 31
    assert count(database, tenant_id, Lift) > 1000
    again = run(shared_data / "bins" / "wyndham")
    assert (again.stored, again.duplicates, sum(again.made.values())) == (0, 29_357, 0)


@pytest.mark.shared_data
def test_frankfurts_real_loggers_come_in(city, shared_data: Path, tmp_path: Path):
    """Four of the 77, to be quick: all of them are imported by hand, as the docs say."""
    database, tenant_id, run = city
    readings = pq.read_table(shared_data / "bins" / "frankfurt_glass" / "readings.parquet")
    some = sorted(set(readings["bin"].to_pylist()))[:4]
    pq.write_table(readings.filter(pa.compute.is_in(readings["bin"], pa.array(some))), tmp_path / "readings.parquet")
    report = run(tmp_path, place=FRANKFURT)
    assert (report.rejected, report.made["container"]) == (0, 4)
    assert report.stored > 20_000
    assert count(database, tenant_id, Lift) > 20
