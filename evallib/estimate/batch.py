"""Chosen averages of group-time cells for many assignments of adoption paths at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evallib.estimate.aggregate import Averages, weigh
from evallib.estimate.group_time import Problem, cell_moments
from evallib.estimate.result import FloatArray, IntArray

CHUNK_BYTES = 64_000_000


def solve_batch(
    problem: Problem,
    codes: IntArray,
    averages: Averages,
    *,
    difference: FloatArray | None = None,
) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Yield chosen averages of many assignments, in chunks of bounded memory.

    Parameters
    ----------
    problem : Problem
    codes : integer array, shape (R, N)
    averages : Averages
        K averages of the cells.
    difference : array, shape (N, Q), optional
        Changes of another outcome that is observed in the same rows.

    Yields
    ------
    (which draws, estimates (r, K), influence summed by cluster (r, G, K))
    """
    changes = problem.difference if difference is None else difference
    n, n_cells = problem.outcome.shape[0], problem.cells.path.size
    n_paths, k = problem.paths.cohort.size, len(averages.terms)
    each = 8 * n_paths * k * (n + 3 * n_cells) + 8 * n_paths * n
    step = max(1, int(CHUNK_BYTES // each))
    order = np.argsort(problem.cluster, kind="stable")
    first = np.flatnonzero(np.diff(problem.cluster[order], prepend=-1))
    for start in range(0, codes.shape[0], step):
        part = slice(start, min(start + step, codes.shape[0]))
        estimate, influence = _contract(problem, changes, codes[part], averages)
        yield part, estimate, np.add.reduceat(influence[:, order], first, axis=1)


def _contract(
    problem: Problem, changes: FloatArray, codes: IntArray, averages: Averages
) -> tuple[FloatArray, FloatArray]:
    """Return averages (r, K) and influence values (r, N, K) of a chunk of assignments."""
    cells, paths = problem.cells, problem.paths
    moments = cell_moments(problem, changes, codes)
    weight, by_path = weigh(
        averages, moments.att, moments.valid, moments.share, cells.path, paths.cohort.size
    )
    estimate = np.einsum("rkc,rc->rk", weight, moments.att)
    own = (cells.path[None, :] == np.arange(paths.cohort.size)[:, None]).astype(float)  # (P, C)
    other = problem.control.T.astype(float)
    up = own[None] / moments.treated_weight[:, None, :]
    down = other[None] / moments.control_weight[:, None, :]
    slope = np.swapaxes(weight, 1, 2)[:, None]  # (r, 1, C, K)
    on_change = (up - down)[..., None] * slope
    shift = up * moments.treated_mean[:, None, :] - down * moments.control_mean[:, None, :]
    on_level = shift[..., None] * slope
    draws, n_paths, n_cells, k = on_change.shape
    both = problem.both[:, cells.pair]
    left = np.concatenate([changes[:, cells.pair] * both, -both], axis=1)
    stacked = np.concatenate([on_change, on_level], axis=2).reshape(draws * n_paths, -1, k)
    right = np.swapaxes(stacked, 0, 1).reshape(2 * n_cells, draws * n_paths * k)
    n = codes.shape[1]
    everything = (left @ right).reshape(n, draws, n_paths, k)
    rows, draw = np.arange(n)[None, :], np.arange(draws)[:, None]
    influence = n * everything[rows, draw, codes]
    influence += by_path[draw, :, codes] * problem.weight[None, :, None]
    return estimate, influence
