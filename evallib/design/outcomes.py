"""One outcome's figures, after division, zeros and scale, with its unit in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.errors import DesignError, Fault, first_five
from evallib.panel.build import Panel
from evallib.panel.derived import ingredients_of
from evallib.panel.derived.build import loss_counts
from evallib.panel.derived.units import is_log
from evallib.panel.periods import PeriodRule
from evallib.panel.plan_labels import plan_label
from evallib.plan import Measured, Plan
from evallib.plan.years import parse_financial_year


@dataclass(frozen=True, slots=True)
class OutcomeFigures:
    """Figures of one outcome as they enter the analysis.

    Parameters
    ----------
    rows : pandas.DataFrame
        council_code, period, value, is_recast: one row a council-year with a figure.
    title, unit, polarity : str
        In words; the unit is that of the value after `per` and `scale`.
    rule : PeriodRule
        The measurement period (the numerator's).
    first, last : int
        First calendar year of the first and last financial year.
    zeros_missing, without_denominator : int
        Council-years left out because the figure was zero, or had no denominator.
    scale : str
        ``log`` where the value is a logarithm, by the outcome's `scale` or by its derived row;
        otherwise ``level``.
    small_denominator : int
        Council-years left out because the denominator is under the outcome's `min_denominator`.
    not_derived : str
        Why figures of a derived row or an index are missing, with numbers of council-years; empty
        where none are.
    min_denominator : float or None
        The outcome's.
    indicator : str
        The outcome's name.
    """

    rows: pd.DataFrame
    title: str
    unit: str
    polarity: str
    rule: PeriodRule
    first: int
    last: int
    zeros_missing: int
    without_denominator: int
    scale: str = "level"
    small_denominator: int = 0
    not_derived: str = ""
    min_denominator: float | None = None
    indicator: str = ""

    @property
    def note(self) -> str:
        """Which council-years were left out before the sample flow, in words; empty for none."""
        counts = (
            (self.zeros_missing, "zero read as a missing return"),
            (self.without_denominator, "no denominator"),
            (self.small_denominator, f"a denominator under {self.min_denominator or 0:,g}"),
        )
        parts = [f"{why} ({count:,})" for count, why in counts if count]
        parts += [self.not_derived] if self.not_derived else []
        return f"council-years left out before: {'; '.join(parts)}" if parts else ""


def outcome_figures(plan: Plan, panel: Panel, outcome: Measured) -> OutcomeFigures:
    """Return an outcome's figures within its years.

    Raises
    ------
    DesignError
        When a log is asked of figures that are zero or negative.
    """
    first, last = (parse_financial_year(year) for year in outcome.years_or(plan.years))
    figures = panel.figures
    own = figures["indicator"].eq(outcome.indicator) & figures["period"].between(first, last)
    rows = figures.loc[own, ["council_code", "period", "value", "is_recast"]].reset_index(drop=True)
    described = panel.catalogue.describe(outcome.indicator)
    title, unit = described["title"], described["unit"]
    zeros = without = small = 0
    if outcome.zeros == "missing":
        zeros = int(rows["value"].eq(0).sum())
        rows = rows[rows["value"] != 0]
    counted_by = _counted_by(plan, outcome)
    if counted_by is not None:
        rows = _with_denominator(rows, figures, counted_by)
        lacks = rows["below"].isna() | (rows["below"] == 0)
        without = int(lacks.sum())
        rows = rows[~lacks]
    if counted_by is not None and outcome.min_denominator is not None:
        few = rows["below"] < outcome.min_denominator
        small = int(few.sum())
        rows = rows[~few]
    if outcome.per:
        rows = rows.assign(value=rows["value"] / rows["below"])
        denominator = panel.catalogue.describe(outcome.per)
        title = f"{title} per {denominator['unit'].removesuffix('s')}"
        unit = f"{unit} per {denominator['unit'].removesuffix('s')}"
    if outcome.scale == "log":
        _refuse_no_log(plan, outcome, rows, unit)
        rows = rows.assign(value=np.log(rows["value"]))
        unit = f"log of {unit}"
    columns = ["council_code", "period", "value", "is_recast"]
    return OutcomeFigures(
        rows=rows[columns].sort_values(["council_code", "period"], ignore_index=True),
        title=title,
        unit=unit,
        polarity=described["polarity"],
        rule=panel.catalogue.rule(outcome.indicator),
        first=first,
        last=last,
        zeros_missing=zeros,
        without_denominator=without,
        scale="log" if is_log(unit) else "level",
        small_denominator=small,
        not_derived=loss_counts(panel.losses, _made_from(plan, outcome.indicator), first, last),
        min_denominator=outcome.min_denominator,
        indicator=outcome.indicator,
    )


def _counted_by(plan: Plan, outcome: Measured) -> str | None:
    """Return what an outcome is divided by, or what its percentage is known to be of."""
    if outcome.per or outcome.min_denominator is None:
        return outcome.per
    rows = {row.name: row for row in plan.derived}
    row = rows.get(outcome.indicator)
    return outcome.denominator or (row.counted_by if row is not None else None)


def _with_denominator(rows: pd.DataFrame, figures: pd.DataFrame, name: str) -> pd.DataFrame:
    below = figures[figures["indicator"] == name]
    return rows.merge(
        below[["council_code", "period", "value"]].rename(columns={"value": "below"}),
        on=["council_code", "period"],
        how="left",
    )


def _made_from(plan: Plan, name: str) -> tuple[str, ...]:
    """Return a derived row with the derived rows below it; an index alone."""
    derived = {row.name for row in plan.derived}
    if name not in derived:
        return (name,)
    below = [part for part in ingredients_of(plan, name) if part in derived]
    found = [name, *(deeper for part in below for deeper in _made_from(plan, part))]
    return tuple(dict.fromkeys(found))


def _refuse_no_log(plan: Plan, outcome: Measured, rows: pd.DataFrame, unit: str) -> None:
    wrong = rows[rows["value"] <= 0]
    where = f"{plan_label(plan)}, outcome {outcome.indicator}"
    if is_log(unit):
        what = "is a logarithm already"
        raise DesignError([Fault(where, what, "It is not logged again", "Use scale: level")])
    if len(wrong):
        raise DesignError(
            [
                Fault(
                    where,
                    f"{len(wrong)} figure(s) are zero or negative "
                    f"(councils {first_five(sorted(set(wrong['council_code'])))})",
                    "They have no logarithm",
                    "Use scale: level, or zeros: missing where a zero is a missing return",
                )
            ]
        )
