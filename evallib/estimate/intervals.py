"""Intervals and p-values from the normal or t distribution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

FloatArray = npt.NDArray[np.float64]


def critical_value(level: float, df: float | None) -> float:
    """Return the two-sided critical value of the normal (df None) or t distribution.

    Examples
    --------
    >>> round(critical_value(0.95, None), 4)
    1.96
    """
    tail = 0.5 + level / 2
    return float(special.ndtri(tail) if df is None else special.stdtrit(df, tail))


def analytic_interval(
    point: FloatArray, std_error: FloatArray, level: float, df: float | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return lower ends, upper ends and two-sided p-values, NaN where there is no SE."""
    half = critical_value(level, df) * std_error
    known = np.isfinite(std_error) & (std_error > 0)
    statistic = np.full(point.shape, np.nan)
    statistic[known] = np.abs(point[known] / std_error[known])
    tail = special.ndtr(-statistic) if df is None else special.stdtr(df, -statistic)
    return point - half, point + half, 2 * np.asarray(tail, dtype=float)
