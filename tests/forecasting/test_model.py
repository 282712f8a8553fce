"""The fill model: honest, monotone, repeatable, humble, blind to the future."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecasting.baseline import KNOTS_H
from forecasting.density import overflow_probability
from forecasting.errors import NotFittedError
from forecasting.features import COLUMN, COLUMNS, Context, SnapshotTable, snapshots, training_table
from forecasting.history import build_histories, build_history
from forecasting.level import Readings
from forecasting.model import OLD_D, TREE_COLUMNS, FillModel
from tests.forecasting.conftest import ORIGINS, UNTIL
from tests.forecasting.worlds import START, simulate

WEEK = tuple(range(1, 169))


def small(**options):
    return FillModel(iterations=20, **options)


def test_a_week_of_hours_neither_crosses_nor_falls(artifact, tonight):
    """QuantileTable refuses such a table by itself; here the numbers are looked at."""
    forecast = artifact.model.predict(tonight, WEEK)

    assert forecast.fill.shape == (len(tonight), 168, 3)
    assert (np.diff(forecast.fill, axis=1) >= 0).all()
    assert (np.diff(forecast.fill, axis=2) >= 0).all()
    assert forecast.fill.min() >= 0


def test_overflow_grows_likelier_by_the_hour(artifact, tonight):
    probability = overflow_probability(artifact.model.predict(tonight, WEEK))

    assert (np.diff(probability, axis=1) >= 0).all()
    assert probability[:, -1].mean() > probability[:, 0].mean() + 0.2


def test_some_hours_of_the_week_are_the_same_as_all_of_them(artifact, tonight):
    whole, some = (artifact.model.predict(tonight, hours).fill for hours in (WEEK, (3, 24, 100)))

    np.testing.assert_allclose(some, whole[:, [2, 23, 99]], atol=1e-12)


def test_same_data_and_seed_same_forecast(training, tonight):
    first, second = (small().fit(training).predict(tonight, KNOTS_H).fill for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_readings_after_the_origin_change_no_forecast(worlds, context, training):
    """Every reading after the origin is forged; model and snapshots know only what came before."""
    cut = ORIGINS[40]
    forecasts = []
    for forge in (False, True):
        readings, lifts, earlier = {}, {}, {}
        for i, (key, world) in enumerate(list(worlds.items())[:12]):
            true = world.readings(seed=i)
            fill = np.where((true.observed_at > cut) & forge, 1.3, true.fill)
            readings[key] = Readings(true.observed_at, fill, true.quality)
            lifts[key] = [at for at in world.lifts if at <= cut or not forge]
            earlier[key] = [at for at in world.lifts if at <= cut]
        histories = build_histories(readings, lifts)
        known = build_histories({key: one.until(cut) for key, one in readings.items()}, earlier)
        table = training_table(known, ORIGINS[:41], context, KNOTS_H, cut)
        model = small().fit(table)
        assert model.trees_
        forecasts.append(model.predict(snapshots(histories, [cut], context), WEEK).fill)

    np.testing.assert_array_equal(*forecasts)


def test_a_container_without_readings_gets_the_prior_and_an_old_one_the_model(artifact, tonight):
    forecast = artifact.model.predict(tonight, (24, 48))

    assert forecast.method[0] == "prior"
    assert forecast.method.count("model") > len(tonight) / 2
    assert forecast.fill[0, 0, 2] - forecast.fill[0, 0, 0] > np.median(forecast.fill[1:, 0, 2] - forecast.fill[1:, 0, 0])


def test_a_young_container_is_left_to_the_shrunken_rate(artifact, context):
    young = build_history(simulate(1, seed=9).readings())
    table = snapshots({"young": young}, [young.end], context)

    forecast = artifact.model.predict(table, (24, 48))

    assert forecast.method == ("baseline",)
    np.testing.assert_array_equal(forecast.fill, artifact.model.baseline_.predict(table, (24, 48)).fill)


def test_containers_named_to_fall_back_do(training, tonight):
    forecast = small(fall_back=frozenset({"c3"})).fit(training).predict(tonight, (24,))

    assert forecast.method[tonight.keys.index("c3")] == "baseline"
    assert forecast.method[tonight.keys.index("c4")] == "model"


def test_ten_days_of_history_grow_no_trees(histories, context):
    cut = ORIGINS[9]
    early = {key: build_history(Readings.of([], [])) for key in histories}
    early["c1"] = build_history(simulate(10, seed=1).readings().until(cut))
    table = training_table(early, ORIGINS[:10], context, KNOTS_H, cut)

    model = FillModel().fit(table)

    assert model.trees_ == ()
    assert set(model.predict(snapshots(early, [cut], context), WEEK).method) == {"baseline", "prior"}


def test_beyond_the_longest_learned_horizon_the_rate_goes_on(histories, context, tonight):
    """Learned up to 72 h: from there to 168 h the median grows by the baseline's increment."""
    table = training_table(histories, ORIGINS, context, (24, 48, 72), UNTIL)
    model = small().fit(table)
    row = tonight.keys.index("c4")

    fill = model.predict(tonight, (72, 168)).fill[row, :, 1]
    rate = model.baseline_.predict(tonight, (72, 168)).fill[row, :, 1]

    assert model.knots_h_ == (24, 48, 72)
    assert fill[1] - fill[0] == pytest.approx(rate[1] - rate[0], abs=0.01)


