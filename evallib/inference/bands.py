"""Simultaneous bands: one critical value for all event times together."""

from __future__ import annotations

import numpy as np

from evallib.estimate.bands import Band, largest_statistics
from evallib.estimate.result import FloatArray

DRAWS = 1_999


def sup_t_band(
    point: FloatArray,
    std_error: FloatArray,
    sums: FloatArray,
    level: float,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> Band:
    """Return the sup-t band from a multiplier bootstrap of cluster sums.

    Parameters
    ----------
    point, std_error : array, shape (K,)
    sums : array, shape (G, K)
        Influence values or scores, summed by cluster; their scale does not matter.
    level : float
    rng : numpy.random.Generator
    draws : int

    References
    ----------
    Montiel Olea and Plagborg-Moller (2019), Journal of Applied Econometrics 34(1),
    doi:10.1002/jae.2656
    """
    known = np.isfinite(std_error) & (np.abs(sums).sum(axis=0) > 0)
    critical = float(np.quantile(largest_statistics(sums[:, known], draws, rng), level))
    half = np.where(known, critical * std_error, np.nan)
    method = f"sup-t band, multiplier bootstrap with {draws:,} draws"
    return Band(point - half, point + half, critical, level, method)
