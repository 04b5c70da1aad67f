"""Dated breaks of the published series: `known_breaks` of `indicators.csv` in numbers.

`breaks.csv` beside this module repeats only what `indicators.csv` says in words and dates. A break
of kind ``basis`` ends one series and starts another: figures on its two sides are not compared. A
``gap`` is a year without a collection: the measure is the same on both sides.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib import resources

import pandas as pd

from evallib.plan.years import parse_financial_year

KINDS = ("basis", "gap")


def read_breaks() -> pd.DataFrame:
    """Read the dated breaks of the published series.

    Returns
    -------
    pandas.DataFrame
        indicator, first_year_after (the financial year of the first figure after the break),
        first_period_after (its first calendar year), kind (``basis`` or ``gap``), what (in words);
        in the order of indicator and year. A new table at every call.

    Examples
    --------
    >>> breaks = read_breaks().set_index("indicator")
    >>> int(breaks.loc["total_service_expenditure_gbp_000", "first_period_after"])
    2013
    """
    return _table().copy()


def breaks_of(indicators: Iterable[str]) -> pd.DataFrame:
    """Return the dated breaks of some indicators, with the columns of `read_breaks`."""
    table = read_breaks()
    return table[table["indicator"].isin(set(indicators))].reset_index(drop=True)


def segment(periods: pd.Series, breaks: pd.DataFrame) -> pd.Series:
    """Count the breaks of one series up to each period.

    Parameters
    ----------
    periods : pandas.Series of int
        First calendar years of the labels.
    breaks : pandas.DataFrame
        Breaks of the series, with the columns of `read_breaks`; only those of basis count.

    Returns
    -------
    pandas.Series of int
        0 before the first break, 1 after it and so on; figures of two periods are comparable when
        their numbers are equal.

    Examples
    --------
    >>> segment(pd.Series([2012, 2013]), breaks_of(["total_service_expenditure_gbp_000"])).tolist()
    [0, 1]
    """
    starts = breaks.loc[breaks["kind"] == "basis", "first_period_after"]
    count = pd.Series(0, index=periods.index)
    for start in sorted(set(starts)):
        count += (periods >= start).astype(int)
    return count


@functools.cache
def _table() -> pd.DataFrame:
    with (resources.files("evallib.panel") / "breaks.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype=str)
    table["first_period_after"] = table["first_year_after"].map(parse_financial_year)
    columns = ["indicator", "first_year_after", "first_period_after", "kind", "what"]
    return table.sort_values(["indicator", "first_period_after"], ignore_index=True)[columns]
