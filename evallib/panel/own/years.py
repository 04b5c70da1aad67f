"""Read the years of a table: financial years, or single years with the meaning that a plan says."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

from evallib.plan.own_data import ENDING
from evallib.plan.years import EARLIEST, LATEST

_PAIR = re.compile(r"(?:FY ?)?(\d{4}) ?(?:[-/\u2010-\u2015]|to) ?(\d{4}|\d{2})", re.IGNORECASE)
_SINGLE = re.compile(r"(?:FY ?)?(\d{4})(?:\.0+)?", re.IGNORECASE)
_IN_HEADING = re.compile(
    rf"(?<![\d/-])(?:{_PAIR.pattern}|(?:19|20)\d{{2}})(?![\d/-])", re.IGNORECASE
)
_DATE = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{4}-\d{2}-\d{2}([ T].*)?|[A-Za-z]{3}-\d{2}")


@dataclass(frozen=True, slots=True)
class YearCell:
    """A year as written: its first calendar year, and whether two years or one stood there."""

    first: int
    is_pair: bool


def read_year(cell: object) -> YearCell:
    """Return the year of a cell.

    Parameters
    ----------
    cell : object
        ``2015/16``, ``2015-16``, ``2015/2016`` or ``2015``, as text or as a spreadsheet's number.

    Returns
    -------
    YearCell
        What stands there; what a single year means is not decided here.

    Raises
    ------
    ValueError
        With what the cell is instead, in words.

    Examples
    --------
    >>> read_year("2015-16"), read_year(2015.0)
    (YearCell(first=2015, is_pair=True), YearCell(first=2015, is_pair=False))
    """
    if isinstance(cell, (datetime.date, datetime.datetime)):
        raise ValueError("a date")
    text = " ".join(f"{cell:.0f}".split()) if _is_whole(cell) else " ".join(str(cell).split())
    if not text:
        raise ValueError("an empty cell")
    pair, single = _PAIR.fullmatch(text), _SINGLE.fullmatch(text)
    if _DATE.fullmatch(text) and not pair:
        raise ValueError("a date")
    if pair:
        first, second = int(pair[1]), int(pair[2])
        if second != (first + 1 if second > 99 else (first + 1) % 100):
            raise ValueError("two years that do not follow each other")
    elif single:
        first = int(single[1])
    else:
        raise ValueError("no year")
    if not EARLIEST <= first <= LATEST:
        raise ValueError(f"a year outside {EARLIEST} to {LATEST}")
    return YearCell(first, pair is not None)


def _is_whole(cell: object) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool) and cell % 1 == 0


def label_year(cell: YearCell, year_means: str | None) -> int:
    """Return the first calendar year of the financial year that labels a figure.

    Parameters
    ----------
    cell : YearCell
        A year; a single one needs `year_means`.
    year_means : str or None
        'calendar year' and 'financial year starting' leave a single year as it is; 'financial
        year ending' puts it a year back.
    """
    return cell.first - 1 if not cell.is_pair and year_means == ENDING else cell.first


def split_heading(heading: str) -> tuple[str, str] | None:
    """Return a heading with ``{year}`` for its one year, and that year's text.

    Returns
    -------
    tuple or None
        None where there is no year, or more than one.

    Examples
    --------
    >>> split_heading("Satisfied 2015/16 (%)")
    ('Satisfied {year} (%)', '2015/16')
    """
    found = list(_IN_HEADING.finditer(heading))
    if len(found) != 1:
        return None
    at = found[0]
    return f"{heading[: at.start()]}{{year}}{heading[at.end() :]}", at[0]


def years_of_headings(headings: Sequence[str], column: str) -> list[tuple[int, str]]:
    """Return position and year's text of the headings that are `column` with a year.

    Parameters
    ----------
    headings : sequence of str
        The headings of a table.
    column : str
        A heading in which ``{year}`` stands for the year.

    Examples
    --------
    >>> years_of_headings(["Council", "2015/16", "2016/17", "Notes 2016"], "{year}")
    [(1, '2015/16'), (2, '2016/17')]
    """
    wanted = plain_heading(column)
    found = []
    for position, heading in enumerate(headings):
        split = split_heading(" ".join(heading.split()))
        if split is not None and plain_heading(split[0]) == wanted:
            found.append((position, split[1]))
    return found


def plain_heading(text: str) -> str:
    """Return a heading without case and runs of blanks."""
    return " ".join(text.split()).casefold()
