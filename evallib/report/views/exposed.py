"""What the quality notebook shows of exposure: how many councils, when, and what came before."""

from __future__ import annotations

import pandas as pd

from evallib.design import Design, Designs
from evallib.exposure import Exposure
from evallib.exposure.events import is_dated
from evallib.panel import Panel
from evallib.panel.ladders import studied_kinds
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year
from evallib.report.chart import Chart
from evallib.report.context_charts import counts_chart
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE, STATUSES

EXPOSURES = {
    "exposed": "Exposed",
    "not_exposed": "Not exposed yet",
    "no_record": "No record",
    "exposed_date_unknown": "Date unknown",
}
MOST_YEARS = 6
_EARLY_STEPS = (
    "Council types of the plan",
    "Regions of the plan",
    "Councils that the plan excludes",
    "Touched by reorganisation",
)


def exposure_status(plan: Plan, panel: Panel, exposure: Exposure, designs: Designs) -> Section:
    """Count councils by what is known of their exposure, for the panel and for each outcome.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.
    designs : Designs
        Its designs: the councils of an outcome are those left once the plan's types, regions and
        exclusions and reorganisation have been dealt with.

    Returns
    -------
    Section
        A table by status and a table by year of the first event.
    """
    samples = _samples(panel, exposure, designs)
    by_status = [
        {
            "sample": name,
            "councils": len(rows),
            **{key: int((rows["status"] == key).sum()) for key in STATUSES},
        }
        for name, rows in samples.items()
    ]
    first = parse_financial_year(plan.known_from)
    last = parse_financial_year(plan.last_event_year)
    years = [format_financial_year(year) for year in range(first, last + 1)]
    by_year = []
    for name, rows in samples.items():
        studied = rows[rows["status"] == "in_window"]
        counts = studied["event_year"].value_counts()
        by_year.append(
            {
                "sample": name,
                **{year: int(counts.get(year, 0)) for year in years},
                "all_years": len(studied),
            }
        )
    span = f"{years[0]} to {years[-1]}"
    note = (
        "Rows of outcomes: councils with a figure in the outcome's years, without those that the "
        "plan leaves out by type, region or name and those touched by reorganisation."
    )
    tables = (
        Table(
            pd.DataFrame(by_status),
            f"Councils by what is known of their exposure; studied years {span}",
            notes=(note,),
            slug="exposure-status",
            labels=STATUSES,
        ),
        Table(
            pd.DataFrame(by_year),
            "Councils with a dated first event in the studied years, by financial year of the "
            "event",
            notes=(note,),
            slug="first-events",
            labels={year: year for year in years},
        ),
    )
    return Section("", (), pieces=tables)


def _samples(panel: Panel, exposure: Exposure, designs: Designs) -> dict[str, pd.DataFrame]:
    """Return the councils of exposure for the panel, for those in office, and by outcome."""
    councils = exposure.councils
    gone = panel.store.councils.set_index("council_code")["valid_to"]
    in_office = councils["council_code"].map(gone) == ""
    parts = {"All councils of the panel": councils, "of them still in office": councils[in_office]}
    for design in designs:
        parts[design.title] = councils[councils["council_code"].isin(_before_exposure(design))]
    return parts


def _before_exposure(design: Design) -> set[str]:
    """Return the councils of a design before the steps that look at exposure."""
    late = design.dropped[~design.dropped["step"].isin(_EARLY_STEPS)]
    return set(design.councils["council_code"]) | set(late["council_code"])


