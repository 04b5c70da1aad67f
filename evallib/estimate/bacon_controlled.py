"""Goodman-Bacon's decomposition of a two-way estimate with covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.errors import EstimationError, Fault
from evallib.estimate.result import FloatArray

ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Within:
    """What covariates let the two-way estimate draw from inside groups of one exposure date.

    Parameters
    ----------
    estimate : float
    weight : float
        Its share of the two-way estimate; the comparisons of groups share the rest.
    """

    estimate: float
    weight: float


def decompose_controlled(
    outcome: FloatArray, exposed: FloatArray, covariates: FloatArray, cohort: FloatArray
) -> tuple[pd.DataFrame, Within]:
    """Return one row a pair of groups, and the part of the estimate from inside the groups.

    What is left of exposure after effects and covariates has a part that units exposed at the
    same time share, and a part that they do not. The first is compared between every two groups.
    The two-way estimate is ``within.weight * within.estimate`` and, for the rest, the mean of the
    pairs' estimates by their weights, which sum to one.

    Parameters
    ----------
    outcome, exposed : array, shape (N, T)
        Of a balanced panel.
    covariates : array, shape (k, N, T)
    cohort : array, shape (N,)
        The groups: minus infinity is always, infinity never exposed.

    Raises
    ------
    EstimationError
        When covariates leave nothing of what differs between groups.

    References
    ----------
    Goodman-Bacon (2021), Journal of Econometrics 225(2), doi:10.1016/j.jeconom.2021.03.014,
    section 5.2

    Examples
    --------
    >>> import numpy as np
    >>> exposed = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    >>> outcome = exposed * 2 + np.arange(4.0)[:, None]
    >>> noise = np.array([[[0.0, 1.0], [0.0, -1.0], [0.0, 2.0], [0.0, -2.0]]])
    >>> cohort = np.array([1.0, 1.0, np.inf, np.inf])
    >>> table, within = decompose_controlled(outcome, exposed, noise, cohort)
    >>> table["estimate"].round(9).tolist(), round(within.weight, 9)
    ([2.0], 0.0)
    """
    flat = _demean(covariates).reshape(len(covariates), -1).T
    raw = _demean(exposed)
    size = float((raw**2).sum())
    slopes = np.linalg.lstsq(flat, raw.reshape(-1), rcond=None)[0]
    left = raw - (flat @ slopes).reshape(raw.shape)
    groups, number = np.unique(cohort, return_counts=True)
    between = np.array([left[cohort == group].mean(axis=0) for group in groups])
    mean = np.array([outcome[cohort == group].mean(axis=0) for group in groups])
    inside = left - between[np.searchsorted(groups, cohort)]
    own = float((inside**2).sum())
    total = own + float(number @ (between**2).sum(axis=1))
    estimate = float((inside * outcome).sum()) / own if own > ROUNDING * size else 0.0
    within = Within(estimate, own / total if own > ROUNDING * size else 0.0)
    rows = []
    for one, first in enumerate(groups):
        for two in range(one + 1, groups.size):
            gap = between[one] - between[two]
            gap = gap - gap.mean()
            spread = float(number[one] * number[two] * (gap**2).sum())
            if spread <= ROUNDING * size:
                continue
            second = groups[two]
            is_always, units = np.isneginf(first), number[one] + number[two]
            kind = "Treated vs Untreated" if np.isposinf(second) else "Both Treated"
            rows.append(
                {
                    "treated": second if is_always else first,
                    "untreated": first if is_always else second,
                    "type": "Later vs Always Treated" if is_always else kind,
                    "estimate": float(gap @ (mean[one] - mean[two])) / float(gap @ gap),
                    "weight": spread,
                    "rows": int(units * outcome.shape[1]),
                    "units": int(units),
                    "treated_units": int(number[two] if is_always else number[one]),
                }
            )
    if not rows:
        what = "covariates leave nothing of exposure that differs between groups"
        raise EstimationError([Fault("bacon", what, "", "Use fewer covariates")])
    table = pd.DataFrame(rows)
    table["weight"] /= table["weight"].sum()
    return table, within


def _demean(values: FloatArray) -> FloatArray:
    """Return values (..., N, T) less their means by unit and by period."""
    rows, columns = values.mean(axis=-1, keepdims=True), values.mean(axis=-2, keepdims=True)
    total = values.mean(axis=(-2, -1), keepdims=True)
    return np.asarray(values - rows - columns + total)
