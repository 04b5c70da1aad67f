"""Which councils a reorganisation touched within a span of years."""

from __future__ import annotations

import pandas as pd

from evallib.panel.days import day_in_words, first_day, last_day


def reorganised_councils(
    figures: pd.DataFrame, councils: pd.DataFrame, first: int, last: int
) -> pd.Series:
    """Return why councils count as touched by reorganisation.

    Parameters
    ----------
    figures : pandas.DataFrame
        council_code, period, is_recast: the figures of one outcome within the years.
    councils : pandas.DataFrame
        council_code, valid_from, valid_to, successor_codes.
    first, last : int
        First calendar year of the first and the last financial year.

    Returns
    -------
    pandas.Series
        Reason by council code, for touched councils only: a start or an end inside the years, an
        area that was cut in a merger or split, or a series that mixes figures of the council in
        office with figures recast on its boundaries.
    """
    opened = pd.to_datetime(councils["valid_from"], errors="coerce")
    closed = pd.to_datetime(councils["valid_to"], errors="coerce")
    begin, end = first_day(first), last_day(last)
    codes = councils["council_code"]
    reasons: dict[str, str] = {}
    for code, day in zip(codes, opened, strict=True):
        if begin < day <= end:
            reasons[code] = f"came into being on {day_in_words(day)}"
    for code, day in zip(codes, closed, strict=True):
        if begin <= day < end:
            reasons[code] = f"abolished on {day_in_words(day)}"
    mixed = figures.groupby("council_code")["is_recast"].agg(["any", "all"])
    for code in mixed.index[mixed["any"] & ~mixed["all"]]:
        reasons.setdefault(str(code), "its series mixes real figures and figures recast")
    for code in mixed.index[mixed["all"]]:
        reasons.setdefault(str(code), "was not in office: all figures are recast")
    return pd.Series(reasons, dtype=object)
