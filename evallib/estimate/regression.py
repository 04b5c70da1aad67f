"""Panel regressions over arrays: coefficients, scores and covariances.

``prepare`` holds what does not depend on exposure; ``solve`` takes the regressors, which do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.within import Projection, demean_units, prepare_projection, project

ABSORBED = 1e-9
WELL_APART = 1e-6

Effects = Literal["two_way", "unit", "none"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A panel without its exposure.

    Parameters
    ----------
    outcome : array, shape (N, T)
    weight : array, shape (N, T)
        0 where a row is missing or left out.
    cluster : integer array, shape (N, T)
        Codes from 0; not read where the weight is 0.
    n_clusters : int
    projection : Projection
    projected : array, shape (N, T)
        The outcome's residual on the effects that the regression absorbs.
    second : integer array, shape (N, T), or None
        Codes of the second dimension of two-way clusters.
    """

    outcome: FloatArray
    weight: FloatArray
    cluster: IntArray
    n_clusters: int
    projection: Projection
    projected: FloatArray
    second: IntArray | None = None


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients of one set of regressors, with what covariances are built from.

    Parameters
    ----------
    beta : array, shape (k,)
    regressors, projected : arrays, shape (k, N, T)
        As given, and as residuals on the absorbed effects.
    residual : array, shape (N, T)
    bread : array, shape (k, k)
        Inverse of the projected regressors' weighted cross-product.
    scores : array, shape (G, k)
        Weighted regressor times residual, summed by cluster.
    """

    beta: FloatArray
    regressors: FloatArray
    projected: FloatArray
    residual: FloatArray
    bread: FloatArray
    scores: FloatArray


def prepare(
    outcome: FloatArray,
    weight: FloatArray,
    cluster: IntArray,
    *,
    second: IntArray | None = None,
    effects: Effects = "two_way",
    trends: bool = False,
) -> Problem:
    """Return the panel's part of a regression; all arrays have shape (N, T).

    Parameters
    ----------
    outcome, weight, cluster : arrays, shape (N, T)
    second : integer array, shape (N, T), optional
        Second dimension of clusters.
    effects : 'two_way', 'unit' or 'none'
        Which effects are absorbed.
    trends : bool
        Absorb a straight line for each unit too.
    """
    kept = weight > 0
    codes, count = _compact(cluster, kept)
    projection = prepare_projection(
        weight, units=effects != "none", periods=effects == "two_way", trends=trends
    )
    projected = project(outcome[None], projection)[0]
    other = None if second is None else _compact(second, kept)[0]
    return Problem(outcome, weight, codes, count, projection, projected, other)


def _compact(cluster: IntArray, kept: BoolArray) -> tuple[IntArray, int]:
    """Return codes from 0 without gaps for the kept rows, and their number."""
    codes = np.zeros(cluster.shape, dtype=np.int64)
    labels, codes[kept] = np.unique(cluster[kept], return_inverse=True)
    return codes, int(labels.size)


def solve(problem: Problem, regressors: FloatArray, beta: FloatArray | None = None) -> Solution:
    """Return coefficients and scores of regressors of shape (k, N, T).

    Parameters
    ----------
    problem : Problem
    regressors : array, shape (k, N, T)
    beta : array, shape (k,), optional
        Coefficients from elsewhere, for which residuals and scores are wanted.
    """
    projected = project(regressors, problem.projection)
    root = np.sqrt(problem.weight)
    size = len(regressors)
    columns = (projected * root).reshape(size, -1).T
    basis, triangle = np.linalg.qr(columns)
    inverse = np.linalg.inv(triangle)
    if beta is None:
        beta = inverse @ (basis.T @ (problem.projected * root).ravel())
    fitted = (beta @ projected.reshape(size, -1)).reshape(root.shape)
    residual = problem.projected - fitted
    scores = sum_clusters(projected * (problem.weight * residual), problem)
    return Solution(beta, regressors, projected, residual, inverse @ inverse.T, scores)


def sum_clusters(
    values: FloatArray, problem: Problem, codes: IntArray | None = None, count: int = 0
) -> FloatArray:
    """Return values (k, N, T) summed by cluster, shape (G, k).

    Parameters
    ----------
    values : array, shape (k, N, T)
    problem : Problem
    codes : integer array, shape (N, T), optional
        Other codes than the problem's clusters, of which there are ``count``.
    """
    kept = problem.weight > 0
    groups = (problem.cluster if codes is None else codes)[kept]
    number = problem.n_clusters if codes is None else count
    return np.column_stack([np.bincount(groups, row[kept], minlength=number) for row in values])


def absorbed(problem: Problem, regressors: FloatArray) -> BoolArray:
    """Return which of k regressors the effects and the regressors before them explain fully."""
    centred = demean_units(regressors, problem.projection)
    projected = project(regressors, problem.projection)
    root = np.sqrt(problem.weight)
    before = np.sqrt(((centred * root) ** 2).sum(axis=(1, 2)))
    raw = np.sqrt(((regressors * root) ** 2).sum(axis=(1, 2)))
    columns = (projected * root).reshape(len(regressors), -1).T
    hidden: BoolArray = np.asarray(before <= ABSORBED * np.maximum(raw, 1e-300))
    if not hidden.any() and _is_well_apart(columns, before):
        return hidden
    gone = np.zeros(len(regressors), dtype=bool)
    basis = np.zeros((columns.shape[0], len(regressors)))
    count = 0
    for k in range(len(regressors)):
        left = columns[:, k].copy()
        for _ in range(2):
            left -= basis[:, :count] @ (basis[:, :count].T @ left)
        size = float(np.linalg.norm(left))
        if hidden[k] or size <= ABSORBED * before[k]:
            gone[k] = True
        else:
            basis[:, count] = left / size
            count += 1
    return gone


def _is_well_apart(columns: FloatArray, before: FloatArray) -> bool:
    """Return whether columns are so far from absorbed and collinear that no closer look is needed.

    Parameters
    ----------
    columns : array, shape (n, k)
    before : array, shape (k,)
        Their lengths before period effects were removed.
    """
    size = np.sqrt((columns**2).sum(axis=0))
    if (size <= WELL_APART * before).any():
        return False
    gram = columns.T @ columns / np.outer(size, size)
    return bool(np.linalg.eigvalsh(gram)[0] > WELL_APART)


def drop_singletons(weight: FloatArray, *, periods: bool = True) -> tuple[FloatArray, int, int]:
    """Return weights without units (and periods) of one row, and how many rows and units went."""
    kept = weight.copy()
    before_units = int((weight > 0).any(axis=1).sum())
    before = int((weight > 0).sum())
    while True:
        there = kept > 0
        alone = np.broadcast_to((there.sum(axis=1) == 1)[:, None], there.shape)
        if periods:
            alone = alone | (there.sum(axis=0) == 1)[None, :]
        if not (alone & there).any():
            break
        kept[alone & there] = 0.0
    after_units = int((kept > 0).any(axis=1).sum())
    return kept, before - int((kept > 0).sum()), before_units - after_units
