"""When each unit is first exposed, from a column of exposure with whatever gaps it has."""

from __future__ import annotations

import numpy as np

from evallib.errors import InexactAdoptionWarning, first_five
from evallib.estimate.columns import Notes
from evallib.estimate.result import FloatArray, IntArray


def read_adoption(exposed: FloatArray, unit: IntArray, time: IntArray) -> tuple[FloatArray, bool]:
    """Return the first exposed period of each row's unit, and whether no exposure ends again.

    All rows count, those without an outcome too: they say when a unit was exposed.

    Parameters
    ----------
    exposed : array, shape (n,)
        1 where exposed, 0 elsewhere.
    unit, time : integer arrays, shape (n,)

    Returns
    -------
    array, shape (n,), infinite for units that are never exposed, and a bool.

    Examples
    --------
    >>> import numpy as np
    >>> unit, time = np.array([0, 0, 0, 1, 1, 1]), np.array([2014, 2015, 2016] * 2)
    >>> start, _ = read_adoption(np.array([0, 1, 1, 0, 0, 0]), unit, time)
    >>> start.tolist()
    [2015.0, 2015.0, 2015.0, inf, inf, inf]
    """
    first = np.full(int(unit.max()) + 1, np.inf)
    is_exposed = exposed > 0
    np.minimum.at(first, unit[is_exposed], time[is_exposed].astype(float))
    start = first[unit]
    return start, bool(is_exposed[time >= start].all())


def warn_inexact(
    start: FloatArray,
    unit: IntArray,
    time: IntArray,
    units: np.ndarray[tuple[int], np.dtype[np.object_]],
    notes: Notes,
) -> None:
    """Warn of units that have no row in the period before their first exposed one.

    A period is the smallest step between the frame's periods. Units exposed in the frame's first
    period are not among them: nobody has a row before it.

    Parameters
    ----------
    start : array, shape (n,)
        The first exposed period of each row's unit.
    unit, time : integer arrays, shape (n,)
    units : array
        Labels of the units.

    Warns
    -----
    InexactAdoptionWarning
    """
    periods = np.unique(time)
    if periods.size < 2:
        return
    step = int(np.diff(periods).min())
    first, last = np.full(units.size, np.inf), np.full(units.size, -np.inf)
    first[unit] = start
    before = time < start
    np.maximum.at(last, unit[before], time[before].astype(float))
    inexact = np.isfinite(first) & (first > periods[0]) & (last < first - step)
    if not inexact.any():
        return
    shown = [
        f"{units[k]} (taken as {first[k]:g}, "
        + (f"last row before it {last[k]:g})" if np.isfinite(last[k]) else "no row before it)")
        for k in np.flatnonzero(inexact)
    ]
    text = (
        f"{len(shown)} units have no row in the period before their first exposed one and may have "
        f"adopted earlier: {first_five(shown)}. Give cohort= where the date is known."
    )
    notes.warn(InexactAdoptionWarning, text)
