"""What the quality notebook shows of the figures: which are missing, and how they spread."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from evallib.design.outcomes import OutcomeFigures, outcome_figures
from evallib.panel import Panel
from evallib.panel.derived.names import years_of
from evallib.panel.expected import expected_rows
from evallib.plan import Plan
from evallib.plan.years import format_financial_year
from evallib.report.coverage_charts import missingness_chart
from evallib.report.formats import decimals_for, format_count
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE, indicator_title, year_span
from evallib.report.words import unit_words

ALL_TYPES = "all types"


def expected_figures(plan: Plan, panel: Panel) -> pd.DataFrame:
    """Return every council-year in which a figure of the plan's indicators is expected.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    pandas.DataFrame
        indicator, council_code, period, is_missing. Councils are expected that were in office on
        the last day of the measurement period and have a figure of the indicator in at least one
        of the plan's years. A year in which no council has a figure is no row.
    """
    parts = []
    for name in panel.indicators:
        first, last = years_of(plan, name)
        figures = panel.figures[panel.figures["indicator"] == name]
        figures = figures[figures["period"].between(first, last)]
        rows = expected_rows(figures, panel.store.councils, panel.catalogue.rule(name))
        parts.append(rows.assign(indicator=name))
    return pd.concat(parts, ignore_index=True)[
        ["indicator", "council_code", "period", "is_missing"]
    ]


def missing_by_year(plan: Plan, panel: Panel) -> pd.DataFrame:
    """Count councils without a figure by indicator and year.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    pandas.DataFrame
        indicator, title, fin_year, councils (expected, see `expected_figures`), missing (of them
        without a figure), missing_pct. A year in which no council has a figure is no row.
    """
    counts = (
        expected_figures(plan, panel)
        .groupby(["indicator", "period"], sort=False)["is_missing"]
        .agg(councils="size", missing="sum")
        .reset_index()
    )
    counts["title"] = [indicator_title(panel.catalogue, name) for name in counts["indicator"]]
    counts["fin_year"] = [format_financial_year(int(period)) for period in counts["period"]]
    counts["missing_pct"] = 100 * counts["missing"] / counts["councils"].clip(lower=1)
    return counts[["indicator", "title", "fin_year", "councils", "missing", "missing_pct"]]


def missing_figures(plan: Plan, panel: Panel) -> Section:
    """Show the share of reporting councils without a figure by indicator and year.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Section
        A chart and a table with a row an indicator.
    """
    counts = missing_by_year(plan, panel)
    basis = (
        "The share is of councils that were in office on the last day of the measurement period "
        "and that reported the indicator for at least one of the plan's years."
    )
    most = float(counts["missing_pct"].max())
    chart = missingness_chart(
        counts[["title", "fin_year", "councils", "missing", "missing_pct"]],
        headline=(
            f"At most {math.ceil(most)} per cent of councils lack a figure"
            if most > 0
            else "Every reporting council has a figure in every year"
        ),
        subtitle=(
            "Councils without a figure, per cent of councils that report the indicator, "
            f"England, {year_span(counts['fin_year'])}"
        ),
        source=SOURCE,
        label="title",
        slug="missing-figures",
        notes=(basis,),
    )
    worst = counts.loc[counts.groupby("indicator", sort=False)["missing_pct"].idxmax()]
    years = counts.groupby("title", sort=False)
    frame = pd.DataFrame(
        {
            "indicator": list(years.groups),
            "years": years["fin_year"].agg(year_span).to_numpy(),
            "council_years": years["councils"].sum().to_numpy(),
            "missing": years["missing"].sum().to_numpy(),
            "missing_pct": (100 * years["missing"].sum() / years["councils"].sum()).to_numpy(),
            "worst_year": worst["fin_year"].to_numpy(),
            "worst_pct": worst["missing_pct"].to_numpy(),
        }
    )
    table = Table(
        frame,
        "Council-years without a figure, by indicator",
        notes=("A year in which no council has a figure was not collected, or is not yet.",),
        slug="missing-by-indicator",
        units={"missing_pct": "per cent", "worst_pct": "per cent"},
        labels={
            "years": "Years with figures",
            "council_years": "Council-years expected",
            "missing": "Without a figure",
            "missing_pct": "Share without",
            "worst_year": "Year with most missing",
            "worst_pct": "Share without in that year",
        },
        decimals=1,
    )
    return Section("", (basis,), pieces=(chart, table))


def outcomes_by_type(plan: Plan, panel: Panel) -> Section:
    """Summarise each outcome of the plan by type of council.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Section
        A table an outcome: figures, least, quartiles, median, most, before any logarithm.
    """
    tables = [
        _spread(outcome_figures(plan, panel, outcome), panel, outcome.indicator)
        for outcome in plan.outcomes
    ]
    sentence = (
        "Figures as published, over all councils and years, before the steps of a design; where "
        "the plan divides an outcome, after the division."
    )
    return Section("", (sentence,), pieces=tuple(tables))


def _spread(figures: OutcomeFigures, panel: Panel, name: str) -> Table:
    kinds = panel.store.councils.set_index("council_code")["council_type"]
    kinds = kinds.str.replace("london", "London")
    values = figures.rows.assign(council_type=figures.rows["council_code"].map(kinds))
    notes = []
    if figures.scale == "log":
        values["value"] = np.exp(values["value"])
        notes.append("The analysis takes the logarithm of these figures.")
    left_out = (
        (figures.zeros_missing, "zero", "zeros", "read as a missing return"),
        (figures.without_denominator, "figure", "figures", "without a denominator"),
        (figures.small_denominator, "figure", "figures", "with a denominator of a handful"),
    )
    for count, noun, plural, why in left_out:
        if count:
            notes.append(f"Left out: {format_count(count, noun, plural)}, {why}.")
    both = pd.concat([values, values.assign(council_type=ALL_TYPES)])
    grouped = both.groupby("council_type", sort=False)
    frame = pd.DataFrame(
        {
            "councils": grouped["council_code"].nunique(),
            "figures": grouped.size(),
            **{
                column: grouped["value"].quantile(share)
                for column, share in (
                    ("least", 0.0),
                    ("lower_quartile", 0.25),
                    ("median", 0.5),
                    ("upper_quartile", 0.75),
                    ("most", 1.0),
                )
            },
        }
    )
    kinds_shown = [kind for kind in frame.index if kind != ALL_TYPES]
    order = [*sorted(kinds_shown, key=str.lower), ALL_TYPES]
    unit = unit_words(figures.unit.removeprefix("log of "))
    spread = float(values["value"].quantile(0.75) - values["value"].quantile(0.25))
    years = year_span(format_financial_year(int(year)) for year in values["period"].unique())
    return Table(
        frame.loc[order].rename_axis("council_type").reset_index(),
        f"{figures.title}, by type of council, {years}",
        notes=tuple(notes),
        slug=f"spread-{name}",
        units=dict.fromkeys(("least", "lower_quartile", "median", "upper_quartile", "most"), unit),
        decimals=decimals_for(spread),
    )
