"""How judgements move from one inspection to the next, inside one framework."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate, fit

HORIZON = 3.0


@dataclass(frozen=True, slots=True)
class Regrading:
    """Movement between grades under one framework.

    Parameters
    ----------
    framework : str
    councils, pairs : int
        Councils with a judgement, and judgements with a next one under the framework.
    shares : Estimate or None
        Shares of each grade followed by each grade at the next inspection.
    process : Estimate or None
        Rates of change per year, steps to the next grade up or down only.
    reason : str
        Why one of them is missing.
    """

    framework: str
    councils: int
    pairs: int
    shares: Estimate | None
    process: Estimate | None
    reason: str


def find_regrading(
    judgements: pd.DataFrame, ladders: Mapping[str, Sequence[str]], level: float = 0.95
) -> tuple[Regrading, ...]:
    """Estimate how grades move between inspections of a council, framework by framework.

    Parameters
    ----------
    judgements : pandas.DataFrame
        council_code, framework, year, judgement.
    ladders : mapping of str to sequence of str
        The judgements of each framework from the lowest to the highest.
    level : float
        Confidence level.

    Returns
    -------
    tuple of Regrading
        One a framework, in the order of their first year.

    Examples
    --------
    >>> rows = [(f"E{n}", "sif", 2014 + 2 * t, "ab"[(n + t) % 2]) for n in range(9) for t in (0, 1)]
    >>> frame = pd.DataFrame(rows, columns=["council_code", "framework", "year", "judgement"])
    >>> found = find_regrading(frame, {"sif": ("a", "b")})
    >>> found[0].pairs, found[0].shares.point.tolist()
    (9, [0.0, 1.0, 1.0, 0.0])
    """
    order = judgements.groupby("framework")["year"].min().sort_values(kind="stable").index
    return tuple(
        _one(str(name), judgements[judgements["framework"] == name], ladders[str(name)], level)
        for name in order
    )


def _one(framework: str, rows: pd.DataFrame, ladder: Sequence[str], level: float) -> Regrading:
    """Return the movement under one framework."""
    councils = rows["council_code"].nunique()
    pairs = len(rows) - councils
    frame = rows.assign(grade=pd.Categorical(rows["judgement"], list(ladder), ordered=True))
    shares, reason = _fit(frame, level, model="discrete")
    process = None
    if shares is not None:
        used = [grade for grade in ladder if (rows["judgement"] == grade).any()]
        steps = [*zip(used, used[1:], strict=False), *zip(used[1:], used, strict=False)]
        process, reason = _fit(frame, level, model="continuous", allowed=steps)
    return Regrading(framework, councils, pairs, shares, process, reason)


def _fit(frame: pd.DataFrame, level: float, **options: Any) -> tuple[Estimate | None, str]:
    """Return an estimate, or why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EvallibWarning)
            found = fit(
                "markov",
                frame,
                outcome="grade",
                unit="council_code",
                time="year",
                level=level,
                **options,
            )
            return found, ""
    except EstimationError as error:
        return None, " ".join(str(fault) for fault in error.faults)
