"""What the tables hold for one council."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evallib.errors import DataError, Fault, did_you_mean
from evallib.panel import Store

_EVENT_COLUMNS = ["register", "kind", "start_date", "end_date", "confidence", "set_aside"]


@dataclass(frozen=True, slots=True)
class CouncilProfile:
    """One council: who it is, its events, its figures beside its type, and what is missing.

    Parameters
    ----------
    code, name, council_type, region : str
        The council, under its current code.
    events : pandas.DataFrame
        register, kind, start_date, end_date, confidence, set_aside (why a row cannot be used).
    series : pandas.DataFrame
        indicator, title, unit, fin_year, value, type_median, n_councils: the median of all
        councils of its type in that year, and how many there are.
    gaps : pandas.DataFrame
        indicator and the financial years without a figure, between the first and the last that
        councils of its type have.
    """

    code: str
    name: str
    council_type: str
    region: str
    events: pd.DataFrame
    series: pd.DataFrame
    gaps: pd.DataFrame


def council_profile(store: Store, code: str) -> CouncilProfile:
    """Return what the tables hold for one council.

    Parameters
    ----------
    store : Store
        The tables.
    code : str
        A council's code, current or former.

    Returns
    -------
    CouncilProfile
        Its events, figures and gaps.

    Raises
    ------
    DataError
        If no table knows the code.
    """
    current = str(store.book.follow(pd.Series([code], dtype="str")).iloc[0])
    row = store.councils[store.councils["council_code"] == current]
    if row.empty:
        known = list(store.councils["council_code"])
        named = store.councils[store.councils["council_name"].str.lower() == code.lower()]
        hint = (
            f" {named['council_name'].iloc[0]} is {named['council_code'].iloc[0]}."
            if len(named)
            else did_you_mean(code, known)
        )
        what = f"no council has this code.{hint}"
        remedy = f"The codes are in {store.label}/councils.csv"
        raise DataError([Fault(code, what, "", remedy)])
    council = row.iloc[0]
    series = _series(store, current, str(council["council_type"]))
    return CouncilProfile(
        code=current,
        name=str(council["council_name"]),
        council_type=str(council["council_type"]),
        region=str(council["region"]),
        events=_events(store, current),
        series=series[series["value"].notna()].reset_index(drop=True),
        gaps=_gaps(series),
    )


def _events(store: Store, code: str) -> pd.DataFrame:
    parts = [
        table[table["council_code"] == code].assign(register=name)
        for name, table in store.registers.items()
    ]
    events = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    events = events.reindex(columns=_EVENT_COLUMNS).sort_values(["start_date", "kind"])
    return events.fillna("").reset_index(drop=True)


def _series(store: Store, code: str, council_type: str) -> pd.DataFrame:
    """Return every indicator and year that councils of the type have; missing where it has not."""
    peers = store.councils.loc[store.councils["council_type"] == council_type, "council_code"]
    # One indicator after the other: a large store is never whole in memory.
    parts = [
        held[held["council_code"].isin(set(peers))]
        for held in (store.figures([name]) for name in store.held())
        if held["council_code"].eq(code).any()
    ]
    figures = pd.concat(parts or [store.figures([])], ignore_index=True)
    keys = ["indicator", "period", "fin_year"]
    medians = (
        figures.groupby(keys)
        .agg(type_median=("value", "median"), n_councils=("value", "count"))
        .reset_index()
    )
    own = figures.loc[figures["council_code"] == code, ["indicator", "period", "value"]]
    own = own[own["indicator"].notna()]
    held = medians[medians["indicator"].isin(set(own["indicator"]))]
    joined = held.merge(own, on=["indicator", "period"], how="left")
    about = store.catalogue.frame[["indicator", "title", "unit"]]
    joined = joined.merge(about, on="indicator", how="left").sort_values(["indicator", "period"])
    columns = ["indicator", "title", "unit", "fin_year", "value", "type_median", "n_councils"]
    return joined[columns].reset_index(drop=True)


def _gaps(series: pd.DataFrame) -> pd.DataFrame:
    missing = series[series["value"].isna()]
    rows = [
        (str(indicator), ", ".join(part["fin_year"]))
        for indicator, part in missing.groupby("indicator", sort=False)
    ]
    return pd.DataFrame(rows, columns=["indicator", "years"])
