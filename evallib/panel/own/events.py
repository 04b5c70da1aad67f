"""Turn a table of dates into a register of events, or say what is wrong with it."""

from __future__ import annotations

import datetime
import re
from dataclasses import replace

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.panel import schemas
from evallib.panel.complete import complete_faults
from evallib.panel.own.councils import Register, find_councils, rows_left_out
from evallib.panel.own.date_columns import read_dates
from evallib.panel.own.dates import financial_year_of
from evallib.panel.own.grid import Grid, places, shown_cell
from evallib.panel.own.taken import Taken
from evallib.panel.register_rules import kind_notes
from evallib.panel.registers import follow_register
from evallib.plan.own_data import OwnTable


def take_events(grid: Grid, table: OwnTable, register: Register) -> Taken:
    """Take the events of a table that the mapping describes.

    Parameters
    ----------
    grid : Grid
        The table's cells.
    table : OwnTable
        The mapping, which names a register.
    register : Register
        Where councils are looked up.

    Returns
    -------
    Taken
        `figures` is the register: the columns of `data/raw/peer_challenges.csv` and set_aside.
    """
    taken = Taken(pd.DataFrame(columns=[*schemas.REGISTER.columns, "set_aside"]))
    at = _columns(grid, table, taken.faults)
    if "council" not in at or "start_date" not in at:
        return taken
    taken.faults += grid.unsure_cells(list(at.values()))
    out, taken.notes = rows_left_out(grid, at["council"], register)
    frame = grid.frame[~grid.frame.index.isin(out)]
    starts = read_dates(grid, frame, at["start_date"], taken.faults, optional=False)
    ends = read_dates(grid, frame, at.get("end_date"), taken.faults, optional=True)
    rows = pd.Series(frame.index, index=frame.index)
    # Without a date no council of two of one name can be told; the date has its own fault.
    dated = rows[[row in starts for row in rows]]
    years = dated.map(lambda row: financial_year_of(starts[row].text))
    found = find_councils(grid, at["council"], dated, years, register)
    taken.faults += found.faults
    taken.notes += found.notes
    events = pd.DataFrame(
        {
            "council_code": found.codes,
            "council_name": found.spellings,
            "kind": _kinds(grid, frame, table, at, taken.faults).reindex(dated.index),
            "start_date": dated.map(lambda row: starts[row].text),
            "date_precision": dated.map(lambda row: starts[row].precision),
            "end_date": dated.map(lambda row: ends[row].text if row in ends else ""),
            "end_status": dated.map(lambda row: "observed" if row in ends else "not_recorded"),
            "confidence": _confidences(grid, frame, table, at, taken.faults).reindex(dated.index),
            "source_title": table.publication,
            "source_url": "",
            "note": _texts(frame, at.get("note")).reindex(dated.index),
        }
    )
    events.index.name = "line" if grid.counts == "line" else "row"
    taken.faults += _ends_before_starts(grid, events, at)
    if not taken.faults:
        followed, wrong = follow_register(events, register.book, grid.label)
        wrong = [replace(one, where=_headed(one.where, grid, at)) for one in wrong]
        if "kind_column" in at:
            taken.notes += kind_notes(followed, grid.file)
        if table.complete is not None:
            known = set(followed["kind"])
            today = datetime.date.today()
            wrong += complete_faults(followed, grid.label, "complete", table.complete, known, today)
        taken.figures, taken.faults = followed, wrong
        councils = followed["council_code"].nunique()
        summary = f"{grid.file}: {len(followed):,} events of {councils:,} councils."
        taken.notes.insert(0, summary)
    return taken


def _headed(where: str, grid: Grid, at: dict[str, int]) -> str:
    """Return a place in a register as one in the table that it was taken from."""
    for key, position in at.items():
        column = key.removesuffix("_column")
        where = where.replace(f"column {column},", f"column '{grid.header[position]}',")
    return where


def _columns(grid: Grid, table: OwnTable, faults: list[Fault]) -> dict[str, int]:
    wanted = {
        "council": table.council,
        "start_date": table.start_date,
        "end_date": table.end_date,
        "kind_column": table.kind_column,
        "note": table.note,
    }
    if table.confidence not in schemas.CONFIDENCES:
        wanted["confidence"] = table.confidence
    at = {}
    for key, heading in wanted.items():
        if heading is not None:
            try:
                at[key] = grid.find(heading, key)
            except DataError as error:
                faults += error.faults
    return at


def _texts(frame: pd.DataFrame, position: int | None) -> pd.Series:
    if position is None:
        return pd.Series("", index=frame.index)
    return frame[position].map(
        lambda cell: "" if cell is None or cell != cell else " ".join(str(cell).split())
    )


def _kinds(
    grid: Grid, frame: pd.DataFrame, table: OwnTable, at: dict[str, int], faults: list[Fault]
) -> pd.Series:
    """Return the kind of every event as a name: lower case with underscores."""
    if "kind_column" not in at:
        return pd.Series(table.kind or "", index=frame.index)
    texts = _texts(frame, at["kind_column"])
    names = texts.map(lambda text: "_".join(re.findall(r"[a-z0-9]+", text.lower())))
    bad = texts[~names.str.fullmatch(r"[a-z][a-z0-9_]*")]
    if len(bad):
        shown = places(grid, list(bad.index), at["kind_column"], list(map(shown_cell, bad)))
        where = f"{grid.column(at['kind_column'])}, {shown}"
        what = "is no kind of event"
        faults.append(Fault(where, what, "Events are chosen by their kind", "Write a word"))
    return names


def _confidences(
    grid: Grid, frame: pd.DataFrame, table: OwnTable, at: dict[str, int], faults: list[Fault]
) -> pd.Series:
    if "confidence" not in at:
        return pd.Series(table.confidence, index=frame.index)
    texts = _texts(frame, at["confidence"]).str.lower()
    bad = texts[~texts.isin(schemas.CONFIDENCES)]
    if len(bad):
        shown = places(grid, list(bad.index), at["confidence"], list(map(shown_cell, bad)))
        where = f"{grid.column(at['confidence'])}, {shown}"
        what = f"is not one of {', '.join(schemas.CONFIDENCES)}"
        faults.append(Fault(where, what, "", "Use one of these words"))
    return texts


def _ends_before_starts(grid: Grid, events: pd.DataFrame, at: dict[str, int]) -> list[Fault]:
    if "end_date" not in at:
        return []
    width = events[["start_date", "end_date"]].apply(lambda dates: dates.str.len().min(), axis=1)
    early = [
        int(str(row))
        for row, start, end, n in zip(
            events.index, events["start_date"], events["end_date"], width, strict=True
        )
        if end and end[: int(n)] < start[: int(n)]
    ]
    if not early:
        return []
    where = f"{grid.column(at['end_date'])}, {places(grid, early, at['end_date'])}"
    return [Fault(where, "ends before it starts", "", "Mend one of the two dates")]
