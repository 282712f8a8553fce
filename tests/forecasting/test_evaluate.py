"""The backtest and the artifact that carries it."""

import hashlib
import json
import pickle
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from forecasting.artifact import MAGIC, VERSION, freeze, thaw
from forecasting.baseline import LastValue, Schedule, ShrunkenRate, WeekdayProfile
from forecasting.errors import ArtifactError
from forecasting.evaluate import ContainerScore, Evaluation, backtest, known_before, pinball, roll
from forecasting.features import training_table
from forecasting.model import FillModel
from tests.forecasting.conftest import ORIGINS, UNTIL


def test_the_model_beats_the_naive_ones_on_a_city_with_a_weekly_rhythm(artifact):
    scores = artifact.evaluation.scores

    for i in range(3):
        assert scores["model"][i].mae < scores["mean_rate"][i].mae < scores["last_value"][i].mae
        assert 0.68 < scores["model"][i].coverage < 0.92
    assert sum(score.brier for score in scores["model"]) < sum(score.brier for score in scores["last_value"])
    assert artifact.evaluation.gain(48) == pytest.approx(1 - scores["model"][1].mae / scores["mean_rate"][1].mae)


def test_scores_are_what_a_plain_loop_finds(training):
    """One fold of the last value, scored again row by row."""
    found = backtest(training, {"model": LastValue, "shrunken_rate": ShrunkenRate}, fold_d=10, horizons_h=(24,)).scores["model"][0]
    end = training.until - 24 * 3600
    cut = end - 10 * 86400
    fitted = LastValue().fit(known_before(training, cut))
    column = training.horizons_h.index(24)
    errors, inside = [], []
    for i in range(len(training)):
        origin, target = training.snapshots.origin[i], training.increment[i, column]
        if cut <= origin < end and np.isfinite(target):
            quantiles = fitted.predict(training.snapshots.take(np.array([i])), (24,)).fill[0, 0]
            truth = training.snapshots["level"][i] + target
            errors.append(abs(truth - quantiles[1]))
            inside.append(quantiles[0] <= truth <= quantiles[2])

    assert found.windows == len(errors) > 100
    assert found.mae == pytest.approx(np.mean(errors), abs=1e-3)
    assert found.coverage == pytest.approx(np.mean(inside))


def test_training_rows_end_72_hours_before_the_first_origin_of_a_fold(training):
    """And what came after the cut is not in them: windows that had not closed a day before it are unknown."""
    cut = ORIGINS[40]
    known = known_before(training, cut)

    closes = known.snapshots.origin[:, None] + 3600 * np.asarray(known.horizons_h)[None, :]
    assert cut - 73 * 3600 - 86400 < known.snapshots.origin.max() <= cut - 72 * 3600
    assert (closes[np.isfinite(known.increment)] <= cut - 86400).all()
    assert known.until == cut


def test_what_comes_after_a_fold_changes_none_of_its_forecasts(training):
    """All targets of windows that closed later are replaced: of the forecasts of that fold nothing moves."""
    makers = {
        "model": lambda: FillModel(iterations=5),
        "shrunken_rate": ShrunkenRate,
        "weekday_profile": WeekdayProfile,
        "schedule": Schedule,
    }
    cut = int(UNTIL - 72 * 3600 - 14 * 86400)
    closes = training.snapshots.origin[:, None] + 3600 * np.asarray(training.horizons_h)[None, :]
    noise = np.random.default_rng(3).random(training.increment.shape)
    changed = replace(training, increment=np.where(closes > cut, noise, training.increment))

    ours, others = (roll(table, makers) for table in (training, changed))

    assert not np.array_equal(ours.truth, others.truth)
    for name, table in ours.tables.items():
        np.testing.assert_array_equal(table.fill, others.tables[name].fill, err_msg=name)


def test_pinball_by_hand():
    """0.9 × 0.2 above the forecast, 0.1 × 0.2 below it."""
    assert pinball(np.array([0.7, 0.3]), np.array([0.5, 0.5]), 0.9).tolist() == pytest.approx([0.18, 0.02])


def test_only_clear_losses_fall_back():
    loss = {"model": 0.02, "shrunken_rate": 0.01}
    containers = tuple(ContainerScore(key, 20, excess, loss, loss) for key, excess in (("clear", 3.0), ("luck", 1.0), ("gain", -3.0)))

    assert Evaluation((0.5,), 0.8, 0, 0, {}, containers).fall_back == {"clear"}


def test_a_model_that_loses_everywhere_is_taken_from_its_containers(training):
    found = backtest(training, {"model": LastValue, "shrunken_rate": ShrunkenRate})

    assert len(found.fall_back) > 10


def test_too_short_a_history_scores_nothing(histories, context):
    table = training_table({}, ORIGINS, context, (24, 48, 72), UNTIL)

    found = backtest(table)

    assert (found.scores, found.containers, found.fall_back) == ({}, (), frozenset())
    assert np.isnan(found.gain(24))


def test_frozen_and_thawed_forecasts_are_the_same(artifact, tonight):
    thawed = thaw(freeze(artifact))

    np.testing.assert_array_equal(thawed.model.predict(tonight, (24, 168)).fill, artifact.model.predict(tonight, (24, 168)).fill)
    assert thawed.trained_until == UNTIL
    assert thawed.evaluation == artifact.evaluation


@pytest.mark.parametrize("key", [7, "c7", UUID(int=7), (3, 7)])
def test_any_plain_name_of_a_container_survives_the_freezing(artifact, key):
    score = ContainerScore(key, 20, 3.0, {"model": 0.02, "shrunken_rate": 0.01}, {"model": 0.02, "shrunken_rate": 0.01})
    named = replace(artifact, evaluation=replace(artifact.evaluation, containers=(score,)))

    assert thaw(freeze(named)).evaluation.fall_back == {key}


def test_damaged_foreign_and_outdated_bytes_are_refused(artifact):
    frozen = freeze(artifact)

    for bad, reason in (
        (b"something else", "not a frozen"),
        (frozen[:-1] + bytes([frozen[-1] ^ 1]), "digest"),
        (frozen.replace(b'"version": %d' % VERSION, b'"version": 99'), "learn again"),
        (MAGIC + b"{\n", "header"),
    ):
        with pytest.raises(ArtifactError, match=reason):
            thaw(bad)


def test_a_pickle_that_names_anything_else_is_refused_unrun(artifact, tmp_path):
    """The forged body would create a file when loaded by plain pickle."""
    witness = tmp_path / "witness"

    class Trap:
        def __reduce__(self):
            return (open, (str(witness), "w"))

    body = pickle.dumps(Trap())
    head = json.loads(freeze(artifact)[len(MAGIC) :].partition(b"\n")[0])
    head["sha256"] = hashlib.sha256(body).hexdigest()

    with pytest.raises(ArtifactError, match="no artifact holds"):
        thaw(MAGIC + json.dumps(head).encode() + b"\n" + body)
    assert not witness.exists()
