"""Ordered grades by cumulative logit or probit, with the units' means among the terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from evallib.errors import ThinDesignWarning
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.ordered_effects import good_shares
from evallib.estimate.ordered_fit import SPREAD, fit_parameters, fit_spread
from evallib.estimate.ordered_grades import GradedRows, Ladder, take_rows, threshold_names
from evallib.estimate.ordered_likelihood import OrderedProblem, prepare_ordered
from evallib.estimate.ordered_options import OrderedOptions
from evallib.estimate.ordered_terms import Terms, build_terms
from evallib.estimate.result import Estimate, FloatArray, IntArray, analytic_interval
from evallib.estimate.thinness import MIN_CLUSTERS_A_YEAR, MIN_EFFECTIVE, effective_number

REFERENCES = (
    "McCullagh (1980), Journal of the Royal Statistical Society B 42(2), "
    "doi:10.1111/j.2517-6161.1980.tb01109.x",
    "Mundlak (1978), Econometrica 46(1), doi:10.2307/1913646",
)


def fit_ordered_logit(
    sample: Sample, ladder: Ladder, options: OrderedOptions, notes: Notes
) -> Estimate:
    """Return the cumulative logit or probit of grades.

    Parameters
    ----------
    sample : Sample
        With positions on the ladder as outcome.
    ladder : Ladder
    options : OrderedOptions
    notes : Notes

    Raises
    ------
    EstimationError
        For one grade only, terms that tell grades apart perfectly or that others determine, no
        exposed row or no other, two clusters or fewer, and weights that are no counts where the
        information is to be inverted.

    Warns
    -----
    FewClustersWarning, ThinDesignWarning, EvallibWarning
    """
    rows = take_rows(sample, ladder, notes)
    terms = build_terms(
        rows,
        options.covariates,
        has_exposure=sample.has_exposure,
        mundlak=options.mundlak,
        periods=options.fixed_effects == "period",
    )
    problem = prepare_ordered(rows.grade, rows.framework, rows.weight, options.distr)
    fitted = fit_parameters(rows, terms, problem, options, notes)
    spread = fit_spread(rows, fitted, options, notes)
    m, k = problem.ladder.size, len(terms.names)
    names = (*terms.names, *threshold_names(rows, ladder))
    order = np.r_[m : m + k, :m]
    if options.random_intercept:
        names, order = (*names, SPREAD), np.append(order, fitted.parameters.size - 1)
    point, covariance = fitted.parameters[order], spread.matrix[np.ix_(order, order)]
    std_error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    std_error[std_error == 0] = np.nan
    low, high, p_value = analytic_interval(point, std_error, options.level, spread.df)
    if options.random_intercept:  # zero is the end of its range
        wide = np.exp((high[-1] - point[-1]) / point[-1]) if point[-1] > 0 else np.nan
        low[-1], high[-1], p_value[-1] = point[-1] / wide, point[-1] * wide, np.nan
    exposed = np.unique(rows.unit[rows.treatment > 0]).size if sample.has_exposure else 0
    units = int(np.unique(rows.unit).size)
    details: dict[str, Any] = {
        "vcov": options.vcov,
        "loglik": fitted.loglik,
        "weight_total": float(rows.weight.sum()),
        "grades": ladder.labels,
    }
    if ladder.good > 0 and not options.random_intercept:
        details["good_or_better"] = good_shares(
            grade=ladder.labels[ladder.good],
            names=terms.names[: terms.n_slopes],
            line=_good_line(rows, problem, ladder.good),
            parameters=fitted.parameters,
            covariance=spread.matrix,
            regressors=terms.regressors,
            weight=rows.weight,
            n_thresholds=m,
            distr=options.distr,
            df=spread.df,
            level=options.level,
        )
    if sample.has_exposure:
        _warn_thin(rows, fitted.influence[:, m], notes)
    count = len(names)
    return Estimate(
        estimator="ordered_logit",
        estimand=_estimand(options, terms, has_exposure=sample.has_exposure),
        terms=names,
        point=point,
        covariance=covariance,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        df=spread.df,
        level=options.level,
        se_method=spread.sentence,
        interval_method=f"{100 * options.level:g}% intervals and p-values from {spread.interval}.",
        inference=spread.slug,
        n_obs=int(rows.grade.size),
        n_units=units,
        n_treated_units=int(exposed),
        n_clusters=len(spread.scores),
        term_obs=np.full(count, rows.grade.size),
        term_units=np.full(count, units),
        term_treated_units=np.full(count, exposed),
        event_time=np.full(count, np.nan),
        unit="log odds" if options.distr == "logit" else "standard normal units",
        scores=spread.scores[:, order],
        references=REFERENCES,
        details=details,
    )


def _estimand(options: OrderedOptions, terms: Terms, *, has_exposure: bool) -> str:
    """Return what is estimated in a sentence."""
    scale = "Log odds of a better grade"
    if options.distr == "probit":
        scale = "Shift of the latent standard normal grade"
    given = ["the covariates"] if terms.n_slopes > int(has_exposure) else []
    given += ["the units' means"] if len(terms.names) > terms.n_slopes else []
    given += ["period effects"] if len(terms.periods) else []
    given += ["random intercepts of units"] if options.random_intercept else []
    ending = f", given {' and '.join(given)}" if given else ""
    if has_exposure:
        return f"{scale}: rows with exposure less rows without{ending}."
    return f"{scale} per unit of each covariate{ending if len(given) > 1 else ''}."


def _good_line(rows: GradedRows, problem: OrderedProblem, good: int) -> IntArray:
    """Return for each row the threshold below the lowest good grade of its framework."""
    line = np.full(rows.grade.size, -1, dtype=np.int64)
    for code in range(int(rows.framework.max()) + 1):
        here = rows.framework == code
        found = np.unique(rows.grade[here])
        below = int((found < good).sum())
        if 0 < below < found.size:
            line[here] = np.flatnonzero(problem.ladder == code)[below - 1]
    return line


def _warn_thin(rows: GradedRows, influence: FloatArray, notes: Notes) -> None:
    """Warn where few clusters are exposed, or few carry the estimate."""
    is_exposed = rows.treatment > 0
    exposed = np.unique(rows.cluster[is_exposed]).size
    others = np.unique(rows.cluster[~is_exposed]).size
    effective = effective_number(influence, rows.cluster, is_exposed)
    if min(exposed, others) < MIN_CLUSTERS_A_YEAR or effective < MIN_EFFECTIVE:
        text = (
            f"{exposed} clusters with and {others} without exposure, effective number of exposed "
            f"clusters {effective:.1f}: below {MIN_CLUSTERS_A_YEAR} of either, or "
            f"{MIN_EFFECTIVE:g} effective ones, standard errors are too small."
        )
        notes.warn(ThinDesignWarning, text)
