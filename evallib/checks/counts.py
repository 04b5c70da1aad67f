"""How many treated and comparison councils carry each year."""

from __future__ import annotations

import pandas as pd

from evallib.checks.base import CheckResult
from evallib.design import Design
from evallib.plan.years import format_financial_year

FEW = 20


def check_counts(design: Design) -> CheckResult:
    """Count exposed and comparison councils by year.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    CheckResult
        ``concern`` when a year in which councils are exposed has fewer than 20 of them or fewer
        than 20 that compare. The table has fin_year, exposed, event_year, comparison (councils
        with a figure; with ``never_treated`` only those that are never treated).
    """
    rows = design.group_time_frame
    event = rows["cohort"].notna() & rows["period"].between(
        rows["cohort"] - design.anticipation, rows["cohort"] - 1
    )
    kind = pd.Series("comparison", index=rows.index)
    if design.comparison == "never_treated":
        kind[rows["cohort"].notna()] = "before exposure"
    kind[event] = "event_year"
    kind[rows["is_exposed"] == 1] = "exposed"
    table = pd.crosstab(rows["period"], kind).reindex(
        columns=["exposed", "event_year", "comparison"], fill_value=0
    )
    years = [format_financial_year(int(period)) for period in table.index]
    after = table[table["exposed"] > 0]
    few_treated = int((after["exposed"] < FEW).sum())
    few_controls = int((after["comparison"] < FEW).sum())
    table = table.rename_axis(columns=None)
    table.insert(0, "fin_year", years)
    smallest = f"{after['exposed'].min()} exposed and {after['comparison'].min()} comparison"
    if few_treated or few_controls:
        kinds = (("are exposed", few_treated), ("compare", few_controls))
        said = " and ".join(f"{what} in {n}" for what, n in kinds if n)
        sentence = (
            f"Fewer than {FEW} councils {said} of {len(after)} exposed years (fewest: {smallest} "
            "councils): standard errors lean on few councils there"
        )
    else:
        sentence = f"Every exposed year has at least {smallest} councils"
    return CheckResult(
        "counts by year",
        design.outcome,
        design.no_record,
        "concern" if few_treated or few_controls else "pass",
        sentence,
        table.reset_index(drop=True),
        "counts",
    )
