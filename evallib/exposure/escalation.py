"""Escalation: the highest state that each council had met, and which state was in force."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evallib.exposure.events import CONFIDENCE_ORDER, is_dated
from evallib.exposure.spells import NOT_KNOWN, YES
from evallib.panel.ladders import Ladder

NONE = "none"
ENTRIES = [
    *("council_code", "council_name", "step", "state", "start_date", "earliest", "latest"),
    *("confidence", "is_dated", "state_before", "months_since"),
]
STATES = ["council_code", "fin_year", "period", "met", "met_at_most", "in_force"]


def first_entries(
    events: pd.DataFrame, ladder: Ladder, precision: str, confidence: str
) -> pd.DataFrame:
    """Return the first entry of each council to each state of an order.

    Parameters
    ----------
    events : pandas.DataFrame
        Events as `read_events` returns them.
    ladder : tuple of tuples of str
        Kinds by step, lowest first.
    precision, confidence : str
        A plan's `date_precision` and `min_confidence`.

    Returns
    -------
    pandas.DataFrame
        council_code, council_name, step (from 1), state (the kind of the first event on that
        step), start_date, earliest, latest, confidence, is_dated (whether it passes precision and
        confidence), state_before (the highest lower state entered before, empty where none) and
        months_since (from that entry, by the days that place both), one row a council and step.
    """
    step_of = {kind: at for at, kinds in enumerate(ladder, 1) for kind in kinds}
    own = events[events["kind"].isin(list(step_of))]
    own = own.assign(step=own["kind"].map(step_of), state=own["kind"])
    own = own.assign(is_dated=is_dated(own, precision, confidence))
    first = own.sort_values(["event_date", "latest"], kind="stable")
    first = first.drop_duplicates(["council_code", "step"])
    rows: list[dict[Any, Any]] = []
    for entry in first.sort_values(["council_code", "step"]).to_dict("records"):
        lower = [
            low
            for low in rows
            if low["council_code"] == entry["council_code"]
            and low["event_date"] < entry["event_date"]
        ]
        state, months = "", float("nan")
        if lower:
            state = lower[-1]["state"]
            months = (entry["event_date"] - lower[-1]["event_date"]).days / 30.4375
        rows.append({**entry, "state_before": state, "months_since": round(months, 1)})
    return pd.DataFrame(rows, columns=ENTRIES)


def states_by_year(
    events: pd.DataFrame,
    in_force: pd.DataFrame,
    grid: pd.DataFrame,
    ladder: Ladder,
    confidence: str,
) -> pd.DataFrame:
    """Return the highest state that each council had met, and that in force, by financial year.

    Parameters
    ----------
    events : pandas.DataFrame
        Events as `read_events` returns them.
    in_force : pandas.DataFrame
        See `in_force_by_year`.
    grid : pandas.DataFrame
        council_code, fin_year and period of the panel.
    ladder : tuple of tuples of str
        Kinds by step, lowest first.
    confidence : str
        Rows below it count in `met_at_most` only.

    Returns
    -------
    pandas.DataFrame
        council_code, fin_year, period, met (the highest state surely met by the last day of the
        year; ``none`` where no row says so, which is not 'never'), met_at_most (adds events dated
        too coarsely to tell, and rows of lower confidence) and in_force (the highest state surely
        in force on a day of the year; ``not known`` where a higher one may have been; ``none``
        where no recorded one can have been), one row a council and year.
    """
    step_of = {kind: at for at, kinds in enumerate(ladder, 1) for kind in kinds}
    own = events[events["kind"].isin(list(step_of))]
    rows = grid[["council_code", "fin_year", "period"]]
    ends = pd.to_datetime((rows["period"] + 1).astype(str) + "-03-31")
    sure = own["confidence"].map(CONFIDENCE_ORDER) >= CONFIDENCE_ORDER[confidence]
    met = pd.Series(NONE, index=rows.index)
    at_most = met.copy()
    for kinds in ladder:
        for kind in kinds:
            of_kind = own["kind"] == kind
            surely = own[of_kind & sure].groupby("council_code")["latest"].min()
            perhaps = own[of_kind].groupby("council_code")["earliest"].min()
            # Not `map`: it fails where no event of a kind is sure.
            met[surely.reindex(rows["council_code"]).to_numpy() <= ends] = kind
            at_most[perhaps.reindex(rows["council_code"]).to_numpy() <= ends] = kind
    wide = in_force.pivot(index=["council_code", "period"], columns="kind", values="in_force")
    here = rows[["council_code", "period"]].merge(
        wide.reset_index(), on=["council_code", "period"], how="left"
    )
    here.index = rows.index
    now = pd.Series(NONE, index=rows.index)
    for kinds in ladder:
        held = [kind for kind in kinds if kind in here]
        now[(here[held] == NOT_KNOWN).any(axis=1)] = NOT_KNOWN
        for kind in held:
            now[here[kind] == YES] = kind
    return rows.assign(met=met, met_at_most=at_most, in_force=now)[STATES].reset_index(drop=True)
