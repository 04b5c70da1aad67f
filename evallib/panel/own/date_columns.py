"""The dates of a column of a table of one's own, each read or told with its cell."""

from __future__ import annotations

import pandas as pd

from evallib.errors import Fault
from evallib.panel.own.dates import DATE_FORMS, EventDate, read_date
from evallib.panel.own.grid import Grid, places, shown_cell


def read_dates(
    grid: Grid, frame: pd.DataFrame, position: int | None, faults: list[Fault], *, optional: bool
) -> dict[int, EventDate]:
    """Return the dates of a column by row; what is none has a fault.

    Parameters
    ----------
    grid : Grid
        The table.
    frame : pandas.DataFrame
        Those of its rows that are looked at.
    position : int or None
        The column; None where the table has no such column.
    faults : list of Fault
        Is told of cells that cannot be read, one fault a problem.
    optional : bool
        Whether empty cells are right.
    """
    if position is None:
        return {}
    read: dict[int, EventDate] = {}
    problems: dict[str, list[tuple[int, object]]] = {}
    for row, cell in frame[position].items():
        blank = cell is None or cell != cell or str(cell).strip() == ""
        if blank and optional:
            continue
        try:
            read[int(str(row))] = read_date("" if blank else cell)
        except ValueError as error:
            problems.setdefault(str(error), []).append((int(str(row)), "" if blank else cell))
    for problem, found in problems.items():
        shown = places(grid, [r for r, _ in found], position, [shown_cell(c) for _, c in found])
        faults.append(
            Fault(
                f"{grid.column(position)}, {shown}",
                f"cannot be read as a date: it is {problem}",
                "The event cannot be put before or after a figure",
                f"Write dates as {DATE_FORMS}",
            )
        )
    return read
