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
_BARE = rf"(?<![\d/-])(?:{_PAIR.pattern}|(?:19|20)\d{{2}})(?![\d/-])"
# What may stand behind a year and changes nothing of which year it is.
_MARKS = {
    "provisional": r"p|prov\.?|provisional",
    "revised": r"r|rev\.?|revised",
    "with a note": r"\*+|(?:foot)?note \d+",
}
_WORDS = "|".join(_MARKS.values())
_MARK = re.compile(
    rf"\s*(?:\((?:{_WORDS})\)|\[(?:{_WORDS})\]|(?:{_WORDS})(?=$|[\s,;:]))", re.IGNORECASE
)
# What looks like such a mark: in brackets, up to three letters, or signs.
_LIKE_A_MARK = re.compile(
    r"\s*(\([^()]{1,20}\)|\[[^\[\]]{1,20}\]|[A-Za-z]{1,3}|[^\w\s%\u00a3{}-]{1,3})"
)
_IN_HEADING = re.compile(_BARE, re.IGNORECASE)
KNOWN_MARKS = "(p), [provisional], r, (revised), *, [note 1]"
_DATE = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{4}-\d{2}-\d{2}([ T].*)?|[A-Za-z]{3}-\d{2}")


@dataclass(frozen=True, slots=True)
class YearCell:
    """A year as written.

    Parameters
    ----------
    first : int
        Its first calendar year.
    is_pair : bool
        Whether two years or one stood there.
    mark : {'', 'provisional', 'revised', 'with a note'}
        What was marked behind it.
    """

    first: int
    is_pair: bool
    mark: str = ""


def read_year(cell: object) -> YearCell:
    """Return the year of a cell.

    Parameters
    ----------
    cell : object
        ``2015/16``, ``2015-16``, ``2015/2016`` or ``2015``, as text or as a spreadsheet's number,
        with or without a mark behind it that says provisional, revised or that there is a note:
        ``(p)``, ``[provisional]``, ``r``, ``*`` and their like.

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
    (YearCell(first=2015, is_pair=True, mark=''), YearCell(first=2015, is_pair=False, mark=''))
    >>> read_year("2023-24 (p)").mark, read_year("2022/23 r").mark, read_year("2022-23*").mark
    ('provisional', 'revised', 'with a note')
    """
    if isinstance(cell, (datetime.date, datetime.datetime)):
        raise ValueError("a date")
    text = " ".join(f"{cell:.0f}".split()) if _is_whole(cell) else " ".join(str(cell).split())
    if not text:
        raise ValueError("an empty cell")
    mark = ""
    if not _is_year(text):
        text, mark = _without_mark(text)
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
    return YearCell(first, pair is not None, mark)


def _is_year(text: str) -> bool:
    return _PAIR.fullmatch(text) is not None or _SINGLE.fullmatch(text) is not None


def _without_mark(text: str) -> tuple[str, str]:
    """Return a year without the mark behind it, and what the mark says.

    Raises
    ------
    ValueError
        Where a mark that is not known stands behind a year.
    """
    found = _IN_HEADING.match(text)
    if found is None:
        return text, ""
    rest = text[found.end() :]
    if _MARK.fullmatch(rest):
        word = rest.strip(" ()[]")
        said = (name for name, words in _MARKS.items() if re.fullmatch(words, word, re.I))
        return found[0], next(said)
    if _LIKE_A_MARK.fullmatch(rest):
        raise ValueError(f"a year with the mark {rest.strip()!r}, which is not known")
    return text, ""


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

    A mark of a provisional or revised year, or of a note, belongs to the year.

    Returns
    -------
    tuple or None
        None where there is no year, or more than one.

    Examples
    --------
    >>> split_heading("Satisfied 2015/16 (%)"), split_heading("2023-24 (p)")
    (('Satisfied {year} (%)', '2015/16'), ('{year}', '2023-24 (p)'))
    """
    split = _split(heading)
    if split is None:
        return None
    before, year, after = split
    mark = _MARK.match(after)
    end = mark.end() if mark else 0
    return f"{before}{{year}}{after[end:]}", f"{year}{after[:end]}"


def _split(heading: str) -> tuple[str, str, str] | None:
    found = list(_IN_HEADING.finditer(heading))
    if len(found) != 1:
        return None
    at = found[0]
    return heading[: at.start()], at[0], heading[at.end() :]


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
    >>> years_of_headings(["Council", "2015/16", "2016/17 (p)", "Notes 2016"], "{year}")
    [(1, '2015/16'), (2, '2016/17 (p)')]
    """
    wanted = plain_heading(column)
    found = []
    for position, heading in enumerate(headings):
        text = " ".join(heading.split())
        bare, marked = _split(text), split_heading(text)
        if bare is None or marked is None:
            continue
        if plain_heading(f"{bare[0]}{{year}}{bare[2]}") == wanted:
            found.append((position, bare[1]))
        elif plain_heading(marked[0]) == wanted:
            found.append((position, marked[1]))
    return found


def doubtful_headings(headings: Sequence[str], column: str) -> list[tuple[int, str]]:
    """Return position and mark of headings that would be `column` without an unknown mark.

    A heading whose year also stands without the mark is another column, and left out.

    Examples
    --------
    >>> doubtful_headings(["2015/16", "2015/16 (%)", "2016/17 (x)"], "{year}")
    [(2, '(x)')]
    """
    wanted = plain_heading(column)
    held = {read_year(year).first for _, year in _readable(headings, column)}
    found = []
    for position, heading in enumerate(headings):
        split = _split(" ".join(heading.split()))
        if split is None:
            continue
        before, year, after = split
        mark = _LIKE_A_MARK.match(after)
        if mark is None or plain_heading(f"{before}{{year}}{after[mark.end() :]}") != wanted:
            continue
        known = _MARK.fullmatch(mark[0]) is not None
        if not known and _first_or_none(year) not in {None, *held}:
            found.append((position, mark[1]))
    return found


def _readable(headings: Sequence[str], column: str) -> list[tuple[int, str]]:
    found = years_of_headings(headings, column)
    return [(at, year) for at, year in found if _first_or_none(year) is not None]


def _first_or_none(year: str) -> int | None:
    try:
        return read_year(year).first
    except ValueError:
        return None


def plain_heading(text: str) -> str:
    """Return a heading without case and runs of blanks."""
    return " ".join(text.split()).casefold()
