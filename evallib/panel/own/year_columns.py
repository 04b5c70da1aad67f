"""The years of a table of one's own: in a column or in the headings, each told apart or refused."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from evallib.errors import Fault, first_five
from evallib.panel.own.grid import Grid, places, shown_cell
from evallib.panel.own.taken import Taken
from evallib.panel.own.years import (
    KNOWN_MARKS,
    YearCell,
    doubtful_headings,
    label_year,
    read_year,
    years_of_headings,
)
from evallib.plan.own_data import CALENDAR, YEAR, OwnTable
from evallib.plan.years import EARLIEST, LATEST, format_financial_year

_MEANING = "Add year_means: calendar year, financial year starting or financial year ending"


def year_positions(grid: Grid, column: str, key: str, faults: list[Fault]) -> list[tuple[int, str]]:
    """Return the positions of the columns that differ by the year, each with its year's text.

    Parameters
    ----------
    grid : Grid
        The table.
    column : str
        A heading in which ``{year}`` stands for the year.
    key : str
        How the plan names it, for messages.
    faults : list of Fault
        Is told of headings that are none, that have an unknown mark, and that are one year.
    """
    found = years_of_headings(grid.header, column)
    marked = doubtful_headings(grid.header, column)
    if marked:
        shown = first_five([shown_cell(grid.header[at]) for at, _ in marked])
        marks = ", ".join(dict.fromkeys(f"'{mark}'" for _, mark in marked))
        faults.append(
            Fault(
                f"{grid.label}, headings {shown}",
                f"the year has a mark that is not known ({marks})",
                "The year would be left out, or it has another meaning than the others",
                f"Take the mark away, or write one of those that are read: {KNOWN_MARKS}",
            )
        )
    elif not found:
        faults.append(
            Fault(
                grid.label,
                f"no heading is '{column}' with a year (headings: {', '.join(grid.header[:8])})",
                "Its figures cannot be found",
                f"Mend {key} in the plan: {YEAR} stands for the year alone",
            )
        )
    by_year: dict[object, list[tuple[int, str]]] = {}
    for position, text in found:
        try:
            year = read_year(text)
        except ValueError:
            by_year[position] = [(position, text)]  # told with the other years
        else:
            by_year.setdefault((year.first, year.is_pair), []).append((position, text))
    faults += [
        Fault(
            f"{grid.label}, headings {' and '.join(shown_cell(grid.header[at]) for at, _ in same)}",
            "are the same year",
            "A council would have two figures for it",
            "Take the columns that are not meant out of the table",
        )
        for same in by_year.values()
        if len(same) > 1
    ]
    return [same[0] for same in by_year.values()]


def with_years(grid: Grid, cells: pd.DataFrame, table: OwnTable, taken: Taken) -> pd.DataFrame:
    """Add `first`, the first calendar year of each cell's label, and `is_dated`.

    Parameters
    ----------
    grid : Grid
        The table.
    cells : pandas.DataFrame
        row, position and year_cell, one row a figure.
    table : OwnTable
        The mapping.
    taken : Taken
        Is told of years that cannot be read, and of marks behind those that can.
    """
    read: dict[object, YearCell] = {}
    problems: dict[str, list[tuple[int, object]]] = {}
    by_row = cells.drop_duplicates("row" if not table.is_wide else "position")
    for row, position, cell in by_row[["row", "position", "year_cell"]].itertuples(index=False):
        try:
            read[cell] = read_year(cell)
        except ValueError as error:
            problems.setdefault(str(error), []).append((position if table.is_wide else row, cell))
    where = f"{grid.label}, headings" if table.is_wide else _year_place(grid, table)
    for problem, found in problems.items():
        shown = ", ".join(_year_shown(grid, table, at, cell) for at, cell in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        taken.faults.append(
            Fault(
                f"{where}, {shown}{more}",
                f"is {problem}" if "year" in problem else f"is {problem}, not a year",
                "A figure in the wrong year moves the estimate",
                f"Write years as 2015/16 or 2015, with no mark but {KNOWN_MARKS}; format the "
                "column as text in the spreadsheet",
            )
        )
    taken.faults += _mixed_years(grid, table, by_row, read, where)
    taken.notes += _marked(grid, table, read.values())
    first = [
        label_year(read[cell], table.year_means) if cell in read else 0
        for cell in cells["year_cell"]
    ]
    return cells.assign(first=first, is_dated=[EARLIEST <= one <= LATEST for one in first])


def _year_place(grid: Grid, table: OwnTable) -> str:
    return grid.column(grid.find(str(table.year), "year"))


def _year_shown(grid: Grid, table: OwnTable, at: int, cell: object) -> str:
    if table.is_wide:
        return shown_cell(grid.header[at])
    return f"{places(grid, [at], grid.find(str(table.year), 'year'))} {shown_cell(cell)}"


def _marked(grid: Grid, table: OwnTable, years: Iterable[YearCell]) -> list[str]:
    """Say which years were marked provisional, revised or with a note."""
    by_mark: dict[str, set[int]] = {}
    for year in years:
        if year.mark:
            by_mark.setdefault(year.mark, set()).add(label_year(year, table.year_means))
    told = [
        f"{mark} {', '.join(map(format_financial_year, sorted(firsts)))}"
        for mark, firsts in sorted(by_mark.items())
    ]
    if not told:
        return []
    return [f"{grid.file}: years with a mark are read as the year: {'; '.join(told)}."]


def _mixed_years(
    grid: Grid,
    table: OwnTable,
    by_row: pd.DataFrame,
    read: dict[object, YearCell],
    where: str,
) -> list[Fault]:
    """Return a fault where what years stand for is not said, or said in two ways."""
    at = "position" if table.is_wide else "row"
    dated = by_row[by_row["year_cell"].map(lambda cell: cell in read)]
    single = dated["year_cell"].map(lambda cell: not read[cell].is_pair).astype(bool)

    def told(rows: pd.DataFrame) -> str:
        shown = [_year_shown(grid, table, a, c) for a, c in rows[[at, "year_cell"]].to_numpy()[:5]]
        return ", ".join(shown) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")

    if single.any() and not single.all():
        return [
            Fault(
                where,
                f"financial years ({told(dated[~single])}) and single years "
                f"({told(dated[single])}) stand in one column",
                "It is not known which twelve months the single years mean",
                "Write all of them the same way, or give the table twice",
            )
        ]
    if table.year_means == CALENDAR and len(dated) and not single.any():
        return [
            Fault(
                f"{where}, {told(dated)}",
                f"are financial years, but year_means says {CALENDAR}",
                "An event in January to March would fall on the wrong side of a figure",
                "Leave year_means out; for figures of calendar years under such labels give the "
                "indicator period_basis: calendar year in which the financial year starts",
            )
        ]
    if table.year_means is None and single.any():
        return [
            Fault(
                f"{where}, {told(dated)}",
                "holds single years, and the mapping does not say what they mean",
                "2015 may be the calendar year, 2015/16 or 2014/15",
                _MEANING,
            )
        ]
    return []
