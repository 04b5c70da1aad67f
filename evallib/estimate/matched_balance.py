"""Balance before and after matching, common support, and who was matched with whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evallib.estimate.html import html_table
from evallib.estimate.matched_columns import MatchColumns
from evallib.estimate.matched_effects import Effects
from evallib.estimate.matched_pairs import REASONS, Group, Matched
from evallib.estimate.matched_problem import Problem
from evallib.estimate.result import BoolArray, FloatArray, IntArray

EARLIER = "earlier level"


@dataclass(frozen=True, slots=True)
class Matching:
    """Who was matched with whom, how well, and who was not.

    Parameters
    ----------
    matches : DataFrame
        One row a pair: ``unit``, ``cohort``, ``base``, ``comparator``, ``distance`` (root mean
        square of the differences in standard deviations), ``weight`` (share of the comparator in
        the unit's comparison where all are observed) and the unit's ``effect``.
    balance : DataFrame
        One row a column: means of the treated, of the comparison pool and of the matched
        comparators; differences in standard deviations of the pool before and after matching;
        variances of the treated over those of the comparison before and after. 'earlier level' is
        the mean outcome of the periods before the base, which is not matched on by itself.
    unmatched : DataFrame
        Treated units without an effect: ``unit``, ``cohort``, ``reason``.
    support : DataFrame
        One row a matching column: ranges of the treated and the pool, and the treated units that
        lie outside their own pool's range.
    periods : DataFrame
        One row a cohort: treated units, pool, base period, and first and last period of the trend.
    """

    matches: pd.DataFrame
    balance: pd.DataFrame
    unmatched: pd.DataFrame
    support: pd.DataFrame
    periods: pd.DataFrame

    @property
    def frame(self) -> pd.DataFrame:
        """The same as ``matches``."""
        return self.matches

    def _repr_html_(self) -> str:
        parts = (
            (self.balance, "Balance before and after matching"),
            (self.support, "Common support"),
            (self.unmatched, f"{len(self.unmatched)} treated units are not matched"),
            (self.matches, f"{len(self.matches)} pairs"),
        )
        return "".join(html_table(table, caption, []) for table, caption in parts if len(table))


def describe_matching(
    problem: Problem,
    matched: Matched,
    effects: Effects,
    labels: np.ndarray[tuple[int], np.dtype[np.object_]],
    cohort: FloatArray,
    columns: MatchColumns,
) -> Matching:
    """Return the tables of a matching.

    Parameters
    ----------
    problem : Problem
    matched : Matched
    effects : Effects
    labels : array, shape (N,)
        Names of the units.
    cohort : array, shape (N,)
    columns : MatchColumns
    """
    edges = matched.edges
    pairs = np.bincount(edges.query, minlength=matched.unit.size)
    matches = pd.DataFrame(
        {
            "unit": labels[matched.unit[edges.query]],
            "cohort": matched.cohort[edges.query].astype(np.int64),
            "base": problem.periods[matched.base[edges.query]],
            "comparator": labels[edges.point],
            "distance": edges.distance,
            "weight": 1.0 / pairs[edges.query],
            "effect": effects.values[edges.query, 0],
        }
    )
    lost = np.flatnonzero(matched.reason > 0)
    unmatched = pd.DataFrame(
        {
            "unit": labels[lost],
            "cohort": cohort[lost].astype(np.int64),
            "reason": [REASONS[code] for code in matched.reason[lost]],
        }
    )
    facts: list[Mapping[str, Any]] = []
    support: list[Mapping[str, Any]] = []
    for name, grid, is_matched in _columns(problem, columns):
        held = _Standard(problem, matched, grid)
        facts.append({"column": name, **held.balance()})
        if is_matched:
            support.append({"column": name, **held.support()})
    return Matching(
        matches,
        pd.DataFrame(facts),
        unmatched,
        pd.DataFrame(support),
        pd.DataFrame([_periods(problem, matched, group) for group in matched.groups]),
    )


def _columns(problem: Problem, columns: MatchColumns) -> list[tuple[str, FloatArray, bool]]:
    """Return (name, values by unit and base period, is matched on) of what balance shows."""
    found = [(name, problem.features[k], True) for k, name in enumerate(problem.names)]
    found.append((EARLIER, problem.earlier, False))
    for name, codes, labels in zip(columns.exact, columns.codes, columns.labels, strict=True):
        for code, label in enumerate(labels):
            share = np.where(codes < 0, np.nan, (codes == code).astype(float))
            found.append((f"{name}={label}", share, False))
    return found


def _periods(problem: Problem, matched: Matched, group: Group) -> Mapping[str, Any]:
    """Return one cohort's periods."""
    first = max(0, group.base - problem.options.trend_periods + 1)
    with_trend = problem.options.match in ("level_trend", "trend") and group.has_trend
    return {
        "cohort": int(group.cohort),
        "n_treated": int((matched.cohort == group.cohort).sum()),
        "n_pool": group.pool.size,
        "base": int(problem.periods[group.base]),
        "trend_first": int(problem.periods[first]) if with_trend else pd.NA,
        "trend_last": int(problem.periods[group.base]) if with_trend else pd.NA,
    }


class _Standard:
    """One column, in standard deviations of each cohort's pool, with the weights of balance."""

    def __init__(self, problem: Problem, matched: Matched, grid: FloatArray) -> None:
        parts = [_of_group(problem, matched, group, grid) for group in matched.groups]
        columns = [np.concatenate(items) for items in zip(*parts, strict=True)] if parts else []
        empty = np.zeros(0)
        self.raw, self.value, self.weight, kind, self.outside = columns or [empty] * 5
        self.before, self.pool = kind == 0, kind == 1
        self.treated, self.comparator = kind == 2, kind == 3

    def mean(self, which: BoolArray, values: FloatArray) -> float:
        total = self.weight[which].sum()
        return float(self.weight[which] @ values[which] / total) if total > 0 else float("nan")

    def variance(self, which: BoolArray) -> float:
        middle = self.mean(which, self.value)
        return self.mean(which, (self.value - middle) ** 2)

    def balance(self) -> Mapping[str, float]:
        over = [self.variance(which) for which in (self.pool, self.comparator)]
        own = [self.variance(which) for which in (self.before, self.treated)]
        ratio = [a / b if b > 1e-20 else float("nan") for a, b in zip(own, over, strict=True)]
        return {
            "treated_mean": self.mean(self.before, self.raw),
            "pool_mean": self.mean(self.pool, self.raw),
            "matched_mean": self.mean(self.comparator, self.raw),
            "difference_before": self.mean(self.before, self.value)
            - self.mean(self.pool, self.value),
            "difference_after": self.mean(self.treated, self.value)
            - self.mean(self.comparator, self.value),
            "variance_ratio_before": ratio[0],
            "variance_ratio_after": ratio[1],
        }

    def support(self) -> Mapping[str, float]:
        own, pool = self.raw[self.before], self.raw[self.pool]
        if not own.size or not pool.size:
            return dict.fromkeys(("treated_min", "treated_max", "pool_min", "pool_max"), np.nan)
        return {
            "treated_min": float(own.min()),
            "treated_max": float(own.max()),
            "pool_min": float(pool.min()),
            "pool_max": float(pool.max()),
            "n_treated": int(own.size),
            "n_outside": int(self.outside[self.before].sum()),
        }


def _of_group(
    problem: Problem, matched: Matched, group: Group, grid: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray, FloatArray]:
    """Return one cohort's values, standardised values, weights, kinds and who lies outside.

    Kinds: 0 the treated that can be matched, 1 the pool, 2 the matched treated, 3 their
    comparators. Pool and comparators weigh together as much as their treated units.
    """
    values = grid[:, group.base]
    weight = problem.weight
    rows = np.flatnonzero(matched.cohort == group.cohort)
    some = np.isin(matched.edges.query, rows)
    query, point = matched.edges.query[some], matched.edges.point[some]
    pairs = np.bincount(query, minlength=matched.unit.size)
    sets = (
        (group.units, weight[group.units]),
        (group.pool, np.full(group.pool.size, weight[group.units].sum() / group.pool.size)),
        (matched.unit[rows], weight[matched.unit[rows]]),
        (point, weight[matched.unit[query]] / np.maximum(pairs[query], 1)),
    )
    pool = values[group.pool]
    known = pool[~np.isnan(pool)]
    centre, scale = (float(known.mean()), float(known.std())) if known.size else (0.0, 1.0)
    units = np.concatenate([who for who, _ in sets])
    mass = np.concatenate([held for _, held in sets])
    kind = np.repeat(np.arange(4), [who.size for who, _ in sets])
    raw = values[units]
    there = ~np.isnan(raw)
    inside = np.zeros(raw.size) if not known.size else (raw < known.min()) | (raw > known.max())
    floor = 1e-12 * max(abs(centre), 1e-300)
    value = (raw - centre) / (scale if scale > floor else 1.0)
    return raw[there], value[there], mass[there], kind[there], inside[there].astype(float)


@dataclass(frozen=True, slots=True)
class LevelGap:
    """How far treated units lie from the comparison in level, in standard deviations of the pool.

    Parameters
    ----------
    pool : float
        From the whole pool.
    matched : float
        From their comparators: the mean difference in the periods before the base less that in the
        base, as the effects are measured, bias correction included. NaN without such periods.
    is_earlier : bool
        Whether the level is the mean outcome of the periods before the base. Where no unit has any
        it is the outcome in the base period.
    """

    pool: float
    matched: float
    is_earlier: bool


def level_gap(problem: Problem, matched: Matched, effects: Effects) -> LevelGap:
    """Return how far treated units lie from their pools and comparators in level.

    Where units were chosen for what the base period shows, units that are alike there were alike
    before it. Where treated units lie lower at all times, comparators that are as low in the base
    period are so by chance, and were higher before it.
    """
    for grid, is_earlier in ((problem.earlier, True), (problem.outcome, False)):
        held = _Standard(problem, matched, grid).balance()
        if np.isfinite(held["difference_before"]):
            after = _earlier_difference(problem, matched, effects) if is_earlier else np.nan
            return LevelGap(held["difference_before"], after, is_earlier)
    return LevelGap(float("nan"), float("nan"), False)


def _earlier_difference(problem: Problem, matched: Matched, effects: Effects) -> float:
    """Return the mean of differences before the base, in standard deviations of earlier levels."""
    scale = np.ones(matched.unit.size)
    for group in matched.groups:
        earlier = problem.earlier[group.pool, group.base]
        wide = float(np.std(earlier[~np.isnan(earlier)])) if (~np.isnan(earlier)).any() else 0.0
        scale[matched.cohort == group.cohort] = wide if wide > 0 else np.nan
    before = effects.is_known & (np.arange(problem.periods.size) < matched.base[:, None])
    count = before.sum(axis=1)
    mean = (effects.cell * before).sum(axis=1) / np.maximum(count, 1) / scale
    shown = (count > 0) & np.isfinite(mean)
    weight = problem.weight[matched.unit][shown]
    return float(weight @ mean[shown] / weight.sum()) if shown.any() else float("nan")
