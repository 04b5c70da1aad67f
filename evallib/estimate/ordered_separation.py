"""Terms that tell grades apart perfectly, for which no finite estimate exists."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from evallib.errors import EstimationError, Fault, first_five
from evallib.estimate.ordered_likelihood import OrderedProblem, OrderedSolution
from evallib.estimate.result import FloatArray

SUSPECT = 1e-6
MOVES = 1e-7


def require_finite(
    problem: OrderedProblem,
    solution: OrderedSolution,
    regressors: FloatArray,
    names: tuple[str, ...],
) -> None:
    """Refuse a likelihood without a maximum.

    Parameters
    ----------
    problem : OrderedProblem
    solution : OrderedSolution
        Looked at closely when it was not found, or when the rows say next to nothing along some
        direction (less than 1e-6 of a row each).
    regressors : array, shape (n, k)
    names : tuple of str, length k

    Raises
    ------
    EstimationError
        Where terms separate the grades, which makes their estimates infinite.
    """
    if solution.is_found and solution.weakest > SUSPECT:
        return
    apart = separating(problem, regressors)
    if apart.any():
        lost = [name for name, is_one in zip(names, apart, strict=True) if is_one]
        what = f"{first_five(lost)} tell some grades apart perfectly"
        why = "the estimate that fits best is then infinite, and has no standard error"
        remedy = "Join grades, leave these terms out, or use good_or_better"
        raise EstimationError([Fault("regressors", what, why, remedy)])
    if not solution.is_found:
        what = f"no largest likelihood was found in {solution.steps} steps"
        remedy = "Join rare grades, or give fewer terms"
        raise EstimationError([Fault("ordered_logit", what, "", remedy)])


def separating(problem: OrderedProblem, regressors: FloatArray) -> np.ndarray:
    """Return which regressors have a part in a direction that never makes a row less likely.

    The likelihood has a maximum exactly if there is no direction of the parameters along which no
    row's upper end falls and no lower end rises, and one moves (Albert and Anderson 1984, for
    ordered grades).

    Parameters
    ----------
    problem : OrderedProblem
    regressors : array, shape (n, k)

    References
    ----------
    Albert and Anderson (1984), Biometrika 71(1), doi:10.1093/biomet/71.1.1

    Examples
    --------
    >>> import numpy as np
    >>> from evallib.estimate.ordered_likelihood import prepare_ordered
    >>> grade, x = np.array([0, 0, 1, 1]), np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> problem = prepare_ordered(grade, np.zeros(4, dtype=int), np.ones(4), "logit")
    >>> separating(problem, x).tolist(), separating(problem, x[[0, 2, 1, 3]]).tolist()
    ([True], [False])
    """
    m = problem.ladder.size
    x = (regressors - regressors.mean(axis=0)) / np.maximum(regressors.std(axis=0), 1e-300)
    parts = []
    for codes, sign in ((problem.upper, 1.0), (problem.lower, -1.0)):
        there = np.flatnonzero(codes >= 0)
        moves = np.zeros((there.size, m + x.shape[1]))
        moves[np.arange(there.size), codes[there]] = sign
        moves[:, m:] = -sign * x[there]
        parts.append(moves)
    moves = np.unique(np.vstack(parts).round(12), axis=0)
    found = linprog(-moves.sum(axis=0), A_ub=-moves, b_ub=np.zeros(len(moves)), bounds=(-1, 1))
    if not found.success or -found.fun <= MOVES * max(1, len(moves)) ** 0.5:
        return np.zeros(x.shape[1], dtype=bool)
    return np.asarray(np.abs(found.x[m:]) > MOVES)
