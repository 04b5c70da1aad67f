"""Registers that are declared complete: whether the declaration can be true of their rows."""

from __future__ import annotations

import datetime
from collections.abc import Collection

import pandas as pd

from evallib.errors import Fault, did_you_mean
from evallib.panel import schemas
from evallib.panel.days import day_in_words
from evallib.panel.register_rules import first_and_last_day
from evallib.plan.complete import Complete


def speaks_of(
    complete: Complete, kind: pd.Series, earliest: pd.Series, latest: pd.Series
) -> pd.Series:
    """Return which events are of the kinds of a declaration and may lie within its days.

    Parameters
    ----------
    complete : Complete
        What is declared.
    kind, earliest, latest : pandas.Series
        Of every event, with the days between which it began.
    """
    first, last = pd.Timestamp(complete.first_day), pd.Timestamp(complete.last_day)
    inside = (latest >= first) & (earliest <= last)
    return inside & kind.isin(list(complete.kinds)) if complete.kinds else inside


def complete_faults(
    table: pd.DataFrame,
    label: str,
    key: str,
    complete: Complete,
    known: Collection[str],
    limit: datetime.date,
) -> list[Fault]:
    """Return why a register cannot be as complete as it is declared.

    Parameters
    ----------
    table : pandas.DataFrame
        Its rows, as text.
    label : str
        How messages name it.
    key : str
        How they name the declaration.
    complete : Complete
        What is declared.
    known : collection of str
        The kinds that its rows may have.
    limit : datetime.date
        The last day of which it can speak.

    Returns
    -------
    list of Fault
        Kinds that it does not have, days after the limit, and rows of these kinds and days that
        no council has: the event would be that of one that counts as known to have had none.
    """
    faults = []
    for kind in complete.kinds:
        if kind not in known:
            faults.append(
                Fault(
                    f"{label}, {key}.kinds",
                    f"{kind!r} is not a kind of this register.{did_you_mean(kind, known)}",
                    "Councils would count as known not to have met it",
                    f"Use one of: {', '.join(sorted(known))}",
                )
            )
    if complete.last_day > limit.isoformat():
        faults.append(
            Fault(
                f"{label}, {key}.last_day",
                f"is {complete.last_day}, after {day_in_words(limit)}, the last day of "
                "which the register can speak",
                "Nobody can know that no event is missing",
                "Mend the day",
            )
        )
    told_of = speaks_of(complete, table["kind"], *first_and_last_day(table["start_date"]))
    without = table["council_code"].str.strip() == ""
    rows = table[told_of & table["kind"].isin(list(known)) & without]
    if len(rows):
        faults.append(
            Fault(
                f"{label}, column council_code, {schemas.place_of(rows, ('council_name', 'kind'))}",
                "an event has no council's code although the register is declared complete",
                "Its council would count as known not to have met one",
                f"Fill in the code, or take {key} out",
            )
        )
    return faults
