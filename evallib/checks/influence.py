"""Influence on the answer of single councils, and of the year that changes count from."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from evallib.checks.base import CheckResult, not_applicable
from evallib.design import Design
from evallib.design.other import with_anticipation
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate, fit
from evallib.estimate.cells import CellSource
from evallib.estimate.jackknife import leave_one_out
from evallib.panel.units import effect_unit, write_figure

LEAVE_ONE_OUT = "leave one council out"
BASE_YEAR = "base moved back one year"


def check_leave_one_out(design: Design, estimate: Estimate, aggregation: str) -> CheckResult:
    """Estimate the headline effect without each council in turn.

    Parameters
    ----------
    design : Design
        The design.
    estimate : Estimate
        Its group-time estimate.
    aggregation : str
        The headline's aggregation.

    Returns
    -------
    CheckResult
        ``concern`` when leaving one council out moves the estimate by more than half of the
        meaningful change, or turns the sign of an estimate that is larger than that. Councils are
        not named: the table has the range of estimates by arm.
    """
    source = estimate.source
    if not isinstance(source, CellSource):
        return not_applicable(
            LEAVE_ONE_OUT, design.outcome, design.no_record, "There is no group-time estimate"
        )
    wanted = source.averages(aggregation)
    overall = float(source.aggregate(aggregation, -np.inf, np.inf, estimate).point[0])
    without = leave_one_out(source.problem, source.solution, wanted)[:, 0]
    treated = source.problem.paths.is_treated[source.solution.codes]
    rows = []
    for arm, members in (("treated", treated), ("comparison", ~treated)):
        some = without[members]
        if some.size:
            turned = int((np.sign(some) != np.sign(overall)).sum())
            rows.append((arm, some.size, overall, some.min(), some.max(), turned))
    table = pd.DataFrame(
        rows,
        columns=["arm", "councils", "estimate", "smallest_without", "largest_without", "turned"],
    )
    furthest = float(np.abs(without - overall).max())
    turned = int(table["turned"].sum())
    most = write_figure(without.max(), effect_unit(design.unit))
    span = f"between {write_figure(without.min())} and {most} ({write_figure(overall)} with all)"
    half = design.meaningful_change / 2
    concern = furthest > half or (turned > 0 and abs(overall) > half)
    if concern:
        who = {0: "none", 1: "1 council"}.get(turned, f"{turned} councils")
        sentence = (
            f"Without one council the estimate lies {span}; {who} would turn its sign, and one "
            f"moves it by {write_figure(furthest, figures=2)}"
        )
    else:
        sentence = f"Without any one council the estimate lies {span}"
    return CheckResult(
        LEAVE_ONE_OUT,
        design.outcome,
        design.no_record,
        "concern" if concern else "pass",
        sentence,
        table,
    )


def check_base_year(design: Design, estimate: Estimate, aggregation: str) -> CheckResult:
    """Estimate the headline effect with the base moved back one year.

    The base of the cohort of 2022/23 is the year of the pandemic, 2020/21: an effect that appears
    only against that year is recovery, not effect.

    Parameters
    ----------
    design : Design
        The design.
    estimate : Estimate
        Its group-time estimate.
    aggregation : str
        The headline's aggregation.

    Returns
    -------
    CheckResult
        ``concern`` when the estimate moves by more than half of the meaningful change. The table
        has both estimates with standard errors.
    """
    try:
        moved = _fit_again(design)
    except EstimationError as error:
        reason = "With an earlier base nothing can be estimated: " + "; ".join(
            fault.what for fault in error.faults
        )
        return not_applicable(BASE_YEAR, design.outcome, design.no_record, reason)
    moved = moved.aggregate(aggregation)
    kept = estimate.aggregate(aggregation)
    rows = [
        (
            label,
            one.point[0],
            one.std_error[0],
            int(one.term_units[0]),
            int(one.term_treated_units[0]),
        )
        for label, one in (("as planned", kept), ("one year earlier", moved))
    ]
    table = pd.DataFrame(
        rows, columns=["base", "estimate", "std_error", "councils", "treated_councils"]
    )
    shift = float(moved.point[0] - kept.point[0])
    sentence = (
        "With the base one year earlier the estimate is "
        f"{write_figure(moved.point[0], effect_unit(design.unit))} instead of "
        f"{write_figure(kept.point[0])}"
    )
    concern = abs(shift) > design.meaningful_change / 2
    if concern:
        sentence += ": it hangs on the choice of the year that changes are counted from"
    return CheckResult(
        BASE_YEAR,
        design.outcome,
        design.no_record,
        "concern" if concern else "pass",
        sentence,
        table,
    )


def _fit_again(design: Design) -> Estimate:
    """Fit with the base one year earlier; warnings repeat those of the estimate and are dropped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        return fit(
            "group_time",
            with_anticipation(design, design.anticipation + 1).group_time_frame,
            outcome="value",
            unit="council_code",
            time="period",
            cohort="cohort",
            anticipation=design.anticipation + 1,
            base="universal",
            comparison=design.comparison,
            cluster="cluster",
            weights="weight" if design.weighted else None,
            level=design.level,
        )
