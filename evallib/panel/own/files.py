"""Read a CSV, Excel or Parquet file as cells under headings."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, Fault, did_you_mean, first_five
from evallib.panel.importers.opening import OpenFile, open_file
from evallib.panel.own.grid import Grid, heading_text
from evallib.panel.own.years import plain_heading
from evallib.panel.reading import read_text_table
from evallib.panel.sidecars import sha256_of
from evallib.plan.places import project_roots, shown_path

_BINARY = (b"PAR1", b"PK", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_SEARCHED = 40
_AGAIN = "Save it again as CSV (UTF-8, commas), Excel or Parquet"


def file_label(path: Path) -> str:
    """Return how the record of a run names a file: from the project, else by its name alone."""
    absolute = path.absolute()
    for root in project_roots():
        if absolute.is_relative_to(root):
            return absolute.relative_to(root).as_posix()
    return path.name


def read_grid(path: Path, sheet: str | None = None, header_row: int = 1) -> Grid:
    """Read a file.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file (UTF-8, commas), a workbook (.xlsx, .xls, .ods) or a Parquet file: told by what
        it holds, not by its ending.
    sheet : str, optional
        The sheet; needed where a workbook has more than one.
    header_row : int
        The row of the headings, from 1.

    Returns
    -------
    Grid
        The cells below the headings. Formulas are not calculated: the stored results are read.

    Raises
    ------
    DataError
        If the file cannot be read, has no such sheet, no headings or no rows.
    """
    file = None if is_text(path) else open_file(path)
    if file is not None and file.book is not None:
        return _from_sheet(file, _sheet_of(file, sheet), header_row)
    label = shown_path(path)
    if sheet is not None:
        what = f"is no workbook, but the sheet '{sheet}' was asked for"
        raise _told(label, what, "Leave sheet out")
    if file is not None and file.table is not None:
        table, counts = file.table, "row"
        if header_row != 1:
            raise _told(label, "is a Parquet file: it has no header row", "Leave header_row out")
    else:
        table, counts = _text_table(path, label, header_row), "line"
    header = tuple(heading_text(name) for name in table.columns)
    frame = _as_cells(table.to_numpy(dtype=object).tolist(), [int(n) for n in table.index], header)
    return _whole(Grid(label, file_label(path), header, frame, counts, sha256_of(path)))


def is_text(path: Path) -> bool:
    """Return whether a file that can be read holds text, by how it begins."""
    try:
        with path.open("rb") as stream:
            begin = stream.read(64)
    except OSError:
        return False
    return bool(begin) and not begin.startswith(_BINARY) and begin.lstrip()[:1] != b"<"


def _text_table(path: Path, label: str, header_row: int) -> pd.DataFrame:
    """Read a CSV file whose headings may stand below lines of title."""
    if header_row == 1:
        table = read_text_table(path, label)
    else:
        table = _below_titles(path, label, header_row)
    only = str(table.columns[0]) if len(table.columns) == 1 else ""
    mark = next((mark for mark in (";", "\t", "|") if mark in only), "")
    if mark:
        name = {";": "semicolons", "\t": "tabs", "|": "bars"}[mark]
        what = f"its cells are separated by {name}, not by commas"
        raise DataError([Fault(f"{label}, line {header_row}", what, "", _AGAIN)])
    return table


def _below_titles(path: Path, label: str, header_row: int) -> pd.DataFrame:
    rows = text_rows(path, label)
    if len(rows) < header_row:
        what = f"has {len(rows)} lines, but header_row is {header_row}"
        raise _told(label, what, "Mend header_row in the plan")
    header, body = rows[header_row - 1], rows[header_row:]
    numbered = [(n, row) for n, row in enumerate(body, header_row + 1) if any(row)]
    ragged = [n for n, row in numbered if len(row) != len(header)]
    if ragged:
        where = f"{label}, line {first_five(ragged)}"
        what = f"has another number of cells than the headings on line {header_row} ({len(header)})"
        why = "Figures would slip into the wrong column"
        raise DataError([Fault(where, what, why, "Quote cells that hold a comma; delete notes")])
    return pd.DataFrame(
        [row for _, row in numbered], index=[n for n, _ in numbered], columns=header, dtype=object
    )


def text_rows(path: Path, label: str) -> list[list[str]]:
    """Return the rows of a CSV file as they stand, of any length.

    Raises
    ------
    DataError
        If it is no UTF-8 text or no CSV.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read as UTF-8 text ({getattr(error, 'reason', None) or error})"
        raise _told(label, what, "Save it again with the encoding UTF-8") from None
    except csv.Error as error:
        raise _told(label, f"is not a CSV file ({error})", _AGAIN) from None


