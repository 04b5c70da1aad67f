"""What each council met and when, and what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from evallib.errors import DataError, Fault, did_you_mean
from evallib.exposure.completeness import Completeness, read_completeness
from evallib.exposure.coverage import coverage_of
from evallib.exposure.escalation import first_entries, states_by_year
from evallib.exposure.events import (
    NEVER,
    NONE_BETWEEN,
    denied_kinds,
    is_dated,
    orphan_reviews,
    read_events,
)
from evallib.exposure.joint import clusters, settle_joint_events
from evallib.exposure.predecessors import pass_on_events
from evallib.exposure.same_event import join_same_events, look_alikes
from evallib.exposure.spells import (
    ends_by_kind,
    find_spells,
    in_force_by_year,
    known_to,
    state_by_year,
)
from evallib.panel.build import Panel, span_of
from evallib.panel.days import last_day, studied_days
from evallib.panel.ladders import kinds_from, ladder_of, studied_kinds
from evallib.panel.plan_faults import find_complete, find_register
from evallib.panel.shown import shown
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year

EXPOSED, NOT_EXPOSED = "exposed", "not_exposed"
NO_RECORD, DATE_UNKNOWN = "no_record", "exposed_date_unknown"
NONE_BY_DATE = "none_by_date"


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
        the studied years; ``later``: dated first event after them; ``none_by_date``: a source
        says that there had been none by the last day of the plan's years; ``no_record``;
        ``exposed_date_unknown``), event_date, event_year (financial year), kind, reason (why the
        date is not known), earlier_event (day of the last recorded event before `known_from`, NaT
        where none), never_before (day up to which a source says that there had been none, ever
        or since the studied years began, NaT
        where none), state_before (the highest lower state entered before the event, where the
        studied kinds escalate), cluster (joint events share one).
    events : pandas.DataFrame
        Every event of the register once, see `read_events`, `join_same_events` and
        `settle_joint_events`.
    coverage : pandas.DataFrame
        The register against published totals, see `coverage_of`.
    set_aside : pandas.DataFrame
        Register rows that cannot be used, by reason.
    joined, alike, joint : pandas.DataFrame
        Rows joined to another of the same event, rows that look alike and are kept apart, and
        joint events: see `join_same_events`, `look_alikes` and `settle_joint_events`.
    spells, in_force, ends : pandas.DataFrame
        What lasted, whether it was in force in a year, and what its ends rest on: see
        `find_spells`, `in_force_by_year` and `ends_by_kind`.
    states, entries : pandas.DataFrame
        Where the studied kinds escalate: the highest state by council and year, and the first
        entry to each: see `states_by_year` and `first_entries`. Empty otherwise.
    passed_on : pandas.DataFrame
        Events of abolished councils under their successor's code, see `pass_on_events`.
    completeness : Completeness, optional
        What it means for the plan that the register is declared complete; None where it is not.
    """

    frame: pd.DataFrame
    councils: pd.DataFrame
    events: pd.DataFrame
    coverage: pd.DataFrame
    set_aside: pd.DataFrame
    joined: pd.DataFrame = field(default_factory=pd.DataFrame)
    alike: pd.DataFrame = field(default_factory=pd.DataFrame)
    joint: pd.DataFrame = field(default_factory=pd.DataFrame)
    spells: pd.DataFrame = field(default_factory=pd.DataFrame)
    in_force: pd.DataFrame = field(default_factory=pd.DataFrame)
    ends: pd.DataFrame = field(default_factory=pd.DataFrame)
    states: pd.DataFrame = field(default_factory=pd.DataFrame)
    entries: pd.DataFrame = field(default_factory=pd.DataFrame)
    passed_on: pd.DataFrame = field(default_factory=pd.DataFrame)
    completeness: Completeness | None = None

    def state_by_year(self, kinds: str | Sequence[str], *, or_higher: bool = False) -> pd.DataFrame:
        """Return whether kinds that last were in force, for ``evallib.fit(..., treatment=...)``.

        Parameters
        ----------
        kinds : str or sequence of str
            Kinds with spells: a council is exposed while any of them is in force.
        or_higher : bool
            Whether the kinds above them, in the package's orders of escalation, count too.

        Returns
        -------
        pandas.DataFrame
            council_code, fin_year, period and is_exposed, one row a council and year of the panel
            that begins before the register's last day: 1 where surely in force on a day of the
            year, 0 where no recorded spell can have been (which is no proof of none), NaN where
            it is not known, above all after a spell whose end is not on file.

        Raises
        ------
        DataError
            For a kind without spells in the register.
        """
        wanted = [kinds] if isinstance(kinds, str) else list(kinds)
        held = sorted(set(self.spells["kind"]))
        faults = [
            Fault(
                f"kind {kind!r}",
                f"the register holds no spell of it.{did_you_mean(kind, held)}",
                "What happens on a day does not last and has no end",
                f"Use kinds that last: {', '.join(held) or 'there are none'}",
            )
            for kind in wanted
            if kind not in held
        ]
        if faults:
            raise DataError(faults)
        if or_higher:
            wanted = kinds_from(wanted)
        grid = self.frame[["council_code", "fin_year"]]
        grid = grid.assign(period=grid["fin_year"].map(parse_financial_year))
        last = known_to(self.events)
        grid = grid[pd.to_datetime(grid["period"].astype(str) + "-04-01") <= last]
        return state_by_year(self.in_force, grid, wanted)

    def __repr__(self) -> str:
        """Return a line with the number of councils by what is known of their exposure."""
        counts = self.councils["status"].value_counts()
        words = ", ".join(f"{counts[s]:,} {s.replace('_', ' ')}" for s in counts.index)
        return f"Exposure of {len(self.councils):,} councils: {words}"

    def _repr_html_(self) -> str:
        return shown(repr(self), self.frame)


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
    named = panel.store.councils[["council_code", "council_name"]]
    events, joined = join_same_events(read_events(register))
    events, joint = settle_joint_events(events, named)
    passed = pass_on_events(plan, panel, events)
    met = pd.concat([events.assign(of_council="", doubt=""), passed], ignore_index=True)
    codes = panel.frame[["council_code", "council_name"]].drop_duplicates("council_code")
    declared = find_complete(panel.store, plan.register)
    completeness = read_completeness(plan, declared) if declared is not None else None
    councils = _first_events(plan, met, codes, completeness)
    councils["cluster"] = clusters(councils)
    ladder = ladder_of(plan)
    entries = first_entries(met, ladder, plan.date_precision, plan.min_confidence)
    councils["state_before"] = _state_before(councils, entries)
    spells = find_spells(events)
    periods = sorted(set(panel.frame["period"]))
    reached = find_spells(met) if len(passed) else spells
    in_force = in_force_by_year(reached, periods, known_to(events))
    used = panel.store.set_aside
    totals = panel.store.tables.get("published_totals")
    return Exposure(
        frame=_by_year(councils, panel.frame, parse_financial_year(plan.known_from)),
        councils=councils.drop(columns="joint_id"),
        events=events,
        coverage=coverage_of(events, totals, plan.register, studied_kinds(plan)),
        set_aside=used[used["file"] == f"{plan.register}.csv"].reset_index(drop=True),
        joined=joined,
        alike=look_alikes(events),
        joint=joint,
        spells=spells,
        in_force=in_force,
        ends=ends_by_kind(events, spells),
        states=states_by_year(
            met,
            in_force,
            panel.frame if ladder else panel.frame[:0],
            ladder,
            plan.min_confidence,
        ),
        entries=entries,
        passed_on=passed,
        completeness=completeness,
    )


