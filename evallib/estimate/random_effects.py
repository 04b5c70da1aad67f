"""Random effects by the variance components of Swamy and Arora, and Mundlak's device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evallib.errors import EvallibWarning
from evallib.estimate.columns import Notes
from evallib.estimate.engine import Given, run_engine
from evallib.estimate.hausman import HausmanTest, chi_squared_tail, wald
from evallib.estimate.intake import Sample
from evallib.estimate.panel_regressions import Rows, read_rows
from evallib.estimate.regression import Problem, absorbed, prepare, solve
from evallib.estimate.regression_options import RegressionOptions
from evallib.estimate.result import BoolArray, Estimate, FloatArray
from evallib.estimate.two_way import Fit, describe, finish, fit_regression, require_identified

REFERENCES = (
    "Swamy and Arora (1972), Econometrica 40(2), doi:10.2307/1909405",
    "Hausman (1978), Econometrica 46(6), doi:10.2307/1913827",
)
MUNDLAK = ("Mundlak (1978), Econometrica 46(1), doi:10.2307/1913646",)


def fit_random_effects(sample: Sample, options: RegressionOptions, notes: Notes) -> Estimate:
    """Return feasible generalised least squares with a random effect for each unit.

    Raises
    ------
    EstimationError
        For collinear terms, no exposed row or no other, too few rows for the variances, and two
        clusters or fewer.

    Warns
    -----
    EvallibWarning
        When the variance of the unit effects is estimated as zero.
    FewClustersWarning, ThinDesignWarning
    """
    rows = read_rows(sample, options, notes)
    fitted, given = _fit(rows, options, notes)
    estimand = (
        "Effect of exposure if unit effects have nothing to do with exposure and covariates: a "
        "weighted mean of the within and the between estimate."
        if sample.has_exposure
        else "Slopes of the covariates if unit effects have nothing to do with them: a weighted "
        "mean of the within and the between slopes."
    )
    estimate = _describe(rows, fitted, given, "random_effects", estimand, options, REFERENCES)
    source = RandomSource(rows, fitted)
    estimate = replace(estimate, details={**estimate.details, "hausman": source})
    return _warn(estimate, rows, fitted, notes)


def fit_mundlak(sample: Sample, options: RegressionOptions, notes: Notes) -> Estimate:
    """Return random effects with the units' means of what varies within them among the terms.

    Raises
    ------
    EstimationError
        As ``fit_random_effects``.

    Warns
    -----
    EvallibWarning, FewClustersWarning, ThinDesignWarning
    """
    rows = read_rows(sample, options, notes)
    require_identified(_raw_problem(rows), rows.regressors, rows.names)
    varying = ~_constant_within(rows)
    total = rows.weight.sum(axis=1)
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    mean = (rows.regressors[varying] * rows.weight).sum(axis=2) * scale
    grid = np.broadcast_to(mean[:, :, None], (len(mean), *rows.weight.shape))
    named = [f"{name}_mean" for name, is_one in zip(rows.names, varying, strict=True) if is_one]
    k = len(rows.names) - 1
    wide = replace(
        rows,
        regressors=np.concatenate([rows.regressors[:k], grid, rows.regressors[k:]]),
        names=(*rows.names[:k], *named, rows.names[k]),
    )
    fitted, given = _fit(wide, options, notes)
    estimand = (
        "Effect of exposure within units, with the units' means held fixed."
        if sample.has_exposure
        else "Slopes of the covariates within units, with the units' means held fixed."
    )
    estimate = _describe(wide, fitted, given, "mundlak", estimand, options, (*MUNDLAK, *REFERENCES))
    places = tuple(range(k, k + len(named)))
    source = MundlakSource(estimate, places)
    estimate = replace(estimate, details={**estimate.details, "hausman": source})
    return _warn(estimate, wide, fitted, notes)


@dataclass(frozen=True, slots=True)
class RandomSource:
    """What the classical Hausman test needs: the rows and the fitted random effects."""

    rows: Rows
    fitted: Fit

    def test(self) -> HausmanTest:
        """Return Hausman's test with classical covariances of both estimates."""
        rows, fitted = self.rows, self.fitted
        varying = ~_constant_within(rows)
        within = prepare(rows.sample.outcome, rows.weight, rows.sample.cluster, effects="unit")
        found = solve(within, rows.regressors[varying])
        units = int((rows.weight > 0).any(axis=1).sum())
        count = int((rows.weight > 0).sum())
        free = count - units - int(varying.sum())
        variance = float((rows.weight * found.residual**2).sum()) / free
        random = fitted.solution
        own = float((fitted.problem.weight * random.residual**2).sum())
        own /= count - len(rows.names)
        difference = found.beta - random.beta[varying]
        covariance = found.bread * variance - (random.bread * own)[np.ix_(varying, varying)]
        statistic, df = wald(difference, covariance)
        method = (
            "Within less random effects, by the difference of their classical covariances; it "
            "assumes errors without serial correlation. The clustered form is .hausman() of "
            "'mundlak'."
        )
        if np.isnan(statistic):
            method += " The difference of the covariances is not positive: no statistic."
        names = tuple(n for n, is_one in zip(rows.names, varying, strict=True) if is_one)
        p_value = chi_squared_tail(statistic, df)
        return HausmanTest(statistic, df, None, p_value, names, difference, method)


