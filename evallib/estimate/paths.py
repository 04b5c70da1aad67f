"""Exposure that begins and ends again: which ends are on record, and each unit's path.

A known 1 that is followed by a known 0 is an end that was observed. A missing value after a 1 is
an end that was not: from there on nobody knows whether the unit is exposed. A unit that is exposed
in its last row is still exposed; nothing is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.errors import EstimationError, Fault, UnknownExposureWarning, first_five
from evallib.estimate.columns import Notes
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.exposure.spells import ON_AND_OFF_SHARE


@dataclass(frozen=True, slots=True)
class Path:
    """Rows of exposure that ends, ordered, with what is known of each.

    Parameters
    ----------
    order : integer array, shape (n,)
        Rows by unit and period; the other arrays follow it.
    unit, time : integer arrays, shape (n,)
    ended : boolean array, shape (n,)
        An exposed row whose next row is known not to be.
    lost : boolean array, shape (n,)
        An exposed row whose next row is not known.
    used : boolean array, shape (n,)
        From the unit's first known row up to the last before one that is not known.
    """

    order: IntArray
    unit: IntArray
    time: IntArray
    ended: BoolArray
    lost: BoolArray
    used: BoolArray


def read_path(exposed: FloatArray, unit: IntArray, time: IntArray) -> Path:
    """Return what the rows of a 0/1 column with missing values say.

    Parameters
    ----------
    exposed : array, shape (n,)
        1 where exposed, 0 where not, NaN where not known.
    unit, time : integer arrays, shape (n,)
        Each pair once.

    Examples
    --------
    >>> import numpy as np
    >>> nan, unit, time = np.nan, np.repeat([0, 1], 4), np.tile([2013, 2014, 2015, 2016], 2)
    >>> path = read_path(np.array([0, 1, nan, 0, 1, 0, 0, 1]), unit, time)
    >>> path.ended.astype(int).tolist(), path.lost.astype(int).tolist()
    ([0, 0, 0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0])
    >>> path.used.astype(int).tolist()
    [1, 1, 0, 0, 1, 1, 1, 1]
    """
    order = np.lexsort((time, unit))
    unit, time, state = unit[order], time[order], exposed[order]
    same = np.append(unit[1:] == unit[:-1], False)
    following = np.append(state[1:], np.nan)
    on = (state == 1) & same
    known = ~np.isnan(state)
    first = np.flatnonzero(np.append(True, unit[1:] != unit[:-1]))
    number = np.cumsum(np.append(False, unit[1:] != unit[:-1]))
    seen = _count_within(known, first, number)
    broken = _count_within(~known & (seen > 0), first, number)
    return Path(
        order=order,
        unit=unit,
        time=time,
        ended=on & (following == 0),
        lost=on & np.isnan(following),
        used=(seen > 0) & (broken == 0),
    )


def _count_within(flag: BoolArray, first: IntArray, number: IntArray) -> IntArray:
    """Return how many rows of the same unit up to this one have a flag."""
    total = np.cumsum(flag)
    return np.asarray(total - (total - flag)[first][number], dtype=np.int64)


def settle_ends(
    exposed: FloatArray,
    unit: IntArray,
    time: IntArray,
    units: np.ndarray[tuple[int], np.dtype[np.object_]],
    name: str,
    notes: Notes,
) -> BoolArray:
    """Return which rows can be used: those of a unit while its exposure is known.

    Parameters
    ----------
    exposed, unit, time : arrays, shape (n,)
        See `read_path`.
    units : array
        Labels of the units.
    name : str
        Column of exposure.
    notes : Notes

    Raises
    ------
    EstimationError
        Where fewer than `ON_AND_OFF_SHARE` per cent of the ends are observed.

    Warns
    -----
    UnknownExposureWarning
        Where rows are left out because exposure is not known in them.
    """
    path = read_path(exposed, unit, time)
    observed, lost = int(path.ended.sum()), int(path.lost.sum())
    if lost and 100 * observed < ON_AND_OFF_SHARE * (observed + lost):
        shown = [f"{units[path.unit[k]]} after {path.time[k]}" for k in np.flatnonzero(path.lost)]
        what = (
            f"{lost} of {observed + lost} ends of exposure are not known, "
            f"{observed / (observed + lost):.0%} are: {first_five(shown)}"
        )
        why = f"below {ON_AND_OFF_SHARE:.0f}% it is guesswork who is still exposed and who compares"
        remedy = "Find the ends, or give cohort= to an estimator of the first exposure"
        raise EstimationError([Fault(f"column {name!r}", what, why, remedy)])
    used = np.empty(len(exposed), dtype=bool)
    used[path.order] = path.used
    if not used.any():
        what = "exposure is known in no row"
        raise EstimationError([Fault(f"column {name!r}", what, "", "Check how it was joined")])
    if not used.all():
        gone = ~path.used
        first = np.flatnonzero(gone & ~np.append(False, gone[:-1] & (np.diff(path.unit) == 0)))
        shown = [f"{units[path.unit[k]]} from {path.time[k]}" for k in first]
        text = (
            f"{int(gone.sum())} rows are left out because {name!r} is missing in them or earlier, "
            f"so that it is not known whether the unit is exposed: {first_five(shown)}."
        )
        notes.warn(UnknownExposureWarning, text)
    return used


def fill_between(state: FloatArray) -> FloatArray:
    """Return states with gaps filled where the states on both sides are the same.

    Parameters
    ----------
    state : array, shape (N, T)
        1, 0, or NaN where there is no row.

    Examples
    --------
    >>> import numpy as np
    >>> nan = np.nan
    >>> fill_between(np.array([[nan, 0, nan, 0, nan, 1, nan]]))
    array([[nan,  0.,  0.,  0., nan,  1., nan]])
    """
    before, after = _carry(state), _carry(state[:, ::-1])[:, ::-1]
    return np.where(before == after, before, np.nan)


def _carry(state: FloatArray) -> FloatArray:
    """Return the last known state up to each period."""
    place = np.where(np.isnan(state), 0, np.arange(state.shape[1]))
    np.maximum.accumulate(place, axis=1, out=place)
    return np.asarray(np.take_along_axis(state, place, axis=1))
