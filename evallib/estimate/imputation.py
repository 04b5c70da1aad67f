"""Imputation of Borusyak, Jaravel and Spiess, and the two-stage estimator of Gardner.

Both have the same estimates: an exposed row's outcome less what unit and period effects from rows
before exposure say. They differ in how far effects of exposed rows count as spread around a mean.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from evallib.errors import EmptyCellWarning, EstimationError, Fault, ThinDesignWarning
from evallib.estimate.clusters import unit_clusters
from evallib.estimate.columns import Notes
from evallib.estimate.event_study import leave_out_always_exposed
from evallib.estimate.imputed import Imputed, impute, influence_weights
from evallib.estimate.intake import Sample
from evallib.estimate.regression import prepare
from evallib.estimate.regression_options import ImputationOptions, RegressionOptions
from evallib.estimate.result import BoolArray, Estimate, FloatArray, analytic_interval
from evallib.estimate.thinness import measure
from evallib.estimate.two_way import balance, require_identified

ROUNDING = 1e-10
REFERENCES = {
    "imputation": (
        "Borusyak, Jaravel and Spiess (2024), Review of Economic Studies 91(6), "
        "doi:10.1093/restud/rdae007",
    ),
    "two_stage": ("Gardner (2022), Two-stage differences in differences, arXiv:2207.05943",),
}
SPREAD = {
    "imputation": "effects of exposed rows around the mean of their cohort and event time",
    "two_stage": "effects of exposed rows around the average itself",
}


def fit_imputation(sample: Sample, options: ImputationOptions, notes: Notes) -> Estimate:
    """Return imputed effects with the conservative variance of Borusyak, Jaravel and Spiess.

    Raises
    ------
    EstimationError
        When no exposed row can be imputed, for absorbed covariates, for two clusters or fewer.

    Warns
    -----
    AlreadyTreatedWarning, EmptyCellWarning, FewClustersWarning, ThinDesignWarning
    """
    return _fit("imputation", sample, options, notes)


def fit_two_stage(sample: Sample, options: ImputationOptions, notes: Notes) -> Estimate:
    """Return the same effects with Gardner's variance of both stages.

    Raises
    ------
    EstimationError
        As ``fit_imputation``.

    Warns
    -----
    AlreadyTreatedWarning, EmptyCellWarning, FewClustersWarning, ThinDesignWarning
    """
    return _fit("two_stage", sample, options, notes)


def _fit(
    name: Literal["imputation", "two_stage"],
    sample: Sample,
    options: ImputationOptions,
    notes: Notes,
) -> Estimate:
    sample = leave_out_always_exposed(sample, notes)
    balanced = RegressionOptions(allow_unbalanced=options.allow_unbalanced)
    weight = (balance(sample, balanced, notes) > 0).astype(float)
    exposed = sample.periods[None, :] >= sample.cohort[:, None]
    if not (exposed & (weight > 0)).any():
        raise EstimationError([Fault("exposure", "no unit is exposed", "", "Check cohorts")])
    groups = unit_clusters(sample, notes)
    if options.covariates:
        problem = prepare(sample.outcome, weight * ~exposed, sample.cluster)
        require_identified(problem, sample.covariates, options.covariates)
    found = impute(sample.outcome, weight, exposed, sample.covariates)
    _tell_lost(found, notes)
    names, wanted, event_time = _averages(sample, found)
    point = wanted.reshape(len(wanted), -1) @ found.effect.ravel()
    before = influence_weights(found, wanted)
    centre = (
        np.broadcast_to(point[:, None, None], wanted.shape)
        if name == "two_stage"
        else _cell_means(sample, found, wanted)
    )
    influence = (before * found.effect + wanted * (found.effect - centre)).sum(axis=2).T
    summed = np.zeros((int(groups.max()) + 1, point.size))
    np.add.at(summed, groups, influence)
    covariance = summed.T @ summed
    std_error = np.sqrt(np.diag(covariance))
    reach = np.sqrt((wanted**2 + before**2).sum(axis=(1, 2)))
    spread = np.ptp(sample.outcome[weight > 0])
    std_error[std_error <= ROUNDING * spread * reach] = np.nan
    low, high, p_value = analytic_interval(point, std_error, options.level, None)
    there = weight > 0
    thinness = measure(
        weight=wanted[0],
        is_control=found.is_before & (before[0] != 0),
        cohort=sample.cohort,
        periods=sample.periods,
        cluster=groups,
        contribution=influence[:, 0],
    )
    if thinness.is_thin:
        notes.warn(ThinDesignWarning, thinness.sentence)
    units = int(there.any(axis=1).sum())
    treated = (wanted > 0).any(axis=2).sum(axis=1)
    return Estimate(
        estimator=name,
        estimand="Mean effect over all exposed rows that can be imputed, each weighted equally.",
        terms=names,
        point=point,
        covariance=covariance,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        df=None,
        level=options.level,
        se_method=f"Influence values of both stages, with {SPREAD[name]}, summed within "
        f"{summed.shape[0]} clusters; no small-sample factor.",
        interval_method=f"{100 * options.level:g}% intervals and p-values from the normal.",
        inference="influence_normal",
        n_obs=int((found.is_before | found.is_after).sum()),
        n_units=units,
        n_treated_units=int(treated[0]),
        n_clusters=int(np.unique(groups[there.any(axis=1)]).size),
        term_obs=((wanted > 0) | (before != 0)).sum(axis=(1, 2)).astype(np.int64),
        term_units=np.full(len(names), units),
        term_treated_units=treated.astype(np.int64),
        event_time=event_time,
        influence=influence[there.any(axis=1)] * units,
        references=REFERENCES[name],
        details={"thinness": thinness, "rows_not_imputed": found.lost},
    )


def _tell_lost(found: Imputed, notes: Notes) -> None:
    """Refuse a sample without imputed rows; warn of exposed rows that cannot be imputed."""
    if not found.is_after.any():
        what = "no exposed row can be imputed"
        why = "a row needs its unit before exposure and, in its period, units not yet exposed"
        remedy = "Add units that are exposed later or never"
        raise EstimationError([Fault("exposure", what, why, remedy)])
    if found.lost:
        text = (
            f"{found.lost} exposed rows cannot be imputed and are left out: no unit is not yet "
            "exposed in their period, or theirs has no row before exposure."
        )
        notes.warn(EmptyCellWarning, text)


def _averages(sample: Sample, found: Imputed) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Return names, weights (K, N, T) and event times: all rows, by event time, by cohort."""
    after = found.is_after
    with np.errstate(invalid="ignore"):
        event = sample.periods[None, :] - sample.cohort[:, None]
    cohort = np.broadcast_to(sample.cohort[:, None], after.shape)
    picks: list[tuple[str, BoolArray, float]] = [("att", after, np.nan)]
    for e in np.unique(event[after]):
        picks.append((f"event_time={e:g}", after & (event == e), float(e)))
    for g in np.unique(cohort[after]):
        picks.append((f"group={g:g}", after & (cohort == g), np.nan))
    wanted = np.array([rows / rows.sum() for _, rows, _ in picks])
    return tuple(n for n, _, _ in picks), wanted, np.array([e for _, _, e in picks])


def _cell_means(sample: Sample, found: Imputed, wanted: FloatArray) -> FloatArray:
    """Return for each average the mean effect of the row's cohort and period (K, N, T).

    Weighted by squared weights, which makes the variance as small as it can be while it stays
    conservative; with one row a unit in each cell that is the plain mean.
    """
    centre = np.zeros(wanted.shape)
    for start in np.unique(sample.cohort[np.isfinite(sample.cohort)]):
        member = sample.cohort == start
        square = wanted[:, member] ** 2  # (K, n, T)
        total = square.sum(axis=1)
        top = (square * found.effect[member]).sum(axis=1)
        mean = np.divide(top, total, out=np.zeros_like(total), where=total > 0)
        centre[:, member] = mean[:, None, :]
    return centre
