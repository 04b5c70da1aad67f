"""Who is behind each average of group-time cells: rows, units, treated units, thinness.

Units on one path that are observed in the same periods are alike, so they are counted together:
on a complete panel there are as many kinds of unit as paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evallib.estimate.group_time import Problem
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.thinness import Thinness, count_clusters, effective_number, judge

if TYPE_CHECKING:
    from evallib.estimate.cells import CellSource

CHUNK = 200_000


@dataclass(frozen=True, slots=True)
class Kinds:
    """Kinds of unit: a path and the periods with a row.

    Parameters
    ----------
    of_unit : integer array, shape (N,)
        The kind of each unit.
    first : integer array, shape (M,)
        Where a unit of each kind stands.
    size : integer array, shape (M,)
        Units of each kind.
    treated, control : boolean array, shape (M, C)
        Which cells a kind is treated in, and which it is comparison in; base cells have none.
    """

    of_unit: IntArray
    first: IntArray
    size: IntArray
    treated: BoolArray
    control: BoolArray


def sort_units(problem: Problem, codes: IntArray) -> Kinds:
    """Return the kinds of unit of an assignment of paths."""
    cells, observed = problem.cells, problem.observed
    if observed.all():
        path, first, of_unit, size = np.unique(
            codes, return_index=True, return_inverse=True, return_counts=True
        )
        seen = np.ones((path.size, observed.shape[1]), dtype=bool)
    else:
        rows = np.column_stack([codes, np.packbits(observed, axis=1).astype(np.int64)])
        _, first, of_unit, size = np.unique(
            rows, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        path, seen = codes[first], observed[first]
    used = seen[:, cells.time] & seen[:, cells.base]
    return Kinds(
        of_unit=np.asarray(of_unit, dtype=np.int64).reshape(-1),
        first=first,
        size=size,
        treated=(path[:, None] == cells.path[None, :]) & used,
        control=problem.control.T[path] & used & ~cells.is_base,
    )


def count_rows(
    problem: Problem, kinds: Kinds, weight: FloatArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Return rows, units and treated units behind each of K averages of the cells (K, C)."""
    cells = problem.cells
    used = kinds.treated | kinds.control
    periods = np.arange(problem.periods.size)
    touched = (cells.time[:, None] == periods) | (cells.base[:, None] == periods)
    among = weight != 0
    counts = np.zeros((3, len(weight)), dtype=np.int64)
    step = max(1, CHUNK // used.size)
    for start in range(0, len(weight), step):
        part = slice(start, start + step)
        rows = (among[part, None, :] & used).astype(np.float32)  # (k, M, C)
        marked = rows @ touched.astype(np.float32) > 0
        own = (among[part, None, :] & kinds.treated).any(axis=2)
        counts[:, part] = (
            marked.sum(axis=2) @ kinds.size,
            rows.any(axis=2) @ kinds.size,
            own @ kinds.size,
        )
    return counts[0], counts[1], counts[2]


def thinness_of(source: CellSource, overall: FloatArray, influence: FloatArray) -> Thinness:
    """Return how thin the design of an average is.

    Parameters
    ----------
    source : CellSource
    overall : array, shape (C,)
        Weights of the cells.
    influence : array, shape (N,)
    """
    problem, solution = source.problem, source.solution
    cells = problem.cells
    kinds = source.kinds
    mass = np.bincount(kinds.of_unit, weights=problem.weight, minlength=kinds.size.size)
    total = mass @ kinds.treated
    share = np.divide(overall, total, out=np.zeros_like(overall), where=total > 0)
    when = cells.time[:, None] == np.arange(problem.periods.size)
    carried = mass[:, None] * ((kinds.treated * share) @ when.astype(float))
    carried /= carried.sum()
    exposed = kinds.treated & (overall != 0)
    is_treated = exposed.any(axis=1)
    compares = kinds.control & (overall != 0)
    treated_in, control_in = (
        _clusters(problem, kinds, some @ when) for some in (exposed, compares)
    )
    starts = problem.paths.cohort[solution.codes[kinds.first]]
    return judge(
        years=[
            (int(period), float(part), int(treated), int(control))
            for period, part, treated, control in zip(
                problem.periods, carried.sum(axis=0), treated_in, control_in, strict=True
            )
        ],
        cohorts=[
            (
                float(start),
                float(carried[is_treated & (starts == start)].sum()),
                int(kinds.size[is_treated & (starts == start)].sum()),
            )
            for start in np.unique(starts[is_treated])
        ],
        effective=effective_number(influence, problem.cluster, is_treated[kinds.of_unit]),
        n_treated_clusters=int(_clusters(problem, kinds, is_treated[:, None])[0]),
        n_control_clusters=int(_clusters(problem, kinds, compares.any(axis=1)[:, None])[0]),
    )


def _clusters(problem: Problem, kinds: Kinds, among: BoolArray) -> IntArray:
    """Return how many clusters have a unit of the chosen kinds (M, T), column by column."""
    if np.array_equal(problem.cluster, np.arange(problem.cluster.size)):
        return np.asarray(kinds.size @ among, dtype=np.int64)
    return count_clusters(problem.cluster, among[kinds.of_unit])
