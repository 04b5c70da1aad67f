"""What the quality notebook shows of suspicious figures: counted for all, listed for ours."""

from __future__ import annotations

import pandas as pd

from evallib.panel import Panel
from evallib.panel.derived.names import years_of
from evallib.panel.quality import RULES, SCALE_NOTE, suspicious_in
from evallib.plan import Plan
from evallib.report.formats import decimals_for, format_count, format_number
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.naming import indicator_title, year_span
from evallib.report.words import unit_words

MOST_LISTED = 30
MOST_INDICATORS = 100  # a store with more is searched for the plan's indicators only
ACTION_WORDS = {
    "keep": "kept by the plan",
    "missing": "made missing by the plan",
    "trusted": "kept: the plan trusts it",
    "listed": "kept: listed only",
    "": "not in the plan",
}


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
        indicator, council_code, council_name, fin_year, value, rule (a key of
        `evallib.panel.quality.RULES`), action (see `evallib.panel.quality.Settled`; empty where
        the plan does not use the indicator), in_plan (whether the plan uses the indicator in that
        year), by indicator, rule, council and year. Of tables with more than a hundred
        indicators, those of the plan.
    """
    keys = ["indicator", "council_code", "fin_year", "rule"]
    names = panel.store.councils[["council_code", "council_name"]]
    found = panel.unsafe.merge(names, on="council_code", how="left")
    if len(panel.store.held()) <= MOST_INDICATORS:
        every = suspicious_in(panel.store, panel.store.held())
        found = pd.concat([found, every]).drop_duplicates(keys).fillna({"action": ""})
    in_plan = pd.Series(False, index=found.index)
    for name in found.loc[found["action"] != "", "indicator"].unique():
        first, last = years_of(plan, name)
        in_plan |= (found["indicator"] == name) & found["period"].between(first, last)
    columns = [*keys[:2], "council_name", "fin_year", "value", "rule", "action", "in_plan"]
    order = ["indicator", "rule", "council_code", "fin_year"]
    return found.assign(in_plan=in_plan).sort_values(order, ignore_index=True)[columns]


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
        Counts by indicator and rule, then a section an indicator of the plan: a row a council,
        rule and decision, of each rule the first 30 in the order of council codes, the rest
        counted. Every figure is a row of `unsafe_list`.
    """
    found = unsafe_list(plan, panel)
    pieces = (_unsafe_counts(found, panel),) if len(found) else ()
    sections = [Section("", _unsafe_sentences(plan, found), pieces=pieces)]
    clear = []
    ours = [*panel.indicators, *found.loc[found["action"] != "", "indicator"]]
    for name in dict.fromkeys(ours):
        rows = found[found["in_plan"] & (found["indicator"] == name)]
        if rows.empty:
            clear.append(indicator_title(panel.catalogue, name))
        else:
            sections.append(_unsafe_section(rows, panel, name))
    if clear:
        text = f"Nothing looks unsafe in the plan's years of: {'; '.join(clear)}."
        sections.append(Section("Other indicators", (text,)))
    return Sections(tuple(sections))


def _unsafe_sentences(plan: Plan, found: pd.DataFrame) -> tuple[str, ...]:
    keys = ["indicator", "council_code", "fin_year"]
    figures = len(found.drop_duplicates(keys))
    used = found[found["in_plan"]]
    decision = plan.unsafe_figures
    rules = ", ".join(rule.replace("_", " ") for rule in decision.rules)
    decided = used[used["action"] == decision.action].drop_duplicates(keys)
    share = format_number(float(len(decided)), 0)
    first = (
        f"{format_count(figures, 'figure')} of all tables would make a careful reader ask; the "
        f"plan uses {format_number(float(len(used.drop_duplicates(keys))), 0)} of them in its "
        "years. A figure that is listed may be right, and one that is not listed may be wrong."
    )
    if decision.action == "keep":
        second = (
            f"The plan keeps them all (unsafe_figures, action: keep). Under the other decision "
            f"{share} of them, those picked by {rules}, would be missing; the check 'unsafe "
            "figures' of every outcome shows the headline without them."
        )
    else:
        second = (
            f"The plan makes {share} of them missing (unsafe_figures, action: missing): those "
            f"picked by {rules}. The sample flow counts them, and the check 'unsafe figures' of "
            "every outcome shows the headline with them."
        )
    return first, second


