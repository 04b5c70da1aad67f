"""The default set of checks, and the verdicts of a plan's outcomes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from evallib.checks.audit import check_audit
from evallib.checks.bacon import check_bacon
from evallib.checks.balance import check_balance
from evallib.checks.base import CheckResult, Checks, not_applicable
from evallib.checks.breaks import check_breaks
from evallib.checks.comparison import check_comparison_groups, differ_in_sign
from evallib.checks.counts import check_counts
from evallib.checks.honest import HONEST, POWER, check_honest
from evallib.checks.influence import (
    BASE_YEAR,
    LEAVE_ONE_OUT,
    check_base_year,
    check_leave_one_out,
)
from evallib.checks.pretrends import CHECK as PRETRENDS
from evallib.checks.pretrends import check_pretrends
from evallib.checks.register import CHECK as REGISTER
from evallib.checks.register import check_register
from evallib.checks.unsafe import check_unsafe_figures
from evallib.checks.verdict import Evidence, Ruling, Verdicts, decide
from evallib.design import Design, Designs
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate, Estimates
from evallib.inference.designs import estimate_one
from evallib.inference.multiple import holm, holm_levels

NOT_JUDGED = {
    "secondary": "secondary outcome: outside the family that is judged",
    "descriptive": "descriptive outcome: shown for context, never judged",
}


def check(designs: Designs | Design, estimates: Estimates) -> Checks:
    """Run the default checks on every design and on its alternative.

    Parameters
    ----------
    designs : Designs or Design
        The designs.
    estimates : Estimates
        Their estimates, as `evallib.estimate` returns them.

    Returns
    -------
    Checks
        Pre-trends, the drift that the answer bears and that a test of pre-trends would miss,
        balance before exposure, counts by year, leave one council out, Bacon weights of the
        two-way estimate, breaks in the series and the base moved back one year, for both rules on
        councils without a record; whether the two comparison groups agree; the headline under
        the other decision on suspicious figures; what events that the register lacks could do; and,
        for primary outcomes, the audit by placebos.
    """
    results: list[CheckResult] = []
    for design in [designs] if isinstance(designs, Design) else designs:
        both = [one for one in (design, design.alternative) if one is not None]
        found = [_group_time(one, estimates) for one in both]
        for one, group_time in zip(both, found, strict=True):
            results += _check_one(one, estimates, group_time)
        results.append(_compare(design, estimates))
        declared = find_estimate(estimates, design, design.headline[0])
        results.append(check_unsafe_figures(design, declared))
        results.append(_register(both, found))
        if design.role == "primary":
            results.append(check_audit(design, declared))
    return Checks(tuple(results))


def _check_one(
    design: Design, estimates: Estimates, group_time: Estimate | None
) -> list[CheckResult]:
    aggregation = design.headline[1]
    results = [
        check_balance(design),
        check_counts(design),
        check_bacon(design),
        check_breaks(design),
    ]
    if group_time is None:
        reason = refusal(estimates, design, "group_time") or "There is no group-time estimate"
        return results + [
            not_applicable(name, design.outcome, design.no_record, reason)
            for name in (PRETRENDS, HONEST, POWER, LEAVE_ONE_OUT, BASE_YEAR)
        ]
    declared = find_estimate(estimates, design, design.headline[0])
    return [
        check_pretrends(design, group_time),
        *check_honest(design, declared, group_time),
        *results,
        check_leave_one_out(design, group_time, aggregation),
        check_base_year(design, group_time, aggregation),
    ]


def _group_time(design: Design, estimates: Estimates) -> Estimate | None:
    """Return the group-time estimate, made for the checks where the plan does not ask for it.

    A plan without group_time must not escape the pre-trends check by leaving it out.
    """
    found = find_estimate(estimates, design, "group_time")
    if found is not None or "group_time" in design.estimators:
        return found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EvallibWarning)
            return estimate_one(design, "group_time")
    except EstimationError:
        return None


def _register(designs: list[Design], found: list[Estimate | None]) -> CheckResult:
    """Look at the design with councils without a record as controls, declared or alternative."""
    by_rule = {one.no_record: (one, item) for one, item in zip(designs, found, strict=True)}
    wide, estimate = by_rule.get("assume_not_exposed", (designs[0], None))
    if estimate is None:
        reason = "There is no group-time estimate with councils without a record as controls"
        return not_applicable(REGISTER, wide.outcome, wide.no_record, reason)
    _, known = by_rule.get("only_known", (wide, None))
    return check_register(wide, estimate, wide.headline[1], known)


def _compare(design: Design, estimates: Estimates) -> CheckResult:
    declared = find_estimate(estimates, design, design.headline[0])
    if declared is None:
        reason = "There is no headline estimate"
        return not_applicable("two comparison groups", design.outcome, design.no_record, reason)
    return check_comparison_groups(
        design, declared, _other(design, estimates), _no_other(design, estimates)
    )


def find_estimate(estimates: Estimates, design: Design, estimator: str) -> Estimate | None:
    """Return the estimate of a design by an estimator; None where there is none."""
    for item in estimates:
        if (item.outcome, item.no_record, item.estimator) == (
            design.outcome,
            design.no_record,
            estimator,
        ):
            return item
    return None


def refusal(estimates: Estimates, design: Design, estimator: str) -> str:
    """Return why an estimator refused a design; empty where it did not."""
    for item in estimates.refused:
        if (item.outcome, item.no_record, item.estimator) == (
            design.outcome,
            design.no_record,
            estimator,
        ):
            return "; ".join(f"{fault.what}: {fault.why}" for fault in item.faults)
    return ""


def _other(design: Design, estimates: Estimates) -> Estimate | None:
    if design.alternative is None:
        return None
    return find_estimate(estimates, design.alternative, design.headline[0])


def _no_other(design: Design, estimates: Estimates) -> str:
    if design.alternative is None:
        return design.alternative_reason
    return refusal(estimates, design.alternative, design.headline[0])


def judge(designs: Designs, estimates: Estimates, checks: Checks) -> Verdicts:
    """Judge the primary outcomes by the decision rule, on Holm-adjusted intervals.

    Parameters
    ----------
    designs : Designs
        The designs.
    estimates : Estimates
        Their estimates.
    checks : Checks
        Their checks.

    Returns
    -------
    Verdicts
        A row an outcome; secondary and descriptive outcomes are shown, not judged.
    """
    primary = [design for design in designs if design.role == "primary"]
    found = {d.outcome: find_estimate(estimates, d, d.headline[0]) for d in designs}
    p_values = np.array([_first(found[design.outcome], "p_value") for design in primary])
    names = [design.outcome for design in primary]
    alone = primary[0].level if primary else 0.95
    adjusted = dict(zip(names, holm(p_values), strict=True))
    levels = dict(zip(names, holm_levels(p_values, alone), strict=True))
    rows = []
    for design in designs:
        estimate = found[design.outcome]
        other = _other(design, estimates)
        row = _facts(design, estimate, other)
        if design.role != "primary":
            rows.append({**row, "verdict": design.role, "sentence": NOT_JUDGED[design.role]})
            continue
        low = high = level = p_holm = float("nan")
        if estimate is not None:
            level, p_holm = float(levels[design.outcome]), float(adjusted[design.outcome])
            low, high = estimate.interval(level)
        why = refusal(estimates, design, design.headline[0])
        ruling = _rule(design, estimate, other, checks, (low, high), why)
        rows.append(
            {
                **row,
                "verdict": ruling.verdict,
                "sentence": ruling.sentence,
                "holm_low": low,
                "holm_high": high,
                "holm_level": level,
                "holm_p_value": p_holm,
            }
        )
    return Verdicts(pd.DataFrame(rows))


def _rule(
    design: Design,
    estimate: Estimate | None,
    other: Estimate | None,
    checks: Checks,
    interval: tuple[float, float],
    refused: str,
) -> Ruling:
    trends = [
        item.verdict
        for item in checks.select(PRETRENDS, design.outcome)
        if item.no_record == design.no_record
    ]
    return decide(
        Evidence(
            outcome=design.outcome,
            is_refused=estimate is None,
            pretrends=trends[0] if trends else "not applicable",
            low=interval[0],
            high=interval[1],
            meaningful_change=design.meaningful_change,
            groups_differ_in_sign=(
                estimate is not None and other is not None and differ_in_sign(estimate, other)
            ),
            refusal=refused,
        )
    )


def _facts(design: Design, estimate: Estimate | None, other: Estimate | None) -> dict[str, Any]:
    described = {
        "outcome": design.outcome,
        "title": design.title,
        "role": design.role,
        "unit": design.unit,
        "scale": design.scale,
        "polarity": design.polarity,
        "meaningful_change": design.meaningful_change,
        "estimator": design.headline[0],
        "aggregation": design.headline[1],
        "no_record": design.no_record,
    }
    for prefix, one in (("", estimate), ("other_", other)):
        described |= {
            f"{prefix}estimate": _first(one, "point"),
            f"{prefix}std_error": _first(one, "std_error"),
            f"{prefix}conf_low": _first(one, "conf_low"),
            f"{prefix}conf_high": _first(one, "conf_high"),
            f"{prefix}p_value": _first(one, "p_value"),
            f"{prefix}councils": int(one.term_units[0]) if one else 0,
            f"{prefix}treated_councils": int(one.term_treated_units[0]) if one else 0,
            f"{prefix}council_years": int(one.term_obs[0]) if one else 0,
            f"{prefix}inference": one.inference if one else "",
            f"{prefix}interval_method": one.interval_method if one else "",
        }
        described |= {f"{prefix}{name}": fact for name, fact in _thinness(one).items()}
    return described


def _first(estimate: Estimate | None, name: str) -> float:
    return float(getattr(estimate, name)[0]) if estimate is not None else float("nan")


def _thinness(estimate: Estimate | None) -> dict[str, Any]:
    """Return what of the thin-design rule fired, and the counts that it looks at."""
    thinness = estimate.details.get("thinness") if estimate is not None else None
    if thinness is None:
        return {
            "thin_fired": "",
            "treated_clusters": 0,
            "comparison_clusters": 0,
            "effective_clusters": float("nan"),
        }
    return {
        "thin_fired": "; ".join(thinness.fired),
        "treated_clusters": thinness.n_treated_clusters,
        "comparison_clusters": thinness.n_control_clusters,
        "effective_clusters": thinness.effective_treated_clusters,
    }
