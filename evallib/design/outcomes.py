"""One outcome's figures, after division, zeros and scale, with its unit in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.errors import DesignError, Fault, first_five
from evallib.panel.build import Panel
from evallib.panel.periods import PeriodRule
from evallib.panel.plan_faults import plan_label
from evallib.plan import Outcome, Plan
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


def outcome_figures(plan: Plan, panel: Panel, outcome: Outcome) -> OutcomeFigures:
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
    zeros = without = 0
    if outcome.zeros == "missing":
        zeros = int(rows["value"].eq(0).sum())
        rows = rows[rows["value"] != 0]
    if outcome.per:
        below = figures[figures["indicator"] == outcome.per]
        rows = rows.merge(
            below[["council_code", "period", "value"]].rename(columns={"value": "below"}),
            on=["council_code", "period"],
            how="left",
        )
        lacks = rows["below"].isna() | (rows["below"] == 0)
        without = int(lacks.sum())
        rows = rows[~lacks]
        rows = rows.assign(value=rows["value"] / rows["below"]).drop(columns="below")
        denominator = panel.catalogue.describe(outcome.per)
        title = f"{title} per {denominator['unit'].removesuffix('s')}"
        unit = f"{unit} per {denominator['unit'].removesuffix('s')}"
    if outcome.scale == "log":
        wrong = rows[rows["value"] <= 0]
        if len(wrong):
            raise DesignError(
                [
                    Fault(
                        f"{plan_label(plan)}, outcome {outcome.indicator}",
                        f"{len(wrong)} figure(s) are zero or negative "
                        f"(councils {first_five(sorted(set(wrong['council_code'])))})",
                        "They have no logarithm",
                        "Use scale: level, or zeros: missing where a zero is a missing return",
                    )
                ]
            )
        rows = rows.assign(value=np.log(rows["value"]))
        unit = f"log of {unit}"
    return OutcomeFigures(
        rows=rows.sort_values(["council_code", "period"], ignore_index=True),
        title=title,
        unit=unit,
        polarity=described["polarity"],
        rule=panel.catalogue.rule(outcome.indicator),
        first=first,
        last=last,
        zeros_missing=zeros,
        without_denominator=without,
    )