def test_a_class_never_seen_is_forecast_too(artifact, histories):
    """Same container, unknown class: still a forecast by the model."""
    table = snapshots({"c4": histories["c4"]}, [UNTIL], Context(ZoneInfo("Europe/Berlin"), {"c4": "moon dust"}))

    assert artifact.model.predict(table, (24,)).method == ("model",)


def test_no_rows_no_forecasts(artifact, context):
    assert artifact.model.predict(snapshots({}, [START], context), (24,)).fill.shape == (0, 1, 3)


def test_asking_before_fit_or_beyond_a_week_is_an_error(artifact, tonight):
    with pytest.raises(NotFittedError):
        FillModel().predict(tonight, (24,))
    with pytest.raises(ValueError, match="168"):
        artifact.model.predict(tonight, (200,))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=hnp.arrays(np.float64, (4, len(COLUMNS)), elements=st.one_of(st.floats(0, 400), st.just(float("nan")))),
    hours=st.sets(st.integers(1, 168), min_size=1, max_size=6),
)
def test_whatever_the_snapshot_the_forecast_is_a_distribution(artifact, values, hours):
    """Any mixture of known and unknown columns; QuantileTable refuses NaN, crossing quantiles and falling fill."""
    table = SnapshotTable(tuple("abcd"), np.zeros(4, np.int64), values, ("glass",) * 4, np.zeros((4, 7), np.int8))

    forecast = artifact.model.predict(table, sorted(hours))

    assert np.isfinite(forecast.fill).all()
    assert (np.diff(overflow_probability(forecast), axis=1) >= 0).all()


def test_a_container_known_by_its_lifts_alone_is_forecast_from_zero(artifact, context):
    """No sensor, lifted two days ago: the class's rate fills it from then on."""
    silent = build_history(Readings.of([], []), [UNTIL - 48 * 3600])
    table = snapshots({"silent": silent}, [UNTIL], context)

    forecast = artifact.model.predict(table, (24, 72))

    rate = artifact.model.baseline_.class_rate(table)[0]
    assert forecast.method == ("baseline",)
    assert forecast.fill[0, :, 1] == pytest.approx([3 * rate, 5 * rate], abs=0.12)
    assert forecast.fill[0, 1, 2] - forecast.fill[0, 1, 0] > 0.2


def test_a_container_of_a_year_is_forecast_like_one_of_a_season(artifact, tonight):
    """Days of history beyond two months would be a calendar: trees that saw them grow would forecast after New Year what Christmas was."""

    def after(days):
        values = tonight.values.copy()
        values[:, COLUMNS.index("history_d")] = days
        return SnapshotTable(tonight.keys, tonight.origin, values, tonight.waste_class, tonight.rest_days)

    column = TREE_COLUMNS.index(COLUMN["history_d"])
    month, season, year = (artifact.model._inputs(after(days), KNOTS_H)[:, :, column] for days in (OLD_D / 2, OLD_D, 6 * OLD_D))
    assert (month < season).all()
    np.testing.assert_array_equal(season, year)
