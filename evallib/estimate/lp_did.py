"""Local projections difference-in-differences of Dube, Girardi, Jorda and Taylor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.errors import (
    EmptyCellWarning,
    EstimationError,
    Fault,
    ThinDesignWarning,
    first_five,
)
from evallib.estimate.clusters import unit_clusters
from evallib.estimate.columns import Notes
from evallib.estimate.entries import find_entries
from evallib.estimate.event_study import leave_out_always_exposed
from evallib.estimate.intake import Sample
from evallib.estimate.regression import Problem, Solution, prepare, solve
from evallib.estimate.regression_options import LpDidOptions
from evallib.estimate.result import BoolArray, Estimate, FloatArray, IntArray, analytic_interval
from evallib.estimate.thinness import Thinness, measure

ROUNDING = 1e-10

REFERENCES = (
    "Dube, Girardi, Jorda and Taylor (2023), A Local Projections Approach to "
    "Difference-in-Differences, NBER Working Paper 31184, doi:10.3386/w31184",
    "Dube, Girardi, Jorda and Taylor (2025), Journal of Applied Econometrics 40(7), "
    "doi:10.1002/jae.70000",
)


@dataclass(frozen=True, slots=True)
class Projection:
    """One regression of a change of the outcome on beginning exposure, with period effects.

    Parameters
    ----------
    beta : float
    influence : array, shape (G,)
        Cluster scores times the inverse cross-product, with the root of the factor.
    rows, units, treated, clusters : int
    slope : array, shape (N, T)
        The weight of each row's change in the estimate.
    residual : array, shape (N, T)
    begins, used : boolean array, shape (N, T)
        Rows that begin exposure, and all rows of the regression.
    change : array, shape (N, T)
    """

    beta: float
    influence: FloatArray
    rows: int
    units: int
    treated: int
    clusters: int
    slope: FloatArray
    residual: FloatArray
    begins: BoolArray
    used: BoolArray
    change: FloatArray


def fit_lp_did(sample: Sample, options: LpDidOptions, notes: Notes) -> Estimate:
    """Return one regression a horizon, and ``att`` from the mean outcome over all later ones.

    Raises
    ------
    EstimationError
        When no horizon from exposure on has exposed and comparison rows, and for two clusters or
        fewer.

    Warns
    -----
    AlreadyTreatedWarning, EmptyCellWarning, FewClustersWarning, ThinDesignWarning
    """
    if options.stabilise is None:
        sample = leave_out_always_exposed(sample, notes)
    if not np.isfinite(sample.cohort).any():
        raise EstimationError([Fault("exposure", "no unit is exposed", "", "Check cohorts")])
    groups = unit_clusters(sample, notes)
    first, last = options.window
    base = -1 - options.anticipation
    horizons = [h for h in range(first, last + 1) if h < base or h >= 0]
    found = {h: _project(sample, groups, [h], options) for h in horizons}
    gone = [h for h in horizons if found[h] is None]
    pooled = _project(sample, groups, list(range(last + 1)), options)
    if pooled is None:
        what = f"no unit is observed at event time {base} and from exposure to {last} after it"
        why = "or no clean comparison unit is"
        raise EstimationError([Fault("option 'window'", what, why, "End the window earlier")])
    if gone:
        text = (
            f"{len(gone)} event times have no exposed or no clean comparison rows: "
            f"{first_five(gone)}."
        )
        notes.warn(EmptyCellWarning, text)
    fits = [pooled, *(item for item in found.values() if item is not None)]
    shown = sorted([*(h for h, item in found.items() if item is not None), base])
    return _describe(sample, groups, options, notes, pooled, shown, found, fits)


def _project(
    sample: Sample, groups: IntArray, horizons: list[int], options: LpDidOptions
) -> Projection | None:
    """Return the regression of the mean outcome over some horizons, or None without contrast."""
    change, there = _changes(sample, horizons, options.anticipation)
    begins, clean = _begins_and_clean(sample, horizons, options)
    used = there & (begins | clean)
    contrast = (used & begins).any(axis=0) & (used & clean).any(axis=0)
    if not contrast.any():
        return None
    # Periods stand where units stand elsewhere, so that their effects are the ones absorbed.
    weight = used.astype(float).T
    code = np.broadcast_to(groups[:, None], used.shape).T
    problem = prepare(change.T, weight, code, effects="unit")
    solution = solve(problem, begins.T.astype(float)[None])
    rows, clusters = int(used.sum()), problem.n_clusters
    parameters = 1 + int(used.any(axis=0).sum())
    if clusters < 2 or rows <= parameters:
        return None
    factor = 1.0
    if options.small_sample != "none":
        factor = clusters / (clusters - 1) * (rows - 1) / (rows - parameters)
    slope = (solution.projected[0] * weight).T * solution.bread[0, 0]
    score = (slope * solution.residual.T).sum(axis=1)
    influence = np.bincount(groups, score, minlength=int(groups.max()) + 1)
    return Projection(
        beta=float(solution.beta[0]),
        influence=influence * factor**0.5,
        rows=rows,
        units=int(used.any(axis=1).sum()),
        treated=int((used & begins).any(axis=1).sum()),
        clusters=clusters,
        slope=slope,
        residual=solution.residual.T,
        begins=begins,
        used=used,
        change=change,
    )


def _begins_and_clean(
    sample: Sample, horizons: list[int], options: LpDidOptions
) -> tuple[BoolArray, BoolArray]:
    """Return the rows (N, T) that begin exposure and those of clean comparison units."""
    period, cohort = sample.periods[None, :], sample.cohort[:, None]
    begins = cohort == period
    if options.stabilise is not None:
        state = sample.state if sample.state is not None else (cohort <= period).astype(float)
        return find_entries(state, sample.periods, horizons, options.stabilise)
    if options.comparison == "never_treated":
        return begins, np.broadcast_to(np.isinf(cohort), begins.shape)
    return begins, cohort > period + max(0, *horizons) + options.anticipation


def _changes(
    sample: Sample, horizons: list[int], anticipation: int
) -> tuple[FloatArray, BoolArray]:
    """Return the mean outcome over horizons less that of the base, and where it is known.

    Both arrays have shape (N, T); horizons count in the units of the periods.
    """
    place = {int(period): k for k, period in enumerate(sample.periods)}
    change = np.zeros(sample.outcome.shape)
    there = np.zeros(sample.outcome.shape, dtype=bool)
    for k, period in enumerate(sample.periods):
        wanted = [int(period) - 1 - anticipation, *(int(period) + h for h in horizons)]
        if any(item not in place for item in wanted):
            continue
        base, *later = (place[item] for item in wanted)
        known = sample.observed[:, [base, *later]].all(axis=1)
        mean = sample.outcome[:, later].mean(axis=1)
        change[:, k] = np.where(known, mean - sample.outcome[:, base], 0.0)
        there[:, k] = known
    return change, there


def _describe(
    sample: Sample,
    groups: IntArray,
    options: LpDidOptions,
    notes: Notes,
    pooled: Projection,
    shown: list[int],
    found: dict[int, Projection | None],
    fits: list[Projection],
) -> Estimate:
    """Return the estimate: covariance across horizons from the cluster scores of each."""
    columns = [pooled, *(found.get(h) for h in shown)]
    blank = np.zeros(int(groups.max()) + 1)
    scores = np.column_stack([blank if item is None else item.influence for item in columns])
    point = np.array([0.0 if item is None else item.beta for item in columns])
    covariance = scores.T @ scores
    fixed = np.array([item is None for item in columns])
    std_error = np.where(fixed, np.nan, np.sqrt(np.diag(covariance)))
    reach = [0.0 if item is None else float((item.slope**2).sum()) ** 0.5 for item in columns]
    spread = np.ptp(sample.outcome[sample.observed])
    std_error[std_error <= ROUNDING * spread * np.array(reach)] = np.nan
    clusters = min(item.clusters for item in fits)
    low, high, p_value = analytic_interval(point, std_error, options.level, clusters - 1)

    def count(name: str) -> IntArray:
        return np.array([getattr(item or pooled, name) for item in columns], dtype=np.int64)

    rule = (
        "no small-sample factor"
        if options.small_sample == "none"
        else ("factor G/(G-1) x (N-1)/(N-K) of each regression, K its periods and 1")
    )
    thinness = _thinness(sample, groups, pooled)
    if thinness.is_thin:
        notes.warn(ThinDesignWarning, thinness.sentence)
    percent = f"{100 * options.level:g}%"
    return Estimate(
        estimator="lp_did",
        estimand="Effect on the mean outcome over the window's periods from exposure on"
        + (", of exposure that lasts to its end" if options.stabilise is not None else "")
        + ", cohorts weighted by the variance of exposure in their period.",
        terms=("att", *(f"event_time={h}" for h in shown)),
        point=point,
        covariance=covariance,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        df=clusters - 1,
        level=options.level,
        se_method=f"Standard errors clustered in at least {clusters} clusters (CR1, {rule}).",
        interval_method=f"{percent} intervals and p-values from t({clusters - 1}), of the "
        "regression with the fewest clusters.",
        inference="cr1_t",
        n_obs=pooled.rows,
        n_units=int(sample.observed.any(axis=1).sum()),
        n_treated_units=pooled.treated,
        n_clusters=int(np.unique(groups).size),
        term_obs=count("rows"),
        term_units=count("units"),
        term_treated_units=count("treated"),
        event_time=np.array([np.nan, *map(float, shown)]),
        comparison=options.comparison if options.stabilise is None else "unchanged",
        scores=scores,
        references=REFERENCES,
        details={
            "window": options.window,
            "reference": -1 - options.anticipation,
            "anticipation": options.anticipation,
            "stabilise": options.stabilise,
            "thinness": thinness,
            "fits": (groups, tuple(columns)),
        },
    )


def term_fits(estimate: Estimate) -> list[tuple[Problem, Solution] | None]:
    """Return the regression of each term of an estimate, None where it is fixed at zero.

    Period effects stand among the regressors, after the beginning of exposure, so that clusters of
    units can be left out or multiplied.

    Parameters
    ----------
    estimate : Estimate
        Of ``fit_lp_did``.
    """
    groups, columns = estimate.details["fits"]
    found: list[tuple[Problem, Solution] | None] = []
    for item in columns:
        if item is None:
            found.append(None)
            continue
        code = np.broadcast_to(groups[:, None], item.used.shape)
        problem = prepare(item.change, item.used.astype(float), code, effects="none")
        places = np.flatnonzero(item.used.any(axis=0))
        dummies = np.zeros((places.size, *item.used.shape))
        dummies[np.arange(places.size), :, places] = 1.0
        found.append((problem, solve(problem, np.concatenate([item.begins[None], dummies]))))
    return found


def _thinness(sample: Sample, groups: IntArray, pooled: Projection) -> Thinness:
    """Return how thin the pooled regression's design is."""
    begins, used = pooled.begins, pooled.slope != 0
    return measure(
        weight=np.where(begins, pooled.slope, 0.0),
        is_control=used & ~begins,
        cohort=sample.cohort,
        periods=sample.periods,
        cluster=groups,
        contribution=(pooled.slope * pooled.residual).sum(axis=1),
    )
