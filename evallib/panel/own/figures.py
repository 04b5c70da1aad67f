"""Turn a table of one's own into figures in the project's own schema, or say what is wrong."""

from __future__ import annotations

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.panel.own.councils import Register, find_councils, rows_left_out
from evallib.panel.own.duplicates import duplicate_faults
from evallib.panel.own.grid import Grid, places, shown_cell
from evallib.panel.own.percentages import is_percent
from evallib.panel.own.scale import scaled
from evallib.panel.own.taken import Taken
from evallib.panel.own.values import is_missing, read_figure
from evallib.panel.own.year_columns import with_years, year_positions
from evallib.panel.own.years import plain_heading
from evallib.plan.own_data import YEAR, OwnIndicator, OwnTable
from evallib.plan.years import format_financial_year


def take_figures(grid: Grid, table: OwnTable, register: Register) -> Taken:
    """Take the figures of a table that the mapping names.

    Parameters
    ----------
    grid : Grid
        The table's cells.
    table : OwnTable
        The mapping, which lists indicators.
    register : Register
        Where councils are looked up.

    Returns
    -------
    Taken
        Figures, faults and notes; every column and row is looked at whatever is wrong elsewhere.
    """
    taken = Taken(_no_figures())
    try:
        cells, council = _cells(grid, table, taken.faults)
    except DataError as error:
        taken.faults += error.faults
        return taken
    out, taken.notes = rows_left_out(grid, council, register)
    cells = _given(grid, cells[~cells["row"].isin(out)], table, taken.notes)
    if cells.empty:
        if not taken.faults:
            taken.faults.append(
                Fault(grid.label, "has no figure that the mapping takes", "", _LOOK)
            )
        return taken
    cells = with_years(grid, cells, table, taken)
    dated = cells[cells["is_dated"]]
    found = find_councils(grid, council, dated["row"], dated["first"], register)
    taken.faults += found.faults
    taken.notes += found.notes
    cells = cells.assign(council_code=found.codes, spelling=found.spellings).fillna(
        {"council_code": "", "spelling": ""}
    )
    parts = []
    for indicator in table.indicators:
        mine = cells[cells["indicator"] == indicator.name]
        parts.append(_figures_of(grid, mine, indicator, taken))
    figures = pd.concat(parts, ignore_index=False)
    figures = figures[figures["council_code"].ne("") & figures["is_dated"]]
    taken.faults += duplicate_faults(grid, figures, register)
    taken.figures = figures.assign(
        fin_year=figures["first"].map(format_financial_year), file=grid.file
    )[["council_code", "fin_year", "indicator", "value", "file"]].reset_index(drop=True)
    if taken.figures.empty and not taken.faults:
        taken.faults.append(Fault(grid.label, "has no figure of a council", "", _LOOK))
    taken.notes.insert(0, _summary(grid, taken.figures))
    return taken


_LOOK = "Compare the mapping with the table"


def _no_figures() -> pd.DataFrame:
    return pd.DataFrame(columns=["council_code", "fin_year", "indicator", "value", "file"])


def _cells(grid: Grid, table: OwnTable, faults: list[Fault]) -> tuple[pd.DataFrame, int]:
    """Return one row a cell that may hold a figure, and the position of the council column."""
    wanted = {"council": table.council, "year": table.year, "measure": table.measure}
    at: dict[str, int] = {}
    for key, heading in wanted.items():
        if heading is not None:
            _find(grid, heading, key, at, faults)
    parts, used = [], list(at.values())
    for number, one in enumerate(table.indicators):
        key = f"indicators[{number}].column"
        for position, year in _columns_of(grid, one, key, faults):
            used.append(position)
            part = pd.DataFrame(
                {
                    "row": grid.frame.index,
                    "position": position,
                    "indicator": one.name,
                    "cell": grid.frame[position].to_numpy(),
                    "year_cell": year if "year" not in at else grid.frame[at["year"]].to_numpy(),
                }
            )
            if "measure" in at and one.measure is not None:
                part = part[_of_measure(grid, at["measure"], one, number, faults)]
            parts.append(part)
    faults += grid.unsure_cells(used)
    if "council" not in at or not parts or (table.year and "year" not in at):
        raise DataError([])
    return pd.concat(parts, ignore_index=True), at["council"]


