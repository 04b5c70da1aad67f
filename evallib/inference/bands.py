"""Simultaneous bands: one critical value for all event times together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import FloatArray

DRAWS = 1_999


@dataclass(frozen=True, slots=True)
class Band:
    """A simultaneous band over K terms.

    Parameters
    ----------
    low, high : array, shape (K,)
        NaN where a term is fixed.
    critical : float
        The critical value that all terms share.
    level : float
    method : str
    """

    low: FloatArray
    high: FloatArray
    critical: float
    level: float
    method: str


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
    scale = np.sqrt((sums[:, known] ** 2).sum(axis=0))
    signs = rng.integers(0, 2, size=(draws, sums.shape[0])) * 2.0 - 1.0
    largest = np.abs(signs @ (sums[:, known] / scale)).max(axis=1, initial=0.0)
    critical = float(np.quantile(largest, level))
    half = np.where(known, critical * std_error, np.nan)
    method = f"sup-t band, multiplier bootstrap with {draws:,} draws"
    return Band(point - half, point + half, critical, level, method)
