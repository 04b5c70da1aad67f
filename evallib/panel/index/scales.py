"""Bring components to one scale on which more is better: pure functions of arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def percentage_change(values: Numbers, base: Numbers, signs: Numbers) -> Numbers:
    """Return the percentage change on a base, an improvement counted up.

    Parameters
    ----------
    values, base : ndarray of float, shape (n, k)
        Figure and base of every council-year and component; NaN where missing.
    signs : ndarray of float, shape (k,)
        1 where higher is better, -1 where lower is.

    Returns
    -------
    ndarray of float, shape (n, k)
        ``signs * 100 * (values / base - 1)``; NaN where the base is not above zero.

    Examples
    --------
    >>> percentage_change(np.array([[60.0, 9.0]]), np.array([[50.0, 10.0]]), np.array([1.0, -1.0]))
    array([[20., 10.]])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        change = signs * 100 * (values / base - 1)
    return np.where(base > 0, change, np.nan)


def standardise(
    values: Numbers, signs: Numbers, reference: Flags, groups: npt.NDArray[np.int64] | None = None
) -> Numbers:
    """Return z-scores on a reference group, an improvement counted up.

    Parameters
    ----------
    values : ndarray of float, shape (n, k)
        Figures; NaN where missing.
    signs : ndarray of float, shape (k,)
        1 where higher is better, -1 where lower is.
    reference : ndarray of bool, shape (n,)
        The rows whose mean and standard deviation (with n - 1) are used.
    groups : ndarray of int, shape (n,), optional
        Rows are standardised within each group, on its reference rows; all together unless given.

    Returns
    -------
    ndarray of float, shape (n, k)
        NaN where the figure is missing, and for a component that has no spread among the reference
        rows, or fewer than two.

    Examples
    --------
    >>> scores = standardise(np.array([[1.0], [3.0]]), np.array([-1.0]), np.array([True, True]))
    >>> scores.round(4).ravel().tolist()
    [0.7071, -0.7071]
    """
    scores = np.full(values.shape, np.nan)
    which = np.zeros(len(values), dtype=np.int64) if groups is None else groups
    for group in np.unique(which):
        rows = which == group
        mean, spread = _moments(values[rows & reference])
        scores[rows] = signs * (values[rows] - mean) / spread
    return scores


def _moments(values: Numbers) -> tuple[Numbers, Numbers]:
    """Return mean and standard deviation of each column; NaN where there is no spread."""
    count = (~np.isnan(values)).sum(axis=0)
    enough = count > 1
    total = np.nansum(values, axis=0)
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=enough)
    squares = np.nansum((values - mean) ** 2, axis=0)
    spread = np.sqrt(np.divide(squares, count - 1, out=np.full(len(count), np.nan), where=enough))
    return mean, np.where(spread > 1e-12 * np.maximum(np.abs(mean), 1), spread, np.nan)
