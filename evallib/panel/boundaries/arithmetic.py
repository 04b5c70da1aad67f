"""Join figures of several councils into one: sums, and means weighted by a denominator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def add_up(values: Numbers) -> float:
    """Return the sum of counts, or nothing where one is missing.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        One count a council, in one unit; NaN where missing.

    Returns
    -------
    float
        NaN where a count is missing: a partial sum is no sum.

    Examples
    --------
    >>> add_up(np.array([120.0, 80.0]))
    200.0
    """
    return float(np.sum(values)) if len(values) else float("nan")


def weighted_mean(values: Numbers, denominators: Numbers) -> float:
    """Return the rate of several councils together.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        One rate a council, in one unit; NaN where missing.
    denominators : ndarray of float, shape (n,)
        What each rate is a rate of, above zero and in one unit; NaN where missing.

    Returns
    -------
    float
        The mean weighted by the denominators, which lies within the range of the rates; NaN where
        a rate or a denominator is missing.

    Examples
    --------
    >>> weighted_mean(np.array([1.0, 2.0]), np.array([300.0, 100.0]))
    1.25
    """
    if not len(values) or np.isnan(values).any() or np.isnan(denominators).any():
        return float("nan")
    shares = denominators / denominators.sum()
    return float(np.clip(np.sum(shares * values), values.min(), values.max()))
