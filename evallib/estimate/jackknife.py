"""A group-time average with each unit left out in turn, from the kept cells."""

from __future__ import annotations

import numpy as np

from evallib.estimate.aggregate import Averages, weigh
from evallib.estimate.batch_conditional import leave_one_out_conditional
from evallib.estimate.group_time import Problem, Solution
from evallib.estimate.result import FloatArray


def leave_one_out(problem: Problem, solution: Solution, wanted: Averages) -> FloatArray:
    """Return averages of the cells with each unit left out.

    Without covariates every cell is a difference of two weighted means, so that leaving a unit out
    is a subtraction from sums. With covariates the cells are solved again, many units at a time.

    Parameters
    ----------
    problem : Problem
        N units.
    solution : Solution
        Its cells.
    wanted : Averages
        K averages.

    Returns
    -------
    array, shape (N, K)
        The averages without each unit, cohort shares included; a cell that loses its last
        treated or comparison unit is left out of them.
    """
    if problem.comparisons.has_covariates:
        return leave_one_out_conditional(problem, solution.codes, wanted)
    cells = problem.cells
    used = problem.both[:, cells.pair]
    change = used * problem.difference[:, cells.pair]
    treated = solution.codes[:, None] == cells.path[None, :]
    control = problem.control.T[solution.codes]
    means, alive = [], np.tile(solution.valid, (used.shape[0], 1))
    for member in (treated, control):
        weight = (member * used).sum(axis=0) - member * used
        total = (member * change).sum(axis=0) - member * change
        left = weight > 1e-12
        means.append(np.divide(total, weight, out=np.zeros_like(total), where=left))
        alive &= left | cells.is_base
    att = np.where(cells.is_base, 0.0, means[0] - means[1])
    own = solution.codes[:, None] == np.arange(problem.paths.cohort.size)[None, :]
    weight_of = own * problem.weight[:, None]
    share = weight_of.sum(axis=0) - weight_of
    share = share / (problem.weight.sum() - problem.weight)[:, None]
    weight, _ = weigh(wanted, att, alive, share, cells.path, problem.paths.cohort.size)
    averages: FloatArray = np.einsum("rkc,rc->rk", weight, att)
    return averages
