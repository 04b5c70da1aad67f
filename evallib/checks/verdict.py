"""The decision rule: from a headline estimate to words that one can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from evallib.checks.evidence import Evidence
from evallib.checks.reasons import (
    alarms,
    both_groups,
    breakdown_words,
    doubts,
    limits,
    pretrend_words,
    signed,
)
from evallib.panel.shown import shown
from evallib.panel.units import write_figure
from evallib.plan.verdict import VerdictRule

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
            f"{alarms(evidence)}"
        )
    if evidence.pretrends == "fail":
        return "design not fit", pretrend_words(
            evidence, "treated and comparison councils already moved apart before exposure"
        )
    return None


def _not_told(evidence: Evidence) -> tuple[Word, str] | None:
    low, high, change = evidence.low, evidence.high, evidence.meaningful_change
    if evidence.groups_differ_in_sign:
        return "cannot tell", f"the two comparison groups differ in sign{both_groups(evidence)}"
    if not low <= high:  # also where an end is missing
        return "cannot tell", "the estimate has no interval"
    size = write_figure(change, evidence.change_unit, figures=6)
    if low <= 0 <= high and (low <= -change or high >= change):
        return "cannot tell", (
            f"the adjusted interval contains both zero and a change that would matter ({size})"
        )
    if -change < low and high < change:
        return "no sizeable change", (
            f"the adjusted interval lies inside plus or minus the meaningful change ({size})"
        )
    return None


def _judged(evidence: Evidence, rule: VerdictRule) -> tuple[Word, str]:
    """Return the verdict where the interval excludes zero and reaches the meaningful change."""
    side = "above" if evidence.low > 0 else "below"
    lead = f"the adjusted interval lies {side} zero"
    reasons = list(doubts(evidence, rule))
    if not reasons and np.isnan(evidence.permutation_p):
        reasons = ["no permutation test could be made of it"]
    if reasons:
        return "suggestive", f"{lead}, but {'; '.join(reasons)}{limits(evidence)}"
    verdict: Word = "consistent with change"
    if evidence.polarity in ("higher", "lower"):
        is_better = (side == "above") == (evidence.polarity == "higher")
        verdict = "consistent with improvement" if is_better else "consistent with decline"
    return verdict, (
        f"{lead}, pre-trends pass, it stands while drift after exposure is up to "
        f"{breakdown_words(evidence.breakdown)} the largest before it, selected placebos move by "
        f"{signed(evidence.selected_mean)} beside {signed(evidence.estimate, evidence)}, "
        f"permutation p = {evidence.permutation_p:.3f}{limits(evidence)}"
    )


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
        return shown(repr(self), self.frame)
