"""Two-way regressions of a sample: coefficients by linearmodels, covariance by a stated rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from linearmodels.panel import PanelOLS

from evallib.errors import (
    EstimationError,
    Fault,
    FewClustersWarning,
    SingletonWarning,
    ThinDesignWarning,
    UnbalancedPanelWarning,
    first_five,
)
from evallib.estimate.columns import Notes
from evallib.estimate.covariance import Covariance, Sizes, estimate_covariance
from evallib.estimate.intake import Sample
from evallib.estimate.options import EventStudyOptions, TwfeOptions
from evallib.estimate.regression import (
    Problem,
    Solution,
    absorbed,
    drop_singletons,
    prepare,
    solve,
)
from evallib.estimate.result import BoolArray, Estimate, FloatArray, analytic_interval
from evallib.estimate.thinness import Thinness, measure

FEW_CLUSTERS = 10


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted two-way regression, kept for inference.

    Parameters
    ----------
    problem, solution
        The panel, and coefficients of the regressors with their scores.
    sizes : Sizes
    covariance : Covariance
    rows : array, shape (K, k)
        The terms of the estimate as combinations of the coefficients.
    """

    problem: Problem
    solution: Solution
    sizes: Sizes
    covariance: Covariance
    rows: FloatArray


def trim(
    sample: Sample, options: TwfeOptions | EventStudyOptions, notes: Notes
) -> tuple[Sample, FloatArray, tuple[int, int]]:
    """Return the sample and its weights without singletons, and how many rows and units went."""
    weight = sample.weight
    if not options.allow_unbalanced:
        full: BoolArray = np.asarray(sample.observed.all(axis=1))
        gone = int((~full).sum())
        if gone:
            text = f"{gone} units that miss a period are left out (allow_unbalanced=False)."
            notes.warn(UnbalancedPanelWarning, text)
        weight = weight * full[:, None]
    kept, rows, units = drop_singletons(weight)
    if rows:
        alone = (weight > 0).any(axis=1) & ~(kept > 0).any(axis=1)
        shown = first_five(list(sample.units[alone]))
        text = f"{units} units with a single row are left out ({rows} rows): {shown}."
        notes.warn(SingletonWarning, text)
    if not (kept > 0).any():
        what = "no unit has two rows"
        raise EstimationError([Fault("frame", what, "", "Give units observed in several periods")])
    return sample, kept, (rows, units)


def fit_regression(
    sample: Sample,
    weight: FloatArray,
    regressors: FloatArray,
    names: tuple[str, ...],
    options: TwfeOptions | EventStudyOptions,
    dropped: tuple[int, int],
    notes: Notes,
    rows: FloatArray,
) -> Fit:
    """Fit by linearmodels and return coefficients with scores and covariance.

    Raises
    ------
    EstimationError
        For absorbed regressors and for two clusters or fewer.
    """
    problem = prepare(sample.outcome, weight, sample.cluster)
    _require_clusters(problem, notes)
    gone = absorbed(problem, regressors)
    if gone.any():
        lost = [name for name, is_gone in zip(names, gone, strict=True) if is_gone]
        why = (
            "exposure begins for all units in the same period, or never changes within a unit"
            if lost == ["att"]
            else "they do not vary once units, periods and the other terms are given"
        )
        what = f"the fixed effects absorb {first_five(lost)}"
        remedy = "Add units that are exposed later or never, or leave these terms out"
        raise EstimationError([Fault("regressors", what, why, remedy)])
    nested = _nested(problem, 1)
    if options.vcov == "cr3" and not nested:
        what = "clusters cut through units"
        remedy = "Use clusters that hold whole units, or vcov='cluster'"
        raise EstimationError([Fault("vcov='cr3'", what, "", remedy)])
    beta, engine = _engine(sample, problem, regressors, options)
    solution = solve(problem, regressors, beta)
    there = weight > 0
    sizes = Sizes(
        rows=int(there.sum()),
        units=int(there.any(axis=1).sum()),
        periods=int(there.any(axis=0).sum()),
        regressors=len(regressors),
        clusters=problem.n_clusters,
        units_nested=nested,
        periods_nested=_nested(problem, 0),
        dropped_rows=dropped[0],
        dropped_clusters=int(np.unique(sample.cluster[sample.observed]).size) - problem.n_clusters,
    )
    if sizes.rows <= sizes.all_parameters:
        what = f"{sizes.rows} rows cannot carry {sizes.all_parameters} parameters"
        raise EstimationError([Fault("frame", what, "", "Give more rows or fewer terms")])
    if not (np.abs(solution.residual) > 1e-12 * max(np.abs(problem.outcome).max(), 1e-300)).any():
        what = "units, periods and exposure explain the outcome without remainder"
        why = "no standard error can be computed"
        raise EstimationError([Fault("outcome", what, why, "Check the outcome for constants")])
    covariance = estimate_covariance(
        problem, solution, sizes, options.vcov, options.small_sample, engine
    )
    return Fit(problem, solution, sizes, covariance, rows)


def _nested(problem: Problem, axis: int) -> bool:
    """Return whether every unit (axis 1), or every period (axis 0), lies within one cluster."""
    kept = problem.weight > 0
    low = np.where(kept, problem.cluster, problem.n_clusters).min(axis=axis)
    high = np.where(kept, problem.cluster, -1).max(axis=axis)
    return bool((low >= high)[kept.any(axis=axis)].all())


