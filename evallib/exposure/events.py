"""Events of a register: when each can have happened, and whether a plan may date it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

PRECISION_ORDER = {"day": 0, "month": 1, "year": 2, "financial_year": 2}
CONFIDENCE_ORDER = {"low": 0, "medium": 1, "high": 2}
_COLUMNS = [
    *("council_code", "council_name", "kind", "start_date", "date_precision", "end_date"),
    *("end_status", "confidence", "source_title", "source_url", "note"),
]
_PRECISION_OF_LENGTH = {4: "year", 7: "month", 10: "day"}
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
        council_code, council_name, kind, start_date (as written), date_precision, confidence,
        end_status, source_title, source_url, note, line (of the register; 0 where it has none),
        earliest and latest (first and last possible day), event_date (the day that places the
        event in a period: the day itself, the first of the month, 1 July of a year, 1 October of
        a financial year), end_earliest and end_latest (the days on which it can have ended, NaT
        where no end is on file) and joint_with (the partner's name where the note says 'joint
        with NAME', else empty).

    Notes
    -----
    A financial year is written by its first day. A row that is dated to the year and written as
    1 April is therefore dated to the financial year that begins then, whatever its
    date_precision says.
    """
    rows = register[register["set_aside"] == ""]
    given = rows[_COLUMNS].assign(line=rows.index if rows.index.name == "line" else 0)
    events = given.drop(columns="end_date").reset_index(drop=True)
    cells = events["start_date"]
    as_year = (events["date_precision"] == "year") & cells.str.endswith("-04-01")
    events.loc[as_year, "date_precision"] = "financial_year"
    precision = events["date_precision"]
    earliest, latest = possible_days(cells, precision)
    placed = earliest.copy()
    by_year = precision.isin(["year", "financial_year"])
    placed[by_year] = earliest[by_year] + pd.DateOffset(months=6)
    ends = given["end_date"].reset_index(drop=True)
    end_earliest, end_latest = possible_days(ends, ends.str.len().map(_PRECISION_OF_LENGTH))
    joint = events["note"].str.extract(_JOINT, expand=False).fillna("").str.strip()
    return events.assign(
        earliest=earliest,
        latest=latest,
        event_date=placed,
        end_earliest=end_earliest,
        end_latest=end_latest,
        joint_with=joint,
    )


def possible_days(cells: pd.Series, precision: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the first and the last day that dates can mean.

    Parameters
    ----------
    cells : pandas.Series of str
        YYYY, YYYY-MM or YYYY-MM-DD; an empty cell is no date.
    precision : pandas.Series of str
        day, month, year or financial_year; the part of a date beyond it is not read.

    Returns
    -------
    earliest, latest : pandas.Series of datetime
        NaT where the cell is empty.

    Examples
    --------
    >>> first, last = possible_days(pd.Series(["2024-04-01"]), pd.Series(["financial_year"]))
    >>> print(first[0].date(), last[0].date())
    2024-04-01 2025-03-31
    """
    year = pd.to_numeric(cells.str[:4], errors="coerce")
    month = pd.to_numeric(cells.str[5:7], errors="coerce").fillna(1)
    day = pd.to_numeric(cells.str[8:10], errors="coerce").fillna(1)
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
    return earliest, latest


def is_dated(events: pd.DataFrame, precision: str, confidence: str) -> pd.Series:
    """Return whether each event passes a plan's precision and confidence."""
    fine = events["date_precision"].map(PRECISION_ORDER) <= PRECISION_ORDER[precision]
    sure = events["confidence"].map(CONFIDENCE_ORDER) >= CONFIDENCE_ORDER[confidence]
    return fine & sure


REVIEW_KINDS = ("progress_review", "follow_up")
CHALLENGE_KINDS = ("cpc", "finance_peer_review", "governance_peer_challenge")
REVIEW_LOOKBACK_MONTHS = 18
# Facts that nothing happened: never up to start_date, or none from start_date to end_date.
NEVER, NONE_BETWEEN = "never_by_date", "none_between"
_NONE_OF = re.compile(r"\bnone of: ([a-z0-9_]+(?:, [a-z0-9_]+)*)")


def denied_kinds(note: str) -> tuple[str, ...]:
    """Return the kinds that a fact of kind `NEVER` or `NONE_BETWEEN` denies.

    Those that the note lists after 'none of: '; without a list, challenges of every kind.

    Examples
    --------
    >>> denied_kinds("FoI reply; none of: cpc, finance_peer_review")
    ('cpc', 'finance_peer_review')
    """
    listed = _NONE_OF.search(note)
    return tuple(listed[1].split(", ")) if listed else CHALLENGE_KINDS


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
    pairs = (
        reviews.rename_axis("review")
        .reset_index()
        .merge(
            challenges[["council_code", "earliest", "latest"]],
            on="council_code",
            suffixes=("", "_challenge"),
        )
    )
    since = pairs["earliest"] - back
    near = (pairs["earliest_challenge"] <= pairs["latest"]) & (pairs["latest_challenge"] >= since)
    found = reviews[~reviews.index.isin(pairs.loc[near, "review"])]
    return found.assign(earliest=found["earliest"] - back)
