"""The cells of many assignments of adoption paths, given covariates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evallib.estimate.aggregate import Averages, weigh
from evallib.estimate.conditioning import compare
from evallib.estimate.group_time import Problem
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.two_by_two import fit_second_stage

CHUNK_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class ConditionalCells:
    """Cells of R assignments for one outcome.

    Parameters
    ----------
    att, valid : arrays, shape (R, C)
        0 in cells that are not valid.
    influence : array, shape (R, C, N)
    """

    att: FloatArray
    valid: BoolArray
    influence: FloatArray


def conditional_cells(
    problem: Problem,
    changes: Sequence[FloatArray],
    codes: IntArray,
    multiplier: FloatArray | None = None,
) -> Iterator[ConditionalCells]:
    """Yield the cells of each outcome; propensity scores are fitted once for all outcomes.

    Parameters
    ----------
    problem : Problem
    changes : sequence of arrays, shape (N, Q)
        Changes of each outcome over the problem's pairs.
    codes : integer array, shape (R, N)
        The path of each unit in each assignment: few enough assignments to be held at once.
    multiplier : array, shape (R, N), optional
        Of the units' weights, in each assignment.
    """
    plan, cells = problem.comparisons, problem.cells
    draws, n = codes.shape
    count = plan.path.size
    stage = compare(problem, np.arange(count), codes, multiplier=multiplier)
    real = np.flatnonzero(plan.of_cell >= 0)
    own = (np.arange(draws)[:, None] * count + plan.of_cell[real]).reshape(-1)
    picked = stage.pick(own)
    good = stage.status[own].reshape(draws, real.size) == 0
    valid = np.zeros((draws, cells.path.size), dtype=bool)
    valid[:, real] = good
    for cell in np.flatnonzero(cells.is_base):
        there = problem.both[:, cells.pair[cell]] > 0
        if multiplier is not None:
            there = there & (multiplier > 0)
        valid[:, cell] = ((codes == cells.path[cell]) & there).any(axis=1)
    for change in changes:
        outcome = np.tile(change.T[cells.pair[real]], (draws, 1))
        value, part = fit_second_stage(picked, outcome)
        part *= n
        part[~good.reshape(-1)] = 0.0
        att = np.zeros(valid.shape)
        att[:, real] = np.where(good, value.reshape(good.shape), 0.0)
        influence = np.zeros((*valid.shape, n))
        influence[:, real] = part.reshape(draws, real.size, n)
        yield ConditionalCells(att, valid, influence)


def leave_one_out_conditional(problem: Problem, codes: IntArray, wanted: Averages) -> FloatArray:
    """Return averages of the cells with each unit left out, shape (N, K): N exact refits.

    Parameters
    ----------
    problem : Problem
    codes : integer array, shape (N,)
    wanted : Averages
    """
    n, n_paths = codes.size, problem.paths.cohort.size
    averages = np.empty((n, len(wanted.terms)))
    step = max(1, CHUNK_BYTES // (24 * n * problem.cells.path.size))
    change = problem.difference
    member = (codes[:, None] == np.arange(n_paths)) * problem.weight[:, None]
    for start in range(0, n, step):
        left_out = np.arange(start, min(start + step, n))
        kept = np.ones((left_out.size, n))
        kept[np.arange(left_out.size), left_out] = 0.0
        same = np.broadcast_to(codes, kept.shape)
        share = kept @ member / (kept @ problem.weight)[:, None]
        for cells in conditional_cells(problem, [change], same, kept):
            weight, _ = weigh(wanted, cells.att, cells.valid, share, problem.cells.path, n_paths)
            averages[left_out] = np.einsum("rkc,rc->rk", weight, cells.att)
    return averages
