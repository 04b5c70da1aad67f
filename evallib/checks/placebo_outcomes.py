"""Placebo outcomes: what the headline estimator finds where the event can have done nothing."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from evallib.checks.base import CheckResult, Checks, not_applicable
from evallib.design import Design, Designs
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate
from evallib.inference.designs import estimate_one
from evallib.inference.multiple import holm
from evallib.panel.units import effect_unit, write_figure

CHECK = "placebo outcome"
ALPHA = 0.05


def check_placebo_outcomes(designs: Designs) -> Checks:
    """Estimate every placebo outcome of a plan as its headline is, under the same policy.

    Parameters
    ----------
    designs : Designs
        With the designs of the placebo outcomes.

    Returns
    -------
    Checks
        One result a placebo outcome and rule for councils without a record: ``concern`` when its
        own interval excludes zero, or its p-value is below 5 per cent after Holm's adjustment over
        the placebo outcomes under the same rule. The table has estimate, std_error, conf_low,
        conf_high (at the plan's level), p_value, holm_p_value, councils,
        treated_councils, council_years, inference.
    """
    results: list[CheckResult] = []
    both = [(one, one.alternative) for one in designs.placebos]
    for side in (0, 1):
        chosen = [pair[side] for pair in both]
        found = [_estimated(one) for one in chosen if one is not None]
        p_values = np.array(
            [one.p_value[0] if isinstance(one, Estimate) else np.nan for one in found]
        )
        for design, one, p in zip(
            [one for one in chosen if one is not None], found, holm(p_values), strict=True
        ):
            results.append(_result(design, one, float(p)))
    for name, reason in designs.no_placebo:
        results.append(not_applicable(CHECK, name, _declared_rule(designs), reason))
    return Checks(tuple(results))


def placebo_tally(checks: Checks) -> str:
    """Return how many placebo intervals exclude zero, before and after adjustment, and which way.

    Parameters
    ----------
    checks : Checks
        With the results of `check_placebo_outcomes`.

    Returns
    -------
    str
        A sentence; empty where no placebo outcome was estimated.
    """
    tables = [item.table for item in checks.select(CHECK) if not item.table.empty]
    if not tables:
        return ""
    rows = pd.concat(tables, ignore_index=True)
    before = int(sum(_excludes_zero(row) for _, row in rows.iterrows()))
    after = int((rows["holm_p_value"] < ALPHA).sum())
    signs = set(np.sign(rows["estimate"]))
    way = {1.0: "all lean upwards", -1.0: "all lean downwards"}
    lean = way.get(signs.pop(), "") if len(signs) == 1 and len(rows) > 1 else ""
    return (
        f"{before} of {len(rows)} {'interval' if len(rows) == 1 else 'intervals'} "
        f"{'excludes' if before == 1 else 'exclude'} zero before adjustment, and {after} "
        f"{'is' if after == 1 else 'are'} beyond chance at 5 per cent after it"
        f"{f'; the estimates {lean}' if lean else ''}."
    )


def _excludes_zero(row: pd.Series) -> bool:
    return bool(row["conf_low"] > 0 or row["conf_high"] < 0)


def _declared_rule(designs: Designs) -> str:
    return designs.items[0].no_record if len(designs) else ""


def _estimated(design: Design) -> Estimate | str:
    """Return the headline of a placebo without its warnings, or why it is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EvallibWarning)
            found = estimate_one(design, design.headline[0])
            return found.aggregate(design.headline[1]) if found.source is not None else found
    except EstimationError as error:
        return "; ".join(fault.what for fault in error.faults)


def _result(design: Design, found: Estimate | str, adjusted: float) -> CheckResult:
    if isinstance(found, str):
        return not_applicable(CHECK, design.outcome, design.no_record, found)
    table = pd.DataFrame(
        [
            {
                "estimate": found.point[0],
                "std_error": found.std_error[0],
                "conf_low": found.conf_low[0],
                "conf_high": found.conf_high[0],
                "p_value": found.p_value[0],
                "holm_p_value": adjusted,
                "councils": int(found.term_units[0]),
                "treated_councils": int(found.term_treated_units[0]),
                "council_years": int(found.term_obs[0]),
                "inference": found.inference,
            }
        ]
    )
    row = table.iloc[0]
    estimate = write_figure(row["estimate"], effect_unit(design.unit), sign=True)
    what = (
        f"{design.title}, which the event is not expected to move: {estimate} "
        f"({write_figure(row['conf_low'])} to {write_figure(row['conf_high'])}; "
        f"Holm p = {adjusted:.3f})"
    )
    excludes = _excludes_zero(row)
    if adjusted < ALPHA:
        sentence = f"{what}. It moved: the comparison councils differ in more than the event"
    elif excludes:
        sentence = (
            f"{what}. Its own interval excludes zero, though not after adjustment for the number "
            "of placebo outcomes: the comparison councils may differ in more than the event"
        )
    if adjusted < ALPHA or excludes:
        return CheckResult(CHECK, design.outcome, design.no_record, "concern", sentence, table)
    sentence = (
        f"{what}. No movement is shown: the interval includes zero, and a wide interval would "
        "hide one"
    )
    return CheckResult(CHECK, design.outcome, design.no_record, "pass", sentence, table)
