"""The common core of the imputation and the two-stage estimator, over arrays.

Unit and period effects (and slopes of covariates) come from the rows before exposure alone; an
exposed row's effect is its outcome less what they say. An average of these effects is linear in
the outcomes, and its weights on the rows before exposure give its influence values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray

SPANNED = 1e-7


@dataclass(frozen=True, slots=True)
class Imputed:
    """What the rows before exposure say of all rows.

    Parameters
    ----------
    effect : array, shape (N, T)
        Outcome less the imputed one on rows that can be imputed; the first stage's residual on
        rows before exposure.
    is_before, is_after : boolean arrays, shape (N, T)
        Rows of the first stage, and exposed rows that can be imputed.
    lost : int
        Exposed rows that cannot: their unit has no row before exposure, or their period no unit.
    weight : array, shape (N, T)
    design : array, shape (r, N, T)
        Columns that span unit effects' complement: period dummies, then covariates.
    inverse : array, shape (r, r)
        Pseudo-inverse of their cross-product before exposure, unit effects partialled out.
    """

    effect: FloatArray
    is_before: BoolArray
    is_after: BoolArray
    lost: int
    weight: FloatArray
    design: FloatArray
    inverse: FloatArray


def impute(
    outcome: FloatArray, weight: FloatArray, exposed: BoolArray, covariates: FloatArray
) -> Imputed:
    """Return effects of exposed rows by effects that were estimated before exposure.

    Parameters
    ----------
    outcome, weight : arrays, shape (N, T)
        A weight of 0 is a missing row.
    exposed : boolean array, shape (N, T)
    covariates : array, shape (k, N, T)
    """
    there = weight > 0
    before = there & ~exposed
    periods = outcome.shape[1]
    dummies = np.broadcast_to(np.eye(periods)[:, None, :], (periods, *outcome.shape))
    size = np.abs(covariates * there).max(axis=(1, 2), initial=1e-300)
    design = np.concatenate([dummies, covariates / size[:, None, None]])
    base = weight * before
    total = base.sum(axis=1)
    per_unit = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)

    def centre(values: FloatArray) -> FloatArray:
        mean = (values * base).sum(axis=-1) * per_unit
        return np.asarray(values - mean[..., None])

    centred, own = centre(design), centre(outcome)
    flat = centred.reshape(len(centred), -1)
    gram = (flat * base.ravel()) @ flat.T
    scale = 1 / np.sqrt(np.maximum(np.diag(gram), 1e-300))
    scale[np.diag(gram) <= 1e-300] = 0.0
    inverse = np.linalg.pinv(gram * np.outer(scale, scale), rcond=1e-11, hermitian=True)
    inverse = inverse * np.outer(scale, scale)
    slope = inverse @ (flat @ (base * own).ravel())
    effect = own - (slope @ flat).reshape(own.shape)
    known = _spanned(centred, gram, inverse) & (total > 0)[:, None]
    after = there & exposed & known
    lost = int((there & exposed & ~known).sum())
    effect = np.where(before | after, effect, 0.0)
    return Imputed(effect, before, after, lost, weight, design, inverse)


def _spanned(centred: FloatArray, gram: FloatArray, inverse: FloatArray) -> BoolArray:
    """Return the rows (N, T) whose columns lie in the span of the rows before exposure."""
    hidden = np.eye(gram.shape[0]) - inverse @ gram
    off = hidden.T @ centred.reshape(len(centred), -1)
    return np.asarray(np.abs(off).max(axis=0) < SPANNED).reshape(centred.shape[1:])


def influence_weights(found: Imputed, wanted: FloatArray) -> FloatArray:
    """Return the weights of rows before exposure in averages of effects.

    Parameters
    ----------
    wanted : array, shape (K, N, T)
        Weights of the exposed rows in K averages.

    Returns
    -------
    array, shape (K, N, T), such that an average is the sum of weights times outcomes, those of
    exposed rows being ``wanted``.
    """
    base = found.weight * found.is_before
    total = base.sum(axis=1)
    per_unit = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    mean = (found.design * base).sum(axis=-1) * per_unit  # (r, N)
    by_unit = wanted.sum(axis=-1)  # (K, N)
    design = found.design.reshape(len(found.design), -1)
    load = wanted.reshape(len(wanted), -1) @ design.T - by_unit @ mean.T
    slope = load @ found.inverse  # (K, r)
    line = (slope @ design).reshape(wanted.shape)
    line += (by_unit * per_unit - slope @ mean)[..., None]
    return np.asarray(-line * base)
