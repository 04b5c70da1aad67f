"""What the quality notebook shows of the register: how complete it is, and what it leaves open."""

from __future__ import annotations

import pandas as pd

from evallib.exposure import Exposure
from evallib.exposure.completeness import completeness_words
from evallib.panel.ladders import studied_kinds
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year
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
    return coverage_chart(
        totals[["label", "councils_published", "councils_in_register", "councils_at_most"]],
        headline=f"The register holds {_share(totals)}% of published totals",
        subtitle="Councils in the register beside the number published, England, by period",
        source=f"{SOURCE}; published totals as quoted in the data folder",
        label="label",
        register="councils_in_register",
        published="councils_published",
        at_most="councils_at_most",
        unit="councils",
        slug="register-coverage",
        notes=("May be: events dated to the year only, which may lie within the period.",),
    )


def _share(totals: pd.DataFrame, column: str = "councils_in_register") -> str:
    shares = 100 * totals[column] / totals["councils_published"]
    least, most = (format_number(float(f(shares)), 0) for f in (min, max))
    return least if least == most else f"{least} to {most}"


def coverage_sentence(totals: pd.DataFrame, known_from: str) -> str:
    """Say how much of the published totals the register holds, before the studied years and since.

    Parameters
    ----------
    totals : pandas.DataFrame
        Rows of `Exposure.coverage` whose kinds are studied.
    known_from : str
        First studied financial year.
    """
    begin = f"{parse_financial_year(known_from)}-04-01"
    since, before = totals[totals["to_date"] >= begin], totals[totals["to_date"] < begin]
    parts = []
    if len(since):
        sure, most = _share(since), _share(since, "councils_at_most")
        parts.append(f"Of the totals published since {known_from} it surely holds {sure} per cent")
        if most != sure:
            parts[0] += f", and at most {most} with events that are dated to the year only"
    if len(before):
        parts.append(f"of earlier totals {_share(before)} per cent")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _totals_table(totals: pd.DataFrame) -> Table:
    columns = ["label", "basis", "councils_published", "councils_in_register"]
    notes = [
        "Surely: the event's days lie within the period. At most: adds councils whose event, "
        "dated to the year only, may lie within it. The share is of councils surely in the "
        "register; where the total is 'more than' a number, the true share is smaller.",
    ]
    if (totals["councils_in_register"] > totals["councils_published"]).any():
        notes.append(
            "A share above 100 is no error: the register holds later agreements too, the "
            "published total is that of a first round."
        )
    return Table(
        totals[[*columns, "councils_at_most", "share_pct"]],
        "Councils in the register beside published totals",
        notes=tuple(notes),
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
        A chart and a table; a sentence where no total is published of what is studied, with the
        totals of other kinds in the same register, or where the register is declared complete.
    """
    said = () if exposure.completeness is None else (completeness_words(exposure.completeness),)
    if exposure.completeness is None or not exposure.completeness.is_whole:
        said = (MISSING_ROW, *said)
    totals = exposure.coverage
    studied = totals[totals["is_studied"].astype(bool)]
    if len(studied):
        said = (*said, coverage_sentence(studied, plan.known_from))
        pieces = (coverage_against_totals(studied), _totals_table(studied))
        return Section("", said, pieces=pieces)
    if exposure.completeness is not None and exposure.completeness.is_whole:
        return Section("", said)
    events = " or ".join(kind_words(kind) for kind in studied_kinds(plan))
    unknown = (
        f"No published total of {events} is on file to hold the register against: how "
        "complete it is cannot be said."
    )
    if totals.empty:
        return Section("", (*said, unknown))
    others = (
        "Totals are published of other kinds of event in the same register. They say how it was "
        "compiled, not how many of the studied events it lacks."
    )
    pieces = (coverage_against_totals(totals), _totals_table(totals))
    return Section("", (*said, unknown, others), pieces=pieces)


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
    """List events that several councils met together: one decision, one assignment, one cluster.

    Parameters
    ----------
    exposure : Exposure
        The exposure.

    Returns
    -------
    Section
        A table of the studied ones, or a sentence where there are none, and a table of every row
        of the register whose note speaks of a joint event.
    """
    councils = exposure.councils
    shared = councils[councils["cluster"].duplicated(keep=False)]
    listed = _joint_rows(exposure)
    if shared.empty:
        return Section("", ("No two councils met an event together.",), pieces=listed)
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
    return Section("", (sentence,), pieces=(table, *listed))


def _joint_rows(exposure: Exposure) -> tuple[Table, ...]:
    joint = exposure.joint
    if joint.empty:
        return ()
    frame = joint.assign(kind=joint["kind"].map(kind_words)).drop(columns="codes")
    table = Table(
        frame,
        "Rows of the register whose note speaks of a joint event",
        slug="joint-rows",
        labels={"kind": "Event", "start_date": "Date", "sides": "What is on file"},
    )
    return (table,)
