"""Pre-trends: were treated and comparison councils moving alike before exposure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from evallib.checks.base import CheckResult, Verdict, not_applicable
from evallib.design import Design
from evallib.errors import EstimationError
from evallib.estimate import Estimate
from evallib.estimate.result import FloatArray
from evallib.panel.units import effect_unit, write_figure

CHECK = "pre-trends"
ALPHA = 0.05


def check_pretrends(design: Design, estimate: Estimate) -> CheckResult:
    """Test the event times before the base, jointly and each against the meaningful change.

    The leads come from the universal base, inside the plan's event window. The joint test is a
    Wald test with the full covariance; where the thin-design rule fired, it is the permutation
    test of the largest studentised lead. Equivalence is two one-sided tests at 5 per cent for
    every lead, with the permuted quantile in place of the normal's where the design is thin.

    Parameters
    ----------
    design : Design
        The design.
    estimate : Estimate
        Its group-time estimate.

    Returns
    -------
    CheckResult
        ``fail`` when the joint p is at most .05; ``pass`` only when it is above and every lead is
        bounded within the meaningful change; otherwise ``concern``: not shown. That a test does
        not reject is never called support. The table has event_time, estimate, std_error, bound
        (the largest size that the equivalence test does not exclude), councils, treated_councils.

    References
    ----------
    Roth (2022), American Economic Review: Insights 4(3). doi:10.1257/aeri.20210236
    """
    window = design.window
    try:
        dynamic = estimate.aggregate("dynamic", window[0], window[1])
    except EstimationError as error:
        reason = "; ".join(fault.what for fault in error.faults)
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    rows = np.flatnonzero((dynamic.event_time < design.reference) & np.isfinite(dynamic.std_error))
    if rows.size == 0:
        reason = (
            f"No event time before the base ({design.reference}) lies in the event window "
            f"{window[0]} to {window[1]}: pre-trends cannot be looked at"
        )
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    point, std_error = dynamic.point[rows], dynamic.std_error[rows]
    p_value, critical, how = _reference([dynamic.terms[row] for row in rows], estimate)
    bound = np.abs(point) + critical * std_error
    table = pd.DataFrame(
        {
            "event_time": dynamic.event_time[rows].astype(int),
            "estimate": point,
            "std_error": std_error,
            "bound": bound,
            "councils": dynamic.term_units[rows],
            "treated_councils": dynamic.term_treated_units[rows],
        }
    )
    verdict, sentence = _judge(design, p_value, float(bound.max()), how)
    return CheckResult(
        CHECK, design.outcome, design.no_record, verdict, sentence, table, "event_study"
    )


def _reference(terms: list[str], estimate: Estimate) -> tuple[float, FloatArray | float, str]:
    """Return the joint p-value, critical values for equivalence, and how they were made.

    The inference policy keeps both beside a design's estimate; where the design is thin they come
    from permuted adoption paths.
    """
    kept = estimate.details["leads"]
    critical: FloatArray | float = float(stats.norm.ppf(1 - ALPHA))
    if "quantiles" in kept:
        by_term = dict(zip(kept["terms"], kept["quantiles"][1 - 2 * ALPHA], strict=True))
        critical = np.array([by_term.get(term, np.inf) for term in terms])
    return float(kept["p_joint"]), critical, str(kept["method"])


def _judge(design: Design, p_value: float, bound: float, how: str) -> tuple[Verdict, str]:
    change = design.meaningful_change
    most = write_figure(bound, effect_unit(design.unit))
    joint = f"joint p = {p_value:.3f} ({how})"
    if p_value <= ALPHA:
        return "fail", (
            f"Treated and comparison councils already moved apart before exposure: {joint}"
        )
    if bound < change and p_value > ALPHA:  # without a p-value nothing is shown
        return "pass", (
            f"Every lead is bounded within {most}, less than the meaningful change of "
            f"{change:g} (equivalence tests at 5 per cent; {joint})"
        )
    return "concern", (
        f"Parallel trends are not shown: a lead as large as {most} cannot be excluded, and "
        f"the meaningful change is {change:g} ({joint}; not rejecting is no support)"
    )
