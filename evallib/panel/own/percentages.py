"""Percentages that are shares, or a mixture of both: told by their figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

_GAP = (
    5.0  # figures up to 1 and figures above it, with nothing between 1 and five times the largest
)
_FEW = 5  # figures that a year needs before its level is compared with other years'
_SERIES = 3  # figures that a council needs
PERCENT = "percent"
_WORDS = frozenset({"percent", "per cent", "percentage", "%", "pct"})


def is_percent(unit: str) -> bool:
    """Return whether a unit is per cent, in any of its spellings.

    Examples
    --------
    >>> is_percent("per cent"), is_percent("percentage points")
    (True, False)
    """
    return unit.strip().casefold() in _WORDS


@dataclass(frozen=True, slots=True)
class Mixture:
    """What is wrong with the scale of percentages.

    Parameters
    ----------
    kind : {'shares', 'mixed'}
        All lie between 0 and 1, or some seem to and others not.
    low, high : pandas.Index
        Rows of the figures from 0 to 1 and of the others.
    """

    kind: Literal["shares", "mixed"]
    low: pd.Index
    high: pd.Index


def find_mixture(figures: pd.DataFrame) -> Mixture | None:
    """Say whether percentages are shares from 0 to 1, or a mixture of shares and percentages.

    Parameters
    ----------
    figures : pandas.DataFrame
        council_code, period, value: one indicator's figures as they stand.

    Returns
    -------
    Mixture or None
        None where the figures may all be percentages. Zeros are on neither side. A mixture is
        seen in a gap between the two groups, or in years or councils that lie from 0 to 1 whole,
        where the small figures would be among the others if they were multiplied by 100.
    """
    value = figures["value"].to_numpy(dtype=float)
    nonzero = value != 0
    small = nonzero & (np.abs(value) <= 1)
    large = nonzero & ~small
    if not small.any():
        return None
    if not large.any():
        return Mixture("shares", figures.index[small], figures.index[large])
    size = pd.Series(np.abs(value), index=figures.index)
    if size[large].min() >= _GAP * size[small].max():
        suspect = small if _alike(size[small], size[large]) else np.zeros_like(small)
    else:
        by_year = _whole_groups(figures["period"], size, small, large, _FEW)
        suspect = by_year | _whole_groups(figures["council_code"], size, small, large, _SERIES)
    if not suspect.any():
        return None
    return Mixture("mixed", figures.index[suspect], figures.index[large])


def _whole_groups(
    groups: pd.Series, size: pd.Series, small: np.ndarray, large: np.ndarray, at_least: int
) -> np.ndarray:
    """Return the small figures of years or councils that hold only such."""
    found = np.zeros_like(small)
    for places in groups.reset_index(drop=True).groupby(groups.to_numpy()).indices.values():
        mine = np.zeros_like(small)
        mine[places] = True
        few = (mine & small).sum() < at_least
        if not few and not (mine & large).any() and _alike(size[mine & small], size[large]):
            found |= mine & small
    return found


def _alike(low: pd.Series, high: pd.Series) -> bool:
    """Return whether shares would be among the percentages if they were multiplied by 100."""
    begin, end = np.percentile(high, [5, 95])
    return bool(begin / 2 <= low.median() * 100 <= end * 2)
