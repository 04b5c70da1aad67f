"""What the effect notebooks show of their samples: councils, cohorts, other events, paths."""

from __future__ import annotations

import pandas as pd

from evallib.design import Design, Designs
from evallib.plan.years import format_financial_year
from evallib.report.chart import Chart
from evallib.report.context_charts import paths_chart
from evallib.report.formats import decimals_for, format_number
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.naming import RULE_WORDS, SOURCE, year_span
from evallib.report.words import unit_words

FEWEST_COUNCILS = 5  # a mean of fewer is one council's story
TREATED, LATER, UNRECORDED = "treated", "later first event", "no recorded event"


def designs_table(designs: Designs) -> Table:
    """Return a row an outcome and no-record rule: councils, treated councils, council-years."""
    rows = []
    for design in designs:
        for one in (design, design.alternative):
            if one is not None:
                cohorts = one.councils.loc[one.councils["is_treated"], "cohort"]
                rows.append(
                    {
                        "outcome": one.title,
                        "role": one.role,
                        "no_record": RULE_WORDS[one.no_record],
                        "councils": len(one.councils),
                        "treated": one.n_treated,
                        "cohorts": int(cohorts.nunique()),
                        "without_after": int(_without_after(one)),
                        "council_years": len(one.full),
                    }
                )
    reasons = [d.alternative_reason for d in designs if d.alternative_reason]
    return Table(
        pd.DataFrame(rows),
        "Estimation samples by outcome and by what is assumed of councils without a record",
        notes=(
            "Treated councils have a dated first event in the plan's years and a figure for at "
            "least one period that begins after it. Those without such a period are compared "
            "with, until their own event.",
            *dict.fromkeys(reasons),
        ),
        labels={
            "no_record": "Comparison group",
            "treated": "Treated councils",
            "without_after": "In the window, without a period after",
            "council_years": "Council-years",
        },
        slug="designs",
    )


def _without_after(design: Design) -> int:
    councils = design.councils
    return int((councils["status"].eq("in_window") & ~councils["has_after_period"]).sum())


def cohorts_table(designs: Designs) -> Table:
    """Return a row an outcome: its treated councils by the first exposed period."""
    counts = {
        (place, design.title): design.councils.loc[design.councils["is_treated"], "cohort"]
        .astype(int)
        .value_counts()
        for place, design in enumerate(designs)
    }
    wide = pd.DataFrame(counts).sort_index().fillna(0).astype(int).T
    wide.columns = pd.Index([format_financial_year(int(cohort)) for cohort in wide.columns])
    last = [format_financial_year(int(design.full["period"].max())) for design in designs]
    return Table(
        wide.assign(last_year=last).droplevel(0).rename_axis("outcome").reset_index(),
        "Treated councils by cohort: the first exposed year of the outcome",
        notes=(
            "Years are the labels of the publication; an outcome measured over a calendar year "
            "has its own periods. A cohort is seen from its year to the last with figures.",
        ),
        labels={"last_year": "Last year with figures"},
        slug="cohorts",
    )


def other_events(designs: Designs) -> Table:
    """Return a row an outcome: how many councils met other events, or the studied one before."""
    arms = {TREATED: True, "comparison": False}
    rows = []
    for design in designs:
        row = {"outcome": design.title}
        for arm, is_treated in arms.items():
            members = design.councils[design.councils["is_treated"] == is_treated]
            met = {
                "earlier": members["earlier_event"].notna(),
                "concurrent": members["concurrent"].ne(""),
                "joint": members["cluster"].duplicated(keep=False),
            }
            row |= {f"{name}_{arm}": f"{met[name].sum()} of {len(members)}" for name in met}
        rows.append(row)
    heads = {
        "earlier": "With an earlier recorded event",
        "concurrent": "With a concurrent event",
        "joint": "In a joint event (one cluster)",
    }
    labels = {f"{name}_{arm}": f"{head}: {arm}" for name, head in heads.items() for arm in arms}
    return Table(
        pd.DataFrame(rows)[["outcome", *labels]],
        "Earlier visits, concurrent events and joint events by arm",
        notes=(
            "An earlier recorded event of the plan's kinds is history: its after-effects, if any, "
            "are in the years before. Concurrent events are those that the plan names.",
        ),
        labels=labels,
        slug="other-events",
    )


def outcome_paths(designs: Designs) -> Sections:
    """Return a section an outcome with its mean by year and arm: description, not impact."""
    return Sections(tuple(Section(d.title, pieces=(_paths(d),)) for d in designs))


def _paths(design: Design) -> Chart:
    councils = design.councils.set_index("council_code")
    arm = pd.Series(UNRECORDED, index=councils.index)
    arm[councils["cohort"].notna()] = LATER
    arm[councils["is_treated"]] = TREATED
    arm = arm[arm.map(arm.value_counts()) >= FEWEST_COUNCILS]
    rows = design.full.assign(group=design.full["council_code"].map(arm)).dropna(subset=["group"])
    means = rows.groupby(["period", "group"])["value"].agg(["mean", "size"]).reset_index()
    means["fin_year"] = means["period"].map(lambda p: format_financial_year(int(p)))
    frame = means.rename(columns={"mean": "value", "size": "councils"})
    events = sorted(councils.loc[councils["is_treated"], "event_period"].unique())
    headline, compared = _finding(means.pivot(index="fin_year", columns="group", values="mean"))
    return paths_chart(
        frame[["fin_year", "group", "value", "councils"]],
        headline=headline,
        subtitle=(
            f"{design.title}, {unit_words(design.unit)}, mean over councils, "
            f"{year_span(frame['fin_year'])}{compared}: a description, not an effect"
        ),
        source=SOURCE,
        unit=unit_words(design.unit),
        events=[format_financial_year(int(period)) for period in events],
        slug=f"paths-{design.outcome}",
        decimals=2,
    )


def _finding(means: pd.DataFrame) -> tuple[str, str]:
    """Return where the treated stood at both ends of the years, and whom they are held against.

    Parameters
    ----------
    means : pandas.DataFrame
        Mean by financial year (rows) and arm (columns).

    Examples
    --------
    >>> years = pd.Index(["2015/16", "2016/17"])
    >>> _finding(pd.DataFrame({TREATED: [5.0, 9.0], UNRECORDED: [8.0, 8.5]}, index=years))[0]
    'Treated councils 3.0 lower in 2015/16, 0.5 higher in 2016/17'
    """
    others = [arm for arm in (UNRECORDED, LATER) if arm in means]
    if TREATED not in means or not others:
        return f"Mean of {' and '.join(map(str, means.columns))} by year", ""
    gaps = (means[TREATED] - means[others[0]]).dropna()
    if gaps.empty:
        return "Treated and other councils have no year in common", ""
    decimals = decimals_for(float(gaps.iloc[[0, -1]].abs().max()))
    ends = dict.fromkeys((gaps.index[0], gaps.index[-1]))
    said = ", ".join(f"{_higher(float(gaps[year]), decimals)} in {year}" for year in ends)
    return f"Treated councils {said}", f"; the title holds treated against {others[0]}"


def _higher(gap: float, decimals: int) -> str:
    size = format_number(abs(gap), decimals)
    if not any(digit in size for digit in "123456789"):
        return "level"
    return f"{size} {'higher' if gap > 0 else 'lower'}"
