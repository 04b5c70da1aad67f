"""Covariances of regression coefficients, each with the small-sample rule it states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.options import SmallSample, Vcov
from evallib.estimate.regression import Problem, Solution
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.within import demean_units


@dataclass(frozen=True, slots=True)
class Covariance:
    """A covariance (k, k), its degrees of freedom and a sentence on how it was made."""

    matrix: FloatArray
    df: float
    sentence: str
    slug: str


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts that small-sample factors are made of.

    Parameters
    ----------
    rows, units, periods, regressors, clusters : int
    units_nested, periods_nested : bool
        Whether every unit, or every period, lies within one cluster; its effects then cost no
        degree of freedom.
    dropped_rows, dropped_clusters : int
        Singletons that were left out, which fixest counts.
    """

    rows: int
    units: int
    periods: int
    regressors: int
    clusters: int
    units_nested: bool
    periods_nested: bool = False
    dropped_rows: int = 0
    dropped_clusters: int = 0

    @property
    def parameters(self) -> int:
        """K: regressors, a constant, and the effects that are not nested in clusters."""
        units = 0 if self.units_nested else self.units - 1
        periods = 0 if self.periods_nested else self.periods - 1
        return self.regressors + 1 + units + periods

    @property
    def all_parameters(self) -> int:
        """Regressors and the effects of all units and periods."""
        return self.regressors + self.periods + self.units - 1


def estimate_covariance(
    problem: Problem,
    solution: Solution,
    sizes: Sizes,
    vcov: Vcov,
    small_sample: SmallSample,
    given: FloatArray | None = None,
) -> Covariance:
    """Return the covariance of the coefficients.

    Parameters
    ----------
    problem, solution
        The panel and the coefficients.
    sizes : Sizes
    vcov : 'cluster', 'iid', 'hc1' or 'cr3'
    small_sample : 'stata', 'fixest', 'linearmodels' or 'none'
        The rule for the clustered covariance.
    given : array, shape (k, k), optional
        The engine's own clustered covariance, for the rule 'linearmodels'.
    """
    bread, weight = solution.bread, problem.weight
    free = sizes.rows - sizes.all_parameters
    if vcov == "iid":
        variance = float((weight * solution.residual**2).sum()) / free
        sentence = f"Classical standard errors, t({free})."
        return Covariance(bread * variance, free, sentence, "iid_t")
    if vcov == "hc1":
        parts = (solution.projected * weight * solution.residual)[:, weight > 0]
        matrix = bread @ (parts @ parts.T) @ bread * sizes.rows / free
        sentence = f"Heteroskedasticity-robust standard errors (HC1), t({free})."
        return Covariance(matrix, free, sentence, "hc1_t")
    groups = sizes.clusters
    if vcov == "cr3":
        jackknife = leave_one_out(problem, solution)
        sentence = f"Cluster jackknife standard errors (CR3), {groups} clusters, t({groups - 1})."
        return Covariance(jackknife.covariance, groups - 1, sentence, "cr3_t")
    meat = bread @ (solution.scores.T @ solution.scores) @ bread
    factor, rule = small_sample_factor(sizes, small_sample)
    if small_sample == "linearmodels" and given is not None:
        matrix, rule = given, "the factor of linearmodels"
    else:
        matrix = meat * factor
    sentence = f"Standard errors clustered in {groups} clusters (CR1, {rule}), t({groups - 1})."
    return Covariance(matrix, groups - 1, sentence, "cr1_t")


def small_sample_factor(sizes: Sizes, rule: SmallSample) -> tuple[float, str]:
    """Return the factor of a clustered covariance and its formula in words.

    Unit and period effects that are nested in the clusters are not counted under 'stata' and
    'fixest', which share this K; 'linearmodels' has a rule of its own.

    Examples
    --------
    >>> factor, _ = small_sample_factor(Sizes(550, 50, 11, 1, 50, True), "stata")
    >>> round(factor, 6)
    1.041272
    """
    if rule == "none":
        return 1.0, "no small-sample factor"
    rows, groups = sizes.rows, sizes.clusters
    if rule == "fixest":
        rows, groups = rows + sizes.dropped_rows, groups + sizes.dropped_clusters
    k = sizes.parameters
    pairs = (("unit", sizes.units_nested), ("period", sizes.periods_nested))
    kinds = " and ".join(name for name, is_nested in pairs if is_nested)
    nested = f"{kinds} effects nested in clusters not counted" if kinds else "all effects"
    factor = groups / (groups - 1) * (rows - 1) / (rows - k)
    return factor, f"factor G/(G-1) x (N-1)/(N-K) with K = {k}, {nested}, rule '{rule}'"


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

    Units must lie within clusters: leaving out a cluster then leaves out its unit effects whole,
    and period effects are estimated again without it.

    References
    ----------
    MacKinnon, Nielsen and Webb (2023), Stata Journal 23(4), doi:10.1177/1536867X231212433
    """
    k, n, t = solution.regressors.shape
    groups = problem.n_clusters
    dummies = np.broadcast_to(np.eye(t)[:, None, :], (t, n, t))
    design = demean_units(np.concatenate([solution.regressors, dummies]), problem.projection)
    outcome = demean_units(problem.outcome[None], problem.projection)[0]
    unit_cluster = np.where(problem.weight > 0, problem.cluster, 0).max(axis=1)
    weighted = design * problem.weight
    by_unit = np.einsum("ant,bnt->nab", weighted, design, optimize=True)
    by_unit_y = np.einsum("ant,nt->na", weighted, outcome)
    cross = np.zeros((groups, k + t, k + t))
    cross_y = np.zeros((groups, k + t))
    live = problem.weight.sum(axis=1) > 0
    np.add.at(cross, unit_cluster[live], by_unit[live])
    np.add.at(cross_y, unit_cluster[live], by_unit_y[live])
    total, total_y = cross.sum(axis=0), cross_y.sum(axis=0)
    without, lost = _solve_blocks(total - cross, total_y - cross_y, k)
    gap = without - solution.beta
    covariance = (groups - 1) / groups * gap.T @ gap
    covariance[lost.any(axis=0)] = np.nan
    covariance[:, lost.any(axis=0)] = np.nan
    scale = np.sqrt(np.maximum(np.diag(total), 1e-300))
    inverse = np.linalg.pinv(total / np.outer(scale, scale), rcond=1e-11, hermitian=True)
    leverage = np.einsum("gab,ba->g", cross / np.outer(scale, scale), inverse)
    kept = problem.weight > 0
    rows = np.bincount(problem.cluster[kept], minlength=groups)
    return Jackknife(covariance, without, leverage, rows.astype(np.int64))


def _solve_blocks(cross: FloatArray, cross_y: FloatArray, k: int) -> tuple[FloatArray, BoolArray]:
    """Return the first k coefficients of each system, and which are not identified in it."""
    diagonal = np.einsum("gaa->ga", cross)
    scale = 1 / np.sqrt(np.where(diagonal > 1e-300, diagonal, 1.0))
    scaled = cross * scale[:, :, None] * scale[:, None, :]
    nuisance = np.linalg.pinv(scaled[:, k:, k:], rcond=1e-11, hermitian=True)
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
