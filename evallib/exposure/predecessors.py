"""Events of abolished councils that reach the council which followed them."""

from __future__ import annotations

import pandas as pd

from evallib.exposure.events import (
    NEVER,
    NONE_BETWEEN,
    REVIEW_KINDS,
    is_dated,
    orphan_reviews,
)
from evallib.panel.boundaries.area import Area, areas_of
from evallib.panel.build import Panel
from evallib.panel.days import studied_days
from evallib.panel.ladders import studied_kinds
from evallib.plan import Plan

SHARE_UNKNOWN = "the share of the population whose council had met one is not known"
OF_PREDECESSOR = "its predecessor's, and it has no figures of its own from before"


def pass_on_events(
    plan: Plan, panel: Panel, events: pd.DataFrame, *, every: bool = False
) -> pd.DataFrame:
    """Return copies of predecessors' events under the council that followed them.

    Parameters
    ----------
    plan : Plan
        The evaluation. Under ``boundaries: drop`` nothing is passed on: successors that began
        within the years are no part of a design.
    panel : Panel
        Its panel, whose councils receive events.
    events : pandas.DataFrame
        Events as `read_events` returns them, joint ones settled; not changed.
    every : bool
        Pass every event on, whatever the plan's rule: for events other than the studied ones.

    Returns
    -------
    pandas.DataFrame
        The columns of `events` with the successor's council_code and council_name, of_council
        (the predecessor's code) and doubt (why the date is not known although the event is dated;
        empty otherwise). An event goes to each council that a part of its council's area went to.
        Facts that there had been none are not passed on, and of reviews only those whose
        challenge is not in the register.

    Notes
    -----
    Of the studied kinds, events from `known_from` on and events before it are looked at apart:
    the event studied is a council's first from then on, and those before it are history. Under
    ``aggregate_to_successor`` the plan's rule says which reach the successor:

    * any: every event of any predecessor.
    * first: only events that may be the earliest of any predecessor.
    * share: an event that brings the predecessors which had met one to the plan's share of the
      successor's population, and those after it. A county counts for the successor's districts
      that lay in it; dwellings stand in for the population, which is not on file by predecessor.
      Where they are not on file either, the share is known only if all or none of the area had
      met one; otherwise the successor is exposed at a date that is not known.

    Under ``keep_predecessors`` the successor has no figures from before its predecessor's event:
    it can be no treated council, and no control either. Events from `known_from` on make it
    exposed at a date that is not known; those before are its history.
    """
    nothing = events.iloc[:0].assign(of_council="", doubt="")
    if plan.boundaries == "drop":
        return nothing
    kinds = studied_kinds(plan)
    orphans = orphan_reviews(events, kinds)
    kept = ~events["kind"].isin([NEVER, NONE_BETWEEN, *REVIEW_KINDS]) | events.index.isin(
        orphans.index
    )
    began = orphans["earliest"].reindex(events.index).fillna(events["earliest"])
    lineage = panel.boundaries.lineage
    names = panel.frame.drop_duplicates("council_code").set_index("council_code")["council_name"]
    pairs = [
        (before, code, names[code])
        for code in names.index
        if code in lineage.predecessors
        for before in lineage.ancestors(code)
    ]
    homes = pd.DataFrame(pairs, columns=["of_council", "council_code", "council_name"])
    own = events[kept].rename(columns={"council_code": "of_council"}).assign(began=began, doubt="")
    copies = own.drop(columns="council_name").merge(homes, on="of_council")
    if copies.empty:
        return nothing
    rule = "any" if every else plan.predecessor_events.rule
    begin, _ = studied_days(plan)
    if plan.boundaries == "keep_predecessors":
        late = copies["kind"].isin(kinds) & (copies["latest"] >= begin)
        copies.loc[late, "doubt"] = OF_PREDECESSOR
    if rule == "any":
        return copies[list(nothing.columns)]
    studied = copies["kind"].isin(kinds) | copies["kind"].isin(REVIEW_KINDS)
    passed = [copies[~studied]]
    areas = areas_of(lineage, panel.store, set(homes["council_code"])) if rule == "share" else {}
    for code, rows in copies[studied].groupby("council_code", sort=False):
        for era in (rows[rows["latest"] < begin], rows[rows["latest"] >= begin]):
            sure = is_dated(era, plan.date_precision, plan.min_confidence)
            sure &= ~era["kind"].isin(REVIEW_KINDS)
            if rule == "first":
                passed.append(may_be_first(era, sure))
            else:
                share = plan.predecessor_events.share
                passed.append(reaching(era, sure, areas[str(code)], share))
    whole: pd.DataFrame = pd.concat(passed)
    return whole.sort_index()[list(nothing.columns)]


def may_be_first(events: pd.DataFrame, sure: pd.Series) -> pd.DataFrame:
    """Return the events that may be the earliest.

    Parameters
    ----------
    events : pandas.DataFrame
        With began and latest: the first and last possible day; of a review, the first day on
        which the missing challenge can have taken place.
    sure : pandas.Series of bool
        Which of them surely took place on a known date.
    """
    surely_by = events.loc[sure, "latest"].min()
    possible: pd.Series = events["began"] <= surely_by
    return events if pd.isna(surely_by) else events[possible]


def reaching(events: pd.DataFrame, sure: pd.Series, area: Area, share: float) -> pd.DataFrame:
    """Return the events by which councils with a share of the population had met one.

    Parameters
    ----------
    events : pandas.DataFrame
        Events of one successor's predecessors: of_council, event_date, began and latest (see
        `may_be_first`) and doubt.
    sure : pandas.Series of bool
        Which of them surely took place on a known date.
    area : Area
        The successor's area.
    share : float
        The share that passes an event on, above 0.

    Returns
    -------
    pandas.DataFrame
        Events with which, or before which, the share was surely reached, as they are; events with
        which it may have been, with the doubt said where they are dated themselves.
    """
    found: dict[object, str] = {}
    dated = events[sure]
    known = set(dated.index)
    columns = [events[name] for name in ("of_council", "event_date", "latest")]
    for place, code, day, latest in zip(events.index, *columns, strict=True):
        had = dated.loc[dated["event_date"] <= day, "of_council"]
        may = events.loc[events["began"] <= latest, "of_council"]
        if place in known and area.share({*had, code})[0] >= share:
            found[place] = ""
        elif area.share({*may, code})[1] >= share:
            found[place] = SHARE_UNKNOWN if place in known else ""
    doubts = pd.Series(found, dtype=object)
    return events.loc[doubts.index].assign(doubt=doubts)
