"""What the index notebook shows of an index: rules, England by year, contributions.

No council is named or ranked: an index hides which of its parts is behind a place in a list.
"""

from __future__ import annotations

import pandas as pd

from evallib.panel import Panel
from evallib.panel.index import (
    IndexResult,
    components_by_year,
    constant_councils,
    index_by_year,
)
from evallib.plan import Plan
from evallib.report.context_charts import paths_chart
from evallib.report.formats import format_count, format_number
from evallib.report.row_charts import rows_chart
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.index_parts import NO_CONSTANT_SET, digits_of, each_index
from evallib.report.views.naming import SOURCE, kind_words, year_span
from evallib.report.words import polarity_words, unit_words

_METHODS = {
    "percentage_change": (
        "Each component is the council's percentage change on its own figure in the base year, "
        "counted up where it is an improvement; the index is their mean. Chance in a small base "
        "figure makes large percentages, so the change of the mean figures stands beside it."
    ),
    "standardised_mean": (
        "Each component is the distance from the mean of the reference group, in its standard "
        "deviations, counted up where better; the index is their mean."
    ),
    "inverse_covariance": (
        "Each component is the distance from the mean of the reference group, in its standard "
        "deviations, counted up where better. Weights are the row sums of the inverse of their "
        "covariance (Anderson 2008), so that components that say the same count for less."
    ),
}


def index_rules(plan: Plan, panel: Panel) -> Sections:
    """Say what each index holds and by which rules it is made.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Sections
        A section an index: method, base, what happens to missing components and breaks, and a
        table with a row a component.
    """
    return each_index(plan, panel, _rules)


def _rules(result: IndexResult, panel: Panel, first: int, last: int) -> Section:
    facts = [panel.catalogue.describe(name) for name in result.components]
    has_domains = len(set(result.domains)) < len(result.components)
    frame = pd.DataFrame(
        {
            "title": result.titles,
            "indicator": result.components,
            "domain": [kind_words(one) for one in result.domains],
            "unit": [unit_words(str(one["unit"])) for one in facts],
            "polarity": [polarity_words(one["polarity"]) for one in facts],
            "weight": 100 * result.weights,
        }
    )
    table = Table(
        frame if has_domains else frame.drop(columns="domain"),
        f"Components of the index: {result.title}",
        notes=(
            "Of a council that has every component; the weight of a missing one goes to the "
            "others" + (" of its domain." if has_domains else "."),
        ),
        slug=f"components-{result.name}",
        units={"weight": "per cent"},
        labels={"title": "Component", "weight": "Weight [note 1]"},
        decimals=1,
    )
    return Section(result.title, tuple(_rule_sentences(result, first, last)), pieces=(table,))


def _rule_sentences(result: IndexResult, first: int, last: int) -> list[str]:
    base = " and ".join(result.base_years)
    sentences = [_METHODS[result.method], f"Base: {base}. Unit: {result.unit}."]
    if result.method != "percentage_change":
        when = base if result.standardised_by == "base_years" else "each year"
        rows = format_count(int(result.rows["is_reference"].sum()), "council-year")
        sentences.append(
            f"Reference group: every council with enough components in {when}, whether or not it "
            f"was exposed later ({rows} in the base)."
        )
    count = len(result.components)
    needed = "every component" if result.fewest == count else f"{result.fewest} of {count}"
    sentences.append(
        f"A council must have {needed} in a year; otherwise its index is missing. Nothing is "
        "filled in."
    )
    titles = dict(zip(result.components, result.titles, strict=True))
    pairs = zip(result.breaks["indicator"].astype(str), result.breaks["what"], strict=True)
    dated = [f"{titles[name]} ({what})" for name, what in pairs]
    sentences.append(
        "No series is continued across a dated break: "
        + (f"{'; '.join(dated)}." if dated else "none of the components has one.")
    )
    if (result.weights < 0).any():
        sentences.append("A weight below zero: a rise of that component lowers the index.")
    return sentences


def index_england(plan: Plan, panel: Panel) -> Sections:
    """Show each index for England by year, over councils that have it in every year.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Sections
        A chart and a table an index. Councils count equally; the mix does not change.
    """
    return each_index(plan, panel, _england)


