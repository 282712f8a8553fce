"""Folders of both forms: what is read, what is learned from them, and errors that name file, column and mend."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecasting.errors import FillFileError
from forecasting.fill_files import empty_distance_cm, read_fill_folder

LEVELS = """timestamp,latestFullness,serialNumber,reason,description,longitude,latitude
2021-05-02,4,7,NOT_READY,High St G Town,144.7,-37.9
2021-05-01,8,7,FULLNESS,High St G Town,144.7,-37.9
2021-05-01,0,8,ALERT,Low St R Town,144.7,-37.9
2021-05-02,2,8,NOT_READY,Low St R Town,144.7,-37.9
"""


@pytest.fixture
def levels(tmp_path: Path) -> Path:
    (tmp_path / "fill_history.csv").write_text(LEVELS)
    return tmp_path


def heights(folder: Path, height: list[float], start: int = 0, /, **columns) -> Path:
    n = len(height)
    ts = np.array([datetime.fromtimestamp(start + 3600 * i, UTC).replace(tzinfo=None) for i in range(n)], "datetime64[us]")
    table = {"bin": ["a"] * n, "ts": ts, "height": height} | columns
    pq.write_table(pa.table({name: values for name, values in table.items() if values is not None}), folder / "readings.parquet")
    return folder


def test_levels_become_fractions_at_local_noon_in_order(levels):
    town = read_fill_folder(levels, "Australia/Melbourne")

    assert town.observed_at["7"].tolist() == [datetime(2021, 5, day, 2, tzinfo=UTC).timestamp() for day in (1, 2)]
    assert town.readings(0)["7"].fill.tolist() == [0.8, 0.4]
    assert town.context.waste_class == {"7": "G", "8": "R"}
    assert (town.origin_hour, town.is_coarse) == (12, True)


def test_an_alert_beside_a_level_of_nothing_is_no_reading(levels):
    fill = read_fill_folder(levels).readings(0)["8"].fill

    assert np.isnan(fill[0]) and fill[1] == 0.2


def test_the_zone_of_a_place_is_its_longitudes_unless_it_is_named(levels):
    assert read_fill_folder(levels).context.tz.key == "Etc/GMT-10"


def test_levels_beyond_ten_are_percent(levels):
    (levels / "fill_history.csv").write_text("serialNumber,timestamp,latestFullness\n7,2021-05-01,55\n7,2021-05-01T18:00,60\n")

    assert read_fill_folder(levels).readings(0)["7"].fill.tolist() == [0.55, 0.6]


def test_places_beside_it_name_zones(levels):
    place = {"properties": {"address": "High St G Town", "subgroup": "3030"}, "geometry": {}}
    (levels / "sites.geojson").write_text(json.dumps({"features": [place]}))

    assert read_fill_folder(levels).zone == {"7": "3030", "8": ""}


def test_heights_become_fill_by_the_depth_that_was_known_by_then(tmp_path):
    """Empty at 130 cm in January; later it seems to be 200 deep, which nobody knew. (130 - 70) / (130 - 10) is half full."""
    town = read_fill_folder(heights(tmp_path, [130.0] * 50 + [70.0] + [200.0] * 50))

    fill = town.readings(geometry_until=50 * 3600)["a"].fill

    assert fill[50] == pytest.approx(0.5)
    assert town.readings(geometry_until=10**9)["a"].fill[50] > 0.6


def test_no_echo_is_no_fill_and_a_stray_echo_no_floor():
    assert empty_distance_cm(np.array([130.0] * 40 + [240.0] + [np.nan] * 5 + [130.0] * 40)) == 130


def test_a_logger_that_has_not_begun_is_as_deep_as_most(tmp_path):
    n = 60
    town = read_fill_folder(heights(tmp_path, [130.0] * n, bin=["a"] * 30 + ["b"] * 30))

    assert town.readings(geometry_until=20 * 3600)["b"].fill.tolist() == pytest.approx([0.0] * 30)


def test_254_is_no_echo(tmp_path):
    assert np.isnan(read_fill_folder(heights(tmp_path, [130.0] * 20 + [254.0])).readings(10**9)["a"].fill[-1])


def test_holidays_and_classes_lie_beside_it(tmp_path):
    heights(tmp_path, [130.0] * 20)
    (tmp_path / "holidays.csv").write_text("Date,Holiday\n2020-01-01,1\n2020-01-02,0\n")
    (tmp_path / "locations.csv").write_text("bin,location,farbe\na,Market 1,green\n")

    town = read_fill_folder(tmp_path, "Europe/Berlin")

    assert town.context.holidays == {date(2020, 1, 1)}
    assert (town.context.waste_class, town.zone, town.origin_hour, town.is_coarse) == ({"a": "green"}, {"a": "Market 1"}, 18, False)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("serialNumber,timestamp\n7,2021-05-01\n", "no column latestFullness; it has serialNumber, timestamp"),
        ("serialNumber,timestamp,latestFullness\n7,yesterday,4\n", "row 2: column timestamp holds 'yesterday'"),
        ("serialNumber,timestamp,latestFullness\n7,2021-05-01,full\n", "row 2: column latestFullness holds 'full'"),
        ("serialNumber,timestamp,latestFullness\n7,2021-05-01\n", "row 2: column latestFullness holds None"),
        ("serialNumber,timestamp,latestFullness\n", "holds no rows"),
        ("", "it has no header"),
    ],
)
def test_a_bad_csv_is_refused_by_file_and_column(tmp_path, content, said):
    (tmp_path / "fill_history.csv").write_text(content)

    with pytest.raises(FillFileError, match=r"fill_history\.csv") as found:
        read_fill_folder(tmp_path)
    assert said in str(found.value)
    assert found.value.mend


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"height": None}, "has no column height"),
        ({"height": ["low"] * 3}, "column height holds"),
        ({"ts": ["2020"] * 3}, "column ts holds string"),
        ({"bin": ["a", None, "a"]}, "column bin is empty in 1 rows"),
    ],
)
def test_a_bad_parquet_is_refused_by_file_and_column(tmp_path, columns, said):
    heights(tmp_path, [1.0] * 3, **columns)

    with pytest.raises(FillFileError, match=r"readings\.parquet") as found:
        read_fill_folder(tmp_path)
    assert said in str(found.value)


def test_what_is_no_parquet_no_text_or_no_zone_is_refused(tmp_path, levels):
    (tmp_path / "heights").mkdir()
    (tmp_path / "heights" / "readings.parquet").write_bytes(b"PAR0")
    with pytest.raises(FillFileError, match="is no Parquet file"):
        read_fill_folder(tmp_path / "heights")
    with pytest.raises(FillFileError, match="'Nowhere' is no time zone"):
        read_fill_folder(levels, "Nowhere")
    (levels / "fill_history.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FillFileError, match="is no text in UTF-8"):
        read_fill_folder(levels)


def test_an_empty_folder_says_what_it_should_hold(tmp_path):
    with pytest.raises(FillFileError, match="serialNumber, timestamp and latestFullness, or"):
        read_fill_folder(tmp_path)
