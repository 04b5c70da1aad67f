"""Events of a register: when each can have happened, and whether a plan may date it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

PRECISION_ORDER = {"day": 0, "month": 1, "year": 2, "financial_year": 2}
CONFIDENCE_ORDER = {"low": 0, "medium": 1, "high": 2}
_JOINT = re.compile(r"\bjoint with ([^,;.]+)", re.IGNORECASE)


def read_events(register: pd.DataFrame) -> pd.DataFrame:
    """Return the usable rows of a register with the days on which each event can have happened.

    Parameters
    ----------
    register : pandas.DataFrame
        A register as the store holds it.

    Returns
    -------
    pandas.DataFrame
        council_code, council_name, kind, date_precision, confidence, note, earliest and latest
        (first and last possible day), event_date (the day that places the event in a period: the
        day itself, the first of the month, 1 July of a year, 1 October of a financial year) and
        joint_with (the partner's name where the note says 'joint with NAME', else empty).
    """
    rows = register[register["set_aside"] == ""]
    kept = ["council_code", "council_name", "kind", "date_precision", "confidence", "note"]
    events = rows[[*kept, "end_status"]].reset_index(drop=True)
    cells = rows["start_date"].reset_index(drop=True)
    precision = events["date_precision"]
    year = cells.str[:4].astype(int)
    month = pd.to_numeric(cells.str[5:7], errors="coerce").fillna(1).astype(int)
    day = pd.to_numeric(cells.str[8:10], errors="coerce").fillna(1).astype(int)
    first_month = month.where(precision.isin(["day", "month"]), 1)
    # A financial year given by its first day may also be written as the year alone.
    first_month = first_month.where(precision != "financial_year", 4)
    first_day = day.where(precision == "day", 1)
    earliest = pd.to_datetime({"year": year, "month": first_month, "day": first_day})
    latest = earliest.copy()
    by_month = precision == "month"
    by_year = precision.isin(["year", "financial_year"])
    latest[by_month] = earliest[by_month] + pd.offsets.MonthEnd(0)
    latest[by_year] = earliest[by_year] + pd.DateOffset(years=1) - pd.Timedelta(days=1)
    placed = earliest.copy()
    placed[by_year] = earliest[by_year] + pd.DateOffset(months=6)
    joint = events["note"].str.extract(_JOINT, expand=False).fillna("").str.strip()
    return events.assign(earliest=earliest, latest=latest, event_date=placed, joint_with=joint)


def is_dated(events: pd.DataFrame, precision: str, confidence: str) -> pd.Series:
    """Return whether each event passes a plan's precision and confidence."""
    fine = events["date_precision"].map(PRECISION_ORDER) <= PRECISION_ORDER[precision]
    sure = events["confidence"].map(CONFIDENCE_ORDER) >= CONFIDENCE_ORDER[confidence]
    return fine & sure


REVIEW_KINDS = ("progress_review", "follow_up")
CHALLENGE_KINDS = ("cpc", "finance_peer_review", "governance_peer_challenge")
REVIEW_LOOKBACK_MONTHS = 18


def orphan_reviews(events: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    """Return progress reviews and follow-ups whose challenge is not in the register.

    A review follows a challenge. Where none of the council's recorded challenges can lie in the
    18 months before it, a challenge took place that the register does not hold. Published
    progress reviews are due within a year of the visit; in the register nine in ten come within
    14 months, so 18 leaves room for delay. A finance or governance challenge has reviews of its
    own and counts as the review's challenge.

    Parameters
    ----------
    events : pandas.DataFrame
        Events as `read_events` returns them, of every kind.
    kinds : sequence of str
        The plan's kinds; reviews are looked at only where a challenge is studied.

    Returns
    -------
    pandas.DataFrame
        The reviews, `earliest` being moved back to the first day on which the missing challenge
        can have taken place.
    """
    if not set(kinds) & set(CHALLENGE_KINDS):
        return events.iloc[0:0]
    challenges = events[events["kind"].isin([*CHALLENGE_KINDS, *kinds])]
    reviews = events[events["kind"].isin(REVIEW_KINDS)]
    back = pd.DateOffset(months=REVIEW_LOOKBACK_MONTHS)
    orphans = []
    for position, review in zip(reviews.index, reviews.to_dict("records"), strict=True):
        own = challenges[challenges["council_code"] == review["council_code"]]
        since = review["earliest"] - back
        near = (own["earliest"] <= review["latest"]) & (own["latest"] >= since)
        if not near.any():
            orphans.append(position)
    found = reviews.loc[orphans]
    return found.assign(earliest=found["earliest"] - back)
