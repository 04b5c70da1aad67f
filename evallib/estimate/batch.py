"""Chosen averages of group-time cells for many assignments of adoption paths at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from evallib.estimate.aggregate import Averages, weigh
from evallib.estimate.group_time import Problem, cell_moments
from evallib.estimate.result import FloatArray, IntArray

CHUNK_BYTES = 8_000_000


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
    width = 3 * problem.cells.path.size + len(wanted.terms) + 2 * problem.paths.cohort.size
    each = 8 * n * width
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
    depend on its path alone.
    """
    cells, n_paths = problem.cells, problem.paths.cohort.size
    moments = cell_moments(problem, change, codes)
    weight, by_path = weigh(wanted, moments.att, moments.valid, moments.share, cells.path, n_paths)
    own = cells.path[:, None] == np.arange(n_paths)[None, :]  # (C, P)
    up = own / moments.treated_weight[:, :, None]
    down = problem.control / moments.control_weight[:, :, None]
    shift = up * moments.treated_mean[:, :, None] - down * moments.control_mean[:, :, None]
    member = (codes[:, None, :] == np.arange(n_paths)[None, :, None]).astype(float)  # (r, P, N)
    both = problem.both[:, cells.pair].T
    influence = (up - down) @ member  # (r, C, N)
    influence *= both * change[:, cells.pair].T
    level = shift @ member
    level *= both
    influence -= level
    combined = weight @ influence  # (r, K, N)
    combined *= codes.shape[1]
    combined += by_path @ (member * problem.weight)
    return np.einsum("rkc,rc->rk", weight, moments.att), combined
