"""Covariances of regression coefficients, each with the small-sample rule it states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.left_out import Jackknife, leave_one_out
from evallib.estimate.regression import Effects, Problem, Solution, sum_clusters
from evallib.estimate.regression_options import SmallSample, Vcov
from evallib.estimate.result import FloatArray

__all__ = ["Covariance", "Jackknife", "Sizes", "estimate_covariance", "leave_one_out"]

FLAT = 1e-12


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
        Where a regression absorbs no effects its constant is one of the regressors.
    units_nested, periods_nested : bool
        Whether every unit, or every period, lies within one cluster; its effects then cost no
        degree of freedom. With two-way clusters, within a cluster of either dimension.
    dropped_rows, dropped_clusters : int
        Singletons that were left out, which fixest counts.
    second_clusters : int
        Clusters of the second dimension; 0 without.
    effects : 'two_way', 'unit' or 'none'
    trends : bool
        Whether each unit has a trend, which costs what its effect costs.
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
    second_clusters: int = 0
    effects: Effects = "two_way"
    trends: bool = False

    @property
    def parameters(self) -> int:
        """K: regressors, a constant, and the effects that are not nested in clusters."""
        if self.effects == "none":
            return self.regressors
        units = 0 if self.units_nested else self.units - 1
        lines = self.units if self.trends and not self.units_nested else 0
        periods = 0 if self.periods_nested or self.effects == "unit" else self.periods - 1
        return self.regressors + 1 + units + lines + periods

    @property
    def all_parameters(self) -> int:
        """Regressors and the effects of all units and periods."""
        if self.effects == "none":
            return self.regressors
        lines = self.units if self.trends else 0
        if self.effects == "unit":
            return self.regressors + self.units + lines
        return self.regressors + self.periods + self.units - 1 + lines - int(self.trends)

    @property
    def absorbs(self) -> str:
        """What the regression absorbs that may be nested in clusters, in words."""
        if self.effects == "none":
            return ""
        kinds = [("unit", self.units_nested)]
        if self.effects == "two_way":
            kinds.append(("period", self.periods_nested))
        nested = " and ".join(name for name, is_nested in kinds if is_nested)
        trends = " and trends" if self.trends and self.units_nested else ""
        if not nested:
            return ", all effects"
        return f", {nested} effects{trends} nested in clusters not counted"


def estimate_covariance(
    problem: Problem,
    solution: Solution,
    sizes: Sizes,
    vcov: Vcov,
    small_sample: SmallSample,
    given: FloatArray | None = None,
    lags: int | None = None,
) -> Covariance:
    """Return the covariance of the coefficients.

    Parameters
    ----------
    problem, solution
        The panel and the coefficients.
    sizes : Sizes
    vcov : 'cluster', 'iid', 'hc1', 'driscoll_kraay' or 'cr3'
    small_sample : 'stata', 'fixest', 'linearmodels' or 'none'
        The rule for clustered and Driscoll-Kraay covariances; under 'cr3' 'none' leaves out the
        factor (G-1)/G.
    given : array, shape (k, k), optional
        The engine's own covariance, for the rule 'linearmodels'.
    lags : int, optional
        Of Driscoll-Kraay; by default the whole part of the fourth root of the periods.
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
    if vcov == "driscoll_kraay":
        return _driscoll_kraay(problem, solution, sizes, small_sample, given, lags)
    groups = sizes.clusters
    if vcov == "cr3":
        jackknife = leave_one_out(problem, solution)
        matrix, rule = jackknife.covariance, "factor (G-1)/G"
        if small_sample == "none":
            matrix, rule = matrix * groups / (groups - 1), "no factor"
        sentence = (
            f"Cluster jackknife standard errors (CR3, {rule}), {groups} clusters, t({groups - 1})."
        )
        return Covariance(matrix, groups - 1, sentence, "cr3_t")
    if problem.second is not None:
        return _two_way(problem, solution, sizes, small_sample, given)
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
    factor = groups / (groups - 1) * (rows - 1) / (rows - k)
    return factor, f"factor G/(G-1) x (N-1)/(N-K) with K = {k}{sizes.absorbs}, rule '{rule}'"


