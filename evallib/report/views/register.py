"""What the quality notebook shows of the register: how complete it is, and what it leaves open."""

from __future__ import annotations

import pandas as pd

from evallib.exposure import Exposure
from evallib.plan import Plan
from evallib.report.chart import Chart
from evallib.report.coverage_charts import coverage_chart
from evallib.report.formats import format_count, format_number
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE, STATUSES, kind_words

MISSING_ROW = (
    "A row that is missing does not say that nothing happened. The register was compiled from "
    "public pages and holds only what was found, so a council without a row has no record: it is "
    "kept apart from councils that are known not to have been exposed yet."
)
_WHY = {
    "dated too coarsely": "its date is too coarse for the plan",
    "confidence too low": "its source is too uncertain for the plan",
}


def coverage_against_totals(totals: pd.DataFrame) -> Chart:
    """Draw the register beside published totals.

    Parameters
    ----------
    totals : pandas.DataFrame
        `Exposure.coverage`, at least one row.
    """
    least, most = (format_number(float(f(totals["share_pct"])), 0) for f in (min, max))
    share = least if least == most else f"{least} to {most}"
    return coverage_chart(
        totals[["label", "councils_published", "councils_in_register"]],
        headline=f"The register holds {share}% of published totals",
        subtitle="Councils in the register beside the number published, England, by period",
        source=f"{SOURCE}; published totals as quoted in the data folder",
        label="label",
        register="councils_in_register",
        published="councils_published",
        unit="councils",
        slug="register-coverage",
    )


def register_coverage(plan: Plan, exposure: Exposure) -> Section:
    """Show the register beside published totals, and say what a missing row means.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    exposure : Exposure
        Its exposure.

    Returns
    -------
    Section
        A chart and a table; a sentence where no total is published.
    """
    totals = exposure.coverage
    events = " or ".join(kind_words(kind) for kind in plan.kinds)
    if totals.empty:
        unknown = (
            f"No published total of {events} is on file to hold the register against: how "
            "complete it is cannot be said."
        )
        return Section("", (MISSING_ROW, unknown))
    chart = coverage_against_totals(totals)
    columns = ["label", "basis", "councils_published", "councils_in_register"]
    table = Table(
        totals[[*columns, "councils_at_most", "share_pct"]],
        "Councils in the register beside published totals",
        notes=(
            "Surely: the event's days lie within the period. At most: adds councils whose event, "
            "dated to the year only, may lie within it. The share is of councils surely in the "
            "register; where the total is 'more than' a number, the true share is smaller.",
        ),
        slug="coverage",
        units={"share_pct": "per cent"},
        labels={
            "label": "Published total",
            "basis": "The total is",
            "councils_published": "Councils published",
            "councils_in_register": "Councils surely in the register",
            "councils_at_most": "Councils at most in the register",
            "share_pct": "Share in the register [note 1]",
        },
        decimals=0,
    )
    return Section("", (MISSING_ROW,), pieces=(chart, table))


def dates_not_known(exposure: Exposure) -> Section:
    """List the councils that were exposed at a date that is not known, with the reason.

    Parameters
    ----------
    exposure : Exposure
        The exposure.

    Returns
    -------
    Section
        A table of who was exposed and when, and of register rows that were set aside.
    """
    rows = exposure.councils[exposure.councils["reason"] != ""]
    parts = rows["reason"].str.extract(r"^(?P<kind>\S+) of (?P<when>[^:]*): (?P<why>.*)$")
    frame = pd.DataFrame(
        {
            "council": rows["council_name"],
            "council_code": rows["council_code"],
            "row": parts["kind"].map(kind_words),
            "earliest": parts["when"].str[:7].map(_month),
            "latest": parts["when"].str[-7:].map(_month),
            "why": parts["why"].replace(_WHY),
            "dated": rows["event_year"],
        }
    )
    pieces = []
    if len(frame):
        pieces.append(
            Table(
                frame,
                "Councils that were exposed at a date that is not known, and why",
                notes=(
                    "For a review whose challenge is not in the register: the months within "
                    "which that challenge can have taken place.",
                    "A dated event that may not be the council's first.",
                ),
                slug="dates-not-known",
                labels={
                    "row": "Row of the register",
                    "earliest": "Not before [note 1]",
                    "latest": "Not after",
                    "dated": "Year of a dated event [note 2]",
                },
            )
        )
    if len(exposure.set_aside):
        pieces.append(
            Table(
                exposure.set_aside,
                "Rows of the register that were set aside, by reason",
                slug="register-set-aside",
            )
        )
    sentence = (
        f"{format_count(len(frame), 'council')} met the event at a date that is not known. "
        "Every figure of theirs is left out: they are neither treated nor controls."
    )
    return Section("", (sentence,), pieces=tuple(pieces))


def _month(text: str) -> str:
    return f"{pd.Timestamp(f'{text}-01'):%B %Y}"


def joint_events(exposure: Exposure) -> Section:
    """List events that two councils met together: one decision, one cluster.

    Parameters
    ----------
    exposure : Exposure
        The exposure.

    Returns
    -------
    Section
        A table, or a sentence where there are none.
    """
    councils = exposure.councils
    shared = councils[councils["cluster"].duplicated(keep=False)]
    if shared.empty:
        return Section("", ("No two councils met an event together.",))
    pairs = shared.sort_values(["event_date", "council_name"]).groupby("cluster", sort=False)
    frame = pd.DataFrame(
        {
            "councils": pairs["council_name"].agg(" and ".join),
            "event": pairs["kind"].first().map(kind_words),
            "event_year": pairs["event_year"].agg(lambda years: " and ".join(dict.fromkeys(years))),
            "status": pairs["status"].agg(
                lambda cells: " and ".join(dict.fromkeys(STATUSES[cell] for cell in cells))
            ),
        }
    ).reset_index(drop=True)
    sentence = (
        f"{format_count(len(frame), 'event')} "
        f"{'was' if len(frame) == 1 else 'were'} joint: one decision for the councils named, "
        "which share one cluster and one assignment."
    )
    table = Table(
        frame,
        "Events that councils met together",
        slug="joint-events",
        labels={"event_year": "Financial year", "status": "Exposure"},
    )
    return Section("", (sentence,), pieces=(table,))
