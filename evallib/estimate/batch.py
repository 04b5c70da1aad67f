"""Chosen averages of group-time cells for many assignments of adoption paths at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evallib.estimate.aggregate import Averages, weigh
from evallib.estimate.batch_conditional import conditional_cells
from evallib.estimate.group_time import Problem
from evallib.estimate.result import BoolArray, FloatArray, IntArray

CHUNK_BYTES = 8_000_000


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


def solve_batch(
    problem: Problem,
    codes: IntArray,
    wanted: Averages,
    changes: Sequence[FloatArray] | None = None,
    others: Averages | None = None,
) -> Iterator[tuple[slice, list[FloatArray], list[FloatArray]]]:
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
    others : Averages, optional
        The averages of all outcomes but the first; by default the same.

    Yields
    ------
    (which draws, estimates (r, K), influence values summed by cluster (r, K, G)), by outcome
        A standard error is the root of the last axis' summed squares, over N.
    """
    outcomes = [problem.difference] if changes is None else list(changes)
    each_wanted = [wanted] + [others or wanted] * (len(outcomes) - 1)
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
        for estimate, influence in _each_outcome(problem, outcomes, codes[part], each_wanted):
            if together:
                influence = np.add.reduceat(influence[:, :, order], first, axis=2)
            estimates.append(estimate)
            sums.append(influence)
        yield part, estimates, sums


def _each_outcome(
    problem: Problem, changes: Sequence[FloatArray], codes: IntArray, wanted: Sequence[Averages]
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield averages (r, K) and influence values (r, K, N) of each outcome for a chunk."""
    if not problem.comparisons.has_covariates:
        yield from _contract(problem, changes, codes, wanted)
        return
    n_paths = problem.paths.cohort.size
    member = codes[:, None, :] == np.arange(n_paths)[None, :, None]
    weighted = member * problem.weight
    share = weighted.sum(axis=2) / problem.weight.sum()
    for cells, each in zip(conditional_cells(problem, changes, codes), wanted, strict=True):
        weight, by_path = weigh(each, cells.att, cells.valid, share, problem.cells.path, n_paths)
        combined = np.matmul(weight, cells.influence)
        combined += by_path @ weighted
        yield np.einsum("rkc,rc->rk", weight, cells.att), combined


def _contract(
    problem: Problem, changes: Sequence[FloatArray], codes: IntArray, wanted: Sequence[Averages]
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield averages (r, K) and influence values (r, K, N) of each outcome without covariates.

    The influence of a unit on a cell is linear in its change, with a slope and a shift that
    depend on its path alone; the slope is the same for all outcomes.
    """
    cells, n_paths = problem.cells, problem.paths.cohort.size
    own = cells.path[:, None] == np.arange(n_paths)[None, :]  # (C, P)
    member = (codes[:, None, :] == np.arange(n_paths)[None, :, None]).astype(float)  # (r, P, N)
    both = problem.both[:, cells.pair].T
    slope: FloatArray | None = None
    for change, each in zip(changes, wanted, strict=True):
        moments = cell_moments(problem, change, codes)
        weight, by_path = weigh(
            each, moments.att, moments.valid, moments.share, cells.path, n_paths
        )
        up = own / moments.treated_weight[:, :, None]
        down = problem.control / moments.control_weight[:, :, None]
        shift = up * moments.treated_mean[:, :, None] - down * moments.control_mean[:, :, None]
        if slope is None:
            slope = (up - down) @ member  # (r, C, N)
            slope *= both
        influence = slope * change[:, cells.pair].T
        level = shift @ member
        level *= both
        influence -= level
        combined = weight @ influence  # (r, K, N)
        combined *= codes.shape[1]
        combined += by_path @ (member * problem.weight)
        yield np.einsum("rkc,rc->rk", weight, moments.att), combined
