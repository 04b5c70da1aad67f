"""What the plan's decision on suspicious figures does to the figures of an outcome."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from evallib.design.flow import SampleFlow
from evallib.design.outcomes import OutcomeFigures, outcome_figures
from evallib.errors import DesignError
from evallib.exposure.exposure import Exposure
from evallib.panel.build import Panel
from evallib.plan import Plan


def under_other_decision(
    plan: Plan, panel: Panel, exposure: Exposure, figures: OutcomeFigures, outcome: str
) -> tuple[OutcomeFigures | None, str]:
    """Return the outcome's figures under the other decision on suspicious ones, where they differ.

    The second item says why they cannot be had, such as a zero that has no logarithm.
    """
    if panel.other is None:
        return None, ""
    try:
        found = outcome_figures(plan, panel.other, plan.outcome(outcome))
    except DesignError as error:
        return None, error.reasons
    known = found.rows["council_code"].isin(exposure.councils["council_code"])
    rows = found.rows[known].reset_index(drop=True)
    columns = ["council_code", "period", "value"]
    if rows[columns].equals(figures.rows[columns].reset_index(drop=True)):
        return None, ""
    return replace(found, rows=rows), ""


def rows_made_missing(
    figures: OutcomeFigures,
    with_them: OutcomeFigures | None,
    unsafe: pd.DataFrame,
    outcome: str,
) -> pd.DataFrame:
    """Return the council-years of an outcome that the plan's decision makes missing.

    Parameters
    ----------
    figures : OutcomeFigures
        The outcome's figures under the plan's decision.
    with_them : OutcomeFigures, optional
        The figures if all were kept; without it, the list of suspicious figures is counted.
    unsafe : pandas.DataFrame
        The list, see `evallib.panel.quality.Settled`.
    outcome : str
        The indicator.

    Returns
    -------
    pandas.DataFrame
        council_code, period, why (the rules, in words).
    """
    keys = ["council_code", "period"]
    gone = unsafe[(unsafe["indicator"] == outcome) & (unsafe["action"] == "missing")]
    gone = gone[gone["period"].between(figures.first, figures.last)]
    rows = gone[keys].drop_duplicates() if with_them is None else with_them.rows[keys]
    here = pd.MultiIndex.from_frame(figures.rows[keys])
    rows = rows[~pd.MultiIndex.from_frame(rows).isin(here)]
    words = gone["rule"].str.replace("_", " ").groupby([gone[key] for key in keys])
    why = words.agg(" and ".join).rename("why").reset_index()
    return rows.merge(why, on=keys, how="left").fillna({"why": "made from such a figure"})


def start_flow(figures: OutcomeFigures, made_missing: pd.DataFrame | None) -> SampleFlow:
    """Begin a sample flow, with a step for figures that the plan makes missing."""
    rows = figures.rows
    start = "Councils with a figure in the outcome's years"
    if made_missing is None:
        return SampleFlow(rows, start, figures.note)
    whole = pd.concat([rows, made_missing], ignore_index=True)
    flow = SampleFlow(whole, start, figures.note)
    counts = made_missing["why"].value_counts()
    why = "; ".join(f"{reason} ({count})" for reason, count in counts.items()) or "none"
    gone = pd.Series(whole.index >= len(rows), index=whole.index)
    flow.drop_rows("Suspicious figures that the plan makes missing", gone, why)
    flow.rows = rows  # as they were: joining the two changes types
    return flow
