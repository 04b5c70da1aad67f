"""Several rows of one event: which rows tell of the same event, and which row is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evallib.exposure.events import (
    CHALLENGE_KINDS,
    CONFIDENCE_ORDER,
    NEVER,
    NONE_BETWEEN,
    PRECISION_ORDER,
)

SAME_EVENT_DAYS = 31
# An act of government or of an officer is a letter with a date of its own: two letters within a
# month are two acts ('second notice'), so that only rows of the same date are one.
ACTS = (
    "section_114_notice",
    "best_value_notice",
    "best_value_statutory_intervention",
    "childrens_improvement_notice",
    "childrens_statutory_direction",
    "send_improvement_notice",
    "exceptional_financial_support",
    "exceptional_financial_support_withdrawn",
)
_CHALLENGES = {*CHALLENGE_KINDS, "cpc_or_lga_support"}
_WHOLE_YEAR = "financial_year"
_COARSE = {"year", _WHOLE_YEAR}
_ORDER = ("precision", "confidence", "day")
Event = Mapping[Any, Any]
JOINED = [
    *("council_code", "council_name", "kind", "kept_date", "kept_precision", "kept_confidence"),
    *("kept_source", "kept_line", "joined_date", "joined_precision", "joined_confidence"),
    *("joined_source", "joined_line", "days_between"),
]
ALIKE = [
    *("council_code", "council_name", "kind", "start_date", "date_precision", "confidence"),
    *("other_kind", "other_start_date", "other_confidence", "days_between", "why_distinct"),
]


def join_same_events(events: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return events with several rows of one event made one, and what was joined.

    Two rows of one council and kind are the same event when their possible days overlap or, where
    both are dated to the month or the day, lie at most `SAME_EVENT_DAYS` apart. Rows of `ACTS`
    are the same event only when they carry the same date. The row of the finer precision is
    taken, then that of the higher confidence, then that of the earlier day, then the first; a
    coarse row never joins two finer ones that are distinct: it goes to the first that it fits.

    Parameters
    ----------
    events : pandas.DataFrame
        Events as `read_events` returns them.

    Returns
    -------
    events : pandas.DataFrame
        The rows that were taken, in their order; date, confidence and source are those of the
        row taken, the end that of the first row with one.
    joined : pandas.DataFrame
        One row a row that was not taken: council, kind, the date, precision, confidence, source
        and line of both rows and the days between them (0 where they overlap).
    """
    near = _near_pairs(events)
    near = near[near["kind"] == near["kind_other"]]
    keys = pd.MultiIndex.from_frame(near[["council_code", "kind"]])
    of_event = pd.MultiIndex.from_frame(events[["council_code", "kind"]])
    repeated = events[of_event.isin(keys)]
    by_row = repeated.to_dict("index")
    dropped: list[Any] = []
    table: list[tuple[Any, ...]] = []
    ends: dict[Any, Any] = {}
    for _, rows in repeated.groupby(["council_code", "kind"], sort=False):
        kept: list[Any] = []
        for place in _best_first(rows):
            event = by_row[place]
            same = next((k for k in kept if is_same_event(by_row[k], event)), None)
            if same is None:
                kept.append(place)
                continue
            dropped.append(place)
            table.append(_joined_row(by_row[same], event))
            if pd.isna(by_row[same]["end_latest"]) and not pd.isna(event["end_latest"]):
                ends.setdefault(same, place)
    result = events.copy()
    columns = ["end_earliest", "end_latest", "end_status"]
    for taken, other in ends.items():
        result.loc[taken, columns] = events.loc[other, columns]
    return result.drop(index=dropped).reset_index(drop=True), pd.DataFrame(table, columns=JOINED)


def is_same_event(one: Event, other: Event) -> bool:
    """Return whether two rows of one council tell of the same event.

    Parameters
    ----------
    one, other : mapping
        kind, date_precision, earliest and latest possible day of each.
    """
    if one["kind"] != other["kind"]:
        return False
    if one["kind"] in (NEVER, NONE_BETWEEN):
        same = ("earliest", "latest", "end_latest", "note")
        return all(one[key] is other[key] or one[key] == other[key] for key in same)
    if one["kind"] in ACTS:
        return bool(one["earliest"] == other["earliest"] and one["latest"] == other["latest"])
    slack = 0 if _COARSE & {one["date_precision"], other["date_precision"]} else SAME_EVENT_DAYS
    return days_between(one, other) <= slack


def days_between(one: Event, other: Event) -> int:
    """Return the days between the possible days of two events, 0 where they overlap."""
    gap = max(one["earliest"] - other["latest"], other["earliest"] - one["latest"])
    return max(int(gap.days), 0)


def look_alikes(events: pd.DataFrame) -> pd.DataFrame:
    """List rows of one council that lie close together and are kept apart, with the reason.

    Parameters
    ----------
    events : pandas.DataFrame
        Events after `join_same_events`.

    Returns
    -------
    pandas.DataFrame
        Pairs of one kind, or of two kinds of challenge, whose possible days overlap or lie at
        most `SAME_EVENT_DAYS` apart; two whole financial years are plainly two.
    """
    near = _near_pairs(events)
    challenges = near["kind"].isin(_CHALLENGES) & near["kind_other"].isin(_CHALLENGES)
    both = near["date_precision"] + near["date_precision_other"]
    near = near[(challenges | (near["kind"] == near["kind_other"])) & (both != 2 * _WHOLE_YEAR)]
    why = (
        near["kind"]
        .isin(ACTS)
        .map({True: "an act with a date of its own", False: "dated to other years"})
    )
    table = near.assign(
        why_distinct=why.where(near["kind"] == near["kind_other"], "another kind of event")
    )
    other = {f"{name[6:]}_other": name for name in ALIKE if name.startswith("other_")}
    return table.rename(columns=other)[ALIKE].reset_index(drop=True)


def _near_pairs(events: pd.DataFrame) -> pd.DataFrame:
    """Return pairs of rows of one council at most `SAME_EVENT_DAYS` apart, the earlier first."""
    columns = ["kind", "start_date", "date_precision", "confidence", "earliest", "latest"]
    rows = events[["council_code", "council_name", *columns]].assign(
        place=events["earliest"].rank(method="first")
    )
    rows = rows[rows.duplicated("council_code", keep=False)]
    other = rows.drop(columns="council_name")
    pairs = rows.merge(other, on="council_code", suffixes=("", "_other"))
    pairs = pairs[pairs["place"] < pairs["place_other"]]
    gap = (pairs["earliest_other"] - pairs["latest"]).dt.days.clip(lower=0)
    return pairs.assign(days_between=gap)[gap <= SAME_EVENT_DAYS]


def _best_first(rows: pd.DataFrame) -> list[Any]:
    rank = (
        rows["date_precision"].map(PRECISION_ORDER),
        -rows["confidence"].map(CONFIDENCE_ORDER),
        rows["earliest"],
    )
    order = pd.DataFrame(dict(zip(_ORDER, rank, strict=True)))
    return list(order.sort_values([*_ORDER], kind="stable").index)


def _joined_row(kept: Event, other: Event) -> tuple[Any, ...]:
    columns = ("start_date", "date_precision", "confidence", "source_title", "line")
    return (
        *(kept[name] for name in ("council_code", "council_name", "kind", *columns)),
        *(other[name] for name in columns),
        days_between(kept, other),
    )
