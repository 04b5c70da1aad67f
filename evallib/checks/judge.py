"""The verdicts of a plan's outcomes: the evidence gathered, and the decision rule applied."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from evallib.checks.audit import read_flags
from evallib.checks.base import CheckResult, Checks
from evallib.checks.comparison import differ_in_sign
from evallib.checks.default import find_estimate, other_estimate, refusal
from evallib.checks.evidence import Evidence
from evallib.checks.honest import HONEST
from evallib.checks.placebo_outcomes import CHECK as PLACEBO_OUTCOME
from evallib.checks.pretrends import CHECK as PRETRENDS
from evallib.checks.verdict import Verdicts, decide
from evallib.design import Design, Designs
from evallib.estimate import Estimate, Estimates
from evallib.inference.given import require_given
from evallib.inference.joint_outcomes import joint_tests
from evallib.inference.multiple import holm, holm_levels
from evallib.inference.permuted_headline import REASSIGNED, permutation_p
from evallib.panel.units import effect_unit
from evallib.plan.verdict import VerdictRule

NOT_JUDGED = {
    "secondary": "secondary outcome: outside the family that is judged",
    "descriptive": "descriptive outcome: shown for context, never judged",
}


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
        A row an outcome; secondary and descriptive outcomes are shown, not judged. Romano and
        Wolf's p-values stand beside Holm's, on which the verdicts rest.

    Raises
    ------
    EstimationError
        For what is none of these. One design is not the designs of a plan, which hold the
        thresholds of its verdicts.
    """
    require_given(
        ("designs", designs, Designs, "evallib.build_designs"),
        ("estimates", estimates, Estimates, "evallib.estimate"),
        ("checks", checks, Checks, "evallib.check"),
    )
    primary = [design for design in designs if design.role == "primary"]
    found = {d.outcome: find_estimate(estimates, d, d.headline[0]) for d in designs}
    p_values = np.array([_first(found[design.outcome], "p_value") for design in primary])
    names = [design.outcome for design in primary]
    alone = primary[0].level if primary else 0.95
    adjusted = dict(zip(names, holm(p_values), strict=True))
    levels = dict(zip(names, holm_levels(p_values, alone), strict=True))
    joint = joint_tests([(design, found[design.outcome]) for design in primary])
    rows = []
    for design in designs:
        estimate, other = found[design.outcome], other_estimate(design, estimates)
        row = _facts(design, estimate, other)
        level = p_holm = float("nan")
        if design.role == "primary" and estimate is not None:
            level, p_holm = float(levels[design.outcome]), float(adjusted[design.outcome])
        evidence = _evidence(design, estimate, other, checks, level)
        if design.role == "primary":
            why = refusal(estimates, design, design.headline[0])
            evidence = replace(evidence, refusal=why)
            evidence = _permuted(evidence, design, estimate, (level, p_holm), designs.verdict)
            ruling = decide(evidence, designs.verdict)
            row |= {"verdict": ruling.verdict, "sentence": ruling.sentence}
        else:
            row |= {"verdict": design.role, "sentence": NOT_JUDGED[design.role]}
        looked_at = {name: fact for name, fact in asdict(evidence).items() if name not in row}
        rows.append(
            row
            | {
                "holm_low": looked_at.pop("low"),
                "holm_high": looked_at.pop("high"),
                "holm_level": level,
                "holm_p_value": p_holm,
                "romano_wolf_p_value": joint.p_values.get(design.outcome, float("nan")),
                "romano_wolf_method": joint.left_out.get(design.outcome, joint.sentence),
            }
            | looked_at
        )
    return Verdicts(pd.DataFrame(rows))


def _evidence(
    design: Design, estimate: Estimate | None, other: Estimate | None, checks: Checks, level: float
) -> Evidence:
    """Return what the rule looks at, the permutation p-value and the refusal aside."""
    low = high = float("nan")
    if estimate is not None and np.isfinite(level):
        low, high = estimate.interval(level)
    flags = read_flags(checks, design)
    pretrends = _pretrends(checks, design)
    return Evidence(
        outcome=design.outcome,
        is_refused=estimate is None,
        pretrends=pretrends.verdict if pretrends else "not applicable",
        estimate=_first(estimate, "point"),
        low=low,
        high=high,
        meaningful_change=design.meaningful_change,
        groups_differ_in_sign=(
            estimate is not None and other is not None and differ_in_sign(estimate, other)
        ),
        polarity=design.polarity,
        has_other_group=other is not None,
        breakdown=_breakdown(checks, design, _first(estimate, "point")),
        audit_has_run=flags.has_run,
        inference_not_fit=flags.inference_not_fit,
        selection_not_ruled_out=flags.selection_not_ruled_out,
        selected_mean=flags.selected_mean,
        is_thin=bool(_thinness(estimate)["thin_fired"]),
        change_unit=effect_unit(design.unit),
        other_estimate=_first(other, "point"),
        in_time=flags.in_time,
        false_alarms=flags.false_alarms,
        false_low=flags.false_low,
        false_high=flags.false_high,
        pretrends_found=pretrends.sentence if pretrends else "",
        moved_placebos=_moved_placebos(checks, design),
    )


def _pretrends(checks: Checks, design: Design) -> CheckResult | None:
    found = checks.select(PRETRENDS, design.outcome)
    return next((item for item in found if item.no_record == design.no_record), None)


def _moved_placebos(checks: Checks, design: Design) -> str:
    """Return the placebo outcomes of concern under the design's rule, with their figures."""
    return "; ".join(
        item.sentence.partition("). ")[0] + ")"
        for item in checks.select(PLACEBO_OUTCOME)
        if item.no_record == design.no_record and item.verdict == "concern"
    )


def _breakdown(checks: Checks, design: Design, point: float) -> float:
    """Return the breakdown value under relative magnitudes; NaN where it was not worked out.

    It is of the mean of the event times. Where their interval lies on the other side of zero than
    the headline, drift has not been borne by what is judged: zero.
    """
    for item in checks.select(HONEST, design.outcome):
        if item.no_record == design.no_record and not item.table.empty:
            rows = item.table[item.table["restriction"] == "relative magnitudes"]
            if rows.empty:
                return float("nan")
            least = rows.sort_values("bound").iloc[0]
            is_other = least["conf_high"] < 0 if point > 0 else least["conf_low"] > 0
            return 0.0 if is_other else float(least["breakdown"])
    return float("nan")


def _permuted(
    evidence: Evidence,
    design: Design,
    estimate: Estimate | None,
    holm_at: tuple[float, float],
    rule: VerdictRule,
) -> Evidence:
    """Return the evidence with the permutation p-value under Holm's rule.

    Where the headline's own p-value is no permutation's, it is worked out only if the verdict
    hangs on it, and multiplied by the number that Holm's rule multiplies the headline's by.
    `holm_at` is the level of the adjusted interval and the adjusted p-value.
    """
    level, p_holm = holm_at
    if estimate is None:
        return evidence
    if estimate.details.get("action") in REASSIGNED:
        return replace(evidence, permutation_p=p_holm)
    passed = replace(evidence, permutation_p=0.0)
    if not decide(passed, rule).verdict.startswith("consistent"):
        return evidence
    times = (1 - design.level) / (1 - level)
    return replace(evidence, permutation_p=min(1.0, times * permutation_p(design, estimate)))


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
