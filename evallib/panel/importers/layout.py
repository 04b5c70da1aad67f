"""Hold a file against the layout that an adaptor knows; tell every difference with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from evallib.errors import DataError, Fault, did_you_mean, first_five
from evallib.panel.importers.cells import column_letter
from evallib.panel.importers.opening import OpenFile

_SEARCHED_ROWS = 40
_ACCEPT = "Compare with the publication's notes; if the figures mean the same, add --accept-layout"
_CHANGED = "A figure could be read from the wrong place"


@dataclass(frozen=True, slots=True)
class Heading:
    """A column that an adaptor reads.

    Parameters
    ----------
    key : str
        How the adaptor names the column.
    text : str
        The heading as published, shown in messages.
    pattern : str
        Regular expression that the heading must match in full, case and runs of blanks apart;
        `text` itself unless given.
    optional : bool
        Whether a file may lack it.
    """

    key: str
    text: str
    pattern: str = ""
    optional: bool = False

    def fits(self, cell: object) -> bool:
        """Return whether a cell is this heading."""
        if self.pattern:
            return re.fullmatch(self.pattern, plain(cell), re.IGNORECASE) is not None
        return plain(cell) == plain(self.text)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a publication keeps its table.

    Parameters
    ----------
    headings : tuple of Heading
        The columns that are read.
    sheet : str
        Regular expression of the sheet's name; empty for a text or Parquet table.
    header_row : int
        Row of the headings, the first row being 1.
    known : tuple of str
        The other headings of the publication; any further one is new.
    is_open : bool
        Whether columns outside `headings` and `known` are usual.
    sheet_shown : str
        The sheet's name in messages; `sheet` itself unless given.
    """

    headings: tuple[Heading, ...]
    sheet: str = ""
    header_row: int = 1
    known: tuple[str, ...] = ()
    is_open: bool = False
    sheet_shown: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that an adaptor reads, cells as they stand in the file.

    Parameters
    ----------
    label, sheet : str
        The file and its sheet (empty for a text or Parquet table), as messages name them.
    frame : pandas.DataFrame
        A column a key of the layout; the index is the row's number in the file.
    letters : dict of str to str
        Key to the column's place in messages: letters of a sheet, the heading of a table.
    notes : tuple of str
        Differences of layout that were accepted.
    """

    label: str
    sheet: str
    frame: pd.DataFrame
    letters: dict[str, str]
    notes: tuple[str, ...] = ()

    def place(self, row: int, key: str) -> str:
        """Return the place of a cell as messages name it."""
        return f"{self.base(key)}, {self.cell(row, key)}"

    def base(self, key: str) -> str:
        """Return the place of a column as messages name it."""
        return f"{self.label}, " + (
            f"sheet '{self.sheet}'" if self.sheet else f"column '{self.letters[key]}'"
        )

    def cell(self, row: int, key: str) -> str:
        """Return a cell within its column's place: ``H5``, or ``line 5`` of a table."""
        return f"{self.letters[key]}{row}" if self.sheet else f"line {row}"


def plain(cell: object) -> str:
    """Return a heading without case, line breaks and runs of blanks.

    Examples
    --------
    >>> plain("Total   Capital ")
    'total capital'
    """
    return " ".join(str(cell).split()).casefold()


def sheets_of(file: OpenFile, layout: Layout) -> list[str]:
    """Return the sheets of a file that have a layout's name."""
    return [name for name in file.sheets if re.fullmatch(layout.sheet, name)]


def has_layout(file: OpenFile, layout: Layout) -> bool:
    """Return whether a file has a layout's sheet and all its headings, wherever they stand."""
    if file.table is not None:
        return not layout.sheet and not _lost(layout, list(file.table.columns))
    for sheet in sheets_of(file, layout) if layout.sheet else ():
        if any(not _lost(layout, row) for row in file.rows(sheet)[:_SEARCHED_ROWS]):
            return True
    return False