def _unsafe_counts(found: pd.DataFrame, panel: Panel) -> Table:
    counts = (
        found.groupby(["indicator", "rule"])
        .agg(
            figures=("value", "size"),
            councils=("council_code", "nunique"),
            years=("fin_year", year_span),
            in_plan=("in_plan", "sum"),
            ours=("action", "max"),
        )
        .reset_index()
    )
    counts["in_plan"] = counts["in_plan"].where(counts["ours"] != "").astype("Int64")
    order = {name: place for place, name in enumerate(panel.indicators)}
    counts = counts.assign(place=counts["indicator"].map(order).fillna(len(order)))
    counts = counts.sort_values(["place", "indicator", "rule"]).drop(columns=["place", "ours"])
    counts["indicator"] = [indicator_title(panel.catalogue, name) for name in counts["indicator"]]
    counts["rule"] = counts["rule"].str.replace("_", " ")
    return Table(
        counts,
        "Figures that look unsafe, by indicator and rule, over all years of the tables",
        notes=(
            *(f"{rule.replace('_', ' ')}: {says}." for rule, says in RULES.items()),
            SCALE_NOTE,
            "'not applicable': the plan does not use the indicator.",
        ),
        slug="unsafe-counts",
        labels={"in_plan": "Figures in the plan's years"},
    )


def _unsafe_section(rows: pd.DataFrame, panel: Panel, name: str) -> Section:
    facts = panel.catalogue.describe(name)
    rows = rows.assign(
        rule=rows["rule"].str.replace("_", " "), action=rows["action"].map(ACTION_WORDS)
    )
    keys = ["rule", "council_code", "council_name", "action"]
    grouped = (
        rows.groupby(keys, sort=False)
        .agg(
            years=("fin_year", _years_listed),
            figures=("value", "size"),
            least=("value", "min"),
            most=("value", "max"),
        )
        .reset_index()
    )
    shown = grouped.groupby("rule", sort=False).head(MOST_LISTED)
    left = grouped.drop(shown.index).groupby("rule", sort=False)["figures"].agg(["size", "sum"])
    sentences = tuple(
        f"By the rule '{rule}', {format_count(one['sum'], 'more figure')} of "
        f"{format_count(one['size'], 'more council')} stand in the saved table unsafe_figures."
        for rule, one in left.iterrows()
    )
    middle = float(shown["most"].abs().median())
    columns = ["council_name", "council_code", "rule", "years", "figures", "least", "most"]
    table = Table(
        shown[[*columns, "action"]],
        f"Figures that look unsafe: {facts['title']}",
        slug=f"unsafe-{name}",
        units=dict.fromkeys(("least", "most"), unit_words(facts["unit"])),
        labels={"council_name": "Council", "action": "What is done"},
        decimals=decimals_for(middle) if middle else 0,
    )
    return Section(str(facts["title"]), sentences, pieces=(table,))


def _years_listed(years: pd.Series) -> str:
    """Write years as spans of consecutive ones.

    Examples
    --------
    >>> _years_listed(pd.Series(["2011/12", "2012/13", "2015/16"]))
    '2011/12 to 2012/13, 2015/16'
    """
    spans: list[list[str]] = []
    for year in sorted(years):
        if spans and int(year[:4]) == int(spans[-1][-1][:4]) + 1:
            spans[-1].append(year)
        else:
            spans.append([year])
    return ", ".join(year_span(span) for span in spans)
