"""Which comparisons the two-way estimate is made of (Goodman-Bacon)."""

from __future__ import annotations

import warnings

import pandas as pd

from evallib.checks.base import CheckResult, not_applicable
from evallib.design import Design

CHECK = "two-way weights (Bacon)"
MANY = 0.1


def check_bacon(design: Design) -> CheckResult:
    """Decompose the two-way estimate into its two-by-two comparisons.

    The decomposition needs a balanced panel: it takes councils with a figure in every period,
    leaves out later-treated controls whose own event falls inside the panel, and counts the event
    year as a year before exposure. It is therefore of the two-way estimate on that part.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    CheckResult
        ``concern`` when more than a tenth of the weight rests on councils compared with councils
        that were exposed before them. The table has comparison, weight, estimate, and ends with
        the two-way estimate.

    References
    ----------
    Goodman-Bacon (2021), Journal of Econometrics 225(2). doi:10.1016/j.jeconom.2021.03.014
    """
    from diff_diff import BaconDecomposition  # here: it takes most of a second to import

    councils = design.councils
    last = design.full["period"].max()
    clean = councils[councils["is_treated"] | ~(councils["cohort"] <= last + design.anticipation)]
    rows = design.full[design.full["council_code"].isin(clean["council_code"])]
    periods = rows["period"].nunique()
    seen = rows.groupby("council_code")["period"].transform("size")
    rows = rows[seen == periods]
    first = clean.set_index("council_code")["cohort"].where(
        clean.set_index("council_code")["is_treated"], 0
    )
    rows = rows.assign(first=rows["council_code"].map(first).fillna(0).astype(int))
    arms = rows.drop_duplicates("council_code")["first"]
    if (arms > 0).sum() == 0 or arms.nunique() < 2:
        reason = (
            "Too few councils have a figure in every period: the balanced part holds no "
            "comparison between arms"
        )
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # first-period remaps cannot occur here
        found = BaconDecomposition().fit(
            rows, outcome="value", unit="council_code", time="period", first_treat="first"
        )
    parts = [
        (
            "exposed with councils never exposed in the panel",
            found.total_weight_treated_vs_never,
            found.weighted_avg_treated_vs_never,
        ),
        (
            "earlier exposed with councils exposed later",
            found.total_weight_earlier_vs_later,
            found.weighted_avg_earlier_vs_later,
        ),
        (
            "later exposed with councils exposed earlier",
            found.total_weight_later_vs_earlier,
            found.weighted_avg_later_vs_earlier,
        ),
    ]
    table = pd.DataFrame(parts, columns=["comparison", "weight", "estimate"])
    table.loc[len(table)] = ["two-way estimate on the balanced part", 1.0, found.twfe_estimate]
    late = float(found.total_weight_later_vs_earlier or 0.0)
    n_kept, n_all = rows["council_code"].nunique(), len(councils)
    where = f"on the {n_kept} of {n_all} councils with a figure in every period"
    sentence = (
        f"{100 * late:.0f} per cent of the two-way estimate's weight, {where}, compares councils "
        "with councils that were exposed before them"
    )
    if late > MANY:
        sentence += ": where effects grow or fade this biases the two-way estimate"
    return CheckResult(
        CHECK,
        design.outcome,
        design.no_record,
        "concern" if late > MANY else "pass",
        sentence,
        table,
    )
