"""What a reader must know before and beside the verdicts: rules that a plan changed, families."""

from __future__ import annotations

import pandas as pd

from evallib.plan import Plan

METHOD_WORDS = {
    "analytic": "analytic standard errors",
    "wild_bootstrap": "a restricted wild cluster bootstrap",
    "permutation": "permutation of adoption paths",
}


def departures(plan: Plan) -> str:
    """Return which rules of the verdict and of the intervals are changed, as the first words.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    """
    changed = [
        f"{key.replace('_', ' ')} {value:g} in place of {default:g}"
        for key, value, default in plan.verdict.changed()
    ]
    words = ""
    if changed:
        words += f"Thresholds of the verdicts were changed: {'; '.join(changed)}. "
    if plan.inference != "policy":
        words += (
            "Intervals depart from the usual rule for thin designs: the plan asks for "
            f"{METHOD_WORDS[plan.inference]} wherever they suit the estimator. "
        )
    return words


def family_notes(rows: pd.DataFrame) -> tuple[str, ...]:
    """Return how Romano and Wolf's p-values were made, and which outcomes have none and why.

    Parameters
    ----------
    rows : pandas.DataFrame
        Verdicts of the primary outcomes.
    """
    without = rows["romano_wolf_p_value"].isna()
    told = tuple(dict.fromkeys(rows.loc[~without, "romano_wolf_method"]))
    return told + tuple(
        f"{row['title']} has no p-value by Romano and Wolf: {row['romano_wolf_method']}."
        for row in rows[without].to_dict("records")
    )
