"""Measurement periods: which twelve months a figure labelled with a financial year covers.

An indicator's `period_basis` says in words when it is measured. Three rules are known; any
other text is an error, because an event would then be put on the wrong side of a figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from evallib.errors import DataError, Fault


@dataclass(frozen=True, slots=True)
class PeriodRule:
    """How a label year turns into twelve months.

    Parameters
    ----------
    name : str
        The rule in words.
    month : int
        Month in which the period begins (1 or 4); it begins on the first day.
    offset : int
        Years from the label's first calendar year to the year in which the period begins.
    """

    name: str
    month: int
    offset: int

    def start(self, period: int) -> date:
        """Return the first day of the period of a label whose first calendar year is `period`."""
        return date(period + self.offset, self.month, 1)

    def end(self, period: int) -> date:
        """Return the last day of the period."""
        return date(period + self.offset + 1, self.month, 1) - timedelta(days=1)

    def period_of(self, day: date) -> int:
        """Return the label year (its first calendar year) whose period holds a day."""
        began = day.year if day.month >= self.month else day.year - 1
        return began - self.offset


FINANCIAL_YEAR = PeriodRule("financial year, 1 April to 31 March", 4, 0)
CALENDAR_YEAR = PeriodRule("calendar year in which the financial year starts", 1, 0)
YEAR_BEFORE = PeriodRule("the twelve months to the 31 March before the financial year", 4, -1)

_RULES: tuple[tuple[str, PeriodRule], ...] = (
    ("stock at 31 march, the day before", YEAR_BEFORE),
    ("calendar year ", CALENDAR_YEAR),
    ("autumn snapshot in the calendar year", CALENDAR_YEAR),
    ("year to 31 march", FINANCIAL_YEAR),
    ("31 march at the end", FINANCIAL_YEAR),
    ("financial year", FINANCIAL_YEAR),
)


def period_rule(basis: str, indicator: str, label: str = "indicators.csv") -> PeriodRule:
    """Return the rule that an indicator's `period_basis` names.

    Parameters
    ----------
    basis : str
        The text of the column `period_basis`.
    indicator : str
        The indicator, for the message.
    label : str
        How the message names the file.

    Raises
    ------
    DataError
        When the text names none of the known rules.

    Examples
    --------
    >>> from datetime import date
    >>> rule = period_rule("calendar year in which the financial year starts", "ehc")
    >>> rule.period_of(date(2022, 2, 1))
    2022
    >>> period_rule("financial year", "waste").period_of(date(2022, 2, 1))
    2021
    """
    text = " ".join(basis.lower().split())
    for opening, rule in _RULES:
        if text.startswith(opening):
            return rule
    raise DataError(
        [
            Fault(
                f"{label}, column period_basis, indicator {indicator}",
                f"{basis!r} is not a period that is known",
                "An event would be put before or after the wrong figure",
                "Begin the text with 'financial year', 'year to 31 March', '31 March at the end', "
                "'calendar year', 'autumn snapshot in the calendar year' or "
                "'stock at 31 March, the day before'",
            )
        ]
    )
