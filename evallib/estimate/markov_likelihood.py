"""The likelihood of a continuous-time Markov process that is looked at now and then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from evallib.estimate.result import BoolArray, FloatArray, IntArray

DOUBTFUL = 1e7  # condition of eigenvectors beyond which series are used instead
STEP = 4_000
TINY = 1e-300
ComplexArray = np.ndarray


@dataclass(frozen=True, slots=True)
class Cells:
    """Distinct pairs of observations: alike in covariates, time between, and both states.

    Parameters
    ----------
    states : int
    origin_of, target_of : integer arrays, shape (R,)
        The changes that can happen in an instant.
    is_exact : boolean array, shape (states,)
        States whose time of entry is known.
    design : array, shape (P, k)
        Covariates of each pattern, centred.
    pattern, origin, target : integer arrays, shape (C,)
    span : array, shape (C,)
    cell_of : integer array, shape (M,)
        The cell of each pair of observations.
    """

    states: int
    origin_of: IntArray
    target_of: IntArray
    is_exact: BoolArray
    design: FloatArray
    pattern: IntArray
    origin: IntArray
    target: IntArray
    span: FloatArray
    cell_of: IntArray

    @property
    def rates(self) -> int:
        """How many changes can happen."""
        return int(self.origin_of.size)

    @property
    def parameters(self) -> int:
        """Log rates, and for each covariate a slope of every log rate."""
        return self.rates * (1 + int(self.design.shape[1]))


def intensities(log_rates: FloatArray, cells: Cells) -> FloatArray:
    """Return intensity matrices (P, S, S) of log rates (P, R): rows add up to zero."""
    found = np.zeros((log_rates.shape[0], cells.states, cells.states))
    found[:, cells.origin_of, cells.target_of] = np.exp(log_rates)
    places = np.arange(cells.states)
    found[:, places, places] = -found.sum(axis=2)
    return found


def evaluate(theta: FloatArray, cells: Cells) -> tuple[FloatArray, FloatArray]:
    """Return each cell's log-likelihood (C,) and its derivatives by the parameters (C, p).

    Parameters
    ----------
    theta : array, shape (p,)
        Log rates at the covariates' means, then their slopes, covariate by covariate.

    Notes
    -----
    A pair has the chance (e^(Qt) w)_o: w picks the later state or, where its time of entry is
    exact, holds the rates into it, for the unit is in some other state until that moment. The
    derivative by Q comes from the eigenvectors of Q (Kalbfleisch and Lawless 1985,
    doi:10.1080/01621459.1985.10478195), and where these are nearly dependent from the exponential
    of a block matrix (Van Loan 1978, doi:10.1109/TAC.1978.1101743).
    """
    slopes = theta.reshape(1 + cells.design.shape[1], cells.rates)
    log_rates = slopes[0] + cells.design @ slopes[1:]
    q = intensities(log_rates, cells)
    values, vectors = np.linalg.eig(q)
    above = np.maximum(values.real, 0.0)  # by rounding alone
    values = values - above
    doubtful = ~(np.linalg.cond(vectors) < DOUBTFUL)
    inverse = np.linalg.inv(np.where(doubtful[:, None, None], np.eye(cells.states), vectors))
    chance = np.empty(cells.span.size)
    slope = np.empty((cells.span.size, cells.rates))
    for start in range(0, cells.span.size, STEP):
        part = np.arange(start, min(start + STEP, cells.span.size))
        at, origin, span = cells.pattern[part], cells.origin[part], cells.span[part]
        ends = _ends(q, cells, part)
        reach = np.empty((part.size, cells.states))
        by_entry = np.empty((part.size, cells.states, cells.states))
        hard = doubtful[at]
        easy = ~hard
        if easy.any():
            some = at[easy]
            reach[easy], by_entry[easy] = _by_eigenvectors(
                values[some], vectors[some], inverse[some], origin[easy], span[easy], ends[easy]
            )
        if hard.any():
            reach[hard], by_entry[hard] = _by_blocks(
                q[at[hard]], origin[hard], span[hard], ends[hard]
            )
        chance[part] = (reach * ends).sum(axis=1)
        change = by_entry[:, cells.origin_of, cells.target_of]
        stay = by_entry[:, cells.origin_of, cells.origin_of]
        target = cells.target[part][:, None]
        is_entry = cells.is_exact[target] & (target == cells.target_of)
        into = np.where(is_entry, reach[:, cells.origin_of], 0.0)
        slope[part] = np.exp(log_rates[at]) * (change - stay + into)
    chance = np.maximum(chance, TINY)
    slope = slope / chance[:, None]
    whole = [slope, *(slope * column[:, None] for column in cells.design[cells.pattern].T)]
    return np.log(chance), np.concatenate(whole, axis=1)


def _ends(q: FloatArray, cells: Cells, part: IntArray) -> FloatArray:
    """Return the vectors w of some cells, shape (n, S)."""
    target = cells.target[part]
    ends = np.zeros((part.size, cells.states))
    ends[np.arange(part.size), target] = 1.0
    exact = cells.is_exact[target]
    if exact.any():
        into = q[cells.pattern[part[exact]], :, target[exact]].copy()
        into[np.arange(into.shape[0]), target[exact]] = 0.0
        ends[exact] = into
    return ends


def _by_eigenvectors(
    values: ComplexArray,
    vectors: ComplexArray,
    inverse: ComplexArray,
    origin: IntArray,
    span: FloatArray,
    ends: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return chances of all states after the span (n, S), and derivatives by the entries of Q.

    The derivatives (n, S, S) are of the chance of ``ends``.
    """
    row = vectors[np.arange(origin.size), origin]
    column = np.matmul(inverse, ends[:, :, None])[:, :, 0]
    grown = np.exp(values * span[:, None])
    reach = np.matmul((row * grown)[:, None, :], inverse)[:, 0].real
    half = (values[:, :, None] - values[:, None, :]) * (span / 2)[:, None, None]
    near = np.abs(half) < 1e-4
    middle = np.exp((values[:, :, None] + values[:, None, :]) * (span / 2)[:, None, None])
    apart = (grown[:, :, None] - grown[:, None, :]) / np.where(near, 1.0, 2 * half)
    mixed = np.where(near, middle * (1 + half**2 / 6), apart)
    inner = row[:, :, None] * (span[:, None, None] * mixed) * column[:, None, :]
    slope = np.matmul(np.matmul(inverse.transpose(0, 2, 1), inner), vectors.transpose(0, 2, 1))
    return reach, np.asarray(slope.real)


def _by_blocks(
    q: FloatArray, origin: IntArray, span: FloatArray, ends: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what ``_by_eigenvectors`` returns, from exponentials of block matrices."""
    n, size = ends.shape
    start = np.zeros((n, size))
    start[np.arange(n), origin] = 1.0
    block = np.zeros((n, 2 * size, 2 * size))
    block[:, :size, :size] = block[:, size:, size:] = q.transpose(0, 2, 1)
    block[:, :size, size:] = start[:, :, None] * ends[:, None, :]
    whole = linalg.expm(block * span[:, None, None])
    return whole[np.arange(n), :size, origin], whole[:, :size, size:]