def _sheet_of(file: OpenFile, sheet: str | None) -> str:
    """Return the name of the sheet that is meant."""
    listed = first_five([f"'{name}'" for name in file.sheets])
    if sheet is None:
        if len(file.sheets) == 1:
            return file.sheets[0]
        what = f"has {len(file.sheets)} sheets: {listed}"
        raise _told(file.label, what, "Say which one: add sheet: to the plan (or --sheet)")
    found = [name for name in file.sheets if plain_heading(name) == plain_heading(sheet)]
    if len(found) != 1:
        what = f"has no sheet '{sheet}' (it has {listed}).{did_you_mean(sheet, file.sheets)}"
        raise _told(file.label, what, "Mend sheet")
    return found[0]


def _from_sheet(file: OpenFile, sheet: str, header_row: int) -> Grid:
    rows = file.rows(sheet)
    label = f"{file.label}, sheet '{sheet}'"
    if not any(cell != "" for row in rows for cell in row):
        raise _told(label, "is empty", "Name the sheet that holds the table")
    if header_row > len(rows):
        what = f"has {len(rows)} rows, but header_row is {header_row}"
        raise _told(label, what, "Mend header_row in the plan")
    header = tuple(heading_text(cell) for cell in rows[header_row - 1])
    body = [(n, row) for n, row in enumerate(rows[header_row:], header_row + 1)]
    body = [(n, row) for n, row in body if any(cell != "" for cell in row)]
    frame = _as_cells([row for _, row in body], [n for n, _ in body], header)
    name = f"{file_label(file.path)}, sheet {sheet}"
    grid = Grid(label, name, header, frame, "cell", sha256_of(file.path))
    return _whole(replace(grid, merged=tuple(file.merged(sheet)), blank=file.blank_formulas(sheet)))


def _as_cells(rows: list[list[object]], numbers: list[int], header: Sequence[str]) -> pd.DataFrame:
    index = pd.Index(numbers, name="row", dtype=int)
    columns = pd.RangeIndex(len(header))
    return pd.DataFrame(rows, index=index, columns=columns, dtype=object)


def _whole(grid: Grid) -> Grid:
    if not any(grid.header):
        raise _told(grid.label, "has no headings where they are expected", "Set header_row")
    if grid.frame.empty:
        raise _told(grid.label, "has headings but no rows below them", "Name another table")
    return grid


def header_row_of(rows: Sequence[Sequence[object]]) -> int:
    """Return the row, from 1, that most likely holds the headings.

    It is the first of the rows that fill as many columns as any, followed by a row that does not
    have less; titles above a table fill one or two cells.

    Examples
    --------
    >>> header_row_of([["Title", ""], ["", ""], ["Council", "Year"], ["Leeds", 2015]])
    3
    """
    filled = [sum(str(cell).strip() != "" for cell in row) for row in rows[:_SEARCHED]]
    if not filled:
        return 1
    enough = max(filled) * 0.8
    return next(n for n, count in enumerate(filled, 1) if count >= enough)


def _told(label: str, what: str, remedy: str) -> DataError:
    return DataError([Fault(label, what, "", remedy)])
