"""Group-time average effects of Callaway and Sant'Anna, without covariates, over arrays.

``prepare`` holds all that does not depend on who was exposed when. ``solve`` gives the cells of
one assignment of adoption paths with their influence values; ``batch.solve_batch`` gives chosen
averages for many assignments. Both take the cell means from the same kernel, ``cell_moments``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray

Comparison = Literal["never_treated", "not_yet_treated"]
Base = Literal["varying", "universal"]


@dataclass(frozen=True, slots=True)
class Paths:
    """The adoption paths that occur: when each begins, and whether it counts as treated.

    Parameters
    ----------
    cohort : array, shape (P,)
        First exposed period; infinity is never. Sorted.
    is_treated : array, shape (P,)
        False for paths that serve as comparison only, until they are exposed.
    """

    cohort: FloatArray
    is_treated: BoolArray


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells ATT(g, t): a cohort's change from its base period, less the comparison group's.

    Parameters
    ----------
    path, time, base, pair : integer arrays, shape (C,)
        Positions of the cohort's path, of period and base among the periods, and of the
        (period, base) pair among the distinct differences.
    group, period : arrays, shape (C,)
        First exposed period of the cohort, and the period, as they were given.
    is_post, is_base : boolean arrays, shape (C,)
    """

    path: IntArray
    time: IntArray
    base: IntArray
    pair: IntArray
    group: FloatArray
    period: IntArray
    is_post: BoolArray
    is_base: BoolArray


@dataclass(frozen=True, slots=True)
class Problem:
    """A panel with everything that does not depend on who was exposed when.

    Parameters
    ----------
    outcome : array, shape (N, T)
        NaN-free; the value where ``observed`` is False is not read.
    observed : boolean array, shape (N, T)
    periods : integer array, shape (T,)
    weight : array, shape (N,)
        Sampling weight of each unit.
    cluster : integer array, shape (N,)
        Cluster codes from 0.
    difference, both : arrays, shape (N, Q)
        Change between the two periods of each pair, 0 where either is missing; and the unit's
        weight where both are observed.
    control : boolean array, shape (C, P)
        Which paths are comparison units of which cell.
    """

    outcome: FloatArray
    observed: BoolArray
    periods: IntArray
    weight: FloatArray
    cluster: IntArray
    paths: Paths
    cells: Cells
    difference: FloatArray
    both: FloatArray
    control: BoolArray


@dataclass(frozen=True, slots=True)
class Moments:
    """Weighted sums behind the cells of R assignments.

    Parameters
    ----------
    att : array, shape (R, C)
        0 in cells that are not valid.
    valid : boolean array, shape (R, C)
        Cells with at least one treated and one comparison unit, and base cells.
    treated_mean, control_mean, treated_weight, control_weight : arrays, shape (R, C)
    share : array, shape (R, P)
        Weighted share of the units on each path.
    """

    att: FloatArray
    valid: BoolArray
    treated_mean: FloatArray
    control_mean: FloatArray
    treated_weight: FloatArray
    control_weight: FloatArray
    share: FloatArray


@dataclass(frozen=True, slots=True)
class Solution:
    """Cells of one assignment, with influence values.

    Parameters
    ----------
    att, valid : arrays, shape (C,)
    influence : array, shape (N, C)
        The standard error is the root of the summed squares by cluster, over N.
    share : array, shape (P,)
    codes : integer array, shape (N,)
        The path of each unit.
    """

    att: FloatArray
    valid: BoolArray
    influence: FloatArray
    share: FloatArray
    codes: IntArray


def encode_paths(cohort: FloatArray, is_treated: BoolArray) -> tuple[Paths, IntArray]:
    """Return the distinct paths and each unit's path.

    Parameters
    ----------
    cohort : array, shape (N,)
        First exposed period; infinity is never.
    is_treated : boolean array, shape (N,)
        False where a unit serves as comparison only.
    """
    both = np.column_stack([cohort, is_treated & np.isfinite(cohort)])
    distinct, codes = np.unique(both, axis=0, return_inverse=True)
    paths = Paths(distinct[:, 0], distinct[:, 1].astype(bool))
    return paths, np.asarray(codes, dtype=np.int64).reshape(-1)


