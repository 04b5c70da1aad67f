"""Dated breaks of the series that an outcome rests on."""

from __future__ import annotations

import pandas as pd

from evallib.panel.catalogue import Catalogue
from evallib.panel.derived.names import reach
from evallib.plan import Plan


def breaks_within(
    plan: Plan, catalogue: Catalogue, outcome: str, first: int, last: int
) -> pd.DataFrame:
    """Return the dated breaks of an outcome, or of what it is made of, within its years.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    catalogue : Catalogue
        What the indicators mean, with the breaks of their series.
    outcome : str
        An indicator among its outcomes.
    first, last : int
        First calendar years of the outcome's first and last year.

    Returns
    -------
    pandas.DataFrame
        With the columns of `evallib.panel.breaks.read_breaks`; a break before the second year is
        outside: it has no figure before it.
    """
    found = catalogue.breaks_of(reach(plan, plan.outcome(outcome)))
    inside = found["first_period_after"].between(first + 1, last)
    return found[inside].reset_index(drop=True)
