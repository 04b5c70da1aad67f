"""Narrow the panel to one outcome's sample, each step counted."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evallib.design.covariates import add_covariates
from evallib.design.flow import SampleFlow
from evallib.design.outcomes import OutcomeFigures
from evallib.design.spillovers import drop_touched, touched_councils
from evallib.design.unsafe import start_flow
from evallib.exposure.events import read_events
from evallib.exposure.exposure import DATE_UNKNOWN, NO_RECORD, Exposure
from evallib.exposure.predecessors import pass_on_events
from evallib.panel.build import Panel
from evallib.panel.days import first_day
from evallib.panel.plan_faults import find_register
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows and councils that are left.

    Parameters
    ----------
    rows : pandas.DataFrame
        council_code, period, value, weight and a column a covariate of the plan.
    councils : pandas.DataFrame
        council_code, council_name, council_type, region, status, event_date, event_year (financial
        year), event_period (period of the outcome that holds the event), cohort (the first exposed
        one; missing without an event), is_treated, has_after_period, earlier_event, concurrent
        (other events in the years of the design, in words), touched (how events elsewhere may
        have reached it, see `touched_councils`), cluster, and the council's fixed
        characteristics (see `council_covariates`), one row a council, sorted.
    flow : SampleFlow
        What went at every step.
    """

    rows: pd.DataFrame
    councils: pd.DataFrame
    flow: SampleFlow


@dataclass(frozen=True, slots=True)
class Narrowed:
    """An outcome's sample before anything is assumed of councils without a record.

    Parameters
    ----------
    flow : SampleFlow
        What went so far.
    table : pandas.DataFrame
        Councils with their event period and cohort, by code.
    others : pandas.Series
        Concurrent events in words, by code.
    touched : pandas.Series
        How events elsewhere may have reached a council, see `touched_councils`.
    """

    flow: SampleFlow
    table: pd.DataFrame
    others: pd.Series
    touched: pd.Series


def narrow(
    plan: Plan,
    panel: Panel,
    exposure: Exposure,
    figures: OutcomeFigures,
    made_missing: pd.DataFrame | None = None,
) -> Narrowed:
    """Drop what both rules for councils without a record drop, each step counted.

    `made_missing` holds the council-years that the plan's decision on suspicious figures leaves
    out (see `rows_made_missing`): they are counted first.
    """
    flow = start_flow(figures, made_missing)
    store = panel.store
    councils = store.councils.set_index("council_code")
    for step, wanted, column in (
        ("Council types of the plan", plan.council_types, "council_type"),
        ("Regions of the plan", plan.regions, "region"),
    ):
        if wanted != "all":
            outside = councils[~councils[column].isin(wanted)][column]
            flow.drop_councils(step, outside)
    flow.drop_councils(
        "Councils that the plan excludes",
        pd.Series("excluded by the plan", index=pd.Index(plan.exclude, dtype=object)),
    )
    reorganised = panel.boundaries.dropped(figures.indicator, flow.rows)
    flow.drop_councils("Touched by reorganisation", reorganised)
    met = exposure.councils.set_index("council_code")
    flow.drop_councils(
        "Exposed at a date that is not known", met.loc[met["status"] == DATE_UNKNOWN, "reason"]
    )
    flow.drop_councils("History before the studied years", _history(plan, met))
    others = _concurrent(plan, panel, figures)
    if plan.concurrent is not None and plan.concurrent.action == "drop":
        flow.drop_councils("Concurrent events", others.map(lambda _: "met a concurrent event"))
    add_covariates(plan, panel, flow, figures.indicator)
    table = _cohorts(plan, met, figures, flow.rows)
    touched = touched_councils(panel, exposure)
    drop_touched(plan, flow, table, touched)
    table = table[table.index.isin(flow.rows["council_code"].unique())]
    return Narrowed(flow, table, others, touched)


