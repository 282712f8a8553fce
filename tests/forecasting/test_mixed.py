"""The closed form against the textbook's dense one, which anybody can check but nobody can afford for ten thousand containers."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from forecasting.mixed import Component, Posterior, Prior, Rows, fit_spreads, posterior

Q, P = 3, 8


def some_rows(mixed: int, single: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    leaf = np.zeros((mixed + single, P))
    for row in range(mixed):
        leaf[row, rng.choice(P, 4, replace=False)] = rng.uniform(1, 3, 4)
    for row in range(mixed, mixed + single):
        leaf[row, rng.integers(P)] = rng.uniform(1, 3)
    common = rng.uniform(0, 2, (mixed + single, Q))
    order = rng.permutation(mixed + single)
    y, variance = rng.normal(5, 2, mixed + single), rng.uniform(0.5, 2, mixed + single)
    return Rows(sparse.csr_array(common[order]), sparse.csr_array(leaf[order]), y, variance)


def a_prior(seed: int = 1) -> Prior:
    rng = np.random.default_rng(seed)
    return Prior(rng.normal(1, 0.5, Q), rng.uniform(0.2, 1, Q), rng.uniform(0.1, 0.5, P))


def dense(rows: Rows, prior: Prior) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of (common, leaf) by inverting everything."""
    design = np.hstack((rows.common.toarray(), rows.leaf.toarray()))
    precision = np.diag(1 / np.concatenate((prior.variance, prior.leaf_variance))) + design.T @ (design / rows.variance[:, None])
    mean = np.concatenate((prior.mean / prior.variance, np.zeros(P))) + design.T @ (rows.y / rows.variance)
    covariance = np.linalg.inv(precision)
    return covariance @ mean, covariance


@pytest.mark.parametrize(("mixed", "single"), [(6, 9), (6, 0), (0, 9), (0, 0)])
def test_means_and_variances_are_those_of_the_dense_regression(mixed: int, single: int) -> None:
    rows, prior = some_rows(mixed, single), a_prior()
    found, (mean, covariance) = posterior(rows, prior), dense(rows, prior)

    assert np.concatenate((found.common, found.leaf)) == pytest.approx(mean)
    weights = np.random.default_rng(2).normal(size=(5, Q + P))
    common, leaf = sparse.csr_array(weights[:, :Q]), sparse.csr_array(weights[:, Q:])
    assert found.mean_of(common, leaf) == pytest.approx(weights @ mean)
    assert found.variance_of(common, leaf) == pytest.approx(np.einsum("rq,qp,rp->r", weights, covariance, weights))


def test_left_out_errors_of_mixed_rows_are_those_of_really_leaving_them_out() -> None:
    rows, prior = some_rows(6, 9), a_prior()
    found = posterior(rows, prior)

    for row in rows.split()[1].tolist():
        others = np.delete(np.arange(len(rows)), row)
        left: Posterior = posterior(rows.take(others), prior)
        one = rows.take(np.array([row]))
        foretold = left.mean_of(one.common, one.leaf)
        sd = np.sqrt(left.variance_of(one.common, one.leaf) + one.variance)
        assert found.left_out[row] == pytest.approx((one.y - foretold).item())
        assert found.left_out_sd[row] == pytest.approx(sd.item())


def test_spreads_are_found_where_rows_tell_them_apart_and_stay_as_believed_without_rows() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(80), 5)
    shared = (group[:, None] == group[None, :]).astype(float)
    error = rng.normal(0, 0.5, 80)[group] + rng.normal(0, 1.0, 400)
    parts = [Component(shared, 0.2), Component(np.eye(400), 0.3)]

    between, within = fit_spreads(error, 1e-6 * np.eye(400), parts)

    assert between == pytest.approx(0.5, abs=0.15)
    assert within == pytest.approx(1.0, abs=0.1)
    assert fit_spreads(np.zeros(0), np.zeros((0, 0)), [Component(np.zeros((0, 0)), 0.2)]) == [0.2]
