"""Add the tables of one's own that a plan names to the tables of the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import DataError, Fault, did_you_mean
from evallib.panel.codes import follow_table
from evallib.panel.derived.names import all_indicators
from evallib.panel.figures import ONLY_ADDED_UP, flag_recast
from evallib.panel.own.councils import Register
from evallib.panel.own.databases import find_database, read_table
from evallib.panel.own.events import take_events
from evallib.panel.own.figures import take_figures
from evallib.panel.own.files import file_label, read_grid
from evallib.panel.own.grid import Grid
from evallib.panel.own.names import NameBook
from evallib.panel.own.percentages import PERCENT, is_percent
from evallib.panel.own.settled import read_settled
from evallib.panel.own.years import plain_heading
from evallib.panel.periods import CALENDAR_YEAR, PeriodRule, period_rule
from evallib.panel.sidecars import OGL_ATTRIBUTION
from evallib.panel.store import Store
from evallib.plan import Plan, shown_path
from evallib.plan.files import find_file
from evallib.plan.own_data import CALENDAR, OwnIndicator, OwnTable, default_basis
from evallib.plan.years import parse_financial_year


def with_own_data(plan: Plan, store: Store) -> Store:
    """Return a store that also holds the tables of one's own that a plan names.

    Parameters
    ----------
    plan : Plan
        The evaluation; `own_data` lists the tables.
    store : Store
        The project's tables; not changed.

    Returns
    -------
    Store
        With the figures, the catalogue's rows, the registers, and an input a table: its sha256,
        publisher and licence. The store itself where the plan names no table.

    Raises
    ------
    DataError
        With every problem of every table: a file that cannot be read, a column that is missing,
        a council, year or figure that cannot be told, a figure that stands twice, a name that is
        taken.
    """
    if not plan.own_data:
        return store
    names = NameBook(store.councils, store.code_changes)
    faults = _taken_names(plan, store)
    rows: list[dict[str, str]] = []
    rules: dict[str, PeriodRule] = {}
    figures: list[pd.DataFrame] = []
    registers: dict[str, pd.DataFrame] = {}
    inputs: list[Mapping[str, Any]] = []
    notes: list[str] = []
    for at, table in enumerate(plan.own_data):
        for number, one in enumerate(table.indicators):
            where = f"{_label(plan)}, own_data[{at}].indicators[{number}]"
            try:
                rules[one.name] = _rule(one, table, where)
            except DataError as error:
                faults += error.faults
            rows.append(_catalogue_row(one, table))
        try:
            grid, register = _open(plan, at, table, store, names)
        except DataError as error:
            faults += error.faults
            continue
        notes += _uncorrected(grid, table, store)
        taken = (take_figures if table.indicators else take_events)(grid, table, register)
        faults += taken.faults
        notes += taken.notes
        inputs.append(_input(grid, table))
        if table.register is not None:
            registers[table.register] = taken.figures
        else:
            figures.append(taken.figures)
    if faults:
        raise DataError(faults)
    return _joined(plan, store, rows, rules, figures, registers, inputs, notes)


def _label(plan: Plan) -> str:
    return shown_path(plan.path) if plan.path else plan.name


def _joined(
    plan: Plan,
    store: Store,
    rows: list[dict[str, str]],
    rules: dict[str, PeriodRule],
    figures: list[pd.DataFrame],
    registers: Mapping[str, pd.DataFrame],
    inputs: list[Mapping[str, Any]],
    notes: list[str],
) -> Store:
    """Return the store with everything that was taken."""
    base = store.without({one.name for t in plan.own_data for one in t.indicators if one.replaces})
    catalogue = base.catalogue.with_rows(pd.DataFrame(rows), rules, _own_breaks(plan))
    aside: list[tuple[str, str, int]] = []
    parts, gone = [], [base.former]
    for part in figures:
        followed, merged = follow_table(part, store.book)
        parts.append(followed)
        if len(merged):
            aside.append((str(merged["file"].iloc[0]), ONLY_ADDED_UP, len(merged)))
            gone.append(flag_recast(merged, store.councils, catalogue.rules))
    for name, events in registers.items():
        reasons = events["set_aside"].value_counts().drop("", errors="ignore")
        aside += [(f"{name}.csv", str(why), int(count)) for why, count in reasons.items()]
    joined = base.with_tables(
        figures=pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(),
        catalogue=catalogue,
        registers=registers,
        complete={
            table.register: table.complete
            for table in plan.own_data
            if table.register is not None and table.complete is not None
        },
        inputs=inputs,
    ).with_record(notes=[*notes, *_idle(plan)])
    more = pd.DataFrame(aside, columns=store.first_aside.columns)
    return replace(
        joined,
        former=pd.concat(gone, ignore_index=True),
        first_aside=pd.concat([store.first_aside, more], ignore_index=True)
        if aside
        else (store.first_aside),
    )


def _open(
    plan: Plan, at: int, table: OwnTable, store: Store, names: NameBook
) -> tuple[Grid, Register]:
    """Read a table's cells and its names file; the faults of both come together."""
    faults: list[Fault] = []
    settled: dict[str, str] = {}
    settled_in = ""
    grid: Grid | None = None
    where = f"{_label(plan)}, own_data[{at}]"
    if table.names is not None:
        try:
            path = _file(table.names, plan, f"{where}.names")
            settled, settled_in = read_settled(path, store.book), file_label(path)
        except DataError as error:
            faults += error.faults
    try:
        if table.database is not None:
            address = find_database(table.database, plan.path)
            wanted = _headings(table)
            grid = read_table(address, str(table.table), table.table_schema, wanted)
        else:
            path = _file(str(table.file), plan, f"{where}.file")
            grid = read_grid(path, table.sheet, table.header_row)
    except DataError as error:
        faults += error.faults
    if faults or grid is None:
        raise DataError(faults)
    leave_out = frozenset(plain_heading(text) for text in table.leave_out)
    as_of = parse_financial_year(table.names_as_of) if table.names_as_of else None
    return grid, Register(store.book, names, settled, settled_in, leave_out, as_of)


