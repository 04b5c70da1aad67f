"""Two-way fixed-effects regressions over arrays: coefficients, scores and covariances.

``prepare`` holds what does not depend on exposure; ``solve`` takes the regressors, which do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.within import Projection, demean_units, prepare_projection, project

ABSORBED = 1e-9


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
        The outcome's residual on unit and period effects.
    """

    outcome: FloatArray
    weight: FloatArray
    cluster: IntArray
    n_clusters: int
    projection: Projection
    projected: FloatArray


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients of one set of regressors, with what covariances are built from.

    Parameters
    ----------
    beta : array, shape (k,)
    regressors, projected : arrays, shape (k, N, T)
        As given, and as residuals on unit and period effects.
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


def prepare(outcome: FloatArray, weight: FloatArray, cluster: IntArray) -> Problem:
    """Return the panel's part of a two-way regression; all arrays have shape (N, T)."""
    kept = weight > 0
    codes = np.zeros(cluster.shape, dtype=np.int64)
    labels, codes[kept] = np.unique(cluster[kept], return_inverse=True)
    projection = prepare_projection(weight)
    projected = project(outcome[None], projection)[0]
    return Problem(outcome, weight, codes, int(labels.size), projection, projected)


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
    weighted = projected * problem.weight
    bread = np.linalg.inv(np.einsum("ant,bnt->ab", weighted, projected))
    if beta is None:
        beta = bread @ np.einsum("ant,nt->a", weighted, problem.projected)
    residual = problem.projected - np.einsum("a,ant->nt", beta, projected)
    scores = sum_clusters(weighted * residual, problem)
    return Solution(beta, regressors, projected, residual, bread, scores)


def sum_clusters(values: FloatArray, problem: Problem) -> FloatArray:
    """Return values (k, N, T) summed by cluster, shape (G, k)."""
    kept = problem.weight > 0
    codes = problem.cluster[kept]
    return np.column_stack(
        [np.bincount(codes, row[kept], minlength=problem.n_clusters) for row in values]
    )


def absorbed(problem: Problem, regressors: FloatArray) -> BoolArray:
    """Return which of k regressors the effects and the regressors before them explain fully."""
    centred = demean_units(regressors, problem.projection)
    projected = project(regressors, problem.projection)
    root = np.sqrt(problem.weight)
    before = np.sqrt(((centred * root) ** 2).sum(axis=(1, 2)))
    raw = np.sqrt(((regressors * root) ** 2).sum(axis=(1, 2)))
    columns = (projected * root).reshape(len(regressors), -1).T
    gone = np.zeros(len(regressors), dtype=bool)
    basis = np.zeros((columns.shape[0], 0))
    for k in range(len(regressors)):
        left = columns[:, k].copy()
        for _ in range(2):
            left -= basis @ (basis.T @ left)
        size = float(np.linalg.norm(left))
        if before[k] <= ABSORBED * max(raw[k], 1e-300) or size <= ABSORBED * before[k]:
            gone[k] = True
        else:
            basis = np.column_stack([basis, left / size])
    return gone


def drop_singletons(weight: FloatArray) -> tuple[FloatArray, int, int]:
    """Return weights without units or periods of one row, and how many rows and units went."""
    kept = weight.copy()
    before_units = int((weight > 0).any(axis=1).sum())
    before = int((weight > 0).sum())
    while True:
        there = kept > 0
        alone = (there.sum(axis=1) == 1)[:, None] | (there.sum(axis=0) == 1)[None, :]
        if not (alone & there).any():
            break
        kept[alone & there] = 0.0
    after_units = int((kept > 0).any(axis=1).sum())
    return kept, before - int((kept > 0).sum()), before_units - after_units
