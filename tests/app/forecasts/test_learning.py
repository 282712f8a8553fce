"""Learning takes bounded time, and where it fails the last good model goes on and says so."""

from dataclasses import replace

import numpy as np
import pytest

from app.forecasts import learning
from app.forecasts.learning import learn_or_keep, training_rows
from app.forecasts.night import forecast, histories_of, load_signals
from app.forecasts.operations import store_forecast
from app.forecasts.subjects import load_subjects
from app.telemetry.models import ModelArtifact
from tests.app.forecasts.conftest import DAY
from tests.factories.planning import EVE


@pytest.fixture
def subjects(session, town):
    return load_subjects(session, EVE)


@pytest.fixture
def histories(session, subjects):
    signals = load_signals(session, EVE)
    return histories_of(signals, subjects.container_ids.tolist())


def broken(*_args, **_values):
    raise MemoryError("no room for trees")


def test_of_too_many_evenings_as_many_are_drawn_and_always_the_same(histories, subjects):
    everything = training_rows(histories, EVE, subjects.context)
    some = training_rows(histories, EVE, subjects.context, most=20)

    assert len(everything) > 60
    assert len(some) == 20
    again = training_rows(histories, EVE, subjects.context, most=20)
    np.testing.assert_array_equal(some.snapshots.values, again.snapshots.values)


def test_a_failure_keeps_the_last_good_model_and_says_so(histories, subjects, monkeypatch):
    last = learn_or_keep(histories, EVE - DAY * 0, subjects.context, fresh=None, last=None).frozen
    monkeypatch.setattr(learning, "training_rows", broken)

    kept = learn_or_keep(histories, EVE + DAY, subjects.context, fresh=None, last=last)

    assert kept.frozen is None
    assert kept.artifact.trained_until == int(EVE.timestamp())
    assert kept.note is not None
    assert "MemoryError: no room for trees" in kept.note
    assert "18 November 2026" in kept.note


def test_the_note_stands_in_the_run_and_no_new_model_is_kept(session, subjects, monkeypatch):
    store_forecast(session, forecast(subjects, load_signals(session, EVE), EVE))
    tomorrow = EVE + DAY
    signals = load_signals(session, tomorrow)
    assert signals.model is None  # a day old
    monkeypatch.setattr(learning, "learn", broken)

    run = store_forecast(session, forecast(subjects, signals, tomorrow))

    assert run is not None
    assert run.evaluation["note"].startswith("Learning failed (MemoryError")
    assert session.query(ModelArtifact).count() == 1


def test_without_an_earlier_model_the_prior_goes_on(histories, subjects, monkeypatch):
    learn = learning.learn

    def fails_on_any_data(training, **values):
        if np.isfinite(training.increment).any():
            raise ValueError("these data are odd")
        return learn(training, **values)

    monkeypatch.setattr(learning, "learn", fails_on_any_data)

    learned = learn_or_keep(histories, EVE, subjects.context, fresh=None, last=b"damaged")

    assert learned.note is not None
    assert "no earlier model" in learned.note


def test_losers_are_forecast_by_the_baseline(session, subjects, town):
    signals = load_signals(session, EVE)
    a, *_ = subjects.container_ids.tolist()

    outlook = forecast(subjects, replace(signals, losers=frozenset({a})), EVE)

    assert outlook.table.method[0] == "baseline"
