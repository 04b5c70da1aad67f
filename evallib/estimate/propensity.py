"""Logistic propensity scores of many small comparisons at once, by Newton's method.

Every fit is over the same N units with its own weights: a unit that is in neither arm of a
comparison has weight zero in both. Plain Newton steps finish almost every fit in five or six
rounds; the rest (separated arms, wild starts) go on with halved steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray

ROUNDS = 12
CAREFUL_ROUNDS = 60
HALVINGS = 8
TOLERANCE = 1e-12
HIGHEST = 1 - 1e-6


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


def weighted_gram(design: FloatArray, weight: FloatArray) -> FloatArray:
    """Return X W X' of a design whose first row is the intercept.

    Parameters
    ----------
    design : array, shape (B or 1, k, N)
    weight : array, shape (B, N)

    Returns
    -------
    array, shape (B, k, k)

    Examples
    --------
    >>> import numpy as np
    >>> design = np.array([[[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]])
    >>> weighted_gram(design, np.array([[1.0, 1.0, 2.0]])).tolist()
    [[[4.0, 5.0], [5.0, 9.0]]]
    """
    k = design.shape[1]
    gram = np.empty((weight.shape[0], k, k))
    first = contract(design, weight)
    gram[:, 0, :] = first
    gram[:, :, 0] = first
    if k > 1:
        rest = design[:, 1:]
        gram[:, 1:, 1:] = np.matmul(rest * weight[:, None, :], rest.transpose(0, 2, 1))
    return gram


def contract(design: FloatArray, values: FloatArray) -> FloatArray:
    """Return X v of each comparison: (B or 1, k, N) by (B, N) gives (B, k)."""
    found: FloatArray = np.matmul(design, values[:, :, None])[:, :, 0]
    return found


def predict(design: FloatArray, coefficient: FloatArray) -> FloatArray:
    """Return b'X of each comparison: (B, k) by (B or 1, k, N) gives (B, N)."""
    found: FloatArray = np.matmul(coefficient[:, None, :], design)[:, 0, :]
    return found


def fit_propensity(design: FloatArray, treated: FloatArray, total: FloatArray) -> Propensity:
    """Fit the probability of being treated in each of B comparisons by maximum likelihood.

    Parameters
    ----------
    design : array, shape (B or 1, k, N)
        Intercept first; other rows of about unit size.
    treated, total : array, shape (B, N)
        Weight of treated units, and of all units of the comparison, 0 elsewhere. Each comparison
        has some of both.
    """
    mass, all_mass = treated.sum(axis=1), total.sum(axis=1)
    beta = np.zeros((treated.shape[0], design.shape[1]))
    beta[:, 0] = np.log(mass / (all_mass - mass))
    limit = TOLERANCE * np.minimum(mass, all_mass - mass)
    converged = np.zeros(mass.size, dtype=bool)
    with np.errstate(over="ignore"):
        for _ in range(ROUNDS):
            step, gain = _newton_step(design, beta, treated, total)
            beta += step
            converged = gain <= limit
            if converged.all():
                break
        late = np.flatnonzero(~converged)
        if late.size:
            part = design if design.shape[0] == 1 else design[late]
            beta[late], converged[late] = _fit_carefully(
                part, treated[late], total[late], limit[late]
            )
        probability = _probability(predict(design, beta))
        spread = 1 - probability
        spread *= probability
        spread *= total
        np.minimum(probability, HIGHEST, out=probability)
        score = treated - total * probability
    return Propensity(probability, score, weighted_gram(design, spread), converged)


def _probability(linear: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-x)), in place."""
    np.negative(linear, out=linear)
    np.exp(linear, out=linear)
    linear += 1
    np.reciprocal(linear, out=linear)
    return linear


def _newton_step(
    design: FloatArray, beta: FloatArray, treated: FloatArray, total: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the Newton step (B, k) and twice the gain that it promises (B,)."""
    probability = _probability(predict(design, beta))
    spread = 1 - probability
    spread *= probability
    spread *= total
    probability *= total
    np.subtract(treated, probability, out=probability)
    gradient = contract(design, probability)
    information = weighted_gram(design, spread)
    # Keeps the system solvable where scores sit at 0 or 1; the solution is the same.
    diagonal = np.arange(beta.shape[1])
    floor = 1e-14 * total.sum(axis=1)[:, None]
    information[:, diagonal, diagonal] += floor + np.finfo(float).tiny
    step = np.asarray(np.linalg.solve(information, gradient[:, :, None])[:, :, 0], dtype=float)
    return step, (step * gradient).sum(axis=1)


def _fit_carefully(
    design: FloatArray, treated: FloatArray, total: FloatArray, limit: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Return coefficients by Newton steps that are halved until the likelihood rises."""

    def likelihood(beta: FloatArray) -> FloatArray:
        linear = predict(design, beta)
        value: FloatArray = (treated * linear - total * np.logaddexp(0, linear)).sum(axis=1)
        return value

    beta = np.zeros((treated.shape[0], design.shape[1]))
    height = likelihood(beta)
    converged = np.zeros(height.size, dtype=bool)
    for _ in range(CAREFUL_ROUNDS):
        step, gain = _newton_step(design, beta, treated, total)
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
