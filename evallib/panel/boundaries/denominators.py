"""How each indicator's figures are joined, and the denominators that weight rates."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import yaml

from evallib.panel.catalogue import Catalogue
from evallib.panel.periods import CALENDAR_YEAR, YEAR_BEFORE, PeriodRule

Kind = Literal["count", "rate", "cannot"]
POPULATION = "population_count"
_FILE = Path(__file__).with_name("denominators.yml")
_COUNTS = ("_count", "_gbp", "_gbp_000")


@dataclass(frozen=True, slots=True)
class Joining:
    """How an indicator's figures of several councils become one.

    Parameters
    ----------
    kind : {'count', 'rate', 'cannot'}
        Added up, averaged by the denominator, or refused.
    denominator : str
        What weights a rate; empty otherwise.
    stands_for : str
        What the denominator ought to be, and how near it is.
    reason : str
        Why the figures cannot be joined; empty otherwise.
    """

    kind: Kind
    denominator: str = ""
    stands_for: str = ""
    reason: str = ""


@functools.cache
def packaged_joinings() -> Mapping[str, Joining]:
    """Return the packaged table: how every shipped indicator is joined."""
    rows = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {name: Joining(**row) for name, row in rows.items()}


def joining_of(name: str, catalogue: Catalogue) -> Joining:
    """Return how an indicator's figures are joined.

    Parameters
    ----------
    name : str
        The indicator.
    catalogue : Catalogue
        Its description; `denominator`, where there is such a column, or `scale_by` names what it
        is a rate of.

    Returns
    -------
    Joining
        The packaged row for a shipped indicator. Of others: a count where the name says so
        (``_count``, ``_gbp``, ``_gbp_000``), a rate where the catalogue names a denominator, and
        otherwise refused.
    """
    packaged = packaged_joinings()
    if name in packaged:
        return packaged[name]
    if name.endswith(_COUNTS):
        return Joining("count")
    row = catalogue.describe(name)
    described = str(row.get("denominator") or row.get("scale_by") or "")
    if described:
        return Joining("rate", described, "the denominator that its description names")
    return Joining("cannot", reason="its name is no count's, and no denominator is named")


Values = Callable[[str], Mapping[tuple[str, int], float]]
"""Figures of an indicator by council and label year."""


@dataclass(frozen=True, slots=True)
class Made:
    """A denominator that is worked out from several figures of one council and year."""

    of: tuple[str, ...]
    work_out: Callable[..., float]


def _household_waste(residual: float, dwellings: float, recycled_pct: float) -> float:
    """Return household waste in kg: what is not recycled, over its share.

    Examples
    --------
    >>> _household_waste(400.0, 1000.0, 50.0)
    800000.0
    """
    left = 1 - recycled_pct / 100
    return residual * dwellings / left if left > 0 else np.nan


def _residents(residual: float, dwellings: float, recycled_pct: float, per_head: float) -> float:
    """Return residents: household waste over household waste per person."""
    waste = _household_waste(residual, dwellings, recycled_pct)
    return waste / per_head if per_head > 0 else np.nan


_WASTE = ("residual_waste_kg_per_household", "dwellings_count", "recycling_rate_pct")
MADE: Mapping[str, Made] = {
    "household_waste_kg": Made(_WASTE, _household_waste),
    "residents_by_waste": Made((*_WASTE, "household_waste_kg_per_person"), _residents),
}


def parts_of(denominator: str) -> tuple[str, ...]:
    """Return the indicators that a denominator is made of; itself unless it is worked out."""
    return MADE[denominator].of if denominator in MADE else (denominator,)


def denominators(
    joining: Joining,
    rule: PeriodRule,
    pairs: Iterable[tuple[str, int]],
    values: Values,
    rules: Mapping[str, PeriodRule],
) -> dict[tuple[str, int], float]:
    """Return the denominators of a rate.

    Parameters
    ----------
    joining : Joining
        Of kind ``rate``.
    rule : PeriodRule
        The rate's measurement period.
    pairs : iterable of (str, int)
        Council and label year of the figures that are to be weighted.
    values : callable
        Figures of an indicator, by council and label year; empty where it is not held.
    rules : mapping of str to PeriodRule
        Measurement periods of the indicators that the denominator is made of.

    Returns
    -------
    dict
        Only finite denominators above zero: where one is missing, so is the pair.
    """
    parts = parts_of(joining.denominator)
    tables = [(values(part), rules.get(part, CALENDAR_YEAR)) for part in parts]
    made = MADE.get(joining.denominator)
    found = {}
    for code, period in pairs:
        cells = [held.get((code, matching_label(rule, period, own))) for held, own in tables]
        known = [cell for cell in cells if cell is not None]
        if len(known) < len(cells):
            continue
        value = made.work_out(*known) if made else known[0]
        if np.isfinite(value) and value > 0:
            found[code, period] = float(value)
    return found


def matching_label(rule: PeriodRule, period: int, other: PeriodRule) -> int:
    """Return the label year of a denominator that belongs to a figure, by the day.

    Parameters
    ----------
    rule : PeriodRule
        The figure's measurement period.
    period : int
        Its label year.
    other : PeriodRule
        The denominator's measurement period. A stock at 31 March is the last one that is not
        after the middle of the figure's period; any other denominator is that of the period
        which holds that day.

    Examples
    --------
    >>> from evallib.panel.periods import FINANCIAL_YEAR
    >>> matching_label(FINANCIAL_YEAR, 2018, YEAR_BEFORE)  # stock on 31 March 2018
    2018
    >>> matching_label(YEAR_BEFORE, 2019, FINANCIAL_YEAR)  # the year that ends on that day
    2018
    """
    middle = middle_of(rule, period)
    if other != YEAR_BEFORE:
        return other.period_of(middle)
    return middle.year if middle >= date(middle.year, 3, 31) else middle.year - 1


def middle_of(rule: PeriodRule, period: int) -> date:
    """Return the day in the middle of a measurement period."""
    start = rule.start(period)
    return start + timedelta(days=(rule.end(period) - start).days // 2)


def population_values(table: pd.DataFrame) -> dict[tuple[str, int], float]:
    """Return mid-year estimates by council and the label of the calendar year."""
    rows = zip(table["council_code"], table["year"], table["population_count"], strict=True)
    return {(str(code), int(year)): float(people) for code, year, people in rows}
