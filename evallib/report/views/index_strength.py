"""What the index notebook shows of an index's strength: without each part, gaps, spread."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from evallib.panel import Panel
from evallib.panel.derived import years_of
from evallib.panel.index import IndexResult, components_by_year, index_by_year, leave_one_out
from evallib.panel.index.missing import left_out_by_reason, missing_components, own_rows
from evallib.plan import Plan
from evallib.report.context_charts import paths_chart
from evallib.report.coverage_charts import missingness_chart
from evallib.report.formats import format_count, format_number
from evallib.report.row_charts import rows_chart
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.index_parts import NO_CONSTANT_SET, digits_of, each_index
from evallib.report.views.naming import SOURCE, year_span
from evallib.report.words import change_unit


def index_leave_one_out(plan: Plan, panel: Panel) -> Sections:
    """Show each index for England without each of its components in turn.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Sections
        A chart of the last year and a table an index.
    """
    return each_index(plan, panel, _left_out)


def _left_out(result: IndexResult, panel: Panel, first: int, last: int) -> Section:
    table = leave_one_out(result, first, last)
    if table.empty:
        return Section(result.title, (NO_CONSTANT_SET,))
    digits = digits_of(result)
    latest = table[table["period"] == table["period"].max()].reset_index(drop=True)
    latest = latest.assign(difference=latest["without"] - latest["index"])
    whole, year = float(latest["index"].iloc[0]), str(latest["fin_year"].iloc[0])
    low, high = float(latest["without"].min()), float(latest["without"].max())
    span = f"{format_number(low, digits)} to {format_number(high, digits)}"
    unit = change_unit(result.unit)
    chart = rows_chart(
        latest[["title", "without", "difference", "n_councils", "correlation"]],
        headline=f"Without one component the index is {span}",
        subtitle=f"Index for England in {year} without each component, {result.unit}",
        source=SOURCE,
        unit=result.unit,
        label="title",
        value="without",
        line=whole,
        line_name=f"Whole index ({format_number(whole, digits)})",
        slug=f"leave-one-out-{result.name}",
        notes=(
            "Correlation is between the index with and without the component, over all "
            "council-years.",
        ),
        decimals=digits,
    )
    worst = latest.loc[latest["correlation"].idxmin()]
    sentence = (
        f"The component that matters most for the order of council-years is "
        f"'{worst['title']}': without it the index correlates "
        f"{format_number(float(worst['correlation']), 2)} with the whole one. The greatest "
        f"difference for England is "
        f"{format_number(float(latest['difference'].abs().max()), digits)} {unit}."
    )
    return Section(result.title, (sentence,), pieces=(chart,))


def index_missing(plan: Plan, panel: Panel) -> Sections:
    """Show which components are left out of how many council-years, and why.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Sections
        A chart of shares by component and year, and a table of reasons.
    """
    return each_index(plan, panel, _missing)


def _missing(result: IndexResult, panel: Panel, first: int, last: int) -> Section:
    shares = missing_components(result, first, last)
    most = shares.sort_values("missing_pct").iloc[-1]
    chart = missingness_chart(
        shares.drop(columns="component"),
        headline=f"Up to {format_number(float(most['missing_pct']), 0)} per cent lack a component",
        subtitle=(
            "Components left out, per cent of councils that have the index in any year, England, "
            f"{year_span(shares['fin_year'])}"
        ),
        source=SOURCE,
        label="title",
        slug=f"index-missing-{result.name}",
        notes=("100: the component was not collected that year, or lies beyond a break.",),
    )
    reasons = left_out_by_reason(result, first, last)
    table = Table(
        reasons,
        f"Why components are left out: {result.title}",
        notes=("Council-years of councils that have the index in any year.",),
        slug=f"left-out-{result.name}",
        labels={"title": "Component", "why": "Why"},
    )
    rows = own_rows(result, first, last)
    short = int(rows["index"].isna().sum())
    sentence = (
        f"{format_count(short, 'council-year')} of {format_number(len(rows), 0)} have too few "
        "components and no index."
    )
    return Section(result.title, (sentence,), pieces=(chart, table))


def index_spread(plan: Plan, panel: Panel) -> Sections:
    """Show how councils are spread on each index, by year; no council is named.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Sections
        A chart an index: the tenth below which a tenth of councils lies, the middle, the tenth
        above.
    """
    return each_index(plan, panel, _spread)


def _spread(result: IndexResult, panel: Panel, first: int, last: int) -> Section:
    table = index_by_year(result, first, last)
    table = table[table["n_councils"] > 0]
    if table.empty:
        return Section(result.title, (NO_CONSTANT_SET,))
    lines = {
        "upper_tenth": "A tenth lie above",
        "median": "Half lie above",
        "lower_tenth": "A tenth lie below",
    }
    tall = table.melt(["fin_year", "n_councils"], list(lines), "group", "value")
    tall["group"] = tall["group"].map(lines)
    digits = digits_of(result)
    wide = float(table["upper_tenth"].iloc[-1] - table["lower_tenth"].iloc[-1])
    year = str(table["fin_year"].iloc[-1])
    chart = paths_chart(
        tall[["fin_year", "group", "value", "n_councils"]],
        headline=f"The middle eight tenths span {format_number(wide, digits)} in {year}",
        subtitle=f"{result.title}, {result.unit}, same councils, {year_span(table['fin_year'])}",
        source=SOURCE,
        unit=result.unit,
        slug=f"spread-{result.name}",
        decimals=digits,
    )
    return Section(result.title, (), pieces=(chart,))


def index_tables(plan: Plan, panel: Panel) -> dict[str, pd.DataFrame]:
    """Return the tables behind the index notebook, to be saved as CSV; no council is in them.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    dict of str to pandas.DataFrame
        By the name of the file: a row an index, year and component.
    """
    makers: dict[str, Callable[[IndexResult, int, int], pd.DataFrame]] = {
        "index_by_year": index_by_year,
        "index_components": components_by_year,
        "index_leave_one_out": leave_one_out,
        "index_missing": missing_components,
        "index_left_out": left_out_by_reason,
    }
    tables = {}
    for name, make in makers.items():
        parts = []
        for index, result in panel.indices.items():
            table = make(result, *years_of(plan, index))
            table.insert(0, "index_name", index)
            parts.append(table)
        tables[name] = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"none": []})
    return tables
