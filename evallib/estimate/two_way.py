"""Regressions of a sample: coefficients by an engine, covariance by a stated rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evallib.errors import (
    EstimationError,
    Fault,
    SingletonWarning,
    ThinDesignWarning,
    UnbalancedPanelWarning,
    first_five,
)
from evallib.estimate.clusters import require_clusters
from evallib.estimate.columns import Notes
from evallib.estimate.covariance import Covariance, Sizes, estimate_covariance
from evallib.estimate.engine import Given, Model, run_engine
from evallib.estimate.intake import Sample
from evallib.estimate.regression import (
    Effects,
    Problem,
    Solution,
    absorbed,
    drop_singletons,
    prepare,
    solve,
)
from evallib.estimate.regression_options import RegressionOptions
from evallib.estimate.result import (
    BoolArray,
    Estimate,
    FloatArray,
    IntArray,
    analytic_interval,
)
from evallib.estimate.thinness import Thinness, measure

VANISHED = 1e-7

Engine = Callable[[Problem, FloatArray], Given]


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted regression, kept for inference.

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
    sample: Sample, options: RegressionOptions, notes: Notes, *, periods: bool = True
) -> tuple[Sample, FloatArray, tuple[int, int]]:
    """Return the sample and its weights without singletons, and how many rows and units went.

    Parameters
    ----------
    periods : bool
        Whether periods with one row go too, as they do under period effects.
    """
    weight = balance(sample, options, notes)
    kept, rows, units = drop_singletons(weight, periods=periods)
    if rows:
        alone = (weight > 0).any(axis=1) & ~(kept > 0).any(axis=1)
        shown = first_five(list(sample.units[alone]))
        text = f"{units} units with a single row are left out ({rows} rows): {shown}."
        notes.warn(SingletonWarning, text)
    if not (kept > 0).any():
        what = "no unit has two rows"
        raise EstimationError([Fault("frame", what, "", "Give units observed in several periods")])
    return sample, kept, (rows, units)


def balance(sample: Sample, options: RegressionOptions, notes: Notes) -> FloatArray:
    """Return the weights, of 0 for units that miss a period where these are to be left out."""
    if options.allow_unbalanced:
        return sample.weight
    full: BoolArray = np.asarray(sample.observed.all(axis=1))
    gone = int((~full).sum())
    if gone:
        text = f"{gone} units that miss a period are left out (allow_unbalanced=False)."
        notes.warn(UnbalancedPanelWarning, text)
    if not full.any():
        what = "every unit misses a period"
        raise EstimationError([Fault("frame", what, "", "Use allow_unbalanced=True")])
    return np.asarray(sample.weight * full[:, None])


def fit_regression(
    sample: Sample,
    weight: FloatArray,
    regressors: FloatArray,
    names: tuple[str, ...],
    options: RegressionOptions,
    dropped: tuple[int, int],
    notes: Notes,
    rows: FloatArray,
    *,
    effects: Effects = "two_way",
    trends: bool = False,
    engine: Engine | None = None,
    is_checked: bool = False,
) -> Fit:
    """Fit a regression and return coefficients with scores and covariance.

    Parameters
    ----------
    sample : Sample
    weight : array, shape (N, T)
    regressors : array, shape (k, N, T)
    names : tuple of str, length k
    rows : array, shape (K, k)
        The terms of the estimate as combinations of the coefficients.
    effects : 'two_way', 'unit' or 'none'
        What is absorbed; without effects the constant is among the regressors.
    trends : bool
        Whether unit trends are absorbed too.
    engine : callable, optional
        Gives the coefficients; by default our own least squares.
    is_checked : bool
        Whether the regressors are known to be identified.

    Raises
    ------
    EstimationError
        For absorbed regressors and for two clusters or fewer.
    """
    problem = prepare(
        sample.outcome, weight, sample.cluster, second=sample.second, effects=effects, trends=trends
    )
    sizes = _sizes(sample, problem, len(regressors), dropped, effects, trends)
    _require_clusters(sizes, options, notes)
    if not is_checked:
        require_identified(problem, regressors, names)
    if options.vcov == "cr3" and effects != "none" and not sizes.units_nested:
        what = "clusters cut through units"
        remedy = "Use clusters that hold whole units, or vcov='cluster'"
        raise EstimationError([Fault("vcov='cr3'", what, "", remedy)])
    if sizes.rows <= sizes.all_parameters:
        what = f"{sizes.rows} rows cannot carry {sizes.all_parameters} parameters"
        raise EstimationError([Fault("frame", what, "", "Give more rows or fewer terms")])
    given = None if engine is None else engine(problem, regressors)
    solution = solve(problem, regressors, None if given is None else given.beta)
    if not (np.abs(solution.residual) > 1e-12 * max(np.abs(problem.outcome).max(), 1e-300)).any():
        what = "units, periods and exposure explain the outcome without remainder"
        why = "no standard error can be computed"
        raise EstimationError([Fault("outcome", what, why, "Check the outcome for constants")])
    covariance = estimate_covariance(
        problem,
        solution,
        sizes,
        options.vcov,
        options.small_sample,
        None if given is None else given.covariance,
        options.lags,
    )
    return Fit(problem, solution, sizes, covariance, rows)


def two_way_engine(sample: Sample, options: RegressionOptions, effects: Effects) -> Engine:
    """Return linearmodels' regression on unit effects, or on unit and period effects."""

    def engine(problem: Problem, regressors: FloatArray) -> Given:
        clusters = [problem.cluster, *([] if problem.second is None else [problem.second])]
        model: Model = "unit" if effects == "unit" else "two_way"
        return run_engine(model, problem.outcome, problem.weight, regressors, clusters, options)

    return engine


