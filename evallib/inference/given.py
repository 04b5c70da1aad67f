"""What was given to a question: one design, several, or something else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from evallib.design import Design
from evallib.errors import EstimationError, Fault, type_words


def given_designs(given: Design | Iterable[Design]) -> list[Design]:
    """Return the designs that were given, as a list.

    Parameters
    ----------
    given : Design, Designs or iterable of Design

    Raises
    ------
    EstimationError
        For anything else.

    Examples
    --------
    >>> given_designs("recycling_rate_pct")
    Traceback (most recent call last):
    evallib.errors.EstimationError: designs: a str is no design. Give what evallib.build_designs \
returned; tidy frames go to evallib.fit.
    """
    many: list[Any] = [given]
    if isinstance(given, Iterable) and not isinstance(given, str | pd.DataFrame):
        many = list(given)
    if odd := [one for one in many if not isinstance(one, Design)]:
        what = f"{type_words(odd[0])} is no design"
        remedy = "Give what evallib.build_designs returned; tidy frames go to evallib.fit"
        raise EstimationError([Fault("designs", what, "", remedy)])
    return many


def require_given(*given: tuple[str, object, type, str]) -> None:
    """Refuse what is not of the type that a question takes, all at once.

    Parameters
    ----------
    *given : tuple of (str, object, type, str)
        Name of the argument, what was given, the type, and what returns such an object.

    Raises
    ------
    EstimationError
        For anything else.

    Examples
    --------
    >>> require_given(("checks", 3, Design, "evallib.check"))
    Traceback (most recent call last):
    evallib.errors.EstimationError: checks: an int is no Design. Give what evallib.check returned.
    """
    faults = [
        Fault(name, f"{type_words(one)} is no {kind.__name__}", "", f"Give what {door} returned")
        for name, one, kind, door in given
        if not isinstance(one, kind)
    ]
    if faults:
        raise EstimationError(faults)
