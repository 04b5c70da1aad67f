"""Councils whose exposure is not known: what is on file, what to ask, and how likely each answer.

The likelihoods are counts: how much of the published totals the register holds, spread over the
councils without a record of each type as the recorded first events are. Nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evallib.exposure.events import is_dated, orphan_reviews
from evallib.exposure.exposure import DATE_UNKNOWN, NO_RECORD, Exposure
from evallib.exposure.spells import known_to
from evallib.panel.build import Panel
from evallib.panel.days import studied_days
from evallib.panel.ladders import studied_kinds
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year

ASSUMED_SHARE = 0.75
MOST_LIKELY = 0.95
GAPS = [
    *("council_code", "council_name", "council_type", "region", "status", "reason", "event_date"),
    *("earlier_event", "never_before", "earliest", "latest"),
]


@dataclass(frozen=True, slots=True)
class Gaps:
    """Councils whose exposure is not known.

    Parameters
    ----------
    frame : pandas.DataFrame
        council_code, council_name, council_type, region, status (``no_record`` or
        ``exposed_date_unknown``), reason, event_date, earlier_event, never_before (as in
        `Exposure.councils`), earliest and latest (possible days of the event whose date is not
        known), one row a council.
    months : pandas.PeriodIndex
        The M months from the first studied year to the last of which the register speaks.
    chances : array, shape (N, M)
        The probability that the council's first event of the studied years fell in the month.
    never : array, shape (N,)
        The probability that there was none. What is missing to 1 is the probability that looking
        leaves the council where it is: its event lay before the studied years.
    share_held : float
        The share of events that the register is taken to hold.
    share_from : str
        Where that share comes from, in words.
    """

    frame: pd.DataFrame
    months: pd.PeriodIndex
    chances: np.ndarray
    never: np.ndarray
    share_held: float
    share_from: str


def share_of_totals(plan: Plan, exposure: Exposure) -> tuple[float, str]:
    """Return the share of published events that the register holds, and where that comes from.

    Of the totals that end in the studied years; half of the events that are dated to the year
    only and may lie within a total's days are taken to do so. Without totals: `ASSUMED_SHARE`.
    """
    totals = exposure.coverage[exposure.coverage["is_studied"].astype(bool)]
    totals = totals[totals["to_date"] >= f"{parse_financial_year(plan.known_from)}-04-01"]
    published = int(totals["councils_published"].sum())
    if not published:
        return ASSUMED_SHARE, "no total of the studied events is published: assumed"
    held = (totals["councils_in_register"] + totals["councils_at_most"]).sum() / 2
    share = min(float(held) / published, 1.0)
    return share, f"{held:g} of {published} councils in {len(totals)} published totals"


def find_gaps(
    plan: Plan, panel: Panel, exposure: Exposure, share_held: float | None = None
) -> Gaps:
    """Return the councils whose exposure a plan does not know.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.
    share_held : float, optional
        The share of events that the register holds, in place of `share_of_totals`.

    Returns
    -------
    Gaps
        Councils that went out of office before the studied years are left out.
    """
    share, where = (share_held, "given") if share_held else share_of_totals(plan, exposure)
    councils, months, chances = chances_without_record(plan, panel, exposure, share)
    begin, until = months[0].start_time, _last_day(plan, exposure)
    spans = _doubtful_spans(plan, exposure, begin)
    never = np.where(councils["status"] == NO_RECORD, 1.0 - chances.sum(axis=1), 0.0)
    for place, row in enumerate(councils.to_dict("records")):
        if row["status"] == DATE_UNKNOWN:
            span = spans.get(row["council_code"], (begin, until))
            chances[place] = _chances_of_span(span, row, months)
    frame = councils.assign(
        earliest=councils["council_code"].map({code: span[0] for code, span in spans.items()}),
        latest=councils["council_code"].map({code: span[1] for code, span in spans.items()}),
    )
    is_gap = frame["status"].isin([NO_RECORD, DATE_UNKNOWN]).to_numpy()
    return Gaps(
        frame.loc[is_gap, GAPS].reset_index(drop=True),
        months,
        chances[is_gap],
        never[is_gap],
        share,
        where,
    )


def chances_without_record(
    plan: Plan, panel: Panel, exposure: Exposure, share: float
) -> tuple[pd.DataFrame, pd.PeriodIndex, np.ndarray]:
    """Return councils, months and, for those without a record, the chance of a first event (N, M).

    By council type and financial year, the events that the register lacks (recorded ones times
    1/share - 1) fall on the councils without a record alike; within a year on months alike.
    Councils that went out of office before the studied years are left out.

    Parameters
    ----------
    plan, panel, exposure
        As in `find_gaps`.
    share : float
        The share of events that the register holds.
    """
    begin, _ = studied_days(plan)
    months = pd.period_range(begin, _last_day(plan, exposure), freq="M")
    councils = exposure.councils.merge(
        panel.store.councils[["council_code", "council_type", "region", "valid_to"]],
        on="council_code",
        how="left",
    )
    gone = pd.to_datetime(councils["valid_to"], errors="coerce") < begin
    councils = councils[~gone].reset_index(drop=True)
    chances = np.zeros((len(councils), len(months)))
    year = months.year - (months.month < 4)
    dates = councils["event_date"]
    event_year = dates.dt.year - (dates.dt.month < 4)
    for kind in councils["council_type"].unique():
        here = (councils["council_type"] == kind).to_numpy()
        blank = here & (councils["status"] == NO_RECORD).to_numpy()
        if not blank.any():
            continue
        for first in np.unique(year):
            recorded = int((here & (event_year == first).to_numpy()).sum())
            each = recorded * (1.0 / share - 1.0) / int(blank.sum())
            within = np.asarray(year == first)
            chances[np.ix_(blank, within)] = each / int(within.sum())
    total = chances.sum(axis=1, keepdims=True)
    chances *= np.where(total > MOST_LIKELY, MOST_LIKELY / np.maximum(total, 1e-300), 1.0)
    return councils, months, chances


def _last_day(plan: Plan, exposure: Exposure) -> pd.Timestamp:
    """Return the last day of which the register speaks, not before the studied years begin."""
    begin, _ = studied_days(plan)
    return max(known_to(exposure.events), begin)


def _doubtful_spans(
    plan: Plan, exposure: Exposure, begin: pd.Timestamp
) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
    """Return the possible days of the first doubtful event of each council."""
    kinds = studied_kinds(plan)
    events = pd.concat([exposure.events.assign(doubt=""), exposure.passed_on], ignore_index=True)
    studied = events[events["kind"].isin(kinds)]
    dated = is_dated(studied, plan.date_precision, plan.min_confidence)
    undated = studied[~dated | (studied["doubt"] != "")]
    doubtful = pd.concat([undated, orphan_reviews(events, kinds)])
    doubtful = doubtful[doubtful["latest"] >= begin].drop_duplicates("council_code")
    return {
        str(row["council_code"]): (row["earliest"], row["latest"])
        for row in doubtful.to_dict("records")
    }


def _chances_of_span(
    span: tuple[pd.Timestamp, pd.Timestamp], row: Mapping[Any, Any], months: pd.PeriodIndex
) -> np.ndarray:
    """Return the chance of each month where every possible day is as likely as another.

    Days before the studied years leave the council's dated event, where it has one, as its first.
    """
    days = pd.date_range(*span, freq="D").to_period("M")
    places = months.get_indexer(days)
    inside = places[places >= 0]
    chances = np.bincount(inside, minlength=len(months)) / max(len(days), 1)
    if not pd.isna(row["event_date"]):
        at = months.get_loc(pd.Period(row["event_date"], freq="M"))
        chances[at] += 1.0 - chances.sum()
    return np.asarray(chances, dtype=float)
