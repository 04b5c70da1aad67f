"""The maximum of a Markov process's likelihood, and the directions in which it has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from evallib.errors import EstimationError, Fault
from evallib.estimate.markov_likelihood import Cells, evaluate
from evallib.estimate.result import FloatArray

# A direction is flat where the data say less about it than a thousandth of one event does.
FLAT = 1e-3
PULL = 1e-4
WIDTH = 1e-4
LOWEST, HIGHEST = -45.0, 12.0
POLISH = 4


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where a likelihood is largest.

    Parameters
    ----------
    theta : array, shape (p,)
    loglik : float
    information : array, shape (p, p)
        Observed.
    inverse : array, shape (p, p)
        Of the information outside the flat directions.
    flat : array, shape (p, m)
        Directions, of length one, that the data do not fix.
    scores : array, shape (M, p)
        Derivatives of each pair's log-likelihood.
    """

    theta: FloatArray
    loglik: float
    information: FloatArray
    inverse: FloatArray
    flat: FloatArray
    scores: FloatArray


def find_maximum(cells: Cells, start: FloatArray) -> Maximum:
    """Search from crude rates by BFGS and end with Newton steps.

    Parameters
    ----------
    cells : Cells
    start : array, shape (R,)
        Log rates; slopes begin at zero.

    Raises
    ------
    EstimationError
        Where the search does not settle.
    """
    count = np.bincount(cells.cell_of, minlength=cells.span.size).astype(float)
    total = count.sum()

    def slope(theta: FloatArray) -> tuple[float, FloatArray]:
        value, parts = evaluate(np.clip(theta, LOWEST, HIGHEST), cells)
        return -float(count @ value), -np.asarray(count @ parts)

    def scaled(theta: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = slope(theta)
        return value / total, gradient / total

    first = np.concatenate([start, np.zeros(cells.parameters - cells.rates)])
    found = optimize.minimize(
        scaled, first, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 500}
    )
    theta = np.clip(found.x, LOWEST, HIGHEST)
    value, gradient = slope(theta)
    information = _curvature(slope, theta)
    inverse, flat = _invert(information)
    for _ in range(POLISH):
        step = inverse @ gradient
        new, new_gradient = slope(theta - step)
        if not new <= value + 1e-9 * abs(value):
            break
        theta, value, gradient = theta - step, new, new_gradient
    information = _curvature(slope, theta)
    inverse, flat = _invert(information)
    if not float(gradient @ inverse @ gradient) < PULL or _is_saddle(information):
        what = "the search for the rates with the largest likelihood does not settle"
        why = "the data may not tell the allowed changes apart"
        remedy = "Allow fewer changes with allowed=[...], or use model='discrete'"
        raise EstimationError([Fault("markov", what, why, remedy)])
    _, parts = evaluate(theta, cells)
    return Maximum(theta, -value, information, inverse, flat, parts[cells.cell_of])


def _curvature(
    slope: Callable[[FloatArray], tuple[float, FloatArray]], theta: FloatArray
) -> FloatArray:
    """Return second derivatives by central differences of the first."""
    size = theta.size
    found = np.empty((size, size))
    for place in range(size):
        step = np.zeros(size)
        step[place] = WIDTH
        found[place] = (slope(theta + step)[1] - slope(theta - step)[1]) / (2 * WIDTH)
    return (found + found.T) / 2


def _invert(information: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the inverse outside the flat directions, and these directions."""
    values, vectors = np.linalg.eigh(information)
    flat = values < FLAT
    kept = vectors[:, ~flat]
    return (kept / values[~flat]) @ kept.T, vectors[:, flat]


def _is_saddle(information: FloatArray) -> bool:
    """Return whether the likelihood rises along some direction."""
    values = np.linalg.eigvalsh(information)
    return bool(values[0] < -max(FLAT, 1e-8 * values[-1]))
