"""What the quality notebook shows of the figures: missing, spread, and those that look unsafe."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from evallib.design.outcomes import OutcomeFigures, outcome_figures
from evallib.panel import Panel
from evallib.panel.quality import RULES, suspicious_figures
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year
from evallib.report.coverage_charts import missingness_chart
from evallib.report.formats import decimals_for, format_count, format_number
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE, indicator_title, year_span
from evallib.report.words import unit_words

MOST_LISTED = 15
ALL_TYPES = "all types"


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
        indicator, title, fin_year, councils (in office on the last day of the measurement period
        and with a figure of the indicator in at least one of the plan's years), missing (of them
        without a figure), missing_pct. A year in which no council has a figure is no row.
    """
    councils = panel.store.councils.set_index("council_code")
    opened = pd.to_datetime(councils["valid_from"], errors="coerce")
    closed = pd.to_datetime(councils["valid_to"], errors="coerce")
    rows = []
    for name in panel.indicators:
        first, last = indicator_years(plan, name)
        figures = panel.figures[panel.figures["indicator"] == name]
        figures = figures[figures["period"].between(first, last)]
        reporting = councils.index.isin(figures["council_code"])
        rule, title = panel.store.rules[name], indicator_title(panel.store, name)
        for period in range(first, last + 1):
            held = councils.index.isin(figures.loc[figures["period"] == period, "council_code"])
            day = pd.Timestamp(rule.end(period))
            expected = reporting & ~(opened > day) & ~(closed < day)
            if held.any():
                lacking, count = int((expected & ~held).sum()), int(expected.sum())
                year = format_financial_year(period)
                rows.append((name, title, year, count, lacking, 100 * lacking / max(count, 1)))
    columns = ["indicator", "title", "fin_year", "councils", "missing", "missing_pct"]
    return pd.DataFrame(rows, columns=columns)


def indicator_years(plan: Plan, name: str) -> tuple[int, int]:
    """Return the first and last year that a plan uses an indicator for, as an outcome or below."""
    spans = [
        outcome.years_or(plan.years)
        for outcome in plan.outcomes
        if name in (outcome.indicator, outcome.per)
    ]
    first = min(parse_financial_year(span[0]) for span in spans)
    return first, max(parse_financial_year(span[1]) for span in spans)


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
        notes=(basis, "A year in which no council has a figure was not collected, or is not yet."),
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
    return Section("", (basis,), (chart, table))


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
        _spread(outcome_figures(plan, panel, outcome), panel, outcome.indicator, outcome.scale)
        for outcome in plan.outcomes
    ]
    return Section("", (), tuple(tables))


def _spread(figures: OutcomeFigures, panel: Panel, name: str, scale: str) -> Table:
    kinds = panel.store.councils.set_index("council_code")["council_type"]
    values = figures.rows.assign(council_type=figures.rows["council_code"].map(kinds))
    notes = ["Figures as published, over all councils and years, before the design's steps."]
    if scale == "log":
        values["value"] = np.exp(values["value"])
        notes.append("The analysis takes the logarithm of these figures.")
    left_out = (
        (figures.zeros_missing, "zero", "zeros", "read as a missing return"),
        (figures.without_denominator, "figure", "figures", "without a denominator"),
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
    order = [*sorted(kind for kind in frame.index if kind != ALL_TYPES), ALL_TYPES]
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


def unsafe_list(plan: Plan, panel: Panel) -> pd.DataFrame:
    """List every figure of the tables that a careful reader would ask about.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    pandas.DataFrame
        indicator, council_code, council_name, fin_year, value, why (a key of
        `evallib.panel.quality.RULES`), in_plan (whether the plan uses the indicator in that year),
        by indicator, rule, council and year.
    """
    store = panel.store
    found = suspicious_figures(store.outcomes, store.councils)
    period = found["fin_year"].map(parse_financial_year)
    in_plan = pd.Series(False, index=found.index)
    for name in panel.indicators:
        first, last = indicator_years(plan, name)
        in_plan |= (found["indicator"] == name) & period.between(first, last)
    order = ["indicator", "why", "council_code", "fin_year"]
    return found.assign(in_plan=in_plan).sort_values(order, ignore_index=True)


def unsafe_figures(plan: Plan, panel: Panel) -> Sections:
    """Show the figures that look unsafe: counted for all indicators, listed for the plan's.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Sections
        Counts by indicator and rule, then a section an indicator of the plan: of each rule the
        first 15 figures in the order of council codes, the rest counted.
    """
    found = unsafe_list(plan, panel)
    sections = [Section("", (_unsafe_sentence(found),), (_unsafe_counts(found, panel),))]
    clear = []
    for name in panel.indicators:
        rows = found[found["in_plan"] & (found["indicator"] == name)]
        if rows.empty:
            clear.append(indicator_title(panel.store, name))
        else:
            sections.append(_unsafe_section(rows, panel, name))
    if clear:
        text = f"Nothing looks unsafe in the plan's years of: {'; '.join(clear)}."
        sections.append(Section("", (text,)))
    return Sections(tuple(sections))


def _unsafe_sentence(found: pd.DataFrame) -> str:
    figures = found.drop_duplicates(["indicator", "council_code", "fin_year"])
    return (
        f"{format_count(len(figures), 'figure')} of all tables would make a careful reader ask; "
        f"the plan uses {format_number(float(figures['in_plan'].sum()), 0)} of them. Nothing is "
        "changed or dropped: a decision in the plan (exclude, zeros, years) does that. A figure "
        "that is listed may be right: small councils lie far below the rest in any count."
    )


def _unsafe_counts(found: pd.DataFrame, panel: Panel) -> Table:
    counts = (
        found.groupby(["indicator", "why"])
        .agg(
            figures=("value", "size"),
            councils=("council_code", "nunique"),
            years=("fin_year", year_span),
            in_plan=("in_plan", "sum"),
        )
        .reset_index()
    )
    is_ours = counts["indicator"].isin(panel.indicators)
    counts["in_plan"] = counts["in_plan"].where(is_ours).astype("Int64")
    order = {name: place for place, name in enumerate(panel.indicators)}
    counts = counts.assign(place=counts["indicator"].map(order).fillna(len(order)))
    counts = counts.sort_values(["place", "indicator", "why"]).drop(columns="place")
    counts["indicator"] = [indicator_title(panel.store, name) for name in counts["indicator"]]
    return Table(
        counts,
        "Figures that look unsafe, by indicator and rule, over all years of the tables",
        notes=(
            *(f"{rule}: {says}." for rule, says in RULES.items()),
            "'not applicable': the plan does not use the indicator.",
        ),
        slug="unsafe-counts",
        labels={"why": "Rule", "in_plan": "Figures in the plan's years"},
    )


def _unsafe_section(rows: pd.DataFrame, panel: Panel, name: str) -> Section:
    facts = panel.store.indicator(name)
    shown = rows.groupby("why", sort=False).head(MOST_LISTED)
    rest = rows.groupby("why", sort=False).size() - MOST_LISTED
    more = "; ".join(f"{why}: {count} more" for why, count in rest[rest > 0].items())
    sentences = (f"Not shown, but in the saved table unsafe_figures: {more}.",) if more else ()
    table = Table(
        shown[["council_name", "council_code", "fin_year", "value", "why"]],
        f"Figures that look unsafe: {facts['title']}",
        slug=f"unsafe-{name}",
        units={"value": unit_words(facts["unit"])},
        labels={"council_name": "Council", "why": "Rule"},
        decimals=decimals_for(float(shown["value"].abs().median())),
    )
    return Section(str(facts["title"]), sentences, (table,))
