"""Units in words: of a figure, and of a change in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

PERCENTAGE_POINTS = "percentage points"
_UNIT_WORDS: Mapping[str, str] = {
    "percent": "per cent",
    "per cent": "per cent",
    "%": "per cent",
}


def unit_words(unit: str) -> str:
    """Write the unit of a level as a reader says it.

    Examples
    --------
    >>> unit_words("percent"), unit_words("kg per household")
    ('per cent', 'kg per household')
    """
    return _UNIT_WORDS.get(unit.strip().lower(), unit)


def change_unit(unit: str, *, scale: Literal["level", "log"] = "level") -> str:
    """Write the unit of a change in an outcome that is measured in `unit`.

    Examples
    --------
    >>> change_unit("percent"), change_unit("kg per household"), change_unit("x", scale="log")
    ('percentage points', 'kg per household', 'per cent')
    >>> change_unit("per cent change on 2015/16")
    'percentage points'
    """
    if scale == "log":
        return "per cent"
    words = unit_words(unit)
    is_percentage = words == "per cent" or words.startswith("per cent change on ")
    return PERCENTAGE_POINTS if is_percentage else words


def agree(number: str, unit: str) -> str:
    """Return the unit in the number that goes with a written figure.

    Examples
    --------
    >>> agree("1", "percentage points"), agree("2", "percentage points"), agree("1", "kg")
    ('percentage point', 'percentage points', 'kg')
    """
    return "percentage point" if number == "1" and unit == PERCENTAGE_POINTS else unit
