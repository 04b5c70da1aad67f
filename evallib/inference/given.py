"""The designs that were given to a question: one, several, or something else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from evallib.design import Design
from evallib.errors import EstimationError, Fault


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
        what = f"a {type(odd[0]).__name__} is no design"
        remedy = "Give what evallib.build_designs returned; tidy frames go to evallib.fit"
        raise EstimationError([Fault("designs", what, "", remedy)])
    return many