def _england(result: IndexResult, panel: Panel, first: int, last: int) -> Section:
    table = index_by_year(result, first, last)
    known = table[table["n_councils"] > 0]
    if known.empty:
        return Section(result.title, (NO_CONSTANT_SET,))
    lines = {"index": "Same councils", "index_all": "All with a figure"}
    if "index_of_means" in table:
        lines["index_of_means"] = "Of the mean figures"
    tall = table.melt(
        ["fin_year", "n_councils", "n_all"], list(lines), var_name="group", value_name="value"
    )
    tall["group"] = tall["group"].map(lines)
    start, end = known.iloc[0], known.iloc[-1]
    digits = digits_of(result)
    ends = [format_number(float(row["index"]), digits) for row in (start, end)]
    chart = paths_chart(
        tall[["fin_year", "group", "value", "n_councils", "n_all"]],
        headline=f"Index {ends[1]} in {end['fin_year']}, {ends[0]} in {start['fin_year']}",
        subtitle=f"{result.title}, {result.unit}, England, {year_span(table['fin_year'])}",
        source=SOURCE,
        unit=result.unit,
        slug=f"england-{result.name}",
        notes=("A trend is description: it says nothing about the cause.",),
        decimals=digits,
    )
    unit = {name: result.unit for name in ("index", "index_all", "index_of_means")}
    shown = Table(
        table.drop(columns=["period", "lower_tenth", "median", "upper_tenth"]),
        f"The index for England by year: {result.title}",
        notes=(
            "Mean over councils that have the index in every year shown, each counted once.",
            "Components that any of these councils has in the year: others were not collected or "
            "lie beyond a break.",
            *(
                ("Mean percentage change of the same councils' mean figures.",)
                if "index_of_means" in table
                else ()
            ),
        ),
        slug=f"england-by-year-{result.name}",
        units={name: text for name, text in unit.items() if name in table},
        labels={
            "index": "Same councils [note 1]",
            "n_councils": "Councils",
            "n_components": "Components [note 2]",
            "index_all": "All councils",
            "n_all": "Councils with a figure",
            "index_of_means": "Of the mean figures [note 3]",
        },
        decimals=digits,
    )
    return Section(result.title, (_coverage(result, panel, first, last),), pieces=(chart, shown))


def _coverage(result: IndexResult, panel: Panel, first: int, last: int) -> str:
    fixed = constant_councils(result, first, last)
    rows = result.rows[result.rows["period"].between(first, last) & result.rows["index"].notna()]
    every = rows["council_code"].nunique()
    kinds = panel.store.councils.set_index("council_code")["council_type"]
    counts = kinds.reindex(list(fixed)).value_counts()
    mix = ", ".join(
        f"{str(kind).replace('london', 'London')} {count}" for kind, count in counts.items()
    )
    return (
        f"The line for the same councils holds {format_count(len(fixed), 'council')} of the "
        f"{format_number(every, 0)} that have the index in any year ({mix}): a changing mix would "
        "look like change."
    )


def index_contributions(plan: Plan, panel: Panel) -> Sections:
    """Show what each component adds to the index for England.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    Sections
        A chart of the last year, contributions by year that add up to the index, and the
        components' own means.
    """
    return each_index(plan, panel, _contributions)


def _contributions(result: IndexResult, panel: Panel, first: int, last: int) -> Section:
    table = components_by_year(result, first, last)
    if table.empty:
        return Section(result.title, (NO_CONSTANT_SET,))
    digits = digits_of(result)
    year = str(table["fin_year"].iloc[-1])
    latest = table[table["fin_year"] == year]
    columns = ["title", "contribution", "score", "mean", "n_councils"]
    sizes = latest.sort_values("contribution", key=abs)["contribution"]
    most = float(sizes.iloc[-1])
    chart = rows_chart(
        latest[columns],
        headline=f"The largest contribution in {year} is {format_number(most, digits)}",
        subtitle=f"What each component adds to the index, {result.unit}, England, {year}",
        source=SOURCE,
        unit=result.unit,
        label="title",
        value="contribution",
        slug=f"contributions-{result.name}",
        decimals=digits,
    )
    wide = table.pivot(index="title", columns="fin_year", values="contribution")
    wide = wide.reindex(list(result.titles))
    wide.loc["Index"] = wide.sum()
    own = table.pivot(index="title", columns="fin_year", values="mean").reindex(list(result.titles))
    units = [unit_words(str(panel.catalogue.describe(n)["unit"])) for n in result.components]
    own.insert(0, "unit", units)
    tables = (
        Table(
            wide.rename_axis("title").reset_index(),
            f"What each component adds to the index for England: {result.title}",
            notes=(f"In {result.unit}. The components of a year add up to the index.",),
            slug=f"contributions-by-year-{result.name}",
            labels={"title": "Component"},
            decimals=digits,
        ),
        Table(
            own.rename_axis("title").reset_index(),
            f"Mean figure of each component, same councils: {result.title}",
            notes=("Of the councils that have the component; each in its own unit.",),
            slug=f"means-by-year-{result.name}",
            labels={"title": "Component"},
            decimals=2,
            empty="no data",
        ),
    )
    return Section(result.title, (), pieces=(chart, *tables))
