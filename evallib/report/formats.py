"""Numbers as text: decimals, thousands, minus signs, sizes; a missing number says so."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable

MINUS = "\u2212"
# A hyphen before a number that continues no word, date, range or address.
_HYPHEN = re.compile(r"(?<![\w.)\]/=&%+-])-(?=\.?\d)")
_MONTH_NAMES = (
    "January February March April May June July August September October November December"
)
_MONTHS = _MONTH_NAMES.split()


def format_number(
    value: float | None, decimals: int = 2, *, missing: str = "not applicable"
) -> str:
    """Write a number with a fixed count of decimals, commas for thousands and a true minus sign.

    Parameters
    ----------
    value : float or None
        The number; NaN and None are missing, an infinite one is 'unbounded'.
    decimals : int
        Digits after the point.
    missing : str
        What a missing number reads as.

    Examples
    --------
    >>> format_number(-1234.567, 1), format_number(-0.001, 2), format_number(float("nan"))
    ('−1,234.6', '0.00', 'not applicable')
    """
    if value is None or math.isnan(value):
        return missing
    if math.isinf(value):
        return "unbounded"
    text = f"{abs(value):,.{decimals}f}"
    is_zero = not any(digit in text for digit in "123456789")
    return text if value >= 0 or is_zero else f"{MINUS}{text}"


def format_change(value: float | None, decimals: int = 2) -> str:
    """Write a change with its sign.

    Examples
    --------
    >>> format_change(0.256), format_change(-1.5, 1), format_change(0.001)
    ('+0.26', '−1.5', '0.00')
    """
    text = format_number(value, decimals)
    is_above = value is not None and value > 0 and any(one in text for one in "123456789")
    return f"+{text}" if is_above else text


def true_minus(text: str) -> str:
    """Write the minus signs of numbers within a text as such, not as hyphens.

    Examples
    --------
    >>> true_minus("moved by -0.3 (-1 to .5) from 2015-16 on")
    'moved by −0.3 (−1 to .5) from 2015-16 on'
    """
    return _HYPHEN.sub(MINUS, text)


def format_count(count: float, noun: str = "", plural: str = "") -> str:
    """Write a count with its noun in the right number.

    Examples
    --------
    >>> format_count(3962, "council-year"), format_count(1, "council"), format_count(12)
    ('3,962 council-years', '1 council', '12')
    """
    number = format_number(float(count), 0)
    if not noun:
        return number
    return f"{number} {noun if number == '1' else plural or noun + 's'}"


def format_p_value(value: float | None) -> str:
    """Write a p-value to three decimals, and never as zero.

    Examples
    --------
    >>> format_p_value(0.0301), format_p_value(0.00001)
    ('0.030', 'under 0.001')
    """
    if value is not None and value < 0.0005:
        return "under 0.001"
    return format_number(value, 3)


def format_bytes(size: int) -> str:
    """Write the size of a file, never below 1 KB.

    Examples
    --------
    >>> format_bytes(120), format_bytes(20_480), format_bytes(3_400_000)
    ('1 KB', '20 KB', '3.2 MB')
    """
    if size >= 1024 * 1024:
        return f"{size / 1024 / 1024:.1f} MB"
    return f"{max(1, round(size / 1024))} KB"


def format_date(text: object) -> str:
    """Write the date of an ISO date or time in words; anything else as it stands.

    Examples
    --------
    >>> format_date("2026-01-05T10:00"), format_date("not recorded"), format_date(None)
    ('5 January 2026', 'not recorded', '')
    """
    if text is None:
        return ""
    try:
        day = dt.date.fromisoformat(str(text)[:10])
    except ValueError:
        return str(text)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def decimals_off_zero(values: Iterable[float], decimals: int, *, most: int = 2) -> int:
    """Return how many decimals keep what is not zero from reading as zero.

    Parameters
    ----------
    values : iterable of float
        Such as the ends of an interval.
    decimals : int
        How many would do otherwise.
    most : int
        How many more there may be at most.

    Examples
    --------
    >>> decimals_off_zero((-0.045, 4.1), 1), decimals_off_zero((0.0, 4.1), 1)
    (2, 1)
    """
    given = [value for value in values if math.isfinite(value) and value]
    for more in range(most):
        if all(abs(value) >= 0.5 * 10.0 ** -(decimals + more) for value in given):
            return decimals + more
    return decimals + most


def decimals_for(size: float, *, most: int = 3) -> int:
    """Return how many decimals show a quantity of this size to about two figures.

    Examples
    --------
    >>> [decimals_for(size) for size in (0.04, 0.5, 3, 40, 0)]
    [3, 2, 1, 0, 2]
    """
    if not math.isfinite(size) or size == 0:
        return 2
    return int(min(most, max(0, 1 - math.floor(math.log10(abs(size))))))
