"""Rules that rows of a register keep: known kinds, dates in order and within what can be known."""

from __future__ import annotations

import datetime
import difflib
import re

import pandas as pd

from evallib.errors import Fault, did_you_mean, first_five
from evallib.panel import schemas
from evallib.panel.days import day_in_words
from evallib.panel.register_facts import RegisterFacts

END_STATUSES = (
    *("observed", "planned", "expected", "financial_year", "point_event", "not_recorded"),
)
_SEEN = "observed"
_WHOLE_YEARS = ("financial_year",)
_ALIKE = 0.8
_FREQUENT = 4
_PLACE = ("council_code", "start_date")


def first_and_last_day(cells: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the first and last day that YYYY, YYYY-MM or YYYY-MM-DD can mean; NaT for others."""
    padded = cells.where(cells.str.len() != 4, cells + "-01-01")
    padded = padded.where(padded.str.len() != 7, padded + "-01")
    first = pd.to_datetime(padded, format="%Y-%m-%d", errors="coerce")
    last = first.copy()
    by_month, by_year = cells.str.len() == 7, cells.str.len() == 4
    last[by_month] = first[by_month] + pd.offsets.MonthEnd(0)
    last[by_year] = first[by_year] + pd.DateOffset(years=1) - pd.Timedelta(days=1)
    return first, last


def rule_faults(
    table: pd.DataFrame, label: str, facts: RegisterFacts | None, today: datetime.date
) -> list[Fault]:
    """Return what is wrong between the cells of a register's rows, and beside its facts.

    Parameters
    ----------
    table : pandas.DataFrame
        The register as text, its cells each well formed.
    label : str
        How messages name the file.
    facts : RegisterFacts, optional
        Its kinds and the day up to which it speaks. Without them kinds are not checked here (see
        `kind_notes`) and `today` is the last day that an event can have been seen.
    today : datetime.date
        The present day.

    Returns
    -------
    list of Fault
        Ends before starts; events and observed ends after the day up to which the register
        speaks, or today; words for an end that nobody knows; and, with facts, kinds that are not
        known and events before their kind began.
    """
    start, _ = first_and_last_day(table["start_date"])
    end, end_end = first_and_last_day(table["end_date"])
    faults = _fault(
        table[end_end < start],
        f"{label}, column end_date",
        "the end is before the start",
        "Nothing ends before it begins: one of the two is a slip",
        "Mend one of the two dates",
    )
    faults += _fault(
        table[(table["kind"] == "none_between") & (table["end_date"] == "")],
        f"{label}, column end_date",
        "a row of kind none_between has no end_date",
        "It says that there was none from start_date on, but not up to which day",
        "Give the day up to which the source says so",
    )
    strange = table[~table["end_status"].isin(END_STATUSES)]
    if len(strange):
        words = list(dict.fromkeys(strange["end_status"]))
        faults += _fault(
            strange,
            f"{label}, column end_status",
            f"{first_five([repr(word) for word in words])} is not one of "
            f"{', '.join(END_STATUSES)}.{did_you_mean(words[0], END_STATUSES)}",
            "It is not known whether the end was seen",
            "Use one of these words",
        )
    limit = pd.Timestamp(facts.covers_to if facts is not None else today)
    whole = table["date_precision"].isin(_WHOLE_YEARS) | table["end_status"].isin(_WHOLE_YEARS)
    # Support for a financial year is agreed in the year before it.
    latest = pd.Series(limit, index=table.index).where(~whole, limit + pd.DateOffset(years=1))
    up_to = (
        f"{day_in_words(limit)}, the day up to which the register speaks"
        if facts is not None
        else f"today, {day_in_words(limit)}"
    )
    remedy = "Mend the date" + (", or set register.covers_to in the sidecar" if facts else "")
    faults += _fault(
        table[start > latest],
        f"{label}, column start_date",
        f"the event is dated after {up_to}",
        "Nobody can have seen it",
        remedy,
    )
    seen = table["end_status"] == _SEEN
    faults += _fault(
        table[seen & (end > limit)],
        f"{label}, column end_date",
        f"an observed end is dated after {up_to}",
        "Nobody can have seen it",
        f"{remedy}; a planned end has end_status planned",
    )
    return faults + (kind_faults(table, label, facts) if facts is not None else [])


def kind_faults(table: pd.DataFrame, label: str, facts: RegisterFacts) -> list[Fault]:
    """Return kinds that a register does not have, and events before their kind began."""
    faults = []
    latest = first_and_last_day(table["start_date"])[1]
    for kind in dict.fromkeys(table["kind"]):
        rows = table[table["kind"] == kind]
        if kind not in facts.kinds:
            faults += _fault(
                rows,
                f"{label}, column kind",
                f"{kind!r} is not a kind of this register.{did_you_mean(kind, facts.kinds)}",
                "A plan that studies the right kind would pass the row over",
                "Mend the kind, or describe it under register.kinds in the sidecar",
            )
            continue
        known = facts.kinds[kind]
        if known.began is not None:
            faults += _fault(
                rows[latest[rows.index] < pd.Timestamp(known.began)],
                f"{label}, column start_date",
                f"{known.title} is dated before there was any: the first can have been on "
                f"{day_in_words(known.began)}" + (f" ({known.basis})" if known.basis else ""),
                "The date or the kind is a slip",
                "Mend the date or the kind",
            )
    return faults


def kind_notes(table: pd.DataFrame, label: str) -> list[str]:
    """Return kinds that look like a frequent kind misspelt.

    Parameters
    ----------
    table : pandas.DataFrame
        The register as text.
    label : str
        How messages name the file.

    Returns
    -------
    list of str
        One note a kind that stands once or twice and is close to a kind that stands at least
        four times as often; kinds that differ only in their digits ('round3', 'round4') are not
        taken for one.
    """
    counts = {str(kind): int(rows) for kind, rows in table["kind"].value_counts().items()}
    rare = sorted(kind for kind, rows in counts.items() if rows <= 2)
    notes = []
    for kind in rare:
        often = [other for other, rows in counts.items() if rows >= _FREQUENT * counts[kind]]
        letters = re.sub(r"\d+", "#", kind)
        often = [other for other in often if re.sub(r"\d+", "#", other) != letters]
        close = difflib.get_close_matches(kind, often, n=1, cutoff=_ALIKE)
        if close:
            rows = table[table["kind"] == kind]
            notes.append(
                f"{label}, column kind, {schemas.place_of(rows, _PLACE)}: {kind!r} stands in "
                f"{counts[kind]} row{'s' if counts[kind] > 1 else ''}; is {close[0]!r} meant, "
                f"which stands in {counts[close[0]]}?"
            )
    return notes


def _fault(rows: pd.DataFrame, where: str, what: str, why: str, remedy: str) -> list[Fault]:
    if rows.empty:
        return []
    return [Fault(f"{where}, {schemas.place_of(rows, _PLACE)}", what, why, remedy)]
