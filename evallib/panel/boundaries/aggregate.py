"""Add figures of abolished councils up into the council that followed them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.errors import first_five
from evallib.panel.boundaries.arithmetic import add_up, weighted_mean
from evallib.panel.boundaries.contributors import (
    BOTH_TIERS,
    Contributors,
    Reporting,
    contributors,
)
from evallib.panel.boundaries.denominators import Joining, denominators
from evallib.panel.boundaries.lineage import Lineage
from evallib.panel.boundaries.uses import Use
from evallib.panel.periods import PeriodRule

Pair = tuple[str, int]
Cells = Mapping[Pair, float]
MADE_COLUMNS = (
    *("indicator", "council_code", "period", "origin", "value", "reason", "predecessors"),
    *("split", "aggregated", "recast"),
)


@dataclass(frozen=True, slots=True)
class Series:
    """One indicator as it is joined.

    Parameters
    ----------
    name : str
        The indicator.
    rule : PeriodRule
        Its measurement period.
    reporting : Reporting or None
        Who reports it; None where that is not known.
    joining : Joining
        How its figures are joined.
    uses : tuple of Use
        The plan's uses of it.
    published, recast : mapping of (council code, label year) to float
        Figures of councils in office, and figures on boundaries of another time.
    periods : tuple of int
        Label years for which any council has a figure.
    """

    name: str
    rule: PeriodRule
    reporting: Reporting | None
    joining: Joining
    uses: tuple[Use, ...]
    published: Cells
    recast: Cells
    periods: tuple[int, ...]


def aggregate(
    series: Series,
    lineage: Lineage,
    values: Callable[[str], Cells],
    rules: Mapping[str, PeriodRule],
) -> pd.DataFrame:
    """Work out what successors would have reported before they began.

    Parameters
    ----------
    series : Series
        The indicator.
    lineage : Lineage
        Who followed whom.
    values : callable
        Figures of any indicator by council and label year, for denominators.
    rules : mapping of str to PeriodRule
        Measurement periods of all indicators.

    Returns
    -------
    pandas.DataFrame
        One row a successor and label year before it began: indicator, council_code, period,
        origin (``aggregated``, ``recast`` or empty), value, reason (why there is none),
        predecessors and split (codes joined by ;), aggregated (what the predecessors' figures
        give) and recast (what the publisher says), each NaN where there is none. A council that
        does not report the indicator has no row.
    """
    rows = []
    for code in successors(lineage, series.uses):
        opened = lineage.units[code].opened
        for period in series.periods:
            end = series.rule.end(period)
            if opened and end < opened:
                parts = contributors(lineage, code, end, series.reporting)
                if parts.codes or parts.refusal:
                    rows.append(_row(series, lineage, code, period, parts, values, rules))
    return pd.DataFrame(rows, columns=list(MADE_COLUMNS))


def successors(lineage: Lineage, uses: Collection[Use]) -> Iterator[str]:
    """Yield the councils that followed others and are in office on a boundary day of the uses."""
    for code, unit in lineage.units.items():
        in_office = any(unit.in_office(use.day) for use in uses)
        if in_office and unit.opened and lineage.predecessors.get(code):
            yield code


def _row(
    series: Series,
    lineage: Lineage,
    code: str,
    period: int,
    parts: Contributors,
    values: Callable[[str], Cells],
    rules: Mapping[str, PeriodRule],
) -> tuple[object, ...]:
    value, reason = _joined(series, lineage, period, parts, values, rules)
    recast = series.recast.get((code, period), np.nan)
    origin = "aggregated" if not np.isnan(value) else "recast" if not np.isnan(recast) else ""
    used = value if origin == "aggregated" else recast
    members, split = ";".join(parts.codes), ";".join(parts.split)
    why = "" if origin else reason
    return (series.name, code, period, origin, used, why, members, split, value, recast)


def _joined(
    series: Series,
    lineage: Lineage,
    period: int,
    parts: Contributors,
    values: Callable[[str], Cells],
    rules: Mapping[str, PeriodRule],
) -> tuple[float, str]:
    """Return the figure of a successor from its predecessors' rows, or why there is none."""
    if parts.refusal:
        return np.nan, parts.refusal
    joining, codes = series.joining, parts.codes
    if len(codes) > 1 and joining.kind == "cannot":
        return np.nan, f"rates cannot be joined: {joining.reason}"
    tiers = {lineage.units[code].tier for code in codes}
    if joining.kind == "rate" and {"district", "county"} <= tiers:
        return np.nan, BOTH_TIERS
    held = [series.published.get((code, period), np.nan) for code in codes]
    lacking = [lineage.units[c].name for c, v in zip(codes, held, strict=True) if np.isnan(v)]
    if lacking:
        return np.nan, f"no figure of {first_five(lacking)}"
    if len(codes) == 1 or joining.kind == "count":
        return add_up(np.array(held)), ""
    pairs = [(code, period) for code in codes]
    weights = denominators(joining, series.rule, pairs, values, rules)
    lacking = [lineage.units[code].name for code, _ in pairs if (code, period) not in weights]
    if lacking:
        return np.nan, f"no {joining.denominator} of {first_five(lacking)}"
    return weighted_mean(np.array(held), np.array([weights[pair] for pair in pairs])), ""
