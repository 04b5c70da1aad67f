"""The options of ``matched_did`` at the door, and what each may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evallib.errors import did_you_mean

Match = Literal["level_trend", "level", "trend", "none"]
MATCHES = ("level_trend", "level", "trend", "none")
MATCHED_NAMES = (
    "match",
    "match_on",
    "exact",
    "neighbours",
    "replace",
    "caliper",
    "bias_correction",
    "trend_periods",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedOptions:
    """Options of ``matched_did``.

    Parameters
    ----------
    match : 'level_trend', 'level', 'trend' or 'none'
        What of the outcome before exposure comparators must be near in: its level in the base
        period, the slope of a straight line through the last ``trend_periods`` periods that end
        with the base, both, or neither.
    match_on : tuple of str
        Further columns of numbers, with their latest value up to the base period.
    exact : tuple of str
        Columns in which a comparator must equal the treated unit.
    neighbours : int
        Comparators for each treated unit; more where the last of them is tied.
    replace : bool
        Whether a unit may be comparator more than once.
    caliper : float, optional
        Largest distance allowed: root mean square of the standardised differences, in standard
        deviations of the comparison pool.
    bias_correction : bool
        Whether differences that remain in the matching columns are taken out by a regression
        among the comparators.
    trend_periods : int
        Periods that the trend is read from, the base among them.
    comparison : 'never_treated' or 'not_yet_treated'
        With 'not_yet_treated' units serve that are not exposed until ``window`` ends.
    anticipation : int
        Periods before exposure in which behaviour may already have changed.
    window : (int, int), optional
        First and last event time; ``att`` averages from 0 to the last.
    weights : str, optional
        Column of sampling weights of treated units, constant within units.
    cluster : str, optional
        Column of clusters, constant within units; default the unit.
    level : float
    draws, seed : int
        Of the multiplier bootstrap behind ``band()``.
    """

    match: Match = "level_trend"
    match_on: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    neighbours: int = 3
    replace: bool = True
    caliper: float | None = None
    bias_correction: bool = True
    trend_periods: int = 4
    comparison: Literal["never_treated", "not_yet_treated"] = "never_treated"
    anticipation: int = 0
    window: tuple[int, int] | None = None
    weights: str | None = None
    cluster: str | None = None
    level: float = 0.95
    draws: int = 999
    seed: int = 0


def clean_matched(option: str, value: Any) -> tuple[Any, tuple[str, str] | None]:
    """Return the value of one of ``MATCHED_NAMES``, and (what is wrong, remedy) if it is wrong."""
    if option == "match":
        if value in MATCHES:
            return value, None
        hint = did_you_mean(str(value), MATCHES)
        return value, (f"{value!r} is not allowed", f"Use {' or '.join(MATCHES)}.{hint}")
    if option in {"replace", "bias_correction"}:
        good = isinstance(value, bool)
        return value, None if good else (f"{value!r} is not true or false", "Use True")
    if option in {"match_on", "exact"}:
        names = (value,) if isinstance(value, str) else value or ()
        good = isinstance(names, (list, tuple)) and all(isinstance(item, str) for item in names)
        cleaned = tuple(dict.fromkeys(names)) if good else value
        return cleaned, None if good else (f"{value!r} is not a list of columns", "Name columns")
    if option == "caliper":
        good = value is None or (
            isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf
        )
        remedy = "Use 0.5 for half a standard deviation"
        return value, None if good else (f"{value!r} is not a distance above 0", remedy)
    least, usual = (2, 4) if option == "trend_periods" else (1, 3)
    good = isinstance(value, int) and not isinstance(value, bool) and value >= least
    what = f"{value!r} is not a whole number from {least}"
    return value, None if good else (what, f"Use {usual}")


def matched_together(values: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return (option, what is wrong, remedy) where nothing is left to match on."""
    if values.get("match") == "none" and not values.get("match_on") and not values.get("exact"):
        remedy = "Give match_on=[...] or exact=[...], or use group_time"
        return "match", "'none' leaves nothing to match on", remedy
    return None
