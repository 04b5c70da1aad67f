"""Families of outcomes: Holm's p-values and levels, and Romano and Wolf's from joint draws."""

from __future__ import annotations

import numpy as np

from evallib.estimate.result import FloatArray

TIES = 1e-10


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


def romano_wolf(observed: FloatArray, drawn: FloatArray) -> FloatArray:
    """Return Romano and Wolf's adjusted p-values, by stepping down over the largest |t|.

    The outcome with the largest |t| is held against each draw's largest |t| over all outcomes, the
    next against the largest over those that are left, and so on; p-values never fall on the way.
    Draws that are joint over outcomes let it see how these move together, which Holm's rule
    cannot.

    Parameters
    ----------
    observed : array, shape (m,)
        |t| of each outcome; a missing one stays missing and is not in the family.
    drawn : array, shape (R, m)
        |t| of each joint draw; infinite where a draw has none.

    References
    ----------
    Romano and Wolf (2005), Econometrica 73(4), doi:10.1111/j.1468-0262.2005.00615.x; (2016),
    Statistics & Probability Letters 113, doi:10.1016/j.spl.2016.02.012

    Examples
    --------
    >>> import numpy as np
    >>> drawn = np.array([[0.5, 1.0], [2.5, 0.1], [0.2, 1.9]])
    >>> romano_wolf(np.array([3.0, 1.5]), drawn).tolist()
    [0.25, 0.5]
    """
    adjusted = np.full(observed.shape, np.nan)
    known = np.flatnonzero(np.isfinite(observed))
    order = known[np.argsort(-observed[known], kind="stable")]
    # From the right: the largest |t| over an outcome and those after it in the order.
    largest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    extreme = (largest >= observed[order] * (1 - TIES)).sum(axis=0)
    adjusted[order] = np.maximum.accumulate((1 + extreme) / (1 + drawn.shape[0]))
    return adjusted