def last_is_comparison(cohort: FloatArray, is_treated: BoolArray) -> BoolArray:
    """Return which units count as treated: without others, the last cohort compares only.

    So does R's did, which then drops the periods in which the last cohort is itself exposed.
    """
    if is_treated.all():
        return np.asarray(cohort < cohort.max())
    return is_treated


def prepare(
    outcome: FloatArray,
    observed: BoolArray,
    periods: IntArray,
    paths: Paths,
    *,
    comparison: Comparison = "never_treated",
    base: Base = "varying",
    anticipation: int = 0,
    weight: FloatArray | None = None,
    cluster: IntArray | None = None,
) -> Problem:
    """Set up the cells and differences of a panel for the given adoption paths.

    Parameters
    ----------
    outcome, observed : arrays, shape (N, T)
    periods : integer array, shape (T,), sorted
    paths : Paths
    comparison : 'never_treated' or 'not_yet_treated'
    base : 'varying' or 'universal'
    anticipation : int
        Periods before exposure in which behaviour may already have changed.
    weight : array, shape (N,), optional
    cluster : integer array, shape (N,), optional
    """
    cells = list_cells(periods, paths, base, anticipation)
    pairs = np.zeros((0, 2), dtype=np.int64)
    if cells.pair.size:
        pairs = np.unique(np.column_stack([cells.time, cells.base]), axis=0)
    n = outcome.shape[0]
    weights = np.ones(n) if weight is None else weight / weight.mean()
    clean = np.where(observed, outcome, 0.0)
    both = observed[:, pairs[:, 0]] & observed[:, pairs[:, 1]]
    difference = np.where(both, clean[:, pairs[:, 0]] - clean[:, pairs[:, 1]], 0.0)
    return Problem(
        outcome=clean,
        observed=observed,
        periods=periods,
        weight=weights,
        cluster=np.arange(n) if cluster is None else cluster,
        paths=paths,
        cells=cells,
        difference=difference,
        both=both * weights[:, None],
        control=_control_paths(periods, paths, cells, comparison, anticipation),
    )


def list_cells(periods: IntArray, paths: Paths, base: Base, anticipation: int) -> Cells:
    """Return every cell that the treated paths can have.

    With a varying base, periods before exposure are compared with the period before; from
    exposure on, and always with a universal base, with the last period ``p`` such that
    ``p + anticipation`` is before exposure. A cohort without such a period has no cell.
    """
    rows: list[tuple[int, int, int]] = []
    for treated in np.flatnonzero(paths.is_treated):
        start = paths.cohort[treated]
        before = np.flatnonzero(periods + anticipation < start)
        if before.size == 0:
            continue
        for place, period in enumerate(periods):
            if base == "universal" or period >= start:
                rows.append((int(treated), place, int(before[-1])))
            elif place > 0:
                rows.append((int(treated), place, place - 1))
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    path, time, base_time = table[:, 0], table[:, 1], table[:, 2]
    _, pair = np.unique(table[:, 1:], axis=0, return_inverse=True)
    group = paths.cohort[path]
    return Cells(
        path=path,
        time=time,
        base=base_time,
        pair=np.asarray(pair, dtype=np.int64).reshape(-1),
        group=group,
        period=periods[time],
        is_post=periods[time] >= group,
        is_base=time == base_time,
    )


def _control_paths(
    periods: IntArray, paths: Paths, cells: Cells, comparison: Comparison, anticipation: int
) -> BoolArray:
    """Return which paths (P) are comparison units of which cells (C)."""
    beyond = periods.max() + anticipation if periods.size else 0
    if comparison == "never_treated":
        return np.tile(paths.cohort > beyond, (cells.path.size, 1))
    latest = periods[np.maximum(cells.time, cells.base)] + anticipation
    allowed: BoolArray = paths.cohort[None, :] > latest[:, None]
    allowed[np.arange(cells.path.size), cells.path] = False
    return allowed


