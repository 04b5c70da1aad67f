"""Judgements after an event beside judgements without one: the models of a description."""

from __future__ import annotations

import warnings
from dataclasses import replace

from evallib.errors import EstimationError, EvallibWarning, Fault
from evallib.estimate import Estimates, fit
from evallib.estimate.collection import Refusal
from evallib.estimate.result import Estimate
from evallib.estimate.thinness import MIN_TREATED
from evallib.exposure.judged import Judged

NO_RECORD = "assume_not_exposed"
MODELS = ("good_or_better", "ordered_logit")


def estimate_judgements(judged: Judged, framework: str = "sif", level: float = 0.95) -> Estimates:
    """Set one framework's judgements after an event beside those before one or without one.

    A council has one judgement under a framework, so that councils are compared with each other,
    given the year of the judgement. Intervention follows poor judgements, and councils choose when
    to be challenged: the figures describe, and are no effect.

    Parameters
    ----------
    judged : Judged
    framework : str
        One framework: grades of two are never compared.
    level : float

    Returns
    -------
    Estimates
        The share judged good or better in percentage points, then the log odds of a better grade,
        or why one of them cannot be had; neither below five councils judged after. Each keeps its
        warnings.

    Raises
    ------
    DataError
        When there are judgements, and none under the framework.
    """
    outcome = f"judgement_{framework}"
    if judged.frame.empty:
        what = "the plan's councils have no judgements on file"
        return _none(outcome, Fault("judgements", what, "", "Use a plan of upper-tier councils"))
    rows = judged.compared(framework)
    found: list[Estimate] = []
    refused: list[Refusal] = []
    after = int(rows.loc[rows["is_after"] == 1, "council_code"].nunique())
    if after < MIN_TREATED:
        what = f"{after} councils were judged after their event, fewer than {MIN_TREATED}"
        remedy = "Read the table of counts"
        return _none(outcome, Fault(f"framework {framework!r}", what, "", remedy))
    for name in MODELS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", EvallibWarning)
                estimate = fit(
                    name,
                    rows,
                    outcome="grade",
                    unit="council_code",
                    time="year",
                    treatment="is_after",
                    fixed_effects="period",
                    level=level,
                )
        except EstimationError as error:
            refused.append(_refused(outcome, name, error.faults))
            continue
        found.append(
            replace(
                estimate,
                outcome=outcome,
                role="descriptive",
                polarity="higher",
                comparison="no event before the judgement",
                no_record=NO_RECORD,
            )
        )
    return Estimates(tuple(found), tuple(refused))


def _refused(outcome: str, name: str, faults: tuple[Fault, ...]) -> Refusal:
    return Refusal(outcome, "descriptive", name, NO_RECORD, faults)


def _none(outcome: str, fault: Fault) -> Estimates:
    return Estimates((), tuple(_refused(outcome, name, (fault,)) for name in MODELS))
