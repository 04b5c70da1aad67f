"""How many events a register lacks, by the days of published totals, and whom they can be of.

Counts alone: a published total less what the register holds over the same days. Every missing
event is taken as the first studied one of a council without a record, the most that totals allow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evallib.exposure.exposure import NO_RECORD, Exposure
from evallib.exposure.gaps import chances_without_record, share_of_totals
from evallib.panel.build import Panel
from evallib.panel.periods import PeriodRule
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year

SPANS = ["days", "from_month", "to_month", "published", "recorded", "missing", "rests_on"]
PUBLISHED, ASSUMED = "published total", "average share missing"
NO_TOTALS = (
    "No published total of the studied events is on file for the studied years: how many of them "
    "the register lacks is not known"
)

LACKS_NONE = "it lacks no event of the studied years"


@dataclass(frozen=True, slots=True)
class MissingEvents:
    """Events that published totals say took place and the register does not hold.

    Parameters
    ----------
    spans : pandas.DataFrame
        days (the total's label, or the financial year), from_month, to_month (first and last month,
        as periods), published (councils; missing where there is no total), recorded (councils in
        the register: half of those dated to the year only that may lie within a total's days
        count), missing (whole events) and rests_on, one row a span of days.
    months : pandas.PeriodIndex
        The M months from the first studied year to the last of which the register speaks.
    span : integer array, shape (M,)
        The span that each month lies in.
    cohort : integer array, shape (M,)
        First exposed period of an event in the month, by the outcome's own periods.
    is_studied : boolean array, shape (M,)
        Whether an event in the month is one that the plan studies, not a later one.
    codes : array of str, shape (U,)
        Councils without a record, sorted.
    weight : array, shape (U, spans)
        How likely a missing event of the span is each council's, beside the others; a column sums
        to 1.
    share_held : float
        The average share of events that the register holds.
    reason : str
        Why nothing can be said of how many are missing; empty where it can. The arrays are empty
        then but for `codes`.
    """

    spans: pd.DataFrame
    months: pd.PeriodIndex
    span: NDArray[np.int64]
    cohort: NDArray[np.int64]
    is_studied: NDArray[np.bool_]
    codes: NDArray[np.object_]
    weight: NDArray[np.float64]
    share_held: float
    reason: str = ""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Missing events of each span."""
        return np.asarray(self.spans["missing"], dtype=np.int64)


def missing_events(plan: Plan, panel: Panel, exposure: Exposure, rule: PeriodRule) -> MissingEvents:
    """Return the events that a register lacks, and how likely each is which council's.

    A published total that lies within the studied years gives the number of its own days; where
    totals overlap the shorter one does. Financial years without a total lack as large a share of
    events as all totals of the studied years together. Within a span councils without a record
    are as likely as `chances_without_record` has it: alike within a council type, types as the
    recorded first events are.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.
    rule : PeriodRule
        How the outcome's periods are measured.
    """
    if exposure.completeness is not None and exposure.completeness.is_whole:
        return _nothing(
            np.zeros(0, dtype=object), f"{exposure.completeness.sentence}: {LACKS_NONE}"
        )
    begin = parse_financial_year(plan.known_from)
    totals = exposure.coverage[exposure.coverage["is_studied"].astype(bool)]
    totals = totals[totals["to_date"] >= f"{begin}-04-01"]
    share, _ = share_of_totals(plan, exposure)
    if totals.empty or share <= 0:
        without = exposure.councils.loc[exposure.councils["status"] == NO_RECORD, "council_code"]
        return _nothing(np.sort(without.to_numpy(dtype=object)), NO_TOTALS)
    councils, months, chances = chances_without_record(plan, panel, exposure, share)
    spans, span = _spans(totals, months, exposure.councils["event_date"], share)
    blank = (councils["status"] == NO_RECORD).to_numpy()
    codes = councils.loc[blank, "council_code"].to_numpy(dtype=object)
    within = span[:, None] == np.arange(len(spans))[None, :]
    weight = chances[blank] @ within.astype(float)
    total = weight.sum(axis=0)
    weight = np.where(total > 0, weight / np.where(total > 0, total, 1.0), 1.0 / max(len(codes), 1))
    order = np.argsort(codes.astype(str))
    end = pd.Timestamp(parse_financial_year(plan.last_event_year) + 1, 4, 1)
    days = months.start_time
    return MissingEvents(
        spans=spans,
        months=months,
        span=span,
        cohort=np.array(
            [rule.period_of(day.date()) + plan.event_periods for day in days], dtype=np.int64
        ),
        is_studied=np.asarray(days < end),
        codes=codes[order],
        weight=weight[order],
        share_held=share,
    )


def _spans(
    totals: pd.DataFrame, months: pd.PeriodIndex, dates: pd.Series, share: float
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return the spans of days with their missing events, and the span of each month."""
    span = np.full(len(months), -1, dtype=np.int64)
    rows: list[tuple[object, ...]] = []
    first = pd.PeriodIndex(totals["from_date"].replace("", "1900-01-01"), freq="M")
    last = pd.PeriodIndex(totals["to_date"], freq="M")
    for place in np.argsort((last.asi8 - first.asi8), kind="stable"):
        here = (months >= first[place]) & (months <= last[place])
        if here.sum() < last.asi8[place] - first.asi8[place] + 1 or (span[here] >= 0).any():
            continue
        total = totals.iloc[place]
        held = (total["councils_in_register"] + total["councils_at_most"]) / 2
        published = int(total["councils_published"])
        missing = max(int(np.floor(published - held + 0.5)), 0)
        span[here] = len(rows)
        rows.append(
            (total["label"], first[place], last[place], published, held, missing, PUBLISHED)
        )
    year = np.asarray(months.year - (months.month < 4))
    event = pd.PeriodIndex(dates.dropna(), freq="M")
    for one in np.unique(year[span < 0]):
        here = (year == one) & (span < 0)
        held = float(event.isin(months[here]).sum())
        missing = int(np.floor(held * (1.0 / share - 1.0) + 0.5))
        span[here] = len(rows)
        within = months[here]
        label = format_financial_year(int(one))
        rows.append((label, within[0], within[-1], pd.NA, held, missing, ASSUMED))
    frame = pd.DataFrame(rows, columns=SPANS).astype({"published": "Int64"})
    order = np.argsort(pd.PeriodIndex(frame["from_month"]).asi8, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return frame.iloc[order].reset_index(drop=True), rank[span]


def _nothing(codes: NDArray[np.object_], reason: str) -> MissingEvents:
    """Return what is known where no event can be counted as missing: who has no record, and why."""
    none = np.zeros(0, dtype=np.int64)
    return MissingEvents(
        spans=pd.DataFrame(columns=SPANS),
        months=pd.PeriodIndex([], freq="M"),
        span=none,
        cohort=none,
        is_studied=none.astype(bool),
        codes=codes,
        weight=np.zeros((codes.size, 0)),
        share_held=float("nan"),
        reason=reason,
    )
