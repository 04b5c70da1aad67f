"""Ordered grades by cumulative logit or probit, with the units' means among the terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from evallib.errors import EstimationError, Fault, ThinDesignWarning
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.ordered_effects import good_shares
from evallib.estimate.ordered_grades import GradedRows, Ladder, take_rows, threshold_names
from evallib.estimate.ordered_likelihood import OrderedProblem, prepare_ordered, solve_ordered
from evallib.estimate.ordered_options import OrderedOptions
from evallib.estimate.ordered_separation import require_finite
from evallib.estimate.ordered_terms import Terms, build_terms, cluster_codes
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
    _require_counts(rows, options)
    problem = prepare_ordered(rows.grade, rows.framework, rows.weight, options.distr)
    regressors = terms.regressors
    solution = solve_ordered(problem, regressors)
    hidden = tuple(f"period effect {place + 1}" for place in range(len(terms.periods)))
    require_finite(problem, solution, regressors, (*terms.names, *hidden))
    m, k = problem.ladder.size, len(terms.names)
    order = np.r_[m : m + k, :m]
    if options.vcov == "iid":
        summed, matrix = solution.influence, solution.bread
        groups, df = int(np.unique(rows.unit).size), None
        se_method = "Standard errors from the inverse of the observed information."
        interval, slug = "the normal distribution", "information_normal"
    else:
        codes = cluster_codes(rows, notes)
        groups = int(codes.max()) + 1
        summed = _sum_rows(solution.influence, codes, groups)
        factor = groups / (groups - 1) if options.small_sample == "stata" else 1.0
        matrix = factor * summed.T @ summed
        rule = "factor G/(G-1)" if options.small_sample == "stata" else "no factor"
        se_method = f"Standard errors clustered in {groups} clusters ({rule}), t({groups - 1})."
        df, interval, slug = float(groups - 1), f"t({groups - 1})", "cr1_t"
    parameters = np.concatenate([solution.thresholds, solution.beta])
    names = (*terms.names, *threshold_names(rows, ladder))
    point, covariance = parameters[order], matrix[np.ix_(order, order)]
    std_error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    low, high, p_value = analytic_interval(point, std_error, options.level, df)
    exposed = np.unique(rows.unit[rows.treatment > 0]).size if sample.has_exposure else 0
    units = int(np.unique(rows.unit).size)
    details: dict[str, Any] = {
        "vcov": options.vcov,
        "loglik": solution.loglik,
        "steps": solution.steps,
        "weight_total": float(rows.weight.sum()),
        "grades": ladder.labels,
    }
    if ladder.good > 0:
        details["good_or_better"] = good_shares(
            grade=ladder.labels[ladder.good],
            names=terms.names[: terms.n_slopes],
            line=_good_line(rows, problem, ladder.good),
            parameters=parameters,
            covariance=matrix,
            regressors=regressors,
            weight=rows.weight,
            n_thresholds=m,
            distr=options.distr,
            df=df,
            level=options.level,
        )
    if sample.has_exposure:
        _warn_thin(rows, solution.influence[:, m], notes)
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
        df=df,
        level=options.level,
        se_method=se_method,
        interval_method=f"{100 * options.level:g}% intervals and p-values from {interval}.",
        inference=slug,
        n_obs=int(rows.grade.size),
        n_units=units,
        n_treated_units=int(exposed),
        n_clusters=groups,
        term_obs=np.full(count, rows.grade.size),
        term_units=np.full(count, units),
        term_treated_units=np.full(count, exposed),
        event_time=np.full(count, np.nan),
        unit="log odds" if options.distr == "logit" else "standard normal units",
        scores=summed[:, order],
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
    ending = f", given {' and '.join(given)}" if given else ""
    if has_exposure:
        return f"{scale}: rows with exposure less rows without{ending}."
    return f"{scale} per unit of each covariate{ending if len(given) > 1 else ''}."


def _require_counts(rows: GradedRows, options: OrderedOptions) -> None:
    """Refuse weights that are no counts where standard errors take them for counts."""
    if options.vcov == "iid" and (rows.weight != np.round(rows.weight)).any():
        what = "they are not whole numbers"
        why = "the information takes a weight for a number of rows"
        remedy = "Give counts, or use vcov='cluster'"
        raise EstimationError([Fault(f"weights={options.weights!r}", what, why, remedy)])


def _sum_rows(values: FloatArray, codes: IntArray, groups: int) -> FloatArray:
    """Return rows (n, p) summed by cluster, shape (G, p)."""
    return np.column_stack([np.bincount(codes, line, minlength=groups) for line in values.T])


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
