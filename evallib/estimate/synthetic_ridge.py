"""Ridge-augmented synthetic control of Ben-Michael, Feller and Rothstein, as R's augsynth."""

from __future__ import annotations

import numpy as np

from evallib.estimate.result import FloatArray
from evallib.estimate.synthetic_weights import nearest_weights

STEPS = 20  # of the grid of penalties, below the largest
SMALLEST = 1e-8  # penalty of the grid, as a share of the largest
FEWEST_PERIODS = 3  # before exposure: two to leave out in turn, and the last


def augmented_weights(
    before: FloatArray, target: FloatArray, penalty: float, noise: float
) -> FloatArray:
    """Return weights that sum to one and may be negative.

    Parameters
    ----------
    before : array, shape (k, T)
        Comparison units before exposure.
    target : array, shape (T,)
    penalty : float
        Of the ridge regression; with infinity no regression is made.
    noise : float
        Noise level, in the outcome's unit.

    Notes
    -----
    ``w + (x - X'w)' (X'X + penalty I)^-1 X'``, with outcomes centred on the comparison's mean by
    period and w the synthetic control's weights.

    References
    ----------
    Ben-Michael, Feller and Rothstein (2021), JASA 116(536), doi:10.1080/01621459.2021.1929245

    Examples
    --------
    >>> import numpy as np
    >>> before = np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 1.0]])
    >>> found = augmented_weights(before, np.array([3.0, 0.0]), 1e-9, 1.0)
    >>> (found @ before).round(6).tolist(), float(found.sum().round(6))
    ([3.0, 0.0], 1.0)
    """
    centred, goal = _centre(before, target)
    base = nearest_weights(centred.T, goal, noise)
    if not np.isfinite(penalty):
        return base
    gram = centred.T @ centred + penalty * np.eye(goal.size)
    return np.asarray(base + centred @ np.linalg.solve(gram, goal - base @ centred))


def choose_penalty(before: FloatArray, target: FloatArray, noise: float) -> float:
    """Return the largest penalty whose error is within one standard error of the least.

    The error is that of each period before exposure but the last, left out in turn, as in augsynth;
    the grid runs from the largest squared singular value down. Infinity where comparison units do
    not differ.

    Parameters
    ----------
    before : array, shape (k, T)
    target : array, shape (T,)
    noise : float
    """
    centred, goal = _centre(before, target)
    top = float(np.linalg.norm(centred, 2)) ** 2
    if top <= 0.0:
        return float("inf")
    grid = top * SMALLEST ** (np.arange(STEPS + 1) / STEPS)
    folds = range(goal.size - 1)
    errors = np.array([_left_out(centred, goal, period, grid, noise) for period in folds])
    mean = errors.mean(axis=0)
    spread = errors.std(axis=0, ddof=1) / np.sqrt(len(errors))
    least = mean.argmin()
    return float(grid[mean <= mean[least] + spread[least]].max())


def _centre(before: FloatArray, target: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return both less the comparison's mean by period."""
    middle = before.mean(axis=0)
    return before - middle, target - middle


def _left_out(
    centred: FloatArray, goal: FloatArray, period: int, grid: FloatArray, noise: float
) -> FloatArray:
    """Return the squared error in a period that was left out, for each penalty."""
    rest = np.delete(centred, period, axis=1)
    aim = np.delete(goal, period)
    base = nearest_weights(rest.T, aim, noise)
    values, vectors = np.linalg.eigh(rest.T @ rest)
    over = np.maximum(values, 0.0) + grid[:, None]
    own = centred[:, period]
    shifts = ((aim - base @ rest) @ vectors / over) @ (vectors.T @ (rest.T @ own))
    return np.asarray((goal[period] - base @ own - shifts) ** 2)
