"""Weights of comparison units and periods: Frank-Wolfe as R's synthdid, and the exact optimum.

R's weights are where its search stops, which for flat problems is not yet the optimum. To have its
numbers the search is the same: two rounds with exact line search, small weights set to zero in
between. Many problems are searched at once, and leave the stack as they stop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from evallib.estimate.result import BoolArray, FloatArray

FIRST_ROUND, SECOND_ROUND = 100, 10_000
SMALL = 0.25  # of the largest weight: set to zero between the rounds
ENOUGH = 1e-5  # of the noise level: the search stops when the root of a step's gain is smaller
TINY = 1e-300
TIE_BREAK = 1e-6  # of the noise level: ridge that makes the exact optimum unique


@dataclass(frozen=True, slots=True)
class Search:
    """What the search of one kind of weights goes by.

    Parameters
    ----------
    zeta : float
        Root of the weight of the ridge penalty.
    noise : float
        Noise level, in the outcome's unit.
    rows : int
        Rows that the mean of squared deviations is taken over.
    """

    zeta: float
    noise: float
    rows: int


def find_weights(
    design: FloatArray, target: FloatArray, search: Search, allowed: BoolArray
) -> FloatArray:
    """Return weights that are not negative and sum to one, for D problems at once.

    Parameters
    ----------
    design : array, shape (n, k) for all problems, or (D, n, k)
        What is weighted, by column.
    target : array, shape (D, n)
        What the weighted columns are to be near to.
    search : Search
    allowed : boolean array, shape (D, k)
        Columns that may have weight.

    Returns
    -------
    array, shape (D, k)

    References
    ----------
    Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), American Economic Review 111(12),
    doi:10.1257/aer.20190159; R synthdid 0.0.9.

    Examples
    --------
    >>> import numpy as np
    >>> design = np.array([[0.0, 1.0, 5.0], [0.0, 2.0, 1.0]])
    >>> every = np.ones((1, 3), dtype=bool)
    >>> find_weights(design, np.array([[0.5, 1.0]]), Search(1e-6, 1.0, 2), every).round(1).tolist()
    [[0.5, 0.5, 0.0]]
    """
    start = allowed / allowed.sum(axis=1, keepdims=True)
    barred = None if allowed.all() else ~allowed
    found = _frank_wolfe(design, target, start, search, FIRST_ROUND, barred)
    found[found <= SMALL * found.max(axis=1, keepdims=True)] = 0.0
    found /= found.sum(axis=1, keepdims=True)
    return _frank_wolfe(design, target, found, search, SECOND_ROUND, barred)


def _frank_wolfe(
    design: FloatArray,
    target: FloatArray,
    start: FloatArray,
    search: Search,
    most: int,
    barred: BoolArray | None,
) -> FloatArray:
    """Return the weights (D, k) where the search stops: after ``most`` steps, or a small gain."""
    stacked = design.ndim == 3
    columns = design.transpose(0, 2, 1) if stacked else np.ascontiguousarray(design.T)
    share, penalty = search.zeta**2, search.rows * search.zeta**2
    least = (ENOUGH * search.noise) ** 2
    found = start.copy()
    here = place = np.arange(len(start))  # where the problems that go on stand in found
    x = start.copy()
    residual = (columns * x[:, :, None]).sum(axis=1) if stacked else x @ columns
    residual -= target
    square = np.einsum("dk,dk->d", x, x)
    last = np.full(len(x), np.inf)
    closed = None if barred is None else np.flatnonzero(barred)
    slope, shrunk = np.empty_like(x), np.empty_like(x)
    for step in range(most):
        if stacked:
            slope = (columns @ residual[:, :, None])[:, :, 0]
        else:
            np.matmul(residual, design, out=slope)
        slope += np.multiply(x, penalty, out=shrunk)
        if closed is not None:
            slope.put(closed, np.inf)
        best = slope.argmin(axis=1)
        own = x[place, best]
        change = columns[place, best] if stacked else columns.take(best, axis=0)
        change -= target
        change -= residual
        gain = penalty * (square - own) - np.einsum("dn,dn->d", residual, change)
        bend = penalty * (1.0 - 2.0 * own + square) + np.einsum("dn,dn->d", change, change)
        length = np.minimum(np.maximum(gain / np.maximum(bend, TINY), 0.0), 1.0)
        rest = 1.0 - length
        x *= rest[:, None]
        x[place, best] += length
        change *= length[:, None]
        residual += change
        square = rest * (rest * square + 2.0 * length * own) + length * length
        value = share * square + np.einsum("dn,dn->d", residual, residual) / search.rows
        go = last - value > least
        if step > 0 and not go.all():
            found[here[~go]] = x[~go]
            if not go.any():
                return found
            here, x, residual, square = here[go], x[go], residual[go], square[go]
            target, value, place = target[go], value[go], place[: len(here)]
            slope, shrunk = slope[go], shrunk[go]
            columns = columns[go] if stacked else columns
            if barred is not None:
                barred = barred[go]
                closed = np.flatnonzero(barred)
        last = value
    found[here] = x
    return found


def nearest_weights(design: FloatArray, target: FloatArray, noise: float) -> FloatArray:
    """Return the weights with the least squared deviation, exactly.

    Parameters
    ----------
    design : array, shape (n, k)
    target : array, shape (n,)
    noise : float
        Noise level; only the penalty that makes the optimum unique depends on it.

    Notes
    -----
    With deviations B = design - target, the w >= 0 of sum one that is least in ||Bw|| is u / sum(u)
    for the u >= 0 that is least in ||Bu||^2 + (sum(u) - 1)^2.

    Examples
    --------
    >>> import numpy as np
    >>> nearest_weights(np.array([[0.0, 4.0]]), np.array([1.0]), 1.0).round(6).tolist()
    [0.75, 0.25]
    """
    count = design.shape[1]
    unit = noise if noise > 0 else max(float(np.abs(design - target[:, None]).max()), 1e-300)
    rows = np.vstack([(design - target[:, None]) / unit, np.ones(count), TIE_BREAK * np.eye(count)])
    goal = np.zeros(len(rows))
    goal[design.shape[0]] = 1.0
    found, _ = optimize.nnls(rows, goal, maxiter=50 * count)
    return np.asarray(found / found.sum())