def _first_events(
    plan: Plan, events: pd.DataFrame, codes: pd.DataFrame, completeness: Completeness | None
) -> pd.DataFrame:
    begin, end = studied_days(plan)
    kinds = studied_kinds(plan)
    studied = events[events["kind"].isin(kinds)]
    dated = is_dated(studied, plan.date_precision, plan.min_confidence) & (studied["doubt"] == "")
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
    undated["reason"] = undated["doubt"].where(undated["doubt"] != "", undated["reason"])
    reviews = orphan_reviews(events, kinds).assign(
        reason="a review whose challenge is not in the register"
    )
    doubtful = pd.concat([undated, reviews])
    doubtful = doubtful[doubtful["latest"] >= begin]
    table = codes.set_index("council_code")
    table["event_date"] = first["event_date"].reindex(table.index)
    table["kind"] = first["kind"].reindex(table.index).fillna("")
    table["joint_with"] = first["joint_with"].reindex(table.index).fillna("")
    table["joint_id"] = first["joint_id"].reindex(table.index).fillna("")
    own_first = doubtful["council_code"].map(table["event_date"])
    doubtful = doubtful[own_first.isna() | (doubtful["earliest"] < own_first)]
    why = doubtful.drop_duplicates("council_code").set_index("council_code")
    table["reason"] = (why["kind"] + " of " + _span(why) + ": " + why["reason"]).reindex(
        table.index
    )
    table["reason"] = table["reason"].fillna("")
    before = studied[studied["event_date"] < begin].groupby("council_code")["event_date"].max()
    table["earlier_event"] = before.reindex(table.index)
    table["never_before"] = _none_until(events, begin, kinds).reindex(table.index)
    if completeness is not None and completeness.none_until is not None:
        without = table["event_date"].isna() & (table["reason"] == "")
        earlier = ~(table["never_before"] >= completeness.none_until)
        table.loc[without & earlier, "never_before"] = completeness.none_until
    table["status"] = NO_RECORD
    table.loc[table["never_before"] >= last_day(span_of(plan)[1]), "status"] = NONE_BY_DATE
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


