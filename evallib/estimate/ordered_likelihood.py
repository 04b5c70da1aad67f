"""The likelihood of ordered grades: cumulative logit or probit, by Newton's method.

``prepare_ordered`` holds what does not depend on exposure; ``solve_ordered`` takes the regressors,
which do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evallib.estimate.ordered_options import Distribution
from evallib.estimate.result import FloatArray, IntArray

MAX_STEPS = 100
MAX_HALVINGS = 40
DECREMENT = 1e-10
LOG_ROOT_TWO_PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, slots=True)
class OrderedProblem:
    """Grades between their thresholds, without regressors.

    Parameters
    ----------
    upper, lower : integer arrays, shape (n,)
        The threshold above and below each row's grade; -1 where there is none.
    weight : array, shape (n,)
    ladder : integer array, shape (m,)
        The framework of each threshold; thresholds of a framework stand together, in order.
    distr : 'logit' or 'probit'
    """

    upper: IntArray
    lower: IntArray
    weight: FloatArray
    ladder: IntArray
    distr: Distribution


@dataclass(frozen=True, slots=True)
class OrderedSolution:
    """The largest likelihood.

    Parameters
    ----------
    thresholds : array, shape (m,)
    beta : array, shape (k,)
    bread : array, shape (m + k, m + k)
        Inverse of the observed information, thresholds first.
    influence : array, shape (n, m + k)
        Each row's weighted score times ``bread``.
    loglik : float
    steps : int
        Newton steps that were taken.
    is_found : bool
        Whether the last step was negligible and the information is positive.
    weakest : float
        The smallest eigenvalue of the information a row, regressors in standard deviations: near
        zero where grades are separated.
    """

    thresholds: FloatArray
    beta: FloatArray
    bread: FloatArray
    influence: FloatArray
    loglik: float
    steps: int
    is_found: bool
    weakest: float


def prepare_ordered(
    grade: IntArray, framework: IntArray, weight: FloatArray, distr: Distribution
) -> OrderedProblem:
    """Return the grades' part of the likelihood.

    Parameters
    ----------
    grade : integer array, shape (n,)
        Positions on the ladder; positions that no row of a framework has make no threshold.
    framework : integer array, shape (n,)
        Codes from 0, each with two grades or more.
    weight : array, shape (n,)
    distr : 'logit' or 'probit'

    Examples
    --------
    >>> import numpy as np
    >>> grade, one = np.array([0, 2, 5, 2]), np.zeros(4, dtype=int)
    >>> problem = prepare_ordered(grade, one, np.ones(4), "logit")
    >>> problem.lower.tolist(), problem.upper.tolist()
    ([-1, 0, 1, 0], [0, 1, -1, 1])
    """
    upper = np.full(grade.size, -1, dtype=np.int64)
    lower = upper.copy()
    ladder: list[int] = []
    for code in range(int(framework.max()) + 1):
        here = framework == code
        levels, rank = np.unique(grade[here], return_inverse=True)
        first, last = len(ladder), levels.size - 1
        upper[here] = np.where(rank < last, first + rank, -1)
        lower[here] = np.where(rank > 0, first + rank - 1, -1)
        ladder += [code] * last
    return OrderedProblem(upper, lower, weight, np.array(ladder, dtype=np.int64), distr)


def solve_ordered(problem: OrderedProblem, regressors: FloatArray) -> OrderedSolution:
    """Return the parameters of the largest likelihood.

    The log likelihood is concave in thresholds and slopes (Pratt 1981), so that Newton's steps,
    halved where they overshoot, end at its one maximum. Regressors are centred and scaled inside.

    Parameters
    ----------
    problem : OrderedProblem
    regressors : array, shape (n, k)

    References
    ----------
    Pratt (1981), Journal of the American Statistical Association 76(373),
    doi:10.1080/01621459.1981.10477613
    """
    weight, m = problem.weight, problem.ladder.size
    x, back = standardise(regressors, weight, m)
    at = np.concatenate([start_thresholds(problem), np.zeros(x.shape[1])])
    loglik = log_likelihood(problem, at[:m], x @ at[m:])
    steps, is_found = 0, False
    while steps < MAX_STEPS and not is_found:
        rows, information = derivatives(problem, at[:m], x, at[m:])
        gradient = weight @ rows
        step = _newton_step(information, gradient)
        if step is None:
            break
        steps += 1
        is_found = bool(gradient @ step < DECREMENT)
        fraction = 1.0
        for _ in range(MAX_HALVINGS):
            tried = at + fraction * step
            value = log_likelihood(problem, tried[:m], x @ tried[m:])
            if value >= loglik - 1e-12 * abs(loglik):
                at, loglik = tried, value
                break
            fraction /= 2
    rows, information = derivatives(problem, at[:m], x, at[m:])
    spread = np.linalg.eigvalsh(information)
    if not spread[0] > 1e-12 * spread[-1]:
        is_found = False
    inverse = np.linalg.pinv(information, hermitian=True)
    raw = back @ at
    return OrderedSolution(
        thresholds=raw[:m],
        beta=raw[m:],
        bread=back @ inverse @ back.T,
        influence=(weight[:, None] * rows) @ inverse @ back.T,
        loglik=loglik,
        steps=steps,
        is_found=is_found,
        weakest=float(spread[0] / weight.sum()),
    )


def standardise(
    regressors: FloatArray, weight: FloatArray, n_thresholds: int
) -> tuple[FloatArray, FloatArray]:
    """Return regressors in standard deviations from their means, and the way back.

    The second is the matrix, shape (m + k, m + k), that takes thresholds and slopes of the
    standardised regressors to those of the regressors as they are.
    """
    centre = np.average(regressors, axis=0, weights=weight)
    scale = np.sqrt(np.average((regressors - centre) ** 2, axis=0, weights=weight))
    back = np.eye(n_thresholds + regressors.shape[1])
    back[:n_thresholds, n_thresholds:] = centre / scale
    back[n_thresholds:, n_thresholds:] = np.diag(1 / scale)
    return (regressors - centre) / scale, back


def _newton_step(information: FloatArray, gradient: FloatArray) -> FloatArray | None:
    """Return the step uphill, or None where the information is singular."""
    try:
        root = np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(np.linalg.solve(root.T, np.linalg.solve(root, gradient)))


def start_thresholds(problem: OrderedProblem) -> FloatArray:
    """Return the thresholds that fit each framework's shares of grades without regressors."""
    inverse = special.logit if problem.distr == "logit" else special.ndtri
    found = np.zeros(problem.ladder.size)
    for code in np.unique(problem.ladder):
        mine = np.flatnonzero(problem.ladder == code)
        rows = np.isin(problem.upper, mine) | np.isin(problem.lower, mine)
        top = np.where(problem.upper >= 0, problem.upper, mine[-1] + 1)[rows] - mine[0]
        mass = np.bincount(top, problem.weight[rows], minlength=mine.size + 1)
        found[mine] = inverse(np.cumsum(mass)[:-1] / mass.sum())
    return found