def _file(name: str, plan: Plan, where: str) -> Path:
    found = find_file(name, plan.path)
    if found is None:
        what = f"there is no file {name}"
        remedy = "Give its path from the plan's folder, the project's or the working folder"
        raise DataError([Fault(where, what, "", remedy)])
    return found


def _headings(table: OwnTable) -> list[str] | None:
    """Return the headings that a mapping needs; None where they hold years."""
    if table.is_wide:
        return None
    keys = (table.council, table.year, table.measure, table.start_date, table.end_date)
    more = (table.kind_column, table.note, table.confidence)
    columns = [one.column for one in table.indicators]
    return [heading for heading in (*keys, *more, *columns) if heading is not None]


def _taken_names(plan: Plan, store: Store) -> list[Fault]:
    """Return faults where a name of one's own is that of a shipped indicator or register."""
    known = set(store.catalogue.names)
    own = {one.name for table in plan.own_data for one in table.indicators}
    faults = []
    for at, table in enumerate(plan.own_data):
        for number, one in enumerate(table.indicators):
            where = f"{_label(plan)}, own_data[{at}].indicators[{number}]"
            if one.name in known and not one.replaces:
                what = f"'{one.name}' is an indicator of {store.label}"
                why = "Two sources would be mixed in one series"
                remedy = "Choose another name, or write replaces: true to use yours in its place"
                faults.append(Fault(f"{where}.name", what, why, remedy))
            if one.replaces and one.name not in known:
                what = f"'{one.name}' is no indicator of {store.label}."
                what += did_you_mean(one.name, known)
                faults.append(Fault(f"{where}.replaces", what, "", "Leave replaces out"))
            if one.denominator is not None and one.denominator not in known | own:
                what = f"'{one.denominator}' is no indicator."
                what += did_you_mean(one.denominator, known | own)
                remedy = "Name an indicator of indicators.csv or of own_data, or leave it out"
                faults.append(Fault(f"{where}.denominator", what, "", remedy))
        if table.register is not None and table.register in store.registers:
            what = f"'{table.register}' is a register of {store.label}"
            why = "Two registers would be mixed"
            where = f"{_label(plan)}, own_data[{at}].register"
            faults.append(Fault(where, what, why, "Choose another name"))
    return faults


def _rule(one: OwnIndicator, table: OwnTable, where: str) -> PeriodRule:
    basis = one.period_basis or default_basis(table.year_means)
    rule = period_rule(basis, one.name, where)
    if table.year_means == CALENDAR and rule != CALENDAR_YEAR:
        what = f"period_basis is '{basis}', but year_means says {CALENDAR}"
        why = "An event in January to March would fall on the wrong side of a figure"
        raise DataError([Fault(where, what, why, "Leave one of the two out")])
    return rule


def _uncorrected(grid: Grid, table: OwnTable, store: Store) -> list[str]:
    """Say how many corrections of shipped figures are not applied to those that replace them."""
    names = [one.name for one in table.indicators if one.replaces]
    counts = store.all_corrections["indicator"].value_counts().reindex(names).dropna()
    return [
        f"{grid.file}: {int(count)} rows of corrections.csv mend the shipped figures of {name}; "
        "they are not applied to these."
        for name, count in counts.items()
    ]


def _idle(plan: Plan) -> list[str]:
    """Say which of one's own indicators and registers the plan uses for nothing."""
    registers = {plan.register, plan.concurrent.register if plan.concurrent else ""}
    held = [one.name for table in plan.own_data for one in table.indicators]
    lists = [table.register for table in plan.own_data if table.register]
    notes = []
    if unused := [name for name in held if name not in all_indicators(plan)]:
        notes.append(f"own_data: no outcome of the plan uses {', '.join(unused)}.")
    if unused := [name for name in lists if name not in registers]:
        notes.append(f"own_data: the plan's register is not {', '.join(unused)}.")
    return notes


def _own_breaks(plan: Plan) -> pd.DataFrame:
    """Return the dated breaks of one's own series, with the columns of `Catalogue.breaks`."""
    rows = [
        (one.name, b.first_year_after, parse_financial_year(b.first_year_after), "basis", b.what)
        for table in plan.own_data
        for one in table.indicators
        for b in one.breaks
    ]
    columns = ["indicator", "first_year_after", "first_period_after", "kind", "what"]
    return pd.DataFrame(rows, columns=columns)


def _catalogue_row(one: OwnIndicator, table: OwnTable) -> dict[str, str]:
    return {
        "indicator": one.name,
        "title": one.title,
        "unit": PERCENT if is_percent(one.unit) else one.unit,
        "polarity": one.polarity,
        "scale_by": one.denominator or "",
        "reporting_tier": one.reporting_tier,
        "period_basis": one.period_basis or default_basis(table.year_means),
        "publisher": table.publisher,
        "publication": table.publication,
        "licence": table.licence,
        "known_breaks": "; ".join(f"{b.what} from {b.first_year_after}" for b in one.breaks),
    }


def _input(grid: Grid, table: OwnTable) -> dict[str, Any]:
    return {
        "file": grid.file,
        "sha256": grid.sha256,
        "rows": len(grid.frame),
        "publisher": table.publisher,
        "publication": table.publication,
        "licence": table.licence,
        "accessed": "not recorded",
        "attribution": OGL_ATTRIBUTION if table.licence == "OGL-UK-3.0" else "",
    }
