"""Group-time average effects of Callaway and Sant'Anna over arrays.

``prepare`` holds all that does not depend on who was exposed when: differences of the outcome, the
covariates of each cell. ``solve`` gives the cells of one assignment of adoption paths with their
influence values; ``batch.solve_batch`` gives chosen averages for many assignments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evallib.estimate.adoption_paths import Paths
from evallib.estimate.conditioning import (
    Comparisons,
    build_design,
    compare_once,
    list_comparisons,
)
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.two_by_two import NO_UNITS, FirstStage, Method, fit_second_stage

Comparison = Literal["never_treated", "not_yet_treated"]
Base = Literal["varying", "universal"]

# Values held at once while cells are solved: small enough for a processor's cache.
CHUNK = 16_000
KEPT = 500_000


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

    @property
    def pairs(self) -> IntArray:
        """Positions of period and base of each distinct pair, shape (Q, 2)."""
        found = np.zeros((int(self.pair.max(initial=-1)) + 1, 2), dtype=np.int64)
        found[self.pair] = np.column_stack([self.time, self.base])
        return found


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
    both : array, shape (N, Q)
        The unit's weight where both periods of a pair are observed, else 0.
    control : boolean array, shape (C, P)
        Which paths are comparison units of which cell.
    comparisons : Comparisons
        The distinct comparisons that the cells make, with the covariates.
    """

    outcome: FloatArray
    observed: BoolArray
    periods: IntArray
    weight: FloatArray
    cluster: IntArray
    paths: Paths
    cells: Cells
    both: FloatArray
    control: BoolArray
    comparisons: Comparisons

    @property
    def difference(self) -> FloatArray:
        """Change between the two periods of each pair, shape (N, Q); 0 where either is missing."""
        rows, pairs = self.outcome.T, self.cells.pairs
        change = rows[pairs[:, 0]] - rows[pairs[:, 1]]
        if not self.observed.all():
            change *= self.both.T > 0
        return change.T


