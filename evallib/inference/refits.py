"""Permutation by fitting again: for estimators whose draws no small algebra can answer.

Each draw is a whole fit over arrays of the sample that the estimator would have seen, so that
there are fewer draws. Its intervals take the permutation quantile of the statistic.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evallib.design import Design
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate.columns import Notes
from evallib.estimate.door import REGRESSIONS
from evallib.estimate.matched import prepare, solve
from evallib.estimate.matched_columns import MatchColumns, no_columns, read_match_columns
from evallib.estimate.matched_options import MatchedOptions
from evallib.estimate.options import read_options
from evallib.estimate.result import BoolArray, Estimate, FloatArray, IntArray
from evallib.inference.fitting import COLUMNS, options_of, usable_covariates
from evallib.inference.paths import PathPanel, sample_on_paths
from evallib.inference.permuted_cells import PermutedTerms, order_quantile
from evallib.inference.permuted_regression import path_rows

REFITS = 499

Fitted = tuple[tuple[str, ...], FloatArray, FloatArray]
Refit = Callable[[IntArray], Fitted]


@dataclass(frozen=True, slots=True)
class QuantileTest:
    """A permutation test of one term, inverted by the quantile of its statistic.

    Parameters
    ----------
    point, std_error : float
    drawn : array, shape (R,)
        |t| of each draw; infinite where a draw has none.
    """

    point: float
    std_error: float
    drawn: FloatArray

    def p_value(self, value: float = 0.0) -> float:
        """Return (1 + draws at least as extreme) / (1 + draws) for an effect of ``value``."""
        here = abs(self.point - value) / self.std_error * (1 - 1e-10)
        return float((1 + (self.drawn >= here).sum()) / (1 + self.drawn.size))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the estimate plus and minus the permutation quantile times the standard error."""
        half = order_quantile(self.drawn, level) * self.std_error
        return self.point - half, self.point + half


def permute_refits(
    refit: Refit, fitted: Estimate, drawn: IntArray, slopes: tuple[str, ...] = ()
) -> tuple[QuantileTest, PermutedTerms]:
    """Return the permutation test of the first term, and those of all terms.

    Parameters
    ----------
    refit : callable
        From paths (N,) to terms, estimates and standard errors.
    fitted : Estimate
        Of the real assignment.
    drawn : integer array, shape (R, N)
        Permuted paths.
    slopes : tuple of str
        Terms that paths are no test of.
    """
    known = np.isfinite(fitted.std_error) & ~np.isin(fitted.terms, slopes)
    live = np.flatnonzero(known).tolist()
    names = tuple(fitted.terms[k] for k in live)
    observed = np.abs(fitted.point[live]) / fitted.std_error[live]
    statistics = np.full((drawn.shape[0], len(live)), np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        for row, codes in zip(statistics, drawn, strict=True):
            try:
                terms, point, std_error = refit(codes)
            except EstimationError:
                continue
            place = {term: k for k, term in enumerate(terms)}
            for column, term in enumerate(names):
                k = place.get(term)
                if k is not None and std_error[k] > 0:
                    row[column] = abs(point[k]) / std_error[k]
    every = PermutedTerms(names, fitted.event_time[live], observed, statistics)
    first = QuantileTest(float(fitted.point[0]), float(fitted.std_error[0]), statistics[:, 0])
    return first, every


def refitter(design: Design, name: str, panel: PathPanel) -> Refit:
    """Return a function from paths (N,) to terms, estimates and standard errors."""
    covariates = usable_covariates(design, name)
    given = options_of(design, name, covariates)
    options = read_options(name, {**given, "cluster": COLUMNS["cluster"]})
    used = [design.covariates.index(column) for column in covariates]
    if not isinstance(options, MatchedOptions):
        kept = path_rows(panel.paths, panel.periods, design.anticipation)
        return refit_regression(name, options, panel, kept, used)
    kept = control_rows(panel, design.anticipation)
    columns: MatchColumns = no_columns(*panel.outcome.shape)
    if options.match_on:
        whole = sample_on_paths(panel, panel.codes, np.ones_like(kept), [])
        columns = read_match_columns(design.full, "council_code", "period", whole, options)
    return refit_matched(options, panel, kept, columns)


def refit_regression(
    name: str, options: Any, panel: PathPanel, kept: BoolArray, used: list[int]
) -> Refit:
    """Return the refits of an estimator by its options.

    Parameters
    ----------
    name : str
    options
        Of the estimator, as read at the door.
    panel : PathPanel
    kept : boolean array, shape (P, T)
        The rows that a unit on each path keeps.
    used : list of int
        Which covariates it takes.
    """

    def refit(codes: IntArray) -> Fitted:
        sample = sample_on_paths(panel, codes, kept, used)
        found = REGRESSIONS[name](sample, options, Notes())
        return found.terms, found.point, found.std_error

    return refit


def refit_matched(
    options: MatchedOptions, panel: PathPanel, kept: BoolArray, columns: MatchColumns
) -> Refit:
    """Return the refits of matched differences; parameters as `refit_regression`."""

    def refit(codes: IntArray) -> Fitted:
        there = panel.observed & kept[codes]
        problem = prepare(
            panel.outcome,
            there,
            panel.periods,
            options,
            weight=panel.weight.max(axis=1),
            cluster=panel.cluster,
            columns=columns,
        )
        cohort = np.where(panel.paths.is_treated, panel.paths.cohort, np.inf)[codes]
        found = solve(problem, cohort)
        return found.terms.names, found.point, found.std_error

    return refit


def control_rows(panel: PathPanel, anticipation: int) -> BoolArray:
    """Return the rows that each path keeps where treated councils keep all of theirs (P, T)."""
    to_go = panel.paths.cohort[:, None] - panel.periods[None, :]
    return np.asarray((to_go > anticipation) | panel.paths.is_treated[:, None])
