"""Placebo paths solved by the plan's own estimator, with and without an injected growing effect.

All estimators here are linear in the outcome given the paths, and meet a constant effect with
exposure alone: it moves the estimate by itself and leaves the standard error as it is. Only the
growing effect is solved for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evallib.design import Design
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate.aggregate import averages, pick, weigh
from evallib.estimate.batch import cell_moments, solve_batch
from evallib.estimate.batch_conditional import conditional_cells
from evallib.estimate.group_time import Problem, prepare
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.inference.audit_panel import PlaceboPanel
from evallib.inference.fitting import usable_covariates
from evallib.inference.permuted_imputation import PathImputation, path_terms, solve_imputations
from evallib.inference.permuted_regression import (
    PathRegression,
    path_after,
    path_events,
    path_rows,
    solve_paths,
)
from evallib.inference.refits import refitter

GROWN = 200


@dataclass(frozen=True, slots=True)
class Draws:
    """Estimates of R placebo assignments.

    Parameters
    ----------
    estimate, std_error : array, shape (R,)
        NaN where a draw has no answer.
    grown_gap, grown_std_error : array, shape (R,)
        Under an effect of the slope in a council's first exposed year that grows by the slope in
        every further year: the estimate less the effect that it is after, and the standard error.
        For two-way effects that is the mean over the exposed years, elsewhere the estimator's own
        average. NaN where a draw was not solved again.
    df : array, shape (R,)
        Degrees of freedom of the analytic test; infinite for the normal.
    """

    estimate: FloatArray
    std_error: FloatArray
    grown_gap: FloatArray
    grown_std_error: FloatArray
    df: FloatArray


Solver = Callable[[IntArray], Draws]


def find_solver(design: Design, placebo: PlaceboPanel, slope: float) -> tuple[Solver, bool]:
    """Return what solves placebo paths (R, N), and whether every draw is a fit of its own.

    Parameters
    ----------
    design : Design
    placebo : PlaceboPanel
    slope : float
        Of the growing effect, in the outcome's unit a year.
    """
    name = design.headline[0]
    if name == "group_time":
        return lambda codes: _solve_cells(design, placebo, codes, slope), False
    if name in ("imputation", "two_stage"):
        return lambda codes: _solve_imputed(design, placebo, codes, slope), False
    if name in ("twfe", "event_study") and not usable_covariates(design, name):
        return lambda codes: _solve_regression(design, placebo, codes, slope), False
    return lambda codes: _refit(design, placebo, codes, slope), True


def _solve_cells(design: Design, placebo: PlaceboPanel, codes: IntArray, slope: float) -> Draws:
    panel = placebo.panel
    problem = prepare(
        panel.outcome,
        panel.observed,
        panel.periods,
        panel.paths,
        comparison="never_treated" if design.comparison == "never_treated" else "not_yet_treated",
        base="universal",
        anticipation=design.anticipation,
        weight=panel.weight.max(axis=1),
        cluster=panel.cluster,
        covariates=panel.covariates,
    )
    cells = problem.cells
    last = np.inf if placebo.horizon is None else placebo.horizon - 1
    every = averages(design.headline[1], cells.group, cells.period, cells.path, max_e=last)
    wanted = pick(every, np.array([0]))
    growth = slope * (cells.period - cells.group + 1) * cells.is_post
    order = np.argsort(problem.cluster, kind="stable")
    first = np.flatnonzero(np.diff(problem.cluster[order], prepend=-1))
    n = codes.shape[1]
    estimate, std_error, grown = np.empty((3, codes.shape[0]))
    for part, (point,), (sums,) in solve_batch(problem, codes, wanted):
        valid, share = _valid(problem, codes[part])
        # The estimated shares of cohorts weigh cells that now differ: their term, by path.
        _, by_path = weigh(
            wanted,
            np.where(valid, growth, 0.0),
            valid,
            share,
            cells.path,
            problem.paths.cohort.size,
        )
        more = np.take_along_axis(by_path[:, 0], codes[part], axis=1) * problem.weight
        more = np.add.reduceat(more[:, order], first, axis=1)
        alone = sums[:, 0]
        estimate[part] = point[:, 0]
        std_error[part] = np.sqrt((alone**2).sum(axis=1)) / n
        grown[part] = np.sqrt(((alone + more) ** 2).sum(axis=1)) / n
    known = std_error > 1e-12 * max(float(np.abs(problem.outcome).max()), 1e-300)
    for values in (estimate, std_error, grown):
        values[~known] = np.nan
    return Draws(estimate, std_error, estimate, grown, np.full(codes.shape[0], np.inf))


def _valid(problem: Problem, codes: IntArray) -> tuple[BoolArray, FloatArray]:
    """Return which cells of a few draws have an estimate (r, C), and the paths' shares (r, P)."""
    moments = cell_moments(problem, problem.difference, codes)
    if not problem.comparisons.has_covariates:
        return moments.valid, moments.share
    (cells,) = conditional_cells(problem, [problem.difference], codes)
    return cells.valid, moments.share


def _beyond(placebo: PlaceboPanel) -> BoolArray:
    """Return the rows of each path that lie after the exposed periods in use (P, T)."""
    cohort = placebo.panel.paths.cohort[:, None]
    if placebo.horizon is None:
        return np.zeros((cohort.size, placebo.panel.periods.size), dtype=bool)
    is_treated = placebo.panel.paths.is_treated[:, None]
    return np.asarray(is_treated & (placebo.panel.periods >= cohort + placebo.horizon))


def _grow(placebo: PlaceboPanel, codes: IntArray, slope: float) -> FloatArray:
    """Return the growing effect on the councils of one draw, shape (N, T)."""
    panel = placebo.panel
    start = np.where(panel.paths.is_treated, panel.paths.cohort, np.inf)[codes]
    since = panel.periods[None, :] - start[:, None]
    return np.where(since >= 0, slope * (since + 1), 0.0) * panel.observed


