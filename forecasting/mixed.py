"""Hierarchical linear regression in closed form: common effects, independent leaves, observations that mix many leaves.

An observation is y = U u + B b + e. The common effects u (classes, zones, days) are few, the leaves b (containers, sites) many and
independent of each other before anything is observed. Rows with at most one leaf (a bin weighed alone, a visit to one site) are folded
in leaf by leaf; rows that mix many leaves (the ticket of a whole trip) by their own covariance, whose size is the number of such rows.
Nothing of the size leaves × leaves is ever formed, and the result is the exact Gaussian posterior.

References
----------
.. [1] Henderson (1975). Best linear unbiased estimation and prediction under a selection model.
.. [2] Patterson, Thompson (1971). Recovery of inter-block information when block sizes are unequal. (variances by likelihood)
.. [3] Rasmussen, Williams (2006). Gaussian Processes for Machine Learning, sections 2.7 and 5.4.2. (leave one out in closed form)
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, sparse

Array = NDArray[np.float64]
CHUNK = 2_000
"""Rows of a dense intermediate result; it bounds memory, not the answer."""
LONGEST_FIT = 60
"""Steps of the search for variances: it has settled long before, and a night must end."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Observations as sparse rows.

    Parameters
    ----------
    common, leaf
        What each row takes of each common effect and leaf, shapes (n, q) and (n, p).
    y, variance
        Observed value and the variance of its own error, shapes (n,).
    """

    common: sparse.csr_array
    leaf: sparse.csr_array
    y: Array
    variance: Array

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.int64]) -> "Rows":
        """Some of the rows, in the order asked for."""
        return Rows(self.common[rows], self.leaf[rows], self.y[rows], self.variance[rows])

    def split(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the rows with at most one leaf, and of those that mix several."""
        leaves = np.diff(self.leaf.indptr)
        return np.flatnonzero(leaves <= 1), np.flatnonzero(leaves > 1)


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What is believed before: means and variances of the common effects (q,), variances of the leaves (p,), whose means are 0."""

    mean: Array
    variance: Array
    leaf_variance: Array


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """All effects given all rows.

    Parameters
    ----------
    common, leaf
        Posterior means, shapes (q,) and (p,).
    left_out, left_out_sd
        Of each row, its error (observed minus predicted) when it is predicted from all **others**, and the standard deviation that the
        prediction claims for it (n,). Of a row with one leaf, the error that is left once it has been used, with its own error's.
    """

    common: Array
    leaf: Array
    left_out: Array
    left_out_sd: Array
    _common_covariance: Array
    _per_leaf: Array
    _leaf_common: sparse.csr_array
    _leaf_mixed: sparse.csr_array
    _mixed_inverse: Array
    _mixed_common: Array

    def mean_of(self, common: sparse.csr_array, leaf: sparse.csr_array) -> Array:
        """Means of weighted sums of effects; weights (r, q) and (r, p)."""
        return np.asarray(common @ self.common + leaf @ self.leaf)

    def variance_of(self, common: sparse.csr_array, leaf: sparse.csr_array) -> Array:
        """Variances of the same sums, what the effects have in common included (r,)."""
        parts = [self._variance_of(common[rows], leaf[rows]) for rows in _chunks(leaf.shape[0])]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _variance_of(self, common: sparse.csr_array, leaf: sparse.csr_array) -> Array:
        by_mixed = sparse.csr_array(leaf @ self._leaf_mixed)
        through_common = common.toarray() - (leaf @ self._leaf_common).toarray() - by_mixed @ self._mixed_common
        shared = np.einsum("rq,rq->r", through_common @ self._common_covariance, through_common)
        own = leaf.multiply(leaf) @ (1 / self._per_leaf)
        told = np.asarray(by_mixed.multiply(by_mixed @ self._mixed_inverse).sum(axis=1)).ravel()
        return np.asarray(np.maximum(shared + own - told, 0.0))


def posterior(rows: Rows, prior: Prior) -> Posterior:
    """The exact Gaussian posterior of all effects.

    Parameters
    ----------
    rows
        Observations; those that mix several leaves should be at most a few thousand, for their covariance is dense.
    prior
        Beliefs, every variance above 0.

    Returns
    -------
    Posterior
        Means, and variances of any weighted sum of effects.
    """
    single, mixed = rows.split()
    ones, many = rows.take(single), rows.take(mixed)
    scaled = _scaled(ones)
    per_leaf = 1 / prior.leaf_variance + np.asarray((scaled.leaf.multiply(scaled.leaf)).sum(axis=0)).ravel()
    leaf_of_common = sparse.csr_array(sparse.diags_array(1 / per_leaf) @ (scaled.leaf.T @ scaled.common))
    leaf_of_y = (scaled.leaf.T @ scaled.y) / per_leaf
    # what the single rows alone say of the common effects, their leaves integrated out
    precision = np.diag(1 / prior.variance) + (scaled.common.T @ scaled.common).toarray()
    precision -= (leaf_of_common.T @ sparse.diags_array(per_leaf) @ leaf_of_common).toarray()
    towards = prior.mean / prior.variance + scaled.common.T @ scaled.y - leaf_of_common.T @ (per_leaf * leaf_of_y)

    mixing = sparse.csr_array(many.leaf @ sparse.diags_array(1 / per_leaf))
    inverse = _inverse(np.diag(many.variance) + (mixing @ many.leaf.T).toarray())
    seen = many.common.toarray() - (many.leaf @ leaf_of_common).toarray()
    rest = many.y - many.leaf @ leaf_of_y
    by_common = inverse @ seen
    covariance = _inverse(precision + seen.T @ by_common)
    common = covariance @ (towards + by_common.T @ rest)
    surprise = inverse @ (rest - seen @ common)
    leaf = leaf_of_y - leaf_of_common @ common + mixing.T @ surprise

    error, sd = np.zeros(len(rows)), np.sqrt(rows.variance)
    error[single] = ones.y - ones.common @ common - ones.leaf @ leaf
    information = np.diag(inverse) - np.einsum("mq,mq->m", by_common @ covariance, by_common)
    error[mixed], sd[mixed] = surprise / information, 1 / np.sqrt(information)
    return Posterior(common, leaf, error, sd, covariance, per_leaf, leaf_of_common, sparse.csr_array(mixing.T), inverse, by_common)


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """One unknown variance: the covariance (n, n) that a variance of 1 would give the rows, and what is believed of its root."""

    covariance: Array
    guess: float
    log_sd: float = 1.0
    """Of the root's logarithm: 1.0 lets it be a third or three times the guess with ease."""


