"""Collect figures from a table: what is a figure, what is missing, what belongs to no council."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pandas as pd

from evallib.errors import DataError, Fault, first_five
from evallib.panel.importers.cells import (
    is_council_code,
    is_other_area,
    read_financial_year,
    read_number,
)
from evallib.panel.importers.layout import Layout, Table, read_table
from evallib.panel.importers.opening import OpenFile

COLUMNS = ("council_code", "fin_year", "indicator", "value")
_KEY = ["council_code", "fin_year", "indicator"]
_MEND = "Compare with the publication; mend the cell in a copy, or leave it empty if it is missing"


@dataclass(frozen=True, slots=True)
class Extract:
    """What an adaptor took from the files of a publication.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows of the table that is written.
    marks : Counter
        How often each mark stood for a missing figure.
    left_out : Counter
        Rows that were not taken, by reason.
    notes : tuple of str
        What else a user must know about this import.
    """

    frame: pd.DataFrame
    marks: Counter[str]
    left_out: Counter[str]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Gathering:
    """Figures on their way from a file; faults are collected and told together."""

    rows: list[tuple[str, str, str, float, str]] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unread: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def tables(self, files: Sequence[OpenFile], layout: Layout, *, accept: bool) -> Iterator[Table]:
        """Yield the table of every file that has the layout; remember what others lack."""
        for file in files:
            try:
                table = read_table(file, layout, accept=accept)
            except DataError as error:
                self.faults += error.faults
                continue
            self.notes += table.notes
            yield table

    def figure(
        self,
        table: Table,
        at: tuple[int, str],
        cell: object,
        key: tuple[str, str, str],
        scale: float = 1.0,
    ) -> None:
        """Take a figure, count a mark, or remember a cell that is neither.

        Parameters
        ----------
        table : Table
            Where the cell stands.
        at : (int, str)
            Its row and the key of its column.
        cell : object
            What it holds.
        key : (str, str, str)
            council_code, fin_year, indicator; nothing is taken where the code or year is empty.
        scale : float
            Factor from the published unit to the indicator's.
        """
        row, column = at
        if not key[0] or not key[1]:
            return
        try:
            number = read_number(cell)
        except ValueError as error:
            self.cannot_read(table, row, column, str(error), "neither a number nor a known mark")
            return
        if isinstance(number, str):
            self.marks[number] += 1
        else:
            figure = number if scale == 1 else round(number * scale, 10)
            self.rows.append((*key, figure, table.place(row, column)))

    def financial_year(self, table: Table, row: int, key: str, cell: object) -> str:
        """Return a cell's financial year; remember a cell that is none and return ''."""
        try:
            return read_financial_year(cell)
        except ValueError as error:
            self.cannot_read(table, row, key, str(error), "no financial year such as 2015-16")
            return ""

    def council(self, table: Table, row: int, key: str, cell: object) -> str:
        """Return a council's code; count other areas, remember what is no code, and return ''."""
        code = str(cell).strip()
        if is_council_code(code):
            return code
        if is_other_area(code):
            self.left_out[_area(code)] += 1
        else:
            self.cannot_read(table, row, key, code, "not the code of an area")
        return ""

    def expect(
        self, table: Table, key: str, wanted: Iterable[str], seen: Collection[object]
    ) -> None:
        """Remember measures that a file should hold and does not."""
        lost = [name for name in wanted if name not in seen]
        if lost:
            what = f"expected the measure(s) {first_five(lost)}; no row has them"
            remedy = "If the publisher renamed them, restore the former names in a copy"
            why = "Indicators would be missing without a sign of it"
            self.faults.append(Fault(f"{table.base(key)}", what, why, remedy))

    def cannot_read(self, table: Table, row: int, key: str, text: str, what: str) -> None:
        """Remember a cell that cannot be read; those of one kind become one fault."""
        cells = self.unread.setdefault((table.base(key), what), [])
        cells.append(f"{table.cell(row, key)} '{text}'")

    def tell_unread(self) -> None:
        """Turn the cells that could not be read into faults."""
        self.faults += [
            Fault(f"{place}, {first_five(cells)}", what, "It would be left out silently", _MEND)
            for (place, what), cells in self.unread.items()
        ]
        self.unread.clear()

    def finish(self) -> Extract:
        """Return what was gathered.

        Raises
        ------
        DataError
            If a cell could not be read, a figure stands twice or there is none at all.
        """
        self.tell_unread()
        frame = pd.DataFrame(self.rows, columns=[*COLUMNS, "place"])
        twice = frame[frame.duplicated(_KEY, keep=False)].sort_values(_KEY, kind="stable")
        if len(twice):
            first = twice.iloc[0]
            same = twice[(twice[_KEY] == first[_KEY]).all(axis=1)]
            self.faults.append(
                Fault(
                    first_five(list(same["place"])),
                    f"{first['council_code']} {first['fin_year']} {first['indicator']} stands "
                    f"more than once ({len(twice.drop_duplicates(_KEY))} figure(s) in all)",
                    "It is not known which figure is meant",
                    "Import one vintage of a year at a time (`evallib revisions` compares them); "
                    "of several figures within a year keep the one that is meant, in a copy",
                )
            )
        if frame.empty and not self.faults:
            self.faults.append(Fault("import", "no figure of a council was found", "", _MEND))
        if self.faults:
            raise DataError(self.faults)
        frame = frame.sort_values(_KEY, ignore_index=True)[list(COLUMNS)]
        return Extract(frame, self.marks, self.left_out, tuple(self.notes))


def _area(code: str) -> str:
    """Return what kind of area a code stands for that is no council."""
    if code.lstrip("*").lower().startswith("total"):
        return "totals"
    if "/" in code:
        return f"a joint return of {code}"
    return f"areas that are no English council (codes {code[:3]}...)"


def each_cell(table: Table, keys: tuple[str, ...]) -> list[tuple[int, tuple[object, ...]]]:
    """Return the row number and the cells of some columns, row by row."""
    columns = [table.frame[key].tolist() for key in keys]
    numbers = [int(number) for number in table.frame.index]
    return list(zip(numbers, zip(*columns, strict=True), strict=True))
