"""Logistic propensity scores of many small comparisons at once, by Newton's method.

Every fit is over the same N units with its own weights: a unit that is in neither arm of a
comparison has weight zero in both. Plain Newton steps finish almost every fit in five or six
rounds; the rest (separated arms, wild starts) go on with halved steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray

ROUNDS = 12
CAREFUL_ROUNDS = 60
HALVINGS = 8
# Twice the gain that one more step promises, over the smaller arm. That step is still taken.
TOLERANCE = 1e-13
HIGHEST = 1 - 1e-6
TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True, slots=True)
class Propensity:
    """Fitted scores of B comparisons.

    Parameters
    ----------
    probability : array, shape (B, N)
        Probability of being treated, at most 1 - 1e-6.
    score : array, shape (B, N)
        Weighted residual: derivative of the log-likelihood by the linear predictor.
    information : array, shape (B, k, k)
        Weighted cross-product of the design at the fitted probabilities.
    converged : boolean array, shape (B,)
    """

    probability: FloatArray
    score: FloatArray
    information: FloatArray
    converged: BoolArray


@dataclass(frozen=True, slots=True)
class Regressors:
    """The design of B comparisons, with products of its rows where all share one.

    Parameters
    ----------
    design : array, shape (B or 1, k, N)
        Intercept first; other rows of about unit size.
    products : array, shape (k (k + 1) / 2, N), or None
        Of every pair of rows, where the design is shared; the first k are the design itself.
    """

    design: FloatArray
    products: FloatArray | None

    @classmethod
    def of(cls, design: FloatArray) -> Regressors:
        """Return a design with its products."""
        if design.shape[0] > 1:
            return cls(design, None)
        k = design.shape[1]
        rows, columns = _pairs(k)
        products = np.empty((rows.size, design.shape[2]))
        products[:k] = design[0]
        for place in range(k, rows.size):
            np.multiply(design[0, rows[place]], design[0, columns[place]], out=products[place])
        return cls(design, products)

    def some(self, which: IntArray) -> Regressors:
        """Return the design of some comparisons."""
        return self if self.products is not None else Regressors(self.design[which], None)

    def gram(self, weight: FloatArray) -> FloatArray:
        """Return X W X' of each comparison, shape (B, k, k), for weights (B, N).

        Examples
        --------
        >>> import numpy as np
        >>> design = np.array([[[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]])
        >>> Regressors.of(design).gram(np.array([[1.0, 1.0, 2.0]])).tolist()
        [[[4.0, 5.0], [5.0, 9.0]]]
        """
        k = self.design.shape[1]
        gram = np.empty((weight.shape[0], k, k))
        if self.products is not None:
            rows, columns = _pairs(k)
            flat = weight @ self.products.T
            gram[:, rows, columns] = flat
            gram[:, columns, rows] = flat
            return gram
        first = contract(self.design, weight)
        gram[:, 0, :] = first
        gram[:, :, 0] = first
        if k > 1:
            rest = self.design[:, 1:]
            gram[:, 1:, 1:] = np.matmul(rest * weight[:, None, :], rest.transpose(0, 2, 1))
        return gram


@cache
def _pairs(k: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the upper triangle of a k by k matrix."""
    rows, columns = np.triu_indices(k)
    return rows, columns


def contract(design: FloatArray, values: FloatArray) -> FloatArray:
    """Return X v of each comparison: (B or 1, k, N) by (B, N) gives (B, k)."""
    if design.shape[0] == 1:
        shared: FloatArray = values @ design[0].T
        return shared
    found: FloatArray = np.matmul(design, values[:, :, None])[:, :, 0]
    return found


def predict(design: FloatArray, coefficient: FloatArray) -> FloatArray:
    """Return b'X of each comparison: (B, k) by (B or 1, k, N) gives (B, N)."""
    if design.shape[0] == 1:
        shared: FloatArray = coefficient @ design[0]
        return shared
    found: FloatArray = np.matmul(coefficient[:, None, :], design)[:, 0, :]
    return found


def fit_propensity(
    regressors: Regressors,
    treated: FloatArray,
    total: FloatArray,
    mass: FloatArray,
    gram: FloatArray,
) -> Propensity:
    """Fit the probability of being treated in each of B comparisons by maximum likelihood.

    Parameters
    ----------
    regressors : Regressors
    treated, total : array, shape (B, N)
        Weight of treated units, and of all units of the comparison, 0 elsewhere. Each comparison
        has some of both.
    mass : array, shape (B, k)
        X w at the weights of treated units.
    gram : array, shape (B, k, k)
        X W X' at the total weights.
    """
    all_mass = gram[:, 0]
    share = np.clip(mass[:, :1] / np.maximum(all_mass[:, :1], 1e-300), 1e-12, 1 - 1e-12)
    limit = TOLERANCE * np.minimum(mass[:, 0], all_mass[:, 0] - mass[:, 0])
    with np.errstate(all="ignore"):
        beta = _start(gram, mass, share)
        for _ in range(ROUNDS):
            at = _evaluate(regressors, beta, treated, total)
            converged = at.gain <= limit
            if converged.all():
                break
            beta += at.step
        late = np.flatnonzero(~converged)
        if late.size:
            beta[late], converged[late] = _fit_carefully(
                regressors.some(late), treated[late], total[late], limit[late]
            )
            at = _evaluate(regressors, beta, treated, total)
        # The last step is taken along the tangent: what it leaves is of second order.
        probability, information = at.probability, at.information
        last = predict(regressors.design, at.step * converged[:, None])
        slope = 1 - probability
        slope *= probability
        last *= slope
        probability += last
        np.clip(probability, 0.0, HIGHEST, out=probability)
        score = np.multiply(total, probability, out=slope)
        np.subtract(treated, score, out=score)
    fine = np.isfinite(information).all(axis=(1, 2)) & np.isfinite(at.step).all(axis=1)
    if not fine.all():
        probability[~fine], score[~fine], information[~fine] = 0.5, 0.0, np.eye(beta.shape[1])
    return Propensity(probability, score, information, converged & fine)


def _start(gram: FloatArray, mass: FloatArray, share: FloatArray) -> FloatArray:
    """Return the coefficients of linear discrimination (B, k): no pass over the units.

    With normal covariates of one variance in both arms they are the solution; else a start.
    """
    total = gram[:, 0]
    gap = mass - share * total
    slopes = _solve(gram.copy(), gap)
    explained = (slopes * gap).sum(axis=1, keepdims=True) / total[:, :1]
    slopes /= np.maximum(share * (1 - share) - explained, 1e-3 * share * (1 - share))
    between = (mass / mass[:, :1] + (total - mass) / (total - mass)[:, :1]) / 2
    between[:, 0] = 0.0
    slopes[:, 0] = np.log(share / (1 - share))[:, 0] - (between * slopes).sum(axis=1)
    slopes[~np.isfinite(slopes)] = 0.0
    return slopes


@dataclass(frozen=True, slots=True)
class _Point:
    """The likelihood at some coefficients: probabilities, and the Newton step from there."""

    probability: FloatArray
    information: FloatArray
    step: FloatArray
    gain: FloatArray


def _evaluate(
    regressors: Regressors, beta: FloatArray, treated: FloatArray, total: FloatArray
) -> _Point:
    """Return the Newton step (B, k) from coefficients, and twice the gain that it promises."""
    probability = predict(regressors.design, -beta)
    np.exp(probability, out=probability)
    probability += 1
    np.reciprocal(probability, out=probability)
    fitted = total * probability
    slope = 1 - probability
    slope *= fitted
    gradient = contract(regressors.design, np.subtract(treated, fitted, out=fitted))
    information = regressors.gram(slope)
    step = _solve(information, gradient)
    return _Point(probability, information, step, (step * gradient).sum(axis=1))


def _solve(information: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return information^-1 gradient, also where scores sit at 0 or 1.

    What is added to the diagonal keeps the system solvable; the maximum stays where it is.
    """
    diagonal = np.einsum("bkk->bk", information)
    diagonal += 1e-14 * diagonal.max(axis=1, keepdims=True) + TINY
    step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    return np.asarray(step, dtype=float)


def _fit_carefully(
    regressors: Regressors, treated: FloatArray, total: FloatArray, limit: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Return coefficients by Newton steps that are halved until the likelihood rises."""

    def likelihood(beta: FloatArray) -> FloatArray:
        linear = predict(regressors.design, beta)
        value: FloatArray = (treated * linear - total * np.logaddexp(0, linear)).sum(axis=1)
        return value

    beta = np.zeros((treated.shape[0], regressors.design.shape[1]))
    height = likelihood(beta)
    converged = np.zeros(height.size, dtype=bool)
    for _ in range(CAREFUL_ROUNDS):
        at = _evaluate(regressors, beta, treated, total)
        step, gain = at.step, at.gain
        step[converged] = 0.0
        slack = 1e-12 * np.abs(height)
        for _ in range(HALVINGS):
            reached = likelihood(beta + step)
            low = ~(reached >= height - slack)
            if not low.any():
                break
            step[low] /= 2
        step[low] = 0.0
        beta += step
        height = np.where(low, height, reached)
        # A likelihood of 1 is perfect separation: there is no maximum to wait for.
        converged |= (gain <= limit) | (height > -1e-4 * total.max(axis=1))
        if converged.all():
            break
    return beta, converged
