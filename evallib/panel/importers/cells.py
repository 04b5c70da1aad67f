"""Read one cell of a publication: a number, a mark that stands for none, a year, a code."""

from __future__ import annotations

import math
import re

# What publications write where a figure is not given. All of them mean: missing.
MARKS: dict[str, str] = {
    "-": "not available, or suppressed",
    "–": "not available, or suppressed",
    ":": "not available",
    "..": "not available",
    "...": "not available",
    "…": "not available",
    "c": "confidential: a small number is suppressed",
    "x": "not available",
    "z": "not applicable",
}
EMPTY = "empty cell"

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_COUNCIL = re.compile(r"E(0[6-9]|10)\d{6}")
_YEARS = re.compile(r"(\d{4})[-/](\d{2}|\d{4})")


def read_number(cell: object) -> float | str:
    """Return the number of a cell, or the mark that stands for none.

    Parameters
    ----------
    cell : object
        A cell as the reader of the file gives it.

    Returns
    -------
    float or str
        The number; a key of `MARKS` (brackets dropped, lower case) or `EMPTY` where there is
        none.

    Raises
    ------
    ValueError
        If the cell is neither.

    Examples
    --------
    >>> read_number("12.5"), read_number("[c]"), read_number(" ")
    (12.5, 'c', 'empty cell')
    """
    if isinstance(cell, bool):
        raise ValueError(str(cell))
    if isinstance(cell, (int, float)):
        return float(cell) if math.isfinite(cell) else EMPTY
    if cell is None:
        return EMPTY
    text = str(cell).strip()
    if not text:
        return EMPTY
    if _NUMBER.fullmatch(text):
        return float(text)
    mark = text.removeprefix("[").removesuffix("]").lower()
    if mark in MARKS:
        return mark
    raise ValueError(text)


def read_financial_year(cell: object) -> str:
    """Return the label ``2015/16`` of a cell such as ``2015-16``.

    Raises
    ------
    ValueError
        If the cell is not two years in sequence.

    Examples
    --------
    >>> read_financial_year("2015-16"), read_financial_year("1999/2000")
    ('2015/16', '1999/00')
    """
    found = _YEARS.fullmatch(str(cell).strip())
    if not found or (int(found[1]) + 1) % 100 != int(found[2]) % 100:
        raise ValueError(str(cell))
    return label_of(int(found[1]))


def label_of(first: int) -> str:
    """Return the label of the financial year that starts in a calendar year.

    Examples
    --------
    >>> label_of(2015)
    '2015/16'
    """
    return f"{first}/{(first + 1) % 100:02d}"


def is_council_code(code: str) -> bool:
    """Return whether a code has the form of an English principal council's.

    Examples
    --------
    >>> is_council_code("E06000001"), is_council_code("E50000001"), is_council_code("Total")
    (True, False, False)
    """
    return _COUNCIL.fullmatch(code) is not None


def is_other_area(code: str) -> bool:
    """Return whether a code is that of an area that is no English principal council.

    Examples
    --------
    >>> is_other_area("W06000001"), is_other_area("*Total"), is_other_area("E0600001")
    (True, True, False)
    >>> is_other_area("E07000150 / E07000153")
    True
    """
    if is_council_code(code):
        return False
    parts = [part.strip() for part in code.split("/")]
    return code.lstrip("*").lower().startswith("total") or all(
        re.fullmatch(r"[EWSNK]\d{8}", part) for part in parts
    )


def column_letter(position: int) -> str:
    """Return the letters of a column from its position, 0 being A.

    Examples
    --------
    >>> column_letter(0), column_letter(27)
    ('A', 'AB')
    """
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
