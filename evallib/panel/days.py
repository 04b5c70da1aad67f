"""Days: the first and the last of financial years, and a day in words."""

from __future__ import annotations

from datetime import date

import pandas as pd

from evallib.plan import Plan
from evallib.plan.years import parse_financial_year


def first_day(year: int) -> pd.Timestamp:
    """Return the first day of the financial year that starts in a calendar year."""
    return pd.Timestamp(year, 4, 1)


def last_day(year: int) -> pd.Timestamp:
    """Return the last day of the financial year that starts in a calendar year."""
    return pd.Timestamp(year + 1, 3, 31)


def studied_days(plan: Plan) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last day of the years whose events a plan studies.

    Parameters
    ----------
    plan : Plan
        The evaluation.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> plan = SimpleNamespace(known_from="2021/22", last_event_year="2023/24")
    >>> [day_in_words(day) for day in studied_days(plan)]
    ['1 April 2021', '31 March 2024']
    """
    first, last = map(parse_financial_year, (plan.known_from, plan.last_event_year))
    return first_day(first), last_day(last)


def day_in_words(day: date) -> str:
    """Write a day in words.

    Examples
    --------
    >>> day_in_words(date(2023, 4, 1))
    '1 April 2023'
    """
    return f"{day.day} {day:%B %Y}"
