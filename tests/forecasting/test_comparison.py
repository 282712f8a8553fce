"""A backtest's figures by hand, and its gains beside plain arithmetic."""

import json
from dataclasses import replace

import numpy as np
import pytest

from forecasting.backtest_report import Report
from forecasting.comparison import ALWAYS, Comparison
from forecasting.density import QuantileTable
from forecasting.evaluate import Windows
from forecasting.features import COLUMN, COLUMNS, SnapshotTable
from forecasting.intervals import mean_interval
from forecasting.level import DAY_S
from forecasting.rolling import Rolled
from forecasting.times import TimeForecasts, TimeTruth
from tests.forecasting.worlds import START

WEEKS = 6


def windows(truth: list[float], model: list[float], rate: list[float], level: float = 0.6) -> Windows:
    """One window a week at one horizon; quantiles lie 0.1 around the medians given."""
    n = len(truth)
    values = np.full((n, len(COLUMNS)), np.nan)
    values[:, COLUMN["level"]] = level
    origin = START + 7 * DAY_S * np.arange(n)
    keys = tuple(f"c{i % 2}" for i in range(n))
    now = SnapshotTable(keys, origin, values, ("glass",) * n, np.zeros((n, 7), np.int8))
    tables = {
        name: QuantileTable(keys, origin, (24,), (0.1, 0.5, 0.9), np.array([[[m - 0.1, m, m + 0.1]] for m in medians]), ("model",) * n)
        for name, medians in (("model", model), ("mean_rate", rate))
    }
    return Windows(now, np.zeros(n, np.int64), (24,), np.array(truth)[:, None], np.zeros((n, 1), np.bool_), tables)


@pytest.fixture
def six() -> Windows:
    """The model is off by 0.02, 0.04, 0.06, 0.02, 0.04, 0.06; the rate by 0.1 each time."""
    return windows([0.7, 0.7, 0.7, 0.9, 0.9, 0.9], [0.72, 0.74, 0.76, 0.88, 0.86, 0.84], [0.8] * 6)


def test_figures_by_hand(six):
    found = {one.name: one for one in Comparison(six, 0.8, {"sure": np.full((6, 1), 0.5)}).figures()}

    assert found["model"].mae == pytest.approx(0.04, abs=1e-3)
    assert found["mean_rate"].mae == pytest.approx(0.1, abs=1e-3)
    assert found["model"].coverage == 1
    assert found["model"].auc == 1
    assert (found["sure"].brier, found["sure"].auc) == (0.25, 0.5)
    assert np.isnan(found["sure"].mae)


def test_collecting_always_is_right_as_often_as_it_happens(six):
    """Three of six reach 80 %: the other three visits were early, none is spared and none missed."""
    always = next(one for one in Comparison(six, 0.8, {}).figures() if one.name == ALWAYS)

    assert (always.brier, always.auc, always.spared, always.missed) == (0.5, 0.5, 0, 0)


def test_what_is_spared_and_missed_by_hand(six):
    """At a chance of at most a tenth the container waits: windows 1, 2 and 4 of six, and the fourth was full."""
    chance = np.array([[0.05], [0.1], [0.5], [0.0], [0.9], [0.9]])
    found = next(one for one in Comparison(six, 0.8, {"ours": chance}).figures() if one.name == "ours")

    assert (found.spared, found.missed) == pytest.approx((3 / 6, 1 / 6))


def test_gains_are_the_others_loss_less_ours_by_week(six):
    gains = {(one.over, one.figure): one.interval for one in Comparison(six, 0.8, {}).gains()}

    expected = mean_interval(np.array([0.08, 0.06, 0.04, 0.08, 0.06, 0.04]), np.arange(6))
    assert gains["mean_rate", "mae"].estimate == pytest.approx(0.06, abs=1e-3)
    assert gains["mean_rate", "mae"].low == pytest.approx(expected.low, abs=2e-3)
    assert gains["mean_rate", "mae"].is_clear
    assert gains["mean_rate", "auc"].estimate == pytest.approx(0.5)
    assert gains[ALWAYS, "brier"].estimate > 0.3


def test_easy_origins_do_not_count_as_near():
    empty = Comparison(windows([0.2, 0.9], [0.2, 0.9], [0.2, 0.9], level=0.1), 0.8, {}).figures()[0]
    near = Comparison(windows([0.2, 0.9], [0.2, 0.9], [0.2, 0.9], level=0.6), 0.8, {}).figures()[0]

    assert (empty.near, near.near) == (0, 2)
    assert np.isnan(empty.auc_near) and near.auc_near == 1


def test_reported_events_stand_in_for_those_in_hindsight(six):
    found = Comparison(six, 0.8, {}, reported=np.array([[1.0], [1], [1], [0], [0], [np.nan]])).figures()[0]

    assert (found.windows, found.auc) == (5, 0)


def test_each_container_has_its_own_row(six):
    found = {one.group: one for one in Comparison(six, 0.8, {}).by_container()}

    assert found["c0"].windows == 3
    assert found["c0"].mae["model"] == pytest.approx((0.02 + 0.06 + 0.04) / 3, abs=1e-3)
    assert found["c0"].gain.estimate == pytest.approx(0.1 - 0.04, abs=1e-3)


def test_a_report_says_the_same_to_people_and_to_programs(six):
    hours = np.tile([24.0, 48.0, 72.0], (6, 1))
    times = TimeForecasts(TimeTruth(np.full(6, 48.0), np.zeros(6, np.bool_)), {"time_to_full": hours, "model": hours + 24})
    rolled = Rolled(six, 0.8, {"crossing": np.full((6, 1), 0.5)}, times, ("quantiles",), None)

    report = Report.of("town", rolled, {"c0": "north", "c1": "south"})
    text, plain = report.as_text(), json.loads(json.dumps(report.as_json(), allow_nan=False))

    model = next(one for one in plain["figures"] if one["name"] == "model")
    assert f"{100 * model['mae']:.2f}" in text and f"{model['brier']:.4f}" in text
    assert [one["group"] for one in plain["groups"]["zone"]] == ["north", "south"]
    assert "By zone: 2" in text and "quantiles" in text
    assert {one["name"]: one["mae_d"] for one in plain["times"] if one["selection"] == "was <= 5 d"} == {"time_to_full": 0, "model": 1}


def test_without_zones_and_classes_there_are_no_such_tables(six):
    bare = replace(six, snapshots=replace(six.snapshots, waste_class=("",) * 6))
    nothing = TimeForecasts(TimeTruth(np.full(6, np.nan), np.zeros(6, np.bool_)), {"model": np.full((6, 3), np.inf)})

    report = Report.of("town", Rolled(bare, 0.8, {"crossing": np.full((6, 1), 0.5)}, nothing, ("quantiles",), None), {})

    assert set(report.groups) == {"container"}
    assert report.as_json()["times"][0]["mae_d"] is None
