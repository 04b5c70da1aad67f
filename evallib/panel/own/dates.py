"""Read the dates of events as people write them, with the precision that they have."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from evallib.panel.own.years import read_year

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?(?:[ T]00:00(?::00)?(?:\.0+)?)?")
_DAY_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_WORDS = re.compile(r"(?:(\d{1,2})(?:st|nd|rd|th)?[ -])?([A-Za-z]{3,9})\.?[ -](\d{4})")
_MONTH_YEAR = re.compile(r"(\d{1,2})/(\d{4})")
_SHORT = re.compile(r"\d{1,2}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]'?\d{2}|[A-Za-z]{3,9}[-/. ]'?\d{2}")
_SHAPED = re.compile(
    rf".*(\d[-/.]\d{{1,2}}[-/.]\d|\b({'|'.join(_MONTHS)})[a-z]*\b.*\d|\d.*\b({'|'.join(_MONTHS)})[a-z]*\b).*",
    re.IGNORECASE,
)
DATE_FORMS = "2021-05-04, 04/05/2021 (the day first), 4 May 2021, May 2021, 2021 or 2021/22"


@dataclass(frozen=True, slots=True)
class EventDate:
    """A date in the form of the registers.

    Parameters
    ----------
    text : str
        YYYY-MM-DD, YYYY-MM or YYYY; the first day of a financial year.
    precision : {'day', 'month', 'year', 'financial_year'}
        How exact it is.
    """

    text: str
    precision: str


def read_date(cell: object) -> EventDate:
    """Return the date of a cell.

    Parameters
    ----------
    cell : object
        A date of a spreadsheet or database, ``2021-05-04``, ``04/05/2021`` or ``04-05-2021``
        (the day first), ``4 May 2021``, ``May 2021``, ``05/2021``, ``2021-05``, ``2021`` or
        ``2021/22``.

    Returns
    -------
    EventDate
        The date, as exact as it was written.

    Raises
    ------
    ValueError
        With what the cell is instead, in words.

    Examples
    --------
    >>> read_date("04/05/2021"), read_date("May 2021").text, read_date("2021/22").precision
    (EventDate(text='2021-05-04', precision='day'), '2021-05', 'financial_year')
    """
    if isinstance(cell, datetime.datetime):
        cell = cell.date()
    if isinstance(cell, datetime.date):
        return _day(cell.year, cell.month, cell.day)
    text = f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else str(cell or "")
    text = " ".join(text.split())
    if not text:
        raise ValueError("an empty cell")
    if found := _ISO.fullmatch(text):
        return _day(int(found[1]), int(found[2]), int(found[3] or 0))
    if found := _DAY_FIRST.fullmatch(text):
        return _day(int(found[4]), int(found[3]), int(found[1]))
    if found := _MONTH_YEAR.fullmatch(text):
        return _day(int(found[2]), int(found[1]), 0)
    if (found := _WORDS.fullmatch(text)) and found[2][:3].lower() in _MONTHS:
        month = _MONTHS.index(found[2][:3].lower()) + 1
        return _day(int(found[3]), month, int(found[1] or 0))
    if _SHORT.fullmatch(text):
        raise ValueError("a date whose year has two digits")
    try:
        year = read_year(text)
    except ValueError as error:
        is_year = "year" in str(error) and str(error) != "no year"
        raise ValueError(str(error) if is_year else "no date of a form that is read") from None
    if year.mark:
        raise ValueError("a year with a mark behind it")
    if year.is_pair:
        return EventDate(f"{year.first}-04-01", "financial_year")
    return EventDate(str(year.first), "year")


def is_shaped_like_a_date(cell: object) -> bool:
    """Return whether a cell looks like a date, in a form that is read or in another.

    Examples
    --------
    >>> [is_shaped_like_a_date(cell) for cell in ("05/14/2017", "w/c 14 May 17", "12.5", "2017")]
    [True, True, False, False]
    """
    return isinstance(cell, datetime.date) or _SHAPED.fullmatch(str(cell)) is not None


def _day(year: int, month: int, day: int) -> EventDate:
    try:
        datetime.date(year, month, day or 1)
    except ValueError:
        raise ValueError("a day or month that does not exist (the day is read first)") from None
    if not 1900 <= year <= 2098:
        raise ValueError("a year outside 1900 to 2098")
    if not day:
        return EventDate(f"{year:04d}-{month:02d}", "month")
    return EventDate(f"{year:04d}-{month:02d}-{day:02d}", "day")


def financial_year_of(text: str) -> int:
    """Return the first calendar year of the financial year in which a date lies.

    Examples
    --------
    >>> financial_year_of("2021-03"), financial_year_of("2021")
    (2020, 2021)
    """
    month = int(text[5:7] or 4)
    return int(text[:4]) - (month < 4)
