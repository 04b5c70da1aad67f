"""Known breaks of a series: the step at the break, and whether it can pass for an effect."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evallib.checks.base import CheckResult, Verdict
from evallib.design import Design
from evallib.panel.units import effect_unit, write_figure
from evallib.plan.years import format_financial_year

CHECK = "breaks in the series"
ALL = "all councils"
COLUMNS = [
    *("first_year_after", "group", "councils", "median_step", "usual_step", "mean_step"),
    "std_error",
]


def break_steps(
    rows: pd.DataFrame, first_period_after: int, groups: Mapping[str, pd.Index]
) -> pd.DataFrame:
    """Measure the step of a series at a break beside its usual movement.

    Parameters
    ----------
    rows : pandas.DataFrame
        council_code, period, value.
    first_period_after : int
        First calendar year of the first figure after the break.
    groups : mapping of str to pandas.Index
        Council codes by group.

    Returns
    -------
    pandas.DataFrame
        A row a group with a council that has a figure on both sides: first_year_after, group,
        councils, median_step and mean_step (of the councils' own changes from the last collected
        year before the break to the first after it), std_error (of the mean), usual_step (median
        size, over the other pairs of collected years, of the councils' median change). Empty where
        the series has no year on one of the sides.

    Examples
    --------
    >>> rows = pd.DataFrame({"period": [2012, 2013, 2014, 2015], "value": [1.0, 2, 9, 10]})
    >>> steps = break_steps(rows.assign(council_code="a"), 2014, {"all": pd.Index(["a"])})
    >>> steps[["median_step", "usual_step"]].to_numpy().tolist()
    [[7.0, 1.0]]
    """
    wide = rows.pivot(index="council_code", columns="period", values="value")
    changes = wide.diff(axis=1).iloc[:, 1:]
    after = sorted(p for p in map(int, changes.columns.tolist()) if p >= first_period_after)
    found = []
    for label, codes in groups.items():
        own = changes[changes.index.isin(codes)]
        if not after or own[after[0]].notna().sum() == 0:
            continue
        step = own[after[0]].dropna()
        usual = own.drop(columns=after[0]).median().abs().median()
        error = step.std() / np.sqrt(len(step)) if len(step) > 1 else float("nan")
        year = format_financial_year(after[0])
        found.append((year, label, len(step), step.median(), usual, step.mean(), error))
    return pd.DataFrame(found, columns=COLUMNS)


def check_breaks(design: Design) -> CheckResult:
    """Say whether a known break of the series can pass for an effect.

    Treated councils whose own event or first exposed year falls on the two sides of the break are
    left out of the steps: in them a step may be an effect.

    Parameters
    ----------
    design : Design
        The design, with `breaks`.

    Returns
    -------
    CheckResult
        ``concern`` when a break of basis lies between the base year and an exposed year of a
        treated council, and the mean step of treated councils differs from that of comparison
        councils by more than half of the meaningful change, or cannot be told from an effect. The
        table has a row a break and group (all councils, types, arms), see `break_steps`.
    """
    breaks = design.breaks[design.breaks["kind"] == "basis"]
    if breaks.empty:
        sentence = "No known break of the series lies within the outcome's years"
        return _result(design, "pass", sentence, pd.DataFrame(columns=COLUMNS))
    tables, alarms, calm = [], [], []
    for period in sorted(set(breaks["first_period_after"])):
        table = break_steps(design.full, period, _groups(design, period))
        tables.append(table)
        year = format_financial_year(period)
        if not _lies_between(design, period):
            calm.append(f"the break of {year} lies outside every base and exposed year")
            continue
        steps = table.set_index("group")["mean_step"]
        if not {"treated", "comparison"} <= set(steps.index):
            alarms.append(f"the break of {year} cannot be told from an effect")
            continue
        gap = float(steps["treated"] - steps["comparison"])
        words = (
            f"at the break of {year} treated councils stepped "
            f"{write_figure(steps['treated'], effect_unit(design.unit))} and comparison councils "
            f"{write_figure(steps['comparison'])}"
        )
        (alarms if abs(gap) > design.meaningful_change / 2 else calm).append(words)
    whole = pd.concat(tables, ignore_index=True)
    if alarms:
        sentence = f"{_first_upper('; '.join(alarms))}: the step can pass for an effect"
        return _result(design, "concern", sentence, whole)
    return _result(design, "pass", _first_upper("; ".join(calm)), whole)


def _lies_between(design: Design, period: int) -> bool:
    """Return whether some treated council is compared across the break."""
    treated = design.councils[design.councils["is_treated"]]
    base = treated["cohort"] - 1 - design.anticipation
    last = design.full.groupby("council_code")["period"].max()
    last = treated["council_code"].map(last)
    return bool(((base < period) & (period <= last)).any())


def _groups(design: Design, period: int) -> dict[str, pd.Index]:
    councils = design.councils.set_index("council_code")
    codes = councils.index
    kinds = {
        str(kind): pd.Index(rows.index)
        for kind, rows in councils.groupby("council_type", sort=True)
    }
    periods = np.sort(design.full["period"].unique())
    before = periods[periods < period].max(initial=period - 1)
    clear = ~((before < councils["cohort"]) & (period >= councils["cohort"] - design.anticipation))
    treated = councils["is_treated"]
    return {
        ALL: codes,
        **kinds,
        "treated": codes[treated & clear],
        "comparison": codes[~treated & clear],
    }


def _result(design: Design, verdict: Verdict, sentence: str, table: pd.DataFrame) -> CheckResult:
    return CheckResult(CHECK, design.outcome, design.no_record, verdict, sentence, table)


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
