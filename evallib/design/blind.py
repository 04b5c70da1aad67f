"""Designs before outcomes: what exposed councils showed from their event on is not read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from evallib.design.design import Designs, build_designs
from evallib.exposure.exposure import DATE_UNKNOWN, Exposure, build_exposure
from evallib.panel.build import Panel, open_store, panel_from_store
from evallib.panel.catalogue import Catalogue
from evallib.panel.days import studied_days
from evallib.panel.derived.names import reach
from evallib.panel.periods import PeriodRule
from evallib.plan import Plan

# Stands for a figure that is not read; it has a logarithm and is no missing return.
STAND_IN = 1.0


def build_blind_designs(plan: Plan, data: Path | str | None = None) -> Designs:
    """Build the designs of a plan without the outcomes of exposed councils after exposure.

    Figures of outcomes, and of what they are made of, are set aside for every council with a
    studied event from the period of the event on (of `known_from` where its date is not known),
    before anything is worked out from them. In their place every such council is taken to have a
    figure in each of those years in which it is in office and other councils have one: a design
    with gaps after exposure has fewer. No effect can be estimated from these designs.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    data : path, optional
        A folder of the shape of ``data/raw``; the project's by default.

    Returns
    -------
    Designs
        `value` is 1 where it is not known.

    Raises
    ------
    EvallibError
        As building panel, exposure and designs does.
    """
    store = open_store(data)
    names = {name for outcome in plan.every_outcome for name in reach(plan, outcome)}
    whole = panel_from_store(plan, store)
    days = _event_days(plan, whole, build_exposure(plan, whole))
    catalogue = whole.catalogue
    panel = panel_from_store(
        plan, store, lambda figures: figures[~_after(figures, names, days, catalogue)]
    )
    exposure = build_exposure(plan, panel)
    return build_designs(plan, _stand_in(plan, panel, exposure, names), exposure)


def _event_days(plan: Plan, panel: Panel, exposure: Exposure) -> pd.Series:
    """Return the day from which councils may be exposed, by code.

    Of an event at a date that is not known it is the first day that is studied; of predecessors it
    is the successor's, where that is earlier.
    """
    met = exposure.councils.set_index("council_code")
    days = met["event_date"].dropna().to_dict()
    begin, _ = studied_days(plan)
    days |= dict.fromkeys(met.index[met["status"] == DATE_UNKNOWN], begin)
    lineage = panel.boundaries.lineage
    for code, day in [(str(code), day) for code, day in days.items()]:
        for before in lineage.ancestors(code) if code in lineage.units else ():
            days[before] = min(day, days.get(before, day))
    return pd.Series(days, dtype="datetime64[ns]")


def _event_period(days: pd.Series, rule: PeriodRule) -> pd.Series:
    period: pd.Series = days.dt.year - (days.dt.month < rule.month) - rule.offset
    return period


def _after(
    figures: pd.DataFrame, names: set[str], days: pd.Series, catalogue: Catalogue
) -> pd.Series:
    """Return which figures lie in the period of their council's event or later."""
    found = pd.Series(False, index=figures.index)
    for name in sorted(names & set(figures["indicator"].unique())):
        own = figures["indicator"] == name
        event = figures.loc[own, "council_code"].map(_event_period(days, catalogue.rule(name)))
        found[own] = (figures.loc[own, "period"] >= event).to_numpy()
    return found


def _stand_in(plan: Plan, panel: Panel, exposure: Exposure, names: set[str]) -> Panel:
    """Return a panel in which every hidden figure is there, and says nothing."""
    days = _event_days(plan, panel, exposure)
    kept = panel.figures[~_after(panel.figures, names, days, panel.catalogue)]
    outcomes = {outcome.indicator for outcome in plan.every_outcome}
    closed = pd.to_datetime(panel.store.councils.set_index("council_code")["valid_to"])
    parts = [kept]
    for name, rows in kept[kept["indicator"].isin(names)].groupby("indicator"):
        rule = panel.catalogue.rule(str(name))
        before = rows.sort_values("period").groupby("council_code")["value"].last()
        span = pd.DataFrame({"first": _event_period(days, rule)})
        span = span[span.index.isin(before.index)]
        span["last"] = _event_period(closed.reindex(span.index), rule).fillna(np.inf)
        grid = span.rename_axis("council_code").reset_index()
        grid = grid.merge(pd.DataFrame({"period": rows["period"].unique()}), how="cross")
        grid = grid[grid["period"].between(grid["first"], grid["last"])]
        value = STAND_IN if name in outcomes else grid["council_code"].map(before)
        made = grid[["council_code", "period"]].assign(indicator=name, value=value, is_recast=False)
        parts.append(made)
    figures = pd.concat(parts, ignore_index=True)
    lost = _after(panel.losses, names, days, panel.catalogue)
    return replace(panel, figures=figures, other=None, losses=panel.losses[~lost])
