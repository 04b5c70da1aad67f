"""Read a table of a database as cells under headings; nothing is ever written to it."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import pandas as pd

from evallib.errors import DataError, Fault, did_you_mean, first_five
from evallib.panel.own.files import file_label
from evallib.panel.own.grid import Grid
from evallib.panel.own.years import plain_heading
from evallib.plan.files import find_file, local_database

_MEND = "Mend the URL: duckdb:///FILE, sqlite:///FILE, or one of SQLAlchemy's"
_DUCKDB: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is.

    Parameters
    ----------
    url : str
        The URL, password and all: never shown.
    label : str
        How messages name it: without login, password and options.
    file : pathlib.Path or None
        The file of a database that is one.
    """

    url: str
    label: str
    file: Path | None

    @property
    def is_duckdb(self) -> bool:
        """Whether it is a DuckDB file."""
        return self.url.startswith("duckdb:")


class Door(Protocol):
    """A database that is open for reading."""

    def tables(self, schema: str | None) -> list[str]:
        """Return the names of its tables and views."""

    def columns(self, table: str, schema: str | None) -> list[str]:
        """Return the names of a table's columns."""

    def rows(self, table: str, schema: str | None, columns: Sequence[str]) -> list[list[Any]]:
        """Return the rows of some columns."""


def find_database(given: str, plan_path: Path | None) -> Address:
    """Return the address of a database that a plan or a command names.

    Parameters
    ----------
    given : str
        A URL, or ``env:NAME`` for one that stands in the environment.
    plan_path : pathlib.Path or None
        The plan's file, from which a relative path of a database's file is looked for first.

    Raises
    ------
    DataError
        If the environment has no such name, the URL is none, or its file does not exist.
    """
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError

    url, shown, hidden = given, "database", ""
    if given.startswith("env:"):
        name = given.removeprefix("env:")
        url, shown, hidden = os.environ.get(name, ""), given, given
        if not url:
            what = f"the environment has no {name}"
            raise _told(shown, what, f"Set it before the command: export {name}=...")
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        raise _told(shown, "is no database's URL", _MEND) from None
    local = local_database(url)
    if local is None:
        if parsed.drivername.partition("+")[0] in {"duckdb", "sqlite"}:
            raise _told(f"{parsed.drivername} database", "names no file", _MEND)
        place = "/".join(part for part in (parsed.host or "", parsed.database or "") if part)
        return Address(url, hidden or f"{parsed.drivername}://{place}", None)
    file = find_file(local[1], plan_path)
    if file is None:
        what = f"there is no database file {Path(local[1]).name}"
        remedy = "Give its path from the plan's folder, the project's or the working folder"
        raise _told(f"{local[0]}{local[1]}", what, remedy)
    return Address(url, hidden or f"{local[0]}{file_label(file)}", file)


def read_table(
    address: Address, table: str, schema: str | None, columns: Sequence[str] | None
) -> Grid:
    """Read some columns of a table.

    Parameters
    ----------
    address : Address
        The database; a file is opened for reading only.
    table, schema : str
        The table or view, by the name that the database knows: it is looked up in the list of
        tables, and never becomes a part of a statement unless it stands there.
    columns : sequence of str or None
        Headings that are needed, case apart; columns that the table lacks are left out. All
        unless given.

    Returns
    -------
    Grid
        The rows in a fixed order; its sha256 is that of these rows.

    Raises
    ------
    DataError
        If the database cannot be opened or read, or has no such table.
    """
    label = f"{address.label}, table {table}"
    with _open(address) as door, _told_as_fault(address):
        known = door.tables(schema)
        if table not in known:
            listed = first_five(sorted(known)) if known else "none"
            what = f"has no table {table!r} (it has: {listed}).{did_you_mean(table, known)}"
            remedy = "Mend table; table_schema names another schema"
            raise _told(address.label, what, remedy)
        held = door.columns(table, schema)
        wanted = None if columns is None else {plain_heading(name) for name in columns}
        taken = [name for name in held if wanted is None or plain_heading(name) in wanted]
        rows = door.rows(table, schema, taken) if taken else []
    rows = sorted(([_plain(cell) for cell in row] for row in rows), key=_canonical)
    if taken and not rows:
        raise _told(label, "has no rows", "Name another table")
    text = "\n".join([json.dumps(taken), *map(_canonical, rows)])
    frame = pd.DataFrame(
        rows if rows else [[]],  # no column that is needed: the caller says which are missing
        columns=[held.index(name) for name in taken],
        dtype=object,
    )
    frame = frame.reindex(columns=pd.RangeIndex(len(held)))
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Grid(label, label, tuple(held), frame, "row", digest)