def exposure_by_year(panel: Panel, exposure: Exposure) -> Section:
    """Count the councils in office in each financial year by their exposure.

    Parameters
    ----------
    panel : Panel
        The panel.
    exposure : Exposure
        Its exposure.

    Returns
    -------
    Section
        A chart of at most six years and a table of all.
    """
    councils = panel.store.councils.set_index("council_code")
    rows = exposure.frame
    days = pd.to_datetime((rows["fin_year"].map(parse_financial_year) + 1).astype(str) + "-03-31")
    opened = pd.to_datetime(rows["council_code"].map(councils["valid_from"]), errors="coerce")
    closed = pd.to_datetime(rows["council_code"].map(councils["valid_to"]), errors="coerce")
    rows = rows[~(opened > days) & ~(closed < days)]
    counts = rows.groupby(["fin_year", "exposure"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=list(EXPOSURES), fill_value=0)
    table = counts.assign(councils=counts.sum(axis=1)).reset_index().rename_axis(columns=None)
    note = "Councils of the panel that were in office on 31 March, the last day of the year."
    return Section(
        "",
        (
            "A council counts as exposed from the financial year of its event on. Each outcome's "
            "own measurement period then decides from which figure on.",
        ),
        pieces=(
            _exposure_chart(table, note),
            Table(
                table[["fin_year", "councils", *EXPOSURES]],
                "Councils by financial year and exposure",
                notes=(note,),
                slug="exposure-by-year",
                labels=EXPOSURES,
            ),
        ),
    )


def _exposure_chart(table: pd.DataFrame, note: str) -> Chart:
    # Years in which nobody had a recorded event yet are alike: the chart starts with the last.
    shown = table.iloc[max(int(table["exposed"].eq(0).sum()) - 1, 0) :]
    step = -(-len(shown) // MOST_YEARS)
    shown = shown.iloc[::-1].iloc[::step].iloc[::-1]
    tall = shown.melt(
        id_vars="fin_year", value_vars=list(EXPOSURES), var_name="exposure", value_name="n_units"
    )
    tall["exposure"] = tall["exposure"].map(EXPOSURES)
    last = table.iloc[-1]
    return counts_chart(
        tall,
        headline=(
            f"By {last['fin_year']}, {last['exposed']} of {last['councils']} councils had a "
            "recorded event"
        ),
        subtitle="Councils in office by exposure, England, financial years",
        source=SOURCE,
        group="exposure",
        slug="exposure-by-year-chart",
        notes=(note,),
    )


def earlier_events(plan: Plan, panel: Panel, exposure: Exposure, designs: Designs) -> Section:
    """Count the studied first events before which the register holds an earlier one.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.
    designs : Designs
        Its designs.

    Returns
    -------
    Section
        A table and what the plan does with such councils.
    """
    events = pd.concat([exposure.events, exposure.passed_on], ignore_index=True)
    events = events[events["kind"].isin(studied_kinds(plan))]
    before = events["event_date"] < pd.Timestamp(parse_financial_year(plan.known_from), 4, 1)
    dated = events[before & is_dated(events, plan.date_precision, plan.min_confidence)]
    rows = []
    for name, sample in _samples(panel, exposure, designs).items():
        studied = sample[sample["status"] == "in_window"]
        earlier = int(studied["earlier_event"].notna().sum())
        sure = int(studied["council_code"].isin(dated["council_code"]).sum())
        none = len(studied) - earlier
        share = 100 * none / len(studied) if len(studied) else float("nan")
        rows.append((name, len(studied), sure, earlier - sure, none, share))
    columns = ["sample", "first_events", "dated", "undated", "without_earlier", "share_without"]
    table = Table(
        pd.DataFrame(rows, columns=columns),
        f"First events in the studied years, by whether an event before {plan.known_from} is "
        "recorded",
        notes=("The register is thin before the studied years: the share is an upper bound.",),
        slug="earlier-events",
        units={"share_without": "per cent"},
        labels={
            "first_events": "Councils with a first event",
            "dated": "An earlier event is recorded and dated",
            "undated": "One is recorded, its date or confidence below the plan's",
            "without_earlier": "None is recorded",
            "share_without": "Share with none [note 1]",
        },
        decimals=0,
    )
    rule = {
        "keep": "The plan keeps councils with an earlier event.",
        "drop": (
            "The plan leaves out councils with a recorded event in the "
            f"{plan.history.years} years before {plan.known_from}."
        ),
    }[plan.history.action]
    sentence = (
        f"The event studied is a council's first from {plan.known_from} on. Earlier visits are "
        "history: years before the event count as years before exposure, whatever had happened "
        f"in them. {rule}"
    )
    return Section("", (sentence,), pieces=(table,))
