"""Columns go into PostgreSQL and come back as they were."""

import numpy as np
import pytest

from app.forecasts.drift import at_own_hour
from app.forecasts.operations import FORECASTS_KEPT, forget_old_forecasts
from app.forecasts.queries import QUANTILES, load_quantiles
from app.forecasts.store import copy_arrays, insert_forecasts
from app.telemetry.models import ContainerForecast, ForecastRun
from app.telemetry.queries import latest_forecast
from tests.factories import forecasts as make
from tests.factories import telemetry as make_telemetry
from tests.factories.planning import EVE


@pytest.fixture
def container_ids(session):
    return np.array([make_telemetry.container(session).id for _ in range(3)], np.int64)


def test_a_forecast_is_read_back_as_it_was_written(session, container_ids):
    assert latest_forecast(session) is None
    run = ForecastRun(origin_at=EVE, method="global", model_version="1", horizons_h=[24, 48])
    session.add(run)
    session.flush()
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    tables = {"q10": table, "q50": table + 0.25, "q90": table + 20, "overflow": table / 8, "naive": table + 1}

    insert_forecasts(session, run.id, container_ids, ["model", "it's naive", "model"], tables)

    found = latest_forecast(session)
    assert found is not None
    assert found.run is run
    assert found.container_ids.tolist() == container_ids.tolist()
    assert found.methods == ["model", "it's naive", "model"]
    for name, column in {
        "q10": "q10_pct",
        "q50": "q50_pct",
        "q90": "q90_pct",
        "overflow": "overflow_probability",
        "naive": "naive_pct",
    }.items():
        np.testing.assert_array_equal(getattr(found, column), tables[name])


def test_between_two_hours_a_forecast_is_read_on_a_straight_line(session, container_ids):
    """40 % and 8 % a day: after 36 hours 52 %, 10 points to both sides."""
    run = make.run(session, EVE, {int(container_ids[0]): (40.0, 8.0)})

    horizons, told, by_model, tables = load_quantiles(session, run, 30.0, 36.0)

    assert (horizons, told.tolist(), by_model.tolist()) == ([24, 48], [container_ids[0]], [True])
    at = [at_own_hour(horizons, tables[name], np.array([36.0]))[0] for name in QUANTILES]
    assert at == pytest.approx([42, 52, 62, 53])
    assert load_quantiles(session, run, 48.0, 48.0)[0] == [48]


def test_arrays_of_every_kind_come_back(session):
    [row] = list(
        copy_arrays(session, "select 7::bigint, array[1,2]::bigint[], array[0.5,'NaN']::real[], array[true,false]::int[], '{}'::real[]", ())
    )

    assert row[0] == 7
    assert row[1].tolist() == [1, 2]
    np.testing.assert_array_equal(row[2], [0.5, np.nan])
    assert row[3].tolist() == [1, 0]
    assert len(row[4]) == 0


def test_forecasts_that_have_been_judged_are_forgotten(session, container_ids):
    for origin_at in (EVE, EVE - FORECASTS_KEPT * 2):
        make.run(session, origin_at, {int(container_ids[0]): (40.0, 8.0)})

    forget_old_forecasts(session, EVE)

    [kept] = session.query(ContainerForecast).all()
    assert session.get(ForecastRun, (kept.tenant_id, kept.run_id)).origin_at == EVE
    assert session.query(ForecastRun).count() == 2  # how past nights did is short, and stays
