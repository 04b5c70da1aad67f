"""Read the figures of a table: numbers as people write them, and what is no figure."""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Collection

from evallib.panel.importers.cells import MARKS

LARGEST = 1e15  # beyond it a figure loses digits
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_POUND = re.compile(r"^([+-]?)\u00a3\s*")
_MINUS = str.maketrans({"\u2212": "-", "\u00a0": " ", "\u202f": " "})


def is_missing(cell: object, missing: Collection[str]) -> bool:
    """Return whether a cell is empty or stands for a missing figure.

    Examples
    --------
    >>> is_missing(" ", ()), is_missing("[C]", ["[c]"]), is_missing(0, ())
    (True, True, False)
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return True
    if isinstance(cell, (int, float, decimal.Decimal)) and not isinstance(cell, bool):
        return f"{cell:g}" in missing
    text = str(cell).translate(_MINUS).strip()
    return not text or text.casefold() in missing


def read_figure(cell: object, missing: Collection[str], *, is_percent: bool) -> float | None:
    """Return the number of a cell, None where it stands for a missing figure.

    Parameters
    ----------
    cell : object
        A cell of a file or a database.
    missing : collection of str
        What stands for a missing figure, in lower case.
    is_percent : bool
        Whether the figure is a percentage: then a per cent sign behind it is dropped.

    Returns
    -------
    float or None
        None for an empty cell and for one of `missing`.

    Raises
    ------
    ValueError
        With what the cell is instead, in words.

    Examples
    --------
    >>> read_figure("1,234.5", (), is_percent=False), read_figure("..", [".."], is_percent=False)
    (1234.5, None)
    """
    if is_missing(cell, missing):
        return None
    if isinstance(cell, bool):
        raise ValueError("is yes or no, not a figure")
    if isinstance(cell, (datetime.date, datetime.time, datetime.timedelta)):
        raise ValueError("is a date or a time, not a figure")
    if isinstance(cell, (int, float, decimal.Decimal)):
        return _held(cell, float(cell))
    text = str(cell).translate(_MINUS).strip()
    return _held(text, _number(text, is_percent))


def _number(text: str, is_percent: bool) -> float:
    bare = _POUND.sub(r"\1", text).strip()
    if bare.endswith("%"):
        if not is_percent:
            raise ValueError("has a per cent sign, but the unit is not percent")
        bare = bare.removesuffix("%").strip()
    if _PLAIN.fullmatch(bare):
        return float(bare)
    if _THOUSANDS.fullmatch(bare):
        return float(bare.replace(",", ""))
    mark = text.removeprefix("[").removesuffix("]").casefold()
    if mark in MARKS or re.fullmatch(r"n\.?/?a\.?|nan|null|none|suppressed", mark):
        raise ValueError("is no figure and not declared as missing")
    if re.fullmatch(r"\d{1,3}(\.\d{3})*,\d+", bare):
        raise ValueError("has a comma where a decimal point is expected")
    if bare.startswith("#"):
        raise ValueError("is an error of the spreadsheet")
    raise ValueError("is no figure")


def _held(cell: object, number: float) -> float:
    if math.isinf(number) or abs(number) >= LARGEST:
        raise ValueError("is larger than a figure can be held without losing digits")
    return number
