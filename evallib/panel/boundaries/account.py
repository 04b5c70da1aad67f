"""Keep an account of a policy for reorganised councils: one row a council and indicator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from evallib.panel.boundaries.denominators import joining_of
from evallib.panel.boundaries.lineage import Lineage
from evallib.panel.boundaries.reasons import reasons_of
from evallib.panel.boundaries.uses import Use, uses_of
from evallib.panel.boundaries.words import predecessor_words
from evallib.panel.catalogue import Catalogue
from evallib.panel.days import day_in_words
from evallib.plan import Plan
from evallib.plan.years import format_financial_year

ACCOUNT_COLUMNS = (
    *("indicator", "boundary_year", "council_code", "council_name", "did", "why"),
    *("first_year", "last_year", "figures_in", "figures_out", "aggregated", "recast"),
    *("recast_set_aside", "years_missing", "missing_why", "predecessors", "denominator"),
    *("years_compared", "largest_difference_pct"),
)
LEFT_OUT, KEPT = "left_out", "kept"
ADDED_UP, CONTINUED, RECAST_USED, PASSED_ON = "added_up", "continued", "recast_used", "passed_on"


class _Figure(NamedTuple):
    period: int
    origin: str


class _Made(NamedTuple):
    origin: str
    reason: str
    predecessors: str
    split: str
    aggregated: float
    recast: float


@dataclass(frozen=True, slots=True)
class _Scene:
    """One indicator and use: figures before and after, what was made, and why councils are out."""

    name: str
    use: Use
    before: Mapping[str, list[_Figure]]
    after: Mapping[str, list[_Figure]]
    made: Mapping[str, list[_Made]]
    reasons: Mapping[str, str]


def account_of(
    plan: Plan,
    before: pd.DataFrame,
    after: pd.DataFrame,
    made: pd.DataFrame,
    councils: pd.DataFrame,
    catalogue: Catalogue,
    lineage: Lineage,
) -> pd.DataFrame:
    """Say what a policy did, council by council.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    before, after : pandas.DataFrame
        Figures with origin, as they were and under the policy.
    made : pandas.DataFrame
        What aggregation gave, see `aggregate`.
    councils : pandas.DataFrame
        `councils.csv` under current codes.
    catalogue : Catalogue
        What the indicators mean.
    lineage : Lineage
        Who followed whom.

    Returns
    -------
    pandas.DataFrame
        One row a council that reorganisation touches, indicator and boundary year: indicator,
        boundary_year, council_code, council_name, did (``left_out``, ``kept``, ``added_up`` from
        several predecessors, ``continued`` from one of the same area, ``recast_used``,
        ``passed_on`` to its successor), why, first_year and last_year (of the figures that are
        left, or of those there were), figures_in, figures_out (council-years within the years of
        the use), aggregated and recast (how many of those left), recast_set_aside, years_missing
        (before the council began, without a figure) and missing_why, predecessors (names joined
        by ;), denominator (of a rate made from several), years_compared and
        largest_difference_pct (where both the aggregate and a recast figure exist: how far ours
        lies from the publisher's, at most).
    """
    rows = []
    parts = {str(name): frame for name, frame in before.groupby("indicator", sort=False)}
    left = dict(list(after.groupby("indicator", sort=False)))
    work = dict(list(made.groupby("indicator", sort=False)))
    for name, figures in parts.items():
        tables = (figures, left.get(name, figures.iloc[:0]), work.get(name, made.iloc[:0]))
        for use in _spans(uses_of(plan, name)):
            scene = _scene(plan, name, use, tables, councils, lineage)
            for code in sorted(scene.before.keys() | scene.after.keys()):
                did, why = _what_and_why(plan, scene, code, lineage)
                if did:
                    rows.append(_row(scene, code, did, why, catalogue, lineage))
    return pd.DataFrame(rows, columns=list(ACCOUNT_COLUMNS))


def _spans(uses: tuple[Use, ...]) -> Iterator[Use]:
    """Yield one use a boundary year, over the years of all its uses."""
    for boundary in dict.fromkeys(use.boundary for use in uses):
        mine = [use for use in uses if use.boundary == boundary]
        yield Use(boundary, min(use.first for use in mine), max(use.last for use in mine))


def _scene(
    plan: Plan,
    name: str,
    use: Use,
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    councils: pd.DataFrame,
    lineage: Lineage,
) -> _Scene:
    before, after, made = (table[table["period"].between(use.first, use.last)] for table in tables)
    reasons = reasons_of(plan, use, after, made, councils, lineage)
    shown = lineage.kin | set(reasons.index)
    done: dict[str, list[_Made]] = {}
    for code, *cells in made[["council_code", *_Made._fields]].to_numpy(object).tolist():
        done.setdefault(code, []).append(_Made(*cells))
    return _Scene(name, use, _by_code(before, shown), _by_code(after, shown), done, dict(reasons))


def _by_code(figures: pd.DataFrame, codes: frozenset[str]) -> dict[str, list[_Figure]]:
    rows = figures[figures["council_code"].isin(codes)]
    found: dict[str, list[_Figure]] = {}
    for code, period, origin in (
        rows[["council_code", "period", "origin"]].to_numpy(object).tolist()
    ):
        found.setdefault(code, []).append(_Figure(int(period), origin))
    return found


def _what_and_why(plan: Plan, scene: _Scene, code: str, lineage: Lineage) -> tuple[str, str]:
    """Return what the policy did with a council and why; empty where it was not touched."""
    unit, day = lineage.units[code], scene.use.day
    aggregates = plan.boundaries == "aggregate_to_successor"

    def has_figures(successor: str) -> bool:
        return any(one.origin for one in scene.made.get(successor, []))

    if code in scene.reasons and code in scene.after:
        if aggregates and unit.closed and unit.closed < day:
            return LEFT_OUT, predecessor_words(lineage, code, day, has_figures)
        return LEFT_OUT, scene.reasons[code]
    if plan.boundaries == "drop":
        return "", ""
    if not aggregates:
        if unit.closed and unit.closed < day:
            return KEPT, f"in office until {day_in_words(unit.closed)}"
        began = lineage.predecessors.get(code) and unit.opened and unit.opened.year
        aside = any(figure.origin == "recast" for figure in scene.before.get(code, []))
        if unit.opened and (aside or (began and began >= scene.use.first)):
            return KEPT, f"in office from {day_in_words(unit.opened)}"
        return "", ""
    if code in scene.made:
        ours = [one for one in scene.made[code] if one.origin == "aggregated"]
        if not ours:
            return RECAST_USED, "recast by the publisher; the predecessors' own are not on file"
        if any(";" in one.predecessors for one in ours):
            return ADDED_UP, "made from several predecessors"
        return CONTINUED, "goes on from one predecessor of the same area"
    homes = lineage.successors_on(code, day)
    if homes != (code,):
        return PASSED_ON, f"in the figures of {' and '.join(lineage.units[h].name for h in homes)}"
    return "", ""


def _row(
    scene: _Scene, code: str, did: str, why: str, catalogue: Catalogue, lineage: Lineage
) -> tuple[object, ...]:
    before, made = scene.before.get(code, []), scene.made.get(code, [])
    out = [] if did == LEFT_OUT else scene.after.get(code, [])
    periods = [figure.period for figure in out or before]
    lost = [one.reason for one in made if not one.origin]
    cells = (cell for one in made for cell in (one.predecessors, one.split))
    names = dict.fromkeys(lineage.units[c].name for cell in cells for c in cell.split(";") if c)
    gaps = [
        100 * abs(one.aggregated / one.recast - 1)
        for one in made
        if one.recast and not np.isnan(one.aggregated) and not np.isnan(one.recast)
    ]
    recast_out = sum(figure.origin == "recast" for figure in out)
    joining = joining_of(scene.name, catalogue)
    return (
        scene.name,
        format_financial_year(scene.use.boundary),
        code,
        lineage.units[code].name,
        did,
        why,
        format_financial_year(min(periods)) if periods else "",
        format_financial_year(max(periods)) if periods else "",
        len(before),
        len(out),
        sum(figure.origin == "aggregated" for figure in out),
        recast_out,
        sum(figure.origin == "recast" for figure in before) - recast_out,
        len(lost),
        "; ".join(dict.fromkeys(lost)),
        "; ".join(names),
        joining.denominator if did == ADDED_UP else "",
        len(gaps),
        max(gaps) if gaps else np.nan,
    )
