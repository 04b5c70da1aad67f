"""The default set of checks."""

from __future__ import annotations

import warnings

from evallib.checks.audit import check_audit
from evallib.checks.bacon import check_bacon
from evallib.checks.balance import check_balance
from evallib.checks.base import CheckResult, Checks, not_applicable
from evallib.checks.breaks import check_breaks
from evallib.checks.comparison import check_comparison_groups
from evallib.checks.counts import check_counts
from evallib.checks.honest import HONEST, POWER, check_honest
from evallib.checks.influence import (
    BASE_YEAR,
    LEAVE_ONE_OUT,
    check_base_year,
    check_leave_one_out,
)
from evallib.checks.other_samples import check_other_samples
from evallib.checks.placebo_outcomes import check_placebo_outcomes
from evallib.checks.pretrends import CHECK as PRETRENDS
from evallib.checks.pretrends import check_pretrends
from evallib.checks.register import check_either
from evallib.checks.selection import check_regression_to_the_mean
from evallib.checks.unsafe import check_unsafe_figures
from evallib.design import Design, Designs
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate, Estimates
from evallib.inference.designs import estimate_one
from evallib.inference.given import given_designs, require_given


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
        the other decision on suspicious figures; what events that the register lacks could do;
        what councils alike in level and trend did without the event, and the headline on other
        samples; for primary outcomes the audit by placebos; and the plan's placebo outcomes.

    Raises
    ------
    EstimationError
        For what are no designs or no estimates.
    """
    many = given_designs(designs)
    require_given(("estimates", estimates, Estimates, "evallib.estimate"))
    results: list[CheckResult] = []
    for design in many:
        both = [one for one in (design, design.alternative) if one is not None]
        found = [_group_time(one, estimates) for one in both]
        for one, group_time in zip(both, found, strict=True):
            results += _check_one(one, estimates, group_time)
        results.append(_compare(design, estimates))
        declared = find_estimate(estimates, design, design.headline[0])
        results.append(check_unsafe_figures(design, declared))
        results.append(check_either(both, found))
        if design.role == "primary":
            results.append(check_audit(design, declared))
    if isinstance(designs, Designs):
        results += check_placebo_outcomes(designs)
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
        check_regression_to_the_mean(design, declared),
        check_other_samples(design, declared),
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


def _compare(design: Design, estimates: Estimates) -> CheckResult:
    declared = find_estimate(estimates, design, design.headline[0])
    if declared is None:
        reason = "There is no headline estimate"
        return not_applicable("two comparison groups", design.outcome, design.no_record, reason)
    return check_comparison_groups(
        design, declared, other_estimate(design, estimates), _no_other(design, estimates)
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


def other_estimate(design: Design, estimates: Estimates) -> Estimate | None:
    """Return the headline estimate with the other comparison group; None where there is none."""
    if design.alternative is None:
        return None
    return find_estimate(estimates, design.alternative, design.headline[0])


def _no_other(design: Design, estimates: Estimates) -> str:
    if design.alternative is None:
        return design.alternative_reason
    return refusal(estimates, design.alternative, design.headline[0])