@dataclass(frozen=True, slots=True)
class MundlakSource:
    """The estimate, and the places of the units' means among its terms."""

    estimate: Estimate
    places: tuple[int, ...]

    def test(self) -> HausmanTest:
        """Return the joint test that the coefficients of all means are zero."""
        estimate, here = self.estimate, list(self.places)
        difference = estimate.point[here]
        statistic, df = wald(difference, estimate.covariance[np.ix_(here, here)])
        free = float(estimate.df or np.inf)
        method = f"Joint F test that no unit mean matters. {estimate.se_method}"
        names = tuple(estimate.terms[place] for place in here)
        p_value = chi_squared_tail(statistic / df, df, free)
        return HausmanTest(statistic / df, df, free, p_value, names, difference, method)


def _raw_problem(rows: Rows) -> Problem:
    sample = rows.sample
    return prepare(sample.outcome, rows.weight, sample.cluster, effects="none")


def _constant_within(rows: Rows) -> BoolArray:
    """Return which regressors unit effects, and the regressors before them, explain."""
    sample = rows.sample
    problem = prepare(sample.outcome, rows.weight, sample.cluster, effects="unit")
    return absorbed(problem, rows.regressors)


def _fit(rows: Rows, options: RegressionOptions, notes: Notes) -> tuple[Fit, Given]:
    """Return the regression on quasi-demeaned rows and what the engine gave."""
    sample = rows.sample
    require_identified(_raw_problem(rows), rows.regressors, rows.names)
    clusters = [sample.cluster, *([] if sample.second is None else [sample.second])]
    given = run_engine("random", sample.outcome, rows.weight, rows.regressors, clusters, options)
    if given.variances[1] <= 0:
        text = (
            "The variance of the unit effects is estimated as zero: this is the pooled regression."
        )
        notes.warn(EvallibWarning, text)
    theta = np.zeros(rows.weight.shape[0])
    theta[(rows.weight > 0).any(axis=1)] = given.theta if given.theta is not None else 0.0
    total = rows.weight.sum(axis=1)
    scale = np.divide(theta, total, out=np.zeros_like(total), where=total > 0)

    def lessen(values: FloatArray) -> FloatArray:
        mean = (values * rows.weight).sum(axis=-1) * scale
        return np.where(rows.weight > 0, values - mean[..., None], 0.0)

    fitted = fit_regression(
        replace(sample, outcome=lessen(sample.outcome)),
        rows.weight,
        lessen(rows.regressors),
        rows.names,
        options,
        (0, 0),
        notes,
        np.eye(len(rows.names)),
        effects="none",
        engine=lambda problem, regressors: given,
    )
    return fitted, given


def _describe(
    rows: Rows,
    fitted: Fit,
    given: Given,
    name: str,
    estimand: str,
    options: RegressionOptions,
    references: tuple[str, ...],
) -> Estimate:
    """Return the estimate with its variance components."""
    k = len(rows.names)
    exposed = (rows.sample.treatment > 0) & (rows.weight > 0)
    count = int(exposed.any(axis=1).sum())
    estimate = describe(
        fitted,
        name,
        estimand,
        rows.names,
        np.full(k, np.nan),
        np.full(k, count),
        count,
        options,
        references,
    )
    components = {
        "variance_idiosyncratic": given.variances[0],
        "variance_units": given.variances[1],
        "theta": given.theta,
    }
    return replace(estimate, details={**estimate.details, **components})


def _warn(estimate: Estimate, rows: Rows, fitted: Fit, notes: Notes) -> Estimate:
    exposed = (rows.sample.treatment > 0) & (rows.weight > 0)
    return finish(estimate, fitted, rows.sample, exposed, notes)