def require_identified(problem: Problem, regressors: FloatArray, names: tuple[str, ...]) -> None:
    """Refuse regressors that the effects and the regressors before them explain."""
    gone = absorbed(problem, regressors)
    if not gone.any():
        return
    lost = [name for name, is_gone in zip(names, gone, strict=True) if is_gone]
    has_effects = problem.projection.has_units
    who = "the fixed effects absorb" if has_effects else "the other terms determine"
    why = "they do not vary once the other terms are given"
    if has_effects:
        why = "they do not vary once units, periods and the other terms are given"
    if lost == ["att"] and has_effects:
        why = "exposure begins for all units in the same period, or never changes within a unit"
    remedy = "Add units that are exposed later or never, or leave these terms out"
    if "att" not in lost:
        remedy = "Leave these terms out"
    raise EstimationError([Fault("regressors", f"{who} {first_five(lost)}", why, remedy)])


def _sizes(
    sample: Sample,
    problem: Problem,
    regressors: int,
    dropped: tuple[int, int],
    effects: Effects,
    trends: bool,
) -> Sizes:
    """Return the counts that small-sample factors are made of."""
    there = problem.weight > 0
    all_codes = [problem.cluster, *([] if problem.second is None else [problem.second])]
    return Sizes(
        rows=int(there.sum()),
        units=int(there.any(axis=1).sum()),
        periods=int(there.any(axis=0).sum()),
        regressors=regressors,
        clusters=problem.n_clusters,
        units_nested=any(_nested(there, codes, 1) for codes in all_codes),
        periods_nested=any(_nested(there, codes, 0) for codes in all_codes),
        dropped_rows=dropped[0],
        dropped_clusters=int(np.unique(sample.cluster[sample.observed]).size) - problem.n_clusters,
        second_clusters=0 if problem.second is None else int(problem.second.max()) + 1,
        effects=effects,
        trends=trends,
    )


def _nested(there: BoolArray, codes: IntArray, axis: int) -> bool:
    """Return whether every unit (axis 1), or every period (axis 0), lies within one cluster."""
    low = np.where(there, codes, codes.max() + 1).min(axis=axis)
    high = np.where(there, codes, -1).max(axis=axis)
    return bool((low >= high)[there.any(axis=axis)].all())


def _require_clusters(sizes: Sizes, options: RegressionOptions, notes: Notes) -> None:
    """Refuse two clusters or fewer; warn of fewer than ten. Periods count for Driscoll-Kraay."""
    if options.vcov in {"iid", "hc1"}:
        return
    if options.vcov == "driscoll_kraay":
        count, word, remedy = sizes.periods, "periods", "Use vcov='cluster'"
    else:
        second = sizes.second_clusters or sizes.clusters
        count, word, remedy = min(sizes.clusters, second), "clusters", "Use smaller clusters"
    require_clusters(count, notes, word=word, remedy=remedy)


def describe(
    fitted: Fit,
    estimator: str,
    estimand: str,
    terms: tuple[str, ...],
    event_time: FloatArray,
    treated_by_term: FloatArray,
    n_treated: int,
    options: RegressionOptions,
    references: tuple[str, ...],
) -> Estimate:
    """Return the estimate of a fitted regression; rows of zeros are fixed at zero.

    A standard error of nothing but rounding (scores that cancel within every cluster) is none.
    """
    rows, covariance, sizes = fitted.rows, fitted.covariance, fitted.sizes
    point = rows @ fitted.solution.beta
    matrix = rows @ covariance.matrix @ rows.T
    fixed = ~rows.any(axis=1)
    std_error = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    std_error = np.where(fixed | (std_error <= VANISHED * _classical(fitted)), np.nan, std_error)
    low, high, p_value = analytic_interval(point, std_error, options.level, covariance.df)
    count, percent = len(terms), f"{100 * options.level:g}%"
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
        interval_method=f"{percent} intervals and p-values from t({covariance.df:.0f}).",
        inference=covariance.slug,
        n_obs=sizes.rows,
        n_units=sizes.units,
        n_treated_units=n_treated,
        n_clusters=min(sizes.clusters, sizes.second_clusters or sizes.clusters),
        term_obs=np.full(count, sizes.rows),
        term_units=np.full(count, sizes.units),
        term_treated_units=np.asarray(treated_by_term, dtype=np.int64),
        event_time=event_time,
        scores=fitted.solution.scores @ fitted.solution.bread @ rows.T,
        references=references,
        details={"small_sample": options.small_sample, "vcov": options.vcov, "fit": fitted},
    )


def _classical(fitted: Fit) -> FloatArray:
    """Return what the terms' standard errors would be if rows were independent, shape (K,)."""
    weight, solution = fitted.problem.weight, fitted.solution
    variance = float((weight * solution.residual**2).sum()) / fitted.sizes.rows
    size = np.einsum("ka,ab,kb->k", fitted.rows, solution.bread, fitted.rows, optimize=True)
    return np.asarray(np.sqrt(np.maximum(size * variance, 0.0)))


def finish(
    estimate: Estimate, fitted: Fit, sample: Sample, effect_rows: BoolArray, notes: Notes
) -> Estimate:
    """Return the estimate with its thinness, and warn where the design is thin."""
    if not sample.has_exposure:
        return estimate
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
    flat = solution.projected.reshape(len(solution.beta), -1)
    slope = (fitted.rows[0] @ solution.bread @ flat).reshape(problem.weight.shape)
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
