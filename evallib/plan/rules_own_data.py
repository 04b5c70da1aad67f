"""The rules between values of tables of one's own."""

from __future__ import annotations

from collections.abc import Iterator

from evallib.plan.broken import Broken, Known
from evallib.plan.own_data import YEAR, OwnTable
from evallib.plan.reading import Loc

_FIGURES = ("year", "year_means", "measure", "missing")
_EVENTS = ("kind", "kind_column", "start_date", "end_date", "note", "complete")


def own_data_rules(known: Known) -> Iterator[Broken]:
    """Yield what is wrong with tables of one's own: keys without a use, names taken twice."""
    tables: list[tuple[int, OwnTable]] = list(known["own_data"])
    for at, table in tables:
        here: Loc = ("own_data", at)
        yield from _place(here, table)
        if bool(table.indicators) == (table.register is not None):
            yield Broken(
                here,
                "needs either indicators or a register"
                + (", not both" if table.indicators else ""),
                "a table holds figures or dates of events",
                "list indicators, or name a register; give a table twice where it holds both",
            )
        elif table.indicators:
            yield from _figures(here, table)
        else:
            yield from _events(here, table)
    yield from _names_once(tables)


def _place(here: Loc, table: OwnTable) -> Iterator[Broken]:
    if (table.file is None) == (table.database is None):
        both = " (both are given)" if table.file else ""
        yield Broken(here, f"needs either file or database{both}", "", "give one of the two")
        return
    if table.database is not None and table.table is None:
        yield Broken(here, "names no table of the database", "", "add table: ...")
    unused = ("sheet",) if table.database else ("table", "table_schema")
    for key in unused:
        if getattr(table, key) is not None:
            owner = "files" if table.database else "databases"
            what = f"is a key of {owner}"
            yield Broken((*here, key), what, "it would be ignored", f"leave {key} out")
    if table.header_row < 1 or (table.database and table.header_row != 1):
        remedy = "leave header_row out" if table.database else "write 1 or more"
        yield Broken((*here, "header_row"), f"is {table.header_row}", "", remedy)


def _figures(here: Loc, table: OwnTable) -> Iterator[Broken]:
    yield from _without_use(here, table, _EVENTS, "a register")
    wide = [YEAR in one.column for one in table.indicators]
    if table.is_wide and table.year is not None:
        yield Broken(
            (*here, "year"),
            f"a year column is given although headings hold {YEAR}",
            "a figure would have two years",
            "leave year out, or name columns without {year}",
        )
    elif table.is_wide and not all(wide):
        column = table.indicators[wide.index(False)].column
        yield Broken(
            (*here, "indicators", wide.index(False), "column"),
            f"'{column}' has no {YEAR}, although other headings have",
            "its figures would have no year",
            "give the table twice, once with a year column",
        )
    elif not table.is_wide and table.year is None:
        yield Broken(
            here,
            "names no year column",
            "a figure without a year cannot be placed",
            f"add year: ..., or write {YEAR} where the year stands in the headings",
        )
    seen: set[tuple[str, str | None]] = set()
    for number, one in enumerate(table.indicators):
        place = (*here, "indicators", number)
        if (one.measure is None) != (table.measure is None):
            what = "has a measure, but the table no measure column"
            if one.measure is None:
                what = "has no measure, although the table has a measure column"
            remedy = "give both: measure: HEADING on the table, measure: TEXT on the indicator"
            yield Broken((*place, "measure"), what, "its rows could not be told", remedy)
        if (one.column, one.measure) in seen:
            what = f"the figures of '{one.column}' are taken twice"
            yield Broken((*place, "column"), what, "", "keep one of the two")
        seen.add((one.column, one.measure))
        if one.times is not None and one.times == 0:
            yield Broken((*place, "times"), "is 0", "every figure would be 0", "mend the number")


def _events(here: Loc, table: OwnTable) -> Iterator[Broken]:
    yield from _without_use(here, table, _FIGURES, "indicators")
    if table.start_date is None:
        yield Broken(here, "names no start_date", "an event needs a date", "add start_date: ...")
    if (table.kind is None) == (table.kind_column is None):
        yield Broken(
            here,
            "needs either kind or kind_column",
            "events are chosen by their kind",
            "write kind: my_visit for all rows, or kind_column: HEADING",
        )


def _without_use(here: Loc, table: OwnTable, keys: tuple[str, ...], other: str) -> Iterator[Broken]:
    for key in keys:
        if getattr(table, key):
            what = f"is a key of tables with {other}"
            yield Broken((*here, key), what, "it would be ignored", f"leave {key} out")


def _names_once(tables: list[tuple[int, OwnTable]]) -> Iterator[Broken]:
    seen: dict[tuple[str, str], Loc] = {}
    for at, table in tables:
        named: list[tuple[str, str, Loc]] = [
            ("indicator", one.name, ("own_data", at, "indicators", number, "name"))
            for number, one in enumerate(table.indicators)
        ]
        if table.register is not None:
            named.append(("register", table.register, ("own_data", at, "register")))
        for what, name, loc in named:
            if (what, name) in seen:
                yield Broken(
                    loc,
                    f"'{name}' is the name of two {what}s",
                    "figures and events are found by this name",
                    "choose another name",
                )
            seen.setdefault((what, name), loc)
