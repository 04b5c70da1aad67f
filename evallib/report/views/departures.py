"""What a reader must know before and beside the verdicts: rules, changes, locks, families."""

from __future__ import annotations

import pandas as pd

from evallib.plan import Plan
from evallib.plan.deviations import find_unplanned
from evallib.plan.lock import Lock

METHOD_WORDS = {
    "analytic": "analytic standard errors",
    "wild_bootstrap": "a restricted wild cluster bootstrap",
    "permutation": "permutation of adoption paths",
}


def departures(plan: Plan) -> str:
    """Return which rules of the verdict and of the intervals are changed, as the first words.

    The level of intervals is one: an interval at another level excludes zero more or less often.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    """
    changed = [
        f"{key.replace('_', ' ')} {value:g} in place of {default:g}"
        for key, value, default in plan.verdict.changed()
    ]
    usual = type(plan).model_fields["confidence_level"].default
    if plan.confidence_level != usual:
        changed.append(f"confidence level {plan.confidence_level:g} in place of {usual:g}")
    words = ""
    if changed:
        words += f"Thresholds of the verdicts were changed: {'; '.join(changed)}. "
    if plan.inference != "policy":
        words += (
            "Intervals depart from the usual rule for thin designs: the plan asks for "
            f"{METHOD_WORDS[plan.inference]} wherever they suit the estimator. "
        )
    return words


def not_locked(plan: Plan, lock: Lock | None) -> list[str]:
    """Return what ran that the plan's lock does not name."""
    unplanned = find_unplanned(lock, plan) if lock is not None else ()
    if lock is None or not unplanned:
        return []
    names = "; ".join(f"{kind} {name}" for kind, name in unplanned)
    return [f"Unplanned, as the plan that was locked on {lock.locked} does not name it: {names}."]


def rule_words(plan: Plan) -> str:
    """Return the decision rule with the plan's thresholds, in a sentence."""
    rule = plan.verdict
    return (
        "The rule, read in this order: design not fit (refused, false alarms too frequent among "
        "placebos, or pre-trends fail); cannot tell (the interval holds both zero and the "
        "meaningful change, or the comparison groups differ in sign); no sizeable change (the "
        "interval lies inside plus or minus the meaningful change); consistent with improvement or "
        "decline (the interval excludes zero, pre-trends pass, the finding bears drift of "
        f"{rule.breakdown_consistent:g} times the largest before exposure, selection is ruled out "
        f"with selected placebos under {rule.selected_share:g} of the estimate, permutation p "
        f"below {rule.permutation_p:g}); suggestive where it excludes zero and any of these is "
        "missing."
    )


def holm_words(levels: pd.Series, level: float) -> str:
    """Return how the adjusted intervals are made: Holm's rule, step by step.

    Parameters
    ----------
    levels : pandas.Series
        The levels of the primary outcomes' intervals; missing where there is no estimate.
    level : float
        Level of the family, as the plan has it.

    Examples
    --------
    >>> holm_words(pd.Series([0.95]), 0.95)
    'One primary outcome: its interval is at 95 per cent, not widened.'
    """
    family, alpha = len(levels), 100 * (1 - level)
    if family == 1:
        return f"One primary outcome: its interval is at {100 * level:g} per cent, not widened."
    said = (
        f"Adjusted intervals: Holm's rule holds the smallest of {family} p-values against "
        f"{alpha:.3g}/{family} per cent, the next against {alpha:.3g}/{family - 1}, and stops at "
        "the first that is larger. Each interval has the level of the step that decided on its "
        "outcome, and so excludes zero exactly where the rule rejects equality with zero."
    )
    first = 1 - (1 - level) / family
    if (levels.dropna().sub(first).abs() < 1e-9).all():
        said += (
            f" Here the rule stopped at the first step: all intervals are at {100 * first:.4g} per "
            f"cent (100 less {alpha:.3g}/{family}), which Bonferroni's rule gives as well, and "
            f"hold together at {100 * level:g} per cent."
        )
    return said


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
