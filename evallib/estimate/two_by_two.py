"""One comparison of two groups over two periods, conditional on covariates, for many at once.

The doubly robust estimator of Sant'Anna and Zhao, inverse probability weighting (normalised) and
outcome regression are one formula: residuals of the comparison group's regression (none in 'ipw'),
less their mean under propensity weights (none in 'reg'). Without covariates all three are the
difference of two means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evallib.estimate.propensity import (
    Propensity,
    Regressors,
    contract,
    fit_propensity,
    predict,
)
from evallib.estimate.result import BoolArray, FloatArray, IntArray

Method = Literal["dr", "ipw", "reg"]

# Why a comparison cannot be made. 0 is: it can.
NO_UNITS, OVERLAP, COLLINEAR, NOT_CONVERGED = 1, 2, 3, 4
OVERLAP_LIMIT = 0.999
TRIM = 0.995
COLLINEARITY = 1e-10


@dataclass(frozen=True, slots=True)
class FirstStage:
    """What B comparisons need besides the outcome: regressors, scores and their precision.

    Parameters
    ----------
    design : array, shape (B or 1, k, N)
    control : array, shape (B, N)
        Weight of each comparison unit.
    arms : array, shape (B, 1 or 2, N)
        Weights that sum to one: of treated units, and of comparison units under the score.
    reach : array, shape (B, N)
        How far a residual moves the effect: its own weight, and through the regression.
    bread : array, shape (B, k, k), or None
        Inverse cross-product of the comparison units' design.
    score, information, centre : arrays, shape (B, N), (B, k, k) and (B, k), or None
        Residual of the propensity model, the inverse of its information, and the mean of the
        design under the comparison units' weights.
    status, trimmed : integer arrays, shape (B,)
        Why a comparison cannot be made; how many comparison units have a score above 0.995 and
        carry no weight.
    """

    design: FloatArray
    control: FloatArray
    arms: FloatArray
    reach: FloatArray
    bread: FloatArray | None
    score: FloatArray | None
    information: FloatArray | None
    centre: FloatArray | None
    status: IntArray
    trimmed: IntArray

    def pick(self, which: IntArray) -> FirstStage:
        """Return the comparisons ``which``; where they are all one, that one to broadcast."""
        if self.arms.shape[0] == 1:
            return self
        first, last = int(which[0]), int(which[-1])
        rows: slice | IntArray = which
        if (which == first).all() or (np.diff(which) == 1).all():
            rows = slice(first, last + 1)

        def some(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else values[rows]

        return FirstStage(
            self.design if self.design.shape[0] == 1 else self.design[rows],
            self.control[rows],
            self.arms[rows],
            self.reach[rows],
            some(self.bread),
            some(self.score),
            some(self.information),
            some(self.centre),
            self.status[rows],
            self.trimmed[rows],
        )


def fit_first_stage(
    design: FloatArray, treated: FloatArray, control: FloatArray, method: Method
) -> FirstStage:
    """Fit all of B comparisons that does not depend on the outcome.

    Parameters
    ----------
    design : array, shape (B or 1, k, N)
        Intercept first; other rows of about unit size.
    treated, control : array, shape (B, N)
        Weight of each unit in either arm, 0 elsewhere.
    method : 'dr', 'ipw' or 'reg'
    """
    treated_mass = treated.sum(axis=1, keepdims=True)
    regressors = Regressors.of(design)
    gram = regressors.gram(control)
    status = np.where((treated_mass[:, 0] > 0) & (gram[:, 0, 0] > 0), 0, NO_UNITS)
    if (status > 0).any():  # a comparison that cannot be made gets numbers that do no harm
        none = (status > 0)[:, None]
        treated, control = np.where(none, 0.5, treated), np.where(none, 0.5, control)
        treated_mass = treated.sum(axis=1, keepdims=True)
        gram = regressors.gram(control)
    k = design.shape[1]
    mass = contract(design, treated)
    whole = gram
    if method != "reg":
        total = treated + control
        whole = regressors.gram(total)
    if k > 1:
        bad = _is_collinear(whole if method == "ipw" else gram) & (status == 0)
        status = np.where(bad, COLLINEAR, status)
        gram[status > 0] = whole[status > 0] = np.eye(k)
    arms = np.empty((status.size, 1 if method == "reg" else 2, design.shape[2]))
    reach = np.multiply(treated, 1 / treated_mass, out=arms[:, 0])
    pull = mass / treated_mass
    trimmed = np.zeros(status.size, dtype=np.int64)
    score: FloatArray | None = None
    information: FloatArray | None = None
    centre: FloatArray | None = None
    if method != "reg":
        fitted = fit_propensity(regressors, treated, total, mass, whole)
        status, trimmed = _weigh_comparison(fitted, total, control, status, arms[:, 1])
        score = fitted.score
        matrix = fitted.information
        matrix[status > 0] = np.eye(k)
        information = _inverse(matrix)
        centre = contract(design, arms[:, 1])
        pull -= centre
        reach = arms[:, 0] - arms[:, 1]
    bread: FloatArray | None = None
    if method != "ipw":
        bread = np.asarray(np.linalg.inv(gram), dtype=float)
        slope = np.matmul(bread, pull[:, :, None])[:, :, 0]
        moved = predict(design, slope)
        moved *= control
        reach = reach - moved
    return FirstStage(
        design, control, arms, reach, bread, score, information, centre, status, trimmed
    )


def _weigh_comparison(
    fitted: Propensity,
    total: FloatArray,
    control: FloatArray,
    status: IntArray,
    odds: FloatArray,
) -> tuple[IntArray, IntArray]:
    """Write comparison weights by the odds of the score; return statuses, and how many trimmed."""
    highest = fitted.probability.max(axis=1)
    if (highest >= TRIM).any():
        highest = np.max(fitted.probability, axis=1, where=total > 0, initial=0.0)
    status = np.where((highest >= OVERLAP_LIMIT) & (status == 0), OVERLAP, status)
    status = np.where(~fitted.converged & (status == 0), NOT_CONVERGED, status)
    np.subtract(1, fitted.probability, out=odds)
    np.divide(fitted.probability, odds, out=odds)
    odds *= control
    trimmed = np.zeros(status.size, dtype=np.int64)
    if (highest >= TRIM).any():
        over = (fitted.probability >= TRIM) & (control > 0)
        odds[over] = 0.0
        trimmed = over.sum(axis=1) * (status == 0)
    mass = odds.sum(axis=1, keepdims=True)
    status = np.where((mass[:, 0] <= 0) & (status == 0), OVERLAP, status)
    odds *= 1 / np.where(mass > 0, mass, 1.0)
    return status, trimmed


def _is_collinear(gram: FloatArray) -> BoolArray:
    """Return whether cross-products (B, k, k) are singular, whatever the columns' units."""
    size = np.sqrt(np.einsum("bkk->bk", gram))
    size[size <= 0] = 1.0
    scaled = gram / (size[:, :, None] * size[:, None, :])
    # Eigenvalues sum to k, so that the smallest is at least the determinant over k^(k-1).
    k = gram.shape[1]
    doubtful = np.linalg.det(scaled) < COLLINEARITY * k ** (k - 1)
    if doubtful.any():
        doubtful[doubtful] = np.linalg.eigvalsh(scaled[doubtful])[:, 0] < COLLINEARITY
    return np.asarray(doubtful)


