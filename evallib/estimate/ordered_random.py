"""Ordered grades with a normal intercept for each unit, integrated out.

Adaptive Gauss-Hermite quadrature: the points of each unit lie around the mode of its intercept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from evallib.errors import EstimationError, Fault
from evallib.estimate.ordered_likelihood import (
    OrderedProblem,
    log_mass,
    mass_derivatives,
    row_designs,
    row_ends,
    solve_ordered,
    standardise,
)
from evallib.estimate.result import FloatArray, IntArray

POINTS = 10
MAX_STEPS = 50
STEP = 1e-4
SETTLED = 1e-8
FLAT = 1e-9
LONGEST = 2.0
NO_SPREAD = 1e-3


@dataclass(frozen=True, slots=True)
class RandomSolution:
    """The largest likelihood with random intercepts.

    Parameters
    ----------
    parameters : array, shape (m + k + 1,)
        Thresholds, slopes and the standard deviation of the intercepts.
    bread : array, shape (m + k + 1, m + k + 1)
        Inverse of the observed information.
    influence : array, shape (N, m + k + 1)
        Each unit's score times ``bread``.
    loglik : float
    is_found : bool
        False where the likelihood rises as the intercepts' spread goes to zero.
    """

    parameters: FloatArray
    bread: FloatArray
    influence: FloatArray
    loglik: float
    is_found: bool


def solve_random(
    problem: OrderedProblem, regressors: FloatArray, unit: IntArray, points: int = POINTS
) -> RandomSolution:
    """Return the parameters of the largest likelihood.

    Parameters
    ----------
    problem : OrderedProblem
    regressors : array, shape (n, k)
    unit : integer array, shape (n,)
        Codes from 0 without gaps.
    points : int
        Of the quadrature.

    Raises
    ------
    EstimationError
        Where the search does not settle.

    References
    ----------
    Pinheiro and Bates (1995), Journal of Computational and Graphical Statistics 4(1),
    doi:10.1080/10618600.1995.10474663
    """
    x, back = standardise(regressors, problem.weight, problem.ladder.size)
    plain = solve_ordered(problem, x)
    start = np.concatenate([plain.thresholds, plain.beta, [np.log(0.5)]])

    def downhill(at: FloatArray) -> tuple[float, FloatArray]:
        value, scores = unit_scores(problem, x, unit, at, points)
        return -float(value.sum()), -scores.sum(axis=0)

    def gradient(at: FloatArray) -> FloatArray:
        return downhill(at)[1]

    at = optimize.minimize(downhill, start, jac=True, method="BFGS").x
    whole = np.eye(at.size + 1)[: at.size, : at.size]
    if np.exp(at[-1]) < NO_SPREAD:
        empty = np.full((int(unit.max()) + 1, at.size), np.nan)
        return RandomSolution(at, whole * np.nan, empty, plain.loglik, is_found=False)
    for _ in range(MAX_STEPS):
        lines = np.eye(at.size) * STEP
        information = np.array(
            [(gradient(at + line) - gradient(at - line)) / (2 * STEP) for line in lines]
        )
        information = (information + information.T) / 2
        step = np.linalg.solve(information, -gradient(at))
        at = at + step
        if np.abs(step).max() < SETTLED:
            break
    else:
        what = f"the search for random intercepts did not settle in {MAX_STEPS} steps"
        remedy = "Leave out random_intercept, or join rare grades"
        raise EstimationError([Fault("ordered_logit", what, "", remedy)])
    value, scores = unit_scores(problem, x, unit, at, points)
    whole = np.zeros_like(information)
    whole[:-1, :-1] = back
    whole[-1, -1] = np.exp(at[-1])
    inverse = np.linalg.inv(information)
    parameters = np.append(back @ at[:-1], np.exp(at[-1]))
    influence = scores @ inverse @ whole.T
    bread = whole @ inverse @ whole.T
    return RandomSolution(parameters, bread, influence, float(value.sum()), is_found=True)


def unit_scores(
    problem: OrderedProblem, x: FloatArray, unit: IntArray, at: FloatArray, points: int
) -> tuple[FloatArray, FloatArray]:
    """Return each unit's log likelihood (N,) and its score (N, m + k + 1).

    Parameters
    ----------
    problem : OrderedProblem
    x : array, shape (n, k)
    unit : integer array, shape (n,)
    at : array, shape (m + k + 1,)
        Thresholds, slopes, log standard deviation.
    points : int
    """
    m, count = problem.ladder.size, int(unit.max()) + 1
    thresholds, index, spread = at[:m], x @ at[m:-1], float(np.exp(at[-1]))
    upper, lower = row_ends(problem, thresholds, index)
    if not (upper > lower).all():
        return np.full(count, -np.inf), np.zeros((count, at.size))
    weight = problem.weight

    def total(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(unit, weight * values, minlength=count))

    mode, step, longest = np.zeros(count), np.zeros(count), np.full(count, LONGEST)
    for _ in range(MAX_STEPS):
        shift = spread * mode[unit]
        up, up_bend, low, low_bend = mass_derivatives(upper - shift, lower - shift, problem.distr)
        curve = 1 - spread**2 * total(up_bend - low_bend - (up - low) ** 2)
        newton = (-spread * total(up - low) - mode) / curve
        longest = np.where(newton * step < 0, longest / 2, longest)  # past the mode: less far
        step = np.clip(newton, -longest, longest)
        mode = mode + step
        if np.abs(step).max() < FLAT:
            break
    node, mass = np.polynomial.hermite.hermgauss(points)
    places = mode + np.sqrt(2 / curve) * node[:, None]
    shifts = spread * places[:, unit]
    logs = np.array([total(log_mass(upper - s, lower - s, problem.distr)) for s in shifts])
    logs += (np.log(mass) + node**2)[:, None] - 0.5 * places**2
    value = special.logsumexp(logs, axis=0) - 0.5 * np.log(np.pi * curve)
    share = np.exp(logs - special.logsumexp(logs, axis=0))
    mean_up, mean_low, of_spread = np.zeros(unit.size), np.zeros(unit.size), np.zeros(count)
    for place, shift, part in zip(places, shifts, share, strict=True):
        up, _, low, _ = mass_derivatives(upper - shift, lower - shift, problem.distr)
        mean_up += part[unit] * up
        mean_low += part[unit] * low
        of_spread -= part * spread * place * total(up - low)
    above, below = row_designs(problem, x)
    rows = weight[:, None] * (mean_up[:, None] * above - mean_low[:, None] * below)
    sums = [np.bincount(unit, line, minlength=count) for line in rows.T]
    return value, np.column_stack([*sums, of_spread])
