"""Matched difference-in-differences over arrays: every treated unit against its nearest others.

``prepare`` holds what does not depend on who was exposed when: levels, trends and other columns as
they stood in every possible base period. ``solve`` matches one assignment of first exposed periods
and returns its effects with their influence values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evallib.estimate.group_time import cluster_sums
from evallib.estimate.matched_columns import MatchColumns
from evallib.estimate.matched_effects import Effects, Terms, list_terms, measure_effects
from evallib.estimate.matched_inference import influence_with, influence_without
from evallib.estimate.matched_options import MatchedOptions
from evallib.estimate.matched_pairs import Matched, match_units
from evallib.estimate.matched_problem import Problem
from evallib.estimate.result import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Solution:
    """Effects of one assignment of first exposed periods.

    Parameters
    ----------
    matched : Matched
        Who was matched with whom; treated units without an exposed period are left out.
    effects : Effects
    terms : Terms
    point, std_error : array, shape (K,)
        NaN standard errors where the value is fixed, where fewer than two treated clusters are
        behind it, and where no comparator's own variation can be told.
    influence : array, shape (N, K)
        The variance is the sum of squares by cluster, over N squared.
    cluster : integer array, shape (N,)
        Clusters of the influence values: without replacement, matched sets joined with the
        clusters that were given.
    sums : array, shape (G, K)
        Influence values summed by cluster, over N.
    """

    matched: Matched
    effects: Effects
    terms: Terms
    point: FloatArray
    std_error: FloatArray
    influence: FloatArray
    cluster: IntArray
    sums: FloatArray

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the terms, shape (K, K)."""
        covariance: FloatArray = self.sums.T @ self.sums
        return covariance


def prepare(
    outcome: FloatArray,
    observed: BoolArray,
    periods: IntArray,
    options: MatchedOptions,
    *,
    weight: FloatArray | None = None,
    cluster: IntArray | None = None,
    columns: MatchColumns | None = None,
) -> Problem:
    """Set up what units can be matched on in every base period.

    Parameters
    ----------
    outcome, observed : arrays, shape (N, T)
    periods : integer array, shape (T,), sorted
    options : MatchedOptions
        Names of columns are not read again.
    weight : array, shape (N,), optional
        Weight of a unit among the treated.
    cluster : integer array, shape (N,), optional
    columns : MatchColumns, optional
    """
    n = outcome.shape[0]
    clean = np.where(observed, outcome, 0.0)
    features: list[FloatArray] = []
    names: list[str] = []
    if options.match in ("level_trend", "level"):
        features.append(np.where(observed, outcome, np.nan))
        names.append("level")
    if options.match in ("level_trend", "trend"):
        features.append(trends(clean, observed, periods, options.trend_periods))
        names.append("trend")
    exact = np.zeros(outcome.shape, dtype=np.int64)
    if columns is not None:
        features.extend(columns.values)
        names.extend(columns.names)
        for codes in columns.codes:
            joined = exact * (int(codes.max(initial=0)) + 1) + codes
            exact = np.where((exact < 0) | (codes < 0), -1, joined)
    return Problem(
        outcome=clean,
        observed=observed,
        periods=periods,
        weight=np.ones(n) if weight is None else weight / weight.mean(),
        cluster=np.arange(n) if cluster is None else cluster,
        features=np.array(features).reshape(-1, *outcome.shape),
        names=tuple(names),
        exact=exact,
        earlier=earlier_means(clean, observed),
        options=options,
    )


def trends(outcome: FloatArray, observed: BoolArray, periods: IntArray, length: int) -> FloatArray:
    """Return the slope of the line through the last periods up to each period.

    A unit's own rows among these periods count; NaN without a row in the last one or with fewer
    than two.

    Parameters
    ----------
    outcome, observed : arrays, shape (N, T)
    periods : integer array, shape (T,)
    length : int
        Periods that count, the last one among them.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1.0, 2.0, 5.0]])
    >>> trends(rows, np.ones((1, 3), dtype=bool), np.array([2010, 2011, 2012]), 3).tolist()
    [[nan, 1.0, 2.0]]
    """
    found = np.full(outcome.shape, np.nan)
    for last in range(1, periods.size):
        part = slice(max(0, last - length + 1), last + 1)
        there = observed[:, part].astype(float)
        count = there.sum(axis=1)
        known = observed[:, last] & (count >= 2)
        when = (periods[part] - periods[last]).astype(float)
        middle = (there @ when) / np.maximum(count, 1.0)
        from_middle = (when - middle[:, None]) * there
        change = outcome[:, part] - outcome[:, [last]]  # near zero: levels lose no digits
        spread = (from_middle**2).sum(axis=1)
        slope = (from_middle * change).sum(axis=1) / np.where(spread > 0, spread, 1.0)
        found[known, last] = slope[known]
    return found


def earlier_means(outcome: FloatArray, observed: BoolArray) -> FloatArray:
    """Return the mean of each unit's rows before each period, NaN where there are none."""
    count = np.cumsum(observed, axis=1)[:, :-1]
    total = np.cumsum(outcome, axis=1)[:, :-1]
    found = np.full(outcome.shape, np.nan)
    found[:, 1:] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def solve(
    problem: Problem,
    cohort: FloatArray,
    is_treated: BoolArray | None = None,
    weights: FloatArray | None = None,
) -> Solution:
    """Return the effects of one assignment of first exposed periods.

    Parameters
    ----------
    problem : Problem
    cohort : array, shape (N,)
        First exposed period; infinity is never.
    is_treated : boolean array, shape (N,), optional
        False for units that serve as comparison only, until they are exposed.
    weights : array, shape (N,), optional
        Multipliers of the units' weights; treated units of zero weight are left out.
    """
    if weights is not None:
        problem = replace(problem, weight=problem.weight * weights)
    treated = np.isfinite(cohort) & (cohort <= problem.periods[-1]) & (problem.weight > 0)
    if is_treated is not None:
        treated &= is_treated
    matched = match_units(problem, cohort, treated)
    matched, effects = measure_effects(problem, matched)
    terms = list_terms(problem, matched, effects)
    point = np.array([terms.weight[k] @ effects.values[:, c] for k, c in enumerate(terms.column)])
    if problem.options.replace:
        influence, cluster = influence_with(problem, matched, effects, terms, point)
    else:
        influence, cluster = influence_without(problem, matched, effects, terms, point)
    sums = cluster_sums(influence, cluster) / max(cohort.size, 1)
    std_error = np.sqrt((sums**2).sum(axis=0))
    size = float(np.abs(problem.outcome).max(initial=0.0))
    std_error[std_error <= 1e-12 * max(size, 1e-300)] = np.nan
    std_error[_unknown(problem, matched, terms, cluster)] = np.nan
    return Solution(matched, effects, terms, point, std_error, influence, cluster, sums)


def _unknown(problem: Problem, matched: Matched, terms: Terms, cluster: IntArray) -> BoolArray:
    """Return the terms whose variance cannot be told, shape (K,)."""
    few = np.array([np.unique(cluster[matched.unit[row > 0]]).size < 2 for row in terms.weight])
    if not problem.options.replace:
        return few
    alone = [
        group.cohort for group in matched.groups if np.unique(problem.cluster[group.pool]).size < 2
    ]
    lone = np.isin(matched.cohort, alone)
    return few | (terms.weight[:, lone] > 0).any(axis=1)