def _require_clusters(problem: Problem, notes: Notes) -> None:
    """Refuse two clusters or fewer; warn of fewer than ten."""
    count = problem.n_clusters
    if count <= 2:
        what = f"there are {count} clusters"
        why = "clustered standard errors are then near zero whatever the data say"
        raise EstimationError([Fault("cluster", what, why, "Use smaller clusters")])
    if count < FEW_CLUSTERS:
        text = f"{count} clusters: clustered standard errors are too small below {FEW_CLUSTERS}."
        notes.warn(FewClustersWarning, text)


def _engine(
    sample: Sample,
    problem: Problem,
    regressors: FloatArray,
    options: TwfeOptions | EventStudyOptions,
) -> tuple[FloatArray, FloatArray | None]:
    """Return linearmodels' coefficients and, where asked for, its clustered covariance."""
    unit, time = np.nonzero(problem.weight > 0)
    index = pd.MultiIndex.from_arrays([unit, sample.periods[time]], names=["unit", "time"])
    exog = pd.DataFrame(
        regressors[:, unit, time].T, index=index, columns=[f"x{k}" for k in range(len(regressors))]
    )
    outcome = pd.Series(problem.outcome[unit, time], index=index, name="y")
    weights = None
    if options.weights is not None:
        weights = pd.Series(problem.weight[unit, time], index=index, name="w")
    model = PanelOLS(
        outcome, exog, weights=weights, entity_effects=True, time_effects=True, check_rank=False
    )
    if options.small_sample != "linearmodels":
        result = model.fit(cov_type="unadjusted")
        return result.params.to_numpy(dtype=float), None
    clusters = pd.DataFrame({"g": problem.cluster[unit, time]}, index=index)
    result = model.fit(cov_type="clustered", clusters=clusters)
    return result.params.to_numpy(dtype=float), result.cov.to_numpy(dtype=float)


def describe(
    fitted: Fit,
    estimator: str,
    estimand: str,
    terms: tuple[str, ...],
    event_time: FloatArray,
    treated_by_term: FloatArray,
    n_treated: int,
    options: TwfeOptions | EventStudyOptions,
    references: tuple[str, ...],
) -> Estimate:
    """Return the estimate of a fitted regression; rows of zeros are fixed at zero."""
    rows, covariance, sizes = fitted.rows, fitted.covariance, fitted.sizes
    point = rows @ fitted.solution.beta
    matrix = rows @ covariance.matrix @ rows.T
    fixed = ~rows.any(axis=1)
    std_error = np.where(fixed, np.nan, np.sqrt(np.maximum(np.diag(matrix), 0.0)))
    low, high, p_value = analytic_interval(point, std_error, options.level, covariance.df)
    count = len(terms)
    return Estimate(
        estimator=estimator,
        estimand=estimand,
        terms=terms,
        point=point,
        covariance=matrix,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        df=covariance.df,
        level=options.level,
        se_method=covariance.sentence,
        interval_method=f"{options.level:.0%} intervals and p-values from t({covariance.df:.0f}).",
        inference=covariance.slug,
        n_obs=sizes.rows,
        n_units=sizes.units,
        n_treated_units=n_treated,
        n_clusters=sizes.clusters,
        term_obs=np.full(count, sizes.rows),
        term_units=np.full(count, sizes.units),
        term_treated_units=np.asarray(treated_by_term, dtype=np.int64),
        event_time=event_time,
        scores=fitted.solution.scores @ fitted.solution.bread @ rows.T,
        references=references,
        details={"small_sample": options.small_sample, "vcov": options.vcov, "fit": fitted},
    )


def finish(
    estimate: Estimate, fitted: Fit, sample: Sample, effect_rows: BoolArray, notes: Notes
) -> Estimate:
    """Return the estimate with its thinness, and warn where the design is thin."""
    thinness = regression_thinness(fitted, sample, effect_rows)
    if thinness is not None and thinness.is_thin:
        notes.warn(ThinDesignWarning, thinness.sentence)
    return replace(
        estimate,
        warnings=tuple(notes.texts),
        details={**estimate.details, "thinness": thinness},
    )


def regression_thinness(fitted: Fit, sample: Sample, effect_rows: BoolArray) -> Thinness | None:
    """Return how thin the first term's design is; None where clusters cut through units.

    The estimate is a weighted sum of outcomes. The weight of a year or cohort is the sum over its
    exposed rows, ``effect_rows`` (N, T); all exposed rows sum to one.
    """
    problem, solution = fitted.problem, fitted.solution
    if not fitted.sizes.units_nested:
        return None
    slope = np.einsum("a,ab,bnt->nt", fitted.rows[0], solution.bread, solution.projected)
    slope = slope * problem.weight
    kept = problem.weight > 0
    return measure(
        weight=np.where(effect_rows & kept, slope, 0.0),
        is_control=kept & (sample.treatment == 0),
        cohort=sample.cohort,
        periods=sample.periods,
        cluster=np.where(kept, problem.cluster, 0).max(axis=1),
        contribution=(slope * solution.residual).sum(axis=1),
    )
