"""A table of one's own as cells under headings, whatever it was read from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from evallib.errors import DataError, Fault, did_you_mean, first_five
from evallib.panel.importers.cells import column_letter
from evallib.panel.own.years import plain_heading

MOST = 5


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells under headings.

    Parameters
    ----------
    label : str
        How messages name the table: the file and its sheet, or the database and its table.
    file : str
        How the record of a run names it.
    header : tuple of str
        The headings.
    frame : pandas.DataFrame
        The cells as they were read, columns numbered from 0; the index is the row's number in the
        file, from 1. Rows without any cell are left out.
    counts : {'cell', 'line', 'row'}
        What messages count: cells of a sheet, lines of a text file, rows of any other.
    sha256 : str
        Digest of the file's bytes, or of the rows that were selected from a database.
    merged : tuple of ((int, int), (int, int))
        Merged ranges of a sheet as (row, column) from 0.
    blank : frozenset of (int, int)
        Cells of a sheet with a formula whose result is not stored.
    """

    label: str
    file: str
    header: tuple[str, ...]
    frame: pd.DataFrame
    counts: str
    sha256: str
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()
    blank: frozenset[tuple[int, int]] = frozenset()

    def place(self, row: int, position: int) -> str:
        """Return the place of a cell within the table: ``C5``, or ``line 5``."""
        if self.counts == "cell":
            return f"{column_letter(position)}{row}"
        return f"{self.counts} {row}"

    def column(self, position: int) -> str:
        """Return the place of a column as messages name it."""
        return f"{self.label}, column '{self.header[position]}'"

    def find(self, heading: str, key: str) -> int:
        """Return the position of the column with a heading, case and blanks apart.

        Raises
        ------
        DataError
            If there is none, or more than one.
        """
        wanted = plain_heading(heading)
        found = [n for n, name in enumerate(self.header) if plain_heading(name) == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            places = " and ".join(column_letter(n) for n in found)
            what = f"{len(found)} columns have the heading '{heading}' ({places})"
            raise DataError([Fault(self.label, what, "It is not known which is meant", _RENAME)])
        names = [name for name in self.header if name]
        what = f"has no column '{heading}' (it has: {first_five(names)})."
        what += did_you_mean(heading, names)
        remedy = f"Mend {key} in the plan, or the heading in the file"
        raise DataError([Fault(self.label, what, "The mapping reads it by its heading", remedy)])

    def unsure_cells(self, columns: Collection[int]) -> list[Fault]:
        """Return what makes cells of some columns unsure: merged cells, uncalculated formulas.

        Parameters
        ----------
        columns : collection of int
            Positions of the columns that are read.
        """
        used = set(columns)
        first = int(self.frame.index.min()) - 1
        faults = []
        for (top, left), (bottom, right) in self.merged:
            below = bottom >= first - 1 and (top, left) != (bottom, right)
            if below and used & set(range(left, right + 1)):
                where = f"{column_letter(left)}{top + 1}:{column_letter(right)}{bottom + 1}"
                faults.append(
                    Fault(
                        f"{self.label}, cells {where}",
                        "are merged",
                        "Only the first of them holds a value: the others would be read as empty",
                        "Unmerge them, fill every cell and save",
                    )
                )
        blank = sorted(cell for cell in self.blank if cell[0] >= first and cell[1] in used)
        if blank:
            cells = first_five([f"{column_letter(column)}{row + 1}" for row, column in blank])
            faults.append(
                Fault(
                    f"{self.label}, cells {cells}",
                    f"{len(blank)} cell(s) hold a formula whose result is not stored in the file",
                    "They would be read as missing; formulas are not calculated here",
                    "Open the file in a spreadsheet program, let it calculate and save it",
                )
            )
        return faults[:MOST]


_RENAME = "Give each column a heading of its own"


def places(grid: Grid, rows: Sequence[int], position: int, extra: Sequence[str] = ()) -> str:
    """Return where cells stand, the first five with what stands in them, and how many more."""
    shown = [grid.place(row, position) for row in rows]
    if extra:
        shown = [f"{place} {text}" for place, text in zip(shown, extra, strict=True)]
    return first_five(shown)


def shown_cell(cell: object) -> str:
    """Return a cell's text for a message, short and without line breaks.

    Examples
    --------
    >>> shown_cell("n/a"), shown_cell(45.0)
    ("'n/a'", "'45'")
    """
    text = f"{cell:.15g}" if isinstance(cell, float) else str(cell)
    text = "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
    return f"'{text if len(text) <= 40 else text[:37] + '...'}'"


def heading_text(cell: object) -> str:
    """Return a heading as text; a year that a spreadsheet keeps as a number is written plainly.

    Examples
    --------
    >>> heading_text(2015.0), heading_text("  %  satisfied ")
    ('2015', '% satisfied')
    """
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(str(cell).split())
