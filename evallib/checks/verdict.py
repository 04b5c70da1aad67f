"""The decision rule: from a headline estimate to words that one can act on."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Literal

import pandas as pd

Word = Literal["design not fit", "cannot tell", "no sizeable change", "not yet judged"]


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
    low, high : float
        Interval of the headline estimate after Holm's adjustment, in the outcome's unit.
    meaningful_change : float
        The smallest change that matters, in the outcome's unit.
    groups_differ_in_sign : bool
        Whether the two comparison groups differ in sign.
    refusal : str
        Why the estimator refused, where it did.
    """

    outcome: str
    is_refused: bool
    pretrends: str
    low: float
    high: float
    meaningful_change: float
    groups_differ_in_sign: bool
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict, and the rule that led to it in a sentence."""

    outcome: str
    verdict: Word
    sentence: str


def decide(evidence: Evidence) -> Ruling:
    """Return the verdict of one primary outcome; the first rule that holds decides.

    1. *Design not fit*: the estimator refused, or the pre-trends fail.
    2. *Cannot tell*: the interval contains both zero and plus or minus the meaningful change, or
       the two comparison groups differ in sign.
    3. *No sizeable change*: the interval lies inside plus or minus the meaningful change.
    4. Anything else is *not yet judged*.

    Examples
    --------
    >>> decide(Evidence("x", False, "pass", -0.5, 0.4, 1.0, False)).verdict
    'no sizeable change'
    >>> decide(Evidence("x", False, "pass", -1.5, 0.4, 1.0, False)).verdict
    'cannot tell'
    >>> decide(Evidence("x", False, "fail", -0.5, 0.4, 1.0, False)).verdict
    'design not fit'
    >>> decide(Evidence("x", False, "concern", 0.2, 3.0, 1.0, False)).verdict
    'not yet judged'
    """
    low, high, change = evidence.low, evidence.high, evidence.meaningful_change
    if evidence.is_refused:
        sentence = f"the estimator refused the design: {evidence.refusal or 'no reason was kept'}"
        return Ruling(evidence.outcome, "design not fit", sentence)
    if evidence.pretrends == "fail":
        sentence = "treated and comparison councils already moved apart before exposure"
        return Ruling(evidence.outcome, "design not fit", sentence)
    if evidence.groups_differ_in_sign:
        sentence = "the two comparison groups differ in sign"
        return Ruling(evidence.outcome, "cannot tell", sentence)
    contains_zero = low <= 0 <= high
    if not low <= high:  # also where an end is missing
        sentence = "the estimate has no interval"
        return Ruling(evidence.outcome, "cannot tell", sentence)
    if contains_zero and (low <= -change or high >= change):
        sentence = "the adjusted interval contains both zero and a change that would matter"
        return Ruling(evidence.outcome, "cannot tell", sentence)
    if -change < low and high < change:
        sentence = "the adjusted interval lies inside plus or minus the meaningful change"
        return Ruling(evidence.outcome, "no sizeable change", sentence)
    sentence = "selection and sensitivity have not been tested"
    return Ruling(evidence.outcome, "not yet judged", sentence)


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
        holm_p_value (primary outcomes only).
    """

    frame: pd.DataFrame

    def __repr__(self) -> str:
        """Return the verdicts, counted."""
        counts = self.frame["verdict"].value_counts()
        return "Verdicts: " + ", ".join(f"{count} {word}" for word, count in counts.items())

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"