def list_tables(address: Address, schema: str | None = None) -> list[str]:
    """Return the names of a database's tables and views, in order."""
    with _open(address) as door, _told_as_fault(address):
        return sorted(door.tables(schema))


def _canonical(row: list[Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)


def _plain(cell: Any) -> Any:
    if isinstance(cell, decimal.Decimal):
        return float(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date()
    return cell


@contextmanager
def _open(address: Address) -> Iterator[Door]:
    door = _Duckdb(address) if address.is_duckdb else _Sqlalchemy(address)
    try:
        yield door
    finally:
        door.close()


class _Duckdb:
    def __init__(self, address: Address) -> None:
        import duckdb

        with _told_as_fault(address):
            self._open = duckdb.connect(str(address.file), read_only=True, config=_DUCKDB)

    def tables(self, schema: str | None) -> list[str]:
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = ?"
        return [str(name) for (name,) in self._open.execute(sql, [schema or "main"]).fetchall()]

    def columns(self, table: str, schema: str | None) -> list[str]:
        sql = (
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position"
        )
        found = self._open.execute(sql, [schema or "main", table]).fetchall()
        return [str(name) for (name,) in found]

    def rows(self, table: str, schema: str | None, columns: Sequence[str]) -> list[list[Any]]:
        names = ", ".join(map(_quoted, columns))
        sql = f"SELECT {names} FROM {_quoted(schema or 'main')}.{_quoted(table)}"  # noqa: S608
        return [list(row) for row in self._open.execute(sql).fetchall()]

    def close(self) -> None:
        self._open.close()


def _quoted(name: str) -> str:
    """Return an identifier in quotation marks, those within it doubled."""
    return '"' + name.replace('"', '""') + '"'


class _Sqlalchemy:
    def __init__(self, address: Address) -> None:
        import sqlalchemy

        url = sqlalchemy.make_url(address.url)
        if address.file is not None:
            url = url.set(
                database=f"file:{quote(address.file.as_posix())}",
                query={**url.query, "mode": "ro", "uri": "true"},
            )
        with _told_as_fault(address):
            self._engine = sqlalchemy.create_engine(url)
            options = {"postgresql_readonly": True} if "postgresql" in url.drivername else {}
            self._open = self._engine.connect().execution_options(**options)

    def tables(self, schema: str | None) -> list[str]:
        import sqlalchemy

        found = sqlalchemy.inspect(self._open)
        return [*found.get_table_names(schema), *found.get_view_names(schema)]

    def columns(self, table: str, schema: str | None) -> list[str]:
        import sqlalchemy

        return [
            str(one["name"]) for one in sqlalchemy.inspect(self._open).get_columns(table, schema)
        ]

    def rows(self, table: str, schema: str | None, columns: Sequence[str]) -> list[list[Any]]:
        import sqlalchemy

        source = sqlalchemy.table(
            table, *(sqlalchemy.column(name) for name in columns), schema=schema
        )
        return [list(row) for row in self._open.execute(sqlalchemy.select(source))]

    def close(self) -> None:
        if hasattr(self, "_open"):
            self._open.close()
        if hasattr(self, "_engine"):
            self._engine.dispose()


@contextmanager
def _told_as_fault(address: Address) -> Iterator[None]:
    """Turn what a database's driver raises into a fault without the URL's login."""
    import duckdb
    import sqlalchemy
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

    try:
        yield
    except NoSuchModuleError:
        kind = address.url.partition(":")[0]
        raise _told(
            address.label, f"'{kind}' is no kind of database that is known", _MEND
        ) from None
    except ModuleNotFoundError as error:
        what = f"the driver {error.name} is not installed"
        remedy = "Install it beside the project, or export the table as CSV or Parquet"
        raise _told(address.label, what, remedy) from None
    except (SQLAlchemyError, duckdb.Error, OSError) as error:
        first = str(getattr(error, "orig", None) or error).strip().splitlines() or [""]
        secret = None if address.is_duckdb else sqlalchemy.make_url(address.url).password
        reason = first[0].replace(str(secret), "...") if secret else first[0]
        what = f"the database cannot be read ({reason[:200].rstrip('. ')})"
        raise _told(address.label, what, "Check that it runs and that you may read it") from None


def _told(label: str, what: str, remedy: str) -> DataError:
    return DataError([Fault(label, what, "", remedy)])
