"""Why a policy for reorganised councils leaves a council out of an outcome's sample."""

from __future__ import annotations

import pandas as pd

from evallib.panel.boundaries.lineage import Lineage
from evallib.panel.boundaries.touched import reorganised_councils
from evallib.panel.boundaries.uses import Use
from evallib.panel.days import day_in_words
from evallib.plan import Plan


def reasons_of(
    plan: Plan,
    use: Use,
    rows: pd.DataFrame,
    made: pd.DataFrame,
    councils: pd.DataFrame,
    lineage: Lineage,
) -> pd.Series:
    """Return why councils are left out of an outcome's sample.

    Parameters
    ----------
    plan : Plan
        The evaluation, with its policy.
    use : Use
        The years of the outcome, and of its boundaries.
    rows : pandas.DataFrame
        council_code, period, is_recast: the outcome's figures.
    made : pandas.DataFrame
        What aggregation gave for the indicators that the outcome is made of, see `aggregate`.
    councils : pandas.DataFrame
        `councils.csv` under current codes.
    lineage : Lineage
        Who followed whom.

    Returns
    -------
    pandas.Series
        Reason by council code.
    """
    if plan.boundaries == "drop":
        return reorganised_councils(rows, councils, use.first, use.last)
    aggregates = plan.boundaries == "aggregate_to_successor"
    refused = not_aggregated(made, use) if aggregates else {}
    reasons: dict[str, str] = {}
    for code in rows["council_code"].unique():
        unit = lineage.units[code]
        if unit.opened and unit.opened > use.day:
            reasons[code] = f"came into being on {day_in_words(unit.opened)}"
        elif aggregates and unit.closed and unit.closed < use.day:
            closed = day_in_words(unit.closed)
            reasons[code] = f"its rows are in no aggregate: abolished on {closed}"
        elif code in refused:
            reasons[code] = refused[code]
    return pd.Series(reasons, dtype=object)


def not_aggregated(made: pd.DataFrame, use: Use) -> dict[str, str]:
    """Return why successors have no figure for any year before they began.

    Parameters
    ----------
    made : pandas.DataFrame
        What aggregation gave, see `aggregate`.
    use : Use
        The years of the outcome.

    Returns
    -------
    dict
        By council code, for councils that have years before they began and, in one of the
        indicators, no figure in any of them: the most frequent reason.
    """
    inside = made[made["period"].between(use.first, use.last)]
    reasons: dict[str, str] = {}
    for (_, code), part in inside.groupby(["indicator", "council_code"], sort=False):
        if part["origin"].eq("").all():
            often = part["reason"].mode().iloc[0]
            reasons.setdefault(str(code), f"could not be aggregated: {often}")
    return reasons
