"""What the quality notebook shows of figures that look unsafe: counted for all, listed for ours."""

from __future__ import annotations

import pandas as pd

from evallib.panel import Panel
from evallib.panel.quality import RULES, suspicious_figures
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year
from evallib.report.formats import decimals_for, format_count, format_number
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.figures import indicator_years
from evallib.report.views.naming import indicator_title, year_span
from evallib.report.words import unit_words

MOST_LISTED = 15


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
    sections = [Section("", (_unsafe_sentence(found),), pieces=(_unsafe_counts(found, panel),))]
    clear = []
    for name in panel.indicators:
        rows = found[found["in_plan"] & (found["indicator"] == name)]
        if rows.empty:
            clear.append(indicator_title(panel.catalogue, name))
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
    counts["indicator"] = [indicator_title(panel.catalogue, name) for name in counts["indicator"]]
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
    facts = panel.catalogue.describe(name)
    shown = rows.groupby("why", sort=False).head(MOST_LISTED)
    rest = rows.groupby("why", sort=False).size() - MOST_LISTED
    sentences = tuple(
        f"{format_count(count, 'more figure')} by the rule '{why}' "
        f"{'is' if count == 1 else 'are'} in the saved table unsafe_figures."
        for why, count in rest[rest > 0].items()
    )
    middle = float(shown["value"].abs().median())
    table = Table(
        shown[["council_name", "council_code", "fin_year", "value", "why"]],
        f"Figures that look unsafe: {facts['title']}",
        slug=f"unsafe-{name}",
        units={"value": unit_words(facts["unit"])},
        labels={"council_name": "Council", "why": "Rule"},
        decimals=decimals_for(middle) if middle else 0,
    )
    return Section(str(facts["title"]), sentences, pieces=(table,))