def _solve_regression(
    design: Design, placebo: PlaceboPanel, codes: IntArray, slope: float
) -> Draws:
    panel, paths = placebo.panel, placebo.panel.paths
    kept = path_rows(paths, panel.periods, design.anticipation) & ~_beyond(placebo)
    is_events = design.headline[0] == "event_study"
    shown, window, rows = None, None, np.eye(1)
    if is_events:
        window = design.window
        event = (panel.periods[None, :] - paths.cohort[:, None])[kept & paths.is_treated[:, None]]
        times = np.unique(np.clip(event, *window))
        shown = times[times != design.reference]
        after = (shown >= 0).astype(float)
        rows = (after / after.sum())[None]
    problem = PathRegression(
        outcome=panel.outcome,
        weight=panel.weight,
        cluster=panel.cluster,
        regressors=path_events(paths, panel.periods, shown, window),
        kept=kept,
        exposed=np.zeros_like(panel.outcome),
        rows=rows,
        after=path_after(paths, panel.periods) if is_events else None,
    )
    parts = solve_paths(problem, codes)[:, :, 0]
    factor, df = _small_sample(problem, codes)

    def again(k: int, growth: FloatArray) -> tuple[FloatArray, float]:
        own = solve_paths(replace(problem, exposed=growth), codes[[k]])[:, 0, 0]
        if is_events:
            return own, float(own[1])
        weight = problem.weight * kept[codes[k]] * (growth > 0)
        return own, float((growth * weight).sum() / weight.sum())

    return _with_growth(placebo, codes, slope, parts, factor, df, again)


def _small_sample(problem: PathRegression, codes: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return CR1's factor G/(G-1) (N-1)/(N-K) of each draw, and G - 1."""
    n, k = problem.outcome.shape[0], problem.regressors.shape[1]
    there = (problem.weight[:, None] > 0) & problem.kept  # (N, P, T)
    if problem.after is not None:
        there = there & (there & ~problem.after).any(axis=-1, keepdims=True)
    count = there.sum(axis=-1)[np.arange(n), codes]  # (R, N)
    count = np.where(count > 1, count, 0)  # a council of one row says nothing
    rows = count.sum(axis=1)
    member = problem.cluster[:, None] == np.arange(int(problem.cluster.max()) + 1)
    groups = ((count > 0).astype(float) @ member > 0).sum(axis=1)
    used = k + (problem.weight > 0).any(axis=0).sum()
    factor = groups / (groups - 1) * (rows - 1) / (rows - used)
    return np.asarray(factor), np.asarray(groups - 1.0)


def _solve_imputed(design: Design, placebo: PlaceboPanel, codes: IntArray, slope: float) -> Draws:
    panel, paths, name = placebo.panel, placebo.panel.paths, design.headline[0]
    used = [design.covariates.index(column) for column in usable_covariates(design, name)]
    kept = path_rows(paths, panel.periods, design.anticipation) & ~_beyond(placebo)
    problem = PathImputation(
        outcome=panel.outcome,
        observed=panel.observed,
        covariates=panel.covariates[used],
        cluster=panel.cluster,
        exposed=np.zeros_like(panel.outcome),
        kept=kept,
        after=path_after(paths, panel.periods),
        terms=path_terms(paths, panel.periods, ("att",)),
        around_mean=name == "two_stage",
    )
    parts = solve_imputations(problem, codes)[:, :, 0]
    plain = np.ones(codes.shape[0])

    def again(k: int, growth: FloatArray) -> tuple[FloatArray, float]:
        own = solve_imputations(replace(problem, exposed=growth), codes[[k]])[:, 0, 0]
        return own, float(own[1])

    return _with_growth(placebo, codes, slope, parts, plain, plain * np.inf, again)


def _with_growth(
    placebo: PlaceboPanel,
    codes: IntArray,
    slope: float,
    parts: FloatArray,
    factor: FloatArray,
    df: FloatArray,
    again: Callable[[int, FloatArray], tuple[FloatArray, float]],
) -> Draws:
    """Return draws from estimates and variances, the first of them solved again with growth."""
    square = np.where(parts[2] > 0, parts[2] * factor, np.nan)
    gap, std_error = np.full((2, codes.shape[0]), np.nan)
    for k in range(min(GROWN, codes.shape[0])):
        own, truth = again(k, _grow(placebo, codes[k], slope))
        gap[k] = own[0] + own[1] - truth
        std_error[k] = np.sqrt(max(own[2] + 2 * own[3] + own[4], 0.0) * factor[k])
    return Draws(parts[0], np.sqrt(square), gap, std_error, df)


def _refit(design: Design, placebo: PlaceboPanel, codes: IntArray, slope: float) -> Draws:
    panel, name, beyond = placebo.panel, design.headline[0], _beyond(placebo)
    found, df = np.full((3, codes.shape[0]), np.nan), np.full(codes.shape[0], np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        for k, one in enumerate(codes):
            there = panel.observed & ~beyond[one]
            own = replace(panel, observed=there, weight=np.where(there, panel.weight, 0.0))
            grown = replace(own, outcome=panel.outcome + _grow(placebo, one, slope))
            try:
                _, point, std_error = refitter(design, name, own)(one)
                found[:2, k] = point[0], std_error[0]
                found[2, k] = refitter(design, name, grown)(one)[2][0]
            except EstimationError:
                continue
            if name != "matched_did":
                df[k] = np.unique(panel.cluster[there.any(axis=1)]).size - 1
    found[:, ~(found[1] > 0)] = np.nan
    return Draws(found[0], found[1], found[0], found[2], df)
