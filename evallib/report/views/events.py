"""What the quality notebook shows of events: rows of one event, spells and ends, escalation."""

from __future__ import annotations

import pandas as pd

from evallib.exposure import Exposure
from evallib.exposure.same_event import SAME_EVENT_DAYS
from evallib.exposure.spells import CONTINUES_DAYS, ON_AND_OFF_SHARE
from evallib.panel.ladders import ladder_of
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year
from evallib.report.formats import format_count
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.naming import kind_words

_COUNCIL = {"council_name": "Council", "kind": "Event"}


def rows_of_one_event(exposure: Exposure) -> Section:
    """List register rows that were joined as one event, and rows that look alike and were not.

    Parameters
    ----------
    exposure : Exposure
        The exposure.

    Returns
    -------
    Section
        The rule in words and up to two tables.
    """
    joined, alike = exposure.joined, exposure.alike
    rule = (
        "Two rows of one council and kind are one event when their possible days overlap or, where "
        f"both are dated to the month or the day, lie at most {SAME_EVENT_DAYS} days apart. The "
        "row of the finer date is taken, then that of the higher confidence. Notices, directions "
        "and agreements are acts with a date of their own: they are one only on the same date."
    )
    found = (
        f"{format_count(len(joined), 'row')} of the register {_was(len(joined))} joined to "
        f"another; {format_count(len(alike), 'pair')} of rows that look alike "
        f"{_was(len(alike))} kept apart."
    )
    pieces = []
    if len(joined):
        kept = ["council_name", "kind", "kept_date", "kept_confidence", "kept_source"]
        frame = joined[[*kept, "joined_date", "joined_confidence", "joined_source"]]
        pieces.append(
            Table(
                frame.assign(kind=frame["kind"].map(kind_words)),
                "Rows that were joined as one event",
                slug="joined-rows",
                labels={
                    **_COUNCIL,
                    "kept_date": "Date taken",
                    "kept_confidence": "Its confidence",
                    "kept_source": "Its source",
                    "joined_date": "Date of the other row",
                    "joined_confidence": "Confidence of the other row",
                    "joined_source": "Source of the other row",
                },
            )
        )
    if len(alike):
        columns = ["council_name", "kind", "start_date", "other_kind", "other_start_date"]
        frame = alike[[*columns, "why_distinct"]]
        for column in ("kind", "other_kind"):
            frame = frame.assign(**{column: frame[column].map(kind_words)})
        pieces.append(
            Table(
                frame,
                "Rows that look alike and were kept apart",
                slug="rows-kept-apart",
                labels={
                    **_COUNCIL,
                    "start_date": "Date",
                    "other_kind": "Other event",
                    "other_start_date": "Its date",
                    "why_distinct": "Why they are two",
                },
            )
        )
    return Section("", (rule, found), pieces=tuple(pieces))


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def ends_of_spells(exposure: Exposure) -> Section:
    """Count the spells of what lasts by what their ends rest on.

    Parameters
    ----------
    exposure : Exposure
        The exposure.

    Returns
    -------
    Section
        A table by kind, or a sentence where nothing in the register lasts.
    """
    ends = exposure.ends
    if ends.empty:
        return Section("", ("The events of this register are visits: none of them lasts.",))
    sentence = (
        "A recorded end is an observation, a planned one is not, and a missing one is not 'still "
        "running': after the last day on which it is known to have been in force, a spell without "
        f"a recorded end is neither on nor off. Designs in which exposure ends need at least "
        f"{ON_AND_OFF_SHARE:.0f} per cent of a kind's ends."
    )
    table = Table(
        ends.assign(kind=ends["kind"].map(kind_words)),
        "Spells by kind of event and by what their end rests on",
        notes=(
            "Rows that follow one another within "
            f"{CONTINUES_DAYS} days of the recorded end are one spell.",
            "Support for financial years ends with the last of them.",
        ),
        slug="ends-of-spells",
        units={"observed_pct": "per cent"},
        labels={
            "kind": "Event",
            "rows": "Rows",
            "spells": "Spells [note 1]",
            "observed": "End observed [note 2]",
            "planned": "End planned",
            "not_recorded": "End not recorded",
            "observed_pct": "Share observed",
            "on_and_off": "Enough for exposure that ends",
        },
        decimals=0,
    )
    return Section("", (sentence,), pieces=(table,))


def states_of_escalation(plan: Plan, exposure: Exposure) -> Section:
    """Show the states that the studied events escalate through: entries, and what is in force.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    exposure : Exposure
        Its exposure.

    Returns
    -------
    Section
        A table of first entries and one of councils by year, or a sentence where the studied
        events stand in no order.
    """
    ladder = ladder_of(plan)
    if not ladder:
        return Section("", ("The studied events stand in no order: none is above another.",))
    names = [" or ".join(kind_words(kind) for kind in step) for step in ladder]
    sentence = (
        f"The states, lowest first: {'; '.join(names)}. A council's highest state is that of its "
        "events so far; 'none on record' is not 'never'."
    )
    if plan.escalation is not None:
        sentence += (
            " The event studied is a council's first entry to "
            f"{kind_words(plan.escalation.at_least)} or a higher state."
        )
    return Section("", (sentence,), pieces=(_entries(plan, exposure), _by_year(exposure)))


def _entries(plan: Plan, exposure: Exposure) -> Table:
    entries = exposure.entries
    begin = pd.Timestamp(parse_financial_year(plan.known_from), 4, 1)
    rows = []
    for at, step in enumerate(ladder_of(plan), 1):
        own = entries[entries["step"] == at]
        rows.append(
            {
                "state": " or ".join(kind_words(kind) for kind in step),
                "councils": len(own),
                "dated": int(own["is_dated"].astype(bool).sum()),
                "studied_years": int((own["earliest"] >= begin).sum()),
                "after_lower": int((own["state_before"] != "").sum()),
                "months": float(own["months_since"].median()),
            }
        )
    return Table(
        pd.DataFrame(rows),
        "First entries to each state",
        slug="first-entries",
        units={"months": "months"},
        labels={
            "councils": "Councils that entered it",
            "dated": "of them dated as the plan asks",
            "studied_years": f"of them from {plan.known_from} on",
            "after_lower": "of them after a lower state",
            "months": "Median time since the lower state",
        },
        decimals=0,
    )


def _by_year(exposure: Exposure) -> Table:
    states = exposure.states[exposure.states["met_at_most"] != "none"]
    met = states.groupby("fin_year").agg(
        met=("met", lambda cells: int((cells != "none").sum())),
        met_at_most=("met_at_most", "size"),
    )
    now = pd.DataFrame(
        {
            "in_force": (~states["in_force"].isin(["none", "not known"])).astype(int),
            "not_known": (states["in_force"] == "not known").astype(int),
            "fin_year": states["fin_year"],
        }
    )
    table = met.join(now.groupby("fin_year").sum()).reset_index()
    return Table(
        table,
        "Councils by financial year: how many had met a state, and in how many one was in force",
        notes=(
            "At most: adds events dated too coarsely and rows of a confidence below the plan's.",
            "Not known: no recorded end, so that it may or may not have been in force.",
        ),
        slug="states-by-year",
        labels={
            "met": "Had met a state",
            "met_at_most": "At most [note 1]",
            "in_force": "Highest state in force",
            "not_known": "Not known [note 2]",
        },
        decimals=0,
    )
