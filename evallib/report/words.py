"""Numbers in words: how the reports write a figure, its unit, its interval and what it shows.

Pure functions. They never say that there is 'no effect': an interval that is too wide to tell
reads 'We cannot tell'.
"""

from __future__ import annotations

import math
from typing import Literal

from evallib.panel.units import agree, change_unit, unit_words
from evallib.report.formats import (
    MINUS,
    decimals_for,
    format_bytes,
    format_count,
    format_number,
    format_p_value,
)

__all__ = [
    "MINUS",
    "as_change",
    "cannot_tell",
    "change_unit",
    "change_words",
    "decimals_for",
    "direction_words",
    "estimate_sentence",
    "format_bytes",
    "format_count",
    "format_number",
    "format_p_value",
    "interval_words",
    "polarity_words",
    "reading_words",
    "sample_words",
    "unit_words",
]

Scale = Literal["level", "log"]
Polarity = Literal["higher", "lower", "none"]


def as_change(value: float, *, scale: Scale = "level") -> float:
    """Return a change in the unit of `change_unit`: log points become per cent.

    Examples
    --------
    >>> round(as_change(0.1, scale="log"), 2), as_change(0.1)
    (10.52, 0.1)
    """
    return 100.0 * math.expm1(value) if scale == "log" else value


def interval_words(
    low: float,
    high: float,
    unit: str,
    *,
    scale: Scale = "level",
    level: float = 0.95,
    decimals: int,
) -> str:
    """Write an interval with its level and its unit.

    Parameters
    ----------
    low, high : float
        Bounds on the scale of the estimate (log points where `scale` is 'log').
    unit : str
        Unit of the outcome.
    scale : {'level', 'log'}
        Scale of the estimate.
    level : float
        Confidence level between 0 and 1.
    decimals : int
        Digits after the point.

    Examples
    --------
    >>> interval_words(-0.1, 0.32, "percent", decimals=1)
    '95% interval from −0.1 to 0.3 percentage points'
    """
    percent = f"{100 * level:.4g}%"
    first = format_number(as_change(low, scale=scale), decimals)
    last = format_number(as_change(high, scale=scale), decimals)
    return f"{percent} interval from {first} to {last} {change_unit(unit, scale=scale)}"


def change_words(value: float, unit: str, *, scale: Scale = "level", decimals: int) -> str:
    """Write a change as so much higher or lower.

    Examples
    --------
    >>> change_words(-0.42, "percent", decimals=1)
    '0.4 percentage points lower'
    >>> change_words(0.1, "incidents", scale="log", decimals=1)
    '10.5 per cent higher'
    """
    amount = as_change(value, scale=scale)
    size = format_number(abs(amount), decimals)
    words = agree(size, change_unit(unit, scale=scale))
    if not any(digit in size for digit in "123456789"):
        return f"{size} {words} different"
    return f"{size} {words} {'higher' if amount > 0 else 'lower'}"


def polarity_words(polarity: Polarity) -> str:
    """Say which way is better.

    Examples
    --------
    >>> polarity_words("lower")
    'lower is better'
    """
    return {
        "higher": "higher is better",
        "lower": "lower is better",
        "none": "neither higher nor lower is better in itself",
    }[polarity]


def direction_words(value: float, polarity: Polarity) -> str:
    """Say whether a change is for the better or for the worse; empty where neither is.

    Examples
    --------
    >>> direction_words(-1.0, "lower"), direction_words(-1.0, "higher")
    ('for the better', 'for the worse')
    """
    if polarity == "none" or value == 0 or math.isnan(value):
        return ""
    return "for the better" if (value > 0) == (polarity == "higher") else "for the worse"


def cannot_tell(low: float, high: float, meaningful_change: float) -> bool:
    """Return whether an interval holds both zero and a change of the size that would matter.

    Examples
    --------
    >>> cannot_tell(-3.0, 1.0, 2.0), cannot_tell(-1.0, 1.0, 2.0), cannot_tell(0.5, 3.0, 2.0)
    (True, False, False)
    """
    if math.isnan(low) or math.isnan(high):
        return True
    return low <= 0 <= high and (low <= -meaningful_change or high >= meaningful_change)


