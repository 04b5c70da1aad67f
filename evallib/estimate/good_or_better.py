"""The share of good grades as a linear probability, in percentage points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evallib.errors import EstimationError, EvallibWarning, Fault
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.ordered_grades import GradedRows, Ladder
from evallib.estimate.ordered_options import GoodOptions
from evallib.estimate.ordered_terms import Terms, build_terms
from evallib.estimate.regression_options import RegressionOptions, TwfeOptions
from evallib.estimate.result import Estimate, FloatArray
from evallib.estimate.twfe import fit_twfe
from evallib.estimate.two_way import Fit, describe, finish, fit_regression

REFERENCES = (
    "Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, 2nd ed., ch. 15.2",
    "Mundlak (1978), Econometrica 46(1), doi:10.2307/1913646",
)
CONSTANT = "constant"
UNIT = "percentage points"


def fit_good_or_better(
    sample: Sample, ladder: Ladder, options: GoodOptions, notes: Notes
) -> Estimate:
    """Return the linear probability of a good grade.

    Parameters
    ----------
    sample : Sample
        With positions on the ladder as outcome.
    ladder : Ladder
    options : GoodOptions
    notes : Notes

    Raises
    ------
    EstimationError
        Where the ladder has no such grade, or every row is on one side of it; and as ``twfe``.

    Warns
    -----
    EvallibWarning
        When fitted shares lie below 0 or above 100 per cent.
    FewClustersWarning, ThinDesignWarning, SingletonWarning
    """
    share = _shares(sample, ladder, options)
    base = replace(sample, outcome=np.where(sample.observed, share, 0.0))
    words = f"share of grades {ladder.labels[ladder.good]!r} or better, in percentage points"
    if options.fixed_effects == "two_way":
        estimate = _two_way(base, options, notes)
        given = "unit and period effects"
    else:
        estimate, has_means = _by_period(base, ladder, options, notes)
        given = "period effects and the units' means" if has_means else "period effects"
    what = "Slopes of the covariates for the"
    if sample.has_exposure:
        what = "Difference between rows with and without exposure in the"
    _warn_outside(estimate.details["fit"], notes)
    return replace(
        estimate,
        estimator="good_or_better",
        estimand=f"{what} {words}, given {given}.",
        unit=UNIT,
        references=REFERENCES,
        details={**estimate.details, "grades": ladder.labels, "good": ladder.labels[ladder.good]},
    )


def _shares(sample: Sample, ladder: Ladder, options: GoodOptions) -> FloatArray:
    """Return 100 where a grade is good and 0 elsewhere, shape (N, T)."""
    if ladder.good < 0:
        what = f"no grade is named 'Good' or 3 among {', '.join(ladder.labels)}"
        remedy = "Name the lowest good grade with good="
        raise EstimationError([Fault("good_or_better, option 'good'", what, "", remedy)])
    share = 100.0 * (sample.outcome >= ladder.good)
    held = share[sample.observed]
    if np.ptp(held) == 0:
        side = "at or above" if held[0] else "below"
        what = f"every grade is {side} {ladder.labels[ladder.good]!r}"
        remedy = "Name another lowest good grade with good="
        raise EstimationError([Fault("outcome", what, "nothing is left to compare", remedy)])
    return np.asarray(share)


def _two_way(sample: Sample, options: GoodOptions, notes: Notes) -> Estimate:
    """Return the regression on unit and period effects."""
    first = sample.outcome[np.arange(len(sample.outcome)), sample.observed.argmax(axis=1)]
    if ((sample.outcome == first[:, None]) | ~sample.observed).all():
        what = "no unit changes between good and other grades"
        remedy = "Use fixed_effects='period', which compares units too"
        raise EstimationError([Fault("outcome", what, "unit effects leave nothing", remedy)])
    chosen = TwfeOptions(
        covariates=options.covariates,
        weights=options.weights,
        cluster=options.cluster,
        small_sample=options.small_sample,
        vcov=options.vcov,
        level=options.level,
    )
    return fit_twfe(sample, chosen, notes)


def _by_period(
    sample: Sample, ladder: Ladder, options: GoodOptions, notes: Notes
) -> tuple[Estimate, bool]:
    """Return the regression on period effects and the units' means, and whether it has means."""
    rows = _all_rows(sample, ladder)
    terms = build_terms(
        rows,
        options.covariates,
        has_exposure=sample.has_exposure,
        mundlak=options.mundlak,
        periods=True,
    )
    regressors = _on_grid(sample, rows, terms)
    names = (*terms.names, *(f"effect {k}" for k in range(len(regressors) - len(terms.names))))
    chosen = RegressionOptions(
        covariates=options.covariates,
        weights=options.weights,
        cluster=options.cluster,
        small_sample=options.small_sample,
        vcov=options.vcov,
        level=options.level,
    )
    shown = np.eye(len(names))[: len(terms.names)]
    fitted = fit_regression(
        sample,
        sample.weight,
        regressors,
        names,
        chosen,
        (0, 0),
        notes,
        shown,
        effects="none",
        is_checked=True,
    )
    exposed = (sample.treatment > 0) & (sample.weight > 0)
    count, k = int(exposed.any(axis=1).sum()), len(terms.names)
    estimate = describe(
        fitted,
        "good_or_better",
        "",
        terms.names,
        np.full(k, np.nan),
        np.full(k, count),
        count,
        chosen,
        REFERENCES,
    )
    return finish(estimate, fitted, sample, exposed, notes), k > terms.n_slopes


def _all_rows(sample: Sample, ladder: Ladder) -> GradedRows:
    """Return every row of the sample: a framework of one grade still tells its period effects."""
    unit, period = np.nonzero(sample.observed)
    covariates = sample.covariates[:, unit, period]
    framework = np.zeros(unit.size, dtype=np.int64)
    if ladder.frameworks:
        framework = np.unique(covariates[-1], return_inverse=True)[1]
        covariates = covariates[:-1]
    return GradedRows(
        unit=unit,
        period=period,
        cluster=sample.cluster[unit, period],
        grade=sample.outcome[unit, period].astype(np.int64),
        framework=framework,
        weight=sample.weight[unit, period],
        treatment=sample.treatment[unit, period],
        covariates=covariates,
        frameworks=ladder.frameworks,
    )


def _on_grid(sample: Sample, rows: GradedRows, terms: Terms) -> FloatArray:
    """Return terms, period effects and a constant a framework on the grid, shape (k, N, T)."""
    constants = np.arange(int(rows.framework.max()) + 1)[:, None] == rows.framework
    columns = np.concatenate([terms.values, terms.periods, constants.astype(float)])
    grid = np.zeros((len(columns), *sample.observed.shape))
    grid[:, rows.unit, rows.period] = columns
    return grid


def _warn_outside(fitted: Fit, notes: Notes) -> None:
    """Warn of fitted shares below 0 or above 100 per cent."""
    problem, solution = fitted.problem, fitted.solution
    kept = problem.weight > 0
    value = (problem.outcome - solution.residual)[kept]
    outside = int(((value < -1e-8) | (value > 100 + 1e-8)).sum())
    if outside:
        text = (
            f"{outside} of {value.size} fitted shares lie below 0 or above 100 per cent: the line "
            "is a mean over rows, not a forecast for one; ordered_logit keeps within bounds."
        )
        notes.warn(EvallibWarning, text)
