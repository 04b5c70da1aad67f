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

from evallib.estimate.propensity import contract, fit_propensity, predict, weighted_gram
from evallib.estimate.result import FloatArray, IntArray

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
    treated, control : array, shape (B, N)
        Weight of each unit in either arm.
    odds : array, shape (B, N), or None
        Weight of comparison units under the propensity score.
    score, information : arrays, shape (B, N) and (B, k, k), or None
        Residual of the propensity model, and the inverse of its information.
    bread : array, shape (B, k, k), or None
        Inverse cross-product of the comparison units' design.
    status, trimmed : integer arrays, shape (B,)
        Why a comparison cannot be made; how many comparison units have a score above 0.995 and
        carry no weight.
    """

    design: FloatArray
    treated: FloatArray
    control: FloatArray
    odds: FloatArray | None
    score: FloatArray | None
    information: FloatArray | None
    bread: FloatArray | None
    status: IntArray
    trimmed: IntArray

    def pick(self, which: IntArray) -> FirstStage:
        """Return the comparisons ``which``; a single one is left to broadcast."""
        if self.treated.shape[0] == 1:
            return self

        def some(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else values[which]

        return FirstStage(
            self.design if self.design.shape[0] == 1 else self.design[which],
            self.treated[which],
            self.control[which],
            some(self.odds),
            some(self.score),
            some(self.information),
            some(self.bread),
            self.status[which],
            self.trimmed[which],
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
    status = np.where((treated.sum(axis=1) > 0) & (control.sum(axis=1) > 0), 0, NO_UNITS)
    trimmed = np.zeros(status.size, dtype=np.int64)
    if (status > 0).any():  # a comparison that cannot be made gets numbers that do no harm
        treated = np.where((status > 0)[:, None], 0.5, treated)
        control = np.where((status > 0)[:, None], 0.5, control)
    bread: FloatArray | None = None
    odds: FloatArray | None = None
    score: FloatArray | None = None
    information: FloatArray | None = None
    gram: FloatArray | None = None
    k = design.shape[1]
    total = treated + control if method != "reg" else control
    if method != "ipw":
        gram = weighted_gram(design, control)
    elif k > 1:
        gram = weighted_gram(design, total)
    if gram is not None and k > 1:
        bad = _is_collinear(gram) & (status == 0)
        status = np.where(bad, COLLINEAR, status)
        gram[status > 0] = np.eye(k)
    if method != "ipw" and gram is not None:
        bread = np.asarray(np.linalg.inv(gram), dtype=float)
    if method != "reg":
        fitted = fit_propensity(design, treated, total)
        inside = np.where(total > 0, fitted.probability, 0.0)
        far = (inside.max(axis=1) >= OVERLAP_LIMIT) & (status == 0)
        status = np.where(far, OVERLAP, status)
        status = np.where(~fitted.converged & (status == 0), NOT_CONVERGED, status)
        over = (fitted.probability >= TRIM) & (control > 0)
        np.subtract(1, fitted.probability, out=inside)
        odds = np.divide(fitted.probability, inside, out=inside)
        odds *= control
        if over.any():
            odds[over] = 0.0
            trimmed = over.sum(axis=1)
            none = (odds.sum(axis=1) <= 0) & (status == 0)
            status = np.where(none, OVERLAP, status)
        odds[status > 0] = 1.0
        score = fitted.score
        matrix = fitted.information
        matrix[status > 0] = np.eye(k)
        information = _inverse(matrix)
    return FirstStage(
        design, treated, control, odds, score, information, bread, status, trimmed * (status == 0)
    )


def _is_collinear(gram: FloatArray) -> FloatArray:
    """Return whether cross-products (B, k, k) are singular, whatever the columns' units."""
    size = np.sqrt(np.einsum("bkk->bk", gram))
    size = np.where(size > 0, size, 1.0)
    scaled = gram / (size[:, :, None] * size[:, None, :])
    return np.asarray(np.linalg.eigvalsh(scaled)[:, 0] < COLLINEARITY)


def _inverse(matrix: FloatArray) -> FloatArray:
    """Return inverses of information matrices, scaled first.

    A group of comparison units whose score is practically zero leaves a direction without
    information; nothing else loads on it, so that a pseudo-inverse is right there.
    """
    size = np.sqrt(np.einsum("bkk->bk", matrix))
    size = np.where(size > 0, size, 1.0)
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
    design, treated = stage.design, stage.treated
    if stage.bread is not None:
        moment = contract(design, stage.control * change)
        beta = np.matmul(stage.bread, moment[:, :, None])[:, :, 0]
        residual = change - predict(design, beta)
    else:
        residual = change.copy()
    up = treated / treated.sum(axis=1, keepdims=True)
    att = (up * residual).sum(axis=1)
    influence = residual - att[:, None]
    influence *= up
    pull = contract(design, up)
    if stage.odds is not None and stage.score is not None and stage.information is not None:
        down = stage.odds / stage.odds.sum(axis=1, keepdims=True)
        mean = (down * residual).sum(axis=1)
        att = att - mean
        drawn = residual - mean[:, None]
        drawn *= down
        influence -= drawn
        slope = np.matmul(stage.information, contract(design, drawn)[:, :, None])[:, :, 0]
        part = predict(design, slope)
        part *= stage.score
        influence -= part
        pull = pull - contract(design, down)
    if stage.bread is not None:
        slope = np.matmul(stage.bread, pull[:, :, None])[:, :, 0]
        residual *= predict(design, slope) * stage.control
        influence -= residual
    return att, influence
