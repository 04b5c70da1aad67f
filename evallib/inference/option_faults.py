"""Options that several questions have: numbers, a level, a whole number, and their faults."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real

import numpy as np

from evallib.errors import Fault
from evallib.estimate.result import FloatArray


def read_numbers(given: object) -> FloatArray:
    """Return numbers as a flat array; what is not of numbers becomes NaN, to be refused.

    Parameters
    ----------
    given : float or sequence of float

    Examples
    --------
    >>> read_numbers(0.5).tolist(), read_numbers("x").tolist()
    ([0.5], [nan])
    """
    try:
        return np.asarray(given, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        return np.array([np.nan])


def level_faults(level: object) -> Iterator[Fault]:
    """Yield why a level of confidence cannot be used.

    Parameters
    ----------
    level : object
        From 0.5 up to but not 1.
    """
    if not isinstance(level, Real) or not 0.5 <= float(level) < 1:
        what = f"level {level!r} is not between 0.5 and 1"
        yield Fault("option 'level'", what, "", "Use 0.95 for 95 per cent")


def number_faults(
    name: str, number: object, least: int, why: str = "", remedy: str = "Give one, such as 999"
) -> Iterator[Fault]:
    """Yield why something is no whole number from some number on.

    Parameters
    ----------
    name : str
        Of the option.
    number : object
    least : int
    why, remedy : str
        As in `Fault`.

    Examples
    --------
    >>> [str(fault) for fault in number_faults("seed", -1, 0)]
    ["option 'seed': -1 is not a whole number from 0 on. Give one, such as 999."]
    """
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
        what = f"{number!r} is not a whole number from {least} on"
        yield Fault(f"option {name!r}", what, why, remedy)
