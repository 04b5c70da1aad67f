"""Propose how a stranger's table may be mapped: what is certain is filled in, the rest asked."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, Fault, first_five
from evallib.panel.importers.cells import MARKS
from evallib.panel.own.councils import Register, find_councils, rows_left_out
from evallib.panel.own.dates import financial_year_of, read_date
from evallib.panel.own.guess_figures import propose_figures
from evallib.panel.own.guess_open import open_database, open_table
from evallib.panel.own.names import NameBook
from evallib.panel.own.proposal import Guess
from evallib.panel.own.values import is_missing
from evallib.panel.own.years import plain_heading, read_year, years_of_headings
from evallib.panel.store import Store
from evallib.plan.own_data import YEAR

_NOW = 2024
_MARKS = frozenset({*MARKS, *(f"[{mark}]" for mark in MARKS)})


def guess_mapping(
    given: str, store: Store, *, sheet: str | None = None, table: str | None = None
) -> Guess:
    """Read a table and propose its mapping.

    Parameters
    ----------
    given : str
        A file, or a database's URL (``env:NAME`` for one in the environment).
    store : Store
        The project's tables: councils, codes and names that are taken.
    sheet, table : str, optional
        The sheet of a workbook, the table of a database; needed where there are several that may
        be meant.

    Returns
    -------
    Guess
        Nothing is guessed silently: what is not certain is left open, and doubtful names are
        listed with their candidates.

    Raises
    ------
    DataError
        If the table cannot be read, or has no column of councils or none of figures or dates.
    """
    names = NameBook(store.councils, store.code_changes)
    if given.startswith("env:") or "://" in given:
        if sheet is not None:
            raise _told("--sheet", "is for workbooks", "Give --table for a database")
        guess = open_database(given, table, names)
    else:
        if table is not None:
            raise _told("--table", "is for databases", "Give --sheet for a workbook")
        guess = open_table(Path(given), sheet, names)
    roles = guess.roles
    if roles.council is None:
        shown = first_five([name for name in guess.grid.header if name])
        what = f"no column holds councils' codes or names (headings on row {guess.header_row}: "
        raise _told(guess.grid.label, f"{what}{shown})", _OTHER)
    if not guess.is_register and not roles.figures:
        what = "has councils, but no column of figures with years and none of dates"
        raise _told(guess.grid.label, what, _OTHER)
    _look_at_councils(guess, store, names)
    if not guess.is_register:
        propose_figures(guess, store.catalogue)
    return guess


_OTHER = "Name another sheet (--sheet) or table (--table), or put the headings in one row"


def _told(label: str, what: str, remedy: str) -> DataError:
    return DataError([Fault(label, what, "", remedy)])


def _years(guess: Guess, rows: Collection[int]) -> pd.DataFrame:
    """Return row and first calendar year of every entry with a figure, or with a date."""
    frame, roles = guess.grid.frame, guess.roles
    entries: list[tuple[int, int]] = []
    marked: dict[str, None] = {}
    if guess.is_register:
        for row, cell in frame[roles.date].items():
            entries += [(int(str(row)), _dated(cell) or _NOW)] if row in rows else []
        return pd.DataFrame(entries, columns=["row", "first"])
    headed = [
        (position, year)
        for one in roles.figures
        for position, year in years_of_headings(guess.grid.header, one.column)
        if YEAR in one.column
    ]
    plain = [n for one in roles.figures if YEAR not in one.column for n in one.positions]
    for number, cells in zip(frame.index, frame.to_numpy(dtype=object).tolist(), strict=True):
        if number not in rows:
            continue
        given: list[object] = []
        given += [year for position, year in headed if not is_missing(cells[position], _MARKS)]
        if any(not is_missing(cells[position], _MARKS) for position in plain):
            given.append(_NOW if roles.year is None else cells[roles.year])
        for cell in dict.fromkeys(given):
            try:
                year = read_year(cell)
            except ValueError:
                continue
            marked |= {f"'{cell}'": None} if year.mark else {}
            guess.single_years |= not year.is_pair and roles.has_years
            entries.append((number, year.first))
    if marked:
        guess.facts.append(f"years with a mark are read as the year: {first_five(list(marked))}")
    return pd.DataFrame(entries, columns=["row", "first"])


def _dated(cell: object) -> int | None:
    try:
        return financial_year_of(read_date(cell).text)
    except ValueError:
        return None


def _look_at_councils(guess: Guess, store: Store, names: NameBook) -> None:
    """List areas to leave out and doubtful names, and say how many councils matched."""
    grid, position = guess.grid, guess.roles.council
    if position is None:
        return
    texts = grid.frame[position].map(lambda c: " ".join(str(c).split()) if c == c and c else "")
    areas = [text for text in dict.fromkeys(texts) if text and names.is_area(text)]
    guess.leave_out = [text for text in areas if names.find(text, _NOW).certainty != "known"]
    register = Register(store.book, names, leave_out=frozenset(map(plain_heading, guess.leave_out)))
    out, notes = rows_left_out(grid, position, register)
    years = _years(guess, set(grid.frame.index) - out)
    found = find_councils(grid, position, years["row"], years["first"], register)
    guess.is_recast = any("names_as_of" in fault.remedy for fault in found.faults)
    entries = years.assign(text=found.spellings, code=found.codes)
    matched = entries[entries["code"].ne("")]
    lost = entries[entries["code"].eq("")].drop_duplicates(["row", "text"])
    empty, doubtful = lost[lost["text"].eq("")], lost[lost["text"].ne("")]
    rows = []
    for text, mine in doubtful.groupby("text", sort=True):
        first = int(mine["first"].iloc[0])
        candidates = names.find(str(text), first).candidates
        rows.append((text, "", len(mine), "; ".join(map(str, candidates))))
    guess.doubtful = pd.DataFrame(rows, columns=["name", "code", "rows", "candidates"])
    guess.facts += [
        f"{len(grid.frame):,} rows below the headings on row {guess.header_row}",
        f"{matched['code'].nunique():,} councils matched, {len(guess.doubtful):,} names or codes "
        "doubtful or unknown",
        *(note.partition(": ")[2].rstrip(".") for note in notes),
        *(note.partition(": ")[2].rstrip(".") for note in found.notes),
    ]
    if len(empty):
        guess.facts.append(f"{len(empty):,} rows without a council: fill or delete them")
    if guess.is_register:
        dates = guess.grid.frame[guess.roles.date]
        matched = matched[[_dated(dates[row]) is not None for row in matched["row"]]]
    if len(matched) and (guess.is_register or guess.roles.has_years):
        low, high = int(matched["first"].min()), int(matched["first"].max())
        guess.facts.append(f"years {low} to {high}, by the first calendar year of the label")
