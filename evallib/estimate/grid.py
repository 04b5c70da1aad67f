"""Codes of integers and repeated keys, in time linear in the rows."""

from __future__ import annotations

import numpy as np

from evallib.estimate.result import BoolArray, IntArray


def dense_codes(values: IntArray) -> tuple[IntArray, IntArray]:
    """Return the sorted distinct values and the position of each value among them.

    Parameters
    ----------
    values : integer array, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> labels, codes = dense_codes(np.array([2015, 2013, 2015]))
    >>> labels.tolist(), codes.tolist()
    ([2013, 2015], [1, 0, 1])
    """
    if values.size == 0 or int(values.max()) - int(values.min()) > 4 * values.size + 1000:
        labels, codes = np.unique(values, return_inverse=True)
        return labels, np.asarray(codes, dtype=np.int64).reshape(-1)
    low = int(values.min())
    shifted = values - low
    there = np.zeros(int(values.max()) - low + 1, dtype=bool)
    there[shifted] = True
    place = np.cumsum(there) - 1
    return np.flatnonzero(there) + low, place[shifted]


def find_repeats(unit: IntArray, time: IntArray) -> BoolArray:
    """Return which rows repeat the unit and period of a row before them.

    Parameters
    ----------
    unit, time : integer arrays, shape (n,)
        Units as codes from 0.

    Examples
    --------
    >>> import numpy as np
    >>> find_repeats(np.array([0, 1, 0]), np.array([2013, 2013, 2013])).tolist()
    [False, False, True]
    """
    repeated = np.zeros(unit.size, dtype=bool)
    if unit.size == 0:
        return repeated
    low, span = int(time.min()), int(time.max()) - int(time.min()) + 1
    if span > time.size:
        periods, time = dense_codes(time)
        low, span = 0, periods.size
    cell = unit * span
    cell += time - low
    if int(cell.max()) > 50 * cell.size + 1000:
        first = np.unique(cell, return_index=True)[1]
        repeated[:] = True
        repeated[first] = False
        return repeated
    if int(np.bincount(cell).max()) > 1:
        repeated[:] = True
        repeated[np.unique(cell, return_index=True)[1]] = False
    return repeated
