"""The operations on figures: pure functions of arrays, a missing value for what has no answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Worked:
    """What an operation gives, and why some figures have none.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        NaN where there is no answer.
    reasons : ndarray of str, shape (n,)
        Why not, in words; empty where there is an answer.
    """

    values: Numbers
    reasons: npt.NDArray[np.str_]


NO_DENOMINATOR = "no figure to divide by"
NOT_POSITIVE = "divided by zero or a negative figure"
TOO_SMALL = "a denominator under the plan's min_denominator"
ZERO = "zero read as a missing return"
NO_YEAR_BEFORE = "no figure in the year before"
ACROSS_BREAK = "a break of the series since the year before"


def divide(above: Numbers, below: Numbers, times: float) -> Worked:
    """Divide figures, multiplied by a number.

    Parameters
    ----------
    above, below : ndarray of float, shape (n,)
        Numerator and denominator of each council-year, in their own units; NaN where missing.
    times : float
        What the quotient is multiplied by: 100 for a percentage.

    Returns
    -------
    Worked
        No answer without a denominator, or where it is zero or negative.

    Examples
    --------
    >>> divide(np.array([3.0, 3.0]), np.array([4.0, 0.0]), 100).values.tolist()
    [75.0, nan]
    """
    reasons = np.where(np.isnan(below), NO_DENOMINATOR, np.where(below <= 0, NOT_POSITIVE, ""))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(reasons == "", times * above / below, np.nan)
    return Worked(values, reasons)


def take_log(values: Numbers, *, zeros_missing: bool) -> Worked:
    """Take natural logarithms.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        The figures.
    zeros_missing : bool
        Whether a zero is a missing return.

    Returns
    -------
    Worked
        NaN without a reason where a figure has no logarithm: the caller refuses these.

    Examples
    --------
    >>> take_log(np.array([1.0, 0.0]), zeros_missing=True).reasons.tolist()
    ['', 'zero read as a missing return']
    """
    reasons = np.where((values == 0) & zeros_missing, ZERO, "")
    positive = values > 0
    logs = np.log(np.where(positive, values, 1.0))
    return Worked(np.where(positive, logs, np.nan), reasons)


def change_on_year_before(
    units: npt.NDArray[np.object_],
    periods: npt.NDArray[np.int64],
    segments: npt.NDArray[np.int64],
    values: Numbers,
) -> Worked:
    """Subtract the figure of the year before.

    Parameters
    ----------
    units : ndarray of object, shape (n,)
        The council of each figure; sorted, and within a council by period.
    periods : ndarray of int, shape (n,)
        Years.
    segments : ndarray of int, shape (n,)
        Which unbroken stretch of the series a year belongs to.
    values : ndarray of float, shape (n,)
        The figures.

    Returns
    -------
    Worked
        No answer where the council's figure before is not of the year before, or lies across a
        break.

    Examples
    --------
    >>> units, years = np.array(["a"] * 4, dtype=object), np.array([2010, 2011, 2013, 2014])
    >>> values = np.array([1.0, 3.0, 4.0, 9.0])
    >>> change_on_year_before(units, years, np.array([0, 0, 0, 1]), values).values.tolist()
    [nan, 2.0, nan, nan]
    """
    follows = np.zeros(len(values), dtype=bool)
    follows[1:] = (units[1:] == units[:-1]) & (periods[1:] - periods[:-1] == 1)
    same = np.zeros(len(values), dtype=bool)
    same[1:] = segments[1:] == segments[:-1]
    reasons = np.where(~follows, NO_YEAR_BEFORE, np.where(~same, ACROSS_BREAK, ""))
    changes = np.full(len(values), np.nan)
    changes[1:] = values[1:] - values[:-1]
    return Worked(np.where(reasons == "", changes, np.nan), reasons)


def mask_small(worked: Worked, denominators: Numbers, least: float) -> Worked:
    """Make figures missing whose denominator is smaller than a number, or is not known.

    Parameters
    ----------
    worked : Worked
        What an operation gave.
    denominators : ndarray of float, shape (n,)
        In their own unit; NaN where not known.
    least : float
        The smallest denominator that is kept.

    Examples
    --------
    >>> whole = Worked(np.array([50.0, 50.0]), np.array(["", ""]))
    >>> mask_small(whole, np.array([40.0, 2.0]), 10).values.tolist()
    [50.0, nan]
    """
    reason = np.where(np.isnan(denominators), NO_DENOMINATOR, TOO_SMALL)
    small = ~(denominators >= least)
    reasons = np.where((worked.reasons == "") & small, reason, worked.reasons)
    return Worked(np.where(small, np.nan, worked.values), reasons)
