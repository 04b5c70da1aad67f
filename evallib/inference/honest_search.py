"""Which of the fixed-length intervals worth having the reference implementation takes.

The length of the interval is flat around its minimum, where its centre still moves: two searches
that agree on the length to a part in ten thousand can differ by a tenth of a standard error in both
ends. Any of them holds its level. This is the reference's own search, with its drawn quantile: it
halves an interval of standard errors by the sign of a numerical derivative, and looks at 100 evenly
spaced ones where derivatives are not those of a convex function, as draws often make them.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from evallib.estimate.result import FloatArray
from evallib.inference.honest_smooth import SmoothPath
from evallib.inference.reference_draws import drawn_folded_quantile

NEWTON_STEPS = 6
POINTS = 100
STEP = float(np.finfo(float).eps ** (1.0 / 3.0))
SLACK = float(np.finfo(float).eps ** 0.5)
SAME = 1e-9


def smooth_interval(path: SmoothPath, bound: float, level: float) -> tuple[float, float]:
    """Return the fixed-length interval that holds when the slope changes by at most ``bound``.

    Parameters
    ----------
    path : SmoothPath
    bound : float
        Largest change of the drift's slope between periods, in the outcome's unit.
    level : float

    Returns
    -------
    (low, high)
    """
    ends = path.std_error
    std_error = ends[0] if ends[0] - ends[1] <= SAME * ends[0] else _search(path, bound, level)
    bias = path.bias_at(np.array([std_error]))
    point = float(path.at(bias)[0][0])
    half = float(_halves(path, np.array([std_error]), bound, level)[0])
    return point - half, point + half


def _search(path: SmoothPath, bound: float, level: float) -> float:
    """Return the standard error of the estimator that is taken."""
    high, low = path.std_error

    def half(*std_errors: float) -> list[float]:
        return [float(one) for one in _halves(path, np.array(std_errors), bound, level)]

    step = min((high - low) / POINTS, high * STEP)
    first, after, before, last = half(low, low + step, high - step, high)
    slope_low, slope_high = (after - first) / step, (last - before) / step
    if slope_low <= slope_high:
        if slope_high < 0:
            return high
        if slope_low > 0:
            return low
        while abs(high - low) > step:
            middle = (low + high) / 2.0
            before, after = half(middle - step, middle + step)
            slope = (after - before) / (2.0 * step)
            if slope > slope_high + SLACK or slope + SLACK < slope_low:
                break
            low, high = (low, middle) if slope > 0 else (middle, high)
        else:
            return (low + high) / 2.0
    grid = np.linspace(path.std_error[1], path.std_error[0], POINTS)
    return float(grid[_halves(path, grid, bound, level).argmin()])


def _halves(path: SmoothPath, std_error: FloatArray, bound: float, level: float) -> FloatArray:
    """Return half of the interval's length at given standard errors."""
    mean = bound * path.bias_at(std_error) / std_error
    near = folded_quantile(mean, level)
    drawn = [drawn_folded_quantile(m, level, q) for m, q in zip(mean, near, strict=True)]
    return np.array(drawn) * std_error


def folded_quantile(mean: FloatArray, level: float) -> FloatArray:
    """Return the quantile of the absolute value of a normal with variance one.

    Newton's method from below, where the distribution function is concave: each step stays below
    the root and comes nearer.

    Parameters
    ----------
    mean : array
    level : float
    """
    b = np.abs(mean)
    found = np.maximum(b + ndtri(level), ndtri(0.5 + level / 2.0))
    for _ in range(NEWTON_STEPS):
        miss = level - (ndtr(found - b) - ndtr(-found - b))
        density = np.exp(-0.5 * (found - b) ** 2) + np.exp(-0.5 * (found + b) ** 2)
        found = found + np.maximum(miss, 0.0) * np.sqrt(2.0 * np.pi) / density
    return np.asarray(found, dtype=float)
