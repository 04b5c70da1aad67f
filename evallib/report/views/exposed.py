"""What the quality notebook shows of exposure: how many councils, when, and what came before."""

from __future__ import annotations

import pandas as pd

from evallib.checks.exposed import (
    count_earlier_events,
    count_exposure_by_year,
    count_first_events,
    count_statuses,
    exposure_samples,
)
from evallib.design import Designs
from evallib.exposure import Exposure
from evallib.panel import Panel
from evallib.plan import Plan
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
    samples = exposure_samples(panel, exposure, designs)
    first_events = count_first_events(plan, samples)
    years = [name for name in first_events.columns if name not in ("sample", "all_years")]
    span = f"{plan.known_from} to {plan.last_event_year}"
    note = (
        "Rows of outcomes: councils with a figure in the outcome's years, without those that the "
        "plan leaves out by type, region or name and those touched by reorganisation."
    )
    tables = (
        Table(
            count_statuses(samples),
            f"Councils by what is known of their exposure; studied years {span}",
            notes=(note,),
            slug="exposure-status",
            labels=STATUSES,
        ),
        Table(
            first_events,
            "Councils with a dated first event in the studied years, by financial year of the "
            "event",
            notes=(note,),
            slug="first-events",
            labels={year: year for year in years},
        ),
    )
    return Section("", (), pieces=tables)


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
    table = count_exposure_by_year(panel, exposure)
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
                table,
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
    table = Table(
        count_earlier_events(plan, exposure, exposure_samples(panel, exposure, designs)),
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
