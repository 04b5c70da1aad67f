"""What the quality notebook shows of who is missing: by type of council and by arm."""

from __future__ import annotations

import pandas as pd

from evallib.checks.missingness import (
    AFTER,
    BEFORE,
    CHANGE,
    LATER,
    TREATED,
    UNRECORDED,
    expected_rows,
    missing_gaps,
    missing_shares,
)
from evallib.design import Designs
from evallib.panel import Panel
from evallib.plan import Plan
from evallib.report.chart import Chart
from evallib.report.coverage_charts import missingness_chart
from evallib.report.formats import format_number
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.figures import expected_figures
from evallib.report.views.naming import SOURCE, indicator_title

ARMS = [f"{arm}, {timing}" for arm in (TREATED, LATER, UNRECORDED) for timing in (BEFORE, AFTER)]


def missing_by_type(plan: Plan, panel: Panel) -> pd.DataFrame:
    """Count missing figures of the plan's outcomes by type of council.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.

    Returns
    -------
    pandas.DataFrame
        indicator, title, council_type, councils, council_years (expected, see
        `evallib.report.views.figures.expected_figures`), missing, missing_pct.
    """
    rows = expected_figures(plan, panel)
    rows = rows[rows["indicator"].isin([outcome.indicator for outcome in plan.outcomes])]
    kinds = panel.store.councils.set_index("council_code")["council_type"]
    kinds = kinds.str.replace("london", "London")
    rows = rows.assign(council_type=rows["council_code"].map(kinds))
    counts = (
        rows.groupby(["indicator", "council_type"], sort=False)
        .agg(
            councils=("council_code", "nunique"),
            council_years=("is_missing", "size"),
            missing=("is_missing", "sum"),
        )
        .reset_index()
    )
    titles = [indicator_title(panel.catalogue, name) for name in counts["indicator"]]
    counts.insert(1, "title", titles)
    return counts.assign(missing_pct=100 * counts["missing"] / counts["council_years"])


def missing_by_arm(designs: Designs) -> pd.DataFrame:
    """Count missing figures by arm and timing, for every outcome under the plan's rule.

    Returns
    -------
    pandas.DataFrame
        outcome, title, arm, timing, councils, council_years, missing, missing_pct.
    """
    parts = [
        missing_shares(expected_rows(design)).assign(outcome=design.outcome, title=design.title)
        for design in designs
    ]
    whole = pd.concat(parts, ignore_index=True)
    first = ["outcome", "title"]
    return whole[[*first, *(name for name in whole.columns if name not in first)]]


def missing_differences(designs: Designs) -> pd.DataFrame:
    """Compare how often figures are missing in treated and comparison councils, by outcome.

    Returns
    -------
    pandas.DataFrame
        outcome, title and the columns of `evallib.checks.missingness.missing_gaps`.
    """
    parts = []
    for design in designs:
        gaps = missing_gaps(expected_rows(design), design.level)
        gaps.insert(0, "title", design.title)
        gaps.insert(0, "outcome", design.outcome)
        parts.append(gaps)
    return pd.concat(parts, ignore_index=True)


def who_is_missing(plan: Plan, panel: Panel, designs: Designs) -> Section:
    """Show how often figures are missing by type of council and by arm, and whether arms differ.

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
    Section
        Two charts with their data, and a table of differences with intervals: a description.
    """
    kinds, arms = missing_by_type(plan, panel), missing_by_arm(designs)
    gaps = missing_differences(designs)
    level = format_number(100 * designs.items[0].level, 0)
    basis = (
        "By type: councils in office that report the outcome in any of its years. By arm: councils "
        "of the sample under the plan's rule for councils without a record, in every year in which "
        "any of them reports; 'after' begins with the first exposed year (of the first cohort, for "
        "councils that are compared with), and event years are left out."
    )
    return Section(
        "",
        (basis, _in_words(gaps, level)),
        pieces=(
            _kinds_chart(kinds),
            _arms_chart(arms),
            _gaps_table(gaps, level),
        ),
    )


def _in_words(gaps: pd.DataFrame, level: str) -> str:
    change = gaps[gaps["timing"] == CHANGE]
    apart = change[(change["conf_low"] > 0) | (change["conf_high"] < 0)]
    lead = "Do figures go missing more often in one arm? This is a description: it cannot say why. "
    if change["difference"].eq(0).all():
        return f"{lead}No figure of the samples is missing on one side only."
    if apart.empty:
        widest = format_number(float((change["conf_high"] - change["conf_low"]).max()) / 2, 1)
        return (
            f"{lead}For no outcome does the {level} per cent interval of the change from before to "
            f"after exposure lie on one side of zero; the widest reaches {widest} percentage "
            "points either way, so differences of that size cannot be excluded."
        )
    parts = [
        f"{row['title']} ({format_number(row['difference'], 1)} percentage points, "
        f"{format_number(row['conf_low'], 1)} to {format_number(row['conf_high'], 1)})"
        for row in apart.to_dict("records")
    ]
    return (
        f"{lead}From before to after exposure the share that is missing changed differently in "
        f"treated councils for {len(apart)} of {len(change)} outcomes: {'; '.join(parts)}. With "
        f"{len(change)} outcomes at {level} per cent, about one in twenty would differ by chance."
    )


def _kinds_chart(counts: pd.DataFrame) -> Chart:
    worst = float(counts["missing_pct"].max())
    text = format_number(worst, 0)
    frame = counts[["title", "council_type", "councils", "council_years", "missing", "missing_pct"]]
    return missingness_chart(
        frame,
        headline=(
            f"At most {text} per cent missing in any council type"
            if worst >= 0.5
            else "Hardly a figure is missing in any council type"
        ),
        subtitle=(
            "Council-years without a figure, per cent of those expected, by type of council, over "
            "each outcome's years"
        ),
        source=SOURCE,
        label="title",
        year="council_type",
        slug="missing-by-type-chart",
    )


def _arms_chart(arms: pd.DataFrame) -> Chart:
    frame = arms.assign(part=arms["arm"] + ", " + arms["timing"])
    years = arms["missing_pct"].max()
    return missingness_chart(
        frame[["title", "part", "councils", "council_years", "missing", "missing_pct"]],
        headline=(
            f"At most {format_number(float(years), 0)} per cent missing in any arm"
            if years >= 0.5
            else "Hardly a figure is missing in any arm"
        ),
        subtitle=(
            "Council-years without a figure, per cent of those expected, by arm of the comparison, "
            "before and after exposure"
        ),
        source=SOURCE,
        label="title",
        year="part",
        order=ARMS,
        slug="missing-by-arm-chart",
    )


def _gaps_table(gaps: pd.DataFrame, level: str) -> Table:
    words = {BEFORE: "before", AFTER: "after", CHANGE: "change from before to after"}
    return Table(
        gaps.drop(columns=["outcome", "std_error"]).assign(timing=gaps["timing"].map(words)),
        "Share without a figure: treated less comparison councils, in the same years",
        notes=(
            f"Bounds of {level} per cent intervals: standard errors clustered by council (councils "
            "of a joint event together), t distribution. 'not applicable': no figure is missing.",
        ),
        slug="missing-differences",
        units=dict.fromkeys(("difference", "conf_low", "conf_high"), "percentage points"),
        labels={
            "title": "Outcome",
            "timing": "When",
            "treated_councils": "Treated councils",
            "comparison_councils": "Comparison councils",
        },
        decimals=1,
    )
