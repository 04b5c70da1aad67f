"""Figures that look unsafe: zeros, negatives, spikes, flat lines, far below the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd

SPIKE = 8.0
FLAT_YEARS = 4
FAR_BELOW = 0.1
RARE = 0.02
RULES = {
    "zero": "a zero, although the council's other years are above zero",
    "negative": "below zero, although fewer than 2 per cent of the indicator's figures are",
    "spike": (
        f"more than {SPIKE:g} robust standard deviations from the mean of the years beside it"
    ),
    "jump": f"more than {SPIKE:g} robust standard deviations from the year before",
    "flat line": f"the same figure to the last digit for {FLAT_YEARS} years or more",
    "far below": "under a tenth of the median of its council type in the year",
}


def suspicious_figures(figures: pd.DataFrame, councils: pd.DataFrame) -> pd.DataFrame:
    """List figures that a careful reader would ask about; nothing is changed or dropped.

    Parameters
    ----------
    figures : pandas.DataFrame
        council_code, fin_year, period, indicator, value.
    councils : pandas.DataFrame
        council_code, council_name, council_type.

    Returns
    -------
    pandas.DataFrame
        indicator, council_code, council_name, fin_year, value, why (a key of `RULES`), one row a
        figure and rule, in the order of indicator, council and year. The spread behind a
        spike or a jump is 1.4826 times the median of all such distances of the indicator.
    """
    order = ["indicator", "council_code", "period"]
    table = figures.merge(
        councils[["council_code", "council_name", "council_type"]], on="council_code", how="left"
    ).sort_values(order, ignore_index=True)
    series = table.groupby(["indicator", "council_code"])["value"]
    typical = series.transform("median")
    found = {
        "zero": (table["value"] == 0) & (typical > 0),
        "negative": _rarely_negative(table),
        "spike": _far(table, _from_neighbours(table)),
        "jump": _far(table, _from_year_before(table)),
        "flat line": _flat(table),
        "far below": _far_below(table),
    }
    parts = [table[rows].assign(why=why) for why, rows in found.items()]
    columns = ["indicator", "council_code", "council_name", "fin_year", "value", "why"]
    listed = pd.concat(parts).sort_values([*order, "why"], ignore_index=True)
    return listed[columns]


def _rarely_negative(table: pd.DataFrame) -> pd.Series:
    below = table["value"] < 0
    return below & (below.groupby(table["indicator"]).transform("mean") < RARE)


def _scaled(table: pd.DataFrame) -> pd.Series:
    """Return values on the scale on which distances are told.

    Where an indicator has no negative figure it is the logarithm, so that a large council's
    ordinary change is not far; zeros have a rule of their own and are left out.
    """
    positive = (table["value"] >= 0).groupby(table["indicator"]).transform("all")
    above = table["value"].where(table["value"] > 0)
    return table["value"].where(~positive, np.log(above))


def _from_neighbours(table: pd.DataFrame) -> pd.Series:
    """Return the distance of each figure from the mean of the years beside it."""
    value, keys = _scaled(table), [table["indicator"], table["council_code"]]
    before, after = value.groupby(keys).shift(1), value.groupby(keys).shift(-1)
    periods = table["period"].groupby(keys)
    beside = (periods.diff() == 1) & (periods.diff(-1) == -1)
    return (value - (before + after) / 2).where(beside).abs()


def _from_year_before(table: pd.DataFrame) -> pd.Series:
    """Return the distance of each figure from the year before."""
    keys = [table["indicator"], table["council_code"]]
    follows = table["period"].groupby(keys).diff() == 1
    return _scaled(table).groupby(keys).diff().where(follows).abs()


def _far(table: pd.DataFrame, distance: pd.Series) -> pd.Series:
    spread = 1.4826 * distance.groupby(table["indicator"]).transform("median")
    return (distance > SPIKE * spread) & (spread > 0)


def _flat(table: pd.DataFrame) -> pd.Series:
    keys = [table["indicator"], table["council_code"]]
    changed = table.groupby(keys)["value"].diff().ne(0)
    run = changed.groupby(keys).cumsum()
    length = table.groupby([*keys, run])["value"].transform("size")
    # Whole percentages and saturated rates repeat by themselves: zeros and hundreds are no sign.
    telling = ~table["value"].isin([0, 100]) & (table["value"] % 1 != 0)
    return (length >= FLAT_YEARS) & telling


def _far_below(table: pd.DataFrame) -> pd.Series:
    middle = table.groupby(["indicator", "council_type", "period"])["value"].transform("median")
    return (table["value"] < FAR_BELOW * middle) & (table["value"] > 0) & (middle > 0)
