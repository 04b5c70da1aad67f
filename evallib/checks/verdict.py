"""The decision rule: from a headline estimate to words that one can act on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np
import pandas as pd

from evallib.plan.verdict import LARGEST_BREAKDOWN, VerdictRule

Word = Literal[
    "design not fit",
    "cannot tell",
    "no sizeable change",
    "suggestive",
    "consistent with improvement",
    "consistent with decline",
    "consistent with change",
]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rule looks at for one primary outcome.

    Parameters
    ----------
    outcome : str
        The indicator.
    is_refused : bool
        Whether the estimator refused the design.
    pretrends : str
        Verdict of the pre-trends check.
    estimate, low, high : float
        The headline estimate and its interval after Holm's adjustment, in the outcome's unit.
    meaningful_change : float
        The smallest change that matters, in the outcome's unit.
    groups_differ_in_sign : bool
        Whether the two comparison groups differ in sign.
    polarity : str
        ``higher``, ``lower`` or ``none``: which way is better.
    has_other_group : bool
        Whether there is an estimate with the other comparison group.
    breakdown : float
        Largest drift after exposure, over the largest before it, with an interval that excludes
        zero; NaN where that was not tested.
    audit_has_run, inference_not_fit, selection_not_ruled_out : bool
        What the design's audit found; without an audit selection is not ruled out.
    selected_mean : float
        Mean estimate of placebos selected as the exposed councils were; NaN where not made.
    permutation_p : float
        Permutation p-value of the headline after Holm's adjustment; NaN where there is none, or
        where nothing hangs on it.
    refusal : str
        Why the estimator refused, where it did.
    is_thin : bool
        Whether the design is thin, so that a breakdown value rests on standard errors that are
        not trusted.
    """

    outcome: str
    is_refused: bool
    pretrends: str
    estimate: float
    low: float
    high: float
    meaningful_change: float
    groups_differ_in_sign: bool
    polarity: str = "none"
    has_other_group: bool = True
    breakdown: float = float("nan")
    audit_has_run: bool = False
    inference_not_fit: bool = False
    selection_not_ruled_out: bool = True
    selected_mean: float = float("nan")
    permutation_p: float = float("nan")
    refusal: str = ""
    is_thin: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict, and the rule that led to it in a sentence."""

    outcome: str
    verdict: Word
    sentence: str


def decide(evidence: Evidence, rule: VerdictRule | None = None) -> Ruling:
    """Return the verdict of one primary outcome; the first rule that holds decides.

    1. *Design not fit*: the estimator refused, the audit finds the inference not fit, or the
       pre-trends fail.
    2. *Cannot tell*: the interval contains both zero and plus or minus the meaningful change, or
       the two comparison groups differ in sign.
    3. *No sizeable change*: the interval lies inside plus or minus the meaningful change.
    4. *Suggestive*: the interval excludes zero, but something that rule 5 asks for is missing or
       was not tested.
    5. *Consistent with improvement* (or *decline*; *change* where neither way is better): the
       interval excludes zero, pre-trends pass, the breakdown value is at least 1, the audit rules
       selection out and its selected placebos move by under half of the estimate, and the
       permutation p-value is below 0.05.

    Parameters
    ----------
    evidence : Evidence
        What is known of the outcome.
    rule : VerdictRule, optional
        The plan's thresholds; the defaults unless given.

    Examples
    --------
    >>> decide(Evidence("x", False, "pass", -0.1, -0.5, 0.4, 1.0, False)).verdict
    'no sizeable change'
    >>> decide(Evidence("x", False, "pass", -0.6, -1.5, 0.4, 1.0, False)).verdict
    'cannot tell'
    >>> decide(Evidence("x", False, "fail", -0.1, -0.5, 0.4, 1.0, False)).verdict
    'design not fit'
    >>> decide(Evidence("x", False, "concern", 1.6, 0.2, 3.0, 1.0, False)).verdict
    'suggestive'
    """
    rule = rule or VerdictRule()
    found = _not_fit(evidence) or _not_told(evidence) or _judged(evidence, rule)
    verdict, sentence = found
    return Ruling(evidence.outcome, verdict, sentence)


def _not_fit(evidence: Evidence) -> tuple[Word, str] | None:
    if evidence.is_refused:
        why = evidence.refusal or "no reason was kept"
        return "design not fit", f"the estimator refused the design: {why}"
    if evidence.inference_not_fit:
        return "design not fit", (
            "the inference finds effects among councils that were not exposed too often"
        )
    if evidence.pretrends == "fail":
        return "design not fit", (
            "treated and comparison councils already moved apart before exposure"
        )
    return None


def _not_told(evidence: Evidence) -> tuple[Word, str] | None:
    low, high, change = evidence.low, evidence.high, evidence.meaningful_change
    if evidence.groups_differ_in_sign:
        return "cannot tell", "the two comparison groups differ in sign"
    if not low <= high:  # also where an end is missing
        return "cannot tell", "the estimate has no interval"
    if low <= 0 <= high and (low <= -change or high >= change):
        return "cannot tell", (
            "the adjusted interval contains both zero and a change that would matter"
        )
    if -change < low and high < change:
        return "no sizeable change", (
            "the adjusted interval lies inside plus or minus the meaningful change"
        )
    return None


def _judged(evidence: Evidence, rule: VerdictRule) -> tuple[Word, str]:
    """Return the verdict where the interval excludes zero and reaches the meaningful change."""
    side = "above" if evidence.low > 0 else "below"
    lead = f"the adjusted interval lies {side} zero"
    reasons = list(_doubts(evidence, rule))
    if not reasons and np.isnan(evidence.permutation_p):
        reasons = ["no permutation test could be made of it"]
    if reasons:
        return "suggestive", f"{lead}, but {'; '.join(reasons)}{_limits(evidence)}"
    verdict: Word = "consistent with change"
    if evidence.polarity in ("higher", "lower"):
        is_better = (side == "above") == (evidence.polarity == "higher")
        verdict = "consistent with improvement" if is_better else "consistent with decline"
    return verdict, (
        f"{lead}, pre-trends pass, it stands while drift after exposure is up to "
        f"{_breakdown(evidence.breakdown)} the largest before it, selected placebos move by "
        f"{evidence.selected_mean:+.3g} beside {evidence.estimate:+.3g}, permutation p = "
        f"{evidence.permutation_p:.3f}{_limits(evidence)}"
    )


def _doubts(evidence: Evidence, rule: VerdictRule) -> Iterator[str]:
    """Yield what keeps a finding from being more than suggestive; what did not run counts."""
    if evidence.pretrends == "concern":
        yield "parallel pre-trends are not shown"
    elif evidence.pretrends != "pass":
        yield "pre-trends could not be tested"
    breakdown = evidence.breakdown
    if np.isnan(breakdown):
        yield "the drift that it bears was not tested"
    elif breakdown < rule.breakdown_consistent:
        much = "little" if breakdown < rule.breakdown_suggestive else "not enough"
        yield (
            f"it bears {much} drift ({_breakdown(breakdown)} the largest before exposure, where "
            f"{rule.breakdown_consistent:g} times is asked for)"
        )
    share = rule.selected_share
    if not evidence.audit_has_run:
        yield "selection was not tested, as the design was not audited"
    elif evidence.selection_not_ruled_out:
        yield "selection is not ruled out"
    elif not abs(evidence.selected_mean) < share * abs(evidence.estimate):
        yield (
            f"selected placebos move by {evidence.selected_mean:+.3g}, not less than {share:g} of "
            f"the estimate of {evidence.estimate:+.3g}"
        )
    if evidence.permutation_p >= rule.permutation_p:
        yield (f"permutation p = {evidence.permutation_p:.3f}, not below {rule.permutation_p:g}")


def _limits(evidence: Evidence) -> str:
    """Return what else a reader of a judged finding must know, in brackets."""
    notes = []
    if evidence.is_thin and not np.isnan(evidence.breakdown):
        notes.append("the drift that it bears rests on standard errors that a thin design strains")
    if not evidence.has_other_group:
        notes.append("there is no second comparison group to hold it against")
    return f" ({'; '.join(notes)})" if notes else ""


def _breakdown(value: float) -> str:
    least = "at least " if value >= LARGEST_BREAKDOWN else ""
    return f"{least}{value:.2f} times"


@dataclass(frozen=True, slots=True, repr=False)
class Verdicts:
    """Rulings on the primary outcomes of a plan, with the figures that they rest on.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an outcome: outcome, title, role, unit, scale, polarity, meaningful_change,
        estimator, aggregation, no_record; estimate, std_error, conf_low, conf_high (at the plan's
        level), p_value, councils, treated_councils, council_years, inference, interval_method,
        thin_fired, treated_clusters, comparison_clusters and effective_clusters of the headline,
        and the same with ``other_`` in front under the other rule for
        councils without a record; verdict, sentence, holm_low, holm_high, holm_level and
        holm_p_value (primary outcomes only); and the other fields of `Evidence`.
    """

    frame: pd.DataFrame

    def __repr__(self) -> str:
        """Return the verdicts, counted."""
        counts = self.frame["verdict"].value_counts()
        return "Verdicts: " + ", ".join(f"{count} {word}" for word, count in counts.items())

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"
