"""Families of outcomes: Holm's p-values, and the level at which each interval agrees with them."""

from __future__ import annotations

import numpy as np

from evallib.estimate.result import FloatArray


def holm(p_values: FloatArray) -> FloatArray:
    """Return Holm's adjusted p-values; a missing one counts in the family as 1 and stays missing.

    Parameters
    ----------
    p_values : array, shape (m,)

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.

    Examples
    --------
    >>> import numpy as np
    >>> [float(p) for p in holm(np.array([0.01, 0.04, 0.03]))]
    [0.03, 0.06, 0.06]
    """
    known = np.where(np.isnan(p_values), 1.0, p_values)
    order = np.argsort(known, kind="stable")
    steps = known.size - np.arange(known.size)
    adjusted = np.empty_like(known)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(known[order] * steps))
    return np.where(np.isnan(p_values), np.nan, adjusted)


def holm_levels(p_values: FloatArray, level: float = 0.95) -> FloatArray:
    """Return the confidence level of each outcome's interval that agrees with Holm's decision.

    With the p-values in order, Holm holds the j-th against alpha / (m - j + 1) and stops at the
    first that exceeds it. A rejected outcome gets the level of its own step; every other outcome
    gets the level of the step at which Holm stopped. An interval then excludes zero exactly where
    Holm rejects. Joint coverage of these intervals is not claimed: intervals at
    1 - alpha / m have it, but may contain zero where Holm rejects.

    Parameters
    ----------
    p_values : array, shape (m,)
        Missing ones count in the family as 1.
    level : float
        Level of the family, 1 - alpha.

    Examples
    --------
    >>> import numpy as np
    >>> holm_levels(np.array([0.001, 0.5])).round(4).tolist()
    [0.975, 0.95]
    """
    known = np.where(np.isnan(p_values), 1.0, p_values)
    order = np.argsort(known, kind="stable")
    alpha = (1 - level) / (known.size - np.arange(known.size))
    rejected = known[order] <= alpha
    stop = int(np.argmin(rejected)) if not rejected.all() else known.size
    if stop < known.size:
        alpha[stop:] = alpha[stop]
    levels = np.empty_like(known)
    levels[order] = 1 - alpha
    return levels
