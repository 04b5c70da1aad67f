"""The joint test of leads from their covariance, as a check of pre-trends needs it."""

from __future__ import annotations

import numpy as np

from evallib.estimate.joint import wald_test
from evallib.estimate.result import Estimate, FloatArray


def wald_leads(estimate: Estimate, event_times: FloatArray) -> dict[str, object]:
    """Return the joint test that the leads are zero, in facts and words.

    Parameters
    ----------
    estimate : Estimate
        Chi-squared for influence functions, F(rank, df) for regressions; see
        `evallib.estimate.joint`.
    event_times : array
        The leads, by event time.

    Returns
    -------
    dict
        terms, p_joint, method and, where there are leads, statistic: the quadratic form.
    """
    which = np.flatnonzero(np.isin(estimate.event_time, event_times))
    which = which[np.isfinite(estimate.std_error[which])]
    if not which.size:
        return {"terms": (), "p_joint": float("nan"), "method": "there are no leads"}
    test = wald_test(estimate, which)
    form, method = test.statistic, f"Wald, chi-squared({test.df})"
    if test.df_residual is not None:
        form, method = form * test.df, f"Wald, F({test.df}, {test.df_residual:.0f})"
    return {"terms": test.terms, "p_joint": test.p_value, "method": method, "statistic": form}
