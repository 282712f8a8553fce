"""Whether a threshold is reached: direct classifiers, quantiles read as probabilities, and the choice between them."""

import numpy as np
import pytest

from forecasting.baseline import LastValue, ShrunkenRate
from forecasting.crossing import UNEMPTIED, BestCrossing, CrossingModel, TableCrossing, outcome
from forecasting.density import overflow_probability
from forecasting.errors import NotFittedError
from forecasting.scores import auc, brier
from tests.forecasting.conftest import ORIGINS, UNTIL

THRESHOLD = 0.6


@pytest.fixture(scope="module")
def known(training):
    return training.known_by(ORIGINS[42])


@pytest.fixture(scope="module")
def later(training):
    return training.since(ORIGINS[42])


@pytest.fixture(scope="module")
def fitted(known) -> CrossingModel:
    return CrossingModel(THRESHOLD, forest=30).fit(known)


def test_an_outcome_is_the_level_and_what_came_in(training):
    found = outcome(training, THRESHOLD)
    fill = training.snapshots["level"][:, None] + training.increment

    seen = np.isfinite(fill)
    np.testing.assert_array_equal(found[seen], fill[seen] >= THRESHOLD)
    assert np.isnan(found[~seen]).all()


def test_windows_with_an_emptying_can_be_left_out(training):
    assert np.isnan(outcome(training, THRESHOLD, UNEMPTIED)[training.emptied]).all()
    with pytest.raises(ValueError, match="'unemptied' or 'all'"):
        CrossingModel(windows="some").fit(training)


def test_it_ranks_containers_better_than_their_level(later, fitted):
    column = later.horizons_h.index(48)
    happened, level = outcome(later, THRESHOLD)[:, column], later.snapshots["level"]
    below = np.isfinite(happened) & (level < THRESHOLD)
    said = fitted.predict(later.snapshots, (48,))[:, 0]

    assert 48 in fitted.horizons_h_
    assert auc(happened[below], said[below]) > auc(happened[below], level[below])
    assert brier(happened[below], said[below]).mean() < happened[below].var()


def test_probabilities_rise_with_hours_and_are_certain_where_it_is_reached(later, fitted):
    said = fitted.predict(later.snapshots, (3, 24, 30, 48, 100, 168))
    full = later.snapshots["level"] >= THRESHOLD

    assert ((said >= 0) & (said <= 1)).all()
    assert (np.diff(said, axis=1) >= 0).all()
    assert full.any() and (said[full] == 1).all()


def test_too_few_windows_leave_the_word_to_the_weekday_profile(training, tonight):
    found = CrossingModel(THRESHOLD).fit(training.known_by(ORIGINS[5]))

    expected = overflow_probability(found.baseline_.predict(tonight, (24, 72)), THRESHOLD)
    expected[tonight["level"] >= THRESHOLD] = 1.0
    assert not found.horizons_h_
    np.testing.assert_array_equal(found.predict(tonight, (24, 72)), expected)


def test_the_better_one_on_unseen_days_is_chosen(training):
    """Who knows the rates beats who says that nothing comes in; turned round, the names change and the choice does not."""
    makers = {"rates": lambda: TableCrossing(ShrunkenRate, THRESHOLD), "nothing": lambda: TableCrossing(LastValue, THRESHOLD)}

    found = BestCrossing(THRESHOLD, candidates=makers).fit(training)
    turned = BestCrossing(THRESHOLD, candidates={"a": makers["nothing"], "b": makers["rates"]}).fit(training)

    assert found.brier_["rates"] < found.brier_["nothing"]
    assert (found.chosen_, turned.chosen_) == ("rates", "b")
    np.testing.assert_array_equal(
        found.predict(training.snapshots, (24,)), TableCrossing(ShrunkenRate, THRESHOLD).fit(training).predict(training.snapshots, (24,))
    )


def test_choosing_looks_at_the_outcome_that_it_is_given(training):
    """Where nothing ever happens, whoever says the least is best."""
    makers = {"rates": lambda: TableCrossing(ShrunkenRate, THRESHOLD), "nothing": lambda: TableCrossing(LastValue, THRESHOLD)}

    found = BestCrossing(THRESHOLD, candidates=makers, happened=lambda table: np.zeros_like(table.increment)).fit(training)

    assert found.chosen_ == "nothing"


def test_without_a_past_the_first_candidate_answers(training, tonight):
    empty = training.take(np.zeros(0, np.int64))
    found = BestCrossing(THRESHOLD, candidates={"rates": lambda: TableCrossing(ShrunkenRate, THRESHOLD)}).fit(empty)

    assert (found.chosen_, found.brier_) == ("rates", {})
    assert np.isfinite(found.predict(tonight, (24,))).all()


def test_nothing_after_the_training_changes_what_is_learned(training, known, fitted, tonight):
    """Windows that closed after the cut are not there to learn from, whatever they hold."""
    assert known.until <= ORIGINS[42] < UNTIL
    again = CrossingModel(THRESHOLD, forest=30).fit(training.known_by(ORIGINS[42]))

    np.testing.assert_array_equal(again.predict(tonight, (24, 72)), fitted.predict(tonight, (24, 72)))


def test_asking_before_fit_is_an_error(tonight):
    for model in (CrossingModel(), BestCrossing()):
        with pytest.raises(NotFittedError):
            model.predict(tonight, (24,))
