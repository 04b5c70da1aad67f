"""Who is behind each average of group-time cells: rows, units, treated units, thinness.

Units on one path that are observed in the same periods are alike, so they are counted together:
on a complete panel there are as many kinds of unit as paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evallib.estimate.group_time import Problem, Solution
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.thinness import Thinness, measure

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
    size : integer array, shape (M,)
        Units of each kind.
    treated, control : boolean array, shape (M, C)
        Which cells a kind is treated in, and which it is comparison in; base cells have none.
    """

    of_unit: IntArray
    size: IntArray
    treated: BoolArray
    control: BoolArray


def sort_units(problem: Problem, codes: IntArray) -> Kinds:
    """Return the kinds of unit of an assignment of paths."""
    cells, observed = problem.cells, problem.observed
    if observed.all():
        path, of_unit, size = np.unique(codes, return_inverse=True, return_counts=True)
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
        size=size,
        treated=(path[:, None] == cells.path[None, :]) & used,
        control=problem.control.T[path] & used & ~cells.is_base,
    )


def count_rows(
    problem: Problem, solution: Solution, weight: FloatArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Return rows, units and treated units behind each of K averages of the cells (K, C)."""
    cells = problem.cells
    kinds = sort_units(problem, solution.codes)
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


def cell_thinness(source: CellSource) -> Thinness:
    """Return how thin the design of the group aggregation is."""
    problem, solution = source.problem, source.solution
    cells = problem.cells
    overall, influence = source.headline()
    kinds = sort_units(problem, solution.codes)
    mass = np.bincount(kinds.of_unit, weights=problem.weight, minlength=kinds.size.size)
    total = mass @ kinds.treated
    share = np.divide(overall, total, out=np.zeros_like(overall), where=total > 0)
    when = (cells.time[:, None] == np.arange(problem.periods.size)).astype(float)
    by_year = (kinds.treated * share) @ when
    compares = (kinds.control & (overall != 0)) @ (when > 0)
    return measure(
        weight=by_year[kinds.of_unit] * problem.weight[:, None],
        is_control=compares[kinds.of_unit],
        cohort=problem.paths.cohort[solution.codes],
        periods=problem.periods,
        cluster=problem.cluster,
        contribution=influence,
    )
