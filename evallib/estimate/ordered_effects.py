"""What slopes of an ordered model mean for the share of good grades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from evallib.estimate.html import html_table
from evallib.estimate.intervals import analytic_interval
from evallib.estimate.ordered_options import Distribution
from evallib.estimate.result import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class GoodShares:
    """Average effects on the probability of a good grade, in percentage points.

    Parameters
    ----------
    grade : str
        The lowest grade that counts as good.
    frame : pandas.DataFrame
        term, estimate, std_error, conf_low, conf_high, p_value: for ``att`` the mean over all rows
        of the probability with exposure less that without; for a covariate the mean slope, per
        unit of it.
    method : str
        How the standard errors were made.
    """

    grade: str
    frame: pd.DataFrame
    method: str

    def _repr_html_(self) -> str:
        caption = f"Probability of grade {self.grade!r} or better, in percentage points"
        return html_table(self.frame, caption, [self.method])


def good_shares(
    *,
    grade: str,
    names: tuple[str, ...],
    line: IntArray,
    parameters: FloatArray,
    covariance: FloatArray,
    regressors: FloatArray,
    weight: FloatArray,
    n_thresholds: int,
    distr: Distribution,
    df: float | None,
    level: float,
) -> GoodShares:
    """Return the average effects of the first terms on the share of good grades.

    Parameters
    ----------
    grade : str
    names : tuple of str, length s
        The first terms: exposure and covariates.
    line : integer array, shape (n,)
        The threshold below the lowest good grade; -1 in rows whose framework gave only good
        grades or none, which count with an effect of zero.
    parameters : array, shape (m + k,)
        Thresholds, then slopes.
    covariance : array, shape (m + k, m + k)
    regressors : array, shape (n, k)
    weight : array, shape (n,)
    n_thresholds : int
    distr : 'logit' or 'probit'
    df : float or None
    level : float
    """
    m = n_thresholds
    there = line >= 0
    x, at = regressors[there], line[there]
    share = weight[there] / weight.sum()
    index = parameters[at] - x @ parameters[m:]
    place = np.arange(at.size)
    point, jacobian = np.zeros(len(names)), np.zeros((len(names), parameters.size))
    for k, name in enumerate(names):
        if name == "att":
            for exposed, sign in ((0.0, 1.0), (1.0, -1.0)):
                ends = index + (x[:, k] - exposed) * parameters[m + k]
                mass, density, _ = _curve(ends, distr)
                point[k] += sign * share @ mass
                design = np.zeros((at.size, parameters.size))
                design[place, at] = 1.0
                design[:, m:] = -x
                design[:, m + k] = -exposed
                jacobian[k] += sign * (share * density) @ design
            continue
        _, density, bend = _curve(index, distr)
        slope = parameters[m + k]
        point[k] = slope * share @ density
        design = np.zeros((at.size, parameters.size))
        design[place, at] = 1.0
        design[:, m:] = -x
        jacobian[k] = slope * (share * bend) @ design
        jacobian[k, m + k] += share @ density
    point, jacobian = 100 * point, 100 * jacobian
    std_error = np.sqrt(np.maximum(np.einsum("ka,ab,kb->k", jacobian, covariance, jacobian), 0.0))
    low, high, p_value = analytic_interval(point, std_error, level, df)
    columns = (list(names), point, std_error, low, high, p_value)
    heads = ("term", "estimate", "std_error", "conf_low", "conf_high", "p_value")
    method = "By the delta method from the model's covariance, covariates as they are."
    return GoodShares(grade, pd.DataFrame(dict(zip(heads, columns, strict=True))), method)


def _curve(ends: FloatArray, distr: Distribution) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return distribution function, density and its slope."""
    if distr == "logit":
        mass = special.expit(ends)
        density = mass * (1 - mass)
        return mass, density, density * (1 - 2 * mass)
    density = np.exp(-0.5 * ends**2) / np.sqrt(2 * np.pi)
    return special.ndtr(ends), density, -ends * density