def build_sample(plan: Plan, panel: Panel, narrowed: Narrowed, no_record: str) -> Sample:
    """Finish an outcome's sample under a rule for councils without a record.

    Parameters
    ----------
    plan, panel
        The evaluation.
    narrowed : Narrowed
        What both rules share; it is not changed.
    no_record : str
        ``assume_not_exposed`` or ``only_known``.

    Returns
    -------
    Sample
        With the flow of councils and council-years.
    """
    flow, table = narrowed.flow.fork(), narrowed.table
    if no_record == "only_known":
        unrecorded = table[table["status"] == NO_RECORD]
        flow.drop_councils(
            "Councils without a record", unrecorded["status"].map(lambda _: "no record")
        )
    if plan.comparison == "never_treated":
        later = table[table["cohort"].notna() & ~table["is_treated"]]
        flow.drop_councils(
            "Later-treated controls", later["status"].map(lambda _: "comparison: never_treated")
        )
    before = table[table["is_treated"] & ~table["has_before_period"]]
    flow.drop_councils(
        "Treated councils without a figure before",
        before["status"].map(lambda _: "no figure before the event year"),
    )
    rows = _weighted(plan, panel, flow)
    kept = table.loc[sorted(rows["council_code"].unique())].reset_index()
    described = panel.store.councils[["council_code", "council_type", "region"]]
    kept = kept.merge(described, on="council_code", how="left")
    kept = kept.merge(panel.covariates, on="council_code", how="left")
    others = narrowed.others.to_dict()
    kept["concurrent"] = [others.get(code, "") for code in kept["council_code"]]
    kept["touched"] = kept["council_code"].map(narrowed.touched).fillna("").astype(str)
    rows = rows.sort_values(["council_code", "period"], ignore_index=True)
    columns = ["council_code", "period", "value", "weight", *(one.name for one in plan.covariates)]
    return Sample(rows[columns], kept, flow)


def _cohorts(
    plan: Plan, met: pd.DataFrame, figures: OutcomeFigures, rows: pd.DataFrame
) -> pd.DataFrame:
    """Return councils with their event period and cohort by the outcome's own periods."""
    columns = ["council_name", "status", "event_date", "event_year", "earlier_event", "cluster"]
    table = met.loc[met.index.isin(rows["council_code"].unique()), columns].copy()
    rule = figures.rule
    days = table["event_date"]
    period = days.dt.year - (days.dt.month < rule.month) - rule.offset
    table["event_period"] = period
    table["cohort"] = period + plan.event_periods
    span = rows.groupby("council_code")["period"].agg(["min", "max"])
    span = span.reindex(table.index)
    in_window = table["status"] == "in_window"
    table["has_after_period"] = in_window & (span["max"] >= table["cohort"])
    table["has_before_period"] = span["min"] < table["cohort"] - plan.lead
    table["is_treated"] = table["has_after_period"]
    return table


def _history(plan: Plan, met: pd.DataFrame) -> pd.Series:
    if plan.history.action == "keep":
        return pd.Series(dtype=object)
    begin = first_day(parse_financial_year(plan.known_from) - plan.history.years)
    found = met[met["earlier_event"] >= begin]
    return found["status"].map(lambda _: f"recorded event in the {plan.history.years} years before")


def _concurrent(plan: Plan, panel: Panel, figures: OutcomeFigures) -> pd.Series:
    """Return other events of the years of the design, in words, by council code.

    The years of the design run from two years before `known_from` (the base of the first cohort)
    to the outcome's last year.
    """
    if plan.concurrent is None or plan.concurrent.action == "keep":
        return pd.Series(dtype=object)
    register = find_register(panel.store, plan.concurrent.register, "concurrent.register")
    events = read_events(register)
    events = pd.concat([events, pass_on_events(plan, panel, events, every=True)])
    begin = first_day(parse_financial_year(plan.known_from) - 2)
    end = pd.Timestamp(figures.rule.end(figures.last))
    near = events[
        events["kind"].isin(plan.concurrent.kinds)
        & (events["latest"] >= begin)
        & (events["earliest"] <= end)
    ]
    words = near["kind"].str.replace("_", " ") + " " + near["earliest"].dt.strftime("%Y")
    listed: pd.Series = words.groupby(near["council_code"]).agg(
        lambda cells: "; ".join(dict.fromkeys(cells))
    )
    return listed


def _weighted(plan: Plan, panel: Panel, flow: SampleFlow) -> pd.DataFrame:
    """Return the rows with their weight: 1, or the council's mean population over the years."""
    rows = flow.rows
    if plan.weights == "none":
        return rows.assign(weight=1.0)
    people = panel.boundaries.people()
    people = people[people["period"].isin(rows["period"].unique())]
    mean = people.groupby("council_code")["population_count"].mean()
    lacking = sorted(set(rows["council_code"]) - set(mean.index))
    flow.drop_councils(
        "Councils without a population", pd.Series("no population", index=lacking, dtype=object)
    )
    rows = flow.rows
    return rows.assign(weight=rows["council_code"].map(mean).astype(float))
