"""Registers of events: check their dates, follow their codes, set aside what cannot be used."""

from __future__ import annotations

import datetime
import warnings
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, DoubtfulKindWarning, Fault, first_five
from evallib.panel import schemas
from evallib.panel.codes import CodeBook, unknown_codes
from evallib.panel.complete import complete_faults
from evallib.panel.reading import read_text_table
from evallib.panel.register_facts import RegisterFacts
from evallib.panel.register_rules import kind_notes, rule_faults
from evallib.panel.sidecars import read_sidecar, sidecar_path

_DATE_FORMS = {
    "day": r"\d{4}-\d{2}-\d{2}",
    "month": r"\d{4}-\d{2}(-\d{2})?",
    "year": r"\d{4}(-\d{2}(-\d{2})?)?",
    "financial_year": r"\d{4}(-\d{2}(-\d{2})?)?",
}


def read_register(path: Path, book: CodeBook) -> pd.DataFrame:
    """Read a register of events from a CSV file outside the data folder.

    Parameters
    ----------
    path : Path
        A CSV file with the columns of ``data/raw/peer_challenges.csv``.
    book : CodeBook
        Codes that are known.

    Raises
    ------
    DataError
        When the file is wrong: one line a problem.

    Warns
    -----
    DoubtfulKindWarning
        When a kind looks like a frequent kind misspelt.
    """
    label = str(path)
    text = read_text_table(path, label)
    faults = schemas.check_table(text, schemas.REGISTER, label)
    if faults:
        raise DataError(faults)
    table = schemas.typed(text, schemas.REGISTER)
    facts = register_facts(path)
    events, faults = follow_register(table, book, label, facts)
    if faults:
        raise DataError(faults)
    for note in kind_notes(table, label) if facts is None else ():
        warnings.warn(note, DoubtfulKindWarning, stacklevel=2)
    return events


def register_facts(path: Path) -> RegisterFacts | None:
    """Return what the sidecar of a register says of it as a whole; None where it says nothing.

    Raises
    ------
    DataError
        When there is a sidecar that cannot be read.
    """
    beside = sidecar_path(path)
    return read_sidecar(beside).register if beside.is_file() else None


def follow_register(
    table: pd.DataFrame, book: CodeBook, label: str, facts: RegisterFacts | None = None
) -> tuple[pd.DataFrame, list[Fault]]:
    """Return a register under current codes, and what is wrong with it.

    Parameters
    ----------
    table : pandas.DataFrame
        The register, as text.
    book : CodeBook
        Codes that are known.
    label : str
        How messages name the file.
    facts : RegisterFacts, optional
        What its sidecar says of it as a whole.

    Returns
    -------
    events : pandas.DataFrame
        The register with council_code followed and the column set_aside: why a row cannot be
        used (no code, a combined authority, a council merged away in 2009), empty otherwise.
    faults : list of Fault
        Codes that no council ever had, dates that are not dates, and rows that break a rule of
        `rule_faults`.
    """
    no_code = table["council_code"].str.strip() == ""
    combined = table["council_code"].str.startswith("E47")
    usable = ~no_code & ~combined
    faults = unknown_codes(table[usable], book, label) + date_faults(table, label)
    faults += rule_faults(table, label, facts, datetime.date.today())
    if facts is not None and facts.complete is not None:
        key, known, until = "sidecar key register.complete", facts.kinds, facts.covers_to
        faults += complete_faults(table, label, key, facts.complete, known, until)
    events = table.assign(council_code=book.follow(table["council_code"]), set_aside="")
    merged = usable & ~events["council_code"].isin(book.councils)
    events.loc[no_code, "set_aside"] = "no council code"
    events.loc[combined, "set_aside"] = "combined authority, not a council"
    events.loc[merged, "set_aside"] = "council merged into another in 2009: not followed"
    return events, faults


def date_faults(table: pd.DataFrame, label: str) -> list[Fault]:
    """Return dates of a register that are none, and dates coarser than their precision says."""
    faults = []
    for column in ("start_date", "end_date"):
        rows = table[~is_real_date(table[column])]
        if len(rows):
            faults.append(
                Fault(
                    f"{label}, column {column}, {schemas.place_of(rows, ('council_code',))}",
                    f"{first_five(list(rows[column]))} is not a date of the calendar",
                    "The event cannot be put before or after a figure",
                    "Mend the date, or give a coarser one with its date_precision",
                )
            )
    rows = table[~is_as_precise(table)]
    if len(rows):
        faults.append(
            Fault(
                f"{label}, column start_date, {schemas.place_of(rows, ('council_code',))}",
                f"{first_five(_beside_precision(rows))}: the date is coarser than its "
                "date_precision says",
                "The event would be dated to a day that nobody recorded",
                "Set date_precision to what the date holds: day, month or year",
            )
        )
    return faults


def _beside_precision(rows: pd.DataFrame) -> list[str]:
    pairs = zip(rows["start_date"], rows["date_precision"], strict=True)
    return [f"{date} with {precision}" for date, precision in pairs]


def is_real_date(cells: pd.Series) -> pd.Series:
    """Return which cells are a year, month or day of the calendar, or empty."""
    padded = cells.where(cells.str.len() != 4, cells + "-01-01")
    padded = padded.where(padded.str.len() != 7, padded + "-01")
    return pd.to_datetime(padded, format="%Y-%m-%d", errors="coerce").notna() | (cells == "")


def is_as_precise(table: pd.DataFrame) -> pd.Series:
    """Return which rows have a start_date at least as fine as their date_precision."""
    fits = pd.Series(True, index=table.index)
    for precision, form in _DATE_FORMS.items():
        fits &= (table["date_precision"] != precision) | table["start_date"].str.fullmatch(form)
    return fits
