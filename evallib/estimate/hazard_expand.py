"""Durations as person-periods: a row for each period in which a unit is at risk."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.errors import EstimationError, Fault, first_five
from evallib.estimate.columns import read_numbers
from evallib.estimate.intake import require_columns


def person_periods(
    frame: pd.DataFrame,
    *,
    duration: str,
    event: str,
    unit: str | None = None,
    time: str = "time",
) -> pd.DataFrame:
    """Return a row for each period in which a unit is at risk, from a row a unit.

    Parameters
    ----------
    frame : DataFrame
        One row a unit. Is not changed.
    duration : str
        Column of whole periods observed, the last included: 3 gives periods 1, 2 and 3.
    event : str
        Column that is 1 where the last period ends with the event and 0 where it is cut off.
    unit : str, optional
        Column of names; without it units are numbered from 0 in a new column ``unit``.
    time : str
        Name of the new column of periods.

    Returns
    -------
    DataFrame
        The other columns repeated, ``time`` from 1 to the duration, and ``event`` 1 only in the
        period in which it happened.

    Raises
    ------
    EstimationError
        For durations that are not whole numbers from 1, events that are not 0 or 1, repeated
        units, and new columns that are there already; all together.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"council": ["a", "b"], "years": [2, 1], "visited": [1, 0]})
    >>> person_periods(frame, duration="years", event="visited", unit="council")
      council  visited  time
    0       a        0     1
    1       a        1     2
    2       b        0     1
    """
    require_columns(
        frame,
        {"duration": duration, "event": event, "unit": unit},
        (None, None),
        needs_exposure=False,
    )
    faults: list[Fault] = []
    length = read_numbers(frame[duration], duration, faults)
    happened = read_numbers(frame[event], event, faults)
    odd = ~(length >= 1) | (length != np.round(length)) & np.isfinite(length)
    if odd.any() and not faults:
        shown = first_five(list(length[odd]))
        what = f"{int(odd.sum())} durations are missing or no whole numbers from 1: {shown}"
        remedy = "Count whole periods; a unit that was never at risk has no row"
        faults.append(Fault(f"column {duration!r}", what, "", remedy))
    wrong = ~np.isin(happened, (0.0, 1.0))
    if wrong.any() and not faults:
        what = f"it holds values other than 0 and 1: {first_five(list(happened[wrong]))}"
        faults.append(Fault(f"column {event!r}", what, "", "Give 1 for the event, 0 for none"))
    if unit is not None and frame[unit].duplicated().any():
        twice = first_five(list(frame.loc[frame[unit].duplicated(), unit]))
        what = f"units have several rows: {twice}"
        faults.append(Fault(f"column {unit!r}", what, "", "Give one row a unit"))
    new = [time] if unit is not None else [time, "unit"]
    for name in new:
        if name in frame.columns and name != duration:
            what = "the frame has this column already"
            faults.append(
                Fault(f"new column {name!r}", what, "", "Rename it, or give another name")
            )
    if faults:
        raise EstimationError(faults)
    counts = length.astype(np.int64)
    place = np.repeat(np.arange(len(frame)), counts)
    last = np.cumsum(counts) - 1
    within = np.arange(place.size) - np.repeat(last - counts + 1, counts)
    long = frame.drop(columns=duration).iloc[place].reset_index(drop=True)
    ended = np.zeros(place.size, dtype=np.int64)
    ended[last] = happened.astype(np.int64)
    long[event] = ended
    long[time] = within + 1
    if unit is None:
        long.insert(0, "unit", place)
    return long
