"""Which rows begin exposure and which are clean comparison, where exposure ends again."""

from __future__ import annotations

from typing import Literal

import numpy as np

from evallib.estimate.paths import fill_between
from evallib.estimate.result import BoolArray, FloatArray, IntArray


def find_entries(
    state: FloatArray,
    periods: IntArray,
    horizons: list[int],
    stabilise: int | Literal["first_entry"],
) -> tuple[BoolArray, BoolArray]:
    """Return rows that begin exposure and rows without any change, for a projection.

    A row of period t begins exposure where the unit was not exposed in the ``stabilise`` periods
    before t (the horizon's own reach, where that goes further back), is exposed in t and stays so
    to the last horizon. It is clean where exposure does not change from ``stabilise`` periods
    before t to the last horizon, or to t. Before its first row a unit is taken as unchanged; one
    that is exposed in its first row has changed in that period.

    Parameters
    ----------
    state : array, shape (N, T)
        1, 0, NaN where no row says so. A change in a gap counts in each of its periods.
    periods : integer array, shape (T,), sorted
    horizons : list of int
    stabilise : int or 'first_entry'
        With 'first_entry' all earlier periods count.

    Returns
    -------
    two boolean arrays, shape (N, T)

    Examples
    --------
    >>> import numpy as np
    >>> state = np.array([[0, 1, 1, 0, 0, 1.0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]])
    >>> begins, clean = find_entries(state, np.arange(2010, 2016), [0], 2)
    >>> begins.astype(int).tolist()
    [[0, 1, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    >>> clean.astype(int).tolist()
    [[1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1]]

    References
    ----------
    Dube, Girardi, Jorda and Taylor (2025), Journal of Applied Econometrics 40(7),
    doi:10.1002/jae.70000, section 4.2
    """
    filled = fill_between(state)
    known = ~np.isnan(filled)
    started = np.maximum.accumulate(known, axis=1)
    unclear = started & ~known
    before = np.column_stack([np.full(len(filled), np.nan), filled[:, :-1]])
    is_first = started & ~np.column_stack([np.zeros(len(filled), dtype=bool), started[:, :-1]])
    change = unclear | (known & (filled != np.where(is_first, 0.0, before)))
    reach = int(periods[-1] - periods[0]) + 1 if stabilise == "first_entry" else stabilise
    reach = max(reach, -min(horizons))
    last = max(0, *horizons)
    earlier = _count(unclear | (filled == 1), periods, -reach, -1)
    begins = (filled == 1) & (before == 0) & (earlier == 0)
    begins &= _count(change, periods, 1, last) == 0
    return begins, known & (_count(change, periods, -reach, last) == 0)


def _count(flag: BoolArray, periods: IntArray, first: int, last: int) -> IntArray:
    """Return how many periods have a flag from ``first`` to ``last``, counted from each period."""
    total = np.column_stack([np.zeros(len(flag), dtype=np.int64), np.cumsum(flag, axis=1)])
    low = np.searchsorted(periods, periods + first, side="left")
    high = np.searchsorted(periods, periods + last, side="right")
    return np.asarray(total[:, np.maximum(high, low)] - total[:, low])