def _two_way(
    problem: Problem,
    solution: Solution,
    sizes: Sizes,
    rule: SmallSample,
    given: FloatArray | None,
) -> Covariance:
    """Return the covariance of Cameron, Gelbach and Miller for two dimensions of clusters.

    The sum of the two one-way covariances less that of the intersections. 'stata' gives each of
    the three its own G/(G-1), 'fixest' gives all three that of the smaller dimension. Negative
    eigenvalues are set to zero.

    References
    ----------
    Cameron, Gelbach and Miller (2011), Journal of Business & Economic Statistics 29(2),
    doi:10.1198/jbes.2010.07136
    """
    first, second = sizes.clusters, sizes.second_clusters
    least = min(first, second)
    if problem.second is None:
        msg = "two-way clusters without a second dimension"
        raise ValueError(msg)
    values = solution.projected * (problem.weight * solution.residual)
    crossed = problem.cluster * second + problem.second
    kept = problem.weight > 0
    labels, place = np.unique(crossed[kept], return_inverse=True)
    both = np.zeros(crossed.shape, dtype=np.int64)
    both[kept] = place
    matrix = np.zeros_like(solution.bread)
    scale = (sizes.rows - 1) / (sizes.rows - sizes.parameters)
    counts = (first, second, int(labels.size))
    for codes, groups, sign in zip(
        (problem.cluster, problem.second, both), counts, (1, 1, -1), strict=True
    ):
        summed = sum_clusters(values, problem, codes, groups) @ solution.bread
        used = least if rule == "fixest" else groups
        factor = 1.0 if rule == "none" else used / (used - 1) * scale
        matrix += sign * factor * (summed.T @ summed)
    k = sizes.parameters
    words = {
        "none": "no small-sample factor",
        "stata": f"each part by its own G/(G-1) x (N-1)/(N-K) with K = {k}{sizes.absorbs}",
        "fixest": f"smaller G/(G-1) x (N-1)/(N-K) with K = {k}{sizes.absorbs}",
        "linearmodels": "the factor of linearmodels",
    }[rule]
    if rule == "linearmodels" and given is not None:
        matrix = given
    matrix, mended = _without_negative(matrix)
    mended_words = "; negative eigenvalues set to zero" if mended else ""
    sentence = (
        f"Standard errors clustered in {first} and {second} clusters (two-way CR1, {words}"
        f"{mended_words}), t({least - 1})."
    )
    return Covariance(matrix, least - 1, sentence, "cr1_two_way_t")


def _without_negative(matrix: FloatArray) -> tuple[FloatArray, bool]:
    """Return a covariance with negative eigenvalues at zero, and whether there were any."""
    size = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    values, vectors = np.linalg.eigh(matrix / np.outer(size, size))
    if values.min() >= -FLAT:
        return matrix, False
    kept = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return kept * np.outer(size, size), True


def _driscoll_kraay(
    problem: Problem,
    solution: Solution,
    sizes: Sizes,
    rule: SmallSample,
    given: FloatArray | None,
    lags: int | None,
) -> Covariance:
    """Return the covariance of Driscoll and Kraay with Bartlett weights.

    Scores are summed by period; lags are counted in observed periods. 'stata' and 'fixest'
    multiply by T/(T-1) x (N-1)/(N-K), K counting all effects.

    References
    ----------
    Driscoll and Kraay (1998), Review of Economics and Statistics 80(4), doi:10.1162/003465398557825
    """
    there = (problem.weight > 0).any(axis=0)
    values = solution.projected * (problem.weight * solution.residual)
    by_period = values.sum(axis=1)[:, there].T
    periods = by_period.shape[0]
    used = int(periods**0.25 + 1e-9) if lags is None else min(lags, periods - 1)
    meat = by_period.T @ by_period
    for lag in range(1, used + 1):
        cross = by_period[lag:].T @ by_period[:-lag]
        meat += (1 - lag / (used + 1)) * (cross + cross.T)
    matrix = solution.bread @ meat @ solution.bread
    k = sizes.all_parameters
    factor = periods / (periods - 1) * (sizes.rows - 1) / (sizes.rows - k)
    words = f"factor T/(T-1) x (N-1)/(N-K) with K = {k}, rule '{rule}'"
    if rule == "none":
        factor, words = 1.0, "no small-sample factor"
    if rule == "linearmodels" and given is not None:
        matrix, factor, words = given, 1.0, "the factor of linearmodels"
    sentence = (
        f"Driscoll-Kraay standard errors, {periods} periods, {used} lags ({words}), "
        f"t({periods - 1})."
    )
    return Covariance(matrix * factor, periods - 1, sentence, "driscoll_kraay_t")
