"""Units in words: of a figure, and of a change in it; and a figure with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

PERCENTAGE_POINTS = "percentage points"
LOG_POINTS = "log points"
_ONE = {PERCENTAGE_POINTS: "percentage point", LOG_POINTS: "log point"}
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


def effect_unit(unit: str) -> str:
    """Return the unit of an effect on an outcome that is measured in `unit`.

    Examples
    --------
    >>> effect_unit("percent"), effect_unit("log of GBP")
    ('percentage points', 'log points')
    """
    return LOG_POINTS if unit.startswith("log of ") else change_unit(unit)


def agree(number: str, unit: str) -> str:
    """Return the unit in the number that goes with a written figure, whatever its sign.

    Examples
    --------
    >>> agree("1", "percentage points"), agree("+1", "log points"), agree("1", "kg")
    ('percentage point', 'log point', 'kg')
    >>> agree("2", "percentage points")
    'percentage points'
    """
    return _ONE.get(unit, unit) if number.lstrip("+-\N{MINUS SIGN}") == "1" else unit


def write_figure(value: float, unit: str = "", *, figures: int = 3, sign: bool = False) -> str:
    """Write a figure to so many significant figures, with its unit where one is given.

    Parameters
    ----------
    value : float
        The figure.
    unit : str
        Its unit in words, as `effect_unit` has it; the number of the figure decides its plural.
    figures : int
        Significant figures; zeros after the point are left out.
    sign : bool
        Whether a figure above zero gets a plus sign.

    Examples
    --------
    >>> write_figure(-1.6543, "percentage points"), write_figure(1.0, "percentage points")
    ('−1.65 percentage points', '1 percentage point')
    >>> write_figure(1234.5, sign=True), write_figure(0.0, sign=True), write_figure(99.7, figures=2)
    ('+1,230', '0', '100')
    """
    text = f"{value:.{figures}g}"
    if "e" in text:
        text = format(Decimal(text), ",f")
    text = text.replace("-", "\N{MINUS SIGN}")
    if sign and value > 0:
        text = f"+{text}"
    return f"{text} {agree(text, unit)}".rstrip()