def read_table(file: OpenFile, layout: Layout, *, accept: bool = False) -> Table:
    """Read the columns of a layout from a file.

    Parameters
    ----------
    file : OpenFile
        The file.
    layout : Layout
        Where its table stands.
    accept : bool
        Whether a moved header and new columns are accepted and noted.

    Returns
    -------
    Table
        The cells below the headings, rows without any cell left out.

    Raises
    ------
    DataError
        If a sheet or column is missing, the header moved, its cells are merged, a column is new,
        or a formula has no stored result.
    """
    if file.table is not None:
        return _read_columns(file, layout, accept)
    if not layout.sheet:
        names = first_five([f"'{heading.text}'" for heading in layout.headings])
        what = f"is a workbook; expected a CSV or Parquet table with the columns {names}"
        raise _changed(file.label, what, _OTHER)
    shown = layout.sheet_shown or layout.sheet
    sheets = sheets_of(file, layout)
    if len(sheets) != 1:
        has = first_five(file.sheets) if file.sheets else "no sheet"
        found = f"there are {len(sheets)} of them" if sheets else f"it has {has}"
        what = f"expected a sheet '{shown}'; {found}.{did_you_mean(shown, file.sheets)}"
        raise _changed(file.label, what, _RENAMED)
    return _read_sheet(file, sheets[0], layout, accept)


_OTHER = "Check that this is the publication that the source names"
_RENAMED = "If the publisher renamed the sheet, give it its former name in a copy and import that"


def _read_columns(file: OpenFile, layout: Layout, accept: bool) -> Table:
    table = file.table if file.table is not None else pd.DataFrame()
    header = [str(name) for name in table.columns]
    lost = _lost(layout, header)
    if lost:
        raise DataError([_missing(f"{file.label}, line 1", lost, header, layout)])
    places = _places(layout, header, f"{file.label}, line 1")
    new = _new(layout, header)
    notes = []
    if new:
        what = f"has columns that were not there before: {first_five(new)}"
        if not accept:
            raise _changed(f"{file.label}, line 1", what, _ACCEPT)
        notes.append(f"{file.label} {what}; accepted.")
    frame = table.iloc[:, list(places.values())].copy()
    frame.columns = pd.Index(list(places))
    return Table(file.label, "", frame, {k: header[p] for k, p in places.items()}, tuple(notes))


def _read_sheet(file: OpenFile, sheet: str, layout: Layout, accept: bool) -> Table:
    rows = file.rows(sheet)
    base = f"{file.label}, sheet '{sheet}'"
    at = _header_at(layout, rows)
    place = f"{base}, row {at + 1}"
    header = rows[at] if rows else []
    merged = _merged(file, sheet, at, header, rows)
    if merged:
        raise _changed(f"{base}, cells {merged}", *_MERGED)
    lost = _lost(layout, header)
    if lost:
        raise DataError(
            [_missing(place, lost, [str(cell) for cell in header if cell != ""], layout)]
        )
    places = _places(layout, header, place)
    faults, notes = [], []
    if at + 1 != layout.header_row:
        what = f"the headings were expected on row {layout.header_row} and stand on row {at + 1}"
        faults.append(Fault(place, what, _CHANGED, _ACCEPT))
        notes.append(f"{base}: {what}; accepted.")
    for name in _new(layout, header):
        letter = column_letter([plain(cell) for cell in header].index(plain(name)))
        what = f"the column {letter} '{name}' was not there before"
        faults.append(Fault(f"{base}, cell {letter}{at + 1}", what, _CHANGED, _ACCEPT))
        notes.append(f"{base}: {what}; accepted.")
    if faults and not accept:
        raise DataError(faults)
    body = [(n, row) for n, row in enumerate(rows[at + 1 :], at + 2) if any(c != "" for c in row)]
    frame = pd.DataFrame(
        {key: [row[position] for _, row in body] for key, position in places.items()},
        index=pd.Index([number for number, _ in body], name="row"),
        dtype=object,
    )
    letters = {key: column_letter(position) for key, position in places.items()}
    _refuse_formulas(file, sheet, at, places)
    return Table(file.label, sheet, frame, letters, tuple(notes))


_MERGED = (
    "the headings are merged cells, so that it is not known which column each stands for",
    "Unmerge the header row in a copy, give every column its heading and import that",
)


