"""The exact two-way within projection of a panel on a grid of units and periods.

Unit effects are removed by demeaning; period effects by least squares on period dummies that were
themselves demeaned by unit. For any pattern of missing rows and any weights this is the exact
residual of a regression on both sets of dummies, at the cost of one T x T system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import FloatArray

RANK_TOLERANCE = 1e-11


@dataclass(frozen=True, slots=True)
class Projection:
    """What projecting needs to know of the weights, for one or many patterns of rows.

    Parameters
    ----------
    weight : array, shape (..., N, T)
        0 where a row is missing.
    per_unit : array, shape (..., N)
        Inverse of each unit's total weight, 0 for units without rows.
    inverse : array, shape (..., T, T)
        Pseudo-inverse of the period dummies' cross-product after demeaning by unit.
    """

    weight: FloatArray
    per_unit: FloatArray
    inverse: FloatArray


def prepare_projection(weight: FloatArray) -> Projection:
    """Return the projection for weights of shape (..., N, T), 0 where a row is missing."""
    total = weight.sum(axis=-1)
    per_unit = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    diagonal = weight.sum(axis=-2)
    cross = -np.swapaxes(weight * per_unit[..., None], -1, -2) @ weight
    here = np.arange(weight.shape[-1])
    cross[..., here, here] += diagonal
    scale = np.divide(1.0, np.sqrt(diagonal), out=np.zeros_like(diagonal), where=diagonal > 0)
    unit_free = cross * scale[..., :, None] * scale[..., None, :]
    inverse = np.linalg.pinv(unit_free, rcond=RANK_TOLERANCE, hermitian=True)
    return Projection(weight, per_unit, inverse * scale[..., :, None] * scale[..., None, :])


def demean_units(values: FloatArray, projection: Projection) -> FloatArray:
    """Return values (..., K, N, T) less their unit's weighted mean, 0 where a row is missing."""
    weight = projection.weight[..., None, :, :]
    mean = (weight * values).sum(axis=-1) * projection.per_unit[..., None, :]
    return np.where(weight > 0, values - mean[..., None], 0.0)


def project(values: FloatArray, projection: Projection) -> FloatArray:
    """Return the residual of values (..., K, N, T) on unit and period effects.

    Examples
    --------
    >>> import numpy as np
    >>> grid = np.add.outer(np.arange(3.0), np.arange(4.0))[None]
    >>> bool(np.allclose(project(grid, prepare_projection(np.ones((3, 4)))), 0))
    True
    """
    centred = demean_units(values, projection)
    weight = projection.weight[..., None, :, :]
    by_period = (weight * centred).sum(axis=-2)  # (..., K, T)
    effect = by_period @ projection.inverse
    shifted = np.where(weight > 0, centred - effect[..., None, :], 0.0)
    return demean_units(shifted, projection)
