"""Rows and units behind each matched average, and how thin its design is."""

from __future__ import annotations

import numpy as np

from evallib.estimate.matched import Solution
from evallib.estimate.matched_problem import Problem
from evallib.estimate.result import BoolArray, IntArray
from evallib.estimate.thinness import Thinness, measure


def count_rows(problem: Problem, solution: Solution) -> tuple[IntArray, IntArray, IntArray]:
    """Return rows, units and treated units behind each of the K terms.

    A difference rests on four kinds of row: the treated unit's and its comparators', in the period
    and in the base.
    """
    matched, effects, terms = solution.matched, solution.effects, solution.terms
    counts = np.zeros((3, len(terms.names)), dtype=np.int64)
    for k, (row, column) in enumerate(zip(terms.weight, terms.column, strict=True)):
        member = row > 0
        wanted = effects.share > 0 if column == 0 else effects.slot == column - 1
        cells = effects.is_known & wanted & member[:, None]
        used = _rows_used(problem, solution, cells)
        counts[:, k] = used.sum(), used.any(axis=1).sum(), np.unique(matched.unit[member]).size
    return counts[0], counts[1], counts[2]


def _rows_used(problem: Problem, solution: Solution, cells: BoolArray) -> BoolArray:
    """Return the rows (N, T) behind differences of matched units in some periods (M, T)."""
    matched = solution.matched
    used = np.zeros(problem.observed.shape, dtype=bool)
    used[matched.unit] = cells
    some = np.flatnonzero(cells.any(axis=1))
    used[matched.unit[some], matched.base[some]] = True
    for group, link in zip(matched.groups, solution.effects.links, strict=True):
        here = cells[link.rows]
        theirs = (link.matrix.T @ here.astype(float) > 0) & (link.observed > 0)
        used[link.units] |= theirs
        used[link.units, group.base] |= theirs.any(axis=1)
    return used


def matched_thinness(problem: Problem, solution: Solution) -> Thinness:
    """Return how thin the design of ``att`` is."""
    matched, effects = solution.matched, solution.effects
    weight = np.zeros(problem.observed.shape)
    weight[matched.unit] = solution.terms.weight[0][:, None] * effects.share
    compares = np.zeros(problem.observed.shape, dtype=bool)
    cohort = np.full(problem.weight.size, np.inf)
    cohort[matched.unit] = matched.cohort
    for link in effects.links:
        here = (effects.share[link.rows] > 0).astype(float)
        compares[link.units] |= (link.matrix.T @ here > 0) & (link.observed > 0)
    return measure(
        weight=weight,
        is_control=compares,
        cohort=cohort,
        periods=problem.periods,
        cluster=problem.cluster,
        contribution=solution.influence[:, 0],
    )