def _none_until(events: pd.DataFrame, begin: pd.Timestamp, kinds: tuple[str, ...]) -> pd.Series:
    """Return by council the day up to which a source says that there had been none of the kinds.

    Never up to a day, or none between two days of which the first is not after `begin`.
    """
    facts = events[events["kind"].isin([NEVER, NONE_BETWEEN])]
    denied = [set(kinds) <= set(denied_kinds(note)) for note in facts["note"]]
    facts = facts[pd.Series(denied, index=facts.index, dtype=bool)]
    never = facts.loc[facts["kind"] == NEVER, ["council_code", "earliest"]]
    between = (facts["kind"] == NONE_BETWEEN) & (facts["latest"] <= begin)
    none = facts.loc[between, ["council_code", "end_earliest"]]
    facts = pd.concat([never, none.rename(columns={"end_earliest": "earliest"})])
    return facts.groupby("council_code")["earliest"].max()


def _state_before(councils: pd.DataFrame, entries: pd.DataFrame) -> pd.Series:
    """Return the highest lower state that each council had entered before its studied event."""
    entered = {
        (entry["council_code"], entry["state"]): (entry["earliest"], entry["state_before"])
        for entry in entries.to_dict("records")
    }
    before = []
    for row in councils.to_dict("records"):
        began, state = entered.get((row["council_code"], row["kind"]), (pd.NaT, ""))
        before.append(state if began <= row["event_date"] else "")
    return pd.Series(before, index=councils.index, dtype="str")


def _by_year(councils: pd.DataFrame, frame: pd.DataFrame, known_from: int) -> pd.DataFrame:
    table = frame[["council_code", "fin_year", "period"]].merge(
        councils[["council_code", "status", "event_date", "never_before"]], on="council_code"
    )
    event = table["event_date"].dt.year - (table["event_date"].dt.month < 4)
    after = table["never_before"] + pd.Timedelta(days=1)  # 31 March still tells of its whole year
    said = after.dt.year - (after.dt.month < 4)
    exposure = pd.Series(NO_RECORD, index=table.index)
    unrecorded = table["status"].isin([NO_RECORD, NONE_BY_DATE])
    exposure[unrecorded & (table["period"] < said)] = NOT_EXPOSED
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