def reading_words(
    low: float, high: float, meaningful_change: float, unit: str, *, scale: Scale = "level"
) -> str:
    """Say in a sentence what an interval allows, given the change that would matter.

    Parameters
    ----------
    low, high : float
        Bounds on the scale of the estimate.
    meaningful_change : float
        The smallest change that would matter, on the same scale; above zero.
    unit : str
        Unit of the outcome.
    scale : {'level', 'log'}
        Scale of the estimate.

    Returns
    -------
    str
        One sentence. It describes the interval alone; what a design can bear is for its checks.

    Examples
    --------
    >>> reading_words(-3.0, 1.0, 2.0, "percent")
    'We cannot tell: the interval holds both zero and a change of 2 percentage points.'
    """
    amount = as_change(meaningful_change, scale=scale)
    digits = f"{amount:.3g}"
    size = f"{digits} {agree(digits, change_unit(unit, scale=scale))}"
    if math.isnan(low) or math.isnan(high):
        return "We cannot tell: there is no interval."
    if cannot_tell(low, high, meaningful_change):
        return f"We cannot tell: the interval holds both zero and a change of {size}."
    if -meaningful_change < low and high < meaningful_change:
        return f"The interval lies within plus or minus {size}, the change that would matter."
    if low > 0 or high < 0:
        side = "above" if low > 0 else "below"
        return f"The interval lies {side} zero."
    return f"The interval holds zero and reaches no change of {size}."


def sample_words(n_units: float, n_treated_units: float, n_obs: float) -> str:
    """Say how many councils, treated councils and council-years an estimate rests on.

    Examples
    --------
    >>> sample_words(283, 100, 3962)
    '283 councils, 100 of them treated; 3,962 council-years'
    """
    return (
        f"{format_count(n_units, 'council')}, {format_number(float(n_treated_units), 0)} of them "
        f"treated; {format_count(n_obs, 'council-year')}"
    )


def estimate_sentence(
    *,
    title: str,
    estimate: float,
    conf_low: float,
    conf_high: float,
    unit: str,
    n_units: float,
    n_treated_units: float,
    n_obs: float,
    interval_method: str,
    scale: Scale = "level",
    level: float = 0.95,
    meaningful_change: float | None = None,
    polarity: Polarity = "none",
    decimals: int | None = None,
) -> str:
    """Write an estimate in words with all that must stand beside it.

    Parameters
    ----------
    title : str
        What was measured, as the outcome's title.
    estimate, conf_low, conf_high : float
        Point and bounds, on the scale of the estimate.
    unit : str
        Unit of the outcome.
    n_units, n_treated_units, n_obs : float
        Councils, treated councils and council-years.
    interval_method : str
        How the interval was made, as a phrase or sentence.
    scale : {'level', 'log'}
        Scale of the estimate.
    level : float
        Confidence level between 0 and 1.
    meaningful_change : float, optional
        Smallest change that would matter; given, a sentence says what the interval allows.
    polarity : {'higher', 'lower', 'none'}
        Which way is better.
    decimals : int, optional
        Digits after the point; by default enough for the width of the interval.

    Returns
    -------
    str
        Two to four plain sentences.

    Examples
    --------
    >>> sentence = estimate_sentence(
    ...     title="Residual waste", estimate=-4.2, conf_low=-13, conf_high=4.6,
    ...     unit="kg", n_units=300, n_treated_units=35, n_obs=3900,
    ...     meaningful_change=10, interval_method="standard errors clustered by council")
    >>> print(sentence.replace(". ", "." + chr(10)))
    Residual waste: estimated 4 kg lower (95% interval from −13 to 5 kg).
    We cannot tell: the interval holds both zero and a change of 10 kg.
    Based on 300 councils, 35 of them treated; 3,900 council-years.
    Interval: standard errors clustered by council.
    """
    width = as_change(conf_high, scale=scale) - as_change(conf_low, scale=scale)
    digits = decimals_for(width) if decimals is None else decimals
    change = change_words(estimate, unit, scale=scale, decimals=digits)
    better = direction_words(estimate, polarity) if "different" not in change else ""
    interval = interval_words(conf_low, conf_high, unit, scale=scale, level=level, decimals=digits)
    side = f"{better.removeprefix('for the ')}; " if better else ""
    parts = [f"{title}: estimated {change} ({side}{interval})."]
    if meaningful_change is not None:
        parts.append(reading_words(conf_low, conf_high, meaningful_change, unit, scale=scale))
    parts.append(f"Based on {sample_words(n_units, n_treated_units, n_obs)}.")
    parts.append(f"Interval: {interval_method.rstrip('. ')}.")
    return " ".join(parts)