def row_ends(
    problem: OrderedProblem, thresholds: FloatArray, index: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the upper and lower end of each row's grade, less its index."""
    padded = np.append(thresholds, np.inf)
    upper = padded[problem.upper] - index
    padded[-1] = -np.inf
    return upper, padded[problem.lower] - index


def log_likelihood(problem: OrderedProblem, thresholds: FloatArray, index: FloatArray) -> float:
    """Return the weighted log likelihood; minus infinity where thresholds are out of order."""
    upper, lower = row_ends(problem, thresholds, index)
    if not (upper > lower).all():
        return -np.inf
    return float(problem.weight @ log_mass(upper, lower, problem.distr))


def log_mass(upper: FloatArray, lower: FloatArray, distr: Distribution) -> FloatArray:
    """Return the log of the probability between two ends, exact far out in both tails."""
    with np.errstate(invalid="ignore"):
        if distr == "logit":
            gap = np.log(-np.expm1(lower - upper))
            return np.asarray(special.log_expit(upper) + special.log_expit(-lower) + gap)
        turned = np.where(upper + lower > 0, -lower, upper)
        other = np.where(upper + lower > 0, -upper, lower)
    top = special.log_ndtr(turned)
    return np.asarray(top + np.log(-np.expm1(special.log_ndtr(other) - top)))


def mass_derivatives(
    upper: FloatArray, lower: FloatArray, distr: Distribution
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return density and its slope at each end over the probability between them."""
    mass = log_mass(upper, lower, distr)
    found = []
    for end in (upper, lower):
        with np.errstate(invalid="ignore"):
            if distr == "logit":
                ratio = np.exp(special.log_expit(end) + special.log_expit(-end) - mass)
                slope = -np.tanh(end / 2) * ratio
            else:
                ratio = np.exp(-0.5 * end**2 - LOG_ROOT_TWO_PI - mass)
                slope = -end * ratio
        found += [ratio, np.where(np.isinf(end), 0.0, slope)]
    return found[0], found[1], found[2], found[3]


def derivatives(
    problem: OrderedProblem, thresholds: FloatArray, x: FloatArray, beta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return each row's score (n, m + k), unweighted, and the observed information."""
    upper, lower = row_ends(problem, thresholds, x @ beta)
    at_upper, bend_upper, at_lower, bend_lower = mass_derivatives(upper, lower, problem.distr)
    above, below = row_designs(problem, x)
    rows = at_upper[:, None] * above - at_lower[:, None] * below
    curve = (problem.weight * bend_upper)[:, None] * above
    other = (problem.weight * bend_lower)[:, None] * below
    information = rows.T @ (problem.weight[:, None] * rows) - above.T @ curve + below.T @ other
    return rows, information


def row_designs(problem: OrderedProblem, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how each row's upper and lower end move with the parameters, shape (n, m + k)."""
    n, m = problem.upper.size, problem.ladder.size
    place = np.arange(n)
    above, below = np.zeros((n, m + x.shape[1])), np.zeros((n, m + x.shape[1]))
    for design, codes in ((above, problem.upper), (below, problem.lower)):
        there = codes >= 0
        design[place[there], codes[there]] = 1.0
        design[there, m:] = -x[there]
    return above, below
