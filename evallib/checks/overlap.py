"""Overlap: are there comparison councils like the treated ones."""

from __future__ import annotations

import pandas as pd

from evallib.checks.balance import characteristics_before, check_balance
from evallib.design import Design

TAILS = (0.05, 0.95)


def overlap_before(design: Design) -> pd.DataFrame:
    """Return how far treated councils lie within the comparison councils before exposure.

    Nothing after the earliest base period is read.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    pandas.DataFrame
        The table of `check_balance`, with inside_pct: per cent of the treated councils between
        the 5th and the 95th percentile of the comparison councils.
    """
    treated = design.councils.set_index("council_code")["is_treated"]
    inside = {}
    for name, values in characteristics_before(design).items():
        one, other = values[treated].dropna(), values[~treated].dropna()
        low, high = other.quantile(list(TAILS))
        inside[name] = 100 * float(one.between(low, high).mean())
    table = check_balance(design).table
    return table.assign(inside_pct=table["characteristic"].map(inside))