def _find(grid: Grid, heading: str, key: str, at: dict[str, int], faults: list[Fault]) -> None:
    try:
        at[key] = grid.find(heading, key)
    except DataError as error:
        faults += error.faults


def _columns_of(
    grid: Grid, one: OwnIndicator, key: str, faults: list[Fault]
) -> list[tuple[int, str]]:
    """Return the positions of an indicator's columns, each with the year of its heading."""
    if YEAR in one.column:
        return year_positions(grid, one.column, key, faults)
    at: dict[str, int] = {}
    _find(grid, one.column, key, at, faults)
    return [(at[key], "")] if key in at else []


def _of_measure(
    grid: Grid, position: int, one: OwnIndicator, number: int, faults: list[Fault]
) -> pd.Series:
    """Return which rows hold an indicator, by the text of the measure column."""
    texts = grid.frame[position].map(lambda cell: plain_heading(str(cell)))
    mine: pd.Series = texts == plain_heading(str(one.measure))
    if not mine.any():
        known = list(dict.fromkeys(grid.frame[position].astype(str)))
        what = f"no row has {shown_cell(one.measure)} (it has: {', '.join(known[:5])})"
        remedy = f"Mend indicators[{number}].measure in the plan"
        faults.append(Fault(grid.column(position), what, "", remedy))
    return mine.reset_index(drop=True)


def _given(grid: Grid, cells: pd.DataFrame, table: OwnTable, notes: list[str]) -> pd.DataFrame:
    """Return the cells that are not missing, and note how many are, by indicator."""
    marks = {mark.casefold() for mark in table.missing}
    lost = cells["cell"].map(lambda cell: is_missing(cell, marks)).astype(bool)
    for name, count in cells.loc[lost, "indicator"].value_counts().items():
        noun = "cell has" if count == 1 else "cells have"
        notes.append(f"{grid.file}: {count:,} {noun} no figure of {name}.")
    return cells[~lost]


def _figures_of(grid: Grid, cells: pd.DataFrame, one: OwnIndicator, taken: Taken) -> pd.DataFrame:
    """Read the numbers of one indicator, and hold percentages to their scale."""
    percent = is_percent(one.unit)
    read: dict[int, float] = {}
    problems: dict[tuple[int, str], list[tuple[int, object]]] = {}
    for index, row, position, cell in cells[["row", "position", "cell"]].itertuples():
        try:
            figure = read_figure(cell, (), is_percent=percent)
        except ValueError as error:
            problems.setdefault((position, str(error)), []).append((row, cell))
            continue
        if figure is not None:
            read[index] = figure
    for (position, problem), found in problems.items():
        shown = places(grid, [r for r, _ in found], position, [shown_cell(c) for _, c in found])
        taken.faults.append(
            Fault(
                f"{grid.column(position)}, {shown}",
                problem,
                "It would be lost without a sign of it",
                _number_remedy(problem, [cell for _, cell in found]),
            )
        )
    figures = cells.loc[list(read)].assign(value=list(read.values()))
    figures, faults = scaled(grid, figures, one)
    taken.faults += faults
    return figures


def _number_remedy(problem: str, cells: list[object]) -> str:
    if "declared" in problem:
        marks = ", ".join(dict.fromkeys(f'"{str(cell).strip()}"' for cell in cells[:5]))
        return f"Add it to the table's missing list: missing: [{marks}]"
    if "per cent" in problem:
        return "Write unit: percent, or take the sign away"
    return "Mend the cell, or add the text to missing if it stands for a missing figure"


def _summary(grid: Grid, figures: pd.DataFrame) -> str:
    if figures.empty:
        return f"{grid.file}: no figure could be read."
    councils = figures["council_code"].nunique()
    first, last = figures["fin_year"].min(), figures["fin_year"].max()
    return f"{grid.file}: {len(figures):,} figures of {councils:,} councils, {first} to {last}."
