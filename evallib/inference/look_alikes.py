"""What happened to councils at the same level and trend as the exposed, without the event."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evallib.design import Design
from evallib.errors import EvallibWarning
from evallib.estimate import Estimate, fit
from evallib.estimate.intervals import analytic_interval
from evallib.estimate.result import FloatArray, IntArray
from evallib.inference.fitting import COLUMNS, options_of, rows_of, usable_covariates

MATCHED = "matched_did"
EXPOSED, ALIKE, EVERYONE = "exposed councils", "look-alikes", "all comparison councils"
GROUPS = (EXPOSED, ALIKE, EVERYONE)


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Estimates with and without matching on the same councils and years, and the paths behind.

    Parameters
    ----------
    matched, unmatched : Estimate
        Against the nearest councils in level and trend before the event, and against all councils
        that could compare: the same exposed councils, years and base.
    shift, shift_error, shift_low, shift_high : float
        What matching adds to the estimate, with its analytic standard error and interval.
    paths : pandas.DataFrame
        group, event_time, mean (of the outcome: the mean in the base period plus the mean change
        since, over councils with a figure) and councils (exposed ones that it is about).
    before : pandas.DataFrame
        group, level (in the base period), trend (a year, up to it) and after (mean change from the
        base to the exposed years of the window).
    """

    matched: Estimate
    unmatched: Estimate
    shift: float
    shift_error: float
    shift_low: float
    shift_high: float
    paths: pd.DataFrame
    before: pd.DataFrame


def look_alikes(design: Design) -> LookAlikes:
    """Match the exposed councils of a design on level and trend, and leave the matching out again.

    Parameters
    ----------
    design : Design

    Returns
    -------
    LookAlikes

    Raises
    ------
    EstimationError
        Where no exposed council finds a comparator.
    """
    covariates = usable_covariates(design, MATCHED)
    given = options_of(design, MATCHED, covariates)
    rows = rows_of(design, MATCHED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        matched = fit(MATCHED, rows, **COLUMNS, **given)
        lost = matched.details["matching"].unmatched["unit"]
        if len(lost):
            rows = rows[~rows["council_code"].isin(list(lost))]
            matched = fit(MATCHED, rows, **COLUMNS, **given)
        # Everybody is as near as the nearest, and ties all count.
        plain: dict[str, Any] = {key: value for key, value in given.items() if key != "match_on"}
        plain |= {"match": "none", "exact": ["everyone"], "bias_correction": False}
        unmatched = fit(MATCHED, rows.assign(everyone=1), **COLUMNS, **plain)
    shift = float(matched.point[0] - unmatched.point[0])
    error = _error(matched, unmatched)
    low, high, _ = analytic_interval(np.array([shift]), np.array([error]), design.level, None)
    paths, after = _paths(design, rows, matched, unmatched)
    before = _before(matched, after)
    return LookAlikes(
        matched, unmatched, shift, error, float(low[0]), float(high[0]), paths, before
    )


def _error(one: Estimate, other: Estimate) -> float:
    """Return the standard error of the difference of two estimates of the same clusters."""
    if one.scores is None or other.scores is None or one.scores.shape[0] != other.scores.shape[0]:
        return float("nan")
    return float(np.sqrt(((one.scores[:, 0] - other.scores[:, 0]) ** 2).sum()))


def _paths(
    design: Design, rows: pd.DataFrame, matched: Estimate, unmatched: Estimate
) -> tuple[pd.DataFrame, FloatArray]:
    """Return mean paths of the three groups, and their mean change over exposed years (3,)."""
    grid = rows.pivot(index="council_code", columns="period", values="value")
    grid = grid.reindex(columns=range(int(grid.columns.min()), int(grid.columns.max()) + 1))
    near = matched.details["matching"].matches
    units = near.drop_duplicates("unit")
    times = np.arange(design.window[0], design.window[1] + 1)
    own = _changes(grid, units["unit"], units, times)
    sides = [own]
    for estimate in (matched, unmatched):
        pairs = estimate.details["matching"].matches
        changes = pd.DataFrame(_changes(grid, pairs["comparator"], pairs, times))
        sides.append(changes.groupby(pairs["unit"].to_numpy()).mean().loc[units["unit"]].to_numpy())
    change = np.stack(sides)  # (3, M, E)
    there = np.isfinite(change).all(axis=0)
    weight = rows.groupby("council_code")["weight"].first().loc[units["unit"]].to_numpy(float)
    carried = weight[:, None] * there
    total = carried.sum(axis=0)
    seen = total > 0
    share = np.divide(carried, total, out=np.zeros_like(carried), where=seen)
    mean = (np.where(there, change, 0.0) * share).sum(axis=1)  # (3, E)
    levels = _levels(matched)
    parts = [
        pd.DataFrame(
            {
                "group": name,
                "event_time": times[seen],
                "mean": levels[place] + mean[place, seen],
                "councils": there.sum(axis=0)[seen],
            }
        )
        for place, name in enumerate(GROUPS)
    ]
    after = there & (times >= 0)
    own_share = after / np.maximum(after.sum(axis=1, keepdims=True), 1)
    mine = (np.where(there, change, 0.0) * own_share).sum(axis=2)  # (3, M)
    counted = weight * after.any(axis=1)
    return pd.concat(parts, ignore_index=True), mine @ counted / counted.sum()


def _changes(
    grid: pd.DataFrame, codes: pd.Series, pairs: pd.DataFrame, times: IntArray
) -> FloatArray:
    """Return changes from the base at each event time of a pair's exposed council (P, E)."""
    values = grid.to_numpy(dtype=float)
    row = grid.index.get_indexer(pd.Index(codes))
    first = int(grid.columns[0])
    at = pairs["cohort"].to_numpy()[:, None] + times - first
    inside = (at >= 0) & (at < values.shape[1])
    found = np.where(inside, values[row[:, None], np.clip(at, 0, values.shape[1] - 1)], np.nan)
    return np.asarray(found - values[row, pairs["base"].to_numpy() - first][:, None])


def _levels(matched: Estimate) -> list[float]:
    return _of_balance(matched, "level")


def _of_balance(matched: Estimate, column: str) -> list[float]:
    """Return the means of the exposed, of look-alikes and of all; missing where not matched on."""
    balance = matched.details["matching"].balance.set_index("column")
    names = ("treated_mean", "matched_mean", "pool_mean")
    if column not in balance.index:
        return [float("nan")] * len(names)
    return [float(balance.loc[column, name]) for name in names]


def _before(matched: Estimate, after: FloatArray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": GROUPS,
            "level": _levels(matched),
            "trend": _of_balance(matched, "trend"),
            "after": after,
        }
    )