def cell_moments(problem: Problem, difference: FloatArray, codes: IntArray) -> Moments:
    """Return the cell means of R assignments.

    Parameters
    ----------
    problem : Problem
    difference : array, shape (N, Q)
        Changes of the outcome over the problem's pairs; ``problem.difference`` or those of
        another outcome that is observed in the same rows.
    codes : integer array, shape (R, N)
        The path of each unit in each assignment.
    """
    cells, draws, n = problem.cells, codes.shape[0], codes.shape[1]
    n_paths = problem.paths.cohort.size
    member = (codes[:, None, :] == np.arange(n_paths)[None, :, None]).astype(float)
    flat = member.reshape(draws * n_paths, n)
    shape = (draws, n_paths, -1)
    total = (flat @ (difference * problem.both)).reshape(shape)[:, :, cells.pair]
    count = (flat @ problem.both).reshape(shape)[:, :, cells.pair]
    here = np.arange(cells.path.size)
    treated_weight = count[:, cells.path, here]
    control_weight = np.einsum("rpc,cp->rc", count, problem.control, optimize=True)
    control_total = np.einsum("rpc,cp->rc", total, problem.control, optimize=True)
    valid = (treated_weight > 0) & (control_weight > 0) & ~cells.is_base
    treated_mean = np.divide(
        total[:, cells.path, here], treated_weight, out=np.zeros_like(treated_weight), where=valid
    )
    control_mean = np.divide(
        control_total, control_weight, out=np.zeros_like(control_weight), where=valid
    )
    base_alive = cells.is_base & (treated_weight > 0)
    return Moments(
        att=treated_mean - control_mean,
        valid=valid | base_alive,
        treated_mean=treated_mean,
        control_mean=control_mean,
        treated_weight=np.where(valid, treated_weight, np.inf),
        control_weight=np.where(valid, control_weight, np.inf),
        share=member @ problem.weight / problem.weight.sum(),
    )


def solve(problem: Problem, codes: IntArray, weights: FloatArray | None = None) -> Solution:
    """Return the cells of one assignment of paths, with influence values.

    Parameters
    ----------
    problem : Problem
    codes : integer array, shape (N,)
        Position of each unit's path in ``problem.paths``.
    weights : array, shape (N,), optional
        Multipliers of the units' weights (a bootstrap's draw, for example).
    """
    if weights is not None:
        problem = reweigh(problem, weights)
    moments = cell_moments(problem, problem.difference, codes[None, :])
    cells, n = problem.cells, codes.size
    difference, both = problem.difference[:, cells.pair], problem.both[:, cells.pair]
    treated = codes[:, None] == cells.path[None, :]
    control = problem.control.T[codes]
    influence = treated * (difference - moments.treated_mean) / moments.treated_weight
    influence -= control * (difference - moments.control_mean) / moments.control_weight
    influence *= n * both
    return Solution(moments.att[0], moments.valid[0], influence, moments.share[0], codes)


def reweigh(problem: Problem, weights: FloatArray) -> Problem:
    """Return the problem with its units' weights multiplied."""
    return replace(problem, weight=problem.weight * weights, both=problem.both * weights[:, None])


def cluster_sums(influence: FloatArray, cluster: IntArray) -> FloatArray:
    """Return influence values (N, K) summed within clusters (G, K)."""
    summed = np.zeros((int(cluster.max()) + 1, influence.shape[1]))
    np.add.at(summed, cluster, influence)
    return summed


def influence_covariance(influence: FloatArray, cluster: IntArray) -> FloatArray:
    """Return the covariance of averages from influence values (N, K).

    Values are summed within clusters; no small-sample factor, as in R's did.
    """
    summed = cluster_sums(influence, cluster)
    covariance: FloatArray = summed.T @ summed / influence.shape[0] ** 2
    return covariance
