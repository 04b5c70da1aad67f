"""The joint test of leads from their covariance."""

from __future__ import annotations

import numpy as np
from scipy import stats

from evallib.estimate.result import Estimate, FloatArray

TOLERANCE = 1e-10


def wald_leads(estimate: Estimate, event_times: FloatArray) -> dict[str, object]:
    """Return the joint test that the leads are zero, as a check of pre-trends needs it.

    The statistic is the quadratic form in the pseudo-inverse of the leads' covariance, chi-squared
    for influence functions, and over its rank F(rank, df) for regressions. Directions whose
    variance is under 1e-10 of the largest are rounding: they count neither in the rank nor in the
    pseudo-inverse.

    Parameters
    ----------
    estimate : Estimate
    event_times : array
        The leads, by event time.
    """
    which = np.flatnonzero(np.isin(estimate.event_time, event_times))
    which = which[np.isfinite(estimate.std_error[which])]
    terms = tuple(estimate.terms[k] for k in which)
    if not which.size:
        return {"terms": terms, "p_joint": float("nan"), "method": "there are no leads"}
    block = estimate.covariance[np.ix_(which, which)]
    rank = int(np.linalg.matrix_rank(block, hermitian=True, rtol=TOLERANCE))
    inverse = np.linalg.pinv(block, hermitian=True, rtol=TOLERANCE)
    statistic = float(estimate.point[which] @ inverse @ estimate.point[which])
    if estimate.df is None:
        p_joint, method = float(stats.chi2.sf(statistic, rank)), f"Wald, chi-squared({rank})"
    else:
        p_joint = float(stats.f.sf(statistic / rank, rank, estimate.df))
        method = f"Wald, F({rank}, {estimate.df:.0f})"
    return {"terms": terms, "p_joint": p_joint, "method": method, "statistic": statistic}
