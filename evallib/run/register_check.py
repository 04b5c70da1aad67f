"""Check a completed list of gaps, or rows for a register, and say what they would change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from evallib.errors import DataError, Fault
from evallib.exposure import Exposure, build_exposure
from evallib.exposure.events import NEVER, NONE_BETWEEN, read_events
from evallib.panel import schemas
from evallib.panel.build import Panel
from evallib.panel.complete import speaks_of
from evallib.panel.plan_faults import find_complete
from evallib.panel.reading import read_text_table
from evallib.panel.register_rules import kind_faults
from evallib.panel.registers import follow_register, register_facts
from evallib.panel.store import Store
from evallib.plan import Plan
from evallib.plan.complete import Complete
from evallib.run.register_answers import (
    as_register_rows,
    is_completed_list,
    well_formed,
    which_register,
)
from evallib.run.register_faults import new_row_faults, new_row_notes

STATUSES = ("in_window", "later", "none_by_date", "no_record", "exposed_date_unknown")


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """Rows that may be put into a register.

    Parameters
    ----------
    register : str
        The register that they belong to.
    rows : pandas.DataFrame
        In the register's schema.
    counts : mapping of str to int
        How many answers of each kind the file held.
    notes : tuple of str
        What is no fault but worth a look.
    """

    register: str
    rows: pd.DataFrame
    counts: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What the rows would change in an evaluation.

    Parameters
    ----------
    statuses : pandas.DataFrame
        status, before, after: councils by what is known of their exposure.
    cohorts : pandas.DataFrame
        event_year, before, after: councils with a dated first event in the studied years.
    become_known : pandas.DataFrame
        council_name, before, after, event_year: councils whose exposure is known with the rows.
    """

    statuses: pd.DataFrame
    cohorts: pd.DataFrame
    become_known: pd.DataFrame


def check_rows(path: Path, store: Store, plan: Plan | None = None) -> CheckedRows:
    """Check a file of answers or of register rows.

    Parameters
    ----------
    path : pathlib.Path
        A completed list of `evallib register-gaps`, or a CSV in the schema of a register.
    store : Store
        The tables; the rows are held against the register that they belong to.
    plan : Plan, optional
        Names the register; otherwise the register that holds the kinds of the rows.

    Returns
    -------
    CheckedRows
        The rows in the register's schema.

    Raises
    ------
    DataError
        With every problem of the file: one line a problem.
    """
    label = str(path)
    text = read_text_table(path, label)
    # A text that a spreadsheet program would have run stands behind an apostrophe.
    text = text.apply(lambda cells: cells.str.replace(r"^'(?=[=+\-@])", "", regex=True).str.strip())
    faults: list[Fault] = []
    if is_completed_list(text):
        table, counts, faults = as_register_rows(text, store, label)
    else:
        lacking = [name for name in schemas.REGISTER.columns if name not in text.columns]
        if lacking:
            raise DataError(schemas.check_table(text, schemas.REGISTER, label))
        table, faults = well_formed(text[list(schemas.REGISTER.columns)], label)
        counts = {"rows": len(text)}
        on_file = _on_file(table, store)
        counts["on_file"] = int(on_file.sum())
        table = table[~on_file]
    kinds = set(text["kind"]) if "kind" in text else set(table["kind"])
    name, unknown = which_register(kinds, store, plan, label)
    if unknown is not None:
        raise DataError([*faults, unknown])
    facts = register_facts(store.folder / f"{name}.csv")
    faults += kind_faults(table, label, facts) if facts is not None else []
    rows, found = follow_register(table, store.book, label)
    faults += found
    faults += new_row_faults(rows, store, name, label) if len(rows) else []
    if faults:
        raise DataError(faults)
    notes = new_row_notes(rows, store, name, label) if len(rows) else []
    notes += _against_declaration(rows, find_complete(store, name), name, label)
    return CheckedRows(name, table.reset_index(drop=True), counts, tuple(notes))


def _against_declaration(
    rows: pd.DataFrame, complete: Complete | None, register: str, label: str
) -> list[str]:
    """Say which new rows are events that the register would have, were it as complete as said."""
    if complete is None or rows.empty:
        return []
    events = read_events(rows).assign(line=rows.index[rows["set_aside"] == ""])
    lacking = speaks_of(complete, events["kind"], events["earliest"], events["latest"])
    lacking &= ~events["kind"].isin([NEVER, NONE_BETWEEN])
    return [
        f"{label}, line {line}, {name}: {register} is declared complete from {complete.first_day} "
        f"to {complete.last_day} and lacks this event; the declaration does not hold"
        for line, name in events.loc[lacking, ["line", "council_name"]].itertuples(index=False)
    ]


def _on_file(table: pd.DataFrame, store: Store) -> pd.Series:
    """Return which rows are those of a register as they stand: a copy to which rows were added."""
    columns = list(schemas.REGISTER.columns)
    held = pd.concat([register[columns] for register in store.registers.values()])
    own = table.assign(council_code=store.book.follow(table["council_code"]))[columns]
    known = set(held.itertuples(index=False, name=None))
    rows = [row in known for row in own.itertuples(index=False, name=None)]
    return pd.Series(rows, index=table.index, dtype=bool)


def what_changes(plan: Plan, panel: Panel, exposure: Exposure, checked: CheckedRows) -> Change:
    """Say what rows would change in an evaluation if they were in its register.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel, exposure
        Its panel and exposure as they are.
    checked : CheckedRows
        Rows without a fault.
    """
    store = panel.store
    added, _ = follow_register(checked.rows, store.book, "the new rows")
    both = pd.concat([store.registers[checked.register], added], ignore_index=True)
    registers = {**store.registers, checked.register: both}
    wider = replace(panel, store=replace(store, registers=registers))
    before, after = exposure.councils, build_exposure(plan, wider).councils
    counts = pd.DataFrame(
        {
            "before": before["status"].value_counts(),
            "after": after["status"].value_counts(),
        }
    )
    statuses = counts.reindex(list(STATUSES)).fillna(0).astype(int).rename_axis("status")
    cohorts = pd.DataFrame(
        {
            "before": _cohorts(before),
            "after": _cohorts(after),
        }
    )
    both_ways = before[["council_code", "council_name", "status"]].merge(
        after[["council_code", "status", "event_year"]], on="council_code", suffixes=("", "_after")
    )
    unknown = ["no_record", "exposed_date_unknown"]
    gained = both_ways["status"].isin(unknown) & ~both_ways["status_after"].isin(unknown)
    known = both_ways.loc[gained, ["council_name", "status", "status_after", "event_year"]]
    known.columns = pd.Index(["council_name", "before", "after", "event_year"])
    return Change(
        statuses.reset_index(),
        cohorts.fillna(0).astype(int).rename_axis("event_year").reset_index(),
        known.reset_index(drop=True),
    )


def _cohorts(councils: pd.DataFrame) -> pd.Series:
    dated = councils["status"].isin(["in_window", "later"])
    return councils.loc[dated, "event_year"].value_counts().sort_index()
