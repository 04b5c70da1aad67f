"""Which figures are expected: councils in office that report an indicator, in its years."""

from __future__ import annotations

import pandas as pd

from evallib.panel.periods import PeriodRule


def expected_rows(figures: pd.DataFrame, councils: pd.DataFrame, rule: PeriodRule) -> pd.DataFrame:
    """Return every council-year in which a figure of one indicator is expected.

    Parameters
    ----------
    figures : pandas.DataFrame
        council_code and period of the indicator's figures.
    councils : pandas.DataFrame
        council_code, valid_from, valid_to (empty for still in office).
    rule : PeriodRule
        The indicator's measurement period.

    Returns
    -------
    pandas.DataFrame
        council_code, period, is_missing. Councils are expected that were in office on the last
        day of the measurement period and have a figure in at least one year. A year in which no
        council has a figure is no row.

    Examples
    --------
    >>> from evallib.panel.periods import FINANCIAL_YEAR
    >>> figures = pd.DataFrame({"council_code": ["a", "b", "a"], "period": [2015, 2015, 2016]})
    >>> councils = pd.DataFrame({"council_code": ["a", "b"], "valid_from": "", "valid_to": ""})
    >>> expected_rows(figures, councils, FINANCIAL_YEAR)["is_missing"].tolist()
    [False, False, False, True]
    """
    known = councils[councils["council_code"].isin(figures["council_code"].unique())]
    periods = pd.DataFrame({"period": sorted(set(figures["period"]))}, dtype=int)
    grid = periods.merge(known[["council_code", "valid_from", "valid_to"]], how="cross")
    last = grid["period"].map({p: pd.Timestamp(rule.end(p)) for p in periods["period"]})
    opened = pd.to_datetime(grid["valid_from"], errors="coerce")
    closed = pd.to_datetime(grid["valid_to"], errors="coerce")
    keys = ["council_code", "period"]
    grid = grid.loc[~(opened > last) & ~(closed < last), keys].reset_index(drop=True)
    here = pd.MultiIndex.from_frame(figures[keys])
    return grid.assign(is_missing=~pd.MultiIndex.from_frame(grid).isin(here))
