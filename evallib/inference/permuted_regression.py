"""Permutation tests of two-way regressions, all draws solved on arrays.

The rows that a regression leaves out (event periods, and controls from their own event on) belong
to the adoption path, so that every draw has its own rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.group_time import Paths
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.within import prepare_projection, project
from evallib.inference.permutation import PermutationTest, studentise
from evallib.inference.permuted_cells import PermutedTerms

CHUNK_BYTES = 24_000_000


@dataclass(frozen=True, slots=True)
class PathRegression:
    """A two-way regression whose regressors and rows follow from each unit's path.

    Parameters
    ----------
    outcome, weight : array, shape (N, T)
        All rows; weight 0 where a row is missing.
    cluster : integer array, shape (N,)
    regressors : array, shape (P, k, T)
        What a unit on each path has as regressors.
    kept : boolean array, shape (P, T)
        Which rows a unit on each path keeps.
    exposed : array, shape (N, T)
        1 where a unit is exposed in truth, also where it serves as comparison only and the real
        assignment leaves the row out: under a constant effect for all the row carries it.
    rows : array, shape (K, k)
        The terms as combinations of the coefficients.
    after : boolean array, shape (P, T), optional
        Rows at or after exposure; units with no other row on their path are left out, as the
        event study does.
    """

    outcome: FloatArray
    weight: FloatArray
    cluster: IntArray
    regressors: FloatArray
    kept: BoolArray
    exposed: FloatArray
    rows: FloatArray
    after: BoolArray | None = None


def path_rows(paths: Paths, periods: IntArray, anticipation: int) -> BoolArray:
    """Return which rows a unit on each path keeps, shape (P, T).

    Treated paths leave out the ``anticipation`` periods before exposure, the event period among
    them; paths that serve as comparison only end there.
    """
    to_go = paths.cohort[:, None] - periods[None, :]
    before = to_go > anticipation
    return np.asarray(before | (paths.is_treated[:, None] & (to_go <= 0)))


def path_after(paths: Paths, periods: IntArray) -> BoolArray:
    """Return which rows of each treated path lie at or after exposure, shape (P, T)."""
    return np.asarray(paths.is_treated[:, None] & (periods[None, :] >= paths.cohort[:, None]))


def path_events(
    paths: Paths, periods: IntArray, shown: FloatArray | None, window: tuple[int, int] | None
) -> FloatArray:
    """Return the regressors of each path (P, k, T): exposure, or a dummy for each event time."""
    event = periods[None, :] - np.where(paths.is_treated, paths.cohort, np.nan)[:, None]
    if shown is None:
        return (event >= 0).astype(float)[:, None, :]
    if window is not None:
        event = np.clip(event, *window)
    return np.asarray(event[:, None, :] == shown[None, :, None], dtype=float)


def solve_paths(problem: PathRegression, codes: IntArray) -> FloatArray:
    """Return estimates for outcome and exposure with variances and covariance, (5, R, K).

    Parameters
    ----------
    problem : PathRegression
    codes : integer array, shape (R, N)
    """
    n, t = problem.outcome.shape
    k = problem.regressors.shape[1]
    step = max(1, CHUNK_BYTES // (8 * n * t * (k + 3) * 3))
    order = np.argsort(problem.cluster, kind="stable")
    first = np.flatnonzero(np.diff(problem.cluster[order], prepend=-1))
    parts = [
        _solve(problem, codes[start : start + step], order, first)
        for start in range(0, codes.shape[0], step)
    ]
    return np.concatenate(parts, axis=1)


def _solve(
    problem: PathRegression, codes: IntArray, order: IntArray, first: IntArray
) -> FloatArray:
    weight = problem.weight * problem.kept[codes]  # (r, N, T)
    if problem.after is not None:
        weight *= ((weight > 0) & ~problem.after[codes]).any(axis=-1, keepdims=True)
    projection = prepare_projection(weight)
    regressors = problem.regressors[codes].swapaxes(1, 2)  # (r, k, N, T)
    draws, k = regressors.shape[0], regressors.shape[1]
    fixed = np.stack([problem.outcome, problem.exposed])
    values = np.concatenate([np.broadcast_to(fixed, (draws, *fixed.shape)), regressors], axis=1)
    projected = project(values, projection)
    x, outcomes = projected[:, 2:], projected[:, :2]
    weighted = x * weight[:, None]
    flat = weighted.reshape(draws, k, -1)
    gram = flat @ x.reshape(draws, k, -1).swapaxes(1, 2)
    bread = np.linalg.pinv(gram, rcond=1e-11, hermitian=True)
    beta = bread @ (flat @ outcomes.reshape(draws, 2, -1).swapaxes(1, 2))  # (r, k, 2)
    residual = outcomes - np.einsum("rko,rknt->ront", beta, x, optimize=True)
    scores = np.einsum("rknt,ront->rokn", weighted, residual, optimize=True)
    sums = np.add.reduceat(scores[..., order], first, axis=-1)  # (r, 2, k, G)
    slopes = problem.rows @ bread  # (r, K, k)
    terms = slopes[:, None] @ sums  # (r, 2, K, G)
    square = [(terms[:, a] * terms[:, b]).sum(axis=-1) for a, b in ((0, 0), (0, 1), (1, 1))]
    estimate = problem.rows @ beta  # (r, K, 2)
    return np.array([estimate[..., 0], estimate[..., 1], *square])


def permute_regression(
    problem: PathRegression,
    codes: IntArray,
    drawn: IntArray,
    terms: tuple[str, ...],
    event_time: FloatArray,
) -> tuple[PermutationTest, PermutedTerms]:
    """Return the permutation test of the first term, and those of all terms.

    Parameters
    ----------
    problem : PathRegression
    codes : integer array, shape (N,)
    drawn : integer array, shape (R, N)
    terms, event_time
        Names and event times of the problem's K rows.
    """
    here, there = solve_paths(problem, codes[None]), solve_paths(problem, drawn)
    first = PermutationTest(here[:, 0, 0], there[:, :, 0])
    every = PermutedTerms(terms, event_time, studentise(here, 0.0)[0], studentise(there, 0.0))
    return first, every
