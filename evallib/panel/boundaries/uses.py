"""For which years, and on the boundaries of which year, a plan uses an indicator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from evallib.panel.derived.names import reach
from evallib.plan import Measured, Plan
from evallib.plan.years import parse_financial_year


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One use of an indicator.

    Parameters
    ----------
    boundary : int
        First calendar year of the financial year at whose end (31 March) boundaries are taken.
    first, last : int
        First calendar year of the first and the last financial year.
    """

    boundary: int
    first: int
    last: int

    @property
    def day(self) -> date:
        """The day of the boundaries."""
        return boundary_day(self.boundary)


def boundary_day(year: int) -> date:
    """Return the 31 March at the end of a financial year, given by its first calendar year.

    Examples
    --------
    >>> boundary_day(2024)
    datetime.date(2025, 3, 31)
    """
    return date(year + 1, 3, 31)


def use_of(plan: Plan, outcome: Measured) -> Use:
    """Return the years and the boundaries of an outcome."""
    first, last = (parse_financial_year(year) for year in outcome.years_or(plan.years))
    given = plan.boundary_year
    return Use(parse_financial_year(given) if given else last, first, last)


def uses_of(plan: Plan, name: str) -> tuple[Use, ...]:
    """Return the uses of an indicator: those of every outcome that it is, or is part of.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    name : str
        An indicator of the tables.

    Returns
    -------
    tuple of Use
        Each once, in order; where no outcome leads to the indicator, the plan's years on the
        boundaries of every outcome.
    """
    own = {use_of(plan, one) for one in plan.every_outcome if name in reach(plan, one)}
    if own:
        return tuple(sorted(own))
    first, last = (parse_financial_year(year) for year in plan.years)
    years = {use_of(plan, one).boundary for one in plan.every_outcome}
    return tuple(Use(year, first, last) for year in sorted(years))