def fit_spreads(error: Array, known: Array, components: list[Component]) -> list[float]:
    """Standard deviations of the effects, by maximum marginal likelihood under lognormal beliefs (empirical Bayes).

    Parameters
    ----------
    error
        Observed minus expected by the prior means (n,).
    known
        Covariance of the rows that is not in question (n, n).
    components
        What is to be found.

    Returns
    -------
    list of float
        One standard deviation a component, in the effects' unit.
    """
    guesses = np.log([one.guess for one in components])
    if not len(error):
        return [one.guess for one in components]

    def loss(logs: Array) -> tuple[float, Array]:
        covariance = known + sum(np.exp(2 * log) * one.covariance for log, one in zip(logs, components, strict=True))
        inverse, log_det = _inverse_and_log_det(covariance)
        pull = inverse @ error
        slopes = [float(np.vdot(inverse, one.covariance) - pull @ one.covariance @ pull) for one in components]
        off = (logs - guesses) / np.array([one.log_sd for one in components])
        value = log_det / 2 + error @ pull / 2 + off @ off / 2
        return float(value), np.exp(2 * logs) * np.array(slopes) + off / np.array([one.log_sd for one in components])

    found = optimize.minimize(
        loss, guesses, jac=True, method="L-BFGS-B", options={"maxiter": LONGEST_FIT, "ftol": 1e-7}, bounds=[(g - 4, g + 4) for g in guesses]
    )
    return [float(np.exp(log)) for log in found.x]


def one_hot(columns: NDArray[np.int64], values: Array, width: int) -> sparse.csr_array:
    """A matrix whose row i has `values[i]` in column `columns[i]`; a negative column is an empty row."""
    rows = np.flatnonzero(columns >= 0)
    return sparse.csr_array((values[rows], (rows, columns[rows])), shape=(len(columns), width))


def outer(columns: sparse.csr_array, weights: Array | None = None) -> Array:
    """Covariance that independent effects with these variances (1 by default) give the rows."""
    weighted = columns if weights is None else columns @ sparse.diags_array(weights)
    return np.asarray((weighted @ columns.T).toarray())


def _scaled(rows: Rows) -> Rows:
    """The rows divided by their own standard deviations."""
    weight = 1 / np.sqrt(rows.variance)
    by = sparse.diags_array(weight)
    return Rows(sparse.csr_array(by @ rows.common), sparse.csr_array(by @ rows.leaf), weight * rows.y, np.ones(len(rows)))


def _inverse(matrix: Array) -> Array:
    return _inverse_and_log_det(matrix)[0]


def _inverse_and_log_det(matrix: Array) -> tuple[Array, float]:
    """Of a symmetric positive matrix, by one factorisation: a third of the work of solving against the identity."""
    if not len(matrix):
        return matrix, 0.0
    factor, _ = linalg.cho_factor(matrix, lower=True)
    lower = np.tril(linalg.lapack.dpotri(factor, lower=1)[0])
    return np.asarray(lower + np.tril(lower, -1).T), 2 * float(np.log(np.diag(factor)).sum())


def _chunks(count: int) -> Iterator[slice]:
    return (slice(first, first + CHUNK) for first in range(0, count, CHUNK))
