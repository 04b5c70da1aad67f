"""A list to fill: councils whose exposure is not known, those worth most first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evallib.checks.knowing import Knowing, value_of_knowing
from evallib.exposure.exposure import DATE_UNKNOWN, Exposure
from evallib.exposure.gaps import Gaps, find_gaps
from evallib.panel.build import Panel, span_of
from evallib.panel.days import day_in_words, last_day, studied_days
from evallib.panel.importers.write import write_frame
from evallib.panel.ladders import studied_kinds
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year
from evallib.report.exports import neutralise
from evallib.report.views.naming import kind_words

ASKED = [
    *("order", "council_code", "council_name", "council_type", "region", "known_now", "question"),
    *("narrows_pct", "outcomes", "asked_from", "asked_kinds"),
]
ANSWERED = [
    *("answer", "kind", "start_date", "date_precision", "confidence"),
    *("source_title", "source_url", "note"),
]


@dataclass(frozen=True, slots=True)
class GapsList:
    """The list with what it rests on.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a council: order, council_code, council_name, council_type, region, known_now,
        question, narrows_pct (by how many per cent the headline's standard error among known
        councils narrows, see `value_of_knowing`), outcomes (in how many of those considered the
        council takes part), asked_from and asked_kinds (the first day and the
        kinds that the question is about), and the empty columns to fill: answer, kind, start_date,
        date_precision, confidence, source_title, source_url, note. `kind` is filled where the
        plan studies one kind.
    gaps : Gaps
    knowing : Knowing
    """

    frame: pd.DataFrame
    gaps: Gaps
    knowing: Knowing


def list_gaps(
    plan: Plan, panel: Panel, exposure: Exposure, share_held: float | None = None
) -> GapsList:
    """Return the councils whose exposure is not known, the one worth most first.

    Parameters
    ----------
    plan : Plan
        The evaluation; its seed draws which others are known.
    panel, exposure
        Its panel and exposure.
    share_held : float, optional
        The share of events that the register holds, in place of that of published totals.
    """
    gaps = find_gaps(plan, panel, exposure, share_held)
    knowing = value_of_knowing(plan, panel, exposure, gaps, np.random.default_rng(plan.seed))
    rows = gaps.frame.to_dict("records")
    kinds = studied_kinds(plan)
    table = gaps.frame.assign(
        known_now=[_known_now(row) for row in rows],
        question=[_question(row, plan) for row in rows],
        narrows_pct=(100 * knowing.narrows).round(2),
        outcomes=knowing.outcomes,
        asked_from=f"{parse_financial_year(plan.known_from)}-04-01",
        asked_kinds=", ".join(kinds),
    )
    table["in_none"] = knowing.outcomes == 0
    table = table.sort_values(
        ["in_none", "narrows_pct", "council_name"], ascending=[True, False, True], kind="stable"
    )
    table = table.drop(columns="in_none").reset_index(drop=True)
    table["order"] = range(1, len(table) + 1)
    blank = dict.fromkeys(ANSWERED, "")
    if len(kinds) == 1:
        blank["kind"] = kinds[0]
    return GapsList(table.assign(**blank)[[*ASKED, *ANSWERED]], gaps, knowing)


def write_gaps(frame: pd.DataFrame, path: Path, *, replace: bool = False) -> None:
    """Write a list as CSV in UTF-8, text cells neutralised for spreadsheet programs.

    Raises
    ------
    DataError
        If another file is there and `replace` is not given, or it cannot be written.
    """
    text = frame.select_dtypes(exclude="number").columns
    safe = frame.copy()
    for name in text:
        safe[name] = pd.Series([neutralise(cell) for cell in frame[name]], index=frame.index)
    write_frame(safe, path, replace=replace)


def _known_now(row: Mapping[Any, Any]) -> str:
    """Say what is on file of a council."""
    if row["status"] == DATE_UNKNOWN:
        kind, _, rest = str(row["reason"]).partition(" of ")
        text = f"{kind_words(kind)} of {rest}"
        if not pd.isna(row["event_date"]):
            text += f"; a dated event of {row['event_date']:%Y-%m} may not be the first"
        return text
    parts = ["no row from the studied years on"]
    if not pd.isna(row["earlier_event"]):
        parts.append(f"the last one before in {row['earlier_event']:%Y-%m}")
    if not pd.isna(row["never_before"]):
        parts.append(f"none by {row['never_before']:%Y-%m-%d}")
    return "; ".join(parts)


def _question(row: Mapping[Any, Any], plan: Plan) -> str:
    kinds = " or ".join(kind_words(kind) for kind in studied_kinds(plan))
    when = {"day": "On which day", "month": "In which month", "year": "In which year"}
    asked = when[plan.date_precision]
    if row["status"] == DATE_UNKNOWN:
        span = f"between {_day(row['earliest'])} and {_day(row['latest'])}"
        if pd.isna(row["earliest"]):
            span = "that is on file without a date"
        return f"{asked} was the {kinds} {span}, and which source says so?"
    begin, _ = studied_days(plan)
    last = last_day(span_of(plan)[1])
    return (
        f"Was there a {kinds} from {_day(begin)} on? If so: {asked.lower()} was the first? If not: "
        f"which source says so, and up to which day? {_day(last)} or later settles it."
    )


def _day(day: pd.Timestamp) -> str:
    return day_in_words(day) if not pd.isna(day) else ""