def _inverse(matrix: FloatArray) -> FloatArray:
    """Return inverses of information matrices, scaled first.

    A group of comparison units whose score is practically zero leaves a direction without
    information; nothing else loads on it, so that a pseudo-inverse is right there.
    """
    size = np.sqrt(np.einsum("bkk->bk", matrix))
    size[size <= 0] = 1.0
    scale = size[:, :, None] * size[:, None, :]
    try:
        found = np.linalg.inv(matrix / scale)
    except np.linalg.LinAlgError:
        found = np.linalg.pinv(matrix / scale, hermitian=True, rcond=1e-14)
    return np.asarray(found / scale)


def fit_second_stage(stage: FirstStage, change: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the effect and each unit's influence on it.

    Parameters
    ----------
    stage : FirstStage
        Of B comparisons, or of one that all share.
    change : array, shape (B, N)
        Change of the outcome; read where a unit has weight.

    Returns
    -------
    att, shape (B,); and influence, shape (B, N): the variance is the sum of its squares.
    """
    design, residual = stage.design, change
    if stage.bread is not None:
        moment = contract(design, stage.control * change)
        beta = np.matmul(stage.bread, moment[:, :, None])[:, :, 0]
        residual = predict(design, beta)
        np.subtract(change, residual, out=residual)
    held = contract(stage.arms, residual)
    influence = residual * stage.reach
    if stage.score is not None and stage.information is not None and stage.centre is not None:
        drawn = contract(design, residual * stage.arms[:, 1])
        drawn -= held[:, 1:] * stage.centre
        slope = np.matmul(stage.information, drawn[:, :, None])[:, :, 0]
        part = predict(design, slope)
        part *= stage.score
        influence -= part
        held[:, 1] *= -1
    influence -= predict(stage.arms, held)
    return held.sum(axis=1), influence
