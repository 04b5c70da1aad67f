"""Chosen averages of group-time cells for many assignments of adoption paths at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from evallib.estimate.aggregate import Averages, weigh_parts
from evallib.estimate.group_time import Problem, cell_moments
from evallib.estimate.result import FloatArray, IntArray

CHUNK_BYTES = 12_000_000


def solve_batch(
    problem: Problem,
    codes: IntArray,
    wanted: Averages,
    changes: Sequence[FloatArray] | None = None,
) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Yield averages of the cells for many assignments, in chunks of bounded memory.

    Parameters
    ----------
    problem : Problem
    codes : integer array, shape (R, N)
        The path of each unit in each assignment.
    wanted : Averages
        K averages of the cells.
    changes : sequence of arrays, shape (N, Q), optional
        Changes of O outcomes over the problem's pairs; by default the problem's own.

    Yields
    ------
    (which draws, estimates (O, r, K), influence values summed by cluster (O, r, K, G))
        A standard error is the root of the last axis' summed squares, over N.
    """
    outcomes = [problem.difference] if changes is None else list(changes)
    n = problem.outcome.shape[0]
    each = 8 * n * (wanted.inner.shape[0] + len(wanted.terms) + 2 * problem.paths.cohort.size)
    step = max(1, int(CHUNK_BYTES // each))
    order = np.argsort(problem.cluster, kind="stable")
    first = np.flatnonzero(np.diff(problem.cluster[order], prepend=-1))
    together = first.size < n
    for start in range(0, codes.shape[0], step):
        part = slice(start, min(start + step, codes.shape[0]))
        estimates, sums = [], []
        for change in outcomes:
            estimate, influence = _contract(problem, change, codes[part], wanted)
            if together:
                influence = np.add.reduceat(influence[:, :, order], first, axis=2)
            estimates.append(estimate)
            sums.append(influence)
        yield part, np.array(estimates), np.array(sums)


def _contract(
    problem: Problem, change: FloatArray, codes: IntArray, wanted: Averages
) -> tuple[FloatArray, FloatArray]:
    """Return averages (r, K) and influence values (r, K, N) of a chunk of assignments.

    The influence of a unit on a cell is linear in its change, with a slope and a shift that
    depend on its path alone. They are looked up by path, cell by cell.
    """
    cells, n_paths = problem.cells, problem.paths.cohort.size
    moments = cell_moments(problem, change, codes)
    inner, inner_path, outer, outer_path = weigh_parts(
        wanted, moments.att, moments.valid, moments.share, cells.path, n_paths
    )
    draws, n = codes.shape
    row = np.arange(draws)[:, None]
    parts = np.zeros((wanted.inner.shape[0], draws, n))
    active = np.flatnonzero(wanted.inner.any(axis=0) & ~cells.is_base)
    for cell in active:
        slope = -1.0 * problem.control[cell] / moments.control_weight[:, cell, None]  # (r, P)
        shift = slope * moments.control_mean[:, cell, None]
        up = 1 / moments.treated_weight[:, cell]
        slope[:, cells.path[cell]] = up
        shift[:, cells.path[cell]] = up * moments.treated_mean[:, cell]
        pair = cells.pair[cell]
        both = problem.both[:, pair]
        influence = slope[row, codes] * (both * change[:, pair]) - shift[row, codes] * both
        for j in np.flatnonzero(wanted.inner[:, cell]):
            parts[j] += inner[:, j, cell, None] * influence
    combined = outer @ parts.transpose(1, 0, 2)  # (r, K, N)
    combined *= n
    by_path = outer @ inner_path + outer_path
    if np.abs(by_path).max() > 0:
        for path in range(n_paths):
            here = (codes == path) * problem.weight
            combined += by_path[:, :, path, None] * here[:, None, :]
    estimate = np.einsum("rkj,rjc,rc->rk", outer, inner, moments.att, optimize=True)
    return estimate, combined
