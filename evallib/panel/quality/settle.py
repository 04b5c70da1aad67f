"""The plan's decision on suspicious figures, applied before anything is built from them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evallib.errors import Fault, did_you_mean
from evallib.panel.quality.listing import suspicious_figures, units_of
from evallib.panel.store import Store
from evallib.plan import Plan, shown_path

KEEP, MISSING, TRUSTED, LISTED = "keep", "missing", "trusted", "listed"
UNSAFE_COLUMNS = [
    *("council_code", "fin_year", "period", "indicator", "value", "rule", "action"),
]
_KEYS = ["indicator", "council_code", "period"]


@dataclass(frozen=True, slots=True)
class Settled:
    """Figures under the plan's decision, and under the other one.

    Parameters
    ----------
    figures : pandas.DataFrame
        What the panel is built from.
    unsafe : pandas.DataFrame
        council_code, fin_year, period, indicator, value, rule, action, one row a figure and rule:
        ``keep`` or ``missing`` (the plan's action), ``trusted`` (the plan names the figure as
        right) or ``listed`` (the plan's decision leaves the rule out); the last two are kept.
    other : pandas.DataFrame, optional
        Figures under the other decision; None where the plan's decision touches no figure.
    """

    figures: pd.DataFrame
    unsafe: pd.DataFrame
    other: pd.DataFrame | None


def settle_unsafe(plan: Plan, figures: pd.DataFrame, store: Store) -> Settled:
    """Apply the plan's decision on suspicious figures.

    Parameters
    ----------
    plan : Plan
        The evaluation, with `unsafe_figures`.
    figures : pandas.DataFrame
        Whole series of the indicators that the plan needs, with the columns of `Store.outcomes`.
    store : Store
        The tables, whose councils have types and whose catalogue has units.

    Returns
    -------
    Settled
        Under ``keep`` the figures are the ones given; nothing is changed in place.
    """
    decision = plan.unsafe_figures
    found = suspicious_figures(figures, store.councils, units_of(store))
    action = pd.Series(decision.action, index=found.index, dtype=object)
    action[~found["rule"].isin(decision.rules)] = LISTED
    for code, indicator, year in decision.spared():
        named = (found["council_code"] == code) & (found["indicator"] == indicator)
        action[named & (found["fin_year"].eq(year) | (year == ""))] = TRUSTED
    unsafe = found.assign(action=action)[UNSAFE_COLUMNS]
    touched = unsafe.loc[unsafe["action"] == decision.action, _KEYS].drop_duplicates()
    if touched.empty:
        return Settled(figures, unsafe, None)
    gone = pd.MultiIndex.from_frame(figures[_KEYS]).isin(pd.MultiIndex.from_frame(touched))
    without = figures[~gone].reset_index(drop=True)
    if decision.action == MISSING:
        return Settled(without, unsafe, figures)
    return Settled(figures, unsafe, without)


def unsafe_faults(plan: Plan, store: Store, where: str = "") -> list[Fault]:
    """Return what the plan trusts that the tables do not hold: one fault a text.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    store : Store
        The tables.
    where : str
        How messages name the plan; its file unless given.
    """
    where = where or (shown_path(plan.path) if plan.path else plan.name)
    faults = []
    for at, (code, indicator, year) in enumerate(plan.unsafe_figures.spared()):
        place = f"{where}, unsafe_figures.trusted[{at}]"
        held = store.figures([indicator])
        if held.empty:
            what = f"{indicator!r} is not an indicator with figures."
            what += did_you_mean(indicator, store.held())
        elif held[held["council_code"] == code].empty:
            what = f"{indicator} has no figure of council {code}"
        elif year and held[(held["council_code"] == code) & (held["fin_year"] == year)].empty:
            what = f"{indicator} of council {code} has no figure in {year}"
        else:
            continue
        why = "A misspelt name would trust nothing, without a sign of it"
        faults.append(Fault(place, what, why, "Mend the name, the code or the year"))
    return faults
