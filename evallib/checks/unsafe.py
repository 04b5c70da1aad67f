"""The headline under the other decision on suspicious figures."""

from __future__ import annotations

import warnings

import pandas as pd

from evallib.checks.base import CheckResult, not_applicable
from evallib.design import Design
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate
from evallib.inference.fitting import fit_design
from evallib.panel.units import effect_unit, write_figure

CHECK = "unsafe figures"
HALF = 0.5
_WORDS = {"keep": "kept", "missing": "made missing"}
_COLUMNS = ["figures", "estimate", "std_error", "councils", "treated_councils", "council_years"]


def check_unsafe_figures(design: Design, declared: Estimate | None) -> CheckResult:
    """Estimate the headline under the other decision on suspicious figures.

    Where the plan keeps them they are left out, where it makes them missing they are put back:
    from the tables on, so that denominators, aggregation and derived figures follow.

    Parameters
    ----------
    design : Design
        The design under the plan's decision, with `other_decision`.
    declared : Estimate, optional
        Its headline estimate, where there is one.

    Returns
    -------
    CheckResult
        ``concern`` when the estimate moves by more than half of its standard error, or when it
        crosses the meaningful change (as large or larger under one decision only), or when it
        cannot be made under the other decision. The table has a row a decision with estimate,
        standard error and counts.
    """
    if design.other_decision is None:
        return _without_other(design)
    if design.other_decision.sample_id == design.sample_id:
        sentence = "Every suspicious figure of this outcome's series lies outside its sample"
        return _passed(design, sentence)
    if declared is None:
        reason = "There is no headline estimate"
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    name, aggregation = design.headline
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EvallibWarning)  # they repeat those of the estimate
            found = _headline(fit_design(design.other_decision, name), aggregation)
    except EstimationError as error:
        faults = "; ".join(fault.what for fault in error.faults)
        return _alarm(design, f"Under the other decision nothing can be estimated: {faults}")
    kept = _headline(declared, aggregation)
    return _compared(design, kept, found)


def _without_other(design: Design) -> CheckResult:
    if design.other_decision_reason:
        why = design.other_decision_reason
        return _alarm(design, f"Under the other decision there is no design: {why}")
    sentence = "No figure of this outcome's series is touched by the decision on suspicious figures"
    return _passed(design, sentence)


def _passed(design: Design, sentence: str) -> CheckResult:
    table = pd.DataFrame(columns=_COLUMNS)
    return CheckResult(CHECK, design.outcome, design.no_record, "pass", sentence, table)


def _alarm(design: Design, sentence: str) -> CheckResult:
    table = pd.DataFrame(columns=_COLUMNS)
    return CheckResult(CHECK, design.outcome, design.no_record, "concern", sentence, table)


def _compared(design: Design, kept: Estimate, found: Estimate) -> CheckResult:
    action = design.unsafe_action
    other = "missing" if action == "keep" else "keep"
    rows = [
        (
            _WORDS[word],
            float(one.point[0]),
            float(one.std_error[0]),
            int(one.term_units[0]),
            int(one.term_treated_units[0]),
            int(one.term_obs[0]),
        )
        for word, one in ((action, kept), (other, found))
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    before, after = float(kept.point[0]), float(found.point[0])
    shift, error = after - before, float(kept.std_error[0])
    unit = effect_unit(design.unit)
    opening = f"With suspicious figures {_WORDS[other]} the estimate"
    moved = (
        f"is {write_figure(after, unit)} instead of {write_figure(before)}, "
        f"{write_figure(abs(shift) / error, figures=2)} standard errors away"
        if shift
        else f"stays at {write_figure(before, unit)}"
    )
    words = [f"{opening} {moved} ({_counted(design)})"]
    crosses = (abs(before) >= design.meaningful_change) != (abs(after) >= design.meaningful_change)
    if abs(shift) > HALF * error:
        words.append("it hangs on figures that a careful reader would ask about")
    if crosses:
        words.append("it is as large as the meaningful change under one decision only")
    return CheckResult(
        CHECK,
        design.outcome,
        design.no_record,
        "concern" if len(words) > 1 else "pass",
        ": ".join(_joined(words)),
        table,
    )


def _joined(words: list[str]) -> list[str]:
    return words if len(words) < 3 else [words[0], " and ".join(words[1:])]


def _counted(design: Design) -> str:
    """Return how many council-years of the sample the decision touches, in words."""
    keys = ["council_code", "period"]
    both = [
        one.group_time_frame.set_index(keys)["value"]
        for one in (design, design.other_decision)
        if one is not None
    ]
    paired = pd.concat(both, axis=1, keys=["here", "there"])
    gone = int((paired["here"].isna() != paired["there"].isna()).sum())
    changed = int((paired.dropna()["here"] != paired.dropna()["there"]).sum())
    text = (
        "1 council-year of the sample is concerned"
        if gone == 1
        else f"{gone} council-years of the sample are concerned"
    )
    return f"{text}, {changed} more change" if changed else text


def _headline(estimate: Estimate, aggregation: str) -> Estimate:
    """Return an estimate whose first term is the headline."""
    return estimate.aggregate(aggregation) if estimate.estimator == "group_time" else estimate
