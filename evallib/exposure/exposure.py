"""What each council met and when, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import pandas as pd

from evallib.exposure.events import is_dated, orphan_reviews, read_events
from evallib.panel.build import Panel
from evallib.panel.plan_faults import find_register
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year

EXPOSED, NOT_EXPOSED = "exposed", "not_exposed"
NO_RECORD, DATE_UNKNOWN = "no_record", "exposed_date_unknown"
SAME_VISIT = pd.Timedelta(days=31)


@dataclass(frozen=True, slots=True, repr=False)
class Exposure:
    """Exposure of every council of a panel to the events that a plan studies.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a council and financial year: council_code, fin_year, exposure (``exposed`` from
        the event's year on, ``not_exposed`` before it, ``no_record``, ``exposed_date_unknown``)
        and is_event_year.
    councils : pandas.DataFrame
        One row a council: council_code, council_name, status (``in_window``: dated first event in
        the studied years; ``later``: dated first event after them; ``no_record``;
        ``exposed_date_unknown``), event_date, event_year (financial year), kind, reason (why the
        date is not known), earlier_event (day of the last recorded event before `known_from`, NaT
        where none), never_before (day up to which a source says that there had been none, NaT
        where none), cluster (joint events share one).
    events : pandas.DataFrame
        Every usable row of the register, see `read_events`.
    coverage : pandas.DataFrame
        The register against published totals.
    set_aside : pandas.DataFrame
        Register rows that cannot be used, by reason.
    """

    frame: pd.DataFrame
    councils: pd.DataFrame
    events: pd.DataFrame
    coverage: pd.DataFrame
    set_aside: pd.DataFrame

    def __repr__(self) -> str:
        """Return a line with the number of councils by what is known of their exposure."""
        counts = self.councils["status"].value_counts()
        words = ", ".join(f"{counts[s]:,} {s.replace('_', ' ')}" for s in counts.index)
        return f"Exposure of {len(self.councils):,} councils: {words}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


def build_exposure(plan: Plan, panel: Panel) -> Exposure:
    """Build the exposure of the panel's councils to the plan's events.

    The event studied is a council's first of the plan's kinds from `known_from` on. It is dated
    when it passes the plan's precision and confidence. A council is ``exposed_date_unknown`` when
    an event that fails them, or a review whose challenge is not in the register, can have
    happened from `known_from` on and before its first dated event.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        The panel, whose store holds the register.

    Returns
    -------
    Exposure
        By council and by council and year.
    """
    register = find_register(panel.store, plan.register, "register")
    events = read_events(register)
    codes = panel.frame[["council_code", "council_name"]].drop_duplicates("council_code")
    councils = _first_events(plan, events, codes)
    councils["cluster"] = _clusters(councils, events)
    used = panel.store.set_aside
    return Exposure(
        frame=_by_year(councils, panel.frame, parse_financial_year(plan.known_from)),
        councils=councils,
        events=events,
        coverage=_coverage(panel, plan, events),
        set_aside=used[used["file"] == f"{plan.register}.csv"].reset_index(drop=True),
    )


def _first_events(plan: Plan, events: pd.DataFrame, codes: pd.DataFrame) -> pd.DataFrame:
    begin = pd.Timestamp(parse_financial_year(plan.known_from), 4, 1)
    end = pd.Timestamp(parse_financial_year(plan.last_event_year) + 1, 3, 31)
    studied = events[events["kind"].isin(plan.kinds)]
    dated = is_dated(studied, plan.date_precision, plan.min_confidence)
    first = (
        studied[dated & (studied["event_date"] >= begin)]
        .sort_values("event_date", kind="stable")
        .drop_duplicates("council_code")
        .set_index("council_code")
    )
    vague = ~is_dated(studied, plan.date_precision, "low")
    undated = studied[~dated].assign(
        reason=vague[~dated].map({True: "dated too coarsely", False: "confidence too low"})
    )
    reviews = orphan_reviews(events, plan.kinds).assign(
        reason="a review whose challenge is not in the register"
    )
    doubtful = pd.concat([undated, reviews])
    doubtful = doubtful[doubtful["latest"] >= begin]
    table = codes.set_index("council_code")
    table["event_date"] = first["event_date"].reindex(table.index)
    table["kind"] = first["kind"].reindex(table.index).fillna("")
    table["joint_with"] = first["joint_with"].reindex(table.index).fillna("")
    own_first = doubtful["council_code"].map(table["event_date"])
    doubtful = doubtful[own_first.isna() | (doubtful["earliest"] < own_first)]
    why = doubtful.drop_duplicates("council_code").set_index("council_code")
    table["reason"] = (why["kind"] + " of " + _span(why) + ": " + why["reason"]).reindex(
        table.index
    )
    table["reason"] = table["reason"].fillna("")
    before = studied[studied["event_date"] < begin].groupby("council_code")["event_date"].max()
    table["earlier_event"] = before.reindex(table.index)
    never = events[events["kind"] == "never_by_date"].groupby("council_code")["earliest"].max()
    table["never_before"] = never.reindex(table.index)
    table["status"] = NO_RECORD
    table.loc[table["event_date"].notna(), "status"] = "later"
    table.loc[table["event_date"] <= end, "status"] = "in_window"
    table.loc[table["reason"] != "", "status"] = DATE_UNKNOWN
    years = table["event_date"].dt.year - (table["event_date"].dt.month < 4)
    table["event_year"] = [format_financial_year(int(y)) if y == y else "" for y in years]
    return table.reset_index()


def _span(rows: pd.DataFrame) -> pd.Series:
    first = rows["earliest"].dt.strftime("%Y-%m")
    last = rows["latest"].dt.strftime("%Y-%m")
    spans: pd.Series = first.where(first == last, first + " to " + last)
    return spans


def _clusters(councils: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """Return a cluster's name by council: partners of one joint studied event share one."""
    pairs = events[["council_name", "council_code"]].drop_duplicates("council_code")
    code_of: dict[str, str] = dict(pairs.to_numpy().tolist())
    day_of: dict[str, pd.Timestamp] = dict(
        councils[["council_code", "event_date"]].to_numpy().tolist()
    )
    cluster = {code: code for code in day_of}
    for row in councils[councils["joint_with"] != ""].to_dict("records"):
        code, partner = row["council_code"], code_of.get(row["joint_with"], "")
        if partner in day_of and abs(day_of[partner] - row["event_date"]) <= SAME_VISIT:
            cluster[code] = min(code, partner)
    return councils["council_code"].map(cluster)


def _by_year(councils: pd.DataFrame, frame: pd.DataFrame, known_from: int) -> pd.DataFrame:
    table = frame[["council_code", "fin_year", "period"]].merge(
        councils[["council_code", "status", "event_date", "never_before"]], on="council_code"
    )
    event = table["event_date"].dt.year - (table["event_date"].dt.month < 4)
    said = table["never_before"].dt.year - (table["never_before"].dt.month < 4)
    exposure = pd.Series(NO_RECORD, index=table.index)
    exposure[(table["status"] == NO_RECORD) & (table["period"] < said)] = NOT_EXPOSED
    known = table["status"].isin(["in_window", "later"])
    exposure[known & (table["period"] < event)] = NOT_EXPOSED
    exposure[known & (table["period"] >= event)] = EXPOSED
    exposure[table["status"] == DATE_UNKNOWN] = DATE_UNKNOWN
    return pd.DataFrame(
        {
            "council_code": table["council_code"],
            "fin_year": table["fin_year"],
            "exposure": exposure,
            "is_event_year": known & (table["period"] == event),
            "is_before_known_from": table["period"] < known_from,
        }
    )


def _coverage(panel: Panel, plan: Plan, events: pd.DataFrame) -> pd.DataFrame:
    """Return published totals beside the register's own count over the same days.

    councils_in_register counts councils with an event that surely lies within the days,
    councils_at_most adds those whose event may (dated to the year only).
    """
    columns = [
        "label",
        "councils_published",
        "basis",
        "councils_in_register",
        "councils_at_most",
        "share_pct",
    ]
    totals = panel.store.tables.get("published_totals")
    if totals is None:
        return pd.DataFrame(columns=columns)
    rows = []
    for total in totals[totals["register"] == plan.register].to_dict("records"):
        kinds = total["kinds"].split(";")
        if not set(kinds) & set(plan.kinds):
            continue
        began = pd.Timestamp(total["from_date"] or "1900-01-01")
        ended = pd.Timestamp(total["to_date"])
        own = events[events["kind"].isin(kinds)]
        surely = own[(own["earliest"] >= began) & (own["latest"] <= ended)]
        perhaps = own[(own["latest"] >= began) & (own["earliest"] <= ended)]
        certain, published = surely["council_code"].nunique(), int(total["councils_published"])
        rows.append(
            (
                total["label"],
                published,
                total["basis"],
                certain,
                perhaps["council_code"].nunique(),
                100 * certain / published,
            )
        )
    return pd.DataFrame(rows, columns=columns)
