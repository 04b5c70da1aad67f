"""Write a proposed mapping as a commented block of a plan, and the doubtful names as a table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import yaml

from evallib.panel.own.date_columns import read_dates
from evallib.panel.own.proposal import Guess, Proposed
from evallib.panel.own.year_columns import year_positions
from evallib.panel.own.years import plain_heading
from evallib.plan.own_data import CALENDAR, CHANGE_ME, ENDING, STARTING, YEAR

_WIDTH = 96
_POLARITY = "higher, lower or none: which way is better"
_UNIT = "like percent, GBP thousand or visits"


def block_lines(guess: Guess, names_file: str) -> Iterator[str]:
    """Yield the block of a plan, line by line; everything that is no YAML is a comment.

    Parameters
    ----------
    guess : Guess
        What could be told.
    names_file : str
        Where the doubtful names stand; empty where they are not written.

    Yields
    ------
    str
        Lines of a document that `yaml.safe_load` reads.
    """
    yield from _comment(
        "Proposed by `evallib import --guess`. Read every line, fill in what says "
        f"{CHANGE_ME}, take out what you do not need, and put the block into a plan."
    )
    for fact in (*guess.facts, *_mend_first(guess)):
        yield from _comment(f"- {fact}")
    yield "own_data:"
    yield from _first_key(guess)
    yield from (f"    {line}" for line in _table_lines(guess, names_file))
    notes = {"licence": "OGL-UK-3.0 carries its attribution"}
    for key in ("publisher", "publication", "licence"):
        yield "    " + _line(key, guess.origin.get(key, "not recorded"), notes.get(key, ""))
    if guess.roles.unused:
        headings = ", ".join(f"'{name}'" for name in guess.roles.unused)
        yield from _comment(f"Not used: {headings}")


def _mend_first(guess: Guess) -> list[str]:
    roles = guess.roles
    used = [n for n in (roles.council, roles.year, roles.date, roles.measure) if n is not None]
    used += [n for one in roles.figures for n in one.positions]
    faults = guess.grid.unsure_cells(used)
    for one in roles.figures:
        if YEAR in one.column:
            year_positions(guess.grid, one.column, "column", faults)
    if guess.is_register:
        texts = guess.grid.frame[roles.council or 0].map(lambda cell: plain_heading(str(cell)))
        rows = guess.grid.frame[~texts.isin([plain_heading(text) for text in guess.leave_out])]
        read_dates(guess.grid, rows, roles.date, faults, optional=False)
    return [f"mend first: {fault.where}: {fault.what}. {fault.remedy}" for fault in faults]


def _first_key(guess: Guess) -> Iterator[str]:
    prefix = "  - "
    for key, value in guess.source.items():
        shown = value
        note = "put its URL there" if value == "env:MY_DATABASE" else ""
        yield prefix + _line(key, shown, note)
        prefix = "    "
    if guess.header_row != 1:
        above = guess.header_row - 1
        rows = "row stands" if above == 1 else "rows stand"
        yield prefix + _line("header_row", guess.header_row, f"{above} {rows} above the headings")


def _table_lines(guess: Guess, names_file: str) -> Iterator[str]:
    roles, header = guess.roles, guess.grid.header
    kind = "codes" if roles.is_code else "names"
    yield _line("council", header[roles.council or 0], kind)
    if len(guess.doubtful):
        if names_file:
            yield _line("names", names_file, "fill in its column code first")
        else:
            yield from _comment("names: add --to FOLDER to write the doubtful names to a file")
        for row in guess.doubtful.head(10).to_dict("records"):
            may = f": {row['candidates']}" if row["candidates"] else ""
            yield from _comment(f"  doubtful: '{row['name']}', {row['rows']} rows{may}")
        if len(guess.doubtful) > 10:
            yield from _comment(f"  and {len(guess.doubtful) - 10} more")
    if guess.is_recast:
        note = "councils have figures before they existed: on the boundaries of which year?"
        yield _line("names_as_of", CHANGE_ME, note)
    if guess.leave_out:
        yield _line("leave_out", guess.leave_out, "no councils")
    if guess.is_register:
        yield from _event_lines(guess)
        return
    if guess.missing:
        counts = ", ".join(f"'{mark}' {count} times" for mark, count in guess.missing.items())
        yield _line("missing", list(guess.missing), f"{counts}: figures that are missing?")
    if roles.year is not None:
        yield _line("year", header[roles.year])
    elif not roles.has_years:
        yield _line("year", CHANGE_ME, "no column holds years: name it, or add one to the table")
    if guess.single_years:
        yield _line("year_means", CHANGE_ME, f"{CALENDAR}, {STARTING} or {ENDING}")
    if roles.measure is not None:
        yield _line("measure", header[roles.measure])
    elif roles.is_ambiguous:
        note = "a council has several figures for a year: which column tells them apart?"
        yield _line("measure", CHANGE_ME, note)
    yield "indicators:"
    for one in guess.indicators:
        yield from _indicator_lines(one)


def _indicator_lines(one: Proposed) -> Iterator[str]:
    note = "{year} stands for the years of the headings" if YEAR in one.column else ""
    yield "  - " + _line("column", one.column, note)
    if one.measure:
        yield "    " + _line("measure", one.measure)
    yield "    " + _line("name", one.name)
    yield "    " + _line("title", one.title or CHANGE_ME, "" if one.title else "in words")
    yield "    " + _line("unit", one.unit or CHANGE_ME, "" if one.unit else _UNIT)
    yield "    " + _line("polarity", one.polarity or CHANGE_ME, "" if one.polarity else _POLARITY)
    if one.period_basis:
        yield "    " + _line("period_basis", one.period_basis)
    if one.times is not None:
        yield "    " + _line("times", int(one.times), "all figures lie between 0 and 1: shares?")
    if one.replaces:
        yield "    " + _line("replaces", True, "in the place of the shipped figures of that name")


def _event_lines(guess: Guess) -> Iterator[str]:
    stem = Path(guess.source.get("file") or guess.source.get("table") or "my_events").stem
    words = "".join(letter if letter.isalnum() else " " for letter in stem.lower()).split()
    name = "_".join(word for word in words if word.isascii()) or "my_events"
    yield _line("register", name if name[0].isalpha() else f"my_{name}", "its name in the plan")
    yield _line("kind", "my_event", "the kind of every event, or kind_column: HEADING")
    yield _line("start_date", guess.grid.header[guess.roles.date or 0])
    if guess.roles.figures:
        headings = ", ".join(f"'{one.column}'" for one in guess.roles.figures[:5])
        yield from _comment(
            f"Figures were not proposed ({headings}): they need a column of years such as 2015/16"
        )


def _line(key: str, value: object, note: str = "") -> str:
    text = f"{key}: {_scalar(value)}"
    return f"{text}  # {_one_line(note)}" if note else text


def _scalar(value: object) -> str:
    """Return a value as YAML on one line, quoted where it must be."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf")
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        _one_line(text),
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
