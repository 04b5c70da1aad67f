"""Financial years: read '2015/16', write it, and count with its first calendar year."""

from __future__ import annotations

import re

EARLIEST, LATEST = 1900, 2098
_FORM = re.compile(r"([0-9]{4})/([0-9]{2})", re.ASCII)


def parse_financial_year(text: str) -> int:
    """Return the calendar year in which a financial year starts.

    Parameters
    ----------
    text : str
        A financial year, 1 April to 31 March, written like ``2015/16``.

    Returns
    -------
    int
        The first calendar year: 2015 for ``2015/16``.

    Raises
    ------
    ValueError
        If the text is not of that form, its two halves do not follow each other, or it lies
        outside 1900/01 to 2098/99.

    Examples
    --------
    >>> parse_financial_year("2015/16")
    2015
    >>> parse_financial_year("1999/00")
    1999
    """
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a financial year of the form 2015/16")
    first, second = int(match[1]), int(match[2])
    if not EARLIEST <= first <= LATEST:
        raise ValueError(f"{text!r} lies outside 1900/01 to 2098/99")
    if second != (first + 1) % 100:
        raise ValueError(
            f"{text!r} is not one financial year: {first} is followed by {(first + 1) % 100:02d}"
        )
    return first


def format_financial_year(first: int) -> str:
    """Return the financial year that starts in a calendar year.

    Parameters
    ----------
    first : int
        The calendar year in which the financial year starts.

    Returns
    -------
    str
        The label, for example ``2015/16``.

    Raises
    ------
    ValueError
        If the year lies outside 1900 to 2098.

    Examples
    --------
    >>> format_financial_year(2015)
    '2015/16'
    >>> format_financial_year(1999)
    '1999/00'
    """
    if not EARLIEST <= first <= LATEST:
        raise ValueError(f"{first!r} lies outside 1900 to 2098")
    return f"{first:04d}/{(first + 1) % 100:02d}"


def financial_years(first: str, last: str) -> tuple[str, ...]:
    """Return every financial year from the first to the last, both included.

    Parameters
    ----------
    first, last : str
        Financial years; an empty range is returned when they are reversed.

    Returns
    -------
    tuple of str
        The labels in order.

    Raises
    ------
    ValueError
        If either is not a financial year.

    Examples
    --------
    >>> financial_years("2015/16", "2017/18")
    ('2015/16', '2016/17', '2017/18')
    """
    span = range(parse_financial_year(first), parse_financial_year(last) + 1)
    return tuple(format_financial_year(year) for year in span)