def _header_at(layout: Layout, rows: list[list[object]]) -> int:
    """Return the row (from 0) that has most headings, the expected one where it is as good."""
    expected = min(layout.header_row - 1, max(len(rows) - 1, 0))
    searched = range(min(len(rows), _SEARCHED_ROWS))
    best = max(searched, key=lambda n: -len(_lost(layout, rows[n])), default=expected)
    if rows and len(_lost(layout, rows[best])) < len(_lost(layout, rows[expected])):
        return best
    return expected


def _merged(
    file: OpenFile, sheet: str, at: int, header: list[object], rows: list[list[object]]
) -> str:
    """Return the cells of the header that are merged, empty where none is."""
    for (top, left), (bottom, right) in file.merged(sheet):
        if top <= at <= bottom and (top, left) != (bottom, right):
            return f"{column_letter(left)}{top + 1}:{column_letter(right)}{bottom + 1}"
    filled = [n for n, cell in enumerate(header) if cell != ""]
    for n in range(filled[0], filled[-1]) if filled else ():
        if header[n] == "" and any(row[n] != "" for row in rows[at + 1 : at + 12]):
            return f"{column_letter(n - 1)}{at + 1}:{column_letter(n)}{at + 1}"
    return ""


def _refuse_formulas(file: OpenFile, sheet: str, at: int, places: dict[str, int]) -> None:
    mine = set(places.values())
    found = sorted(c for c in file.blank_formulas(sheet) if c[0] > at and c[1] in mine)
    if found:
        cells = first_five([f"{column_letter(column)}{row + 1}" for row, column in found])
        raise DataError(
            [
                Fault(
                    f"{file.label}, sheet '{sheet}', cells {cells}",
                    f"{len(found)} cell(s) hold a formula whose result is not stored in the file",
                    "They would be read as missing",
                    "Open the file in a spreadsheet program, let it calculate, save and import it",
                )
            ]
        )


def _lost(layout: Layout, header: Iterable[object]) -> list[Heading]:
    cells = [cell for cell in header if cell != ""]
    wanted = [heading for heading in layout.headings if not heading.optional]
    return [heading for heading in wanted if not any(heading.fits(cell) for cell in cells)]


def _places(layout: Layout, header: Sequence[object], place: str) -> dict[str, int]:
    places, faults = {}, []
    for heading in layout.headings:
        found = [n for n, cell in enumerate(header) if cell != "" and heading.fits(cell)]
        if len(found) > 1:
            cells = first_five([f"{column_letter(n)} '{header[n]}'" for n in found])
            what = f"expected one column '{heading.text}'; found {len(found)}: {cells}"
            remedy = "Keep the one that is meant in a copy and import that"
            faults.append(Fault(place, what, "It is not known which of them is meant", remedy))
        elif found:
            places[heading.key] = found[0]
    if faults:
        raise DataError(faults)
    return places


def _new(layout: Layout, header: Iterable[object]) -> list[str]:
    if layout.is_open:
        return []
    known = {plain(text) for text in layout.known}
    return [
        str(cell)
        for cell in header
        if str(cell).strip()
        and plain(cell) not in known
        and not any(heading.fits(cell) for heading in layout.headings)
    ]


def _missing(place: str, lost: list[Heading], found: list[str], layout: Layout) -> Fault:
    names = first_five([f"'{heading.text}'" for heading in lost])
    new = [] if layout.is_open else _new(layout, found)
    if new:
        hint = f" Not seen before: {first_five([repr(name) for name in new])}."
    else:
        free = [name for name in found if not any(one.fits(name) for one in layout.headings)]
        hint = did_you_mean(lost[0].text, free) if layout.is_open else ""
    has = first_five(found) if found else "no heading"
    return Fault(
        place,
        f"expected the column(s) {names}; found {has}.{hint}",
        "Without them the figures cannot be told",
        "If a heading was only reworded, restore the former one in a copy; otherwise check that "
        "this is the publication that the source names",
    )


def _changed(where: str, what: str, remedy: str) -> DataError:
    return DataError([Fault(where, what, _CHANGED, remedy)])
