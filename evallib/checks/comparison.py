"""The two comparison groups: whether they tell the same story."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.checks.base import CheckResult, not_applicable
from evallib.design import Design
from evallib.estimate import Estimate
from evallib.panel.units import effect_unit, write_figure

CHECK = "two comparison groups"


def check_comparison_groups(
    design: Design, declared: Estimate, other: Estimate | None, reason: str
) -> CheckResult:
    """Hold the estimate with unrecorded councils as controls against the one without them.

    Parameters
    ----------
    design : Design
        The design that the plan declares.
    declared, other : Estimate
        The headline estimate of the design and of its alternative; None where it could not be
        made.
    reason : str
        Why there is no other estimate.

    Returns
    -------
    CheckResult
        ``concern`` when the two differ in sign, or one interval excludes the other's estimate.
    """
    if other is None:
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    if design.alternative is not None and design.alternative.sample_id == design.sample_id:
        same = "Both rules on councils without a record leave the same councils and years"
        why = (
            f". {design.missing.reason}" if design.missing and not design.missing.codes.size else ""
        )
        return not_applicable(CHECK, design.outcome, design.no_record, f"{same}{why}")
    rows = [
        (
            one.no_record,
            one.point[0],
            one.conf_low[0],
            one.conf_high[0],
            int(one.term_units[0]),
            int(one.term_treated_units[0]),
        )
        for one in (declared, other)
    ]
    columns = [
        "no_record",
        "estimate",
        "conf_low",
        "conf_high",
        "councils",
        "treated_councils",
    ]
    table = pd.DataFrame(rows, columns=columns)
    if differ_in_sign(declared, other):
        words = "differ in sign"
    elif _excludes(declared, other) or _excludes(other, declared):
        words = "differ: one interval excludes the other's estimate"
    else:
        sentence = (
            "The two comparison groups agree in sign, and neither interval excludes the other"
        )
        return CheckResult(CHECK, design.outcome, design.no_record, "pass", sentence, table)
    estimate = write_figure(declared.point[0], effect_unit(design.unit))
    sentence = (
        f"The two comparison groups {words}: {estimate} {_side(declared)} unrecorded councils as "
        f"controls, {write_figure(other.point[0])} {_side(other)} them. What is assumed of "
        "councils without a record decides the answer"
    )
    return CheckResult(CHECK, design.outcome, design.no_record, "concern", sentence, table)


def differ_in_sign(one: Estimate, other: Estimate) -> bool:
    """Return whether the first terms of two estimates differ in sign; zero is of neither sign."""
    return bool(np.sign(one.point[0]) != np.sign(other.point[0]))


def _side(estimate: Estimate) -> str:
    """Return whether the estimate has councils without a record among its controls."""
    return "with" if estimate.no_record == "assume_not_exposed" else "without"


def _excludes(one: Estimate, other: Estimate) -> bool:
    return not bool(one.conf_low[0] <= other.point[0] <= one.conf_high[0])
