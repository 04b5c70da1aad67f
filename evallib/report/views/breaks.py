"""What the quality notebook shows of known breaks: the step beside the usual movement."""

from __future__ import annotations

import pandas as pd

from evallib.checks.breaks import ALL, break_steps, check_breaks
from evallib.design import Design, Designs
from evallib.design.outcomes import outcome_figures
from evallib.panel import Panel
from evallib.plan import Plan
from evallib.plan.years import format_financial_year
from evallib.report.chart import Chart
from evallib.report.context_charts import paths_chart
from evallib.report.formats import decimals_for, format_change, format_number
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE, indicator_title, type_words
from evallib.report.words import unit_words


def series_breaks(plan: Plan, panel: Panel, designs: Designs) -> Sections:
    """Show each known break within an outcome's years: the step, and whom it touches.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    designs : Designs
        Its designs.

    Returns
    -------
    Sections
        A section an outcome with a break: what changed, the median by year with the break marked,
        and the step by type and arm. Then the gaps, and the outcomes without either.
    """
    sections, gaps, clear = [], [], []
    for design in designs:
        kinds = set(design.breaks["kind"])
        if "basis" in kinds:
            sections.append(_section(plan, panel, design))
        if "gap" in kinds:
            what = "; ".join(break_words(panel, design, "gap"))
            gaps.append(f"{design.title}: {what}. The measure is the same on both sides.")
        if not kinds:
            clear.append(design.title)
    if clear:
        text = f"No break is known within the years of: {'; '.join(clear)}."
        gaps.append(f"{text} That none is known does not say that there is none.")
    return Sections(
        (*sections, Section("Other outcomes", tuple(gaps))) if gaps else tuple(sections)
    )


def break_words(panel: Panel, design: Design, kind: str) -> list[str]:
    """Return the breaks of one kind in words, each with the indicator where it is another's."""
    rows = design.breaks[design.breaks["kind"] == kind]
    return [
        row["what"]
        if row["indicator"] == design.outcome
        else f"{row['what']} ({indicator_title(panel.catalogue, row['indicator'])})"
        for row in rows.to_dict("records")
    ]


def _section(plan: Plan, panel: Panel, design: Design) -> Section:
    rows = outcome_figures(plan, panel, plan.outcome(design.outcome)).rows
    kinds = panel.store.councils.set_index("council_code")["council_type"]
    groups = {ALL: pd.Index(kinds.index)}
    groups |= {str(kind): pd.Index(own.index) for kind, own in kinds.groupby(kinds, sort=True)}
    breaks = design.breaks[design.breaks["kind"] == "basis"]
    periods = sorted(set(breaks["first_period_after"]))
    found = check_breaks(design)
    arms = found.table[found.table["group"].isin(["treated", "comparison"])]
    table = pd.concat([*(break_steps(rows, period, groups) for period in periods), arms])
    table = table.sort_values("first_year_after", kind="stable", ignore_index=True)
    table["group"] = table["group"].map(type_words)
    what = "; ".join(break_words(panel, design, "basis"))
    sentences = (f"Known break: {what}.", f"{found.sentence}.")
    return Section(
        design.title,
        sentences,
        pieces=(_chart(rows, design, periods, _finding(table)), _table(table, design)),
    )


def _finding(table: pd.DataFrame) -> str:
    """Return the largest step of all councils' median beside its usual movement."""
    steps = table[table["group"] == ALL].dropna(subset=["median_step", "usual_step"])
    if steps.empty:
        return "No step can be measured at the break"
    most = steps.iloc[int(steps["median_step"].abs().to_numpy().argmax())]
    step, usual = float(most["median_step"]), float(most["usual_step"])
    places = decimals_for(usual) if usual > 0 else 2
    return (
        f"The median stepped {format_change(step, places)} at the break; usually "
        f"{format_number(usual, places)}"
    )


def _table(table: pd.DataFrame, design: Design) -> Table:
    unit = unit_words(design.unit)
    spread = float(table["usual_step"].median())
    steps = ("median_step", "usual_step", "mean_step", "std_error")
    return Table(
        table,
        f"The step at the break, by type of council and by arm: {design.title}",
        notes=(
            "The step is a council's change from the last year before the break to the first after "
            "it. The usual movement is the median size, over the other years, of the median "
            "council's yearly change.",
            "Treated and comparison councils are those of the sample; a council whose own event "
            "or first exposed year lies on the two sides of the break is left out of its arm.",
        ),
        slug=f"break-{design.outcome}",
        units=dict.fromkeys(steps, unit),
        labels={
            "first_year_after": "First year after",
            "group": "Councils of",
            "councils": "Councils",
            "median_step": "Median step",
            "usual_step": "Usual movement",
            "mean_step": "Mean step",
            "std_error": "Its standard error",
        },
        row_header="group",
        decimals=decimals_for(spread) if spread > 0 else 2,
    )


def _chart(rows: pd.DataFrame, design: Design, periods: list[int], headline: str) -> Chart:
    arms = design.councils.set_index("council_code")["is_treated"]
    names = {True: "treated", False: "comparison"}
    own = rows.assign(group=rows["council_code"].map(arms).map(names)).dropna(subset=["group"])
    both = pd.concat([rows.assign(group=ALL), own])
    medians = both.groupby(["group", "period"])["value"].agg(["median", "size"]).reset_index()
    medians["fin_year"] = medians["period"].map(lambda period: format_financial_year(int(period)))
    frame = medians.rename(columns={"median": "value", "size": "councils"})
    years = [format_financial_year(period) for period in periods]
    unit = unit_words(design.unit)
    span = f"{frame['fin_year'].min()} to {frame['fin_year'].max()}"
    marked = " and ".join(years)
    return paths_chart(
        frame[["fin_year", "group", "value", "councils"]],
        headline=headline,
        subtitle=f"{design.title}, {unit}, median over councils, {span}; the break is marked",
        source=SOURCE,
        unit=unit,
        events=years,
        slug=f"break-median-{design.outcome}",
        alt=(
            f"Lines of the median by year for all councils, treated and comparison councils. A "
            f"dashed line marks {marked}, the first year on another basis."
        ),
        notes=(f"The dashed line marks {marked}, the first year after the break.",),
        decimals=2,
    )
