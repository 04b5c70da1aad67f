"""A regression with each cluster left out in turn: CR3 and cluster leverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.regression import Problem, Solution
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.within import demean_units


@dataclass(frozen=True, slots=True)
class Jackknife:
    """What leaving out one cluster at a time shows.

    Parameters
    ----------
    covariance : array, shape (k, k)
        CV3 of MacKinnon, Nielsen and Webb: (G-1)/G times the summed squared differences from the
        full estimate. NaN where a coefficient is lost when some cluster is left out.
    without : array, shape (G, k)
        Coefficients without each cluster.
    leverage : array, shape (G,)
        Trace of each cluster's block of the hat matrix, unit effects partialled out.
    rows : integer array, shape (G,)
    """

    covariance: FloatArray
    without: FloatArray
    leverage: FloatArray
    rows: IntArray

    @property
    def leverage_ratio(self) -> float:
        """The largest cluster leverage over the mean."""
        return float(self.leverage.max() / self.leverage.mean())

    @property
    def size_variation(self) -> float:
        """The coefficient of variation of the clusters' numbers of rows."""
        return float(self.rows.std(ddof=1) / self.rows.mean())


def leave_one_out(problem: Problem, solution: Solution) -> Jackknife:
    """Return CR3 and cluster leverage from cluster-level cross-products.

    Where unit effects are absorbed, units must lie within clusters: leaving out a cluster then
    leaves out its unit effects whole. Period effects are estimated again without it.

    References
    ----------
    MacKinnon, Nielsen and Webb (2023), Stata Journal 23(4), doi:10.1177/1536867X231212433
    """
    k, n, t = solution.regressors.shape
    groups, projection = problem.n_clusters, problem.projection
    columns = solution.regressors
    if projection.inverse is not None:
        dummies = np.broadcast_to(np.eye(t)[:, None, :], (t, n, t))
        columns = np.concatenate([columns, dummies])
    design = demean_units(columns, projection)
    outcome = demean_units(problem.outcome[None], projection)[0]
    weight = problem.weight
    kept = weight > 0
    if projection.has_units:
        cluster = np.where(kept, problem.cluster, 0).max(axis=1)
    else:  # every row stands alone
        design, outcome = design[:, kept][..., None], outcome[kept][:, None]
        weight, cluster = weight[kept][:, None], problem.cluster[kept]
    width = len(design)
    weighted = design * weight
    by_unit = np.einsum("ant,bnt->nab", weighted, design, optimize=True)
    by_unit_y = np.einsum("ant,nt->na", weighted, outcome)
    cross = np.zeros((groups, width, width))
    cross_y = np.zeros((groups, width))
    live = weight.sum(axis=1) > 0
    np.add.at(cross, cluster[live], by_unit[live])
    np.add.at(cross_y, cluster[live], by_unit_y[live])
    total, total_y = cross.sum(axis=0), cross_y.sum(axis=0)
    without, lost = _solve_blocks(total - cross, total_y - cross_y, k)
    gap = without - solution.beta
    covariance = (groups - 1) / groups * gap.T @ gap
    covariance[lost.any(axis=0)] = np.nan
    covariance[:, lost.any(axis=0)] = np.nan
    scale = np.sqrt(np.maximum(np.diag(total), 1e-300))
    inverse = np.linalg.pinv(total / np.outer(scale, scale), rcond=1e-11, hermitian=True)
    leverage = np.einsum("gab,ba->g", cross / np.outer(scale, scale), inverse)
    rows = np.bincount(problem.cluster[kept], minlength=groups)
    return Jackknife(covariance, without, leverage, rows.astype(np.int64))


def _solve_blocks(cross: FloatArray, cross_y: FloatArray, k: int) -> tuple[FloatArray, BoolArray]:
    """Return the first k coefficients of each system, and which are not identified in it."""
    diagonal = np.einsum("gaa->ga", cross)
    scale = 1 / np.sqrt(np.where(diagonal > 1e-300, diagonal, 1.0))
    scaled = cross * scale[:, :, None] * scale[:, None, :]
    nuisance: FloatArray = np.zeros(scaled[:, k:, k:].shape)
    if nuisance.size:
        nuisance[:] = np.linalg.pinv(scaled[:, k:, k:], rcond=1e-11, hermitian=True)
    side = scaled[:, :k, k:]
    target = cross_y * scale
    schur = scaled[:, :k, :k] - side @ nuisance @ np.swapaxes(side, 1, 2)
    right = target[:, :k] - np.einsum("gab,gb->ga", side @ nuisance, target[:, k:])
    values, vectors = np.linalg.eigh(schur)
    weak = (values < 1e-9) | (diagonal[:, :k].min(axis=1) <= 1e-300)[:, None]
    lost = np.einsum("gav,gv->ga", vectors**2, weak) > 1e-9
    inverse = np.where(weak, 0.0, 1 / np.where(weak, 1.0, values))
    solved = np.einsum("gav,gv,gbv,gb->ga", vectors, inverse, vectors, right)
    return solved * scale[:, :k], lost
