"""Regressions without absorbed effects: pooled, between units, and in first differences."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evallib.errors import EstimationError, EvallibWarning, Fault, SingletonWarning, first_five
from evallib.estimate.columns import Notes
from evallib.estimate.engine import Given, Model, run_engine
from evallib.estimate.intake import Sample
from evallib.estimate.regression import Problem
from evallib.estimate.regression_options import RegressionOptions
from evallib.estimate.result import Estimate, FloatArray, IntArray
from evallib.estimate.twfe import require_some
from evallib.estimate.two_way import Engine, balance, describe, finish, fit_regression

REFERENCES = (
    "Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, 2nd ed., ch. 10",
)
CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class Rows:
    """A sample's regressors with exposure first and the constant last.

    Parameters
    ----------
    sample : Sample
    weight : array, shape (N, T)
    regressors : array, shape (k, N, T)
    names : tuple of str, length k
    """

    sample: Sample
    weight: FloatArray
    regressors: FloatArray
    names: tuple[str, ...]


def fit_pooled(sample: Sample, options: RegressionOptions, notes: Notes) -> Estimate:
    """Return least squares on all rows.

    Raises
    ------
    EstimationError
        For collinear terms, no exposed row or no other, two clusters or fewer.

    Warns
    -----
    FewClustersWarning, ThinDesignWarning
    """
    rows = read_rows(sample, options, notes)
    estimand = (
        "Difference in means between rows with and without exposure, given the covariates; "
        "differences between units that were there before are part of it."
    )
    slopes = "Slopes of the covariates over all rows, between and within units."
    return _finish(rows, rows, "pooled", (estimand, slopes), "pooled", options, notes)


def fit_between(sample: Sample, options: RegressionOptions, notes: Notes) -> Estimate:
    """Return least squares on the units' means over their rows, one row a unit.

    Raises
    ------
    EstimationError
        As ``fit_pooled``; and where clusters cut through units.

    Warns
    -----
    FewClustersWarning, ThinDesignWarning
    """
    rows = read_rows(sample, options, notes)
    group = unit_codes(rows.sample, rows.weight)
    total = rows.weight.sum(axis=1)
    live = total > 0
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=live)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(((values * rows.weight).sum(axis=-1) * scale)[..., None])

    count = (rows.weight > 0).sum(axis=1)
    weight = live.astype(float) if options.weights is None else total
    means = Rows(
        replace(
            rows.sample,
            outcome=mean(sample.outcome),
            observed=live[:, None],
            treatment=mean(sample.treatment),
            weight=weight[:, None],
            cluster=group[0][:, None],
            second=None if len(group) == 1 else group[1][:, None],
            covariates=mean(sample.covariates),
            periods=sample.periods[-1:],
        ),
        weight[:, None],
        mean(rows.regressors),
        rows.names,
    )
    estimand = (
        "Difference between units per share of their rows with exposure, given the covariates; "
        "differences that were there before are part of it."
    )
    slopes = "Slopes of the covariates between units, from their means over time."
    estimate = _finish(rows, means, "between", (estimand, slopes), "between", options, notes)
    return replace(estimate, details={**estimate.details, "rows_behind_means": int(count.sum())})


def fit_first_difference(sample: Sample, options: RegressionOptions, notes: Notes) -> Estimate:
    """Return least squares on changes from one period to the next, with a constant.

    A change needs both periods; none is taken across a gap. The constant is the mean change.

    Raises
    ------
    EstimationError
        As ``fit_pooled``; and where no unit has two rows in a row.

    Warns
    -----
    SingletonWarning, FewClustersWarning, ThinDesignWarning
    """
    rows = read_rows(sample, options, notes)
    raw = rows.weight
    both = (raw[:, 1:] > 0) & (raw[:, :-1] > 0)
    if not both.any():
        what = "no unit has rows in two periods that follow each other"
        raise EstimationError([Fault("frame", what, "", "Give units observed year after year")])
    _warn_gaps(sample, raw, notes)
    inverse = np.divide(1.0, raw, out=np.zeros_like(raw), where=raw > 0)
    weight = np.where(both, 2.0 / np.where(both, inverse[:, 1:] + inverse[:, :-1], 1.0), 0.0)

    def change(values: FloatArray) -> FloatArray:
        return np.where(both, np.diff(values, axis=-1), 0.0)

    position = np.broadcast_to(np.arange(raw.shape[1], dtype=float), raw.shape)
    levels = np.concatenate([rows.regressors[:-1], position[None]])
    changes = Rows(
        replace(
            sample,
            outcome=change(sample.outcome),
            observed=both,
            treatment=np.abs(change(sample.treatment)),
            weight=weight,
            cluster=sample.cluster[:, 1:],
            second=None if sample.second is None else sample.second[:, 1:],
            covariates=change(sample.covariates),
            periods=sample.periods[1:],
        ),
        weight,
        change(levels),
        rows.names,
    )
    estimand = (
        "Change of the outcome in the period in which exposure begins (or, with the sign turned, "
        "ends), less the mean change in other periods."
    )
    slopes = "Slopes of changes of the outcome on changes of the covariates."
    return _finish(
        replace(rows, regressors=levels),
        changes,
        "first_difference",
        (estimand, slopes),
        "first_difference",
        options,
        notes,
    )


def read_rows(sample: Sample, options: RegressionOptions, notes: Notes) -> Rows:
    """Return exposure, covariates and a constant as regressors.

    Raises
    ------
    EstimationError
        Where exposure was named and no row, or every row, is exposed.
    """
    weight = balance(sample, options, notes)
    regressors = [*sample.covariates, (weight > 0).astype(float)]
    names = (*options.covariates, CONSTANT)
    if sample.has_exposure:
        require_some(sample.treatment, weight)
        regressors = [sample.treatment, *regressors]
        names = ("att", *names)
    return Rows(sample, weight, np.array(regressors), names)


def unit_codes(sample: Sample, weight: FloatArray) -> list[IntArray]:
    """Return each unit's cluster in each dimension.

    Raises
    ------
    EstimationError
        Where a unit lies in several clusters.
    """
    found = []
    there = weight > 0
    for codes in (sample.cluster, sample.second):
        if codes is None:
            continue
        top = np.where(there, codes, -1).max(axis=1)
        if ((codes != top[:, None]) & there).any():
            what = "clusters cut through units"
            why = "one row a unit can lie in one cluster only"
            raise EstimationError([Fault("cluster", what, why, "Use clusters of whole units")])
        found.append(np.asarray(top))
    return found


def _warn_gaps(sample: Sample, weight: FloatArray, notes: Notes) -> None:
    """Warn of rows without a change: single rows, gaps, unequal steps between periods."""
    there = weight > 0
    alone = there.any(axis=1) & ~(there[:, 1:] & there[:, :-1]).any(axis=1)
    if alone.any():
        shown = first_five(list(sample.units[alone]))
        text = f"{int(alone.sum())} units have no two rows that follow each other: {shown}."
        notes.warn(SingletonWarning, text)
    seen = np.maximum.accumulate(there, axis=1)
    broken = there[:, 1:] & ~there[:, :-1] & seen[:, :-1]
    if broken.any():
        text = (
            f"{int(broken.sum())} rows follow a gap in their unit and give no change: a change "
            "over several periods would be taken for one."
        )
        notes.warn(EvallibWarning, text)
    steps = np.diff(sample.periods[there.any(axis=0)])
    if np.unique(steps).size > 1:
        text = "Periods are not equally far apart; every change counts as one step."
        notes.warn(EvallibWarning, text)


def row_engine(rows: Rows, model: Model, options: RegressionOptions) -> Engine:
    """Return linearmodels' regression on the untransformed rows."""

    def engine(problem: Problem, regressors: FloatArray) -> Given:
        sample = rows.sample
        clusters = [sample.cluster, *([] if sample.second is None else [sample.second])]
        return run_engine(model, sample.outcome, rows.weight, rows.regressors, clusters, options)

    return engine


def _finish(
    raw: Rows,
    rows: Rows,
    name: str,
    estimands: tuple[str, str],
    model: Model,
    options: RegressionOptions,
    notes: Notes,
) -> Estimate:
    """Return the estimate of a regression on rows that were already transformed."""
    k = len(rows.names)
    fitted = fit_regression(
        rows.sample,
        rows.weight,
        rows.regressors,
        rows.names,
        options,
        (0, 0),
        notes,
        np.eye(k),
        effects="none",
        engine=row_engine(raw, model, options),
    )
    exposed = (rows.sample.treatment > 0) & (rows.weight > 0)
    count = int(exposed.any(axis=1).sum())
    estimate = describe(
        fitted,
        name,
        estimands[0] if rows.sample.has_exposure else estimands[1],
        rows.names,
        np.full(k, np.nan),
        np.full(k, count),
        count,
        options,
        REFERENCES,
    )
    return finish(estimate, fitted, rows.sample, exposed, notes)