@dataclass(frozen=True, slots=True)
class Solution:
    """Cells of one assignment, with influence values.

    Parameters
    ----------
    att, valid : arrays, shape (C,)
    influence : array, shape (N, C)
        The standard error is the root of the summed squares by cluster, over N.
    held : array, shape (N, 1 + C)
        The same memory with a first column for an average, filled when it is taken.
    share : array, shape (P,)
    codes : integer array, shape (N,)
        The path of each unit.
    status : integer array, shape (C,)
        Why a cell is not valid, as ``two_by_two`` counts reasons; 0 where it is.
    trimmed : integer array, shape (C,)
        Comparison units that carry no weight because their propensity score is near 1.
    """

    att: FloatArray
    valid: BoolArray
    influence: FloatArray
    held: FloatArray
    share: FloatArray
    codes: IntArray
    status: IntArray
    trimmed: IntArray


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
    covariates: FloatArray | None = None,
    method: Method = "dr",
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
    covariates : array, shape (k, N, T), optional
        Read where ``observed``. A cell is conditioned on their values in its earlier period.
    method : 'dr', 'ipw' or 'reg'
    """
    cells = list_cells(periods, paths, base, anticipation)
    n = outcome.shape[0]
    weights = np.ones(n) if weight is None else weight / weight.mean()
    complete = bool(observed.all())
    clean = outcome if complete else np.where(observed, outcome, 0.0)
    pairs = cells.pairs
    both = np.broadcast_to(weights, (pairs.shape[0], n))
    if not complete:
        both = (observed[:, pairs[:, 0]] & observed[:, pairs[:, 1]]).T * weights
    control = _control_paths(periods, paths, cells, comparison, anticipation)
    design = build_design(covariates, observed)
    return Problem(
        outcome=np.ascontiguousarray(clean.T).T,  # a period in a row of memory
        observed=observed,
        periods=periods,
        weight=weights,
        cluster=np.arange(n) if cluster is None else cluster,
        paths=paths,
        cells=cells,
        both=both.T,
        control=control,
        comparisons=list_comparisons(cells, control, design, observed, method),
    )


def list_cells(periods: IntArray, paths: Paths, base: Base, anticipation: int) -> Cells:
    """Return every cell that the treated paths can have.

    With a varying base, periods before exposure are compared with the period before; from
    exposure on, and always with a universal base, with the last period ``p`` such that
    ``p + anticipation`` is before exposure. A cohort without such a period has no cell.
    """
    places = np.arange(periods.size)
    rows = [np.zeros((0, 3), dtype=np.int64)]
    for treated in np.flatnonzero(paths.is_treated):
        start = paths.cohort[treated]
        before = np.flatnonzero(periods + anticipation < start)
        if before.size == 0:
            continue
        earlier = np.full(places.size, before[-1])
        if base == "varying":
            earlier = np.where(periods >= start, earlier, places - 1)
        cells = np.column_stack([np.full(places.size, treated), places, earlier])
        rows.append(cells[earlier >= 0])
    path, time, base_time = np.concatenate(rows).T
    _, pair = np.unique(time * periods.size + base_time, return_inverse=True)
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
    plan, cells, n = problem.comparisons, problem.cells, codes.size
    n_cells = cells.path.size
    # Taken and given back untouched: from then on the C library keeps blocks up to this size for
    # the next array, where it would ask the system, page by page, for each of some hundred.
    np.empty(KEPT)
    att, held = np.zeros(n_cells), np.zeros((1 + n_cells, n))
    influence = held[1:]
    status, trimmed = np.zeros(n_cells, dtype=np.int64), np.zeros(n_cells, dtype=np.int64)
    rows = problem.outcome.T
    for which, stage, units in _blocks(problem, codes):
        for some in _cells_of(plan, which, units.size):
            own = plan.of_cell[some] - which[0]
            status[some], trimmed[some] = stage.status[own], stage.trimmed[own]
            if units.size == n:
                change = rows[cells.time[some]]
                change -= rows[cells.base[some]]
            else:
                change = np.stack([rows[time].take(units) for time in cells.time[some]])
                for row, base_time in zip(change, cells.base[some], strict=True):
                    row -= rows[base_time].take(units)
            value, part = fit_second_stage(stage.pick(own), change)
            part[status[some] > 0] = 0.0
            part *= n
            att[some] = np.where(status[some] > 0, 0.0, value)
            if units.size == n:
                influence[some] = part
            else:
                for cell, row in zip(some, part, strict=True):
                    influence[cell][units] = row
    for cell in np.flatnonzero(cells.is_base):
        member = codes == cells.path[cell]
        status[cell] = 0 if problem.both[member, cells.pair[cell]].any() else NO_UNITS
    mass = np.bincount(codes, weights=problem.weight, minlength=problem.paths.cohort.size)
    share = mass / problem.weight.sum()
    return Solution(att, status == 0, influence.T, held.T, share, codes, status, trimmed)


def _cells_of(plan: Comparisons, which: IntArray, n: int) -> Iterator[IntArray]:
    """Yield the cells of some comparisons, as many as fit; one comparison's where it has many."""
    inside = np.flatnonzero((plan.of_cell >= which[0]) & (plan.of_cell <= which[-1]))
    groups = [inside]
    if inside.size >= 4 * which.size:
        groups = [inside[plan.of_cell[inside] == one] for one in which]
    step = max(1, CHUNK // n)
    for group in groups:
        for start in range(0, group.size, step):
            yield group[start : start + step]


def _blocks(problem: Problem, codes: IntArray) -> Iterator[tuple[IntArray, FirstStage, IntArray]]:
    """Yield first stages and the units they are of: all at once, or path by path."""
    plan = problem.comparisons
    count, n = plan.path.size, codes.size
    if count * n <= 2 * CHUNK:
        units, which = np.arange(n), np.arange(count)
        yield which, compare_once(problem, which, codes, units), units
        return
    for path in np.unique(plan.path):
        rest = np.flatnonzero(plan.path == path)
        while rest.size:
            units = _units_of(plan, rest, codes)
            together = max(1, CHUNK // units.size)
            which, rest = rest[:together], rest[together:]
            if rest.size:
                units = _units_of(plan, which, codes)
            yield which, compare_once(problem, which, codes, units), units


def _units_of(plan: Comparisons, which: IntArray, codes: IntArray) -> IntArray:
    """Return where units that are in one of the comparisons stand; one unit if there are none."""
    inside = np.asarray(plan.control[which].any(axis=0))
    inside[plan.path[which]] = True
    units = np.flatnonzero(inside[codes])
    return units if units.size else np.zeros(1, dtype=np.int64)


def reweigh(problem: Problem, weights: FloatArray) -> Problem:
    """Return the problem with its units' weights multiplied."""
    return replace(problem, weight=problem.weight * weights, both=problem.both * weights[:, None])


def cluster_sums(influence: FloatArray, cluster: IntArray) -> FloatArray:
    """Return influence values (N, K) summed within clusters (G, K)."""
    if np.array_equal(cluster, np.arange(cluster.size)):
        return influence
    order = np.argsort(cluster, kind="stable")
    first = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    summed: FloatArray = np.add.reduceat(influence[order], first, axis=0)
    return summed


def influence_covariance(influence: FloatArray, cluster: IntArray) -> FloatArray:
    """Return the covariance of averages from influence values (N, K).

    Values are summed within clusters; no small-sample factor, as in R's did.
    """
    summed = cluster_sums(influence, cluster)
    covariance: FloatArray = summed.T @ summed / influence.shape[0] ** 2
    return covariance
