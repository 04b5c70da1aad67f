"""The exact within projection of a panel on a grid of units and periods.

Unit effects (and unit trends, where asked for) are removed unit by unit; period effects by least
squares on period dummies that were themselves treated so. For any pattern of missing rows and any
weights this is the exact residual of a regression on all these dummies, at the cost of one T x T
system.
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
    inverse : array, shape (..., T, T), or None
        Pseudo-inverse of the period dummies' cross-product after demeaning by unit; None where no
        period effects are removed.
    has_units : bool
        Whether unit effects are removed.
    slope : array, shape (N, T), or None
        Where unit trends are removed: time since the unit's weighted mean, of weighted length 1
        in each unit, 0 where a row is missing and for units with one row.
    """

    weight: FloatArray
    per_unit: FloatArray
    inverse: FloatArray | None
    has_units: bool = True
    slope: FloatArray | None = None


def prepare_projection(
    weight: FloatArray, *, units: bool = True, periods: bool = True, trends: bool = False
) -> Projection:
    """Return the projection for weights of shape (..., N, T), 0 where a row is missing.

    Parameters
    ----------
    weight : array, shape (..., N, T)
    units, periods : bool
        Which effects to remove; period effects only beside unit effects.
    trends : bool
        Remove a straight line in the position of the period for each unit too.
    """
    total = weight.sum(axis=-1)
    per_unit = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    diagonal = weight.sum(axis=-2)
    slope = _unit_slope(weight, per_unit) if trends else None
    if not (units and periods):
        return Projection(weight, per_unit, None, units, slope)
    cross = -np.swapaxes(weight * per_unit[..., None], -1, -2) @ weight
    if slope is not None:
        cross -= np.swapaxes(weight * slope, -1, -2) @ (weight * slope)
    here = np.arange(weight.shape[-1])
    cross[..., here, here] += diagonal
    scale = np.divide(1.0, np.sqrt(diagonal), out=np.zeros_like(diagonal), where=diagonal > 0)
    unit_free = cross * scale[..., :, None] * scale[..., None, :]
    inverse = np.linalg.pinv(unit_free, rcond=RANK_TOLERANCE, hermitian=True)
    inverse = inverse * scale[..., :, None] * scale[..., None, :]
    return Projection(weight, per_unit, inverse, slope=slope)


def _unit_slope(weight: FloatArray, per_unit: FloatArray) -> FloatArray:
    """Return time since each unit's mean, of weighted length 1 where the unit has two rows."""
    time = np.arange(weight.shape[-1], dtype=float)
    centred = time - ((weight * time).sum(axis=-1) * per_unit)[..., None]
    centred = np.where(weight > 0, centred, 0.0)
    length = np.sqrt((weight * centred**2).sum(axis=-1))
    several = (weight > 0).sum(axis=-1) > 1
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=several)
    return np.asarray(centred * scale[..., None])


def demean_units(values: FloatArray, projection: Projection) -> FloatArray:
    """Return values (..., K, N, T) less their unit's effects, 0 where a row is missing.

    Unit effects are the unit's weighted mean and, where the projection has trends, its line; a
    projection without unit effects leaves values as they are.
    """
    weight = projection.weight[..., None, :, :]
    if not projection.has_units:
        return np.where(weight > 0, values, 0.0)
    mean = (weight * values).sum(axis=-1) * projection.per_unit[..., None, :]
    centred = np.where(weight > 0, values - mean[..., None], 0.0)
    if projection.slope is not None:
        steepness = (weight * centred * projection.slope).sum(axis=-1)
        centred = centred - steepness[..., None] * projection.slope
    return centred


def project(values: FloatArray, projection: Projection) -> FloatArray:
    """Return the residual of values (..., K, N, T) on the projection's effects.

    Examples
    --------
    >>> import numpy as np
    >>> grid = np.add.outer(np.arange(3.0), np.arange(4.0))[None]
    >>> bool(np.allclose(project(grid, prepare_projection(np.ones((3, 4)))), 0))
    True
    """
    centred = demean_units(values, projection)
    if projection.inverse is None:
        return centred
    weight = projection.weight[..., None, :, :]
    by_period = (weight * centred).sum(axis=-2)  # (..., K, T)
    effect = by_period @ projection.inverse
    shifted = np.where(weight > 0, centred - effect[..., None, :], 0.0)
    return demean_units(shifted, projection)
