"""Open an unknown table: find its sheet and the row of its headings."""

from __future__ import annotations

from pathlib import Path

from evallib.errors import DataError, Fault, first_five
from evallib.panel.importers.layout import has_layout
from evallib.panel.importers.opening import open_file
from evallib.panel.importers.registry import SOURCES
from evallib.panel.own.databases import find_database, list_tables, read_table
from evallib.panel.own.files import header_row_of, is_text, read_grid, text_rows
from evallib.panel.own.guess_columns import find_roles
from evallib.panel.own.names import NameBook
from evallib.panel.own.proposal import Guess
from evallib.panel.own.years import plain_heading
from evallib.panel.sidecars import read_sidecar, sidecar_path
from evallib.plan.files import local_database, written_path
from evallib.plan.own_data import has_password
from evallib.plan.places import shown_path

_MOST_SHEETS = 40


def open_database(given: str, table: str | None, names: NameBook) -> Guess:
    """Open a table of a database, the only one unless `table` names it.

    Raises
    ------
    DataError
        If the database cannot be read, or it is not known which of its tables is meant.
    """
    address = find_database(given, None)
    if table is None:
        held = list_tables(address)
        if len(held) != 1:
            what = f"has {len(held)} tables: {first_five(held)}"
            raise _told(address.label, what, "Say which one with --table")
        table = held[0]
    grid = read_table(address, table, None, None)
    shown = given
    if not given.startswith("env:"):
        local = local_database(given)
        if local is not None and address.file is not None:
            shown = f"{local[0]}{written_path(address.file)}{local[2]}"
        elif has_password(given):
            shown = "env:MY_DATABASE"
    return Guess({"database": shown, "table": table}, 1, grid, find_roles(grid, names))


def open_table(path: Path, sheet: str | None, names: NameBook) -> Guess:
    """Open a file, of a workbook the only sheet with councils and figures unless it is named.

    Raises
    ------
    DataError
        If the file cannot be read, or it is not known which of its sheets is meant.
    """
    guess = _opened(path, sheet, names)
    sidecar = sidecar_path(path)
    if sidecar.is_file():
        about = read_sidecar(sidecar)
        guess.origin = {
            "publisher": about.publisher,
            "publication": about.publication,
            "licence": about.licence,
        }
    guess.facts += _official(path)
    return guess


def _official(path: Path) -> list[str]:
    """Say that a file is a publication for which there is an adaptor."""
    try:
        file = open_file(path)
    except DataError:
        return []
    return [
        f"this is a file of {name}: `evallib import {name} FILE --to FOLDER` reads it as "
        "published, and the table that it writes can be proposed like this one"
        for name, source in SOURCES.items()
        if any(has_layout(file, layout) for layout in source.layouts)
    ]


def _opened(path: Path, sheet: str | None, names: NameBook) -> Guess:
    source = {"file": written_path(path)}
    if is_text(path):
        row = header_row_of(text_rows(path, shown_path(path)))
        grid = read_grid(path, sheet, row)
        return Guess(source, row, grid, find_roles(grid, names))
    file = open_file(path)
    if file.book is None:
        grid = read_grid(path, sheet)
        return Guess(source, 1, grid, find_roles(grid, names))
    if sheet is not None or len(file.sheets) == 1:
        wanted = [one for one in file.sheets if sheet is None or _same(one, sheet)]
        row = header_row_of(file.rows(wanted[0])) if len(wanted) == 1 else 1
        grid = read_grid(path, sheet, row)
        more = {} if len(file.sheets) == 1 else {"sheet": wanted[0]}
        return Guess(source | more, row, grid, find_roles(grid, names))
    found: list[Guess] = []
    for name in file.sheets[:_MOST_SHEETS]:
        try:
            row = header_row_of(file.rows(name))
            grid = read_grid(path, name, row)
        except DataError:
            continue  # an empty sheet, or one of notes
        guess = Guess(source | {"sheet": name}, row, grid, find_roles(grid, names))
        if guess.roles.council is not None and (guess.roles.figures or guess.is_register):
            found.append(guess)
    if len(found) != 1:
        listed = first_five([f"'{one.source['sheet']}'" for one in found] or list(file.sheets))
        what = f"{len(found)} of its {len(file.sheets)} sheets hold councils and figures: {listed}"
        raise _told(shown_path(path), what, "Say which one with --sheet")
    others = len(file.sheets) - 1
    found[0].facts.append(f"the only one of {others + 1} sheets that holds councils and figures")
    return found[0]


def _same(name: str, wanted: str) -> bool:
    return plain_heading(name) == plain_heading(wanted)


def _told(label: str, what: str, remedy: str) -> DataError:
    return DataError([Fault(label, what, "", remedy)])
